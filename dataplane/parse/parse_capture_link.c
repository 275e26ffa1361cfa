/*
 * Link layers that only capture files have: raw IP, Linux cooked, BSD and OpenBSD loopback, Cisco
 * HDLC. Called by the walk of parse_batch.c on the worker thread.
 */
#include "parse/dissection.h"

/* The version nibble decides. */
enum layer parse_raw_ip(struct dissection *d)
{
    const uint8_t *first = cursor_peek(&d->cursor, 0, 1);
    if (!first)
        return layer_unusable(d, IGNORED_IP_CUT);
    switch (first[0] >> 4) {
    case 4:
        return LAYER_IPV4;
    case 6:
        return LAYER_IPV6;
    default:
        return layer_unusable(d, IGNORED_IP_VERSION);
    }
}

/* HARDWARE is an ARPHRD_ value: with netlink, the protocol field is no EtherType. */
static enum layer layer_of_cooked(struct dissection *d, uint16_t hardware, uint16_t protocol)
{
    enum { HARDWARE_NETLINK = 824, PROTOCOL_LLC = 4 };
    if (hardware == HARDWARE_NETLINK)
        return layer_unusable(d, IGNORED_ETHERTYPE);
    if (protocol == PROTOCOL_LLC)
        return LAYER_LLC;
    if (protocol < 0x0600)
        return layer_unusable(d, IGNORED_ETHERTYPE);
    return layer_of_ethertype(d, protocol);
}

enum layer parse_linux_sll(struct dissection *d)
{
    const uint8_t *header = cursor_take(&d->cursor, 16);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    return layer_of_cooked(d, load_be16(header + 2), load_be16(header + 14));
}

enum layer parse_linux_sll2(struct dissection *d)
{
    const uint8_t *header = cursor_take(&d->cursor, 20);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    return layer_of_cooked(d, load_be16(header + 8), load_be16(header));
}

/* AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD and
 * 30 on Darwin. */
static enum layer layer_of_address_family(struct dissection *d, uint32_t family)
{
    switch (family) {
    case 2:
        return LAYER_IPV4;
    case 10:
    case 24:
    case 28:
    case 30:
        return LAYER_IPV6;
    default:
        return layer_unusable(d, IGNORED_ETHERTYPE);
    }
}

enum layer parse_null_loop(struct dissection *d)
{
    const uint8_t *family = cursor_take(&d->cursor, 4);
    if (!family)
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint32_t value = load_be32(family);
    if (value > 0xffff) /* written by a machine of the other byte order */
        value = __builtin_bswap32(value);
    return layer_of_address_family(d, value);
}

enum layer parse_loop(struct dissection *d)
{
    const uint8_t *family = cursor_take(&d->cursor, 4);
    if (!family)
        return layer_unusable(d, IGNORED_LINK_CUT);
    return layer_of_address_family(d, load_be32(family));
}

/* Address, control, EtherType. */
enum layer parse_chdlc(struct dissection *d)
{
    enum { SLARP = 0x8035 };
    const uint8_t *header = cursor_take(&d->cursor, 4);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint16_t type = load_be16(header + 2);
    if (type < 0x0600 || type == SLARP)
        return layer_unusable(d, IGNORED_ETHERTYPE);
    return layer_of_ethertype(d, type);
}
