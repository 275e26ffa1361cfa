/*
 * The live clock: wall time = monotonic time + offset. The offset follows the system's wall clock
 * once a second, by at most 500 us per second while the error is below one second; a larger error
 * moves it at once, and the caller must cut its open records so that none holds times of both
 * sides. One thread owns a clock; reading it costs one system-call-free clock read.
 */
#ifndef SPANFLOW_BASE_CLOCK_H
#define SPANFLOW_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock_state {
    int64_t offset_ns;   /* wall = monotonic + offset */
    uint64_t checked_ns; /* monotonic time of the last look at the wall clock */
    uint64_t steps;      /* how often the offset had to jump */
    int64_t step_ns;     /* size of the last jump */
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. Any thread. */
uint64_t clock_monotonic_ns(void);
uint64_t clock_wall_ns(void);

/* Ticks of a counter that runs evenly and is read in some cycles; how long one takes is not known,
 * so they tell shares of time only. Any thread. */
static inline uint64_t clock_ticks(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return clock_monotonic_ns();
#endif
}

/* Starts the clock at the given readings. */
void clock_start(struct clock_state *clock, uint64_t monotonic_ns, uint64_t wall_ns);

/* True once a second: time to read the wall clock and call clock_correct(). */
bool clock_correction_due(const struct clock_state *clock, uint64_t monotonic_ns);

/* Moves the offset towards WALL_NS as read at MONOTONIC_NS. True if it jumped. */
bool clock_correct(struct clock_state *clock, uint64_t monotonic_ns, uint64_t wall_ns);

#endif
