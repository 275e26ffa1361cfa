/*
 * UDP: a connected, non-blocking socket with one source port for its whole life and the
 * don't-fragment bit set (RFC 7011 section 10.3.3). A refusal by the collector's host is reported
 * by the kernel on a later send; it is passed on and never ends the transport.
 *
 * The socket's error queue is switched on, for two reasons: a full queue of the device is then an
 * error of the send instead of a silent loss, and an error in the middle of a sendmmsg(), which
 * the call itself swallows, can be read there.
 *
 * Several messages in a row are given to the kernel in one call, and those of one length as one
 * long datagram that it divides (UDP_SEGMENT).
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

#include <netinet/udp.h>

#include <linux/errqueue.h> /* after time.h, whose timespec it needs */

#include "base/check.h"
#include "transport/address.h"
#include "transport/transport.h"

enum {
    ERRORS_TAKEN_MAX = 128,
    RUN_OCTETS_MAX = 65000, /* of messages that the kernel takes as one: within an IP packet */
    SEGMENT_ROOM = CMSG_SPACE(sizeof(uint16_t))
};

struct transport_udp {
    int socket;
    int family;
    bool segments;        /* the kernel divides runs of messages of one length (UDP_SEGMENT) */
    uint32_t wary;        /* messages to send one by one: one was refused */
    uint32_t path_octets; /* longest message that the path permits, once it was found out */
    struct transport_report report;
    char where[300]; /* for error lines */
};

/* Messages that go to the kernel as one, each a datagram: all of one length but the last. */
struct run {
    uint32_t count;
    uint8_t control[SEGMENT_ROOM] __attribute__((aligned(8)));
};

static enum transport_status udp_status(struct transport_udp *udp, int number, struct error *error)
{
    snprintf(udp->report.last_error, sizeof udp->report.last_error, "%s", strerror(number));
    switch (number) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EINTR:
        udp->report.full++;
        return TRANSPORT_AGAIN;
    case ECONNREFUSED:
        udp->report.refusals++;
        udp->wary = TRANSPORT_BURST_MAX; /* a refused run would be one refusal for many messages */
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

/* How many of the first messages of MESSAGES go as one run. */
static uint32_t run_length(const struct transport_udp *udp, const struct iovec *messages,
                           uint32_t count)
{
    size_t length = messages[0].iov_len, octets = length;
    uint32_t run = 1;
    bool together = udp->segments && !udp->wary;
    while (together && run < count && messages[run - 1].iov_len == length &&
           messages[run].iov_len <= length && octets + messages[run].iov_len <= RUN_OCTETS_MAX)
        octets += messages[run++].iov_len;
    return run;
}

static void fill_header(struct msghdr *header, struct run *run, const struct iovec *messages)
{
    memset(header, 0, sizeof *header);
    header->msg_iov = (struct iovec *)(uintptr_t)messages;
    header->msg_iovlen = run->count;
    if (run->count == 1)
        return;
    uint16_t length = (uint16_t)messages[0].iov_len;
    header->msg_control = run->control;
    header->msg_controllen = sizeof run->control;
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof length);
    memcpy(CMSG_DATA(control), &length, sizeof length);
}

/* Offers the messages in as few runs as possible. Returns 0 or the error that the first message
 * behind the *SENT ones met; *ALONE: it was not in a run with others. */
static int offer(struct transport_udp *udp, const struct iovec *messages, uint32_t count,
                 uint32_t *sent, bool *alone)
{
    struct mmsghdr headers[TRANSPORT_BURST_MAX];
    struct run runs[TRANSPORT_BURST_MAX];
    uint32_t run_count = 0;
    for (uint32_t i = 0; i < count; run_count++) {
        runs[run_count].count = run_length(udp, messages + i, count - i);
        fill_header(&headers[run_count].msg_hdr, &runs[run_count], messages + i);
        i += runs[run_count].count;
    }
    int taken;
    do
        taken = sendmmsg(udp->socket, headers, run_count, MSG_DONTWAIT);
    while (taken < 0 && errno == EINTR);
    int number = taken < 0 ? errno : 0;
    uint32_t whole = taken < 0 ? 0 : (uint32_t)taken;
    check(whole <= run_count);
    for (uint32_t i = 0; i < whole; i++)
        *sent += runs[i].count;
    udp->wary -= *sent < udp->wary ? *sent : udp->wary;
    if (whole == run_count)
        return 0;
    *alone = runs[whole].count == 1;
    int queued = udp_take_errors(udp);
    /* What the call swallowed; nothing there: the socket was full. */
    return number ? number : queued ? queued : EAGAIN;
}

