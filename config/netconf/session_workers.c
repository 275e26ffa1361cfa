/*
 * The queue of sessions that have messages, and the threads that take from it. The library's own
 * way, polling all sessions in a loop, would wake many thousand times a second for nothing.
 */
#include "session_workers.h"

#include <libyang/libyang.h>
#include <nc_server.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/check.h"

/* A message that is announced is written at once; only a mistake of ours makes it stay away. */
enum { MESSAGE_TIMEOUT_MS = 10000 };

struct session_workers {
    struct sessions *sessions;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct session *ready; /* have messages, and no worker */
    bool stopping;
    unsigned serving; /* workers that have a session */
    unsigned threads;
    pthread_t thread[SESSION_WORKERS];
};

static void append_ready(struct session_workers *workers, struct session *session)
{
    struct session **last = &workers->ready;
    while (*last)
        last = &(*last)->next_ready;
    session->next_ready = NULL;
    *last = session;
}

/* Lets the library read one message, call the dispatcher and write the answer. */
static void serve(struct session *session)
{
    struct session_totals *totals = sessions_totals(session->sessions);
    int result = nc_ps_poll(session->poll, MESSAGE_TIMEOUT_MS, NULL);
    if (result & NC_PSPOLL_RPC) {
        session->counters.in_rpcs++;
        totals->counters.in_rpcs++;
    }
    if (result & NC_PSPOLL_BAD_RPC) {
        session->counters.in_bad_rpcs++;
        totals->counters.in_bad_rpcs++;
    }
    if (result & NC_PSPOLL_REPLY_ERROR) {
        session->counters.out_rpc_errors++;
        totals->counters.out_rpc_errors++;
    }
    if (result & (NC_PSPOLL_SESSION_TERM | NC_PSPOLL_SESSION_ERROR | NC_PSPOLL_ERROR)) {
        operations_lock(sessions_server(session->sessions));
        session->draining = true;
        sessions_end(session,
                     nc_session_get_term_reason(session->netconf) == NC_SESSION_TERM_CLOSED
                         ? SESSION_CLOSED
                         : SESSION_DROPPED,
                     0);
        operations_unlock(sessions_server(session->sessions));
    }
    sessions_served(session->sessions);
}

static void *work(void *context)
{
    struct session_workers *workers = context;
    pthread_mutex_lock(&workers->lock);
    while (!workers->stopping) {
        struct session *session = workers->ready;
        if (!session) {
            pthread_cond_wait(&workers->changed, &workers->lock);
            continue;
        }
        workers->ready = session->next_ready;
        session->running = true;
        workers->serving++;
        session->messages--;
        pthread_mutex_unlock(&workers->lock);
        if (!session->ended)
            serve(session);
        pthread_mutex_lock(&workers->lock);
        session->running = false;
        workers->serving--;
        if (session->messages > 0)
            append_ready(workers, session);
        eventfd_write(session->wake, 1);
        pthread_cond_broadcast(&workers->changed);
    }
    pthread_mutex_unlock(&workers->lock);
    nc_thread_destroy();
    return NULL;
}

struct session_workers *session_workers_create(struct sessions *sessions, struct error *error)
{
    struct session_workers *workers = calloc(1, sizeof(*workers));
    if (!workers) {
        error_set(error, "no memory for the threads of sessions");
        return NULL;
    }
    workers->sessions = sessions;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    for (; workers->threads < SESSION_WORKERS; workers->threads++) {
        int failed = pthread_create(&workers->thread[workers->threads], NULL, work, workers);
        if (failed) {
            error_set(error, "no thread for sessions: %s", strerror(failed));
            session_workers_destroy(workers);
            return NULL;
        }
    }
    return workers;
}

void session_workers_settle(struct session_workers *workers, unsigned timeout_s)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_s;
    pthread_mutex_lock(&workers->lock);
    while (workers->ready || workers->serving)
        if (pthread_cond_timedwait(&workers->changed, &workers->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&workers->lock);
}

void session_workers_destroy(struct session_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->threads; i++)
        pthread_join(workers->thread[i], NULL);
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

void session_workers_submit(struct session_workers *workers, struct session *session)
{
    pthread_mutex_lock(&workers->lock);
    session->messages++;
    if (session->messages == 1 && !session->running)
        append_ready(workers, session);
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
}

bool session_workers_idle(struct session_workers *workers, struct session *session)
{
    pthread_mutex_lock(&workers->lock);
    bool idle = session->messages == 0 && !session->running;
    pthread_mutex_unlock(&workers->lock);
    return idle;
}

void session_workers_forget(struct session_workers *workers, struct session *session)
{
    pthread_mutex_lock(&workers->lock);
    for (struct session **at = &workers->ready; *at; at = &(*at)->next_ready) {
        if (*at == session) {
            *at = session->next_ready;
            break;
        }
    }
    session->messages = 0;
    while (session->running)
        pthread_cond_wait(&workers->changed, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
}
