/*
 * Creation of a worker's flow cache, lookup by batches and the short path of a hit. Phases over
 * the batch (hash all, prefetch buckets, prefetch records, then touch) keep many cache misses in
 * flight; each packet is looked up again in the last phase, so that the first packet of a new flow
 * and its followers in the same batch need no special case.
 */
#include "flow/flow_cache.h"

#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache_private.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4 };

/* At most three quarters of the slots are ever in use, so both choices are seldom full. */
static uint64_t bucket_count_for(uint32_t flows_max)
{
    uint64_t count = 2;
    while (count * BUCKET_SLOTS * 3 / 4 < flows_max)
        count *= 2;
    return count;
}

static bool map_tables(struct flow_cache *cache, uint64_t buckets, struct error *error)
{
    uint64_t flows = cache->flows_max;
    return arena_map(&cache->bucket_arena, buckets * sizeof(struct flow_bucket), ARENA_DENSE,
                     error) &&
           arena_map(&cache->hot_arena, flows * sizeof(struct flow_hot), ARENA_DENSE, error) &&
           arena_map(&cache->hot6_arena, flows * sizeof(struct flow_hot6), ARENA_DENSE, error) &&
           arena_map(&cache->cold_arena, flows * sizeof(struct flow_cold), ARENA_DENSE, error) &&
           arena_map(&cache->extra_arena, flows * sizeof(struct flow_extra), ARENA_SPARSE, error) &&
           arena_map(&cache->free_arena, flows * sizeof(uint32_t), ARENA_SPARSE, error) &&
           arena_map(&cache->summary_arena, cache->group_count, ARENA_SPARSE, error);
}

struct flow_cache *flow_cache_create(const struct flow_cache_config *config, struct error *error)
{
    check(config->flows_max >= 1 && config->ring && config->ledger);
    struct flow_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        error_set(error, "no memory for a flow cache");
        return NULL;
    }
    uint64_t buckets = bucket_count_for(config->flows_max);
    cache->flows_max = config->flows_max;
    cache->group_count = (buckets + SUMMARY_BUCKETS - 1) / SUMMARY_BUCKETS;
    if (!map_tables(cache, buckets, error)) {
        flow_cache_destroy(cache);
        return NULL;
    }
    cache->buckets = cache->bucket_arena.memory;
    cache->bucket_mask = buckets - 1;
    cache->hot = cache->hot_arena.memory;
    cache->hot6 = cache->hot6_arena.memory;
    cache->cold = cache->cold_arena.memory;
    cache->extra = cache->extra_arena.memory;
    cache->free_list = cache->free_arena.memory;
    cache->summary = cache->summary_arena.memory;
    cache->active_ns = config->active_timeout_ns && config->active_timeout_ns < FLOW_NEVER_NS
                           ? config->active_timeout_ns
                           : FLOW_NEVER_NS;
    cache->idle_ns = config->idle_timeout_ns && config->idle_timeout_ns < FLOW_NEVER_NS
                         ? config->idle_timeout_ns
                         : FLOW_NEVER_NS;
    cache->linger_ns =
        config->tcp_linger_ns < FLOW_NEVER_NS ? config->tcp_linger_ns : FLOW_NEVER_NS;
    cache->hash = flow_hash_choose();
    memcpy(cache->hash_key.word, config->hash_seed, sizeof cache->hash_key.word);
    cache->several_ports = config->several_ports;
    cache->ring = config->ring;
    cache->ledger = config->ledger;
    cache->local = config->local;
    memcpy(cache->egress_ports, config->egress_ports, sizeof cache->egress_ports);
    cache->worker = config->worker;
    if (!flow_admission_open(cache, config, error)) {
        flow_cache_destroy(cache);
        return NULL;
    }
    return cache;
}

void flow_cache_destroy(struct flow_cache *cache)
{
    if (!cache)
        return;
    arena_unmap(&cache->bucket_arena);
    arena_unmap(&cache->hot_arena);
    arena_unmap(&cache->hot6_arena);
    arena_unmap(&cache->cold_arena);
    arena_unmap(&cache->extra_arena);
    arena_unmap(&cache->free_arena);
    arena_unmap(&cache->summary_arena);
    flow_admission_close(cache);
    free(cache);
}

static inline bool same_key(const struct flow_cache *cache, uint32_t index,
                            const struct flow_key *key)
{
    const struct flow_hot *hot = &cache->hot[index];
    if (memcmp(&hot->key, &key->head, sizeof key->head) != 0)
        return false;
    bool six = key->family == 6;
    if (((flow_state(hot) & FLOW_STATE_IPV6) != 0) != six)
        return false;
    return !six || memcmp(&cache->hot6[index], key->address6_a, 32) == 0;
}
static_assert(offsetof(struct flow_key, address6_b) == offsetof(struct flow_key, address6_a) + 16,
              "both addresses are compared at once");
static_assert(offsetof(struct flow_hot6, address_b) == 16, "in the order of the key");

