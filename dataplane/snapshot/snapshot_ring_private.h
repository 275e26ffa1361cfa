/*
 * What the files of the snapshot ring share among themselves; nobody else includes this.
 *   snapshot_ring.c    creation, books, the writer's and the readers' ends
 *   snapshot_append.c  the worker's end
 *   snapshot_stage.c   its loop over packets, compiled for several instruction sets
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_RING_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_RING_PRIVATE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "snapshot/snapshot_ring.h"
#include "snapshot/snapshot_stage.h"

/* How far the open block is published: its sequence above the octets that may be read of it. */
enum { POSITION_BITS = 21 };

/* The stage is flushed when it holds more than STAGE_FULL octets; packet blocks of more than
 * STAGE_PACKET_MAX pass it by. Copies may write STAGE_SLACK octets behind a packet. */
enum { LINE = 64, STAGE_FULL = 2048, STAGE_PACKET_MAX = 2048, STAGE_SLACK = 4 * LINE };

struct snapshot_ring {
    /* Never changes. */
    struct snapshot_ring_config config;
    uint8_t *memory;
    struct arena arena;
    const struct snapshot_stage *stage_variant;
    _Atomic uint32_t holders;

    /* The worker's own. */
    _Alignas(64) uint8_t *open; /* the block that is being filled; NULL: none */
    struct fill {
        uint32_t used;   /* octets of it, those in the stage included */
        uint32_t staged; /* octets in the stage, which begins on a line of the block */
        uint32_t moved;  /* octets of whole packets that are in the block; all: and published */
        uint32_t packets;
        uint64_t octets; /* of frames */
        uint64_t first_ns;
        uint64_t last_ns;
    } fill;
    uint64_t sequence; /* of the open block, or of the next one */
    uint64_t opened_ns;
    uint64_t taken_seen; /* the writer's count as it was last looked at */
    uint64_t told_ns;
    uint64_t ticked;          /* packets seen at the last tick */
    uint32_t interface_known; /* port << 8 | link of the last packet, and its id */
    uint32_t interface_id;
    uint8_t flags;     /* of the open block */
    uint8_t flags_now; /* of the batch */
    /* seen, cut_off, overload; stored if there is no writer. */
    struct snapshot_account books;
    struct ledger_pair kept;
    uint64_t written_octets;
    _Alignas(LINE) uint8_t stage[STAGE_FULL + STAGE_PACKET_MAX + STAGE_SLACK];

    /* Written by the worker, read by others. */
    _Alignas(64) _Atomic uint64_t filled; /* sealed blocks */
    _Atomic uint64_t position;            /* of the open block */
    _Atomic uint64_t begun;               /* blocks that were begun */
    _Atomic bool left;
    _Atomic uint64_t told_kept_packets, told_kept_octets, told_written, told_cut_off, told_overload;
    /* The last ledger cut: complete when cut_made has its number. */
    struct snapshot_account cut_books;
    _Atomic uint64_t cut_sequence; /* blocks from this one on are behind the cut */
    _Atomic uint64_t cut_made;

    /* Written by the writer, read by others. */
    _Alignas(64) _Atomic uint64_t taken; /* blocks it is done with */
    struct ledger_pair stored;
    struct ledger_pair failed[SNAPSHOT_FAILED_COUNT];
    /* Its answer to a cut: complete when cut_answered has its number. */
    struct snapshot_account answer;
    _Atomic uint64_t cut_answered;
};

/* The header of block SEQUENCE with what never changes; it is not sealed. */
struct snapshot_block_header snapshot_header(const struct snapshot_ring *ring, uint64_t sequence);

/* Moves and publishes what the stage holds. Worker thread. */
void snapshot_settle(struct snapshot_ring *ring);

/* A packet of WIRE_LENGTH octets was appended to the open block. */
static inline void snapshot_fill_note(struct fill *fill, uint64_t time_ns, uint32_t wire_length)
{
    fill->packets++;
    fill->octets += wire_length;
    fill->first_ns = time_ns < fill->first_ns ? time_ns : fill->first_ns;
    fill->last_ns = time_ns > fill->last_ns ? time_ns : fill->last_ns;
}

/* What tells the interface of packet I, as snapshot_ring.interface_known. */
static inline uint32_t snapshot_interface_word(const struct packet_batch *packets, unsigned i)
{
    return (uint32_t)packets->port[i] << 8 | packets->link[i];
}

/* Where block SEQUENCE lies, or what has taken its place. */
static inline uint8_t *block_at(const struct snapshot_ring *ring, uint64_t sequence)
{
    return ring->memory + sequence % ring->config.blocks * SNAPSHOT_BLOCK_OCTETS;
}

/* Whether block SEQUENCE's memory still holds it: false once its successor was begun. */
static inline bool block_stands(const struct snapshot_ring *ring, uint64_t sequence)
{
    return atomic_load_explicit(&ring->begun, memory_order_relaxed) <=
           sequence + ring->config.blocks;
}

#endif
