/* The parts joined: made, turned and taken apart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "access.h"
#include "base/clock.h"
#include "library_news.h"
#include "log.h"
#include "rpc_error.h"
#include "server_internal.h"
#include "session_notify.h"
#include "session_operations.h"

static const uint64_t retry_ns = 10000000000;
static const uint64_t settle_ns = 500000000;
static const uint64_t usual_log_octets = 16u << 20;

const struct operation_row *const server_tables[] = {datastore_operations,    session_operations,
                                                     notification_operations, relay_operations,
                                                     version_operations,      NULL};

uint64_t server_wall_ns(void)
{
    return clock_wall_ns();
}

/* There is one process and one server in it; operations know it by the netconf_server only. */
static struct server *the_server;

struct server *server_of(const struct netconf_server *netconf)
{
    (void)netconf;
    return the_server;
}

/* ---- what the dispatcher and the sessions tell ---- */

static void before(struct netconf_server *netconf)
{
    datastore_set_time(netconf->datastore, clock_monotonic_ns());
    notifications_tick(server_of(netconf)->notifications, server_wall_ns());
}

/* Most commits take a moment: one change at a time waits for that before it is refused. */
static void settle(struct netconf_server *netconf)
{
    struct server *server = server_of(netconf);
    uint64_t until_ns = clock_monotonic_ns() + settle_ns;
    datastore_set_time(netconf->datastore, clock_monotonic_ns());
    if (server->settling || !datastore_busy(netconf->datastore))
        return;
    server->settling = true;
    server_timer_wake(server);
    while (datastore_busy(netconf->datastore) && operations_wait(netconf, until_ns))
        ;
    server->settling = false;
}

static bool permitted(struct netconf_server *netconf, const struct operation_caller *caller,
                      const struct lyd_node *rpc, struct rpc_error *error)
{
    return access_check_rpc(netconf->access, caller, rpc, error);
}

static void after(struct netconf_server *netconf, const struct operation_caller *caller,
                  const struct lyd_node *rpc, const struct rpc_error *error)
{
    audit_rpc(server_of(netconf)->audit, caller, rpc, access_take_protected(netconf->access),
              error);
}

const struct dispatch_settings server_dispatch = {.tables = server_tables,
                                                  .permitted = permitted,
                                                  .before = before,
                                                  .settle = settle,
                                                  .after = after};

static void session_started(struct netconf_server *netconf, const struct operation_caller *caller)
{
    struct server *server = server_of(netconf);
    audit_session(server->audit, caller, "session-start", NULL);
    notifications_session_start(server->notifications, server_wall_ns(), caller);
    eventfd_write(server->wake, 1);
}

static void session_ended(struct netconf_server *netconf, const struct operation_caller *caller,
                          enum session_end end, uint32_t killed_by)
{
    struct server *server = server_of(netconf);
    datastore_session_ended(netconf->datastore, caller->session);
    notifications_session_ended(server->notifications, caller->session);
    notifications_session_end(server->notifications, server_wall_ns(), caller,
                              session_end_name(end), killed_by);
    audit_session(server->audit, caller, "session-end", session_end_name(end));
    eventfd_write(server->wake, 1);
    server_timer_wake(server);
}

static void session_refused(struct netconf_server *netconf, const struct operation_caller *caller,
                            const char *why)
{
    audit_session(server_of(netconf)->audit, caller, "login-refused", why);
}

static void session_served(struct netconf_server *netconf)
{
    eventfd_write(server_of(netconf)->wake, 1);
    server_timer_wake(server_of(netconf));
}

const struct session_hooks server_session_hooks = {.started = session_started,
                                                   .ended = session_ended,
                                                   .refused = session_refused,
                                                   .served = session_served};

static enum notification_result send_event(void *context, uint32_t session, uint64_t time_ns,
                                           const struct lyd_node *notification)
{
    struct server *server = context;
    switch (server_send_notification(server->netconf, session, time_ns, notification)) {
    case NOTIFY_SENT:
        return NOTIFICATION_SENT;
    case NOTIFY_FULL:
        return NOTIFICATION_FULL;
    case NOTIFY_GONE:
        break;
    }
    return NOTIFICATION_GONE;
}

static void drop_subscriber(void *context, uint32_t session)
{
    struct server *server = context;
    server_drop_subscriber(server->netconf, session);
}

