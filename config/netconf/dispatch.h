/*
 * From the library's RPCs to tables of operations and back: finds who asks, takes the mutex of
 * operations, asks whether the caller may, runs the row, and makes the reply or the rpc-errors of
 * RFC 6241, section 4.3.
 */
#ifndef SPANFLOW_NETCONF_DISPATCH_H
#define SPANFLOW_NETCONF_DISPATCH_H

#include "operation.h"

struct dispatch_settings {
    const struct operation_row *const *tables; /* ended by NULL */
    /* Whether CALLER may invoke RPC. NULL: everybody may everything. */
    bool (*permitted)(struct netconf_server *server, const struct operation_caller *caller,
                      const struct lyd_node *rpc, struct rpc_error *error);
    /* Before each operation: tells the time to what waits for it. NULL: nothing. */
    void (*before)(struct netconf_server *server);
    /* Before that, if the operation CHANGES something: may give the mutex away for a moment, until
     * what is under way is done. NULL: nothing. */
    void (*settle)(struct netconf_server *server);
    /* After each operation, also one that was refused: ERROR is NULL for success. NULL: nothing. */
    void (*after)(struct netconf_server *server, const struct operation_caller *caller,
                  const struct lyd_node *rpc, const struct rpc_error *error);
};

/* Takes all operations of CONTEXT, from now on and for the life of the process; SETTINGS must live
 * as long. Before the library is told about CONTEXT. False if CONTEXT lacks the base operations. */
bool dispatch_begin(const struct dispatch_settings *settings, struct ly_ctx *context);

#endif
