/*
 * A live run, or one with several workers: a thread for each worker, one for the reader of the
 * distribution stage if there is one, one for the exporting process. The main thread waits for
 * signals and keeps the clock. Only a thread that polls a device spins when it is idle.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "probe.h"
#include "probe_control.h"
#include "probe_history.h"
#include "probe_notify.h"
#include "probe_pause.h"
#include "probe_snapshot.h"

static const uint64_t exporter_nap_ns = 500000;    /* a record ring has no bell */
static const uint64_t exporter_sleep_ns = 2000000; /* the longest, when no records come */
static const uint64_t device_every_ns = 1000000000;
static const uint64_t rebuild_patience_ns = 30000000000;
static const uint64_t stall_patience_ns = 5000000000; /* where nothing is sent any more */
static const uint64_t hurry_ns = 2000000000; /* for flows that the kernel counts to come back */
static const uint64_t lane_nap_ns = 50000;   /* nor has a lane, and it fills sooner */

struct worker_thread {
    struct probe *probe;
    uint32_t number;
    pthread_t thread;
};

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

/* Wall time for packets received now; 0 offline, where packets bring their own. The thread that
 * stamps packets: worker NUMBER, or the reader (0). */
static uint64_t receive_time(struct probe *probe, uint32_t number, uint64_t monotonic_ns)
{
    if (probe->config->offline)
        return 0;
    struct receive_clock *clock = &probe->receive_clocks[number];
    clock->now_ns = (uint64_t)((int64_t)monotonic_ns + atomic_load(&probe->clock_offset_ns));
    return clock->now_ns;
}

/* As receive_time(). *JUMPED is set once after each jump of the clock, with the first time that is
 * told after it and never before, so that no packet's time stands on the wrong side. */
static uint64_t receive_time_or_jump(struct probe *probe, uint32_t number, uint64_t monotonic_ns,
                                     uint64_t *steps_seen, bool *jumped)
{
    uint64_t steps;
    uint64_t now_ns;
    do {
        steps = atomic_load(&probe->clock_steps);
        now_ns = receive_time(probe, number, monotonic_ns);
    } while (steps % 2 || steps != atomic_load(&probe->clock_steps));
    *jumped = steps != *steps_seen;
    *steps_seen = steps;
    return now_ns;
}

/* ---- the threads ---- */

static enum worker_status step_worker(struct probe *probe, uint32_t number, uint64_t monotonic_ns,
                                      uint64_t *steps_seen)
{
    if (probe->config->offline &&
        (!probe_exporters_accept(probe) || !probe_snapshot_accepts(probe, number)))
        return WORKER_HELD;
    struct worker *worker = probe->metering->workers[number];
    if (probe->metering->distribution) /* time comes with the packets, never ahead of them */
        return worker_step(worker, 0);
    bool jumped;
    uint64_t now_ns = receive_time_or_jump(probe, number, monotonic_ns, steps_seen, &jumped);
    if (jumped)
        worker_clock_stepped(worker);
    return worker_step(worker, now_ns);
}

/* A ledger cut needs the marker of every worker, also of those that have ended. */
static void answer_while_others_run(struct probe *probe, struct worker *worker)
{
    while (atomic_load(&probe->metering->running) > 0) {
        worker_step(worker, 0);
        probe_pause(clock_monotonic_ns() + exporter_nap_ns);
    }
}

static void *run_worker(void *argument)
{
    struct worker_thread *self = argument;
    struct probe *probe = self->probe;
    struct worker *worker = probe->metering->workers[self->number];
    uint64_t steps_seen = 0;
    probe_cores_bind(probe->metering->cores[self->number]);
    for (;;) {
        uint64_t monotonic_ns = clock_monotonic_ns();
        switch (step_worker(probe, self->number, monotonic_ns, &steps_seen)) {
        case WORKER_ENDED:
            atomic_fetch_sub(&probe->metering->running, 1);
            answer_while_others_run(probe, worker);
            return NULL;
        case WORKER_HELD:
            probe_pause(monotonic_ns + lane_nap_ns);
            break;
        case WORKER_IDLE:
            if (probe->metering->distribution)
                probe_pause(monotonic_ns + lane_nap_ns);
            else
                worker_wait(worker, probe_pause_end(monotonic_ns, UINT64_MAX));
            break;
        case WORKER_BUSY:
            break;
        }
    }
}

