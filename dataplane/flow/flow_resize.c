/*
 * A flow cache with two tables: the one of the new size, which is the cache's own, and the older
 * one, a cache of its own that takes no new flows and gives its records away. A key is in one of
 * them at most. Worker thread, but for what flow_change.c calls to prepare.
 */
#include <string.h>

#include "flow/flow_cache_private.h"

enum {
    RECORDS_AT_ONCE = 64, /* moved in one step: some tens of microseconds at most */
    BUCKETS_AT_ONCE = 256,
    BUCKETS_AHEAD = 4,
    BUCKETS_SEARCHED = 64 /* for a record that makes room */
};

/* What belongs to a table and changes places with it. */
#define TABLE_FIELDS(X)                                                                            \
    X(buckets)                                                                                     \
    X(bucket_mask)                                                                                 \
    X(hot)                                                                                         \
    X(hot6)                                                                                        \
    X(cold)                                                                                        \
    X(extra)                                                                                       \
    X(pool)                                                                                        \
    X(free_list)                                                                                   \
    X(free_count)                                                                                  \
    X(unused)                                                                                      \
    X(flows_max)                                                                                   \
    X(summary)                                                                                     \
    X(group_count)                                                                                 \
    X(swept)                                                                                       \
    X(flush_bucket)                                                                                \
    X(bucket_arena)                                                                                \
    X(hot_arena)                                                                                   \
    X(hot6_arena)                                                                                  \
    X(cold_arena)                                                                                  \
    X(ids)                                                                                         \
    X(ids_arena)                                                                                   \
    X(extra_arena)                                                                                 \
    X(free_arena)                                                                                  \
    X(summary_arena)

/* What both know alike. */
#define COMMON_FIELDS(X)                                                                           \
    X(active_ns)                                                                                   \
    X(idle_ns)                                                                                     \
    X(linger_ns)                                                                                   \
    X(lookup)                                                                                      \
    X(hash_key)                                                                                    \
    X(several_ports)                                                                               \
    X(applications)                                                                                \
    X(snapshot)                                                                                    \
    X(names)                                                                                       \
    X(ring)                                                                                        \
    X(ledger)                                                                                      \
    X(now_ns)                                                                                      \
    X(changed_ns)                                                                                  \
    X(time_known)                                                                                  \
    X(epoch)                                                                                       \
    X(local)                                                                                       \
    X(watch)                                                                                       \
    X(listed)                                                                                      \
    X(worker)

#define EXCHANGE(field)                                                                            \
    {                                                                                              \
        __typeof__(cache->field) own = cache->field;                                               \
        cache->field = other->field;                                                               \
        other->field = own;                                                                        \
    }
#define COPY(field) other->field = cache->field;

void flow_resize_begin(struct flow_cache *cache, struct flow_cache *other)
{
    TABLE_FIELDS(EXCHANGE)
    COMMON_FIELDS(COPY)
    memcpy(other->egress_ports, cache->egress_ports, sizeof other->egress_ports);
    other->admission.policy = cache->admission.policy;
    other->admission.short_idle = cache->admission.short_idle;
    other->admission.blind_end = cache->admission.blind_end;
    other->moved_bucket = 0;
    cache->older = other;
    cache->admission.blind_end = 0;
    cache->counters.flood.capacity = cache->flows_max;
    if (!cache->time_known)
        return;
    cache->swept = flow_sweep_position(cache, cache->now_ns);
    memset(cache->summary, (uint8_t)(cache->epoch + DUE_AHEAD_MAX), cache->group_count);
}

/* What the older table counted becomes part of the cache's counters. */
static void fold_counters(struct flow_cache *cache)
{
    struct flow_cache_counters *from = &cache->older->counters, *to = &cache->counters;
#define ADD_COUNTER(name, help) to->name += from->name;
    FLOW_CACHE_COUNTERS(ADD_COUNTER)
    for (unsigned reason = 0; reason <= FLOW_END_RESOURCES; reason++)
        to->ended[reason] += from->ended[reason];
    to->flood.short_idle_ends += from->flood.short_idle_ends;
    if (from->sweep_late_ns_max > to->sweep_late_ns_max)
        to->sweep_late_ns_max = from->sweep_late_ns_max;
    memset(from, 0, sizeof *from);
}

