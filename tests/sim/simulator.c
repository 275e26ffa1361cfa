/*
 * The simulator: a whole probe under a virtual clock, stepped in an order that the seed draws, with
 * faults. After each run the ledger must balance at every cut and at the end, and the records that
 * left must be those of the reference caches. One seed reproduces a run:
 *   simulator --seeds 17 --verbose
 *
 * Faults: out-of-order times; the wall clock stepping back and forth; record rings that are full
 * because the exporter sleeps; collectors that are full, refuse, fail or break; tiny caches, rings
 * and queues; lost packets of a device; a stop in the middle; a stop that is cut short; a flood
 * policy whose levels come and go; copies of packets on other ports, of which none may be metered;
 * changes of a worker's configuration. Collectors come, go and change while the run goes on. Some
 * workers have several caches, each with its reference.
 * Some destinations merge records that differ in the client's port.
 *
 * What is compared: see sim/reference_cache.h. Exactly, if packets were in order or late without
 * crossing a deadline and nothing was evicted; by sums of each key, if records depend on the phase
 * of the sweep or on evictions; by totals, if some are prefix aggregates or were merged; by numbers
 * alone, if packets were dropped or records were lost. New timeouts make records depend on the
 * phase of the sweep.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/seeds.h"
#include "sim/sim_change.h"
#include "sim/sim_spool.h"
#include "sim/sim_world.h"

static const uint64_t ns_per_ms = 1000000;

static struct sim_plan draw_plan(struct random *random)
{
    struct sim_plan plan = {
        .workers = (uint32_t)random_between(random, 1, SIM_WORKERS_MAX),
        .sources = (uint32_t)random_between(random, 1, SIM_SOURCES_MAX),
        .collectors = (uint32_t)random_below(random, SIM_COLLECTORS_MAX),
        .offline = random_chance(random, 50),
        .late_anyhow = random_chance(random, 25),
        .tiny_cache = random_chance(random, 20),
        .tiny_ring = random_chance(random, 30),
        .tiny_queues = random_chance(random, 30),
        .timeouts = {sim_draw_timeout(random), sim_draw_timeout(random), sim_draw_timeout(random)},
    };
    plan.flows_max = plan.tiny_cache ? (uint32_t)random_between(random, 1, 60) : 8192;
    plan.ring_lines = plan.tiny_ring ? 1 : 1 << 14;
    plan.queue_octets = plan.tiny_queues ? (uint32_t)random_between(random, 1, 200000) : 1 << 22;
    if (random_chance(random, 25))
        plan.flood = sim_draw_flood(random);
    for (unsigned c = 0; c < SIM_COLLECTORS_MAX; c++) {
        if (random_chance(random, 40))
            continue;
        plan.moods[c].again = (unsigned)random_below(random, 3) * 30;
        plan.moods[c].refused = random_chance(random, 30) ? 10 : 0;
        plan.moods[c].failed = random_chance(random, 30) ? 5 : 0;
        plan.moods[c].broken = random_chance(random, 10) ? 1 : 0;
        if (random_chance(random, 10))
            plan.moods[c] = (struct sim_mood){.again = 100};
        else if (random_chance(random, 30))
            plan.moods[c] = (struct sim_mood){.again = plan.moods[c].again,
                                              .broken = plan.moods[c].broken,
                                              .sessions = true,
                                              .leaves = (unsigned)random_below(random, 30),
                                              .returns = random_chance(random, 50) ? 50 : 2};
    }
    if (random_chance(random, 50))
        plan.spool = random_chance(random, 30) ? SIM_SPOOL_SMALL : SIM_SPOOL_LARGE;
    plan.seed = random_next(random);
    for (unsigned c = 0; c < SIM_COLLECTORS_MAX; c++) {
        plan.moods[c].topic = plan.moods[c].sessions && random_chance(random, 50);
        if (plan.moods[c].topic) {
            plan.moods[c].broken = 0;
            plan.moods[c].failed = random_chance(random, 30) ? 10 : 0;
        }
    }
    return plan;
}

/* One event of a run. */
static void event(struct sim_world *world, unsigned exporter_share)
{
    struct random *random = &world->random;
    uint64_t draw = random_below(random, 100);
    uint32_t number = (uint32_t)random_below(random, world->plan.workers);
    if (world->plan.changes && random_chance(random, world->plan.changes)) {
        sim_reconfigure(world, number);
    } else if (draw < exporter_share) {
        sim_step_exporter(world);
    } else if (draw < 90) {
        sim_step_worker(world, number, random_below(random, 100));
    } else if (draw < 94) {
        sim_step_cut(world);
    } else if (draw < 97) {
        struct sim_worker *w = &world->workers[number];
        uint64_t reason = random_between(random, DROPPED_DEVICE_MISSED, DROPPED_COUNT - 1);
        w->sources[0].device_losses[reason].packets += random_below(random, 1000);
    } else if (draw < 99 || world->plan.offline) {
        world->wall_ns += random_below(random, 3) * 10000 * ns_per_ms; /* silence */
    } else {
        uint64_t jump = random_between(random, 1, 100000) * ns_per_ms;
        sim_step_clock(world,
                       random_chance(random, 50) ? world->wall_ns + jump : world->wall_ns - jump);
    }
    world->monotonic_ns += random_below(random, 20 * ns_per_ms);
    world->wall_ns += random_below(random, 20 * ns_per_ms);
    sim_step_change(world);
}