/* The slot in BUCKET that holds KEY, or BUCKET_SLOTS. */
static inline unsigned find_in(const struct flow_cache *cache, const struct flow_bucket *bucket,
                               uint16_t tag, const struct flow_key *key)
{
    unsigned match = bucket_match(bucket, tag) & bucket->occupied & ~(unsigned)bucket->done;
    for (; match; match &= match - 1) {
        unsigned slot = (unsigned)__builtin_ctz(match);
        if (same_key(cache, bucket->index[slot], key))
            return slot;
    }
    return BUCKET_SLOTS;
}

static inline struct flow_slot find(const struct flow_cache *cache, uint64_t hash,
                                    const struct flow_key *key)
{
    struct flow_slot at = {first_bucket(cache, hash), 0};
    at.slot = find_in(cache, at.bucket, hash_tag(hash), key);
    if (at.slot == BUCKET_SLOTS && at.bucket->overflow) {
        at.bucket = second_bucket(cache, hash);
        at.slot = find_in(cache, at.bucket, hash_tag(hash), key);
    }
    return at;
}

/* The hit that changes nothing but counters, or false: the slow path must look at it. */
static inline bool update_shortly(const struct flow_cache *cache, struct flow_hot *hot,
                                  const struct packet_facts *facts, uint64_t time_ns)
{
    unsigned side = facts->side;
    uint64_t newest = newest_ns(hot);
    uint64_t counter = hot->counter[side];
    uint32_t closing = (uint32_t)(FLOW_STATE_FIN_A | FLOW_STATE_FIN_B | FLOW_STATE_CLOSING) << 24;
    bool special = (counter == 0) | (time_ns < hot->last_ns[side]) |
                   (time_ns >= newest + cache->idle_ns) |
                   (time_ns >= hot->start_s * NS_PER_S + cache->active_ns) |
                   ((hot->flags_state & closing) != 0) |
                   ((facts->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST)) != 0);
    counter += (1ull << FLOW_OCTET_BITS) + facts->ip_octets;
    special |= (counter & (1ull << FLOW_CARRY_OCTET_BIT | 1ull << FLOW_CARRY_PACKET_BIT)) != 0;
    if (__builtin_expect(special, 0))
        return false;
    hot->counter[side] = counter;
    hot->last_ns[side] = time_ns;
    hot->flags_state |= (uint32_t)facts->tcp_flags << (side * 12);
    if (facts->ttl < hot->ttl_min[side])
        hot->ttl_min[side] = facts->ttl;
    if (facts->ttl > hot->ttl_max[side])
        hot->ttl_max[side] = facts->ttl;
    return true;
}

__attribute__((always_inline)) static inline void prefetch_record(const struct flow_cache *cache,
                                                                  uint32_t index, bool six)
{
    __builtin_prefetch(&cache->hot[index], 1);
    if (six)
        __builtin_prefetch(&cache->hot6[index]);
}

/* Fetches buckets, then records; returns the packets whose first bucket has no such tag. Inlined by
 * force: a function that only prefetches has no effect in the compiler's eyes, and a call of it is
 * dropped. */
__attribute__((always_inline)) static inline uint64_t
prefetch_batch(const struct flow_cache *cache, const struct packet_facts *facts, uint64_t selected,
               const uint64_t *hashes)
{
    uint64_t strangers = 0;
    for (uint64_t rest = selected; rest; rest &= rest - 1)
        __builtin_prefetch(first_bucket(cache, hashes[__builtin_ctzll(rest)]));
    for (uint64_t rest = selected; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        const struct flow_bucket *bucket = first_bucket(cache, hashes[i]);
        unsigned match = bucket_match(bucket, hash_tag(hashes[i])) & bucket->occupied;
        if (match)
            prefetch_record(cache, bucket->index[__builtin_ctz(match)], facts[i].key.family == 6);
        if (!match || bucket->overflow)
            __builtin_prefetch(second_bucket(cache, hashes[i]));
        strangers |= (uint64_t)(match == 0) << i;
    }
    return strangers;
}

enum { PACKETS_AHEAD = 4 }; /* how far in advance the candidates to make room are fetched */

static bool is_full(const struct flow_cache *cache)
{
    return cache->free_count == 0 && cache->unused == cache->flows_max;
}

/* All hot records of both buckets: if the table is full and the key is new, they are compared.
 * Inlined by force, as above. */
__attribute__((always_inline)) static inline void prefetch_victims(const struct flow_cache *cache,
                                                                   uint64_t hash)
{
    const struct flow_bucket *choices[2] = {first_bucket(cache, hash), second_bucket(cache, hash)};
    for (unsigned c = 0; c < 2; c++)
        for (unsigned live = choices[c]->occupied; live; live &= live - 1) {
            unsigned slot = (unsigned)__builtin_ctz(live);
            __builtin_prefetch(&cache->hot[choices[c]->index[slot]], 1);
            __builtin_prefetch(&cache->cold[choices[c]->index[slot]], 1);
        }
}

