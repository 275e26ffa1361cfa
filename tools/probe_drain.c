/*
 * The end of an export: what is queued goes out as pacing allows, with progress shown, until it is
 * gone or another signal gives it up. The exporter's thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"
#include "probe_pause.h"

static const uint64_t progress_every_ns = 5000000000;

static void say_progress(const struct probe *probe)
{
    struct exporter_counters *counters = malloc(sizeof *counters);
    if (!counters)
        return;
    exporting_process_counters(probe->exporter, counters);
    for (uint32_t d = 0; d < counters->destination_count; d++) {
        const struct destination_counters *c = &counters->destination[d];
        if (c->queued)
            fprintf(stderr, "spanflowd: %s: %" PRIu64 " of %" PRIu64 " records sent\n",
                    probe->config->exporting.destinations[d].name, c->sent, c->records);
    }
    free(counters);
}

void probe_say_problems(struct probe *probe)
{
    for (const char *line; (line = exporting_process_next_problem(probe->exporter)) != NULL;)
        fprintf(stderr, "spanflowd: %s\n", line);
}

bool probe_give_up_if_asked(struct probe *probe)
{
    if (probe_stops_asked() < 2)
        return false;
    if (!probe->gave_up)
        fprintf(stderr, "spanflowd: stopped again: giving up what is still queued\n");
    probe->gave_up = true;
    exporting_process_abandon(probe->exporter); /* also what has come since the last time */
    return true;
}

void probe_drain_exporter(struct probe *probe, bool alone)
{
    uint64_t start_ns = clock_monotonic_ns();
    uint64_t said_ns = start_ns;
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t next_ns = now_ns;
        probe_tell_metering(probe, now_ns);
        if (exporting_process_drain(probe->exporter, now_ns, probe_time_ns(probe), &next_ns))
            return;
        probe_say_problems(probe);
        if (probe_give_up_if_asked(probe))
            return;
        if (alone)
            probe_answer_late_ledger_requests(probe);
        if (now_ns - said_ns >= progress_every_ns) {
            said_ns = now_ns;
            say_progress(probe);
        }
        probe_pause(probe_pause_end(now_ns, next_ns));
    }
}
