/*
 * Tunnels between an IP header and the next one. Called by parse_transport.c and by the walk of
 * parse_batch.c on the worker thread, only if the configuration opens tunnels. A tunnel header
 * that makes no sense ends the walk: the last usable IP header keeps the key.
 */
#include "parse/dissection.h"

static bool opens(const struct dissection *d, enum tunnel_kind kind)
{
    return (d->parser->config.tunnels & kind) != 0;
}

enum layer layer_of_protocol(struct dissection *d, uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_UDP:
        return layer_of_udp(d);
    case PROTOCOL_IPV4:
        if (d->ip.family == 4)
            return opens(d, TUNNEL_IPIP) ? LAYER_RAW_IP : LAYER_END;
        return opens(d, TUNNEL_6IN4) ? LAYER_RAW_IP : LAYER_END;
    case PROTOCOL_IPV6:
        return opens(d, TUNNEL_6IN4) ? LAYER_IPV6 : LAYER_END;
    case PROTOCOL_GRE:
        return (opens(d, TUNNEL_GRE) || opens(d, TUNNEL_ERSPAN)) ? LAYER_GRE : LAYER_END;
    case PROTOCOL_AH: /* in IPv6 it was walked already, as an extension header */
        return d->ip.family == 4 ? LAYER_TUNNEL_AH : LAYER_END;
    case PROTOCOL_ETHERIP:
        return opens(d, TUNNEL_ETHERIP) ? LAYER_ETHERIP : LAYER_END;
    case PROTOCOL_ETHERNET:
        return opens(d, TUNNEL_ETHERIP) ? LAYER_ETHERNET : LAYER_END;
    case PROTOCOL_MPLS:
        return opens(d, TUNNEL_MPLS_UDP) ? LAYER_MPLS : LAYER_END;
    default:
        return LAYER_END;
    }
}

/* The UDP ports that tunnels are known by. */
static enum layer layer_of_port(const struct dissection *d, uint16_t port)
{
    static const struct {
        uint16_t port;
        uint16_t kind;
        enum layer layer;
    } known[] = {
        {1701, TUNNEL_L2TP, LAYER_L2TP},       {2152, TUNNEL_GTPU, LAYER_GTPU},
        {3544, TUNNEL_TEREDO, LAYER_TEREDO},   {4789, TUNNEL_VXLAN, LAYER_VXLAN},
        {4790, TUNNEL_VXLAN, LAYER_VXLAN_GPE}, {6081, TUNNEL_GENEVE, LAYER_GENEVE},
        {6635, TUNNEL_MPLS_UDP, LAYER_MPLS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].port == port)
            return opens(d, known[i].kind) ? known[i].layer : LAYER_END;
    }
    return LAYER_END;
}

/* The destination port first: the source port of most tunnels is only entropy. */
enum layer layer_of_udp(struct dissection *d)
{
    const uint8_t *header = cursor_peek(&d->cursor, 0, 8);
    if (!header)
        return LAYER_END;
    enum layer layer = layer_of_port(d, load_be16(header + 2));
    if (layer == LAYER_END)
        layer = layer_of_port(d, load_be16(header));
    if (layer == LAYER_END)
        return LAYER_END;
    uint16_t length = load_be16(header + 4);
    if (length >= 8)
        cursor_shorten(&d->cursor, length);
    else if (length != 0) /* 0: a super-packet, the IP length rules (RFC 2675) */
        return layer_unusable(d, IGNORED_LINK_CUT);
    d->cursor.offset += 8;
    return layer;
}

enum layer parse_tunnel_ah(struct dissection *d)
{
    const uint8_t *header = cursor_peek(&d->cursor, 0, 2);
    if (!header || !cursor_skip(&d->cursor, (header[1] + 2u) * 4))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return layer_of_protocol(d, header[0]);
}

/* Steps over the source route entries of RFC 1701. */
static bool skip_source_routes(struct cursor *cursor)
{
    enum { ROUTES_MAX = 32 };
    for (int i = 0; i < ROUTES_MAX; i++) {
        const uint8_t *entry = cursor_take(cursor, 4);
        if (!entry)
            return false;
        if (load_be16(entry) == 0 && entry[3] == 0)
            return true;
        if (!cursor_skip(cursor, entry[3]))
            return false;
    }
    return false;
}

