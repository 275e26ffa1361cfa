/* Changes of a simulated worker's configuration while packets flow. */
#include "base/check.h"
#include "sim_world.h"

static const uint64_t ns_per_ms = 1000000;

uint64_t sim_draw_timeout(struct random *random)
{
    static const uint64_t choices[] = {0, 10, 500, 1000, 2000, 5000, 15000, 60000};
    return choices[random_below(random, 8)] * ns_per_ms;
}

struct flood_policy sim_draw_flood(struct random *random)
{
    struct flood_policy flood = {.level1 = random_chance(random, 70)};
    flood.enter_percent = (uint32_t)random_between(random, 1, 99);
    flood.leave_percent = (uint32_t)random_below(random, flood.enter_percent);
    flood.short_idle_ns = random_between(random, 1, 3000) * ns_per_ms;
    flood.new_flows_per_s = random_chance(random, 70) ? random_between(random, 1, 500) : 0;
    flood.ipv4_prefix_length = (uint8_t)random_between(random, 0, 32);
    flood.ipv6_prefix_length = (uint8_t)random_between(random, 0, 128);
    return flood;
}

static uint32_t draw_size(struct sim_world *world)
{
    struct random *random = &world->random;
    return world->plan.tiny_cache ? (uint32_t)random_between(random, 1, 60)
                                  : (uint32_t)random_between(random, 4096, 16384);
}

/* Other timeouts, another size and, where records may be aggregates, another policy for floods. */
static void draw_cache(struct sim_world *world, struct sim_worker *w, unsigned c,
                       struct flow_cache_config *config)
{
    struct random *random = &world->random;
    if (random_chance(random, 30)) {
        const struct reference_config timeouts = {
            sim_draw_timeout(random), sim_draw_timeout(random), sim_draw_timeout(random)};
        config->active_timeout_ns = timeouts.active_timeout_ns;
        config->idle_timeout_ns = timeouts.idle_timeout_ns;
        config->tcp_linger_ns = timeouts.tcp_linger_ns;
        reference_set_timeouts(c ? w->feed.others[c - 1] : w->feed.reference, &timeouts);
        w->retimed = true;
    }
    if (random_chance(random, 60))
        config->flows_max = draw_size(world);
    if (world->plan.flood.new_flows_per_s && random_chance(random, 50))
        config->flood =
            random_chance(random, 30) ? (struct flood_policy){0} : sim_draw_flood(random);
}

/* What packets are metered; the feed decides alike from the next packet on. */
static void draw_selection(struct sim_world *world, struct sim_worker *w,
                           struct worker_config *config)
{
    struct random *random = &world->random;
    if (random_chance(random, 30)) {
        const struct {
            const struct packet_filter *filter;
            uint32_t length_min;
        } filters[] = {
            {NULL, 0}, {world->filter, world->filter ? 100 : 0}, {world->other_filter, 300}};
        unsigned choice = (unsigned)random_below(random, 3);
        config->filter = filters[choice].filter;
        w->feed.wire_length_min = filters[choice].length_min;
        /* An original that was left out is none any more. */
        for (unsigned i = 0; i < SIM_ORIGINALS; i++)
            w->feed.originals[i].ports = 0;
    }
    if (random_chance(random, 30))
        config->ignore = w->feed.ignore = random_chance(random, 50) ? world->ignore : NULL;
    if (random_chance(random, 30)) {
        uint32_t interval = (uint32_t)random_between(random, 1, 10);
        if (interval != w->feed.sampling)
            w->feed.sampling_position = 0;
        config->sampling_interval = w->feed.sampling = interval;
    }
    if (world->plan.copies && random_chance(random, 30))
        config->duplicate_window_ns = w->feed.window_ns * random_between(random, 1, 5);
}

/* The most flows that a cache may hold until the change has finished. With a full ring nothing can
 * make room, but there is memory for both tables. */
static uint32_t bound_of(const struct sim_world *world, const struct worker_config *before,
                         const struct worker_config *after)
{
    uint32_t bound = 0;
    for (uint32_t c = 0; c < after->cache_count; c++) {
        uint32_t a = before->caches[c].flows_max, b = after->caches[c].flows_max;
        uint32_t own = world->plan.tiny_ring ? a + b : a > b ? a : b;
        bound = own > bound ? own : bound;
    }
    return bound;
}

void sim_settle_reconfiguration(struct sim_world *world, uint32_t number)
{
    struct sim_worker *w = &world->workers[number];
    if (!w->change || !worker_change_finished(w->change))
        return;
    worker_change_free(w->change);
    w->change = NULL;
    w->flows_bound = 0;
    for (uint32_t c = 0; c < w->config.cache_count; c++)
        if (w->config.caches[c].flows_max > w->flows_bound)
            w->flows_bound = w->config.caches[c].flows_max;
}

void sim_reconfigure(struct sim_world *world, uint32_t number)
{
    struct sim_worker *w = &world->workers[number];
    struct worker_config config = w->config;
    struct error error = {""};
    if (w->change)
        return;
    for (uint32_t c = 0; c < config.cache_count; c++)
        draw_cache(world, w, c, &config.caches[c]);
    draw_selection(world, w, &config);
    w->change = worker_prepare_change(w->worker, &config, &error);
    check(w->change != NULL);
    w->flows_bound = bound_of(world, &w->config, &config);
    w->config = config;
    w->changes++;
    worker_submit_change(w->worker, w->change);
    uint64_t now = world->plan.offline ? 0 : world->wall_ns;
    worker_step(w->worker, now);
    if (now > w->feed.known_ns)
        w->feed.known_ns = now;
    if (!worker_change_taken(w->change))
        sim_fail(world, "a change was not taken at once");
    sim_settle_reconfiguration(world, number);
}
