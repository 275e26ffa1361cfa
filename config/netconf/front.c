/*
 * The threads of connections and the list in which they can be found to be ended.
 */
#include "front.h"

#include <libyang/libyang.h>
#include <nc_server.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "log.h"
#include "session_pump.h"

enum { LAST_ANSWERS_S = 1 }; /* at the end of the process */

struct connection {
    struct connection *next;
    struct front *front;
    struct stream *stream;
    const void *tag;
    bool handshake; /* the user is not known yet */
};

struct front {
    struct sessions *sessions;
    struct session_workers *workers;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    struct connection *first;
    unsigned threads;
    bool stopping;
};

struct front *front_create(struct sessions *sessions, struct session_workers *workers)
{
    struct front *front = calloc(1, sizeof(*front));
    if (!front)
        return NULL;
    front->sessions = sessions;
    front->workers = workers;
    pthread_mutex_init(&front->lock, NULL);
    pthread_cond_init(&front->changed, NULL);
    return front;
}

/* Breaks the matching connections off: their threads see the end of their streams. */
static void break_off(struct front *front, const void *tag, bool all)
{
    for (struct connection *it = front->first; it; it = it->next) {
        if (all || it->tag == tag)
            shutdown(it->stream->fd, SHUT_RDWR);
    }
}

/* Clients that are logged in get what is written for them; who reads nothing is broken off. */
static void let_go(struct front *front)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LAST_ANSWERS_S;
    for (struct connection *it = front->first; it; it = it->next) {
        if (it->handshake)
            shutdown(it->stream->fd, SHUT_RDWR);
    }
    while (front->first || front->threads > 0)
        if (pthread_cond_timedwait(&front->changed, &front->lock, &until) != 0)
            break;
    break_off(front, NULL, true);
}

void front_destroy(struct front *front)
{
    if (!front)
        return;
    pthread_mutex_lock(&front->lock);
    front->stopping = true;
    pthread_mutex_unlock(&front->lock);
    sessions_end_all(front->sessions);
    pthread_mutex_lock(&front->lock);
    let_go(front);
    while (front->first || front->threads > 0)
        pthread_cond_wait(&front->changed, &front->lock);
    pthread_mutex_unlock(&front->lock);
    pthread_cond_destroy(&front->changed);
    pthread_mutex_destroy(&front->lock);
    free(front);
}

void front_end_tagged(struct front *front, const void *tag)
{
    pthread_mutex_lock(&front->lock);
    break_off(front, tag, false);
    pthread_mutex_unlock(&front->lock);
}

/* Whether there is room for STREAM. Under the lock. */
static bool has_room(const struct front *front, const struct stream *stream)
{
    bool local = stream->transport == SESSION_LOCAL;
    unsigned others = 0;
    for (const struct connection *it = front->first; it; it = it->next) {
        if ((it->stream->transport == SESSION_LOCAL) == local)
            others += local || it->handshake;
    }
    return !front->stopping && others < (unsigned)(local ? LOCAL_CONNECTIONS_MAX : HANDSHAKES_MAX);
}

/* Puts a connection into the list. NULL: there is no room, and STREAM is gone. */
static struct connection *enter(struct front *front, struct stream *stream, const void *tag)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    pthread_mutex_lock(&front->lock);
    bool room = connection && has_room(front, stream);
    if (room) {
        *connection = (struct connection){
            .next = front->first, .front = front, .stream = stream, .tag = tag, .handshake = true};
        front->first = connection;
        front->threads++;
    }
    pthread_mutex_unlock(&front->lock);
    if (room)
        return connection;
    log_line("a connection from %s is refused: too many at once", stream->from);
    sessions_totals(front->sessions)->refused_sessions++;
    stream->operations->destroy(stream);
    free(connection);
    return NULL;
}

/* Takes it out again; STREAM is gone then. */
static void leave(struct connection *connection)
{
    struct front *front = connection->front;
    struct stream *stream = connection->stream;
    pthread_mutex_lock(&front->lock);
    struct connection **at = &front->first;
    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    pthread_mutex_unlock(&front->lock);
    stream->operations->destroy(stream);
    free(connection);
    pthread_mutex_lock(&front->lock);
    front->threads--;
    pthread_cond_broadcast(&front->changed);
    pthread_mutex_unlock(&front->lock);
}

/* Login, session, end. Returns whether the user was let in. */
static bool serve(struct connection *connection)
{
    struct front *front = connection->front;
    struct stream *stream = connection->stream;
    struct error error;
    bool known =
        stream->operations->handshake(stream, stream_now_ms() + HANDSHAKE_TIMEOUT_MS, &error);
    pthread_mutex_lock(&front->lock);
    connection->handshake = false;
    bool stopping = front->stopping;
    pthread_mutex_unlock(&front->lock);
    if (!known) {
        if (stream->refused)
            sessions_login_refused(front->sessions, stream->user, stream->from,
                                   stream->transport == SESSION_LOCAL, error.text);
        log_line("a connection from %s ends: %s", stream->from, error.text);
    } else if (!stopping) {
        session_pump(front->sessions, front->workers, stream);
    }
    leave(connection);
    return known;
}

bool front_serve(struct front *front, struct stream *stream, const void *tag,
                 const atomic_bool *ending)
{
    struct connection *connection = enter(front, stream, tag);
    if (connection && *ending)
        shutdown(stream->fd, SHUT_RDWR);
    return connection && serve(connection);
}

static void *run(void *context)
{
    serve(context);
    nc_thread_destroy();
    return NULL;
}

bool front_start_thread(void *(*run_thread)(void *), void *context)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, CONNECTION_STACK);
    bool good = pthread_create(&thread, &attributes, run_thread, context) == 0;
    pthread_attr_destroy(&attributes);
    return good;
}

void front_accept(struct front *front, struct stream *stream)
{
    struct connection *connection = enter(front, stream, NULL);
    if (connection && !front_start_thread(run, connection)) {
        log_line("a connection from %s is refused: no thread for it", stream->from);
        leave(connection);
    }
}
