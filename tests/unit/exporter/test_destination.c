/*
 * What happens when a destination refuses, is full, fails or takes nothing: every record is
 * accounted for, live runs are never held, offline runs never lose to speed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "record_builder.h"

static const uint64_t second_ns = 1000000000u;
static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

/* The account, with what the records of push() held. */
static struct destination_counters account(const struct fake_bench *bench)
{
    static struct exporter_counters counters;
    struct destination_counters d = fake_bench_account(bench);
    exporting_process_counters(bench->process, &counters);
    assert_int_equal(d.records, counters.records[0]);
    assert_int_equal(counters.exported[0].packets, 5 * counters.records[0]);
    assert_int_equal(counters.exported[0].octets, 5000000300 * counters.records[0]);
    return d;
}

static void all_is_sent_in_a_good_run(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    fake_bench_push(bench, 1000);
    while (!exporting_process_drain(bench->process, 1, export_ns, NULL))
        continue;
    struct destination_counters d = account(bench);
    assert_int_equal(d.sent, 1000);
    assert_int_equal(d.queued, 0);
    assert_int_equal(d.data_records, 2000);
    assert_int_equal(d.messages, bench->fake->message_count);
    assert_int_equal(d.octets, bench->fake->offsets[bench->fake->message_count]);
    assert_true(bench->fake->completed);
    assert_false(exporting_process_failed(bench->process));
    assert_string_equal(exporting_process_problem(bench->process), "");
}

static void a_refusal_loses_one_message_and_is_never_fatal(void **state)
{
    struct fake_bench *bench = *state;
    bench->fake->answer = TRANSPORT_REFUSED;
    bench->fake->take = 3;
    fake_bench_start(bench);
    fake_bench_push(bench, 200);
    while (!exporting_process_drain(bench->process, 1, export_ns, NULL)) {
        struct destination_counters d = account(bench);
        if (d.lost[DESTINATION_LOST_REFUSED])
            bench->fake->take = UINT64_MAX; /* the collector is back */
    }
    struct destination_counters d = account(bench);
    assert_true(d.lost[DESTINATION_LOST_REFUSED] > 0);
    assert_int_equal(d.sent + d.lost[DESTINATION_LOST_REFUSED], 200);
    assert_false(exporting_process_failed(bench->process));
}

static void a_collector_that_comes_back_gets_templates(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.offline = false;
    bench->config.template_refresh_s = 600;
    fake_bench_start(bench);
    exporting_process_step(bench->process, 0, export_ns, NULL);
    assert_int_equal(bench->fake->message_count, 1); /* templates at once */
    bench->fake->answer = TRANSPORT_REFUSED;
    bench->fake->take = 0;
    fake_bench_push(bench, 1);
    exporting_process_step(bench->process, second_ns, export_ns, NULL);
    exporting_process_step(bench->process, 2 * second_ns, export_ns, NULL);
    assert_int_equal(account(bench).lost[DESTINATION_LOST_REFUSED], 1);
    bench->fake->take = UINT64_MAX;
    fake_bench_push(bench, 1);
    exporting_process_step(bench->process, 3 * second_ns, export_ns, NULL);
    exporting_process_step(bench->process, 4 * second_ns, export_ns, NULL);
    uint32_t octets;
    assert_int_equal(bench->fake->message_count, 3);
    assert_int_equal(get16(fake_message(bench->fake, 1, &octets) + 16), 2);
    assert_int_equal(get16(fake_message(bench->fake, 2, &octets) + 16), 14714);
}

static void nothing_is_sent_before_the_clock_is_known(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.offline = false;
    fake_bench_start(bench);
    uint64_t next_ns = 0;
    exporting_process_step(bench->process, 1, 0, &next_ns);
    assert_int_equal(bench->fake->message_count, 0);
    assert_true(next_ns > 1); /* and nobody spins until then */
    exporting_process_step(bench->process, 2, export_ns, NULL);
    assert_int_equal(bench->fake->message_count, 1);
    uint32_t octets;
    assert_true(get32(fake_message(bench->fake, 0, &octets) + 4) >= export_ns / second_ns);
}

