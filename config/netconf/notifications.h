/*
 * Event notifications of RFC 5277: the stream NETCONF, its subscriptions and its replay log, and
 * the notifications of RFC 6470 that speak of sessions (those about configuration come from the
 * datastores, those about capabilities from library_news.h). Knows no transport and no clock:
 * sending is a hook, time an argument (nanoseconds since 1970, wall clock).
 *
 * Not locked: the dispatcher's mutex is held around each call.
 *
 * A subscription is made by the operation create-subscription and does its first work in the next
 * notifications_step(), so that the reply is on its way before the first event.
 */
#ifndef SPANFLOW_NETCONF_NOTIFICATIONS_H
#define SPANFLOW_NETCONF_NOTIFICATIONS_H

#include "access.h"
#include "base/error.h"

struct notifications;

enum notification_result {
    NOTIFICATION_SENT, /* in the session's queue, or already out */
    NOTIFICATION_FULL, /* the session's queue has no room */
    NOTIFICATION_GONE, /* there is no such session any more */
};

struct notification_settings {
    const struct ly_ctx *context; /* with notifications, nc-notifications and
                                     ietf-netconf-notifications; outlives the streams */
    struct access *access;        /* asked for each subscriber */
    const char *folder;      /* of the store: the log is in FOLDER/notifications; NULL: volatile,
                                the log is in memory only */
    uint64_t log_octets_max; /* bound of the log: the oldest go first; 0 keeps none */
    uint64_t now_ns;
    /* Hands NOTIFICATION with its eventTime to SESSION. Copies what it keeps, never waits, and does
     * not call back. A live event that finds the queue full ends the subscription (and is counted);
     * a replay pauses instead and goes on in a later notifications_step(). */
    enum notification_result (*send)(void *send_context, uint32_t session, uint64_t time_ns,
                                     const struct lyd_node *notification);
    /* May be NULL: SESSION did not keep up and gets no more events; the transport ends it, because
     * nothing else could tell the client. Does not call back. */
    void (*drop)(void *send_context, uint32_t session);
    void *send_context;
};

/* For /spanflow/state and tests. */
struct notification_counters {
    uint64_t events;              /* published */
    uint64_t sent;                /* handed to sessions, replayed ones included */
    uint64_t dropped_subscribers; /* ended because they did not keep up */
    uint64_t log_failures;        /* events that could not be written to the log */
    uint64_t log_damaged;         /* pieces of the log that were found damaged and left out */
    uint64_t log_octets;          /* in the log now */
    uint32_t subscriptions;       /* now */
};

/* Opens the log, of which everything whole survives, and the stream. NULL and ERROR when the folder
 * cannot be used. notifications_close() frees. */
struct notifications *notifications_open(const struct notification_settings *settings,
                                         struct error *error);

/* Writes out the log and frees; subscriptions end without a word. NULL is fine. */
void notifications_close(struct notifications *notifications);

/* Another bound for the log, as configured; what is too much goes at once. */
void notifications_set_log_size(struct notifications *notifications, uint64_t octets_max);

/* Publishes EVENT (taken and freed in any case; a notification, or the tree that holds one): it
 * goes to the log and to every subscriber that may see it and whose filter it passes. */
void notifications_publish(struct notifications *notifications, uint64_t now_ns,
                           struct lyd_node *event);

/* Tells the time, by which the times in create-subscription are judged. The dispatcher calls it
 * before each operation. */
void notifications_tick(struct notifications *notifications, uint64_t now_ns);

/* Starts, replays, ends: what subscriptions have to do until NOW_NS, in bounded pieces. Returns
 * true if there is more to do at once. The dispatcher calls it after a reply has been handed to the
 * session, when a queue that was full has room, and at notifications_deadline(). */
bool notifications_step(struct notifications *notifications, uint64_t now_ns);

/* Wall time at which notifications_step() has to be called at the latest; UINT64_MAX for never. */
uint64_t notifications_deadline(const struct notifications *notifications);

/* Whether SESSION has a subscription; with interleave it may invoke operations all the same. The
 * transport lets a subscribed session be idle. */
bool notifications_subscribed(const struct notifications *notifications, uint32_t session);

/* SESSION is over: its subscription too. Call it before the session is freed. */
void notifications_session_ended(struct notifications *notifications, uint32_t session);

/* Publishes netconf-session-start of RFC 6470 for CALLER. CALLER->from may be "local" or a text
 * that is no address: then source-host is left out. */
void notifications_session_start(struct notifications *notifications, uint64_t now_ns,
                                 const struct operation_caller *caller);

/* Publishes netconf-session-end. REASON is "closed", "killed", "dropped", "timeout", "bad-hello" or
 * "other"; KILLED_BY the session that did it, or 0. */
void notifications_session_end(struct notifications *notifications, uint64_t now_ns,
                               const struct operation_caller *caller, const char *reason,
                               uint32_t killed_by);

/* Adds nc-notifications:netconf/streams to the siblings *TREE. False when there is no memory. */
bool notifications_state(const struct notifications *notifications, struct lyd_node **tree);

/* The counters, as of now. */
void notifications_count(const struct notifications *notifications,
                         struct notification_counters *counters);

/* The operation create-subscription of the module notifications. netconf_server.notifications is
 * the struct notifications, and notifications_tick() has told the time. */
extern const struct operation_row notification_operations[];

#endif
