/*
 * A worker and an exporting process in threads of their own, with the main thread asking for
 * ledger cuts and for the stop: for the thread sanitizer, and for the ledger, which must balance at
 * every cut and at the end. Bounded by packets and cuts, not by time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_hooks.h"
#include "ledger.h"
#include "packet/source_memory.h"
#include "sim/frame_builder.h"
#include "sim/random.h"
#include "sim/sim_transport.h"
#include "worker/worker.h"

enum { FRAMES = 4096, ROUNDS = 60, CUTS = 25 };
static const uint64_t start_ns = 1700000000ull * 1000000000u;

struct pair {
    struct packet_source *source;
    struct record_ring *ring;
    struct worker *worker;
    struct exporting_process_config exporting;
    struct exporting_process *exporter;
    struct sim_far_end far_end;
    uint64_t monotonic_ns; /* the exporter thread's own */
    _Atomic bool worker_ended;
    _Atomic bool exporter_may_end; /* no cut will be asked for any more */
};

static struct frame frames[FRAMES];
static struct memory_packet packets[FRAMES];

static void make_packets(void)
{
    struct traffic_config config = {
        .conversations = 700,
        .kinds = (1 << TALK_KINDS) - 1,
        .ipv6 = 30,
        .skew = 1,
        .vlan = 20,
        .labels = 10,
        .start_ns = start_ns,
        .step_ns = 1000000,
    };
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

static void *run_worker(void *argument)
{
    struct pair *pair = argument;
    while (worker_step(pair->worker, 0) != WORKER_ENDED)
        if (!exporting_process_accepts(pair->exporter))
            sched_yield();
    atomic_store(&pair->worker_ended, true);
    /* Cuts are answered until nobody asks any more. */
    while (!atomic_load(&pair->exporter_may_end)) {
        worker_step(pair->worker, 0);
        sched_yield();
    }
    return NULL;
}

static void *run_exporter(void *argument)
{
    struct pair *pair = argument;
    uint64_t next;
    while (!atomic_load(&pair->exporter_may_end)) {
        pair->monotonic_ns += 1000000;
        exporting_process_step(pair->exporter, pair->monotonic_ns, worker_time_ns(pair->worker),
                               &next);
    }
    while (!exporting_process_drain(pair->exporter, pair->monotonic_ns,
                                    worker_time_ns(pair->worker), &next))
        pair->monotonic_ns += 1000000;
    return NULL;
}

static void open_pair(struct pair *pair, bool offline, uint64_t seed)
{
    struct error error = {""};
    const struct source_memory_options options = {
        .rounds = ROUNDS, .round_step_ns = 5000000000u, .live = !offline};
    memset(pair, 0, sizeof *pair);
    pair->source = source_memory_open(packets, FRAMES, &options);
    pair->ring = record_ring_create(1, &error);
    struct worker_config worker = {
        .sources = {pair->source},
        .source_count = 1,
        .parser = {.vlan_in_key = true, .fragment_table = true},
        .cache_count = 1,
        .caches = {{.flows_max = 500,
                    .idle_timeout_ns = 1000000000,
                    .active_timeout_ns = 3000000000u,
                    .hash_seed = {seed, 2, 3, 0x9e3779b97f4a7c15},
                    .ring = pair->ring}},
        .offline = offline,
    };
    pair->worker = worker_create(&worker, &error);
    assert_non_null(pair->worker);
    pair->exporting.offline = offline;
    pair->exporting.destination_count = 1;
    pair->exporting.queue_octets_max = 1 << 16;
    struct destination_config *d = &pair->exporting.destinations[0];
    snprintf(d->name, sizeof d->name, "collector");
    snprintf(d->host, sizeof d->host, "127.0.0.1"); /* its transport is replaced */
    d->port = 9;
    d->kind = DESTINATION_UDP;
    d->version = 10;
    d->domain = 1;
    d->mtu = 1400;
    d->rate_set = true;
    pair->exporter = exporting_process_create(&pair->exporting, &pair->ring, 1, &error);
    assert_non_null(pair->exporter);
    pair->far_end.mood = (struct sim_mood){.again = 20, .refused = offline ? 0 : 5};
    exporting_process_set_transport(pair->exporter, 0, sim_transport_open(&pair->far_end, seed));
}

static void close_pair(struct pair *pair)
{
    exporting_process_destroy(pair->exporter);
    worker_destroy(pair->worker);
    pair->source->ops->close(pair->source);
    record_ring_destroy(pair->ring);
}

static void check_balance(const struct worker_account *account,
                          const struct exporter_counters *exported)
{
    static struct ledger ledger;
    struct error problem = {""};
    struct ledger_account copy = {.worker = &account->ledger,
                                  .sources = account->source,
                                  .source_count = account->source_count,
                                  .cached = account->cached,
                                  .in_kernel = account->in_kernel};
    ledger_make(&ledger, &copy, 1, exported);
    if (!ledger_balanced(&ledger, &problem))
        fail_msg("%s", problem.text);
}

/* Starts both, looks at CUTS cuts, stops in the middle if STOP, and looks at the end. */
static void run(bool offline, bool stop, uint64_t seed)
{
    static struct pair pair;
    static struct exporter_counters exported;
    static struct worker_account account;
    pthread_t worker;
    pthread_t exporter;
    open_pair(&pair, offline, seed);
    assert_int_equal(pthread_create(&worker, NULL, run_worker, &pair), 0);
    assert_int_equal(pthread_create(&exporter, NULL, run_exporter, &pair), 0);
    for (uint64_t cut = 1; cut <= CUTS; cut++) {
        worker_request_cut(pair.worker, cut);
        const struct worker_account *copy;
        while (!(copy = worker_cut(pair.worker, cut)))
            sched_yield();
        while (!exporting_process_cut(pair.exporter, cut, &exported))
            sched_yield();
        check_balance(copy, &exported);
        if (stop && cut == CUTS / 2)
            worker_stop(pair.worker);
    }
    while (!atomic_load(&pair.worker_ended))
        sched_yield();
    atomic_store(&pair.exporter_may_end, true);
    assert_int_equal(pthread_join(worker, NULL), 0);
    assert_int_equal(pthread_join(exporter, NULL), 0);
    worker_account_now(pair.worker, &account);
    exporting_process_counters(pair.exporter, &exported);
    check_balance(&account, &exported);
    assert_int_equal(account.cached.packets, 0);
    assert_int_equal(exported.destination[0].queued, 0);
    assert_true(pair.far_end.completed);
    assert_int_equal(exported.records[0], account.ledger.records_out);
    if (!stop)
        assert_int_equal(account.source[0].observed.packets, FRAMES * ROUNDS);
    if (offline)
        assert_int_equal(exported.destination[0].sent, account.ledger.records_out);
    close_pair(&pair);
}

static void test_offline_loses_nothing(void **state)
{
    (void)state;
    run(true, false, 1);
}

static void test_live_balances(void **state)
{
    (void)state;
    run(false, false, 2);
}

static void test_stopped_in_the_middle(void **state)
{
    (void)state;
    run(true, true, 3);
    run(false, true, 4);
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
