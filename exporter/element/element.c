/*
 * The element table, made from the list in element.h. Constant data.
 */
#include "element/element.h"

#include <stddef.h>

#include "template/record_values.h"

#define FLOW_ROW(symbol, id_, pen_, name_, type_, octets_, v9_, member, group_)                    \
    [ELEMENT_##symbol] = {.name = name_,                                                           \
                          .pen = pen_,                                                             \
                          .id = id_,                                                               \
                          .octets = octets_,                                                       \
                          .v9_type = v9_,                                                          \
                          .value = offsetof(struct record_values, member),                         \
                          .type = TYPE_##type_,                                                    \
                          .group = VALUES_##group_},
#define OPTIONS_ROW(symbol, id_, pen_, name_, type_, octets_, v9_)                                 \
    [ELEMENT_##symbol] = {.name = name_,                                                           \
                          .pen = pen_,                                                             \
                          .id = id_,                                                               \
                          .octets = octets_,                                                       \
                          .v9_type = v9_,                                                          \
                          .value = ELEMENT_NO_VALUE,                                               \
                          .type = TYPE_##type_,                                                    \
                          .group = VALUES_BASE},

const struct element_info element_table[ELEMENT_COUNT] = {INFORMATION_ELEMENTS(FLOW_ROW)
                                                              OPTIONS_ELEMENTS(OPTIONS_ROW)};
