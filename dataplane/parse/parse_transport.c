/*
 * Transport headers: ports, type and code, TCP facts, and the fragment table. Called by the IP
 * parsers on the worker thread. Bytes behind the IP length or not captured are not there: then
 * ports are 0 and flags add nothing.
 */
#include "parse/dissection.h"

static void read_tcp(struct dissection *d)
{
    struct ip_layer *ip = &d->ip;
    const uint8_t *header = cursor_peek(&d->cursor, 0, 14);
    if (!header) {
        d->parser->counters.transport_cut++;
        return;
    }
    uint32_t header_length = (header[12] >> 4) * 4u;
    if (header_length < 20) /* no TCP header: its flags would end flows that go on */
        return;
    ip->facts |= PACKET_FACT_TCP;
    ip->tcp_flags = load_be16(header + 12) & 0xfff;
    ip->tcp_sequence = load_be32(header + 4);
    ip->tcp_acknowledgement = load_be32(header + 8);
    ip->payload_offset += header_length;
}

/* Reads what the key needs. False if PROTOCOL has no ports or they are not there. */
static bool read_ports(struct dissection *d, uint8_t protocol)
{
    struct ip_layer *ip = &d->ip;
    if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6) {
        const uint8_t *type = cursor_peek(&d->cursor, 0, 2);
        if (!type) {
            d->parser->counters.transport_cut++;
            return false;
        }
        ip->destination_port = load_raw16(type);
        ip->payload_offset += 8;
        return true;
    }
    if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP && protocol != PROTOCOL_SCTP &&
        protocol != PROTOCOL_DCCP && protocol != PROTOCOL_UDP_LITE)
        return false;
    const uint8_t *ports = cursor_peek(&d->cursor, 0, 4);
    if (!ports) {
        d->parser->counters.transport_cut++;
        return false;
    }
    ip->source_port = load_raw16(ports);
    ip->destination_port = load_raw16(ports + 2);
    const uint8_t *dccp_offset;
    switch (protocol) {
    case PROTOCOL_TCP:
        read_tcp(d);
        break;
    case PROTOCOL_SCTP:
        ip->payload_offset += 12;
        break;
    case PROTOCOL_DCCP:
        dccp_offset = cursor_peek(&d->cursor, 4, 1);
        ip->payload_offset += dccp_offset ? dccp_offset[0] * 4u : 12;
        break;
    default:
        ip->payload_offset += 8;
        break;
    }
    return true;
}

static struct fragment_key fragment_key_of(const struct ip_layer *ip)
{
    struct fragment_key key = {
        .id = ip->fragment_id, .protocol = ip->fragment_protocol, .family = ip->family};
    size_t length = ip->family == 4 ? 4 : 16;
    memcpy(key.source, ip->source, length);
    memcpy(key.destination, ip->destination, length);
    return key;
}

static void remember_fragment(struct dissection *d)
{
    const struct ip_layer *ip = &d->ip;
    struct fragment_key key = fragment_key_of(ip);
    struct fragment_ports ports = {ip->source_port, ip->destination_port, ip->protocol};
    if (fragment_table_insert(d->parser->fragments, &key, &ports, d->timestamp_ns))
        d->parser->counters.fragment_evictions++;
}

static bool may_have_ports(const struct ip_layer *ip)
{
    switch (ip->protocol) {
    case PROTOCOL_ICMP:
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_DCCP:
    case PROTOCOL_ICMPV6:
    case PROTOCOL_SCTP:
    case PROTOCOL_UDP_LITE:
        return true;
    default: /* an IPv6 extension header inside the first fragment may lead to ports */
        return ip->family == 6 &&
               (ip->protocol == PROTOCOL_DESTINATION_OPTIONS || ip->protocol == PROTOCOL_AH);
    }
}

static void recall_fragment(struct dissection *d)
{
    struct ip_layer *ip = &d->ip;
    if (!may_have_ports(ip))
        return;
    struct fragment_key key = fragment_key_of(ip);
    struct fragment_ports ports;
    if (!fragment_table_find(d->parser->fragments, &key, d->timestamp_ns, &ports)) {
        d->parser->counters.fragment_misses++;
        return;
    }
    d->parser->counters.fragment_hits++;
    ip->source_port = ports.source_port;
    ip->destination_port = ports.destination_port;
    ip->protocol = ports.protocol;
}

enum layer parse_transport(struct dissection *d)
{
    struct ip_layer *ip = &d->ip;
    ip->transport_offset = ip->payload_offset = d->cursor.offset;
    if (ip->facts & PACKET_FACT_LATER_FRAGMENT) {
        if (d->parser->fragments)
            recall_fragment(d);
        return LAYER_END;
    }
    bool ports = read_ports(d, ip->protocol);
    if (ports && d->parser->fragments && (ip->facts & PACKET_FACT_FIRST_FRAGMENT))
        remember_fragment(d);
    if (!d->parser->config.tunnels)
        return LAYER_END;
    return layer_of_protocol(d, ip->protocol);
}
