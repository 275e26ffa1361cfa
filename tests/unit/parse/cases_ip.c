/*
 * Frames of IPv4 and IPv6 themselves: options, lengths that lie, extension chains, fragments.
 */
#include "frame_case.h"

enum { AT = 14 }; /* offset of the IP header behind Ethernet */

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

static void options(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 0, 17);
    frame_patch8(f, AT, 0x4f);
    frame_fill(f, 1, 40);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
}

static void options_cut(struct frame *f)
{
    options(f);
    f->length = AT + 40;
}

static void version_5(struct frame *f)
{
    ipv4(f);
    frame_patch8(f, AT, 0x55);
}

static void version_4_as_ipv6(struct frame *f)
{
    ipv6(f);
    frame_patch8(f, AT, 0x45);
}

static void header_length_16(struct frame *f)
{
    ipv4(f);
    frame_patch8(f, AT, 0x44);
}

static void length_below_header(struct frame *f)
{
    ipv4(f);
    frame_patch16(f, AT + 2, 19);
}

static void length_is_header(struct frame *f)
{
    ipv4(f);
    frame_patch16(f, AT + 2, 20);
}

static void length_exceeds(struct frame *f)
{
    ipv4(f);
    frame_patch16(f, AT + 2, 4000);
}

static void length_exceeds_capture(struct frame *f)
{
    ipv4(f);
    frame_patch16(f, AT + 2, 1000);
    f->wire_length = AT + 1000; /* cut by a snap length, not a lie */
}

static void length_zero(struct frame *f)
{
    ipv4(f);
    frame_patch16(f, AT + 2, 0);
    f->wire_length = 70000;
}

static void length_zero_short(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4(f, 0, 17);
    frame_patch8(f, AT, 0x4f);
    frame_close(f);
    frame_patch16(f, AT + 2, 0); /* the rest of the frame is below the header length */
}

static void ipv4_cut(struct frame *f)
{
    ipv4(f);
    f->length = AT + 19;
}

static void ipv6_cut(struct frame *f)
{
    ipv6(f);
    f->length = AT + 39;
}

static void ipv6_exceeds(struct frame *f)
{
    ipv6(f);
    frame_patch16(f, AT + 4, 5000);
}

static void ipv6_payload_zero(struct frame *f)
{
    ipv6(f);
    frame_patch16(f, AT + 4, 0);
}

static void ipv4_first_fragment(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4_fragment(f, 0, 17, 9, 0, 1);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
}

static void ipv4_later_fragment(struct frame *f)
{
    frame_ethernet(f, 0x0800);
    frame_ipv4_fragment(f, 0, 17, 9, 2, 0);
    frame_fill(f, 0x55, 16);
    frame_close(f);
}

static void do_not_fragment(struct frame *f)
{
    ipv4(f);
    frame_patch16(f, AT + 6, 0x4000);
}

static void chain(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 0);
    frame_ipv6_extension(f, 43, 0);
    frame_ipv6_extension(f, 60, 2);
    frame_ipv6_extension(f, 51, 1);
    frame_ah(f, 44);
    frame_ipv6_fragment(f, 17, 5, 0, 0);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
}

static void chain_of(struct frame *f, unsigned count)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 60);
    for (unsigned i = 0; i < count; i++)
        frame_ipv6_extension(f, i + 1 == count ? 17 : 60, 0);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
}

static void chain_182(struct frame *f)
{
    chain_of(f, 182);
}

static void chain_183(struct frame *f)
{
    chain_of(f, 183);
}

static void chain_cut(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 0);
    frame_ipv6_extension(f, 17, 1);
    frame_close(f);
    f->wire_length = f->length + 16;
    f->length = AT + 41; /* one byte of the extension header */
}

static void chain_ends(struct frame *f, unsigned protocol)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 60);
    frame_ipv6_extension(f, protocol, 0);
    frame_fill(f, 17, 16);
    frame_close(f);
}

static void mobility(struct frame *f)
{
    chain_ends(f, 135);
}

static void host_identity(struct frame *f)
{
    chain_ends(f, 139);
}

static void shim6(struct frame *f)
{
    chain_ends(f, 140);
}

static void esp(struct frame *f)
{
    chain_ends(f, 50);
}

static void no_next_header(struct frame *f)
{
    chain_ends(f, 59);
}

static void ipv6_first_fragment(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 44);
    frame_ipv6_fragment(f, 60, 9, 0, 1);
    frame_ipv6_extension(f, 17, 0);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
}

static void ipv6_later_fragment(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 44);
    frame_ipv6_fragment(f, 60, 9, 4, 1);
    frame_fill(f, 17, 24);
    frame_close(f);
}

static void ipv6_fragment_cut(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 44);
    frame_ipv6_fragment(f, 17, 9, 4, 1);
    frame_close(f);
    f->length -= 1;
}

static void jumbo(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 0);
    frame_u8(f, 17);
    frame_u8(f, 1);
    frame_put(f, "\0\0\1\0\0\0", 6); /* Pad1, Pad1, PadN of 0, Pad1, Pad1 */
    frame_put(f, "\xc2\x04", 2);
    frame_be32(f, 100000);
    frame_be16(f, 0);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
    frame_patch16(f, AT + 4, 0);
    f->wire_length = AT + 40 + 100000;
}

