/*
 * An open connection in use: messages into the socket, what has arrived of them, whether the
 * other end is still there. See connection.h.
 *
 * The kernel tells how many octets of a TCP socket the other host has not acknowledged (SIOCOUTQ)
 * and how many have not even left (SIOCOUTQNSD). With TLS these are octets of its records, and a
 * message ends where the record ends that carries its last octet.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "base/check.h"
#include "transport/connection.h"

/* How many octets of the session wait behind REQUEST; all of them if the kernel does not say. */
static uint64_t octets_behind(const struct connection *c, unsigned long request)
{
    int octets = 0;
    if (ioctl(c->socket, request, &octets) != 0 || octets < 0)
        return c->octets_out;
    return (uint64_t)octets < c->octets_out ? (uint64_t)octets : c->octets_out;
}

/* Takes messages whose end lies within the first OCTETS out of the flight; returns their number. */
static uint32_t take_from_flight(struct connection *c, uint64_t octets)
{
    uint32_t count = 0;
    while (c->flight_count && c->flight_ends[c->flight_first] <= octets) {
        c->flight_first = (c->flight_first + 1) % CONNECTION_FLIGHT_MAX;
        c->flight_count--;
        count++;
    }
    return count;
}

void connection_confirm(struct connection *c)
{
    if (!c->flight_count)
        return;
    uint32_t count = take_from_flight(c, c->octets_out - octets_behind(c, SIOCOUTQ));
    c->confirmed += count;
    c->delivered |= count > 0;
}

void connection_settle(struct connection *c)
{
    connection_confirm(c);
    if (c->flight_count)
        c->vanished += take_from_flight(c, c->octets_out - octets_behind(c, SIOCOUTQNSD));
    c->flight_count = 0;
    c->partial = 0;
    c->octets_out = 0;
}

static void put_in_flight(struct connection *c)
{
    uint32_t at = (c->flight_first + c->flight_count) % CONNECTION_FLIGHT_MAX;
    c->flight_ends[at] = c->octets_out;
    c->flight_count++;
}

/* The socket did not take what it was offered. */
static enum transport_status not_taken(struct connection *c, int number)
{
    if (number == EAGAIN || number == EWOULDBLOCK || number == ENOBUFS || number == ENOMEM ||
        number == EINTR)
        c->report.full++;
    else
        error_set(&c->failed, "%s", strerror(number)); /* the next step ends the session */
    return TRANSPORT_AGAIN;
}

/* TCP: all messages in one call. */
static enum transport_status send_stream(struct connection *c, const struct iovec *messages,
                                         uint32_t count, uint32_t *sent)
{
    struct iovec parts[TRANSPORT_BURST_MAX];
    memcpy(parts, messages, count * sizeof parts[0]);
    while (*sent < count) {
        parts[*sent].iov_base = (uint8_t *)messages[*sent].iov_base + c->partial;
        parts[*sent].iov_len = messages[*sent].iov_len - c->partial;
        struct msghdr header = {.msg_iov = parts + *sent, .msg_iovlen = count - *sent};
        ssize_t taken = sendmsg(c->socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken < 0)
            return not_taken(c, errno);
        size_t octets = (size_t)taken + c->partial;
        c->octets_out -= c->partial;
        c->partial = 0;
        while (*sent < count && octets >= messages[*sent].iov_len) {
            octets -= messages[*sent].iov_len;
            c->octets_out += messages[*sent].iov_len;
            put_in_flight(c);
            (*sent)++;
        }
        c->partial = octets;
        c->octets_out += octets;
    }
    return TRANSPORT_DONE;
}

