/*
 * Operations of the module spanflow, which the daemon does: they are handed over as they are, and
 * the answer comes back as it is.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "rpc_error.h"
#include "server_internal.h"

enum { RELAY_MS = 60000 };

/* {"spanflow:NAME":{input}}, to be freed. */
static char *print_input(const struct lyd_node *rpc)
{
    char *text = NULL;
    lyd_print_mem(&text, rpc, LYD_JSON, LYD_PRINT_SHRINK | LYD_PRINT_KEEPEMPTYCONT);
    return text;
}

/* {"spanflow:NAME":{output}} as a reply to RPC. */
static bool read_output(const struct lyd_node *rpc, const char *text, struct lyd_node **output,
                        struct rpc_error *error)
{
    struct ly_in *in = NULL;
    struct lyd_node *reply = NULL; /* the parser makes it */
    if (ly_in_new_memory(text, &in) != LY_SUCCESS)
        return rpc_error_memory(error);
    LY_ERR failed =
        lyd_parse_op(LYD_CTX(rpc), NULL, in, LYD_JSON, LYD_TYPE_REPLY_YANG, NULL, &reply);
    ly_in_free(in, 0);
    if (failed == LY_SUCCESS && lyd_child(reply)) {
        *output = reply;
        return true;
    }
    if (failed == LY_SUCCESS) { /* nothing to say: <ok/> (RFC 7950, section 7.14.4) */
        lyd_free_all(reply);
        return true;
    }
    lyd_free_all(reply);
    return rpc_error_from_library(LYD_CTX(rpc), "operation-failed", error);
}

/* BODY, which is freed, with who asks beside the operation. */
static char *add_caller(char *body, const struct operation_caller *caller)
{
    json_t *object = body ? json_loads(body, 0, NULL) : NULL;
    json_t *who = json_pack("{s:o,s:o,s:b}", "user", json_text(caller->user), "from",
                            json_text(caller->from), "root", caller->root);
    json_object_set_new(object, "caller", who);
    free(body);
    body = who ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return body;
}

/* Asks the daemon; CALLER may be NULL, if it makes no difference who asks. APART: it may take long,
 * and the daemon lets only one wait for it. */
static bool relay_for(struct netconf_server *netconf, const struct operation_caller *caller,
                      bool apart, const struct lyd_node *rpc, struct lyd_node **output,
                      struct rpc_error *error)
{
    struct lyd_node *whole = NULL;
    char *answer = NULL;
    *output = NULL;
    if (lyd_dup_single(rpc, NULL, LYD_DUP_RECURSIVE, &whole) != LY_SUCCESS)
        return rpc_error_memory(error);
    char *body = print_input(whole);
    lyd_free_all(whole);
    if (caller)
        body = add_caller(body, caller);
    if (!body)
        return rpc_error_memory(error);
    struct server *server = server_of(netconf);
    bool good = apart ? server_ask_apart(server, body, RELAY_MS, &answer, error)
                      : server_ask(server, CONTROL_RPC, 0, body, RELAY_MS, &answer, error);
    if (good && answer && answer[0])
        good = read_output(rpc, answer, output, error);
    free(answer);
    free(body);
    return good;
}

static bool relay(struct netconf_server *netconf, const struct operation_caller *caller,
                  const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)
{
    (void)caller;
    return relay_for(netconf, NULL, false, rpc, output, error);
}

/* Files that are read again. */
static bool relay_reload(struct netconf_server *netconf, const struct operation_caller *caller,
                         const struct lyd_node *rpc, struct lyd_node **output,
                         struct rpc_error *error)
{
    (void)caller;
    return relay_for(netconf, NULL, true, rpc, output, error);
}

/* What the daemon writes down, or gives to those alone who asked for it before. */
static bool relay_named(struct netconf_server *netconf, const struct operation_caller *caller,
                        const struct lyd_node *rpc, struct lyd_node **output,
                        struct rpc_error *error)
{
    return relay_for(netconf, caller, false, rpc, output, error);
}

const struct operation_row relay_operations[] = {
    {"spanflow", "flows", false, relay},
    {"spanflow", "top", false, relay},
    {"spanflow", "expire-all", false, relay},
    {"spanflow", "ledger", false, relay},
    {"spanflow", "snapshot-list", false, relay_named},
    {"spanflow", "snapshot-extract", false, relay_named},
    {"spanflow", "snapshot-job", false, relay_named},
    {"spanflow", "snapshot-read", false, relay_named},
    {"spanflow", "snapshot-cancel", false, relay_named},
    {"spanflow", "snapshot-freeze", false, relay_named},
    {"spanflow", "snapshot-release", false, relay_named},
    {"spanflow", "snapshot-verify", false, relay_named},
    {"spanflow", "alerts", false, relay},
    {"spanflow", "applications-reload", false, relay_reload},
    {"spanflow", "lists-reload", false, relay_reload},
    {"spanflow", "replay", false, relay_named},
    {"spanflow", "replay-cancel", false, relay_named},
    {NULL, NULL, false, NULL},
};
