/*
 * Flows that lists name: counted by list, and told as alerts. The flow cache compares addresses
 * when a record begins (flow_watch.c); names are compared when a parser finds one.
 *
 * Worker thread unless a function says otherwise.
 */
#ifndef SPANFLOW_WORKER_WORKER_WATCH_H
#define SPANFLOW_WORKER_WORKER_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "detect/brand_set.h"
#include "detect/watch_set.h"
#include "flow/flow_cache.h"

/* The lists of one worker, and what it has counted by them: the control thread makes one with each
 * set, gives it to the worker by its configuration, and reads it at any time. */
struct watch_tally {
    const struct watch_set *set;            /* NULL: no lists. Not owned, as the next */
    const struct brand_set *brands;         /* NULL: brands are not told */
    _Atomic uint64_t flows;                 /* records that a list of addresses marked */
    _Atomic uint64_t names;                 /* names that were compared */
    _Atomic uint64_t branded;               /* names that told a brand */
    _Atomic uint64_t hits[WATCH_LISTS_MAX]; /* by row */
};

/* Counters of a tally; X(member, help). */
#define WATCH_COUNTERS(X)                                                                          \
    X(flows, "records of flows that were marked for an address in a list")                         \
    X(names, "names of servers that were compared with lists and brands")                          \
    X(branded, "names of servers whose brand is known")

struct worker;

/* Counts and tells the records in worker->listed, which packets of BATCH began. */
void worker_watch(struct worker *worker, const struct packet_batch *batch);

/* The types of names that are compared with TALLY's domains and brands, as a set of 1 << enum
 * name_type: 0 if it has none. Any thread. */
uint32_t worker_watched_names(const struct watch_tally *tally);

/* A packet with FACTS and TIME_NS, whose flow's record in the first cache is at REF, showed the
 * name of its server: OCTETS of TEXT as they stood there. */
void worker_watch_name(struct worker *worker, const struct packet_facts *facts,
                       const struct flow_ref *ref, const uint8_t *text, uint32_t octets,
                       uint64_t time_ns);

#endif
