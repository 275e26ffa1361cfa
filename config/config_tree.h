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

/* The name of the entry that a list has where nothing says another. */
#define CONFIG_DEFAULT_NAME "default"

/* Loads the module and makes an empty configuration. After a failure nothing is left open. */
bool config_tree_open(struct config_tree *tree, struct error *error);

/* Frees everything; a tree that is all zeros is fine. */
void config_tree_close(struct config_tree *tree);

/* Replaces the configuration by TEXT: JSON (RFC 7951) or XML, told apart by the first character.
 * Checks types, not constraints. NAME stands for the file in messages. */
bool config_tree_parse(struct config_tree *tree, const char *text, const char *name,
                       struct error *error);

/* Sets the leaf PATH ("/spanflow/cache/maxFlows"), or adds VALUE to the leaf-list PATH. A list on
 * the way stands for its entry named default, made if there is none, or for the only entry if that
 * has another name; where there are several others it is an error. */
bool config_tree_set(struct config_tree *tree, const char *path, const char *value,
                     struct error *error);

/* Adds the entry KEY to the list PATH; *ENTRY is owned by the tree. An existing key is an error.
 * Lists on the way are as for config_tree_set(). */
bool config_tree_add(struct config_tree *tree, const char *path, const char *key,
                     struct lyd_node **entry, struct error *error);

/* Sets the leaf PATH below ENTRY ("udpExporter/destinationPort"). */
bool config_tree_set_below(struct config_tree *tree, struct lyd_node *entry, const char *path,
                           const char *value, struct error *error);

/* Makes of TREE, which has been read or built, the entries that it stands for: an observationPoint
 * for each source, a destination for each collector, what is named default, and the references
 * between them. What is there already stays, and the leaf-lists stay, too; doing it again changes
 * nothing. An error names the leaf. Whether the whole is possible is told by validating after it.
 */
bool config_tree_expand(struct config_tree *tree, struct error *error);

/* Whether NODE was made by config_tree_expand(): itself or a node around it. Copies of a tree do
 * not know it. */
bool config_tree_is_made(const struct lyd_node *node);

/* Another tree of the same content in the same context. Free the copy's root alone with
 * lyd_free_all(), never by config_tree_close(). False: out of memory. */
bool config_tree_copy(const struct config_tree *tree, struct config_tree *copy);

/* Notes on ROOT, the container spanflow, for which REVISION of the module it is (CONFIG_REVISION),
 * as a stored configuration tells it; NULL takes the note away. */
void config_tree_set_revision(struct lyd_node *root, const char *revision);

/* The configuration as JSON (RFC 7951) without defaults, to be freed. NULL: out of memory. */
char *config_tree_print(const struct config_tree *tree);

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

/* What SAID, a complaint of libyang about a value of NODE (may be NULL), comes to: with what the
 * leaf may hold, unless the module has words of its own for the mistake. Any thread. */
void config_tree_value_text(const struct lysc_node *node, const char *said, char *text,
                            size_t size);

/* The default of a leaf as text, NULL when it has none. */
const char *config_tree_default(const struct lysc_node *node);

/* The path of NODE without the module's prefix and without choices and cases. */
void config_tree_schema_path(const struct lysc_node *node, char *path, size_t size);

#endif
