/*
 * The flow cache against the reference cache while its configuration changes: timeouts, flood
 * policy and size, at random moments, the size with records of two tables under way. The seed
 * reproduces a failure:
 *   change_property --seeds 17-17 --verbose
 * Exact where the rule is: new timeouts after a sweep of the whole table, another size at any time,
 * evictions too if they are told to the reference. Else by sums of each key.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cache_harness.h"
#include "flow/flow_change.h"
#include "sim/seeds.h"

enum { NS_PER_MS = 1000000, ROOMY = 4096 };
static const uint64_t second = 1000000000;

struct scenario {
    const char *name;
    enum plain_compare compare;
    bool timeouts; /* change, after a sweep of the whole table if EXACT */
    bool size;     /* changes, between ROOMY and four times that, or if TINY below 100 */
    bool tiny;
    bool told;      /* batches of one, evictions told to the reference */
    bool full_ring; /* the smallest ring, seldom drained */
    bool levels;    /* the flood policy changes as well */
};

static const struct scenario scenarios[] = {
    {.name = "timeouts", .timeouts = true},
    {.name = "size", .size = true},
    {.name = "size and timeouts", .size = true, .timeouts = true},
    {.name = "size, evictions told", .size = true, .tiny = true, .told = true},
    {.name = "all, tiny cache",
     .size = true,
     .timeouts = true,
     .tiny = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "all, tiny cache, full ring",
     .size = true,
     .timeouts = true,
     .tiny = true,
     .full_ring = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "all and flood policy",
     .size = true,
     .timeouts = true,
     .tiny = true,
     .levels = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "all and flood policy, full ring",
     .size = true,
     .timeouts = true,
     .tiny = true,
     .levels = true,
     .full_ring = true,
     .compare = PLAIN_SUMS_BY_KEY},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

struct run {
    const struct scenario *scenario;
    struct random random;
    struct harness harness;
    struct traffic traffic;
    struct flow_cache_config config;  /* in force */
    struct flow_cache_change *change; /* under way */
    uint32_t changes;
    bool failed;
};

static uint64_t pick_timeout(struct random *random)
{
    static const uint64_t choices[] = {0, 1, 10, 500, 1000, 2000, 15000, 60000};
    return choices[random_below(random, 8)] * NS_PER_MS;
}

static void draw_timeouts(struct run *run)
{
    struct random *random = &run->random;
    run->config.active_timeout_ns = run->scenario->told ? 0 : pick_timeout(random);
    run->config.idle_timeout_ns = pick_timeout(random);
    run->config.tcp_linger_ns = pick_timeout(random);
}

static void draw_size(struct run *run)
{
    run->config.flows_max = run->scenario->tiny
                                ? (uint32_t)random_between(&run->random, 1, 100)
                                : (uint32_t)random_between(&run->random, ROOMY, 4 * ROOMY);
}

static void draw_levels(struct run *run)
{
    struct random *random = &run->random;
    struct flood_policy *flood = &run->config.flood;
    flood->level1 = random_chance(random, 70);
    flood->enter_percent = (uint32_t)random_between(random, 1, 99);
    flood->leave_percent = (uint32_t)random_below(random, flood->enter_percent);
    flood->short_idle_ns = random_between(random, 1, 3000) * NS_PER_MS;
    flood->new_flows_per_s = random_chance(random, 70) ? random_between(random, 1, 1000) : 0;
    flood->ipv4_prefix_length = random_chance(random, 50) ? 24 : 16;
    flood->ipv6_prefix_length = 48;
}

static void open_run(struct run *run)
{
    struct random *random = &run->random;
    draw_timeouts(run);
    draw_size(run);
    if (run->scenario->levels)
        draw_levels(run);
    run->config.several_ports = random_chance(random, 50);
    for (unsigned i = 0; i < 4; i++)
        run->config.hash_seed[i] = random_next(random);
    struct traffic_config traffic = {
        .conversations = (uint32_t)random_between(random, 1, random_chance(random, 50) ? 40 : 1500),
        .kinds = (uint32_t)random_between(random, 1, (1 << TALK_KINDS) - 1),
        .ipv6 = 30,
        .skew = (unsigned)random_below(random, 4),
        .labels = (unsigned)random_below(random, 2) * 20,
        .start_ns = 1700000000 * second + random_below(random, 10 * second),
        .step_ns = (uint64_t)1 << random_between(random, 8, 27),
        .edges = {run->config.active_timeout_ns, run->config.idle_timeout_ns,
                  run->config.tcp_linger_ns},
        .edge = (unsigned)random_below(random, 60),
    };
    traffic_open(&run->traffic, &traffic, random_next(random));
    harness_open(&run->harness, &run->config, run->scenario->full_ring ? 1 : 1 << 16);
    run->harness.auto_drain = !run->scenario->full_ring;
    run->harness.evictions_told = run->scenario->told;
    if (random_chance(random, 80))
        harness_sweep(&run->harness, run->traffic.now_ns, false);
}

/* Sweeps the whole table, so that nobody can tell when it was swept. */
static void sweep_all(struct run *run)
{
    uint64_t now = run->harness.newest_ns + second;
    harness_sweep(&run->harness, run->harness.newest_ns, false); /* the first one begins time */
    harness_sweep(&run->harness, now, true);
    run->traffic.now_ns = now;
}

static void begin_change(struct run *run)
{
    struct harness *harness = &run->harness;
    struct error error = {""};
    uint32_t before = run->config.flows_max;
    if (run->scenario->size)
        draw_size(run);
    if (run->scenario->timeouts) {
        if (run->scenario->compare == PLAIN_EXACT)
            sweep_all(run);
        draw_timeouts(run);
    }
    if (run->scenario->levels && random_chance(&run->random, 70))
        draw_levels(run);
    run->change = flow_cache_change_create(harness->cache, &run->config, &error);
    check(run->change != NULL);
    flow_cache_take_change(harness->cache, run->change);
    const struct reference_config timeouts = {
        run->config.active_timeout_ns, run->config.idle_timeout_ns, run->config.tcp_linger_ns};
    reference_set_timeouts(harness->reference, &timeouts);
    /* With a full ring nothing can make room, but there is memory for both. */
    uint32_t after = run->config.flows_max;
    harness->config.flows_max = run->scenario->full_ring ? before + after
                                : before > after         ? before
                                                         : after;
    run->changes++;
}

static void follow_change(struct run *run, unsigned steps)
{
    struct harness *harness = &run->harness;
    for (unsigned i = 0; run->change && i < steps; i++) {
        bool more = flow_cache_step_change(harness->cache);
        if (harness->auto_drain)
            harness_drain(harness);
        if (more)
            continue;
        run->failed |= flow_cache_is_changing(harness->cache);
        flow_cache_change_free(run->change);
        run->change = NULL;
        harness->config.flows_max = run->config.flows_max;
        harness->flows_peak = flow_cache_flows(harness->cache);
    }
}

static void between_batches(struct run *run)
{
    struct random *random = &run->random;
    struct harness *harness = &run->harness;
    if (random_chance(random, 30))
        harness_sweep(harness, harness->newest_ns, false);
    follow_change(run, (unsigned)random_below(random, 3));
    if (!harness->auto_drain && random_chance(random, 5))
        harness_drain(harness);
    if (random_chance(random, 3) && !run->scenario->full_ring)
        harness_check(harness);
    if (!run->change && random_chance(random, 3))
        begin_change(run);
}

static void feed(struct run *run)
{
    struct random *random = &run->random;
    uint32_t packets = (uint32_t)random_between(random, 1, 6000);
    uint32_t batch = 1, batch_max = run->scenario->told ? 1 : 64;
    for (uint32_t n = 0; n < packets; n++) {
        struct plain_packet packet;
        traffic_next(&run->traffic, &packet);
        harness_add(&run->harness, &packet);
        if (run->harness.batch.count < batch)
            continue;
        harness_run_batch(&run->harness);
        between_batches(run);
        batch = (uint32_t)random_between(random, 1, batch_max);
    }
}

static bool run_seed(uint64_t seed, bool verbose)
{
    static struct run run;
    memset(&run, 0, sizeof run);
    run.random.state = seed * 0x2545f4914f6cdd1dull;
    run.scenario = &scenarios[seed % SCENARIOS];
    open_run(&run);
    feed(&run);
    char name[80];
    snprintf(name, sizeof name, "seed %" PRIu64 " (%s)", seed, run.scenario->name);
    bool good =
        harness_finish(&run.harness, run.harness.newest_ns + second, run.scenario->compare, name) &&
        !run.failed;
    good &= !flow_cache_is_changing(run.harness.cache);
    if (verbose || !good)
        printf("%s: %s, %" PRIu64 " packets, %" PRIu64 " dropped, %" PRIu64
               " records, %u changes%s\n",
               name, good ? "good" : "BAD", run.harness.given, run.harness.dropped,
               run.harness.drained, run.changes, run.change ? ", one cut short" : "");
    harness_close(&run.harness);
    flow_cache_change_free(run.change);
    traffic_close(&run.traffic);
    return good;
}

int main(int argc, char **argv)
{
    return seeds_main(argc, argv, run_seed);
}
