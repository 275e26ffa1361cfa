/*
 * What the files of the flow cache share among themselves; nobody else includes this.
 *   flow_cache.c  creation, sums, what does not depend on the instruction set
 *   flow_lookup.c hash, lookup, the hit; compiled for several instruction sets
 *   flow_entry.c  everything rarer: starts, ends, TCP state, placement, victims
 *   flow_sweep.c  expiry by time, flush
 *   flow_admission.c  the flood policy
 *   flow_kernel.c flows that the kernel counts
 */
#ifndef SPANFLOW_FLOW_FLOW_CACHE_PRIVATE_H
#define SPANFLOW_FLOW_FLOW_CACHE_PRIVATE_H

#include "base/arena.h"
#include "base/check.h"
#include "flow/flow_admission.h"
#include "flow/flow_aggregate.h"
#include "flow/flow_bucket.h"
#include "flow/flow_cache.h"
#include "flow/flow_hash.h"
#include "flow/flow_lookup.h"

/* Packet times stay below 2^62 ns, so time + FLOW_NEVER_NS cannot overflow and is never reached. */
#define FLOW_NEVER_NS (1ull << 62)
#define NS_PER_S      1000000000ull

enum { SUMMARY_BUCKETS = 64 };

struct flow_cache {
    /* Read by every packet. */
    struct flow_bucket *buckets;
    uint64_t bucket_mask;
    struct flow_hot *hot;
    struct flow_hot6 *hot6;
    struct flow_cold *cold;
    struct flow_extra *extra;
    uint64_t active_ns; /* FLOW_NEVER_NS = never */
    uint64_t idle_ns;
    const struct flow_lookup *lookup;
    struct flow_hash_key hash_key;
    /* Counts records that are over and were put out of reach, though they still hold packets. */
    uint64_t generation;
    bool several_ports;
    bool applications;
    uint64_t hashes[PACKET_BATCH_MAX]; /* of the batch that was announced */

    uint64_t linger_ns;
    struct record_ring *ring;
    struct worker_ledger *ledger;

    /* Record indices: a stack of freed ones, then those never used. */
    uint32_t *free_list;
    uint32_t free_count;
    uint32_t unused; /* first index never used */
    uint32_t flows_max;

    /* Expiry. Positions count groups of 64 buckets since 1970, so that they follow the clock. */
    uint8_t *summary; /* per group: earliest due */
    uint64_t group_count;
    uint64_t swept;
    uint64_t now_ns;
    bool time_known;
    uint8_t epoch;

    uint64_t last_flow_time;
    struct flow_cache_counters counters;
    struct flow_admission admission;
    struct flow_kernel kernel;
    const struct prefix_set *local;
    uint32_t egress_ports[2048];
    uint64_t flush_bucket;
    uint16_t worker;

    struct arena bucket_arena;
    struct arena hot_arena;
    struct arena hot6_arena;
    struct arena cold_arena;
    struct arena extra_arena;
    struct arena free_arena;
    struct arena summary_arena;
};

/* A slot of the index. */
struct flow_slot {
    struct flow_bucket *bucket;
    unsigned slot;
};

/* The bucket in which a key is looked for first. */
static inline struct flow_bucket *first_bucket(const struct flow_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->bucket_mask];
}

/* The part of the hash that the bucket keeps; never 0, which stands for no key. */
static inline uint16_t hash_tag(uint64_t hash)
{
    uint16_t tag = (uint16_t)(hash >> 48);
    return tag ? tag : 1;
}

/* The other bucket of a key that has TAG and may live in BUCKET, a different one if there is more
 * than one. Either of the two tells the other, so a slot knows both without its record. */
static inline struct flow_bucket *other_bucket(const struct flow_cache *cache,
                                               const struct flow_bucket *bucket, uint16_t tag)
{
    uint64_t distance = (tag * 0x9e3779b97f4a7c15ull >> 20) & cache->bucket_mask;
    if (distance == 0)
        distance = cache->bucket_mask & 1;
    return &cache->buckets[(uint64_t)(bucket - cache->buckets) ^ distance];
}

