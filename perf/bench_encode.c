/*
 * bench_encode: data records a second of the exporting process: encoding only, with a transport
 * that discards, for the profiles and versions; then over UDP on the loopback to a collector that
 * counts what it received. Only exporting_process_step() is timed (CPU time of its thread), the
 * record ring is filled outside. The limit is a loop that copies as many octets as each record's
 * lines have, from memory of the same size. cycles_per_packet and limit_mpps are per record.
 * Records have random addresses: of IPv4 most are known to the anonymiser from the round before, of
 * IPv6 most are not. Records that are merged find none that they become one with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporting_process.h"
#include "perf/bench/discard.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/receiver.h"
#include "perf/bench/records.h"

enum { KEPT_RECORDS = 1 << 14, PORTION = 2048, RING_LINES = 1 << 13 };

struct encoding {
    const char *name;
    unsigned version;
    enum export_profile profile;
    uint32_t family;
    bool biflow;
    bool udp;
    bool anonymise;
    bool merge;
};

static const struct encoding encodings[] = {
    {.name = "ipfix plain", 10, PROFILE_PLAIN, 4, false, false},
    {.name = "ipfix plain", 10, PROFILE_PLAIN, 6, false, false},
    {.name = "v9 plain", 9, PROFILE_PLAIN, 4, false, false},
    {.name = "v9 nfdump", 9, PROFILE_NFDUMP, 4, false, false},
    {.name = "ipfix nfdump", 10, PROFILE_NFDUMP, 4, false, false},
    {.name = "ipfix plain biflow", 10, PROFILE_PLAIN, 4, true, false},
    {.name = "ipfix silk biflow", 10, PROFILE_SILK, 4, true, false},
    {.name = "ipfix full", 10, PROFILE_FULL, 4, false, false},
    {.name = "v5", 5, PROFILE_V5, 4, false, false},
    {.name = "ipfix plain", 10, PROFILE_PLAIN, 4, false, true},
    {.name = "v9 nfdump", 9, PROFILE_NFDUMP, 4, false, true},
    {.name = "ipfix plain, anonymised", 10, PROFILE_PLAIN, 4, .anonymise = true},
    {.name = "ipfix plain, anonymised", 10, PROFILE_PLAIN, 6, .anonymise = true},
    {.name = "ipfix plain, merged", 10, PROFILE_PLAIN, 4, .merge = true},
};

struct bench {
    struct record_ring *ring;
    struct exporting_process *process;
    uint8_t *lines;
    unsigned record_lines;
    uint64_t next;
};

static void fill_ring(struct bench *bench, uint32_t count)
{
    size_t octets = (size_t)bench->record_lines * FLOW_LINE;
    for (uint32_t i = 0; i < count; i++) {
        void *place = record_ring_reserve(bench->ring, bench->record_lines);
        if (!place)
            bench_fail("the ring is too small for a portion");
        memcpy(place, bench->lines + bench->next++ % KEPT_RECORDS * octets, octets);
    }
    record_ring_publish(bench->ring);
}

/* One round; returns the CPU nanoseconds of the exporter's steps. */
static uint64_t play(struct bench *bench, uint64_t records)
{
    uint64_t cpu_ns = 0;
    for (uint64_t done = 0; done < records; done += PORTION) {
        fill_ring(bench, PORTION);
        uint64_t start_ns = bench_cpu_ns(), now_ns = bench_wall_ns();
        while (record_ring_used_lines(bench->ring) > 0)
            exporting_process_step(bench->process, now_ns, bench_records_end_ns, NULL);
        cpu_ns += bench_cpu_ns() - start_ns;
    }
    return cpu_ns;
}

/* What this destination does to records besides encoding them. */
static struct exporting_process *open_process(struct bench *bench, const struct encoding *encoding,
                                              uint16_t port)
{
    static struct exporting_process_config config;
    struct error error;
    struct destination_config *to = &config.destinations[0];
    discard_configure(&config, encoding->version, encoding->profile, encoding->biflow, port);
    if (encoding->merge) {
        to->client_port_records = KEPT_RECORDS / 2;
        to->client_port_window_s = 60;
    }
    char path[] = "/tmp/spanflow-bench-XXXXXX";
    if (encoding->anonymise) {
        static const char key[] = "a key for benchmarks, no secret.";
        int fd = mkstemp(path);
        if (fd < 0 || write(fd, key, sizeof key - 1) != (ssize_t)sizeof key - 1)
            bench_fail("the key file cannot be written");
        close(fd);
        snprintf(to->anonymisation_key, sizeof to->anonymisation_key, "%s", path);
    }
    struct exporting_process *process =
        encoding->udp ? exporting_process_create(&config, &bench->ring, 1, &error)
                      : discard_open(bench->ring, &config);
    if (encoding->anonymise)
        unlink(path);
    if (!process)
        bench_fail(error.text);
    return process;
}

