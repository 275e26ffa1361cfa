/*
 * The flood policy of a flow cache: what it does when new flows come faster than it can hold them.
 *
 * Level 1 is in force from an occupancy of enter_percent until the occupancy has stayed at or below
 * leave_percent for some seconds. Records of one packet are then over after short_idle_ns of
 * silence (end reason 5, unless the idle timeout itself has passed), and closed TCP connections do
 * not linger.
 * Level 2, only if a rate is given, is in force from the moment when new flows come faster than
 * that until they have stayed well below it for some seconds. New flows within the rate still get
 * records of their own; of those beyond it the first packet of each direction is counted in a
 * prefix aggregate (flow_aggregate.h), and who sends a second one gets a record: what is
 * established is no flood.
 * Both keep all totals exact. The levels change at a sweep, never inside a batch, and do not depend
 * on each other; the level that is told is the higher one in force.
 *
 * Public: the policy and the counters. The functions are for the files of the flow cache.
 */
#ifndef SPANFLOW_FLOW_FLOW_ADMISSION_H
#define SPANFLOW_FLOW_FLOW_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/ledger_terms.h"

struct flood_policy {
    bool level1;            /* whether there is a level 1 */
    uint32_t enter_percent; /* level 1 above this occupancy */
    uint32_t leave_percent; /* less than enter_percent */
    uint64_t short_idle_ns;
    uint64_t new_flows_per_s;   /* level 2 above this rate; 0: never */
    uint8_t ipv4_prefix_length; /* of both addresses of an aggregate */
    uint8_t ipv6_prefix_length;
};

/* Diagnostics of floods, sums over the workers; none is a term of the ledger. */
#define FLOOD_COUNTERS(X)                                                                          \
    X(changes, "changes of the level")                                                             \
    X(short_idle_ends, "records of one packet that level 1 ended before the idle timeout")         \
    X(early_evictions, "records that a full cache pushed out before their time")                   \
    X(aggregated_packets, "packets that level 2 counted in prefix aggregates")                     \
    X(aggregated_octets, "their IP octets")                                                        \
    X(aggregates, "prefix aggregates begun")                                                       \
    X(aggregates_evicted, "prefix aggregates that made room for others")                           \
    X(occupancy, "records in use")                                                                 \
    X(occupancy_peak, "the most that were in use")                                                 \
    X(capacity, "records there are")

#define FLOOD_COUNTER_MEMBER(name, help) uint64_t name;
struct flood_counters {
    uint64_t level; /* 0, 1 or 2; of several workers the highest */
    FLOOD_COUNTERS(FLOOD_COUNTER_MEMBER)
};

struct flow_cache;
struct flow_cache_config;
struct flow_bucket;
struct aggregate_table;
struct packet_batch;
struct packet_facts;
struct flow_ref;

/* ---- for flow_cache.c, flow_entry.c and flow_sweep.c ---- */

/* What level 2 needs. */
struct flow_level2 {
    struct aggregate_table *aggregates; /* NULL without level 2 */
    uint16_t *seen;                     /* tags of the keys whose first packet was aggregated */
    uint64_t seen_mask;
    struct arena seen_arena;
};

struct flow_admission {
    bool short_idle;  /* level 1 is in force */
    bool aggregating; /* level 2 is in force */
    uint32_t offered; /* new flows, aggregated ones included, since window_ns */
    struct flood_policy policy;
    uint64_t linger_ns;  /* as configured; the cache's own is 0 at level 1 */
    uint64_t crowded_ns; /* when the occupancy was last above leave_percent */
    uint64_t busy_ns;    /* when the rate was last not well below new_flows_per_s */
    uint64_t window_ns;  /* start of the window that the rate is measured in */
    uint64_t blind_end;  /* sweep position up to which everything is looked at, due or not */
    uint64_t credit;     /* new flows that the rate still allows, in 1e-9 */
    uint64_t credited_ns;
    struct flow_level2 level2;
    struct aggregate_table *retired; /* of another policy: they leave; NULL: none */
};

/* Sets up CACHE's admission by CONFIG; the cache's timeouts are set. False and ERROR if memory is
 * short. flow_admission_close() frees it. Control thread. */
bool flow_admission_open(struct flow_cache *cache, const struct flow_cache_config *config,
                         struct error *error);
void flow_admission_close(struct flow_cache *cache);

/* Allocates LEVEL2 by CONFIG for CACHE, whose timeouts, ring and ledger it takes.
 * flow_level2_close() frees it, also after a failure. False and ERROR if memory is short. Control
 * thread. */
bool flow_level2_open(struct flow_level2 *level2, const struct flow_cache *cache,
                      const struct flow_cache_config *config, struct error *error);
void flow_level2_close(struct flow_level2 *level2);

/* At every sweep: measures, changes the level where it is time, ends aggregates that are over. */
void flow_admission_step(struct flow_cache *cache, uint64_t now_ns);

/* Counts packet i of BATCH, of a key that the cache does not hold, in an aggregate and fills REF.
 * False if the flow is to have a record of its own. Only while level 2 is in force. */
bool flow_admission_aggregate(struct flow_cache *cache, uint64_t hash,
                              const struct packet_batch *batch, const struct packet_facts *facts,
                              unsigned i, struct flow_ref *ref);

/* A new flow needs a record and all are in use: at level 1 a bucket with a flow that is no loss,
 * near FIRST and SECOND, if these two hold established flows only. NULL if they will do, if there
 * is none near, or at level 0. */
struct flow_bucket *flow_admission_spare(const struct flow_cache *cache, struct flow_bucket *first,
                                         const struct flow_bucket *second);

/* Time starts anew; the cache and its aggregates are empty. */
void flow_admission_restart_time(struct flow_cache *cache);

#endif
