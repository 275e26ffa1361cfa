/*
 * The ring of alerts: one producer, one consumer, positions that count up and never wrap. Each
 * side's words are in a cache line of their own.
 */
#include "worker/alert_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct alert_ring {
    /* Producer's line. */
    _Alignas(64) _Atomic uint64_t written;
    _Atomic uint64_t lost;
    /* Consumer's line. */
    _Alignas(64) _Atomic uint64_t read;
    _Alignas(64) struct alert slots[ALERT_RING_SLOTS];
};
static_assert((ALERT_RING_SLOTS & (ALERT_RING_SLOTS - 1)) == 0, "positions are masked");

struct alert_ring *alert_ring_create(struct error *error)
{
    struct alert_ring *ring = aligned_alloc(64, sizeof *ring);
    if (!ring) {
        error_set(error, "no memory for a ring of alerts");
        return NULL;
    }
    memset(ring, 0, sizeof *ring);
    return ring;
}

void alert_ring_destroy(struct alert_ring *ring)
{
    free(ring);
}

bool alert_ring_put(struct alert_ring *ring, const struct alert *alert)
{
    uint64_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (at - atomic_load_explicit(&ring->read, memory_order_acquire) == ALERT_RING_SLOTS) {
        uint64_t lost = atomic_load_explicit(&ring->lost, memory_order_relaxed);
        atomic_store_explicit(&ring->lost, lost + 1, memory_order_relaxed);
        return false;
    }
    ring->slots[at % ALERT_RING_SLOTS] = *alert;
    atomic_store_explicit(&ring->written, at + 1, memory_order_release);
    return true;
}

bool alert_ring_take(struct alert_ring *ring, struct alert *alert)
{
    uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (at == atomic_load_explicit(&ring->written, memory_order_acquire))
        return false;
    *alert = ring->slots[at % ALERT_RING_SLOTS];
    atomic_store_explicit(&ring->read, at + 1, memory_order_release);
    return true;
}

uint64_t alert_ring_lost(const struct alert_ring *ring)
{
    return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}
