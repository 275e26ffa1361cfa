/*
 * Frames of the tunnels that have an IP protocol number: GRE and ERSPAN, IP in IP, EtherIP.
 */
#include "frame_case.h"

static void outer4(struct frame *f, unsigned protocol)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 0, protocol);
}

static void outer6(struct frame *f, unsigned protocol)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, protocol);
}

static void gre(struct frame *f, unsigned flags, unsigned type)
{
    outer4(f, 47);
    frame_be16(f, flags);
    frame_be16(f, type);
}

static void ipip(struct frame *f)
{
    outer4(f, 4);
    frame_end_udp4(f, 1);
}

static void ipip_nibble_6(struct frame *f)
{
    outer4(f, 4);
    frame_end_udp6(f, 1);
}

static void six_in_four(struct frame *f)
{
    outer4(f, 41);
    frame_end_udp6(f, 1);
}

static void four_in_six(struct frame *f)
{
    outer6(f, 4);
    frame_end_udp4(f, 1);
}

static void six_in_six(struct frame *f)
{
    outer6(f, 60);
    frame_ipv6_extension(f, 41, 0);
    frame_end_udp6(f, 1);
}

static void ipip_broken(struct frame *f)
{
    outer4(f, 4);
    frame_end_udp4(f, 1);
    frame_patch8(f, 34, 0x43);
}

static void ipip_deep(struct frame *f)
{
    outer4(f, 4);
    for (unsigned net = 1; net < 15; net++)
        frame_ipv4(f, net, 4);
    frame_end_udp4(f, 15);
}

static void ipip_too_deep(struct frame *f)
{
    outer4(f, 4);
    for (unsigned net = 1; net < 17; net++)
        frame_ipv4(f, net, 4);
    frame_end_udp4(f, 17);
}

static void first_fragment(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4_fragment(f, 0, 4, 1, 0, 1);
    frame_end_udp4(f, 1);
}

static void later_fragment(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4_fragment(f, 0, 4, 1, 3, 0);
    frame_end_udp4(f, 1);
}

static void gre_ipv4(struct frame *f)
{
    gre(f, 0, 0x0800);
    frame_end_udp4(f, 1);
}

static void gre_all_fields(struct frame *f)
{
    gre(f, 0xb000, 0x86dd);
    frame_fill(f, 0x11, 12);
    frame_end_udp6(f, 1);
}

static void gre_routing(struct frame *f)
{
    gre(f, 0x4000, 0x0800);
    frame_be32(f, 0);
    frame_be32(f, 0x08000004);
    frame_be32(f, 0x0a000001);
    frame_be32(f, 0);
    frame_end_udp4(f, 1);
}

static void gre_routing_endless(struct frame *f)
{
    gre(f, 0x4000, 0x0800);
    frame_be32(f, 0);
    for (int i = 0; i < 40; i++)
        frame_be32(f, 0x08000000);
    frame_close(f);
}

static void gre_routing_cut(struct frame *f)
{
    gre(f, 0x4000, 0x0800);
    frame_be32(f, 0);
    frame_be32(f, 0x080000ff);
    frame_close(f);
}

static void gre_pptp(struct frame *f)
{
    gre(f, 0x3081, 0x880b);
    frame_fill(f, 0x11, 12);
    frame_be32(f, 0xff030021);
    frame_end_udp4(f, 1);
}

static void gre_wccp(struct frame *f)
{
    gre(f, 0, 0x883e);
    frame_be32(f, 0x00000001);
    frame_end_udp4(f, 1);
}

static void gre_wccp_1(struct frame *f)
{
    gre(f, 0, 0x883e);
    frame_end_udp4(f, 1);
}

static void gre_wccp_cut(struct frame *f)
{
    gre(f, 0, 0x883e);
    frame_close(f);
}

static void gre_ethernet(struct frame *f)
{
    gre(f, 0x2000, 0x6558);
    frame_be32(f, 77);
    frame_ethernet(f, 0x8100);
    frame_tag(f, 44, 0x0800);
    frame_end_udp4(f, 1);
}

static void gre_mpls(struct frame *f)
{
    gre(f, 0, 0x8847);
    frame_label(f, 30, 1);
    frame_end_udp4(f, 1);
}

