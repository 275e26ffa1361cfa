/* Showing and ending the entries of a cache, some buckets at a time. */
#include "flow/flow_walk.h"

#include <string.h>

#include "flow/flow_cache_private.h"

static bool inside(const uint8_t *address, const struct flow_filter *filter)
{
    return flow_prefix_covers(filter->address, filter->prefix_length, address);
}

static bool has_address(const struct flow_filter *filter, const struct flow_view *view)
{
    bool six = flow_state(&view->hot) & FLOW_STATE_IPV6;
    if (six != (filter->family == 6))
        return false;
    if (six)
        return inside(view->hot6.address_a, filter) || inside(view->hot6.address_b, filter);
    return inside((const uint8_t *)&view->hot.key.address_a, filter) ||
           inside((const uint8_t *)&view->hot.key.address_b, filter);
}

bool flow_filter_matches(const struct flow_filter *filter, const struct flow_view *view)
{
    const struct flow_key_head *key = &view->hot.key;
    return (!filter->family || has_address(filter, view)) &&
           (!filter->port_set || key->port_a == filter->port || key->port_b == filter->port) &&
           (!filter->protocol_set || key->protocol == filter->protocol) &&
           (!filter->application ||
            (view->cold.application & FLOW_APPLICATION_NUMBER) == filter->application) &&
           (!filter->list || view->list == filter->list) &&
           flow_expression_matches(&filter->expression, view);
}

static void copy_names(const struct flow_cache *cache, uint32_t index, struct flow_view *view)
{
    struct flow_name_text names;
    flow_names_take(cache, index, &names);
    view->name_octets = names.octets;
    memcpy(view->names, names.text, names.octets);
}

uint64_t flow_walk_show(const struct flow_cache *cache, uint64_t position, uint32_t buckets,
                        const struct flow_filter *filter, struct flow_view *views, uint32_t room,
                        uint32_t *count)
{
    uint64_t slots = (cache->bucket_mask + 1) * BUCKET_SLOTS;
    uint64_t end = position + (uint64_t)buckets * BUCKET_SLOTS;
    *count = 0;
    if (cache->older) /* records move between two tables: later */
        return position;
    for (; position < slots && position < end && *count < room; position++) {
        const struct flow_bucket *bucket = &cache->buckets[position / BUCKET_SLOTS];
        unsigned slot = position % BUCKET_SLOTS;
        if (!((bucket->occupied & ~bucket->done) >> slot & 1))
            continue;
        uint32_t index = bucket->index[slot];
        struct flow_view *view = &views[*count];
        view->hot = cache->hot[index];
        view->cold = cache->cold[index];
        if (flow_state(&view->hot) & FLOW_STATE_IPV6)
            view->hot6 = cache->hot6[index];
        bool extra = flow_state(&view->hot) & FLOW_STATE_EXTRA;
        view->list = extra ? cache->extra[index].list : 0;
        view->brand = extra ? cache->extra[index].brand : 0;
        if (!has_packets(&view->cold) || !flow_filter_matches(filter, view))
            continue;
        copy_names(cache, index, view);
        (*count)++;
    }
    return position < slots ? position : FLOW_WALK_END;
}

/* Ends the record at AT. False if the ring is full. */
static bool expire(struct flow_cache *cache, struct flow_slot at, uint64_t now_ns,
                   uint64_t *records)
{
    uint32_t index = at.bucket->index[at.slot];
    const struct flow_hot *hot = &cache->hot[index];
    const struct flow_cold *cold = &cache->cold[index];
    enum flow_end_reason why = FLOW_END_FORCED;
    struct flow_deadline d = flow_deadline(cache, hot, cold);
    if (at.bucket->done >> at.slot & 1)
        why = (enum flow_end_reason)cold->end_reason;
    else if (d.time_ns <= now_ns)
        why = d.reason;
    else if (flow_state(hot) & FLOW_STATE_CLOSING)
        why = FLOW_END_DETECTED;
    if (has_packets(cold)) {
        if (!flow_emit(cache, index, why))
            return false;
        (*records)++;
    }
    flow_remove(cache, at);
    return true;
}

uint64_t flow_walk_expire(struct flow_cache *cache, uint64_t position, uint32_t buckets,
                          uint64_t now_ns, uint64_t *records)
{
    uint64_t slots = (cache->bucket_mask + 1) * BUCKET_SLOTS;
    uint64_t end = position + (uint64_t)buckets * BUCKET_SLOTS;
    if (cache->older)
        return position;
    for (; position < slots && position < end; position++) {
        struct flow_bucket *bucket = &cache->buckets[position / BUCKET_SLOTS];
        struct flow_slot at = {bucket, (unsigned)(position % BUCKET_SLOTS)};
        if (!((bucket->occupied & ~bucket->pinned) >> at.slot & 1))
            continue;
        if (!expire(cache, at, now_ns, records))
            return position;
    }
    if (position < slots)
        return position;
    if (cache->admission.level2.aggregates &&
        !aggregate_table_flush(cache->admission.level2.aggregates, now_ns, FLOW_END_FORCED))
        return position;
    return FLOW_WALK_END;
}
