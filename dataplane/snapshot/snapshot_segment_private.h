/*
 * What a reader of a segment is made of; the store makes readers of the segment that is being
 * written by itself. Included by the store and snapshot_segment.c alone.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_PRIVATE_H

#include "snapshot/snapshot_segment.h"
#include "snapshot/snapshot_segment_scan.h"

struct snapshot_segment {
    int file; /* holds a shared lock (flock): the segment is not overwritten meanwhile */
    char name[SNAPSHOT_NAME_MAX];
    struct snapshot_segment_facts facts;
    struct snapshot_index index;
    struct snapshot_segment_names names;
    bool rebuilt;
};

/* A reader of FILE, which it owns from now on, without anything in it. NULL on lack of memory. */
struct snapshot_segment *snapshot_segment_make(int file, const char *name);

/* Opens NAME for reading with a shared lock on it. -1 and errno; EAGAIN: it is being overwritten.
 */
int snapshot_segment_open_file(int folder, const char *name);

/* Reads and checks the end of FILE, which has OCTETS. False: there is no good one. */
bool snapshot_segment_read_end(int file, uint64_t octets, struct snapshot_end *end);

#endif
