/*
 * Frames of the link layers on the wire: Ethernet, LLC, tags, labels, PPPoE, NSH.
 */
#include "frame_case.h"

static void ipv4(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 0);
}

static void ipv6(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_end_udp6(f, 0);
}

static void padded(struct frame *f)
{
    ipv4(f);
    frame_fill(f, 0, 20);
    f->wire_length = f->length;
}

static void one_tag(struct frame *f)
{
    frame_ethernet(f, 0x8100);
    frame_tag(f, 5, 0x0800);
    frame_end_udp4(f, 0);
}

static void one_tag_padded(struct frame *f)
{
    one_tag(f);
    frame_fill(f, 0, 20);
    f->wire_length = f->length;
}

static void three_tags(struct frame *f)
{
    frame_ethernet(f, 0x88a8);
    frame_tag(f, 4095, 0x9100);
    frame_tag(f, 4094, 0x9200);
    frame_tag(f, 3, 0x86dd);
    frame_end_udp6(f, 0);
}

static void four_tags(struct frame *f)
{
    frame_ethernet(f, 0x8100);
    for (unsigned i = 1; i < 4; i++)
        frame_tag(f, i, 0x8100);
    frame_tag(f, 4, 0x0800);
    frame_end_udp4(f, 0);
}

static void tag_cut(struct frame *f)
{
    frame_ethernet(f, 0x8100);
    frame_be16(f, 5);
    frame_close(f);
}

static void backbone(struct frame *f)
{
    frame_ethernet(f, 0x88a8);
    frame_tag(f, 100, 0x88e7);
    frame_be32(f, 0x00012345);
    frame_ethernet(f, 0x8100);
    frame_tag(f, 200, 0x0800);
    frame_end_udp4(f, 0);
}

static void backbone_cut(struct frame *f)
{
    frame_ethernet(f, 0x88e7);
    frame_be16(f, 1);
    frame_close(f);
}

static void arp(struct frame *f)
{
    frame_ethernet(f, 0x0806);
    frame_fill(f, 0, 28);
    frame_close(f);
}

static void rarp(struct frame *f)
{
    frame_ethernet(f, 0x8035);
    frame_fill(f, 0, 28);
    frame_close(f);
}

static void lldp(struct frame *f)
{
    frame_ethernet(f, 0x88cc);
    frame_fill(f, 0, 46);
    frame_close(f);
}

static void type_between(struct frame *f)
{
    frame_ethernet(f, 1501); /* neither a length nor an EtherType */
    frame_fill(f, 0, 46);
    frame_close(f);
}

static void ethernet_cut(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_close(f);
    f->length = 13;
}

static void snap(struct frame *f)
{
    frame_ethernet(f, 8 + 36);
    frame_llc_snap(f, 0, 0x0800);
    frame_end_udp4(f, 0);
}

static void snap_cisco(struct frame *f)
{
    frame_ethernet(f, 8 + 56);
    frame_llc_snap(f, 0xf8, 0x86dd);
    frame_end_udp6(f, 0);
}

static void snap_bridged(struct frame *f)
{
    frame_ethernet(f, 8 + 14 + 36);
    frame_llc_snap(f, 0x80c2, 7);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 0);
}

static void snap_other(struct frame *f)
{
    frame_ethernet(f, 8 + 20);
    frame_llc_snap(f, 0x00000c, 0x2000);
    frame_fill(f, 0, 20);
    frame_close(f);
}

static void snap_cut(struct frame *f)
{
    frame_ethernet(f, 5); /* the length ends inside the SNAP header */
    frame_llc_snap(f, 0, 0x0800);
    frame_end_udp4(f, 0);
}

static void snap_short_length(struct frame *f)
{
    frame_ethernet(f, 8 + 19); /* the length ends inside the IP header */
    frame_llc_snap(f, 0, 0x0800);
    frame_end_udp4(f, 0);
}

static void llc_ip(struct frame *f)
{
    frame_ethernet(f, 3 + 36);
    frame_put(f, "\x06\x06\x03", 3);
    frame_end_udp4(f, 0);
}

static void spanning_tree(struct frame *f)
{
    frame_ethernet(f, 38);
    frame_put(f, "\x42\x42\x03", 3);
    frame_fill(f, 0, 43);
    frame_close(f);
}

static void llc_numbered(struct frame *f)
{
    frame_ethernet(f, 38);
    frame_put(f, "\x06\x06\x7f", 3);
    frame_end_udp4(f, 0);
}

static void llc_cut(struct frame *f)
{
    frame_ethernet(f, 2);
    frame_put(f, "\xaa\xaa\x03", 3);
    frame_close(f);
}

static void label_ipv4(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 1000, 1);
    frame_end_udp4(f, 0);
}

static void labels_ipv6(struct frame *f)
{
    frame_ethernet(f, 0x8848);
    for (uint32_t i = 0; i < 4; i++)
        frame_label(f, 1000 + i, i == 3);
    frame_end_udp6(f, 0);
}

static void labels_17(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    for (uint32_t i = 0; i < 17; i++)
        frame_label(f, i + 16, i == 16);
    frame_end_udp4(f, 0);
}

