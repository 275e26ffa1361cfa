/*
 * The tree of RFC 6022. Keys and values are ours or the schema's, so that making a node fails only
 * without memory.
 */
#include "monitoring.h"

#include <inttypes.h>
#include <nc_server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sessions.h"

static time_t started;

/* Remembers when the process began to serve. */
__attribute__((constructor)) static void remember_start(void)
{
    started = time(NULL);
}

static bool add(struct lyd_node *parent, const char *name, const char *value)
{
    return lyd_new_term(parent, NULL, name, value, 0, NULL) == LY_SUCCESS;
}

static bool add_number(struct lyd_node *parent, const char *name, uint32_t value)
{
    char text[16];
    snprintf(text, sizeof(text), "%" PRIu32, value);
    return add(parent, name, text);
}

static bool add_time(struct lyd_node *parent, const char *name, time_t value)
{
    char *text = NULL;
    bool good = ly_time_time2str(value, NULL, &text) == LY_SUCCESS && add(parent, name, text);
    free(text);
    return good;
}

static bool add_container(struct lyd_node *parent, const char *name, struct lyd_node **made)
{
    return lyd_new_inner(parent, NULL, name, 0, made) == LY_SUCCESS;
}

static bool add_capabilities(struct netconf_server *server, struct lyd_node *state)
{
    struct lyd_node *capabilities;
    const char **all = nc_server_get_cpblts(server->context);
    bool good = all && add_container(state, "capabilities", &capabilities);
    for (size_t i = 0; all && all[i]; i++) {
        good = good && add(capabilities, "capability", all[i]);
        lydict_remove(server->context, all[i]);
    }
    free(all);
    return good;
}

static bool add_datastores(struct netconf_server *server, monitoring_lock_function locked,
                           struct lyd_node *state)
{
    static const char *const names[] = {"running", "candidate"};
    struct lyd_node *datastores;
    if (!add_container(state, "datastores", &datastores))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct lyd_node *entry;
        struct lyd_node *locks;
        struct lyd_node *global;
        int64_t since = 0;
        uint32_t session = locked ? locked(server, names[i], &since) : 0;
        if (lyd_new_list(datastores, NULL, "datastore", 0, &entry, names[i]) != LY_SUCCESS)
            return false;
        if (session != 0 && (!add_container(entry, "locks", &locks) ||
                             !add_container(locks, "global-lock", &global) ||
                             !add_number(global, "locked-by-session", session) ||
                             !add_time(global, "locked-time", (time_t)since)))
            return false;
    }
    return true;
}

static bool add_schema(struct lyd_node *schemas, const char *name, const char *revision,
                       const char *space)
{
    struct lyd_node *entry;
    return lyd_new_list(schemas, NULL, "schema", 0, &entry, name, revision ? revision : "",
                        "ietf-netconf-monitoring:yang") == LY_SUCCESS &&
           add(entry, "namespace", space) && add(entry, "location", "NETCONF");
}

static bool add_schemas(struct netconf_server *server, struct lyd_node *state)
{
    struct lyd_node *schemas;
    uint32_t index = 0;
    const struct lys_module *module;
    if (!add_container(state, "schemas", &schemas))
        return false;
    while ((module = ly_ctx_get_module_iter(server->context, &index)) != NULL) {
        if (!module->parsed)
            continue;
        if (!add_schema(schemas, module->name, module->revision, module->ns))
            return false;
        LY_ARRAY_COUNT_TYPE i;
        LY_ARRAY_FOR(module->parsed->includes, i)
        {
            const struct lysp_submodule *submodule = module->parsed->includes[i].submodule;
            if (!add_schema(schemas, submodule->name,
                            submodule->revs ? submodule->revs[0].date : NULL, module->ns))
                return false;
        }
    }
    return true;
}

static bool add_counters(struct lyd_node *parent, const struct session_counters *counters)
{
    return add_number(parent, "in-rpcs", counters->in_rpcs) &&
           add_number(parent, "in-bad-rpcs", counters->in_bad_rpcs) &&
           add_number(parent, "out-rpc-errors", counters->out_rpc_errors) &&
           add_number(parent, "out-notifications", counters->out_notifications);
}

static const char *const transport_names[] = {
    /* The standard has no transport that means a local socket. */
    [SESSION_LOCAL] = "spanflow-netconf:netconf-local",
    [SESSION_SSH] = "ietf-netconf-monitoring:netconf-ssh",
    [SESSION_TLS] = "ietf-netconf-monitoring:netconf-tls",
};

struct session_list {
    struct lyd_node *sessions;
    bool good;
};

static bool add_session(void *context, struct session *session)
{
    struct session_list *list = context;
    struct lyd_node *entry;
    char id[16];
    snprintf(id, sizeof(id), "%" PRIu32, session->id);
    list->good =
        lyd_new_list(list->sessions, NULL, "session", 0, &entry, id) == LY_SUCCESS &&
        add(entry, "transport", transport_names[session->transport]) &&
        add(entry, "username", session->user) &&
        (session->transport == SESSION_LOCAL || add(entry, "source-host", session->from)) &&
        add_time(entry, "login-time", session->login) && add_counters(entry, &session->counters);
    return list->good;
}

static bool add_sessions(struct netconf_server *server, struct lyd_node *state)
{
    struct session_list list = {.good = true};
    if (!add_container(state, "sessions", &list.sessions))
        return false;
    sessions_each(server->sessions, add_session, &list);
    return list.good;
}

static bool add_statistics(struct netconf_server *server, struct lyd_node *state)
{
    const struct session_totals *totals = sessions_totals(server->sessions);
    struct lyd_node *statistics;
    return add_container(state, "statistics", &statistics) &&
           add_time(statistics, "netconf-start-time", started) &&
           add_number(statistics, "in-bad-hellos", totals->in_bad_hellos) &&
           add_number(statistics, "in-sessions", totals->in_sessions) &&
           add_number(statistics, "dropped-sessions", totals->dropped_sessions) &&
           add_counters(statistics, &totals->counters);
}

bool monitoring_state(struct netconf_server *server, monitoring_lock_function locked,
                      struct lyd_node **tree)
{
    const struct lys_module *module =
        ly_ctx_get_module_implemented(server->context, "ietf-netconf-monitoring");
    struct lyd_node *state = NULL;
    if (!module || lyd_new_inner(NULL, module, "netconf-state", 0, &state) != LY_SUCCESS)
        return false;
    bool good = add_capabilities(server, state) && add_datastores(server, locked, state) &&
                add_schemas(server, state) && add_sessions(server, state) &&
                add_statistics(server, state);
    if (good)
        good = lyd_insert_sibling(*tree, state, tree) == LY_SUCCESS;
    if (!good)
        lyd_free_tree(state);
    return good;
}
