/*
 * Another configuration while an exporting process runs: who gets which record, what goes on and
 * what begins anew, and that no record is lost or sent twice. Transports are fakes, time is
 * virtual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "change_bench.h"

static void what_did_not_change_is_not_touched(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 2);
    change_bench_push(bench, 50);
    bench->config.template_refresh_s = 600;
    bench->config.destinations[1].biflow = true;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 50);
    change_bench_pass(bench, 2);
    struct seen_stream seen = change_bench_read(bench, 0);
    assert_int_equal(seen.template_messages, 1); /* only those of the beginning */
    assert_int_equal(seen.flows, 200);           /* two directions each */
    assert_int_equal(change_bench_row(bench, 0).sent, 100);
    assert_false(bench->fakes[0]->closed);
}

static void a_new_one_gets_records_from_then_on(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 1);
    change_bench_push(bench, 30);
    bench->config.destination_count = 2;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 20);
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 50);
    assert_int_equal(change_bench_row(bench, 1).sent, 20);
    assert_int_equal(change_bench_read(bench, 1).flows, 40);
}

/* Records on the ring at the moment of the change go by the new configuration. */
static void what_is_on_the_ring_goes_by_the_new_one(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 2);
    change_bench_fill_ring(bench, 40);
    bench->config.destination_count = 1;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).records, 40);
    assert_int_equal(change_bench_row(bench, 1).records, 0);
}

static void a_removed_one_sends_what_it_has(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 2);
    bench->fakes[1]->take = 0;
    bench->fakes[1]->answer = TRANSPORT_AGAIN;
    change_bench_push(bench, 60);
    bench->config.destination_count = 1;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 5);
    assert_int_equal(change_bench_row(bench, 1).queued, 60);
    bench->fakes[1]->take = UINT64_MAX;
    change_bench_pass(bench, 1);
    assert_int_equal(change_bench_row(bench, 1).sent, 60);
    assert_true(bench->fakes[1]->completed);
    exporting_process_tidy(bench->process);
    assert_true(bench->fakes[1]->closed);
    assert_int_equal(change_bench_read(bench, 1).flows, 120);
    /* Its row stays, and goes on when it comes back. */
    change_bench_row(bench, 1);
    assert_true(bench->account.place[1].removed);
    bench->config.destination_count = 2;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 7);
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 1).sent, 67);
    assert_false(bench->account.place[1].removed);
    assert_int_equal(bench->account.destination_count, 2);
}

static void nobody_waits_for_a_removed_one_for_ever(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 2);
    bench->fakes[1]->take = 0;
    bench->fakes[1]->answer = TRANSPORT_AGAIN;
    change_bench_push(bench, 60);
    bench->config.destination_count = 1;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 9);
    assert_int_equal(change_bench_row(bench, 1).queued, 60);
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 1).lost[DESTINATION_LOST_REMOVED], 60);
    exporting_process_tidy(bench->process);
    assert_true(bench->fakes[1]->closed);
}

static void udp_goes_on_with_other_templates(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 1);
    change_bench_push(bench, 33);
    for (unsigned round = 0; round < 6; round++) {
        bench->config.destinations[0].profile = round % 3 ? PROFILE_PLAIN : PROFILE_NFDUMP;
        bench->config.destinations[0].time_unit =
            round % 3 > 1 ? TIME_MICROSECONDS : TIME_MILLISECONDS;
        bench->config.destinations[0].mtu = 600 + 700 * (round % 2);
        bench->config.queue_octets_max = 1 << (16 + round);
        assert_true(change_bench_change(bench));
        change_bench_push(bench, 10 + round);
    }
    change_bench_pass(bench, 2);
    struct seen_stream seen = change_bench_read(bench, 0);
    assert_int_equal(seen.flows, 2 * bench->pushed);
    assert_int_equal(seen.unknown_sets, 0); /* templates stood before what needs them */
    assert_int_equal(seen.gaps, 0);         /* sequence numbers went on */
    assert_int_equal(change_bench_row(bench, 0).sent, bench->pushed);
    assert_int_equal(bench->account.destination_count, 1);
    assert_int_equal(bench->account.changes, 6);
    assert_false(bench->fakes[0]->closed);
}

