/*
 * The flow cache against the reference cache under seeds: each seed draws a scenario, timeouts, a
 * population of conversations and a feeding rhythm. The seed reproduces a failure:
 *   cache_property --seeds 17-17 --verbose
 * What is compared exactly and what by sums is said in sim/reference_cache.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_harness.h"
#include "flow/flow_lookup.h"
#include "sim/seeds.h"

enum { NS_PER_MS = 1000000 };
static const uint64_t second = 1000000000;

enum lateness {
    IN_ORDER,
    LATE_SAFE,  /* never across a deadline */
    LATE_ANYHOW /* anything */
};

struct scenario {
    const char *name;
    enum lateness lateness;
    enum plain_compare compare;
    bool whole_sweeps; /* only sweeps of the whole table, at known times: exact in the reference */
    bool tiny_cache;
    bool told;      /* batches of one, evictions told to the reference */
    bool full_ring; /* the smallest ring, seldom drained */
    bool relieved;  /* but before one key can fill its buckets with records that wait */
    bool flood;     /* keys chosen to meet in one bucket */
    bool huge_octets;
    bool levels; /* a flood policy with low bounds, and quiet at the end */
};

static const struct scenario scenarios[] = {
    {.name = "in order"},
    {.name = "late, safe", .lateness = LATE_SAFE},
    {.name = "late, whole sweeps", .lateness = LATE_ANYHOW, .whole_sweeps = true},
    {.name = "late across deadlines", .lateness = LATE_ANYHOW, .compare = PLAIN_SUMS_BY_KEY},
    {.name = "evictions told", .tiny_cache = true, .told = true},
    {.name = "tiny cache",
     .lateness = LATE_ANYHOW,
     .tiny_cache = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "full ring", .full_ring = true, .relieved = true},
    {.name = "ring jammed", .full_ring = true, .compare = PLAIN_SUMS_BY_KEY},
    {.name = "full ring, tiny cache",
     .lateness = LATE_ANYHOW,
     .full_ring = true,
     .tiny_cache = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "carries", .lateness = LATE_SAFE, .huge_octets = true},
    {.name = "crafted keys", .flood = true, .compare = PLAIN_SUMS_BY_KEY},
    {.name = "flood policy",
     .lateness = LATE_ANYHOW,
     .levels = true,
     .tiny_cache = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "flood policy, full ring",
     .lateness = LATE_ANYHOW,
     .levels = true,
     .tiny_cache = true,
     .full_ring = true,
     .compare = PLAIN_SUMS_BY_KEY},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0], CRAFTED_BUCKETS = 16, WAITS_MAX = 4 };

struct run {
    const struct scenario *scenario;
    struct random random;
    struct harness harness;
    struct traffic traffic;
    uint64_t swept_ns;
    uint64_t waits; /* for room on the ring, at the last drain */
    uint32_t packets;
    uint32_t batch_max;
    unsigned sweep_chance; /* percent, after a batch */
    unsigned drain_chance;
    unsigned late_chance;
};

static uint64_t pick_timeout(struct random *random)
{
    static const uint64_t choices[] = {0, 0, 1, 10, 500, 1000, 2000, 15000, 60000};
    return choices[random_below(random, 9)] * NS_PER_MS;
}

static void configure(struct run *run, struct flow_cache_config *config)
{
    struct random *random = &run->random;
    const struct scenario *scenario = run->scenario;
    memset(config, 0, sizeof *config);
    config->flows_max = scenario->tiny_cache ? (uint32_t)random_between(random, 1, 100)
                        : scenario->flood    ? 64
                                             : 16384;
    config->active_timeout_ns = scenario->told ? 0 : pick_timeout(random);
    config->idle_timeout_ns = pick_timeout(random);
    config->tcp_linger_ns = pick_timeout(random);
    config->several_ports = random_chance(random, 50);
    config->worker = (uint16_t)random_below(random, 4);
    for (unsigned i = 0; i < 4; i++)
        config->hash_seed[i] = random_next(random);
    if (!scenario->levels)
        return;
    struct flood_policy *flood = &config->flood;
    flood->level1 = random_chance(random, 70);
    flood->enter_percent = (uint32_t)random_between(random, 1, 99);
    flood->leave_percent = (uint32_t)random_below(random, flood->enter_percent);
    flood->short_idle_ns = random_between(random, 1, 3000) * NS_PER_MS;
    flood->new_flows_per_s = random_chance(random, 80) ? random_between(random, 1, 1000) : 0;
    flood->ipv4_prefix_length = (uint8_t)random_between(random, 0, 32);
    flood->ipv6_prefix_length = (uint8_t)random_between(random, 0, 128);
}

