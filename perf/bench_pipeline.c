/*
 * bench_pipeline: the whole dataplane as the probe runs it: worker_step() with the generator as its
 * source, records taken off the ring by a consumer that discards (or by the exporting process with
 * a transport that discards, --export ipfix) on the same thread. mpps counts everything, the
 * generator too; mpps_less_source leaves the generator's own cycles out. Cycles are CPU time times
 * the counter's frequency. The ledger of every case is checked. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "exporting_process_hooks.h"
#include "perf/bench/discard.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/traffic.h"
#include "worker/worker.h"

static const uint64_t seed = 3;

struct bench {
    struct packet_source *source;
    struct worker *worker;
    struct record_ring *ring;
    struct exporting_process *exporter; /* NULL: records are discarded */
    struct ledger_pair discarded;
};

static void open_bench(struct bench *bench, const struct bench_case *it)
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
    if (bench->ring && bench->source)
        bench->worker = worker_create(&config, &error);
    if (!bench->worker)
        bench_fail(error.text);
    if (it->exporter)
        bench->exporter = discard_exporter(bench->ring, 10, PROFILE_PLAIN, false);
}

static void close_bench(struct bench *bench)
{
    if (bench->exporter)
        exporting_process_abandon(bench->exporter);
    exporting_process_destroy(bench->exporter);
    worker_destroy(bench->worker);
    bench->source->ops->close(bench->source);
    record_ring_destroy(bench->ring);
}

static void play(struct bench *bench)
{
    enum worker_status status;
    do {
        status = worker_step(bench->worker, 0);
        if (!bench->exporter) {
            plan_discard(bench->ring, &bench->discarded);
            continue;
        }
        uint64_t now_ns = worker_time_ns(bench->worker);
        while (record_ring_used_lines(bench->ring) > bench_ring_lines / 2 || status == WORKER_IDLE)
            if (exporting_process_step(bench->exporter, now_ns, now_ns, NULL) != EXPORTING_BUSY)
                break;
    } while (status != WORKER_IDLE);
}

static bool balanced(struct bench *bench, struct worker_account *account)
{
    worker_account_now(bench->worker, account);
    struct ledger_pair exported = bench->discarded;
    if (bench->exporter) {
        static struct exporter_counters counters;
        exporting_process_counters(bench->exporter, &counters);
        exported = counters.exported[0];
    }
    return plan_balances(account, exported);
}

struct result {
    struct bench_samples cycles, limit, source;
    double new_share;
    double records_per_packet;
};

static void show(const struct bench_options *options, const struct bench_case *it,
                 struct bench *bench, const struct result *result)
{
    static struct worker_account account;
    bool good = balanced(bench, &account);
    const struct flow_cache *cache = worker_flow_cache(bench->worker, 0);
    const char *backing;
    flow_cache_memory(cache, &backing);
    double source = bench_best(&result->source), best = bench_best(&result->cycles);
    bench_row_begin("pipeline");
    bench_row_case(it);
    bench_row_rate("mpps", &result->cycles, &result->limit);
    bench_row_number("cycles_source", source, 1);
    bench_row_number("mpps_less_source", bench_cycles_hz() / (best - source) / 1e6, 2);
    bench_row_number("new_share", result->new_share, 4);
    bench_row_number("records_per_packet", result->records_per_packet, 4);
    bench_row_number("dropped", (double)account.ledger.dropped[DROPPED_CACHE_FULL].packets, 0);
    bench_row_text("pages", backing);
    bench_row_truth("balanced", good);
    bench_row_end(options);
}

static void run_case(const struct bench_options *options, const struct bench_case *it)
{
    static struct bench bench;
    static struct traffic_order order;
    static struct result result;
    static struct worker_account before, after;
    memset(&result, 0, sizeof result);
    open_bench(&bench, it);
    struct plan_step step;
    for (unsigned n = 0; plan_step(it, n, &step); n++) {
        traffic_play_sequence(bench.source, step.reverse, step.packets, step.batch_step_ns);
        play(&bench);
    }
    traffic_order_start(&order, it, plan_flows_max(it), seed);
    double hz = bench_cycles_hz(), packets = (double)options->packets;
    const struct flow_cache *cache = worker_flow_cache(bench.worker, 0);
    worker_account_now(bench.worker, &before);
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&result.limit, limit_tables(cache, &order, it->family == 6, options->packets));
        traffic_play_random(bench.source, options->packets, BATCH_STEP_NS);
        traffic_take_cycles(bench.source);
        uint64_t start_ns = bench_cpu_ns();
        play(&bench);
        bench_add(&result.cycles, (double)(bench_cpu_ns() - start_ns) * hz / 1e9 / packets);
        bench_add(&result.source, (double)traffic_take_cycles(bench.source) / packets);
    }
    worker_account_now(bench.worker, &after);
    packets *= options->rounds;
    result.new_share = (double)(after.ledger.flows - before.ledger.flows) / packets;
    result.records_per_packet =
        (double)(after.ledger.records_out - before.ledger.records_out) / packets;
    show(options, it, &bench, &result);
    close_bench(&bench);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_pipeline", argc, argv);
    for (uint32_t i = 0; i < options.case_count; i++)
        run_case(&options, &options.cases[i]);
    return EXIT_SUCCESS;
}
