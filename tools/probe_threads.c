/*
 * A live run, or one with several workers: threads for workers (probe_workers.c), one for the
 * exporting processes. The main thread waits for signals and keeps the clock. Only a thread that
 * polls a device spins when it is idle.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "probe.h"
#include "probe_alerts.h"
#include "probe_change.h"
#include "probe_control.h"
#include "probe_exchange.h"
#include "probe_history.h"
#include "probe_kernel.h"
#include "probe_notify.h"
#include "probe_pause.h"
#include "probe_snapshot.h"

static const uint64_t exporter_nap_ns = 500000;    /* a record ring has no bell */
static const uint64_t exporter_sleep_ns = 2000000; /* the longest, when no records come */
static const uint64_t wanted_nap_ns = 20000;
static const uint64_t device_every_ns = 1000000000;
static const uint64_t rebuild_patience_ns = 30000000000;
static const uint64_t stall_patience_ns = 5000000000; /* where nothing is sent any more */
static const uint64_t hurry_ns = 2000000000; /* for flows that the kernel counts to come back */

/* ---- the clock ---- */

/* Keeps the probe's clock true; says and counts a jump, which ends all open records. Main thread.
 */
static void correct_clock(struct probe *probe)
{
    uint64_t monotonic_ns = clock_monotonic_ns();
    if (probe->config->offline || !clock_correction_due(&probe->clock, monotonic_ns))
        return;
    bool jumped = clock_correct(&probe->clock, monotonic_ns, clock_wall_ns());
    if (jumped)
        atomic_fetch_add(&probe->clock_steps, 1); /* odd: the offset is not yet the new one */
    atomic_store(&probe->clock_offset_ns, probe->clock.offset_ns);
    if (!jumped)
        return;
    atomic_fetch_add(&probe->clock_steps, 1);
    probe->kernel_hurry_ns = monotonic_ns + hurry_ns;
    fprintf(stderr, "spanflowd: the system's clock jumped by %+.3f s: open records are cut\n",
            (double)probe->clock.step_ns / 1e9);
    probe_notify_clock(probe);
}

/* One round of all exporting processes. Returns until when to sleep; 0: not at all. */
static uint64_t step_exporters(struct probe *probe, uint64_t *nap_ns)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t next_ns = now_ns;
    probe_give_up_if_asked(probe); /* workers may wait for a slow destination */
    probe_tell_metering(probe, now_ns);
    enum exporting_status status = probe_step_exporters(probe, now_ns, &next_ns);
    probe_say_problems(probe);
    probe_notify_look(probe, now_ns);
    if (status == EXPORTING_BUSY) {
        *nap_ns = exporter_nap_ns;
        return 0;
    }
    uint64_t until_ns = next_ns < now_ns + *nap_ns ? next_ns : now_ns + *nap_ns;
    *nap_ns = *nap_ns * 2 < exporter_sleep_ns ? *nap_ns * 2 : exporter_sleep_ns;
    return until_ns;
}

static void *run_exporter(void *argument)
{
    struct probe *probe = argument;
    struct exporting *exporting = probe->exporting;
    uint64_t nap_ns = exporter_nap_ns;
    while (!atomic_load(&exporting->finish)) {
        if (atomic_load(&exporting->wanted)) {
            probe_pause(clock_monotonic_ns() + wanted_nap_ns);
            continue;
        }
        pthread_mutex_lock(&exporting->lock);
        uint64_t until_ns = step_exporters(probe, &nap_ns);
        pthread_mutex_unlock(&exporting->lock);
        if (until_ns)
            probe_pause(until_ns);
    }
    probe_drain_exporter(probe, false);
    atomic_store(&exporting->ended, true);
    return NULL;
}

/* ---- start and end ---- */

/* Nothing more is received; what was received before is metered. */
static void stop_receiving(struct probe *probe)
{
    struct metering *metering = probe->metering;
    if (metering->distribution)
        distribution_stop(metering->distribution);
    for (uint32_t w = 0; !metering->distribution && w < metering->worker_count; w++)
        worker_stop(metering->workers[w]);
}

/* Whether a worker has records that are not on a ring. */
static bool workers_run(const struct probe *probe)
{
    return atomic_load(&probe->metering->running) > 0 ||
           (probe->before && atomic_load(&probe->before->running) > 0);
}

static void look_at_devices(struct probe *probe)
{
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - probe->looked_ns < device_every_ns)
        return;
    probe->looked_ns = now_ns;
    probe_tell_news(probe);
    probe_notify_turn(probe);
    probe_history_turn(probe);
    probe_snapshot_notify(probe);
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        exporting_process_tidy(probe->exporting->exporters[c]);
}

bool probe_turn_threads(struct probe *probe)
{
    bool ending = probe_stops_asked() > 0 || probe->rebuilding;
    if (ending)
        stop_receiving(probe);
    correct_clock(probe);
    probe_kernel_turn_if_due(probe, ending);
    look_at_devices(probe);
    probe_say_floods(probe);
    probe_alerts_turn(probe);
    probe_control_turn(probe);
    probe_snapshot_turn(probe);
    probe_answer_ledger_requests(probe);
    return workers_run(probe);
}

/* Until the last record is sent, which takes as long as pacing needs; a new configuration does not
 * wait for ever, and not for a collector that is away. */
static void wait_for_exporter(struct probe *probe)
{
    uint64_t sent = UINT64_MAX, moved_ns = 0;
    while (!atomic_load(&probe->exporting->ended)) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t drained = atomic_load(&probe->exporting->drained);
        if (drained != sent)
            moved_ns = now_ns;
        sent = drained;
        if (probe->rebuilding && (now_ns - probe->rebuilding_ns > rebuild_patience_ns ||
                                  now_ns - moved_ns > stall_patience_ns))
            atomic_store(&probe->exporting->hurried, true);
        probe_control_turn(probe);
        probe_answer_late_ledger_requests(probe);
        probe_control_nap(probe->control, probe_pause_end(clock_monotonic_ns(), UINT64_MAX));
    }
}

void probe_begin_threads(struct probe *probe)
{
    probe->cpus = probe_cores_leave_to_workers(probe);
    clock_start(&probe->clock, clock_monotonic_ns(), clock_wall_ns());
    atomic_store(&probe->clock_offset_ns, probe->clock.offset_ns);
    int failed = pthread_create(&probe->exporting->thread, NULL, run_exporter, probe);
    if (failed) {
        /* Nothing was received yet, so nothing is lost by ending here. */
        fprintf(stderr, "spanflowd: cannot start a thread: %s\n", strerror(failed));
        exit(1);
    }
    metering_start(probe);
}

void probe_end_threads(struct probe *probe)
{
    probe_change_give_up(probe);
    metering_join(probe);
    probe_change_end(probe);
    probe_say_floods(probe);
    probe_alerts_turn(probe);
    atomic_store(&probe->exporting->finish, true);
    wait_for_exporter(probe);
    pthread_join(probe->exporting->thread, NULL);
    probe_exchange_end(probe);
    probe_snapshot_end(probe);
    probe_control_probe_ended(probe);
    probe_cores_take_back(&probe->cpus);
}

void probe_run_threads(struct probe *probe)
{
    probe_begin_threads(probe);
    while (probe_turn_threads(probe))
        probe_control_nap(probe->control, probe_pause_end(clock_monotonic_ns(), UINT64_MAX));
    probe_end_threads(probe);
}
