/*
 * What the datastores need of others: the daemon that runs a configuration, the transports that
 * serve it, the rules that guard it, and everything that has state to show.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config_tree.h"
#include "control/control_refusal.h"
#include "log.h"
#include "monitoring.h"
#include "rpc_error.h"
#include "server_internal.h"
#include "transport_settings.h"

enum {
    APPLY_MS = 600000, /* a rebuilt probe drains its destinations first */
    KEEP_MS = 30000,
    STATE_MS = 30000,
};

/* ---- the daemon ---- */

/* The constant that is equal to TAG; RFC 6241, appendix A. */
static const char *constant_tag(const char *tag)
{
    static const char *const tags[] = {
        "in-use",           "invalid-value",          "too-big",         "missing-element",
        "bad-element",      "unknown-element",        "resource-denied", "data-exists",
        "data-missing",     "rollback-failed",        "access-denied",   "lock-denied",
        "operation-failed", "operation-not-supported"};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (strcmp(tags[i], tag) == 0)
            return tags[i];
    return "operation-failed";
}

static bool tell_refusal(const char *body, struct rpc_error *error)
{
    struct control_refusal refusal;
    control_refusal_read(&refusal, body ? body : "", body ? strlen(body) : 0);
    rpc_error_set(error, "application", constant_tag(refusal.tag), "%s", refusal.message);
    if (error)
        memcpy(error->path, refusal.path, sizeof error->path);
    return false;
}

/* GIVE_AWAY: the mutex, while the daemon takes its time. */
static bool ask(struct server *server, enum control_type type, uint16_t flags, const char *body,
                int timeout_ms, bool give_away, char **answer, struct rpc_error *error)
{
    char *got = NULL;
    if (give_away)
        operations_unlock(server->netconf);
    enum control_answer result =
        control_client_call(server->control, type, flags, body, strlen(body), timeout_ms, &got);
    if (give_away) {
        operations_lock(server->netconf);
        datastore_set_time(server->netconf->datastore, clock_monotonic_ns());
    }
    if (answer)
        *answer = NULL;
    switch (result) {
    case CONTROL_ANSWER_OK:
        if (answer)
            *answer = got;
        else
            free(got);
        return true;
    case CONTROL_ANSWER_REFUSED:
        tell_refusal(got, error);
        break;
    case CONTROL_ANSWER_LATE:
        server->behind = server->behind || (type == CONTROL_APPLY && !(flags & CONTROL_TEST));
        rpc_error_set(error, "application", "operation-failed",
                      "the daemon did not answer within %d s", timeout_ms / 1000);
        break;
    case CONTROL_ANSWER_GONE:
        rpc_error_set(error, "application", "operation-failed", "the daemon is gone");
        break;
    case CONTROL_ANSWER_FAILED:
        rpc_error_set(error, "application", "too-big", "more than the daemon takes at once");
        break;
    }
    free(got);
    return false;
}

bool server_ask(struct server *server, enum control_type type, uint16_t flags, const char *body,
                int timeout_ms, char **answer, struct rpc_error *error)
{
    /* At the start there are no datastores yet, nor others who could want the mutex. */
    bool give_away = type == CONTROL_APPLY && !(flags & CONTROL_TEST) && server->netconf->datastore;
    return ask(server, type, flags, body, timeout_ms, give_away, answer, error);
}

bool server_ask_apart(struct server *server, const char *body, int timeout_ms, char **answer,
                      struct rpc_error *error)
{
    return ask(server, CONTROL_RPC, 0, body, timeout_ms, true, answer, error);
}

static const struct lyd_node *spanflow_of(const struct lyd_node *config)
{
    while (config && (!config->schema || strcmp(config->schema->name, "spanflow") != 0 ||
                      strcmp(config->schema->module->name, "spanflow") != 0))
        config = config->next;
    return config;
}

/* The container spanflow of CONFIG as somebody set it, to be freed. */
static char *print_spanflow(const struct lyd_node *config)
{
    const struct lyd_node *spanflow = spanflow_of(config);
    char *text = NULL;
    if (!spanflow || (spanflow->flags & LYD_DEFAULT))
        return strdup("{\"spanflow:spanflow\":{}}");
    lyd_print_mem(&text, spanflow, LYD_JSON, LYD_PRINT_SHRINK);
    return text;
}

