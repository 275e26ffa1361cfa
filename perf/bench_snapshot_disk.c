/*
 * bench_snapshot_disk: what the snapshot writer lays on the disk in a second, with everything that
 * belongs to it (checksums, index, SHA-256, closing and overwriting segments), beside `dd
 * oflag=direct bs=1M` that overwrites a file of the same size in the same folder in the same round.
 * Headers alone make small packets of many flows; payload makes large ones. The folder is made in
 * TMPDIR, else /var/tmp. A ring is filled outside the time that is measured.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/bench/measure.h"
#include "perf/bench/program.h"
#include "snapshot/snapshot_ring.h"
#include "snapshot/snapshot_writer.h"

enum { MEBIBYTE = 1 << 20, RING_BLOCKS = 64, FRAME_OCTETS = 1400 };

struct bench {
    char parent[200], folder[220];
    struct snapshot_interfaces *interfaces;
    struct snapshot_ring *ring;
    struct snapshot_writer *writer;
    uint64_t now_ns;
    uint64_t number;
    uint32_t kept_octets; /* of a packet */
};

static void start(struct bench *bench, uint64_t octets)
{
    struct error note, error;
    const char *base = getenv("TMPDIR");
    snprintf(bench->parent, sizeof bench->parent, "%.150s/bench-XXXXXX", base ? base : "/var/tmp");
    if (!mkdtemp(bench->parent))
        bench_fail("no folder for the ring");
    snprintf(bench->folder, sizeof bench->folder, "%s/ring", bench->parent);
    bench->now_ns = 1764370800000000000;
    bench->interfaces = snapshot_interfaces_create(&error);
    const struct snapshot_ring_config config = {
        .run = 1, .blocks = RING_BLOCKS, .writer = true, .interfaces = bench->interfaces};
    const struct snapshot_writer_settings settings = {
        .store = {.directory = bench->folder, .octets = octets, .version = "bench"}};
    bench->ring = snapshot_ring_create(&config, &error);
    bench->writer = snapshot_writer_create(&settings, bench->now_ns, &note, &error);
    if (!bench->ring || !bench->writer || !snapshot_writer_store(bench->writer))
        bench_fail(error.text);
    snapshot_interfaces_id(bench->interfaces, 0, LINK_ETHERNET);
    snapshot_writer_attach(bench->writer, bench->ring);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

static void stop(struct bench *bench)
{
    snapshot_writer_destroy(bench->writer);
    snapshot_ring_release(bench->ring);
    snapshot_interfaces_destroy(bench->interfaces);
    nftw(bench->parent, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* UDP packets of a thousand flows in turn, ten packets of each. */
static void fill(struct bench *bench)
{
    static uint8_t data[PACKET_BATCH_MAX][FRAME_OCTETS];
    static struct packet_batch packets = {.count = PACKET_BATCH_MAX};
    struct snapshot_batch batch = {.packets = &packets, .kept = UINT64_MAX};
    struct snapshot_ring_counts counts;
    do {
        for (uint32_t i = 0; i < PACKET_BATCH_MAX; i++) {
            uint64_t flow = bench->number / 10000 * 1000 + bench->number % 1000;
            static const uint8_t front[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
            memcpy(data[i], front, sizeof front);
            data[i][23] = 17;
            memcpy(data[i] + 26, &flow, 8);
            memcpy(data[i] + 34, &flow, 4);
            packets.data[i] = data[i];
            packets.captured_length[i] = packets.wire_length[i] = FRAME_OCTETS;
            packets.timestamp_ns[i] = bench->now_ns += 100;
            batch.lengths[i] = bench->kept_octets;
            batch.flow_ids[i] = flow + 1;
            bench->number++;
        }
        snapshot_ring_append(bench->ring, &batch, bench->now_ns);
        snapshot_ring_counts(bench->ring, &counts);
    } while (counts.waiting_blocks + 1 < RING_BLOCKS);
}

/* Gigabytes in a second of the writer, over OCTETS. */
static double write_round(struct bench *bench, uint64_t octets)
{
    struct snapshot_writer_state before, after;
    uint64_t spent_ns = 0;
    snapshot_writer_tell(bench->writer, &before);
    do {
        fill(bench);
        uint64_t begun_ns = bench_wall_ns();
        while (snapshot_writer_step(bench->writer, bench->now_ns))
            continue;
        spent_ns += bench_wall_ns() - begun_ns;
        snapshot_writer_tell(bench->writer, &after);
        if (after.faulty)
            bench_fail(after.fault);
    } while (after.disk_octets - before.disk_octets < octets);
    return (double)(after.disk_octets - before.disk_octets) / (double)spent_ns;
}

/* The same of dd, onto a file whose space is already reserved. */
static double dd_round(const struct bench *bench, uint64_t octets)
{
    char path[260], to[270], count[40];
    snprintf(path, sizeof path, "%s/dd", bench->parent);
    snprintf(to, sizeof to, "of=%s", path);
    snprintf(count, sizeof count, "count=%llu", (unsigned long long)(octets / MEBIBYTE));
    char *const arguments[] = {"dd",           "if=/dev/zero", to,    "oflag=direct",
                               "conv=notrunc", "bs=1M",        count, NULL};
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || fallocate(file, 0, 0, (off_t)octets) != 0)
        bench_fail("no file for dd");
    close(file);
    uint64_t begun_ns = bench_wall_ns();
    if (!program_run(arguments))
        bench_fail("dd oflag=direct failed");
    uint64_t spent_ns = bench_wall_ns() - begun_ns;
    unlink(path);
    return (double)octets / (double)spent_ns;
}

static void run(const struct bench_options *options, const char *kept, uint32_t kept_octets)
{
    struct bench bench = {.kept_octets = kept_octets};
    uint64_t ring_octets = (options->quick ? 64 : 512) * (uint64_t)MEBIBYTE;
    uint64_t round_octets = ring_octets / 2;
    struct bench_samples writer = {0}, dd = {0}, ratio = {0};
    struct snapshot_writer_state state;
    struct snapshot_account account;
    start(&bench, ring_octets);
    write_round(&bench, ring_octets); /* so that all that is measured overwrites */
    for (uint32_t round = 0; round < options->rounds; round++) {
        double one = write_round(&bench, round_octets), other = dd_round(&bench, round_octets);
        bench_add(&writer, one);
        bench_add(&dd, other);
        bench_add(&ratio, one / other);
    }
    snapshot_ring_leave(bench.ring);
    while (snapshot_writer_step(bench.writer, bench.now_ns))
        continue;
    snapshot_ring_account(bench.ring, &account);
    snapshot_writer_tell(bench.writer, &state);
    bench_row_begin("snapshot_disk");
    bench_row_text("kept", kept);
    bench_row_number("mebibytes", (double)round_octets / MEBIBYTE, 0);
    bench_row_truth("direct", state.direct);
    bench_row_number("gb_per_s", bench_median(&writer), 3);
    bench_row_number("dd_gb_per_s", bench_median(&dd), 3);
    bench_row_number("ratio", bench_median(&ratio), 2);
    bench_row_truth("balanced", snapshot_account_balanced(&account));
    bench_row_end(options);
    stop(&bench);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_snapshot_disk", argc, argv);
    run(&options, "headers", 42);
    run(&options, "payload", FRAME_OCTETS);
    return EXIT_SUCCESS;
}
