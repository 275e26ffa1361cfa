/*
 * A set of IPv4 and IPv6 prefixes that answers "is this address inside": ignored and local
 * networks. Built once by the control thread, then read-only.
 */
#ifndef SPANFLOW_FLOW_PREFIX_SET_H
#define SPANFLOW_FLOW_PREFIX_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/flow_key.h"

struct prefix_set;

/* One prefix; ADDRESS in network byte order, IPv4 in its first four bytes; LENGTH in bits. */
struct prefix_set_entry {
    uint8_t address[16];
    uint8_t family; /* 4 or 6 */
    uint8_t length;
};

/* Copies ENTRIES. NULL and ERROR on lack of memory. */
struct prefix_set *prefix_set_create(const struct prefix_set_entry *entries, uint32_t count,
                                     struct error *error);
void prefix_set_destroy(struct prefix_set *set);

/* Whether side A's (SIDE 0) or side B's address of KEY lies in SET; false for a NULL set. */
bool prefix_set_holds(const struct prefix_set *set, const struct flow_key *key, unsigned side);

#endif
