/*
 * TCP, TLS, DTLS and SCTP: a connection that is made, and made again after growing pauses when it
 * cannot be made or has ended (RFC 7011 sections 10.2.4, 10.4.4). All addresses of the host are
 * tried in turn. The user hears of it in one line at first and at most once a minute after.
 *
 * Owned by a destination; see transport.h for threads, connection.h for the other half.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "transport/connection.h"

enum {
    STREAM_MESSAGE_OCTETS = 8192,
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 6,
    UNACKNOWLEDGED_MS = 120000 /* a host that acknowledges nothing for so long is gone */
};
static const uint64_t attempt_timeout_ns = 10 * 1000000000ull;
static const uint64_t pause_min_ns = 1000000000u;
static const uint64_t pause_max_ns = 60 * 1000000000ull;
static const uint64_t line_every_ns = 60 * 1000000000ull;
/* A collector over DTLS that restarts unseen drops what it cannot decrypt, and says nothing
 * (RFC 7011 section 10.3.2 knows the problem; OpenSSL 3 has no heartbeat). A new session is the
 * only question that it has to answer. */
static const uint64_t dtls_renewal_ns = 300 * 1000000000ull;
static const uint64_t look_every_ns = 10000000;
static const uint64_t accept_timeout_ns = 500000000;

static void enter(struct connection *c, enum transport_state state)
{
    c->report.state = state;
    c->phase_ns = c->now_ns;
}

static void drop_socket(struct connection *c)
{
    tls_session_destroy(c->session);
    c->session = NULL;
    if (c->socket >= 0)
        close(c->socket);
    c->socket = -1;
    c->failed.text[0] = 0;
    c->report.local[0] = c->report.remote[0] = 0;
}

static void note_error(struct connection *c, const char *why)
{
    snprintf(c->report.last_error, sizeof c->report.last_error, "%s", why);
}

/* A line about a failure, unless there was one in the last minute. */
static void say_failure(struct connection *c, const char *what, const char *why)
{
    if (c->line_given && c->now_ns - c->line_ns < line_every_ns)
        return;
    c->line_given = true;
    c->line_due = true;
    c->line_ns = c->now_ns;
    error_set(&c->line, "%s: %s: %.300s; it is tried again and again", c->where, what, why);
}

/* ---- an attempt ---- */

/* The next attempt comes after a pause, longer each time. */
static void pause_attempts(struct connection *c)
{
    c->pause_ns = c->pause_ns ? 2 * c->pause_ns : pause_min_ns;
    if (c->pause_ns > pause_max_ns)
        c->pause_ns = pause_max_ns;
    enter(c, TRANSPORT_STATE_WAITING);
}

static void attempt_failed(struct connection *c, const char *why, bool certificate)
{
    c->report.connect_failures++;
    c->renewing = false;
    c->report.certificate_failures += certificate;
    note_error(c, why);
    drop_socket(c);
    c->address = c->address->ai_next;
    c->at_once = c->address != NULL;
    if (c->at_once) {
        enter(c, TRANSPORT_STATE_WAITING);
        return;
    }
    say_failure(c, "cannot connect", c->report.last_error);
    c->address = c->addresses;
    pause_attempts(c);
}

static void attempt_failed_by(struct connection *c, int number)
{
    c->report.refusals += number == ECONNREFUSED;
    attempt_failed(c, strerror(number), false);
}

