/*
 * sysUptime of NetFlow v5 (v9 has the same code): it never passes 2^32, is never negative, and each
 * record's times can be had from the header of its own message, whatever the clock does. Virtual
 * time.
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

enum { HEADER = 24, RECORD = 48, FIRST_AT = 24, LAST_AT = 28, DAY_S = 86400 };
static const uint64_t second_ns = 1000000000u;

struct bench {
    struct fake_transport *fake;
    struct record_ring *ring;
    struct exporting_process *process;
    uint64_t now_ns;
    uint64_t seen; /* flow records read so far */
    uint32_t read; /* messages */
};

static void start(struct bench *bench, bool offline)
{
    struct exporting_process_config config;
    memset(bench, 0, sizeof *bench);
    fake_config(&config);
    config.offline = offline;
    config.destinations[0].version = 5;
    config.destinations[0].profile = PROFILE_V5;
    bench->fake = fake_transport_new();
    bench->ring = fake_ring(1 << 12);
    bench->process = fake_process(&config, &bench->ring, 1, bench->fake);
    bench->now_ns = second_ns;
}

static void stop(struct bench *bench)
{
    exporting_process_destroy(bench->process);
    record_ring_destroy(bench->ring);
    free(bench->fake);
}

/* A flow of one direction that lasted half a second; its port tells when: seconds mod 50000. */
static void push(struct bench *bench, uint64_t second)
{
    struct flow_description flow;
    describe_simple(&flow);
    flow.source_port = (uint16_t)(second % 50000);
    flow.direction[0].first_ns = second * second_ns;
    flow.direction[0].last_ns = second * second_ns + second_ns / 2;
    flow.direction[1].packets = 0;
    assert_int_equal(record_push(bench->ring, &flow), 0);
}

/* Lets two seconds pass, with the wall clock at SECOND. */
static void step(struct bench *bench, uint64_t second)
{
    for (unsigned i = 0; i < 20; i++) {
        bench->now_ns += second_ns / 10;
        exporting_process_step(bench->process, bench->now_ns, second * second_ns, NULL);
    }
}

/* Reads the messages that came since the last look. */
static void look(struct bench *bench, bool bounded)
{
    for (; bench->read < bench->fake->message_count; bench->read++) {
        uint32_t octets;
        const uint8_t *message = fake_message(bench->fake, bench->read, &octets);
        uint64_t boot_ms = get32(message + 8) * 1000ull - get32(message + 4);
        for (uint32_t at = HEADER; at < octets; at += RECORD) {
            uint64_t first_ms = boot_ms + get32(message + at + FIRST_AT);
            uint64_t last_ms = boot_ms + get32(message + at + LAST_AT);
            assert_int_equal(last_ms, first_ms + 500);
            assert_int_equal(first_ms / 1000 % 50000, get16(message + at + 32));
            if (bounded) /* no wrap anywhere: the end is not after the export */
                assert_true(get32(message + at + LAST_AT) <= get32(message + 4));
            bench->seen++;
        }
    }
}

static void check_account(const struct bench *bench, uint64_t sent, uint64_t lost)
{
    static struct exporter_counters counters;
    exporting_process_counters(bench->process, &counters);
    const struct destination_counters *d = &counters.destination[0];
    assert_int_equal(d->sent, sent);
    assert_int_equal(d->lost[DESTINATION_LOST_NOT_REPRESENTABLE], lost);
    assert_int_equal(d->records, sent + lost + d->queued);
    assert_int_equal(bench->seen, sent);
}

static void uptime_begins_anew_before_it_passes_2_to_32(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, false);
    uint64_t now = SIMPLE_SECOND, pushed = 0;
    for (unsigned day = 0; day < 120; day++, now += DAY_S) {
        step(&bench, now);
        push(&bench, now - 60); /* as long as the active timeout */
        push(&bench, now - 1);
        pushed += 2;
        step(&bench, now);
        look(&bench, true);
    }
    check_account(&bench, pushed, 0);
    stop(&bench);
}

static void the_clock_may_step(void **state)
{
    (void)state;
    static const int64_t steps[] = {0, -7200, 3600, 3 * DAY_S, 45 * DAY_S, -48 * DAY_S, 1};
    struct bench bench;
    start(&bench, false);
    uint64_t now = SIMPLE_SECOND, pushed = 0;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        push(&bench, now - 1); /* cut by the step, told after it */
        now = (uint64_t)((int64_t)now + steps[i]);
        step(&bench, now);
        push(&bench, now - 1);
        step(&bench, now);
        pushed += 2;
        look(&bench, true);
    }
    check_account(&bench, pushed, 0);
    /* A flow and an export time that are 49.7 days apart cannot be in one message. */
    push(&bench, now - 50 * DAY_S);
    step(&bench, now);
    check_account(&bench, pushed, 1);
    stop(&bench);
}

/* The first record of several workers, or of a file that is not in order, is not the oldest. */
static void an_older_record_is_told(void **state)
{
    (void)state;
    struct bench bench;
    start(&bench, true);
    push(&bench, SIMPLE_SECOND);
    push(&bench, SIMPLE_SECOND - 20);
    push(&bench, SIMPLE_SECOND - 10000);
    push(&bench, SIMPLE_SECOND + 1);
    while (!exporting_process_drain(bench.process, bench.now_ns += second_ns,
                                    (SIMPLE_SECOND + 2) * second_ns, NULL))
        continue;
    look(&bench, true);
    check_account(&bench, 4, 0);
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uptime_begins_anew_before_it_passes_2_to_32),
        cmocka_unit_test(the_clock_may_step),
        cmocka_unit_test(an_older_record_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
