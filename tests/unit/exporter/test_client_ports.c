/*
 * Records that differ in the client's port: which they are, what becomes of them in the table, and
 * when a destination sends them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "client_ports.h"
#include "fake_transport.h"
#include "record_builder.h"

enum { POPULATION = 3000, WINDOW_S = 60 };
static const uint64_t second_ns = 1000000000u;
static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

struct built {
    _Alignas(FLOW_LINE) uint8_t lines[FLOW_ELEMENT_LINES_MAX * FLOW_LINE];
    struct flow_record record;
    unsigned client;
};

static void build(struct built *built, const struct flow_description *flow)
{
    record_build(flow, built->lines);
    built->record = flow_record_at(built->lines);
    built->client = client_ports_side(&built->record);
}

static struct client_ports *table_of(uint32_t records)
{
    struct error error = {""};
    struct client_ports *table = client_ports_create(records, WINDOW_S * second_ns, true, &error);
    assert_non_null(table);
    return table;
}

/* ---- who the client is ---- */

static void clients(void **state)
{
    static const struct {
        uint8_t protocol;
        bool seen; /* the source opened the connection */
        uint16_t source_port, destination_port;
        char client;
    } cases[] = {{6, true, 40000, 80, 's'},      {6, true, 22, 40000, 's'},
                 {6, true, 5000, 6000, 's'},     {6, false, 40000, 80, 's'},
                 {6, false, 80, 40000, 'd'},     {17, false, 53, 1024, 'd'},
                 {17, false, 53, 53, '-'},       {17, false, 1023, 1024, 'd'},
                 {17, false, 32767, 32768, 'd'}, {17, false, 5060, 5061, '-'},
                 {17, false, 40000, 50000, '-'}, {17, false, 60000, 4500, 's'},
                 {132, false, 2905, 40000, 'd'}, {1, false, 0, 0x0800, '-'},
                 {47, false, 0, 0, '-'},         {17, false, 0, 53, '-'},
                 {6, true, 0, 80, '-'}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flow_description flow;
        struct built built;
        describe_simple(&flow);
        flow.protocol = cases[i].protocol;
        flow.initiator_seen = cases[i].seen;
        flow.source_port = cases[i].source_port;
        flow.destination_port = cases[i].destination_port;
        build(&built, &flow);
        unsigned source = (flow_state(built.record.hot) & FLOW_STATE_INITIATOR_B) != 0;
        unsigned expected = cases[i].client == 's'   ? source
                            : cases[i].client == 'd' ? source ^ 1u
                                                     : CLIENT_UNKNOWN;
        if (built.client != expected)
            fail_msg("case %u: %u", i, built.client);
        struct flow_extra extra = {.aggregate = 1};
        built.record.extra = &extra;
        assert_int_equal(client_ports_side(&built.record), CLIENT_UNKNOWN);
    }
}

/* ---- what becomes of them ---- */

/* The I-th of many records of few clients and servers. */
static void describe_crowd(struct flow_description *flow, unsigned i)
{
    record_describe(flow, i, export_ns);
    flow->protocol = i % 3 ? 6 : 17;
    flow->vlan_outer = flow->vlan_inner = 0;
    memset(flow->source, 0, sizeof flow->source);
    memset(flow->destination, 0, sizeof flow->destination);
    flow->source[3] = (uint8_t)(1 + flow->flow_id % 3);
    flow->destination[3] = (uint8_t)(2 + (flow->flow_id >> 8) % 2); /* also clients */
    flow->source_port = (uint16_t)(30000 + (flow->flow_id >> 16) % 3000);
    flow->destination_port = flow->flow_id >> 40 & 1 ? 80 : 443;
    flow->initiator_seen = flow->protocol == 6 && (flow->flow_id >> 41 & 1);
    for (unsigned d = 0; d < 2; d++) /* sums stay far from what a record can hold */
        flow->direction[d].packets &= 0xffff;
    if (flow->direction[0].packets == 0 && flow->direction[1].packets == 0)
        flow->direction[0].packets = 1;
}

