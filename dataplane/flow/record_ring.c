/*
 * The record ring: one producer (a worker), one consumer (an exporting process). Positions count
 * lines and never wrap; the two sides keep theirs in cache lines of their own and a copy of the
 * other's, so that the shared words are read only when the copy says full or empty.
 */
#include "flow/record_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"

struct record_ring {
    /* Fixed after creation. */
    _Alignas(64) uint8_t *lines;
    uint64_t mask; /* lines - 1 */
    struct arena arena;

    /* Producer's line. */
    _Alignas(64) _Atomic uint64_t published;
    uint64_t write;
    uint64_t released_copy;

    /* Consumer's line. */
    _Alignas(64) _Atomic uint64_t released;
    uint64_t read;
    uint64_t published_copy;
};

enum { LINES_MIN = 1024 };

struct record_ring *record_ring_create(uint32_t lines, struct error *error)
{
    uint64_t size = LINES_MIN;
    while (size < lines)
        size *= 2;
    struct record_ring *ring = aligned_alloc(64, sizeof *ring);
    if (!ring) {
        error_set(error, "no memory for a record ring");
        return NULL;
    }
    memset(ring, 0, sizeof *ring);
    ring->mask = size - 1;
    if (!arena_map(&ring->arena, size * FLOW_LINE, ARENA_DENSE, error)) {
        free(ring);
        return NULL;
    }
    ring->lines = ring->arena.memory;
    return ring;
}

bool record_ring_populate(struct record_ring *ring, struct error *error)
{
    return arena_populate(&ring->arena, ring->arena.size, error);
}

void record_ring_destroy(struct record_ring *ring)
{
    if (!ring)
        return;
    arena_unmap(&ring->arena);
    free(ring);
}

static uint64_t room(struct record_ring *ring)
{
    return ring->mask + 1 - (ring->write - ring->released_copy);
}

static uint64_t refreshed_room(struct record_ring *ring)
{
    ring->released_copy = atomic_load_explicit(&ring->released, memory_order_acquire);
    return room(ring);
}

uint32_t record_ring_free_lines(struct record_ring *ring)
{
    uint64_t lines = refreshed_room(ring);
    return lines < FLOW_ELEMENT_LINES_MAX ? 0 : (uint32_t)(lines - (FLOW_ELEMENT_LINES_MAX - 1));
}

void *record_ring_reserve(struct record_ring *ring, uint32_t lines)
{
    debug_check(lines >= 1 && lines <= FLOW_ELEMENT_LINES_MAX);
    uint64_t at = ring->write & ring->mask;
    uint64_t to_end = ring->mask + 1 - at;
    uint64_t pad = to_end < lines ? to_end : 0;
    if (room(ring) < pad + lines && refreshed_room(ring) < pad + lines)
        return NULL;
    if (pad) {
        struct flow_marker *filler = (void *)(ring->lines + at * FLOW_LINE);
        filler->flags_state = (uint32_t)FLOW_ELEMENT_PAD << 24;
        ring->write += pad;
        at = 0;
    }
    ring->write += lines;
    return ring->lines + at * FLOW_LINE;
}

void record_ring_publish(struct record_ring *ring)
{
    if (ring->write != atomic_load_explicit(&ring->published, memory_order_relaxed))
        atomic_store_explicit(&ring->published, ring->write, memory_order_release);
}

const struct flow_hot *record_ring_peek(struct record_ring *ring)
{
    for (;;) {
        if (ring->read == ring->published_copy) {
            ring->published_copy = atomic_load_explicit(&ring->published, memory_order_acquire);
            if (ring->read == ring->published_copy)
                return NULL;
        }
        uint64_t at = ring->read & ring->mask;
        const struct flow_hot *hot = (const void *)(ring->lines + at * FLOW_LINE);
        if ((flow_state(hot) & FLOW_ELEMENT_KIND_MASK) != FLOW_ELEMENT_PAD)
            return hot;
        ring->read += ring->mask + 1 - at;
    }
}

void record_ring_next(struct record_ring *ring)
{
    const struct flow_hot *hot =
        (const void *)(ring->lines + (ring->read & ring->mask) * FLOW_LINE);
    unsigned kind = flow_state(hot) & FLOW_ELEMENT_KIND_MASK;
    ring->read += kind == FLOW_ELEMENT_MARKER ? 1 : flow_element_lines(hot);
}

void record_ring_release(struct record_ring *ring)
{
    if (ring->read != atomic_load_explicit(&ring->released, memory_order_relaxed))
        atomic_store_explicit(&ring->released, ring->read, memory_order_release);
}

uint32_t record_ring_used_lines(const struct record_ring *ring)
{
    uint64_t published = atomic_load_explicit(&ring->published, memory_order_relaxed);
    uint64_t released = atomic_load_explicit(&ring->released, memory_order_relaxed);
    return published > released ? (uint32_t)(published - released) : 0;
}
