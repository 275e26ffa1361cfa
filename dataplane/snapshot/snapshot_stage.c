/*
 * Copies packets to the stage and the stage to the open block. See snapshot_stage.h; worker thread.
 */
#include "snapshot/snapshot_stage.h"

#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/check.h"
#include "snapshot/snapshot_ring_private.h"

/* ---- to the block ---- */

/* Moves the line at FROM, an aligned one as that at TO. */
static inline void stream_line(uint8_t *to, const uint8_t *from)
{
#if defined(__AVX512F__)
    _mm512_stream_si512((__m512i *)(void *)to, _mm512_load_si512((const void *)from));
#elif defined(__AVX2__)
    for (unsigned part = 0; part < LINE; part += sizeof(__m256i))
        _mm256_stream_si256((__m256i *)(void *)(to + part),
                            _mm256_load_si256((const __m256i *)(const void *)(from + part)));
#elif defined(__SSE2__) && !defined(SPANFLOW_SCALAR)
    for (unsigned part = 0; part < LINE; part += sizeof(__m128i))
        _mm_stream_si128((__m128i *)(void *)(to + part),
                         _mm_load_si128((const __m128i *)(const void *)(from + part)));
#else
    memcpy(to, from, LINE);
#endif
}

/* Moves the first OCTETS of STAGE, whole lines, to a line at TO. */
static inline void stream(uint8_t *to, const uint8_t *stage, uint32_t octets)
{
    for (uint32_t at = 0; at < octets; at += LINE)
        stream_line(to + at, stage + at);
}

static void stage_flush(struct snapshot_ring *ring)
{
    uint32_t staged = ring->fill.staged, rest = staged % LINE, whole = staged - rest;
    uint8_t *to = ring->open + ring->fill.used - staged;
    stream(to, ring->stage, whole);
    memcpy(ring->stage, ring->stage + whole, LINE);
    memcpy(to + whole, ring->stage, rest);
    ring->fill.staged = rest;
    ring->fill.moved = ring->fill.used;
#if defined(__SSE2__)
    _mm_sfence(); /* streamed lines come before what is published */
#endif
}

/* Moves the OCTETS behind the lines of a full stage to its beginning. */
static inline void move_down(uint8_t *stage, uint32_t octets)
{
    enum { MOST = 4 * LINE };
    if (__builtin_expect(octets > MOST, 0))
        memcpy(stage, stage + STAGE_FULL, octets);
    else
        memcpy(stage, stage + STAGE_FULL, MOST);
}
static_assert(STAGE_PACKET_MAX <= STAGE_FULL, "what is moved down does not overlap");

/* ---- to the stage ---- */

/* Copies LENGTH octets and zeros behind them up to a multiple of 4. TO has room for STAGE_SLACK
 * more. */
#if defined(__AVX512BW__) && defined(__BMI2__)
/* What the mask leaves out is not read, so nothing branches on the length of a short packet. */
static inline void copy_data(uint8_t *to, const uint8_t *from, uint32_t length)
{
    for (; __builtin_expect(length > 2 * LINE, 0); length -= LINE, to += LINE, from += LINE)
        _mm512_storeu_si512(to, _mm512_loadu_si512(from));
    __mmask64 first = _bzhi_u64(UINT64_MAX, length);
    __mmask64 second = _bzhi_u64(UINT64_MAX, length > LINE ? length - LINE : 0);
    _mm512_storeu_si512(to, _mm512_maskz_loadu_epi8(first, from));
    _mm512_storeu_si512(to + LINE, _mm512_maskz_loadu_epi8(second, from + LINE));
}
#else
/* The last piece overlaps the one before it. */
static inline void copy_data(uint8_t *to, const uint8_t *from, uint32_t length)
{
    enum { PIECE = 32 };
    const uint32_t zero = 0;
    memcpy(to + length, &zero, sizeof zero);
    if (__builtin_expect(length < PIECE, 0)) {
        memcpy(to, from, length);
        return;
    }
    for (uint32_t at = 0; at < length - PIECE; at += PIECE)
        memcpy(to + at, from + at, PIECE);
    memcpy(to + length - PIECE, from + length - PIECE, PIECE);
}
#endif

static uint64_t stage_append(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                             uint64_t rest)
{
    const struct packet_batch *packets = batch->packets;
    const uint32_t known = ring->interface_known, interface = ring->interface_id;
    const struct fill before = ring->fill;
    struct fill fill = before; /* by hand, or all stores to the stage could be meant for it */
    uint8_t *stage = ring->stage, *open = ring->open;
    for (; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint32_t length = batch->lengths[i], wire_length = packets->wire_length[i];
        uint32_t octets = snapshot_epb_octets(length);
        uint64_t time_ns = packets->timestamp_ns[i];
        debug_check(length <= packets->captured_length[i] && length <= SNAPSHOT_PACKET_MAX);
        if (__builtin_expect((fill.used + octets > SNAPSHOT_BLOCK_ROOM) |
                                 (octets > STAGE_PACKET_MAX) |
                                 (snapshot_interface_word(packets, i) != known),
                             0))
            break;
        uint8_t *out = stage + fill.staged;
        snapshot_epb_write_front(out, interface, time_ns, length, wire_length);
        copy_data(out + SNAPSHOT_EPB_FIXED, packets->data[i], length);
        snapshot_epb_write_tail(out + octets - SNAPSHOT_EPB_TAIL, length, batch->flow_ids[i]);
        snapshot_fill_note(&fill, time_ns, wire_length);
        fill.staged += octets;
        if (fill.staged > STAGE_FULL) { /* always as many lines, so that the branch is foreseen */
            stream(open + fill.used + octets - fill.staged, stage, STAGE_FULL);
            fill.staged -= STAGE_FULL;
            fill.moved = fill.used; /* at least up to this packet */
            move_down(stage, fill.staged);
        }
        fill.used += octets;
    }
    ring->fill = fill;
    ledger_add(&ring->books.seen, fill.packets - before.packets, fill.octets - before.octets);
    return rest;
}

/* ---- the variant ---- */

extern const struct snapshot_stage SIMD_VARIANT(snapshot_stage);
const struct snapshot_stage SIMD_VARIANT(snapshot_stage) = {
    .append = stage_append,
    .flush = stage_flush,
};
