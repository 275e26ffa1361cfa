/*
 * Prefix aggregates: keys, totals, coarser steps when there is no room, expiry, a full ring, and
 * counters beyond the fields of a hot record.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow_aggregate.h"

static const uint64_t second = 1000000000u;
static const uint64_t start_ns = 1700000000ull * 1000000000u;
enum { SYN = 2, ACK = 16 };

struct bench {
    struct record_ring *ring;
    struct worker_ledger ledger;
    uint64_t ended[FLOW_END_RESOURCES + 1];
    struct aggregate_table *table;
    struct aggregate_config config;
};

static void open_bench(struct bench *bench, uint8_t length4, uint8_t length6)
{
    struct error error = {""};
    memset(bench, 0, sizeof *bench);
    bench->ring = record_ring_create(1024, &error);
    assert_non_null(bench->ring);
    bench->config = (struct aggregate_config){.ipv4_prefix_length = length4,
                                              .ipv6_prefix_length = length6,
                                              .idle_ns = 15 * second,
                                              .active_ns = 60 * second,
                                              .seed = {1, 2, 3, 4},
                                              .ring = bench->ring,
                                              .ledger = &bench->ledger};
    bench->table = aggregate_table_create(&bench->config, &error);
    assert_non_null(bench->table);
    aggregate_table_attach(bench->table, bench->ended);
}

static void close_bench(struct bench *bench)
{
    aggregate_table_destroy(bench->table);
    record_ring_destroy(bench->ring);
}

static struct packet_facts packet4(const char *source, const char *destination)
{
    struct packet_facts facts = {.ip_octets = 40, .tcp_flags = SYN, .ttl = 60, .tos = 3};
    facts.side = (uint8_t)flow_key_make4(&facts.key, inet_addr(source), inet_addr(destination),
                                         htons(1234), htons(80), 6, 7, 9);
    return facts;
}

static struct packet_facts packet6(const char *source, const char *destination)
{
    struct packet_facts facts = {.ip_octets = 60, .tcp_flags = SYN, .ttl = 60};
    uint8_t from[16], to[16];
    assert_int_equal(inet_pton(AF_INET6, source, from), 1);
    assert_int_equal(inet_pton(AF_INET6, destination, to), 1);
    facts.side = (uint8_t)flow_key_make6(&facts.key, from, to, htons(1234), htons(80), 6, 0, 0);
    return facts;
}

static void check_key4(const char *source, const char *destination, uint8_t length,
                       enum aggregate_step step, const char *source_prefix,
                       const char *destination_prefix)
{
    struct aggregate_config config = {.ipv4_prefix_length = length};
    struct packet_facts facts = packet4(source, destination);
    struct aggregate_key key;
    uint32_t from, to;
    aggregate_key_of(&key, &config, &facts, step);
    memcpy(&from, key.source, 4);
    memcpy(&to, key.destination, 4);
    assert_int_equal(from, inet_addr(source_prefix));
    assert_int_equal(to, inet_addr(destination_prefix));
    assert_int_equal(key.family, 4);
    assert_int_equal(key.protocol, 6);
    assert_memory_equal(key.vlan, facts.key.head.vlan, 3);
    bool has_source = step == AGGREGATE_BOTH || step == AGGREGATE_FROM;
    bool has_destination = step == AGGREGATE_BOTH || step == AGGREGATE_TO;
    assert_int_equal(key.source_length, has_source ? length : 0);
    assert_int_equal(key.destination_length, has_destination ? length : 0);
}

static void keys_are_masked(void **state)
{
    (void)state;
    check_key4("192.0.2.77", "10.1.2.3", 24, AGGREGATE_BOTH, "192.0.2.0", "10.1.2.0");
    check_key4("10.1.2.3", "192.0.2.77", 24, AGGREGATE_BOTH, "10.1.2.0", "192.0.2.0");
    check_key4("192.0.2.77", "10.1.2.3", 32, AGGREGATE_BOTH, "192.0.2.77", "10.1.2.3");
    check_key4("192.0.255.77", "10.1.129.3", 17, AGGREGATE_BOTH, "192.0.128.0", "10.1.128.0");
    check_key4("255.255.255.255", "127.0.0.1", 1, AGGREGATE_BOTH, "128.0.0.0", "0.0.0.0");
    check_key4("192.0.2.77", "10.1.2.3", 0, AGGREGATE_BOTH, "0.0.0.0", "0.0.0.0");
    check_key4("192.0.2.77", "10.1.2.3", 24, AGGREGATE_TO, "0.0.0.0", "10.1.2.0");
    check_key4("192.0.2.77", "10.1.2.3", 24, AGGREGATE_FROM, "192.0.2.0", "0.0.0.0");
    check_key4("192.0.2.77", "10.1.2.3", 24, AGGREGATE_NEITHER, "0.0.0.0", "0.0.0.0");
    struct aggregate_config config = {.ipv6_prefix_length = 45};
    struct packet_facts facts = packet6("2001:db8:ffff:1::5", "2001:db8:1:2::9");
    struct aggregate_key key;
    uint8_t expected[16];
    aggregate_key_of(&key, &config, &facts, AGGREGATE_BOTH);
    inet_pton(AF_INET6, "2001:db8:fff8::", expected);
    assert_memory_equal(key.source, expected, 16);
    inet_pton(AF_INET6, "2001:db8::", expected);
    assert_memory_equal(key.destination, expected, 16);
    assert_int_equal(key.family, 6);
    assert_int_equal(key.source_length, 45);
}

static void add(struct bench *bench, const struct packet_facts *facts, uint64_t time_ns)
{
    assert_true(aggregate_table_add(bench->table, facts, time_ns, 5, true));
}

/* The next record on the ring, which must be an aggregate of side 0 alone. */
static struct flow_record take(struct bench *bench)
{
    record_ring_publish(bench->ring);
    const struct flow_hot *hot = record_ring_peek(bench->ring);
    assert_non_null(hot);
    struct flow_record record = flow_record_at(hot);
    assert_non_null(record.extra);
    assert_int_equal(record.extra->aggregate, 1);
    assert_int_equal(record.extra->label_count[0], 0);
    assert_int_equal(flow_packets(record.hot, record.cold, 1), 0);
    assert_int_equal(record.hot->key.port_a, 0);
    assert_int_equal(record.hot->key.port_b, 0);
    return record;
}

