/*
 * The worker's end of the snapshot ring. Packets are appended by batches; what was appended is
 * published once per batch. Before the worker writes to a block that readers may still hold for
 * another one, it says that it has begun.
 */
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/check.h"
#include "snapshot/snapshot_ring_private.h"

static const uint64_t tell_every_ns = 1000000000;

/* ---- blocks ---- */

struct snapshot_block_header snapshot_header(const struct snapshot_ring *ring, uint64_t sequence)
{
    struct snapshot_block_header header = {
        .type = PCAPNG_CUSTOM,
        .length = sizeof header,
        .enterprise = SNAPSHOT_ENTERPRISE,
        .version = SNAPSHOT_BLOCK_VERSION,
        .worker = ring->config.worker,
        .run = ring->config.run,
        .sequence = sequence,
        .length_end = sizeof header,
    };
    memcpy(header.magic, SNAPSHOT_BLOCK_MAGIC, sizeof header.magic);
    return header;
}

/* Moves OCTETS of whole lines to a line at TO. */
static inline void stream(uint8_t *to, const uint8_t *from, uint32_t octets)
{
#if defined(__SSE2__)
    for (uint32_t at = 0; at < octets; at += LINE)
        for (uint32_t part = at; part < at + LINE; part += sizeof(__m128i))
            _mm_stream_si128((__m128i *)(void *)(to + part),
                             _mm_load_si128((const __m128i *)(const void *)(from + part)));
#else
    memcpy(to, from, octets);
#endif
}

/* Moves the whole lines of STAGE, in which STAGED octets are, to the block, whose last octet so far
 * is in front of END. Returns how many octets stay in the stage. */
static inline uint32_t flush_lines(uint8_t *stage, uint8_t *end, uint32_t staged)
{
    uint32_t rest = staged % LINE, whole = staged - rest;
    stream(end - staged, stage, whole);
    memcpy(stage, stage + whole, LINE);
    return rest;
}

/* All that was appended is in the block after it; the last line stays in the stage as well. */
static void flush_all(struct snapshot_ring *ring)
{
    uint8_t *end = ring->open + ring->fill.used;
    ring->fill.staged = flush_lines(ring->stage, end, ring->fill.staged);
    memcpy(end - ring->fill.staged, ring->stage, ring->fill.staged);
#if defined(__SSE2__)
    _mm_sfence(); /* streamed lines come before what is published */
#endif
}

static void publish(struct snapshot_ring *ring)
{
    uint32_t used = ring->open ? ring->fill.used : 0;
    atomic_store_explicit(&ring->position, ring->sequence << POSITION_BITS | used,
                          memory_order_release);
}

static void tell(struct snapshot_ring *ring, uint64_t now_ns)
{
    uint64_t cut_off = 0;
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++)
        cut_off += ring->books.cut_off[reason].packets;
    ring->told_ns = now_ns;
    atomic_store_explicit(&ring->told_kept_packets, ring->kept.packets, memory_order_relaxed);
    atomic_store_explicit(&ring->told_kept_octets, ring->kept.octets, memory_order_relaxed);
    atomic_store_explicit(&ring->told_written, ring->written_octets, memory_order_relaxed);
    atomic_store_explicit(&ring->told_cut_off, cut_off, memory_order_relaxed);
    atomic_store_explicit(&ring->told_overload, ring->books.overload.packets, memory_order_relaxed);
}

static void seal(struct snapshot_ring *ring)
{
    flush_all(ring);
    struct snapshot_block_header header = snapshot_header(ring, ring->sequence);
    header.flags = ring->flags;
    header.first_ns = ring->fill.first_ns;
    header.last_ns = ring->fill.last_ns;
    header.packets = ring->fill.packets;
    header.octets = ring->fill.octets;
    header.used = snapshot_block_pad(ring->open, ring->fill.used);
    header.seen_packets = ring->books.seen.packets;
    header.seen_octets = ring->books.seen.octets;
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++) {
        header.cut_off_packets += ring->books.cut_off[reason].packets;
        header.cut_off_octets += ring->books.cut_off[reason].octets;
    }
    header.overload_packets = ring->books.overload.packets;
    header.overload_octets = ring->books.overload.octets;
    memcpy(ring->open, &header, sizeof header);
    if (!ring->config.writer)
        ledger_add(&ring->books.stored, ring->fill.packets, ring->fill.octets);
    ledger_add(&ring->kept, ring->fill.packets, ring->fill.octets);
    ring->written_octets += header.used;
    ring->open = NULL;
    ring->sequence++;
    atomic_store_explicit(&ring->filled, ring->sequence, memory_order_release);
    publish(ring);
}