static void open_traffic(struct run *run, const struct flow_cache_config *config)
{
    struct random *random = &run->random;
    static const uint64_t most[] = {3, 40, 1500};
    struct traffic_config traffic = {
        .conversations = (uint32_t)random_between(random, 1, most[random_below(random, 3)]),
        .kinds = (uint32_t)random_between(random, 1, (1 << TALK_KINDS) - 1),
        .ipv6 = random_chance(random, 50) ? 30 : (unsigned)random_below(random, 2) * 100,
        .skew = (unsigned)random_below(random, 4),
        .vlan = (unsigned)random_below(random, 2) * 30,
        .labels = (unsigned)random_below(random, 2) * 20,
        .huge_octets = run->scenario->huge_octets,
        .start_ns = 1700000000 * second + random_below(random, 10 * second),
        .step_ns = (uint64_t)1 << random_between(random, 4, 28),
        .edges = {config->active_timeout_ns, config->idle_timeout_ns, config->tcp_linger_ns},
        .edge = (unsigned)random_below(random, 100),
    };
    if (run->scenario->flood) {
        traffic.conversations = 20000;
        traffic.skew = 0;
    }
    if (run->scenario->huge_octets)
        traffic.conversations = (uint32_t)random_between(random, 1, 4);
    if (run->scenario->levels) {
        traffic.conversations = (uint32_t)random_between(random, 100, 20000);
        traffic.step_ns = (uint64_t)1 << random_between(random, 14, 22);
    }
    traffic_open(&run->traffic, &traffic, random_next(random));
}

/* Only keys that fall into one bucket of a small table: what a flood would do if the hash were
 * known. */
static bool crafted(const struct run *run, const struct plain_packet *packet)
{
    struct flow_hash_key key;
    memcpy(key.word, run->harness.config.hash_seed, sizeof key.word);
    struct packet_facts facts;
    plain_packet_facts(packet, &facts);
    return flow_lookup_for(simd_choose())->hash(&key, &facts.key) % CRAFTED_BUCKETS == 0;
}

/* Moves some packets back in time, as the scenario allows. */
static void make_late(struct run *run, struct plain_packet *packet)
{
    struct random *random = &run->random;
    if (run->scenario->lateness == IN_ORDER || !random_chance(random, run->late_chance))
        return;
    uint64_t most = random_chance(random, 20) ? 100 * second : 20ull * NS_PER_MS;
    packet->time_ns -= random_below(random, most);
    if (run->scenario->lateness != LATE_SAFE)
        return;
    struct packet_facts facts;
    plain_packet_facts(packet, &facts);
    harness_run_batch(&run->harness); /* so that the reference knows of it */
    if (!reference_safe(run->harness.reference, &facts.key, packet->time_ns,
                        run->harness.newest_ns))
        packet->time_ns = run->traffic.now_ns;
}

static void between_batches(struct run *run)
{
    struct random *random = &run->random;
    struct harness *harness = &run->harness;
    if (run->scenario->whole_sweeps) {
        /* A second or more after the last one, a sweep passes over the whole table. */
        uint64_t now = run->harness.newest_ns;
        if (now >= run->swept_ns + second) {
            harness_sweep(harness, now, true);
            run->swept_ns = now;
        }
    } else if (random_chance(random, run->sweep_chance)) {
        harness_sweep(harness, run->harness.newest_ns, false);
    }
    uint64_t waits = flow_cache_counters(harness->cache)->ring_full;
    bool relieve = run->scenario->relieved && waits >= run->waits + WAITS_MAX;
    if (!harness->auto_drain && (relieve || random_chance(random, run->drain_chance))) {
        harness_drain(harness);
        run->waits = waits;
    }
    if (random_chance(random, 2)) {
        bool keep_full = !harness->auto_drain && random_chance(random, 80);
        if (!keep_full)
            harness_check(harness);
    }
}

