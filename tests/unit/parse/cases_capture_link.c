/*
 * Frames of link layers that only capture files have.
 */
#include "frame_case.h"

static void raw_ipv4(struct frame *f)
{
    f->link = LINK_RAW_IP;
    frame_end_udp4(f, 0);
}

static void raw_ipv6(struct frame *f)
{
    f->link = LINK_RAW_IP;
    frame_end_udp6(f, 0);
}

static void raw_other(struct frame *f)
{
    f->link = LINK_RAW_IP;
    frame_fill(f, 0x77, 40);
    frame_close(f);
}

static void raw_empty(struct frame *f)
{
    f->link = LINK_RAW_IP;
    frame_close(f);
}

static void cooked(struct frame *f, unsigned hardware, unsigned protocol)
{
    f->link = LINK_LINUX_SLL;
    frame_be16(f, 0);
    frame_be16(f, hardware);
    frame_be16(f, 6);
    frame_fill(f, 1, 8);
    frame_be16(f, protocol);
}

static void cooked_ipv4(struct frame *f)
{
    cooked(f, 1, 0x0800);
    frame_end_udp4(f, 0);
}

static void cooked_tag(struct frame *f)
{
    cooked(f, 1, 0x8100);
    frame_tag(f, 12, 0x86dd);
    frame_end_udp6(f, 0);
}

static void cooked_llc(struct frame *f)
{
    cooked(f, 1, 4);
    frame_llc_snap(f, 0, 0x0800);
    frame_end_udp4(f, 0);
}

static void cooked_raw_8023(struct frame *f)
{
    cooked(f, 1, 1);
    frame_fill(f, 0xff, 30);
    frame_close(f);
}

static void cooked_netlink(struct frame *f)
{
    cooked(f, 824, 0x0800);
    frame_end_udp4(f, 0);
}

static void cooked_cut(struct frame *f)
{
    cooked(f, 1, 0x0800);
    frame_close(f);
    f->length = 15;
}

static void cooked2_ipv6(struct frame *f)
{
    f->link = LINK_LINUX_SLL2;
    frame_be16(f, 0x86dd);
    frame_be16(f, 0);
    frame_be32(f, 3);
    frame_be16(f, 1);
    frame_be16(f, 6);
    frame_fill(f, 2, 8);
    frame_end_udp6(f, 0);
}

static void cooked2_cut(struct frame *f)
{
    f->link = LINK_LINUX_SLL2;
    frame_fill(f, 8, 19);
    frame_close(f);
}

static void null_big_endian(struct frame *f)
{
    f->link = LINK_NULL_LOOP;
    frame_be32(f, 2);
    frame_end_udp4(f, 0);
}

static void null_little_endian(struct frame *f)
{
    f->link = LINK_NULL_LOOP;
    frame_put(f, "\x1e\0\0\0", 4);
    frame_end_udp6(f, 0);
}

static void null_other(struct frame *f)
{
    f->link = LINK_NULL_LOOP;
    frame_be32(f, 7);
    frame_end_udp4(f, 0);
}

static void null_cut(struct frame *f)
{
    f->link = LINK_NULL_LOOP;
    frame_be16(f, 0);
    frame_close(f);
}

static void loop_ipv6(struct frame *f)
{
    f->link = LINK_LOOP;
    frame_be32(f, 24);
    frame_end_udp6(f, 0);
}

static void loop_swapped(struct frame *f)
{
    f->link = LINK_LOOP; /* always in network order: this is no family */
    frame_put(f, "\x02\0\0\0", 4);
    frame_end_udp4(f, 0);
}

static void loop_cut(struct frame *f)
{
    f->link = LINK_LOOP;
    frame_u8(f, 0);
    frame_close(f);
}

static void ppp_framed(struct frame *f)
{
    f->link = LINK_PPP;
    frame_be16(f, 0xff03);
    frame_be16(f, 0x0021);
    frame_end_udp4(f, 0);
}

