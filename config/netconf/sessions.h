/*
 * The NETCONF sessions of the process: who may have one, which are open, what they did, and how
 * one is ended. Transports, workers, operations and notifications meet here.
 *
 * A session belongs to the thread of its connection (session_pump.h), which makes it, and frees it
 * when nobody holds it any more. Everybody else holds it for a moment (sessions_hold(),
 * sessions_release()). All functions may be called from any thread, unless they say otherwise.
 */
#ifndef SPANFLOW_NETCONF_SESSIONS_H
#define SPANFLOW_NETCONF_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "operation.h"

struct nc_pollsession;
struct nc_session;

enum {
    SESSIONS_MAX = 32,          /* at once, over all transports */
    SESSIONS_OF_USER_MAX = 4,   /* at once; over the local socket and over networks counted apart */
    LOGINS_TOLD_MAX = 60,       /* refused logins that the hook is told in a minute */
    SESSIONS_LOCAL_RESERVED = 1 /* further ones over the local socket when all others are taken */
};

enum session_transport { SESSION_LOCAL, SESSION_SSH, SESSION_TLS };

/* Why a session ended; the words of RFC 6470, section 2.2. */
enum session_end {
    SESSION_CLOSED,  /* by close-session */
    SESSION_KILLED,  /* by kill-session */
    SESSION_DROPPED, /* the connection broke, or the client did not read */
    SESSION_TIMEOUT, /* the client said no hello in time */
    SESSION_BAD_HELLO,
    SESSION_OTHER /* the server ends, or the configuration lets the session in no more */
};

/* What RFC 6022, section 2.1.4, counts for each session. */
struct session_counters {
    _Atomic uint32_t in_rpcs;
    _Atomic uint32_t in_bad_rpcs;
    _Atomic uint32_t out_rpc_errors;
    _Atomic uint32_t out_notifications;
};

/* And for all of them together (section 2.1.5), with what only this server counts. */
struct session_totals {
    struct session_counters counters;
    _Atomic uint32_t in_bad_hellos;
    _Atomic uint32_t in_sessions;
    _Atomic uint32_t dropped_sessions;
    _Atomic uint32_t refused_sessions; /* too many at once */
    _Atomic uint32_t refused_messages; /* by the framing guard */
    _Atomic uint32_t slow_readers;     /* dropped because they did not read */
    _Atomic uint32_t failed_logins;
};

/* By what a session of a network was let in: it ends when the configuration has it no more. */
struct session_origin {
    int kind;        /* enum endpoint_kind, of the list that the entry is in */
    char entry[256]; /* the entry by which the connection came */
    char proof[128]; /* which key, certificate or password it was */
};

struct session {
    struct sessions *sessions;
    struct session_origin origin; /* zeros over the local socket */
    char user[256];
    char from[64]; /* address, or "local" */
    enum session_transport transport;
    bool root;                  /* local and of uid 0: the recovery session */
    uint32_t id;                /* 0 until the hello is through */
    time_t login;               /* when the hello was through */
    struct nc_session *netconf; /* of the library, with POLL around it; NULL until then */
    struct nc_pollsession *poll;
    struct session_counters counters;
    atomic_size_t waiting; /* octets that the client has not taken yet */
    int wake;              /* an eventfd: the connection's thread has something to look at */
    atomic_bool ended;     /* nothing runs for it any more */
    atomic_bool draining;  /* what is written already still goes out */
    enum session_end end;  /* why, once it ended */
    uint32_t killed_by;
    /* Under the lock of the list. */
    unsigned holders;
    struct session *next;
    /* Under the lock of the workers. */
    unsigned messages; /* that a worker has still to read */
    bool running;
    struct session *next_ready;
};

