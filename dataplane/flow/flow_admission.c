/* The levels of the flood policy. See flow_admission.h. */
#include "flow/flow_admission.h"

#include <string.h>

#include "flow/flow_aggregate.h"
#include "flow/flow_cache_private.h"

/* How long it must have been calm before a level is left: longer than any pause of a flood that
 * would make the level flutter, shorter than anybody waits for details to come back. */
static const uint64_t hold_ns = 5 * NS_PER_S;
/* The rate of new flows is measured over this time. */
static const uint64_t window_ns = NS_PER_S / 10;

enum { SPARE_BUCKETS = 32 };                     /* how far a one-packet flow is looked for */
enum { SEEN_MIN = 1 << 10, SEEN_MAX = 1 << 22 }; /* tags of two octets */

bool flow_level2_open(struct flow_level2 *level2, const struct flow_cache *cache,
                      const struct flow_cache_config *config, struct error *error)
{
    struct aggregate_config aggregates = {
        .ipv4_prefix_length = config->flood.ipv4_prefix_length,
        .ipv6_prefix_length = config->flood.ipv6_prefix_length,
        .idle_ns = cache->idle_ns,
        .active_ns = cache->active_ns,
        .ring = cache->ring,
        .ledger = cache->ledger,
    };
    memcpy(aggregates.seed, config->hash_seed, sizeof aggregates.seed);
    uint64_t tags = SEEN_MIN;
    while (tags < config->flows_max && tags < SEEN_MAX)
        tags *= 2;
    if (!arena_map(&level2->seen_arena, tags * sizeof *level2->seen, ARENA_SPARSE, error))
        return false;
    level2->seen = level2->seen_arena.memory;
    level2->seen_mask = tags - 1;
    level2->aggregates = aggregate_table_create(&aggregates, error);
    return level2->aggregates != NULL;
}

void flow_level2_close(struct flow_level2 *level2)
{
    arena_unmap(&level2->seen_arena);
    aggregate_table_destroy(level2->aggregates);
}

bool flow_admission_open(struct flow_cache *cache, const struct flow_cache_config *config,
                         struct error *error)
{
    struct flow_admission *admission = &cache->admission;
    const struct flood_policy *policy = &config->flood;
    check(!policy->level1 || policy->leave_percent < policy->enter_percent);
    admission->policy = *policy;
    admission->linger_ns = cache->linger_ns;
    cache->counters.flood.capacity = cache->flows_max;
    if (policy->new_flows_per_s == 0)
        return true;
    if (!flow_level2_open(&admission->level2, cache, config, error))
        return false;
    aggregate_table_attach(admission->level2.aggregates, cache->counters.ended);
    return true;
}

void flow_admission_close(struct flow_cache *cache)
{
    flow_level2_close(&cache->admission.level2);
}

void flow_admission_restart_time(struct flow_cache *cache)
{
    struct flow_admission *admission = &cache->admission;
    admission->crowded_ns = 0;
    admission->busy_ns = 0;
    admission->window_ns = 0;
    admission->blind_end = 0;
}

/* ---- level 1 ---- */

static void follow_occupancy(struct flow_cache *cache, uint64_t now_ns)
{
    struct flow_admission *admission = &cache->admission;
    uint64_t flows = flow_cache_flows(cache);
    if (flows > cache->counters.flood.occupancy_peak)
        cache->counters.flood.occupancy_peak = flows;
    if (!admission->policy.level1)
        return;
    uint64_t part = flows * 100;
    if (part > (uint64_t)admission->policy.leave_percent * cache->flows_max)
        admission->crowded_ns = now_ns;
    if (!admission->short_idle) {
        if (part <= (uint64_t)admission->policy.enter_percent * cache->flows_max)
            return;
        admission->short_idle = true;
        cache->linger_ns = 0;
        /* Records that are there already have later due epochs: one pass looks at all of them. */
        admission->blind_end = cache->swept + cache->group_count;
    } else if (now_ns - admission->crowded_ns >= hold_ns) {
        admission->short_idle = false;
        cache->linger_ns = admission->linger_ns;
    }
}

struct flow_bucket *flow_admission_spare(const struct flow_cache *cache, struct flow_bucket *first,
                                         const struct flow_bucket *second)
{
    if (!cache->admission.short_idle || bucket_expendable(first) || bucket_expendable(second))
        return NULL;
    uint64_t start = (uint64_t)(first - cache->buckets);
    for (uint64_t step = 1; step <= SPARE_BUCKETS; step++) {
        struct flow_bucket *bucket = &cache->buckets[(start + step) & cache->bucket_mask];
        if (bucket_expendable(bucket))
            return bucket;
    }
    return NULL;
}

