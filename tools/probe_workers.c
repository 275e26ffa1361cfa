/*
 * The threads of a set of workers. A thread that reads sources outlives its set: between two
 * batches it leaves the sources, waits until the others have left theirs, and goes on with the next
 * set, so that packets wait for microseconds only. What is left of the set before, packets in lanes
 * and flows in caches, is ended by threads of low priority, whose packets are in memory and cannot
 * get lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"
#include "probe_exchange.h"
#include "probe_pause.h"
#include "probe_snapshot.h"

static const uint64_t ring_nap_ns = 500000; /* a record ring has no bell */
static const uint64_t lane_nap_ns = 50000;  /* nor has a lane, and it fills sooner */
static const uint64_t turn_nap_ns = 100000; /* for those who wait for their turn */
enum { LOW_PRIORITY = 19 };

/* ---- time ---- */

/* Wall time for packets received now; 0 offline, where packets bring their own. Receiver NUMBER of
 * METERING, which stamps those of its queues. */
static uint64_t receive_time(struct probe *probe, const struct metering *metering, uint32_t number,
                             uint64_t monotonic_ns)
{
    if (probe->config->offline)
        return 0;
    uint64_t now_ns = (uint64_t)((int64_t)monotonic_ns + atomic_load(&probe->clock_offset_ns));
    for (uint32_t q = number; q < probe->queue_count; q += metering->receiver_count)
        probe->receive_clocks[q].now_ns = now_ns;
    return now_ns;
}

/* A thread that reads sources. */
struct receiver {
    struct probe *probe;
    struct metering *metering;
    uint32_t number;
    uint64_t steps_seen; /* of the clock */
    bool ended;          /* its sources, and every record is on the ring */
};

/* As receive_time(). *JUMPED is set once after each jump of the clock, with the first time that is
 * told after it and never before, so that no packet's time stands on the wrong side. */
static uint64_t receive_time_or_jump(struct receiver *self, uint64_t monotonic_ns, bool *jumped)
{
    struct probe *probe = self->probe;
    uint64_t steps;
    uint64_t now_ns;
    do {
        steps = atomic_load(&probe->clock_steps);
        now_ns = receive_time(probe, self->metering, self->number, monotonic_ns);
    } while (steps % 2 || steps != atomic_load(&probe->clock_steps));
    *jumped = steps != self->steps_seen;
    self->steps_seen = steps;
    return now_ns;
}

/* ---- one worker, one reader ---- */

/* Offline the exporter and the disk decide how fast it goes. */
static bool may_step(const struct probe *probe, uint32_t number)
{
    return !probe->config->offline ||
           (probe_exporters_accept(probe) && probe_snapshot_accepts(probe, number));
}

/* A worker has put its last record on its ring. */
static void count_end(struct metering *metering)
{
    enum metering_stage runs = METERING_RUNS;
    if (atomic_fetch_sub(&metering->running, 1) == 1)
        atomic_compare_exchange_strong(&metering->stage, &runs, METERING_OVER);
}

static void step_worker(struct receiver *self)
{
    uint64_t monotonic_ns = clock_monotonic_ns();
    struct worker *worker = self->metering->workers[self->number];
    enum worker_status status = WORKER_HELD;
    bool jumped = false;
    if (may_step(self->probe, self->number)) {
        uint64_t now_ns = receive_time_or_jump(self, monotonic_ns, &jumped);
        if (jumped)
            worker_clock_stepped(worker);
        status = worker_step(worker, now_ns);
    }
    switch (status) {
    case WORKER_ENDED:
        self->ended = true;
        count_end(self->metering);
        break;
    case WORKER_HELD:
        probe_pause(monotonic_ns + lane_nap_ns);
        break;
    case WORKER_IDLE:
        worker_wait(worker, probe_pause_end(monotonic_ns, UINT64_MAX));
        break;
    case WORKER_BUSY:
        break;
    }
}

static void step_reader(struct receiver *self)
{
    struct distribution *distribution = self->metering->distribution;
    uint64_t monotonic_ns = clock_monotonic_ns();
    bool jumped;
    uint64_t now_ns = receive_time_or_jump(self, monotonic_ns, &jumped);
    if (jumped)
        distribution_clock_stepped(distribution);
    switch (distribution_step(distribution, now_ns)) {
    case DISTRIBUTION_ENDED:
        self->ended = true;
        break;
    case DISTRIBUTION_HELD:
        probe_pause(monotonic_ns + lane_nap_ns);
        break;
    case DISTRIBUTION_IDLE:
        distribution_wait(distribution, probe_pause_end(monotonic_ns, UINT64_MAX));
        break;
    case DISTRIBUTION_BUSY:
        break;
    }
}

