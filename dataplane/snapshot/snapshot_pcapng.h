/*
 * The blocks of pcapng that frame a segment: section header, interfaces, statistics, and custom
 * blocks of our own. Blocks with packets are those of the rings, unchanged.
 *
 * A chunk is made in memory and padded to a multiple of 4096 by a custom block. Pure, but for the
 * memory of a chunk; any thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_PCAPNG_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_PCAPNG_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_segment.h"

/* Block types of pcapng; those of packets and custom blocks are in snapshot_block.h. */
enum snapshot_pcapng_type {
    PCAPNG_INTERFACE = 1,
    PCAPNG_STATISTICS = 5,
    PCAPNG_SECTION = 0x0A0D0D0A
};

enum {
    SNAPSHOT_CUSTOM_END = 4 /* the total length again */
};

/* The second half of a custom block's magic, after "span". */
enum snapshot_magic {
    SNAPSHOT_MAGIC_INDEX,   /* "spanidx1" */
    SNAPSHOT_MAGIC_END,     /* "spanend1" */
    SNAPSHOT_MAGIC_PADDING, /* "spanpad1" */
    SNAPSHOT_MAGIC_LOST,    /* "spanlost": what lay here was damaged */
    SNAPSHOT_MAGICS
};

/* The beginning of each of our custom blocks. */
struct snapshot_custom {
    uint32_t type;
    uint32_t length; /* of the whole block */
    uint32_t enterprise;
    char magic[8];
};
static_assert(sizeof(struct snapshot_custom) == 20, "a custom block's beginning");

enum { SNAPSHOT_CUSTOM_MIN = (int)sizeof(struct snapshot_custom) + SNAPSHOT_CUSTOM_END };

/* The last block of a closed segment, at its very end. */
struct snapshot_end {
    struct snapshot_custom custom;
    uint32_t version; /* of the format: SNAPSHOT_FORMAT_VERSION */
    uint64_t number;
    uint64_t opened_ns, closed_ns, first_ns, last_ns;
    uint64_t packets;
    uint64_t index_offset; /* in the file */
    uint64_t index_octets;
    uint32_t blocks;
    uint32_t damaged;
    uint32_t flags; /* 1: payload may be inside */
    uint32_t crc;   /* CRC-32C of all before it in this block */
    uint8_t unused[12];
    uint32_t length_again;
};
static_assert(sizeof(struct snapshot_end) == 120, "a segment's end");
enum { SNAPSHOT_FORMAT_VERSION = 1, SNAPSHOT_END_PAYLOAD = 1 };

/* Fills CUSTOM. */
void snapshot_custom_begin(struct snapshot_custom *custom, enum snapshot_magic magic,
                           uint32_t length);
/* The total length at the end of the block AT, which is LENGTH long. */
void snapshot_custom_finish(uint8_t *at, uint32_t length);
/* Whether it is a custom block of ours with MAGIC; its length is not looked at. */
bool snapshot_custom_is(const struct snapshot_custom *custom, enum snapshot_magic magic);

/* Octets that lie one after the other and grow, in memory that is aligned for O_DIRECT. */
struct snapshot_chunk {
    uint8_t *data;
    size_t octets, room;
    bool failed; /* no memory; everything further is left out */
};
/* Frees; zeros are an empty chunk. */
void snapshot_chunk_clear(struct snapshot_chunk *chunk);
/* Room for OCTETS more at the end, zeroed and already counted; NULL: no memory. */
uint8_t *snapshot_chunk_add(struct snapshot_chunk *chunk, size_t octets);

/* What a section header says in its options; "" or NULL: nothing of it. */
struct snapshot_section {
    const char *application; /* "spanflow VERSION" */
    const char *comments[4]; /* configuration, notice, ... */
};
void snapshot_add_section(struct snapshot_chunk *chunk, const struct snapshot_section *section);
void snapshot_add_interface(struct snapshot_chunk *chunk,
                            const struct snapshot_segment_interface *interface);

/* Statistics of one interface. */
struct snapshot_statistics {
    uint32_t interface;
    uint64_t start_ns, end_ns;
    uint64_t received, dropped; /* by the source, since it was opened; UINT64_MAX: unknown */
    uint64_t kept;              /* packets of it in this segment */
    const char *comment;        /* or NULL */
};
void snapshot_add_statistics(struct snapshot_chunk *chunk,
                             const struct snapshot_statistics *statistics);
/* A custom block up to the next multiple of 4096, less TAIL octets that follow it. */
void snapshot_add_padding(struct snapshot_chunk *chunk, size_t tail);

/* One block of pcapng in DATA (OCTETS long, not trusted). */
struct snapshot_pcapng_block {
    uint32_t type;
    uint32_t length;
    const uint8_t *body;  /* after type and length */
    uint32_t body_octets; /* up to the total length at the end */
};
/* False: there is no whole block, or its two lengths differ. */
bool snapshot_pcapng_next(const uint8_t *data, size_t octets, struct snapshot_pcapng_block *block);
/* The interface of an interface description; false if it is none. */
bool snapshot_pcapng_interface(const struct snapshot_pcapng_block *block,
                               struct snapshot_segment_interface *interface);

#endif
