/* Random packets and questions. See query_packets.h. */
#include "query_packets.h"

#include <stdio.h>
#include <string.h>

static const char *const hosts4[] = {"10.0.0.1", "10.0.1.2", "10.7.0.3", "192.0.2.9",
                                     "198.51.100.4"};
static const uint8_t octets4[][4] = {
    {10, 0, 0, 1}, {10, 0, 1, 2}, {10, 7, 0, 3}, {192, 0, 2, 9}, {198, 51, 100, 4}};
static const char *const hosts6[] = {"2001:db8::1", "2001:db8:0:1::2", "fe80::9"};
static const uint8_t octets6[][16] = {{0x20, 1, 0xd, 0xb8, [15] = 1},
                                      {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, [15] = 2},
                                      {0xfe, 0x80, [15] = 9}};
static const uint16_t ports[] = {22, 53, 80, 443, 8080, 60000};
static const uint8_t protocols[] = {1, 6, 6, 17, 17, 47, 50, 58, 132, 4, 41, 44, 0, 60};

enum { HOSTS4 = 5, HOSTS6 = 3, PORTS = 6, PROTOCOLS = 14 };

struct builder {
    struct random *random;
    uint8_t *data;
    uint32_t length;
};

static void put(struct builder *builder, const void *octets, uint32_t count)
{
    if (builder->length + count > QUERY_PACKET_MAX)
        count = QUERY_PACKET_MAX - builder->length;
    memcpy(builder->data + builder->length, octets, count);
    builder->length += count;
}

static void put8(struct builder *builder, unsigned value)
{
    uint8_t octet = (uint8_t)value;
    put(builder, &octet, 1);
}

static void put16(struct builder *builder, unsigned value)
{
    put8(builder, value >> 8);
    put8(builder, value & 0xff);
}

static void put_zeros(struct builder *builder, unsigned count)
{
    while (count-- > 0)
        put8(builder, 0);
}

static void put_transport(struct builder *builder, unsigned protocol)
{
    if (protocol == 6 || protocol == 17 || protocol == 132 || random_chance(builder->random, 20)) {
        put16(builder, ports[random_below(builder->random, PORTS)]);
        put16(builder, ports[random_below(builder->random, PORTS)]);
    }
    for (uint64_t i = random_below(builder->random, 24); i > 0; i--)
        put8(builder, (unsigned)random_below(builder->random, 256));
}

static void put_ipv4(struct builder *builder)
{
    unsigned protocol = protocols[random_below(builder->random, PROTOCOLS)];
    unsigned words =
        random_chance(builder->random, 80) ? 5 : (unsigned)random_below(builder->random, 16);
    put8(builder, random_chance(builder->random, 95) ? 0x40 | words : 0x50 | words);
    put8(builder, 0);
    put16(builder, 60);
    put16(builder, 1);
    put16(builder,
          random_chance(builder->random, 80) ? 0 : (unsigned)random_below(builder->random, 0x4000));
    put8(builder, 64);
    put8(builder, protocol);
    put16(builder, 0);
    put(builder, octets4[random_below(builder->random, HOSTS4)], 4);
    put(builder, octets4[random_below(builder->random, HOSTS4)], 4);
    put_zeros(builder, words > 5 ? 4 * (words - 5) : 0);
    put_transport(builder, protocol);
}

static void put_ipv6(struct builder *builder)
{
    unsigned protocol = protocols[random_below(builder->random, PROTOCOLS)];
    put8(builder, 0x60);
    put_zeros(builder, 3);
    put16(builder, 40);
    put8(builder, protocol);
    put8(builder, 64);
    put(builder, octets6[random_below(builder->random, HOSTS6)], 16);
    put(builder, octets6[random_below(builder->random, HOSTS6)], 16);
    while ((protocol == 0 || protocol == 60 || protocol == 44) &&
           builder->length + 8 < QUERY_PACKET_MAX) {
        unsigned next = protocols[random_below(builder->random, PROTOCOLS)];
        put8(builder, next);
        put8(builder, 0);
        put16(builder, random_chance(builder->random, 70) ? 0 : 0x1238);
        put_zeros(builder, 4);
        protocol = next;
    }
    put_transport(builder, protocol);
}

static void put_arp(struct builder *builder)
{
    put16(builder, 1);
    put16(builder, 0x0800);
    put16(builder, random_chance(builder->random, 90) ? 0x0604 : 0x0804);
    put16(builder, 1);
    put_zeros(builder, 6);
    put(builder, octets4[random_below(builder->random, HOSTS4)], 4);
    put_zeros(builder, 6);
    put(builder, octets4[random_below(builder->random, HOSTS4)], 4);
}

