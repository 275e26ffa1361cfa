/*
 * Other sources for a worker, and for the reader of a distribution stage, between two batches: what
 * was counted by those that leave stays in the account, one that can be asked to stop is read out
 * first, those that stay go on with all their packets, and who is ending takes no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "packet/distribution.h"
#include "packet/source_memory.h"
#include "worker/worker_change.h"

enum { SOURCES = 3, PACKETS = 20, FRAME_OCTETS = 60, LANES = 2 };
static const uint64_t start_ns = 1700000000ull * 1000000000u;

static uint8_t frame[FRAME_OCTETS] = {2,    0, 0,  0,  0, 1, 2,    0,    0,  0,  0, 2, 8,  0,
                                      0x45, 0, 0,  46, 0, 0, 0,    0,    64, 17, 0, 0, 10, 0,
                                      0,    1, 10, 0,  1, 1, 0x9c, 0x40, 0,  53, 0, 26};
static struct memory_packet packets[PACKETS];
static struct packet_source *sources[SOURCES];
static struct packet_source_ops ops[SOURCES];
static unsigned stops, lost;

static const struct packet_source_ops *memory_ops;

/* Lets TOTAL packets of source S come. */
static void allow(unsigned s, uint64_t total)
{
    sources[s]->ops = memory_ops;
    source_memory_allow(sources[s], total);
    sources[s]->ops = &ops[s];
}

static void stop(struct packet_source *source)
{
    (void)source;
    stops++;
}

static void lose(struct packet_source *source)
{
    ledger_add(&source->ledger.dropped[DROPPED_DEVICE_MISSED], lost, 0);
    ledger_add(&source->ledger.observed, lost, 0);
    lost = 0;
}

/* None has a packet yet. STOPPABLE is a set of them. */
static void open_sources(unsigned stoppable)
{
    const struct source_memory_options options = {.rounds = 0, .batch_max = 1, .live = true};
    for (unsigned i = 0; i < PACKETS; i++)
        packets[i] = (struct memory_packet){.data = frame,
                                            .captured_length = FRAME_OCTETS,
                                            .wire_length = FRAME_OCTETS,
                                            .timestamp_ns = start_ns};
    for (unsigned s = 0; s < SOURCES; s++) {
        sources[s] = source_memory_open(packets, PACKETS, &options);
        memory_ops = sources[s]->ops;
        ops[s] = *memory_ops;
        ops[s].stop = stoppable >> s & 1 ? stop : NULL;
        ops[s].poll_device = lose;
        sources[s]->interface_base = (uint16_t)s;
        allow(s, 0);
    }
    stops = lost = 0;
}

static void close_sources(void)
{
    for (unsigned s = 0; s < SOURCES; s++)
        memory_ops->close(sources[s]);
}

static struct source_list list_of(unsigned set)
{
    struct source_list list = {.count = 0};
    for (unsigned s = 0; s < SOURCES; s++)
        if (set >> s & 1)
            list.sources[list.count++] = sources[s];
    return list;
}

/* ---- a worker ---- */

static struct record_ring *ring;

static struct worker *make_worker(unsigned set)
{
    struct error error = {""};
    const struct source_list list = list_of(set);
    static struct worker_config config;
    memset(&config, 0, sizeof config);
    ring = record_ring_create(1024, &error);
    config.source_count = list.count;
    memcpy(config.sources, list.sources, sizeof list.sources);
    config.cache_count = 1;
    config.caches[0] =
        (struct flow_cache_config){.flows_max = 64, .hash_seed = {1, 2, 3, 4}, .ring = ring};
    struct worker *worker = worker_create(&config, &error);
    assert_non_null(worker);
    return worker;
}

static void free_worker(struct worker *worker)
{
    worker_destroy(worker);
    record_ring_destroy(ring);
    close_sources();
}

static void expect(struct worker *worker, uint64_t observed, uint64_t metered, uint64_t dropped)
{
    static struct worker_account account;
    struct source_ledger sum = {.observed = {0, 0}};
    worker_account_now(worker, &account);
    for (uint32_t s = 0; s < account.source_count; s++)
        source_ledger_add(&sum, &account.source[s]);
    assert_int_equal(sum.observed.packets, observed);
    assert_int_equal(sum.dropped[DROPPED_DEVICE_MISSED].packets, dropped);
    assert_int_equal(account.ledger.metered.packets, metered);
    assert_int_equal(account.cached.packets, metered);
    struct worker_counts counts = {0};
    worker_add_counts(worker, 0, &counts);
    assert_int_equal(counts.dropped_packets, dropped);
}

