/*
 * Every frame of the catalogue: what the parser says of it at full length, and that it reads
 * nothing behind the captured bytes at any shorter length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "frame_case.h"
#include "guard.h"

static struct packet_facts parse_cut(struct parser *parser, const struct frame *frame,
                                     uint32_t captured)
{
    struct packet_batch batch = {.count = 1};
    struct packet_facts facts[PACKET_BATCH_MAX];
    memset(facts, 0xee, sizeof facts);
    batch.data[0] = guard_copy(frame->data, captured);
    batch.captured_length[0] = captured;
    batch.wire_length[0] = frame->wire_length;
    batch.timestamp_ns[0] = 1000;
    batch.link[0] = frame->link;
    parse_batch(parser, &batch, facts);
    return facts[0];
}

static void expect_addresses(const struct frame_case *expected, const struct packet_facts *facts)
{
    uint8_t host[2][16] = {{0}};
    const struct flow_key *key = &facts->key;
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t ipv6[6] = {0x20, 0x01, 0x0d, 0xb8, 0, expected->net};
        if (expected->family == 4)
            memcpy(host[i], (const uint8_t[]){10, expected->net, 0, (uint8_t)(i + 1)}, 4);
        else
            memcpy(host[i], ipv6, sizeof ipv6);
        if (expected->family == 6)
            host[i][15] = (uint8_t)(i + 1);
    }
    const uint8_t *source = facts->side ? host[1] : host[0];
    const uint8_t *destination = facts->side ? host[0] : host[1];
    if (expected->family == 4) {
        assert_memory_equal(&key->head.address_a, source, 4);
        assert_memory_equal(&key->head.address_b, destination, 4);
        return;
    }
    assert_memory_equal(key->address6_a, source, 16);
    assert_memory_equal(key->address6_b, destination, 16);
}

static void expect_metered(const struct frame_case *expected, const struct frame *frame,
                           const struct packet_facts *facts)
{
    const struct flow_key_head *head = &facts->key.head;
    unsigned macs = frame->link == LINK_ETHERNET ? PACKET_FACT_MACS : 0;
    assert_int_equal(facts->key.family, expected->family);
    expect_addresses(expected, facts);
    assert_int_equal(head->protocol, expected->protocol);
    assert_int_equal(ntohs(facts->side ? head->port_b : head->port_a), expected->source_port);
    assert_int_equal(ntohs(facts->side ? head->port_a : head->port_b), expected->destination_port);
    assert_int_equal(flow_key_vlan_outer(head), expected->vlan[0]);
    assert_int_equal(flow_key_vlan_inner(head), expected->vlan[1]);
    assert_int_equal(facts->vlan[0], expected->vlan[0]);
    assert_int_equal(facts->vlan[1], expected->vlan[1]);
    assert_int_equal(facts->vlan_count, expected->vlan_count);
    assert_int_equal(facts->label_count, expected->label_count);
    assert_int_equal(facts->ip_octets, expected->octets);
    assert_int_equal(facts->payload_length, expected->payload);
    assert_int_equal(facts->tcp_flags, expected->tcp_flags);
    assert_int_equal(facts->facts, expected->facts | macs);
    assert_int_equal(facts->tos, 0x10);
    assert_int_equal(facts->ttl, 61);
    assert_int_equal(facts->mac_offset, 0);
    bool tcp = (expected->facts & PACKET_FACT_TCP) != 0;
    assert_int_equal(facts->tcp_sequence, tcp ? 0x01020304 : 0);
    assert_int_equal(facts->tcp_acknowledgement, tcp ? 0x05060708 : 0);
    if (tcp)
        assert_int_equal(facts->tcp_payload_length, expected->payload);
}

static void test_whole(void **state)
{
    const struct frame_case *expected = *state;
    struct frame frame = {0};
    expected->build(&frame);
    struct parser_config config = {.vlan_in_key = true, .tunnels = expected->tunnels};
    struct parser *parser = parser_create(&config, NULL);
    struct packet_facts facts = parse_cut(parser, &frame, frame.length);
    const struct parser_counters *counters = parser_counters(parser);
    assert_int_equal(facts.verdict, expected->verdict);
    if (facts.verdict == PACKET_METERED)
        expect_metered(expected, &frame, &facts);
    assert_int_equal(counters->transport_cut, expected->transport_cut);
    assert_int_equal(counters->length_exceeds_frame, expected->exceeds);
    assert_int_equal(counters->tunnel_malformed, expected->tunnel_malformed);
    parser_destroy(parser);
}

/* Whatever is cut off, what is left is either ignored or counted with the header's claim. */
static void test_every_length(void **state)
{
    const struct frame_case *expected = *state;
    struct frame frame = {0};
    expected->build(&frame);
    for (unsigned way = 0; way < 4; way++) {
        struct parser_config config = {.vlan_in_key = (way & 1) != 0,
                                       .fragment_table = (way & 1) != 0,
                                       .tunnels = way & 2 ? TUNNEL_ALL : expected->tunnels};
        struct parser *parser = parser_create(&config, NULL);
        for (uint32_t captured = 0; captured <= frame.length; captured++) {
            struct packet_facts facts = parse_cut(parser, &frame, captured);
            if (facts.verdict != PACKET_METERED) {
                assert_true(facts.verdict < IGNORED_COUNT);
                continue;
            }
            assert_true(facts.payload_offset <= captured || facts.payload_length == 0);
            assert_true(facts.payload_length <= captured);
            assert_true(facts.ip_octets >= 20);
            assert_true(facts.vlan_count <= 3 && facts.label_count <= PACKET_LABELS_MAX);
        }
        parser_destroy(parser);
    }
}

static size_t add_case(struct CMUnitTest *tests, size_t count, const struct frame_case *frame_case)
{
    tests[count] = (struct CMUnitTest){.name = frame_case->name,
                                       .test_func = test_whole,
                                       .initial_state = (void *)(uintptr_t)frame_case};
    tests[count + 1] = tests[count];
    tests[count + 1].test_func = test_every_length;
    return count + 2;
}

int main(void)
{
    enum { CASES_MAX = 400 };
    static struct CMUnitTest tests[2 * CASES_MAX];
    size_t count = 0;
    for (const struct frame_case *const *list = frame_cases; *list != NULL; list++) {
        for (const struct frame_case *entry = *list; entry->name != NULL; entry++) {
            if (count == 2 * CASES_MAX)
                abort();
            count = add_case(tests, count, entry);
        }
    }
    return _cmocka_run_group_tests("parser cases", tests, count, NULL, NULL);
}
