/*
 * Properties under random bytes: whatever is thrown at the parser, it stays within the captured
 * bytes and its facts hold together; and the straight path says what the walk says. The seed is
 * fixed, so a failure repeats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "frame_case.h"
#include "guard.h"

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * bound >> 32);
}

static struct packet_facts parse_bytes(struct parser *parser, const uint8_t *bytes,
                                       uint32_t captured, uint32_t wire, uint8_t link)
{
    struct packet_batch batch = {.count = 1};
    struct packet_facts facts[PACKET_BATCH_MAX] = {0};
    batch.data[0] = guard_copy(bytes, captured);
    batch.captured_length[0] = captured;
    batch.wire_length[0] = wire;
    batch.timestamp_ns[0] = random_below(1000) * 1000000000ull;
    batch.link[0] = link;
    parse_batch(parser, &batch, facts);
    return facts[0];
}

static void expect_sense(const struct packet_facts *facts, uint32_t captured)
{
    if (facts->verdict != PACKET_METERED) {
        assert_true(facts->verdict < IGNORED_COUNT);
        return;
    }
    assert_true(facts->key.family == 4 || facts->key.family == 6);
    assert_true(facts->ip_octets >= (facts->key.family == 4 ? 20 : 40));
    assert_true(facts->side <= 1);
    if (facts->payload_length > 0)
        assert_true(facts->payload_offset + facts->payload_length <= captured);
    assert_true(facts->tcp_payload_length <= facts->ip_octets);
    if (!(facts->facts & PACKET_FACT_TCP))
        assert_int_equal(facts->tcp_flags | facts->tcp_payload_length, 0);
    assert_true(facts->vlan_count <= 3);
    assert_true(facts->label_count <= PACKET_LABELS_MAX);
    const struct flow_key_head *head = &facts->key.head;
    if (flow_key_joins(head->protocol, head->port_a, head->port_b) && facts->key.family == 4)
        assert_true(head->address_a <= head->address_b);
}

static struct parser *parser_with(bool tunnels)
{
    struct parser_config config = {
        .vlan_in_key = true, .fragment_table = true, .tunnels = tunnels ? TUNNEL_ALL : 0};
    return parser_create(&config, NULL);
}

static void test_noise(void **state)
{
    (void)state;
    struct parser *parser = parser_with(true);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[256];
        uint32_t captured = random_below(sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)random_below(256);
        struct packet_facts facts =
            parse_bytes(parser, bytes, captured, captured + random_below(3) * 500,
                        (uint8_t)random_below(LINK_LAYER_COUNT));
        expect_sense(&facts, captured);
    }
    parser_destroy(parser);
}

/* Frames of the catalogue with some bytes changed and the end cut off. */
static void test_mutations(void **state)
{
    (void)state;
    struct parser *parsers[2] = {parser_with(false), parser_with(true)};
    for (const struct frame_case *const *list = frame_cases; *list != NULL; list++) {
        for (const struct frame_case *entry = *list; entry->name != NULL; entry++) {
            struct frame frame = {0};
            entry->build(&frame);
            for (int round = 0; round < 200 && frame.length > 0; round++) {
                struct frame changed = frame;
                for (uint32_t i = random_below(4) + 1; i > 0; i--)
                    changed.data[random_below(frame.length)] = (uint8_t)random_below(256);
                uint32_t captured = frame.length - random_below(2) * random_below(frame.length);
                struct packet_facts facts = parse_bytes(parsers[round & 1], changed.data, captured,
                                                        frame.wire_length, frame.link);
                expect_sense(&facts, captured);
            }
        }
    }
    parser_destroy(parsers[0]);
    parser_destroy(parsers[1]);
}

