/*
 * The parser's loop over a batch, compiled once for each instruction set (base/simd.h). Called
 * through parse_batch.c on the worker's thread.
 */
#include "parse/parse_hot.h"

#include "parse/parse_straight.h"

static uint64_t parse_range_hot(struct parser *parser, const struct packet_batch *batch,
                                uint32_t first, uint32_t count, struct packet_facts *facts)
{
    enum { PREFETCH_DISTANCE = 8 };
    uint64_t usable = 0;
    for (uint32_t i = first; i < first + count; i++) {
        if (i + PREFETCH_DISTANCE < batch->count)
            __builtin_prefetch(batch->data[i + PREFETCH_DISTANCE]);
        bool good = parse_straight(parser, batch, i, &facts[i]);
        if (__builtin_expect(!good, 0))
            good = parse_by_layers(parser, batch, i, &facts[i]);
        usable |= (uint64_t)good << i;
    }
    return usable;
}

extern parse_range_function *const SIMD_VARIANT(parse_range_hot);
parse_range_function *const SIMD_VARIANT(parse_range_hot) = parse_range_hot;
