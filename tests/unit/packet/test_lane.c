/* The lane: entries of all sizes, the end of the memory, a full lane, clock, steps, losses, end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "packet/lane.h"

enum { LONGEST = 256 * 1024, PATIENCE = 1 << 20 };

static uint8_t noise[LONGEST + 256];
static struct packet_batch given; /* what the reader has */
static struct packet_batch taken; /* what the worker gets */

struct ends {
    struct lane *lane;
    struct packet_source *source;
    uint64_t put;    /* packets */
    uint64_t seen;   /* packets that came out, each as it went in */
    uint64_t octets; /* wire octets of those */
};

static uint32_t length_of(uint64_t number)
{
    static const uint32_t edges[] = {0,  1,    15,   16,    17,          60,
                                     64, 1514, 9000, 65535, LONGEST - 1, LONGEST};
    uint64_t kind = number * 2654435761u >> 7;
    return kind % 3 ? (uint32_t)(kind % 1500) : edges[kind / 3 % (sizeof edges / sizeof edges[0])];
}

static struct ends open_lane(bool live)
{
    struct error error = {""};
    struct ends ends = {.lane = lane_create(3, live, &error)};
    assert_non_null(ends.lane);
    ends.source = lane_source(ends.lane);
    assert_string_equal(ends.source->name, "lane3");
    assert_int_equal(ends.source->live, live);
    return ends;
}

/* Puts packet NUMBER, whose every property follows from its number. */
static bool put(struct ends *ends, uint32_t length)
{
    uint64_t n = ends->put;
    given.count = 2;
    given.data[1] = noise + n % 251;
    given.captured_length[1] = length;
    given.wire_length[1] = length + (uint32_t)(n % 5);
    given.timestamp_ns[1] = 1000 + n;
    given.port[1] = (uint16_t)(n % 65536);
    given.link[1] = (uint8_t)(n % LINK_LAYER_COUNT);
    if (!lane_put_packet(ends->lane, &given, 1))
        return false;
    ends->put++;
    return true;
}

static void check_taken(struct ends *ends, bool same_lengths)
{
    for (uint32_t i = 0; i < taken.count; i++) {
        uint64_t n = ends->seen++;
        if (same_lengths)
            assert_int_equal(taken.captured_length[i], length_of(n));
        assert_int_equal(taken.wire_length[i], taken.captured_length[i] + n % 5);
        assert_int_equal(taken.timestamp_ns[i], 1000 + n);
        assert_int_equal(taken.port[i], n % 65536);
        assert_int_equal(taken.link[i], n % LINK_LAYER_COUNT);
        assert_memory_equal(taken.data[i], noise + n % 251, taken.captured_length[i]);
        ends->octets += taken.wire_length[i];
    }
}

static enum receive_status take(struct ends *ends, bool same_lengths)
{
    enum receive_status status = ends->source->ops->receive(ends->source, &taken);
    assert_int_equal(status == RECEIVE_PACKETS, taken.count > 0);
    check_taken(ends, same_lengths);
    if (status == RECEIVE_PACKETS)
        ends->source->ops->release(ends->source, &taken);
    return status;
}

static void check_observed(const struct ends *ends)
{
    assert_int_equal(ends->source->ledger.observed.packets, ends->seen);
    assert_int_equal(ends->source->ledger.observed.octets, ends->octets);
}

/* Many times around the memory, with the worker at every distance behind the reader. */
static void test_sizes_and_wrap(void **state)
{
    (void)state;
    struct ends ends = open_lane(false);
    uint64_t full = 0;
    for (uint64_t turn = 0; ends.put < 6000; turn++) {
        assert_true(turn < PATIENCE);
        uint64_t burst = turn % 7 * 23;
        while (burst-- > 0)
            if (!put(&ends, length_of(ends.put))) {
                full++;
                break;
            }
        if (turn % 3 == 0)
            lane_publish(ends.lane);
        for (uint64_t rounds = turn % 60 < 40 ? 0 : turn % 5; rounds > 0; rounds--)
            take(&ends, true);
    }
    lane_end(ends.lane);
    while (take(&ends, true) == RECEIVE_PACKETS)
        continue;
    assert_true(full > 10);
    assert_int_equal(ends.seen, ends.put);
    assert_int_equal(take(&ends, true), RECEIVE_END);
    check_observed(&ends);
    lane_destroy(ends.lane);
}

