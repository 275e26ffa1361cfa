/* A set of instances: a table with open places, never more than half full. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "edit_internal.h"

static size_t hash_of(const struct lysc_node *schema, const char *key)
{
    const size_t prime = 1099511628211u; /* FNV-1a */
    size_t hash = (size_t)14695981039346656037u ^ (size_t)schema;
    hash *= prime;
    for (; key && *key; key++)
        hash = (hash ^ (unsigned char)*key) * prime;
    return hash ^ hash >> 29;
}

static bool is_same(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

/* The place of an instance, or the free one where it belongs. */
static struct edit_seen_node *find(const struct edit_seen *seen, const struct lysc_node *schema,
                                   const char *key)
{
    size_t at = hash_of(schema, key) & (seen->room - 1);
    while (seen->nodes[at].schema &&
           (seen->nodes[at].schema != schema || !is_same(seen->nodes[at].key, key)))
        at = (at + 1) & (seen->room - 1);
    return &seen->nodes[at];
}

static void grow(struct edit_seen *seen)
{
    struct edit_seen larger = {.count = seen->count, .room = seen->room ? seen->room * 2 : 16};
    larger.nodes = calloc(larger.room, sizeof *larger.nodes);
    check(larger.nodes);
    for (size_t i = 0; i < seen->room; i++)
        if (seen->nodes[i].schema)
            *find(&larger, seen->nodes[i].schema, seen->nodes[i].key) = seen->nodes[i];
    free(seen->nodes);
    *seen = larger;
}

bool edit_seen_add(struct edit_seen *seen, const struct lysc_node *schema, const char *key)
{
    if (seen->count * 2 >= seen->room)
        grow(seen);
    struct edit_seen_node *node = find(seen, schema, key);
    if (node->schema)
        return false;
    *node = (struct edit_seen_node){.schema = schema, .key = key ? strdup(key) : NULL};
    check(!key || node->key);
    seen->count++;
    return true;
}

void edit_seen_free(struct edit_seen *seen)
{
    for (size_t i = 0; i < seen->room; i++)
        free(seen->nodes[i].key);
    free(seen->nodes);
    *seen = (struct edit_seen){.room = 0};
}