/* ---- receivers ---- */

/* Waits for the sources. False if this set never gets them. */
static bool wait_for_turn(const struct metering *metering)
{
    enum metering_stage stage;
    while ((stage = atomic_load(&metering->stage)) == METERING_WAITS)
        probe_pause(clock_monotonic_ns() + turn_nap_ns);
    return stage != METERING_OVER;
}

/* The same for a thread that has just left its sources, which others do at the same moment. */
static void wait_for_others(const struct metering *metering)
{
    while (atomic_load(&metering->stage) == METERING_WAITS)
        sched_yield();
}

static void begin(struct receiver *self)
{
    struct metering *metering = self->metering;
    struct probe *probe = self->probe;
    self->ended = false;
    probe_cores_enter(probe, metering, metering->distribution ? -1 : (int)self->number);
    self->steps_seen = atomic_load(&probe->clock_steps);
    receive_time(probe, metering, self->number, clock_monotonic_ns());
    if (metering->takes_over && metering->distribution)
        distribution_take_over(metering->distribution);
    else if (metering->takes_over)
        worker_take_over(metering->workers[self->number]);
    atomic_fetch_add(&metering->begun, 1);
}

/* Until the sources are wanted by another set, or everything has ended. */
static void receive(struct receiver *self)
{
    struct metering *metering = self->metering;
    while (atomic_load_explicit(&metering->stage, memory_order_acquire) == METERING_RUNS) {
        if (metering->distribution && !self->ended) {
            step_reader(self);
        } else if (!self->ended) {
            step_worker(self);
        } else {
            /* A ledger cut needs the marker of every worker, also of those that have ended. */
            if (!metering->distribution)
                worker_step(metering->workers[self->number], 0);
            probe_pause(clock_monotonic_ns() + ring_nap_ns);
        }
    }
}

/* Leaves the sources; the last to do so lets the next set have them. Returns that one: of METERING
 * nothing may be touched any more. */
static struct metering *leave(struct receiver *self)
{
    struct metering *metering = self->metering, *next = metering->next;
    uint32_t all = metering->receiver_count;
    if (metering->distribution)
        distribution_leave(metering->distribution);
    else
        worker_leave(metering->workers[self->number]);
    if (atomic_fetch_add(&metering->left, 1) + 1 == all)
        atomic_store(&next->stage, METERING_RUNS);
    return next;
}

static void *run_receiver(void *argument)
{
    const struct metering_thread *thread = argument;
    struct receiver self = {
        .probe = thread->probe, .metering = thread->metering, .number = thread->number};
    if (!wait_for_turn(self.metering))
        return NULL;
    for (;;) {
        begin(&self);
        receive(&self);
        if (atomic_load(&self.metering->stage) == METERING_OVER)
            return NULL;
        struct metering *next = leave(&self);
        if (self.number >= next->receiver_count)
            return NULL;
        wait_for_others(next);
        self.metering = next;
    }
}

/* ---- workers behind a distribution stage, and what is left ---- */

/* METERING has no packets to lose: who gets them goes first. */
static void lower_priority(const struct probe *probe, const struct metering *metering)
{
    probe_cores_enter(probe, metering->next, -1);
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOW_PRIORITY);
}

static bool is_wanted(const struct metering *metering)
{
    return !atomic_load(&metering->dismissed) && atomic_load(&metering->stage) != METERING_OVER;
}

static void *run_lane_worker(void *argument)
{
    const struct metering_thread *self = argument;
    struct metering *metering = self->metering;
    struct worker *worker = metering->workers[self->number];
    bool low = false, ended = false;
    if (!wait_for_turn(metering))
        return NULL;
    probe_cores_enter(self->probe, metering, (int)self->number);
    while (is_wanted(metering)) {
        uint64_t now_ns = clock_monotonic_ns();
        if (!low && atomic_load(&metering->stage) == METERING_HANDED) {
            lower_priority(self->probe, metering);
            low = true;
        }
        /* Time comes with the packets, never ahead of them. */
        enum worker_status status =
            ended || may_step(self->probe, self->number) ? worker_step(worker, 0) : WORKER_HELD;
        if (status == WORKER_ENDED && !ended)
            count_end(metering);
        ended |= status == WORKER_ENDED;
        if (status != WORKER_BUSY)
            probe_pause(now_ns + (ended ? ring_nap_ns : lane_nap_ns));
    }
    return NULL;
}

