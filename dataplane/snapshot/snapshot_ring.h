/*
 * The snapshot ring of one worker: blocks of 1 MiB (snapshot_block.h) in one arena, filled by the
 * worker one after the other. With a writer each sealed block waits until the writer has stored it
 * or given it up; if none is free, packets are counted as overload: the worker never waits. Without
 * a writer (memory only) the oldest block is overwritten. Nothing is locked.
 *
 * Blocks are numbered from 0 (sequence) and lie at sequence modulo the number of blocks. A sealed
 * block stays readable until the worker begins the one that takes its place; whoever copies a block
 * learns from snapshot_ring_copy() whether it was whole.
 *
 * Each packet that the worker has to consider is seen, and then one of: in a block, cut off, or
 * overload. What is in a block is in memory until the writer says stored or failed; of a ring
 * without a writer sealed blocks count as stored, overwritten or not. Per ring and over all rings:
 *     seen = stored + in_memory + cut_off + overload + failed        packets, frame octets
 * No term is computed from others: in_memory is summed by walking blocks.
 *
 * Life of a ring: made by the control thread; given to a worker by worker_config or a change of it;
 * left by the worker when a change takes it out or the worker ends, then its last block is sealed
 * (snapshot_ring_left()); drained by the writer (snapshot_ring_drained()). It is counted who holds
 * it, so that a query may still read a ring that was taken out.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_RING_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "packet/packet_batch.h"
#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_interfaces.h"

struct snapshot_ring_config {
    uint16_t worker;
    uint64_t run;      /* random, another for each ring: run, worker and sequence name a block */
    uint32_t blocks;   /* at least 2: memorySize */
    uint64_t flush_ns; /* a block that is older is sealed; 0: only when it is full */
    bool writer;       /* someone takes sealed blocks; false: memory only */
    struct snapshot_interfaces *interfaces; /* not owned; outlives the ring */
};

/* The books of a ring, or the sum of several. Frame octets. */
struct snapshot_account {
    struct ledger_pair seen;
    struct ledger_pair stored;
    struct ledger_pair in_memory;
    struct ledger_pair cut_off[SNAPSHOT_CUT_OFF_COUNT];
    struct ledger_pair overload;
    struct ledger_pair failed[SNAPSHOT_FAILED_COUNT];
};

struct snapshot_ring;

/* ---- control thread ---- */

/* Takes all its memory now. NULL and ERROR if there is too little. The caller holds it. */
struct snapshot_ring *snapshot_ring_create(const struct snapshot_ring_config *config,
                                           struct error *error);
/* One more holder, and one less: the last frees the ring. Any thread. NULL is fine. */
void snapshot_ring_hold(struct snapshot_ring *ring);
void snapshot_ring_release(struct snapshot_ring *ring);

/* As the ring was made. Any thread. */
const struct snapshot_ring_config *snapshot_ring_config(const struct snapshot_ring *ring);
/* Bytes of its blocks, and the kind of their pages. Any thread. */
size_t snapshot_ring_memory(const struct snapshot_ring *ring, const char **backing);

/* Whether the worker appends no more: its last block is sealed. Any thread. */
bool snapshot_ring_left(const struct snapshot_ring *ring);
/* Whether, besides, the writer is done with every block (without a writer: at once). Any thread. */
bool snapshot_ring_drained(const struct snapshot_ring *ring);

/* Whether the books at ledger cut CUT (worker_request_cut()) are complete: the worker has made the
 * cut, and the writer has answered it. Then *ACCOUNT is filled in. A ring that was left and drained
 * always answers. If the writer is stuck the answer is false until it gets on. Control thread. */
bool snapshot_ring_cut(const struct snapshot_ring *ring, uint64_t cut,
                       struct snapshot_account *account);
/* The books as they are now: when the worker has left the ring and the writer does nothing with it
 * at this moment (it is drained, or its thread has ended). Control thread. */
void snapshot_ring_account(const struct snapshot_ring *ring, struct snapshot_account *account);

/* What became of packets that were seen: all terms of ACCOUNT but that. Its identity holds if it is
 * what was seen. */
struct ledger_pair snapshot_account_sum(const struct snapshot_account *account);
/* Adds PART to *SUM, and whether ACCOUNT's identity holds. */
void snapshot_account_add(struct snapshot_account *sum, const struct snapshot_account *part);
bool snapshot_account_balanced(const struct snapshot_account *account);

