/*
 * What watch_set.c (looking up) and watch_builder.c (making) share; nobody else includes this.
 */
#ifndef SPANFLOW_DETECT_WATCH_PRIVATE_H
#define SPANFLOW_DETECT_WATCH_PRIVATE_H

#include "detect/address_table.h"
#include "detect/domain_table.h"
#include "detect/network_table.h"
#include "detect/watch_set.h"

struct watch_set {
    struct address_table hosts;
    struct network_ranges networks4;
    struct network_ranges networks6;
    struct domain_table domains;
    /* Sets of rows by number: none, each row by itself, and others that occur. */
    uint64_t *unions;
    uint32_t union_count;
    uint32_t count;
    struct watch_list lists[WATCH_LISTS_MAX];
    char *texts; /* of the domains */
    size_t text_octets;
};

#endif
