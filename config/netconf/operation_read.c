/*
 * get, get-config and get-data: a copy of a datastore, without what the caller may not read, with
 * the defaults that he asked for, and then what his filter selects. In this order, so that a filter
 * cannot ask for what is hidden (RFC 8341, section 3.2.4).
 */
#include <stdlib.h>
#include <string.h>

#include "datastore.h"
#include "datastore_internal.h"
#include "operation_input.h"
#include "operation_internal.h"
#include "rpc_error.h"

static const char spanflow_space[] = "urn:spanflow:params:xml:ns:yang:spanflow";

struct lyd_node *operation_reply(const struct lyd_node *rpc)
{
    struct lyd_node *reply = NULL;
    lyd_dup_single(rpc, NULL, LYD_DUP_NO_META, &reply);
    return reply;
}

/* Finishes a reading: TREE, which is taken, through access rules, MODE and FILTER into *OUTPUT. */
static bool reply_with(struct netconf_server *server, const struct operation_caller *caller,
                       const struct lyd_node *rpc, struct lyd_node *tree, enum defaults_mode mode,
                       const struct filter *filter, struct lyd_node **output,
                       struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &server->datastore->hooks;
    if (hooks->filter_read)
        hooks->filter_read(hooks->context, caller, &tree);
    if (!defaults_show(&tree, mode, error) || !filter_apply(filter, &tree, error)) {
        lyd_free_all(tree);
        return false;
    }
    if (hooks->shows)
        hooks->shows(hooks->context, tree);
    *output = operation_reply(rpc);
    /* lyd_new_any() takes the tree, and with it what goes wrong. */
    if (*output &&
        lyd_new_any(*output, NULL, "data", tree, 1, LYD_ANYDATA_DATATREE, 1, NULL) == LY_SUCCESS)
        return true;
    lyd_free_all(*output);
    *output = NULL;
    return rpc_error_memory(error);
}

/* The names of wanted sections of state in NAMES, or NULL for all. */
static const char *const *wanted_sections(const struct filter *filter,
                                          const char *names[FILTER_SECTIONS_MAX])
{
    return filter_sections(filter, "spanflow", spanflow_space, names) ? names : NULL;
}

bool operation_get(struct netconf_server *server, const struct operation_caller *caller,
                   const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)
{
    struct filter filter = {.depth = 0};
    enum defaults_mode mode;
    const char *names[FILTER_SECTIONS_MAX];
    if (!input_filter(rpc, &filter, error) || !input_defaults(rpc, DEFAULTS_EXPLICIT, &mode, error))
        return false;
    struct lyd_node *tree = datastore_copy(server->datastore->complete);
    if (!datastore_add_state(server->datastore, wanted_sections(&filter, names), &tree, error)) {
        lyd_free_all(tree);
        return false;
    }
    return reply_with(server, caller, rpc, tree, mode, &filter, output, error);
}

/* A copy of running or candidate with defaults. */
static bool copy_filled(struct netconf_server *server, enum input_datastore name,
                        struct lyd_node **tree, struct rpc_error *error)
{
    if (name == INPUT_RUNNING) {
        *tree = datastore_copy(server->datastore->complete);
        return true;
    }
    *tree = datastore_copy(server->datastore->candidate);
    if (defaults_fill(tree, server->context, error))
        return true;
    lyd_free_all(*tree);
    *tree = NULL;
    return false;
}

bool operation_get_config(struct netconf_server *server, const struct operation_caller *caller,
                          const struct lyd_node *rpc, struct lyd_node **output,
                          struct rpc_error *error)
{
    struct filter filter = {.depth = 0};
    enum defaults_mode mode;
    const struct lyd_node *config = NULL;
    enum input_datastore source = input_datastore(view_child(rpc, "source"), &config);
    if (source != INPUT_RUNNING && source != INPUT_CANDIDATE)
        return rpc_error_set(error, "protocol", "invalid-value",
                             "source: get-config reads running or candidate");
    struct lyd_node *tree = NULL;
    if (!input_filter(rpc, &filter, error) ||
        !input_defaults(rpc, DEFAULTS_EXPLICIT, &mode, error) ||
        !copy_filled(server, source, &tree, error))
        return false;
    return reply_with(server, caller, rpc, tree, mode, &filter, output, error);
}

