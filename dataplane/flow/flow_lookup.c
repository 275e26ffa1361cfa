/*
 * Hash, lookup by batches and the short path of a hit. Compiled once for each instruction set;
 * flow_cache.c calls the variant that was chosen at start, on the worker's thread.
 *
 * Phases over the batch keep many cache misses in flight: hash and fetch buckets (while the packets
 * are still being parsed), compare tags and fetch records, then touch. What the second phase found
 * is only a candidate: the last one compares the whole key, and looks again if the record holds no
 * packet, as one that has left does, or if any record was put out of reach since. So the first
 * packet of a new flow and its followers in the same batch need no special case.
 */
#include "flow/flow_lookup.h"

#include <string.h>

#include "flow/flow_cache_private.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4 };

/* ---- keys ---- */

static inline bool same_head(const struct flow_hot *hot, const struct flow_key_head *head)
{
    const uint8_t *a = (const uint8_t *)&hot->key, *b = (const uint8_t *)head;
    return ((flow_hash_load(a) ^ flow_hash_load(b)) |
            (flow_hash_load(a + 8) ^ flow_hash_load(b + 8))) == 0;
}

static inline bool same_addresses(const struct flow_cache *cache, uint32_t index,
                                  const struct flow_key *key)
{
    return memcmp(&cache->hot6[index], key->address6_a, 32) == 0;
}
static_assert(offsetof(struct flow_key, address6_b) == offsetof(struct flow_key, address6_a) + 16,
              "both addresses are compared at once");
static_assert(offsetof(struct flow_hot6, address_b) == 16, "in the order of the key");

static inline bool same_key(const struct flow_cache *cache, uint32_t index,
                            const struct flow_key *key)
{
    const struct flow_hot *hot = &cache->hot[index];
    bool six = key->family == 6;
    return same_head(hot, &key->head) && ((flow_state(hot) & FLOW_STATE_IPV6) != 0) == six &&
           (!six || same_addresses(cache, index, key));
}

/* The slot in BUCKET that holds KEY, or BUCKET_SLOTS. */
static inline unsigned find_in(const struct flow_cache *cache, const struct flow_bucket *bucket,
                               uint16_t tag, const struct flow_key *key)
{
    for (unsigned match = bucket_match(bucket, tag); match; match &= match - 1) {
        unsigned slot = (unsigned)__builtin_ctz(match);
        if (same_key(cache, bucket->index[slot], key))
            return slot;
    }
    return BUCKET_SLOTS;
}

static struct flow_slot find(const struct flow_cache *cache, uint64_t hash,
                             const struct flow_key *key)
{
    uint16_t tag = hash_tag(hash);
    struct flow_slot at = {first_bucket(cache, hash), 0};
    at.slot = find_in(cache, at.bucket, tag, key);
    if (at.slot == BUCKET_SLOTS && at.bucket->overflow) {
        at.bucket = other_bucket(cache, at.bucket, tag);
        at.slot = find_in(cache, at.bucket, tag, key);
    }
    return at;
}

/* ---- fetching ahead ---- */

PREFETCHES void prefetch_record(const struct flow_cache *cache, uint32_t index, bool six)
{
    __builtin_prefetch(&cache->hot[index], 1);
    if (six)
        __builtin_prefetch(&cache->hot6[index], 1);
}

static void lookup_announce(struct flow_cache *cache, const struct packet_facts *facts,
                            uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        uint64_t hash = flow_hash(&cache->hash_key, &facts[i].key);
        cache->hashes[i] = hash;
        __builtin_prefetch(first_bucket(cache, hash));
    }
}

/* The batch as the second phase sees it. */
struct candidates {
    uint64_t known; /* packets that have a candidate */
    uint32_t index[PACKET_BATCH_MAX];
};

static inline bool is_full(const struct flow_cache *cache)
{
    return cache->free_count == 0 && cache->unused == cache->flows_max;
}

