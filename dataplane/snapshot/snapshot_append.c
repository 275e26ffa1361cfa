/*
 * The worker's end of the snapshot ring. Packets are appended by batches (snapshot_stage.c copies
 * them). What was moved from the stage to the block is published with the next batch, when the
 * fence before it waits for nothing any more; the rest when the worker is idle. Before the worker
 * writes to a block that readers may still hold for another one, it says that it has begun.
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

static void flush_all(struct snapshot_ring *ring)
{
    ring->stage_variant->flush(ring);
}

/* Tells other threads of the open block what was moved to it. */
static void publish(struct snapshot_ring *ring)
{
    uint32_t moved = ring->open ? ring->fill.moved : 0;
#if defined(__SSE2__)
    _mm_sfence(); /* streamed lines come before what is published */
#endif
    atomic_store_explicit(&ring->position, ring->sequence << POSITION_BITS | moved,
                          memory_order_release);
}

void snapshot_settle(struct snapshot_ring *ring)
{
    if (!ring->open || ring->fill.moved == ring->fill.used)
        return;
    flush_all(ring);
    publish(ring);
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
    ring->fill.moved = SNAPSHOT_BLOCK_FIRST;
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

/* Packets like packet I are those of the interface that is known from now on. */
static void know_interface(struct snapshot_ring *ring, const struct packet_batch *packets,
                           unsigned i)
{
    uint32_t wanted = snapshot_interface_word(packets, i);
    if (wanted == ring->interface_known)
        return;
    ring->interface_id = snapshot_interfaces_id(ring->config.interfaces, packets->port[i],
                                                (enum link_layer)packets->link[i]);
    ring->interface_known = wanted;
}

/* Begins another block. False if there is none. */
static bool make_room(struct snapshot_ring *ring, uint64_t now_ns)
{
    if (ring->open)
        seal(ring);
    return begin(ring, now_ns);
}

/* A packet that the stage has no room for; the block has. */
static void append_large(struct snapshot_ring *ring, const struct snapshot_batch *batch, unsigned i)
{
    const struct packet_batch *packets = batch->packets;
    const struct snapshot_packet packet = {.interface = ring->interface_id,
                                           .captured_length = batch->lengths[i],
                                           .original_length = packets->wire_length[i],
                                           .time_ns = packets->timestamp_ns[i],
                                           .flow_id = batch->flow_ids[i],
                                           .data = packets->data[i]};
    flush_all(ring);
    ring->fill.used += snapshot_epb_write(ring->open + ring->fill.used, &packet);
    ring->fill.staged = ring->fill.used % LINE;
    memcpy(ring->stage, ring->open + ring->fill.used - ring->fill.staged, ring->fill.staged);
    snapshot_fill_note(&ring->fill, packet.time_ns, packet.original_length);
    ledger_add(&ring->books.seen, 1, packet.original_length);
}

/* Appends the packets of BATCH that are to be kept, in their order, up to the first that finds no
 * block. Returns those that were not appended; the others are seen. */
static uint64_t append_all(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                           uint64_t now_ns)
{
    uint64_t rest = batch->kept;
    while (rest) {
        unsigned i = (unsigned)__builtin_ctzll(rest);
        uint32_t octets = snapshot_epb_octets(batch->lengths[i]);
        know_interface(ring, batch->packets, i);
        if ((!ring->open || ring->fill.used + octets > SNAPSHOT_BLOCK_ROOM) &&
            !make_room(ring, now_ns))
            break;
        if (octets > STAGE_PACKET_MAX) {
            append_large(ring, batch, i);
            rest &= rest - 1;
        } else {
            rest = ring->stage_variant->append(ring, batch, rest);
        }
    }
    return rest;
}

void snapshot_ring_append(struct snapshot_ring *ring, const struct snapshot_batch *batch,
                          uint64_t now_ns)
{
    for (unsigned reason = 0; reason < SNAPSHOT_CUT_OFF_COUNT; reason++) {
        add_to(&ring->books.seen, batch->packets, batch->cut_off[reason]);
        add_to(&ring->books.cut_off[reason], batch->packets, batch->cut_off[reason]);
    }
    if (!batch->kept) {
        snapshot_settle(ring);
        return;
    }
    ring->flags_now = batch->payload ? SNAPSHOT_BLOCK_PAYLOAD : 0;
    ring->flags |= ring->flags_now;
    publish(ring);
    uint64_t left_over = append_all(ring, batch, now_ns);
    add_to(&ring->books.seen, batch->packets, left_over);
    add_to(&ring->books.overload, batch->packets, left_over);
}

void snapshot_ring_tick(struct snapshot_ring *ring, uint64_t now_ns, bool idle)
{
    /* A clock that was set back seals, too. */
    if (ring->open && ring->config.flush_ns && now_ns - ring->opened_ns >= ring->config.flush_ns)
        seal(ring);
    if (idle || ring->books.seen.packets == ring->ticked)
        snapshot_settle(ring);
    ring->ticked = ring->books.seen.packets;
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
