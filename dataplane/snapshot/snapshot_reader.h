/*
 * The blocks that a query has to read, wherever they are: in segments on disk or in the workers'
 * rings in memory, in one list and by one function. Owned and used by one query, on its thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_READER_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_match.h"
#include "snapshot/snapshot_query.h"

struct snapshot_reader;

/* One block to be read. */
struct snapshot_piece {
    uint64_t first_ns; /* of its packets; 0: not known before it is read */
    uint64_t last_ns;
    uint64_t run;
    uint64_t sequence;
    uint32_t octets;
    uint32_t place; /* of the reader: which segment, or which ring */
    uint32_t entry; /* in the segment's index */
    uint16_t worker;
    bool memory;
};

/* Lists the blocks that MATCH does not rule out. COUNTS and DAMAGE as in snapshot_query.h; both
 * are used until the end, as are MATCH and SOURCES. NULL and one line in ERROR. */
struct snapshot_reader *snapshot_reader_open(const struct snapshot_sources *sources,
                                             struct snapshot_match *match,
                                             struct snapshot_query_counts *counts,
                                             snapshot_damage_function damage, void *context,
                                             struct error *error);
/* READER may be NULL. */
void snapshot_reader_close(struct snapshot_reader *reader);

/* The pieces by the time of their first packet, *COUNT of them. Valid until the close. */
const struct snapshot_piece *snapshot_reader_pieces(const struct snapshot_reader *reader,
                                                    uint32_t *count);

/* Reads piece I into BUFFER of SNAPSHOT_BLOCK_OCTETS, aligned for O_DIRECT. Returns its octets, or
 * 0: damaged or gone, and counted. */
uint32_t snapshot_reader_read(struct snapshot_reader *reader, uint32_t i, uint8_t *buffer);

/* The query's number of interface ID as packets of PIECE name it; false if there is none. */
bool snapshot_reader_interface(struct snapshot_reader *reader, const struct snapshot_piece *piece,
                               uint32_t id, uint32_t *number);
/* The interface with a number of the query. */
struct snapshot_query_interface snapshot_reader_described(const struct snapshot_reader *reader,
                                                          uint32_t number);

/* Notes that a packet in piece I makes no sense: the rest of the block counts as damaged. */
void snapshot_reader_damaged(struct snapshot_reader *reader, uint32_t i);

#endif