/* Lengths that leave every remainder at the end of the memory, so that the filler has every size
 * down to the smallest. */
static void test_every_filler(void **state)
{
    (void)state;
    for (uint32_t length = 65000; length < 65000 + 16 * 40; length += 16) {
        struct ends ends = open_lane(false);
        for (unsigned i = 0; i < 300; i++) {
            assert_true(put(&ends, i % 2 ? length : 1));
            lane_publish(ends.lane);
            take(&ends, false);
        }
        assert_int_equal(ends.seen, 300);
        lane_destroy(ends.lane);
    }
}

static void test_nothing_unpublished_is_seen(void **state)
{
    (void)state;
    struct ends ends = open_lane(true);
    assert_true(put(&ends, length_of(0)));
    assert_int_equal(take(&ends, true), RECEIVE_IDLE);
    lane_publish(ends.lane);
    assert_int_equal(take(&ends, true), RECEIVE_PACKETS);
    assert_int_equal(take(&ends, true), RECEIVE_IDLE);
    assert_int_equal(ends.seen, 1);
    lane_destroy(ends.lane);
}

/* A full lane refuses everything, changes nothing, and has room only after a release. */
static void test_full(void **state)
{
    (void)state;
    struct ends ends = open_lane(true);
    while (put(&ends, 1000))
        assert_true(ends.put < PATIENCE);
    uint64_t held = ends.put;
    while (lane_put_clock(ends.lane, 1)) /* what packets left over */
        continue;
    assert_false(put(&ends, 0));
    assert_false(lane_put_clock_step(ends.lane));
    assert_false(lane_put_loss(ends.lane, DROPPED_DISTRIBUTION_FULL, 1, 1));
    lane_publish(ends.lane);
    assert_int_equal(ends.source->ops->receive(ends.source, &taken), RECEIVE_PACKETS);
    assert_int_equal(taken.count, PACKET_BATCH_MAX);
    assert_false(put(&ends, 0)); /* the worker still reads there */
    check_taken(&ends, false);
    ends.source->ops->release(ends.source, &taken);
    assert_true(put(&ends, 1000));
    lane_end(ends.lane);
    while (take(&ends, false) == RECEIVE_PACKETS)
        continue;
    assert_int_equal(ends.seen, held + 1);
    check_observed(&ends);
    lane_destroy(ends.lane);
}

/* Packets in use are not overwritten, whatever the reader tries. */
static void test_batch_stays(void **state)
{
    (void)state;
    struct ends ends = open_lane(false);
    while (put(&ends, length_of(ends.put)))
        continue;
    lane_publish(ends.lane);
    while (ends.seen < ends.put / 2)
        take(&ends, true);
    while (put(&ends, length_of(ends.put)))
        continue;
    lane_publish(ends.lane);
    assert_int_equal(ends.source->ops->receive(ends.source, &taken), RECEIVE_PACKETS);
    while (put(&ends, length_of(ends.put)))
        continue;
    lane_publish(ends.lane);
    check_taken(&ends, true);
    ends.source->ops->release(ends.source, &taken);
    lane_end(ends.lane);
    while (take(&ends, true) == RECEIVE_PACKETS)
        continue;
    assert_int_equal(ends.seen, ends.put);
    lane_destroy(ends.lane);
}

/* The clock is not told before every packet in front of it has been given out. */
static void test_clock_keeps_its_place(void **state)
{
    (void)state;
    struct ends ends = open_lane(true);
    assert_true(put(&ends, length_of(0)));
    assert_true(put(&ends, length_of(1)));
    assert_true(lane_put_clock(ends.lane, 5000));
    assert_true(put(&ends, length_of(2)));
    assert_true(lane_put_clock(ends.lane, 6000));
    lane_publish(ends.lane);
    assert_int_equal(take(&ends, true), RECEIVE_PACKETS);
    assert_int_equal(ends.seen, 2);
    assert_int_equal(ends.source->clock_ns, 0);
    assert_int_equal(take(&ends, true), RECEIVE_PACKETS);
    assert_int_equal(ends.seen, 3);
    assert_int_equal(ends.source->clock_ns, 5000);
    assert_int_equal(take(&ends, true), RECEIVE_IDLE);
    assert_int_equal(ends.source->clock_ns, 6000);
    assert_int_equal(ends.source->clock_steps, 0);
    lane_destroy(ends.lane);
}

