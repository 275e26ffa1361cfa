/*
 * Expiry by time: a pass over the buckets that takes one second of the clock for the whole table,
 * reading only groups whose earliest due second has come. A bucket is visited at the same point of
 * every second, so a record leaves less than a second after its deadline. Worker thread.
 */
#include <string.h>

#include "flow/flow_cache_private.h"

/* A lag of more than this many whole passes makes due epochs, which are modulo 256, ambiguous. */
enum { PASSES_BLIND = 60 };

enum { BUCKETS_AHEAD = 4 }; /* how far the records of later buckets are fetched in advance */

/* Inlined by force: see flow_cache.c. */
__attribute__((always_inline)) static inline void
prefetch_bucket(const struct flow_cache *cache, const struct flow_bucket *bucket, bool blind)
{
    for (unsigned live = bucket->occupied; live; live &= live - 1) {
        unsigned slot = (unsigned)__builtin_ctz(live);
        if (!blind && !due_reached(bucket->due[slot], cache->epoch))
            continue;
        __builtin_prefetch(&cache->hot[bucket->index[slot]], 1);
        __builtin_prefetch(&cache->cold[bucket->index[slot]], 1);
    }
}

uint64_t flow_sweep_position(const struct flow_cache *cache, uint64_t now_ns)
{
    uint64_t second = now_ns / NS_PER_S;
    uint64_t rest = now_ns % NS_PER_S;
    uint64_t part = (uint64_t)((unsigned __int128)rest * cache->group_count / NS_PER_S);
    return second * cache->group_count + part;
}

enum visit { VISIT_KEPT, VISIT_GONE, VISIT_RING_FULL };

/* Ends the record at AT if it is over. */
static enum visit visit_record(struct flow_cache *cache, struct flow_slot at)
{
    uint32_t index = at.bucket->index[at.slot];
    struct flow_hot *hot = &cache->hot[index];
    struct flow_cold *cold = &cache->cold[index];
    if (__builtin_expect(at.bucket->pinned >> at.slot & 1, 0)) {
        flow_kernel_visit(cache, at);
        return VISIT_KEPT;
    }
    if (at.bucket->done >> at.slot & 1) {
        if (!flow_emit(cache, index, (enum flow_end_reason)cold->end_reason))
            return VISIT_RING_FULL;
        flow_remove(cache, at);
        return VISIT_GONE;
    }
    struct flow_deadline d = flow_sweep_deadline(cache, hot, cold);
    if (d.time_ns <= cache->now_ns) {
        if (has_packets(cold)) {
            if (!flow_emit(cache, index, d.reason))
                return VISIT_RING_FULL;
            uint64_t since = d.time_ns > cache->changed_ns ? d.time_ns : cache->changed_ns;
            uint64_t late = cache->now_ns - since;
            if (d.reason == FLOW_END_RESOURCES)
                cache->counters.flood.short_idle_ends++;
            else if (late > cache->counters.sweep_late_ns_max)
                cache->counters.sweep_late_ns_max = late;
        }
        if (d.reason != FLOW_END_ACTIVE || d.idle_ns <= cache->now_ns) {
            flow_remove(cache, at);
            return VISIT_GONE;
        }
        flow_continue(cache, index, d.time_ns);
        at.bucket->many |= (uint8_t)(1u << at.slot);
        at.bucket->spent |= (uint8_t)(1u << at.slot);
        d = flow_deadline(cache, hot, cold);
    }
    at.bucket->due[at.slot] = flow_due(cache, d.time_ns);
    return VISIT_KEPT;
}

/* Visits what is due in one bucket (all of it if BLIND) and lowers EARLIEST to what remains. */
static bool sweep_bucket(struct flow_cache *cache, struct flow_bucket *bucket, bool blind,
                         uint8_t *earliest)
{
    for (unsigned live = bucket->occupied; live; live &= live - 1) {
        struct flow_slot at = {bucket, (unsigned)__builtin_ctz(live)};
        if (blind || due_reached(bucket->due[at.slot], cache->epoch)) {
            enum visit visit = visit_record(cache, at);
            if (visit == VISIT_RING_FULL)
                return false;
            if (visit == VISIT_GONE)
                continue;
        }
        if (due_before(bucket->due[at.slot], *earliest))
            *earliest = bucket->due[at.slot];
    }
    return true;
}

static bool sweep_group(struct flow_cache *cache, uint64_t group, bool blind)
{
    uint64_t end = (group + 1) * SUMMARY_BUCKETS;
    if (end > cache->bucket_mask + 1)
        end = cache->bucket_mask + 1;
    uint8_t earliest = (uint8_t)(cache->epoch + DUE_AHEAD_MAX);
    for (uint64_t b = group * SUMMARY_BUCKETS; b < end; b++) {
        if (b + BUCKETS_AHEAD < end)
            prefetch_bucket(cache, &cache->buckets[b + BUCKETS_AHEAD], blind);
        if (!sweep_bucket(cache, &cache->buckets[b], blind, &earliest)) {
            cache->summary[group] = cache->epoch;
            return false;
        }
    }
    cache->summary[group] = earliest;
    return true;
}

