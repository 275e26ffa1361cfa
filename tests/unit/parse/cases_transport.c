/*
 * Frames of each transport, whole and cut.
 */
#include "frame_case.h"

enum { TRANSPORT = 34 }; /* its offset behind Ethernet and IPv4 */

static void ipv4_with(struct frame *f, unsigned protocol)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 0, protocol);
}

static void tcp(struct frame *f)
{
    ipv4_with(f, 6);
    frame_tcp(f, 1000, 80, 0x1ff);
    frame_fill(f, 0x55, 10);
    frame_close(f);
}

static void tcp_options(struct frame *f)
{
    ipv4_with(f, 6);
    frame_tcp(f, 80, 1000, 0x002);
    frame_patch8(f, TRANSPORT + 12, 0x80);
    frame_fill(f, 1, 12);
    frame_fill(f, 0x55, 3);
    frame_close(f);
}

static void tcp_offset_4(struct frame *f)
{
    tcp(f);
    frame_patch8(f, TRANSPORT + 12, 0x41);
}

static void tcp_offset_behind_packet(struct frame *f)
{
    tcp(f);
    frame_patch8(f, TRANSPORT + 12, 0xf1);
}

static void tcp_two_ports(struct frame *f)
{
    ipv4_with(f, 6);
    frame_tcp(f, 1000, 80, 0x10);
    frame_close(f);
    f->length = TRANSPORT + 13;
}

static void tcp_three_bytes(struct frame *f)
{
    tcp(f);
    f->length = TRANSPORT + 3;
}

static void tcp_beyond_length(struct frame *f)
{
    tcp(f);
    frame_patch16(f, 16, 23); /* captured, but behind the IP length */
}

static void tcp_ipv6(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 6);
    frame_tcp(f, 1000, 80, 0x18);
    frame_fill(f, 0x55, 10);
    frame_close(f);
}

static void udp_ipv6_tag(struct frame *f)
{
    frame_ethernet(f, 0x8100);
    frame_tag(f, 33, 0x86dd);
    frame_end_udp6(f, 0);
}

static void udp_lite(struct frame *f)
{
    ipv4_with(f, 136);
    frame_udp(f, 7, 9);
    frame_fill(f, 0x55, 4);
    frame_close(f);
}

static void sctp(struct frame *f)
{
    ipv4_with(f, 132);
    frame_be32(f, 2905u << 16 | 2906);
    frame_fill(f, 0, 8);
    frame_fill(f, 0x55, 16);
    frame_close(f);
}

static void dccp(struct frame *f)
{
    ipv4_with(f, 33);
    frame_be32(f, 5001u << 16 | 5002);
    frame_u8(f, 4); /* data offset */
    frame_fill(f, 0, 11);
    frame_fill(f, 0x55, 5);
    frame_close(f);
}

static void dccp_cut(struct frame *f)
{
    dccp(f);
    f->length = TRANSPORT + 4;
}

static void icmp(struct frame *f)
{
    ipv4_with(f, 1);
    frame_be16(f, 0x0301);
    frame_fill(f, 0, 6);
    frame_end_udp4(f, 9); /* the quoted packet is no tunnel */
}

static void icmp_cut(struct frame *f)
{
    icmp(f);
    f->length = TRANSPORT + 1;
}

static void icmpv6(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 58);
    frame_be16(f, 0x8700);
    frame_fill(f, 0, 22);
    frame_close(f);
}

static void igmp(struct frame *f)
{
    ipv4_with(f, 2);
    frame_be32(f, 0x11000000);
    frame_be32(f, 0xe0000001);
    frame_close(f);
}

static void esp(struct frame *f)
{
    ipv4_with(f, 50);
    frame_fill(f, 0x77, 24);
    frame_close(f);
}

static void ah(struct frame *f)
{
    ipv4_with(f, 51);
    frame_ah(f, 17);
    frame_udp(f, 1000, 2000);
    frame_close(f);
}

static void ah_opened(struct frame *f)
{
    ipv4_with(f, 51);
    frame_ah(f, 4);
    frame_end_udp4(f, 1);
}

static void ah_opened_bare(struct frame *f)
{
    ah(f);
}

static void ah_cut(struct frame *f)
{
    ah(f);
    f->length = TRANSPORT + 20;
}

#define FLOW_OF(version, number, source, destination, length, rest)                                \
    .verdict = PACKET_METERED, .family = (version), .protocol = (number), .source_port = (source), \
    .destination_port = (destination), .octets = (length), .payload = (rest)
#define FLOW(...)       FLOW_OF(4, __VA_ARGS__)
#define FLOW6(...)      FLOW_OF(6, __VA_ARGS__)
#define WITH_TCP(flags) .tcp_flags = (flags), .facts = PACKET_FACT_TCP

const struct frame_case frame_cases_transport[] = {
    {"tcp", tcp, FLOW(6, 1000, 80, 50, 10), WITH_TCP(0x1ff)},
    {"tcp_options", tcp_options, FLOW(6, 80, 1000, 55, 3), WITH_TCP(0x002)},
    {"tcp_offset_4", tcp_offset_4, FLOW(6, 1000, 80, 50, 30)},
    {"tcp_offset_behind_packet", tcp_offset_behind_packet, FLOW(6, 1000, 80, 50, 0),
     WITH_TCP(0x1ff)},
    {"tcp_two_ports", tcp_two_ports, FLOW(6, 1000, 80, 40, 13), .transport_cut = 1},
    {"tcp_three_bytes", tcp_three_bytes, FLOW(6, 0, 0, 50, 3), .transport_cut = 1},
    {"tcp_beyond_length", tcp_beyond_length, FLOW(6, 0, 0, 23, 3), .transport_cut = 1},
    {"tcp_ipv6", tcp_ipv6, FLOW6(6, 1000, 80, 70, 10), WITH_TCP(0x018)},
    {"udp_ipv6_tag", udp_ipv6_tag, ENDS_UDP6, .vlan = {33, 0}, .vlan_count = 1},
    {"udp_lite", udp_lite, FLOW(136, 7, 9, 32, 4)},
    {"sctp", sctp, FLOW(132, 2905, 2906, 48, 16)},
    {"dccp", dccp, FLOW(33, 5001, 5002, 41, 5)},
    {"dccp_cut", dccp_cut, FLOW(33, 5001, 5002, 41, 0)},
    {"icmp", icmp, .tunnels = TUNNEL_ALL, FLOW(1, 0, 0x0301, 64, 36)},
    {"icmp_cut", icmp_cut, FLOW(1, 0, 0, 64, 1), .transport_cut = 1},
    {"icmpv6", icmpv6, FLOW6(58, 0, 0x8700, 64, 16)},
    {"igmp", igmp, FLOW(2, 0, 0, 28, 8)},
    {"esp", esp, .tunnels = TUNNEL_ALL, FLOW(50, 0, 0, 44, 24)},
    {"ah", ah, FLOW(51, 0, 0, 52, 32)},
    {"ah_opened", ah_opened, .tunnels = TUNNEL_IPIP, ENDS_UDP4, .net = 1,
     .facts = PACKET_FACT_TUNNEL},
    {"ah_opened_bare", ah_opened_bare, .tunnels = TUNNEL_ALL, FLOW(51, 0, 0, 52, 32)},
    {"ah_cut", ah_cut, .tunnels = TUNNEL_ALL, FLOW(51, 0, 0, 52, 20), .tunnel_malformed = 1},
    {0},
};
