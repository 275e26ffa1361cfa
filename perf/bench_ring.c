/*
 * bench_ring: records a second over the record ring, written and taken by one thread in turn and by
 * two threads, for records of IPv4 and IPv6 and several sizes of ring, beside a loop that copies
 * the same lines into memory of the same size. cycles_per_packet and limit_mpps are per record.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "flow/record_ring.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/records.h"

enum { KEPT_RECORDS = 4096, BURST = 64 };

struct bench {
    struct record_ring *ring;
    uint8_t *lines; /* KEPT_RECORDS records of the same number of lines */
    unsigned record_lines;
    uint64_t records;           /* of a round */
    struct ledger_pair written; /* packets and octets that the records hold */
    struct ledger_pair taken;
    _Atomic uint64_t still_coming;
};

static void write_burst(struct bench *bench, uint64_t from, uint32_t count)
{
    size_t octets = (size_t)bench->record_lines * FLOW_LINE;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *record = bench->lines + (from + i) % KEPT_RECORDS * octets;
        void *place;
        while ((place = record_ring_reserve(bench->ring, bench->record_lines)) == NULL) {
            record_ring_publish(bench->ring);
            sched_yield();
        }
        memcpy(place, record, octets);
    }
    record_ring_publish(bench->ring);
}

static void write_round(struct bench *bench, bool alone)
{
    for (uint64_t done = 0; done < bench->records; done += BURST) {
        write_burst(bench, done, BURST);
        if (alone)
            plan_discard(bench->ring, &bench->taken);
    }
}

static void *take_records(void *argument)
{
    struct bench *bench = argument;
    bool last;
    do {
        last = atomic_load_explicit(&bench->still_coming, memory_order_acquire) == 0;
        if (record_ring_used_lines(bench->ring) == 0)
            sched_yield();
        plan_discard(bench->ring, &bench->taken);
    } while (!last);
    return NULL;
}

static double round_with(struct bench *bench, unsigned threads)
{
    pthread_t consumer;
    uint64_t start_ns = bench_wall_ns(), cpu_ns = bench_cpu_ns();
    if (threads == 1) {
        write_round(bench, true);
        return (double)(bench_cpu_ns() - cpu_ns);
    }
    atomic_store(&bench->still_coming, 1);
    if (pthread_create(&consumer, NULL, take_records, bench) != 0)
        bench_fail("no second thread");
    write_round(bench, false);
    atomic_store_explicit(&bench->still_coming, 0, memory_order_release);
    pthread_join(consumer, NULL);
    return (double)(bench_wall_ns() - start_ns);
}

static void run(const struct bench_options *options, uint32_t family, uint32_t lines,
                unsigned threads)
{
    static struct bench bench;
    struct error error;
    memset(&bench, 0, sizeof bench);
    bench.ring = record_ring_create(lines, &error);
    uint64_t span = (uint64_t)lines * FLOW_LINE;
    bench.lines = aligned_alloc(64, (size_t)KEPT_RECORDS * FLOW_LINE * FLOW_ELEMENT_LINES_MAX);
    uint8_t *target = aligned_alloc(64, span);
    uint8_t *copied = aligned_alloc(64, span);
    if (!bench.ring || !bench.lines || !target || !copied)
        bench_fail("no memory for a ring");
    memset(copied, 1, span);
    struct ledger_pair once = {0, 0};
    uint8_t *at = bench.lines;
    for (uint32_t r = 0; r < KEPT_RECORDS; r++) {
        bench.record_lines = bench_record(at, r, family, true);
        struct flow_record record = flow_record_at(at);
        for (unsigned side = 0; side < 2; side++)
            ledger_add(&once, flow_packets(record.hot, record.cold, side),
                       flow_octets(record.hot, record.cold, side));
        at += (size_t)bench.record_lines * FLOW_LINE;
    }
    bench.records = (options->packets + KEPT_RECORDS - 1) / KEPT_RECORDS * KEPT_RECORDS;
    struct bench_samples cycles = {0}, limit = {0};
    for (uint32_t round = 0; round < options->rounds; round++) {
        uint64_t unit = (uint64_t)bench.record_lines * FLOW_LINE;
        bench_add(&limit, limit_copy(target, copied, span, unit, bench.records));
        double ns = round_with(&bench, threads);
        bench_add(&cycles, ns * bench_cycles_hz() / 1e9 / (double)bench.records);
        ledger_add(&bench.written, once.packets * (bench.records / KEPT_RECORDS),
                   once.octets * (bench.records / KEPT_RECORDS));
    }
    bench_row_begin("ring");
    bench_row_number("family", family, 0);
    bench_row_number("ring_lines", lines, 0);
    bench_row_number("threads", threads, 0);
    bench_row_rate("records_per_s", &cycles, &limit);
    bench_row_truth("balanced", bench.written.packets == bench.taken.packets &&
                                    bench.written.octets == bench.taken.octets);
    bench_row_end(options);
    free(copied);
    free(target);
    free(bench.lines);
    record_ring_destroy(bench.ring);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_ring", argc, argv);
    const uint32_t sizes[] = {1u << 12, 1u << 14, 1u << 20};
    for (unsigned threads = 1; threads <= 2; threads++)
        for (uint32_t family = 4; family <= 6; family += 2)
            for (unsigned s = 0; s < (options.quick ? 1 : 3); s++)
                run(&options, family, sizes[s], threads);
    return EXIT_SUCCESS;
}