/* A step stands alone: neither packets nor a clock of either side come in the same call. */
static void test_clock_step_alone(void **state)
{
    (void)state;
    struct ends ends = open_lane(true);
    assert_true(put(&ends, length_of(0)));
    assert_true(lane_put_clock(ends.lane, 9000));
    assert_true(lane_put_clock_step(ends.lane));
    assert_true(lane_put_clock_step(ends.lane));
    assert_true(lane_put_clock(ends.lane, 70));
    assert_true(put(&ends, length_of(1)));
    lane_end(ends.lane);
    assert_int_equal(take(&ends, true), RECEIVE_PACKETS);
    assert_int_equal(ends.seen, 1);
    assert_int_equal(ends.source->clock_steps, 0);
    for (uint64_t step = 1; step <= 2; step++) {
        assert_int_equal(take(&ends, true), RECEIVE_IDLE);
        assert_int_equal(ends.source->clock_steps, step);
        assert_int_equal(ends.source->clock_ns, 0);
    }
    assert_int_equal(take(&ends, true), RECEIVE_PACKETS);
    assert_int_equal(ends.source->clock_ns, 70);
    assert_int_equal(ends.source->clock_steps, 2);
    assert_int_equal(ends.seen, 2);
    assert_int_equal(take(&ends, true), RECEIVE_END);
    lane_destroy(ends.lane);
}

static void test_losses(void **state)
{
    (void)state;
    struct ends ends = open_lane(true);
    assert_true(lane_put_loss(ends.lane, DROPPED_DISTRIBUTION_FULL, 5, 700));
    assert_true(put(&ends, 100));
    assert_true(lane_put_loss(ends.lane, DROPPED_DEVICE_MISSED, 3, 0));
    assert_true(lane_put_host(ends.lane, 2, 130));
    lane_end(ends.lane);
    assert_int_equal(take(&ends, false), RECEIVE_PACKETS);
    assert_int_equal(take(&ends, false), RECEIVE_END);
    const struct source_ledger *ledger = &ends.source->ledger;
    assert_int_equal(ledger->dropped[DROPPED_DISTRIBUTION_FULL].packets, 5);
    assert_int_equal(ledger->dropped[DROPPED_DISTRIBUTION_FULL].octets, 700);
    assert_int_equal(ledger->dropped[DROPPED_DEVICE_MISSED].packets, 3);
    assert_int_equal(ledger->dropped[DROPPED_DEVICE_MISSED].octets, 0);
    assert_int_equal(ledger->host.packets, 2);
    assert_int_equal(ledger->host.octets, 130);
    assert_int_equal(ledger->observed.packets, 11);
    assert_int_equal(ledger->observed.octets, 930);
    lane_destroy(ends.lane);
}

/* The end is told once everything was taken, and then for ever. */
static void test_end_comes_last(void **state)
{
    (void)state;
    struct ends ends = open_lane(false);
    for (unsigned i = 0; i < 3 * PACKET_BATCH_MAX; i++)
        assert_true(put(&ends, 60));
    lane_end(ends.lane);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(take(&ends, false), RECEIVE_PACKETS);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(take(&ends, false), RECEIVE_END);
    assert_int_equal(ends.seen, ends.put);
    lane_destroy(ends.lane);
    lane_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_and_wrap),
        cmocka_unit_test(test_every_filler),
        cmocka_unit_test(test_nothing_unpublished_is_seen),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_batch_stays),
        cmocka_unit_test(test_clock_keeps_its_place),
        cmocka_unit_test(test_clock_step_alone),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_end_comes_last),
    };
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * 131 >> 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
