/*
 * What the tests of extraction share: a folder of their own, a ring with numbered UDP packets in
 * it, and files read back. Test code only; asserts with cmocka.
 */
#ifndef SPANFLOW_UNIT_SNAPSHOT_QUERY_QUERY_BENCH_H
#define SPANFLOW_UNIT_SNAPSHOT_QUERY_QUERY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "ring_maker.h"
#include "snapshot/snapshot_extract.h"

enum { QUERY_BENCH_OCTETS = 200, QUERY_BENCH_WORKERS = 2 };
#define QUERY_BENCH_START 1764370800000000000ull

struct query_bench {
    char folder[256]; /* of the ring */
    char parent[240];
    char output[300]; /* a path that does not exist */
    struct ring_maker maker;
    uint64_t next; /* number of the next packet */
};

/* A folder with a ring of OCTETS in segments of 16 MiB. */
void query_bench_begin(struct query_bench *bench, uint64_t octets);
/* COUNT packets: number n has time START + n us, flow n % 100 + 1, worker n % 2, and goes from
 * 10.0.F.1 port 1000 to 192.0.2.1 port 53, F the flow. */
void query_bench_feed(struct query_bench *bench, uint64_t count);
/* Packet NUMBER into DATA. */
void query_bench_packet(uint64_t number, uint8_t data[QUERY_BENCH_OCTETS]);
/* Closes the ring, its last segment as well. */
void query_bench_close(struct query_bench *bench);
/* Removes the folder. */
void query_bench_clean(struct query_bench *bench);

/* The whole file; freed by the caller. NULL: it is not there. */
uint8_t *query_bench_read(const char *path, size_t *octets);
/* Packets of the file by libpcap; -1: no capture. */
long query_bench_count(const char *path);
/* Whether the file holds TEXT. */
bool query_bench_holds(const char *path, const char *text);

#endif
