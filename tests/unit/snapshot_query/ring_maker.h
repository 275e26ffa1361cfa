/*
 * Rings of several workers with or without a writer behind them, filled by hand: for tests and
 * benchmarks of queries. One thread does everything, unless the caller steps the writer in another.
 */
#ifndef SPANFLOW_UNIT_SNAPSHOT_QUERY_RING_MAKER_H
#define SPANFLOW_UNIT_SNAPSHOT_QUERY_RING_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_query.h"
#include "snapshot/snapshot_ring.h"
#include "snapshot/snapshot_writer.h"

enum { RING_MAKER_WORKERS_MAX = 8 };

struct ring_maker {
    struct snapshot_interfaces *interfaces;
    struct snapshot_ring *rings[RING_MAKER_WORKERS_MAX];
    uint32_t workers;
    struct snapshot_writer *writer; /* NULL: memory alone */
    uint64_t now_ns;                /* a clock that the maker turns on by hand */
};

/* WORKERS rings of BLOCKS blocks; FOLDER (NULL: memory alone) may hold OCTETS in segments of
 * SEGMENT_OCTETS. False and ERROR. */
bool ring_maker_open(struct ring_maker *maker, const char *folder, uint64_t octets,
                     uint64_t segment_octets, uint32_t workers, uint32_t blocks,
                     struct error *error);

/* Keeps all packets of BATCH whole in the ring of WORKER; FLOW_IDS may be NULL: 0. Their ports get
 * ids of interfaces. Steps the writer first if it is behind. */
void ring_maker_append(struct ring_maker *maker, uint32_t worker, const struct packet_batch *batch,
                       const uint64_t *flow_ids);

/* Shows what was appended to queries, as workers that get no more packets do. */
void ring_maker_show(struct ring_maker *maker);

/* Seals open blocks and has all of it written. */
void ring_maker_drain(struct ring_maker *maker);

/* What a query needs to see all of it: rings, and the store if there is one. */
struct snapshot_sources ring_maker_sources(const struct ring_maker *maker);

/* Ends it; FINISH: the last segment is closed. */
void ring_maker_close(struct ring_maker *maker, bool finish);

#endif
