/*
 * UDP: a connected, non-blocking socket with one source port for its whole life and the
 * don't-fragment bit set (RFC 7011 section 10.3.3). A refusal by the collector's host is reported
 * by the kernel on a later send; it is passed on and never ends the transport.
 *
 * The socket's error queue is switched on, for two reasons: a full queue of the device is then an
 * error of the send instead of a silent loss, and an error in the middle of a sendmmsg(), which
 * the call itself swallows, can be read there.
 *
 * Owned by a destination; see transport.h for threads.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h> /* after time.h, whose timespec it needs */

#include "transport/address.h"
#include "transport/transport.h"

enum { ERRORS_TAKEN_MAX = 128 };

struct transport_udp {
    int socket;
    char where[300]; /* for error lines */
};

static enum transport_status udp_status(struct transport_udp *udp, int number, struct error *error)
{
    switch (number) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EINTR:
        return TRANSPORT_AGAIN;
    case ECONNREFUSED:
        return TRANSPORT_REFUSED;
    case EMSGSIZE:
        error_set(error, "%s: a message is larger than the path's MTU: lower mtu=", udp->where);
        return TRANSPORT_FAILED;
    default:
        error_set(error, "%s: cannot send: %s", udp->where, strerror(number));
        return TRANSPORT_FAILED;
    }
}

/* Empties the error queue; returns the oldest error in it, 0 if none. */
static int udp_take_errors(struct transport_udp *udp)
{
    int first = 0;
    for (unsigned i = 0; i < ERRORS_TAKEN_MAX; i++) {
        union {
            struct cmsghdr header;
            uint8_t room[512];
        } control;
        struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
        if (recvmsg(udp->socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            break;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            bool ipv4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
            bool ipv6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
            struct sock_extended_err extended;
            if (!ipv4 && !ipv6)
                continue;
            memcpy(&extended, CMSG_DATA(c), sizeof extended);
            first = first ? first : (int)extended.ee_errno;
        }
    }
    return first;
}

static enum transport_status udp_send(void *state, const struct iovec *messages, uint32_t count,
                                      uint32_t *sent, struct error *error)
{
    struct transport_udp *udp = state;
    struct mmsghdr headers[TRANSPORT_BURST_MAX];
    memset(headers, 0, count * sizeof headers[0]);
    for (uint32_t i = 0; i < count; i++) {
        headers[i].msg_hdr.msg_iov = (struct iovec *)(uintptr_t)&messages[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int taken, number;
    do
        taken = sendmmsg(udp->socket, headers, count, MSG_DONTWAIT);
    while (taken < 0 && errno == EINTR);
    number = taken < 0 ? errno : 0;
    *sent = taken < 0 ? 0 : (uint32_t)taken;
    if (*sent == count)
        return TRANSPORT_DONE;
    int queued = udp_take_errors(udp);
    if (number == 0) /* what the call swallowed; nothing there: the socket was full */
        number = queued ? queued : EAGAIN;
    return udp_status(udp, number, error);
}

static int udp_complete(void *state, struct error *error)
{
    (void)state;
    (void)error;
    return 0;
}

static void udp_close(void *state)
{
    struct transport_udp *udp = state;
    if (udp->socket >= 0)
        close(udp->socket);
    free(udp);
}

static const struct transport_ops udp_ops = {
    .send = udp_send, .complete = udp_complete, .close = udp_close};

/* A socket connected to ADDRESS, or -1 and ERROR. */
static int udp_connect(const struct addrinfo *address, const struct destination_config *destination,
                       struct error *error)
{
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set(error, "no UDP socket: %s", strerror(errno));
        return -1;
    }
    const char *source = destination->source_address;
    if (address_forbid_fragments(fd, address->ai_family, error) != 0 ||
        (source[0] && address_bind(fd, address->ai_family, source, error) != 0)) {
        close(fd);
        return -1;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        error_set(error, "cannot reach it: %s", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int transport_udp_open(struct transport *transport, const struct destination_config *destination,
                       uint32_t *message_octets_max, struct error *error)
{
    struct transport_udp *udp = calloc(1, sizeof *udp);
    if (!udp) {
        error_set(error, "%s: not enough memory", destination->name);
        return -1;
    }
    address_describe(destination, udp->where, sizeof udp->where);
    struct addrinfo *found = address_find(destination, SOCK_DGRAM, error);
    udp->socket = -1;
    if (!found) {
        udp_close(udp);
        return -1;
    }
    struct error last = {""};
    for (struct addrinfo *a = found; a && udp->socket < 0; a = a->ai_next) {
        udp->socket = udp_connect(a, destination, &last);
        *message_octets_max =
            destination->mtu - UDP_HEADER_OCTETS -
            (uint32_t)(a->ai_family == AF_INET6 ? IPV6_HEADER_OCTETS : IPV4_HEADER_OCTETS);
    }
    freeaddrinfo(found);
    if (udp->socket < 0) {
        error_set(error, "%s: %s", udp->where, last.text);
        udp_close(udp);
        return -1;
    }
    *transport = (struct transport){&udp_ops, udp};
    return 0;
}