static void drop(struct bench *bench)
{
    record_ring_next(bench->ring);
    record_ring_release(bench->ring);
}

static void nothing_left(struct bench *bench)
{
    record_ring_publish(bench->ring);
    assert_null(record_ring_peek(bench->ring));
    struct ledger_pair held = {0, 0};
    aggregate_table_walk(bench->table, &held);
    assert_int_equal(held.packets, 0);
    assert_int_equal(held.octets, 0);
    assert_int_equal(bench->ledger.flows, bench->ledger.records_out);
}

static void one_record_tells_all(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 24, 48);
    struct packet_facts first = packet4("192.0.2.77", "10.1.2.3");
    struct packet_facts second_packet = packet4("192.0.2.1", "10.1.2.200");
    second_packet.tcp_flags = ACK;
    second_packet.ip_octets = 1000;
    second_packet.ttl = 61;
    second_packet.tos = 9;
    struct packet_facts back = packet4("10.1.2.3", "192.0.2.77");
    add(&bench, &first, start_ns + 5);
    add(&bench, &second_packet, start_ns);
    add(&bench, &back, start_ns + 9);
    struct ledger_pair held = {1, 1};
    aggregate_table_walk(bench.table, &held);
    assert_int_equal(held.packets, 4);
    assert_int_equal(held.octets, 1081);
    assert_true(aggregate_table_flush(bench.table, start_ns + 10, FLOW_END_FORCED));
    for (unsigned i = 0; i < 2; i++) {
        struct flow_record record = take(&bench);
        bool forth = record.hot->key.address_a == inet_addr("192.0.2.0");
        assert_int_equal(record.hot->key.address_a, inet_addr(forth ? "192.0.2.0" : "10.1.2.0"));
        assert_int_equal(record.hot->key.address_b, inet_addr(forth ? "10.1.2.0" : "192.0.2.0"));
        assert_int_equal(flow_packets(record.hot, record.cold, 0), forth ? 2 : 1);
        assert_int_equal(flow_octets(record.hot, record.cold, 0), forth ? 1040 : 40);
        assert_int_equal(flow_tcp_flags(record.hot, 0), forth ? SYN | ACK : SYN);
        assert_int_equal(record.cold->first_ns[0], forth ? start_ns : start_ns + 9);
        assert_int_equal(record.hot->last_ns[0], forth ? start_ns + 5 : start_ns + 9);
        assert_int_equal(record.hot->ttl_min[0], 60);
        assert_int_equal(record.hot->ttl_max[0], forth ? 61 : 60);
        assert_int_equal(record.hot->tos[0], 3);
        assert_int_equal(record.cold->port[0], 5);
        assert_int_equal(record.cold->marks, FLOW_MARK_DIRECTION_A);
        assert_int_equal(record.cold->end_reason, FLOW_END_FORCED);
        assert_int_equal(flow_key_vlan_outer(&record.hot->key), 7);
        assert_int_equal(record.extra->source_prefix_length, 24);
        assert_int_equal(record.extra->destination_prefix_length, 24);
        drop(&bench);
    }
    nothing_left(&bench);
    close_bench(&bench);
}

