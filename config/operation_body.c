/* Bodies of operations. See operation_body.h. */
#include "operation_body.h"

#include <string.h>

unsigned operation_body_find(const json_t *object, const char *const names[], unsigned count,
                             json_t **input)
{
    unsigned kind = 0;
    while (kind < count && !(*input = json_object_get(object, names[kind])))
        kind++;
    return kind;
}

bool operation_body_is(const char *body, size_t length, const char *const names[], unsigned count)
{
    json_t *input = NULL;
    json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    bool is = operation_body_find(object, names, count, &input) < count;
    json_decref(object);
    return is;
}

const char *operation_body_leaf(const char *leaf)
{
    static const char module[] = "spanflow:";
    return strncmp(leaf, module, sizeof module - 1) == 0 ? leaf + sizeof module - 1 : leaf;
}