static void gre_keepalive(struct frame *f)
{
    gre(f, 0, 0);
    frame_close(f);
}

static void gre_cut(struct frame *f)
{
    outer4(f, 47);
    frame_be16(f, 0);
    frame_close(f);
}

static void gre_fields_cut(struct frame *f)
{
    gre(f, 0xb000, 0x0800);
    frame_fill(f, 0, 11);
    frame_close(f);
}

static void erspan_1(struct frame *f)
{
    gre(f, 0, 0x88be);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void erspan_2(struct frame *f)
{
    gre(f, 0x1000, 0x88be);
    frame_be32(f, 1);
    frame_be32(f, 0x10640001);
    frame_be32(f, 0);
    frame_ethernet(f, 0x8100);
    frame_tag(f, 100, 0x0800);
    frame_end_udp4(f, 1);
}

static void erspan_2_cut(struct frame *f)
{
    gre(f, 0x1000, 0x88be);
    frame_be32(f, 1);
    frame_be32(f, 0x10640001);
    frame_close(f);
}

static void erspan_3_with(struct frame *f, unsigned last)
{
    gre(f, 0x1000, 0x22eb);
    frame_be32(f, 1);
    frame_be32(f, 0x20640001);
    frame_be32(f, 0);
    frame_be32(f, last);
}

static void erspan_3(struct frame *f)
{
    erspan_3_with(f, 0);
    frame_ethernet(f, 0x86dd);
    frame_end_udp6(f, 1);
}

static void erspan_3_platform(struct frame *f)
{
    erspan_3_with(f, 1);
    frame_fill(f, 0x33, 8);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void erspan_3_ip(struct frame *f)
{
    erspan_3_with(f, 2 << 10);
    frame_end_udp4(f, 1);
}

static void erspan_3_other(struct frame *f)
{
    erspan_3_with(f, 5 << 10);
    frame_end_udp4(f, 1);
}

static void erspan_3_cut(struct frame *f)
{
    erspan_3_with(f, 1);
    frame_fill(f, 0x33, 7);
    frame_close(f);
}

static void etherip(struct frame *f)
{
    outer4(f, 97);
    frame_be16(f, 0x3000);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void etherip_version(struct frame *f)
{
    outer4(f, 97);
    frame_be16(f, 0x2000);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void ethernet_in_ipv6(struct frame *f)
{
    outer6(f, 143);
    frame_ethernet(f, 0x86dd);
    frame_end_udp6(f, 1);
}

static void mpls_in_ip(struct frame *f)
{
    outer4(f, 137);
    frame_label(f, 30, 1);
    frame_end_udp4(f, 1);
}

#define OUTER_OF(version, number, length, rest)                                                    \
    .verdict = PACKET_METERED, .family = (version), .protocol = (number), .octets = (length),      \
    .payload = (rest)
#define OUTER(...)  OUTER_OF(4, __VA_ARGS__)
#define OUTER6(...) OUTER_OF(6, __VA_ARGS__)
#define INNER4      ENDS_UDP4, .net = 1, .facts = PACKET_FACT_TUNNEL
#define INNER6      ENDS_UDP6, .net = 1, .facts = PACKET_FACT_TUNNEL
#define LIES        .tunnel_malformed = 1

const struct frame_case frame_cases_tunnel[] = {
    {"ipip", ipip, TUNNEL_IPIP, INNER4},
    {"ipip_closed", ipip, TUNNEL_ALL & ~TUNNEL_IPIP, OUTER(4, 56, 36)},
    {"ipip_not_asked", ipip, OUTER(4, 56, 36)},
    {"ipip_nibble_6", ipip_nibble_6, TUNNEL_ALL, INNER6},
    {"ipip_broken", ipip_broken, TUNNEL_ALL, OUTER(4, 56, 36), LIES},
    {"ipip_deep", ipip_deep, TUNNEL_ALL, ENDS_UDP4, .net = 15, .facts = PACKET_FACT_TUNNEL},
    {"ipip_too_deep", ipip_too_deep, TUNNEL_ALL, OUTER(4, 76, 56), .net = 15,
     .facts = PACKET_FACT_TUNNEL, LIES},
    {"6in4", six_in_four, TUNNEL_6IN4, INNER6},
    {"4in6", four_in_six, TUNNEL_6IN4, INNER4},
    {"6in6", six_in_six, TUNNEL_6IN4, INNER6},
    {"6in4_closed", six_in_four, TUNNEL_ALL & ~TUNNEL_6IN4, OUTER(41, 76, 56)},
    {"4in6_closed", four_in_six, TUNNEL_IPIP, OUTER6(4, 76, 36)},
    {"tunnel_first_fragment", first_fragment, TUNNEL_ALL, INNER4},
    {"tunnel_later_fragment", later_fragment, TUNNEL_ALL, OUTER(4, 56, 36),
     .facts = PACKET_FACT_LATER_FRAGMENT},
    {"gre_ipv4", gre_ipv4, TUNNEL_GRE, INNER4},
    {"gre_closed", gre_ipv4, TUNNEL_ALL & ~TUNNEL_GRE, OUTER(47, 60, 40)},
    {"gre_all_closed", gre_ipv4, TUNNEL_IPIP, OUTER(47, 60, 40)},
    {"gre_all_fields", gre_all_fields, TUNNEL_GRE, INNER6},
    {"gre_routing", gre_routing, TUNNEL_GRE, INNER4},
    {"gre_routing_endless", gre_routing_endless, TUNNEL_GRE, OUTER(47, 188, 168), LIES},
    {"gre_routing_cut", gre_routing_cut, TUNNEL_GRE, OUTER(47, 32, 12), LIES},
    {"gre_pptp", gre_pptp, TUNNEL_GRE, INNER4},
    {"gre_wccp", gre_wccp, TUNNEL_GRE, INNER4},
    {"gre_wccp_1", gre_wccp_1, TUNNEL_GRE, INNER4},
    {"gre_wccp_cut", gre_wccp_cut, TUNNEL_GRE, OUTER(47, 24, 4), LIES},
    {"gre_ethernet", gre_ethernet, TUNNEL_GRE, INNER4},
    {"gre_mpls", gre_mpls, TUNNEL_GRE, INNER4, .label_count = 1},
    {"gre_keepalive", gre_keepalive, TUNNEL_GRE, OUTER(47, 24, 4)},
    {"gre_cut", gre_cut, TUNNEL_GRE, OUTER(47, 22, 2), LIES},
    {"gre_fields_cut", gre_fields_cut, TUNNEL_GRE, OUTER(47, 35, 15), LIES},
    {"erspan_1", erspan_1, TUNNEL_ERSPAN, INNER4},
    {"erspan_1_closed", erspan_1, TUNNEL_GRE, OUTER(47, 74, 54)},
    {"erspan_2", erspan_2, TUNNEL_ERSPAN, INNER4},
    {"erspan_2_cut", erspan_2_cut, TUNNEL_ERSPAN, OUTER(47, 32, 12), LIES},
    {"erspan_3", erspan_3, TUNNEL_ERSPAN, INNER6},
    {"erspan_3_platform", erspan_3_platform, TUNNEL_ERSPAN, INNER4},
    {"erspan_3_ip", erspan_3_ip, TUNNEL_ERSPAN, INNER4},
    {"erspan_3_other", erspan_3_other, TUNNEL_ERSPAN, OUTER(47, 76, 56)},
    {"erspan_3_cut", erspan_3_cut, TUNNEL_ERSPAN, OUTER(47, 47, 27), LIES},
    {"etherip", etherip, TUNNEL_ETHERIP, INNER4},
    {"etherip_closed", etherip, TUNNEL_GRE, OUTER(97, 72, 52)},
    {"etherip_version", etherip_version, TUNNEL_ETHERIP, OUTER(97, 72, 52), LIES},
    {"ethernet_in_ipv6", ethernet_in_ipv6, TUNNEL_ETHERIP, INNER6},
    {"ethernet_in_ipv6_closed", ethernet_in_ipv6, TUNNEL_GRE, OUTER6(143, 110, 70)},
    {"mpls_in_ip", mpls_in_ip, TUNNEL_MPLS_UDP, INNER4, .label_count = 1},
    {"mpls_in_ip_closed", mpls_in_ip, TUNNEL_GRE, OUTER(137, 60, 40)},
    {0},
};
