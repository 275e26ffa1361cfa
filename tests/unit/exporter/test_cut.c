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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_consistent_over_all_rings),
        cmocka_unit_test(cuts_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
