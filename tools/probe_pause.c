/* Sleeping until a monotonic time. */
#include "probe_pause.h"

#include <time.h>

uint64_t probe_pause_end(uint64_t now_ns, uint64_t next_ns)
{
    const uint64_t longest_ns = 10000000;
    return next_ns < now_ns + longest_ns ? next_ns : now_ns + longest_ns;
}

void probe_pause(uint64_t until_ns)
{
    struct timespec t = {.tv_sec = (time_t)(until_ns / 1000000000),
                         .tv_nsec = (long)(until_ns % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}
