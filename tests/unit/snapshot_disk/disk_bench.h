/*
 * What the tests of the snapshot ring's disk side share: a folder of their own, a ring that is fed
 * with numbered packets, and a writer that takes them.
 */
#ifndef SPANFLOW_TESTS_DISK_BENCH_H
#define SPANFLOW_TESTS_DISK_BENCH_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after those */
#include <setjmp.h>
/* and last */
#include <cmocka.h>

#include "snapshot/snapshot_manifest.h"
#include "snapshot/snapshot_ring.h"
#include "snapshot/snapshot_writer.h"

enum { BENCH_MEBIBYTE = 1 << 20, BENCH_PACKET_OCTETS = 1000 };
#define BENCH_SECOND 1000000000ull
#define BENCH_START  (1764370800ull * BENCH_SECOND)

struct disk_bench {
    char folder[256]; /* the ring's; its parent is the bench's own */
    char parent[240];
    struct snapshot_settings settings;
    struct snapshot_interfaces *interfaces;
    struct snapshot_ring *ring;
    struct snapshot_writer *writer;
    uint64_t next;   /* number of the next packet; also its flow id less one */
    uint64_t now_ns; /* the virtual clock, and the packets' time */
    char told[8192]; /* lines of the writer */
    unsigned lines;
    struct error note, error;
};

/* A folder that is not there yet, for a ring of OCTETS in segments of SEGMENT_OCTETS. */
void bench_prepare(struct disk_bench *bench, uint64_t octets, uint64_t segment_octets);
/* Makes ring and writer. */
void bench_start(struct disk_bench *bench);
/* Seals, steps until the ring is empty, ends the writer. FINISH: closes the segment, too. */
void bench_stop(struct disk_bench *bench, bool finish);
/* Removes the folder. */
void bench_clean(struct disk_bench *bench);
/* Feeds COUNT packets of BENCH_PACKET_OCTETS, a microsecond apart, stepping the writer. */
void bench_feed(struct disk_bench *bench, uint64_t count);
/* Feeds COUNT packets, at most PACKET_BATCH_MAX, without the writer: one thread. */
void bench_append(struct disk_bench *bench, uint32_t count);
/* Seals the open block and steps until the ring is empty. */
void bench_drain(struct disk_bench *bench);
/* The books of ring and writer agree: everything seen is stored, failed, in memory or overload. */
void bench_balance(struct disk_bench *bench);
/* Packet NUMBER as it was fed. */
void bench_packet(uint64_t number, uint8_t data[BENCH_PACKET_OCTETS]);

/* What a walk over all that is held found. */
struct bench_held {
    uint64_t first, last, packets; /* numbers of packets */
    uint64_t blocks, damaged, segments;
};
/* Reads every block of every segment in order; packets must be whole, and without a gap unless
 * GAPS. */
void bench_read(struct snapshot_store *store, bool gaps, struct bench_held *held);
/* The verdict on the folder. */
enum snapshot_verdict bench_verify(const char *folder, struct snapshot_verification *result);

#endif