static enum layer layer_of_gre(struct dissection *d, uint16_t flags, uint16_t type)
{
    enum { SEQUENCE = 0x1000, WCCP = 0x883e, ERSPAN_1_2 = 0x88be, ERSPAN_3 = 0x22eb };
    if (type == ERSPAN_1_2 || type == ERSPAN_3) {
        if (!opens(d, TUNNEL_ERSPAN))
            return LAYER_END;
        if (type == ERSPAN_3)
            return LAYER_ERSPAN3;
        return flags & SEQUENCE ? LAYER_ERSPAN2 : LAYER_ETHERNET; /* type I has no header */
    }
    if (!opens(d, TUNNEL_GRE))
        return LAYER_END;
    if (type == WCCP)
        return LAYER_WCCP;
    if (type < 0x0600)
        return layer_unusable(d, IGNORED_ETHERTYPE);
    return layer_of_ethertype(d, type);
}

/* RFC 2784, RFC 2890, RFC 1701 routing, RFC 2637 (version 1, PPTP). */
enum layer parse_gre(struct dissection *d)
{
    enum {
        CHECKSUM = 0x8000,
        ROUTING = 0x4000,
        KEY = 0x2000,
        SEQUENCE = 0x1000,
        ACKNOWLEDGEMENT = 0x0080,
        VERSION = 7
    };
    const uint8_t *header = cursor_take(&d->cursor, 4);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint16_t flags = load_be16(header);
    uint32_t length = 0;
    if (flags & (CHECKSUM | ROUTING))
        length += 4;
    if (flags & KEY)
        length += 4;
    if (flags & SEQUENCE)
        length += 4;
    if ((flags & VERSION) == 1 && (flags & ACKNOWLEDGEMENT))
        length += 4;
    if (!cursor_skip(&d->cursor, length))
        return layer_unusable(d, IGNORED_LINK_CUT);
    if ((flags & ROUTING) && !skip_source_routes(&d->cursor))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return layer_of_gre(d, flags, load_be16(header + 2));
}

/* WCCP version 2 puts a 4-byte redirect header in front of the IPv4 header, version 1 nothing. */
enum layer parse_wccp(struct dissection *d)
{
    const uint8_t *first = cursor_peek(&d->cursor, 0, 1);
    if (!first)
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (first[0] >> 4 != 4 && !cursor_skip(&d->cursor, 4))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return LAYER_IPV4;
}

enum layer parse_erspan2(struct dissection *d)
{
    if (!cursor_skip(&d->cursor, 8))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return LAYER_ETHERNET;
}

/* 12 bytes, 8 more of platform data if the O bit says so. Frame type 0 is Ethernet, 2 is IP. */
enum layer parse_erspan3(struct dissection *d)
{
    const uint8_t *header = cursor_take(&d->cursor, 12);
    if (!header || ((header[11] & 1) && !cursor_skip(&d->cursor, 8)))
        return layer_unusable(d, IGNORED_LINK_CUT);
    switch (load_be16(header + 10) >> 10 & 0x1f) {
    case 0:
        return LAYER_ETHERNET;
    case 2:
        return LAYER_RAW_IP;
    default:
        return layer_unusable(d, IGNORED_ETHERTYPE);
    }
}

/* RFC 3378: version 3 in the first nibble. */
enum layer parse_etherip(struct dissection *d)
{
    const uint8_t *header = cursor_take(&d->cursor, 2);
    if (!header || header[0] >> 4 != 3)
        return layer_unusable(d, IGNORED_LINK_CUT);
    return LAYER_ETHERNET;
}

/* RFC 7348. */
enum layer parse_vxlan(struct dissection *d)
{
    enum { VNI_VALID = 0x08 };
    const uint8_t *header = cursor_take(&d->cursor, 8);
    if (!header || !(header[0] & VNI_VALID))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return LAYER_ETHERNET;
}