/* The older table follows what may have changed since the last time. */
static struct flow_cache *follow(struct flow_cache *cache)
{
    struct flow_cache *older = cache->older;
    if (cache->admission.short_idle && !older->admission.short_idle)
        older->admission.blind_end = older->swept + older->group_count;
    older->admission.short_idle = cache->admission.short_idle;
    older->linger_ns = cache->linger_ns;
    older->last_flow_time = cache->last_flow_time;
    return older;
}

/* The same backwards. The older table goes with its last record. */
static void settle(struct flow_cache *cache)
{
    cache->last_flow_time = cache->older->last_flow_time;
    fold_counters(cache);
    if (flow_table_flows(cache->older) == 0)
        cache->older = NULL;
}

/* ---- finding and moving ---- */

static bool same_key(const struct flow_cache *cache, uint32_t index, const struct flow_key *key)
{
    const struct flow_hot *hot = &cache->hot[index];
    bool six = key->family == 6;
    return memcmp(&hot->key, &key->head, sizeof hot->key) == 0 &&
           ((flow_state(hot) & FLOW_STATE_IPV6) != 0) == six &&
           (!six || memcmp(&cache->hot6[index], key->address6_a, 32) == 0);
}

/* Where KEY is in CACHE; a NULL bucket if it is not. */
static struct flow_slot find(const struct flow_cache *cache, uint64_t hash,
                             const struct flow_key *key)
{
    struct flow_slot at = {first_bucket(cache, hash), 0};
    for (unsigned choice = 0; choice < 2; choice++) {
        for (unsigned match = bucket_match(at.bucket, hash_tag(hash)); match; match &= match - 1) {
            at.slot = (unsigned)__builtin_ctz(match);
            if (same_key(cache, at.bucket->index[at.slot], key))
                return at;
        }
        at.bucket = other_bucket(cache, at.bucket, hash_tag(hash));
    }
    return (struct flow_slot){NULL, 0};
}

static struct flow_key key_at(const struct flow_cache *cache, uint32_t index)
{
    struct flow_key key = {.head = cache->hot[index].key, .family = 4};
    if (flow_state(&cache->hot[index]) & FLOW_STATE_IPV6) {
        key.family = 6;
        memcpy(key.address6_a, cache->hot6[index].address_a, sizeof key.address6_a);
        memcpy(key.address6_b, cache->hot6[index].address_b, sizeof key.address6_b);
    }
    return key;
}

/* Moves the record at FROM of the older table, whose key has HASH. Returns where it is now; a NULL
 * bucket if no room could be made, because the ring is full: it has not moved. */
static struct flow_slot move(struct flow_cache *cache, struct flow_slot from, uint64_t hash,
                             uint64_t time_ns)
{
    struct flow_cache *older = cache->older;
    struct flow_slot to = flow_place(cache, hash, time_ns);
    if (!to.bucket)
        return to;
    uint32_t old = from.bucket->index[from.slot], index = to.bucket->index[to.slot];
    uint8_t bit = (uint8_t)(1u << to.slot);
    cache->hot[index] = older->hot[old];
    cache->cold[index] = older->cold[old];
    flow_note_id(cache, index);
    if (flow_state(&older->hot[old]) & FLOW_STATE_IPV6)
        cache->hot6[index] = older->hot6[old];
    if (flow_state(&older->hot[old]) & FLOW_STATE_EXTRA)
        flow_extra_copy(cache, index, older, old);
    to.bucket->many |= from.bucket->many >> from.slot & 1 ? bit : 0;
    to.bucket->spent |= from.bucket->spent >> from.slot & 1 ? bit : 0;
    flow_set_due(
        cache, to,
        flow_due(cache,
                 flow_sweep_deadline(cache, &cache->hot[index], &cache->cold[index]).time_ns));
    flow_remove(older, from);
    return to;
}

/* Both tables together hold no more than the larger may; a record of the older one makes room for
 * a new flow. If the ring is full there is memory for more for as long as that takes. */
static void keep_bound(struct flow_cache *cache, uint64_t time_ns)
{
    struct flow_cache *older = cache->older;
    uint32_t bound = older->flows_max > cache->flows_max ? older->flows_max : cache->flows_max;
    if (flow_cache_flows(cache) < bound)
        return;
    for (unsigned step = 0; step < BUCKETS_SEARCHED; step++) {
        struct flow_bucket *bucket =
            &older->buckets[(older->moved_bucket + step) & older->bucket_mask];
        if (bucket_leavable(bucket)) {
            flow_evict_from(older, bucket, NULL, time_ns);
            return;
        }
    }
}

