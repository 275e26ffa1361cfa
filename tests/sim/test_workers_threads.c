/*
 * Several workers behind the distribution stage, each in a thread, with the reader and the
 * exporting processes in theirs and the main thread asking for ledger cuts, for other
 * configurations and for the stop: for the thread sanitizer, and for the ledger, which must balance
 * at every cut and at the end, for each of the two caches. Bounded by packets and cuts, not by
 * time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process.h"
#include "ledger.h"
#include "packet/distribution.h"
#include "packet/packet_filter.h"
#include "packet/source_memory.h"
#include "sim/frame_builder.h"
#include "worker/worker_change.h"

enum { FRAMES = 2048, ROUNDS = 20, CUTS = 12, WORKERS_MAX = 4, SOURCES = 2, CACHES = 2 };
static const uint64_t start_ns = 1700000000ull * 1000000000u;

struct crew {
    bool offline;
    unsigned workers;
    struct packet_source *sources[SOURCES];
    struct distribution *distribution;
    struct packet_filter *filter, *other_filter;
    struct record_ring *rings[CACHES][WORKERS_MAX];
    struct worker *worker[WORKERS_MAX];
    struct worker_config configs[WORKERS_MAX]; /* in force */
    struct exporting_process_config exporting;
    struct exporting_process *exporters[CACHES];
    uint64_t monotonic_ns; /* the exporter thread's own */
    _Atomic unsigned running;
    _Atomic bool cuts_done; /* no cut will be asked for any more */
};

struct seat {
    struct crew *crew;
    unsigned number;
};

static struct frame frames[FRAMES];
static struct memory_packet packets[FRAMES];

static void make_packets(void)
{
    struct traffic_config config = {.conversations = 700,
                                    .kinds = (1 << TALK_KINDS) - 1,
                                    .ipv6 = 30,
                                    .skew = 1,
                                    .vlan = 20,
                                    .start_ns = start_ns,
                                    .step_ns = 1000000};
    struct traffic traffic;
    traffic_open(&traffic, &config, 5);
    for (unsigned i = 0; i < FRAMES; i++) {
        struct plain_packet packet;
        traffic_next(&traffic, &packet);
        frame_build(&frames[i], &packet);
        packets[i] = (struct memory_packet){.data = frames[i].data,
                                            .captured_length = frames[i].captured_length,
                                            .wire_length = frames[i].wire_length,
                                            .timestamp_ns = packet.time_ns};
    }
    traffic_close(&traffic);
}

/* ---- the threads ---- */

static void *run_reader(void *argument)
{
    struct crew *crew = argument;
    for (uint64_t n = 1;; n++) {
        if (!crew->offline && n % 100 == 0)
            distribution_clock_stepped(crew->distribution);
        enum distribution_status status = distribution_step(crew->distribution, 0);
        if (status == DISTRIBUTION_ENDED)
            return NULL;
        if (status == DISTRIBUTION_HELD)
            sched_yield();
    }
}

static void *run_worker(void *argument)
{
    const struct seat *seat = argument;
    struct crew *crew = seat->crew;
    struct worker *worker = crew->worker[seat->number];
    while (worker_step(worker, 0) != WORKER_ENDED)
        sched_yield();
    atomic_fetch_sub(&crew->running, 1);
    while (!atomic_load(&crew->cuts_done)) {
        worker_step(worker, 0);
        sched_yield();
    }
    return NULL;
}

static uint64_t newest(const struct crew *crew)
{
    uint64_t time_ns = 0;
    for (unsigned w = 0; w < crew->workers; w++)
        if (worker_time_ns(crew->worker[w]) > time_ns)
            time_ns = worker_time_ns(crew->worker[w]);
    return time_ns;
}

static void *run_exporter(void *argument)
{
    struct crew *crew = argument;
    uint64_t next;
    while (!atomic_load(&crew->cuts_done)) {
        crew->monotonic_ns += 1000000;
        for (unsigned c = 0; c < CACHES; c++)
            exporting_process_step(crew->exporters[c], crew->monotonic_ns, newest(crew), &next);
        sched_yield();
    }
    for (unsigned c = 0; c < CACHES; c++)
        while (
            !exporting_process_drain(crew->exporters[c], crew->monotonic_ns, newest(crew), &next))
            crew->monotonic_ns += 1000000;
    return NULL;
}

/* ---- start, cuts, end ---- */

