/*
 * The loop of a connection's thread. It waits for three descriptors: the client's, its end of the
 * socket pair behind which the library is, and the session's eventfd.
 *
 * The library wants to wait for the client's hello itself, so that happens in a short thread of its
 * own, while this one moves octets; its bound of time is kept here.
 */
#include "session_pump.h"

#include <errno.h>
#include <libyang/libyang.h>
#include <nc_server.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "data_view.h"
#include "framing_guard.h"
#include "log.h"
#include "rpc_check.h"
#include "xml_blank.h"
#include "xml_text.h"

enum {
    READ_MAX = 32 * 1024,
    DRAIN_TIMEOUT_MS = 5000,   /* for what is written already when a session ends */
    REFUSAL_TIMEOUT_MS = 1000, /* for who is told that there is no room */
};

enum greeting { GREETING_RUNS, GREETING_GOOD, GREETING_BAD };

struct pump {
    struct sessions *sessions;
    struct session_workers *workers;
    struct stream *stream;
    struct session *session;
    int near;        /* our end of the socket pair */
    int far;         /* the library's */
    bool opened;     /* the library's hello is through */
    bool hello_sent; /* the client's hello went to the library */
    struct framing_guard guard;
    char raw[READ_MAX]; /* octets of the client that the guard has not seen */
    size_t raw_used;
    size_t raw_length;
    /* A whole message on its way to the library: header, message, trailer. */
    bool message;
    char *refusal; /* the reply to a message that the library does not get; or NULL */
    char header[16];
    const char *trailer;
    size_t message_done;
    /* Octets on their way to the client. */
    char *output;
    size_t output_start;
    size_t output_length;
    size_t output_capacity;
    int64_t last_progress_ms;
    enum session_end end; /* why the connection ends, if its session does not yet */
    bool library_closed;
    bool client_over; /* the client sends nothing any more */
    bool hung_up;     /* poll() says so; what it sent before may still be unread */
    int64_t deadline_ms;
    /* The greeting's thread. */
    pthread_t greeter;
    bool greeter_runs;
    _Atomic int greeting;
    struct nc_session *netconf;
};

static atomic_size_t output_of_all;

static void *greet(void *context)
{
    struct pump *pump = context;
    struct nc_session *netconf = NULL;
    NC_MSG_TYPE result = nc_accept_inout(pump->far, pump->far, pump->session->user, &netconf);
    pump->netconf = netconf;
    pump->greeting = result == NC_MSG_HELLO && netconf ? GREETING_GOOD : GREETING_BAD;
    eventfd_write(pump->session->wake, 1);
    nc_thread_destroy();
    return NULL;
}

static bool start_greeting(struct pump *pump)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    pump->near = pair[0];
    pump->far = pair[1];
    pump->deadline_ms = stream_now_ms() + HELLO_TIMEOUT_MS;
    pump->greeter_runs = pthread_create(&pump->greeter, NULL, greet, pump) == 0;
    return pump->greeter_runs;
}

/* Ends the pump's session because of END; MESSAGE goes to the log. Returns false. */
static bool stop(struct pump *pump, enum session_end end, const char *message)
{
    const struct session *session = pump->session;
    pump->end = end;
    /* Each call of the command spanflow is a session: the audit log has those that end well. */
    if (session->transport == SESSION_LOCAL && end == SESSION_CLOSED)
        return false;
    log_line("session %u of %s from %s ends: %s", session->id, session->user, session->from,
             message);
    return false;
}

/* The greeting is over, one way or the other. */
static bool finish_greeting(struct pump *pump)
{
    pthread_join(pump->greeter, NULL);
    pump->greeter_runs = false;
    if (pump->greeting == GREETING_BAD) {
        sessions_totals(pump->sessions)->in_bad_hellos++;
        return stop(pump, SESSION_BAD_HELLO, "its hello is not one of a NETCONF client");
    }
    int version = nc_session_get_version(pump->netconf);
    if (!sessions_open(pump->session, pump->netconf))
        return stop(pump, SESSION_OTHER, "memory is short");
    framing_guard_after_hello(&pump->guard, version == 0 ? GUARD_END_OF_MESSAGE : GUARD_CHUNKED);
    pump->opened = true;
    if (pump->session->transport != SESSION_LOCAL)
        log_line("session %u: %s from %s over %s", pump->session->id, pump->session->user,
                 pump->session->from, pump->session->transport == SESSION_SSH ? "SSH" : "TLS");
    return true;
}