bool flow_resize_count(struct flow_cache *cache, uint64_t hash, const struct packet_batch *batch,
                       const struct packet_facts *facts, unsigned i, struct flow_ref *ref)
{
    struct flow_cache *older = follow(cache);
    uint64_t time_ns = batch->timestamp_ns[i];
    struct flow_slot from = find(older, hash, &facts->key);
    bool counted;
    if (!from.bucket) {
        keep_bound(cache, time_ns);
        settle(cache);
        return flow_insert(cache, hash, batch, facts, i, ref);
    }
    struct flow_slot to = move(cache, from, hash, time_ns);
    if (to.bucket) {
        settle(cache);
        return flow_update_slowly(cache, to, hash, batch, facts, i, ref);
    }
    /* It is counted where it is, out of sight of who would look at the record. */
    counted = flow_update_slowly(older, from, hash, batch, facts, i, ref);
    ref->index = FLOW_REF_ELSEWHERE;
    ref->side = facts->side;
    ref->new_record = false;
    settle(cache);
    return counted;
}

/* ---- steps ---- */

/* Inlined by force: see flow_lookup.c. */
__attribute__((always_inline)) static inline void prefetch_bucket(const struct flow_cache *older,
                                                                  uint64_t number)
{
    const struct flow_bucket *bucket = &older->buckets[number & older->bucket_mask];
    __builtin_prefetch(&older->buckets[(number + BUCKETS_AHEAD) & older->bucket_mask], 1);
    for (unsigned live = bucket->occupied; live; live &= live - 1) {
        uint32_t index = bucket->index[__builtin_ctz(live)];
        __builtin_prefetch(&older->hot[index], 1);
        __builtin_prefetch(&older->hot6[index]);
        __builtin_prefetch(&older->cold[index]);
    }
}

/* Whether the record at FROM would push out one that is worth more. */
static bool is_surplus(const struct flow_cache *cache, struct flow_slot from)
{
    bool full = cache->free_count == 0 && cache->unused == cache->flows_max;
    return full && ((from.bucket->spent | ~(unsigned)from.bucket->many) >> from.slot & 1);
}

/* Sends the record at FROM to the new table, or away. False: the ring is full. */
static bool give_away(struct flow_cache *cache, struct flow_slot from)
{
    struct flow_cache *older = cache->older;
    uint32_t index = from.bucket->index[from.slot];
    if (from.bucket->done >> from.slot & 1) {
        if (!flow_emit(older, index, (enum flow_end_reason)older->cold[index].end_reason))
            return false;
        flow_remove(older, from);
        return true;
    }
    if (is_surplus(cache, from))
        return flow_evict(older, from, cache->now_ns);
    struct flow_key key = key_at(older, index);
    uint64_t hash = cache->lookup->hash(&cache->hash_key, &key);
    return move(cache, from, hash, cache->now_ns).bucket != NULL;
}

void flow_resize_step(struct flow_cache *cache)
{
    struct flow_cache *older = follow(cache);
    unsigned records = 0, buckets = 0;
    bool room = true;
    /* Round and round: a record that waits for room on the ring may let its flow go on in a bucket
     * that was passed. */
    while (room && buckets < BUCKETS_AT_ONCE && records < RECORDS_AT_ONCE &&
           flow_table_flows(older) > 0) {
        struct flow_bucket *bucket = &older->buckets[older->moved_bucket & older->bucket_mask];
        prefetch_bucket(older, older->moved_bucket + BUCKETS_AHEAD);
        for (unsigned live = bucket->occupied; live && room; live &= live - 1) {
            room = give_away(cache, (struct flow_slot){bucket, (unsigned)__builtin_ctz(live)});
            records++;
        }
        older->moved_bucket += room;
        buckets++;
    }
    settle(cache);
}

/* ---- what the cache does to both tables ---- */

void flow_resize_sweep(struct flow_cache *cache, uint64_t now_ns)
{
    flow_sweep_table(follow(cache), now_ns);
    settle(cache);
}

bool flow_resize_flush(struct flow_cache *cache, uint64_t now_ns, enum flow_end_reason reason)
{
    bool complete = flow_flush_table(follow(cache), now_ns, reason);
    settle(cache);
    return complete;
}
