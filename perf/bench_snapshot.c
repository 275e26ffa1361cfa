/*
 * bench_snapshot: what the snapshot ring costs the worker. Two workers of the same configuration,
 * one of them with a ring in memory that overwrites its oldest block, get the same packets in turn;
 * cycles_extra is the difference between the best rounds of the two, median_extra the middle of the
 * differences of each round. Cycles are CPU time times the counter's frequency. The ledgers and the
 * ring's own identity are checked. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/traffic.h"
#include "snapshot/snapshot_policy.h"
#include "worker/worker.h"

static const uint64_t seed = 3;
enum { RING_BLOCKS = 64, QUICK_BLOCKS = 2 };

/* What is kept of each packet. */
static const struct keep {
    const char *name;
    uint32_t snap_length;
} keeps[] = {{"headers", SNAPSHOT_HEADERS}, {"128", 128}, {"everything", SNAPSHOT_EVERYTHING}};
enum { KEEPS = sizeof keeps / sizeof keeps[0] };

struct bench {
    struct packet_source *source;
    struct worker *worker;
    struct record_ring *ring;
    struct ledger_pair discarded;
};

static void open_bench(struct bench *bench, const struct bench_case *it,
                       struct snapshot_ring *snapshot, const struct snapshot_policy *policy)
{
    struct error error = {"no memory for the tables"};
    static struct worker_config config;
    memset(&config, 0, sizeof config);
    memset(bench, 0, sizeof *bench);
    bench->ring = record_ring_create(bench_ring_lines, &error);
    bench->source = traffic_open(it, plan_flows_max(it), seed);
    plan_parser(it, &config.parser);
    plan_cache(it, &config.caches[0]);
    config.sources[0] = bench->source;
    config.source_count = 1;
    config.cache_count = 1;
    config.caches[0].ring = bench->ring;
    config.sampling_interval = 1;
    config.offline = true;
    config.snapshot = snapshot;
    config.snapshot_policy = policy;
    if (bench->ring && bench->source)
        bench->worker = worker_create(&config, &error);
    if (!bench->worker)
        bench_fail(error.text);
    struct plan_step step;
    for (unsigned n = 0; plan_step(it, n, &step); n++) {
        traffic_play_sequence(bench->source, step.reverse, step.packets, step.batch_step_ns);
        while (worker_step(bench->worker, 0) != WORKER_IDLE)
            plan_discard(bench->ring, &bench->discarded);
    }
}

static void close_bench(struct bench *bench)
{
    worker_destroy(bench->worker);
    bench->source->ops->close(bench->source);
    record_ring_destroy(bench->ring);
}

/* Cycles per packet of a round. */
static double play(struct bench *bench, uint64_t packets)
{
    traffic_play_random(bench->source, packets, BATCH_STEP_NS);
    uint64_t start_ns = bench_cpu_ns();
    while (worker_step(bench->worker, 0) != WORKER_IDLE)
        plan_discard(bench->ring, &bench->discarded);
    return (double)(bench_cpu_ns() - start_ns) * bench_cycles_hz() / 1e9 / (double)packets;
}

static bool balanced(struct bench *bench)
{
    static struct worker_account account;
    worker_account_now(bench->worker, &account);
    return plan_balances(&account, bench->discarded) &&
           snapshot_account_balanced(&account.snapshot);
}

struct result {
    struct bench_samples with, without, extra, limit;
};

static void show(const struct bench_options *options, const struct bench_case *it,
                 const struct keep *keep, const struct result *result,
                 const struct snapshot_ring *ring, bool good)
{
    const char *backing;
    snapshot_ring_memory(ring, &backing);
    bench_row_begin("snapshot");
    bench_row_case(it);
    bench_row_text("keep", keep->name);
    bench_row_rate("mpps", &result->with, &result->limit);
    bench_row_number("cycles_without", bench_best(&result->without), 1);
    bench_row_number("cycles_extra", bench_best(&result->with) - bench_best(&result->without), 1);
    bench_row_number("median_extra", bench_median(&result->extra), 1);
    bench_row_text("pages", backing);
    bench_row_truth("balanced", good);
    bench_row_end(options);
}

static struct snapshot_ring *open_ring(const struct bench_options *options,
                                       struct snapshot_interfaces *interfaces)
{
    struct error error = {""};
    const struct snapshot_ring_config config = {.run = seed,
                                                .blocks =
                                                    options->quick ? QUICK_BLOCKS : RING_BLOCKS,
                                                .interfaces = interfaces};
    struct snapshot_ring *ring = snapshot_ring_create(&config, &error);
    if (!ring)
        bench_fail(error.text);
    return ring;
}

static void run_case(const struct bench_options *options, const struct bench_case *it,
                     const struct keep *keep)
{
    static struct bench with, without;
    static struct traffic_order order;
    static struct result result;
    struct error error = {""};
    const struct snapshot_policy_config wanted = {.snap_length = keep->snap_length};
    struct snapshot_interfaces *interfaces = snapshot_interfaces_create(&error);
    struct snapshot_policy *policy = snapshot_policy_create(&wanted, &error);
    if (!interfaces || !policy)
        bench_fail(error.text);
    struct snapshot_ring *ring = open_ring(options, interfaces);
    memset(&result, 0, sizeof result);
    open_bench(&with, it, ring, policy);
    open_bench(&without, it, NULL, NULL);
    traffic_order_start(&order, it, plan_flows_max(it), seed);
    const struct flow_cache *cache = worker_flow_cache(with.worker, 0);
    for (uint32_t round = 0; round < options->rounds; round++) {
        double cycles[2];
        bench_add(&result.limit, limit_tables(cache, &order, it->family == 6, options->packets));
        for (unsigned turn = 0; turn < 2; turn++) { /* the first of a pair takes turns */
            unsigned which = (turn + round) % 2;
            cycles[which] = play(which ? &with : &without, options->packets);
        }
        bench_add(&result.without, cycles[0]);
        bench_add(&result.with, cycles[1]);
        bench_add(&result.extra, cycles[1] - cycles[0]);
    }
    show(options, it, keep, &result, ring, balanced(&with) && balanced(&without));
    close_bench(&with);
    close_bench(&without);
    snapshot_ring_release(ring);
    snapshot_policy_destroy(policy);
    snapshot_interfaces_destroy(interfaces);
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {256, 1u << 16, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
        {256, 1u << 20, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
        {256, 1u << 20, 0, ORDER_UNIFORM, 6, FEATURE_NONE, 0},
        {0, 1u << 20, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
    };
    struct bench_options options;
    bench_start(&options, "bench_snapshot", argc, argv);
    bench_set_cases(&options, cases, sizeof cases / sizeof cases[0]);
    for (uint32_t i = 0; i < options.case_count; i++)
        for (unsigned k = 0; k < KEEPS; k++)
            run_case(&options, &options.cases[i], &keeps[k]);
    return EXIT_SUCCESS;
}