static void a_full_queue_survives_a_smaller_bound(void **state)
{
    struct change_bench *bench = *state;
    bench->config.queue_octets_max = 1 << 18;
    change_bench_start(bench, 1);
    bench->fakes[0]->take = 0;
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_push(bench, 1000);
    uint64_t queued = change_bench_row(bench, 0).queued;
    bench->config.queue_octets_max = 1 << 14;
    assert_true(change_bench_change(bench));
    assert_int_equal(change_bench_row(bench, 0).queued, queued);
    change_bench_push(bench, 10); /* there is no room for these */
    assert_int_equal(change_bench_row(bench, 0).lost[DESTINATION_LOST_QUEUE_FULL], 10);
    bench->config.queue_octets_max = 1 << 20;
    bench->config.destinations[0].mtu = 9000;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 1000);
    bench->fakes[0]->take = UINT64_MAX;
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 2000);
    assert_int_equal(change_bench_read(bench, 0).flows, 4000);
    assert_int_equal(change_bench_read(bench, 0).gaps, 0);
}

static void another_collector_gets_a_session_of_its_own(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 1);
    bench->fakes[0]->take = 0;
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_push(bench, 30);
    bench->config.destinations[0].port = 10;
    assert_true(change_bench_change(bench)); /* fakes[2] is its transport */
    change_bench_push(bench, 20);
    bench->fakes[0]->take = UINT64_MAX;
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_read(bench, 0).flows, 60);
    assert_int_equal(change_bench_read(bench, 2).flows, 40);
    assert_int_equal(change_bench_row(bench, 0).sent, 50);
    assert_int_equal(bench->account.destination_count, 1);
}

static void two_that_swap_are_told_apart_by_name(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 2);
    change_bench_push(bench, 10);
    struct destination_config first = bench->config.destinations[0];
    bench->config.destinations[0] = bench->config.destinations[1];
    bench->config.destinations[1] = first;
    assert_true(change_bench_change(bench)); /* another order is no change */
    assert_int_equal(bench->opened, 0);
    uint16_t port = bench->config.destinations[0].port;
    bench->config.destinations[0].port = bench->config.destinations[1].port;
    bench->config.destinations[1].port = port;
    assert_true(change_bench_change(bench));
    assert_int_equal(bench->opened, 2);
    change_bench_push(bench, 10);
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 20);
    assert_int_equal(change_bench_row(bench, 1).sent, 20);
}

/* ---- sessions ---- */

static void other_templates_mean_another_session(void **state)
{
    struct change_bench *bench = *state;
    change_bench_sessions(bench, 1);
    bench->fakes[0]->session.number = 1;
    change_bench_push(bench, 40);
    bench->config.destinations[0].profile = PROFILE_NFDUMP;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 20);
    bench->fakes[2]->session.number = 1;
    change_bench_pass(bench, 2);
    struct seen_stream old = change_bench_read(bench, 0), new = change_bench_read(bench, 2);
    assert_int_equal(old.flows, 80);
    assert_int_equal(new.flows, 40);
    assert_int_equal(new.first_sequence, 0);
    assert_int_equal(old.gaps + new.gaps + old.unknown_sets + new.unknown_sets, 0);
    assert_int_equal(change_bench_row(bench, 0).queued, 60); /* nothing is confirmed */
    bench->fakes[0]->session.confirmed = bench->fakes[0]->message_count;
    bench->fakes[2]->session.confirmed = bench->fakes[2]->message_count;
    change_bench_pass(bench, 1);
    assert_int_equal(change_bench_row(bench, 0).sent, 60);
    exporting_process_tidy(bench->process);
    assert_true(bench->fakes[0]->completed && bench->fakes[0]->closed);
    assert_false(bench->fakes[2]->closed);
}

static void what_waits_goes_to_the_other_host(void **state)
{
    struct change_bench *bench = *state;
    change_bench_sessions(bench, 1);
    bench->fakes[0]->session.number = 1;
    bench->fakes[0]->take = 3; /* templates and two messages */
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_push(bench, 200);
    change_bench_pass(bench, 2);
    uint64_t there = change_bench_read(bench, 0).flows / 2;
    bench->config.destinations[0].port = 10;
    assert_true(change_bench_change(bench));
    bench->fakes[2]->session.number = 1;
    change_bench_pass(bench, 2);
    assert_int_equal(bench->fakes[2]->sends, 0); /* the old host may still confirm */
    struct error error = {""};
    bench->config.destinations[0].port = 11;
    assert_null(exporting_process_prepare_change(bench->process, &bench->config, &error));
    assert_non_null(strstr(error.text, "under way"));
    bench->fakes[0]->session.confirmed = 3;
    change_bench_pass(bench, 2);
    assert_true(bench->fakes[0]->completed);
    assert_int_equal(change_bench_row(bench, 0).sent, there);
    struct seen_stream seen = change_bench_read(bench, 2);
    assert_int_equal(seen.flows, 2 * (200 - there));
    assert_int_equal(seen.first_sequence + seen.gaps + seen.unknown_sets, 0);
    bench->fakes[2]->session.confirmed = bench->fakes[2]->message_count;
    change_bench_pass(bench, 1);
    assert_int_equal(change_bench_row(bench, 0).sent, 200);
    exporting_process_tidy(bench->process);
    assert_true(bench->fakes[0]->closed);
}

