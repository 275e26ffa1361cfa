/*
 * A destination whose transport keeps sessions: templates first and numbers from 0 in each, what
 * was not confirmed when one ended, and a collector that is not there. The transport is a fake.
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
enum { TEMPLATE_SET = 2, OPTIONS_TEMPLATE_SET = 3, PLAIN_ID = 14714, RECORD_OCTETS = 59 };

static int set_up(void **state)
{
    fake_bench_set_up(state);
    struct fake_bench *bench = *state;
    bench->config.offline = false;
    bench->config.destinations[0].kind = DESTINATION_TCP;
    bench->fake->with_sessions = true;
    bench->fake->confirms = true;
    return 0;
}

static void step(struct fake_bench *bench, uint64_t after_ns)
{
    bench->now_ns += after_ns;
    exporting_process_step(bench->process, bench->now_ns, export_ns, NULL);
}

/* Data records of message I, which must hold templates or flow records; checks its number. */
static uint32_t check_message(const struct fake_bench *bench, uint32_t i, bool templates,
                              uint32_t sequence)
{
    uint32_t octets;
    const uint8_t *message = fake_message(bench->fake, i, &octets);
    assert_int_equal(get16(message + 2), octets);
    assert_int_equal(get32(message + 8), sequence);
    assert_int_equal(get16(message + 16), templates ? TEMPLATE_SET : PLAIN_ID);
    return templates ? 0 : (get16(message + 18) - 4) / RECORD_OCTETS;
}

/* Messages FIRST to the last: templates, then flow records, numbered from 0. Returns the records.
 */
static uint32_t check_session(const struct fake_bench *bench, uint32_t first)
{
    uint32_t records = 0;
    assert_true(bench->fake->message_count > first);
    check_message(bench, first, true, 0);
    for (uint32_t i = first + 1; i < bench->fake->message_count; i++)
        records += check_message(bench, i, false, records);
    return records;
}

static void nothing_leaves_before_there_is_a_session(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    fake_bench_push(bench, 100);
    step(bench, 1);
    step(bench, second_ns);
    assert_int_equal(bench->fake->sends, 0);
    assert_int_equal(fake_bench_account(bench).queued, 100);
    bench->fake->session.number = 1;
    step(bench, 1);
    assert_int_equal(check_session(bench, 0), 200);
    assert_int_equal(fake_bench_account(bench).sent, 0); /* nothing is confirmed yet */
    bench->fake->session.confirmed = bench->fake->message_count;
    step(bench, 1);
    assert_int_equal(fake_bench_account(bench).sent, 100);
    assert_int_equal(fake_bench_account(bench).data_records, 200);
}

static void a_session_begins_with_templates_and_number_0(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    fake_bench_push(bench, 100);
    step(bench, 1);
    step(bench, second_ns);
    uint32_t first = bench->fake->message_count;
    bench->fake->session.confirmed = first;
    step(bench, 1);
    bench->fake->session.number = 7;
    fake_bench_push(bench, 50);
    step(bench, 1);
    step(bench, second_ns);
    assert_int_equal(check_session(bench, first), 100);
}

static void what_did_not_leave_goes_out_again(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    fake_bench_push(bench, 600);
    step(bench, 1);
    step(bench, second_ns);
    uint32_t first = bench->fake->message_count;
    assert_true(first > 6);
    /* The templates and a message arrived, two are somewhere, the rest never left. */
    bench->fake->session = (struct transport_session){.number = 0, .confirmed = 2, .vanished = 2};
    step(bench, 1);
    struct destination_counters d = fake_bench_account(bench);
    uint64_t lost = d.lost[DESTINATION_LOST_CONNECTION];
    assert_true(d.sent > 0 && lost > d.sent && d.queued > 0);
    bench->fake->session.number = 2;
    step(bench, 1);
    assert_int_equal(check_session(bench, first), 2 * d.queued);
    bench->fake->session.confirmed = bench->fake->message_count - first;
    step(bench, 1);
    assert_int_equal(fake_bench_account(bench).sent, 600 - lost);
}

static void templates_that_did_not_leave_are_not_doubled(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 0;
    fake_bench_push(bench, 20);
    for (uint64_t number = 1; number < 500; number++) {
        bench->fake->session.number = number;
        step(bench, second_ns);
    }
    bench->fake->take = UINT64_MAX;
    step(bench, 1);
    assert_int_equal(check_session(bench, 0), 40);
}