static void label_cut(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 0);
    frame_be16(f, 0);
    frame_close(f);
}

static void label_nothing(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 1);
    frame_close(f);
}

static void label_channel(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 13, 1);
    frame_be32(f, 0x10000007);
    frame_fill(f, 0, 30);
    frame_close(f);
}

static void label_noise(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 1);
    frame_fill(f, 0xee, 40);
    frame_close(f);
}

static void pseudowire(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 1);
    frame_be32(f, 0); /* control word */
    frame_ethernet(f, 0x8100);
    frame_tag(f, 7, 0x0800);
    frame_end_udp4(f, 0);
}

static void pseudowire_plain(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 0);
    frame_label(f, 17, 1);
    frame_ethernet(f, 0x8100); /* begins with nibble 0, like a control word */
    frame_tag(f, 7, 0x0800);
    frame_end_udp4(f, 0);
}

static void pseudowire_other_nibble(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 1);
    uint32_t start = f->length;
    frame_ethernet(f, 0x0800);
    f->data[start] = 0x52;
    frame_end_udp4(f, 0);
}

static void pseudowire_llc(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 1);
    frame_be32(f, 9); /* control word */
    frame_ethernet(f, 8 + 36);
    frame_llc_snap(f, 0, 0x0800);
    frame_end_udp4(f, 0);
}

static void pseudowire_arp(struct frame *f)
{
    frame_ethernet(f, 0x8847);
    frame_label(f, 16, 1);
    frame_be32(f, 0);
    frame_ethernet(f, 0x0806);
    frame_fill(f, 0, 28);
    frame_close(f);
}

static void pppoe_ipv4(struct frame *f)
{
    frame_ethernet(f, 0x8864);
    frame_pppoe(f, 0x0021);
    frame_end_udp4(f, 0);
}

static void pppoe_ipv6(struct frame *f)
{
    frame_ethernet(f, 0x8100);
    frame_tag(f, 9, 0x8864);
    frame_pppoe(f, 0x0057);
    frame_end_udp6(f, 0);
}

static void pppoe_mpls(struct frame *f)
{
    frame_ethernet(f, 0x8864);
    frame_pppoe(f, 0x0281);
    frame_label(f, 99, 1);
    frame_end_udp4(f, 0);
}

static void pppoe_lcp(struct frame *f)
{
    frame_ethernet(f, 0x8864);
    frame_pppoe(f, 0xc021);
    frame_fill(f, 0, 10);
    frame_close(f);
}

static void pppoe_not_session(struct frame *f)
{
    pppoe_ipv4(f);
    frame_patch8(f, 15, 0x09);
}

static void pppoe_discovery(struct frame *f)
{
    frame_ethernet(f, 0x8863);
    frame_fill(f, 0, 20);
    frame_close(f);
}

static void pppoe_cut(struct frame *f)
{
    frame_ethernet(f, 0x8864);
    frame_be32(f, 0x11000007);
    frame_close(f);
}

static void pppoe_length_one(struct frame *f)
{
    pppoe_ipv4(f);
    frame_patch16(f, 18, 1); /* half a protocol field */
}

static void pppoe_length_zero(struct frame *f)
{
    pppoe_ipv4(f);
    frame_patch16(f, 18, 0);
}

static void nsh_ipv4(struct frame *f)
{
    frame_ethernet(f, 0x894f);
    frame_nsh(f, 6, 1);
    frame_end_udp4(f, 0);
}

static void nsh_nested(struct frame *f)
{
    frame_ethernet(f, 0x894f);
    frame_nsh(f, 2, 4);
    frame_nsh(f, 3, 5);
    frame_label(f, 20, 1);
    frame_end_udp6(f, 0);
}

static void nsh_ipv6(struct frame *f)
{
    frame_ethernet(f, 0x894f);
    frame_nsh(f, 2, 2);
    frame_end_udp6(f, 0);
}

static void nsh_ethernet(struct frame *f)
{
    frame_ethernet(f, 0x894f);
    frame_nsh(f, 2, 3);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 0);
}

static void nsh_other(struct frame *f)
{
    frame_ethernet(f, 0x894f);
    frame_nsh(f, 2, 0xfe);
    frame_end_udp4(f, 0);
}

static void nsh_short(struct frame *f)
{
    nsh_ipv4(f);
    frame_patch8(f, 15, 1); /* length below the base header */
}

static void nsh_long(struct frame *f)
{
    nsh_ipv4(f);
    frame_patch8(f, 15, 63); /* length behind the frame */
}

static void bridged_type(struct frame *f)
{
    frame_ethernet(f, 0x6558);
    frame_ethernet(f, 0x0800);
    frame_end_udp4(f, 0);
}

static void ppp_type(struct frame *f)
{
    frame_ethernet(f, 0x880b);
    frame_be16(f, 0x0021);
    frame_end_udp4(f, 0);
}

#define IGNORED(reason)           .verdict = reason
#define TAGS(outer, inner, count) .vlan = {outer, inner}, .vlan_count = (count)