/* An EtherType and what it announces, perhaps behind tags. */
static void put_type(struct builder *builder, unsigned between)
{
    static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100};
    unsigned kind = (unsigned)random_below(builder->random, 20);
    if (between == 0) {
        while (random_chance(builder->random, 25)) {
            put16(builder, tags[random_below(builder->random, 3)]);
            put16(builder, (unsigned)random_between(builder->random, 1, 5));
        }
    }
    static const uint16_t types[] = {0x0806, 0x8035, 0x88cc, 0x0026};
    put16(builder, kind < 10 ? 0x0800 : kind < 16 ? 0x86dd : types[kind - 16]);
    put_zeros(builder, between);
    if (kind < 10)
        put_ipv4(builder);
    else if (kind < 16)
        put_ipv6(builder);
    else if (kind < 18)
        put_arp(builder);
    else
        put_transport(builder, 0);
}

uint32_t query_packet(struct random *random, uint16_t link_type, uint8_t data[QUERY_PACKET_MAX])
{
    struct builder builder = {.random = random, .data = data};
    bool six = random_chance(random, 40);
    switch (link_type) {
    case 1:
        put_zeros(&builder, 12);
        put_type(&builder, 0);
        break;
    case 113:
        put_zeros(&builder, 14);
        put_type(&builder, 0);
        break;
    case 276:
        put_type(&builder, 18);
        break;
    case 0:
        put8(&builder, six ? 10 : 2);
        put_zeros(&builder, 3);
        six ? put_ipv6(&builder) : put_ipv4(&builder);
        break;
    default:
        six ? put_ipv6(&builder) : put_ipv4(&builder);
        break;
    }
    if (random_chance(random, 25))
        builder.length = (uint32_t)random_below(random, builder.length + 1);
    return builder.length;
}

static void add(char text[QUERY_FILTER_MAX], const char *more)
{
    strncat(text, more, QUERY_FILTER_MAX - strlen(text) - 1);
}

static const char *const directions[] = {"", "src ", "dst ", "src or dst ", "src and dst "};
static const char *const words[] = {"tcp",
                                    "udp",
                                    "icmp",
                                    "icmp6",
                                    "arp",
                                    "ip",
                                    "ip6",
                                    "rarp",
                                    "sctp",
                                    "ip proto 47",
                                    "ip6 proto 17",
                                    "proto 50",
                                    "vlan",
                                    "vlan 3",
                                    "ip6 protochain 6",
                                    "len > 60",
                                    "greater 90",
                                    "tcp[0:2] = 80",
                                    "udp[2:2] = 53",
                                    "ip[8] = 64",
                                    "ip[12:4] = 0x0a000001",
                                    "ether[12:2] = 0x800",
                                    "tcp[tcpflags] & tcp-syn != 0",
                                    "ip6[6] = 58",
                                    "ip[6:2] & 0x1fff != 0",
                                    "broadcast",
                                    "mpls",
                                    "src net 10.0.0.0/9",
                                    "ip6 net 2001:db8::/48",
                                    "portrange 20-60",
                                    "tcp portrange 440-8100",
                                    "udp dst portrange 50-60",
                                    "net 10.0",
                                    "src net 192.0.2.0/25",
                                    "dst net 2001:db8:0:1::/64",
                                    "net 0.0.0.0/1",
                                    "arp host 10.0.0.1",
                                    "ip host 10.0.1.2",
                                    "ip6 src host fe80::9",
                                    "net fe80::/10",
                                    "ip[20:2] = 80",
                                    "ip[((ip[0]&0xf)*4):2] = 443"};

/* One primitive. */
static void add_primitive(struct random *random, char text[QUERY_FILTER_MAX])
{
    char primitive[96];
    const char *direction = directions[random_below(random, 5)];
    switch (random_below(random, 5)) {
    case 0:
        snprintf(primitive, sizeof primitive, "%shost %s", direction,
                 hosts4[random_below(random, HOSTS4)]);
        break;
    case 1:
        snprintf(primitive, sizeof primitive, "%shost %s", direction,
                 hosts6[random_below(random, HOSTS6)]);
        break;
    case 2:
        snprintf(primitive, sizeof primitive, "%s%sport %u",
                 random_chance(random, 30)   ? "tcp "
                 : random_chance(random, 30) ? "udp "
                                             : "",
                 direction, ports[random_below(random, PORTS)]);
        break;
    default:
        snprintf(primitive, sizeof primitive, "%s",
                 words[random_below(random, sizeof words / sizeof words[0])]);
        break;
    }
    add(text, primitive);
}

static void add_expression(struct random *random, char text[QUERY_FILTER_MAX], unsigned depth)
{
    if (random_chance(random, 15))
        add(text, "not ");
    if (depth == 0 || random_chance(random, 30)) {
        add_primitive(random, text);
        return;
    }
    add(text, "(");
    add_expression(random, text, depth - 1);
    for (uint64_t more = random_below(random, 3); more > 0; more--) {
        add(text, random_chance(random, 50) ? " and " : " or ");
        add_expression(random, text, depth - 1);
    }
    add(text, ")");
}

void query_filter(struct random *random, char text[QUERY_FILTER_MAX])
{
    text[0] = 0;
    add_expression(random, text, (unsigned)random_below(random, 3));
}