static void an_old_host_is_not_waited_for_for_ever(void **state)
{
    struct change_bench *bench = *state;
    change_bench_sessions(bench, 1);
    bench->fakes[0]->session.number = 1;
    change_bench_push(bench, 20);
    change_bench_pass(bench, 2); /* handed over, never confirmed */
    bench->config.destinations[0].port = 10;
    assert_true(change_bench_change(bench));
    bench->fakes[2]->session.number = 1;
    change_bench_push(bench, 5);
    change_bench_pass(bench, 11);
    assert_int_equal(change_bench_row(bench, 0).lost[DESTINATION_LOST_CONNECTION], 20);
    assert_int_equal(change_bench_read(bench, 2).flows, 10);
}

static void a_predecessor_without_collector_ends(void **state)
{
    struct change_bench *bench = *state;
    change_bench_sessions(bench, 1);
    change_bench_push(bench, 40); /* there never was a session */
    bench->config.destinations[0].biflow = true;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 9);
    assert_int_equal(change_bench_row(bench, 0).queued, 40);
    change_bench_pass(bench, 3);
    assert_int_equal(change_bench_row(bench, 0).lost[DESTINATION_LOST_REMOVED], 40);
}

/* ---- groups, merged records ---- */

static void groups_change(void **state)
{
    struct change_bench *bench = *state;
    static const struct export_group groups[] = {
        {"g", EXPORT_FALLBACK, 10}, {"h", EXPORT_BALANCE, 1}, {"g", EXPORT_PARALLEL, 5}};
    change_bench_start(bench, 2);
    for (unsigned round = 0; round < 12; round++) {
        change_bench_push(bench, 11);
        bench->config.group_count = round % 4 ? 1 : 0;
        bench->config.groups[0] = groups[round % 3];
        bench->config.destinations[0].group = round % 4 != 0;
        bench->config.destinations[1].group = round % 4 > 1;
        assert_true(change_bench_change(bench));
        assert_int_equal(bench->opened, 0);
    }
    change_bench_push(bench, 3);
    change_bench_pass(bench, 2);
    change_bench_row(bench, 0);
    assert_true(bench->account.destination[1].records < bench->pushed);
    assert_int_equal(bench->account.misplaced, 0);
}

static void records_that_wait_for_others_are_sent(void **state)
{
    struct change_bench *bench = *state;
    bench->config.destinations[0].client_port_records = 100;
    bench->config.destinations[0].client_port_window_s = 1000;
    change_bench_start(bench, 1);
    change_bench_push(bench, 40);
    assert_int_equal(change_bench_row(bench, 0).queued, 40);
    bench->config.destinations[0].client_port_records = 0;
    bench->config.destinations[0].client_port_window_s = 0;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 40);
    assert_int_equal(change_bench_read(bench, 0).flows, 2); /* they were one */
}

/* ---- refusals ---- */

static void what_cannot_be_opened_changes_nothing(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 1);
    change_bench_push(bench, 10);
    struct exporting_process_config good = bench->config;
    struct destination_config *d = &bench->config.destinations[0];
    struct error error = {""};
    d->kind = DESTINATION_TLS;
    snprintf(d->certificate, sizeof d->certificate, "/nowhere/cert.pem");
    assert_null(exporting_process_prepare_change(bench->process, &bench->config, &error));
    assert_non_null(strstr(error.text, "collector 0"));
    assert_non_null(strstr(error.text, "/nowhere/cert.pem"));
    bench->config = good;
    snprintf(d->anonymisation_key, sizeof d->anonymisation_key, "/nowhere/key");
    assert_null(exporting_process_prepare_change(bench->process, &bench->config, &error));
    assert_non_null(strstr(error.text, "/nowhere/key"));
    assert_false(exporting_process_check_files(&bench->config, &error));
    assert_non_null(strstr(error.text, "collector 0: anonymise: /nowhere/key"));
    bench->config = good;
    assert_true(exporting_process_check_files(&bench->config, &error));
    bench->config.offline = true;
    assert_null(exporting_process_prepare_change(bench->process, &bench->config, &error));
    bench->config = good;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 10);
    assert_int_equal(change_bench_read(bench, 0).template_messages, 1);
}

