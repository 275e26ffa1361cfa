/*
 * bench_cache: the dataplane stage by stage, in cycles per packet: source, parse, cache (hash,
 * lookup, update), sweep, ring (publish, and a consumer that discards). mpps and ratio_to_limit are
 * those of cache, sweep and ring together, beside the memory-limit loop on the same tables. Then
 * the memory of a flow at 70 % load, IPv4 and IPv6. One thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/traffic.h"

enum stage { STAGE_SOURCE, STAGE_PARSE, STAGE_CACHE, STAGE_SWEEP, STAGE_RING, STAGE_COUNT };
static const char *const stage_keys[STAGE_COUNT] = {"cycles_source", "cycles_parse", "cycles_cache",
                                                    "cycles_sweep", "cycles_ring"};
static const uint64_t seed = 2;

struct bench {
    struct packet_source *source;
    struct parser *parser;
    struct flow_cache *cache;
    struct record_ring *ring;
    struct worker_ledger ledger;
    struct ledger_pair discarded;
    uint64_t stage[STAGE_COUNT]; /* cycles */
    struct packet_batch batch;
    struct packet_facts facts[PACKET_BATCH_MAX];
};

static void open_bench(struct bench *bench, const struct bench_case *it, uint32_t flows_max)
{
    struct error error = {"no memory for the tables"};
    struct parser_config parser;
    struct flow_cache_config cache = {.flows_max = 0};
    plan_parser(it, &parser);
    plan_cache(it, &cache);
    memset(bench, 0, sizeof *bench);
    bench->ring = record_ring_create(bench_ring_lines, &error);
    bench->parser = parser_create(&parser, &error);
    bench->source = traffic_open(it, plan_flows_max(it), seed);
    cache.flows_max = flows_max;
    cache.ring = bench->ring;
    cache.ledger = &bench->ledger;
    if (bench->ring)
        bench->cache = flow_cache_create(&cache, &error);
    if (!bench->cache || !bench->parser || !bench->source)
        bench_fail(error.text);
}

static void close_bench(struct bench *bench)
{
    flow_cache_destroy(bench->cache);
    parser_destroy(bench->parser);
    bench->source->ops->close(bench->source);
    record_ring_destroy(bench->ring);
}

/* All packets that the source has, cycles added up by stage. */
static void play(struct bench *bench)
{
    uint64_t mark[STAGE_COUNT + 1];
    for (;;) {
        mark[0] = bench_cycles();
        if (bench->source->ops->receive(bench->source, &bench->batch) != RECEIVE_PACKETS)
            return;
        uint32_t count = bench->batch.count;
        mark[1] = bench_cycles();
        parse_batch(bench->parser, &bench->batch, bench->facts);
        mark[2] = bench_cycles();
        flow_cache_update_batch(bench->cache, &bench->batch, bench->facts,
                                count == 64 ? UINT64_MAX : (1ull << count) - 1, NULL);
        mark[3] = bench_cycles();
        flow_cache_sweep(bench->cache, bench->batch.timestamp_ns[0]);
        mark[4] = bench_cycles();
        record_ring_publish(bench->ring);
        plan_discard(bench->ring, &bench->discarded);
        bench->source->ops->release(bench->source, &bench->batch);
        mark[5] = bench_cycles();
        for (unsigned s = 0; s < STAGE_COUNT; s++)
            bench->stage[s] += bench_interval(mark[s], mark[s + 1]);
    }
}

static void fill(struct bench *bench, const struct bench_case *it)
{
    struct plan_step step;
    for (unsigned n = 0; plan_step(it, n, &step); n++) {
        traffic_play_sequence(bench->source, step.reverse, step.packets, step.batch_step_ns);
        play(bench);
    }
}

static bool balanced(const struct bench *bench)
{
    const struct worker_ledger *l = &bench->ledger;
    struct ledger_pair cached = flow_cache_walk(bench->cache);
    return bench->source->ledger.observed.packets ==
               l->metered.packets + l->dropped[DROPPED_CACHE_FULL].packets &&
           bench->source->ledger.observed.octets ==
               l->metered_frame.octets + l->dropped[DROPPED_CACHE_FULL].octets &&
           l->metered.packets == bench->discarded.packets + cached.packets &&
           l->metered.octets == bench->discarded.octets + cached.octets;
}

