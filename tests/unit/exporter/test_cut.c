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
    flow.direction[0].port = flow.direction[1].port = 0;
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

/* How many data records of all messages tell the interface WANTED; the first template has it
 * first, and eight octets behind it. */
static uint32_t count_interface(const struct fake_transport *fake, uint32_t wanted)
{
    uint32_t id = 0, octets, length, found = 0;
    for (uint32_t i = 0; i < fake->message_count; i++) {
        const uint8_t *message = fake_message(fake, i, &octets);
        for (const uint8_t *set = message + 16; set < message + octets; set += length) {
            length = get16(set + 2);
            if (get16(set) == 2 && !id)
                id = get16(set + 4);
            for (uint32_t at = 4; id && get16(set) == id && at + 12 <= length; at += 12)
                found += get32(set + at) == wanted;
        }
    }
    return found;
}

static void pass(struct exporting_process *process, uint64_t *now_ns)
{
    for (unsigned i = 0; i < 60; i++) {
        *now_ns += 100000000;
        exporting_process_step(process, *now_ns, export_ns, NULL);
    }
}

static struct exporting_process_change *prepare(struct exporting_process *process,
                                                const struct exporting_process_config *config)
{
    struct error error = {""};
    struct exporting_process_change *change =
        exporting_process_prepare_change(process, config, &error);
    if (!change)
        fail_msg("%s", error.text);
    return change;
}

/* Records of old rings have the interfaces of before, whether the process learns of the others
 * before or after the rings, and so do those that wait to become one with others (MERGED). */
static void old_records_keep_interfaces(bool names_first, bool merged)
{
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    struct record_ring *before[1] = {fake_ring(1024)}, *after[1] = {fake_ring(1024)};
    uint64_t now_ns = 1;
    fake_config(&config);
    config.offline = false;
    config.destinations[0].profile = PROFILE_ELEMENTS;
    config.destinations[0].element_count = 2;
    config.destinations[0].elements[0] = ELEMENT_INGRESS_INTERFACE;
    config.destinations[0].elements[1] = ELEMENT_FLOW_ID;
    config.destinations[0].client_port_records = merged ? 100 : 0;
    config.destinations[0].client_port_window_s = merged ? 2 : 0;
    config.interface_count = 1;
    config.interfaces[0].ifindex = 700;
    struct exporting_process *process = fake_process(&config, before, 1, fake);
    push(before[0], 3);
    exporting_process_step(process, ++now_ns, export_ns, NULL);
    config.interfaces[0].ifindex = 701;
    config.exchanges = true;
    struct exporting_process_change *change = prepare(process, &config);
    if (names_first) {
        exporting_process_submit_change(process, change);
        exporting_process_step(process, ++now_ns, export_ns, NULL);
        assert_true(exporting_process_change_taken(process));
    }
    push(before[0], 2);
    exporting_process_exchange_rings(process, after, 1);
    if (!names_first)
        exporting_process_submit_change(process, change);
    push(before[0], 4);
    if (!merged)
        push(after[0], 6);
    pass(process, &now_ns);
    exporting_process_drop_rings(process, NULL);
    assert_true(exporting_process_change_taken(process));
    uint32_t old = merged ? 2 : 2 * 9;
    assert_int_equal(count_interface(fake, 700), old);
    assert_int_equal(count_interface(fake, 701), merged ? 0 : 2 * 6);
    config.template_refresh_s = 1; /* another change, without an exchange */
    config.exchanges = false;
    exporting_process_submit_change(process, prepare(process, &config));
    push(after[0], 1);
    pass(process, &now_ns);
    assert_true(exporting_process_change_taken(process));
    assert_int_equal(count_interface(fake, 700), old);
    assert_int_equal(count_interface(fake, 701), merged ? 2 : 2 * 7);
    exporting_process_destroy(process);
    record_ring_destroy(before[0]);
    record_ring_destroy(after[0]);
    free(fake);
}

static void interfaces_stay_with_their_records(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        old_records_keep_interfaces(i & 1, i & 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_are_exchanged),
        cmocka_unit_test(old_rings_wait_for_queues),
        cmocka_unit_test(interfaces_stay_with_their_records),
        cmocka_unit_test(a_cut_is_consistent_over_all_rings),
        cmocka_unit_test(cuts_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
