/*
 * The flow cache and a kernel that counts known flows, against the reference cache, under seeds.
 * The program's own code plays the kernel; between any two of its accesses the worker, the sweep
 * and the control thread may do what they like, but an epoch is closed only when no run of the
 * program is under way, as the real one waits for. The cache may change its size meanwhile. Also:
 * for random frames the program delivers or makes the key, side and octets that the parser makes.
 *   kernel_property --seeds 17-17 --verbose
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cache_harness.h"
#include "flow/flow_change.h"
#include "kernel_model.h"
#include "sim/frame_builder.h"
#include "sim/seeds.h"

enum { NS_PER_MS = 1000000, ROUNDS_MAX = 100000 };
static const uint64_t second = 1000000000;

struct scenario {
    const char *name;
    enum plain_compare compare;
    bool steady; /* time goes by in small steps, each with a sweep and an epoch: exact */
    bool tiny_cache;
    bool full_ring;
    bool interrupts; /* others act inside runs of the program */
    bool flood;
    bool sizes; /* the cache becomes larger and smaller */
};

static const struct scenario scenarios[] = {
    {.name = "steady", .steady = true},
    {.name = "interrupted", .interrupts = true, .compare = PLAIN_SUMS_BY_KEY},
    {.name = "interrupted, tiny cache",
     .interrupts = true,
     .tiny_cache = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "full ring", .interrupts = true, .full_ring = true, .compare = PLAIN_SUMS_BY_KEY},
    {.name = "flood policy",
     .interrupts = true,
     .tiny_cache = true,
     .flood = true,
     .compare = PLAIN_SUMS_BY_KEY},
    {.name = "other sizes", .interrupts = true, .sizes = true, .compare = PLAIN_SUMS_BY_KEY},
    {.name = "other sizes, tiny cache",
     .interrupts = true,
     .tiny_cache = true,
     .sizes = true,
     .compare = PLAIN_SUMS_BY_KEY},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

struct run {
    const struct scenario *scenario;
    struct random random;
    struct harness harness;
    struct traffic traffic;
    struct kernel_model model;
    struct kernel_table *table;
    int64_t offset_ns;
    uint64_t now_ns;
    bool turning; /* an epoch waits to be closed */
    bool in_run;  /* of the program */
    struct flow_cache_config config;
    struct flow_cache_change *change; /* of the size; NULL: none is under way */
    bool taken;                       /* and the cache has it */
    uint32_t resized;
    struct ledger_pair open[2]; /* counted in each bank and not yet in a closed epoch */
    struct ledger_pair frames;  /* counted, in all; frame octets */
    struct ledger_pair closed_frames;
    struct ledger_pair open_frames[2];
    uint32_t batch_max;
    uint64_t counted;
};

/* ---- what other threads do ---- */

static void begin_turn(struct run *run)
{
    if (!run->turning && kernel_table_turn(run->table))
        run->turning = true;
}

static void end_turn(struct run *run)
{
    if (!run->turning || run->in_run)
        return;
    kernel_table_turned(run->table, run->offset_ns);
    run->turning = false;
    unsigned bank = atomic_load(&run->table->closed) & 1;
    run->harness.given += run->open[bank].packets;
    run->harness.given_octets += run->open[bank].octets;
    ledger_add(&run->closed_frames, run->open_frames[bank].packets, run->open_frames[bank].octets);
    run->open[bank] = (struct ledger_pair){0, 0};
    run->open_frames[bank] = (struct ledger_pair){0, 0};
}

static void sweep(struct run *run)
{
    harness_sweep(&run->harness, run->now_ns, false);
}

/* Another size for the cache, when the kernel has given its flows back. */
static void change_size(struct run *run)
{
    struct harness *harness = &run->harness;
    struct error error;
    if (!run->change && !random_chance(&run->random, 5))
        return;
    if (!run->change) {
        bool tiny = run->scenario->tiny_cache;
        run->config.flows_max =
            (uint32_t)random_between(&run->random, tiny ? 1 : 8192, tiny ? 100 : 32768);
        run->config.kernel.packets_min = (uint32_t)random_between(&run->random, 1, 8);
        run->change = flow_cache_change_create(harness->cache, &run->config, &error);
        run->taken = false;
        check(run->change != NULL);
    } else if (!run->taken && flow_cache_may_take_change(harness->cache, run->change)) {
        flow_cache_take_change(harness->cache, run->change);
        run->taken = true;
        run->resized++;
        if (harness->config.flows_max < run->config.flows_max)
            harness->config.flows_max = run->config.flows_max;
    } else if (!flow_cache_step_change(harness->cache) && run->taken) {
        flow_cache_change_free(run->change);
        run->change = NULL;
        harness->config.flows_max = run->config.flows_max;
        harness->flows_peak = flow_cache_flows(harness->cache);
    }
}

static void act(struct run *run)
{
    struct random *random = &run->random;
    switch (random_below(random, run->scenario->sizes ? 12 : 8)) {
    case 0:
        begin_turn(run);
        break;
    case 1:
        end_turn(run);
        break;
    case 2:
    case 3:
        flow_kernel_step(run->harness.cache, run->now_ns);
        break;
    case 4:
        sweep(run);
        break;
    case 5:
        harness_run_batch(&run->harness);
        break;
    case 6:
        if (random_chance(random, 20))
            flow_kernel_end_all(run->harness.cache);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        change_size(run);
        break;
    default:
        if (random_chance(random, 20))
            harness_drain(&run->harness);
        break;
    }
}

static void interrupt(void *state)
{
    struct run *run = state;
    for (bool more = random_chance(&run->random, 5); more; more = random_chance(&run->random, 70))
        act(run);
}

static void whole_turn(struct run *run)
{
    sweep(run);
    begin_turn(run);
    end_turn(run);
    for (unsigned i = 0; i < 64; i++)
        flow_kernel_step(run->harness.cache, run->now_ns);
}

/* ---- packets ---- */

static struct ledger_pair bank_total(const struct run *run, unsigned bank, bool frames)
{
    struct ledger_pair sum = {0, 0};
    for (uint32_t cpu = 0; cpu < run->model.geometry.cpus; cpu++) {
        const struct flow_counter_total *total =
            &run->model.memory.totals[flow_counter_total_index(&run->model.geometry, cpu, bank, 0)];
        sum.packets += total->counted_packets;
        sum.octets += frames ? total->counted_octets : total->metered_octets;
    }
    return sum;
}

static bool count_in_kernel(struct run *run, const struct frame *frame,
                            const struct plain_packet *packet)
{
    struct ledger_pair before = bank_total(run, 0, false);
    run->model.cpu = (uint32_t)random_below(&run->random, run->model.geometry.cpus);
    run->model.clock_ns = packet->time_ns - (uint64_t)run->offset_ns;
    run->in_run = true;
    bool counted =
        kernel_model_run(&run->model, frame->data, frame->captured_length, frame->wire_length);
    run->in_run = false;
    if (!counted)
        return false;
    unsigned bank = bank_total(run, 0, false).packets == before.packets;
    run->counted++;
    ledger_add(&run->open[bank], 1, packet->ip_octets);
    ledger_add(&run->open_frames[bank], 1, frame->wire_length);
    return true;
}

static void feed_one(struct run *run, const struct plain_packet *packet)
{
    struct harness *harness = &run->harness;
    struct frame frame;
    frame_build(&frame, packet);
    if (!count_in_kernel(run, &frame, packet)) {
        harness_add(harness, packet);
        if (harness->batch.count >= run->batch_max)
            harness_run_batch(harness);
        return;
    }
    if (run->scenario->steady) /* what was delivered before is in the reference before */
        harness_run_batch(harness);
    struct packet_facts facts;
    plain_packet_facts(packet, &facts);
    if (packet->time_ns > harness->newest_ns)
        harness->newest_ns = packet->time_ns;
    reference_update(harness->reference, &facts, packet->macs, packet->time_ns, packet->port);
}

/* Time goes by without packets. */
static void pass_time(struct run *run, uint64_t until_ns)
{
    while (run->scenario->steady && run->now_ns + second / 4 < until_ns) {
        harness_run_batch(&run->harness);
        run->now_ns += second / 4;
        whole_turn(run);
        if (run->harness.reference && until_ns - run->now_ns > 200 * second)
            run->now_ns = until_ns - 100 * second;
    }
    run->now_ns = until_ns;
}

/* ---- a run ---- */

static uint64_t pick_timeout(struct random *random, bool steady)
{
    static const uint64_t choices[] = {0, 1000, 4000, 15000, 60000};
    return choices[random_below(random, 5)] * (steady ? NS_PER_MS : NS_PER_MS / 2);
}

static void configure(struct run *run, struct flow_cache_config *config)
{
    struct random *random = &run->random;
    const struct scenario *scenario = run->scenario;
    memset(config, 0, sizeof *config);
    config->flows_max = scenario->tiny_cache ? (uint32_t)random_between(random, 1, 100) : 16384;
    /* A sweep a second before the end would be too late for one second. */
    do
        config->active_timeout_ns = pick_timeout(random, scenario->steady);
    while (scenario->steady && config->active_timeout_ns == second);
    do
        config->idle_timeout_ns = pick_timeout(random, scenario->steady);
    while (scenario->steady && config->idle_timeout_ns == second);
    config->tcp_linger_ns = pick_timeout(random, scenario->steady);
    for (unsigned i = 0; i < 4; i++)
        config->hash_seed[i] = random_next(random);
    if (scenario->flood)
        config->flood = (struct flood_policy){.level1 = true,
                                              .enter_percent = 60,
                                              .leave_percent = 30,
                                              .short_idle_ns = second,
                                              .new_flows_per_s = 200,
                                              .ipv4_prefix_length = 24,
                                              .ipv6_prefix_length = 64};
    struct flow_counter_geometry geometry = {.slots = FLOW_COUNTER_WAYS << random_below(random, 9),
                                             .cpus = (uint32_t)random_between(random, 1, 4),
                                             .workers = 1,
                                             .vlan_mask = 0xfff};
    for (unsigned i = 0; i < 4; i++)
        geometry.secret[i] = random_next(random);
    struct error error;
    kernel_model_open(&run->model, &geometry);
    run->table = kernel_table_create(&geometry, &run->model.memory, &error);
    config->kernel = (struct flow_kernel_config){
        .table = run->table, .packets_min = (uint32_t)random_between(random, 1, 8)};
    if (scenario->interrupts) {
        run->model.interrupt = interrupt;
        run->model.state = run;
    }
}

static void open_traffic(struct run *run, const struct flow_cache_config *config)
{
    struct random *random = &run->random;
    static const uint64_t most[] = {3, 40, 400};
    struct traffic_config traffic = {
        .conversations = (uint32_t)random_between(random, 1, most[random_below(random, 3)]),
        .kinds = random_chance(random, 50)
                     ? (1 << TALK_TCP) | (1 << TALK_UDP)
                     : (uint32_t)random_between(random, 1, (1 << TALK_KINDS) - 1),
        .ipv6 = random_chance(random, 50) ? 30 : (unsigned)random_below(random, 2) * 100,
        .skew = (unsigned)random_below(random, 4),
        .vlan = (unsigned)random_below(random, 2) * 30,
        .labels = (unsigned)random_below(random, 2) * 20,
        .start_ns = 1700000000 * second + random_below(random, 10 * second),
        .step_ns = (uint64_t)1 << random_between(random, 16, 28),
        .edges = {config->active_timeout_ns, config->idle_timeout_ns, config->tcp_linger_ns},
        .edge = (unsigned)random_below(random, 20),
    };
    traffic_open(&run->traffic, &traffic, random_next(random));
    run->now_ns = run->traffic.now_ns;
    run->offset_ns = (int64_t)(1699000000 * second + random_below(random, second));
}

/* The ledger at a moment when all that was counted is in closed epochs. */
static bool check_accounts(struct run *run)
{
    harness_check(&run->harness);
    const struct ledger_pair *counted = &run->harness.ledger.counted;
    if (counted->packets == run->closed_frames.packets &&
        counted->octets == run->closed_frames.octets)
        return true;
    fprintf(stderr, "  observed by the kernel: %" PRIu64 " expected, %" PRIu64 " got\n",
            run->closed_frames.packets, counted->packets);
    return false;
}

/* As at shutdown: the kernel gives back what it has. A change that is under way ends before, since
 * a flush knows one table only. */
static bool settle(struct run *run)
{
    harness_run_batch(&run->harness);
    for (unsigned round = 0; run->change && round < ROUNDS_MAX; round++) {
        whole_turn(run);
        harness_drain(&run->harness);
        change_size(run);
    }
    for (unsigned round = 0; !flow_kernel_end_all(run->harness.cache); round++) {
        if (round == ROUNDS_MAX) {
            fprintf(stderr, "  the kernel keeps flows\n");
            return false;
        }
        whole_turn(run);
        harness_drain(&run->harness);
    }
    return true;
}

static bool feed(struct run *run, uint32_t packets)
{
    struct random *random = &run->random;
    bool good = true;
    uint64_t turned_ns = run->now_ns;
    for (uint32_t n = 0; n < packets && good; n++) {
        struct plain_packet packet;
        traffic_next(&run->traffic, &packet);
        pass_time(run, packet.time_ns);
        if (run->scenario->steady && run->now_ns - turned_ns >= second / 4) {
            harness_run_batch(&run->harness);
            whole_turn(run);
            turned_ns = run->now_ns;
        }
        feed_one(run, &packet);
        if (run->scenario->interrupts && random_chance(random, 20))
            act(run);
        if (random_chance(random, 1) && !run->turning) {
            if (run->scenario->steady) /* no sweep passes by packets that wait */
                harness_run_batch(&run->harness);
            if (random_chance(random, 50))
                whole_turn(run);
            good = check_accounts(run);
        }
    }
    return good;
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
    run.config = config;
    harness_open(&run.harness, &config, run.scenario->full_ring ? 1 : 1 << 16);
    run.harness.auto_drain = !run.scenario->full_ring;
    run.batch_max = random_chance(&run.random, 30) ? 1 : 64;
    sweep(&run);
    bool good = feed(&run, (uint32_t)random_between(&run.random, 1, 8000));
    good &= settle(&run) && check_accounts(&run);
    char name[80];
    snprintf(name, sizeof name, "seed %" PRIu64 " (%s)", seed, run.scenario->name);
    good &= harness_finish(&run.harness, run.now_ns, run.scenario->compare, name);
    struct kernel_counters counters = flow_kernel_counters(run.harness.cache);
    if (verbose || !good)
        printf(
            "%s: %s, %" PRIu64 " packets, %" PRIu64 " counted in the kernel, flows given %" PRIu64
            ", refused %" PRIu64 ", taken back %" PRIu64 ", epochs %" PRIu64 ", active %" PRIu64
            " idle %" PRIu64 " ms, %u sizes\n",
            name, good ? "good" : "BAD", run.harness.given, run.counted, counters.given,
            counters.refused, counters.taken_back, counters.epochs,
            config.active_timeout_ns / NS_PER_MS, config.idle_timeout_ns / NS_PER_MS, run.resized);
    harness_close(&run.harness);
    flow_cache_change_free(run.change);
    traffic_close(&run.traffic);
    kernel_table_destroy(run.table);
    kernel_model_close(&run.model);
    return good;
}

int main(int argc, char **argv)
{
    return seeds_main(argc, argv, run_seed);
}