static bool run_seed(uint64_t seed, bool verbose)
{
    static struct sim_world world;
    struct random random = {seed * 0x2545f4914f6cdd1dull};
    struct sim_plan plan = draw_plan(&random);
    plan.copies = seed % 3 == 0 ? 30 : 0;
    plan.changes = seed % 2 == 0 ? (unsigned)random_between(&random, 1, 10) : 0;
    plan.others = seed % 5 < 2 ? (unsigned)random_between(&random, 1, SIM_OTHERS_MAX) : 0;
    sim_world_open(&world, &plan);
    sim_change_open(&world, seed);
    uint64_t events = random_between(&random, 1, 250);
    unsigned exporter_share = (unsigned)random_below(&random, 4) * 10;
    for (uint64_t i = 0; i < events && !world.failed; i++)
        event(&world, exporter_share);
    bool abandon = random_chance(&random, 10);
    sim_finish(&world, abandon);
    char name[40];
    const char *how = "";
    snprintf(name, sizeof name, "seed %" PRIu64, seed);
    static struct exporter_counters exported;
    exporting_process_counters(world.exporter, &exported);
    bool good = sim_compare(&world, name, &how);
    sim_spool_check(&world, &exported, abandon);
    good = good && !world.failed;
    if (verbose || !good) {
        uint64_t observed = 0;
        uint64_t metered = 0;
        uint32_t changes = 0;
        for (uint32_t w = 0; w < plan.workers; w++) {
            changes += world.workers[w].changes;
            observed += world.workers[w].feed.observed;
            metered += world.workers[w].feed.metered;
        }
        printf(
            "%s: %s, %s, %u workers, %u collectors,%s%s%s%s%s%s%s%s%s %u caches, %u and %" PRIu64
            " changes, %" PRIu64 " packets, %" PRIu64 " metered, %" PRIu64 " cuts, compared: %s\n",
            name, good ? "good" : "BAD", plan.offline ? "offline" : "live", plan.workers,
            plan.collectors, plan.late_anyhow ? " late," : "",
            plan.tiny_cache ? " tiny cache," : "", plan.tiny_ring ? " tiny ring," : "",
            plan.tiny_queues ? " tiny queues," : "", plan.flood.level1 ? " level 1," : "",
            plan.flood.new_flows_per_s ? " level 2," : "", plan.copies ? " copies," : "",
            exporter_share == 0 ? " lazy exporter," : "", abandon ? " abandoned," : "",
            plan.others + 1, changes, exported.changes, observed, metered, world.cuts_checked, how);
    }
    sim_world_close(&world);
    return good;
}

int main(int argc, char **argv)
{
    return seeds_main(argc, argv, run_seed);
}