static void steps(struct worker *worker, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_in_range(worker_step(worker, start_ns), WORKER_BUSY, WORKER_IDLE);
}

static void a_worker_keeps_the_account(void **state)
{
    (void)state;
    open_sources(0);
    struct worker *worker = make_worker(1);
    allow(0, 5);
    steps(worker, 6);
    lost = 2;
    const struct source_list both = list_of(3), second = list_of(2), none = list_of(0);
    worker_submit_sources(worker, &both);
    assert_false(worker_sources_taken(worker));
    steps(worker, 1);
    assert_true(worker_sources_taken(worker));
    expect(worker, 7, 5, 2);
    allow(0, 7);
    allow(1, 3);
    steps(worker, 4);
    expect(worker, 12, 10, 2);
    worker_submit_sources(worker, &second);
    allow(0, 100); /* it cannot be asked to stop: the rest is not seen */
    steps(worker, 1);
    assert_true(worker_sources_taken(worker));
    expect(worker, 12, 10, 2);
    allow(1, 4);
    steps(worker, 2);
    expect(worker, 13, 11, 2);
    worker_submit_sources(worker, &none);
    steps(worker, 3); /* and it waits for others, with its flows */
    expect(worker, 13, 11, 2);
    worker_submit_sources(worker, &both);
    allow(0, 9);
    steps(worker, 20);
    expect(worker, 15, 13, 2); /* what the first had counted before is in the account once */
    worker_stop(worker);
    while (worker_step(worker, start_ns) != WORKER_ENDED)
        ;
    free_worker(worker);
}

static void a_stopped_source_is_read_out(void **state)
{
    (void)state;
    open_sources(1);
    struct worker *worker = make_worker(3);
    allow(0, 3);
    const struct source_list second = list_of(2);
    worker_submit_sources(worker, &second);
    for (unsigned i = 0; i < 3; i++) {
        steps(worker, 1);
        assert_false(worker_sources_taken(worker));
    }
    steps(worker, 1); /* finds that nothing is left */
    assert_false(worker_sources_taken(worker));
    steps(worker, 1);
    assert_true(worker_sources_taken(worker));
    expect(worker, 3, 3, 0);
    assert_int_equal(stops, 0); /* somebody else has asked */
    free_worker(worker);
}

/* An idle moment before it was asked to leave says nothing of what came since. */
static void idle_before_is_not_read_out(void **state)
{
    (void)state;
    open_sources(1);
    struct worker *worker = make_worker(1);
    steps(worker, 2);
    const struct source_list none = list_of(0);
    allow(0, 1);
    worker_submit_sources(worker, &none);
    steps(worker, 3);
    assert_true(worker_sources_taken(worker));
    expect(worker, 1, 1, 0);
    free_worker(worker);
}

static void who_ends_takes_no_others(void **state)
{
    (void)state;
    open_sources(0);
    struct worker *worker = make_worker(1);
    const struct source_list both = list_of(3);
    steps(worker, 1);
    worker_stop(worker);
    worker_submit_sources(worker, &both);
    while (worker_step(worker, start_ns) != WORKER_ENDED)
        ;
    assert_false(worker_sources_taken(worker));
    free_worker(worker);
}

/* ---- those that have ended ---- */

/* A list with nothing but a source that has ended; MORE: another one follows. */
static struct source_list list_of_ended(struct packet_source *broken, bool more)
{
    return (struct source_list){.count = 1, .more = more, .sources = {broken}};
}

