/*
 * Frames by libzstd. See frame_zstd.h.
 */
#include "transport/frame_zstd.h"

#include <stdlib.h>

#if SPANFLOW_ZSTD
#include <zstd.h>

/* Flow records shrink to about a third at the fastest level, and the exporter has other work. */
enum { LEVEL = 1 };

struct frame_zstd {
    ZSTD_CCtx *context; /* owned */
    uint8_t *frame;     /* owned */
    size_t room;
};

struct frame_zstd *frame_zstd_create(struct error *error)
{
    struct frame_zstd *packer = calloc(1, sizeof *packer);
    if (packer)
        packer->context = ZSTD_createCCtx();
    if (!packer || !packer->context) {
        frame_zstd_destroy(packer);
        error_set(error, "not enough memory to compress");
        return NULL;
    }
    ZSTD_CCtx_setParameter(packer->context, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(packer->context, ZSTD_c_checksumFlag, 1);
    return packer;
}

void frame_zstd_destroy(struct frame_zstd *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->context);
    free(packer->frame);
    free(packer);
}

static int make_room(struct frame_zstd *packer, size_t octets)
{
    size_t bound = ZSTD_compressBound(octets);
    if (bound <= packer->room)
        return 0;
    uint8_t *frame = realloc(packer->frame, bound);
    if (!frame)
        return -1;
    packer->frame = frame;
    packer->room = bound;
    return 0;
}

size_t frame_zstd_pack(struct frame_zstd *packer, const struct iovec *parts, uint32_t count,
                       const uint8_t **frame, struct error *error)
{
    size_t octets = 0, status = 0;
    for (uint32_t i = 0; i < count; i++)
        octets += parts[i].iov_len;
    if (make_room(packer, octets) != 0) {
        error_set(error, "not enough memory to compress");
        return 0;
    }
    ZSTD_CCtx_reset(packer->context, ZSTD_reset_session_only);
    ZSTD_CCtx_setPledgedSrcSize(packer->context, octets);
    ZSTD_outBuffer out = {packer->frame, packer->room, 0};
    for (uint32_t i = 0; i < count && !ZSTD_isError(status); i++) {
        ZSTD_inBuffer in = {parts[i].iov_base, parts[i].iov_len, 0};
        do
            status = ZSTD_compressStream2(packer->context, &out, &in,
                                          i + 1 == count ? ZSTD_e_end : ZSTD_e_continue);
        while (!ZSTD_isError(status) && (in.pos < in.size || (i + 1 == count && status > 0)));
    }
    if (ZSTD_isError(status)) {
        error_set(error, "cannot compress: %s", ZSTD_getErrorName(status));
        return 0;
    }
    *frame = packer->frame;
    return out.pos;
}

#else

struct frame_zstd *frame_zstd_create(struct error *error)
{
    error_set(error, "compression is not in this build");
    return NULL;
}

void frame_zstd_destroy(struct frame_zstd *packer)
{
    (void)packer;
}

size_t frame_zstd_pack(struct frame_zstd *packer, const struct iovec *parts, uint32_t count,
                       const uint8_t **frame, struct error *error)
{
    (void)packer;
    (void)parts;
    (void)count;
    (void)frame;
    error_set(error, "compression is not in this build");
    return 0;
}

#endif
