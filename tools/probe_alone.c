/*
 * One worker on capture files: one thread alternates it and the exporting processes, so that
 * nothing is ever lost to speed and no time to hand-overs. The packets' times are the only clock of
 * records and messages; the monotonic clock only paces datagrams.
 */
#include "probe.h"
#include "probe_pause.h"
#include "probe_snapshot.h"

enum { WORKER_STEPS_PER_TURN = 16 };

/* Steps the worker a few times, as long as the exporter keeps up. */
static enum worker_status step_worker(struct probe *probe)
{
    for (int i = 0; i < WORKER_STEPS_PER_TURN; i++) {
        if (!probe_exporters_accept(probe) || !probe_snapshot_accepts(probe, 0))
            return WORKER_HELD;
        enum worker_status status = worker_step(probe->metering->workers[0], 0);
        if (status != WORKER_BUSY)
            return status;
    }
    return WORKER_BUSY;
}

static void meter_files(struct probe *probe)
{
    for (;;) {
        if (probe_stops_asked())
            worker_stop(probe->metering->workers[0]);
        probe_give_up_if_asked(probe); /* the worker may wait for a slow destination */
        enum worker_status metering = step_worker(probe);
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t next_ns = now_ns;
        probe_tell_metering(probe, now_ns);
        enum exporting_status exporting = probe_step_exporters(probe, now_ns, &next_ns);
        probe_say_problems(probe);
        probe_say_floods(probe);
        probe_answer_ledger_requests(probe);
        if (metering == WORKER_ENDED)
            return;
        if (metering == WORKER_IDLE)
            worker_wait(probe->metering->workers[0], probe_pause_end(now_ns, UINT64_MAX));
        else if (metering == WORKER_HELD && exporting != EXPORTING_BUSY)
            probe_pause(probe_pause_end(now_ns, next_ns));
    }
}

void probe_run_alone(struct probe *probe)
{
    probe_cores_bind(probe->metering->cores[0]);
    meter_files(probe);
    probe_drain_exporter(probe, true);
    probe_snapshot_end(probe);
}
