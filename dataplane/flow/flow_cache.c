/*
 * Creation of a worker's flow cache, the choice of its hot unit (flow_lookup.c), and sums over all
 * entries.
 */
#include "flow/flow_cache.h"

#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache_private.h"

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
    cache->group_count = (buckets + SUMMARY_BUCKETS - 1) / SUMMARY_BUCKETS;
    return arena_map(&cache->bucket_arena, buckets * sizeof(struct flow_bucket), ARENA_DENSE,
                     error) &&
           arena_map(&cache->hot_arena, flows * sizeof(struct flow_hot), ARENA_DENSE, error) &&
           arena_map(&cache->hot6_arena, flows * sizeof(struct flow_hot6), ARENA_DENSE, error) &&
           arena_map(&cache->cold_arena, flows * sizeof(struct flow_cold), ARENA_DENSE, error) &&
           arena_map(&cache->extra_arena, flows * sizeof(struct flow_extra), ARENA_SPARSE, error) &&
           arena_map(&cache->free_arena, flows * sizeof(uint32_t), ARENA_SPARSE, error) &&
           arena_map(&cache->summary_arena, cache->group_count, ARENA_SPARSE, error);
}

struct flow_cache *flow_table_create(uint32_t flows_max, struct error *error)
{
    struct flow_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        error_set(error, "no memory for a flow cache");
        return NULL;
    }
    uint64_t buckets = bucket_count_for(flows_max);
    cache->flows_max = flows_max;
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
    return cache;
}

bool flow_ids_map(struct arena *arena, uint32_t flows_max, struct error *error)
{
    return arena_map(arena, flows_max * sizeof(uint64_t), ARENA_DENSE, error);
}

bool flow_table_populate(struct flow_cache *table, struct error *error)
{
    uint64_t flows = table->flows_max;
    uint64_t buckets = (table->bucket_mask + 1) * sizeof *table->buckets;
    return arena_populate(&table->bucket_arena, buckets, error) &&
           arena_populate(&table->hot_arena, flows * sizeof *table->hot, error) &&
           arena_populate(&table->hot6_arena, flows * sizeof *table->hot6, error) &&
           arena_populate(&table->cold_arena, flows * sizeof *table->cold, error);
}

void flow_set_timeouts(struct flow_cache *cache, const struct flow_cache_config *config)
{
    cache->active_ns = config->active_timeout_ns && config->active_timeout_ns < FLOW_NEVER_NS
                           ? config->active_timeout_ns
                           : FLOW_NEVER_NS;
    cache->idle_ns = config->idle_timeout_ns && config->idle_timeout_ns < FLOW_NEVER_NS
                         ? config->idle_timeout_ns
                         : FLOW_NEVER_NS;
    cache->linger_ns =
        config->tcp_linger_ns < FLOW_NEVER_NS ? config->tcp_linger_ns : FLOW_NEVER_NS;
}

struct flow_cache *flow_cache_create(const struct flow_cache_config *config, struct error *error)
{
    check(config->flows_max >= 1 && config->ring && config->ledger);
    struct flow_cache *cache = flow_table_create(config->flows_max, error);
    if (!cache)
        return NULL;
    flow_set_timeouts(cache, config);
    cache->lookup = flow_lookup_for(simd_choose());
    memcpy(cache->hash_key.word, config->hash_seed, sizeof cache->hash_key.word);
    cache->several_ports = config->several_ports;
    cache->applications = config->applications;
    cache->snapshot = config->snapshot;
    cache->ring = config->ring;
    cache->ledger = config->ledger;
    cache->local = config->local;
    cache->watch = config->watch;
    cache->listed = config->listed;
    memcpy(cache->egress_ports, config->egress_ports, sizeof cache->egress_ports);
    cache->worker = config->worker;
    cache->names = config->names;
    if ((config->snapshot && !flow_ids_map(&cache->ids_arena, config->flows_max, error)) ||
        (flow_wants_names(config) && !(cache->pool = name_pool_create(config->flows_max, error))) ||
        !flow_admission_open(cache, config, error) ||
        !flow_kernel_open(cache, &config->kernel, error)) {
        flow_cache_destroy(cache);
        return NULL;
    }
    cache->ids = cache->ids_arena.memory;
    return cache;
}

