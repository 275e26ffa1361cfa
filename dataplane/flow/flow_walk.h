/*
 * Walks over the live entries of a cache in small steps, between batches: to show flows, or to end
 * all records. A position counts slots of the index from 0; entries that come or go during a walk
 * may be met or not, others exactly once. While records move to a
 * table of another size a walk stands still. Worker thread.
 */
#ifndef SPANFLOW_FLOW_FLOW_WALK_H
#define SPANFLOW_FLOW_FLOW_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/flow_expression.h"
#include "flow/flow_record.h"

struct flow_cache;

#define FLOW_WALK_END UINT64_MAX

/* Which flows are wanted: all conditions that are set hold. */
struct flow_filter {
    uint8_t family; /* of the prefix: 4, 6, or 0 = any address */
    uint8_t prefix_length;
    uint8_t address[16]; /* network byte order, bits behind the prefix 0 */
    bool port_set;
    uint16_t port; /* network byte order */
    bool protocol_set;
    uint8_t protocol;
    uint16_t application; /* FLOW_APPLICATION_NUMBER of it; 0 = any */
    uint32_t list;        /* flow_extra.list; 0 = any or none */
    struct flow_expression expression;
};

/* A copy of one entry. */
struct flow_view {
    struct flow_hot hot;
    struct flow_hot6 hot6; /* IPv6 only */
    struct flow_cold cold;
    uint32_t list; /* as in flow_extra, as the next */
    uint32_t brand;
    uint32_t name_octets;
    uint8_t names[FLOW_NAMES_OCTETS_MAX]; /* as far as they may leave with records */
};

/* Whether the entry of which VIEW is a copy is wanted. Any thread. */
bool flow_filter_matches(const struct flow_filter *filter, const struct flow_view *view);

/* Looks at the entries from POSITION on, those of BUCKETS buckets at most, and copies those that
 * FILTER wants to VIEWS, at most ROOM. *COUNT is set. Returns where to go on, FLOW_WALK_END if
 * there is nothing behind. */
uint64_t flow_walk_show(const struct flow_cache *cache, uint64_t position, uint32_t buckets,
                        const struct flow_filter *filter, struct flow_view *views, uint32_t room,
                        uint32_t *count);

/* Ends the records from POSITION on, those of BUCKETS buckets at most, for reason 4 unless they are
 * over for another, and adds their number to *RECORDS. Flows that the kernel counts are left alone;
 * prefix aggregates end at the end of the walk. Returns where to go on: POSITION itself, or a
 * place inside, if the record ring is full. */
uint64_t flow_walk_expire(struct flow_cache *cache, uint64_t position, uint32_t buckets,
                          uint64_t now_ns, uint64_t *records);

#endif
