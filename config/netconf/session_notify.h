/*
 * Event notifications on their way to sessions (RFC 5277, section 4).
 */
#ifndef SPANFLOW_NETCONF_SESSION_NOTIFY_H
#define SPANFLOW_NETCONF_SESSION_NOTIFY_H

#include "operation.h"

enum notify_result {
    NOTIFY_SENT, /* it is on its way */
    NOTIFY_FULL, /* too much waits for that client already; nothing was sent */
    NOTIFY_GONE, /* there is no such session any more */
};

/* Sends NOTIFICATION (a notification, or the tree that holds one; copied) with the eventTime
 * TIME_NS since 1970 to SESSION. Does not wait for the client. With or without the mutex of
 * operations. */
enum notify_result server_send_notification(struct netconf_server *server, uint32_t session,
                                            uint64_t time_ns, const struct lyd_node *notification);

/* Ends SESSION because its client does not take its notifications, and counts it. Under the mutex
 * of operations. */
void server_drop_subscriber(struct netconf_server *server, uint32_t session);

#endif
