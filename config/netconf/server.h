/*
 * The parts of the process joined: datastores, access control, notifications and the audit log
 * behind the sessions, and the daemon behind them. What a part needs of another is a hook, and the
 * hooks are here.
 *
 * Times: the datastores have the monotonic clock, notifications the wall clock.
 */
#ifndef SPANFLOW_NETCONF_SERVER_H
#define SPANFLOW_NETCONF_SERVER_H

#include <jansson.h>

#include "control/control_client.h"
#include "datastore.h"
#include "dispatch.h"
#include "events.h"
#include "notifications.h"
#include "sessions.h"
#include "transport.h"

struct server;

/* What the process has when the server is made; all outlives it. */
struct server_parts {
    struct netconf_server *netconf; /* with context and control; the rest is filled in */
    struct control_client *control;
    const json_t *hello;         /* of the daemon */
    struct events *events;       /* of the daemon, which server_turn() sends */
    struct transport *transport; /* configured by the server from now on */
    int wake;                    /* an eventfd of the thread that calls server_turn() */
};

/* The tables of all operations, for the dispatcher; ended by NULL. */
extern const struct operation_row *const server_tables[];

/* Opens store, audit log and replay log, makes running what is stored or what the daemon runs, and
 * opens the transports. NULL and one line in ERROR. Main thread, before sessions. */
struct server *server_create(const struct server_parts *parts, struct error *error);

/* Frees it; no session is left. NULL is fine. */
void server_destroy(struct server *server);

/* The hooks of sessions and the dispatcher: they find the server by its netconf_server. */
extern const struct session_hooks server_session_hooks;
extern const struct dispatch_settings server_dispatch;

/* Does what time asks of notifications and transports, and sends events. Returns after how many
 * milliseconds to call again, -1: when woken. Main thread, without the mutex of operations. */
int server_turn(struct server *server);

/* Nothing asks the daemon any more when this returns, if no session is left either. Main thread,
 * without the mutex of operations; NULL is fine. */
void server_stop(struct server *server);

/* Asks for the audit log to be opened again. Main thread. */
void server_reopen_audit(struct server *server);

#endif
