/* Ranges of address prefixes. See network_table.h. */
#include "detect/network_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { INDEX_BITS = 16, INDEX_ROWS = 1 << INDEX_BITS, DEPTH_MAX = 129 };

/* ---- making ---- */

static int compare_prefixes(const void *left, const void *right)
{
    const struct network_prefix *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return (a->length > b->length) - (a->length < b->length);
}

static network_address last_of(const struct network_prefix *prefix)
{
    return prefix->length == 0 ? ~(network_address)0
                               : prefix->address | ~(~(network_address)0 << (128 - prefix->length));
}

/* Prefixes that are open at a point of the walk: each lies in the one before it. */
struct walk {
    struct network_ranges *ranges;
    unsigned depth;
    struct {
        network_address last;
        uint16_t value;
    } open[DEPTH_MAX];
};

/* From START on addresses have VALUE. */
static void begin_range(struct network_ranges *ranges, network_address start, uint16_t value)
{
    uint64_t high = (uint64_t)(start >> 64), low = (uint64_t)start;
    uint32_t last = ranges->count - 1;
    if (ranges->count && ranges->starts[last] == high && ranges->rests[last] == low) {
        ranges->values[last] = value;
        return;
    }
    if (ranges->count && ranges->values[last] == value)
        return;
    ranges->starts[ranges->count] = high;
    ranges->rests[ranges->count] = low;
    ranges->values[ranges->count++] = value;
}

/* Ends the prefixes that end before ADDRESS, or all of them. */
static void end_before(struct walk *walk, network_address address, bool all)
{
    while (walk->depth && (all || walk->open[walk->depth - 1].last < address)) {
        network_address last = walk->open[--walk->depth].last;
        if (last != ~(network_address)0)
            begin_range(walk->ranges, last + 1,
                        walk->depth ? walk->open[walk->depth - 1].value : 0);
    }
}

static void walk_prefixes(struct network_ranges *ranges, const struct network_prefix *prefixes,
                          uint32_t count, network_join *join, void *context)
{
    struct walk walk = {.ranges = ranges};
    begin_range(ranges, 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        const struct network_prefix *prefix = &prefixes[i];
        uint16_t value = prefix->value;
        bool again = i > 0 && compare_prefixes(prefix, prefix - 1) == 0;
        end_before(&walk, prefix->address, false);
        if (walk.depth)
            value = join(context, walk.open[walk.depth - 1].value, value);
        begin_range(ranges, prefix->address, value);
        check(again || walk.depth < DEPTH_MAX);
        walk.depth += !again;
        walk.open[walk.depth - 1].last = last_of(prefix);
        walk.open[walk.depth - 1].value = value;
    }
    end_before(&walk, 0, true);
}

/* The row of the index that an address whose high bits are HIGH belongs to. */
static inline uint32_t row_of(const struct network_ranges *ranges, uint64_t high)
{
    if (high < ranges->base)
        return 0;
    uint64_t row = (high - ranges->base) >> ranges->shift;
    return row < INDEX_ROWS ? (uint32_t)row : INDEX_ROWS - 1;
}

/* The index spans what lies between the first prefix and the last: where addresses of a family are
 * used little, its rows are narrow. */
static void make_index(struct network_ranges *ranges)
{
    uint32_t range = 0;
    ranges->base = ranges->count > 1 ? ranges->starts[1] : 0;
    uint64_t span = ranges->starts[ranges->count - 1] - ranges->base;
    while (ranges->shift < 64 - INDEX_BITS && span >> ranges->shift >= INDEX_ROWS)
        ranges->shift++;
    for (uint32_t row = 0; row < INDEX_ROWS; row++) {
        while (range + 1 < ranges->count && row_of(ranges, ranges->starts[range + 1]) < row)
            range++;
        ranges->index[row] = range;
    }
    ranges->index[INDEX_ROWS] = ranges->count - 1;
}

/* Gives back what was not needed: low halves that are all 0, and room for ranges that melted. */
static void shrink(struct network_ranges *ranges)
{
    uint64_t low = 0;
    check(ranges->count > 0); /* all addresses are in some range */
    for (uint32_t i = 0; i < ranges->count; i++)
        low |= ranges->rests[i];
    if (!low) {
        free(ranges->rests);
        ranges->rests = NULL;
    }
    void *starts = realloc(ranges->starts, ranges->count * sizeof *ranges->starts);
    void *values = realloc(ranges->values, ranges->count * sizeof *ranges->values);
    ranges->starts = starts ? starts : ranges->starts;
    ranges->values = values ? values : ranges->values;
}

bool network_ranges_open(struct network_ranges *ranges, struct network_prefix *prefixes,
                         uint32_t count, network_join *join, void *context, struct error *error)
{
    size_t room = 2 * (size_t)count + 1;
    if (count == 0)
        return true;
    ranges->starts = malloc(room * sizeof *ranges->starts);
    ranges->rests = malloc(room * sizeof *ranges->rests);
    ranges->values = malloc(room * sizeof *ranges->values);
    ranges->index = malloc((INDEX_ROWS + 1) * sizeof *ranges->index);
    if (!ranges->starts || !ranges->rests || !ranges->values || !ranges->index) {
        error_set(error, "no memory for %u networks", count);
        return false;
    }
    qsort(prefixes, count, sizeof *prefixes, compare_prefixes);
    walk_prefixes(ranges, prefixes, count, join, context);
    shrink(ranges);
    make_index(ranges);
    return true;
}

void network_ranges_close(struct network_ranges *ranges)
{
    free(ranges->index);
    free(ranges->starts);
    free(ranges->rests);
    free(ranges->values);
    memset(ranges, 0, sizeof *ranges);
}

size_t network_ranges_memory(const struct network_ranges *ranges)
{
    if (ranges->count == 0)
        return 0;
    size_t each = sizeof *ranges->starts + sizeof *ranges->values;
    each += ranges->rests ? sizeof *ranges->rests : 0;
    return ranges->count * each + (INDEX_ROWS + 1) * sizeof *ranges->index;
}

/* ---- looking up ---- */

/* Whether range I begins at the address or before it. */
static inline bool begins_by(const struct network_ranges *ranges, uint32_t i, uint64_t high,
                             uint64_t low)
{
    if (ranges->starts[i] != high || !ranges->rests)
        return ranges->starts[i] <= high;
    return ranges->rests[i] <= low;
}

uint16_t network_ranges_find(const struct network_ranges *ranges, uint64_t high, uint64_t low)
{
    if (ranges->count == 0)
        return 0;
    uint32_t row = row_of(ranges, high);
    /* The last range that begins by the address: not before FIRST, not after LAST. */
    uint32_t first = ranges->index[row], last = ranges->index[row + 1];
    while (first < last) {
        uint32_t middle = last - (last - first) / 2;
        if (begins_by(ranges, middle, high, low))
            first = middle;
        else
            last = middle - 1;
    }
    return ranges->values[first];
}