static void timeouts(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 24, 48);
    struct packet_facts six = packet6("2001:db8::1", "2001:db8:1::1");
    add(&bench, &six, start_ns);
    aggregate_table_sweep(bench.table, start_ns + 14 * second);
    record_ring_publish(bench.ring);
    assert_null(record_ring_peek(bench.ring));
    aggregate_table_sweep(bench.table, start_ns + 16 * second);
    struct flow_record record = take(&bench);
    assert_int_equal(record.cold->end_reason, FLOW_END_IDLE);
    assert_int_equal(record.hot6->address_b[5], 1);
    drop(&bench);
    /* A packet that comes when it is over starts anew; one every second is cut after a minute. */
    for (uint64_t s = 100; s <= 200; s++)
        add(&bench, &six, start_ns + s * second);
    record = take(&bench);
    assert_int_equal(record.cold->end_reason, FLOW_END_ACTIVE);
    assert_int_equal(flow_packets(record.hot, record.cold, 0), 60);
    drop(&bench);
    add(&bench, &six, start_ns + 500 * second);
    record = take(&bench);
    assert_int_equal(record.cold->end_reason, FLOW_END_IDLE);
    assert_int_equal(flow_packets(record.hot, record.cold, 0), 41);
    drop(&bench);
    aggregate_table_sweep(bench.table, start_ns + 1000 * second);
    take(&bench);
    drop(&bench);
    nothing_left(&bench);
    /* Time starts anew, earlier. */
    add(&bench, &six, second);
    aggregate_table_sweep(bench.table, 2 * second);
    aggregate_table_sweep(bench.table, 18 * second);
    take(&bench);
    drop(&bench);
    nothing_left(&bench);
    close_bench(&bench);
}

