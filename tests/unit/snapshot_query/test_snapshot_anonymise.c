/*
 * Addresses out of packets: none of the old ones is left wherever they stood, right checksums stay
 * right, and what cannot be cleaned is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "query_packets.h"
#include "snapshot/snapshot_anonymise.h"

enum { ETHERNET = 1, ROUNDS = 20000 };

static const uint8_t source4[4] = {10, 1, 2, 3}, target4[4] = {192, 0, 2, 77};
static const uint8_t source6[16] = {0x20, 1, 0xd, 0xb8, [15] = 0x11},
                     target6[16] = {0x20, 1, 0xd, 0xb8, [15] = 0x22};

static void change4(void *context, uint8_t address[4])
{
    (void)context;
    for (unsigned i = 0; i < 4; i++)
        address[i] = (uint8_t)~address[i];
}

static void change6(void *context, uint8_t address[16])
{
    (void)context;
    for (unsigned i = 0; i < 16; i++)
        address[i] = (uint8_t)~address[i];
}

static const struct snapshot_anonymiser anonymiser = {.ipv4 = change4, .ipv6 = change6};

/* A packet under construction. */
struct frame {
    uint8_t data[QUERY_PACKET_MAX];
    uint32_t length;
};

static void put(struct frame *frame, const void *octets, uint32_t count)
{
    memcpy(frame->data + frame->length, octets, count);
    frame->length += count;
}

