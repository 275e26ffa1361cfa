/*
 * bench_scaling: what several workers do at once, each on a pinned thread with its own generator,
 * table, record ring and consumer that discards: they share nothing but the machine, as the probe
 * runs several queues. In each round 1 worker runs alone, then 2, then as many as there are CPUs
 * (if more), with the same tables; before each the limit loop runs on just as many threads. So a
 * slower limit shows memory that is shared, and a slower worker beside an unchanged limit a core.
 *
 * Then the software distribution stage: one generator, a reader thread that spreads its packets
 * over the lanes of 1 and of 2 workers. Both sides wait for each other asleep; cycles_reader and
 * cycles_per_packet are those of steps that had something to do, the columns with cpu_time all of
 * the threads' CPU time. mpps is what the slower side can do on CPUs of its own, mpps_wall what
 * came out on the CPUs that are there.
 *
 * flows are those of each worker. Cycles are CPU time times the counter's frequency unless said.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packet/distribution.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/team.h"
#include "perf/bench/traffic.h"
#include "worker/worker.h"

enum { WORKERS_MAX = 64 };
static const uint64_t seed = 7;

/* 500 k new flows in 20 M packets are 2.5 percent. */
static const struct bench_case cases[] = {
    {64, 1u << 20, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
    {64, 1u << 20, 25, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
    {0, 1u << 20, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
    {0, 1u << 20, 25, ORDER_UNIFORM, 4, FEATURE_NONE, 0},
};

/* All that belongs to one worker, written by its thread alone while a team runs. */
struct post {
    _Alignas(64) struct packet_source *source; /* its generator, or its lane */
    struct record_ring *ring;
    struct worker *worker;
    struct traffic_order order; /* of the limit loop */
    struct ledger_pair discarded;
    double limit;    /* cycles per packet of the last round */
    uint64_t cycles; /* of steps with packets, last round */
};

struct bench {
    const struct bench_case *it; /* of one worker */
    unsigned workers;
    uint64_t packets;                  /* of a worker in a round */
    struct distribution *distribution; /* NULL: each worker has its own generator */
    struct packet_source *generator;   /* of the distribution */
    uint64_t reader_cycles;
    _Atomic bool reader_done;
    struct post posts[WORKERS_MAX];
};

/* Over the rounds, per packet: cycles, nanoseconds of wall time, shares. */
struct result {
    struct bench_samples cycles, source, limit, wall_ns, overlap, reader, reader_cpu, worker_cpu;
    uint64_t flows, records, packets;
};

/* ---- opening and closing ---- */

/* The distribution's reader is member 0 of a team, its workers follow. */
static struct post *post_of(struct bench *bench, unsigned number)
{
    return &bench->posts[bench->distribution ? number - 1 : number];
}

/* On the worker's own thread, so that its memory lies near its CPU. */
static void open_post(void *shared, unsigned number)
{
    struct bench *bench = shared;
    struct post *post = post_of(bench, number);
    struct error error = {"no memory for the tables"};
    struct worker_config *config = calloc(1, sizeof *config);
    unsigned w = (unsigned)(post - bench->posts);
    post->ring = record_ring_create(bench_ring_lines, &error);
    post->source = bench->distribution
                       ? distribution_lane(bench->distribution, w)
                       : traffic_open(bench->it, plan_flows_max(bench->it), seed + w);
    if (!config || !post->ring || !post->source)
        bench_fail(error.text);
    plan_parser(bench->it, &config->parser);
    plan_cache(bench->it, &config->caches[0]);
    if (bench->distribution && bench->it->new_tenths == 0)
        config->caches[0].flows_max +=
            config->caches[0].flows_max / 16; /* lanes get not quite the same */
    config->number = (uint16_t)w;
    config->sources[0] = post->source;
    config->source_count = 1;
    config->cache_count = 1;
    config->caches[0].ring = post->ring;
    config->sampling_interval = 1;
    config->offline = true;
    post->worker = worker_create(config, &error);
    if (!post->worker)
        bench_fail(error.text);
    free(config);
    traffic_order_start(&post->order, bench->it, plan_flows_max(bench->it), seed + w);
}

static void open_distribution(struct bench *bench, const struct bench_case *all)
{
    struct error error = {"no memory for the generator"};
    static struct distribution_config config;
    memset(&config, 0, sizeof config);
    bench->generator = traffic_open(all, plan_flows_max(all), seed);
    if (!bench->generator)
        bench_fail(error.text);
    config.sources[0] = bench->generator;
    config.source_count = 1;
    config.lanes = bench->workers;
    plan_parser(all, &config.parser);
    config.hash_seed[0] = 0x13198a2e03707344u;
    config.hash_seed[1] = 0xa4093822299f31d0u;
    config.offline = true;
    bench->distribution = distribution_create(&config, &error);
    if (!bench->distribution)
        bench_fail(error.text);
}

static void close_bench(struct bench *bench)
{
    for (unsigned w = 0; w < bench->workers; w++) {
        worker_destroy(bench->posts[w].worker);
        record_ring_destroy(bench->posts[w].ring);
        if (!bench->distribution)
            bench->posts[w].source->ops->close(bench->posts[w].source);
    }
    distribution_destroy(bench->distribution);
    if (bench->generator)
        bench->generator->ops->close(bench->generator);
}

/* ---- what the threads do ---- */

static void run_limit(void *shared, unsigned number)
{
    struct bench *bench = shared;
    struct post *post = post_of(bench, number);
    post->limit = limit_tables(worker_flow_cache(post->worker, 0), &post->order,
                               bench->it->family == 6, bench->packets);
}

static void play(struct post *post)
{
    enum worker_status status;
    do {
        status = worker_step(post->worker, 0);
        plan_discard(post->ring, &post->discarded);
    } while (status != WORKER_IDLE);
}

static void play_round(void *shared, unsigned number)
{
    struct bench *bench = shared;
    traffic_play_random(bench->posts[number].source, bench->packets, BATCH_STEP_NS);
    play(&bench->posts[number]);
}

static void fill_post(void *shared, unsigned number)
{
    struct bench *bench = shared;
    struct post *post = &bench->posts[number];
    struct plan_step step;
    open_post(shared, number);
    for (unsigned n = 0; plan_step(bench->it, n, &step); n++) {
        traffic_play_sequence(post->source, step.reverse, step.packets, step.batch_step_ns);
        play(post);
    }
}

static void nap(void)
{
    const struct timespec time = {0, 50000};
    nanosleep(&time, NULL);
}

/* Hands out what the generator has to give. */
static void read_all(struct bench *bench)
{
    enum distribution_status status;
    uint64_t cycles = 0; /* not in BENCH: the workers look into its lines */
    do {
        uint64_t start = bench_cycles();
        status = distribution_step(bench->distribution, 0);
        if (status != DISTRIBUTION_IDLE)
            cycles += bench_interval(start, bench_cycles());
        if (status == DISTRIBUTION_HELD)
            nap();
    } while (status != DISTRIBUTION_IDLE);
    bench->reader_cycles = cycles;
    atomic_store_explicit(&bench->reader_done, true, memory_order_release);
}

/* Meters what comes through the lane until the reader is done and the lane is empty. */
static void play_lane(struct bench *bench, struct post *post)
{
    uint64_t cycles = 0;
    for (;;) {
        bool last = atomic_load_explicit(&bench->reader_done, memory_order_acquire);
        uint64_t start = bench_cycles();
        enum worker_status status = worker_step(post->worker, 0);
        plan_discard(post->ring, &post->discarded);
        if (status != WORKER_IDLE)
            cycles += bench_interval(start, bench_cycles());
        else if (last)
            break;
        else
            nap();
    }
    post->cycles = cycles;
}

static void play_stage(void *shared, unsigned number)
{
    struct bench *bench = shared;
    if (number == 0)
        read_all(bench);
    else
        play_lane(bench, post_of(bench, number));
}

static void run_stage(struct bench *bench, struct team_time time[])
{
    atomic_store(&bench->reader_done, false);
    team_run(play_stage, bench, 0, bench->workers + 1, time);
}

/* ---- results ---- */

/* Flows and records of the first WORKERS so far. */
static void count_flows(const struct bench *bench, unsigned workers, uint64_t *flows,
                        uint64_t *records)
{
    static struct worker_account account;
    *flows = *records = 0;
    for (unsigned w = 0; w < workers; w++) {
        worker_account_now(bench->posts[w].worker, &account);
        *flows += account.ledger.flows;
        *records += account.ledger.records_out;
    }
}

static bool balanced(const struct bench *bench)
{
    static struct worker_account account;
    struct ledger_pair observed = {0, 0};
    bool good = true;
    for (unsigned w = 0; w < bench->workers; w++) {
        worker_account_now(bench->posts[w].worker, &account);
        good &= plan_balances(&account, bench->posts[w].discarded);
        ledger_add(&observed, account.source[0].observed.packets,
                   account.source[0].observed.octets);
    }
    if (!bench->distribution)
        return good;
    return good && observed.packets == bench->generator->ledger.observed.packets &&
           observed.octets == bench->generator->ledger.observed.octets;
}

static void add_limit(struct bench *bench, unsigned workers, struct result *result)
{
    double sum = 0;
    for (unsigned w = 0; w < workers; w++)
        sum += bench->posts[w].limit;
    bench_add(&result->limit, sum / workers);
}

static void begin_row(const struct bench *bench, const char *mode, unsigned workers)
{
    bench_row_begin("scaling");
    bench_row_text("mode", mode);
    bench_row_number("workers", workers, 0);
    bench_row_number("cpus", team_cpus(), 0);
    bench_row_case(bench->it);
}

static void end_row(const struct bench_options *options, const struct bench *bench,
                    const struct result *result)
{
    double packets = (double)result->packets;
    bench_row_number("new_share", (double)result->flows / packets, 4);
    bench_row_number("records_per_packet", (double)result->records / packets, 4);
    bench_row_number("ghz", bench_cycles_hz() / 1e9, 4);
    bench_row_truth("balanced", balanced(bench));
    bench_row_end(options);
}

/* The limit loop, and how both compare with those of one worker. */
static void show_shares(const struct result *result, const struct result *one, unsigned workers,
                        double efficiency)
{
    double limit = bench_best(&result->limit), best = bench_best(&result->cycles);
    bench_row_number("limit_mpps", workers * bench_cycles_hz() / limit / 1e6, 2);
    bench_row_number("ratio_to_limit", limit / best, 3);
    bench_row_number("efficiency", efficiency, 3);
    bench_row_number("limit_efficiency", bench_best(&one->limit) / limit, 3);
}

static void show_direct(const struct bench_options *options, const struct bench *bench,
                        unsigned workers, const struct result *result, const struct result *one)
{
    double hz = bench_cycles_hz(), best = bench_best(&result->cycles);
    begin_row(bench, "queues", workers);
    bench_row_number("mpps", workers * hz / best / 1e6, 2);
    bench_row_number("median_mpps", workers * hz / bench_median(&result->cycles) / 1e6, 2);
    bench_row_number("mpps_per_worker", hz / best / 1e6, 2);
    bench_row_number("mpps_wall", 1e3 / bench_best(&result->wall_ns), 2);
    bench_row_number("overlap", bench_median(&result->overlap), 2);
    bench_row_number("cycles_per_packet", best, 1);
    bench_row_number("cycles_source", bench_best(&result->source), 1);
    show_shares(result, one, workers, bench_best(&one->cycles) / best);
    end_row(options, bench, result);
}

/* Cycles per packet of the slower side, had each thread a CPU of its own. */
static double stage_cycles(const struct result *result, unsigned workers)
{
    double reader = bench_best(&result->reader), worker = bench_best(&result->cycles) / workers;
    return reader > worker ? reader : worker;
}

static void show_stage(const struct bench_options *options, const struct bench *bench,
                       const struct result *result, const struct result *one)
{
    unsigned workers = bench->workers;
    double hz = bench_cycles_hz(), slower = stage_cycles(result, workers);
    begin_row(bench, "distribution", workers);
    bench_row_number("mpps", hz / slower / 1e6, 2);
    bench_row_number("mpps_wall", 1e3 / bench_best(&result->wall_ns), 2);
    bench_row_text("bound_by", slower > bench_best(&result->reader) ? "workers" : "reader");
    bench_row_number("cycles_reader", bench_best(&result->reader), 1);
    bench_row_number("cycles_source", bench_best(&result->source), 1);
    bench_row_number("cycles_per_packet", bench_best(&result->cycles), 1);
    bench_row_number("reader_cpu_time", bench_best(&result->reader_cpu), 1);
    bench_row_number("worker_cpu_time", bench_best(&result->worker_cpu), 1);
    show_shares(result, one, workers, stage_cycles(one, 1) / slower / workers);
    end_row(options, bench, result);
}

/* ---- rounds ---- */

static void round_direct(struct bench *bench, unsigned workers, struct result *result)
{
    struct team_time time[TEAM_MAX];
    double per_packet = 1.0 / ((double)bench->packets * workers), hz = bench_cycles_hz();
    uint64_t flows, records, flows_before, records_before, cpu_ns = 0, source = 0;
    team_run(run_limit, bench, 0, workers, time);
    add_limit(bench, workers, result);
    count_flows(bench, workers, &flows_before, &records_before);
    for (unsigned w = 0; w < workers; w++)
        traffic_take_cycles(bench->posts[w].source);
    team_run(play_round, bench, 0, workers, time);
    for (unsigned w = 0; w < workers; w++) {
        cpu_ns += time[w].cpu_ns;
        source += traffic_take_cycles(bench->posts[w].source);
    }
    count_flows(bench, workers, &flows, &records);
    result->flows += flows - flows_before;
    result->records += records - records_before;
    result->packets += bench->packets * workers;
    bench_add(&result->cycles, (double)cpu_ns * hz / 1e9 * per_packet);
    bench_add(&result->source, (double)source * per_packet);
    bench_add(&result->wall_ns, (double)team_span_ns(time, workers) * per_packet);
    bench_add(&result->overlap, team_overlap(time, workers));
}

static void round_stage(struct bench *bench, struct result *result)
{
    struct team_time time[TEAM_MAX];
    unsigned workers = bench->workers;
    uint64_t packets = bench->packets * workers, cycles = 0, cpu_ns = 0;
    uint64_t flows, records, flows_before, records_before;
    double hz = bench_cycles_hz(), per_packet = 1.0 / (double)packets;
    team_run(run_limit, bench, 1, workers, time);
    add_limit(bench, workers, result);
    count_flows(bench, workers, &flows_before, &records_before);
    traffic_take_cycles(bench->generator);
    traffic_play_random(bench->generator, packets, BATCH_STEP_NS);
    run_stage(bench, time);
    for (unsigned w = 0; w < workers; w++) {
        cycles += bench->posts[w].cycles;
        cpu_ns += time[w + 1].cpu_ns;
    }
    count_flows(bench, workers, &flows, &records);
    result->flows += flows - flows_before;
    result->records += records - records_before;
    result->packets += packets;
    bench_add(&result->cycles, (double)cycles * per_packet);
    bench_add(&result->reader, (double)bench->reader_cycles * per_packet);
    bench_add(&result->source, (double)traffic_take_cycles(bench->generator) * per_packet);
    bench_add(&result->worker_cpu, (double)cpu_ns * hz / 1e9 * per_packet);
    bench_add(&result->reader_cpu, (double)time[0].cpu_ns * hz / 1e9 * per_packet);
    bench_add(&result->wall_ns, (double)team_span_ns(time, workers + 1) * per_packet);
}

static void start(struct bench *bench, const struct bench_options *options,
                  const struct bench_case *it, unsigned workers)
{
    memset(bench, 0, sizeof *bench);
    bench->it = it;
    bench->workers = workers;
    bench->packets = options->packets;
}

static void run_direct(const struct bench_options *options, const struct bench_case *it)
{
    static struct bench bench;
    static struct result results[3];
    struct team_time time[TEAM_MAX];
    unsigned all = team_cpus() < WORKERS_MAX ? team_cpus() : WORKERS_MAX;
    unsigned counts[3] = {1, 2, all}, kinds = all > 2 ? 3 : 2;
    memset(results, 0, sizeof results);
    start(&bench, options, it, counts[kinds - 1]);
    team_run(fill_post, &bench, 0, bench.workers, time);
    for (uint32_t round = 0; round < options->rounds; round++)
        for (unsigned k = 0; k < kinds; k++)
            round_direct(&bench, counts[k], &results[k]);
    for (unsigned k = 0; k < kinds; k++)
        show_direct(options, &bench, counts[k], &results[k], &results[0]);
    close_bench(&bench);
}

static void run_distribution(const struct bench_options *options, const struct bench_case *it)
{
    static struct bench bench;
    static struct result results[2];
    struct team_time time[TEAM_MAX];
    struct plan_step step;
    memset(results, 0, sizeof results);
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct bench_case all = *it;
        all.flows *= workers;
        start(&bench, options, it, workers);
        open_distribution(&bench, &all);
        team_run(open_post, &bench, 1, workers, time);
        for (unsigned n = 0; plan_step(&all, n, &step); n++) {
            traffic_play_sequence(bench.generator, step.reverse, step.packets, step.batch_step_ns);
            run_stage(&bench, time);
        }
        for (uint32_t round = 0; round < options->rounds; round++)
            round_stage(&bench, &results[workers - 1]);
        show_stage(options, &bench, &results[workers - 1], &results[0]);
        close_bench(&bench);
    }
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_scaling", argc, argv);
    bench_set_cases(&options, cases, sizeof cases / sizeof cases[0]);
    bench_cycles_hz(); /* measured before there are threads */
    bench_interval(0, 0);
    for (uint32_t i = 0; i < options.case_count; i++)
        run_direct(&options, &options.cases[i]);
    for (uint32_t i = 0; i < options.case_count; i++)
        run_distribution(&options, &options.cases[i]);
    return EXIT_SUCCESS;
}
