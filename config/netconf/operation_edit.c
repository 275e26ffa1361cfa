/*
 * edit-config, edit-data, copy-config and delete-config. All of them change candidate only, whole
 * or not at all, unless the client asks to go on after errors.
 */
#include <stdio.h>
#include <string.h>

#include "datastore.h"
#include "datastore_internal.h"
#include "defaults.h"
#include "edit.h"
#include "operation_input.h"
#include "operation_internal.h"
#include "rpc_error.h"

/* What the options of an edit ask for. */
struct edit_options {
    bool test; /* before it is set */
    bool set;
};

static bool refuse_url(struct rpc_error *error)
{
    return rpc_error_set(error, "protocol", "operation-not-supported",
                         "url: configurations are not fetched from elsewhere; give config");
}

/* PATH without its last name and that one's predicates; false if nothing is left. */
static bool cut_last(char *path)
{
    char *last = path, quote = 0;
    for (char *at = path; *at; at++) {
        if (quote)
            quote = *at == quote ? 0 : quote;
        else if (*at == '\'' || *at == '"')
            quote = *at;
        else if (*at == '/')
            last = at;
    }
    *last = 0;
    return last != path;
}

/* The node at PATH with its parents, as good as that can be made of a path: with any value, or of a
 * leaf the parent alone. NULL if nothing can. To be freed. */
static struct lyd_node *make_at(const struct ly_ctx *context, const char *path)
{
    static const char *const values[] = {NULL, "x", "1"};
    char part[sizeof((struct rpc_error *)NULL)->path];
    struct lyd_node *made = NULL;
    snprintf(part, sizeof part, "%s", path);
    do {
        for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
            if (lyd_new_path(NULL, context, part, values[i], 0, &made) == LY_SUCCESS)
                return made;
    } while (cut_last(part));
    return NULL;
}

/* Whether something is there is no business of who could not write it: what REFUSED says of a node
 * becomes access-denied then (RFC 6241, section 4.3). */
static void hide_refusal(struct netconf_server *server, const struct operation_caller *caller,
                         struct rpc_error *refused)
{
    const struct datastore_hooks *hooks = &server->datastore->hooks;
    for (; refused && hooks->may_write; refused = refused->next) {
        if (!refused->path[0])
            continue;
        struct rpc_error denied = {0};
        struct lyd_node *made = make_at(server->context, refused->path);
        struct lyd_node *diff = made ? datastore_diff(NULL, made) : NULL;
        if (diff && !hooks->may_write(hooks->context, caller, diff, &denied)) {
            denied.next = refused->next;
            *refused = denied;
        }
        lyd_free_all(diff);
        lyd_free_all(made);
    }
}

/* Applies REQUEST to a copy of candidate and makes that the candidate. */
static bool change_candidate(struct netconf_server *server, const struct operation_caller *caller,
                             const char *operation, const struct edit_request *request,
                             const struct edit_options *options, struct rpc_error *error)
{
    struct datastore *datastore = server->datastore;
    if (!datastore_may_change(datastore, caller, DATASTORE_CANDIDATE, error))
        return false;
    struct lyd_node *tree = datastore_copy(datastore->candidate);
    struct rpc_error refused = {0};
    bool whole = edit_apply(request, &tree, &refused);
    if (!whole)
        hide_refusal(server, caller, &refused);
    bool go_on = whole || request->go_on;
    if (go_on && options->test && !datastore_validate(datastore, tree, error))
        whole = false;
    else if (go_on && options->set) {
        if (!datastore_set_candidate(datastore, caller, operation, tree, error))
            whole = false;
        tree = NULL;
    }
    lyd_free_all(tree);
    if (refused.tag && error && !error->tag)
        *error = refused;
    else
        rpc_error_clear(&refused);
    return whole;
}

/* The parameter NAME, NULL if it was not given (the parser fills in defaults). */
static const char *given(const struct lyd_node *rpc, const char *name)
{
    const struct lyd_node *node = view_child(rpc, name);
    return node && !(node->flags & LYD_DEFAULT) ? view_text(node) : NULL;
}

bool operation_edit_config(struct netconf_server *server, const struct operation_caller *caller,
                           const struct lyd_node *rpc, struct lyd_node **output,
                           struct rpc_error *error)
{
    const struct lyd_node *unused = NULL, *config = view_child(rpc, "config");
    enum input_datastore target = input_datastore(view_child(rpc, "target"), &unused);
    *output = NULL;
    if (target != INPUT_CANDIDATE)
        return rpc_error_set(error, "protocol", "operation-not-supported",
                             "target: only candidate can be edited; edit candidate, then commit");
    if (!config)
        return refuse_url(error);
    const char *fallback = view_child_value(rpc, "default-operation");
    const char *test = given(rpc, "test-option"), *on_error = given(rpc, "error-option");
    /* Without a test-option nothing is tested: candidate may be incomplete between two edits. */
    struct edit_options options = {.test = test && strcmp(test, "set") != 0,
                                   .set = !test || strcmp(test, "test-only") != 0};
    struct edit_request request = {.context = server->context,
                                   .content = view_content(config),
                                   .fallback =
                                       fallback ? edit_operation_find(fallback) : EDIT_MERGE,
                                   .go_on = on_error && strcmp(on_error, "continue-on-error") == 0};
    return change_candidate(server, caller, "edit-config", &request, &options, error);
}