/* Time of the flow's newest packet, of either side. */
static inline uint64_t newest_ns(const struct flow_hot *hot)
{
    return hot->last_ns[0] > hot->last_ns[1] ? hot->last_ns[0] : hot->last_ns[1];
}

/* What the active timeout counts from. */
static inline uint64_t origin_ns(const struct flow_hot *hot, const struct flow_cold *cold)
{
    return (uint64_t)hot->start_s * NS_PER_S + cold->start_fraction_ns;
}

/* Sets what origin_ns() returns. */
static inline void set_origin(struct flow_hot *hot, struct flow_cold *cold, uint64_t time_ns)
{
    hot->start_s = (uint32_t)(time_ns / NS_PER_S);
    cold->start_fraction_ns = (uint32_t)(time_ns % NS_PER_S);
}

/* False for the empty continuation that an active cut by the sweep leaves behind. */
static inline bool has_packets(const struct flow_cold *cold)
{
    return cold->first_ns[0] != UINT64_MAX || cold->first_ns[1] != UINT64_MAX;
}

/* When a record ends unless another packet comes, and why. */
struct flow_deadline {
    uint64_t time_ns;
    enum flow_end_reason reason;
    uint64_t idle_ns; /* the deadline of silence alone */
};
struct flow_deadline flow_deadline(const struct flow_cache *cache, const struct flow_hot *hot,
                                   const struct flow_cold *cold);

/* The same as the sweep sees it: at level 1 of the flood policy a flow of which one packet was seen
 * ends sooner. A packet that comes before the sweep still finds its flow. */
static inline struct flow_deadline flow_sweep_deadline(const struct flow_cache *cache,
                                                       const struct flow_hot *hot,
                                                       const struct flow_cold *cold)
{
    struct flow_deadline d = flow_deadline(cache, hot, cold);
    if (__builtin_expect(!cache->admission.short_idle, 1) || (cold->marks & FLOW_MARK_CONTINUED) ||
        flow_packets(hot, cold, 0) + flow_packets(hot, cold, 1) != 1)
        return d;
    uint64_t sooner = newest_ns(hot) + cache->admission.policy.short_idle_ns;
    if (sooner < d.time_ns)
        d = (struct flow_deadline){sooner, FLOW_END_RESOURCES, sooner};
    return d;
}

/* The due epoch for DEADLINE_NS as seen from the cache's present second. */
uint8_t flow_due(const struct flow_cache *cache, uint64_t deadline_ns);
/* Writes a slot's due epoch and lowers the group's summary. */
void flow_set_due(struct flow_cache *cache, struct flow_slot at, uint8_t due);

/* Copies the record onto the ring. False if the ring is full: nothing happened. */
bool flow_emit(struct flow_cache *cache, uint32_t index, enum flow_end_reason reason);
/* Frees the slot and its record index. */
void flow_remove(struct flow_cache *cache, struct flow_slot at);
/* Sets element 61 of the direction of the packet in COLD's marks. */
void flow_mark_direction(const struct flow_cache *cache, struct flow_cold *cold,
                         const struct packet_facts *facts, uint16_t port);
/* After an active cut: the record goes on with no packets, origin moved up to at most TIME_NS. */
void flow_continue(struct flow_cache *cache, uint32_t index, uint64_t time_ns);

/* Says in REF where a packet was counted. */
static inline void flow_fill_ref(const struct flow_cache *cache, uint32_t index, bool new_record,
                                 struct flow_ref *ref)
{
    ref->index = index;
    ref->new_record = new_record;
    ref->pending = (uint8_t)(flow_state(&cache->hot[index]) &
                             (FLOW_STATE_APP_PENDING | FLOW_STATE_SNAPSHOT_PENDING));
}

/* Counts a packet that the short path of a hit cannot handle. False: dropped(cache_full). */
bool flow_update_slowly(struct flow_cache *cache, struct flow_slot at, uint64_t hash,
                        const struct packet_batch *batch, const struct packet_facts *facts,
                        unsigned i, struct flow_ref *ref);
/* A key that is not in the cache. False: dropped(cache_full). */
bool flow_insert(struct flow_cache *cache, uint64_t hash, const struct packet_batch *batch,
                 const struct packet_facts *facts, unsigned i, struct flow_ref *ref);

#endif
