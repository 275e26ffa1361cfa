/*
 * What the files of the flow cache share among themselves; nobody else includes this.
 *   flow_cache.c  creation, sums, what does not depend on the instruction set
 *   flow_lookup.c hash, lookup, the hit; compiled for several instruction sets
 *   flow_entry.c  everything rarer: starts, ends, TCP state, placement, victims
 *   flow_sweep.c  expiry by time, flush
 *   flow_admission.c  the flood policy
 *   flow_kernel.c flows that the kernel counts
 *   flow_watch.c  marks of lists
 *   flow_name.c   the names of records
 *   flow_change.c a new configuration; flow_resize.c a table of another size
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
#include "flow/name_pool.h"

/* Functions that only prefetch are inlined by force: they have no effect in the compiler's eyes,
 * and a call of one is dropped. */
#define PREFETCHES __attribute__((always_inline)) static inline

/* Nobody outside can replace these functions, so the compiler may inline them. */
#pragma GCC visibility push(hidden)

/* Packet times stay below 2^62 ns, so time + FLOW_NEVER_NS cannot overflow and is never reached. */
#define FLOW_NEVER_NS (1ull << 62)
#define NS_PER_S      1000000000ull

enum { SUMMARY_BUCKETS = 64 };

/* Names that leave with a record. */
struct flow_name_text {
    uint32_t octets;
    uint32_t types;
    uint8_t text[FLOW_NAMES_OCTETS_MAX];
};

struct flow_cache {
    /* Read by every packet. */
    struct flow_bucket *buckets;
    uint64_t bucket_mask;
    struct flow_hot *hot;
    struct flow_hot6 *hot6;
    struct flow_cold *cold;
    struct flow_extra *extra;
    /* Flow ids by themselves, for packets that touch no cold row; an id that is 0 is still to be
     * copied from there. NULL unless packets are kept. */
    uint64_t *ids;
    uint64_t active_ns; /* FLOW_NEVER_NS = never */
    uint64_t idle_ns;
    const struct flow_lookup *lookup;
    struct flow_hash_key hash_key;
    /* Counts records that are over and were put out of reach, though they still hold packets. */
    uint64_t generation;
    bool several_ports;
    bool applications;
    bool snapshot;                     /* packets are kept */
    uint64_t hashes[PACKET_BATCH_MAX]; /* of the batch that was announced */

    uint64_t linger_ns;
    struct record_ring *ring;
    struct worker_ledger *ledger;
    struct name_pool *pool;  /* NULL: records have no names; owned */
    struct flow_names names; /* that leave with records */

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
    uint64_t changed_ns; /* when the timeouts were last changed */
    /* The table of another size that records move from; NULL: none. In it: the bucket whose records
     * are the next. */
    struct flow_cache *older;
    uint64_t moved_bucket;
    struct flow_cache_counters counters;
    struct flow_admission admission;
    struct flow_kernel kernel;
    const struct prefix_set *local;
    const struct watch_set *watch; /* NULL: flows are compared with no lists */
    struct flow_listed *listed;    /* NULL: nobody is told */
    uint32_t egress_ports[2048];
    uint64_t flush_bucket;
    uint16_t worker;

