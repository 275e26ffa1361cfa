/*
 * Ledger cuts: the account is copied when every ring stands at the marker, and neither a record
 * before it is missing nor one behind it included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporting_process_change.h"
#include "fake_transport.h"
#include "record_builder.h"

static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

static void push(struct record_ring *ring, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(record_push(ring, &flow), 0);
}

static void a_cut_is_consistent_over_all_rings(void **state)
{
    (void)state;
    static struct exporter_counters counters;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    struct record_ring *rings[3] = {fake_ring(1024), fake_ring(1024), fake_ring(1024)};
    struct exporting_process *process = fake_process(&config, rings, 3, fake);
    push(rings[0], 10);
    record_push_marker(rings[0], 7);
    push(rings[0], 5); /* behind the marker: not before the others are there */
    push(rings[1], 20);
    push(rings[2], 30);
    exporting_process_step(process, 1, export_ns, NULL);
    assert_false(exporting_process_cut(process, 7, &counters));
    record_push_marker(rings[1], 7);
    push(rings[2], 3);
    exporting_process_step(process, 2, export_ns, NULL);
    assert_false(exporting_process_cut(process, 7, &counters));
    exporting_process_counters(process, &counters);
    assert_int_equal(counters.records[0], 10);
    record_push_marker(rings[2], 7);
    push(rings[2], 4);
    exporting_process_step(process, 3, export_ns, NULL);
    assert_true(exporting_process_cut(process, 7, &counters));
    assert_false(exporting_process_cut(process, 6, &counters));
    assert_false(exporting_process_cut(process, 8, &counters));
    assert_int_equal(counters.records[0], 10);
    assert_int_equal(counters.records[1], 20);
    assert_int_equal(counters.records[2], 33);
    assert_int_equal(counters.exported[2].packets, 33 * 5);
    assert_int_equal(counters.destination[0].records, 63);
    assert_int_equal(counters.destination[0].sent + counters.destination[0].queued, 63);
    exporting_process_counters(process, &counters);
    assert_int_equal(counters.records[0], 15);
    assert_int_equal(counters.records[2], 37);
    exporting_process_destroy(process);
    for (unsigned i = 0; i < 3; i++)
        record_ring_destroy(rings[i]);
    free(fake);
}

static void cuts_follow_each_other(void **state)
{
    (void)state;
    static struct exporter_counters counters;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    struct record_ring *ring = fake_ring(1024);
    struct exporting_process *process = fake_process(&config, &ring, 1, fake);
    for (uint64_t cut = 1; cut <= 5; cut++) {
        push(ring, 3);
        record_push_marker(ring, cut);
        push(ring, 1);
        exporting_process_step(process, cut, export_ns, NULL);
        assert_true(exporting_process_cut(process, cut, &counters));
        assert_int_equal(counters.records[0], 4 * cut - 1);
    }
    record_push_marker(ring, 6); /* a drain passes markers too */
    assert_true(exporting_process_drain(process, 9, export_ns, NULL));
    assert_true(exporting_process_cut(process, 6, &counters));
    assert_int_equal(counters.records[0], 20);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    free(fake);
}

/* Other rings: both are emptied, a cut has a marker of each, and the rows count all of them. */
static void rings_are_exchanged(void **state)
{
    (void)state;
    static struct exporter_counters counters;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    struct record_ring *before[2] = {fake_ring(1024), fake_ring(1024)};
    struct record_ring *after[1] = {fake_ring(1024)};
    struct exporting_process *process = fake_process(&config, before, 2, fake);
    push(before[0], 10);
    exporting_process_step(process, 1, export_ns, NULL);
    exporting_process_exchange_rings(process, after, 1);
    push(before[0], 5);
    push(before[1], 7);
    push(after[0], 30);
    record_push_marker(before[0], 1);
    record_push_marker(after[0], 1);
    exporting_process_step(process, 2, export_ns, NULL);
    assert_false(exporting_process_cut(process, 1, &counters));
    record_push_marker(before[1], 1);
    exporting_process_step(process, 3, export_ns, NULL);
    assert_true(exporting_process_cut(process, 1, &counters));
    assert_int_equal(counters.records[0], 30);
    assert_int_equal(counters.old_records[0], 15);
    assert_int_equal(counters.old_records[1], 7);
    assert_int_equal(counters.old_exported[0].packets, 15 * 5);
    assert_int_equal(counters.destination[0].records, 52);
    push(before[1], 1);
    assert_false(exporting_process_has_emptied(process));
    exporting_process_step(process, 4, export_ns, NULL);
    assert_true(exporting_process_has_emptied(process));
    exporting_process_drop_rings(process, &counters);
    assert_int_equal(counters.old_records[1], 8);
    exporting_process_counters(process, &counters);
    assert_int_equal(counters.old_records[1], 0);
    assert_int_equal(counters.records_before, 23);
    assert_int_equal(counters.records[0], 30);
    exporting_process_destroy(process);
    record_ring_destroy(before[0]);
    record_ring_destroy(before[1]);
    record_ring_destroy(after[0]);
    free(fake);
}

/* A queue that is half full keeps old records waiting, a few seconds long; not the others. */
static void old_rings_wait_for_queues(void **state)
{
    (void)state;
    const uint64_t second_ns = 1000000000;
    static struct exporter_counters counters;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.queue_octets_max = 1 << 16;
    config.offline = false;
    struct record_ring *before[1] = {fake_ring(16384)}, *after[1] = {fake_ring(16384)};
    struct exporting_process *process = fake_process(&config, before, 1, fake);
    fake->answer = TRANSPORT_AGAIN;
    fake->take = 0;
    exporting_process_step(process, 1, export_ns, NULL);
    exporting_process_exchange_rings(process, after, 1);
    push(before[0], 3000);
    push(after[0], 10);
    for (unsigned i = 0; i < 50; i++)
        exporting_process_step(process, second_ns + i, export_ns, NULL);
    exporting_process_counters(process, &counters);
    assert_false(exporting_process_has_emptied(process));
    assert_int_equal(counters.destination[0].lost[DESTINATION_LOST_QUEUE_FULL], 0);
    assert_int_equal(counters.records[0], 10);
    for (unsigned i = 0; i < 50; i++)
        exporting_process_step(process, 7 * second_ns + i, export_ns, NULL);
    assert_true(exporting_process_has_emptied(process));
    exporting_process_counters(process, &counters);
    assert_int_equal(counters.old_records[0], 3000);
    assert_int_equal(counters.destination[0].records, 3010);
    assert_true(counters.destination[0].lost[DESTINATION_LOST_QUEUE_FULL] > 0);
    exporting_process_destroy(process);
    record_ring_destroy(before[0]);
    record_ring_destroy(after[0]);
    free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_are_exchanged),
        cmocka_unit_test(old_rings_wait_for_queues),
        cmocka_unit_test(a_cut_is_consistent_over_all_rings),
        cmocka_unit_test(cuts_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
