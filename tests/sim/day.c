/*
 * A day in the life of a probe, in virtual time: two workers, an exporting process, flows that come
 * and go all the time. Each hour has minutes in which a collector takes nothing or refuses, a burst
 * that fills the caches, a worker without traffic; some hours have the exporter asleep until record
 * rings and caches are full, or a jump of the clock. Every hour, and at the end:
 *   the ledger balances, and all that was handed out is in it
 *   no record left later than a second (and a step) after its deadline, longer only by as much as
 *     the rings were full (docs/operations.md, docs/ledger.md)
 *   the process is no larger than after the first hour
 *
 *   day [--hours N] [--load N] [--seed N]      default 24 hours, 60 packets a step and worker
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ledger.h"
#include "sim/churn_source.h"
#include "sim/sim_transport.h"
#include "worker/worker.h"

enum {
    WORKERS = 2,
    COLLECTORS = 2, /* the first has moods, the second takes everything */
    FLOWS_MAX = 16384,
    RING_LINES = 1 << 14,
    STEPS_PER_S = 10,
    STEPS_PER_HOUR = 3600 * STEPS_PER_S,
    STALL_S = 90, /* longer than the sweep can be behind with due epochs that make sense */
    CLEAN_HOURS = 6,
    CATCH_UP_ROUNDS = 2000,
    GROWTH_KIB_MAX = 2048
};
static const uint64_t second_ns = 1000000000;
static const uint64_t step_ns = 1000000000 / STEPS_PER_S;

struct day {
    struct worker *workers[WORKERS];
    struct record_ring *rings[WORKERS];
    struct churn_source sources[WORKERS];
    struct exporting_process_config exporting;
    struct exporting_process *exporter;
    struct sim_far_end far_ends[COLLECTORS];
    uint64_t monotonic_ns;
    uint64_t wall_ns;
    uint64_t cuts;
    uint64_t stall_ns; /* the longest so far */
    uint64_t fills;    /* how often a record found its ring full */
    uint64_t resident_kib;
    uint32_t load;
    bool failed;
};

static void fail(struct day *day, const char *what, uint64_t got, uint64_t bound)
{
    fprintf(stderr, "  after %" PRIu64 " s: %s: %" PRIu64 ", bound %" PRIu64 "\n",
            day->monotonic_ns / second_ns, what, got, bound);
    day->failed = true;
}

/* ---- building ---- */

static void open_worker(struct day *day, uint32_t number, uint64_t seed)
{
    struct error error = {""};
    struct worker_config config = {
        .number = (uint16_t)number,
        .source_count = 1,
        .parser = {.vlan_in_key = true, .fragment_table = true},
        .cache_count = 1,
        .caches = {{.flows_max = FLOWS_MAX,
                    .active_timeout_ns = 60 * second_ns,
                    .idle_timeout_ns = 15 * second_ns,
                    .tcp_linger_ns = 2 * second_ns,
                    .hash_seed = {seed, number + 1, 3, 0x9e3779b97f4a7c15}}},
    };
    churn_source_init(&day->sources[number], seed + number);
    config.sources[0] = &day->sources[number].base;
    day->rings[number] = record_ring_create(RING_LINES, &error);
    check(day->rings[number] != NULL);
    config.caches[0].ring = day->rings[number];
    day->workers[number] = worker_create(&config, &error);
    check(day->workers[number] != NULL);
}

