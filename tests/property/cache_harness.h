/*
 * A flow cache and the reference cache side by side, fed with the same packets. Used by the
 * property tests; single thread; owns both caches, the ring and the lists of records.
 */
#ifndef SPANFLOW_PROPERTY_CACHE_HARNESS_H
#define SPANFLOW_PROPERTY_CACHE_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/flow_cache.h"
#include "sim/plain_record.h"
#include "sim/reference_cache.h"
#include "sim/traffic.h"

struct harness {
    struct flow_cache_config config;
    struct flow_cache *cache;
    struct record_ring *ring;
    struct worker_ledger ledger;
    struct reference_cache *reference;
    struct plain_list expected;
    struct plain_list got;
    bool evictions_told; /* records that leave with reason 5 are ended in the reference too */
    bool auto_drain;     /* the ring is emptied after each call */
    bool failed;

    struct packet_batch batch;
    struct packet_facts facts[PACKET_BATCH_MAX];
    struct plain_packet packets[PACKET_BATCH_MAX];

    uint64_t given; /* packets handed to the cache */
    uint64_t given_octets;
    uint64_t dropped;
    struct ledger_pair aggregated; /* packets that went into prefix aggregates */
    uint64_t drained;              /* records */
    uint64_t newest_ns;            /* of packets and sweeps: how far a sweep can have come */
    uint32_t flows_peak;
};

/* CONFIG's ring and ledger are filled in. Aborts if memory is short. */
void harness_open(struct harness *harness, const struct flow_cache_config *config,
                  uint32_t ring_lines);
/* Frees what open took. */
void harness_close(struct harness *harness);

/* Adds one packet to the batch under construction. */
void harness_add(struct harness *harness, const struct plain_packet *packet);
/* Gives the batch to both caches. */
void harness_run_batch(struct harness *harness);
/* Sweeps the real cache; the reference only if EXACT (the whole table is swept, at known times). */
void harness_sweep(struct harness *harness, uint64_t now_ns, bool exact);
/* Takes all records off the ring. */
void harness_drain(struct harness *harness);
/* Metered = taken off the ring + cached, dropped as the refs say, bounds kept. */
void harness_check(struct harness *harness);
/* Flushes both at NOW_NS, checks that nothing is left, and compares. True if all was well. */
bool harness_finish(struct harness *harness, uint64_t now_ns, enum plain_compare how,
                    const char *name);

#endif