/* Ends what receivers have left; true if something is still to be done. */
static bool end_rest(struct metering *metering, bool ended[])
{
    bool more = false;
    if (metering->distribution)
        return distribution_step(metering->distribution, 0) != DISTRIBUTION_ENDED;
    for (uint32_t w = 0; w < metering->worker_count; w++) {
        bool done = worker_step(metering->workers[w], 0) == WORKER_ENDED;
        if (done && !ended[w])
            count_end(metering);
        ended[w] |= done;
        more |= !done;
    }
    return more;
}

static void *run_ender(void *argument)
{
    const struct metering_thread *self = argument;
    struct metering *metering = self->before;
    bool ended[EXPORT_RINGS_MAX] = {false};
    /* At the end of the probe the new set can be over before this thread runs for the first time:
     * whether the receivers have left the others stands there. */
    wait_for_turn(self->metering);
    if (atomic_load(&metering->stage) != METERING_HANDED)
        return NULL;
    lower_priority(self->probe, metering);
    for (uint32_t w = 0; !metering->distribution && w < metering->worker_count; w++)
        ended[w] = worker_has_ended(metering->workers[w]);
    while (is_wanted(metering)) {
        uint64_t now_ns = clock_monotonic_ns();
        bool more = end_rest(metering, ended);
        probe_pause(now_ns + (more ? lane_nap_ns : ring_nap_ns));
    }
    return NULL;
}

/* ---- start and end; main thread ---- */

static bool start(struct metering_thread *thread, void *(*run)(void *), struct probe *probe,
                  struct metering *metering, uint32_t number, struct error *error)
{
    *thread = (struct metering_thread){
        .probe = probe, .metering = metering, .before = probe->metering, .number = number};
    int failed = pthread_create(&thread->thread, NULL, run, thread);
    thread->started = failed == 0;
    if (failed)
        error_set(error, "cannot start a thread: %s", strerror(failed));
    return thread->started;
}

static void join(struct metering_thread *thread)
{
    if (thread->started)
        pthread_join(thread->thread, NULL);
    thread->started = false;
}

bool metering_start_threads(struct probe *probe, struct metering *metering, struct error *error)
{
    bool good = true;
    atomic_store(&metering->running, metering->worker_count);
    for (uint32_t w = 0; good && metering->distribution && w < metering->worker_count; w++)
        good = start(&metering->lanes[w], run_lane_worker, probe, metering, w, error);
    for (uint32_t r = 0; good && r < metering->receiver_count; r++)
        good = probe->receivers[r].started ||
               start(&probe->receivers[r], run_receiver, probe, metering, r, error);
    if (good && metering->takes_over)
        good = start(&metering->ender, run_ender, probe, metering, 0, error);
    return good;
}

void metering_start(struct probe *probe)
{
    struct error error = {""};
    if (metering_start_threads(probe, probe->metering, &error))
        return;
    /* Little was received yet, and a probe without its threads is none. */
    fprintf(stderr, "spanflowd: %s\n", error.text);
    exit(1);
}

void metering_cancel_threads(struct probe *probe, struct metering *metering)
{
    atomic_store(&metering->stage, METERING_OVER);
    for (uint32_t r = 0; r < EXPORT_RINGS_MAX; r++)
        if (probe->receivers[r].started && probe->receivers[r].metering == metering)
            join(&probe->receivers[r]);
    metering_dismiss(metering);
}

void metering_dismiss(struct metering *metering)
{
    atomic_store(&metering->dismissed, true);
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++)
        join(&metering->lanes[w]);
    join(metering->next ? &metering->next->ender : &metering->ender);
}

void metering_join_receivers(struct probe *probe, uint32_t first)
{
    for (uint32_t r = 0; r < first; r++)
        probe->receivers[r].metering = NULL; /* it is not there any more */
    for (uint32_t r = first; r < EXPORT_RINGS_MAX; r++)
        join(&probe->receivers[r]);
}

void metering_join(struct probe *probe)
{
    metering_join_receivers(probe, 0);
    if (probe->before)
        metering_dismiss(probe->before);
    metering_dismiss(probe->metering);
}
