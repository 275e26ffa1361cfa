/*
 * Pacing under a virtual clock: the rate, the bursts, the rule for live runs, and that a receiver
 * with the stock socket buffer could hold what arrives.
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
#include "transport/pacing.h"

static const uint64_t second_ns = 1000000000u;

/* Sends RECORDS simple records (two data records each), calling again when the process asks for
 * it but at least every STEP_NS; returns the virtual time it took. */
static uint64_t run(struct exporting_process_config *config, struct fake_transport *fake,
                    uint32_t records, uint64_t step_ns)
{
    struct record_ring *ring = fake_ring(records * 2 + 1024);
    struct exporting_process *process = fake_process(config, &ring, 1, fake);
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < records; i++)
        assert_int_equal(record_push(ring, &flow), 0);
    uint64_t now_ns = 1000 * second_ns, start_ns = now_ns, next_ns = 0;
    fake->now_ns = now_ns;
    while (!exporting_process_drain(process, now_ns, SIMPLE_SECOND * second_ns, &next_ns)) {
        uint64_t limit_ns = now_ns + step_ns;
        now_ns = next_ns > now_ns && next_ns < limit_ns ? next_ns : limit_ns;
        fake->now_ns = now_ns;
        assert_true(now_ns < start_ns + 1000 * second_ns);
    }
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    return now_ns - start_ns;
}

/* Most octets that left within any span of SPAN_NS. */
static uint64_t densest(const struct fake_transport *fake, uint64_t span_ns)
{
    uint64_t most = 0;
    for (uint32_t from = 0, to = 0; to < fake->message_count; to++) {
        while (fake->times_ns[to] - fake->times_ns[from] > span_ns)
            from++;
        uint64_t octets = fake->offsets[to + 1] - fake->offsets[from];
        most = octets > most ? octets : most;
    }
    return most;
}

static void offline_runs_at_50000_records_a_second(void **state)
{
    (void)state;
    static const uint64_t steps_ns[] = {100000, 1000000, 10000000};
    for (unsigned i = 0; i < sizeof steps_ns / sizeof steps_ns[0]; i++) {
        struct exporting_process_config config;
        struct fake_transport *fake = fake_transport_new();
        fake_config(&config);
        config.destinations[0].rate_set = false;
        config.queue_octets_max = 16 << 20;
        uint64_t taken_ns = run(&config, fake, 15000, steps_ns[i]);
        assert_in_range(taken_ns, 540 * second_ns / 1000, 720 * second_ns / 1000);
        assert_true(densest(fake, 0) <= PACING_BURST_OCTETS);
        /* Two bursts and what the pause lets in between stay below a stock buffer. */
        assert_true(densest(fake, 10000000) <= 2 * PACING_BURST_OCTETS);
        free(fake);
    }
}

static void a_given_rate_holds(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.destinations[0].rate = 1000;
    uint64_t taken_ns = run(&config, fake, 5000, 1000000);
    assert_in_range(taken_ns, 9 * second_ns, 10 * second_ns);
    free(fake);
}

static void rate_0_is_unpaced(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.queue_octets_max = 16 << 20;
    assert_true(run(&config, fake, 15000, 1) < 100);
    free(fake);
}

static void live_rate_is_twice_the_mean_of_ten_seconds(void **state)
{
    (void)state;
    struct destination_config d = {.kind = DESTINATION_UDP};
    struct pacing pacing;
    pacing_init(&pacing, &d, false);
    assert_int_equal(pacing_rate(&pacing, false), 50000);
    for (uint64_t second = 100; second < 110; second++)
        for (unsigned i = 0; i < 1000; i++)
            pacing_offered(&pacing, second * second_ns + i * 1000000, 400);
    assert_int_equal(pacing_rate(&pacing, false), 800000);
    assert_int_equal(pacing_rate(&pacing, true), 50000); /* the final flush */
    pacing_offered(&pacing, 114 * second_ns, 0);
    assert_int_equal(pacing_rate(&pacing, false), 2 * 400000 / 2);
    pacing_offered(&pacing, 200 * second_ns, 0);
    assert_int_equal(pacing_rate(&pacing, false), 50000);
    pacing_offered(&pacing, 100000 * second_ns, 10000000);
    assert_int_equal(pacing_rate(&pacing, false), 2000000);
}

static void files_are_not_paced(void **state)
{
    (void)state;
    struct destination_config d = {.kind = DESTINATION_FILE};
    struct pacing pacing;
    pacing_init(&pacing, &d, true);
    pacing_sent(&pacing, second_ns, 1000000, false);
    assert_true(pacing_is_open(&pacing, second_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offline_runs_at_50000_records_a_second),
        cmocka_unit_test(a_given_rate_holds),
        cmocka_unit_test(rate_0_is_unpaced),
        cmocka_unit_test(live_rate_is_twice_the_mean_of_ten_seconds),
        cmocka_unit_test(files_are_not_paced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