static void open_bench(struct bench *bench, const struct encoding *encoding, uint16_t port)
{
    struct error error;
    memset(bench, 0, sizeof *bench);
    bench->ring = record_ring_create(RING_LINES, &error);
    bench->lines = aligned_alloc(64, (size_t)KEPT_RECORDS * FLOW_LINE * FLOW_ELEMENT_LINES_MAX);
    if (!bench->ring || !bench->lines)
        bench_fail("no memory for the records");
    uint8_t *at = bench->lines;
    for (uint32_t r = 0; r < KEPT_RECORDS; r++) {
        bench->record_lines = bench_record(at, r, encoding->family, encoding->biflow);
        at += (size_t)bench->record_lines * FLOW_LINE;
    }
    const struct metering_counts metering = {.start_ns = bench_records_start_ns};
    bench->process = open_process(bench, encoding, encoding->udp ? port : 4739);
    if (!encoding->udp)
        exporting_process_tell_metering(bench->process, &metering, 0);
}

/* Everything out, then whether each record is sent or in a message under construction: none. */
static void drain(struct bench *bench, struct destination_counters *account)
{
    static struct exporter_counters counters;
    while (!exporting_process_drain(bench->process, bench_wall_ns(), bench_records_end_ns, NULL))
        continue;
    exporting_process_counters(bench->process, &counters);
    *account = counters.destination[0];
}

static void run(const struct bench_options *options, const struct encoding *encoding)
{
    static struct bench bench;
    static struct receiver receiver;
    struct destination_counters account;
    if (encoding->udp)
        receiver_start(&receiver);
    open_bench(&bench, encoding, receiver.port);
    size_t unit = (size_t)bench.record_lines * FLOW_LINE, span = unit * KEPT_RECORDS;
    uint8_t *target = aligned_alloc(64, span);
    if (!target)
        bench_fail("no memory for the copy");
    memset(target, 0, span);
    struct bench_samples cycles = {0}, limit = {0};
    uint64_t records = (options->packets / (encoding->udp ? 4 : 1) + PORTION) / PORTION * PORTION;
    uint64_t rounds_ns = 0;
    for (uint32_t round = 0; round < options->rounds; round++) {
        bench_add(&limit, limit_copy(target, bench.lines, span, unit, records));
        uint64_t start_ns = bench_wall_ns();
        double ns = (double)play(&bench, records);
        rounds_ns += bench_wall_ns() - start_ns;
        bench_add(&cycles, ns * bench_cycles_hz() / 1e9 / (double)records);
    }
    drain(&bench, &account);
    bench_row_begin("encode");
    bench_row_text("encoding", encoding->name);
    bench_row_number("family", encoding->family, 0);
    bench_row_text("transport", encoding->udp ? "udp" : "discard");
    bench_row_rate("records_per_s", &cycles, &limit);
    bench_row_number("octets_per_record", (double)account.octets / (double)account.data_records, 1);
    bool balanced = account.records == records * options->rounds &&
                    account.records == account.sent + account.queued;
    if (encoding->udp) {
        receiver_stop(&receiver);
        bench_row_number("wall_records_per_s", (double)receiver.records * 1e9 / (double)rounds_ns,
                         0);
        bench_row_number("sent_messages", (double)account.messages, 0);
        bench_row_number("received_messages", (double)receiver.messages, 0);
        bench_row_number("received_records", (double)receiver.records, 0);
    }
    bench_row_truth("balanced", balanced);
    bench_row_end(options);
    exporting_process_destroy(bench.process);
    record_ring_destroy(bench.ring);
    free(bench.lines);
    free(target);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_encode", argc, argv);
    for (unsigned e = 0; e < sizeof encodings / sizeof encodings[0]; e++)
        run(&options, &encodings[e]);
    return EXIT_SUCCESS;
}
