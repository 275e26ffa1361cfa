/*
 * Whether a block of the ring is whole, as the disk side looks at it. Nothing of the octets is
 * trusted. Pure; any thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_BLOCK_VIEW_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_BLOCK_VIEW_H

#include "snapshot/snapshot_block.h"

enum snapshot_view {
    SNAPSHOT_VIEW_GOOD,
    SNAPSHOT_VIEW_DAMAGED, /* begins with a block's header, but is not a whole block */
    SNAPSHOT_VIEW_NONE     /* no block */
};

/* Looks at the block that begins at DATA, of which OCTETS are there, and checks its checksum.
 * HEADER is filled in unless there is none. */
static inline enum snapshot_view snapshot_block_inspect(const uint8_t *data, size_t octets,
                                                        struct snapshot_block_header *header)
{
    if (!snapshot_block_read_header(data, octets, header))
        return SNAPSHOT_VIEW_NONE;
    return header->used <= octets && snapshot_block_crc(data, header->used) == header->crc
               ? SNAPSHOT_VIEW_GOOD
               : SNAPSHOT_VIEW_DAMAGED;
}

#endif
