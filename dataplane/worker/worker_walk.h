/*
 * A walk over a worker's cache for the control thread: flows are shown, or all records are ended.
 * The control thread hands a walk over; the worker does some of it between batches and says done.
 * Nothing waits: a walk takes as long as the worker's rounds need, and a worker whose ring is full
 * goes on with it later.
 */
#ifndef SPANFLOW_WORKER_WORKER_WALK_H
#define SPANFLOW_WORKER_WORKER_WALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "flow/flow_walk.h"

struct worker;

enum worker_walk_kind { WORKER_WALK_SHOW, WORKER_WALK_EXPIRE };

struct worker_walk {
    /* Set by the control thread before the walk is handed over. */
    enum worker_walk_kind kind;
    struct flow_filter filter;
    struct flow_view *views; /* SHOW: room for them; owned by the control thread */
    uint32_t room;
    /* Where to begin; where to go on when it is done. SHOW looks at one cache, whose number is less
     * than there are; EXPIRE goes through all of them. */
    uint64_t position;
    uint32_t cache;
    /* The outcome, complete when done says so. */
    uint32_t count;   /* SHOW: views that were filled in */
    uint64_t records; /* EXPIRE: that were ended */
    _Atomic bool done;
};

/* Hands WALK over, which stays owned by the caller and must not be touched until it is done. One
 * walk at a time. A worker that has ended walks no more: the caller looks whether it has. Control
 * thread. */
void worker_submit_walk(struct worker *worker, struct worker_walk *walk);

/* Whether WALK is done. A SHOW is done when the views are full or the cache is at its end, then its
 * position is FLOW_WALK_END. Control thread. */
bool worker_walk_done(const struct worker_walk *walk);

/* Does a part of WALK on COUNT CACHES; true when it is done. For worker.c. Worker thread. */
bool worker_walk_step(struct worker_walk *walk, struct flow_cache *const caches[], uint32_t count,
                      uint64_t now_ns);

#endif
