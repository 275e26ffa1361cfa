/*
 * The edit engine: what <config> of edit-config, edit-data, copy-config and validate does to a tree
 * (RFC 6241, section 7.2; RFC 7950, sections 7.5.8, 7.6.9, 7.7.9, 7.8.6). Values and names are
 * checked here, constraints are not: a candidate may be incomplete.
 *
 * The trees hold no default nodes; a container without presence that has nothing in it is no data.
 * Under the dispatcher's mutex.
 */
#ifndef SPANFLOW_NETCONF_EDIT_H
#define SPANFLOW_NETCONF_EDIT_H

#include "operation.h"

enum edit_operation {
    EDIT_NONE,
    EDIT_MERGE,
    EDIT_REPLACE,
    EDIT_CREATE,
    EDIT_DELETE,
    EDIT_REMOVE,
    EDIT_OPERATIONS /* how many there are */
};

struct edit_request {
    const struct ly_ctx *context;
    const struct lyd_node *content; /* the children of <config>, as libyang parsed them */
    enum edit_operation fallback;   /* default-operation: merge, replace or none */
    bool plain;                     /* a whole configuration: attributes of edits are refused */
    bool go_on;                     /* continue-on-error */
};

/* The operation called NAME; EDIT_OPERATIONS if there is none. */
enum edit_operation edit_operation_find(const char *name);

/* Applies REQUEST to *TREE (siblings from the root, NULL when empty). False with ERROR if anything
 * was refused. The tree is then half changed, so the caller gives a copy; with go_on it has
 * everything but what was refused, and ERROR has the others behind it. */
bool edit_apply(const struct edit_request *request, struct lyd_node **tree,
                struct rpc_error *error);

#endif
