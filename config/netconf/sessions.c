/*
 * The list of sessions. Two locks, taken in this order: the mutex of operations, then that of the
 * list, which is held for moments only.
 */
#include "sessions.h"

#include <libyang/libyang.h>
#include <nc_server.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

enum { ROOM_WAIT_S = 1 };

struct sessions {
    struct netconf_server *server;
    struct session_hooks hooks;
    struct session_totals totals;
    pthread_mutex_t operations;
    pthread_cond_t operated; /* with it: somebody has given it back */
    pthread_mutex_t lock;    /* what follows */
    pthread_cond_t released;
    struct session *first; /* admitted ones, oldest first */
    bool (*permitted)(void *context, const struct session *session);
    void *permitted_context;
    time_t minute; /* in which refused logins are counted */
    unsigned told; /* of them to the hook */
};

struct sessions *sessions_create(struct netconf_server *server, const struct session_hooks *hooks)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return NULL;
    sessions->server = server;
    sessions->hooks = *hooks;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sessions->operated, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&sessions->operations, NULL);
    pthread_mutex_init(&sessions->lock, NULL);
    pthread_cond_init(&sessions->released, NULL);
    server->sessions = sessions;
    return sessions;
}

void sessions_destroy(struct sessions *sessions)
{
    if (!sessions)
        return;
    check(sessions->first == NULL);
    sessions->server->sessions = NULL;
    pthread_cond_destroy(&sessions->released);
    pthread_cond_destroy(&sessions->operated);
    pthread_mutex_destroy(&sessions->lock);
    pthread_mutex_destroy(&sessions->operations);
    free(sessions);
}

struct netconf_server *sessions_server(struct sessions *sessions)
{
    return sessions->server;
}

struct session_totals *sessions_totals(struct sessions *sessions)
{
    return &sessions->totals;
}

void operations_lock(struct netconf_server *server)
{
    struct sessions *sessions = server->sessions;
    pthread_mutex_lock(&sessions->operations);
}

void operations_unlock(struct netconf_server *server)
{
    struct sessions *sessions = server->sessions;
    pthread_cond_broadcast(&sessions->operated);
    pthread_mutex_unlock(&sessions->operations);
}

bool operations_wait(struct netconf_server *server, uint64_t until_ns)
{
    const uint64_t second_ns = 1000000000;
    struct sessions *sessions = server->sessions;
    struct timespec until = {.tv_sec = (time_t)(until_ns / second_ns),
                             .tv_nsec = (long)(until_ns % second_ns)};
    return pthread_cond_timedwait(&sessions->operated, &sessions->operations, &until) == 0;
}

struct operation_caller session_caller(const struct session *session)
{
    return (struct operation_caller){.user = session->user,
                                     .session = session->id,
                                     .local = session->transport == SESSION_LOCAL,
                                     .root = session->root,
                                     .from = session->from};
}

const char *session_end_name(enum session_end end)
{
    static const char *const names[] = {"closed",  "killed",    "dropped",
                                        "timeout", "bad-hello", "other"};
    return names[end];
}

/* Whether there is room for one more. Under the lock. */
static bool has_room(const struct sessions *sessions, const char *user, bool local,
                     struct error *error)
{
    unsigned all = 0;
    unsigned of_user = 0;
    for (const struct session *it = sessions->first; it; it = it->next) {
        bool same_way = (it->transport == SESSION_LOCAL) == local;
        all++;
        of_user += same_way && strcmp(it->user, user) == 0;
    }
    if (of_user >= SESSIONS_OF_USER_MAX) {
        error_set(error, "user %s has %d sessions already: close one", user, SESSIONS_OF_USER_MAX);
        return false;
    }
    if (all >= (unsigned)SESSIONS_MAX + (local ? SESSIONS_LOCAL_RESERVED : 0)) {
        error_set(error, "%u sessions are open already: close one, or end one with kill-session",
                  all);
        return false;
    }
    return true;
}

/* The same, but a session whose client has just left may still be on its way out. */
static bool wait_for_room(struct sessions *sessions, const char *user, bool local,
                          struct error *error)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += ROOM_WAIT_S;
    while (!has_room(sessions, user, local, error))
        if (pthread_cond_timedwait(&sessions->released, &sessions->lock, &end) != 0)
            return has_room(sessions, user, local, error);
    return true;
}

/* Under the lock. */
static bool is_permitted(const struct sessions *sessions, const struct session *session)
{
    return !sessions->permitted || sessions->permitted(sessions->permitted_context, session);
}

void sessions_set_permission(struct sessions *sessions,
                             bool (*permitted)(void *context, const struct session *session),
                             void *context)
{
    pthread_mutex_lock(&sessions->lock);
    sessions->permitted = permitted;
    sessions->permitted_context = context;
    pthread_mutex_unlock(&sessions->lock);
}

struct session *sessions_admit(struct sessions *sessions, const char *user, const char *from,
                               enum session_transport transport,
                               const struct session_origin *origin, bool root, struct error *error)
{
    struct session *session = calloc(1, sizeof(*session));
    int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!session || wake < 0) {
        error_set(error, "no memory or no descriptor for one more session");
        goto refused;
    }
    session->sessions = sessions;
    session->wake = wake;
    session->transport = transport;
    session->root = root;
    if (origin)
        session->origin = *origin;
    snprintf(session->user, sizeof(session->user), "%s", user);
    snprintf(session->from, sizeof(session->from), "%s", from);
    pthread_mutex_lock(&sessions->lock);
    bool room = wait_for_room(sessions, session->user, transport == SESSION_LOCAL, error);
    if (room && !is_permitted(sessions, session)) {
        error_set(error, "the configuration has changed and does not let the user in any more");
        room = false;
    }
    if (room) {
        struct session **last = &sessions->first;
        while (*last)
            last = &(*last)->next;
        *last = session;
    }
    pthread_mutex_unlock(&sessions->lock);
    if (room)
        return session;
    sessions->totals.refused_sessions++;