static void what_cannot_be_sent_is_lost_alone(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    fake_bench_push(bench, 100);
    bench->fake->answer = TRANSPORT_FAILED;
    bench->fake->take = 2;
    while (!exporting_process_drain(bench->process, 1, export_ns, NULL)) {
        if (account(bench).lost[DESTINATION_LOST_SEND_FAILED])
            bench->fake->take = UINT64_MAX;
    }
    struct destination_counters d = account(bench);
    assert_true(d.lost[DESTINATION_LOST_SEND_FAILED] > 0);
    assert_int_equal(d.sent + d.lost[DESTINATION_LOST_SEND_FAILED], 100);
    assert_non_null(strstr(exporting_process_problem(bench->process), "told to fail"));
    assert_non_null(strstr(exporting_process_next_problem(bench->process), "told to fail"));
    assert_null(exporting_process_next_problem(bench->process));
    assert_false(exporting_process_failed(bench->process));
}

static void a_broken_destination_loses_everything_after(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    fake_bench_push(bench, 100);
    bench->fake->answer = TRANSPORT_BROKEN;
    bench->fake->take = 2;
    for (unsigned i = 0; i < 3; i++)
        exporting_process_drain(bench->process, 1, export_ns, NULL);
    fake_bench_push(bench, 50);
    assert_true(exporting_process_drain(bench->process, 1, export_ns, NULL));
    struct destination_counters d = account(bench);
    assert_int_equal(d.records, 150);
    assert_int_equal(d.sent + d.lost[DESTINATION_LOST_WRITE_FAILED], 150);
    assert_true(d.sent > 0 && d.sent < 100);
    assert_true(exporting_process_failed(bench->process));
    assert_int_equal(exporting_process_step(bench->process, 1, 1, NULL), EXPORTING_FAILED);
}

static void live_a_full_queue_loses_and_never_holds_the_ring(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.offline = false;
    bench->config.queue_octets_max = 20000;
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 0;
    fake_bench_start(bench);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(fake_bench_push(bench, 500), 500);
        exporting_process_step(bench->process, i * 1000, export_ns, NULL);
        assert_true(exporting_process_accepts(bench->process));
    }
    struct destination_counters d = account(bench);
    assert_int_equal(d.records, 10000);
    assert_int_equal(d.sent, 0);
    assert_true(d.queued > 0 && d.lost[DESTINATION_LOST_QUEUE_FULL] > 9000);
    bench->fake->take = UINT64_MAX;
    while (!exporting_process_drain(bench->process, second_ns, export_ns, NULL))
        continue;
    assert_int_equal(account(bench).sent, d.queued);
    assert_false(exporting_process_failed(bench->process));
}

static void offline_a_full_queue_holds_the_ring(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.queue_octets_max = 20000;
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 0;
    fake_bench_start(bench);
    assert_int_equal(fake_bench_push(bench, 2000), 2000);
    for (unsigned i = 0; i < 5; i++)
        exporting_process_step(bench->process, i, export_ns, NULL);
    assert_false(exporting_process_accepts(bench->process));
    struct destination_counters d = account(bench);
    assert_true(d.records < 300);
    assert_int_equal(d.records, d.queued);
    bench->fake->take = UINT64_MAX;
    exporting_process_step(bench->process, 10, export_ns, NULL);
    assert_true(exporting_process_accepts(bench->process));
    while (!exporting_process_drain(bench->process, 20, export_ns, NULL))
        continue;
    assert_int_equal(account(bench).sent, 2000);
}

static void offline_thirty_seconds_without_progress_end_it(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.queue_octets_max = 20000;
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 1;
    fake_bench_start(bench);
    fake_bench_push(bench, 1000);
    uint64_t now_ns = 5;
    for (unsigned i = 0; i < 299; i++, now_ns += second_ns / 10)
        assert_int_not_equal(exporting_process_step(bench->process, now_ns, export_ns, NULL),
                             EXPORTING_FAILED);
    for (unsigned i = 0; i < 20; i++, now_ns += second_ns / 10)
        exporting_process_drain(bench->process, now_ns, export_ns, NULL);
    assert_true(exporting_process_drain(bench->process, now_ns, export_ns, NULL));
    struct destination_counters d = account(bench);
    assert_int_equal(d.records, 1000);
    assert_int_equal(d.lost[DESTINATION_LOST_NO_PROGRESS] + d.sent, 1000);
    assert_true(exporting_process_failed(bench->process));
    assert_non_null(strstr(exporting_process_problem(bench->process), "30 s"));
}