static void open_exporter(struct day *day)
{
    struct exporting_process_config *config = &day->exporting;
    struct error error = {""};
    config->queue_octets_max = 1 << 20;
    config->destination_count = COLLECTORS;
    config->sampling_interval = 1;
    config->template_refresh_s = 60;
    config->template_refresh_messages = 4096;
    config->statistics_interval_s = 60;
    config->interface_count = 1;
    config->interfaces[0].ifindex = 1;
    for (uint32_t c = 0; c < COLLECTORS; c++) {
        struct destination_config *d = &config->destinations[c];
        snprintf(d->name, sizeof d->name, "collector %u", c);
        snprintf(d->host, sizeof d->host, "127.0.0.1");
        d->kind = DESTINATION_UDP; /* its transport is replaced before the first step */
        d->port = 9;
        d->version = c == 0 ? 10 : 9;
        d->profile = PROFILE_PLAIN;
        d->domain = c + 1;
        d->mtu = 1400;
        d->rate_set = true; /* unpaced */
    }
    day->exporter = exporting_process_create(config, day->rings, WORKERS, &error);
    check(day->exporter != NULL);
    for (uint32_t c = 0; c < COLLECTORS; c++)
        exporting_process_set_transport(day->exporter, c,
                                        sim_transport_open(&day->far_ends[c], c + 1));
}

/* ---- one step ---- */

static void step_exporter(struct day *day)
{
    uint64_t next;
    exporting_process_step(day->exporter, day->monotonic_ns, worker_time_ns(day->workers[0]),
                           &next);
}

static void step_worker(struct day *day, uint32_t number)
{
    day->sources[number].now_ns = day->wall_ns;
    do
        worker_step(day->workers[number], day->wall_ns);
    while (day->sources[number].budget > 0);
}

static uint64_t times_ring_was_full(const struct day *day)
{
    uint64_t fills = 0;
    for (uint32_t w = 0; w < WORKERS; w++)
        fills += flow_cache_counters(worker_flow_cache(day->workers[w], 0))->ring_full;
    return fills;
}

/* All workers and the exporter, as threads would go on within the step while a ring is full. */
static void round_trip(struct day *day, bool exporter_sleeps)
{
    for (unsigned n = 0; n < CATCH_UP_ROUNDS; n++) {
        for (uint32_t w = 0; w < WORKERS; w++)
            step_worker(day, w);
        uint64_t fills = times_ring_was_full(day);
        bool full = fills != day->fills;
        day->fills = fills;
        if (exporter_sleeps)
            return;
        step_exporter(day);
        if (!full)
            return;
    }
    fail(day, "rounds until the rings were empty", CATCH_UP_ROUNDS, CATCH_UP_ROUNDS - 1);
}

static void jump_clock(struct day *day, int64_t by_ns)
{
    day->wall_ns = (uint64_t)((int64_t)day->wall_ns + by_ns);
    for (uint32_t w = 0; w < WORKERS; w++)
        worker_clock_stepped(day->workers[w]);
    for (unsigned n = 0; n < CATCH_UP_ROUNDS; n++)
        round_trip(day, false);
}

/* What happens in second SECOND of hour HOUR. True: the exporter sleeps. */
static bool live(struct day *day, uint64_t hour, uint64_t second)
{
    bool away = second >= 20 * 60 && second < 24 * 60;
    bool refusing = second >= 40 * 60 && second < 42 * 60;
    bool burst = second >= 45 * 60 && second < 45 * 60 + 10;
    bool night = hour % 24 >= 16;
    day->far_ends[0].mood.again = away ? 100 : 0;
    day->far_ends[0].mood.refused = refusing ? 100 : 0;
    for (uint32_t w = 0; w < WORKERS; w++) {
        bool quiet = w == 1 && second % 1200 >= 600;
        day->sources[w].new_flow = burst ? 100 : 40;
        day->sources[w].budget = quiet ? 0 : burst ? 40 * day->load : night ? 2 : day->load;
    }
    return hour >= CLEAN_HOURS && hour % 3 == 0 && second >= 1500 && second < 1500 + STALL_S;
}

/* ---- what must hold ---- */

static uint64_t read_resident_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    uint64_t kib = 0;
    check(file != NULL);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    fclose(file);
    return kib;
}

