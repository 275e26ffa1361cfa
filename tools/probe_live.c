/*
 * A live run: a thread for the worker, one for the exporting process, and the main thread that
 * waits for signals. Only a worker that polls a device spins when it is idle.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "probe_pause.h"

static const uint64_t idle_nap_ns = 500000; /* the exporter's ring has no bell */

/* Keeps the probe's clock true; says and counts a jump, which ends all open records. */
static void correct_clock(struct probe *probe, uint64_t monotonic_ns)
{
    if (!clock_correction_due(&probe->clock, monotonic_ns))
        return;
    if (!clock_correct(&probe->clock, monotonic_ns, clock_wall_ns()))
        return;
    fprintf(stderr, "spanflowd: the system's clock jumped by %+.3f s: open records are cut\n",
            (double)probe->clock.step_ns / 1e9);
    worker_clock_stepped(probe->worker);
}

static void *run_worker(void *argument)
{
    struct probe *probe = argument;
    for (;;) {
        uint64_t monotonic_ns = clock_monotonic_ns();
        correct_clock(probe, monotonic_ns);
        probe->live_now_ns = clock_probe_ns(&probe->clock, monotonic_ns);
        switch (worker_step(probe->worker, probe->live_now_ns)) {
        case WORKER_ENDED:
            atomic_store(&probe->worker_ended, true);
            return NULL;
        case WORKER_HELD:
            probe_pause(monotonic_ns + idle_nap_ns);
            break;
        case WORKER_IDLE:
            worker_wait(probe->worker, probe_pause_end(monotonic_ns, UINT64_MAX));
            break;
        case WORKER_BUSY:
            break;
        }
    }
}

static void *run_exporter(void *argument)
{
    struct probe *probe = argument;
    while (!atomic_load(&probe->worker_ended)) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t next_ns = now_ns;
        if (exporting_process_step(probe->exporter, now_ns, worker_time_ns(probe->worker),
                                   &next_ns) == EXPORTING_BUSY)
            continue;
        probe_pause(next_ns < now_ns + idle_nap_ns ? next_ns : now_ns + idle_nap_ns);
    }
    probe_drain_exporter(probe, probe_stops_asked() ? 1 : 0, false);
    atomic_store(&probe->exporter_ended, true);
    return NULL;
}

/* Until the worker has put its last record on the ring. */
static void wait_for_signals(struct probe *probe)
{
    while (!atomic_load(&probe->worker_ended)) {
        if (probe_stops_asked())
            worker_stop(probe->worker);
        probe_answer_ledger_requests(probe);
        probe_pause(probe_pause_end(clock_monotonic_ns(), UINT64_MAX));
    }
}

/* Until the last record is sent, which takes as long as pacing needs. */
static void wait_for_exporter(struct probe *probe)
{
    while (!atomic_load(&probe->exporter_ended)) {
        probe_answer_late_ledger_requests(probe);
        probe_pause(probe_pause_end(clock_monotonic_ns(), UINT64_MAX));
    }
}

void probe_run_live(struct probe *probe)
{
    pthread_t worker;
    pthread_t exporter;
    clock_start(&probe->clock, clock_monotonic_ns(), clock_wall_ns());
    probe->live_now_ns = clock_probe_ns(&probe->clock, clock_monotonic_ns());
    int failed = pthread_create(&exporter, NULL, run_exporter, probe);
    if (!failed && (failed = pthread_create(&worker, NULL, run_worker, probe))) {
        atomic_store(&probe->worker_ended, true);
        pthread_join(exporter, NULL);
    }
    if (failed) {
        error_set(&probe->problem, "cannot start a thread: %s", strerror(failed));
        return;
    }
    wait_for_signals(probe);
    pthread_join(worker, NULL);
    wait_for_exporter(probe);
    pthread_join(exporter, NULL);
}
