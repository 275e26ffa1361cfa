/*
 * The library's one callback. It has no argument of ours, so the tables are kept here; who asks is
 * the library session's data.
 */
#include "dispatch.h"

#include <nc_server.h>
#include <stdlib.h>
#include <string.h>

#include "error_path.h"
#include "log.h"
#include "sessions.h"

static const struct dispatch_settings *settings;

/* What the library wants to know with an error of each tag. */
enum error_form {
    FORM_TYPE,
    FORM_ATTRIBUTE,
    FORM_ELEMENT,
    FORM_NAMESPACE,
    FORM_SESSION,
    FORM_NONE
};

static const struct error_row {
    const char *tag;
    NC_ERR code;
    enum error_form form;
} error_rows[] = {
    {"in-use", NC_ERR_IN_USE, FORM_TYPE},
    {"invalid-value", NC_ERR_INVALID_VALUE, FORM_TYPE},
    {"too-big", NC_ERR_TOO_BIG, FORM_TYPE},
    {"missing-attribute", NC_ERR_MISSING_ATTR, FORM_ATTRIBUTE},
    {"bad-attribute", NC_ERR_BAD_ATTR, FORM_ATTRIBUTE},
    {"unknown-attribute", NC_ERR_UNKNOWN_ATTR, FORM_ATTRIBUTE},
    {"missing-element", NC_ERR_MISSING_ELEM, FORM_ELEMENT},
    {"bad-element", NC_ERR_BAD_ELEM, FORM_ELEMENT},
    {"unknown-element", NC_ERR_UNKNOWN_ELEM, FORM_ELEMENT},
    {"unknown-namespace", NC_ERR_UNKNOWN_NS, FORM_NAMESPACE},
    {"access-denied", NC_ERR_ACCESS_DENIED, FORM_TYPE},
    {"lock-denied", NC_ERR_LOCK_DENIED, FORM_SESSION},
    {"resource-denied", NC_ERR_RES_DENIED, FORM_TYPE},
    {"rollback-failed", NC_ERR_ROLLBACK_FAILED, FORM_TYPE},
    {"data-exists", NC_ERR_DATA_EXISTS, FORM_NONE},
    {"data-missing", NC_ERR_DATA_MISSING, FORM_NONE},
    {"operation-not-supported", NC_ERR_OP_NOT_SUPPORTED, FORM_TYPE},
    {"operation-failed", NC_ERR_OP_FAILED, FORM_TYPE},
    {"malformed-message", NC_ERR_MALFORMED_MSG, FORM_NONE},
};

static const struct error_row *row_of(const char *tag)
{
    const struct error_row *last = error_rows + sizeof(error_rows) / sizeof(error_rows[0]);
    for (const struct error_row *row = error_rows; row < last; row++) {
        if (tag && strcmp(row->tag, tag) == 0)
            return row;
    }
    return row_of("operation-failed");
}

static NC_ERR_TYPE type_of(const char *type)
{
    static const struct {
        const char *name;
        NC_ERR_TYPE type;
    } types[] = {
        {"transport", NC_ERR_TYPE_TRAN}, {"rpc", NC_ERR_TYPE_RPC}, {"protocol", NC_ERR_TYPE_PROT}};
    for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, type) == 0)
            return types[i].type;
    }
    return NC_ERR_TYPE_APP;
}

/* Puts error-info last, where RFC 6241, appendix B, has it. */
static void order(struct lyd_node *made)
{
    struct lyd_node *info = lyd_child(made);
    while (info && strcmp(LYD_NAME(info), "error-info") != 0)
        info = info->next;
    if (info && info->next) {
        lyd_unlink_tree(info);
        lyd_insert_child(made, info);
    }
}

/* One rpc-error as the library's tree. */
static struct lyd_node *make_error(const struct ly_ctx *context, const struct rpc_error *error)
{
    const struct error_row *row = row_of(error->tag);
    NC_ERR_TYPE type = type_of(error->type);
    struct lyd_node *made = NULL;
    switch (row->form) {
    case FORM_TYPE:
        made = nc_err(context, row->code, type);
        break;
    case FORM_ATTRIBUTE:
        made = nc_err(context, row->code, type, error->bad_attribute, error->bad_element);
        break;
    case FORM_ELEMENT:
        made = nc_err(context, row->code, type, error->bad_element);
        break;
    case FORM_NAMESPACE:
        made = nc_err(context, row->code, type, error->bad_element, error->bad_namespace);
        break;
    case FORM_SESSION:
        made = nc_err(context, row->code, error->session);
        break;
    case FORM_NONE:
        made = nc_err(context, row->code);
        break;
    }
    if (!made)
        return NULL;
    if (error->app_tag)
        nc_err_set_app_tag(made, error->app_tag);
    struct lyd_node *path = error->path[0] ? error_path_element(context, error->path) : NULL;
    if (path && lyd_insert_child(made, path) != LY_SUCCESS)
        lyd_free_tree(path);
    if (error->message[0])
        nc_err_set_msg(made, error->message, "en");
    if (row->form == FORM_TYPE && error->bad_element[0])
        nc_err_add_bad_elem(made, error->bad_element);
    if (row->form != FORM_SESSION && error->has_session)
        nc_err_set_sid(made, error->session);
    order(made);
    return made;
}