static void a_slow_destination_does_not_hold_another(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.offline = false;
    bench->config.destination_count = 2;
    bench->config.destinations[1] = bench->config.destinations[0];
    strcpy(bench->config.destinations[1].name, "other");
    bench->config.queue_octets_max = 40000;
    fake_bench_start(bench);
    struct fake_transport *other = fake_transport_new();
    exporting_process_set_transport(bench->process, 1, fake_transport_as(other));
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 0;
    for (unsigned i = 0; i < 10; i++) {
        fake_bench_push(bench, 100);
        exporting_process_step(bench->process, i * second_ns, export_ns, NULL);
    }
    exporting_process_step(bench->process, 11 * second_ns, export_ns, NULL);
    static struct exporter_counters counters;
    exporting_process_counters(bench->process, &counters);
    assert_int_equal(counters.destination[0].sent, 0);
    assert_int_equal(counters.destination[1].sent, 1000);
    exporting_process_abandon(bench->process);
    account(bench);
    exporting_process_destroy(bench->process);
    bench->process = NULL;
    free(other);
}

static void what_is_given_up_is_counted(void **state)
{
    struct fake_bench *bench = *state;
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 2;
    bench->config.queue_octets_max = 20000;
    fake_bench_start(bench);
    fake_bench_push(bench, 1000);
    exporting_process_step(bench->process, 1, export_ns, NULL);
    uint64_t sent = account(bench).sent;
    exporting_process_abandon(bench->process);
    struct destination_counters d = account(bench);
    assert_int_equal(d.records, 1000);
    assert_int_equal(d.sent, sent);
    assert_int_equal(d.lost[DESTINATION_LOST_SHUTDOWN], 1000 - sent);
    assert_true(bench->fake->completed);
    assert_null(record_ring_peek(bench->ring));
}

static void times_after_2106_are_not_representable(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    struct flow_description flow;
    describe_simple(&flow);
    flow.direction[1].last_ns = UINT32_MAX * second_ns;
    record_push(bench->ring, &flow);
    flow.direction[1].last_ns++;
    record_push(bench->ring, &flow);
    while (!exporting_process_drain(bench->process, 1, export_ns, NULL))
        continue;
    struct destination_counters d = account(bench);
    assert_int_equal(d.sent, 1);
    assert_int_equal(d.lost[DESTINATION_LOST_NOT_REPRESENTABLE], 1);
}

static void both_directions_share_a_message(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.destinations[0].mtu = 512; /* room for 7 records of 59 octets: an odd number */
    fake_bench_start(bench);
    fake_bench_push(bench, 20);
    while (!exporting_process_drain(bench->process, 1, export_ns, NULL))
        continue;
    for (uint32_t i = 0; i < bench->fake->message_count; i++) {
        uint32_t octets;
        const uint8_t *message = fake_message(bench->fake, i, &octets);
        if (get16(message + 16) == 14714)
            assert_int_equal((get16(message + 18) - 4) / 59 % 2, 0);
    }
    assert_int_equal(account(bench).data_records, 40);
}

static void live_messages_wait_one_second_at_most(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.offline = false;
    fake_bench_start(bench);
    uint64_t next_ns;
    exporting_process_step(bench->process, 0, export_ns, &next_ns);
    fake_bench_push(bench, 1);
    exporting_process_step(bench->process, 500, export_ns, &next_ns);
    assert_int_equal(next_ns, second_ns + 500);
    exporting_process_step(bench->process, second_ns + 499, export_ns, NULL);
    assert_int_equal(account(bench).queued, 1);
    exporting_process_step(bench->process, second_ns + 500, export_ns, NULL);
    assert_int_equal(account(bench).sent, 1);
}

#define BENCH_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, fake_bench_set_up, fake_bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(all_is_sent_in_a_good_run),
        BENCH_TEST(a_refusal_loses_one_message_and_is_never_fatal),
        BENCH_TEST(a_collector_that_comes_back_gets_templates),
        BENCH_TEST(nothing_is_sent_before_the_clock_is_known),
        BENCH_TEST(what_cannot_be_sent_is_lost_alone),
        BENCH_TEST(a_broken_destination_loses_everything_after),
        BENCH_TEST(live_a_full_queue_loses_and_never_holds_the_ring),
        BENCH_TEST(offline_a_full_queue_holds_the_ring),
        BENCH_TEST(offline_thirty_seconds_without_progress_end_it),
        BENCH_TEST(a_slow_destination_does_not_hold_another),
        BENCH_TEST(what_is_given_up_is_counted),
        BENCH_TEST(times_after_2106_are_not_representable),
        BENCH_TEST(both_directions_share_a_message),
        BENCH_TEST(live_messages_wait_one_second_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
