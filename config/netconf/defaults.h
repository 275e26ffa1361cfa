/*
 * Default values in trees: the modes of RFC 6243, of which explicit is the basic one, and trees
 * without what is no data.
 *
 * *TREE is the first of siblings from the root and may become NULL. Under the dispatcher's mutex.
 */
#ifndef SPANFLOW_NETCONF_DEFAULTS_H
#define SPANFLOW_NETCONF_DEFAULTS_H

#include "operation.h"

enum defaults_mode {
    DEFAULTS_EXPLICIT,
    DEFAULTS_TRIM,
    DEFAULTS_ALL,
    DEFAULTS_TAGGED,
    DEFAULTS_MODES /* how many there are */
};

/* Makes the attribute known that marks defaults; once for each context, before defaults_show(). */
bool defaults_load(struct ly_ctx *context);

/* The mode called NAME ("report-all" ...); DEFAULTS_MODES if there is none. */
enum defaults_mode defaults_mode_find(const char *name);

/* Whether VALUE (canonical) is the schema's default of the leaf or leaf-list SCHEMA. */
bool defaults_is_default(const struct lysc_node *schema, const char *value);

/* Removes containers without presence that have nothing in them. */
void defaults_prune(struct lyd_node **tree);

/* Removes what nobody set: nodes that are there by default, and empty containers. */
void defaults_strip(struct lyd_node **tree);

/* Adds the defaults that the modules of CONTEXT give to *TREE. */
bool defaults_fill(struct lyd_node **tree, const struct ly_ctx *context, struct rpc_error *error);

/* Makes *TREE, which has all its defaults, what MODE shows. Nothing in it is marked as default
 * afterwards, so that it is printed as it is, whatever the printer's own mode. */
bool defaults_show(struct lyd_node **tree, enum defaults_mode mode, struct rpc_error *error);

#endif