/* Random sources: the attacked prefix is told by one record whatever number of them there is. */
static void coarser_when_full(void **state)
{
    (void)state;
    enum { PACKETS = 20000 };
    struct bench bench;
    open_bench(&bench, 24, 48);
    uint64_t coarse = 0, all = 0, fine = 0;
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct packet_facts facts = {.ip_octets = 40};
        facts.side = (uint8_t)flow_key_make4(&facts.key, htonl(i * 0x9e3779b1u),
                                             inet_addr("198.18.0.80"), 1, 2, 6, 0, 0);
        add(&bench, &facts, start_ns + i);
    }
    while (!aggregate_table_flush(bench.table, start_ns, FLOW_END_FORCED) || all < PACKETS) {
        struct flow_record record = take(&bench);
        uint64_t packets = flow_packets(record.hot, record.cold, 0);
        assert_int_equal(record.hot->key.address_b, inet_addr("198.18.0.0"));
        assert_int_equal(record.extra->destination_prefix_length, 24);
        if (record.extra->source_prefix_length == 0) {
            assert_int_equal(coarse, 0);
            coarse = packets;
        } else {
            fine++;
        }
        all += packets;
        drop(&bench);
    }
    assert_int_equal(all, PACKETS);
    assert_true(fine <= (uint64_t)AGGREGATE_BUCKETS * AGGREGATE_WAYS);
    assert_true(coarse >= PACKETS - 2 * fine);
    assert_int_equal(aggregate_table_evicted(bench.table), 0);
    nothing_left(&bench);
    close_bench(&bench);
}

/* Nothing in common: even then all is counted, in bounded memory, and a full ring refuses. */
static void evictions(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 32, 48);
    uint64_t taken = 0, packets = 0;
    bool refused = false;
    for (uint32_t i = 0; i < 200000; i++) {
        struct packet_facts facts = {.ip_octets = 40};
        facts.side = (uint8_t)flow_key_make4(&facts.key, i * 0x9e3779b1u, i * 0x85ebca6bu, 0, 0,
                                             (uint8_t)i, i & 4095, i >> 4);
        if (aggregate_table_add(bench.table, &facts, start_ns + i, 0, false)) {
            packets++;
            continue;
        }
        refused = true;
        struct flow_record record = take(&bench);
        assert_int_equal(record.cold->end_reason, FLOW_END_RESOURCES);
        taken += flow_packets(record.hot, record.cold, 0);
        drop(&bench);
    }
    assert_true(refused);
    assert_true(aggregate_table_evicted(bench.table) > 1000);
    while (!aggregate_table_flush(bench.table, start_ns, FLOW_END_FORCED) || taken < packets) {
        struct flow_record record = take(&bench);
        taken += flow_packets(record.hot, record.cold, 0);
        drop(&bench);
    }
    assert_int_equal(taken, packets);
    assert_int_equal(bench.ended[FLOW_END_RESOURCES], aggregate_table_evicted(bench.table));
    nothing_left(&bench);
    close_bench(&bench);
}

static void large_counters(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 24, 48);
    struct packet_facts facts = packet4("192.0.2.77", "10.1.2.3");
    facts.ip_octets = (1ull << 32) + 39;
    const uint64_t packets = (1ull << 23) + 77;
    for (uint64_t i = 0; i < packets; i++)
        add(&bench, &facts, start_ns);
    assert_true(aggregate_table_flush(bench.table, start_ns, FLOW_END_FORCED));
    uint64_t counted = 0, octets = 0;
    record_ring_publish(bench.ring);
    while (counted < packets) { /* one is cut before its octets outgrow the record */
        struct flow_record record = take(&bench);
        counted += flow_packets(record.hot, record.cold, 0);
        octets += flow_octets(record.hot, record.cold, 0);
        drop(&bench);
    }
    assert_int_equal(counted, packets);
    assert_int_equal(octets, packets * facts.ip_octets);
    nothing_left(&bench);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_masked), cmocka_unit_test(one_record_tells_all),
        cmocka_unit_test(timeouts),        cmocka_unit_test(coarser_when_full),
        cmocka_unit_test(evictions),       cmocka_unit_test(large_counters),
    };
    return cmocka_run_group_tests_name("flow_aggregate", tests, NULL, NULL);
}