/* What others do when sessions come and go; under the mutex of operations. Each may be NULL. */
struct session_hooks {
    void (*started)(struct netconf_server *server, const struct operation_caller *caller);
    /* Locks, subscriptions and confirmed commits of CALLER's session end here. */
    void (*ended)(struct netconf_server *server, const struct operation_caller *caller,
                  enum session_end end, uint32_t killed_by);
    /* Somebody who says to be CALLER (session 0) could not prove it; WHY is one line. At most
     * LOGINS_TOLD_MAX a minute, because strangers decide how many there are. */
    void (*refused)(struct netconf_server *server, const struct operation_caller *caller,
                    const char *why);
    /* A message has been answered, the reply is on its way. */
    void (*served)(struct netconf_server *server);
};

/* An empty list, put into SERVER; HOOKS is copied. NULL if memory is short. */
struct sessions *sessions_create(struct netconf_server *server, const struct session_hooks *hooks);

/* Frees the list, which must be empty again. NULL is allowed. */
void sessions_destroy(struct sessions *sessions);

/* The server, and the counters of all sessions; they live as long as the list. */
struct netconf_server *sessions_server(struct sessions *sessions);
struct session_totals *sessions_totals(struct sessions *sessions);

/* A session for USER, who came FROM, if the limits permit one more. NULL and ERROR if not. The
 * caller frees it with sessions_leave(). ORIGIN is copied; NULL over the local socket. */
struct session *sessions_admit(struct sessions *sessions, const char *user, const char *from,
                               enum session_transport transport,
                               const struct session_origin *origin, bool root, struct error *error);

/* From now on only sessions are admitted that PERMITTED (NULL: all) says yes to, which is called
 * with the list locked and must not call functions of this header; those that are there already
 * are left to sessions_end_others(). Any thread. */
void sessions_set_permission(struct sessions *sessions,
                             bool (*permitted)(void *context, const struct session *session),
                             void *context);

/* Makes SESSION one that others see: its hello is through and NETCONF is the library's session,
 * which SESSION owns from now on. Tells the hook. False if memory is short; NETCONF is freed. */
bool sessions_open(struct session *session, struct nc_session *netconf);

/* Ends SESSION for good, by its connection's thread alone: because of END unless it has ended
 * before, waits until nobody holds it, and frees it with its library session. */
void sessions_leave(struct session *session, enum session_end end);

/* No operation starts for SESSION from now on, and its connection's thread is woken to leave. The
 * hook is told at once, so that locks are free when this returns. The first reason stays. The
 * caller holds SESSION and the mutex of operations. */
void sessions_end(struct session *session, enum session_end end, uint32_t by);

/* The open session ID, or NULL if there is none or it has ended; held until
 * sessions_release(). */
struct session *sessions_hold(struct sessions *sessions, uint32_t id);

/* Gives a held session back. */
void sessions_release(struct session *session);

/* Calls VISIT for each open session, oldest first, until it returns false. VISIT must not call
 * functions of this header. */
void sessions_each(struct sessions *sessions, bool (*visit)(void *context, struct session *session),
                   void *context);

/* Wakes the threads of all connections and makes them leave. Without operations' mutex. */
void sessions_end_all(struct sessions *sessions);

/* Ends the sessions that would not be admitted any more. Without operations' mutex; false, and
 * nothing is done, if somebody has it: who accepts connections does not wait for a commit. */
bool sessions_end_others(struct sessions *sessions);

/* A login was refused: counts it and tells the hook. USER is who the client says to be. Without
 * operations' mutex. */
void sessions_login_refused(struct sessions *sessions, const char *user, const char *from,
                            bool local, const char *why);

/* A message has been answered: tells the hook. Without operations' mutex. */
void sessions_served(struct sessions *sessions);

/* Who asks, as operations see it; the texts are SESSION's. */
struct operation_caller session_caller(const struct session *session);

/* The word of RFC 6470 for END. */
const char *session_end_name(enum session_end end);

/* The one mutex under which operations run, one at a time: the dispatcher takes it for each, others
 * (timers, news of the daemon) for what they do to datastores. Not recursive. */
void operations_lock(struct netconf_server *server);
void operations_unlock(struct netconf_server *server);

/* Gives the mutex away until somebody else has held it, or until the monotonic time UNTIL_NS: then
 * false. */
bool operations_wait(struct netconf_server *server, uint64_t until_ns);

#endif
