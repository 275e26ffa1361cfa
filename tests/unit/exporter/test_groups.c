/*
 * Groups of destinations: who gets a record while all is well, while a member is away, and when it
 * is back. The members' transports are fakes, time is virtual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "record_builder.h"

enum { MEMBERS = 3, HOLD_S = 10 };
static const uint64_t second_ns = 1000000000u;

struct bench {
    struct exporting_process_config config;
    struct record_ring *ring;
    struct fake_transport *fakes[MEMBERS + 1]; /* the last belongs to a destination without group */
    struct exporting_process *process;
    uint64_t now_ns;
    uint64_t before[MEMBERS + 1]; /* records at the last look */
    uint64_t pushed;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->config.offline = false;
    bench->config.template_refresh_s = 60;
    bench->config.group_count = 1;
    bench->config.groups[0].hold_s = HOLD_S;
    snprintf(bench->config.groups[0].name, sizeof bench->config.groups[0].name, "pair");
    bench->config.destination_count = MEMBERS + 1;
    for (unsigned i = 0; i <= MEMBERS; i++) {
        struct destination_config *d = &bench->config.destinations[i];
        *d = bench->config.destinations[0];
        snprintf(d->name, sizeof d->name, "member%u", i);
        d->domain = i + 1;
        d->group = i < MEMBERS;
        bench->fakes[i] = fake_transport_new();
    }
    bench->ring = fake_ring(1 << 14);
    bench->now_ns = second_ns;
    *state = bench;
    return 0;
}

static void start(struct bench *bench, enum export_mode mode)
{
    bench->config.groups[0].mode = mode;
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    for (unsigned i = 0; i <= MEMBERS; i++)
        exporting_process_set_transport(bench->process, i, fake_transport_as(bench->fakes[i]));
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    exporting_process_destroy(bench->process);
    record_ring_destroy(bench->ring);
    for (unsigned i = 0; i <= MEMBERS; i++)
        free(bench->fakes[i]);
    free(bench);
    return 0;
}

/* Lets time pass in steps of a tenth of a second. */
static void pass(struct bench *bench, unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        bench->now_ns += second_ns / 10;
        for (unsigned member = 0; member <= MEMBERS; member++)
            bench->fakes[member]->now_ns = bench->now_ns;
        exporting_process_step(bench->process, bench->now_ns,
                               SIMPLE_SECOND * second_ns + bench->now_ns, NULL);
    }
}

static void take_account(const struct bench *bench, struct exporter_counters *counters)
{
    exporting_process_counters(bench->process, counters);
    for (unsigned i = 0; i <= MEMBERS; i++) {
        const struct destination_counters *d = &counters->destination[i];
        uint64_t sum = d->sent + d->queued;
        for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
            sum += d->lost[reason];
        assert_int_equal(d->records, sum);
    }
    assert_int_equal(counters->destination[MEMBERS].records, bench->pushed);
    assert_int_equal(counters->destination[0].records + counters->destination[1].records +
                         counters->destination[2].records,
                     bench->pushed);
}

/* Pushes the flow NUMBER and returns which member got it. */
static unsigned taker(struct bench *bench, unsigned number)
{
    static struct exporter_counters before, after;
    struct flow_description flow;
    describe_simple(&flow);
    flow.source_port = (uint16_t)(1000 + number);
    take_account(bench, &before);
    assert_int_equal(record_push(bench->ring, &flow), 0);
    bench->pushed++;
    exporting_process_step(bench->process, bench->now_ns, SIMPLE_SECOND * second_ns + bench->now_ns,
                           NULL);
    take_account(bench, &after);
    for (unsigned i = 0; i < MEMBERS; i++)
        if (after.destination[i].records != before.destination[i].records)
            return i;
    fail();
    return MEMBERS;
}