const struct frame_case frame_cases_link[] = {
    {"ethernet_ipv4", ipv4, ENDS_UDP4},
    {"ethernet_ipv6", ipv6, ENDS_UDP6},
    {"ethernet_padded", padded, ENDS_UDP4},
    {"tag", one_tag, ENDS_UDP4, TAGS(5, 0, 1)},
    {"tag_padded", one_tag_padded, ENDS_UDP4, TAGS(5, 0, 1)},
    {"tags_three", three_tags, ENDS_UDP6, TAGS(4095, 4094, 3)},
    {"tags_four", four_tags, IGNORED(IGNORED_TAG_DEPTH)},
    {"tag_cut", tag_cut, IGNORED(IGNORED_LINK_CUT)},
    {"backbone", backbone, ENDS_UDP4, TAGS(100, 200, 2)},
    {"backbone_cut", backbone_cut, IGNORED(IGNORED_LINK_CUT)},
    {"arp", arp, IGNORED(IGNORED_ARP)},
    {"rarp", rarp, IGNORED(IGNORED_ARP)},
    {"lldp", lldp, IGNORED(IGNORED_ETHERTYPE)},
    {"ethernet_type_between", type_between, IGNORED(IGNORED_ETHERTYPE)},
    {"ethernet_cut", ethernet_cut, IGNORED(IGNORED_LINK_CUT)},
    {"snap", snap, ENDS_UDP4},
    {"snap_cisco", snap_cisco, ENDS_UDP6},
    {"snap_bridged", snap_bridged, ENDS_UDP4},
    {"snap_other", snap_other, IGNORED(IGNORED_LLC)},
    {"snap_cut", snap_cut, IGNORED(IGNORED_LINK_CUT)},
    {"snap_short_length", snap_short_length, IGNORED(IGNORED_IP_CUT)},
    {"llc_ip", llc_ip, ENDS_UDP4},
    {"llc_spanning_tree", spanning_tree, IGNORED(IGNORED_LLC)},
    {"llc_numbered", llc_numbered, IGNORED(IGNORED_LLC)},
    {"llc_cut", llc_cut, IGNORED(IGNORED_LINK_CUT)},
    {"mpls_ipv4", label_ipv4, ENDS_UDP4, .label_count = 1},
    {"mpls_ipv6", labels_ipv6, ENDS_UDP6, .label_count = 3},
    {"mpls_depth", labels_17, IGNORED(IGNORED_TAG_DEPTH)},
    {"mpls_cut", label_cut, IGNORED(IGNORED_LINK_CUT)},
    {"mpls_nothing", label_nothing, IGNORED(IGNORED_LINK_CUT)},
    {"mpls_channel", label_channel, IGNORED(IGNORED_MPLS)},
    {"mpls_noise", label_noise, IGNORED(IGNORED_MPLS)},
    {"pseudowire", pseudowire, ENDS_UDP4, TAGS(7, 0, 1), .label_count = 1},
    {"pseudowire_plain", pseudowire_plain, ENDS_UDP4, TAGS(7, 0, 1), .label_count = 2},
    {"pseudowire_nibble", pseudowire_other_nibble, ENDS_UDP4, .label_count = 1},
    {"pseudowire_llc", pseudowire_llc, ENDS_UDP4, .label_count = 1},
    {"pseudowire_arp", pseudowire_arp, IGNORED(IGNORED_ARP)},
    {"pppoe_ipv4", pppoe_ipv4, ENDS_UDP4},
    {"pppoe_ipv6", pppoe_ipv6, ENDS_UDP6, TAGS(9, 0, 1)},
    {"pppoe_mpls", pppoe_mpls, ENDS_UDP4, .label_count = 1},
    {"pppoe_lcp", pppoe_lcp, IGNORED(IGNORED_PPP)},
    {"pppoe_not_session", pppoe_not_session, IGNORED(IGNORED_PPP)},
    {"pppoe_discovery", pppoe_discovery, IGNORED(IGNORED_PPP)},
    {"pppoe_cut", pppoe_cut, IGNORED(IGNORED_LINK_CUT)},
    {"pppoe_length_one", pppoe_length_one, IGNORED(IGNORED_LINK_CUT)},
    {"pppoe_length_zero", pppoe_length_zero, IGNORED(IGNORED_LINK_CUT)},
    {"nsh_ipv4", nsh_ipv4, ENDS_UDP4},
    {"nsh_nested", nsh_nested, ENDS_UDP6, .label_count = 1},
    {"nsh_ipv6", nsh_ipv6, ENDS_UDP6},
    {"nsh_ethernet", nsh_ethernet, ENDS_UDP4},
    {"nsh_other", nsh_other, IGNORED(IGNORED_NSH)},
    {"nsh_short", nsh_short, IGNORED(IGNORED_NSH)},
    {"nsh_long", nsh_long, IGNORED(IGNORED_LINK_CUT)},
    {"bridged_type", bridged_type, ENDS_UDP4},
    {"ppp_type", ppp_type, ENDS_UDP4},
    {0},
};
