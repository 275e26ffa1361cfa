/*
 * The generator of the benchmarks as a packet source: flows in random order, headers written into
 * a small ring of packet buffers, as a NIC would. Called by the bench_* programs, one thread. The
 * same order of flows drives the memory-limit loop.
 *
 * Addresses and ports are functions of the flow's number; half of the flows are TCP (ACK only),
 * half UDP, packets come from either side. Header checksums are left 0: nobody looks at them.
 */
#ifndef SPANFLOW_PERF_BENCH_TRAFFIC_H
#define SPANFLOW_PERF_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet_source.h"
#include "perf/bench/measure.h"

enum { ZIPF_STEPS = 4096 };

/* Which flow comes next. */
struct traffic_order {
    uint64_t state;
    uint32_t flow_mask; /* active flows less one */
    uint32_t next_new;  /* number of the next flow that was never there */
    uint32_t new_of_65536;
    bool zipf;
    uint32_t zipf_rank[ZIPF_STEPS + 1]; /* rank * 256 at each step of probability */
};

/* Sets ORDER up for IT; SEED fixes it. FIRST_NEW: number of the first flow that was never there. */
void traffic_order_start(struct traffic_order *order, const struct bench_case *it,
                         uint32_t first_new, uint64_t seed);

/* The number of the next flow; the low bits of *RANDOM are free for other choices. */
static inline uint32_t traffic_order_next(struct traffic_order *order, uint64_t *random)
{
    uint64_t z = order->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z ^= z >> 27;
    *random = z >> 16;
    if ((uint32_t)(z & 0xffff) < order->new_of_65536)
        return order->next_new++;
    uint32_t number = (uint32_t)(z >> 32);
    if (!order->zipf)
        return number & order->flow_mask;
    const uint32_t *step = &order->zipf_rank[number >> 20];
    uint64_t part = (uint64_t)(step[1] - step[0]) * ((number >> 4) & 0xffff) >> 16;
    return (uint32_t)(((step[0] + part) >> 8) - 1) * 0x9e3779b1u & order->flow_mask;
}

/* A source for IT; NULL without memory. Closed by its ops. */
struct packet_source *traffic_open(const struct bench_case *it, uint32_t first_new, uint64_t seed);

/* What comes next: PACKETS packets, their times STEP_NS / 64 apart; then receive() says IDLE.
 * Sequential: flows 0, 1, ... and, if REVERSE, the answers; random: by the order. */
void traffic_play_sequence(struct packet_source *source, bool reverse, uint64_t packets,
                           uint64_t batch_step_ns);
void traffic_play_random(struct packet_source *source, uint64_t packets, uint64_t batch_step_ns);

/* Cycles that receive() took since the last call. */
uint64_t traffic_take_cycles(struct packet_source *source);
/* Time of the last packet. */
uint64_t traffic_now_ns(const struct packet_source *source);

#endif