/* For statistics; each word by itself. Of packets that were put in blocks. Any thread. */
struct snapshot_ring_counts {
    uint64_t kept_packets;
    uint64_t kept_octets;    /* of frames */
    uint64_t written_octets; /* of blocks, headers and padding included */
    uint64_t cut_off_packets;
    uint64_t overload_packets;
    uint64_t waiting_blocks; /* sealed and not done by the writer */
    uint64_t oldest_ns;      /* first time of the oldest block that is still readable; 0: none */
};
void snapshot_ring_counts(const struct snapshot_ring *ring, struct snapshot_ring_counts *counts);

/* ---- writer thread ---- */

/* A sealed block, in the ring's memory: 1 MiB aligned, USED octets (a multiple of 4,096). Only the
 * crc field may be written to. */
struct snapshot_sealed {
    uint8_t *block;
    const struct snapshot_block_header *header; /* the same memory */
    uint32_t used;
};

/* The sealed block that is AHEAD blocks behind the oldest one that is not done (0: that one
 * itself). False if there is none yet. It stays valid until it is done. */
bool snapshot_ring_peek(const struct snapshot_ring *ring, uint32_t ahead,
                        struct snapshot_sealed *sealed);

enum snapshot_outcome {
    SNAPSHOT_STORED,
    SNAPSHOT_LOST_WRITE, /* the others as enum ledger_snapshot_failed */
    SNAPSHOT_LOST_SPACE,
    SNAPSHOT_LOST_GONE
};
/* The writer is done with the oldest block: it is counted by OUTCOME and its memory given back. */
void snapshot_ring_done(struct snapshot_ring *ring, enum snapshot_outcome outcome);

/* Answers a ledger cut, if one was made since: call it every round, at least some times a second.
 * snapshot_ring_done() does it, too. */
void snapshot_ring_answer(struct snapshot_ring *ring);

/* ---- any reader ---- */

/* The blocks that may be read now: FIRST up to and without END. The last may be the open one. With
 * a writer, blocks before *STORED are done (they are on disk, unless they failed), and may be read
 * all the same until they are overwritten; without one *STORED is *FIRST. Any thread. */
void snapshot_ring_window(const struct snapshot_ring *ring, uint64_t *first, uint64_t *stored,
                          uint64_t *end);

enum snapshot_copy {
    SNAPSHOT_COPIED,
    SNAPSHOT_OVERWRITTEN, /* by now, or while it was copied */
    SNAPSHOT_NOT_YET      /* it has not begun, or no packet of it is published yet */
};
/* Copies block SEQUENCE to BUFFER, which has room for SNAPSHOT_BLOCK_OCTETS. An open block is
 * copied as far as it is published and gets a header (packets, octets, times, used) and padding as
 * if it were sealed; the crc is 0 or right. So the copy reads like any block. Any thread. */
enum snapshot_copy snapshot_ring_copy(const struct snapshot_ring *ring, uint64_t sequence,
                                      uint8_t *buffer);

/* The times of block SEQUENCE without its packets: false if it is not readable, or is open. Any
 * thread. */
bool snapshot_ring_times(const struct snapshot_ring *ring, uint64_t sequence, uint64_t *first_ns,
                         uint64_t *last_ns);

/* ---- worker thread ---- */

/* The packets of a batch as they are to be kept: lengths[i] octets of packet i, for each bit i of
 * KEPT, with flow id flow_ids[i]; those of CUT_OFF[reason] are not to be kept. */
struct snapshot_batch {
    const struct packet_batch *packets;
    uint64_t kept;
    uint64_t cut_off[SNAPSHOT_CUT_OFF_COUNT];
    bool payload; /* lengths may reach behind transport headers */
    uint64_t flow_ids[PACKET_BATCH_MAX];
    uint32_t lengths[PACKET_BATCH_MAX];
};

/* Counts all packets of BATCH and appends those to be kept. Other threads see the last ones with
 * later batches, or when nothing is kept any more or the worker is idle. NOW_NS as in
 * snapshot_ring_tick(). */
void snapshot_ring_append(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                          uint64_t now_ns);

/* Seals the open block if it is older than the flush interval at NOW_NS, the worker's time. IDLE:
 * there was no batch, so it is time to show other threads all that was appended; the same if no
 * packet was seen since the last tick. */
void snapshot_ring_tick(struct snapshot_ring *ring, uint64_t now_ns, bool idle);

/* Seals the open block, if there is one, and leaves the ring for good. */
void snapshot_ring_leave(struct snapshot_ring *ring);

/* Makes ledger cut CUT: copies the worker's books and tells the writer. */
void snapshot_ring_make_cut(struct snapshot_ring *ring, uint64_t cut);

/* The worker's part of the books as it is now: seen, cut_off, overload, in_memory of the open block
 * (walked), and stored if there is no writer. */
void snapshot_ring_worker_part(struct snapshot_ring *ring, struct snapshot_account *account);

#endif