/* TLS: a message begins a record of its own. */
static enum transport_status send_records(struct connection *c, const struct iovec *messages,
                                          uint32_t count, uint32_t *sent)
{
    while (*sent < count) {
        const struct iovec *message = &messages[*sent];
        size_t written;
        switch (tls_write(c->session, (uint8_t *)message->iov_base + c->partial,
                          message->iov_len - c->partial, &written, &c->failed)) {
        case TLS_DONE:
            c->partial += written;
            c->octets_out = tls_octets_out(c->session);
            if (c->partial < message->iov_len)
                break;
            c->partial = 0;
            put_in_flight(c);
            (*sent)++;
            break;
        case TLS_AGAIN:
            c->octets_out = tls_octets_out(c->session);
            c->report.full++;
            return TRANSPORT_AGAIN;
        case TLS_ENDED:
        case TLS_CERTIFICATE:
            return TRANSPORT_AGAIN; /* the next step ends the session */
        }
    }
    return TRANSPORT_DONE;
}

/* A datagram was longer than the path permits: those to come will be shorter. */
static void learn_path(struct connection *c)
{
    uint32_t octets = address_path_octets(c->socket, c->address->ai_family);
    c->report.too_long++;
    if (octets <= DTLS_OVERHEAD_OCTETS || octets >= c->datagram_octets)
        return;
    c->datagram_octets = octets; /* of the next handshake, too */
    c->path_octets = octets - DTLS_OVERHEAD_OCTETS;
}

/* DTLS and SCTP: a message is a datagram or a user message, taken whole or not at all. */
static enum transport_status send_whole(struct connection *c, const struct iovec *messages,
                                        uint32_t count, uint32_t *sent, struct error *error)
{
    for (; *sent < count; (*sent)++) {
        const struct iovec *message = &messages[*sent];
        size_t written;
        enum tls_status status = TLS_DONE;
        errno = 0;
        if (c->session)
            status = tls_write(c->session, message->iov_base, message->iov_len, &written, error);
        else if (send(c->socket, message->iov_base, message->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL) <
                 0)
            return not_taken(c, errno);
        int number = errno;
        if (status == TLS_DONE) {
            c->delivered = true;
            continue;
        }
        if (status == TLS_AGAIN) {
            c->report.full++;
            return TRANSPORT_AGAIN;
        }
        if (number == EMSGSIZE) {
            learn_path(c);
            error_set(error, "%s: a message is longer than the path permits: lower mtu=", c->where);
            return TRANSPORT_FAILED;
        }
        c->report.refusals += number == ECONNREFUSED;
        c->failed = *error;
        error->text[0] = 0;
        return number == ECONNREFUSED ? TRANSPORT_REFUSED : TRANSPORT_AGAIN;
    }
    return TRANSPORT_DONE;
}

enum transport_status connection_send(void *state, const struct iovec *messages, uint32_t count,
                                      uint32_t *sent, struct error *error)
{
    struct connection *c = state;
    *sent = 0;
    if (c->report.state != TRANSPORT_STATE_CONNECTED || c->failed.text[0])
        return TRANSPORT_AGAIN;
    if (c->kind == DESTINATION_DTLS || c->kind == DESTINATION_SCTP)
        return send_whole(c, messages, count, sent, error);
    uint32_t room = CONNECTION_FLIGHT_MAX - c->flight_count;
    uint32_t offered = count < room ? count : room;
    enum transport_status status = TRANSPORT_DONE;
    if (offered)
        status = c->session ? send_records(c, messages, offered, sent)
                            : send_stream(c, messages, offered, sent);
    return status == TRANSPORT_DONE && offered < count ? TRANSPORT_AGAIN : status;
}

enum tls_status connection_look(struct connection *c, struct error *error)
{
    if (c->session)
        return tls_read(c->session, error);
    char ignored[4096];
    for (unsigned i = 0; i < 16; i++) {
        ssize_t octets = recv(c->socket, ignored, sizeof ignored, MSG_DONTWAIT);
        if (octets > 0)
            continue;
        if (octets < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return TLS_AGAIN;
        error_set(error, "%s", octets == 0 ? "the collector closed it" : strerror(errno));
        return TLS_ENDED;
    }
    return TLS_AGAIN;
}