static void fallback_and_back(void **state)
{
    struct bench *bench = *state;
    start(bench, EXPORT_FALLBACK);
    assert_int_equal(taker(bench, 1), 0);
    /* The host of the first member refuses: the message that met it is lost, others go on. */
    bench->fakes[0]->take = 0;
    bench->fakes[0]->answer = TRANSPORT_REFUSED;
    pass(bench, 2);
    assert_int_equal(taker(bench, 2), 1);
    const char *line = exporting_process_next_problem(bench->process);
    while (line && !strstr(line, "group pair: member0 is away"))
        line = exporting_process_next_problem(bench->process);
    assert_non_null(line);
    pass(bench, 3 * HOLD_S); /* templates are refused each second: it stays away */
    assert_int_equal(taker(bench, 3), 1);
    bench->fakes[1]->take = 0;
    bench->fakes[1]->answer = TRANSPORT_REFUSED;
    pass(bench, 2);
    assert_int_equal(taker(bench, 4), 2);
    /* It is back, and gets records when the hold time is over. */
    bench->fakes[0]->take = UINT64_MAX;
    pass(bench, HOLD_S - 2);
    assert_int_equal(taker(bench, 5), 2);
    pass(bench, 4);
    assert_int_equal(taker(bench, 6), 0);
    line = NULL; /* a line that nobody has read delays the next one by a step */
    for (unsigned tries = 0; tries < 9 && !(line && strstr(line, "member0 is back")); tries++) {
        line = exporting_process_next_problem(bench->process);
        exporting_process_step(bench->process, bench->now_ns, SIMPLE_SECOND * second_ns, NULL);
    }
    assert_non_null(line);
}

/* A session that the transport itself replaces is no trouble, unless that fails. */
static void a_new_session_is_no_trouble(void **state)
{
    struct bench *bench = *state;
    bench->fakes[0]->with_sessions = true;
    bench->fakes[0]->session.number = 1;
    start(bench, EXPORT_FALLBACK);
    pass(bench, 2);
    assert_int_equal(taker(bench, 1), 0);
    bench->fakes[0]->session.number = 0;
    bench->fakes[0]->session.renewing = true;
    pass(bench, 2);
    assert_int_equal(taker(bench, 2), 0);
    bench->fakes[0]->session.renewing = false;
    pass(bench, 1);
    assert_int_equal(taker(bench, 3), 1);
}

static void a_broken_member_is_gone(void **state)
{
    struct bench *bench = *state;
    start(bench, EXPORT_FALLBACK);
    bench->fakes[0]->take = 0;
    bench->fakes[0]->answer = TRANSPORT_BROKEN;
    pass(bench, 2); /* its templates could not be written */
    assert_int_equal(taker(bench, 1), 1);
    pass(bench, 3 * HOLD_S);
    assert_int_equal(taker(bench, 2), 1);
}

/* A member that takes nothing fills its queue; then the next one gets the records, and what waits
 * for the first stays its own. */
static void a_full_queue_falls_back(void **state)
{
    struct bench *bench = *state;
    bench->config.queue_octets_max = 1 << 16;
    start(bench, EXPORT_FALLBACK);
    bench->fakes[0]->take = 0;
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    unsigned flow = 0;
    while (taker(bench, flow % 1000) == 0)
        assert_true(++flow < 10000);
    assert_true(flow > 100);
    static struct exporter_counters counters;
    take_account(bench, &counters);
    assert_int_equal(counters.destination[0].queued, flow);
    assert_int_equal(counters.destination[0].lost[DESTINATION_LOST_QUEUE_FULL], 0);
    bench->fakes[0]->take = UINT64_MAX;
    pass(bench, HOLD_S + 2);
    assert_int_equal(taker(bench, 1), 0);
}

enum { FLOWS = 600 };

static void note_takers(struct bench *bench, unsigned takers[FLOWS], unsigned shares[MEMBERS])
{
    memset(shares, 0, MEMBERS * sizeof shares[0]);
    for (unsigned i = 0; i < FLOWS; i++)
        shares[takers[i] = taker(bench, i)]++;
}

