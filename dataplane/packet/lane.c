/*
 * The lane's ring. Positions count bytes and never wrap; an entry never straddles the end of the
 * memory, a filler takes the rest. Each side keeps a copy of the other's position and reads the
 * shared word only when the copy says full or empty.
 */
#include "packet/lane.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"

enum { LANE_BYTES = 8 * 1024 * 1024, ENTRY_ALIGNMENT = 16 };

enum entry_kind {
    ENTRY_PACKET,
    ENTRY_CLOCK,
    ENTRY_CLOCK_STEP,
    ENTRY_LOSS,
    ENTRY_HOST,
    ENTRY_FILLER
};

struct lane_entry {
    uint32_t length; /* of the whole entry, header included */
    uint8_t kind;    /* enum entry_kind */
    uint8_t link;    /* packet; loss: enum ledger_dropped */
    uint16_t port;
    uint64_t time_ns; /* packet, clock; loss, host: packets */
    uint64_t octets;  /* packet: captured and wire length; loss, host: octets */
    uint16_t capture; /* packet */
    uint16_t unused[3];
};
static_assert(sizeof(struct lane_entry) == 32, "packets start on half a cache line");

struct lane {
    struct packet_source source; /* first: the worker's handle */
    uint8_t *bytes;
    struct arena arena;

    _Alignas(64) _Atomic uint64_t published;
    uint64_t write;
    uint64_t released_copy;
    _Atomic bool ended;

    _Alignas(64) _Atomic uint64_t released;
    uint64_t read;
    uint64_t published_copy;
};
static_assert(offsetof(struct lane, source) == 0, "source must be first");

/* ---- the reader's end ---- */

static struct lane_entry *reserve(struct lane *lane, uint32_t payload)
{
    uint32_t length =
        (uint32_t)sizeof(struct lane_entry) + ((payload + ENTRY_ALIGNMENT - 1) & ~15u);
    uint64_t at = lane->write % LANE_BYTES;
    uint64_t to_end = LANE_BYTES - at;
    uint64_t filler = to_end < length ? to_end : 0;
    if (lane->write + filler + length - lane->released_copy > LANE_BYTES) {
        lane->released_copy = atomic_load_explicit(&lane->released, memory_order_acquire);
        if (lane->write + filler + length - lane->released_copy > LANE_BYTES)
            return NULL;
    }
    if (filler) {
        struct lane_entry *rest = (struct lane_entry *)(void *)(lane->bytes + at);
        rest->length = (uint32_t)filler;
        rest->kind = ENTRY_FILLER;
        lane->write += filler;
        at = 0;
    }
    struct lane_entry *entry = (struct lane_entry *)(void *)(lane->bytes + at);
    entry->length = length;
    lane->write += length;
    return entry;
}

bool lane_put_packet(struct lane *lane, const struct packet_batch *batch, unsigned i)
{
    struct lane_entry *entry = reserve(lane, batch->captured_length[i]);
    if (!entry)
        return false;
    entry->kind = ENTRY_PACKET;
    entry->link = batch->link[i];
    entry->port = batch->port[i];
    entry->capture = batch->capture[i];
    entry->time_ns = batch->timestamp_ns[i];
    entry->octets = (uint64_t)batch->captured_length[i] << 32 | batch->wire_length[i];
    memcpy(entry + 1, batch->data[i], batch->captured_length[i]);
    return true;
}

bool lane_put_clock(struct lane *lane, uint64_t time_ns)
{
    struct lane_entry *entry = reserve(lane, 0);
    if (!entry)
        return false;
    entry->kind = ENTRY_CLOCK;
    entry->time_ns = time_ns;
    return true;
}

bool lane_put_clock_step(struct lane *lane)
{
    struct lane_entry *entry = reserve(lane, 0);
    if (entry)
        entry->kind = ENTRY_CLOCK_STEP;
    return entry != NULL;
}

bool lane_put_loss(struct lane *lane, enum ledger_dropped reason, uint64_t packets, uint64_t octets)
{
    struct lane_entry *entry = reserve(lane, 0);
    if (!entry)
        return false;
    entry->kind = ENTRY_LOSS;
    entry->link = (uint8_t)reason;
    entry->time_ns = packets;
    entry->octets = octets;
    return true;
}

bool lane_put_host(struct lane *lane, uint64_t packets, uint64_t octets)
{
    struct lane_entry *entry = reserve(lane, 0);
    if (!entry)
        return false;
    entry->kind = ENTRY_HOST;
    entry->time_ns = packets;
    entry->octets = octets;
    return true;
}

void lane_publish(struct lane *lane)
{
    atomic_store_explicit(&lane->published, lane->write, memory_order_release);
}

