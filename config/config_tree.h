/*
 * A configuration as data of the module spanflow.yang: built from a file, from options or from
 * both, then validated as a whole. The only door to libyang for the other files of this folder.
 *
 * One thread at a time. Every function that can fail returns false and writes one line into ERROR:
 * what is wrong and what would be right; reading and validating also name the path of the node.
 */
#ifndef SPANFLOW_CONFIG_CONFIG_TREE_H
#define SPANFLOW_CONFIG_CONFIG_TREE_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct config_tree {
    struct ly_ctx *context;
    const struct lys_module *module;
    struct lyd_node *root; /* the container spanflow, never NULL once open */
};

/* Text of the module, embedded at build time. */
extern const char spanflow_yang[];

/* Loads the module and makes an empty configuration. After a failure nothing is left open. */
bool config_tree_open(struct config_tree *tree, struct error *error);

/* Frees everything; a tree that is all zeros is fine. */
void config_tree_close(struct config_tree *tree);

/* Replaces the configuration by the content of the file PATH ("-" = standard input): JSON
 * (RFC 7951) or XML, told apart by the first character. Checks types, not constraints. */
bool config_tree_load(struct config_tree *tree, const char *path, struct error *error);

/* As config_tree_load() for TEXT in memory; NAME stands for the file in messages. */
bool config_tree_parse(struct config_tree *tree, const char *text, const char *name,
                       struct error *error);

/* Sets the leaf PATH ("/spanflow/cache/maxFlows"), or adds VALUE to the leaf-list PATH. */
bool config_tree_set(struct config_tree *tree, const char *path, const char *value,
                     struct error *error);

/* Adds the entry KEY to the list PATH; *ENTRY is owned by the tree. An existing key is an error. */
bool config_tree_add(struct config_tree *tree, const char *path, const char *key,
                     struct lyd_node **entry, struct error *error);

/* Sets the leaf PATH below ENTRY ("udpExporter/destinationPort"). */
bool config_tree_set_below(struct config_tree *tree, struct lyd_node *entry, const char *path,
                           const char *value, struct error *error);

/* Fills in the defaults and checks every constraint of the module. */
bool config_tree_validate(struct config_tree *tree, struct error *error);

/* Value of the leaf PATH below NODE (relative, "udpExporter/destinationPort"); NULL when it has
 * none. The text is canonical and lives as long as the tree is not changed. */
const char *config_tree_value(const struct lyd_node *node, const char *path);

/* The schema node at PATH ("/spanflow/cache/maxFlows"), NULL if the module has none. */
const struct lysc_node *config_tree_find(const struct config_tree *tree, const char *path);

/* Writes what the leaf or leaf-list NODE may hold, in words: "0..86400 seconds", "span, tap-a or
 * tap-b". At most SIZE bytes with the final 0. */
void config_tree_describe_type(const struct lysc_node *node, char *text, size_t size);

/* The default of a leaf as text, NULL when it has none. */
const char *config_tree_default(const struct lysc_node *node);

/* The path of NODE without the module's prefix and without choices and cases. */
void config_tree_schema_path(const struct lysc_node *node, char *path, size_t size);

#endif