static void *run_reader(void *argument)
{
    struct probe *probe = argument;
    uint64_t steps_seen = 0;
    for (;;) {
        uint64_t monotonic_ns = clock_monotonic_ns();
        bool jumped;
        uint64_t now_ns = receive_time_or_jump(probe, 0, monotonic_ns, &steps_seen, &jumped);
        if (jumped)
            distribution_clock_stepped(probe->metering->distribution);
        switch (distribution_step(probe->metering->distribution, now_ns)) {
        case DISTRIBUTION_ENDED:
            return NULL;
        case DISTRIBUTION_HELD:
            probe_pause(monotonic_ns + lane_nap_ns);
            break;
        case DISTRIBUTION_IDLE:
            distribution_wait(probe->metering->distribution,
                              probe_pause_end(monotonic_ns, UINT64_MAX));
            break;
        case DISTRIBUTION_BUSY:
            break;
        }
    }
}

static void *run_exporter(void *argument)
{
    struct probe *probe = argument;
    uint64_t nap_ns = exporter_nap_ns;
    while (atomic_load(&probe->metering->running) > 0) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t next_ns = now_ns;
        probe_give_up_if_asked(probe); /* workers may wait for a slow destination */
        probe_tell_metering(probe, now_ns);
        enum exporting_status status = probe_step_exporters(probe, now_ns, &next_ns);
        probe_say_problems(probe);
        probe_notify_look(probe, now_ns);
        if (status == EXPORTING_BUSY) {
            nap_ns = exporter_nap_ns;
            continue;
        }
        probe_pause(next_ns < now_ns + nap_ns ? next_ns : now_ns + nap_ns);
        nap_ns = nap_ns * 2 < exporter_sleep_ns ? nap_ns * 2 : exporter_sleep_ns;
    }
    probe_drain_exporter(probe, false);
    atomic_store(&probe->exporting->ended, true);
    return NULL;
}

/* ---- start and end ---- */

/* Nothing more is received; what was received before is metered. */
static void stop_receiving(struct probe *probe)
{
    if (probe->metering->distribution)
        distribution_stop(probe->metering->distribution);
    for (uint32_t w = 0; !probe->metering->distribution && w < probe->metering->worker_count; w++)
        worker_stop(probe->metering->workers[w]);
}

static void look_at_devices(struct probe *probe, uint64_t *looked_ns)
{
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns - *looked_ns < device_every_ns)
        return;
    *looked_ns = now_ns;
    probe_tell_news(probe);
    probe_notify_turn(probe);
    probe_history_turn(probe);
    probe_snapshot_notify(probe);
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        exporting_process_tidy(probe->exporting->exporters[c]);
}

/* Until the last worker has put its last record on its ring. */
static void wait_for_signals(struct probe *probe)
{
    uint64_t looked_ns = 0;
    while (atomic_load(&probe->metering->running) > 0) {
        bool ending = probe_stops_asked() > 0 || probe->rebuilding;
        if (ending)
            stop_receiving(probe);
        correct_clock(probe);
        probe_kernel_turn_if_due(probe, ending);
        look_at_devices(probe, &looked_ns);
        probe_say_floods(probe);
        probe_control_turn(probe);
        probe_snapshot_turn(probe);
        probe_answer_ledger_requests(probe);
        probe_control_nap(probe->control, probe_pause_end(clock_monotonic_ns(), UINT64_MAX));
    }
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

static void start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    int failed = pthread_create(thread, NULL, run, argument);
    if (failed == 0)
        return;
    /* Nothing was received yet, so nothing is lost by ending here. */
    fprintf(stderr, "spanflowd: cannot start a thread: %s\n", strerror(failed));
    exit(1);
}

void probe_run_threads(struct probe *probe)
{
    static struct worker_thread workers[EXPORT_RINGS_MAX];
    pthread_t reader = 0;
    pthread_t exporter = 0;
    cpu_set_t before = probe_cores_leave_to_workers(probe);
    clock_start(&probe->clock, clock_monotonic_ns(), clock_wall_ns());
    atomic_store(&probe->clock_offset_ns, probe->clock.offset_ns);
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        receive_time(probe, w, clock_monotonic_ns());
    atomic_store(&probe->metering->running, probe->metering->worker_count);
    start_thread(&exporter, run_exporter, probe);
    for (uint32_t w = 0; w < probe->metering->worker_count; w++) {
        workers[w] = (struct worker_thread){.probe = probe, .number = w};
        start_thread(&workers[w].thread, run_worker, &workers[w]);
    }
    if (probe->metering->distribution)
        start_thread(&reader, run_reader, probe);
    wait_for_signals(probe);
    if (probe->metering->distribution)
        pthread_join(reader, NULL);
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        pthread_join(workers[w].thread, NULL);
    probe_say_floods(probe);
    wait_for_exporter(probe);
    pthread_join(exporter, NULL);
    probe_snapshot_end(probe);
    probe_control_probe_ended(probe);
    probe_cores_take_back(&before);
}
