/*
 * The single-producer single-consumer ring that carries finished flow records from a worker to the
 * exporting process, in 64-byte lines. An element never straddles the end of the ring's memory: a
 * pad element fills the rest, which the consumer side skips by itself.
 *
 * Producer: the worker's thread. Consumer: the exporting process's thread. Neither ever waits.
 */
#ifndef SPANFLOW_FLOW_RECORD_RING_H
#define SPANFLOW_FLOW_RECORD_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/flow_record.h"

struct record_ring;

/* LINES is rounded up to a power of two, at least 1,024. NULL and ERROR on lack of memory. */
struct record_ring *record_ring_create(uint32_t lines, struct error *error);
void record_ring_destroy(struct record_ring *ring);
/* Takes its pages now, so that the producer waits for none. False and ERROR on lack of memory. */
bool record_ring_populate(struct record_ring *ring, struct error *error);

/* Producer: lines that can surely be reserved now, with the worst padding deducted. */
uint32_t record_ring_free_lines(struct record_ring *ring);
/* Producer: room for an element of LINES (1..4) contiguous lines, or NULL if the ring is full.
 * The consumer sees it after the next record_ring_publish(). */
void *record_ring_reserve(struct record_ring *ring, uint32_t lines);
void record_ring_publish(struct record_ring *ring);

/* Consumer: the next element (a record or a marker), or NULL. It stays valid until
 * record_ring_release(); record_ring_next() moves behind it. */
const struct flow_hot *record_ring_peek(struct record_ring *ring);
void record_ring_next(struct record_ring *ring);
/* Consumer: gives everything behind the read position back to the producer. */
void record_ring_release(struct record_ring *ring);

/* Lines in use, as far as the caller's side can see. Either side; a hint only. */
uint32_t record_ring_used_lines(const struct record_ring *ring);

#endif
