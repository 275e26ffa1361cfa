/*
 * The stage of the snapshot ring: packets are put together in it, then moved to their block by
 * whole cache lines that bypass the caches, since what was just kept is not read again soon and
 * must not push the flow tables out. Compiled once for each instruction set (base/simd.h); the
 * worker's end (snapshot_append.c) calls the variant that was chosen when the ring was made.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_STAGE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_STAGE_H

#include <stdint.h>

#include "base/simd.h"
#include "snapshot/snapshot_ring.h"

struct snapshot_stage {
    /* Appends the packets of BATCH in REST, in their order, to the open block, up to the first that
     * does not fit it, is too large for the stage, or came by another interface than the last one.
     * Counts those that were appended as seen, returns the others. */
    uint64_t (*append)(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                       uint64_t rest);
    /* All that was appended is in the block after it, for other threads as well; the last line
     * stays in the stage, too. */
    void (*flush)(struct snapshot_ring *ring);
};

/* The variant for LEVEL, which the processor runs. Any thread. */
const struct snapshot_stage *snapshot_stage_for(enum simd_level level);

#endif