static void open_crew(struct crew *crew, unsigned workers, bool offline)
{
    struct error error = {""};
    const struct source_memory_options options = {
        .rounds = ROUNDS, .round_step_ns = 5000000000u, .live = !offline};
    memset(crew, 0, sizeof *crew);
    crew->offline = offline;
    crew->workers = workers;
    crew->filter = packet_filter_create("not port 7", &error);
    crew->other_filter = packet_filter_create("greater 80", &error);
    struct distribution_config stage = {
        .source_count = SOURCES, .lanes = workers, .hash_seed = {workers, 2}, .offline = offline};
    for (unsigned s = 0; s < SOURCES; s++)
        stage.sources[s] = crew->sources[s] = source_memory_open(packets, FRAMES, &options);
    crew->distribution = distribution_create(&stage, &error);
    assert_non_null(crew->distribution);
    for (unsigned w = 0; w < workers; w++) {
        for (unsigned c = 0; c < CACHES; c++)
            crew->rings[c][w] = record_ring_create(1, &error);
        crew->configs[w] = (struct worker_config){
            .number = (uint16_t)w,
            .sources = {distribution_lane(crew->distribution, w)},
            .source_count = 1,
            .filter = crew->filter,
            .parser = {.fragment_table = true},
            .cache_count = CACHES,
            .caches = {{.flows_max = 200,
                        .idle_timeout_ns = 1000000000,
                        .hash_seed = {w, 2, 3, 4},
                        .ring = crew->rings[0][w]},
                       {.flows_max = 500,
                        .idle_timeout_ns = 3000000000,
                        .active_timeout_ns = 2000000000,
                        .hash_seed = {w, 5, 6, 7},
                        .ring = crew->rings[1][w]}},
            .offline = offline,
        };
        crew->worker[w] = worker_create(&crew->configs[w], &error);
        assert_non_null(crew->worker[w]);
    }
    crew->exporting.offline = offline;
    crew->exporting.queue_octets_max = 1 << 16;
    for (unsigned c = 0; c < CACHES; c++) {
        crew->exporters[c] =
            exporting_process_create(&crew->exporting, crew->rings[c], workers, &error);
        assert_non_null(crew->exporters[c]);
    }
}

static void close_crew(struct crew *crew)
{
    for (unsigned c = 0; c < CACHES; c++)
        exporting_process_destroy(crew->exporters[c]);
    for (unsigned w = 0; w < crew->workers; w++) {
        worker_destroy(crew->worker[w]);
        for (unsigned c = 0; c < CACHES; c++)
            record_ring_destroy(crew->rings[c][w]);
    }
    distribution_destroy(crew->distribution);
    for (unsigned s = 0; s < SOURCES; s++)
        crew->sources[s]->ops->close(crew->sources[s]);
    packet_filter_destroy(crew->filter);
    packet_filter_destroy(crew->other_filter);
}

static const struct ledger *check_balance(struct crew *crew,
                                          const struct worker_account *const accounts[],
                                          const struct exporter_counters exported[CACHES])
{
    static struct ledger ledger, other;
    struct ledger_account copies[WORKERS_MAX];
    struct error problem = {""};
    for (unsigned w = 0; w < crew->workers; w++)
        copies[w] = (struct ledger_account){.worker = &accounts[w]->ledger,
                                            .sources = accounts[w]->source,
                                            .source_count = accounts[w]->source_count,
                                            .cached = accounts[w]->cached};
    ledger_make(&ledger, copies, crew->workers, &exported[0]);
    for (unsigned w = 0; w < crew->workers; w++) {
        copies[w].worker = &accounts[w]->others[0].ledger;
        copies[w].cached = accounts[w]->others[0].cached;
    }
    ledger_make(&other, copies, crew->workers, &exported[1]);
    ledger.cache_name = "first";
    other.cache_name = "second";
    ledger_add_cache(&ledger, &other);
    if (!ledger_balanced(&ledger, &problem))
        fail_msg("%s", problem.text);
    return &ledger;
}

static void cut(struct crew *crew, uint64_t number)
{
    static struct exporter_counters exported[CACHES];
    const struct worker_account *accounts[WORKERS_MAX];
    for (unsigned w = 0; w < crew->workers; w++)
        worker_request_cut(crew->worker[w], number);
    for (unsigned w = 0; w < crew->workers; w++)
        while (!(accounts[w] = worker_cut(crew->worker[w], number)))
            sched_yield();
    for (unsigned c = 0; c < CACHES; c++)
        while (!exporting_process_cut(crew->exporters[c], number, &exported[c]))
            sched_yield();
    check_balance(crew, accounts, exported);
}

