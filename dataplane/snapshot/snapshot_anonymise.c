/* Addresses out of packets. See snapshot_anonymise.h. */
#include "snapshot/snapshot_anonymise.h"

#include <string.h>

#include "snapshot/snapshot_layers.h"

enum {
    NESTING_MAX = 8, /* of tunnels and quoted packets */
    EXTENSIONS_MAX = 16,
    TCP_OPTIONS_MAX = 40
};

struct packet {
    const struct snapshot_anonymiser *anonymiser;
    uint8_t *data;
    uint32_t length;
    unsigned nesting;
};

/* Sum of 16 bit words in one's complement, not folded (RFC 1071). An odd octet at the end counts
 * as the high half of a word. */
static uint64_t sum_of(const uint8_t *data, uint32_t octets)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i + 1 < octets; i += 2)
        sum += snapshot_layers_u16(data + i);
    return octets % 2 != 0 ? sum + (uint64_t)(data[octets - 1] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The checksum at AT covers octets whose sum was BEFORE and is AFTER (RFC 1624): a right one stays
 * right, a wrong one wrong. */
static void adjust(uint8_t *at, uint64_t before, uint64_t after)
{
    uint16_t old = snapshot_layers_u16(at);
    uint16_t sum = fold((uint64_t)(uint16_t)~old + (uint16_t)~fold(before) + fold(after));
    sum = (uint16_t)~sum;
    at[0] = (uint8_t)(sum >> 8);
    at[1] = (uint8_t)sum;
}

static uint32_t left(const struct packet *packet, uint32_t offset)
{
    return packet->length > offset ? packet->length - offset : 0;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t clean_network(struct packet *packet, uint32_t offset, uint16_t type);

static uint32_t clean_arp(struct packet *packet, uint32_t offset)
{
    static const uint8_t ipv4_over_ethernet[6] = {0, 1, 8, 0, 6, 4};
    uint8_t *header = packet->data + offset;
    if (left(packet, offset) < 28 || memcmp(header, ipv4_over_ethernet, 6) != 0)
        return offset + smaller(left(packet, offset), 8);
    memset(header + 8, 0, 6);
    memset(header + 18, 0, 6);
    packet->anonymiser->ipv4(packet->anonymiser->context, header + 14);
    packet->anonymiser->ipv4(packet->anonymiser->context, header + 24);
    return offset + 28;
}

/* TCP options that hold no addresses stay, others (such as MPTCP's) become no-operations. */
static uint32_t clean_tcp(struct packet *packet, uint32_t offset)
{
    uint8_t *header = packet->data + offset;
    uint32_t octets = left(packet, offset);
    if (octets < 20)
        return packet->length;
    uint32_t end = (header[12] >> 4) * 4u;
    if (end <= 20)
        return offset + 20;
    uint64_t before = sum_of(header + 20, smaller(end, octets) - 20);
    uint32_t at = 20;
    end = smaller(end, octets);
    for (unsigned i = 0; i < TCP_OPTIONS_MAX && at < end && header[at] != 0; i++) {
        uint32_t size = header[at] == 1 ? 1 : at + 1 < end ? header[at + 1] : 0;
        if (size == 0 || (size == 1 && header[at] != 1) || size > end - at)
            break;
        bool harmless = header[at] <= 5 || header[at] == 8;
        if (!harmless)
            memset(header + at, 1, size);
        at += size;
    }
    memset(header + at, 0, end - at); /* behind the end, and what cannot be read */
    adjust(header + 16, before, sum_of(header + 20, end - 20));
    return offset + end;
}

/* An error of ICMP or ICMPv6 quotes the packet that it is about. */
static uint32_t clean_quote(struct packet *packet, uint32_t offset, uint16_t type)
{
    uint8_t *header = packet->data + offset;
    if (left(packet, offset) <= 8)
        return packet->length;
    uint32_t octets = left(packet, offset) - 8;
    uint64_t before = sum_of(header + 8, octets);
    uint32_t end = clean_network(packet, offset + 8, type);
    adjust(header + 2, before, sum_of(header + 8, octets));
    return end;
}

static uint32_t clean_icmp(struct packet *packet, uint32_t offset)
{
    uint32_t octets = left(packet, offset);
    switch (octets >= 8 ? packet->data[offset] : 255) {
    case 0: /* echo, time stamp and their answers */
    case 8:
    case 13:
    case 14:
        return offset + 8;
    case 3: /* unreachable, source quench, time exceeded, parameter problem */
    case 4:
    case 11:
    case 12:
        return clean_quote(packet, offset, SNAPSHOT_TYPE_IPV4);
    default:
        return offset + smaller(octets, 4);
    }
}

static uint32_t clean_icmp6(struct packet *packet, uint32_t offset)
{
    uint32_t octets = left(packet, offset);
    uint8_t type = octets >= 8 ? packet->data[offset] : 255;
    if (type >= 1 && type <= 4)
        return clean_quote(packet, offset, SNAPSHOT_TYPE_IPV6);
    return offset + smaller(octets, type == 128 || type == 129 ? 8 : 4);
}

/* GRE (RFC 2784, 2890): opened without checksum and routing. */
static uint32_t clean_gre(struct packet *packet, uint32_t offset)
{
    if (left(packet, offset) < 4)
        return packet->length;
    const uint8_t *header = packet->data + offset;
    uint32_t octets = 4u + ((header[0] & 0x20) != 0 ? 4u : 0) + ((header[0] & 0x10) != 0 ? 4u : 0);
    uint16_t type = snapshot_layers_u16(header + 2);
    if ((header[0] & 0xc0) != 0 || (header[1] & 7) != 0 || left(packet, offset) < octets)
        return offset + 4;
    if (type != SNAPSHOT_TYPE_IPV4 && type != SNAPSHOT_TYPE_IPV6)
        return offset + octets;
    return clean_network(packet, offset + octets, type);
}

/* What follows an IP header whose addresses had the sum BEFORE and have AFTER now. */
static uint32_t clean_transport(struct packet *packet, uint32_t offset, uint8_t protocol,
                                uint64_t before, uint64_t after)
{
    uint32_t octets = left(packet, offset);
    uint8_t *header = packet->data + offset;
    switch (protocol) {
    case 6:
        if (octets >= 18)
            adjust(header + 16, before, after);
        return clean_tcp(packet, offset);
    case 17:
    case 136:
        if (octets >= 8 && snapshot_layers_u16(header + 6) != 0) {
            adjust(header + 6, before, after);
            if (snapshot_layers_u16(header + 6) == 0) /* would say that there is none */
                memset(header + 6, 0xff, 2);
        }
        return offset + smaller(octets, 8);
    case 1:
        return clean_icmp(packet, offset);
    case 58:
        if (octets >= 4)
            adjust(header + 2, before, after);
        return clean_icmp6(packet, offset);
    case 132: /* SCTP: the common header; its checksum knows no addresses */
        return offset + smaller(octets, 12);
    case 33: /* DCCP: ports */
        return offset + smaller(octets, 4);
    case 50: /* ESP: index and sequence */
        return offset + smaller(octets, 8);
    case 4:
        return clean_network(packet, offset, SNAPSHOT_TYPE_IPV4);
    case 41:
        return clean_network(packet, offset, SNAPSHOT_TYPE_IPV6);
    case 47:
        return clean_gre(packet, offset);
    default:
        return smaller(offset, packet->length);
    }
}

static uint32_t clean_ipv4(struct packet *packet, uint32_t offset)
{
    uint8_t *header = packet->data + offset;
    uint32_t octets = left(packet, offset);
    if (octets < 20 || header[0] >> 4 != 4 || (header[0] & 15) < 5)
        return offset;
    uint32_t header_length = smaller((header[0] & 15u) * 4, octets);
    uint64_t before = sum_of(header + 12, 8);
    uint64_t options_before = sum_of(header + 20, header_length - 20);
    packet->anonymiser->ipv4(packet->anonymiser->context, header + 12);
    packet->anonymiser->ipv4(packet->anonymiser->context, header + 16);
    memset(header + 20, 1, header_length - 20); /* no-operations */
    uint64_t after = sum_of(header + 12, 8);
    adjust(header + 10, before + options_before, after + sum_of(header + 20, header_length - 20));
    if (header_length < (header[0] & 15u) * 4 ||
        (snapshot_layers_u16(header + 6) & 0x1fff) != 0) /* options cut, or a later fragment */
        return offset + header_length;
    return clean_transport(packet, offset + header_length, header[9], before, after);
}

/* Options become padding (RFC 8200, 4.2) from AT to END. */
static void pad(uint8_t *data, uint32_t at, uint32_t end)
{
    while (at < end) {
        uint32_t octets = smaller(end - at, 257);
        memset(data + at, 0, octets);
        if (octets > 1) {
            data[at] = 1;
            data[at + 1] = (uint8_t)(octets - 2);
        }
        at += octets;
    }
}

static uint32_t clean_ipv6(struct packet *packet, uint32_t offset)
{
    uint8_t *header = packet->data + offset;
    if (left(packet, offset) < 40 || header[0] >> 4 != 6)
        return offset;
    uint64_t before = sum_of(header + 8, 32);
    packet->anonymiser->ipv6(packet->anonymiser->context, header + 8);
    packet->anonymiser->ipv6(packet->anonymiser->context, header + 24);
    uint64_t after = sum_of(header + 8, 32);
    uint8_t protocol = header[6];
    offset += 40;
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        const uint8_t *extension = packet->data + offset;
        uint32_t octets = 8;
        if (protocol != 0 && protocol != 60 && protocol != 44)
            return clean_transport(packet, offset, protocol, before, after);
        if (left(packet, offset) < 8)
            return smaller(offset, packet->length);
        if (protocol == 44) {
            if ((snapshot_layers_u16(extension + 2) & 0xfff8) != 0)
                return offset + 8;
        } else {
            octets = (extension[1] + 1u) * 8;
            if (left(packet, offset) < octets)
                return offset;
            pad(packet->data, offset + 2, offset + octets);
        }
        protocol = extension[0];
        offset += octets;
    }
    return offset;
}

/* Returns where what may be given out ends. */
static uint32_t clean_network(struct packet *packet, uint32_t offset, uint16_t type)
{
    if (packet->nesting++ == NESTING_MAX || offset >= packet->length)
        return smaller(offset, packet->length);
    switch (type) {
    case SNAPSHOT_TYPE_IPV4:
        return clean_ipv4(packet, offset);
    case SNAPSHOT_TYPE_IPV6:
        return clean_ipv6(packet, offset);
    case SNAPSHOT_TYPE_ARP:
    case SNAPSHOT_TYPE_RARP:
        return clean_arp(packet, offset);
    default:
        return offset;
    }
}

uint32_t snapshot_anonymise(const struct snapshot_anonymiser *anonymiser, uint8_t *data,
                            uint32_t length, uint16_t link_type)
{
    struct snapshot_network network = snapshot_layers_network(data, length, link_type);
    struct packet packet = {.anonymiser = anonymiser, .data = data, .length = length};
    if (link_type == SNAPSHOT_LINK_ETHERNET)
        memset(data, 0, smaller(length, 12));
    else if (link_type == SNAPSHOT_LINK_SLL)
        memset(data + smaller(length, 6), 0, smaller(length - smaller(length, 6), 8));
    else if (link_type == SNAPSHOT_LINK_SLL2)
        memset(data + smaller(length, 12), 0, smaller(length - smaller(length, 12), 8));
    return clean_network(&packet, network.offset, network.type);
}