static int open_socket(const struct connection *c, int family)
{
    int type = c->kind == DESTINATION_DTLS ? SOCK_DGRAM : SOCK_STREAM;
    int protocol = c->kind == DESTINATION_SCTP ? IPPROTO_SCTP : 0;
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

/* Options that make a dead host known; what the kernel refuses of them is no reason to fail. */
static void set_keepalive(int socket)
{
    const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S,
              probes = KEEPALIVE_PROBES;
    const unsigned timeout = UNACKNOWLEDGED_MS;
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void begin_attempt(struct connection *c)
{
    struct error error = {""};
    int family = c->address->ai_family;
    c->report.connect_attempts++;
    c->at_once = false;
    enter(c, TRANSPORT_STATE_CONNECTING);
    c->socket = open_socket(c, family);
    if (c->socket < 0) {
        attempt_failed_by(c, errno);
        return;
    }
    if (c->kind == DESTINATION_TCP || c->kind == DESTINATION_TLS)
        set_keepalive(c->socket);
    if ((c->kind == DESTINATION_DTLS && address_forbid_fragments(c->socket, family, &error) != 0) ||
        (c->source_address[0] &&
         address_bind(c->socket, family, c->source_address, 0, &error) != 0)) {
        attempt_failed(c, error.text, false);
        return;
    }
    if (connect(c->socket, c->address->ai_addr, c->address->ai_addrlen) != 0 &&
        errno != EINPROGRESS)
        attempt_failed_by(c, errno);
}

/* ---- the states ---- */

static void connected(struct connection *c)
{
    c->report.connects++;
    address_of_socket(c->socket, false, c->report.local, sizeof c->report.local);
    address_of_socket(c->socket, true, c->report.remote, sizeof c->report.remote);
    c->renewing = false;
    c->number++;
    c->delivered = false;
    c->octets_out = c->session ? tls_octets_out(c->session) : 0;
    if (c->line_due)
        error_set(&c->line, "%s: connected", c->where);
    c->line_due = false;
    enter(c, TRANSPORT_STATE_CONNECTED);
}

/* The socket is connected: go on with the handshake, if there is one. */
static void begin_handshake(struct connection *c)
{
    struct error error = {""};
    if (!c->tls) {
        connected(c);
        return;
    }
    c->session = tls_session_create(c->tls, c->socket, c->datagram_octets, &error);
    if (!c->session)
        attempt_failed(c, error.text, false);
    else
        enter(c, TRANSPORT_STATE_HANDSHAKE);
}

/* An attempt at a local port that nobody listens on can meet itself, if the kernel gives it that
 * very port to come from. */
static bool met_itself(const struct connection *c)
{
    struct sockaddr_storage own, peer;
    socklen_t own_length = sizeof own, peer_length = sizeof peer;
    memset(&own, 0, sizeof own);
    memset(&peer, 0, sizeof peer);
    return getsockname(c->socket, (struct sockaddr *)&own, &own_length) == 0 &&
           getpeername(c->socket, (struct sockaddr *)&peer, &peer_length) == 0 &&
           own_length == peer_length && memcmp(&own, &peer, own_length) == 0;
}

static void step_connecting(struct connection *c)
{
    struct pollfd ready = {.fd = c->socket, .events = POLLOUT};
    int number = 0;
    socklen_t length = sizeof number;
    if (poll(&ready, 1, 0) <= 0) {
        if (c->now_ns - c->phase_ns >= attempt_timeout_ns)
            attempt_failed_by(c, ETIMEDOUT);
        return;
    }
    if (getsockopt(c->socket, SOL_SOCKET, SO_ERROR, &number, &length) != 0)
        number = errno;
    if (number == 0 && met_itself(c))
        number = ECONNREFUSED;
    if (number != 0)
        attempt_failed_by(c, number);
    else
        begin_handshake(c);
}

static void step_handshake(struct connection *c)
{
    struct error error = {""};
    enum tls_status status = tls_handshake(c->session, &error);
    if (status == TLS_DONE) {
        status = connection_look(c, &error);
        bool accepted = tls_is_accepted(c->session);
        if (status == TLS_AGAIN && (accepted || c->now_ns - c->phase_ns >= accept_timeout_ns)) {
            connected(c);
            return;
        }
    }
    if (status == TLS_AGAIN && c->now_ns - c->phase_ns < attempt_timeout_ns)
        return;
    if (status == TLS_AGAIN)
        attempt_failed(c, "the collector does not finish the handshake", false);
    else
        attempt_failed(c, error.text, status == TLS_CERTIFICATE);
}

static void session_ended(struct connection *c, const char *why)
{
    connection_settle(c);
    c->report.disconnects++;
    note_error(c, why);
    say_failure(c, "the connection has ended", why);
    /* A collector that takes something each time is worth a new start at once. */
    if (c->delivered)
        c->pause_ns = 0;
    drop_socket(c);
    c->address = c->addresses;
    pause_attempts(c);
}

/* Ends a session that is as it should be and makes the next one at once. */
static void renew_session(struct connection *c)
{
    tls_finish(c->session);
    drop_socket(c);
    c->renewing = true;
    c->at_once = true;
    enter(c, TRANSPORT_STATE_WAITING);
}

static void step_connected(struct connection *c)
{
    struct error error = c->failed;
    if (error.text[0]) {
        session_ended(c, error.text);
        return;
    }
    connection_confirm(c);
    if (c->now_ns - c->looked_ns < look_every_ns)
        return;
    c->looked_ns = c->now_ns;
    enum tls_status status = connection_look(c, &error);
    if (status == TLS_AGAIN) {
        if (c->kind == DESTINATION_DTLS && c->now_ns - c->phase_ns >= dtls_renewal_ns)
            renew_session(c);
        return;
    }
    c->report.certificate_failures += status == TLS_CERTIFICATE;
    session_ended(c, error.text);
}

/* ---- the transport ---- */

/* When the next attempt is due. */
static uint64_t attempt_ns(const struct connection *c, bool hurry)
{
    if (c->at_once)
        return c->phase_ns;
    return c->phase_ns + (hurry && c->pause_ns > pause_min_ns ? pause_min_ns : c->pause_ns);
}

static void connection_advance(struct connection *c, bool hurry)
{
    switch (c->report.state) {
    case TRANSPORT_STATE_WAITING:
        if (c->now_ns >= attempt_ns(c, hurry))
            begin_attempt(c);
        break;
    case TRANSPORT_STATE_CONNECTING:
        step_connecting(c);
        break;
    case TRANSPORT_STATE_HANDSHAKE:
        step_handshake(c);
        break;
    case TRANSPORT_STATE_CONNECTED:
        step_connected(c);
        break;
    default:
        break;
    }
}

static void connection_step(void *state, uint64_t monotonic_ns, bool hurry,
                            struct transport_session *session)
{
    struct connection *c = state;
    c->now_ns = monotonic_ns;
    c->line.text[0] = 0;
    enum transport_state before;
    do { /* what can go on at once does */
        before = c->report.state;
        connection_advance(c, hurry);
    } while (before != c->report.state && c->report.state != TRANSPORT_STATE_WAITING);
    bool open = c->report.state == TRANSPORT_STATE_CONNECTED;
    session->number = open ? c->number : 0;
    session->renewing = c->renewing;
    session->confirmed = c->confirmed;
    session->vanished = c->vanished;
    c->confirmed = c->vanished = 0;
    session->line = c->line.text[0] ? c->line.text : NULL;
    if (c->report.state == TRANSPORT_STATE_WAITING)
        session->next_ns = attempt_ns(c, hurry);
    else
        session->next_ns = monotonic_ns + (open ? look_every_ns : 1000000u);
}

/* In order if everything has arrived. Otherwise the rest was counted lost, so the kernel must not
 * go on sending it: a reset. */
static void end_connection(struct connection *c)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct error ignored;
    connection_confirm(c);
    if (c->flight_count || c->partial) {
        setsockopt(c->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        return;
    }
    /* What the collector said must be read: closing with it unread is a reset, too. */
    connection_look(c, &ignored);
    if (c->session)
        tls_finish(c->session);
    shutdown(c->socket, SHUT_WR);
}

static int connection_complete(void *state, struct error *error)
{
    struct connection *c = state;
    if (c->report.state == TRANSPORT_STATE_CONNECTED)
        end_connection(c);
    drop_socket(c);
    enter(c, TRANSPORT_STATE_CLOSED);
    if (c->report.connects > 0)
        return 0;
    error_set(error, "%s: never reached: %.200s", c->where,
              c->report.last_error[0] ? c->report.last_error : "it did not answer in time");
    return -1;
}

static void connection_close(void *state)
{
    struct connection *c = state;
    drop_socket(c);
    tls_context_destroy(c->tls);
    if (c->addresses)
        freeaddrinfo(c->addresses);
    free(c);
}

static void connection_report(const void *state, struct transport_report *report)
{
    *report = ((const struct connection *)state)->report;
}

static uint32_t connection_message_octets(const void *state)
{
    return ((const struct connection *)state)->path_octets;
}

static const struct transport_ops stream_ops = {
    .send = connection_send,
    .complete = connection_complete,
    .close = connection_close,
    .step = connection_step,
    .confirms = true,
    .report = connection_report,
};
static const struct transport_ops whole_ops = {
    .send = connection_send,
    .complete = connection_complete,
    .close = connection_close,
    .step = connection_step,
    .report = connection_report,
    .message_octets = connection_message_octets,
};

/* What can be found out without a collector: the source address, SCTP in the kernel. */
static int connection_check(const struct connection *c, struct error *error)
{
    struct error inner = {""};
    int status = 0;
    int probe = open_socket(c, c->addresses->ai_family);
    if (probe < 0) {
        bool lacking = errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT;
        error_set(error, "%s: no socket: %s%s", c->where, strerror(errno),
                  lacking && c->kind == DESTINATION_SCTP
                      ? ": this kernel has no SCTP; load its module sctp, or use tcp:"
                      : "");
        return -1;
    }
    if (c->source_address[0])
        status = address_bind(probe, c->addresses->ai_family, c->source_address, 0, &inner);
    if (status != 0)
        error_set(error, "%s: %s", c->where, inner.text);
    close(probe);
    return status;
}

/* The longest message in a DTLS datagram, whichever of the addresses is used. */
static uint32_t datagram_message(struct connection *c, uint32_t mtu)
{
    uint32_t header = IPV4_HEADER_OCTETS;
    for (const struct addrinfo *a = c->addresses; a; a = a->ai_next)
        header = a->ai_family == AF_INET6 ? IPV6_HEADER_OCTETS : header;
    c->datagram_octets = mtu - header - UDP_HEADER_OCTETS;
    return c->datagram_octets - DTLS_OVERHEAD_OCTETS;
}

int transport_connection_open(struct transport *transport,
                              const struct destination_config *destination,
                              uint32_t *message_octets_max, struct error *error)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c) {
        error_set(error, "%s: not enough memory", destination->name);
        return -1;
    }
    c->kind = destination->kind;
    c->socket = -1;
    c->report.state = TRANSPORT_STATE_WAITING;
    address_describe(destination, c->where, sizeof c->where);
    memcpy(c->source_address, destination->source_address, sizeof c->source_address);
    bool datagrams = c->kind == DESTINATION_DTLS;
    c->addresses = address_find(destination, datagrams ? SOCK_DGRAM : SOCK_STREAM, error);
    c->address = c->addresses;
    bool good = c->addresses && connection_check(c, error) == 0;
    if (good && destination_is_secure(c->kind)) {
        c->tls = tls_context_create(destination, error);
        good = c->tls != NULL;
    }
    if (!good) {
        connection_close(c);
        return -1;
    }
    *message_octets_max = datagrams ? datagram_message(c, destination->mtu) : STREAM_MESSAGE_OCTETS;
    *transport =
        (struct transport){datagrams || c->kind == DESTINATION_SCTP ? &whole_ops : &stream_ops, c};
    return 0;
}