/* The identity of ietf-origin that a value means; NULL if there is none. */
static const struct lysc_ident *find_origin(const struct lyd_node *leaf)
{
    if (!leaf->schema || leaf->schema->nodetype != LYS_LEAFLIST)
        return NULL;
    const struct lyd_value *value = &((const struct lyd_node_term *)leaf)->value;
    return value->realtype->basetype == LY_TYPE_IDENT ? value->ident : NULL;
}

/* The parameters of get-data (RFC 8526, section 3.1.1). */
static bool read_data_filter(const struct lyd_node *rpc, struct filter *filter,
                             struct rpc_error *error)
{
    const struct lyd_node *subtree = view_child(rpc, "subtree-filter");
    const char *config = view_child_value(rpc, "config-filter");
    const char *depth = view_child_value(rpc, "max-depth");
    filter->is_subtree = subtree != NULL;
    filter->subtree = view_content(subtree);
    filter->xpath = view_child_value(rpc, "xpath-filter");
    if (config)
        filter->config = strcmp(config, "true") == 0 ? FILTER_CONFIG : FILTER_STATE;
    if (depth && strcmp(depth, "unbounded") != 0)
        filter->depth = (unsigned)strtoul(depth, NULL, 10);
    for (const struct lyd_node *child = lyd_child(rpc); child; child = child->next) {
        const char *name = view_name(child);
        filter->negated |= strcmp(name, "negated-origin-filter") == 0;
        if (strcmp(name, "origin-filter") != 0 && strcmp(name, "negated-origin-filter") != 0)
            continue;
        const struct lysc_ident *origin = find_origin(child);
        if (!origin || filter->origin_count == FILTER_ORIGINS_MAX)
            return rpc_error_set(error, "protocol", "invalid-value",
                                 "%s: give at most %d origins of ietf-origin", name,
                                 FILTER_ORIGINS_MAX);
        filter->origins[filter->origin_count++] = origin;
    }
    return true;
}

/* The tree of the datastore SOURCE that get-data starts from. */
static bool read_datastore(struct netconf_server *server, enum input_datastore source,
                           const struct filter *filter, struct lyd_node **tree,
                           struct rpc_error *error)
{
    const char *names[FILTER_SECTIONS_MAX];
    if (source == INPUT_OPERATIONAL)
        return datastore_operational(server->datastore, wanted_sections(filter, names), tree,
                                     error);
    return copy_filled(server, source, tree, error);
}

bool operation_get_data(struct netconf_server *server, const struct operation_caller *caller,
                        const struct lyd_node *rpc, struct lyd_node **output,
                        struct rpc_error *error)
{
    struct filter filter = {.depth = 0};
    enum defaults_mode mode;
    struct lyd_node *tree = NULL;
    enum input_datastore source = input_identity(view_child_value(rpc, "datastore"));
    bool with_origin = view_child(rpc, "with-origin") != NULL;
    if (source == INPUT_OTHER)
        return rpc_error_set(error, "protocol", "invalid-value",
                             "datastore: give running, candidate or operational");
    if (!read_data_filter(rpc, &filter, error))
        return false;
    if (source != INPUT_OPERATIONAL && (with_origin || filter.origin_count))
        return rpc_error_set(error, "protocol", "invalid-value",
                             "with-origin and origin filters are for operational");
    /* Operational shows what is in use, and defaults are (RFC 8342, section 5.3). */
    enum defaults_mode usual = source == INPUT_OPERATIONAL ? DEFAULTS_ALL : DEFAULTS_EXPLICIT;
    if (!input_defaults(rpc, usual, &mode, error) ||
        !read_datastore(server, source, &filter, &tree, error) ||
        !reply_with(server, caller, rpc, tree, mode, &filter, output, error))
        return false;
    if (!with_origin)
        filter_remove_metadata((struct lyd_node *)view_content(view_child(*output, "data")),
                               "ietf-origin");
    return true;
}