/* Gives every worker another configuration, and frees what they had before. */
static void change(struct crew *crew, uint64_t number)
{
    struct worker_change *changes[WORKERS_MAX];
    struct error error = {""};
    for (unsigned w = 0; w < crew->workers; w++) {
        struct worker_config *config = &crew->configs[w];
        config->filter = number % 2 ? crew->other_filter : crew->filter;
        config->sampling_interval = (uint32_t)(number % 3);
        config->duplicate_window_ns = number % 2 ? 1000000 : 0;
        config->caches[0].flows_max = number % 2 ? 150 : 3000;
        config->caches[1].idle_timeout_ns = number * 500000000;
        changes[w] = worker_prepare_change(crew->worker[w], config, &error);
        if (!changes[w])
            fail_msg("%s", error.text);
    }
    for (unsigned w = 0; w < crew->workers; w++)
        worker_submit_change(crew->worker[w], changes[w]);
    for (unsigned w = 0; w < crew->workers; w++) {
        while (!worker_change_finished(changes[w]))
            sched_yield();
        assert_true(worker_change_taken(changes[w]));
        worker_change_free(changes[w]);
    }
}

static void check_end(struct crew *crew, bool stop)
{
    static struct exporter_counters exported[CACHES];
    static struct worker_account accounts[WORKERS_MAX];
    const struct worker_account *pointers[WORKERS_MAX];
    struct ledger_pair observed = {0, 0};
    for (unsigned w = 0; w < crew->workers; w++) {
        worker_account_now(crew->worker[w], &accounts[w]);
        pointers[w] = &accounts[w];
        assert_int_equal(accounts[w].cached.packets, 0);
    }
    for (unsigned s = 0; s < SOURCES; s++) {
        observed.packets += crew->sources[s]->ledger.observed.packets;
        observed.octets += crew->sources[s]->ledger.observed.octets;
    }
    for (unsigned c = 0; c < CACHES; c++)
        exporting_process_counters(crew->exporters[c], &exported[c]);
    const struct ledger *ledger = check_balance(crew, pointers, exported);
    assert_int_equal(ledger->probe.observed.packets, observed.packets);
    assert_int_equal(ledger->probe.observed.octets, observed.octets);
    if (!stop)
        assert_int_equal(observed.packets, SOURCES * FRAMES * ROUNDS);
    if (crew->offline)
        assert_int_equal(ledger->probe.dropped[DROPPED_DISTRIBUTION_FULL].packets, 0);
}

static void run(unsigned workers, bool offline, bool stop)
{
    static struct crew crew;
    struct seat seats[WORKERS_MAX];
    pthread_t threads[WORKERS_MAX + 2];
    open_crew(&crew, workers, offline);
    atomic_store(&crew.running, workers);
    for (unsigned w = 0; w < workers; w++) {
        seats[w] = (struct seat){&crew, w};
        assert_int_equal(pthread_create(&threads[w], NULL, run_worker, &seats[w]), 0);
    }
    assert_int_equal(pthread_create(&threads[workers], NULL, run_exporter, &crew), 0);
    assert_int_equal(pthread_create(&threads[workers + 1], NULL, run_reader, &crew), 0);
    for (uint64_t number = 1; number <= CUTS; number++) {
        cut(&crew, number);
        change(&crew, number);
        if (stop && number == CUTS / 2)
            distribution_stop(crew.distribution);
    }
    while (atomic_load(&crew.running) > 0)
        sched_yield();
    atomic_store(&crew.cuts_done, true);
    for (unsigned t = 0; t < workers + 2; t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    check_end(&crew, stop);
    close_crew(&crew);
}

static void test_offline_loses_nothing(void **state)
{
    (void)state;
    run(2, true, false);
    run(4, true, false);
}

static void test_live_balances(void **state)
{
    (void)state;
    run(2, false, false);
    run(3, false, false);
}

static void test_stopped_in_the_middle(void **state)
{
    (void)state;
    run(2, true, true);
    run(4, false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offline_loses_nothing),
        cmocka_unit_test(test_live_balances),
        cmocka_unit_test(test_stopped_in_the_middle),
    };
    make_packets();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
