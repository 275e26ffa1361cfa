/*
 * Walks a segment's file chunk by chunk: for files without an end (the process was killed) or with
 * a damaged index. Trusts nothing. One thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_SCAN_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_SCAN_H

#include "snapshot/snapshot_pcapng.h"

/* Interfaces of a segment, by id. */
struct snapshot_segment_names {
    struct snapshot_segment_interface *list;
    uint16_t *link_types;
    uint32_t count, room;
};
/* Appends; false on lack of memory or if there are too many. */
bool snapshot_names_add(struct snapshot_segment_names *names,
                        const struct snapshot_segment_interface *interface);
void snapshot_names_clear(struct snapshot_segment_names *names);
/* Appends the interfaces that DATA (a chunk of pcapng blocks, not trusted) describes. False on lack
 * of memory. */
bool snapshot_names_read(struct snapshot_segment_names *names, const uint8_t *data, size_t octets);

/* Called for each stretch between good chunks: damaged, torn or never written. */
typedef void snapshot_hole_function(void *context, uint64_t offset, uint64_t octets);

struct snapshot_scan {
    int file;
    uint64_t octets;                      /* of the file: in */
    struct snapshot_index *index;         /* good blocks are appended */
    struct snapshot_segment_names *names; /* interfaces are appended */
    snapshot_hole_function *hole;         /* may be NULL */
    void *context;
    uint64_t end;     /* after the last good chunk: out */
    uint32_t damaged; /* places that had the beginning of a block but no good one: out */
    bool payload;     /* a good block may hold payload: out */
};
/* False and ERROR: the file cannot be read, or no memory. */
bool snapshot_scan_run(struct snapshot_scan *scan, struct error *error);

/* Reads OCTETS at OFFSET. False with errno; 0 if the file is shorter. */
bool snapshot_read_at(int file, void *data, size_t octets, uint64_t offset);

#endif
