/*
 * bench_snapshot_query: one conversation out of a large snapshot ring on disk, through the index,
 * next to tshark reading the same files with a display filter. Packets of 590 octets, kept whole,
 * as a link of 1 Gbit/s would bring them, of 65,536 clients and 1,024 servers; in the middle one
 * conversation of 500 packets within a second. The folder is read as a copy would be, without the
 * probe, once with nothing of it in the kernel's cache and once more. tshark reads one segment,
 * also twice; its time is scaled by the octets. Usage: bench_snapshot_query --folder DIR [--size
 * MIB] [--no-tshark] DIR must not exist; it needs SIZE MiB (20480 by default) and stays there for a
 * look: remove it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/program.h"
#include "ring_maker.h"
#include "snapshot/snapshot_extract.h"

enum {
    PACKET_OCTETS = 590,
    BLOCK_PACKETS = 1600, /* about, in 1 MiB */
    CLIENTS = 65536,
    SERVERS = 1024,
    NEEDLE_PACKETS = 500,
    RING_BLOCKS = 64,
    CHURN = 4096 /* packets until another client comes */
};
#define START_NS       1764370800000000000ull
#define STEP_NS        4800ull /* 590 octets and what the wire adds at 1 Gbit/s */
#define SECOND_NS      1000000000ull
#define NEEDLE         "host 10.99.99.99 and host 192.168.200.200 and tcp port 443"
#define NEEDLE_DISPLAY "ip.addr == 10.99.99.99 and ip.addr == 192.168.200.200 and tcp.port == 443"

struct options {
    const char *folder;
    uint64_t mebibytes;
    bool tshark;
};

static void fail(const char *text)
{
    fprintf(stderr, "bench_snapshot_query: %s\n", text);
    exit(1);
}

static double seconds_since(uint64_t begin_ns)
{
    return (double)(clock_monotonic_ns() - begin_ns) / 1e9;
}

/* The addresses and ports of packet NUMBER into DATA, an Ethernet frame of TCP. */
static void address(uint8_t *data, uint64_t number, bool needle)
{
    uint64_t draw = (number + 1) * 0x9e3779b97f4a7c15ull;
    draw ^= draw >> 29;
    uint32_t client =
        (uint32_t)(draw >> 16) % (CLIENTS / 64) + (uint32_t)(number / CHURN) % 64 * 1024;
    uint32_t server = (uint32_t)(draw >> 40) % SERVERS;
    uint8_t *ip = data + 14, *tcp = data + 34;
    memcpy(ip + 12, "\12\0\0\0", 4);
    memcpy(ip + 16, "\300\250\0\0", 4);
    ip[14] = (uint8_t)(client >> 8);
    ip[15] = (uint8_t)client;
    ip[18] = (uint8_t)(server >> 8);
    ip[19] = (uint8_t)server;
    tcp[0] = (uint8_t)(0x80 | client % 64);
    tcp[1] = (uint8_t)(draw >> 8);
    tcp[2] = 443 >> 8;
    tcp[3] = 443 & 255;
    if (needle) {
        memcpy(ip + 12, "\12\143\143\143", 4);
        memcpy(ip + 16, "\300\250\310\310", 4);
        memcpy(tcp, "\234\100", 2);
    }
}

/* Writes MEBIBYTES of packets into segments; returns the packets. */
static uint64_t fill(const struct options *options)
{
    static uint8_t data[PACKET_BATCH_MAX][PACKET_OCTETS];
    struct ring_maker maker;
    struct error error;
    struct packet_batch batch = {.count = PACKET_BATCH_MAX};
    uint64_t flow_ids[PACKET_BATCH_MAX];
    if (!ring_maker_open(&maker, options->folder, options->mebibytes << 20, 0, 1, RING_BLOCKS,
                         &error))
        fail(error.text);
    for (uint32_t i = 0; i < PACKET_BATCH_MAX; i++) {
        memcpy(data[i] + 12, "\10\0\105\0\2\100\0\1\100\0\100\6", 12);
        data[i][46] = 0x50;
        batch.data[i] = data[i];
        batch.captured_length[i] = batch.wire_length[i] = PACKET_OCTETS;
    }
    /* The last blocks of each segment are the index and its frame. */
    uint64_t packets = options->mebibytes * BLOCK_PACKETS / 100 * 95;
    uint64_t middle = packets / 2, apart = SECOND_NS / STEP_NS / NEEDLE_PACKETS, found = 0;
    for (uint64_t number = 0; number < packets; number += PACKET_BATCH_MAX) {
        for (uint32_t i = 0; i < PACKET_BATCH_MAX; i++) {
            uint64_t n = number + i;
            bool needle = n >= middle && (n - middle) % apart == 0 && found < NEEDLE_PACKETS;
            found += needle;
            address(data[i], n, needle);
            batch.timestamp_ns[i] = START_NS + n * STEP_NS;
            flow_ids[i] = needle ? 4711 : (n * 0x9e3779b97f4a7c15ull >> 44) + 5000;
        }
        ring_maker_append(&maker, 0, &batch, flow_ids);
    }
    ring_maker_close(&maker, true);
    return packets;
}