/* What a packet with a new key will write: the record that makes room, or the next free one. */
PREFETCHES void prefetch_strangers(const struct flow_cache *cache, uint64_t strangers)
{
    uint32_t free = cache->free_count, unused = cache->unused;
    for (uint64_t rest = strangers; rest; rest &= rest - 1) {
        uint64_t hash = cache->hashes[__builtin_ctzll(rest)];
        uint32_t index;
        if (free) {
            index = cache->free_list[--free];
        } else if (unused < cache->flows_max) {
            index = unused++;
        } else {
            const struct flow_bucket *first = first_bucket(cache, hash);
            if (!bucket_expendable(first))
                continue; /* seldom, unless there are only established flows */
            unsigned slot = bucket_least_fast(first, cache->epoch).slot;
            index = first->index[slot];
            if (first->foreign >> slot & 1)
                __builtin_prefetch(other_bucket(cache, first, first->tag[slot]), 1);
        }
        __builtin_prefetch(&cache->hot[index], 1);
        __builtin_prefetch(&cache->cold[index], 1);
    }
}

/* Looks tags up and fetches records. */
__attribute__((always_inline)) static inline void find_candidates(struct flow_cache *cache,
                                                                  const struct packet_facts *facts,
                                                                  uint64_t selected,
                                                                  struct candidates *candidates)
{
    uint64_t known = 0, elsewhere = 0, strangers = 0;
    bool full = is_full(cache);
    for (uint64_t rest = selected; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint64_t bit = rest & -rest, hash = cache->hashes[i];
        const struct flow_bucket *bucket = first_bucket(cache, hash);
        unsigned match = bucket_match(bucket, hash_tag(hash));
        if (__builtin_expect(match != 0, 1)) {
            uint32_t index = bucket->index[__builtin_ctz(match)];
            candidates->index[i] = index;
            known |= bit;
            prefetch_record(cache, index, facts[i].key.family == 6);
            continue;
        }
        elsewhere |= bucket->overflow ? bit : 0;
        strangers |= bit;
        bool calm =
            full ? bucket_expendable(bucket) : __builtin_popcount(bucket->occupied) < BUCKET_CALM;
        if (!calm || bucket->overflow)
            __builtin_prefetch(other_bucket(cache, bucket, hash_tag(hash)));
    }
    for (uint64_t rest = elsewhere; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint64_t bit = rest & -rest, hash = cache->hashes[i];
        const struct flow_bucket *bucket =
            other_bucket(cache, first_bucket(cache, hash), hash_tag(hash));
        unsigned match = bucket_match(bucket, hash_tag(hash));
        if (!match)
            continue;
        candidates->index[i] = bucket->index[__builtin_ctz(match)];
        known |= bit;
        strangers ^= bit;
        prefetch_record(cache, candidates->index[i], facts[i].key.family == 6);
    }
    if (strangers)
        prefetch_strangers(cache, strangers);
    candidates->known = known;
}

/* ---- counting ---- */

/* A direction that arrives on several ports is a mistake in the mirror set-up worth showing. */
static void check_port(struct flow_cache *cache, uint32_t index, unsigned side, uint16_t port)
{
    if (cache->cold[index].port[side] != port)
        cache->counters.direction_moved++;
}

/*
 * The hit that changes nothing but counters, or false: nothing happened, and the slow path must
 * look at the packet. The slow path gets the first packet of each side and the second of the flow
 * (it notes that there are more than one), whatever opens or closes a connection, late packets and
 * packets at or behind a deadline. Silence is measured on the packet's own side here, which can
 * only be stricter.
 */
