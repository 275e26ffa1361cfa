/*
 * Reading the trees that the probe answers with. A leaf that is not there reads as nothing: "" or
 * 0, since an older or smaller probe may not have it. Main thread; texts live as long as the tree.
 */
#ifndef SPANFLOW_CLI_DATA_H
#define SPANFLOW_CLI_DATA_H

#include <libyang/libyang.h>
#include <stdint.h>

/* The child NAME of NODE, NULL if it has none (or NODE is NULL). Of a list the first entry. */
const struct lyd_node *data_child(const struct lyd_node *node, const char *name);
/* The next entry of the same list behind ENTRY, or NULL. */
const struct lyd_node *data_next(const struct lyd_node *entry);
/* The value of the leaf NAME below NODE. */
const char *data_text(const struct lyd_node *node, const char *name);
uint64_t data_number(const struct lyd_node *node, const char *name);
/* The sum of the leaf VALUE over all entries of the list NAME below NODE. */
uint64_t data_sum(const struct lyd_node *node, const char *name, const char *value);

#endif
