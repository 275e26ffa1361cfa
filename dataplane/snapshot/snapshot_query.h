/*
 * A question to the snapshot ring: which of the kept packets are wanted, and all of them in the
 * order of time. Reads the segments of a folder, be it the folder of a running probe or a copy of
 * one elsewhere, and, in the probe, the workers' rings in memory as well. A block that is both in
 * memory and on disk counts once. Blocks that cannot hold anything that is asked for are skipped by
 * the index; blocks that fail their checksum are counted and passed over.
 *
 * The order: time first; of packets with the same time the worker with the smaller number, and
 * then the order in which the worker kept them. Blocks are read when the time of their first packet
 * has come, so that about one block for each worker is held at a time. Packets whose time runs back
 * by more than SNAPSHOT_HELD_OCTETS_MAX of wanted packets come too late and are counted.
 *
 * Used by one thread, which may wait for the disk: never the main thread of the probe
 * (snapshot_extract.h runs it on a thread of its own) nor a worker. The workers, the writer and any
 * number of queries go on at the same time.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_QUERY_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_QUERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct snapshot_interfaces;
struct snapshot_ring;
struct snapshot_store;

/* Of the packets that match, waiting for their turn. */
#define SNAPSHOT_HELD_OCTETS_MAX (256ull * 1024 * 1024)
enum {
    SNAPSHOT_FILTER_OCTETS_MAX = 4096, /* of an expression, with the end of the string */
    SNAPSHOT_QUERY_RINGS_MAX = 512     /* those that were taken out lately included */
};

/* Where the kept packets are. All of it must stay as it is until the query is closed: the caller
 * holds the rings (snapshot_ring_hold()). */
struct snapshot_sources {
    struct snapshot_store *store;       /* the probe's own; NULL: none */
    const char *directory;              /* of segments, if there is no store; NULL: memory alone */
    struct snapshot_ring *const *rings; /* one for each worker, or more */
    uint32_t ring_count;                /* 0: disk alone */
    const struct snapshot_interfaces *interfaces; /* of the rings; NULL without rings */
    const _Atomic bool
        *stop; /* set by another thread: snapshot_query_open() gives up; NULL: never */
};

/* The two ends of a conversation, in either direction. What is 0 there is not asked for. Matched
 * against the outermost IP header, with any number of VLAN tags before it; later fragments have
 * no ports and are matched by the rest. */
struct snapshot_tuple {
    uint8_t family;         /* 4 or 6; 0: no addresses are asked for */
    bool with_address[2];   /* end 0 and end 1 */
    uint8_t address[2][16]; /* network order; IPv4 in the first 4 */
    uint16_t port[2];       /* host order; 0 = any */
    uint8_t protocol;       /* 0 = any */
};

/* All that is given must hold. Nothing is kept of the pointers after snapshot_query_open(). */
struct snapshot_question {
    uint64_t from_ns;                   /* since 1970, first time that is wanted */
    uint64_t to_ns;                     /* last; 0 = no end */
    const char *filter;                 /* libpcap expression; NULL or "" = everything */
    const struct snapshot_tuple *tuple; /* NULL = any */
    uint64_t flow_id;                   /* 0 = any */
};

/* One packet as it was kept. Valid until the next call of snapshot_query_next(). */
struct snapshot_kept {
    uint64_t time_ns;
    uint64_t flow_id; /* 0 = none */
    const uint8_t *data;
    uint32_t captured_length;
    uint32_t wire_length;
    uint32_t interface; /* for snapshot_query_interface() */
    uint16_t worker;
};

/* Where a packet was seen. */
struct snapshot_query_interface {
    const char *name;     /* "" if it has none; valid as long as the query */
    uint16_t link_type;   /* LINKTYPE number of pcapng */
    uint32_t snap_length; /* 0 = no limit */
};

/* All cumulative since snapshot_query_open(). */
struct snapshot_query_counts {
    uint64_t segments;        /* looked at */
    uint64_t segments_bad;    /* that could not be opened or read at all */
    uint64_t segments_cut;    /* whose index or end is lost: what was found of them is given */
    uint64_t blocks;          /* that are held, in memory or on disk, when the query began */
    uint64_t blocks_skipped;  /* by time or index, without being read */
    uint64_t blocks_read;     /* whole */
    uint64_t blocks_damaged;  /* checksum or structure wrong */
    uint64_t blocks_gone;     /* overwritten between the begin of the query and their turn */
    uint64_t octets_wanted;   /* of blocks that are not skipped: all there is to read */
    uint64_t octets_read;     /* of them so far: the progress */
    uint64_t packets_read;    /* in the blocks that were read */
    uint64_t packets_matched; /* of them */
    uint64_t packets_late;    /* matched, but given out after a later one */
};

/* One damaged block or segment, in words: which file, where, what. Called on the query's thread.
 */
typedef void (*snapshot_damage_function)(void *context, const char *line);

struct snapshot_query;

/*
 * Plans the query: reads the indexes and decides which blocks have to be read. What is written
 * later is not part of it. NULL and
 * one line in ERROR: no such directory, not readable, the expression is wrong, no memory. Segments
 * that cannot be read, or not whole, are counted and reported to DAMAGE (may be NULL), no error.
 */
struct snapshot_query *snapshot_query_open(const struct snapshot_sources *sources,
                                           const struct snapshot_question *question,
                                           snapshot_damage_function damage, void *context,
                                           struct error *error);

enum snapshot_query_step {
    SNAPSHOT_QUERY_PACKET, /* one packet */
    SNAPSHOT_QUERY_BLOCK,  /* a block was read or passed over, no packet is ready yet: call again */
    SNAPSHOT_QUERY_END,    /* there are no more */
};

/* The next packet in time into PACKET. Reads at most one block in a call, so that its caller can
 * look at its watch, the rate and a wish to stop. */
enum snapshot_query_step snapshot_query_next(struct snapshot_query *query,
                                             struct snapshot_kept *packet);

/* The interface with the number that a packet gave. */
struct snapshot_query_interface snapshot_query_interface(const struct snapshot_query *query,
                                                         uint32_t interface);

/* How far it is, and what it met. Valid until the close. */
const struct snapshot_query_counts *snapshot_query_counts(const struct snapshot_query *query);

/* Ends it at any time. QUERY may be NULL. */
void snapshot_query_close(struct snapshot_query *query);

/* Whether the expression compiles; false and libpcap's reason in ERROR. Takes a few milliseconds,
 * waits for nothing: for the main thread, before a job is started. */
bool snapshot_question_check(const struct snapshot_question *question, struct error *error);

#endif
