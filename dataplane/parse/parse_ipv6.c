/*
 * IPv6 headers and their extension headers (RFC 8200, RFC 2675 jumbo payload, RFC 4302 AH).
 * Called by the walk of parse_batch.c on the worker thread.
 *
 * The key's protocol is the last next-header value that could be read. Mobility, HIP, Shim6 and
 * ESP end the chain, as do unknown values. A chain longer than EXTENSION_HEADERS_MAX is left
 * there, and the next header value found so far is the protocol.
 */
#include "parse/dissection.h"

/* The jumbo payload option in the hop-by-hop header OPTIONS of LENGTH bytes, or 0. */
static uint32_t jumbo_length(const uint8_t *options, uint32_t length)
{
    enum { OPTION_PAD1 = 0, OPTION_JUMBO = 0xc2 };
    for (uint32_t i = 2; i + 2 <= length;) {
        if (options[i] == OPTION_PAD1) {
            i++;
            continue;
        }
        uint32_t option_length = options[i + 1];
        if (option_length > length - i - 2)
            break;
        if (options[i] == OPTION_JUMBO && option_length == 4)
            return load_be32(options + i + 2);
        i += 2 + option_length;
    }
    return 0;
}

/* RFC 2675: payload length 0 and a hop-by-hop header first. 0 if there is none. */
static uint32_t jumbo_payload(const struct cursor *cursor, uint8_t next_header)
{
    const uint8_t *start = cursor_peek(cursor, 40, 2);
    if (next_header != PROTOCOL_HOP_BY_HOP || !start)
        return 0;
    uint32_t length = (start[1] + 1u) * 8;
    uint32_t left = cursor_left(cursor) - 40;
    return jumbo_length(start, length < left ? length : left);
}

static bool is_extension(uint8_t protocol)
{
    return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING ||
           protocol == PROTOCOL_FRAGMENT || protocol == PROTOCOL_AH ||
           protocol == PROTOCOL_DESTINATION_OPTIONS;
}

static void read_fragment(struct ip_layer *ip, const uint8_t *header)
{
    uint16_t fragment = load_be16(header + 2);
    ip->fragment_id = load_be32(header + 4);
    ip->fragment_protocol = header[0];
    if (fragment & 0xfff8)
        ip->facts = PACKET_FACT_LATER_FRAGMENT;
    else if (fragment & 1)
        ip->facts = PACKET_FACT_FIRST_FRAGMENT;
}

/*
 * Reads one extension header and moves behind it. False if the chain ends here: the rest is cut,
 * or the packet is a later fragment. A fragment header that is not all there says nothing, not
 * even what would follow.
 */
static bool read_extension(struct cursor *cursor, struct ip_layer *ip)
{
    uint8_t kind = ip->protocol;
    const uint8_t *header = cursor_peek(cursor, 0, kind == PROTOCOL_FRAGMENT ? 8 : 1);
    uint32_t length = 8;
    if (header) {
        ip->protocol = header[0];
        if (kind == PROTOCOL_FRAGMENT)
            read_fragment(ip, header);
        const uint8_t *size = cursor_peek(cursor, 1, 1);
        if (size && kind == PROTOCOL_AH)
            length = (size[0] + 2u) * 4;
        else if (size && kind != PROTOCOL_FRAGMENT)
            length = (size[0] + 1u) * 8;
    }
    if (!cursor_skip(cursor, length)) {
        cursor->offset = cursor->limit; /* nothing behind it can be read */
        return false;
    }
    return !(ip->facts & PACKET_FACT_LATER_FRAGMENT);
}

static void walk_extensions(struct cursor *cursor, struct ip_layer *ip)
{
    for (int i = 0; i < EXTENSION_HEADERS_MAX && is_extension(ip->protocol); i++) {
        if (!read_extension(cursor, ip))
            return;
    }
}

enum layer parse_ipv6(struct dissection *d)
{
    uint32_t start = d->cursor.offset;
    const uint8_t *header = cursor_peek(&d->cursor, 0, 40);
    if (!header)
        return layer_unusable(d, IGNORED_IP_CUT);
    if (header[0] >> 4 != 6)
        return layer_unusable(d, IGNORED_IP_VERSION);
    uint64_t payload = load_be16(header + 4);
    if (payload == 0)
        payload = jumbo_payload(&d->cursor, header[6]);

    ip_layer_begin(d, 6, start, payload + 40);
    struct ip_layer *ip = &d->ip;
    ip->source = header + 8;
    ip->destination = header + 24;
    ip->tos = (uint8_t)(header[0] << 4 | header[1] >> 4);
    ip->ttl = header[7];
    ip->protocol = header[6];

    cursor_shorten(&d->cursor, payload + 40);
    d->cursor.offset += 40;
    walk_extensions(&d->cursor, ip);
    return parse_transport(d);
}