static bool same_group(const struct flow_description *a, const struct flow_description *b)
{
    return a->family == b->family && a->protocol == b->protocol &&
           a->destination_port == b->destination_port && a->source[3] == b->source[3] &&
           a->destination[3] == b->destination[3];
}

/* DIRECTION of all records of a group, from the descriptions one by one. */
static struct flow_direction sum_up(const struct flow_description *crowd, unsigned first,
                                    unsigned direction, unsigned *count)
{
    struct flow_direction sum = {.first_ns = UINT64_MAX, .ttl_min = UINT8_MAX};
    *count = 0;
    for (unsigned i = 0; i < POPULATION; i++) {
        const struct flow_direction *d = &crowd[i].direction[direction];
        if (!same_group(&crowd[i], &crowd[first]) || !d->packets)
            continue;
        (*count)++;
        if (d->first_ns < sum.first_ns) {
            sum.first_ns = d->first_ns;
            sum.tos = d->tos;
            sum.initial_flags = d->initial_flags;
            sum.port = d->port;
        }
        sum.packets += d->packets;
        sum.octets += d->octets;
        sum.tcp_flags |= d->tcp_flags;
        sum.last_ns = d->last_ns > sum.last_ns ? d->last_ns : sum.last_ns;
        sum.ttl_min = d->ttl_min < sum.ttl_min ? d->ttl_min : sum.ttl_min;
        sum.ttl_max = d->ttl_max > sum.ttl_max ? d->ttl_max : sum.ttl_max;
    }
    return sum;
}

static void compare_side(const struct flow_record *got, unsigned side,
                         const struct flow_direction *want)
{
    const struct flow_hot *hot = got->hot;
    assert_int_equal(flow_packets(hot, got->cold, side), want->packets);
    assert_int_equal(flow_octets(hot, got->cold, side), want->octets);
    if (!want->packets)
        return;
    assert_int_equal(flow_tcp_flags(hot, side), want->tcp_flags);
    assert_int_equal(hot->initial_flags[side], want->initial_flags);
    assert_int_equal(got->cold->first_ns[side], want->first_ns);
    assert_int_equal(hot->last_ns[side], want->last_ns);
    assert_int_equal(hot->tos[side], want->tos);
    assert_int_equal(hot->ttl_min[side], want->ttl_min);
    assert_int_equal(hot->ttl_max[side], want->ttl_max);
    assert_int_equal(got->cold->port[side], want->port);
}

static void compare_group(const struct flow_description *crowd, unsigned first,
                          const struct merged_record *merged)
{
    const struct flow_record *got = &merged->record;
    unsigned client = (flow_state(got->hot) & FLOW_STATE_INITIATOR_B) != 0, counts[2], all = 0;
    for (unsigned direction = 0; direction < 2; direction++) {
        struct flow_direction want = sum_up(crowd, first, direction, &counts[direction]);
        compare_side(got, client ^ direction, &want);
        assert_int_equal(got->merged_side[client ^ direction], counts[direction]);
    }
    for (unsigned i = 0; i < POPULATION; i++)
        all += same_group(&crowd[i], &crowd[first]);
    assert_int_equal(merged->records, all);
    assert_int_equal(got->merged, all);
    const struct flow_key_head *key = &got->hot->key;
    assert_int_equal(client ? key->port_b : key->port_a, 0);
    assert_int_equal(ntohs(client ? key->port_a : key->port_b), crowd[first].destination_port);
}