static void ppp_compressed(struct frame *f)
{
    f->link = LINK_PPP;
    frame_u8(f, 0x57);
    frame_end_udp6(f, 0);
}

static void ppp_control(struct frame *f)
{
    f->link = LINK_PPP;
    frame_be16(f, 0x8021);
    frame_fill(f, 0, 8);
    frame_close(f);
}

static void ppp_cut(struct frame *f)
{
    f->link = LINK_PPP;
    frame_u8(f, 0x00);
    frame_close(f);
}

static void hdlc_ipv4(struct frame *f)
{
    f->link = LINK_CHDLC;
    frame_be16(f, 0x0f00);
    frame_be16(f, 0x0800);
    frame_end_udp4(f, 0);
}

static void hdlc_keepalive(struct frame *f)
{
    f->link = LINK_CHDLC;
    frame_be16(f, 0x8f00);
    frame_be16(f, 0x8035);
    frame_fill(f, 0, 18);
    frame_close(f);
}

static void hdlc_cut(struct frame *f)
{
    f->link = LINK_CHDLC;
    frame_be16(f, 0x0f00);
    frame_close(f);
}

static void unknown_link(struct frame *f)
{
    f->link = LINK_UNKNOWN;
    frame_end_udp4(f, 0);
}

static void link_out_of_range(struct frame *f)
{
    f->link = 200;
    frame_end_udp4(f, 0);
}

#define IGNORED(reason) .verdict = reason

const struct frame_case frame_cases_capture_link[] = {
    {"raw_ipv4", raw_ipv4, ENDS_UDP4},
    {"raw_ipv6", raw_ipv6, ENDS_UDP6},
    {"raw_other", raw_other, IGNORED(IGNORED_IP_VERSION)},
    {"raw_empty", raw_empty, IGNORED(IGNORED_IP_CUT)},
    {"cooked_ipv4", cooked_ipv4, ENDS_UDP4},
    {"cooked_tag", cooked_tag, ENDS_UDP6, .vlan = {12, 0}, .vlan_count = 1},
    {"cooked_llc", cooked_llc, ENDS_UDP4},
    {"cooked_raw_8023", cooked_raw_8023, IGNORED(IGNORED_ETHERTYPE)},
    {"cooked_netlink", cooked_netlink, IGNORED(IGNORED_ETHERTYPE)},
    {"cooked_cut", cooked_cut, IGNORED(IGNORED_LINK_CUT)},
    {"cooked2_ipv6", cooked2_ipv6, ENDS_UDP6},
    {"cooked2_cut", cooked2_cut, IGNORED(IGNORED_LINK_CUT)},
    {"null_big_endian", null_big_endian, ENDS_UDP4},
    {"null_little_endian", null_little_endian, ENDS_UDP6},
    {"null_other", null_other, IGNORED(IGNORED_ETHERTYPE)},
    {"null_cut", null_cut, IGNORED(IGNORED_LINK_CUT)},
    {"loop_ipv6", loop_ipv6, ENDS_UDP6},
    {"loop_swapped", loop_swapped, IGNORED(IGNORED_ETHERTYPE)},
    {"loop_cut", loop_cut, IGNORED(IGNORED_LINK_CUT)},
    {"ppp_framed", ppp_framed, ENDS_UDP4},
    {"ppp_compressed", ppp_compressed, ENDS_UDP6},
    {"ppp_control", ppp_control, IGNORED(IGNORED_PPP)},
    {"ppp_cut", ppp_cut, IGNORED(IGNORED_LINK_CUT)},
    {"hdlc_ipv4", hdlc_ipv4, ENDS_UDP4},
    {"hdlc_keepalive", hdlc_keepalive, IGNORED(IGNORED_ETHERTYPE)},
    {"hdlc_cut", hdlc_cut, IGNORED(IGNORED_LINK_CUT)},
    {"unknown_link", unknown_link, IGNORED(IGNORED_LINK_TYPE)},
    {"link_out_of_range", link_out_of_range, IGNORED(IGNORED_LINK_TYPE)},
    {0},
};
