/* The limit loops. See limit.h. */
#include "perf/bench/limit.h"

#include <string.h>

#include "flow/flow_cache_private.h"

double limit_tables(const struct flow_cache *cache, struct traffic_order *order, bool six,
                    uint64_t packets)
{
    uint64_t sum = 0, cycles = 0;
    uint32_t record_mask = order->flow_mask;
    for (uint64_t done = 0; done < packets; done += PACKET_BATCH_MAX) {
        const struct flow_bucket *bucket[PACKET_BATCH_MAX];
        uint32_t record[PACKET_BATCH_MAX];
        uint64_t start = bench_cycles();
        for (unsigned i = 0; i < PACKET_BATCH_MAX; i++) {
            uint64_t random;
            uint32_t flow = traffic_order_next(order, &random);
            record[i] = flow & record_mask;
            bucket[i] = &cache->buckets[(flow * 0x9e3779b97f4a7c15u >> 20) & cache->bucket_mask];
            __builtin_prefetch(bucket[i]);
        }
        for (unsigned i = 0; i < PACKET_BATCH_MAX; i++) {
            sum += bucket[i]->tag[0];
            __builtin_prefetch(&cache->hot[record[i]], 1);
            if (six)
                __builtin_prefetch(&cache->hot6[record[i]]);
        }
        for (unsigned i = 0; i < PACKET_BATCH_MAX; i++) {
            volatile uint64_t *word = &cache->hot[record[i]].last_ns[0];
            *word = *word;
            if (six)
                sum += cache->hot6[record[i]].address_b[15];
        }
        cycles += bench_interval(start, bench_cycles());
    }
    volatile uint64_t sink = sum;
    (void)sink;
    return (double)cycles / (double)packets;
}

double limit_headers(struct packet_source *source, uint64_t packets)
{
    struct packet_batch batch = {.count = 0};
    uint64_t sum = 0, cycles = 0;
    traffic_play_random(source, packets, 0);
    while (source->ops->receive(source, &batch) == RECEIVE_PACKETS) {
        uint64_t start = bench_cycles();
        for (uint32_t i = 0; i < batch.count; i++) {
            uint64_t word[8];
            memcpy(word, batch.data[i], batch.captured_length[i] < 64 ? 56 : 64);
            for (unsigned w = 0; w < 7; w++)
                sum += word[w];
        }
        cycles += bench_interval(start, bench_cycles());
        source->ops->release(source, &batch);
    }
    volatile uint64_t sink = sum;
    (void)sink;
    return (double)cycles / (double)packets;
}

double limit_automaton(const uint8_t *data, uint32_t octets, uint64_t packets)
{
    static uint8_t table[256];
    uint8_t state = 0;
    for (unsigned i = 0; i < sizeof table; i++)
        table[i] = (uint8_t)(i * 167 + 13);
    uint64_t start = bench_cycles();
    for (uint64_t i = 0; i < packets; i++)
        for (uint32_t at = 0; at < octets; at++)
            state = *(const volatile uint8_t *)&table[state ^ data[at]];
    uint64_t end = bench_cycles();
    return (double)(end - start) / (double)packets;
}

double limit_copy(uint8_t *to, const uint8_t *from, uint64_t span, uint64_t unit, uint64_t count)
{
    uint64_t start = bench_cycles(), at = 0;
    for (uint64_t n = 0; n < count; n++) {
        memcpy(to + at, from + at, unit);
        __asm__ volatile("" ::: "memory");
        at += unit;
        if (at + unit > span)
            at = 0;
    }
    return (double)(bench_cycles() - start) / (double)count;
}
