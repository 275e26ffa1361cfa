/* Puts a new configuration of a flow cache into force. See flow_change.h; records move to a table
 * of another size in flow_resize.c. */
#include "flow/flow_change.h"

#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache_private.h"

enum { AGGREGATES_AT_ONCE = 64 };

struct flow_cache_change {
    struct flow_cache_config config;
    struct flow_cache *table; /* of the new size, later the older one; NULL: same size */
    bool other_aggregates;    /* the next two replace those of the cache, or are put away */
    struct flow_level2 level2;
    struct arena ids_arena;    /* if packets are kept from now on in a table that has no ids */
    struct name_pool *pool;    /* if records carry names from now on; NULL: none is needed */
    struct arena kernel_arena; /* if flows that the kernel may count move to TABLE */
};

/* ---- control thread ---- */

static bool make_level2(struct flow_cache_change *change, const struct flow_cache *cache,
                        struct error *error)
{
    const struct flood_policy *old = &cache->admission.policy, *new = &change->config.flood;
    bool had = cache->admission.level2.aggregates != NULL, wanted = new->new_flows_per_s != 0;
    bool same = old->ipv4_prefix_length == new->ipv4_prefix_length &&
                old->ipv6_prefix_length == new->ipv6_prefix_length;
    change->other_aggregates = had != wanted || (wanted && !same);
    return !wanted || !change->other_aggregates ||
           flow_level2_open(&change->level2, cache, &change->config, error);
}

struct flow_cache_change *flow_cache_change_create(const struct flow_cache *cache,
                                                   const struct flow_cache_config *config,
                                                   struct error *error)
{
    check(config->flows_max >= 1 && !cache->older && !cache->admission.retired);
    struct flow_cache_change *change = calloc(1, sizeof *change);
    if (!change) {
        error_set(error, "no memory for a change of a flow cache");
        return NULL;
    }
    change->config = *config;
    memcpy(change->config.hash_seed, cache->hash_key.word, sizeof change->config.hash_seed);
    bool good = make_level2(change, cache, error);
    if (good && config->flows_max != cache->flows_max) {
        change->table = flow_table_create(config->flows_max, error);
        good = change->table && flow_table_populate(change->table, error) &&
               (!cache->kernel.config.table ||
                flow_kernel_map_slots(&change->kernel_arena, config->flows_max, error));
    }
    if (good && flow_wants_names(config) && (change->table || !cache->pool)) {
        change->pool = name_pool_create(config->flows_max, error);
        good = change->pool != NULL;
    }
    if (good && config->snapshot && (change->table || !cache->ids))
        good = flow_ids_map(&change->ids_arena, config->flows_max, error);
    if (!good) {
        flow_cache_change_free(change);
        return NULL;
    }
    return change;
}

void flow_cache_change_free(struct flow_cache_change *change)
{
    if (!change)
        return;
    flow_cache_destroy(change->table);
    flow_level2_close(&change->level2);
    name_pool_destroy(change->pool);
    arena_unmap(&change->ids_arena);
    arena_unmap(&change->kernel_arena);
    free(change);
}

/* ---- worker thread ---- */

/* Aggregates of the other policy leave in steps; those of the new one begin with none. */
static void change_level2(struct flow_cache *cache, struct flow_cache_change *change)
{
    struct flow_admission *admission = &cache->admission;
    struct flow_level2 left = admission->level2;
    if (!change->other_aggregates)
        return;
    admission->level2 = change->level2;
    change->level2 = left;
    admission->retired = left.aggregates;
    if (left.aggregates) {
        cache->counters.flood.aggregates += aggregate_table_started(left.aggregates);
        cache->counters.flood.aggregates_evicted += aggregate_table_evicted(left.aggregates);
    }
    if (admission->level2.aggregates)
        aggregate_table_attach(admission->level2.aggregates, cache->counters.ended);
    else
        admission->aggregating = false;
}

static void change_policy(struct flow_cache *cache, struct flow_cache_change *change)
{
    struct flow_admission *admission = &cache->admission;
    admission->policy = change->config.flood;
    admission->linger_ns = cache->linger_ns;
    if (!admission->policy.level1)
        admission->short_idle = false;
    if (admission->short_idle)
        cache->linger_ns = 0;
    admission->window_ns = 0; /* the rate is measured anew */
    change_level2(cache, change);
    if (admission->level2.aggregates)
        aggregate_table_set_timeouts(admission->level2.aggregates, cache->idle_ns,
                                     cache->active_ns);
}

void flow_cache_take_change(struct flow_cache *cache, struct flow_cache_change *change)
{
    flow_set_timeouts(cache, &change->config);
    cache->applications = change->config.applications;
    cache->snapshot = change->config.snapshot;
    cache->names = change->config.names;
    cache->local = change->config.local;
    cache->watch = change->config.watch;
    memcpy(cache->egress_ports, change->config.egress_ports, sizeof cache->egress_ports);
    cache->several_ports = change->config.several_ports;
    change_policy(cache, change);
    cache->kernel.config.packets_min = change->config.kernel.packets_min;
    flow_kernel_set_margin(cache);
    /* Records are due by the timeouts of before: one pass looks at all of them. What was not over
     * until now cannot have been late. */
    cache->changed_ns = cache->now_ns;
    cache->admission.blind_end = cache->swept + cache->group_count;
    if (change->ids_arena.memory) {
        struct flow_cache *table = change->table ? change->table : cache;
        table->ids_arena = change->ids_arena;
        table->ids = table->ids_arena.memory;
        change->ids_arena.memory = NULL;
    }
    if (change->pool) {
        (change->table ? change->table : cache)->pool = change->pool;
        change->pool = NULL;
    }
    if (change->kernel_arena.memory)
        flow_kernel_resize(cache, &change->kernel_arena);
    if (change->table)
        flow_resize_begin(cache, change->table);
}

bool flow_cache_may_take_change(struct flow_cache *cache, const struct flow_cache_change *change)
{
    return !change->kernel_arena.memory || flow_kernel_withdraw(cache);
}

bool flow_cache_is_changing(const struct flow_cache *cache)
{
    const struct flow_kernel *kernel = &cache->kernel;
    return cache->older || cache->admission.retired ||
           (kernel->config.table && kernel->recalled < kernel->config.table->geometry.slots);
}

bool flow_cache_step_change(struct flow_cache *cache)
{
    struct flow_admission *admission = &cache->admission;
    if (admission->retired && aggregate_table_flush_part(admission->retired, cache->now_ns,
                                                         FLOW_END_FORCED, AGGREGATES_AT_ONCE))
        admission->retired = NULL;
    if (cache->older)
        flow_resize_step(cache);
    flow_kernel_recall_step(cache);
    return flow_cache_is_changing(cache);
}