static void balance_moves_only_the_share_of_who_is_away(void **state)
{
    struct bench *bench = *state;
    unsigned first[FLOWS], again[FLOWS], without[FLOWS], shares[MEMBERS];
    start(bench, EXPORT_BALANCE);
    note_takers(bench, first, shares);
    for (unsigned i = 0; i < MEMBERS; i++)
        assert_in_range(shares[i], FLOWS / 5, FLOWS / 2);
    note_takers(bench, again, shares);
    assert_memory_equal(first, again, sizeof first);
    bench->fakes[1]->take = 0;
    bench->fakes[1]->answer = TRANSPORT_REFUSED;
    pass(bench, 2);
    note_takers(bench, without, shares);
    for (unsigned i = 0; i < FLOWS; i++) {
        assert_int_not_equal(without[i], 1);
        if (first[i] != 1)
            assert_int_equal(without[i], first[i]);
    }
    assert_true(shares[0] > FLOWS / 3 && shares[2] > FLOWS / 3);
    bench->fakes[1]->take = UINT64_MAX;
    pass(bench, HOLD_S + 2);
    note_takers(bench, again, shares);
    assert_memory_equal(first, again, sizeof first);
}

/* What happens to one member changes no number of a destination that stands alone, no octet that
 * it sends, and not the time of one of its messages. */
static void others_notice_nothing(void **state)
{
    struct bench *bench = *state;
    struct fake_transport *alone = bench->fakes[MEMBERS], *before = fake_transport_new();
    static struct exporter_counters calm, trouble;
    for (unsigned round = 0; round < 2; round++) {
        start(bench, EXPORT_BALANCE);
        alone->message_count = 0;
        alone->now_ns = 0;
        bench->now_ns = second_ns;
        bench->pushed = 0;
        for (unsigned i = 0; i < 200; i++) {
            if (round == 1 && i == 50) {
                bench->fakes[0]->take = 0;
                bench->fakes[0]->answer = TRANSPORT_REFUSED;
                bench->fakes[1]->take = 0;
                bench->fakes[1]->answer = TRANSPORT_BROKEN;
                bench->fakes[2]->take = 0;
                bench->fakes[2]->answer = TRANSPORT_AGAIN;
            }
            taker(bench, i);
            if (i % 20 == 0)
                pass(bench, 1);
        }
        pass(bench, 3);
        take_account(bench, round ? &trouble : &calm);
        if (round == 0) {
            exporting_process_destroy(bench->process);
            memcpy(before, alone, sizeof *before);
        }
    }
    assert_true(before->message_count > 10);
    assert_int_equal(alone->message_count, before->message_count);
    assert_memory_equal(alone->times_ns, before->times_ns,
                        before->message_count * sizeof before->times_ns[0]);
    assert_memory_equal(alone->octets, before->octets, before->offsets[before->message_count]);
    free(before);
    assert_memory_equal(&calm.destination[MEMBERS], &trouble.destination[MEMBERS],
                        sizeof calm.destination[0]);
    assert_true(trouble.destination[0].lost[DESTINATION_LOST_REFUSED] > 0);
}

/* Without room anywhere the first choice loses the record; when all are broken, the first one. */
static void when_nobody_is_there(void **state)
{
    struct bench *bench = *state;
    start(bench, EXPORT_FALLBACK);
    for (unsigned i = 0; i < MEMBERS; i++) {
        bench->fakes[i]->take = 0;
        bench->fakes[i]->answer = TRANSPORT_BROKEN;
    }
    pass(bench, 2);
    assert_int_equal(taker(bench, 1), 0);
    static struct exporter_counters counters;
    take_account(bench, &counters);
    assert_int_equal(counters.destination[0].lost[DESTINATION_LOST_WRITE_FAILED], 1);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(fallback_and_back),
        BENCH_TEST(a_new_session_is_no_trouble),
        BENCH_TEST(a_broken_member_is_gone),
        BENCH_TEST(a_full_queue_falls_back),
        BENCH_TEST(balance_moves_only_the_share_of_who_is_away),
        BENCH_TEST(others_notice_nothing),
        BENCH_TEST(when_nobody_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