static void set_fragments(const struct transport_udp *udp, bool allowed)
{
    int discover = allowed ? IP_PMTUDISC_DONT : IP_PMTUDISC_DO;
    int discover6 = allowed ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_DO;
    if (udp->family == AF_INET)
        setsockopt(udp->socket, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
    else
        setsockopt(udp->socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover6, sizeof discover6);
}

/* A message met EMSGSIZE: the path has changed, and those to come will be shorter. This one is
 * complete; better in IP fragments than lost. */
static int send_long(struct transport_udp *udp, const struct iovec *message)
{
    udp->report.too_long++;
    uint32_t permitted = address_path_octets(udp->socket, udp->family);
    if (permitted)
        udp->path_octets = permitted;
    bool fits = udp->path_octets && message->iov_len <= udp->path_octets;
    if (!fits)
        set_fragments(udp, true);
    ssize_t octets;
    do
        octets = send(udp->socket, message->iov_base, message->iov_len, MSG_DONTWAIT);
    while (octets < 0 && errno == EINTR);
    int number = octets < 0 ? errno : 0;
    if (!fits) {
        set_fragments(udp, false);
        udp->report.sent_in_fragments += number == 0;
    }
    return number;
}

static enum transport_status udp_send(void *state, const struct iovec *messages, uint32_t count,
                                      uint32_t *sent, struct error *error)
{
    struct transport_udp *udp = state;
    bool segments = udp->segments;
    *sent = 0;
    while (*sent < count) {
        bool alone = true;
        int number = offer(udp, messages + *sent, count - *sent, sent, &alone);
        bool passing = number == EAGAIN || number == ENOBUFS || number == ENOMEM ||
                       number == EINTR || number == ECONNREFUSED;
        if (number == 0)
            break;
        if (!alone && !passing) {
            /* Which message it was is seen without runs; a device may not be able to divide. */
            udp->segments = false;
            continue;
        }
        if (number == EMSGSIZE) {
            udp->segments = segments; /* the length was to blame */
            number = send_long(udp, &messages[*sent]);
        }
        if (number != 0)
            return udp_status(udp, number, error);
        (*sent)++;
    }
    return TRANSPORT_DONE;
}

static void udp_report(const void *state, struct transport_report *report)
{
    *report = ((const struct transport_udp *)state)->report;
}

static uint32_t udp_message_octets(const void *state)
{
    return ((const struct transport_udp *)state)->path_octets;
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
    .send = udp_send,
    .complete = udp_complete,
    .close = udp_close,
    .report = udp_report,
    .message_octets = udp_message_octets,
};

/* Binds FD if the destination says where it sends from. A port that it had before and that is taken
 * now is no reason to send nothing. */
static int udp_bind(int fd, int family, const struct destination_config *destination,
                    struct error *error)
{
    const char *source = destination->source_address;
    struct error ignored;
    if (destination->source_port &&
        address_bind(fd, family, source, destination->source_port, &ignored) == 0)
        return 0;
    return source[0] ? address_bind(fd, family, source, 0, error) : 0;
}

/* A socket connected to ADDRESS, or -1 and ERROR. */
static int udp_connect(const struct addrinfo *address, const struct destination_config *destination,
                       struct error *error)
{
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set(error, "no UDP socket: %s", strerror(errno));
        return -1;
    }
    if (address_forbid_fragments(fd, address->ai_family, error) != 0 ||
        udp_bind(fd, address->ai_family, destination, error) != 0) {
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
        udp->family = a->ai_family;
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
    udp->segments = true;
    udp->report.state = TRANSPORT_STATE_OPEN;
    address_of_socket(udp->socket, false, udp->report.local, sizeof udp->report.local);
    address_of_socket(udp->socket, true, udp->report.remote, sizeof udp->report.remote);
    *transport = (struct transport){&udp_ops, udp};
    return 0;
}

uint16_t transport_udp_port(const struct transport *transport)
{
    const struct transport_udp *udp = transport->state;
    struct sockaddr_storage address;
    socklen_t octets = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(udp->socket, (struct sockaddr *)&address, &octets) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}