    struct arena bucket_arena;
    struct arena hot_arena;
    struct arena hot6_arena;
    struct arena cold_arena;
    struct arena extra_arena;
    struct arena ids_arena;
    struct arena free_arena;
    struct arena summary_arena;
    struct flow_name_text leaving[1]; /* names of the record that leaves at the moment */
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

/* Sets the timeouts by CONFIG. */
void flow_set_timeouts(struct flow_cache *cache, const struct flow_cache_config *config);

/* ---- names, and what else is in the extra row (flow_name.c) ---- */

/* Whether the record at INDEX has names. */
static inline bool flow_has_names(const struct flow_cache *cache, uint32_t index)
{
    return (flow_state(&cache->hot[index]) & FLOW_STATE_EXTRA) && cache->extra[index].names;
}

/* The names of the record at INDEX, which has some, that may leave. */
void flow_names_read(const struct flow_cache *cache, uint32_t index, struct flow_name_text *out);
/* The same of any record; without names nothing but OCTETS and TYPES is written. */
static inline void flow_names_take(const struct flow_cache *cache, uint32_t index,
                                   struct flow_name_text *out)
{
    out->octets = 0;
    out->types = 0;
    if (__builtin_expect(flow_has_names(cache, index), 0))
        flow_names_read(cache, index, out);
}

/* The same for a record that leaves: the names are in cache->leaving then. Returns their octets. */
static inline uint32_t flow_names_gather(struct flow_cache *cache, uint32_t index)
{
    if (__builtin_expect(!flow_has_names(cache, index), 1))
        return 0;
    flow_names_read(cache, index, cache->leaving);
    return cache->leaving->octets;
}

/* Writes the extra row of the record at INDEX to LINE of the ring, and behind it NAMES (NULL:
 * none).
 */
void flow_put_extra(const struct flow_cache *cache, uint32_t index,
                    const struct flow_name_text *names, uint8_t *line);
/* The record at INDEX has no names any more. */
void flow_names_drop(struct flow_cache *cache, uint32_t index);
/* The record at INDEX gets the extra row of that at FROM_INDEX of FROM, and its own copy of the
 * names, as far as there is room. */
void flow_extra_copy(struct flow_cache *cache, uint32_t index, const struct flow_cache *from,
                     uint32_t from_index);
/* The record at INDEX goes on after an active cut: what is of packets is forgotten, what is of the
 * flow stays. */
void flow_extra_continue(struct flow_cache *cache, uint32_t index);

/* Whether the record at REF is still that of FACTS. */
bool flow_is_record_of(const struct flow_cache *cache, const struct flow_ref *ref,
                       const struct packet_facts *facts);

/* Copies the record onto the ring. False if the ring is full: nothing happened. */
bool flow_emit(struct flow_cache *cache, uint32_t index, enum flow_end_reason reason);
/* Frees the slot and its record index. */
void flow_remove(struct flow_cache *cache, struct flow_slot at);
/* A free slot with a free record index for HASH, or a NULL bucket if no room can be made. */
struct flow_slot flow_place(struct flow_cache *cache, uint64_t hash, uint64_t time_ns);
/* Sends the record at VICTIM away to make room: with its own reason if it is over at TIME_NS, else
 * 5. False if the ring is full. */
bool flow_evict(struct flow_cache *cache, struct flow_slot victim, uint64_t time_ns);
/* Sends the least valuable entry of FIRST and SECOND (may be NULL) away. False if there is none or
 * the ring is full. */
bool flow_evict_from(struct flow_cache *cache, struct flow_bucket *first,
                     struct flow_bucket *second, uint64_t time_ns);
/* Sets element 61 of the direction of the packet in COLD's marks. */
void flow_mark_direction(const struct flow_cache *cache, struct flow_cold *cold,
                         const struct packet_facts *facts, uint16_t port);
/* After an active cut: the record goes on with no packets, origin moved up to at most TIME_NS. */
void flow_continue(struct flow_cache *cache, uint32_t index, uint64_t time_ns);

/* The extra row of the record at INDEX, made empty if it had none. */
struct flow_extra *flow_extra_of(struct flow_cache *cache, uint32_t index);
/* Compares KEY with the lists, of which there are some, and marks the record at INDEX, which is
 * its own. Whether it has another mark now. */
bool flow_watch(struct flow_cache *cache, uint32_t index, const struct flow_key *key);
/* Tells that packet I began the record at REF, which got a mark. */
void flow_tell_listed(struct flow_cache *cache, unsigned i, const struct flow_ref *ref);

/* Says in REF where a packet was counted. */
static inline void flow_fill_ref(const struct flow_cache *cache, uint32_t index, bool new_record,
                                 struct flow_ref *ref)
{
    ref->index = index;
    ref->new_record = new_record;
    ref->pending = (uint8_t)(flow_state(&cache->hot[index]) &
                             (FLOW_STATE_APP_PENDING | FLOW_STATE_SNAPSHOT_PENDING));
}

/* The record at INDEX is another one now. */
static inline void flow_note_id(struct flow_cache *cache, uint32_t index)
{
    if (cache->ids)
        cache->ids[index] = cache->cold[index].flow_id;
}

/* The same before the packet is counted, and all that is known of its flow. */
static inline void flow_fill_whole_ref(const struct flow_cache *cache, uint32_t index,
                                       bool new_record, struct flow_ref *ref)
{
    const struct flow_hot *hot = &cache->hot[index];
    flow_fill_ref(cache, index, new_record, ref);
    ref->before = hot->counter[0] + hot->counter[1];
    ref->flow_id = cache->cold[index].flow_id;
}

/* The same; if a record begins with the packet, which is the I-th, its flow is compared with the
 * lists. */
static inline void flow_watch_ref(struct flow_cache *cache, uint32_t index, bool new_record,
                                  const struct packet_facts *facts, unsigned i,
                                  struct flow_ref *ref)
{
    flow_fill_whole_ref(cache, index, new_record, ref);
    if (__builtin_expect(cache->watch != NULL, 0) && new_record &&
        flow_watch(cache, index, &facts->key))
        flow_tell_listed(cache, i, ref);
}

/* KEY is not in the cache: what the lists say of it will soon be read. */
PREFETCHES void flow_watch_prefetch(const struct flow_cache *cache, const struct flow_key *key)
{
    if (__builtin_expect(cache->watch != NULL, 0))
        watch_prefetch(cache->watch, key);
}

/* Counts a packet that the short path of a hit cannot handle. False: dropped(cache_full). */
bool flow_update_slowly(struct flow_cache *cache, struct flow_slot at, uint64_t hash,
                        const struct packet_batch *batch, const struct packet_facts *facts,
                        unsigned i, struct flow_ref *ref);
/* A key that is not in the cache. False: dropped(cache_full). */
bool flow_insert(struct flow_cache *cache, uint64_t hash, const struct packet_batch *batch,
                 const struct packet_facts *facts, unsigned i, struct flow_ref *ref);

/* ---- tables (flow_cache.c), control thread ---- */

/* An empty table for FLOWS_MAX records and nothing else; flow_cache_destroy() frees it. NULL and
 * ERROR if memory is short. */
struct flow_cache *flow_table_create(uint32_t flows_max, struct error *error);
/* Maps room for the ids of FLOWS_MAX records. False and ERROR if memory is short. */
bool flow_ids_map(struct arena *arena, uint32_t flows_max, struct error *error);
/* Takes the pages of TABLE that every packet needs. False and ERROR if the machine has not got
 * them. */
bool flow_table_populate(struct flow_cache *table, struct error *error);

/* Whether records are to carry names. */
static inline bool flow_wants_names(const struct flow_cache_config *config)
{
    return (config->names.clear | config->names.hashed) != 0;
}

/* Live entries of the cache's own table. */
static inline uint32_t flow_table_flows(const struct flow_cache *cache)
{
    return cache->unused - cache->free_count;
}

/* ---- the sweep (flow_sweep.c) ---- */

/* Position of the sweep at NOW_NS. */
uint64_t flow_sweep_position(const struct flow_cache *cache, uint64_t now_ns);
/* flow_cache_sweep() and flow_cache_flush() for the cache's own table and nothing else. */
void flow_sweep_table(struct flow_cache *cache, uint64_t now_ns);
bool flow_flush_table(struct flow_cache *cache, uint64_t now_ns, enum flow_end_reason reason);

/* ---- a second table (flow_resize.c) ---- */

/* OTHER, a table of another size, becomes the cache's own, and the cache's own the older one. */
void flow_resize_begin(struct flow_cache *cache, struct flow_cache *other);
/* Counts a packet whose key is not in the cache's own table. False: dropped(cache_full). */
bool flow_resize_count(struct flow_cache *cache, uint64_t hash, const struct packet_batch *batch,
                       const struct packet_facts *facts, unsigned i, struct flow_ref *ref);
/* Moves some records. */
void flow_resize_step(struct flow_cache *cache);
/* Sweeps or flushes the older table; the flush as flow_cache_flush(). */
void flow_resize_sweep(struct flow_cache *cache, uint64_t now_ns);
bool flow_resize_flush(struct flow_cache *cache, uint64_t now_ns, enum flow_end_reason reason);

#pragma GCC visibility pop

#endif