static void jumbo_limit(struct frame *f)
{
    jumbo(f);
    frame_patch16(f, AT + 50, 0xffff);
    frame_patch16(f, AT + 52, 0xffff);
}

static void jumbo_bad_option(struct frame *f)
{
    jumbo(f);
    frame_patch8(f, AT + 45, 200); /* the PadN runs out of the header */
}

static void jumbo_not_needed(struct frame *f)
{
    jumbo(f);
    frame_patch16(f, AT + 4, 32); /* a payload length rules */
    f->wire_length = f->length;
}

static void atomic_fragments(struct frame *f)
{
    frame_ethernet(f, 0x86dd);
    frame_ipv6(f, 0, 44);
    frame_ipv6_fragment(f, 44, 1, 0, 0);
    frame_ipv6_fragment(f, 17, 2, 0, 0);
    frame_udp(f, 1000, 2000);
    frame_fill(f, 0x55, 8);
    frame_close(f);
}

#define IGNORED(reason)  .verdict = reason
#define PORTS_NOT_THERE4 .verdict = PACKET_METERED, .family = 4, .protocol = 17
#define BARE6(number, length, rest)                                                                \
    .verdict = PACKET_METERED, .family = 6, .protocol = (number), .octets = (length),              \
    .payload = (rest)
#define UDP6(length)                                                                               \
    .verdict = PACKET_METERED, .family = 6, .protocol = 17, .source_port = 1000,                   \
    .destination_port = 2000, .octets = (length), .payload = 8
#define UDP4(length)                                                                               \
    .verdict = PACKET_METERED, .family = 4, .protocol = 17, .source_port = 1000,                   \
    .destination_port = 2000, .octets = (length), .payload = 8

const struct frame_case frame_cases_ip[] = {
    {"options", options, UDP4(76)},
    {"options_cut", options_cut, PORTS_NOT_THERE4, .octets = 76, .transport_cut = 1},
    {"version_5", version_5, IGNORED(IGNORED_IP_VERSION)},
    {"version_4_as_ipv6", version_4_as_ipv6, IGNORED(IGNORED_IP_VERSION)},
    {"header_length_16", header_length_16, IGNORED(IGNORED_IP_HEADER_LENGTH)},
    {"length_below_header", length_below_header, IGNORED(IGNORED_IP_LENGTH)},
    {"length_is_header", length_is_header, PORTS_NOT_THERE4, .octets = 20, .transport_cut = 1},
    {"length_exceeds", length_exceeds, UDP4(4000), .exceeds = 1},
    {"length_exceeds_capture", length_exceeds_capture, UDP4(1000)},
    {"length_zero", length_zero, UDP4(70000 - AT)},
    {"length_zero_short", length_zero_short, IGNORED(IGNORED_IP_LENGTH)},
    {"ipv4_cut", ipv4_cut, IGNORED(IGNORED_IP_CUT)},
    {"ipv6_cut", ipv6_cut, IGNORED(IGNORED_IP_CUT)},
    {"ipv6_exceeds", ipv6_exceeds, UDP6(5040), .exceeds = 1},
    {"ipv6_payload_zero", ipv6_payload_zero, BARE6(17, 40, 0), .transport_cut = 1},
    {"ipv4_first_fragment", ipv4_first_fragment, UDP4(36), .facts = PACKET_FACT_FIRST_FRAGMENT},
    {"ipv4_later_fragment", ipv4_later_fragment, PORTS_NOT_THERE4, .octets = 36, .payload = 16,
     .facts = PACKET_FACT_LATER_FRAGMENT},
    {"do_not_fragment", do_not_fragment, UDP4(36)},
    {"chain", chain, UDP6(40 + 8 + 24 + 16 + 24 + 8 + 16)},
    {"chain_182", chain_182, UDP6(40 + 182 * 8 + 16)},
    {"chain_183", chain_183, BARE6(60, 40 + 183 * 8 + 16, 24)},
    {"chain_cut", chain_cut, BARE6(17, 56, 0), .transport_cut = 1},
    {"mobility", mobility, BARE6(135, 64, 16)},
    {"host_identity", host_identity, BARE6(139, 64, 16)},
    {"shim6", shim6, BARE6(140, 64, 16)},
    {"ipv6_esp", esp, BARE6(50, 64, 16)},
    {"no_next_header", no_next_header, BARE6(59, 64, 16)},
    {"ipv6_first_fragment", ipv6_first_fragment, UDP6(72), .facts = PACKET_FACT_FIRST_FRAGMENT},
    {"ipv6_later_fragment", ipv6_later_fragment, BARE6(60, 72, 24),
     .facts = PACKET_FACT_LATER_FRAGMENT},
    {"ipv6_fragment_cut", ipv6_fragment_cut, BARE6(44, 48, 0)},
    {"jumbo", jumbo, UDP6(100040)},
    {"jumbo_limit", jumbo_limit, UDP6(UINT32_MAX + 40ull), .exceeds = 1},
    {"jumbo_bad_option", jumbo_bad_option, BARE6(0, 40, 0)},
    {"jumbo_not_needed", jumbo_not_needed, UDP6(72)},
    {"atomic_fragments", atomic_fragments, UDP6(72)},
    {0},
};
