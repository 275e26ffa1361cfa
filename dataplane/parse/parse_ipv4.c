/*
 * IPv4 headers (RFC 791). Called by the walk of parse_batch.c on the worker thread.
 */
#include "parse/dissection.h"

void ip_layer_begin(struct dissection *d, uint8_t family, uint32_t header_offset, uint64_t octets)
{
    if (d->ip_headers == 0 && header_offset + octets > d->wire_length)
        d->parser->counters.length_exceeds_frame++;
    d->ip_headers++;
    d->ip = (struct ip_layer){
        .claimed_end = header_offset + octets,
        .octets = octets,
        .header_offset = header_offset,
        .family = family,
        .label_count = d->label_count,
    };
    memcpy(d->ip.labels, d->labels, sizeof d->labels);
    d->label_count = 0;
    d->tag_depth = 0;
}

enum layer parse_ipv4(struct dissection *d)
{
    enum { MORE_FRAGMENTS = 0x2000, FRAGMENT_OFFSET = 0x1fff };
    uint32_t start = d->cursor.offset;
    const uint8_t *header = cursor_peek(&d->cursor, 0, 20);
    if (!header)
        return layer_unusable(d, IGNORED_IP_CUT);
    if (header[0] >> 4 != 4)
        return layer_unusable(d, IGNORED_IP_VERSION);
    uint32_t header_length = (header[0] & 0xfu) * 4;
    if (header_length < 20)
        return layer_unusable(d, IGNORED_IP_HEADER_LENGTH);
    uint32_t octets = load_be16(header + 2);
    if (octets == 0) /* left to segmentation hardware: the rest of the frame */
        octets = d->wire_length - start;
    if (octets < header_length)
        return layer_unusable(d, IGNORED_IP_LENGTH);

    ip_layer_begin(d, 4, start, octets);
    struct ip_layer *ip = &d->ip;
    uint16_t fragment = load_be16(header + 6);
    ip->source = header + 12;
    ip->destination = header + 16;
    ip->tos = header[1];
    ip->ttl = header[8];
    ip->protocol = ip->fragment_protocol = header[9];
    ip->fragment_id = load_be16(header + 4);
    if (fragment & FRAGMENT_OFFSET)
        ip->facts = PACKET_FACT_LATER_FRAGMENT;
    else if (fragment & MORE_FRAGMENTS)
        ip->facts = PACKET_FACT_FIRST_FRAGMENT;

    cursor_shorten(&d->cursor, octets);
    if (!cursor_skip(&d->cursor, header_length)) /* options not captured: nothing behind them */
        d->cursor.offset = d->cursor.limit;
    return parse_transport(d);
}
