/*
 * The fragment table by itself and as the parser uses it: later fragments take the ports of
 * their first, for 30 s of packet time, within 4,096 entries, the oldest making room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "frame.h"
#include "guard.h"
#include "parse/fragment_table.h"
#include "parse/parse.h"

#define SECOND_NS 1000000000ull

static const uint64_t seed[2] = {1, 2};

static struct fragment_key key_of(uint32_t id)
{
    return (struct fragment_key){
        .source = {10}, .destination = {11}, .id = id, .protocol = 17, .family = 4};
}

static bool insert(struct fragment_table *table, uint32_t id, uint64_t now_ns)
{
    struct fragment_key key = key_of(id);
    struct fragment_ports ports = {(uint16_t)id, (uint16_t)(id + 1), 17};
    return fragment_table_insert(table, &key, &ports, now_ns);
}

static bool finds(struct fragment_table *table, uint32_t id, uint64_t now_ns)
{
    struct fragment_key key = key_of(id);
    struct fragment_ports ports;
    if (!fragment_table_find(table, &key, now_ns, &ports))
        return false;
    assert_int_equal(ports.source_port, (uint16_t)id);
    assert_int_equal(ports.destination_port, (uint16_t)(id + 1));
    return true;
}

static void test_oldest_makes_room(void **state)
{
    (void)state;
    struct fragment_table *table = fragment_table_create(seed);
    for (uint32_t id = 0; id < FRAGMENT_TABLE_ENTRIES; id++)
        assert_false(insert(table, id, SECOND_NS));
    assert_false(insert(table, 0, SECOND_NS)); /* seen again: now the youngest */
    assert_false(insert(table, 2000, SECOND_NS));
    assert_false(insert(table, 2000, SECOND_NS));
    for (uint32_t id = 0; id < FRAGMENT_TABLE_ENTRIES; id++)
        assert_true(finds(table, id, SECOND_NS));
    for (uint32_t id = 10000; id < 10100; id++)
        assert_true(insert(table, id, SECOND_NS));
    assert_true(finds(table, 0, SECOND_NS));
    for (uint32_t id = 1; id <= 100; id++)
        assert_false(finds(table, id, SECOND_NS));
    for (uint32_t id = 101; id < FRAGMENT_TABLE_ENTRIES; id++)
        assert_true(finds(table, id, SECOND_NS));
    for (uint32_t id = 20000; id < 20000 + FRAGMENT_TABLE_ENTRIES - 102; id++)
        assert_true(insert(table, id, SECOND_NS));
    /* Left: 100 from 10000 on, the two that were seen again in front of them, and the newest. */
    assert_true(finds(table, 0, SECOND_NS));
    assert_true(finds(table, 2000, SECOND_NS));
    assert_false(finds(table, FRAGMENT_TABLE_ENTRIES - 1, SECOND_NS));
    for (uint32_t id = 10000; id < 10100; id++)
        assert_true(finds(table, id, SECOND_NS));
    assert_true(insert(table, 30000, SECOND_NS));
    assert_false(finds(table, 0, SECOND_NS));
    assert_true(finds(table, 2000, SECOND_NS));
    fragment_table_destroy(table);
}

static void test_many_rounds(void **state)
{
    (void)state;
    struct fragment_table *table = fragment_table_create(seed);
    for (uint32_t id = 0; id < 20 * FRAGMENT_TABLE_ENTRIES; id++) {
        insert(table, id * 2654435761u, SECOND_NS);
        if (id >= FRAGMENT_TABLE_ENTRIES) {
            assert_true(finds(table, (id - FRAGMENT_TABLE_ENTRIES + 1) * 2654435761u, SECOND_NS));
            assert_false(finds(table, (id - FRAGMENT_TABLE_ENTRIES) * 2654435761u, SECOND_NS));
        }
    }
    fragment_table_destroy(table);
}