bool operation_edit_data(struct netconf_server *server, const struct operation_caller *caller,
                         const struct lyd_node *rpc, struct lyd_node **output,
                         struct rpc_error *error)
{
    const struct lyd_node *config = view_child(rpc, "config");
    const char *fallback = view_child_value(rpc, "default-operation");
    *output = NULL;
    if (input_identity(view_child_value(rpc, "datastore")) != INPUT_CANDIDATE)
        return rpc_error_set(error, "protocol", "invalid-value",
                             "datastore: only candidate can be edited; edit it, then commit");
    if (!config)
        return refuse_url(error);
    struct edit_options options = {.set = true};
    struct edit_request request = {.context = server->context,
                                   .content = view_content(config),
                                   .fallback =
                                       fallback ? edit_operation_find(fallback) : EDIT_MERGE};
    return change_candidate(server, caller, "edit-data", &request, &options, error);
}

/* What copy-config with with-defaults copies of running (RFC 6243, section 4.5.2): tags say no more
 * than that a node is there by default, and then it stays absent. */
static bool copy_running(struct netconf_server *server, const struct operation_caller *caller,
                         enum defaults_mode mode, struct lyd_node **tree, struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &server->datastore->hooks;
    *tree = datastore_copy(server->datastore->complete);
    if (hooks->filter_read)
        hooks->filter_read(hooks->context, caller, tree);
    if (defaults_show(tree, mode == DEFAULTS_TAGGED ? DEFAULTS_EXPLICIT : mode, error))
        return true;
    lyd_free_all(*tree);
    return false;
}

/* What the caller does not see of candidate stays in *TREE as it is: he could not have copied it,
 * and to delete it is not what he means. */
static void keep_hidden(struct netconf_server *server, const struct operation_caller *caller,
                        struct lyd_node **tree)
{
    const struct datastore_hooks *hooks = &server->datastore->hooks;
    if (!hooks->filter_read)
        return;
    struct lyd_node *whole = datastore_copy(server->datastore->candidate);
    struct lyd_node *seen = datastore_copy(server->datastore->candidate);
    hooks->filter_read(hooks->context, caller, &seen);
    defaults_strip(tree);
    struct lyd_node *diff = datastore_diff(seen, *tree);
    /* It does not fit where something is given that is there, hidden: then nothing is kept, and
     * the access rules have the word. */
    if (!diff || lyd_diff_apply_all(&whole, diff) == LY_SUCCESS) {
        lyd_free_all(*tree);
        *tree = whole;
    } else {
        lyd_free_all(whole);
    }
    lyd_free_all(diff);
    lyd_free_all(seen);
}

/* RFC 6241, section 7.3: that is an error of its own, whatever the place. */
static bool is_same_place(const struct lyd_node *source, const struct lyd_node *target)
{
    const struct lyd_node *from = source ? lyd_child(source) : NULL;
    const struct lyd_node *to = target ? lyd_child(target) : NULL;
    if (!from || !to || strcmp(view_name(from), view_name(to)) != 0)
        return false;
    const char *left = view_text(from), *right = view_text(to);
    return strcmp(left ? left : "", right ? right : "") == 0;
}

bool operation_copy_config(struct netconf_server *server, const struct operation_caller *caller,
                           const struct lyd_node *rpc, struct lyd_node **output,
                           struct rpc_error *error)
{
    const struct lyd_node *unused = NULL, *config = NULL;
    enum input_datastore target = input_datastore(view_child(rpc, "target"), &unused);
    enum input_datastore source = input_datastore(view_child(rpc, "source"), &config);
    enum defaults_mode mode;
    struct lyd_node *tree = NULL;
    *output = NULL;
    if (is_same_place(view_child(rpc, "source"), view_child(rpc, "target")))
        return rpc_error_set(error, "protocol", "invalid-value",
                             "source: is the target; copy running or a config to candidate");
    if (target != INPUT_CANDIDATE)
        return rpc_error_set(error, "protocol", "operation-not-supported",
                             "target: only candidate can be written; write it, then commit");
    if (source != INPUT_RUNNING && source != INPUT_CONFIG)
        return rpc_error_set(error, "protocol", "operation-not-supported",
                             "source: only running or a config can be copied");
    if (!datastore_may_change(server->datastore, caller, DATASTORE_CANDIDATE, error) ||
        !input_defaults(rpc, DEFAULTS_EXPLICIT, &mode, error))
        return false;
    bool read = source == INPUT_RUNNING ? copy_running(server, caller, mode, &tree, error)
                                        : input_config(server->context, config, &tree, error);
    if (read)
        keep_hidden(server, caller, &tree);
    return read && datastore_set_candidate(server->datastore, caller, "copy-config", tree, error);
}

bool operation_delete_config(struct netconf_server *server, const struct operation_caller *caller,
                             const struct lyd_node *rpc, struct lyd_node **output,
                             struct rpc_error *error)
{
    (void)server;
    (void)caller;
    (void)rpc;
    *output = NULL;
    return rpc_error_set(error, "protocol", "operation-not-supported",
                         "target: neither running nor candidate can be deleted; edit candidate "
                         "with the operation remove, then commit");
}