/* Begins a block. False if the writer holds all of them. */
static bool begin(struct snapshot_ring *ring, uint64_t now_ns)
{
    uint64_t blocks = ring->config.blocks;
    if (ring->config.writer && ring->sequence - ring->taken_seen >= blocks) {
        ring->taken_seen = atomic_load_explicit(&ring->taken, memory_order_acquire);
        if (ring->sequence - ring->taken_seen >= blocks)
            return false;
    }
    atomic_store_explicit(&ring->begun, ring->sequence + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
#if defined(__SSE2__)
    _mm_sfence(); /* also before streamed lines */
#endif
    ring->open = block_at(ring, ring->sequence);
    struct snapshot_block_header header = snapshot_header(ring, ring->sequence);
    memcpy(ring->open, &header, sizeof header); /* used 0: not sealed */
    ring->fill.used = SNAPSHOT_BLOCK_FIRST;
    ring->fill.staged = 0; /* the first packet stands on a line */
    ring->fill.packets = 0;
    ring->fill.octets = 0;
    ring->opened_ns = now_ns;
    ring->fill.first_ns = UINT64_MAX;
    ring->fill.last_ns = 0;
    ring->flags = ring->flags_now;
    return true;
}

/* ---- packets ---- */

static uint64_t octets_of(const struct packet_batch *packets, uint64_t selected)
{
    uint64_t octets = 0;
    for (; selected; selected &= selected - 1)
        octets += packets->wire_length[__builtin_ctzll(selected)];
    return octets;
}

static uint64_t count_of(uint64_t selected)
{
    return (uint64_t)__builtin_popcountll(selected);
}

static void add_to(struct ledger_pair *pair, const struct packet_batch *packets, uint64_t selected)
{
    if (selected)
        ledger_add(pair, count_of(selected), octets_of(packets, selected));
}

static inline uint32_t interface_of(struct snapshot_ring *ring, const struct packet_batch *packets,
                                    unsigned i)
{
    uint32_t wanted = (uint32_t)packets->port[i] << 8 | packets->link[i];
    if (__builtin_expect(wanted != ring->interface_known, 0)) {
        ring->interface_id = snapshot_interfaces_id(ring->config.interfaces, packets->port[i],
                                                    (enum link_layer)packets->link[i]);
        ring->interface_known = wanted;
    }
    return ring->interface_id;
}

static inline uint64_t flow_id_of(const struct snapshot_batch *batch, unsigned i)
{
    return batch->found_ids ? batch->found_ids[i * batch->found_stride] : batch->flow_ids[i];
}

/* Copies LENGTH octets. As many as AVAILABLE may be read, and TO has room for a line more, so that
 * most packets are copied in wide pieces. */
static inline void copy_data(uint8_t *to, const uint8_t *from, uint32_t length, uint32_t available)
{
    enum { PIECE = 32, WIDE_MAX = 256 };
    uint32_t wide = (length + PIECE - 1) & ~(PIECE - 1u);
    if (wide > available || wide > WIDE_MAX) {
        memcpy(to, from, length);
        return;
    }
    for (uint32_t at = 0; at < wide; at += PIECE)
        memcpy(to + at, from + at, PIECE);
}

/* Writes LENGTH octets of packet I as a packet block to OUT, which has room for a line more. */
static inline void write_packet(uint8_t *out, const struct snapshot_batch *batch, unsigned i,
                                uint32_t interface, uint32_t length)
{
    const uint32_t zero = 0;
    const struct packet_batch *packets = batch->packets;
    snapshot_epb_write_front(out, interface, packets->timestamp_ns[i], length,
                             packets->wire_length[i]);
    out += SNAPSHOT_EPB_FIXED;
    copy_data(out, packets->data[i], length, packets->captured_length[i]);
    memcpy(out + length, &zero, sizeof zero); /* the tail follows at once */
    snapshot_epb_write_tail(out + ((length + 3) & ~3u), length, flow_id_of(batch, i));
}

/* A packet that the stage has no room for. */
__attribute__((noinline)) static void append_large(struct snapshot_ring *ring,
                                                   const struct snapshot_batch *batch, unsigned i)
{
    const struct packet_batch *packets = batch->packets;
    const struct snapshot_packet packet = {.interface = interface_of(ring, packets, i),
                                           .captured_length = batch->lengths[i],
                                           .original_length = packets->wire_length[i],
                                           .time_ns = packets->timestamp_ns[i],
                                           .flow_id = flow_id_of(batch, i),
                                           .data = packets->data[i]};
    flush_all(ring);
    ring->fill.used += snapshot_epb_write(ring->open + ring->fill.used, &packet);
    ring->fill.staged = ring->fill.used % LINE;
    memcpy(ring->stage, ring->open + ring->fill.used - ring->fill.staged, ring->fill.staged);
}

/* Begins another block. False if there is none. */
__attribute__((noinline)) static bool make_room(struct snapshot_ring *ring, uint64_t now_ns)
{
    if (ring->open)
        seal(ring);
    return begin(ring, now_ns);
}

/* What is known of the open block by hand, so that it stays in registers: all stores to the stage
 * could be meant for the ring otherwise. */
static inline void note(struct fill *fill, uint64_t time_ns, uint32_t wire_length)
{
    fill->packets++;
    fill->octets += wire_length;
    fill->first_ns = time_ns < fill->first_ns ? time_ns : fill->first_ns;
    fill->last_ns = time_ns > fill->last_ns ? time_ns : fill->last_ns;
}

/* Appends the packets of BATCH that are to be kept, in their order, up to the first that finds no
 * block. Returns those that were not appended; the others are seen. */
static uint64_t append_all(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                           uint64_t now_ns)
{
    const struct packet_batch *packets = batch->packets;
    uint64_t rest = batch->kept, from = rest, seen_octets = 0;
    struct fill fill = ring->fill;
    for (; rest; rest &= rest - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint32_t length = batch->lengths[i];
        uint32_t octets = snapshot_epb_octets(length);
        debug_check(length <= packets->captured_length[i] && length <= SNAPSHOT_PACKET_MAX);
        if (__builtin_expect(!ring->open || fill.used + octets > SNAPSHOT_BLOCK_ROOM, 0)) {
            ring->fill = fill;
            ledger_add(&ring->books.seen, count_of(from ^ rest), seen_octets);
            from = rest;
            seen_octets = 0;
            bool room = make_room(ring, now_ns);
            fill = ring->fill;
            if (!room)
                break;
        }
        seen_octets += packets->wire_length[i];
        note(&fill, packets->timestamp_ns[i], packets->wire_length[i]);
        if (__builtin_expect(octets > STAGE_PACKET_MAX, 0)) {
            ring->fill = fill;
            append_large(ring, batch, i);
            fill = ring->fill;
            continue;
        }
        write_packet(ring->stage + fill.staged, batch, i, interface_of(ring, packets, i), length);
        fill.staged += octets;
        fill.used += octets;
        if (fill.staged > STAGE_FULL)
            fill.staged = flush_lines(ring->stage, ring->open + fill.used, fill.staged);
    }
    ring->fill = fill;
    if (ring->open)
        flush_all(ring);
    ledger_add(&ring->books.seen, count_of(from ^ rest), seen_octets);
    return rest;
}

void snapshot_ring_append(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                          uint64_t now_ns)
{
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++) {
        add_to(&ring->books.seen, batch->packets, batch->cut_off[reason]);
        add_to(&ring->books.cut_off[reason], batch->packets, batch->cut_off[reason]);
    }
    if (!batch->kept)
        return;
    ring->flags_now = batch->payload ? SNAPSHOT_BLOCK_PAYLOAD : 0;
    ring->flags |= ring->flags_now;
    uint64_t left_over = append_all(ring, batch, now_ns);
    add_to(&ring->books.seen, batch->packets, left_over);
    add_to(&ring->books.overload, batch->packets, left_over);
    publish(ring);
}

void snapshot_ring_tick(struct snapshot_ring *ring, uint64_t now_ns)
{
    /* A clock that was set back seals, too. */
    if (ring->open && ring->config.flush_ns && now_ns - ring->opened_ns >= ring->config.flush_ns)
        seal(ring);
    if (now_ns - ring->told_ns >= tell_every_ns)
        tell(ring, now_ns);
}

void snapshot_ring_leave(struct snapshot_ring *ring)
{
    if (ring->open)
        seal(ring);
    tell(ring, ring->told_ns);
    atomic_store_explicit(&ring->left, true, memory_order_release);
}
