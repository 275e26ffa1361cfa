/* The live clock; see the header for its rules. */
#include "base/clock.h"

#include <time.h>

static const int64_t ns_per_s = 1000000000;
static const int64_t slew_per_s_ns = 500000;

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * (uint64_t)ns_per_s + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_start(struct clock_state *clock, uint64_t monotonic_ns, uint64_t wall_ns)
{
    *clock = (struct clock_state){.offset_ns = (int64_t)(wall_ns - monotonic_ns),
                                  .checked_ns = monotonic_ns};
}

bool clock_correction_due(const struct clock_state *clock, uint64_t monotonic_ns)
{
    return monotonic_ns - clock->checked_ns >= (uint64_t)ns_per_s;
}

bool clock_correct(struct clock_state *clock, uint64_t monotonic_ns, uint64_t wall_ns)
{
    int64_t error = (int64_t)(wall_ns - monotonic_ns) - clock->offset_ns;
    int64_t seconds = (int64_t)(monotonic_ns - clock->checked_ns) / ns_per_s;
    clock->checked_ns = monotonic_ns;
    if (error >= ns_per_s || error <= -ns_per_s) {
        clock->offset_ns += error;
        clock->step_ns = error;
        clock->steps++;
        return true;
    }
    int64_t most = slew_per_s_ns * (seconds < 1 ? 1 : seconds);
    clock->offset_ns += error > most ? most : error < -most ? -most : error;
    return false;
}
