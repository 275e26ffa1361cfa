/*
 * Address prefixes with a value each, as rows of ranges that do not overlap: what lies in several
 * prefixes has the value that the caller makes of all of theirs. A lookup reads one row of an index
 * and searches the few ranges of it. Built whole by one thread, then read-only for all.
 */
#ifndef SPANFLOW_DETECT_NETWORK_TABLE_H
#define SPANFLOW_DETECT_NETWORK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef unsigned __int128 network_address; /* host order; IPv4 in the high 32 bits */

struct network_prefix {
    network_address address; /* bits behind the length are 0 */
    uint8_t length;          /* bits */
    uint16_t value;          /* not 0 */
};

/* Ranges of one family: range i begins at starts[i] and ends before the next one. */
struct network_ranges {
    uint32_t count;
    unsigned shift; /* of an address's high 64 bits, less base: its row of the index */
    uint64_t base;
    uint32_t *index; /* by row: its last range that begins in an earlier row */
    uint64_t *starts;
    uint64_t *rests;  /* low 64 bits of the starts; NULL: all are 0 */
    uint16_t *values; /* 0: in no prefix */
};

/* What an address that lies in a prefix of value OUTER and in a longer one of value INNER has. */
typedef uint16_t network_join(void *context, uint16_t outer, uint16_t inner);

/* Makes RANGES, which is all zeros, of COUNT PREFIXES, which are sorted by it. False and ERROR if
 * memory is short. Close it in any case. */
bool network_ranges_open(struct network_ranges *ranges, struct network_prefix *prefixes,
                         uint32_t count, network_join *join, void *context, struct error *error);
void network_ranges_close(struct network_ranges *ranges);
/* Octets of memory. */
size_t network_ranges_memory(const struct network_ranges *ranges);

/* The value of the address whose high and low 64 bits are HIGH and LOW; 0 if it is in no prefix.
 * Any thread. */
uint16_t network_ranges_find(const struct network_ranges *ranges, uint64_t high, uint64_t low);

#endif