/* The value of the leaf PATH below SPANFLOW, or NULL. */
static const char *value_of(const struct lyd_node *spanflow, const char *path)
{
    struct lyd_node *leaf = NULL;
    return spanflow && lyd_find_path(spanflow, path, 0, &leaf) == LY_SUCCESS ? lyd_get_value(leaf)
                                                                             : NULL;
}

/* The audit log goes where SPANFLOW says; in a volatile run there is none. */
static bool move_audit(struct server *server, const struct lyd_node *spanflow,
                       struct rpc_error *error)
{
    const char *path = value_of(spanflow, "netconf/auditLog");
    struct error line = {""};
    if (!server->audit_path[0] ||
        audit_set_path(server->audit, path ? path : server->audit_path, &line))
        return true;
    rpc_error_set(error, "application", "operation-failed", "%s", line.text);
    if (error)
        snprintf(error->path, sizeof error->path, "/spanflow:spanflow/netconf/auditLog");
    return false;
}

static void size_log(struct server *server, const struct lyd_node *spanflow)
{
    const char *size = value_of(spanflow, "netconf/notifications/logSize");
    if (server->notifications && size)
        notifications_set_log_size(server->notifications, strtoull(size, NULL, 10));
}

/* Asks the daemon to run CONFIG, and puts what it refused back. */
static bool hand_over(struct server *server, const struct lyd_node *config, bool test,
                      struct rpc_error *error)
{
    char *text = print_spanflow(config);
    if (!text)
        return rpc_error_memory(error);
    bool good =
        server_ask(server, CONTROL_APPLY, test ? CONTROL_TEST : 0, text, APPLY_MS, NULL, error);
    free(text);
    if (!good && !test && server->netconf->datastore) {
        const struct lyd_node *before =
            datastore_tree(server->netconf->datastore, DATASTORE_RUNNING);
        move_audit(server, spanflow_of(before), NULL);
    }
    return good;
}

void server_catch_up(struct server *server, uint64_t now_ns)
{
    const uint64_t pause_ns = 10000000000;
    struct rpc_error error = {0};
    if (now_ns < server->behind_ns || !datastore_hold(server->netconf->datastore))
        return;
    server->behind = false;
    if (!hand_over(server, datastore_tree(server->netconf->datastore, DATASTORE_RUNNING), false,
                   &error)) {
        server->behind = true;
        log_line("the daemon may not run what is in running: %s; trying on", error.message);
    }
    rpc_error_clear(&error);
    server->behind_ns = clock_monotonic_ns() + pause_ns;
    datastore_release(server->netconf->datastore);
}

/* Everything that can fail comes before the daemon's word, and nothing after it. */
static bool apply(void *context, const struct lyd_node *config, bool test, struct rpc_error *error)
{
    struct server *server = context;
    if ((!test && !audit_ready(server->audit, error)) ||
        !access_check_config(server->netconf->access, config, error))
        return false;
    struct transport_settings *settings =
        transport_prepare(server->transport, spanflow_of(config), error);
    if (!settings)
        return false;
    bool good = (test || move_audit(server, spanflow_of(config), error)) &&
                hand_over(server, config, test, error);
    if (!good || test) {
        transport_settings_release(settings);
        return good;
    }
    transport_adopt(server->transport, settings);
    server->opened = true;
    server->behind = false;
    return true;
}

/* The daemon outlives this process. */
static bool keep(void *context, const char *text, struct rpc_error *error)
{
    return server_ask(context, CONTROL_KEEP, 0, text, KEEP_MS, NULL, error);
}

/* ---- state ---- */

/* Whether the model has a section NAME: a filter may name what is nowhere (RFC 6241, section 6.2),
 * which the daemon would refuse. */
static bool is_section(const struct ly_ctx *context, const char *name)
{
    const struct lysc_node *state = lys_find_path(context, NULL, "/spanflow:spanflow/state", 0);
    return state && lys_find_child(state, state->module, name, 0, 0, 0);
}

/* Those of SECTIONS (NULL: all) that there are, for the daemon; *ANY tells whether there is one.
 * NULL without memory. */
