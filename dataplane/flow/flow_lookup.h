/*
 * The hot unit of the flow cache: hash, lookup and the short path of a hit, compiled once for each
 * instruction set. All variants give the same records. Private to flow/ and its tests and benches.
 */
#ifndef SPANFLOW_FLOW_FLOW_LOOKUP_H
#define SPANFLOW_FLOW_FLOW_LOOKUP_H

#include <stdint.h>

#include "base/simd.h"
#include "flow/flow_bucket.h"
#include "flow/flow_cache.h"
#include "flow/flow_hash.h"

struct flow_lookup {
    /* See flow_cache_announce() and flow_cache_update_announced(). */
    void (*announce)(struct flow_cache *cache, const struct packet_facts *facts, uint32_t first,
                     uint32_t count);
    void (*update)(struct flow_cache *cache, const struct packet_batch *batch,
                   const struct packet_facts *facts, uint64_t selected, struct flow_ref *refs,
                   uint64_t *flow_ids);
    /* bucket_least() */
    struct bucket_loss (*least)(const struct flow_bucket *bucket, uint8_t epoch);
    /* The variant's hash and tag compare by themselves, for the tests. */
    uint64_t (*hash)(const struct flow_hash_key *key, const struct flow_key *flow);
    unsigned (*match)(const struct flow_bucket *bucket, uint16_t tag);
};

/* The variant for LEVEL, which the processor runs. Any thread. */
const struct flow_lookup *flow_lookup_for(enum simd_level level);

#endif