/* Writes as much of the message as the library's socket takes. */
static bool push_message(struct pump *pump, bool *progress)
{
    size_t header = strlen(pump->header);
    size_t body = header + pump->guard.length;
    size_t all = body + strlen(pump->trailer);
    while (pump->message_done < all) {
        const char *from = pump->trailer + (pump->message_done - body);
        size_t length = all - pump->message_done;
        if (pump->message_done < header) {
            from = pump->header + pump->message_done;
            length = header - pump->message_done;
        } else if (pump->message_done < body) {
            from = pump->guard.message + (pump->message_done - header);
            length = body - pump->message_done;
        }
        ssize_t put = send(pump->near, from, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0)
            return errno == EAGAIN || errno == EINTR ||
                   stop(pump, SESSION_DROPPED, "the library closed it");
        pump->message_done += (size_t)put;
        *progress = true;
    }
    pump->message = false;
    pump->hello_sent = true;
    return true;
}

/* A whole message is in the guard. */
static void begin_message(struct pump *pump)
{
    xml_blank_namespaces(pump->guard.message, pump->guard.length);
    if (pump->opened)
        pump->refusal = rpc_check(sessions_server(pump->sessions)->context, pump->guard.message,
                                  pump->guard.length, pump->guard.framing == GUARD_CHUNKED);
    if (pump->refusal)
        return;
    pump->trailer = framing_wrap(pump->guard.framing, pump->guard.length, pump->header);
    pump->message_done = 0;
    pump->message = true;
    if (pump->opened)
        session_workers_submit(pump->workers, pump->session);
}

/* Between its hello and the library's word on it a client waits. */
static bool may_read(const struct pump *pump)
{
    return !pump->message && !pump->refusal && (pump->opened || !pump->hello_sent) &&
           !pump->client_over && !pump->session->ended;
}

/* Takes octets of the client until a message is complete or none are left. */
static bool pull_client(struct pump *pump, bool *progress)
{
    while (may_read(pump)) {
        if (pump->raw_used == pump->raw_length) {
            struct stream *stream = pump->stream;
            ssize_t got = stream->operations->read(stream, pump->raw, sizeof(pump->raw));
            pump->client_over = got < 0;
            if (got <= 0)
                return true;
            pump->raw_used = 0;
            pump->raw_length = (size_t)got;
        }
        size_t used = 0;
        struct error error;
        enum guard_answer answer =
            framing_guard_take(&pump->guard, pump->raw + pump->raw_used,
                               pump->raw_length - pump->raw_used, &used, &error);
        pump->raw_used += used;
        *progress = true;
        if (answer == GUARD_REFUSED) {
            sessions_totals(pump->sessions)->refused_messages++;
            return stop(pump, SESSION_DROPPED, error.text);
        }
        if (answer == GUARD_MESSAGE)
            begin_message(pump);
    }
    return true;
}

static bool grow_output(struct pump *pump)
{
    if (pump->output_start > 0 && pump->output_start >= pump->output_length / 2) {
        pump->output_length -= pump->output_start;
        memmove(pump->output, pump->output + pump->output_start, pump->output_length);
        pump->output_start = 0;
    }
    if (pump->output_capacity - pump->output_length >= READ_MAX)
        return true;
    size_t capacity = pump->output_capacity ? pump->output_capacity * 2 : 2 * READ_MAX;
    size_t more = capacity - pump->output_capacity;
    char *output = NULL;
    if (capacity <= OUTPUT_SURE ||
        (capacity <= OUTPUT_MAX && output_of_all + more <= OUTPUT_ALL_MAX))
        output = realloc(pump->output, capacity);
    if (!output) {
        sessions_totals(pump->sessions)->slow_readers++;
        return stop(pump, SESSION_DROPPED, "too much waits for a client that does not read");
    }
    pump->output = output;
    pump->output_capacity = capacity;
    output_of_all += more;
    return true;
}

