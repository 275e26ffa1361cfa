/*
 * The functions behind the rows of datastore_operations[] (operation_table.c). Each is as
 * operation.h says of operation_row.run.
 */
#ifndef SPANFLOW_NETCONF_OPERATION_INTERNAL_H
#define SPANFLOW_NETCONF_OPERATION_INTERNAL_H

#include "operation.h"

#define OPERATION(name)                                                                            \
    bool name(struct netconf_server *server, const struct operation_caller *caller,                \
              const struct lyd_node *rpc, struct lyd_node **output, struct rpc_error *error)

/* operation_read.c */
OPERATION(operation_get);
OPERATION(operation_get_config);
OPERATION(operation_get_data);
/* operation_edit.c */
OPERATION(operation_edit_config);
OPERATION(operation_edit_data);
OPERATION(operation_copy_config);
OPERATION(operation_delete_config);
/* operation_commit.c */
OPERATION(operation_validate);
OPERATION(operation_commit);
OPERATION(operation_cancel_commit);
OPERATION(operation_discard_changes);
OPERATION(operation_lock);
OPERATION(operation_unlock);

#endif
