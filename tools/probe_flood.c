/* One line for each change of a worker's flood level. Main thread: a worker only counts. */
#include <inttypes.h>
#include <stdio.h>

#include "probe.h"
#include "probe_notify.h"

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
    for (uint32_t n = 0; n < probe->metering->worker_count * probe->metering->cache_count; n++) {
        uint32_t w = n / probe->metering->cache_count, c = n % probe->metering->cache_count;
        struct worker_flood flood = worker_flood(probe->metering->workers[w], c);
        if (flood.changes == probe->metering->floods_told[c][w])
            continue;
        probe->metering->floods_told[c][w] = flood.changes;
        char whose[80] = "";
        if (probe->metering->cache_count > 1)
            snprintf(whose, sizeof whose, " cache %s:", probe->config->caches[c].name);
        fprintf(stderr,
                "spanflowd: worker %u:%s flood level %u: %s (%u %% of its records in use, change "
                "%" PRIu64 ")\n",
                w, whose, flood.level, measure(flood.level), flood.occupancy_percent,
                flood.changes);
        probe_notify_flood(probe, w, c, &flood);
    }
}
