/*
 * The bench of change_bench.h.
 */
#include "change_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t second_ns = 1000000000u;

int change_bench_set_up(void **state)
{
    struct change_bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->config.offline = false;
    for (unsigned i = 0; i < 2; i++) {
        struct destination_config *d = &bench->config.destinations[i];
        *d = bench->config.destinations[0];
        snprintf(d->name, sizeof d->name, "collector %u", i);
        d->port = (uint16_t)(20 + i);
        d->domain = i + 1;
    }
    for (unsigned i = 0; i < BENCH_FAKES; i++)
        bench->fakes[i] = fake_transport_new();
    bench->ring = fake_ring(1 << 14);
    bench->now_ns = second_ns;
    *state = bench;
    return 0;
}

int change_bench_tear_down(void **state)
{
    struct change_bench *bench = *state;
    exporting_process_destroy(bench->process);
    for (unsigned i = 0; i < BENCH_FAKES; i++) {
        assert_true(bench->fakes[i]->closed || i >= bench->fakes_used || i == 1);
        free(bench->fakes[i]);
    }
    record_ring_destroy(bench->ring);
    free(bench);
    return 0;
}

void change_bench_start(struct change_bench *bench, uint32_t count)
{
    bench->config.destination_count = count;
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    for (uint32_t i = 0; i < count; i++)
        exporting_process_set_transport(bench->process, i, fake_transport_as(bench->fakes[i]));
    bench->fakes_used = 2;
}

void change_bench_sessions(struct change_bench *bench, uint32_t count)
{
    for (unsigned i = 0; i < BENCH_FAKES; i++)
        bench->fakes[i]->with_sessions = bench->fakes[i]->confirms = true;
    for (unsigned i = 0; i < 2; i++)
        bench->config.destinations[i].kind = DESTINATION_TCP;
    change_bench_start(bench, count);
}

static void step(struct change_bench *bench)
{
    exporting_process_step(bench->process, bench->now_ns, SIMPLE_SECOND * second_ns + bench->now_ns,
                           NULL);
}

void change_bench_fill_ring(struct change_bench *bench, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++, bench->pushed++)
        assert_int_equal(record_push(bench->ring, &flow), 0);
}

void change_bench_push(struct change_bench *bench, uint32_t count)
{
    change_bench_fill_ring(bench, count);
    step(bench);
}

void change_bench_pass(struct change_bench *bench, unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        bench->now_ns += second_ns / 10;
        step(bench);
    }
}

bool change_bench_change(struct change_bench *bench)
{
    struct error error = {""};
    struct exporting_process_change *change =
        exporting_process_prepare_change(bench->process, &bench->config, &error);
    if (!change) {
        print_message("%s\n", error.text);
        return false;
    }
    bench->opened = 0;
    for (uint32_t i = 0; i < bench->config.destination_count && !bench->real; i++) {
        /* A new "collector 1" has the fake that is kept for it, as long as it is not used. */
        bool second = strcmp(bench->config.destinations[i].name, "collector 1") == 0;
        bool kept = second && bench->fakes[1]->message_count == 0 && !bench->fakes[1]->closed;
        struct fake_transport *fake = bench->fakes[kept ? 1 : bench->fakes_used];
        if (!exporting_process_change_set_transport(change, i, fake_transport_as(fake)))
            continue;
        bench->opened++;
        bench->fakes_used += !kept;
        assert_true(bench->fakes_used < BENCH_FAKES);
    }
    exporting_process_submit_change(bench->process, change);
    assert_false(exporting_process_change_taken(bench->process));
    step(bench);
    assert_true(exporting_process_change_taken(bench->process));
    return true;
}

struct destination_counters change_bench_row(struct change_bench *bench, uint32_t row)
{
    struct exporter_counters *account = &bench->account;
    exporting_process_counters(bench->process, account);
    for (uint32_t i = 0; i < account->destination_count; i++) {
        const struct destination_counters *d = &account->destination[i];
        const struct destination_place *place = &account->place[i];
        uint64_t sum = d->sent + d->queued + d->spooled;
        for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
            sum += d->lost[reason];
        assert_int_equal(d->records, sum);
        uint64_t since = d->records - place->since_records;
        if (!place->group)
            assert_int_equal(since, place->removed ? 0 : account->records[0] - place->since_total);
    }
    assert_int_equal(account->misplaced, 0);
    return account->destination[row];
}

enum { IDS = 65536 };

static void learn(const uint8_t *at, const uint8_t *end, uint16_t *octets_of)
{
    while (end - at >= 8) {
        uint32_t id = get16(at), fields = get16(at + 2), octets = 0;
        at += 4;
        for (; fields; fields--) {
            octets += get16(at + 2);
            at += at[0] & 0x80 ? 8 : 4;
        }
        assert_true(at <= end);
        octets_of[id] = (uint16_t)octets;
    }
}

struct seen_stream change_bench_read(const struct change_bench *bench, uint32_t fake)
{
    static uint16_t octets_of[IDS];
    static bool is_options[IDS];
    struct seen_stream seen = {0};
    uint32_t next = 0;
    memset(octets_of, 0, sizeof octets_of);
    memset(is_options, 0, sizeof is_options);
    for (uint32_t i = 0; i < bench->fakes[fake]->message_count; i++) {
        uint32_t octets, counted = 0, length;
        const uint8_t *message = fake_message(bench->fakes[fake], i, &octets);
        uint32_t sequence = get32(message + 8);
        bool templates = false;
        if (i == 0)
            seen.first_sequence = sequence;
        else
            seen.gaps += sequence != next;
        for (const uint8_t *set = message + 16; set < message + octets; set += length) {
            uint32_t id = get16(set);
            length = get16(set + 2);
            if (id == 2) {
                learn(set + 4, set + length, octets_of);
                templates = true;
            } else if (id == 3) { /* of one record here */
                is_options[get16(set + 4)] = true;
            } else if (is_options[id]) {
                counted += 0;
            } else if (octets_of[id] == 0) {
                seen.unknown_sets++;
            } else {
                uint32_t records = (length - 4) / octets_of[id];
                seen.flows += records;
                counted += records;
            }
        }
        seen.template_messages += templates;
        next = sequence + counted;
    }
    return seen;
}
