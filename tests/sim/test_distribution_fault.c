/*
 * The ledger of several workers behind the real distribution stage, while lanes are full: it
 * balances when everything counts, and does not when a lane leaves out what was dropped or what was
 * observed. Built with switchable counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process.h"
#include "ledger.h"
#include "packet/distribution.h"
#include "packet/source_memory.h"
#include "worker/worker.h"

enum { WORKERS = 3, PACKETS = 600, CAPTURED = 100000, CONVERSATIONS = 12, STEPS_MAX = 100000 };
enum fault { FAULT_NONE, FAULT_DROPPED, FAULT_OBSERVED };

struct play {
    struct packet_source *source;
    struct distribution *distribution;
    struct record_ring *rings[WORKERS];
    struct worker *workers[WORKERS];
    struct exporting_process_config exporting;
    struct exporting_process *exporter;
};

static uint8_t bytes[CONVERSATIONS][CAPTURED];
static struct memory_packet packets[PACKETS];

/* Few conversations of long packets, so that a lane is full soon. */
static void make_packets(void)
{
    for (unsigned c = 0; c < CONVERSATIONS; c++) {
        const uint8_t header[28] = {0x45, 0, 0x80, 0,  0, 1, 0,          0, 64, 17, 0,  0,    10,
                                    0,    0, 1,    10, 1, 0, (uint8_t)c, 0, 53, 0,  54, 0x7f, 0xec};
        memcpy(bytes[c], header, sizeof header);
    }
    for (unsigned i = 0; i < PACKETS; i++)
        packets[i] = (struct memory_packet){.data = bytes[i % CONVERSATIONS],
                                            .captured_length = CAPTURED,
                                            .wire_length = CAPTURED + i % 9,
                                            .timestamp_ns = 1700000000000000000ull + i,
                                            .link = LINK_RAW_IP};
}

static void open_play(struct play *play)
{
    const struct source_memory_options options = {.rounds = 1, .live = true};
    struct error error = {""};
    memset(play, 0, sizeof *play);
    play->source = source_memory_open(packets, PACKETS, &options);
    const struct distribution_config stage = {
        .sources = {play->source}, .source_count = 1, .lanes = WORKERS, .hash_seed = {1, 2}};
    play->distribution = distribution_create(&stage, &error);
    assert_non_null(play->distribution);
    for (unsigned w = 0; w < WORKERS; w++) {
        play->rings[w] = record_ring_create(1, &error);
        const struct worker_config config = {
            .number = (uint16_t)w,
            .sources = {distribution_lane(play->distribution, w)},
            .source_count = 1,
            .cache_count = 1,
            .caches = {{.flows_max = 100,
                        .idle_timeout_ns = 1000000000,
                        .hash_seed = {w, 2, 3, 4},
                        .ring = play->rings[w]}},
        };
        play->workers[w] = worker_create(&config, &error);
        assert_non_null(play->workers[w]);
    }
    play->exporting.queue_octets_max = 1 << 16;
    play->exporter = exporting_process_create(&play->exporting, play->rings, WORKERS, &error);
    assert_non_null(play->exporter);
}

static void close_play(struct play *play)
{
    exporting_process_destroy(play->exporter);
    for (unsigned w = 0; w < WORKERS; w++) {
        worker_destroy(play->workers[w]);
        record_ring_destroy(play->rings[w]);
    }
    distribution_destroy(play->distribution);
    play->source->ops->close(play->source);
}

static void drain_lanes(struct play *play, enum worker_status until)
{
    for (unsigned w = 0; w < WORKERS; w++)
        for (unsigned i = 0; worker_step(play->workers[w], 0) != until; i++)
            assert_true(i < STEPS_MAX);
}

static bool balanced(struct play *play, struct ledger *ledger)
{
    static struct worker_account accounts[WORKERS];
    static struct exporter_counters exported;
    struct ledger_account copies[WORKERS];
    struct error problem = {""};
    for (unsigned w = 0; w < WORKERS; w++) {
        worker_account_now(play->workers[w], &accounts[w]);
        copies[w] = (struct ledger_account){.worker = &accounts[w].ledger,
                                            .sources = accounts[w].source,
                                            .source_count = accounts[w].source_count,
                                            .cached = accounts[w].cached};
    }
    exporting_process_counters(play->exporter, &exported);
    ledger_make(ledger, copies, WORKERS, &exported);
    return ledger_balanced(ledger, &problem);
}

/* The lane that will be short of room. */
static struct source_ledger *full_lane(struct play *play)
{
    for (unsigned w = 0; w < WORKERS; w++) {
        struct packet_source *lane = distribution_lane(play->distribution, w);
        if (lane->ledger.dropped[DROPPED_DISTRIBUTION_FULL].packets)
            return &lane->ledger;
    }
    return NULL;
}

/* Every other batch of the source meets lanes that nobody has emptied. Returns whether the ledger
 * balanced; *LANE is a lane that dropped, in and out. */
static bool run(enum fault fault, unsigned *lane, struct ledger *ledger)
{
    static struct play play;
    uint64_t next;
    open_play(&play);
    if (fault != FAULT_NONE) {
        struct source_ledger *faulty = &distribution_lane(play.distribution, *lane)->ledger;
        ledger_fault = fault == FAULT_DROPPED ? &faulty->dropped[DROPPED_DISTRIBUTION_FULL]
                                              : &faulty->observed;
    }
    for (unsigned i = 0; distribution_step(play.distribution, 0) != DISTRIBUTION_ENDED; i++) {
        assert_true(i < STEPS_MAX);
        if (i % 6 == 5)
            drain_lanes(&play, WORKER_IDLE);
    }
    drain_lanes(&play, WORKER_ENDED);
    for (unsigned i = 0; i < 10; i++)
        exporting_process_step(play.exporter, i * 1000000ull, packets[0].timestamp_ns, &next);
    bool good = balanced(&play, ledger);
    if (fault == FAULT_NONE) {
        assert_non_null(full_lane(&play));
        for (unsigned w = 0; w < WORKERS; w++)
            if (&distribution_lane(play.distribution, w)->ledger == full_lane(&play))
                *lane = w;
    }
    ledger_fault = NULL;
    close_play(&play);
    return good;
}

static void test_dropped_in_front_of_a_lane(void **state)
{
    (void)state;
    static struct ledger ledger;
    unsigned lane = 0;
    assert_true(run(FAULT_NONE, &lane, &ledger));
    uint64_t octets = 0;
    for (unsigned i = 0; i < PACKETS; i++)
        octets += packets[i].wire_length;
    assert_int_equal(ledger.probe.observed.packets, PACKETS);
    assert_int_equal(ledger.probe.observed.octets, octets);
    assert_false(run(FAULT_DROPPED, &lane, &ledger));
    assert_false(run(FAULT_OBSERVED, &lane, &ledger));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dropped_in_front_of_a_lane)};
    make_packets();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