/* A table that is large enough holds, for each group, exactly what the records say one by one. */
static void sums_are_exact(void **state)
{
    struct flow_description *crowd = calloc(POPULATION, sizeof *crowd);
    struct client_ports *table = table_of(POPULATION);
    unsigned groups = 0;
    (void)state;
    assert_non_null(crowd);
    for (unsigned i = 0; i < POPULATION; i++) {
        struct built built;
        describe_crowd(&crowd[i], i);
        build(&built, &crowd[i]);
        assert_int_not_equal(built.client, CLIENT_UNKNOWN);
        assert_null(client_ports_add(table, &built.record, built.client, 0));
    }
    assert_int_equal(client_ports_walk(table), POPULATION);
    for (unsigned i = 0; i < POPULATION; i++) { /* groups left in the order of their first record */
        unsigned first = 0;
        while (!same_group(&crowd[first], &crowd[i]))
            first++;
        if (first < i)
            continue;
        const struct merged_record *merged = client_ports_oldest(table);
        assert_non_null(merged);
        compare_group(crowd, i, merged);
        client_ports_remove(table, merged);
        groups++;
    }
    assert_int_equal(groups, 3 * 2 * 2 * 2 * 2);
    assert_null(client_ports_oldest(table));
    assert_int_equal(client_ports_walk(table), 0);
    client_ports_destroy(table);
    free(crowd);
}

/* In tables of any size nothing gets lost, and no more wait than there is room for. */
static void small_tables(void **state)
{
    (void)state;
    for (unsigned size = 1; size < 40; size++) {
        struct client_ports *table = table_of(size);
        uint64_t in[3] = {0}, out[3] = {0};
        for (unsigned i = 0; i < POPULATION / 4; i++) {
            struct flow_description flow;
            struct built built;
            const struct merged_record *leaving;
            describe_crowd(&flow, i);
            build(&built, &flow);
            while ((leaving = client_ports_add(table, &built.record, built.client, i))) {
                out[0] += leaving->records;
                out[1] += leaving->packets;
                out[2] += leaving->octets;
                client_ports_remove(table, leaving);
            }
            in[0]++;
            in[1] += flow.direction[0].packets + flow.direction[1].packets;
            in[2] += flow.direction[0].octets * (flow.direction[0].packets != 0) +
                     flow.direction[1].octets * (flow.direction[1].packets != 0);
            assert_int_equal(out[0] + client_ports_walk(table), in[0]);
        }
        for (const struct merged_record *it; (it = client_ports_oldest(table));) {
            assert_true(client_ports_due_ns(table) <= POPULATION / 4 + WINDOW_S * second_ns);
            out[0] += it->records;
            out[1] += it->packets;
            out[2] += it->octets;
            client_ports_remove(table, it);
        }
        assert_memory_equal(in, out, sizeof in);
        client_ports_destroy(table);
    }
}

/* What the counters of a record cannot hold is not added: the others leave first. */
static void full_counters(void **state)
{
    struct client_ports *table = table_of(4);
    struct flow_description flow;
    struct built built;
    (void)state;
    describe_simple(&flow);
    flow.direction[0].octets = 1ull << 54;
    build(&built, &flow);
    assert_null(client_ports_add(table, &built.record, built.client, 0));
    assert_ptr_equal(client_ports_add(table, &built.record, built.client, 0),
                     client_ports_oldest(table));
    assert_int_equal(client_ports_oldest(table)->octets, (1ull << 54) + flow.direction[1].octets);
    client_ports_remove(table, client_ports_oldest(table));
    assert_null(client_ports_add(table, &built.record, built.client, 0));
    client_ports_destroy(table);
}

/* What is said of the whole was said of each. */
static void marks(void **state)
{
    struct client_ports *table = table_of(4);
    struct flow_description flow;
    struct built built;
    (void)state;
    describe_simple(&flow);
    flow.continued = 1;
    build(&built, &flow);
    assert_null(client_ports_add(table, &built.record, built.client, 0));
    const struct flow_cold *cold = client_ports_oldest(table)->record.cold;
    assert_true(cold->marks & FLOW_MARK_INITIATOR_SEEN && cold->marks & FLOW_MARK_CONTINUED);
    flow.continued = 0;
    flow.end_reason = 1;
    build(&built, &flow);
    assert_null(client_ports_add(table, &built.record, built.client, 0));
    assert_true(cold->marks & FLOW_MARK_INITIATOR_SEEN);
    assert_false(cold->marks & FLOW_MARK_CONTINUED);
    assert_int_equal(cold->end_reason, 1);
    flow.initiator_seen = 0;
    build(&built, &flow);
    assert_null(client_ports_add(table, &built.record, built.client, 0));
    assert_false(cold->marks & FLOW_MARK_INITIATOR_SEEN);
    client_ports_destroy(table);
}