static void test_lifetime(void **state)
{
    (void)state;
    struct fragment_table *table = fragment_table_create(seed);
    insert(table, 7, 100 * SECOND_NS);
    assert_true(finds(table, 7, 130 * SECOND_NS));
    assert_false(finds(table, 7, 130 * SECOND_NS + 1));
    assert_true(finds(table, 7, 70 * SECOND_NS));
    assert_false(finds(table, 7, 70 * SECOND_NS - 1));
    insert(table, 7, 131 * SECOND_NS); /* the id is used again */
    assert_true(finds(table, 7, 150 * SECOND_NS));
    for (uint32_t id = 100; id < 100 + FRAGMENT_TABLE_ENTRIES - 1; id++)
        insert(table, id, 131 * SECOND_NS);
    assert_false(insert(table, 8, 200 * SECOND_NS)); /* who makes room was dead already */
    fragment_table_destroy(table);
}

static void test_whole_key_counts(void **state)
{
    (void)state;
    struct fragment_table *table = fragment_table_create(seed);
    struct fragment_ports ports = {1, 2, 17};
    struct fragment_key key = key_of(5), other;
    fragment_table_insert(table, &key, &ports, 0);
    for (size_t byte = 0; byte < sizeof key; byte++) {
        other = key;
        ((uint8_t *)&other)[byte] ^= 1;
        assert_false(fragment_table_find(table, &other, 0, &ports));
    }
    assert_true(fragment_table_find(table, &key, 0, &ports));
    fragment_table_destroy(table);
}

static struct packet_facts parse_at(struct parser *parser, const struct frame *frame,
                                    uint64_t now_ns)
{
    struct packet_batch batch = {.count = 1};
    struct packet_facts facts[PACKET_BATCH_MAX];
    batch.data[0] = guard_copy(frame->data, frame->length);
    batch.captured_length[0] = frame->length;
    batch.wire_length[0] = frame->wire_length;
    batch.timestamp_ns[0] = now_ns;
    batch.link[0] = frame->link;
    parse_batch(parser, &batch, facts);
    assert_int_equal(facts[0].verdict, PACKET_METERED);
    return facts[0];
}

/* A fragment of protocol 17, first (OFFSET 0, with ports) or later, over IPv4 or IPv6. In IPv6 a
 * destination options header stands between fragment header and UDP. */
static struct frame fragment(int family, unsigned id, unsigned offset)
{
    struct frame frame = {0};
    frame_ethernet(&frame, family == 4 ? 0x0800 : 0x86dd);
    if (family == 4) {
        frame_ipv4_fragment(&frame, 0, 17, id, offset, offset == 0);
    } else {
        frame_ipv6(&frame, 0, 44);
        frame_ipv6_fragment(&frame, 60, id, offset, offset == 0);
    }
    if (offset == 0) {
        if (family == 6)
            frame_ipv6_extension(&frame, 17, 0);
        frame_udp(&frame, 1000, 2000);
    }
    frame_fill(&frame, 0x55, 16);
    frame_close(&frame);
    return frame;
}

static void expect_ports(const struct packet_facts *facts, unsigned source, unsigned destination)
{
    const struct flow_key_head *head = &facts->key.head;
    assert_int_equal(ntohs(facts->side ? head->port_b : head->port_a), source);
    assert_int_equal(ntohs(facts->side ? head->port_a : head->port_b), destination);
}

