/* What the files of the notification streams share: subscriptions and how they are made. */
#ifndef SPANFLOW_NETCONF_NOTIFICATIONS_INTERNAL_H
#define SPANFLOW_NETCONF_NOTIFICATIONS_INTERNAL_H

#include "filter.h"
#include "notifications.h"
#include "replay_log.h"

enum { SUBSCRIPTIONS_MAX = 64 };

/* A session's one subscription. It reads the log until it is at its end, and then takes events as
 * they come. */
struct subscription {
    struct operation_caller caller; /* with texts of its own */
    struct lyd_node *request;       /* copy of the operation, into which the filter points */
    struct filter filter;
    bool replay;
    uint64_t start_ns;
    uint64_t stop_ns; /* UINT64_MAX: none */
    struct replay_position position;
    bool live;
    uint64_t stalled_ns; /* since when the session's queue is full; 0 if it is not */
};

struct notifications {
    struct notification_settings settings;
    struct replay_log *log;
    uint64_t now_ns;
    struct subscription *subscriptions[SUBSCRIPTIONS_MAX];
    size_t subscription_count;
    struct notification_counters counters;
};

/* The subscription that RPC, create-subscription, asks for; the time is NOW_NS. NULL and ERROR if
 * it is refused (RFC 5277, section 2.1.1). subscription_free() frees. */
struct subscription *subscription_create(const struct notifications *notifications,
                                         const struct operation_caller *caller,
                                         const struct lyd_node *rpc, struct rpc_error *error);

/* Frees SUBSCRIPTION; NULL is fine. */
void subscription_free(struct subscription *subscription);

/* Whether EVENT passes the filter: whether the filter selects anything of it. The event is then
 * sent as a whole (RFC 5277, section 2.1.1; section 3.6). False also when there is no memory. */
bool subscription_passes(const struct subscription *subscription, const struct lyd_node *event);

#endif