/* Octets of all segments; takes them out of the kernel's cache. LARGEST gets a path. */
static uint64_t forget(const char *folder, char largest[512], uint64_t *largest_octets)
{
    uint64_t sum = 0;
    DIR *listing = opendir(folder);
    *largest_octets = 0;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        struct stat facts;
        char path[512];
        snprintf(path, sizeof path, "%.200s/%.200s", folder, entry->d_name);
        int file = strncmp(entry->d_name, "snapshot-", 9) == 0 ? open(path, O_RDONLY) : -1;
        if (file < 0)
            continue;
        fdatasync(file);
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        fstat(file, &facts);
        close(file);
        sum += (uint64_t)facts.st_size;
        if ((uint64_t)facts.st_size > *largest_octets) {
            *largest_octets = (uint64_t)facts.st_size;
            memcpy(largest, path, sizeof path);
        }
    }
    closedir(listing);
    return sum;
}

/* One extraction; returns its seconds. */
static double extract(const struct options *options, const struct snapshot_question *question,
                      const char *what)
{
    const struct snapshot_sources sources = {.directory = options->folder};
    const struct snapshot_extract_settings settings = {.software = "bench_snapshot_query"};
    const struct snapshot_extract_order order = {
        .question = *question, .user = "bench", .from = "local", .reason = "how fast"};
    struct snapshot_job_status status;
    struct error error = {""};
    char path[512];
    snprintf(path, sizeof path, "%.400s/bench.pcapng", options->folder);
    uint64_t begin_ns = clock_monotonic_ns();
    if (snapshot_extract_run(&sources, &order, &settings, NULL, path, NULL, NULL, &status,
                             &error) != SNAPSHOT_JOB_COMPLETE)
        fail(error.text);
    double seconds = seconds_since(begin_ns);
    unlink(path);
    if (status.packets != NEEDLE_PACKETS)
        fail("the conversation did not come back whole");
    printf("| %s | %.2f | %llu of %llu | %.1f |\n", what, seconds,
           (unsigned long long)status.counts.blocks_read, (unsigned long long)status.counts.blocks,
           (double)status.counts.octets_read / 1e6);
    fflush(stdout);
    return seconds;
}

/* tshark over one segment: its CPU time, so that what else the machine does, and the disk, do not
 * count against it. */
static double run_tshark(const char *path)
{
    char file[1100];
    struct rusage before, after;
    snprintf(file, sizeof file, "%s", path);
    char *const arguments[] = {"tshark", "-n", "-r", file, "-Y", NEEDLE_DISPLAY, NULL};
    getrusage(RUSAGE_CHILDREN, &before);
    if (!program_run(arguments))
        fail("tshark failed");
    getrusage(RUSAGE_CHILDREN, &after);
    struct timeval user, system_time;
    timersub(&after.ru_utime, &before.ru_utime, &user);
    timersub(&after.ru_stime, &before.ru_stime, &system_time);
    return (double)(user.tv_sec + system_time.tv_sec) +
           (double)(user.tv_usec + system_time.tv_usec) / 1e6;
}

static void compare_with_tshark(const char *segment, uint64_t segment_octets, uint64_t octets,
                                double ours)
{
    double first = run_tshark(segment), again = run_tshark(segment);
    double best = again < first ? again : first;
    double scale = (double)octets / (double)segment_octets;
    printf("| tshark, CPU, one segment of %.0f MB | %.2f | | |\n", (double)segment_octets / 1e6,
           best);
    printf("| tshark, CPU, scaled by %.1f to all | %.1f | | |\n", scale, best * scale);
    printf("\nTimes faster than tshark, nothing cached: %.0f\n", best * scale / ours);
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {{"folder", required_argument, NULL, 'f'},
                                          {"size", required_argument, NULL, 's'},
                                          {"no-tshark", no_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.mebibytes = 20480, .tshark = true};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'f')
            options.folder = optarg;
        else if (option == 's')
            options.mebibytes = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            options.tshark = false;
        else
            exit(2);
    }
    if (!options.folder || options.mebibytes < 64)
        fail("--folder DIR [--size MIB, at least 64] [--no-tshark]");
    return options;
}

int main(int argc, char **argv)
{
    const struct options options = read_options(argc, argv);
    char segment[512] = "";
    uint64_t segment_octets, begin_ns = clock_monotonic_ns();
    uint64_t packets = fill(&options);
    double filling = seconds_since(begin_ns);
    uint64_t octets = forget(options.folder, segment, &segment_octets);
    printf("%llu packets, %.2f GB in segments, written in %.0f s\n\n", (unsigned long long)packets,
           (double)octets / 1e9, filling);
    printf("| what | s | blocks read | MB read |\n|---|---|---|---|\n");
    const struct snapshot_question by_filter = {.filter = NEEDLE}, by_flow = {.flow_id = 4711};
    double ours = extract(&options, &by_filter, "extract by filter, nothing cached");
    forget(options.folder, segment, &segment_octets);
    extract(&options, &by_flow, "extract by flow id, nothing cached");
    extract(&options, &by_filter, "extract by filter, again");
    if (options.tshark)
        compare_with_tshark(segment, segment_octets, octets, ours);
    return 0;
}