static inline bool count_hit(const struct flow_cache *cache, uint32_t index,
                             const struct packet_facts *facts, uint64_t time_ns)
{
    const uint32_t closing = (uint32_t)(FLOW_STATE_FIN_A | FLOW_STATE_FIN_B | FLOW_STATE_CLOSING)
                             << 24;
    struct flow_hot *hot = &cache->hot[index];
    unsigned side = facts->side;
    bool six = facts->key.family == 6;
    uint32_t state = hot->flags_state ^ (six ? (uint32_t)FLOW_STATE_IPV6 << 24 : 0);
    uint64_t own = hot->counter[side];
    uint64_t counter = own + (1ull << FLOW_OCTET_BITS) + facts->ip_octets;
    bool usual = same_head(hot, &facts->key.head) &
                 ((state & (closing | (uint32_t)FLOW_STATE_IPV6 << 24)) == 0) &
                 ((facts->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST)) == 0) &
                 (time_ns - hot->last_ns[side] < cache->idle_ns) &
                 (time_ns - hot->start_s * NS_PER_S < cache->active_ns) & (own != 0) &
                 (own + hot->counter[1 - side] >= 2ull << FLOW_OCTET_BITS) &
                 ((counter & (1ull << FLOW_CARRY_OCTET_BIT | 1ull << FLOW_CARRY_PACKET_BIT)) == 0);
    if (__builtin_expect(!usual, 0) || (six && !same_addresses(cache, index, &facts->key)))
        return false;
    hot->counter[side] = counter;
    hot->last_ns[side] = time_ns;
    hot->flags_state |= (uint32_t)facts->tcp_flags << (side * 12);
    if (__builtin_expect(facts->ttl < hot->ttl_min[side], 0))
        hot->ttl_min[side] = facts->ttl;
    if (__builtin_expect(facts->ttl > hot->ttl_max[side], 0))
        hot->ttl_max[side] = facts->ttl;
    return true;
}

/* Says in REF what is known of a hit that was just counted, but the flow id. */
static inline void fill_hit_ref(const struct flow_cache *cache, uint32_t index,
                                const struct packet_facts *facts, struct flow_ref *ref,
                                bool with_ids)
{
    const struct flow_hot *hot = &cache->hot[index];
    flow_fill_ref(cache, index, false, ref);
    if (with_ids)
        ref->before =
            hot->counter[0] + hot->counter[1] - (1ull << FLOW_OCTET_BITS) - facts->ip_octets;
}

/* Fills in the flow ids of the hits that HITS tells. The table is read after all was counted, so
 * that its lines have time to come, and before a record may become another's. */
static inline void fill_ids(const struct flow_cache *cache, uint64_t hits,
                            const struct candidates *candidates, uint64_t *flow_ids)
{
    for (; hits; hits &= hits - 1) {
        unsigned i = (unsigned)__builtin_ctzll(hits);
        uint32_t index = candidates->index[i];
        uint64_t id = cache->ids[index];
        if (__builtin_expect(id == 0, 0))
            id = cache->ids[index] = cache->cold[index].flow_id;
        flow_ids[i] = id;
    }
}

/* Everything but a short hit on the candidate. */
__attribute__((noinline)) static bool count_otherwise(struct flow_cache *cache,
                                                      const struct packet_batch *batch,
                                                      const struct packet_facts *facts, unsigned i,
                                                      struct flow_ref *ref)
{
    uint64_t hash = cache->hashes[i];
    struct flow_slot at = find(cache, hash, &facts->key);
    if (at.slot == BUCKET_SLOTS)
        return __builtin_expect(cache->older != NULL, 0)
                   ? flow_resize_count(cache, hash, batch, facts, i, ref)
                   : flow_insert(cache, hash, batch, facts, i, ref);
    uint32_t index = at.bucket->index[at.slot];
    if (!count_hit(cache, index, facts, batch->timestamp_ns[i]))
        return flow_update_slowly(cache, at, hash, batch, facts, i, ref);
    if (cache->several_ports)
        check_port(cache, index, facts->side, batch->port[i]);
    fill_hit_ref(cache, index, facts, ref, cache->snapshot);
    if (cache->snapshot)
        ref->flow_id = cache->cold[index].flow_id;
    return true;
}