static void show(const struct bench_options *options, const struct bench_case *it,
                 struct bench *bench, const struct bench_samples *cycles,
                 const struct bench_samples *limit, const double stages[STAGE_COUNT],
                 double new_share)
{
    const char *backing;
    size_t octets = flow_cache_memory(bench->cache, &backing);
    bench_row_begin("cache");
    bench_row_case(it);
    bench_row_rate("mpps", cycles, limit);
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        bench_row_number(stage_keys[s], stages[s], 1);
    bench_row_number("new_share", new_share, 4);
    bench_row_number("table_mib", (double)octets / 1048576.0, 0);
    bench_row_text("pages", backing);
    bench_row_truth("balanced", balanced(bench));
    bench_row_end(options);
}

static void run_case(const struct bench_options *options, const struct bench_case *it)
{
    static struct bench bench;
    static struct traffic_order order;
    open_bench(&bench, it, plan_flows_max(it));
    fill(&bench, it);
    traffic_order_start(&order, it, plan_flows_max(it), seed);
    struct bench_samples cycles = {0}, limit = {0};
    double stages[STAGE_COUNT] = {0}, best = 0, packets = (double)options->packets;
    uint64_t flows = bench.ledger.flows;
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_tables(bench.cache, &order, it->family == 6, options->packets));
        memset(bench.stage, 0, sizeof bench.stage);
        traffic_play_random(bench.source, options->packets, BATCH_STEP_NS);
        play(&bench);
        double own = (double)(bench.stage[STAGE_CACHE] + bench.stage[STAGE_SWEEP] +
                              bench.stage[STAGE_RING]) /
                     packets;
        bench_add(&cycles, own);
        for (unsigned s = 0; s < STAGE_COUNT && (best == 0 || own < best); s++)
            stages[s] = (double)bench.stage[s] / packets;
        best = best == 0 || own < best ? own : best;
    }
    double new_share = (double)(bench.ledger.flows - flows) / (packets * options->rounds);
    show(options, it, &bench, &cycles, &limit, stages, new_share);
    close_bench(&bench);
}

/* Resident memory, with huge pages from the reserve. */
static uint64_t resident_octets(void)
{
    char line[128];
    uint64_t total = 0, kilobytes;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %lu kB", &kilobytes) == 1 ||
            sscanf(line, "HugetlbPages: %lu kB", &kilobytes) == 1)
            total += kilobytes * 1024;
    if (status)
        fclose(status);
    return total;
}

static void measure_memory(const struct bench_options *options, uint32_t family)
{
    static struct bench bench;
    struct bench_case it = {
        64, options->quick ? 1u << 16 : 1u << 20, 0, ORDER_UNIFORM, family, FEATURE_NONE, 0};
    uint64_t before = resident_octets();
    open_bench(&bench, &it, it.flows);
    traffic_play_sequence(bench.source, false, (uint64_t)it.flows * 7 / 10, 64);
    play(&bench);
    const char *backing;
    flow_cache_memory(bench.cache, &backing);
    uint32_t held = flow_cache_flows(bench.cache);
    bench_row_begin("memory");
    bench_row_number("flows", it.flows, 0);
    bench_row_number("family", family, 0);
    bench_row_number("flows_held", held, 0);
    bench_row_number("octets_per_flow", (double)(resident_octets() - before) / held, 1);
    bench_row_text("pages", backing);
    bench_row_truth("balanced", balanced(&bench));
    bench_row_end(options);
    close_bench(&bench);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_cache", argc, argv);
    measure_memory(&options, 4);
    measure_memory(&options, 6);
    for (uint32_t i = 0; i < options.case_count; i++)
        if (!options.cases[i].exporter)
            run_case(&options, &options.cases[i]);
    return EXIT_SUCCESS;
}