/* ---- a destination ---- */

struct bench {
    struct exporting_process_config config;
    struct fake_transport *fake;
    struct record_ring *ring;
    struct exporting_process *process;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->config.offline = false;
    bench->config.destinations[0].client_port_records = 100;
    bench->config.destinations[0].client_port_window_s = WINDOW_S;
    bench->fake = fake_transport_new();
    bench->ring = fake_ring(1 << 12);
    bench->process = fake_process(&bench->config, &bench->ring, 1, bench->fake);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    exporting_process_destroy(bench->process);
    record_ring_destroy(bench->ring);
    free(bench->fake);
    free(bench);
    return 0;
}

static void push(struct bench *bench, unsigned count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (unsigned i = 0; i < count; i++) {
        flow.source_port = (uint16_t)(40000 + i);
        assert_int_equal(record_push(bench->ring, &flow), 0);
    }
}

/* Steps at SECOND; returns when the next step is wanted. */
static uint64_t step(struct bench *bench, uint64_t second, struct destination_counters *account)
{
    static struct exporter_counters counters;
    uint64_t next_ns = 0;
    exporting_process_step(bench->process, second * second_ns, export_ns + second * second_ns,
                           &next_ns);
    exporting_process_counters(bench->process, &counters);
    *account = counters.destination[0];
    return next_ns;
}

static void window_of_a_destination(void **state)
{
    struct bench *bench = *state;
    struct destination_counters account;
    push(bench, 30);
    assert_int_equal(step(bench, 10, &account), (10 + WINDOW_S) * second_ns);
    assert_int_equal(account.records, 30);
    assert_int_equal(account.queued, 30);
    push(bench, 20);
    step(bench, 69, &account);
    assert_int_equal(account.records, 50);
    assert_int_equal(account.queued, 50);
    step(bench, 70, &account);
    step(bench, 72, &account); /* the message waits a second for more */
    assert_int_equal(account.queued, 0);
    assert_int_equal(account.sent, 50);
    assert_int_equal(account.data_records, 2); /* one for each direction */
}

static void end_of_a_destination(void **state)
{
    struct bench *bench = *state;
    struct destination_counters account;
    push(bench, 30);
    step(bench, 10, &account);
    assert_true(exporting_process_drain(bench->process, 11 * second_ns, export_ns, NULL));
    step(bench, 11, &account);
    assert_int_equal(account.sent, 30);
    assert_int_equal(account.queued, 0);
    assert_true(bench->fake->completed);
}

static void destination_given_up(void **state)
{
    struct bench *bench = *state;
    struct destination_counters account;
    push(bench, 30);
    step(bench, 10, &account);
    assert_int_equal(account.queued, 30);
    exporting_process_abandon(bench->process);
    step(bench, 11, &account);
    assert_int_equal(account.records, 30);
    assert_int_equal(account.lost[DESTINATION_LOST_SHUTDOWN], 30);
    assert_int_equal(account.lost_packets, 30 * 5);
    assert_int_equal(account.queued, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(small_tables),
        cmocka_unit_test(full_counters),
        cmocka_unit_test(marks),
        cmocka_unit_test_setup_teardown(window_of_a_destination, set_up, tear_down),
        cmocka_unit_test_setup_teardown(end_of_a_destination, set_up, tear_down),
        cmocka_unit_test_setup_teardown(destination_given_up, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("client_ports", tests, NULL, NULL);
}
