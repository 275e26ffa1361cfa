/*
 * Parameters that several operations have, read from their nodes.
 *
 * Under the dispatcher's mutex; texts live as long as the operation's node.
 */
#ifndef SPANFLOW_NETCONF_OPERATION_INPUT_H
#define SPANFLOW_NETCONF_OPERATION_INPUT_H

#include "data_view.h"
#include "defaults.h"
#include "filter.h"
#include "operation.h"

/* What a source or target names. */
enum input_datastore {
    INPUT_RUNNING,
    INPUT_CANDIDATE,
    INPUT_OPERATIONAL,
    INPUT_CONFIG, /* a configuration in the request itself */
    INPUT_OTHER   /* something that is not here */
};

/* The datastore that NODE (source or target) names, by an element or the leaf datastore of RFC
 * 8526; *CONFIG becomes the element config of INPUT_CONFIG. */
enum input_datastore input_datastore(const struct lyd_node *node, const struct lyd_node **config);

/* The datastore that the identity NAME ("ietf-datastores:running") means. */
enum input_datastore input_identity(const char *name);

/* The value of the leaf with-defaults of RPC in *MODE, FALLBACK without one. */
bool input_defaults(const struct lyd_node *rpc, enum defaults_mode fallback,
                    enum defaults_mode *mode, struct rpc_error *error);

/* The element filter of get and get-config as FILTER. */
bool input_filter(const struct lyd_node *rpc, struct filter *filter, struct rpc_error *error);

/* The configuration in the element CONFIG as a tree without defaults in *TREE, which the caller
 * frees: names and values are checked, constraints are not. */
bool input_config(const struct ly_ctx *context, const struct lyd_node *config,
                  struct lyd_node **tree, struct rpc_error *error);

#endif