static void a_message_that_was_begun_keeps_its_place(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    fake_bench_push(bench, 3); /* still under construction when the session begins */
    step(bench, 1);
    bench->fake->session.number = 1;
    step(bench, 1);
    fake_bench_push(bench, 3);
    step(bench, 1);
    step(bench, second_ns);
    assert_int_equal(bench->fake->message_count, 3);
    assert_int_equal(check_session(bench, 0), 12);
}

static void statistics_need_their_template_once(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.statistics_interval_s = 10;
    bench->config.template_refresh_s = 5; /* means nothing on a stream */
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    step(bench, 1);
    assert_int_equal(bench->fake->message_count, 1);
    for (unsigned i = 0; i < 35; i++)
        step(bench, second_ns);
    assert_int_equal(bench->fake->message_count, 4);
    for (uint32_t i = 1, octets; i < 4; i++) {
        const uint8_t *message = fake_message(bench->fake, i, &octets);
        for (uint32_t at = 16; at < octets; at += get16(message + at + 2))
            assert_true(get16(message + at) >= 256);
        /* What was exported, lost by metering, and by exporting; templates do not count. */
        assert_int_equal(get32(message + 8), 3 * i);
    }
}

/* Notes the ids of a Template Set, or of the one Options Template in its Set. */
static void note_templates(bool known[1 << 16], const uint8_t *set)
{
    if (get16(set) == OPTIONS_TEMPLATE_SET) {
        known[get16(set + 4)] = true;
        return;
    }
    for (uint32_t at = 4; at + 4 < get16(set + 2);) {
        uint32_t fields = get16(set + at + 2);
        known[get16(set + at)] = true;
        for (at += 4; fields > 0; fields--)
            at += get16(set + at) & 0x8000 ? 8 : 4;
    }
}

/* Also what waited in the queue when the session ended, and what is sent rarely. */
static void a_session_defines_all_that_it_holds(void **state)
{
    struct fake_bench *bench = *state;
    static bool known[1 << 16];
    uint32_t data_sets = 0;
    bench->config.statistics_interval_s = 10;
    bench->config.destinations[0].profile = PROFILE_SILK;
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    step(bench, 1);
    bench->fake->session.confirmed = bench->fake->message_count;
    step(bench, 1);
    bench->fake->session.confirmed = 0;
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 0;
    fake_bench_push(bench, 20);
    for (unsigned i = 0; i < 320; i++) /* the probe's own statistics come each 300 s */
        step(bench, second_ns);
    uint32_t first = bench->fake->message_count;
    bench->fake->session.number = 2;
    bench->fake->take = UINT64_MAX;
    step(bench, 1);
    assert_true(bench->fake->message_count > first + 30);
    for (uint32_t i = first, octets; i < bench->fake->message_count; i++) {
        const uint8_t *message = fake_message(bench->fake, i, &octets);
        for (uint32_t at = 16; at < octets; at += get16(message + at + 2)) {
            bool data = get16(message + at) >= 256;
            if (data)
                assert_true(known[get16(message + at)]);
            else
                note_templates(known, message + at);
            data_sets += data;
        }
    }
    assert_true(data_sets > 60);
}

static void datagrams_repeat_templates_in_a_session(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.destinations[0].kind = DESTINATION_DTLS;
    bench->config.template_refresh_s = 5;
    bench->fake->confirms = false;
    fake_bench_start(bench);
    step(bench, second_ns);
    bench->fake->session.number = 1;
    fake_bench_push(bench, 1);
    for (unsigned i = 0; i < 12; i++)
        step(bench, second_ns);
    assert_int_equal(bench->fake->message_count, 4);
    check_message(bench, 0, true, 0);
    check_message(bench, 1, false, 0);
    check_message(bench, 2, true, 2);
    check_message(bench, 3, true, 2);
    assert_int_equal(fake_bench_account(bench).sent, 1); /* handed over is all that is known */
}