static void start_time(struct flow_cache *cache, uint64_t now_ns)
{
    cache->time_known = true;
    cache->now_ns = now_ns;
    cache->epoch = (uint8_t)(now_ns / NS_PER_S);
    cache->swept = flow_sweep_position(cache, now_ns);
    /* Records that came before the first sweep carry due epochs of an unknown present. */
    memset(cache->summary, cache->epoch, cache->group_count);
    for (uint64_t b = 0; b <= cache->bucket_mask; b++)
        if (cache->buckets[b].occupied)
            memset(cache->buckets[b].due, cache->epoch, BUCKET_SLOTS);
}

/* Moves the present to NOW_NS. False if it is there already, or later. */
static bool follow_time(struct flow_cache *cache, uint64_t now_ns)
{
    if (!cache->time_known)
        start_time(cache, now_ns);
    if (now_ns < cache->now_ns)
        return false;
    cache->now_ns = now_ns;
    cache->epoch = (uint8_t)(now_ns / NS_PER_S);
    return true;
}

/* Ends what is over in the groups between the last position and that of the present. */
static void pass(struct flow_cache *cache)
{
    uint64_t now_ns = cache->now_ns;
    uint64_t target = flow_sweep_position(cache, now_ns);
    uint64_t lag = target - cache->swept;
    bool blind = lag > PASSES_BLIND * cache->group_count;
    uint64_t end = lag > cache->group_count ? cache->swept + cache->group_count : target;
    for (; cache->swept < end; cache->swept++) {
        uint64_t group = cache->swept % cache->group_count;
        bool all = blind || cache->swept < cache->admission.blind_end;
        if (!all && !due_reached(cache->summary[group], cache->epoch))
            continue;
        if (!sweep_group(cache, group, all))
            return;
    }
    cache->swept = target;
}

void flow_sweep_table(struct flow_cache *cache, uint64_t now_ns)
{
    if (follow_time(cache, now_ns))
        pass(cache);
}

void flow_cache_sweep(struct flow_cache *cache, uint64_t now_ns)
{
    if (__builtin_expect(cache->older != NULL, 0))
        flow_resize_sweep(cache, now_ns);
    if (!follow_time(cache, now_ns))
        return;
    flow_admission_step(cache, now_ns);
    pass(cache);
}

/* Why a flushed record ended: for its own reason if its deadline is past or its connection is over,
 * else for REASON. */
static enum flow_end_reason flush_reason(const struct flow_hot *hot, const struct flow_deadline *d,
                                         uint64_t now_ns, enum flow_end_reason reason)
{
    if (d->time_ns <= now_ns)
        return d->reason;
    return flow_state(hot) & FLOW_STATE_CLOSING ? FLOW_END_DETECTED : reason;
}

bool flow_flush_table(struct flow_cache *cache, uint64_t now_ns, enum flow_end_reason reason)
{
    for (; cache->flush_bucket <= cache->bucket_mask; cache->flush_bucket++) {
        struct flow_bucket *bucket = &cache->buckets[cache->flush_bucket];
        if (cache->flush_bucket + BUCKETS_AHEAD <= cache->bucket_mask)
            prefetch_bucket(cache, bucket + BUCKETS_AHEAD, true);
        /* All go, so no bucket needs to know of its keys in other ones any more. */
        bucket->foreign = 0;
        bucket->overflow = 0;
        for (unsigned live = bucket->occupied; live; live &= live - 1) {
            struct flow_slot at = {bucket, (unsigned)__builtin_ctz(live)};
            debug_check(!(bucket->pinned >> at.slot & 1));
            uint32_t index = bucket->index[at.slot];
            const struct flow_cold *cold = &cache->cold[index];
            struct flow_deadline d = flow_deadline(cache, &cache->hot[index], cold);
            enum flow_end_reason why = flush_reason(&cache->hot[index], &d, now_ns, reason);
            if (bucket->done >> at.slot & 1)
                why = (enum flow_end_reason)cold->end_reason;
            if (has_packets(cold) && !flow_emit(cache, index, why))
                return false;
            flow_remove(cache, at);
        }
    }
    return true;
}

bool flow_cache_flush(struct flow_cache *cache, uint64_t now_ns, enum flow_end_reason reason)
{
    struct flow_admission *admission = &cache->admission;
    if (cache->older && !flow_resize_flush(cache, now_ns, reason))
        return false;
    if (!flow_flush_table(cache, now_ns, reason))
        return false;
    if (admission->retired) { /* else not touched: the control thread may look at it */
        if (!aggregate_table_flush(admission->retired, now_ns, reason))
            return false;
        admission->retired = NULL;
    }
    if (admission->level2.aggregates &&
        !aggregate_table_flush(admission->level2.aggregates, now_ns, reason))
        return false;
    cache->flush_bucket = 0;
    return true;
}

void flow_cache_restart_time(struct flow_cache *cache)
{
    flow_admission_restart_time(cache);
    cache->time_known = false;
    cache->now_ns = 0;
    cache->changed_ns = 0;
    cache->epoch = 0;
}