enum layer parse_vxlan_gpe(struct dissection *d)
{
    enum { NEXT_PROTOCOL = 0x04 };
    const uint8_t *header = cursor_take(&d->cursor, 8);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    switch (header[0] & NEXT_PROTOCOL ? header[3] : 3) {
    case 1:
        return LAYER_IPV4;
    case 2:
        return LAYER_IPV6;
    case 3:
        return LAYER_ETHERNET;
    case 4:
        return LAYER_NSH;
    case 5:
        return LAYER_MPLS;
    default:
        return layer_unusable(d, IGNORED_ETHERTYPE);
    }
}

/* RFC 8926. */
enum layer parse_geneve(struct dissection *d)
{
    const uint8_t *header = cursor_take(&d->cursor, 8);
    if (!header || header[0] >> 6 != 0 || !cursor_skip(&d->cursor, (header[0] & 0x3fu) * 4))
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint16_t type = load_be16(header + 2);
    if (type < 0x0600)
        return layer_unusable(d, IGNORED_ETHERTYPE);
    return layer_of_ethertype(d, type);
}

/* 3GPP TS 29.281: version 1, message type 255 carries a packet. */
enum layer parse_gtpu(struct dissection *d)
{
    enum { EXTENSION_NEXT = 0x04, OPTIONAL_FIELDS = 0x07, G_PDU = 255, EXTENSIONS_MAX = 16 };
    const uint8_t *header = cursor_take(&d->cursor, 8);
    if (!header)
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (header[0] >> 4 != 3 || header[1] != G_PDU) /* version 1 and protocol type 1 */
        return LAYER_END;
    if (header[0] & OPTIONAL_FIELDS) {
        const uint8_t *fields = cursor_take(&d->cursor, 4);
        if (!fields)
            return layer_unusable(d, IGNORED_LINK_CUT);
        uint8_t next = header[0] & EXTENSION_NEXT ? fields[3] : 0;
        for (int i = 0; next != 0; i++) {
            const uint8_t *length = cursor_peek(&d->cursor, 0, 1);
            uint32_t octets = length ? length[0] * 4u : 0;
            const uint8_t *extension = octets ? cursor_take(&d->cursor, octets) : NULL;
            if (!extension || i == EXTENSIONS_MAX)
                return layer_unusable(d, IGNORED_LINK_CUT);
            next = extension[octets - 1];
        }
    }
    return LAYER_RAW_IP;
}

/* RFC 4380: optional authentication and origin indications, then IPv6. */
enum layer parse_teredo(struct dissection *d)
{
    const uint8_t *mark = cursor_peek(&d->cursor, 0, 4);
    if (mark && load_be16(mark) == 1) {
        if (!cursor_skip(&d->cursor, 4u + mark[2] + mark[3] + 9))
            return layer_unusable(d, IGNORED_LINK_CUT);
        mark = cursor_peek(&d->cursor, 0, 4);
    }
    if (mark && load_be16(mark) == 0 && !cursor_skip(&d->cursor, 8))
        return layer_unusable(d, IGNORED_LINK_CUT);
    return LAYER_IPV6;
}

/* RFC 2661 data messages. Version 3 does not say what it carries. */
enum layer parse_l2tp(struct dissection *d)
{
    enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200, VERSION = 0xf };
    uint32_t start = d->cursor.offset;
    const uint8_t *bits = cursor_take(&d->cursor, 2);
    if (!bits)
        return layer_unusable(d, IGNORED_LINK_CUT);
    uint16_t flags = load_be16(bits);
    if ((flags & CONTROL) || (flags & VERSION) != 2)
        return LAYER_END;
    if (flags & LENGTH) {
        const uint8_t *length = cursor_take(&d->cursor, 2);
        if (!length || start + load_be16(length) < d->cursor.offset)
            return layer_unusable(d, IGNORED_LINK_CUT);
        cursor_shorten(&d->cursor, start + load_be16(length) - d->cursor.offset);
    }
    if (!cursor_skip(&d->cursor, flags & SEQUENCE ? 8 : 4))
        return layer_unusable(d, IGNORED_LINK_CUT);
    if (flags & OFFSET) {
        const uint8_t *size = cursor_take(&d->cursor, 2);
        if (!size || !cursor_skip(&d->cursor, load_be16(size)))
            return layer_unusable(d, IGNORED_LINK_CUT);
    }
    return LAYER_PPP;
}
