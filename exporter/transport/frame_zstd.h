/*
 * Packs messages into frames of the Zstandard format (RFC 8878), each complete in itself, so that a
 * file that breaks off between two frames is a whole one. A program built without libzstd refuses.
 * Owned by a file transport; for threads see transport.h.
 */
#ifndef SPANFLOW_EXPORTER_TRANSPORT_FRAME_ZSTD_H
#define SPANFLOW_EXPORTER_TRANSPORT_FRAME_ZSTD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"

struct frame_zstd;

/* NULL and ERROR if it cannot be had. */
struct frame_zstd *frame_zstd_create(struct error *error);
void frame_zstd_destroy(struct frame_zstd *packer);
/* Packs COUNT parts into one frame, valid until the next call; *FRAME and the length, or 0 and
 * ERROR on lack of memory. */
size_t frame_zstd_pack(struct frame_zstd *packer, const struct iovec *parts, uint32_t count,
                       const uint8_t **frame, struct error *error);

#endif