void lane_end(struct lane *lane)
{
    lane_publish(lane);
    atomic_store_explicit(&lane->ended, true, memory_order_release);
}

/* ---- the worker's end ---- */

static struct lane_entry *peek(struct lane *lane)
{
    if (lane->read == lane->published_copy) {
        lane->published_copy = atomic_load_explicit(&lane->published, memory_order_acquire);
        if (lane->read == lane->published_copy)
            return NULL;
    }
    return (struct lane_entry *)(void *)(lane->bytes + lane->read % LANE_BYTES);
}

static void take_packet(struct lane *lane, struct packet_batch *batch, struct lane_entry *entry)
{
    uint32_t i = batch->count++;
    batch->data[i] = (const uint8_t *)(entry + 1);
    batch->captured_length[i] = (uint32_t)(entry->octets >> 32);
    batch->wire_length[i] = (uint32_t)entry->octets;
    batch->timestamp_ns[i] = entry->time_ns;
    batch->port[i] = entry->port;
    batch->capture[i] = entry->capture;
    batch->link[i] = entry->link;
    ledger_add(&lane->source.ledger.observed, 1, batch->wire_length[i]);
}

static void take_entry(struct lane *lane, struct packet_batch *batch, struct lane_entry *entry)
{
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_PACKET:
        take_packet(lane, batch, entry);
        break;
    case ENTRY_CLOCK:
        lane->source.clock_ns = entry->time_ns;
        break;
    case ENTRY_CLOCK_STEP:
        lane->source.clock_ns = 0;
        lane->source.clock_steps++;
        break;
    case ENTRY_LOSS:
        check(entry->link < DROPPED_COUNT);
        ledger_add(&lane->source.ledger.dropped[entry->link], entry->time_ns, entry->octets);
        ledger_add(&lane->source.ledger.observed, entry->time_ns, entry->octets);
        break;
    case ENTRY_HOST:
        ledger_add(&lane->source.ledger.host, entry->time_ns, entry->octets);
        ledger_add(&lane->source.ledger.observed, entry->time_ns, entry->octets);
        break;
    case ENTRY_FILLER:
        break;
    }
}

/* A batch ends before a clock entry, since time must not pass packets that come before it, and a
 * step stands alone, so that the worker can cut its records before the next packet. */
static enum receive_status lane_receive(struct packet_source *source, struct packet_batch *batch)
{
    struct lane *lane = (struct lane *)source;
    bool ended = atomic_load_explicit(&lane->ended, memory_order_acquire);
    batch->count = 0;
    while (batch->count < PACKET_BATCH_MAX) {
        struct lane_entry *entry = peek(lane);
        if (!entry)
            break;
        bool tells_time = entry->kind == ENTRY_CLOCK || entry->kind == ENTRY_CLOCK_STEP;
        if (tells_time && batch->count > 0)
            break;
        take_entry(lane, batch, entry);
        lane->read += entry->length;
        if (entry->kind == ENTRY_CLOCK_STEP)
            break;
    }
    if (batch->count > 0)
        return RECEIVE_PACKETS;
    atomic_store_explicit(&lane->released, lane->read, memory_order_release);
    return ended && !peek(lane) ? RECEIVE_END : RECEIVE_IDLE;
}

static void lane_release(struct packet_source *source, struct packet_batch *batch)
{
    struct lane *lane = (struct lane *)source;
    atomic_store_explicit(&lane->released, lane->read, memory_order_release);
    batch->count = 0;
}

/* The distribution owns its lanes; nothing of them outlives it. */
static void lane_close(struct packet_source *source)
{
    (void)source;
}

static const struct packet_source_ops lane_ops = {
    .receive = lane_receive,
    .release = lane_release,
    .close = lane_close,
};

struct lane *lane_create(uint32_t number, bool live, struct error *error)
{
    struct lane *lane = aligned_alloc(64, (sizeof *lane + 63) & ~(size_t)63);
    if (!lane) {
        error_set(error, "no memory for a lane of the distribution stage");
        return NULL;
    }
    memset(lane, 0, sizeof *lane);
    if (!arena_map(&lane->arena, LANE_BYTES, ARENA_DENSE, error)) {
        free(lane);
        return NULL;
    }
    lane->bytes = lane->arena.memory;
    lane->source.ops = &lane_ops;
    lane->source.live = live;
    snprintf(lane->source.name, sizeof lane->source.name, "lane%u", number);
    return lane;
}

bool lane_populate(struct lane *lane, struct error *error)
{
    return arena_populate(&lane->arena, LANE_BYTES, error);
}

void lane_destroy(struct lane *lane)
{
    if (!lane)
        return;
    arena_unmap(&lane->arena);
    free(lane);
}

struct packet_source *lane_source(struct lane *lane)
{
    return &lane->source;
}
