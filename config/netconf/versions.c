/* The configurations of the past: listed as state, and loaded into the candidate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpc_error.h"
#include "server_internal.h"
#include "store_revision.h"

static const char module_name[] = "spanflow-netconf";

static bool add_version(struct lyd_node *list, const struct store_version *version)
{
    char number[16], time_text[32];
    struct tm moment;
    time_t seconds = (time_t)version->time;
    struct lyd_node *entry = NULL;
    snprintf(number, sizeof number, "%u", version->number);
    gmtime_r(&seconds, &moment);
    strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%SZ", &moment);
    return lyd_new_list(list, NULL, "version", 0, &entry, number) == LY_SUCCESS &&
           lyd_new_term(entry, NULL, "time", time_text, 0, NULL) == LY_SUCCESS &&
           lyd_new_term(entry, NULL, "user", version->user, 0, NULL) == LY_SUCCESS &&
           (!version->comment[0] ||
            lyd_new_term(entry, NULL, "comment", version->comment, 0, NULL) == LY_SUCCESS);
}

bool versions_state(struct server *server, struct lyd_node **tree)
{
    struct store *store = datastore_store(server->netconf->datastore);
    const struct lys_module *module =
        ly_ctx_get_module_implemented(server->netconf->context, module_name);
    struct store_version versions[STORE_VERSIONS];
    struct lyd_node *list = NULL;
    size_t count = store ? store_list(store, versions) : 0;
    if (count == 0)
        return true;
    bool good = lyd_new_inner(NULL, module, "versions", 0, &list) == LY_SUCCESS;
    for (size_t i = 0; good && i < count; i++)
        good = add_version(list, &versions[i]);
    if (good)
        good = lyd_insert_sibling(*tree, list, tree) == LY_SUCCESS;
    else
        lyd_free_all(list);
    return good;
}

/* The configuration of version NUMBER in *TREE, to be freed. */
static bool read_version(struct netconf_server *netconf, uint32_t number, struct lyd_node **tree,
                         struct rpc_error *error)
{
    struct store *store = datastore_store(netconf->datastore);
    struct error line = {""};
    char *text = NULL;
    *tree = NULL;
    if (!store)
        return rpc_error_set(error, "application", "operation-failed",
                             "this probe keeps no configurations: it was started with options");
    if (!store_read_version(store, number, &text, &line))
        return rpc_error_set(error, "application", "data-missing", "%s", line.text);
    if (!store_revision_convert(&text, &line)) {
        free(text);
        return rpc_error_set(error, "application", "operation-failed", "version %u: %s", number,
                             line.text);
    }
    LY_ERR failed =
        lyd_parse_data_mem(netconf->context, text, LYD_JSON,
                           LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, 0, tree);
    free(text);
    return failed == LY_SUCCESS ||
           rpc_error_from_library(netconf->context, "operation-failed", error);
}

static bool load_version(struct netconf_server *netconf, const struct operation_caller *caller,
                         const struct lyd_node *rpc, struct lyd_node **output,
                         struct rpc_error *error)
{
    struct lyd_node *leaf = NULL, *tree = NULL;
    *output = NULL;
    if (lyd_find_path(rpc, "version", 0, &leaf) != LY_SUCCESS)
        return rpc_error_set(error, "protocol", "missing-element", "give the version");
    uint32_t number = ((const struct lyd_node_term *)leaf)->value.uint32;
    if (!datastore_may_change(netconf->datastore, caller, DATASTORE_CANDIDATE, error) ||
        !read_version(netconf, number, &tree, error))
        return false;
    return datastore_set_candidate(netconf->datastore, caller, "load-version", tree, error);
}

const struct operation_row version_operations[] = {
    {"spanflow-netconf", "load-version", true, load_version},
    {NULL, NULL, false, NULL},
};
