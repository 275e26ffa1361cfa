/*
 * The XDP program's parser against the probe's, over the catalogue of frames at every length and
 * with every byte changed: either the program delivers a frame, or key, side, octets, flags and TTL
 * are the parser's. The program's code is compiled for the host here; tests/unit/bpf runs it
 * in the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "frame_case.h"
#include "kernel_model.h"

enum { CHANGES = 7 };

struct rig {
    struct parser *parser[2]; /* without and with VLAN ids in the key */
    uint32_t taken;           /* frames that the program understood */
    uint32_t left;            /* frames that the parser meters and the program delivers */
};

static struct flow_counter_key key_of(const struct flow_key *key)
{
    struct flow_counter_key out = {.family = key->family};
    memcpy(out.head, &key->head, sizeof out.head);
    if (key->family == 6) {
        memcpy(out.address, key->address6_a, 16);
        memcpy(out.address + 2, key->address6_b, 16);
    }
    return out;
}

static void compare(struct rig *rig, const uint8_t *data, uint32_t length, uint32_t wire,
                    unsigned vlan)
{
    struct packet_batch batch = {.count = 1, .timestamp_ns = {1}};
    static struct packet_facts facts[PACKET_BATCH_MAX];
    struct flow_counter_packet packet;
    memset(&packet, 0x55, sizeof packet);
    batch.data[0] = data;
    batch.captured_length[0] = length;
    batch.wire_length[0] = wire;
    batch.link[0] = LINK_ETHERNET;
    bool metered = parse_batch(rig->parser[vlan], &batch, facts) & 1;
    if (!kernel_model_parse(data, length, wire, vlan ? 0xfff : 0, &packet)) {
        rig->left += metered;
        return;
    }
    rig->taken++;
    assert_true(metered);
    struct flow_counter_key key = key_of(&facts[0].key);
    assert_memory_equal(packet.key.head, key.head, sizeof key.head);
    assert_memory_equal(packet.key.address, key.address, sizeof key.address);
    assert_int_equal(packet.key.family, key.family);
    assert_int_equal(packet.side, facts[0].side);
    assert_int_equal(packet.octets, facts[0].ip_octets);
    assert_int_equal(packet.tcp_flags, facts[0].tcp_flags);
    assert_int_equal(packet.ttl, facts[0].ttl);
    assert_int_equal(facts[0].facts & (PACKET_FACT_FIRST_FRAGMENT | PACKET_FACT_LATER_FRAGMENT), 0);
    assert_int_equal(facts[0].label_count, 0);
}

static void compare_both(struct rig *rig, const uint8_t *data, uint32_t length, uint32_t wire)
{
    compare(rig, data, length, wire, 0);
    compare(rig, data, length, wire, 1);
}

static void compare_frame(struct rig *rig, const struct frame *frame)
{
    static const uint8_t changes[CHANGES] = {0x01, 0x04, 0x0f, 0x40, 0x80, 0xf0, 0xff};
    uint8_t data[FRAME_MAX];
    memcpy(data, frame->data, frame->length);
    for (uint32_t length = 0; length <= frame->length; length++) {
        compare_both(rig, data, length, length);
        compare_both(rig, data, length, frame->wire_length);
    }
    for (uint32_t at = 0; at < frame->length && at < 120; at++) {
        for (unsigned c = 0; c < CHANGES; c++) {
            data[at] ^= changes[c];
            compare_both(rig, data, frame->length, frame->wire_length);
            data[at] ^= changes[c];
        }
    }
}

static void test_catalogue(void **state)
{
    (void)state;
    struct error error;
    struct rig rig = {.taken = 0};
    for (unsigned vlan = 0; vlan < 2; vlan++) {
        rig.parser[vlan] = parser_create(&(struct parser_config){.vlan_in_key = vlan}, &error);
        assert_non_null(rig.parser[vlan]);
    }
    for (unsigned list = 0; frame_cases[list]; list++) {
        for (const struct frame_case *entry = frame_cases[list]; entry->name; entry++) {
            struct frame frame = {0};
            entry->build(&frame);
            if (frame.link == LINK_ETHERNET)
                compare_frame(&rig, &frame);
        }
    }
    /* The plain frames are understood, and there is something that is left to the parser. */
    assert_true(rig.taken > 10000);
    assert_true(rig.left > 10000);
    for (unsigned vlan = 0; vlan < 2; vlan++)
        parser_destroy(rig.parser[vlan]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_catalogue)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
