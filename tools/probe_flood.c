/* One line for each change of a worker's flood level. Main thread: a worker only counts. */
#include <inttypes.h>
#include <stdio.h>

#include "probe.h"

static const char *measure(unsigned level)
{
    static const char *const measures[] = {
        "back to normal",
        "one-packet flows end early, closed connections do not linger",
        "first packets of new flows above the rate are counted by prefix",
    };
    return measures[level < 2 ? level : 2];
}

void probe_say_floods(struct probe *probe)
{
    for (uint32_t w = 0; w < probe->worker_count; w++) {
        struct worker_flood flood = worker_flood(probe->workers[w]);
        if (flood.changes == probe->floods_told[w])
            continue;
        probe->floods_told[w] = flood.changes;
        fprintf(stderr,
                "spanflowd: worker %u: flood level %u: %s (%u %% of its records in use, change "
                "%" PRIu64 ")\n",
                w, flood.level, measure(flood.level), flood.occupancy_percent, flood.changes);
    }
}
