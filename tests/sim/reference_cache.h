/*
 * The naive flow cache that the real one is compared with: a sorted array of records, exact
 * expiry, no bound. It follows design and contract (flow_cache.h) and shares no code with the real
 * cache but the making of keys. Test code; single thread; owns its records.
 *
 * What may be compared, and how:
 *   Packets in order of time          every field, whatever the batches and sweeps (the sweep may
 *                                     only do earlier what a later hit would have decided)
 *   Late packets that are "safe"      the same: reference_safe() says so if no deadline of the
 *                                     record lies between the packet and the newest known time, so
 *                                     that it cannot matter whether a sweep has passed
 *   Late packets across a deadline    only sums by key: whether the record had been swept when the
 *                                     packet came depends on the phase of the sweep, rightly so
 *   Early evictions (reason 5)        tell the reference by reference_evict(), else sums by key
 *   Packets dropped(cache_full)       left out of the reference (flow_ref tells which)
 */
#ifndef SPANFLOW_SIM_REFERENCE_CACHE_H
#define SPANFLOW_SIM_REFERENCE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "parse/parse.h"
#include "sim/plain_record.h"

struct reference_config {
    uint64_t active_timeout_ns; /* 0 = never */
    uint64_t idle_timeout_ns;   /* 0 = never */
    uint64_t tcp_linger_ns;     /* 0 = at once */
};

struct reference_cache;

/* Aborts if memory is short. Finished records go to LIST (not owned). */
struct reference_cache *reference_create(const struct reference_config *config,
                                         struct plain_list *list);
/* Frees the cache and the records still in it; NULL is fine. */
void reference_destroy(struct reference_cache *cache);

/* One packet; FRAME is its first byte (for the MACs), TIME_NS and PORT are those of the batch. */
void reference_update(struct reference_cache *cache, const struct packet_facts *facts,
                      const uint8_t *frame, uint64_t time_ns, uint16_t port);
/* Ends what is over at NOW_NS, exactly. Never needed for packets in order. */
void reference_sweep(struct reference_cache *cache, uint64_t now_ns);
/* Ends everything: by its own reason if that has come, else by REASON. */
void reference_flush(struct reference_cache *cache, uint64_t now_ns, enum flow_end_reason reason);
/* From now on the timeouts of CONFIG hold, for all records. What was over before by the old ones
 * must have been swept, here and in the cache that is compared. */
void reference_set_timeouts(struct reference_cache *cache, const struct reference_config *config);
/* Ends the record of KEY for lack of resources. False if there is none. */
bool reference_evict(struct reference_cache *cache, const struct plain_key *key);

/* Whether a packet of KEY at TIME_NS has one possible outcome although sweeps may have run at any
 * time up to KNOWN_NS. */
bool reference_safe(const struct reference_cache *cache, const struct flow_key *key,
                    uint64_t time_ns, uint64_t known_ns);

#endif
