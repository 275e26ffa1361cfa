/*
 * The extra row of a record, and the marks of lists in it: a flow is compared with the lists when
 * its record begins. Called by flow_entry.c and the worker, on the worker's thread.
 */
#include <string.h>

#include "flow/flow_cache_private.h"

struct flow_extra *flow_extra_of(struct flow_cache *cache, uint32_t index)
{
    struct flow_hot *hot = &cache->hot[index];
    struct flow_extra *extra = &cache->extra[index];
    if (!(flow_state(hot) & FLOW_STATE_EXTRA)) {
        memset(extra, 0, sizeof *extra);
        hot->flags_state |= (uint32_t)FLOW_STATE_EXTRA << 24;
    }
    return extra;
}

/* Marks the record at INDEX with the gravest list of ROWS, unless a mark of one that is as grave is
 * there. */
static bool mark(struct flow_cache *cache, uint32_t index, uint64_t rows)
{
    uint32_t row = (uint32_t)__builtin_ctzll(rows);
    uint32_t number = watch_set_list(cache->watch, row)->number;
    struct flow_extra *extra = flow_extra_of(cache, index);
    if (extra->list == number)
        return false;
    for (uint32_t graver = 0; extra->list && graver < row; graver++)
        if (watch_set_list(cache->watch, graver)->number == extra->list)
            return false;
    extra->list = number;
    return true;
}

bool flow_watch(struct flow_cache *cache, uint32_t index, const struct flow_key *key)
{
    uint64_t sides[2];
    watch_flow(cache->watch, key, sides);
    return __builtin_expect((sides[0] | sides[1]) != 0, 0) &&
           mark(cache, index, sides[0] | sides[1]);
}

void flow_tell_listed(struct flow_cache *cache, unsigned i, const struct flow_ref *ref)
{
    struct flow_listed *listed = cache->listed;
    if (!listed || listed->count == PACKET_BATCH_MAX)
        return;
    listed->packets[listed->count] = (uint8_t)i;
    listed->refs[listed->count++] = *ref;
}

void flow_cache_mark_list(struct flow_cache *cache, const struct flow_ref *ref,
                          const struct packet_facts *facts, uint64_t rows)
{
    if (rows && cache->watch && flow_is_record_of(cache, ref, facts))
        mark(cache, ref->index, rows);
}

void flow_cache_mark_brand(struct flow_cache *cache, const struct flow_ref *ref,
                           const struct packet_facts *facts, uint32_t brand)
{
    if (brand && flow_is_record_of(cache, ref, facts))
        flow_extra_of(cache, ref->index)->brand = brand;
}

void flow_cache_adopt_marks(struct flow_cache *cache, const struct flow_ref *ref,
                            const struct flow_cache *from, const struct flow_ref *from_ref,
                            const struct packet_facts *facts)
{
    if (!flow_is_record_of(from, from_ref, facts) || !flow_is_record_of(cache, ref, facts) ||
        !(flow_state(&from->hot[from_ref->index]) & FLOW_STATE_EXTRA))
        return;
    const struct flow_extra *first = &from->extra[from_ref->index];
    if (!first->list && !first->brand)
        return;
    struct flow_extra *extra = flow_extra_of(cache, ref->index);
    extra->list = first->list ? first->list : extra->list;
    extra->brand = first->brand ? first->brand : extra->brand;
}