/* Whether REFS and FLOW_IDS are NULL is known where this is called. */
__attribute__((always_inline)) static inline void
update_all(struct flow_cache *cache, const struct packet_batch *batch,
           const struct packet_facts *facts, uint64_t selected, struct flow_ref *refs,
           uint64_t *flow_ids)
{
    const bool with_refs = refs != NULL, with_ids = flow_ids != NULL;
    struct candidates candidates;
    uint64_t octets = 0, frame_octets = 0, refused = 0, generation = cache->generation;
    uint64_t hits = 0; /* whose flow ids are still to be filled in */
    bool several_ports = cache->several_ports;
    find_candidates(cache, facts, selected, &candidates);
    for (uint64_t rest = selected; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint32_t index = candidates.index[i];
        debug_check(facts[i].verdict == PACKET_METERED && facts[i].side < 2);
        octets += facts[i].ip_octets;
        frame_octets += batch->wire_length[i];
        if (with_refs)
            refs[i].side = facts[i].side;
        if (__builtin_expect(candidates.known >> i & 1, 1) &&
            count_hit(cache, index, &facts[i], batch->timestamp_ns[i])) {
            if (__builtin_expect(several_ports, 0))
                check_port(cache, index, facts[i].side, batch->port[i]);
            if (with_refs)
                fill_hit_ref(cache, index, &facts[i], &refs[i], with_ids);
            if (with_ids)
                __builtin_prefetch(&cache->ids[index]);
            hits |= rest & -rest;
            continue;
        }
        struct flow_ref own_ref, *ref = with_refs ? &refs[i] : &own_ref;
        ref->flow_id = 0;
        if (with_ids)
            fill_ids(cache, hits, &candidates, flow_ids);
        hits = 0;
        if (!count_otherwise(cache, batch, &facts[i], i, ref)) {
            ref->index = FLOW_REF_NONE;
            ref->flow_id = 0; /* of a record that it did not get after all */
            refused |= 1ull << i;
        }
        if (with_ids)
            flow_ids[i] = ref->flow_id;
        if (generation != cache->generation)
            candidates.known = 0;
    }
    if (with_ids)
        fill_ids(cache, hits, &candidates, flow_ids);
    uint64_t packets = (uint64_t)__builtin_popcountll(selected & ~refused);
    for (; refused; refused &= refused - 1) {
        unsigned i = (unsigned)__builtin_ctzll(refused);
        octets -= facts[i].ip_octets;
        frame_octets -= batch->wire_length[i];
        ledger_add(&cache->ledger->dropped[DROPPED_CACHE_FULL], 1, batch->wire_length[i]);
    }
    ledger_add(&cache->ledger->metered, packets, octets);
    ledger_add(&cache->ledger->metered_frame, packets, frame_octets);
}

static void lookup_update(struct flow_cache *cache, const struct packet_batch *batch,
                          const struct packet_facts *facts, uint64_t selected,
                          struct flow_ref *refs, uint64_t *flow_ids)
{
    debug_check(!flow_ids || cache->snapshot);
    if (!refs && !flow_ids)
        update_all(cache, batch, facts, selected, NULL, NULL);
    else if (!refs)
        update_all(cache, batch, facts, selected, NULL, flow_ids);
    else if (flow_ids)
        update_all(cache, batch, facts, selected, refs, flow_ids);
    else
        update_all(cache, batch, facts, selected, refs, NULL);
}

/* ---- the variant ---- */

static struct bucket_loss bucket_least_variant(const struct flow_bucket *bucket, uint8_t epoch)
{
    return bucket_least_fast(bucket, epoch);
}

static uint64_t lookup_hash(const struct flow_hash_key *key, const struct flow_key *flow)
{
    return flow_hash(key, flow);
}

static unsigned lookup_match(const struct flow_bucket *bucket, uint16_t tag)
{
    return bucket_match(bucket, tag);
}

extern const struct flow_lookup SIMD_VARIANT(flow_lookup);
const struct flow_lookup SIMD_VARIANT(flow_lookup) = {
    .announce = lookup_announce,
    .update = lookup_update,
    .least = bucket_least_variant,
    .hash = lookup_hash,
    .match = lookup_match,
};