static void check_balance(struct day *day, const struct worker_account *const accounts[],
                          const struct exporter_counters *exported)
{
    static struct ledger ledger;
    struct ledger_account copies[WORKERS];
    struct error problem = {""};
    for (uint32_t w = 0; w < WORKERS; w++) {
        copies[w] = (struct ledger_account){.worker = &accounts[w]->ledger,
                                            .sources = accounts[w]->source,
                                            .source_count = accounts[w]->source_count,
                                            .cached = accounts[w]->cached};
        uint64_t observed = accounts[w]->source[0].observed.packets;
        if (observed != day->sources[w].given)
            fail(day, "packets observed, and handed out", observed, day->sources[w].given);
    }
    ledger_make(&ledger, copies, WORKERS, exported);
    if (ledger_balanced(&ledger, &problem))
        return;
    fprintf(stderr, "  %s\n", problem.text);
    fail(day, "ledgers not balanced", 1, 0);
}

static bool cut_is_made(const struct day *day, const struct worker_account *accounts[])
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        accounts[w] = worker_cut(day->workers[w], day->cuts);
        if (!accounts[w])
            return false;
    }
    return true;
}

static void check_ledger(struct day *day)
{
    static struct exporter_counters exported;
    const struct worker_account *accounts[WORKERS];
    day->cuts++;
    for (uint32_t w = 0; w < WORKERS; w++)
        worker_request_cut(day->workers[w], day->cuts);
    for (unsigned n = 0; n < CATCH_UP_ROUNDS; n++) {
        round_trip(day, false);
        if (!cut_is_made(day, accounts) ||
            !exporting_process_cut(day->exporter, day->cuts, &exported))
            continue;
        check_balance(day, accounts, &exported);
        return;
    }
    fail(day, "cuts that were not made", 1, 0);
}

static uint64_t latest_ns(const struct day *day)
{
    uint64_t latest = 0;
    for (uint32_t w = 0; w < WORKERS; w++) {
        uint64_t late =
            flow_cache_counters(worker_flow_cache(day->workers[w], 0))->sweep_late_ns_max;
        latest = late > latest ? late : latest;
    }
    return latest;
}

/* Sanitizers keep what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool memory_is_ours = false;
#else
static const bool memory_is_ours = true;
#endif

static void check_hour(struct day *day, uint64_t hour)
{
    check_ledger(day);
    uint64_t bound = second_ns + step_ns + day->stall_ns;
    if (latest_ns(day) >= bound)
        fail(day, "ns that the latest record was late", latest_ns(day), bound);
    uint64_t kib = read_resident_kib();
    if (hour == 0)
        day->resident_kib = kib;
    else if (memory_is_ours && kib > day->resident_kib + GROWTH_KIB_MAX)
        fail(day, "KiB resident", kib, day->resident_kib + GROWTH_KIB_MAX);
}

/* A worker that had no packet for ten minutes has nothing left. */
static void check_silence(struct day *day)
{
    uint32_t left = flow_cache_flows(worker_flow_cache(day->workers[1], 0));
    if (left != 0)
        fail(day, "flows of a worker without packets", left, 0);
}

/* ---- the run ---- */

static void run_hour(struct day *day, uint64_t hour)
{
    for (uint64_t step = 0; step < STEPS_PER_HOUR && !day->failed; step++) {
        uint64_t second = step / STEPS_PER_S;
        bool sleeps = live(day, hour, second);
        round_trip(day, sleeps);
        if (sleeps)
            day->stall_ns = STALL_S * second_ns;
        if (step == 1199 * STEPS_PER_S)
            check_silence(day);
        if (hour % 4 == 1 && step == 55 * 60 * STEPS_PER_S)
            jump_clock(day, (int64_t)second_ns * (hour % 8 == 1 ? 3600 : -1800));
        day->monotonic_ns += step_ns;
        day->wall_ns += step_ns;
    }
    if (!day->failed)
        check_hour(day, hour);
}

