/* Lines of names. See name_pool.h. Line 0 is none; free ones are chained, behind them lie those
 * that were never used. */
#include "flow/name_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"

enum { LINE_TEXT = FLOW_LINE - sizeof(uint32_t) };

struct name_line {
    uint32_t next; /* 0: the last */
    uint8_t text[LINE_TEXT];
};
static_assert(sizeof(struct name_line) == FLOW_LINE, "one cache line");

enum { CHAIN_MAX = (FLOW_NAMES_OCTETS_MAX + LINE_TEXT - 1) / LINE_TEXT };

struct name_pool {
    struct name_line *lines;
    uint32_t count; /* with line 0 */
    uint32_t unused;
    uint32_t free;
    uint32_t used;
    struct arena arena;
};

struct name_pool *name_pool_create(uint32_t lines, struct error *error)
{
    struct name_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        error_set(error, "no memory for the names of flows");
        return NULL;
    }
    pool->count = (lines < CHAIN_MAX ? CHAIN_MAX : lines) + 1;
    pool->unused = 1;
    if (!arena_map(&pool->arena, pool->count * sizeof *pool->lines, ARENA_SPARSE, error)) {
        free(pool);
        return NULL;
    }
    pool->lines = pool->arena.memory;
    return pool;
}

void name_pool_destroy(struct name_pool *pool)
{
    if (!pool)
        return;
    arena_unmap(&pool->arena);
    free(pool);
}

size_t name_pool_memory(const struct name_pool *pool)
{
    return pool ? pool->arena.size : 0;
}

uint32_t name_pool_used(const struct name_pool *pool)
{
    return pool->used;
}

/* A line that nobody has; there is one. */
static uint32_t take_line(struct name_pool *pool)
{
    uint32_t line = pool->free;
    if (line)
        pool->free = pool->lines[line].next;
    else
        line = pool->unused++;
    pool->lines[line].next = 0;
    pool->used++;
    return line;
}

/* The line of EXTRA's names that the octet AT lies in, which has been taken. */
static uint32_t line_of(const struct name_pool *pool, const struct flow_extra *extra, uint32_t at)
{
    uint32_t line = extra->names;
    for (; at >= LINE_TEXT; at -= LINE_TEXT)
        line = pool->lines[line].next;
    return line;
}

static uint32_t lines_for(uint32_t octets)
{
    return (octets + LINE_TEXT - 1) / LINE_TEXT;
}

bool name_pool_append(struct name_pool *pool, struct flow_extra *extra, const uint8_t *names,
                      uint32_t count, uint32_t types)
{
    uint32_t octets = extra->name_octets, line = 0;
    uint32_t wanted = lines_for(octets + count) - lines_for(octets);
    if (octets + count > FLOW_NAMES_OCTETS_MAX || wanted > pool->count - 1 - pool->used)
        return false;
    if (octets)
        line = line_of(pool, extra, octets - 1);
    while (count) {
        uint32_t at = octets % LINE_TEXT, part = LINE_TEXT - at;
        part = part < count ? part : count;
        if (at == 0) {
            uint32_t next = take_line(pool);
            *(octets ? &pool->lines[line].next : &extra->names) = next;
            line = next;
        }
        memcpy(pool->lines[line].text + at, names, part);
        names += part;
        octets += part;
        count -= part;
    }
    extra->name_octets = (uint16_t)octets;
    extra->name_types |= types;
    return true;
}

uint32_t name_pool_read(const struct name_pool *pool, const struct flow_extra *extra, uint8_t *out)
{
    uint32_t line = extra->names;
    for (uint32_t octets = extra->name_octets; octets;) {
        uint32_t part = octets < LINE_TEXT ? octets : LINE_TEXT;
        memcpy(out, pool->lines[line].text, part);
        line = pool->lines[line].next;
        out += part;
        octets -= part;
    }
    return extra->name_octets;
}

void name_pool_release(struct name_pool *pool, struct flow_extra *extra)
{
    if (!extra->names)
        return;
    uint32_t last = extra->names;
    pool->used--;
    for (; pool->lines[last].next; last = pool->lines[last].next)
        pool->used--;
    pool->lines[last].next = pool->free;
    pool->free = extra->names;
    extra->names = 0;
    extra->name_octets = 0;
    extra->name_types = 0;
}
