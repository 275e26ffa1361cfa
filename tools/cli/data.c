/* Looking into trees by name. */
#include "data.h"

#include <stdlib.h>
#include <string.h>

const struct lyd_node *data_child(const struct lyd_node *node, const char *name)
{
    const struct lyd_node *child = node ? lyd_child(node) : NULL;
    while (child && strcmp(LYD_NAME(child), name) != 0)
        child = child->next;
    return child;
}

const struct lyd_node *data_next(const struct lyd_node *entry)
{
    const struct lyd_node *next = entry->next;
    while (next && next->schema != entry->schema)
        next = next->next;
    return next;
}

const char *data_text(const struct lyd_node *node, const char *name)
{
    const struct lyd_node *child = data_child(node, name);
    const char *value = child ? lyd_get_value(child) : NULL;
    return value ? value : "";
}

uint64_t data_number(const struct lyd_node *node, const char *name)
{
    return strtoull(data_text(node, name), NULL, 10);
}

uint64_t data_sum(const struct lyd_node *node, const char *name, const char *value)
{
    uint64_t sum = 0;
    for (const struct lyd_node *entry = data_child(node, name); entry; entry = data_next(entry))
        sum += data_number(entry, value);
    return sum;
}
