/*
 * validate, commit, cancel-commit, discard-changes, lock and unlock: their parameters.
 */
#include <stdlib.h>
#include <string.h>

#include "datastore.h"
#include "datastore_internal.h"
#include "operation_input.h"
#include "operation_internal.h"
#include "rpc_error.h"

enum { CONFIRM_TIMEOUT_S = 600 };

bool operation_validate(struct netconf_server *server, const struct operation_caller *caller,
                        const struct lyd_node *rpc, struct lyd_node **output,
                        struct rpc_error *error)
{
    const struct lyd_node *config = NULL;
    struct lyd_node *tree = NULL;
    (void)caller;
    *output = NULL;
    switch (input_datastore(view_child(rpc, "source"), &config)) {
    case INPUT_RUNNING:
        return datastore_validate(server->datastore, server->datastore->running, error);
    case INPUT_CANDIDATE:
        return datastore_validate(server->datastore, server->datastore->candidate, error);
    case INPUT_CONFIG:
        if (!input_config(server->context, config, &tree, error))
            return false;
        break;
    default:
        return rpc_error_set(error, "protocol",
                             view_child(view_child(rpc, "source"), "datastore")
                                 ? "invalid-value"
                                 : "operation-not-supported",
                             "source: running, candidate or a config can be validated");
    }
    bool valid = datastore_validate(server->datastore, tree, error);
    lyd_free_all(tree);
    return valid;
}

bool operation_commit(struct netconf_server *server, const struct operation_caller *caller,
                      const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)
{
    const char *timeout = view_child_value(rpc, "confirm-timeout");
    struct commit_request request = {.confirmed = view_child(rpc, "confirmed") != NULL,
                                     .timeout_s = timeout ? (uint32_t)strtoul(timeout, NULL, 10)
                                                          : CONFIRM_TIMEOUT_S,
                                     .persist = view_child_value(rpc, "persist"),
                                     .persist_id = view_child_value(rpc, "persist-id"),
                                     .comment = view_child_value(rpc, "comment")};
    *output = NULL;
    if (!request.confirmed && request.persist)
        return rpc_error_set(error, "protocol", "invalid-value",
                             "persist: is for a commit that is confirmed later; add confirmed");
    return datastore_commit(server->datastore, caller, &request, error);
}

bool operation_cancel_commit(struct netconf_server *server, const struct operation_caller *caller,
                             const struct lyd_node *rpc, struct lyd_node **output,
                             struct rpc_error *error)
{
    *output = NULL;
    return datastore_cancel_commit(server->datastore, caller, view_child_value(rpc, "persist-id"),
                                   error);
}

bool operation_discard_changes(struct netconf_server *server, const struct operation_caller *caller,
                               const struct lyd_node *rpc, struct lyd_node **output,
                               struct rpc_error *error)
{
    (void)rpc;
    *output = NULL;
    return datastore_discard(server->datastore, caller, error);
}

/* What lock and unlock are for, in *NAME. */
static bool read_target(const struct lyd_node *rpc, enum datastore_name *name,
                        struct rpc_error *error)
{
    const struct lyd_node *config = NULL;
    enum input_datastore target = input_datastore(view_child(rpc, "target"), &config);
    *name = target == INPUT_RUNNING ? DATASTORE_RUNNING : DATASTORE_CANDIDATE;
    if (target == INPUT_RUNNING || target == INPUT_CANDIDATE)
        return true;
    return rpc_error_set(error, "protocol", "invalid-value",
                         "target: running and candidate can be locked");
}

bool operation_lock(struct netconf_server *server, const struct operation_caller *caller,
                    const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)
{
    enum datastore_name name;
    *output = NULL;
    return read_target(rpc, &name, error) && datastore_lock(server->datastore, caller, name, error);
}

bool operation_unlock(struct netconf_server *server, const struct operation_caller *caller,
                      const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)
{
    enum datastore_name name;
    *output = NULL;
    return read_target(rpc, &name, error) &&
           datastore_unlock(server->datastore, caller, name, error);
}
