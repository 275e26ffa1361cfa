/*
 * The pool of names of a flow cache's table: lines of 64 octets, chained one behind the other, so
 * that a flow without names takes none and one with names only as many as they need. Of a fixed
 * size; where it is full, names are not kept. A record says where its names begin (flow_extra).
 *
 * Owned by the table's cache; used on the worker's thread, created and destroyed on the control
 * thread.
 */
#ifndef SPANFLOW_FLOW_NAME_POOL_H
#define SPANFLOW_FLOW_NAME_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/flow_record.h"

struct name_pool;

/* A pool of LINES, at least as many as one record can need. Pages that no name touches cost
 * nothing. NULL and ERROR if memory is short. */
struct name_pool *name_pool_create(uint32_t lines, struct error *error);
void name_pool_destroy(struct name_pool *pool);
/* Octets that are mapped for it; 0 for NULL. Any thread. */
size_t name_pool_memory(const struct name_pool *pool);

/* Puts the COUNT octets at NAMES, whole names of TYPES, behind those of EXTRA. False if the pool
 * has too few lines, or EXTRA then more than FLOW_NAMES_OCTETS_MAX: nothing happened. */
bool name_pool_append(struct name_pool *pool, struct flow_extra *extra, const uint8_t *names,
                      uint32_t count, uint32_t types);
/* Copies the names of EXTRA to OUT, which has room for FLOW_NAMES_OCTETS_MAX. Returns how many
 * octets these are. */
uint32_t name_pool_read(const struct name_pool *pool, const struct flow_extra *extra, uint8_t *out);
/* Gives the lines of EXTRA back; it has no names then. */
void name_pool_release(struct name_pool *pool, struct flow_extra *extra);
/* Lines in use. */
uint32_t name_pool_used(const struct name_pool *pool);

#endif