refused:
    if (wake >= 0)
        close(wake);
    free(session);
    return NULL;
}

bool sessions_open(struct session *session, struct nc_session *netconf)
{
    struct sessions *sessions = session->sessions;
    struct nc_pollsession *poll = nc_ps_new();
    if (!poll || nc_ps_add_session(poll, netconf) != 0) {
        nc_ps_free(poll);
        nc_session_free(netconf, NULL);
        return false;
    }
    nc_session_set_data(netconf, session);
    operations_lock(sessions->server);
    pthread_mutex_lock(&sessions->lock);
    session->netconf = netconf;
    session->poll = poll;
    session->login = time(NULL);
    session->id = nc_session_get_id(netconf);
    pthread_mutex_unlock(&sessions->lock);
    sessions->totals.in_sessions++;
    if (sessions->hooks.started) {
        struct operation_caller caller = session_caller(session);
        sessions->hooks.started(sessions->server, &caller);
    }
    operations_unlock(sessions->server);
    return true;
}

void sessions_end(struct session *session, enum session_end end, uint32_t by)
{
    struct sessions *sessions = session->sessions;
    if (!session->ended) {
        session->end = end;
        session->killed_by = by;
        session->ended = true;
        if (end == SESSION_DROPPED)
            sessions->totals.dropped_sessions++;
        if (session->id != 0 && sessions->hooks.ended) {
            struct operation_caller caller = session_caller(session);
            sessions->hooks.ended(sessions->server, &caller, end, by);
        }
    }
    eventfd_write(session->wake, 1);
}

void sessions_leave(struct session *session, enum session_end end)
{
    struct sessions *sessions = session->sessions;
    /* What runs for it now is waited for: an operation ends as if the client were there. */
    operations_lock(sessions->server);
    sessions_end(session, end, 0);
    operations_unlock(sessions->server);
    pthread_mutex_lock(&sessions->lock);
    while (session->holders > 0)
        pthread_cond_wait(&sessions->released, &sessions->lock);
    struct session **at = &sessions->first;
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    pthread_cond_broadcast(&sessions->released);
    pthread_mutex_unlock(&sessions->lock);
    if (session->netconf) {
        nc_ps_del_session(session->poll, session->netconf);
        nc_ps_free(session->poll);
        nc_session_free(session->netconf, NULL);
    }
    close(session->wake);
    free(session);
}

struct session *sessions_hold(struct sessions *sessions, uint32_t id)
{
    pthread_mutex_lock(&sessions->lock);
    struct session *session = id ? sessions->first : NULL;
    while (session && (session->id != id || session->ended))
        session = session->next;
    if (session)
        session->holders++;
    pthread_mutex_unlock(&sessions->lock);
    return session;
}

void sessions_release(struct session *session)
{
    struct sessions *sessions = session->sessions;
    pthread_mutex_lock(&sessions->lock);
    check(session->holders > 0);
    session->holders--;
    pthread_cond_broadcast(&sessions->released);
    pthread_mutex_unlock(&sessions->lock);
}

void sessions_each(struct sessions *sessions, bool (*visit)(void *context, struct session *session),
                   void *context)
{
    pthread_mutex_lock(&sessions->lock);
    for (struct session *session = sessions->first; session; session = session->next) {
        if (session->id != 0 && !session->ended && !visit(context, session))
            break;
    }
    pthread_mutex_unlock(&sessions->lock);
}

void sessions_login_refused(struct sessions *sessions, const char *user, const char *from,
                            bool local, const char *why)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sessions->totals.failed_logins++;
    pthread_mutex_lock(&sessions->lock);
    if (sessions->minute != now.tv_sec / 60) {
        sessions->minute = now.tv_sec / 60;
        sessions->told = 0;
    }
    bool tell = sessions->told < LOGINS_TOLD_MAX;
    sessions->told += tell;
    pthread_mutex_unlock(&sessions->lock);
    if (!tell || !sessions->hooks.refused)
        return;
    struct operation_caller caller = {.user = user, .local = local, .from = from};
    operations_lock(sessions->server);
    sessions->hooks.refused(sessions->server, &caller, why);
    operations_unlock(sessions->server);
}

void sessions_served(struct sessions *sessions)
{
    if (!sessions->hooks.served)
        return;
    operations_lock(sessions->server);
    sessions->hooks.served(sessions->server);
    operations_unlock(sessions->server);
}

/* Holds and ends one session after the other, because ending tells hooks, which take locks. Under
 * the mutex of operations. */
static void end_matching(struct sessions *sessions, bool all)
{
    for (;;) {
        pthread_mutex_lock(&sessions->lock);
        struct session *session = sessions->first;
        while (session && (session->ended || (!all && is_permitted(sessions, session))))
            session = session->next;
        if (session)
            session->holders++;
        pthread_mutex_unlock(&sessions->lock);
        if (!session)
            break;
        session->draining = session->draining || all; /* its last answers */
        sessions_end(session, SESSION_OTHER, 0);
        sessions_release(session);
    }
}

void sessions_end_all(struct sessions *sessions)
{
    operations_lock(sessions->server);
    end_matching(sessions, true);
    operations_unlock(sessions->server);
}

bool sessions_end_others(struct sessions *sessions)
{
    if (pthread_mutex_trylock(&sessions->operations) != 0)
        return false;
    end_matching(sessions, false);
    operations_unlock(sessions->server);
    return true;
}