/* ---- level 2 ---- */

static void refill_credit(struct flow_admission *admission, uint64_t now_ns)
{
    uint64_t rate = admission->policy.new_flows_per_s;
    uint64_t most = rate * window_ns < NS_PER_S ? NS_PER_S : rate * window_ns;
    uint64_t elapsed = now_ns - admission->credited_ns;
    admission->credited_ns = now_ns;
    admission->credit += rate * (elapsed < window_ns ? elapsed : window_ns);
    if (admission->credit > most)
        admission->credit = most;
}

static void follow_rate(struct flow_admission *admission, uint64_t now_ns)
{
    if (!admission->level2.aggregates)
        return;
    if (admission->window_ns == 0) {
        admission->window_ns = admission->credited_ns = now_ns;
        admission->offered = 0;
        return;
    }
    refill_credit(admission, now_ns);
    uint64_t elapsed = now_ns - admission->window_ns;
    if (elapsed < window_ns)
        return;
    unsigned __int128 allowed = (unsigned __int128)admission->policy.new_flows_per_s * elapsed;
    unsigned __int128 offered = (unsigned __int128)admission->offered * NS_PER_S;
    if (offered * 4 > allowed * 3)
        admission->busy_ns = now_ns;
    if (offered > allowed && !admission->aggregating) {
        admission->aggregating = true;
        admission->credit = 0;
    } else if (admission->aggregating && now_ns - admission->busy_ns >= hold_ns) {
        admission->aggregating = false;
    }
    admission->window_ns = now_ns;
    admission->offered = 0;
}

bool flow_admission_aggregate(struct flow_cache *cache, uint64_t hash,
                              const struct packet_batch *batch, const struct packet_facts *facts,
                              unsigned i, struct flow_ref *ref)
{
    struct flow_admission *admission = &cache->admission;
    /* Each side has a place of its own: the answer of an attacked server proves nothing about the
     * one who asked. */
    uint16_t tag = hash_tag(hash);
    uint16_t *seen =
        &admission->level2.seen[((hash >> 8) ^ facts->side) & admission->level2.seen_mask];
    if (*seen == tag)
        return false;
    if (admission->credit >= NS_PER_S) {
        admission->credit -= NS_PER_S;
        return false;
    }
    struct flow_cold direction = {.marks = 0};
    flow_mark_direction(cache, &direction, facts, batch->port[i]);
    if (!aggregate_table_add(admission->level2.aggregates, facts, batch->timestamp_ns[i],
                             batch->port[i], direction.marks != 0))
        return false;
    *seen = tag;
    cache->counters.flood.aggregated_packets++;
    cache->counters.flood.aggregated_octets += facts->ip_octets;
    *ref = (struct flow_ref){.index = FLOW_REF_AGGREGATE, .side = facts->side};
    return true;
}

/* ---- both ---- */

void flow_admission_step(struct flow_cache *cache, uint64_t now_ns)
{
    struct flow_admission *admission = &cache->admission;
    follow_occupancy(cache, now_ns);
    follow_rate(admission, now_ns);
    uint64_t level = admission->aggregating ? 2 : admission->short_idle;
    if (level != cache->counters.flood.level) {
        cache->counters.flood.level = level;
        cache->counters.flood.changes++;
    }
    if (admission->level2.aggregates)
        aggregate_table_sweep(admission->level2.aggregates, now_ns);
}

void flow_cache_copy_counters(const struct flow_cache *cache, struct flow_cache_counters *counters)
{
    const struct flow_admission *admission = &cache->admission;
    *counters = cache->counters;
    struct flood_counters *flood = &counters->flood;
    flood->occupancy = flow_cache_flows(cache);
    if (flood->occupancy > flood->occupancy_peak)
        flood->occupancy_peak = flood->occupancy;
    flood->early_evictions =
        counters->ended[FLOW_END_RESOURCES] - flood->short_idle_ends - flood->aggregates_evicted;
    if (!admission->level2.aggregates)
        return;
    flood->aggregates += aggregate_table_started(admission->level2.aggregates);
    flood->aggregates_evicted += aggregate_table_evicted(admission->level2.aggregates);
    flood->early_evictions -= aggregate_table_evicted(admission->level2.aggregates);
}