bool flow_cache_populate(struct flow_cache *cache, struct error *error)
{
    return flow_table_populate(cache, error) &&
           (!cache->ids || arena_populate(&cache->ids_arena, cache->ids_arena.size, error));
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
    arena_unmap(&cache->ids_arena);
    arena_unmap(&cache->free_arena);
    arena_unmap(&cache->summary_arena);
    name_pool_destroy(cache->pool);
    flow_admission_close(cache);
    flow_kernel_close(cache);
    free(cache);
}

const struct flow_lookup *flow_lookup_for(enum simd_level level)
{
    extern const struct flow_lookup flow_lookup_scalar;
#if defined(__x86_64__)
    extern const struct flow_lookup flow_lookup_sse, flow_lookup_avx2, flow_lookup_avx512;
    static const struct flow_lookup *const variants[SIMD_LEVELS] = {
        &flow_lookup_scalar, &flow_lookup_sse, &flow_lookup_avx2, &flow_lookup_avx512};
    return variants[level];
#elif defined(__aarch64__)
    extern const struct flow_lookup flow_lookup_neon;
    return level == SIMD_SCALAR ? &flow_lookup_scalar : &flow_lookup_neon;
#else
    (void)level;
    return &flow_lookup_scalar;
#endif
}

void flow_cache_announce(struct flow_cache *cache, const struct packet_facts *facts, uint32_t first,
                         uint32_t count)
{
    cache->lookup->announce(cache, facts, first, count);
}

void flow_cache_update_announced(struct flow_cache *cache, const struct packet_batch *batch,
                                 const struct packet_facts *facts, uint64_t selected,
                                 struct flow_ref *refs, uint64_t *flow_ids)
{
    cache->lookup->update(cache, batch, facts, selected, refs, flow_ids);
}

void flow_cache_update_batch(struct flow_cache *cache, const struct packet_batch *batch,
                             const struct packet_facts *facts, uint64_t selected,
                             struct flow_ref *refs)
{
    cache->lookup->announce(cache, facts, 0, batch->count);
    cache->lookup->update(cache, batch, facts, selected, refs, NULL);
}

bool flow_is_record_of(const struct flow_cache *cache, const struct flow_ref *ref,
                       const struct packet_facts *facts)
{
    if (!flow_ref_is_record(ref))
        return false;
    const struct flow_hot *hot = &cache->hot[ref->index];
    bool six = facts->key.family == 6;
    return six == ((flow_state(hot) & FLOW_STATE_IPV6) != 0) &&
           memcmp(&hot->key, &facts->key.head, sizeof hot->key) == 0 &&
           (!six || memcmp(&cache->hot6[ref->index], facts->key.address6_a, 32) == 0);
}

bool flow_cache_sought(const struct flow_cache *cache, const struct flow_ref *ref,
                       const struct packet_facts *facts, struct flow_sought *sought)
{
    return flow_cache_identify(cache, ref, facts, sought) &&
           (flow_state(&cache->hot[ref->index]) & FLOW_STATE_APP_PENDING);
}

bool flow_cache_identify(const struct flow_cache *cache, const struct flow_ref *ref,
                         const struct packet_facts *facts, struct flow_sought *sought)
{
    if (!flow_is_record_of(cache, ref, facts))
        return false;
    unsigned state = flow_state(&cache->hot[ref->index]);
    const struct flow_cold *cold = &cache->cold[ref->index];
    sought->flow_id = cold->flow_id;
    sought->initiator = (state & FLOW_STATE_INITIATOR_B) != 0;
    sought->initiator_seen = (cold->marks & FLOW_MARK_INITIATOR_SEEN) != 0;
    sought->start_known = sought->initiator_seen &&
                          !(state & (sought->initiator ? FLOW_STATE_FIN_B : FLOW_STATE_FIN_A));
    sought->start = cold->fin_end[sought->initiator];
    sought->application = cold->application;
    sought->name_types =
        flow_has_names(cache, ref->index) ? cache->extra[ref->index].name_types : 0;
    return true;
}

