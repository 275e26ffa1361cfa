/*
 * A segment: one pcapng file of the ring, as docs/snapshot-format.md describes it, for reading: a
 * closed one (also in a copied folder), or the one that is being written, as far as it is.
 *
 *     [section header, interfaces][block][block]...[more interfaces][block]...
 *     [statistics][index][end]
 *
 * Everything begins at a multiple of 4096. Nothing that is read is trusted: lengths are bounded, a
 * block is good only if its checksum is.
 *
 * A reader belongs to one thread; many threads may have readers of the same segment.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_index.h"

enum {
    SNAPSHOT_ALIGNMENT = 4096,
    SNAPSHOT_NAME_MAX = 64,           /* of a segment's file, with the end of the string */
    SNAPSHOT_INTERFACE_NAME_MAX = 64, /* longer names are cut */
    SNAPSHOT_SEGMENT_INTERFACES_MAX = 65536
};

struct snapshot_segment_interface {
    char name[SNAPSHOT_INTERFACE_NAME_MAX];
    uint16_t link_type; /* LINKTYPE_ of the pcapng file */
};

/* What the end of a segment says of it. */
struct snapshot_segment_facts {
    uint64_t number;    /* counts all segments of a ring from 1, never used twice */
    uint64_t opened_ns; /* wall clock when it was begun and closed; closed_ns 0: still written */
    uint64_t closed_ns;
    uint64_t first_ns; /* earliest and latest packet; 0: no packet */
    uint64_t last_ns;
    uint64_t packets;
    uint64_t octets; /* of the file */
    uint32_t blocks;
    uint32_t damaged; /* blocks found damaged when an unfinished segment was closed */
    bool payload;     /* octets past transport headers may be inside */
};

struct snapshot_segment;

/* Opens the file NAME of the folder FOLDER (descriptor, stays the caller's) and reads its index; an
 * index that is damaged or missing is made anew from the blocks, however long that takes. NULL and
 * ERROR if the file cannot be read or is no segment. The caller closes it; NULL is fine there. */
struct snapshot_segment *snapshot_segment_open(int folder, const char *name, struct error *error);
void snapshot_segment_close(struct snapshot_segment *segment);

/* What its end says of it; lives as long as SEGMENT. */
const struct snapshot_segment_facts *snapshot_segment_facts(const struct snapshot_segment *segment);
/* The file's name. */
const char *snapshot_segment_name(const struct snapshot_segment *segment);
/* True if the index had to be made anew. */
bool snapshot_segment_was_rebuilt(const struct snapshot_segment *segment);
/* Lives as long as SEGMENT. */
const struct snapshot_index *snapshot_segment_index(const struct snapshot_segment *segment);
/* Interfaces by id, as packets name them. Lives as long as SEGMENT. */
const struct snapshot_segment_interface *
snapshot_segment_interfaces(const struct snapshot_segment *segment, uint32_t *count);

enum snapshot_read {
    SNAPSHOT_READ_GOOD,
    SNAPSHOT_READ_DAMAGED, /* checksum or header do not fit the index: skip it, report it */
    SNAPSHOT_READ_FAILED   /* the file cannot be read: errno in ERROR's line */
};
/* Reads block I (of the index) to BUFFER, which has room for SNAPSHOT_BLOCK_OCTETS, and checks its
 * checksum. The block is index->entries[i].octets long. ERROR has a line unless it is good. */
enum snapshot_read snapshot_segment_read(struct snapshot_segment *segment, uint32_t i,
                                         uint8_t *buffer, struct error *error);

#endif
