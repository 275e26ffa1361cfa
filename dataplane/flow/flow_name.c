/* The names of the records of a flow cache: kept in its pool, copied with records, and sent off
 * with them as far as the configuration lets them. Worker thread. */
#include <string.h>

#include "flow/flow_cache_private.h"

static bool may_leave(const struct flow_cache *cache, const struct flow_name *name)
{
    uint32_t types = name->hashed ? cache->names.hashed : cache->names.clear;
    return types >> name->type & 1u;
}

void flow_names_read(const struct flow_cache *cache, uint32_t index, struct flow_name_text *out)
{
    uint8_t all[FLOW_NAMES_OCTETS_MAX];
    const uint8_t *at = all, *end = all + name_pool_read(cache->pool, &cache->extra[index], all);
    struct flow_name name;
    out->octets = 0;
    out->types = 0;
    for (const uint8_t *head = at; flow_name_next(&at, end, &name); head = at) {
        if (!may_leave(cache, &name))
            continue;
        memcpy(out->text + out->octets, head, (size_t)(at - head));
        out->octets += (uint32_t)(at - head);
        out->types |= 1u << name.type;
    }
}

void flow_put_extra(const struct flow_cache *cache, uint32_t index,
                    const struct flow_name_text *names, uint8_t *line)
{
    struct flow_extra *extra = (struct flow_extra *)(void *)line;
    *extra = cache->extra[index];
    extra->names = 0;
    extra->name_octets = names ? (uint16_t)names->octets : 0;
    extra->name_types = names ? names->types : 0;
    if (!names)
        return;
    line += FLOW_LINE;
    memcpy(line, names->text, names->octets);
    uint32_t rest = names->octets % FLOW_LINE;
    if (rest) /* nothing of an earlier record stays behind it */
        memset(line + names->octets, 0, FLOW_LINE - rest);
}

void flow_names_drop(struct flow_cache *cache, uint32_t index)
{
    if (__builtin_expect(flow_has_names(cache, index), 0))
        name_pool_release(cache->pool, &cache->extra[index]);
}

void flow_extra_copy(struct flow_cache *cache, uint32_t index, const struct flow_cache *from,
                     uint32_t from_index)
{
    struct flow_extra *extra = &cache->extra[index];
    *extra = from->extra[from_index];
    extra->names = 0;
    extra->name_octets = 0;
    extra->name_types = 0;
    if (!from->extra[from_index].names || !cache->pool)
        return;
    uint8_t names[FLOW_NAMES_OCTETS_MAX];
    uint32_t octets = name_pool_read(from->pool, &from->extra[from_index], names);
    if (!name_pool_append(cache->pool, extra, names, octets, from->extra[from_index].name_types))
        cache->counters.names_refused++;
}

void flow_extra_continue(struct flow_cache *cache, uint32_t index)
{
    struct flow_extra *extra = &cache->extra[index];
    bool whole = flow_state(&cache->hot[index]) & FLOW_STATE_EXTRA;
    if (flow_has_names(cache, index) || (whole && (extra->list || extra->brand)))
        memset(extra->label_count, 0, sizeof extra->label_count);
    else
        cache->hot[index].flags_state &= ~((uint32_t)FLOW_STATE_EXTRA << 24);
}

static uint32_t types_of(const struct flow_cache *cache, uint32_t index)
{
    return flow_has_names(cache, index) ? cache->extra[index].name_types : 0;
}

/* Puts one name, COUNT octets with its head, behind those of the record at INDEX. */
static void add(struct flow_cache *cache, uint32_t index, const uint8_t *name, uint32_t count,
                enum name_type type)
{
    if (types_of(cache, index) >> type & 1u)
        return;
    struct flow_extra *extra = flow_extra_of(cache, index);
    if (!cache->pool || !name_pool_append(cache->pool, extra, name, count, 1u << type))
        cache->counters.names_refused++;
}

void flow_cache_add_names(struct flow_cache *cache, const struct flow_ref *ref,
                          const uint8_t *names, uint32_t count)
{
    const uint8_t *at = names, *end = names + count;
    struct flow_name name;
    for (const uint8_t *head = at; flow_name_next(&at, end, &name); head = at)
        add(cache, ref->index, head, (uint32_t)(at - head), name.type);
}

void flow_cache_adopt_names(struct flow_cache *cache, const struct flow_ref *ref,
                            const struct flow_cache *from, const struct flow_ref *from_ref,
                            const struct packet_facts *facts)
{
    if (!flow_is_record_of(from, from_ref, facts) || !flow_is_record_of(cache, ref, facts) ||
        !(types_of(from, from_ref->index) & ~types_of(cache, ref->index)))
        return;
    uint8_t names[FLOW_NAMES_OCTETS_MAX];
    const struct flow_extra *extra = &from->extra[from_ref->index];
    flow_cache_add_names(cache, ref, names, name_pool_read(from->pool, extra, names));
}
