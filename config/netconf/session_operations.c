/*
 * Ending sessions, and handing out the text of modules. Under the mutex of operations.
 */
#include "session_operations.h"

#include <nc_server.h>
#include <stdlib.h>
#include <string.h>

#include "sessions.h"

/* The value of the child NAME of RPC, or NULL. */
static const char *value(const struct lyd_node *rpc, const char *name)
{
    for (const struct lyd_node *it = lyd_child(rpc); it; it = it->next) {
        if (it->schema && strcmp(it->schema->name, name) == 0)
            return lyd_get_value(it);
    }
    return NULL;
}

static bool close_session(struct netconf_server *server, const struct operation_caller *caller,
                          const struct lyd_node *rpc, struct lyd_node **output,
                          struct rpc_error *error)
{
    (void)rpc;
    (void)error;
    *output = NULL;
    /* The worker that runs this ends the session once the reply is written. */
    struct session *session = sessions_hold(server->sessions, caller->session);
    if (session) {
        nc_session_set_term_reason(session->netconf, NC_SESSION_TERM_CLOSED);
        sessions_release(session);
    }
    return true;
}

static bool kill_session(struct netconf_server *server, const struct operation_caller *caller,
                         const struct lyd_node *rpc, struct lyd_node **output,
                         struct rpc_error *error)
{
    const char *text = value(rpc, "session-id");
    uint32_t id = text ? (uint32_t)strtoul(text, NULL, 10) : 0;
    *output = NULL;
    if (id == caller->session)
        return rpc_error_set(error, "protocol", "invalid-value",
                             "session-id: session %u is this one: end it with close-session", id);
    struct session *session = sessions_hold(server->sessions, id);
    if (!session)
        return rpc_error_set(error, "protocol", "invalid-value",
                             "session-id: there is no session %u", id);
    sessions_end(session, SESSION_KILLED, caller->session);
    sessions_release(session);
    return true;
}

/* What get-schema asks for: a module or a submodule. */
struct schema_choice {
    const char *name;
    const char *revision; /* NULL for any */
    const struct lys_module *module;
    const struct lysp_submodule *submodule;
    unsigned found;
};

static bool revision_fits(const char *wanted, const char *is)
{
    return !wanted || (is && strcmp(wanted, is) == 0) || (!*wanted && !is);
}

static void look_in_module(struct schema_choice *choice, const struct lys_module *module)
{
    if (strcmp(module->name, choice->name) == 0 &&
        revision_fits(choice->revision, module->revision)) {
        choice->module = module;
        choice->submodule = NULL;
        choice->found++;
    }
    LY_ARRAY_COUNT_TYPE index;
    LY_ARRAY_FOR(module->parsed->includes, index)
    {
        const struct lysp_submodule *submodule = module->parsed->includes[index].submodule;
        const char *revision = submodule->revs ? submodule->revs[0].date : NULL;
        if (strcmp(submodule->name, choice->name) == 0 &&
            revision_fits(choice->revision, revision)) {
            choice->module = module;
            choice->submodule = submodule;
            choice->found++;
        }
    }
}

static bool choose_schema(struct netconf_server *server, struct schema_choice *choice,
                          struct rpc_error *error)
{
    uint32_t index = 0;
    const struct lys_module *module;
    while ((module = ly_ctx_get_module_iter(server->context, &index)) != NULL) {
        if (module->parsed)
            look_in_module(choice, module);
    }
    if (choice->found == 1)
        return true;
    if (choice->found == 0)
        return rpc_error_set(error, "application", "invalid-value", "there is no module %s%s%s",
                             choice->name, choice->revision ? " of revision " : "",
                             choice->revision ? choice->revision : "");
    rpc_error_set(error, "application", "operation-failed",
                  "module %s is there in several revisions: say which version", choice->name);
    error->app_tag = "data-not-unique";
    return false;
}

/* The text of the choice, to be freed. */
static char *print_schema(const struct schema_choice *choice)
{
    char *text = NULL;
    struct ly_out *out = NULL;
    if (ly_out_new_memory(&text, 0, &out) != LY_SUCCESS)
        return NULL;
    LY_ERR result = choice->submodule
                        ? lys_print_submodule(out, choice->submodule, LYS_OUT_YANG, 0, 0)
                        : lys_print_module(out, choice->module, LYS_OUT_YANG, 0, 0);
    ly_out_free(out, NULL, 0);
    if (result != LY_SUCCESS) {
        free(text);
        text = NULL;
    }
    return text;
}

static bool get_schema(struct netconf_server *server, const struct operation_caller *caller,
                       const struct lyd_node *rpc, struct lyd_node **output,
                       struct rpc_error *error)
{
    (void)caller;
    struct schema_choice choice = {.name = value(rpc, "identifier"),
                                   .revision = value(rpc, "version")};
    const char *format = value(rpc, "format");
    const char *colon = format ? strrchr(format, ':') : NULL;
    if (format && strcmp(colon ? colon + 1 : format, "yang") != 0)
        return rpc_error_set(error, "application", "invalid-value",
                             "modules are there in the format yang only");
    if (!choice.name)
        return rpc_error_set(error, "protocol", "missing-element", "which module? identifier");
    if (!choose_schema(server, &choice, error))
        return false;
    char *text = print_schema(&choice);
    struct lyd_node *reply = NULL;
    if (!text || lyd_dup_single(rpc, NULL, 0, &reply) != LY_SUCCESS ||
        lyd_new_any(reply, NULL, "data", text, 0, LYD_ANYDATA_STRING, 1, NULL) != LY_SUCCESS) {
        free(text);
        lyd_free_all(reply);
        return rpc_error_set(error, "application", "resource-denied", "no memory for the module");
    }
    free(text);
    *output = reply;
    return true;
}

const struct operation_row session_operations[] = {
    {"ietf-netconf", "close-session", false, close_session},
    {"ietf-netconf", "kill-session", false, kill_session},
    {"ietf-netconf-monitoring", "get-schema", false, get_schema},
    {0},
};