static void feed(struct run *run)
{
    struct random *random = &run->random;
    uint32_t batch = 1;
    for (uint32_t n = 0; n < run->packets; n++) {
        struct plain_packet packet;
        traffic_next(&run->traffic, &packet);
        if (run->scenario->flood && !crafted(run, &packet))
            continue;
        make_late(run, &packet);
        harness_add(&run->harness, &packet);
        if (run->harness.batch.count < batch)
            continue;
        harness_run_batch(&run->harness);
        between_batches(run);
        batch = (uint32_t)random_between(random, 1, run->batch_max);
    }
}

/* The flood is over: the level must come back to 0, unless the records that are left keep the
 * occupancy up. */
static bool calm_down(struct run *run)
{
    struct harness *harness = &run->harness;
    const struct flood_policy *policy = &harness->config.flood;
    harness_run_batch(harness);
    harness_check(harness);
    for (uint64_t end = harness->newest_ns + 70 * second; harness->newest_ns < end;) {
        harness_sweep(harness, harness->newest_ns + second / 4, false);
        harness_drain(harness);
    }
    struct flow_cache_counters counters;
    flow_cache_copy_counters(harness->cache, &counters);
    uint64_t bound = (uint64_t)policy->leave_percent * harness->config.flows_max;
    bool crowded = policy->level1 && counters.flood.occupancy * 100 > bound;
    if (counters.flood.level == 0 || (counters.flood.level == 1 && crowded))
        return true;
    fprintf(stderr, "  level %" PRIu64 " after the flood, %" PRIu64 " of %u records in use\n",
            counters.flood.level, counters.flood.occupancy, harness->config.flows_max);
    return false;
}

static bool run_seed(uint64_t seed, bool verbose)
{
    static struct run run;
    memset(&run, 0, sizeof run);
    run.random.state = seed * 0x2545f4914f6cdd1dull;
    run.scenario = &scenarios[seed % SCENARIOS];
    struct flow_cache_config config;
    configure(&run, &config);
    open_traffic(&run, &config);
    harness_open(&run.harness, &config, run.scenario->full_ring ? 1 : 1 << 16);
    run.harness.auto_drain = !run.scenario->full_ring;
    run.harness.evictions_told = run.scenario->told;
    run.packets = (uint32_t)random_between(&run.random, 1, run.scenario->flood ? 60000 : 8000);
    run.batch_max = run.scenario->told ? 1 : random_chance(&run.random, 30) ? 1 : 64;
    if (run.scenario->relieved && run.batch_max > 8)
        run.batch_max = 8;
    run.sweep_chance = (unsigned)random_between(&run.random, run.scenario->levels, 2) * 50;
    run.drain_chance = (unsigned)random_below(&run.random, 20);
    run.late_chance = (unsigned)random_between(&run.random, 1, 40);
    run.swept_ns = run.traffic.now_ns;
    harness_sweep(&run.harness, run.swept_ns, false);
    feed(&run);
    bool calm = !run.scenario->levels || calm_down(&run);
    char name[80];
    snprintf(name, sizeof name, "seed %" PRIu64 " (%s)", seed, run.scenario->name);
    uint64_t end = run.harness.newest_ns + random_below(&run.random, 3) * 5 * second;
    bool good = harness_finish(&run.harness, end, run.scenario->compare, name) && calm;
    if (verbose || !good) {
        const struct flow_cache_counters *counters = flow_cache_counters(run.harness.cache);
        printf("%s: %s, %" PRIu64 " packets, %" PRIu64 " dropped, %" PRIu64 " records, ended", name,
               good ? "good" : "BAD", run.harness.given, run.harness.dropped, run.harness.drained);
        for (unsigned r = FLOW_END_IDLE; r <= FLOW_END_RESOURCES; r++)
            printf(" %" PRIu64, counters->ended[r]);
        printf(", ring full %" PRIu64 ", late %" PRIu64 ", active %" PRIu64 " idle %" PRIu64
               " linger %" PRIu64 " ms\n",
               counters->ring_full, counters->late_packets, config.active_timeout_ns / NS_PER_MS,
               config.idle_timeout_ns / NS_PER_MS, config.tcp_linger_ns / NS_PER_MS);
    }
    harness_close(&run.harness);
    traffic_close(&run.traffic);
    return good;
}

int main(int argc, char **argv)
{
    return seeds_main(argc, argv, run_seed);
}
