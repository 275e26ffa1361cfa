/*
 * The exporting processes together, one for each cache, and the end of an export: what is queued
 * goes out as pacing allows, with progress shown, until it is gone or another signal gives it up.
 * The exporter's thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"
#include "probe_exchange.h"
#include "probe_pause.h"

static const uint64_t progress_every_ns = 5000000000;
static const uint64_t count_every_ns = 1000000000;

/* For the main thread, which does not wait for a collector that is away. */
static void count_sent(struct probe *probe)
{
    uint64_t sent = 0;
    struct exporter_counters *counters = malloc(sizeof *counters);
    for (uint32_t c = 0; counters && c < probe->metering->cache_count; c++) {
        exporting_process_counters(probe->exporting->exporters[c], counters);
        for (uint32_t d = 0; d < counters->destination_count; d++)
            sent += counters->destination[d].sent;
    }
    free(counters);
    atomic_store(&probe->exporting->drained, sent);
}

static void say_progress(const struct probe *probe)
{
    struct exporter_counters *counters = malloc(sizeof *counters);
    for (uint32_t c = 0; counters && c < probe->metering->cache_count; c++) {
        exporting_process_counters(probe->exporting->exporters[c], counters);
        for (uint32_t d = 0; d < counters->destination_count; d++) {
            const struct destination_counters *to = &counters->destination[d];
            if (to->queued)
                fprintf(stderr, "spanflowd: %s: %" PRIu64 " of %" PRIu64 " records sent\n",
                        counters->place[d].name, to->sent, to->records);
        }
    }
    free(counters);
}

enum exporting_status probe_step_exporters(struct probe *probe, uint64_t now_ns, uint64_t *next_ns)
{
    bool busy = false;
    enum exporting_status status = EXPORTING_IDLE;
    *next_ns = UINT64_MAX;
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        uint64_t own_ns = now_ns;
        status = exporting_process_step(probe->exporting->exporters[c], now_ns,
                                        probe_time_ns(probe), &own_ns);
        busy |= status == EXPORTING_BUSY;
        *next_ns = own_ns < *next_ns ? own_ns : *next_ns;
    }
    busy |= probe_exchange_step(probe, now_ns, probe_time_ns(probe));
    return busy ? EXPORTING_BUSY : status;
}

bool probe_exporters_accept(const struct probe *probe)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        if (!exporting_process_accepts(probe->exporting->exporters[c]))
            return false;
    return true;
}

void probe_say_problems(struct probe *probe)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        for (const char *line;
             (line = exporting_process_next_problem(probe->exporting->exporters[c])) != NULL;)
            fprintf(stderr, "spanflowd: %s\n", line);
}

bool probe_give_up_if_asked(struct probe *probe)
{
    bool stopped = probe_stops_asked() >= 2;
    if (!stopped && !atomic_load(&probe->exporting->hurried))
        return false;
    if (!probe->exporting->gave_up)
        fprintf(stderr, "spanflowd: %s: giving up what is still queued\n",
                stopped ? "stopped again" : "the new configuration has waited long enough");
    probe->exporting->gave_up = true;
    for (uint32_t c = 0; c < probe->metering->cache_count;
         c++) /* also what has come since the last time */
        exporting_process_abandon(probe->exporting->exporters[c]);
    probe_exchange_abandon(probe);
    return true;
}

/* One step of draining every exporting process; true when the last has nothing left. */
static bool drain_exporters(struct probe *probe, uint64_t now_ns, uint64_t *next_ns)
{
    bool all = true;
    *next_ns = UINT64_MAX;
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        uint64_t own_ns = now_ns;
        bool done = exporting_process_drain(probe->exporting->exporters[c], now_ns,
                                            probe_time_ns(probe), &own_ns);
        all &= done;
        if (!done && own_ns < *next_ns)
            *next_ns = own_ns;
    }
    return probe_exchange_drain(probe, now_ns, probe_time_ns(probe)) && all;
}

void probe_drain_exporter(struct probe *probe, bool alone)
{
    uint64_t start_ns = clock_monotonic_ns();
    uint64_t said_ns = start_ns;
    uint64_t counted_ns = 0;
    for (;;) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t next_ns = now_ns;
        probe_tell_metering(probe, now_ns);
        if (drain_exporters(probe, now_ns, &next_ns))
            return;
        probe_say_problems(probe);
        if (probe_give_up_if_asked(probe))
            return;
        if (alone)
            probe_answer_late_ledger_requests(probe);
        if (now_ns - counted_ns >= count_every_ns) {
            counted_ns = now_ns;
            count_sent(probe);
        }
        if (now_ns - said_ns >= progress_every_ns) {
            said_ns = now_ns;
            say_progress(probe);
        }
        probe_pause(probe_pause_end(now_ns, next_ns));
    }
}