/* A direction that arrives on several ports is a mistake in the mirror set-up worth showing. */
static void check_port(struct flow_cache *cache, uint32_t index, unsigned side, uint16_t port)
{
    if (cache->cold[index].port[side] != port)
        cache->counters.direction_moved++;
}

static bool update_one(struct flow_cache *cache, uint64_t hash, const struct packet_batch *batch,
                       const struct packet_facts *facts, unsigned i, struct flow_ref *ref)
{
    struct flow_slot at = find(cache, hash, &facts->key);
    if (at.slot == BUCKET_SLOTS)
        return flow_insert(cache, hash, batch, facts, i, ref);
    uint32_t index = at.bucket->index[at.slot];
    struct flow_hot *hot = &cache->hot[index];
    if (!update_shortly(cache, hot, facts, batch->timestamp_ns[i]))
        return flow_update_slowly(cache, at, hash, batch, facts, i, ref);
    if (__builtin_expect(cache->several_ports, 0))
        check_port(cache, index, facts->side, batch->port[i]);
    ref->index = index;
    ref->new_record = 0;
    ref->pending =
        (uint8_t)(flow_state(hot) & (FLOW_STATE_APP_PENDING | FLOW_STATE_SNAPSHOT_PENDING));
    return true;
}

void flow_cache_update_batch(struct flow_cache *cache, const struct packet_batch *batch,
                             const struct packet_facts *facts, uint64_t selected,
                             struct flow_ref *refs)
{
    uint64_t hashes[PACKET_BATCH_MAX];
    struct flow_ref own_refs[PACKET_BATCH_MAX];
    if (!refs)
        refs = own_refs;
    cache->hash(&cache->hash_key, facts, selected, hashes);
    uint64_t strangers = prefetch_batch(cache, facts, selected, hashes);
    if (!is_full(cache))
        strangers = 0;
    for (uint64_t rest = strangers & ((1u << PACKETS_AHEAD) - 1); rest; rest &= rest - 1)
        prefetch_victims(cache, hashes[__builtin_ctzll(rest)]);
    struct ledger_pair metered = {0, 0};
    uint64_t metered_frame_octets = 0;
    for (uint64_t rest = selected; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        if (__builtin_expect(strangers >> i >> PACKETS_AHEAD & 1, 0))
            prefetch_victims(cache, hashes[i + PACKETS_AHEAD]);
        debug_check(facts[i].verdict == PACKET_METERED && facts[i].side < 2);
        refs[i].side = facts[i].side;
        if (update_one(cache, hashes[i], batch, &facts[i], i, &refs[i])) {
            metered.packets++;
            metered.octets += facts[i].ip_octets;
            metered_frame_octets += batch->wire_length[i];
        } else {
            refs[i].index = FLOW_REF_NONE;
            ledger_add(&cache->ledger->dropped[DROPPED_CACHE_FULL], 1, batch->wire_length[i]);
        }
    }
    ledger_add(&cache->ledger->metered, metered.packets, metered.octets);
    ledger_add(&cache->ledger->metered_frame, metered.packets, metered_frame_octets);
}

uint32_t flow_cache_batch_lines(uint32_t count)
{
    /* A packet may end its own record and push out another; padding once per trip of the ring. */
    return count * 2 * FLOW_ELEMENT_LINES_MAX + FLOW_ELEMENT_LINES_MAX;
}

struct ledger_pair flow_cache_walk(const struct flow_cache *cache)
{
    struct ledger_pair sum = {0, 0};
    if (cache->admission.aggregates)
        aggregate_table_walk(cache->admission.aggregates, &sum);
    for (uint64_t b = 0; b <= cache->bucket_mask; b++) {
        const struct flow_bucket *bucket = &cache->buckets[b];
        for (unsigned live = bucket->occupied; live; live &= live - 1) {
            uint32_t index = bucket->index[__builtin_ctz(live)];
            for (unsigned side = 0; side < 2; side++) {
                sum.packets += flow_packets(&cache->hot[index], &cache->cold[index], side);
                sum.octets += flow_octets(&cache->hot[index], &cache->cold[index], side);
            }
        }
    }
    return sum;
}

uint32_t flow_cache_flows(const struct flow_cache *cache)
{
    return cache->unused - cache->free_count;
}

const struct flow_cache_counters *flow_cache_counters(const struct flow_cache *cache)
{
    return &cache->counters;
}

size_t flow_cache_memory(const struct flow_cache *cache, const char **backing)
{
    if (backing)
        *backing = arena_backing_name(cache->hot_arena.backing);
    return cache->bucket_arena.size + cache->hot_arena.size + cache->hot6_arena.size +
           cache->cold_arena.size + cache->extra_arena.size + cache->free_arena.size +
           cache->summary_arena.size + cache->admission.seen_arena.size;
}