static void test_parser_joins(void **state)
{
    (void)state;
    struct parser_config config = {.fragment_table = true};
    struct parser *parser = parser_create(&config, NULL);
    const struct parser_counters *counters = parser_counters(parser);
    for (int family = 4; family <= 6; family += 2) {
        struct frame first = fragment(family, 9, 0), later = fragment(family, 9, 4);
        struct frame stranger = fragment(family, 10, 4);
        struct packet_facts facts = parse_at(parser, &later, SECOND_NS);
        expect_ports(&facts, 0, 0); /* came before its first */
        facts = parse_at(parser, &first, SECOND_NS);
        expect_ports(&facts, 1000, 2000);
        assert_int_equal(facts.facts & PACKET_FACT_FIRST_FRAGMENT, PACKET_FACT_FIRST_FRAGMENT);
        struct flow_key_head head = facts.key.head;
        facts = parse_at(parser, &later, 2 * SECOND_NS);
        expect_ports(&facts, 1000, 2000);
        assert_memory_equal(&facts.key.head, &head, sizeof head);
        assert_int_equal(facts.facts & PACKET_FACT_LATER_FRAGMENT, PACKET_FACT_LATER_FRAGMENT);
        facts = parse_at(parser, &stranger, 2 * SECOND_NS);
        expect_ports(&facts, 0, 0);
        assert_int_equal(facts.key.head.protocol, family == 4 ? 17 : 60);
    }
    assert_int_equal(counters->fragment_hits, 2);
    assert_int_equal(counters->fragment_misses, 4);
    assert_int_equal(counters->fragment_evictions, 0);
    parser_destroy(parser);
}

static void test_parser_counts_evictions(void **state)
{
    (void)state;
    struct parser_config config = {.fragment_table = true};
    struct parser *parser = parser_create(&config, NULL);
    for (unsigned id = 0; id < FRAGMENT_TABLE_ENTRIES + 3; id++) {
        struct frame first = fragment(4, id, 0);
        parse_at(parser, &first, SECOND_NS);
    }
    assert_int_equal(parser_counters(parser)->fragment_evictions, 3);
    parser_destroy(parser);
}

static void test_no_table(void **state)
{
    (void)state;
    struct parser_config config = {.fragment_table = false};
    struct parser *parser = parser_create(&config, NULL);
    struct frame first = fragment(4, 9, 0), later = fragment(4, 9, 4);
    parse_at(parser, &first, SECOND_NS);
    struct packet_facts facts = parse_at(parser, &later, SECOND_NS);
    expect_ports(&facts, 0, 0);
    assert_int_equal(parser_counters(parser)->fragment_hits, 0);
    assert_int_equal(parser_counters(parser)->fragment_misses, 0);
    parser_destroy(parser);
}

/* A protocol without ports has nothing to inherit: no entry, no miss. */
static void test_protocol_without_ports(void **state)
{
    (void)state;
    struct parser_config config = {.fragment_table = true};
    struct parser *parser = parser_create(&config, NULL);
    for (unsigned offset = 0; offset < 8; offset += 4) {
        struct frame frame = fragment(4, 9, offset);
        frame_patch8(&frame, 23, 50);
        struct packet_facts facts = parse_at(parser, &frame, SECOND_NS);
        expect_ports(&facts, 0, 0);
    }
    assert_int_equal(parser_counters(parser)->fragment_misses, 0);
    parser_destroy(parser);
}

/* Type and code of ICMP stand for the ports, so later fragments inherit them as well. */
static void test_icmp(void **state)
{
    (void)state;
    struct parser_config config = {.fragment_table = true};
    struct parser *parser = parser_create(&config, NULL);
    struct frame first = fragment(4, 9, 0), later = fragment(4, 9, 4);
    frame_patch8(&first, 23, 1);
    frame_patch16(&first, 34, 0x0800);
    frame_patch8(&later, 23, 1);
    parse_at(parser, &first, SECOND_NS);
    struct packet_facts facts = parse_at(parser, &later, SECOND_NS);
    expect_ports(&facts, 0, 0x0800);
    parser_destroy(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oldest_makes_room),
        cmocka_unit_test(test_many_rounds),
        cmocka_unit_test(test_lifetime),
        cmocka_unit_test(test_whole_key_counts),
        cmocka_unit_test(test_parser_joins),
        cmocka_unit_test(test_parser_counts_evictions),
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_protocol_without_ports),
        cmocka_unit_test(test_icmp),
    };
    return cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