static uint16_t sum_of(const uint8_t *data, uint32_t octets, uint32_t begin)
{
    uint32_t sum = begin;
    for (uint32_t i = 0; i < octets; i++)
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void store_sum(uint8_t *at, uint16_t sum)
{
    at[0] = (uint8_t)(~sum >> 8);
    at[1] = (uint8_t)~sum;
}

static void put_ethernet(struct frame *frame, unsigned type)
{
    static const uint8_t macs[12] = {2, 9, 9, 9, 9, 1, 2, 9, 9, 9, 9, 2};
    const uint8_t octets[2] = {(uint8_t)(type >> 8), (uint8_t)type};
    put(frame, macs, 12);
    put(frame, octets, 2);
}

/* An IPv4 header for OCTETS behind it; its checksum is right. */
static void put_ipv4(struct frame *frame, uint8_t protocol, uint32_t octets)
{
    uint8_t header[20] = {0x45, 0, 0, (uint8_t)(20 + octets), 0, 1, 0, 0, 64, protocol};
    memcpy(header + 12, source4, 4);
    memcpy(header + 16, target4, 4);
    store_sum(header + 10, sum_of(header, 20, 0));
    put(frame, header, 20);
}

static void put_ipv6(struct frame *frame, uint8_t next, uint32_t octets)
{
    uint8_t header[40] = {0x60, 0, 0, 0, 0, (uint8_t)octets, next, 64};
    memcpy(header + 8, source6, 16);
    memcpy(header + 24, target6, 16);
    put(frame, header, 40);
}

/* The sum of the pseudo header (RFC 768, RFC 8200) of the IP header at HEADER. */
static uint32_t pseudo(const uint8_t *header, uint8_t protocol, uint32_t octets)
{
    return header[0] >> 4 == 4 ? sum_of(header + 12, 8, protocol + octets)
                               : sum_of(header + 8, 32, protocol + octets);
}

/* A UDP datagram with 8 octets of payload behind the IP header at IP. */
static void put_udp(struct frame *frame, uint32_t ip)
{
    uint8_t datagram[16] = {0x12, 0x34, 0, 53, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    store_sum(datagram + 6, sum_of(datagram, 16, pseudo(frame->data + ip, 17, 16)));
    put(frame, datagram, 16);
}

/* No address is left in the LENGTH octets. */
static void assert_clean(const uint8_t *data, uint32_t length)
{
    assert_null(memmem(data, length, source4, 4));
    assert_null(memmem(data, length, target4, 4));
    assert_null(memmem(data, length, source6, 16));
    assert_null(memmem(data, length, target6, 16));
}

static uint32_t clean(struct frame *frame)
{
    uint32_t length = snapshot_anonymise(&anonymiser, frame->data, frame->length, ETHERNET);
    assert_true(length <= frame->length);
    assert_clean(frame->data, length);
    return length;
}

static void checksums_follow(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct frame frame = {.length = 0};
        put_ethernet(&frame, six ? 0x86dd : 0x0800);
        six ? put_ipv6(&frame, 17, 16) : put_ipv4(&frame, 17, 16);
        uint32_t transport = frame.length;
        put_udp(&frame, 14);
        assert_int_equal(clean(&frame), transport + 8);
        if (!six)
            assert_int_equal(sum_of(frame.data + 14, 20, 0), 0xffff);
        assert_int_equal(sum_of(frame.data + transport, 16, pseudo(frame.data + 14, 17, 16)),
                         0xffff);
        static const uint8_t zeros[12];
        assert_memory_equal(frame.data, zeros, 12);
    }
}

static void tcp_options_that_hold_addresses_go(void **state)
{
    (void)state;
    struct frame frame = {.length = 0};
    uint8_t segment[40] = {0x12, 0x34, 0, 80, [12] = 0xa0};
    static const uint8_t options[20] = {2, 4, 5, 0xb4, 30, 8, 0x30, 1, 10, 1, 2, 3, 1, 1, 3, 3, 7};
    memcpy(segment + 20, options, 20);
    put_ethernet(&frame, 0x0800);
    put_ipv4(&frame, 6, 40);
    store_sum(segment + 16, sum_of(segment, 40, pseudo(frame.data + 14, 6, 40)));
    put(&frame, segment, 40);
    assert_int_equal(clean(&frame), 14 + 20 + 40);
    assert_int_equal(sum_of(frame.data + 34, 40, pseudo(frame.data + 14, 6, 40)), 0xffff);
    assert_memory_equal(frame.data + 54, options, 4);
    assert_memory_equal(frame.data + 54 + 12, options + 12, 5);
}

static void errors_quote_clean_packets(void **state)
{
    (void)state;
    static const uint8_t types[][8] = {{3, 1}, {1, 0}};
    for (unsigned six = 0; six < 2; six++) {
        struct frame frame = {.length = 0};
        uint32_t header = six ? 40 : 20, quoted = header + 16;
        put_ethernet(&frame, six ? 0x86dd : 0x0800);
        six ? put_ipv6(&frame, 58, 8 + quoted) : put_ipv4(&frame, 1, 8 + quoted);
        uint32_t icmp = frame.length;
        put(&frame, types[six], 8);
        uint32_t inner = frame.length;
        six ? put_ipv6(&frame, 17, 16) : put_ipv4(&frame, 17, 16);
        put_udp(&frame, inner);
        uint32_t begin = six ? pseudo(frame.data + 14, 58, 8 + quoted) : 0;
        store_sum(frame.data + icmp + 2, sum_of(frame.data + icmp, 8 + quoted, begin));
        assert_int_equal(clean(&frame), inner + header + 8);
        begin = six ? pseudo(frame.data + 14, 58, 8 + quoted) : 0;
        assert_int_equal(sum_of(frame.data + icmp, 8 + quoted, begin), 0xffff);
        assert_int_equal(
            sum_of(frame.data + inner + header, 16, pseudo(frame.data + inner, 17, 16)), 0xffff);
    }
}

static void tunnels_are_opened_and_others_cut(void **state)
{
    (void)state;
    struct frame frame = {.length = 0};
    static const uint8_t gre[8] = {0x20, 0, 8, 0, 0, 0, 0, 7}; /* with a key */
    put_ethernet(&frame, 0x8100);
    put(&frame, "\0\5\10\0", 4);
    put_ipv4(&frame, 47, 8 + 36);
    put(&frame, gre, 8);
    uint32_t inner = frame.length;
    put_ipv4(&frame, 17, 16);
    put_udp(&frame, inner);
    assert_int_equal(clean(&frame), inner + 28);
    assert_int_equal(sum_of(frame.data + inner, 20, 0), 0xffff);
    /* A redirect names a router, an unknown protocol may name anything. */
    static const uint8_t redirect[8] = {5, 1, 0, 0, 10, 1, 2, 3};
    const uint8_t protocols[] = {1, 89};
    for (unsigned i = 0; i < 2; i++) {
        frame.length = 0;
        put_ethernet(&frame, 0x0800);
        put_ipv4(&frame, protocols[i], 8);
        put(&frame, redirect, 8);
        assert_int_equal(clean(&frame), 34 + (i == 0 ? 4 : 0));
    }
    frame.length = 0;
    put_ethernet(&frame, 0x0806);
    put(&frame, "\0\1\10\0\6\4\0\1\2\11\11\11\11\1", 14);
    put(&frame, source4, 4);
    put(&frame, "\2\11\11\11\11\2", 6);
    put(&frame, target4, 4);
    assert_int_equal(clean(&frame), 42);
    assert_null(memmem(frame.data, 42, "\2\11\11\11", 4));
}

static void nothing_of_random_packets_leaks(void **state)
{
    (void)state;
    static const uint16_t links[] = {1, 113, 276, 0, 101, 147};
    /* Longer parts than any chance brings together. */
    static const uint8_t old4[][4] = {{10, 7, 0, 3}, {192, 0, 2, 9}, {198, 51, 100, 4}};
    static const uint8_t old6[4] = {0x20, 1, 0xd, 0xb8};
    struct random random = {7};
    uint64_t kept = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t data[QUERY_PACKET_MAX];
        uint16_t link = links[random_below(&random, sizeof links / sizeof links[0])];
        uint32_t length = query_packet(&random, link, data);
        uint32_t clean_length = snapshot_anonymise(&anonymiser, data, length, link);
        assert_true(clean_length <= length);
        if (link == 147)
            assert_int_equal(clean_length, 0);
        for (unsigned k = 0; k < 3; k++)
            if (memmem(data, clean_length, old4[k], 4))
                fail_msg("packet %u of link type %u holds address %u", i, link, k);
        assert_null(memmem(data, clean_length, old6, 4));
        kept += clean_length;
    }
    assert_true(kept > ROUNDS * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_follow),
        cmocka_unit_test(tcp_options_that_hold_addresses_go),
        cmocka_unit_test(errors_quote_clean_packets),
        cmocka_unit_test(tunnels_are_opened_and_others_cut),
        cmocka_unit_test(nothing_of_random_packets_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
