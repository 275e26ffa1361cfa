/*
 * Frames of the tunnels that are known by a UDP port.
 */
#include "frame_case.h"

enum { UDP_LENGTH = 38 }; /* offset of the length field of the outermost UDP header */

static void outer(struct frame *f, unsigned port)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 0, 17);
    frame_udp(f, 50000, port);
}

static void vxlan_head(struct frame *f, unsigned port, unsigned flags, unsigned next)
{
    outer(f, port);
    frame_be32(f, flags << 24 | next);
    frame_be32(f, 0x00123400);
}

static void vxlan(struct frame *f)
{
    vxlan_head(f, 4789, 0x08, 0);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void vxlan_reverse(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 0, 17);
    frame_udp(f, 4789, 50000);
    frame_be32(f, 0x08000000);
    frame_be32(f, 0);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void vxlan_flag(struct frame *f)
{
    vxlan_head(f, 4789, 0, 0);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void vxlan_arp(struct frame *f)
{
    vxlan_head(f, 4789, 0x08, 0);
    frame_ethernet(f, 0x0806);
    frame_fill(f, 0, 28);
    frame_close(f);
}

static void vxlan_twice(struct frame *f)
{
    vxlan_head(f, 4789, 0x08, 0);
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 1, 17);
    frame_udp(f, 50001, 4789);
    frame_be32(f, 0x08000000);
    frame_be32(f, 0);
    frame_ethernet(f, 0x86dd);
    frame_end_udp6(f, 2);
}

static void vxlan_udp_length(struct frame *f)
{
    vxlan(f);
    frame_patch16(f, UDP_LENGTH, 7);
}

static void vxlan_udp_short(struct frame *f)
{
    vxlan(f);
    frame_patch16(f, UDP_LENGTH, 8 + 8 + 10); /* ends inside the inner Ethernet header */
}

static void vxlan_super_packet(struct frame *f)
{
    vxlan(f);
    frame_patch16(f, UDP_LENGTH, 0);
}

static void vxlan_udp_cut(struct frame *f)
{
    vxlan(f);
    f->length = UDP_LENGTH + 3;
}

static void gpe_ipv4(struct frame *f)
{
    vxlan_head(f, 4790, 0x0c, 1);
    frame_end_udp4(f, 1);
}

static void gpe_ipv6(struct frame *f)
{
    vxlan_head(f, 4790, 0x0c, 2);
    frame_end_udp6(f, 1);
}

static void gpe_ethernet(struct frame *f)
{
    vxlan_head(f, 4790, 0x0c, 3);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void gpe_without_next(struct frame *f)
{
    vxlan_head(f, 4790, 0x08, 1); /* P bit clear: Ethernet whatever the field says */
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void gpe_nsh(struct frame *f)
{
    vxlan_head(f, 4790, 0x0c, 4);
    frame_nsh(f, 2, 1);
    frame_end_udp4(f, 1);
}

static void gpe_mpls(struct frame *f)
{
    vxlan_head(f, 4790, 0x0c, 5);
    frame_label(f, 8, 1);
    frame_end_udp4(f, 1);
}

static void gpe_other(struct frame *f)
{
    vxlan_head(f, 4790, 0x0c, 9);
    frame_end_udp4(f, 1);
}

static void geneve(struct frame *f, unsigned words, unsigned type)
{
    outer(f, 6081);
    frame_be16(f, words << 8);
    frame_be16(f, type);
    frame_be32(f, 0x00045600);
    frame_fill(f, 0, words * 4);
}

static void geneve_ethernet(struct frame *f)
{
    geneve(f, 3, 0x6558);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 1);
}

static void geneve_ipv6(struct frame *f)
{
    geneve(f, 0, 0x86dd);
    frame_end_udp6(f, 1);
}

static void geneve_version(struct frame *f)
{
    geneve_ipv6(f);
    frame_patch8(f, 42, 0x40);
}

static void geneve_options_long(struct frame *f)
{
    geneve_ipv6(f);
    frame_patch8(f, 42, 0x3f);
}

static void geneve_other(struct frame *f)
{
    geneve(f, 0, 0x0001);
    frame_end_udp6(f, 1);
}

static void gtpu(struct frame *f, unsigned flags, unsigned type)
{
    outer(f, 2152);
    frame_u8(f, flags);
    frame_u8(f, type);
    frame_open_length(f, f->length + 6);
    frame_be32(f, 0xabcd);
}

static void gtpu_ipv4(struct frame *f)
{
    gtpu(f, 0x30, 255);
    frame_end_udp4(f, 1);
}

static void gtpu_sequence(struct frame *f)
{
    gtpu(f, 0x32, 255);
    frame_be32(f, 0x00010085); /* the extension type counts only with its flag */
    frame_end_udp6(f, 1);
}

static void gtpu_extensions(struct frame *f)
{
    gtpu(f, 0x34, 255);
    frame_be32(f, 0x00000085);
    frame_be32(f, 0x01000940);
    frame_be32(f, 0x02000000);
    frame_be32(f, 0);
    frame_end_udp4(f, 1);
}

static void gtpu_extension_zero(struct frame *f)
{
    gtpu(f, 0x34, 255);
    frame_be32(f, 0x00000085);
    frame_be32(f, 0);
    frame_close(f);
}

static void gtpu_extensions_endless(struct frame *f)
{
    gtpu(f, 0x34, 255);
    frame_be32(f, 0x00000085);
    for (int i = 0; i < 20; i++)
        frame_be32(f, 0x01000085);
    frame_close(f);
}

static void gtpu_echo(struct frame *f)
{
    gtpu(f, 0x32, 1);
    frame_be32(f, 0);
    frame_close(f);
}

static void gtpu_cut(struct frame *f)
{
    outer(f, 2152);
    frame_be32(f, 0x30ff0000);
    frame_close(f);
}

static void gtpu_fields_cut(struct frame *f)
{
    gtpu(f, 0x34, 255);
    frame_be16(f, 0);
    frame_close(f);
}

static void teredo(struct frame *f)
{
    outer(f, 3544);
    frame_end_udp6(f, 1);
}

static void teredo_indications(struct frame *f)
{
    outer(f, 3544);
    frame_be32(f, 0x00010203); /* 2 bytes of client, 3 of authentication value */
    frame_fill(f, 0x44, 5 + 9);
    frame_fill(f, 0, 8); /* origin */
    frame_end_udp6(f, 1);
}

static void teredo_cut(struct frame *f)
{
    outer(f, 3544);
    frame_be32(f, 0x0001ffff);
    frame_close(f);
}

static void l2tp(struct frame *f)
{
    outer(f, 1701);
    frame_be16(f, 0x0002);
    frame_be32(f, 0x00050006);
    frame_be32(f, 0xff030021);
    frame_end_udp4(f, 1);
}

static void l2tp_all_fields(struct frame *f)
{
    outer(f, 1701);
    uint32_t start = f->length;
    frame_be16(f, 0x4a02);
    frame_open_length(f, start);
    frame_be32(f, 0x00050006);
    frame_be32(f, 0x00010002);
    frame_be16(f, 3);
    frame_fill(f, 0, 3);
    frame_u8(f, 0x57);
    frame_end_udp6(f, 1);
}

static void l2tp_control(struct frame *f)
{
    outer(f, 1701);
    frame_be16(f, 0xc802);
    frame_open_length(f, f->length - 2);
    frame_fill(f, 0, 8);
    frame_close(f);
}

static void l2tp_version_3(struct frame *f)
{
    outer(f, 1701);
    frame_be16(f, 0x0003);
    frame_fill(f, 0, 10);
    frame_close(f);
}

static void l2tp_length(struct frame *f)
{
    outer(f, 1701);
    frame_be32(f, 0x40020003); /* shorter than what was read already */
    frame_fill(f, 0, 10);
    frame_close(f);
}

static void l2tp_cut(struct frame *f)
{
    outer(f, 1701);
    frame_be32(f, 0x00020003);
    frame_close(f);
}

static void l2tp_offset_cut(struct frame *f)
{
    outer(f, 1701);
    frame_be16(f, 0x0202);
    frame_be32(f, 0);
    frame_be16(f, 500);
    frame_close(f);
}

static void mpls_in_udp(struct frame *f)
{
    outer(f, 6635);
    frame_label(f, 500, 0);
    frame_label(f, 501, 1);
    frame_end_udp6(f, 1);
}

#define OUTER_CUT(port, length)                                                                    \
    .verdict = PACKET_METERED, .family = 4, .protocol = 17, .source_port = 50000,                  \
    .destination_port = (port), .octets = (length)
#define OUTER(port, length) OUTER_CUT(port, length), .payload = (length)-28
#define INNER4              ENDS_UDP4, .net = 1, .facts = PACKET_FACT_TUNNEL
#define INNER6              ENDS_UDP6, .net = 1, .facts = PACKET_FACT_TUNNEL
#define LIES                .tunnel_malformed = 1

const struct frame_case frame_cases_tunnel_udp[] = {
    {"vxlan", vxlan, TUNNEL_VXLAN, INNER4},
    {"vxlan_closed", vxlan, TUNNEL_ALL & ~TUNNEL_VXLAN, OUTER(4789, 86)},
    {"vxlan_reverse", vxlan_reverse, TUNNEL_VXLAN, INNER4},
    {"vxlan_flag", vxlan_flag, TUNNEL_VXLAN, OUTER(4789, 86), LIES},
    {"vxlan_arp", vxlan_arp, TUNNEL_VXLAN, OUTER(4789, 78)},
    {"vxlan_twice", vxlan_twice, TUNNEL_VXLAN, ENDS_UDP6, .net = 2, .facts = PACKET_FACT_TUNNEL},
    {"vxlan_udp_length", vxlan_udp_length, TUNNEL_VXLAN, OUTER(4789, 86), LIES},
    {"vxlan_udp_short", vxlan_udp_short, TUNNEL_VXLAN, OUTER(4789, 86), LIES},
    {"vxlan_super_packet", vxlan_super_packet, TUNNEL_VXLAN, INNER4},
    {"vxlan_udp_cut", vxlan_udp_cut, TUNNEL_VXLAN, OUTER_CUT(4789, 86)},
    {"gpe_ipv4", gpe_ipv4, TUNNEL_VXLAN, INNER4},
    {"gpe_ipv6", gpe_ipv6, TUNNEL_VXLAN, INNER6},
    {"gpe_ethernet", gpe_ethernet, TUNNEL_VXLAN, INNER4},
    {"gpe_without_next", gpe_without_next, TUNNEL_VXLAN, INNER4},
    {"gpe_nsh", gpe_nsh, TUNNEL_VXLAN, INNER4},
    {"gpe_mpls", gpe_mpls, TUNNEL_VXLAN, INNER4, .label_count = 1},
    {"gpe_other", gpe_other, TUNNEL_VXLAN, OUTER(4790, 72)},
    {"geneve_ethernet", geneve_ethernet, TUNNEL_GENEVE, INNER4},
    {"geneve_closed", geneve_ethernet, TUNNEL_VXLAN, OUTER(6081, 98)},
    {"geneve_ipv6", geneve_ipv6, TUNNEL_GENEVE, INNER6},
    {"geneve_version", geneve_version, TUNNEL_GENEVE, OUTER(6081, 92), LIES},
    {"geneve_options_long", geneve_options_long, TUNNEL_GENEVE, OUTER(6081, 92), LIES},
    {"geneve_other", geneve_other, TUNNEL_GENEVE, OUTER(6081, 92)},
    {"gtpu_ipv4", gtpu_ipv4, TUNNEL_GTPU, INNER4},
    {"gtpu_closed", gtpu_ipv4, TUNNEL_GRE, OUTER(2152, 72)},
    {"gtpu_sequence", gtpu_sequence, TUNNEL_GTPU, INNER6},
    {"gtpu_extensions", gtpu_extensions, TUNNEL_GTPU, INNER4},
    {"gtpu_extension_zero", gtpu_extension_zero, TUNNEL_GTPU, OUTER(2152, 44), LIES},
    {"gtpu_extensions_endless", gtpu_extensions_endless, TUNNEL_GTPU, OUTER(2152, 120), LIES},
    {"gtpu_echo", gtpu_echo, TUNNEL_GTPU, OUTER(2152, 40)},
    {"gtpu_cut", gtpu_cut, TUNNEL_GTPU, OUTER(2152, 32), LIES},
    {"gtpu_fields_cut", gtpu_fields_cut, TUNNEL_GTPU, OUTER(2152, 38), LIES},
    {"teredo", teredo, TUNNEL_TEREDO, INNER6},
    {"teredo_closed", teredo, TUNNEL_GRE, OUTER(3544, 84)},
    {"teredo_indications", teredo_indications, TUNNEL_TEREDO, INNER6},
    {"teredo_cut", teredo_cut, TUNNEL_TEREDO, OUTER(3544, 32), LIES},
    {"l2tp", l2tp, TUNNEL_L2TP, INNER4},
    {"l2tp_closed", l2tp, TUNNEL_GRE, OUTER(1701, 74)},
    {"l2tp_all_fields", l2tp_all_fields, TUNNEL_L2TP, INNER6},
    {"l2tp_control", l2tp_control, TUNNEL_L2TP, OUTER(1701, 40)},
    {"l2tp_version_3", l2tp_version_3, TUNNEL_L2TP, OUTER(1701, 40)},
    {"l2tp_length", l2tp_length, TUNNEL_L2TP, OUTER(1701, 42), LIES},
    {"l2tp_cut", l2tp_cut, TUNNEL_L2TP, OUTER(1701, 32), LIES},
    {"l2tp_offset_cut", l2tp_offset_cut, TUNNEL_L2TP, OUTER(1701, 36), LIES},
    {"mpls_in_udp", mpls_in_udp, TUNNEL_MPLS_UDP, INNER6, .label_count = 2},
    {"mpls_in_udp_closed", mpls_in_udp, TUNNEL_GRE, OUTER(6635, 92)},
    {0},
};

const struct frame_case *const frame_cases[] = {
    frame_cases_link,   frame_cases_capture_link, frame_cases_ip, frame_cases_transport,
    frame_cases_tunnel, frame_cases_tunnel_udp,   NULL,
};