static void a_lost_datagram_is_a_gap_in_the_numbers(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.destinations[0].kind = DESTINATION_DTLS;
    bench->fake->confirms = false;
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    bench->fake->take = 1;
    bench->fake->answer = TRANSPORT_FAILED;
    fake_bench_push(bench, 1);
    step(bench, 1);
    step(bench, second_ns);
    bench->fake->take = UINT64_MAX;
    fake_bench_push(bench, 1);
    step(bench, 1);
    step(bench, second_ns);
    assert_int_equal(fake_bench_account(bench).lost[DESTINATION_LOST_SEND_FAILED], 1);
    check_message(bench, 1, false, 2);
}

static void a_collector_that_was_never_reached_fails_the_run(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    fake_bench_push(bench, 10);
    step(bench, 1);
    step(bench, 100 * second_ns); /* live, nobody gives up */
    assert_false(exporting_process_failed(bench->process));
    unsigned seconds = 0;
    while (!exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL)) {
        bench->now_ns += second_ns;
        assert_true(++seconds < 100);
    }
    assert_int_equal(fake_bench_account(bench).lost[DESTINATION_LOST_NO_PROGRESS], 10);
    assert_true(exporting_process_failed(bench->process));
    assert_non_null(strstr(exporting_process_problem(bench->process), "never reached"));
}

static void a_collector_that_left_costs_records_only(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    fake_bench_push(bench, 10);
    step(bench, 1);
    step(bench, second_ns);
    bench->fake->session = (struct transport_session){.number = 0, .confirmed = 2};
    bench->fake->session.line = "the collector has left";
    fake_bench_push(bench, 5);
    step(bench, 1);
    assert_string_equal(exporting_process_next_problem(bench->process), "the collector has left");
    assert_null(exporting_process_next_problem(bench->process));
    unsigned seconds = 0;
    while (!exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL)) {
        bench->now_ns += second_ns;
        assert_true(++seconds < 100);
    }
    assert_true(seconds >= 30);
    struct destination_counters d = fake_bench_account(bench);
    assert_int_equal(d.sent, 10);
    assert_int_equal(d.lost[DESTINATION_LOST_NO_PROGRESS], 5);
    assert_false(exporting_process_failed(bench->process));
}

static void the_end_waits_for_confirmations(void **state)
{
    struct fake_bench *bench = *state;
    fake_bench_start(bench);
    bench->fake->session.number = 1;
    fake_bench_push(bench, 10);
    step(bench, 1);
    assert_false(exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL));
    assert_int_equal(bench->fake->message_count, 2);
    assert_false(exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL));
    bench->fake->session.confirmed = 2;
    assert_true(exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL));
    assert_true(bench->fake->completed);
    assert_int_equal(fake_bench_account(bench).sent, 10);
}

static void offline_waits_for_a_collector(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.offline = true;
    bench->config.queue_octets_max = 20000;
    fake_bench_start(bench);
    fake_bench_push(bench, 1000);
    for (unsigned i = 0; i < 29; i++)
        step(bench, second_ns);
    assert_false(exporting_process_accepts(bench->process));
    assert_false(exporting_process_failed(bench->process));
    uint32_t confirmed = 0;
    bench->fake->session.number = 1;
    for (unsigned i = 0; i < 1000 && fake_bench_account(bench).sent < 1000; i++) {
        exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL);
        bench->fake->session.confirmed = bench->fake->message_count - confirmed;
        confirmed = bench->fake->message_count;
    }
    assert_int_equal(fake_bench_account(bench).sent, 1000);
    assert_int_equal(check_session(bench, 0), 2000);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fake_bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(nothing_leaves_before_there_is_a_session),
        BENCH_TEST(a_session_begins_with_templates_and_number_0),
        BENCH_TEST(what_did_not_leave_goes_out_again),
        BENCH_TEST(templates_that_did_not_leave_are_not_doubled),
        BENCH_TEST(a_message_that_was_begun_keeps_its_place),
        BENCH_TEST(statistics_need_their_template_once),
        BENCH_TEST(a_session_defines_all_that_it_holds),
        BENCH_TEST(datagrams_repeat_templates_in_a_session),
        BENCH_TEST(a_lost_datagram_is_a_gap_in_the_numbers),
        BENCH_TEST(a_collector_that_was_never_reached_fails_the_run),
        BENCH_TEST(a_collector_that_left_costs_records_only),
        BENCH_TEST(the_end_waits_for_confirmations),
        BENCH_TEST(offline_waits_for_a_collector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