static struct nc_server_reply *error_reply(const struct ly_ctx *context,
                                           const struct rpc_error *error)
{
    struct lyd_node *first = make_error(context, error);
    struct nc_server_reply *reply = first ? nc_server_reply_err(first) : NULL;
    for (error = error->next; reply && error; error = error->next) {
        struct lyd_node *more = make_error(context, error);
        if (more)
            nc_server_reply_add_err(reply, more);
    }
    return reply;
}

static const struct operation_row *find_row(const struct lyd_node *rpc)
{
    for (const struct operation_row *const *table = settings->tables; *table; table++) {
        for (const struct operation_row *row = *table; row->module; row++) {
            if (strcmp(row->name, rpc->schema->name) == 0 &&
                strcmp(row->module, rpc->schema->module->name) == 0)
                return row;
        }
    }
    return NULL;
}

/* The operation itself, below data if it is an action. */
static const struct lyd_node *operation_of(const struct lyd_node *tree)
{
    const struct lyd_node *node = tree;
    while (node && node->schema && !(node->schema->nodetype & (LYS_RPC | LYS_ACTION))) {
        const struct lyd_node *below = NULL;
        for (below = lyd_child(node); below; below = below->next) {
            if (below->schema && below->schema->nodetype & (LYS_CONTAINER | LYS_LIST | LYS_ACTION))
                break;
        }
        node = below;
    }
    return node;
}

/* Under the mutex. */
static bool run(struct netconf_server *server, const struct session *session,
                const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)
{
    struct operation_caller caller = session_caller(session);
    const struct operation_row *row = find_row(rpc);
    if (row && row->changes && settings->settle)
        settings->settle(server);
    if (session->ended)
        return rpc_error_set(error, "protocol", "operation-failed", "the session has ended");
    if (settings->before)
        settings->before(server);
    if (settings->permitted && !settings->permitted(server, &caller, rpc, error))
        return false;
    if (!row)
        return rpc_error_set(error, "protocol", "operation-not-supported",
                             "the operation %s is not one of this server", rpc->schema->name);
    return row->run(server, &caller, rpc, output, error);
}

/* An error whose message begins with the name of a parameter of RPC, or that calls one a bad
 * element, is about that one. */
static void name_parameter(const struct lyd_node *rpc, struct rpc_error *error)
{
    const struct lys_module *module = rpc->schema->module;
    const char *const names[] = {error->message, error->bad_element};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !error->path[0]; i++) {
        size_t length = strcspn(names[i], ":");
        bool whole = i > 0 || names[i][length] == ':';
        if (length && whole && lys_find_child(rpc->schema, module, names[i], length, 0, 0))
            snprintf(error->path, sizeof error->path, "/%s:%s/%.*s", module->name,
                     rpc->schema->name, (int)length, names[i]);
    }
}

static struct nc_server_reply *dispatch(struct lyd_node *tree, struct nc_session *netconf)
{
    struct session *session = nc_session_get_data(netconf);
    struct netconf_server *server = sessions_server(session->sessions);
    const struct lyd_node *rpc = operation_of(tree);
    struct lyd_node *output = NULL;
    struct rpc_error error = {0};
    if (!rpc || !rpc->schema)
        return NULL;
    operations_lock(server);
    bool good = run(server, session, rpc, &output, &error);
    if (!good)
        name_parameter(rpc, &error);
    struct operation_caller caller = session_caller(session);
    if (settings->after)
        settings->after(server, &caller, rpc, good ? NULL : &error);
    operations_unlock(server);
    struct nc_server_reply *reply;
    if (!good)
        reply = error_reply(server->context, &error);
    else if (output) /* which defaults it has, and their marks, is the operation's choice */
        reply = nc_server_reply_data(output, NC_WD_ALL, NC_PARAMTYPE_FREE);
    else
        reply = nc_server_reply_ok();
    rpc_error_clear(&error);
    return reply;
}

bool dispatch_begin(const struct dispatch_settings *wanted, struct ly_ctx *context)
{
    /* The library would put callbacks of its own on these two. */
    static const char *const taken[] = {"/ietf-netconf:close-session",
                                        "/ietf-netconf-monitoring:get-schema"};
    settings = wanted;
    nc_set_global_rpc_clb(dispatch);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        const struct lysc_node *node = lys_find_path(context, NULL, taken[i], 0);
        if (!node) {
            log_line("the standard modules lack %s: is libyuma-base whole?", taken[i]);
            return false;
        }
        nc_rpc_clb callback = dispatch;
        struct lysc_node *changed = (struct lysc_node *)node;
        nc_set_rpc_callback(changed, callback);
    }
    return true;
}
