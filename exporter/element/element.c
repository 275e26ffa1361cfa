/*
 * The element table, made from the list in element_list.h, and look-ups in it. Constant data.
 */
#include "element/element.h"

#include <stddef.h>
#include <string.h>

#include "template/record_values.h"

#define FLOW_ROW(symbol, id_, pen_, name_, type_, octets_, v9_, member, group_, semantics_,        \
                 units_, help_)                                                                    \
    [ELEMENT_##symbol] = {.name = name_,                                                           \
                          .help = help_,                                                           \
                          .pen = pen_,                                                             \
                          .id = id_,                                                               \
                          .octets = octets_,                                                       \
                          .v9_type = v9_,                                                          \
                          .value = offsetof(struct record_values, member),                         \
                          .type = TYPE_##type_,                                                    \
                          .group = VALUES_##group_,                                                \
                          .semantics = SEMANTICS_##semantics_,                                     \
                          .units = UNITS_##units_},
#define OPTIONS_ROW(symbol, id_, pen_, name_, type_, octets_, v9_, semantics_, units_, help_)      \
    [ELEMENT_##symbol] = {.name = name_,                                                           \
                          .help = help_,                                                           \
                          .pen = pen_,                                                             \
                          .id = id_,                                                               \
                          .octets = octets_,                                                       \
                          .v9_type = v9_,                                                          \
                          .value = ELEMENT_NO_VALUE,                                               \
                          .type = TYPE_##type_,                                                    \
                          .group = VALUES_BASE,                                                    \
                          .semantics = SEMANTICS_##semantics_,                                     \
                          .units = UNITS_##units_},

const struct element_info element_table[ELEMENT_COUNT] = {INFORMATION_ELEMENTS(FLOW_ROW)
                                                              OPTIONS_ELEMENTS(OPTIONS_ROW)};

enum element element_find(const char *name)
{
    for (unsigned i = 0; i < ELEMENT_COUNT; i++)
        if (element_table[i].value != ELEMENT_NO_VALUE && element_table[i].id &&
            strcmp(element_table[i].name, name) == 0)
            return (enum element)i;
    return ELEMENT_COUNT;
}

enum { NAME_MAX_COMPARED = 63 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Insertions, removals and changes of letters that make A of B; case does not count. */
static unsigned edits(const char *a, const char *b)
{
    unsigned row[NAME_MAX_COMPARED + 1];
    size_t length = strnlen(b, NAME_MAX_COMPARED);
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] && i < NAME_MAX_COMPARED; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < length; j++) {
            unsigned change = diagonal + (lower(a[i]) != lower(b[j]));
            unsigned shift = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);
            diagonal = row[j + 1];
            row[j + 1] = change < shift ? change : shift;
        }
    }
    return row[length];
}

const char *element_nearest(const char *name)
{
    unsigned best = UINT32_MAX;
    const char *found = "";
    for (unsigned i = 0; i < ELEMENT_COUNT; i++) {
        if (element_table[i].value == ELEMENT_NO_VALUE)
            continue;
        unsigned distance = edits(name, element_table[i].name);
        if (distance < best) {
            best = distance;
            found = element_table[i].name;
        }
    }
    return found;
}

bool element_is_reverse(enum element element)
{
    const struct element_info *info = &element_table[element];
    if (element == ELEMENT_REVERSE_FLOW_DELTA_MILLISECONDS)
        return true; /* an element of its own that only biflows have */
    return info->pen == PEN_REVERSE || (info->pen == PEN_CERT && info->id & CERT_REVERSE_BIT);
}

unsigned element_type_number(enum element element)
{
    const struct element_info *info = &element_table[element];
    switch ((enum element_type)info->type) {
    case TYPE_UNSIGNED:
        return info->octets == 8 ? 4 : info->octets == 4 ? 3 : info->octets == 2 ? 2 : 1;
    case TYPE_MAC:
        return 12;
    case TYPE_STRING:
        return 13;
    case TYPE_TIME:
        return 15 + (unsigned)info->units - UNITS_MILLISECONDS;
    case TYPE_IPV4:
        return 18;
    case TYPE_IPV6:
        return 19;
    case TYPE_OCTETS:
    case TYPE_APPLICATION:
        break;
    }
    return 0;
}

unsigned element_semantics_number(enum element element)
{
    unsigned semantics = element_table[element].semantics;
    return semantics >= SEMANTICS_KEY ? SEMANTICS_IDENTIFIER : semantics;
}