uint16_t flow_cache_application(const struct flow_cache *cache, const struct flow_ref *ref,
                                const struct packet_facts *facts)
{
    return flow_is_record_of(cache, ref, facts) ? cache->cold[ref->index].application : 0;
}

void flow_cache_adopt_application(struct flow_cache *cache, const struct flow_ref *ref,
                                  uint16_t application, const struct packet_facts *facts)
{
    if (application == 0 || !flow_is_record_of(cache, ref, facts))
        return;
    struct flow_cold *cold = &cache->cold[ref->index];
    if ((application & FLOW_APPLICATION_BY_CONTENT) ||
        !(cold->application & FLOW_APPLICATION_BY_CONTENT))
        cold->application = application;
}

void flow_cache_set_application(struct flow_cache *cache, const struct flow_ref *ref,
                                uint16_t application)
{
    cache->cold[ref->index].application = application;
}

void flow_cache_settle_application(struct flow_cache *cache, const struct flow_ref *ref)
{
    cache->hot[ref->index].flags_state &= ~((uint32_t)FLOW_STATE_APP_PENDING << 24);
}

void flow_cache_settle_snapshot(struct flow_cache *cache, const struct flow_ref *ref,
                                const struct packet_facts *facts)
{
    if (flow_is_record_of(cache, ref, facts))
        cache->hot[ref->index].flags_state &= ~((uint32_t)FLOW_STATE_SNAPSHOT_PENDING << 24);
}

uint32_t flow_cache_batch_lines(const struct flow_cache *cache, uint32_t count)
{
    /* A packet may end its own record and push out another; padding once per trip of the ring. */
    uint32_t lines = cache->pool ? FLOW_ELEMENT_LINES_MAX : FLOW_RECORD_LINES_MAX;
    return count * 2 * lines + lines;
}

struct ledger_pair flow_cache_walk(const struct flow_cache *cache)
{
    struct ledger_pair sum = {0, 0};
    if (cache->older)
        sum = flow_cache_walk(cache->older);
    if (cache->admission.retired)
        aggregate_table_walk(cache->admission.retired, &sum);
    if (cache->admission.level2.aggregates)
        aggregate_table_walk(cache->admission.level2.aggregates, &sum);
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
    return flow_table_flows(cache) + (cache->older ? flow_table_flows(cache->older) : 0);
}

const struct flow_cache_counters *flow_cache_counters(const struct flow_cache *cache)
{
    return &cache->counters;
}

/* The smallest pages of any table that every packet reads, so that no more is said than is true. */
static enum arena_backing weakest_backing(const struct flow_cache *cache)
{
    enum arena_backing weakest = cache->hot_arena.backing;
    if (cache->bucket_arena.backing > weakest)
        weakest = cache->bucket_arena.backing;
    if (cache->hot6_arena.backing > weakest)
        weakest = cache->hot6_arena.backing;
    return cache->cold_arena.backing > weakest ? cache->cold_arena.backing : weakest;
}

size_t flow_cache_memory(const struct flow_cache *cache, const char **backing)
{
    if (backing)
        *backing = arena_backing_name(weakest_backing(cache));
    size_t older = cache->older ? flow_cache_memory(cache->older, NULL) : 0;
    return older + cache->bucket_arena.size + cache->hot_arena.size + cache->hot6_arena.size +
           cache->cold_arena.size + cache->extra_arena.size + cache->free_arena.size +
           cache->summary_arena.size + cache->admission.level2.seen_arena.size +
           cache->kernel.place_arena.size + cache->kernel.slot_arena.size +
           name_pool_memory(cache->pool);
}
