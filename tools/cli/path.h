/*
 * How a user names a node of the configuration: "cache/default/activeTimeout". Segments are names
 * of the module spanflow, with the key of a list entry as a segment of its own behind the list's
 * name; a key with slashes stands in quotes. A path that has predicates is taken as XPath.
 */
#ifndef SPANFLOW_CLI_PATH_H
#define SPANFLOW_CLI_PATH_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { PATH_TEXT_MAX = 4096 };

struct path {
    char data[PATH_TEXT_MAX];  /* as lyd_new_path() takes it */
    char xpath[PATH_TEXT_MAX]; /* as a filter: each name has the prefix of its module */
    const struct lysc_node *schema;
    const struct lys_module *module; /* of the top node */
    bool whole_list;                 /* it names a list without a key */
};

/* Reads TYPED into PATH. The first segment may be "spanflow", which is otherwise meant, or "nacm".
 * False and ERROR with the segment that is not known and what there is instead. Main thread. */
bool path_read(const struct ly_ctx *context, const char *typed, struct path *path,
               struct error *error);

/* The path of NODE in the form in which it is typed. */
void path_show(const struct lyd_node *node, char *text, size_t size);

/* Prints the names that may follow the path TYPED, whose last segment may be a beginning; a line
 * each, for the completion of a shell. Keys are those in DATA, which may be NULL. */
void path_complete(const struct ly_ctx *context, const char *typed, const struct lyd_node *data);

/* Prints the values of the leaf TYPED that begin with BEGUN, if it is of a type that lists them. */
void path_complete_value(const struct ly_ctx *context, const char *typed, const char *begun);

#endif