/* More destinations than the account has rows: the oldest that was removed makes room. */
static void rows_are_used_again(void **state)
{
    struct change_bench *bench = *state;
    change_bench_start(bench, 1);
    for (unsigned round = 0; round < 2 * EXPORT_ROWS_MAX; round++) {
        change_bench_push(bench, 2);
        struct destination_config *d = &bench->config.destinations[1];
        bench->config.destination_count = 2;
        *d = bench->config.destinations[0];
        snprintf(d->name, sizeof d->name, "collector of round %u", round);
        bench->real = true; /* no fake for these: a socket to a port where nobody is */
        assert_true(change_bench_change(bench));
        change_bench_pass(bench, 1);
        exporting_process_tidy(bench->process);
    }
    change_bench_row(bench, 0);
    assert_int_equal(bench->account.destination_count, EXPORT_ROWS_MAX);
    assert_int_equal(bench->account.misplaced, 0);
}

static void it_is_described(void **state)
{
    struct change_bench *bench = *state;
    static struct exporting_process_description now;
    bench->config.template_refresh_s = 60;
    change_bench_start(bench, 1);
    change_bench_push(bench, 10);
    exporting_process_ask_description(bench->process, &now);
    assert_false(exporting_process_has_described(bench->process));
    change_bench_pass(bench, 2);
    assert_true(exporting_process_has_described(bench->process));
    exporting_process_describe(bench->process, &now);
    assert_int_equal(now.destination_count, 1);
    const struct destination_description *d = &now.destinations[0];
    assert_string_equal(d->name, "collector 0");
    assert_int_equal(d->version, 10);
    assert_int_equal(d->sequence, 20);
    assert_int_equal(d->template_count, 4); /* two families, ICMP apart */
    assert_int_equal(d->refresh_due_ns, d->templates_sent_ns + 60 * 1000000000ull);
    const struct template_description *first = &d->templates[0];
    uint32_t octets = 0;
    for (unsigned i = 0; i < first->field_count; i++)
        octets += element_table[first->fields[i]].octets;
    assert_int_equal(octets, first->octets);
    assert_string_equal(element_table[first->fields[0]].name, "sourceIPv4Address");
    bench->fakes[0]->take = 0;
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_push(bench, 10);
    bench->config.destination_count = 0;
    assert_true(change_bench_change(bench));
    exporting_process_describe(bench->process, &now);
    assert_int_equal(now.destination_count, 1);
    assert_true(now.destinations[0].leaving && now.destinations[0].queue_octets > 0);
}

int main(void)
{
#define CHANGE_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, change_bench_set_up, change_bench_tear_down)
    const struct CMUnitTest tests[] = {
        CHANGE_TEST(what_did_not_change_is_not_touched),
        CHANGE_TEST(a_new_one_gets_records_from_then_on),
        CHANGE_TEST(what_is_on_the_ring_goes_by_the_new_one),
        CHANGE_TEST(a_removed_one_sends_what_it_has),
        CHANGE_TEST(nobody_waits_for_a_removed_one_for_ever),
        CHANGE_TEST(udp_goes_on_with_other_templates),
        CHANGE_TEST(a_full_queue_survives_a_smaller_bound),
        CHANGE_TEST(another_collector_gets_a_session_of_its_own),
        CHANGE_TEST(two_that_swap_are_told_apart_by_name),
        CHANGE_TEST(other_templates_mean_another_session),
        CHANGE_TEST(what_waits_goes_to_the_other_host),
        CHANGE_TEST(an_old_host_is_not_waited_for_for_ever),
        CHANGE_TEST(a_predecessor_without_collector_ends),
        CHANGE_TEST(groups_change),
        CHANGE_TEST(records_that_wait_for_others_are_sent),
        CHANGE_TEST(what_cannot_be_opened_changes_nothing),
        CHANGE_TEST(rows_are_used_again),
        CHANGE_TEST(it_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
