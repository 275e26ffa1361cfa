/* Turns the last complaint of libyang into one line for the user. Private to the tree. */
#ifndef SPANFLOW_CONFIG_CONFIG_TREE_ERROR_H
#define SPANFLOW_CONFIG_CONFIG_TREE_ERROR_H

#include "config_tree.h"

/* Writes "NAME:LINE: PATH: what is wrong; what is right" into ERROR. NAME (may be NULL) is the
 * file; the line is left out without one. */
void config_tree_error(const struct config_tree *tree, const char *name, struct error *error);

/* The same about the value just given to NODE, without file and path: the caller knows both. */
void config_tree_value_error(const struct config_tree *tree, const struct lysc_node *node,
                             struct error *error);

#endif