/* ---- start and end ---- */

static const char *hello_text(const json_t *hello, const char *name)
{
    return json_string_value(json_object_get(hello, name));
}

/* Adds the JSON VALUE to the siblings *TREE. */
static bool add_json(const struct ly_ctx *context, const char *text, struct lyd_node **tree,
                     struct error *error)
{
    struct lyd_node *more = NULL;
    if (lyd_parse_data_mem(context, text, LYD_JSON,
                           LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, 0,
                           &more) != LY_SUCCESS) {
        const struct ly_err_item *why = ly_err_last(context);
        error_set(error, "the configuration of the daemon: %s", why ? why->msg : "not readable");
        return false;
    }
    if (more && lyd_merge_siblings(tree, more, LYD_MERGE_DESTRUCT) != LY_SUCCESS) {
        error_set(error, "no memory for the configuration");
        return false;
    }
    return true;
}

/* What the daemon runs. Access rules may be beside it; else those of a first start are. */
static bool initial_configuration(const struct ly_ctx *context, const json_t *hello,
                                  struct lyd_node **tree, struct error *error)
{
    const json_t *configuration = json_object_get(hello, "configuration");
    char *text = json_dumps(configuration, 0);
    bool good = !text || add_json(context, text, tree, error);
    if (good && !json_object_get(configuration, "ietf-netconf-acm:nacm"))
        good = add_json(context, access_initial_configuration, tree, error);
    free(text);
    return good;
}

static bool open_datastore(struct server *server, const char *folder, const json_t *hello,
                           struct error *error)
{
    struct lyd_node *initial = NULL;
    struct rpc_error refused = {0};
    if (!initial_configuration(server->netconf->context, hello, &initial, error)) {
        lyd_free_all(initial);
        return false;
    }
    char *kept = folder ? NULL : json_dumps(json_object_get(hello, "kept"), JSON_COMPACT);
    const struct datastore_settings settings = {
        .context = server->netconf->context,
        .hooks = server_hooks(server),
        .folder = folder,
        .kept = kept,
        .initial = initial,
        .replace = json_is_true(json_object_get(hello, "replaces")),
        .now_ns = clock_monotonic_ns()};
    server->netconf->datastore = datastore_open(&settings, &refused);
    lyd_free_all(initial);
    free(kept);
    if (!server->netconf->datastore)
        error_set(error, "%s%s%s", refused.path, refused.path[0] ? ": " : "", refused.message);
    rpc_error_clear(&refused);
    return server->netconf->datastore != NULL;
}

static bool open_notifications(struct server *server, const char *folder, struct error *error)
{
    const struct notification_settings settings = {.context = server->netconf->context,
                                                   .access = server->netconf->access,
                                                   .folder = folder,
                                                   .log_octets_max = usual_log_octets,
                                                   .now_ns = server_wall_ns(),
                                                   .send = send_event,
                                                   .drop = drop_subscriber,
                                                   .send_context = server};
    server->notifications = notifications_open(&settings, error);
    server->netconf->notifications = server->notifications;
    return server->notifications != NULL;
}

/* The audit log is where the configuration says, or in the store. */
static bool open_audit(struct server *server, const char *folder, struct error *error)
{
    if (folder)
        snprintf(server->audit_path, sizeof server->audit_path, "%s/audit.log", folder);
    server->audit = audit_open(folder ? server->audit_path : NULL, error);
    return server->audit != NULL;
}

/* Opens what running says. What cannot be opened now is tried again. */
static void open_transports(struct server *server)
{
    struct rpc_error error = {0};
    const struct lyd_node *spanflow = datastore_tree(server->netconf->datastore, DATASTORE_RUNNING);
    while (spanflow && strcmp(LYD_NAME(spanflow), "spanflow") != 0)
        spanflow = spanflow->next;
    server->opened = transport_configure(server->transport, spanflow, &error);
    if (!server->opened)
        log_line("only the local socket is open: %s (%s); trying on", error.message, error.path);
    rpc_error_clear(&error);
    server->retry_ns = clock_monotonic_ns() + retry_ns;
}

