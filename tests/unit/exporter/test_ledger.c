/*
 * Skipping any one counter of the exporting process unbalances its account. Built against the
 * library with switchable counters.
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

enum { RECORDS = 400 };
static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

/* The identities that hold between what was pushed and what is counted. */
static bool balanced(const struct exporter_counters *counters)
{
    const struct destination_counters *d = &counters->destination[0];
    uint64_t sum = d->sent + d->queued + d->spooled;
    for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
        sum += d->lost[reason];
    return counters->exported[0].packets == 5 * RECORDS &&
           counters->exported[0].octets == 5000000300 * RECORDS &&
           counters->records[0] == RECORDS && d->records == RECORDS && sum == RECORDS;
}

struct scene {
    enum transport_status answer;
    uint64_t take, back_after; /* messages taken; steps after which all is taken again */
    bool offline, abandon, merge;
    uint32_t queue_octets;
    uint64_t end_ns; /* end of the records, 0 = as described */
    uint64_t jump_ns;
};

/* Plays SCENE with the counter at offset SKIP of the account skipped (none if SIZE_MAX). */
static bool play(const struct scene *scene, size_t skip, struct exporter_counters *counters)
{
    struct exporting_process_config config;
    struct flow_description flow;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.offline = scene->offline;
    config.queue_octets_max = scene->queue_octets;
    config.destinations[0].client_port_records = scene->merge;
    config.destinations[0].client_port_window_s = 3600;
    struct record_ring *ring = fake_ring(4096);
    struct exporting_process *process = fake_process(&config, &ring, 1, fake);
    fake->answer = scene->answer;
    fake->take = scene->take;
    if (skip != SIZE_MAX)
        ledger_fault = (const char *)exporting_process_account(process) + skip;
    describe_simple(&flow);
    flow.direction[0].last_ns = scene->end_ns ? scene->end_ns : flow.direction[0].last_ns;
    for (unsigned i = 0; i < RECORDS; i++)
        assert_int_equal(record_push(ring, &flow), 0);
    for (uint64_t step = 1; step <= 20; step++) {
        if (step == scene->back_after)
            fake->take = UINT64_MAX;
        exporting_process_step(process, step * (1 + scene->jump_ns), export_ns, NULL);
    }
    if (scene->abandon)
        exporting_process_abandon(process);
    exporting_process_counters(process, counters);
    ledger_fault = NULL;
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    free(fake);
    return balanced(counters);
}

#define LOST(reason) offsetof(struct exporter_counters, destination[0].lost[reason])

/* SCENE balances, uses the counter at OFFSET, and does not balance without it. */
static void check_counter(const struct scene *scene, size_t offset)
{
    static struct exporter_counters counters;
    uint64_t value;
    assert_true(play(scene, SIZE_MAX, &counters));
    memcpy(&value, (const char *)&counters + offset, sizeof value);
    assert_true(value > 0);
    assert_false(play(scene, offset, &counters));
}

static const struct scene good = {.take = UINT64_MAX, .offline = true, .queue_octets = 1 << 20};

static void counters_of_a_good_run(void **state)
{
    (void)state;
    check_counter(&good, offsetof(struct exporter_counters, exported[0]));
    check_counter(&good, offsetof(struct exporter_counters, records[0]));
    check_counter(&good, offsetof(struct exporter_counters, destination[0].records));
    check_counter(&good, offsetof(struct exporter_counters, destination[0].sent));
    struct scene waiting = good;
    waiting.answer = TRANSPORT_AGAIN;
    waiting.take = 3;
    check_counter(&waiting, offsetof(struct exporter_counters, destination[0].queued));
}

static void counters_of_losses(void **state)
{
    (void)state;
    struct scene scene = good;
    scene.answer = TRANSPORT_REFUSED;
    scene.take = 5;
    check_counter(&scene, LOST(DESTINATION_LOST_REFUSED));
    scene.answer = TRANSPORT_FAILED;
    check_counter(&scene, LOST(DESTINATION_LOST_SEND_FAILED));
    scene.answer = TRANSPORT_BROKEN;
    check_counter(&scene, LOST(DESTINATION_LOST_WRITE_FAILED));
    scene.answer = TRANSPORT_AGAIN;
    scene.jump_ns = 2000000000;
    check_counter(&scene, LOST(DESTINATION_LOST_NO_PROGRESS));
    scene.jump_ns = 0;
    scene.abandon = true;
    check_counter(&scene, LOST(DESTINATION_LOST_SHUTDOWN));
    scene.abandon = false;
    scene.offline = false;
    scene.queue_octets = 20000;
    check_counter(&scene, LOST(DESTINATION_LOST_QUEUE_FULL));
    scene = good;
    scene.end_ns = UINT64_MAX / 2;
    check_counter(&scene, LOST(DESTINATION_LOST_NOT_REPRESENTABLE));
}

/* Records that became one are counted each, wherever they are. */
static void counters_of_merged_records(void **state)
{
    (void)state;
    struct scene scene = good;
    scene.merge = true;
    check_counter(&scene, offsetof(struct exporter_counters, destination[0].records));
    check_counter(&scene, offsetof(struct exporter_counters, destination[0].queued));
    scene.abandon = true;
    check_counter(&scene, LOST(DESTINATION_LOST_SHUTDOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_of_a_good_run),
        cmocka_unit_test(counters_of_losses),
        cmocka_unit_test(counters_of_merged_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
