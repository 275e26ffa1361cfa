/*
 * Payload that is made to be expensive, against the rules that come with the probe: what is looked
 * at stays within the bounds, of the flow and of the worker, and what is not is counted.
 */
#include "app_test.h"

#include "perf/bench/hostile_payload.h"

enum { FLOW_OCTETS = 65536, SEGMENT = 1460, PACKETS = 4, OCTETS = 1024, ANCHORAGES = 2 };

static uint8_t data[FLOW_OCTETS];
static struct application_set *shipped;

/* A scanner on the rules, which are compiled once. */
static struct app_test begin(struct application_limits limits)
{
    struct app_test test = {.set = shipped};
    struct error error;
    limits.flows_max = APP_TEST_FLOWS;
    test.scanner = application_scanner_create(shipped, &limits, &error);
    assert_non_null(test.scanner);
    return test;
}

static struct application_verdict scan(struct app_test *test, const struct hostile_payload *kind,
                                       uint64_t flow, bool client, const uint8_t *at,
                                       uint32_t octets)
{
    struct application_packet packet = app_test_packet(kind->tcp, client, kind->port, at, octets);
    return application_scan(test->scanner, (uint32_t)(flow % APP_TEST_FLOWS), flow, client, &packet,
                            0);
}

static void expect_bounds(const struct app_test *test, uint64_t offered, uint64_t scanned_max)
{
    const struct application_counters *counters = application_counters(test->scanner);
    assert_int_equal(counters->scanned + counters->not_scanned, offered);
    assert_true(counters->scanned <= scanned_max);
    assert_true(counters->scanned_octets <= counters->scanned * OCTETS * ANCHORAGES);
    assert_true(counters->content <= counters->scanned);
}

/* 64 KiB of each kind over one flow, in each direction, in segments and in one piece. */
static void a_flow_is_looked_at_within_its_bounds(void **state)
{
    struct app_test test = begin((struct application_limits){.packets = PACKETS, .octets = OCTETS});
    uint64_t flow = 0, scanned = 0;
    (void)state;
    for (unsigned kind = 0; kind < HOSTILE_PAYLOADS; kind++)
        for (uint32_t step = SEGMENT; step <= FLOW_OCTETS; step += FLOW_OCTETS - SEGMENT) {
            const struct application_counters *counters = application_counters(test.scanner);
            uint64_t octets = counters->scanned_octets;
            flow++;
            hostile_fill(&hostile_payloads[kind], data, FLOW_OCTETS);
            for (unsigned turn = 0; turn < 2; turn++)
                for (uint32_t at = 0; at < FLOW_OCTETS; at += step) {
                    uint32_t left = FLOW_OCTETS - at;
                    struct application_verdict verdict =
                        scan(&test, &hostile_payloads[kind], flow, turn == 0, data + at,
                             left < step ? left : step);
                    if (verdict.settled)
                        break;
                }
            octets = counters->scanned_octets - octets;
            assert_true(octets > 0 && octets <= 2 * PACKETS * OCTETS * ANCHORAGES);
            assert_true(counters->scanned - scanned <= 2 * PACKETS);
            scanned = counters->scanned;
        }
    assert_int_equal(application_counters(test.scanner)->not_scanned, 0);
    application_scanner_destroy(test.scanner);
}

/* Scans of so many flows, each the most expensive that it can be. */
static void offer(struct app_test *test, uint64_t flows)
{
    hostile_fill(&hostile_payloads[0], data, SEGMENT);
    for (uint64_t flow = 1; flow <= flows; flow++)
        scan(test, &hostile_payloads[0], flow, true, data, SEGMENT);
}

static void the_bound_of_scans_holds(void **state)
{
    enum { FLOWS = 5000, SCANS = 1000 };
    struct app_test test = begin(
        (struct application_limits){.packets = PACKETS, .octets = OCTETS, .scans_per_s = SCANS});
    (void)state;
    offer(&test, FLOWS);
    expect_bounds(&test, FLOWS, SCANS);
    application_scanner_destroy(test.scanner);
}

/* However fast or busy the machine is: flows come until the share is used up, and then nothing is
 * looked at for as long as that has not passed. */
static void the_share_of_time_holds(void **state)
{
    enum { FLOWS = 1000, ROUNDS = 10000 };
    struct app_test test =
        begin((struct application_limits){.packets = PACKETS, .octets = OCTETS, .time_percent = 1});
    const struct application_counters *counters = application_counters(test.scanner);
    uint64_t offered = 0;
    (void)state;
    for (unsigned round = 0; round < ROUNDS && counters->not_scanned == 0; round++) {
        offer(&test, FLOWS);
        offered += FLOWS;
    }
    assert_true(counters->not_scanned > 0);
    expect_bounds(&test, offered, offered - 1);
    struct application_limits open = {
        .flows_max = APP_TEST_FLOWS, .packets = PACKETS, .octets = OCTETS, .time_percent = 100};
    uint64_t not_scanned = counters->not_scanned;
    application_scanner_set_limits(test.scanner, &open);
    offer(&test, FLOWS);
    assert_int_equal(counters->not_scanned, not_scanned);
    application_scanner_destroy(test.scanner);
}

static int compile_rules(void **state)
{
    (void)state;
    shipped = app_test_set(application_rules_shipped, NULL);
    return 0;
}

static int free_rules(void **state)
{
    (void)state;
    application_set_destroy(shipped);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_is_looked_at_within_its_bounds),
        cmocka_unit_test(the_bound_of_scans_holds),
        cmocka_unit_test(the_share_of_time_holds),
    };
    return cmocka_run_group_tests_name("hostile payload", tests, compile_rules, free_rules);
}
