/* Ethernet frames of the generator: see frame.h. */
#include "frame.h"

#include <assert.h>
#include <string.h>

enum { IPV4_OCTETS = 20, IPV6_OCTETS = 40, TCP_OCTETS = 20, UDP_OCTETS = 8, ICMP_OCTETS = 8 };

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value);
}

/* One's complement sum of 16-bit words (RFC 1071), summed in the byte order of the machine. */
static uint64_t sum_words(const uint8_t *data, uint32_t octets, uint64_t sum)
{
    for (; octets >= 4; data += 4, octets -= 4) {
        uint32_t word;
        memcpy(&word, data, sizeof word);
        sum += word;
    }
    uint8_t rest[4] = {0};
    memcpy(rest, data, octets);
    uint32_t word;
    memcpy(&word, rest, sizeof word);
    return sum + word;
}

/* Stores the checksum of a sum at TO. */
static void put_checksum(uint8_t *to, uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t checksum = (uint16_t)~sum;
    memcpy(to, &checksum, sizeof checksum);
}

static uint32_t transport_octets(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_TCP:
        return TCP_OCTETS;
    case PROTOCOL_UDP:
        return UDP_OCTETS;
    default:
        return ICMP_OCTETS;
    }
}

uint32_t frame_header_octets(const struct frame_plan *plan)
{
    uint32_t ip = plan->ipv6 ? IPV6_OCTETS : IPV4_OCTETS;
    return ETHERNET_OCTETS + ip + transport_octets(plan->protocol);
}

static void put_ethernet(uint8_t *frame, const struct frame_plan *plan)
{
    memcpy(frame, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
    put16(frame + 12, plan->ipv6 ? 0x86dd : 0x0800);
}

static void put_ipv4(uint8_t *ip, const struct frame_plan *plan, uint32_t ip_octets)
{
    ip[0] = 0x45;
    ip[1] = 0;
    put16(ip + 2, ip_octets);
    put32(ip + 4, 0x4000); /* do not fragment */
    ip[8] = 64;
    ip[9] = plan->protocol;
    put16(ip + 10, 0);
    put32(ip + 12, plan->source);
    put32(ip + 16, plan->destination);
    put_checksum(ip + 10, sum_words(ip, IPV4_OCTETS, 0));
}

/* 2001:db8::/32, the prefix for examples. */
static void put_address6(uint8_t *to, uint32_t low)
{
    memcpy(to, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0", 12);
    put32(to + 12, low);
}

static void put_ipv6(uint8_t *ip, const struct frame_plan *plan, uint32_t ip_octets)
{
    put32(ip, 0x60000000u | (plan->source & 0xfffff));
    put16(ip + 4, ip_octets - IPV6_OCTETS);
    ip[6] = plan->protocol;
    ip[7] = 64;
    put_address6(ip + 8, plan->source);
    put_address6(ip + 24, plan->destination);
}

/* The pseudo header's part of a checksum; ICMP over IPv4 has none. */
static uint64_t pseudo_sum(const uint8_t *ip, const struct frame_plan *plan, uint32_t octets)
{
    if (plan->protocol == PROTOCOL_ICMP)
        return 0;
    uint8_t tail[4];
    put16(tail, octets);
    put16(tail + 2, plan->protocol);
    uint64_t sum = sum_words(tail, sizeof tail, 0);
    return plan->ipv6 ? sum_words(ip + 8, 32, sum) : sum_words(ip + 12, 8, sum);
}

/* Writes the transport header, checksum 0, and returns where the checksum goes. */
static uint8_t *put_transport(uint8_t *to, const struct frame_plan *plan, uint32_t octets)
{
    if (plan->protocol == PROTOCOL_TCP) {
        put16(to, plan->source_port);
        put16(to + 2, plan->destination_port);
        put32(to + 4, plan->tcp_sequence);
        put32(to + 8, plan->tcp_acknowledgment);
        to[12] = TCP_OCTETS / 4 << 4;
        to[13] = plan->tcp_flags;
        put16(to + 14, 0xfaf0);
        put32(to + 16, 0);
        return to + 16;
    }
    if (plan->protocol == PROTOCOL_UDP) {
        put16(to, plan->source_port);
        put16(to + 2, plan->destination_port);
        put16(to + 4, octets);
        put16(to + 6, 0);
        return to + 6;
    }
    to[0] = plan->icmp_type;
    to[1] = 0;
    put16(to + 2, 0);
    put16(to + 4, plan->source_port);
    put16(to + 6, plan->tcp_sequence);
    return to + 2;
}

struct frame_size frame_build(uint8_t *buffer, const struct frame_plan *plan)
{
    uint32_t ip_header = plan->ipv6 ? IPV6_OCTETS : IPV4_OCTETS;
    uint32_t transport = transport_octets(plan->protocol) + plan->payload_octets;
    struct frame_size size = {.ip_octets = ip_header + transport};
    size.frame_octets = ETHERNET_OCTETS + size.ip_octets;
    assert(size.frame_octets <= FRAME_OCTETS_MAX);

    uint8_t *ip = buffer + ETHERNET_OCTETS;
    put_ethernet(buffer, plan);
    if (plan->ipv6)
        put_ipv6(ip, plan, size.ip_octets);
    else
        put_ipv4(ip, plan, size.ip_octets);
    uint8_t *checksum = put_transport(ip + ip_header, plan, transport);
    if (plan->payload_octets > 0)
        memcpy(ip + size.ip_octets - plan->payload_octets, plan->payload, plan->payload_octets);
    uint64_t sum = pseudo_sum(ip, plan, transport);
    put_checksum(checksum, sum_words(ip + ip_header, transport, sum));

    if (size.frame_octets < FRAME_OCTETS_MIN) {
        memset(buffer + size.frame_octets, 0, FRAME_OCTETS_MIN - size.frame_octets);
        size.frame_octets = FRAME_OCTETS_MIN;
    }
    return size;
}
