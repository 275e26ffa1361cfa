/*
 * bench_parse: cycles of the parser alone, from captured bytes to flow keys, beside a loop that
 * only reads the headers. mpps and ratio_to_limit are those of the parser; the generator's cost is
 * its own column. One thread.
 */
#include <stdlib.h>

#include "parse/parse.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/traffic.h"

static const uint64_t seed = 1;

static void measure_round(struct parser *parser, struct packet_source *source, uint64_t packets,
                          struct bench_samples *cycles, uint64_t *metered)
{
    struct packet_batch batch = {.count = 0};
    static struct packet_facts facts[PACKET_BATCH_MAX];
    uint64_t sum = 0;
    traffic_play_random(source, packets, BATCH_STEP_NS);
    while (source->ops->receive(source, &batch) == RECEIVE_PACKETS) {
        uint64_t start = bench_cycles();
        parse_batch(parser, &batch, facts);
        sum += bench_interval(start, bench_cycles());
        for (uint32_t i = 0; i < batch.count; i++)
            *metered += facts[i].verdict == PACKET_METERED;
        source->ops->release(source, &batch);
    }
    bench_add(cycles, (double)sum / (double)packets);
}

static void run_case(const struct bench_options *options, const struct bench_case *it)
{
    struct parser_config config;
    struct error error;
    plan_parser(it, &config);
    struct parser *parser = parser_create(&config, &error);
    struct packet_source *source = traffic_open(it, plan_flows_max(it), seed);
    if (!parser || !source)
        bench_fail("no memory for a parser");
    struct bench_samples cycles = {0}, limit = {0}, generator = {0};
    uint64_t metered = 0;
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_headers(source, options->packets));
        traffic_take_cycles(source);
        measure_round(parser, source, options->packets, &cycles, &metered);
        bench_add(&generator, (double)traffic_take_cycles(source) / (double)options->packets);
    }
    bench_row_begin("parse");
    bench_row_case(it);
    bench_row_rate("mpps", &cycles, &limit);
    bench_row_number("cycles_source", bench_best(&generator), 1);
    bench_row_truth("balanced", metered == options->packets * options->rounds);
    bench_row_end(options);
    source->ops->close(source);
    parser_destroy(parser);
}

/* Tables play no part here: cases that differ in them only are left out. */
static bool repeats_another(const struct bench_options *options, uint32_t index)
{
    const struct bench_case *it = &options->cases[index];
    for (uint32_t i = 0; i < index; i++) {
        const struct bench_case *other = &options->cases[i];
        if (it->size == other->size && it->family == other->family && it->feature == other->feature)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_parse", argc, argv);
    for (uint32_t i = 0; i < options.case_count; i++)
        if (!repeats_another(&options, i))
            run_case(&options, &options.cases[i]);
    return EXIT_SUCCESS;
}