/* An Ethernet or tagged header in front of RANDOM bytes that are nearly an ordinary packet. */
static struct frame nearly_ordinary(void)
{
    struct frame frame = {0};
    bool tagged = random_below(2) != 0;
    bool ipv6 = random_below(3) == 0;
    bool tcp = random_below(2) != 0;
    frame_ethernet(&frame, tagged ? 0x8100 : ipv6 ? 0x86dd : 0x0800);
    if (tagged)
        frame_tag(&frame, random_below(4096), ipv6 ? 0x86dd : 0x0800);
    uint32_t start = frame.length;
    if (ipv6)
        frame_ipv6(&frame, random_below(4), tcp ? 6 : 17);
    else
        frame_ipv4(&frame, random_below(4), tcp ? 6 : 17);
    uint32_t addresses = ipv6 ? 8 : 12;
    for (uint32_t i = start + addresses; i < frame.length; i++)
        frame.data[i] = (uint8_t)random_below(3);
    if (tcp)
        frame_tcp(&frame, random_below(4), random_below(4), random_below(512));
    else
        frame_udp(&frame, random_below(4), random_below(4));
    frame_fill(&frame, 1, random_below(40));
    frame_close(&frame);
    if (random_below(3) == 0)
        frame.data[start + random_below(frame.length - start)] = (uint8_t)random_below(256);
    if (random_below(3) == 0)
        frame_fill(&frame, 0, random_below(30)); /* padding */
    frame.wire_length = frame.length;
    return frame;
}

/*
 * The same IP packet once in Ethernet, where the straight path may take it, and once behind a
 * Linux cooked header, where it cannot. Only what belongs to the link layer may differ.
 */
static void test_straight_path_equals_walk(void **state)
{
    (void)state;
    struct parser *parser = parser_with(false);
    for (int round = 0; round < 50000; round++) {
        struct frame frame = nearly_ordinary();
        uint32_t captured = frame.length - random_below(2) * random_below(frame.length);
        uint8_t cooked[FRAME_MAX] = {0, 0, 0, 1};
        enum { COOKED = 16, ETHERNET = 14, TYPE = 2 };
        if (captured < ETHERNET)
            continue;
        memcpy(cooked + COOKED - TYPE, frame.data + ETHERNET - TYPE, captured - ETHERNET + TYPE);
        uint64_t before = parser_counters(parser)->length_exceeds_frame;
        struct packet_facts straight =
            parse_bytes(parser, frame.data, captured, frame.wire_length, LINK_ETHERNET);
        uint64_t exceeds = parser_counters(parser)->length_exceeds_frame - before;
        struct packet_facts walked =
            parse_bytes(parser, cooked, captured + COOKED - ETHERNET,
                        frame.wire_length + COOKED - ETHERNET, LINK_LINUX_SLL);
        assert_int_equal(parser_counters(parser)->length_exceeds_frame - before, 2 * exceeds);
        if (straight.verdict == PACKET_METERED) {
            straight.facts &= (uint8_t)~PACKET_FACT_MACS;
            straight.payload_offset += COOKED - ETHERNET;
        }
        assert_memory_equal(&straight.key.head, &walked.key.head, sizeof straight.key.head);
        assert_memory_equal(straight.key.address6_a, walked.key.address6_a, 32);
        assert_int_equal(straight.key.family, walked.key.family);
        size_t rest = offsetof(struct packet_facts, vlan_count) + 1 -
                      offsetof(struct packet_facts, ip_octets);
        assert_memory_equal(&straight.ip_octets, &walked.ip_octets, rest);
    }
    parser_destroy(parser);
}

/* A batch gives each packet what it gets alone. */
static void test_batch_equals_single(void **state)
{
    (void)state;
    struct parser *parser = parser_with(false);
    static struct frame frames[PACKET_BATCH_MAX];
    for (int round = 0; round < 50; round++) {
        struct packet_batch batch = {.count = random_below(PACKET_BATCH_MAX + 1)};
        struct packet_facts facts[PACKET_BATCH_MAX];
        for (uint32_t i = 0; i < batch.count; i++) {
            frames[i] = nearly_ordinary();
            batch.data[i] = frames[i].data;
            batch.captured_length[i] = frames[i].length;
            batch.wire_length[i] = frames[i].wire_length;
            batch.link[i] = LINK_ETHERNET;
        }
        parse_batch(parser, &batch, facts);
        for (uint32_t i = 0; i < batch.count; i++) {
            struct packet_facts single =
                parse_bytes(parser, frames[i].data, frames[i].length, frames[i].wire_length, 0);
            assert_int_equal(single.verdict, facts[i].verdict);
            assert_memory_equal(&single.key.head, &facts[i].key.head, sizeof single.key.head);
            assert_int_equal(single.ip_octets, facts[i].ip_octets);
        }
    }
    parser_destroy(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_straight_path_equals_walk),
        cmocka_unit_test(test_batch_equals_single),
    };
    return cmocka_run_group_tests_name("parser properties", tests, NULL, NULL);
}