/* Takes what the library wrote, always, so that no worker waits for a client. */
static bool pull_library(struct pump *pump, bool *progress)
{
    while (!pump->library_closed) {
        if (!grow_output(pump))
            return false;
        ssize_t got = recv(pump->near, pump->output + pump->output_length, READ_MAX, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (got <= 0) {
            pump->library_closed = true;
            return true;
        }
        if (pump->output_length == pump->output_start)
            pump->last_progress_ms = stream_now_ms();
        pump->output_length += (size_t)got;
        pump->session->waiting = pump->output_length - pump->output_start;
        *progress = true;
    }
    return true;
}

/* Adds LENGTH octets of TEXT to what waits for the client. */
static bool put_output(struct pump *pump, const char *text, size_t length)
{
    while (length) {
        if (!grow_output(pump))
            return false;
        size_t space = pump->output_capacity - pump->output_length;
        size_t part = length < space ? length : space;
        memcpy(pump->output + pump->output_length, text, part);
        pump->output_length += part;
        text += part;
        length -= part;
    }
    pump->session->waiting = pump->output_length - pump->output_start;
    return true;
}

/* Answers the message that is refused, behind all answers to those before it. */
static bool put_refusal(struct pump *pump)
{
    struct session *session = pump->session;
    struct session_totals *totals = sessions_totals(pump->sessions);
    char header[16];
    size_t length = strlen(pump->refusal);
    const char *trailer = framing_wrap(pump->guard.framing, length, header);
    if (pump->output_length == pump->output_start)
        pump->last_progress_ms = stream_now_ms();
    bool good = put_output(pump, header, strlen(header)) &&
                put_output(pump, pump->refusal, length) &&
                put_output(pump, trailer, strlen(trailer));
    free(pump->refusal);
    pump->refusal = NULL;
    session->counters.in_bad_rpcs++;
    totals->counters.in_bad_rpcs++;
    session->counters.out_rpc_errors++;
    totals->counters.out_rpc_errors++;
    return good;
}

static void release_output(struct pump *pump)
{
    free(pump->output);
    output_of_all -= pump->output_capacity;
    pump->output = NULL;
    pump->output_capacity = 0;
    pump->output_start = 0;
    pump->output_length = 0;
}

/* Gives the client what it takes. */
static bool push_client(struct pump *pump, bool *progress)
{
    while (pump->output_start < pump->output_length) {
        struct stream *stream = pump->stream;
        ssize_t put = stream->operations->write(stream, pump->output + pump->output_start,
                                                pump->output_length - pump->output_start);
        if (put < 0)
            return stop(pump, SESSION_DROPPED, "the client left");
        if (put == 0)
            return true;
        pump->output_start += (size_t)put;
        pump->session->waiting = pump->output_length - pump->output_start;
        pump->last_progress_ms = stream_now_ms();
        *progress = true;
    }
    if (pump->output_capacity > 4 * READ_MAX)
        release_output(pump);
    pump->output_start = 0;
    pump->output_length = 0;
    return true;
}

/* How long a client may take nothing, now. */
static int64_t patience_ms(const struct pump *pump)
{
    return pump->session->ended ? DRAIN_TIMEOUT_MS : READER_TIMEOUT_MS;
}

/* Whether the session is over, when nothing can be moved. ENDED was read before all the library's
 * answers were looked for. */
static bool goes_on(struct pump *pump, bool ended)
{
    bool output = pump->output_start < pump->output_length;
    int64_t now_ms = stream_now_ms();
    if (!pump->opened && now_ms >= pump->deadline_ms)
        return stop(pump, SESSION_TIMEOUT, "no hello in time");
    if (output && now_ms - pump->last_progress_ms >= patience_ms(pump)) {
        sessions_totals(pump->sessions)->slow_readers++;
        return stop(pump, SESSION_DROPPED, "the client does not read");
    }
    if (ended && !output)
        return stop(pump, pump->session->end, session_end_name(pump->session->end));
    if (pump->client_over && !pump->opened)
        return stop(pump, SESSION_DROPPED, "the client left");
    /* What it asked for before it left is done first. */
    if (pump->client_over && !pump->message && !pump->refusal && !output &&
        session_workers_idle(pump->workers, pump->session))
        return stop(pump, SESSION_DROPPED, "the client left");
    return true;
}

/* Waits until something can be moved, or a time is over. */
static void wait_for_news(struct pump *pump)
{
    struct stream *stream = pump->stream;
    bool output = pump->output_start < pump->output_length;
    bool reading = may_read(pump);
    int64_t until_ms = pump->opened ? INT64_MAX : pump->deadline_ms;
    if (output && pump->last_progress_ms + patience_ms(pump) < until_ms)
        until_ms = pump->last_progress_ms + patience_ms(pump);
    int64_t left_ms = -1; /* for ever */
    if (until_ms != INT64_MAX) {
        left_ms = until_ms - stream_now_ms();
        left_ms = left_ms > 0 ? left_ms : 0;
    }
    bool look = reading || output || !pump->hung_up;
    struct pollfd ready[3] = {
        {.fd = look && !(pump->client_over && !output) ? stream->fd : -1,
         .events = stream->operations->events(stream, reading, output)},
        {.fd = pump->library_closed ? -1 : pump->near,
         .events = (short)(POLLIN | (pump->message ? POLLOUT : 0))},
        {.fd = pump->session->wake, .events = POLLIN},
    };
    poll(ready, 3, (int)left_ms);
    if (ready[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        pump->hung_up = true;
}

/* One turn: moves what can be moved, or waits. False when the connection is to end. */
static bool turn(struct pump *pump)
{
    bool progress = false;
    eventfd_t woken;
    eventfd_read(pump->session->wake, &woken);
    bool ended = pump->session->ended;
    if (pump->greeter_runs && pump->greeting != GREETING_RUNS && !finish_greeting(pump))
        return false;
    if (ended && !pump->session->draining)
        return stop(pump, pump->session->end, session_end_name(pump->session->end));
    /* When no worker has anything to do, all the library's answers can be read. */
    bool turn_of_refusal = pump->refusal && session_workers_idle(pump->workers, pump->session);
    if (!pull_library(pump, &progress))
        return false;
    if (turn_of_refusal && !put_refusal(pump))
        return false;
    progress |= turn_of_refusal;
    if (!push_client(pump, &progress) || (pump->message && !push_message(pump, &progress)) ||
        !pull_client(pump, &progress))
        return false;
    if (progress)
        return true;
    if (!goes_on(pump, ended))
        return false;
    wait_for_news(pump);
    return true;
}

/* Gives the last octets a chance to leave libraries' own memory. */
static void flush(struct stream *stream)
{
    int64_t deadline_ms = stream_now_ms() + DRAIN_TIMEOUT_MS;
    struct error ignored;
    while (!stream->operations->flushed(stream) &&
           stream_wait(stream, POLLOUT, deadline_ms, &ignored))
        ;
}

static void finish(struct pump *pump)
{
    if (pump->near >= 0)
        shutdown(pump->near, SHUT_RDWR); /* whoever reads or writes at the far end stops */
    if (pump->greeter_runs) {
        pthread_join(pump->greeter, NULL);
        if (pump->netconf)
            nc_session_free(pump->netconf, NULL);
    }
    session_workers_forget(pump->workers, pump->session);
    sessions_leave(pump->session, pump->end);
    if (pump->near >= 0) {
        close(pump->near);
        close(pump->far);
    }
    release_output(pump);
    free(pump->refusal);
    framing_guard_clear(&pump->guard);
    free(pump);
}

/* Writes TEXT for as long as the client takes it. */
static void write_all(struct stream *stream, const char *text, size_t length)
{
    int64_t deadline_ms = stream_now_ms() + REFUSAL_TIMEOUT_MS;
    struct error ignored;
    while (length) {
        ssize_t put = stream->operations->write(stream, text, length);
        if (put < 0 || (put == 0 && !stream_wait(stream, POLLOUT, deadline_ms, &ignored)))
            return;
        text += put;
        length -= (size_t)put;
    }
    flush(stream);
}

/* There is no session in which it could be said: in the place of the hello stands an error of the
 * transport, for people and for clients that show what they get. What the client sends meanwhile
 * is read, since a socket that is closed with octets unread takes back what was written. */
static void tell_refused(struct stream *stream, const char *why)
{
    char *text = NULL, unread[512];
    size_t length = 0;
    struct error ignored;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return;
    fputs("<rpc-reply xmlns=\"" NAMESPACE_NETCONF "\"><rpc-error><error-type>transport</error-type>"
          "<error-tag>resource-denied</error-tag><error-severity>error</error-severity>"
          "<error-message xml:lang=\"en\">",
          file);
    xml_text_put(file, why);
    fputs("</error-message></rpc-error></rpc-reply>]]>]]>", file);
    if (fclose(file) == 0)
        write_all(stream, text, length);
    free(text);
    int64_t deadline_ms = stream_now_ms() + REFUSAL_TIMEOUT_MS;
    for (ssize_t got = 0; got >= 0 && stream_now_ms() < deadline_ms;) {
        got = stream->operations->read(stream, unread, sizeof unread);
        if (got == 0 && !stream_wait(stream, POLLIN, deadline_ms, &ignored))
            return;
    }
}

void session_pump(struct sessions *sessions, struct session_workers *workers, struct stream *stream)
{
    struct error error;
    struct session *session =
        sessions_admit(sessions, stream->user, stream->from, stream->transport, &stream->origin,
                       stream->root, &error);
    struct pump *pump = session ? calloc(1, sizeof(*pump)) : NULL;
    if (!pump) {
        log_line("%s from %s is refused: %s", stream->user, stream->from,
                 session ? "memory is short" : error.text);
        tell_refused(stream, session ? "memory is short" : error.text);
        if (session)
            sessions_leave(session, SESSION_OTHER);
        return;
    }
    pump->sessions = sessions;
    pump->workers = workers;
    pump->stream = stream;
    pump->session = session;
    pump->near = -1;
    framing_guard_init(&pump->guard);
    if (start_greeting(pump)) {
        while (turn(pump))
            ;
        flush(stream);
    }
    finish(pump);
}