static char *print_sections(const struct ly_ctx *context, const char *const *sections, bool *any)
{
    *any = !sections;
    if (!sections)
        return strdup("{}");
    json_t *names = json_array();
    for (; *sections; sections++)
        if (is_section(context, *sections))
            json_array_append_new(names, json_string(*sections));
    *any = json_array_size(names) > 0;
    json_t *body = json_pack("{so}", "sections", names);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static bool daemon_state(struct server *server, const char *const *sections,
                         struct lyd_node **state, struct rpc_error *error)
{
    bool any;
    char *answer = NULL;
    char *body = print_sections(server->netconf->context, sections, &any);
    if (!body)
        return rpc_error_memory(error);
    bool good = !any || server_ask(server, CONTROL_STATE, 0, body, STATE_MS, &answer, error);
    free(body);
    if (!good || !any)
        return good;
    LY_ERR failed = lyd_parse_data_mem(server->netconf->context, answer, LYD_JSON,
                                       LYD_PARSE_ONLY | LYD_PARSE_STRICT, 0, state);
    free(answer);
    return failed == LY_SUCCESS ||
           rpc_error_from_library(server->netconf->context, "operation-failed", error);
}

static uint32_t locked_by(struct netconf_server *netconf, const char *name, int64_t *since)
{
    bool candidate = strcmp(name, "candidate") == 0;
    return datastore_locked_by(netconf->datastore,
                               candidate ? DATASTORE_CANDIDATE : DATASTORE_RUNNING, since);
}

static bool state(void *context, const char *const *sections, struct lyd_node **tree,
                  struct rpc_error *error)
{
    struct server *server = context;
    struct lyd_node *own = NULL;
    if (!daemon_state(server, sections, tree, error))
        return false;
    bool good = monitoring_state(server->netconf, locked_by, &own) &&
                access_state(server->netconf->access, &own) &&
                notifications_state(server->notifications, &own) && versions_state(server, &own) &&
                server_state(server, sections, &own);
    if (good && own)
        good = lyd_merge_siblings(tree, own, LYD_MERGE_DESTRUCT) == LY_SUCCESS;
    else
        lyd_free_all(own);
    return good || rpc_error_memory(error);
}

/* ---- what source and collector stand for ---- */

static bool expand(void *context, const struct lyd_node *config, struct lyd_node **implied,
                   struct rpc_error *error)
{
    struct server *server = context;
    const struct lyd_node *spanflow = spanflow_of(config);
    struct error line = {""};
    struct config_tree tree = {
        .context = server->netconf->context,
        .module = ly_ctx_get_module_implemented(server->netconf->context, "spanflow")};
    *implied = NULL;
    if (!spanflow)
        return true;
    if (lyd_dup_single(spanflow, NULL, LYD_DUP_RECURSIVE | LYD_DUP_WITH_FLAGS, &tree.root) !=
        LY_SUCCESS)
        return rpc_error_memory(error);
    if (config_tree_expand(&tree, &line)) {
        *implied = tree.root;
        return true;
    }
    lyd_free_all(tree.root);
    return rpc_error_set(error, "application", "operation-failed", "%s", line.text);
}

/* ---- access, audit, notifications ---- */

static bool may_write(void *context, const struct operation_caller *caller,
                      const struct lyd_node *diff, struct rpc_error *error)
{
    struct server *server = context;
    return access_check_write(server->netconf->access, caller, diff, error);
}

static void filter_read(void *context, const struct operation_caller *caller,
                        struct lyd_node **tree)
{
    struct server *server = context;
    access_filter_read(server->netconf->access, caller, tree);
}

static void shows(void *context, const struct lyd_node *tree)
{
    struct server *server = context;
    access_shows(server->netconf->access, tree);
}

static void audit(void *context, const struct operation_caller *caller, enum datastore_name name,
                  const char *operation, const struct lyd_node *diff)
{
    struct server *server = context;
    audit_change(server->audit, caller, name, operation, diff);
}

static void running(void *context, const struct lyd_node *config)
{
    struct server *server = context;
    size_log(server, spanflow_of(config));
    /* Without memory for the rules everything is denied that they could permit. */
    access_configure(server->netconf->access, config, NULL);
}

static void differs(void *context)
{
    struct server *server = context;
    server->behind = true;
}

static void notify(void *context, struct lyd_node *notification)
{
    struct server *server = context;
    /* At the start there is no stream yet, and nobody who could have subscribed. */
    if (server->notifications)
        notifications_publish(server->notifications, server_wall_ns(), notification);
    else
        lyd_free_all(notification);
}

struct datastore_hooks server_hooks(struct server *server)
{
    return (struct datastore_hooks){.context = server,
                                    .apply = apply,
                                    .state = state,
                                    .expand = expand,
                                    .may_write = may_write,
                                    .filter_read = filter_read,
                                    .shows = shows,
                                    .audit = audit,
                                    .running = running,
                                    .differs = differs,
                                    .keep = keep,
                                    .notify = notify};
}