struct server *server_create(const struct server_parts *parts, struct error *error)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        error_set(error, "no memory for the server");
        return NULL;
    }
    server->netconf = parts->netconf;
    server->control = parts->control;
    server->transport = parts->transport;
    server->wake = parts->wake;
    server->timer_wake = -1;
    server->events = parts->events;
    the_server = server;
    bool passing = json_is_true(json_object_get(parts->hello, "volatile"));
    const char *folder = passing ? NULL : hello_text(parts->hello, "store");
    access_prepare(server->netconf->context);
    server->netconf->access = access_create(server->netconf->context);
    if (!server->netconf->access)
        error_set(error, "no memory for access control");
    if (!server->netconf->access || !open_audit(server, folder, error) ||
        !open_datastore(server, folder, parts->hello, error) ||
        !open_notifications(server, folder, error) || !server_timer_start(server, error)) {
        server_destroy(server);
        return NULL;
    }
    if (folder)
        library_news(server->netconf->context, server->notifications, folder, server_wall_ns());
    open_transports(server);
    return server;
}

void server_destroy(struct server *server)
{
    if (!server)
        return;
    server_timer_stop(server);
    notifications_close(server->notifications);
    datastore_close(server->netconf->datastore);
    audit_close(server->audit);
    access_destroy(server->netconf->access);
    the_server = NULL;
    free(server);
}

/* ---- events and time ---- */

/* The notification that TEXT is, to be freed; NULL if it is none of the model. */
static struct lyd_node *read_event(struct server *server, const char *text)
{
    struct ly_in *in = NULL;
    struct lyd_node *tree = NULL, *event = NULL;
    if (!text || ly_in_new_memory(text, &in) != LY_SUCCESS)
        return NULL;
    LY_ERR failed = lyd_parse_op(server->netconf->context, NULL, in, LYD_JSON, LYD_TYPE_NOTIF_YANG,
                                 &tree, &event);
    ly_in_free(in, 0);
    if (failed == LY_SUCCESS)
        return tree;
    lyd_free_all(tree);
    return NULL;
}

/* BODY of CONTROL_NOTIFY. It may have happened before this process was there. */
static void publish_event(struct server *server, const char *body)
{
    json_t *frame = json_loads(body, 0, NULL);
    json_int_t time_ns = json_integer_value(json_object_get(frame, "time"));
    char *text = json_dumps(json_object_get(frame, "event"), JSON_COMPACT);
    struct lyd_node *event = read_event(server, text);
    json_decref(frame);
    free(text);
    if (event)
        notifications_publish(server->notifications,
                              time_ns > 0 ? (uint64_t)time_ns : server_wall_ns(), event);
    else
        log_line("the daemon told an event that its model does not have: %.200s", body);
}

/* Publishes what the daemon told, and says to it what is in the log now. */
static void publish_events(struct server *server)
{
    char receipt[48];
    unsigned count = 0;
    for (char *event; (event = events_take(server->events)); free(event)) {
        publish_event(server, event);
        count++;
    }
    if (!count)
        return;
    int length = snprintf(receipt, sizeof receipt, "{\"events\":%u}", count);
    control_client_tell(server->control, CONTROL_TAKEN, receipt, (size_t)length);
}

int server_sooner(uint64_t now_ns, uint64_t deadline_ns, int limit)
{
    if (deadline_ns == UINT64_MAX)
        return limit;
    uint64_t left = deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000000 + 1 : 0;
    if (limit >= 0 && left > (uint64_t)limit)
        return limit;
    return left > 3600000 ? 3600000 : (int)left;
}

int server_turn(struct server *server)
{
    struct netconf_server *netconf = server->netconf;
    operations_lock(netconf);
    publish_events(server);
    bool more = notifications_step(server->notifications, server_wall_ns());
    int wait_ms =
        server_sooner(server_wall_ns(), notifications_deadline(server->notifications), -1);
    uint64_t now_ns = clock_monotonic_ns();
    if (!server->opened && now_ns >= server->retry_ns)
        open_transports(server);
    if (!server->opened)
        wait_ms = server_sooner(now_ns, server->retry_ns, wait_ms);
    operations_unlock(netconf);
    return more ? 0 : wait_ms;
}

void server_stop(struct server *server)
{
    if (server)
        server_timer_stop(server);
}

void server_reopen_audit(struct server *server)
{
    audit_reopen(server->audit);
}