static void end_workers(struct day *day)
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        day->sources[w].budget = 0;
        worker_stop(day->workers[w]);
        while (worker_step(day->workers[w], day->wall_ns) != WORKER_ENDED)
            step_exporter(day);
    }
}

static void finish(struct day *day)
{
    static struct worker_account accounts[WORKERS];
    static struct exporter_counters exported;
    const struct worker_account *pointers[WORKERS];
    uint64_t next;
    end_workers(day);
    while (
        !exporting_process_drain(day->exporter, day->monotonic_ns, day->wall_ns + step_ns, &next))
        day->monotonic_ns += step_ns;
    exporting_process_counters(day->exporter, &exported);
    for (uint32_t w = 0; w < WORKERS; w++) {
        worker_account_now(day->workers[w], &accounts[w]);
        pointers[w] = &accounts[w];
        const struct worker_ledger *ledger = &accounts[w].ledger;
        if (ledger->records_out != ledger->flows)
            fail(day, "records out, and made", ledger->records_out, ledger->flows);
        if (exported.exported[w].packets != ledger->metered.packets)
            fail(day, "packets exported, and metered", exported.exported[w].packets,
                 ledger->metered.packets);
        if (ledger->metered.packets == 0 || accounts[w].cache.ended[FLOW_END_RESOURCES] == 0)
            fail(day, "bursts that filled the cache", 0, 1);
        printf("worker %u: %" PRIu64 " packets metered, %" PRIu64 " dropped, %" PRIu64
               " records, %" PRIu64 " early, ring full %" PRIu64 " times\n",
               w, ledger->metered.packets, ledger->dropped[DROPPED_CACHE_FULL].packets,
               ledger->records_out, accounts[w].cache.ended[FLOW_END_RESOURCES],
               accounts[w].cache.ring_full);
    }
    check_balance(day, pointers, &exported);
    for (uint32_t c = 0; c < COLLECTORS; c++)
        printf("collector %u: %" PRIu64 " of %" PRIu64 " records\n", c,
               exported.destination[c].sent, exported.destination[c].records);
    if (exported.destination[0].sent >= exported.destination[0].records ||
        exported.destination[1].sent != exported.destination[1].records)
        fail(day, "records of the collector with moods", exported.destination[0].sent,
             exported.destination[0].records - 1);
}

static void close_day(struct day *day)
{
    exporting_process_destroy(day->exporter);
    for (uint32_t w = 0; w < WORKERS; w++) {
        worker_destroy(day->workers[w]);
        record_ring_destroy(day->rings[w]);
    }
}

/* The number after NAME on the command line. */
static uint64_t option(int argc, char **argv, const char *name, uint64_t missing)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return missing;
}

int main(int argc, char **argv)
{
    static struct day day;
    uint64_t hours = option(argc, argv, "--hours", 24);
    uint64_t seed = option(argc, argv, "--seed", 1);
    day.load = (uint32_t)option(argc, argv, "--load", 60);
    if (argc % 2 == 0 || hours == 0 || day.load == 0) {
        fprintf(stderr, "usage: %s [--hours N] [--load N] [--seed N]\n", argv[0]);
        return 2;
    }
    day.wall_ns = 1700000000 * second_ns;
    for (uint32_t w = 0; w < WORKERS; w++)
        open_worker(&day, w, seed);
    open_exporter(&day);
    for (uint64_t hour = 0; hour < hours && !day.failed; hour++)
        run_hour(&day, hour);
    finish(&day);
    printf("%" PRIu64 " hours: latest record %" PRIu64 " ms late, longest stall %" PRIu64
           " s; %" PRIu64 " KiB after the first hour, %" PRIu64 " KiB now: %s\n",
           hours, latest_ns(&day) / 1000000, day.stall_ns / second_ns, day.resident_kib,
           read_resident_kib(), day.failed ? "BAD" : "good");
    close_day(&day);
    return day.failed ? 1 : 0;
}
