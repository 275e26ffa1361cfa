/* The parts of a walk. The slot through which a walk comes to its worker is in worker.c. */
#include "worker/worker_walk.h"

enum {
    SHOW_BUCKETS = 128,  /* of a part: some 20 microseconds */
    EXPIRE_BUCKETS = 64, /* at most 512 records, of four lines each */
};

bool worker_walk_done(const struct worker_walk *walk)
{
    return atomic_load_explicit(&walk->done, memory_order_acquire);
}

/* True when the views are full or there is nothing behind. */
static bool show(struct worker_walk *walk, const struct flow_cache *cache)
{
    uint32_t count = 0;
    walk->position = flow_walk_show(cache, walk->position, SHOW_BUCKETS, &walk->filter,
                                    walk->views + walk->count, walk->room - walk->count, &count);
    walk->count += count;
    return walk->position == FLOW_WALK_END || walk->count == walk->room;
}

/* True when the last cache is done. */
static bool expire(struct worker_walk *walk, struct flow_cache *const caches[], uint32_t count,
                   uint64_t now_ns)
{
    walk->position = flow_walk_expire(caches[walk->cache], walk->position, EXPIRE_BUCKETS, now_ns,
                                      &walk->records);
    if (walk->position != FLOW_WALK_END)
        return false;
    walk->cache++;
    if (walk->cache < count)
        walk->position = 0;
    return walk->cache == count;
}

bool worker_walk_step(struct worker_walk *walk, struct flow_cache *const caches[], uint32_t count,
                      uint64_t now_ns)
{
    bool complete = walk->kind == WORKER_WALK_SHOW ? show(walk, caches[walk->cache])
                                                   : expire(walk, caches, count, now_ns);
    if (complete)
        atomic_store_explicit(&walk->done, true, memory_order_release);
    return complete;
}