static void a_worker_waits_for_more(void **state)
{
    (void)state;
    const struct error problem = {"it is gone"};
    open_sources(0);
    struct packet_source *broken = packet_source_broken("gone", &problem);
    struct worker *worker = make_worker(1);
    const struct source_list meanwhile = list_of_ended(broken, true), second = list_of(2);
    const struct source_list last = list_of_ended(broken, false);
    worker_submit_sources(worker, &meanwhile);
    for (unsigned i = 0; i < 5; i++)
        assert_int_not_equal(worker_step(worker, start_ns), WORKER_ENDED);
    allow(1, 2);
    worker_submit_sources(worker, &second);
    for (unsigned i = 0; i < 5; i++)
        assert_int_not_equal(worker_step(worker, start_ns), WORKER_ENDED);
    expect(worker, 2, 2, 0);
    worker_submit_sources(worker, &last);
    unsigned rounds = 0;
    while (rounds++ < 9 && worker_step(worker, start_ns) != WORKER_ENDED)
        ;
    assert_true(rounds < 9);
    free_worker(worker);
    broken->ops->close(broken);
}

static void a_reader_waits_for_more(void **state)
{
    (void)state;
    struct error error = {"it is gone"};
    open_sources(0);
    struct packet_source *broken = packet_source_broken("gone", &error);
    const struct source_list none = list_of_ended(broken, false);
    struct distribution_config config = {
        .lanes = 1, .source_count = 1, .more_sources = true, .sources = {broken}};
    struct distribution *distribution = distribution_create(&config, &error);
    assert_non_null(distribution);
    for (unsigned i = 0; i < 5; i++)
        assert_int_not_equal(distribution_step(distribution, start_ns), DISTRIBUTION_ENDED);
    distribution_submit_sources(distribution, &none);
    unsigned rounds = 0;
    while (rounds++ < 9 && distribution_step(distribution, start_ns) != DISTRIBUTION_ENDED)
        ;
    assert_true(rounds < 9);
    distribution_destroy(distribution);
    broken->ops->close(broken);
    close_sources();
}

/* ---- a distribution stage ---- */

static uint64_t drain(struct distribution *distribution)
{
    static struct packet_batch batch;
    uint64_t taken = 0;
    for (uint32_t l = 0; l < LANES; l++) {
        struct packet_source *lane = distribution_lane(distribution, l);
        while (lane->ops->receive(lane, &batch) == RECEIVE_PACKETS) {
            taken += batch.count;
            lane->ops->release(lane, &batch);
        }
    }
    return taken;
}

static void a_reader_takes_other_sources(void **state)
{
    (void)state;
    struct error error = {""};
    open_sources(1);
    const struct source_list first = list_of(1), others = list_of(6);
    struct distribution_config config = {.lanes = LANES, .source_count = 1, .hash_seed = {5, 6}};
    memcpy(config.sources, first.sources, sizeof first.sources);
    struct distribution *distribution = distribution_create(&config, &error);
    assert_non_null(distribution);
    allow(0, 4);
    distribution_submit_sources(distribution, &others);
    lost = 3;
    for (unsigned i = 0; i < 10; i++)
        distribution_step(distribution, start_ns);
    assert_true(distribution_sources_taken(distribution));
    assert_int_equal(drain(distribution), 4);
    allow(0, 9); /* nobody asks it any more */
    allow(1, 2);
    allow(2, 2);
    for (unsigned i = 0; i < 4; i++)
        distribution_step(distribution, start_ns);
    assert_int_equal(drain(distribution), 4);
    distribution_stop(distribution);
    while (distribution_step(distribution, 0) != DISTRIBUTION_ENDED)
        drain(distribution);
    drain(distribution);
    uint64_t observed = 0, dropped = 0;
    for (uint32_t l = 0; l < LANES; l++) {
        const struct source_ledger *ledger = &distribution_lane(distribution, l)->ledger;
        observed += ledger->observed.packets;
        dropped += ledger->dropped[DROPPED_DEVICE_MISSED].packets;
    }
    assert_int_equal(observed, 8 + 3);
    assert_int_equal(dropped, 3);
    distribution_destroy(distribution);
    close_sources();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_keeps_the_account),
        cmocka_unit_test(a_stopped_source_is_read_out),
        cmocka_unit_test(idle_before_is_not_read_out),
        cmocka_unit_test(who_ends_takes_no_others),
        cmocka_unit_test(a_worker_waits_for_more),
        cmocka_unit_test(a_reader_waits_for_more),
        cmocka_unit_test(a_reader_takes_other_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
