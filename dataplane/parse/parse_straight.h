/*
 * The straight path for what nearly every packet is: Ethernet, at most one VLAN tag, IPv4 without
 * options or IPv6 without extension headers, TCP or UDP. It says exactly what the walk through
 * the layers would say, or nothing. Included by parse_hot.c only; worker thread.
 */
#ifndef SPANFLOW_PARSE_PARSE_STRAIGHT_H
#define SPANFLOW_PARSE_PARSE_STRAIGHT_H

#include "parse/dissection.h"

/* What the first bytes of the frame said. */
struct straight {
    const uint8_t *ip; /* the IP header, its fixed part captured */
    uint32_t offset;   /* of the IP header */
    uint32_t captured;
    uint32_t wire_length;
    uint16_t vlan;
    bool is_tagged;
};

#define STRAIGHT_INLINE static inline __attribute__((always_inline))

/* Writes all facts but key and side. TRANSPORT is the offset of the TCP or UDP header, END that
 * of the first byte behind the claimed IP length, HEADER_LENGTH checked against it. */
STRAIGHT_INLINE void straight_facts(struct parser *parser, const struct straight *straight,
                                    uint32_t transport, uint32_t header_length, uint32_t end,
                                    bool is_tcp, struct packet_facts *facts)
{
    const uint8_t *tcp = straight->ip + (transport - straight->offset);
    uint32_t readable = end < straight->captured ? end : straight->captured;
    uint32_t payload = transport + header_length;
    if (__builtin_expect(end > straight->wire_length, 0))
        parser->counters.length_exceeds_frame++;
    facts->ip_octets = end - straight->offset;
    facts->tcp_sequence = is_tcp ? load_be32(tcp + 4) : 0;
    facts->tcp_acknowledgement = is_tcp ? load_be32(tcp + 8) : 0;
    facts->tcp_payload_length = is_tcp ? end - payload : 0;
    facts->payload_offset = payload;
    facts->payload_length = readable > payload ? readable - payload : 0;
    facts->tcp_flags = is_tcp ? load_be16(tcp + 12) & 0xfff : 0;
    facts->verdict = PACKET_METERED;
    facts->facts = is_tcp ? PACKET_FACT_MACS | PACKET_FACT_TCP : PACKET_FACT_MACS;
    facts->label_count = 0;
    facts->mac_offset = 0;
    facts->vlan[0] = straight->vlan;
    facts->vlan[1] = 0;
    facts->vlan_count = straight->is_tagged;
    facts->ip_offset = straight->offset;
}

/* IPv6. False, with nothing written, if anything is unusual. */
STRAIGHT_INLINE bool straight_ipv6(struct parser *parser, const struct straight *straight,
                                   struct packet_facts *facts)
{
    const uint8_t *ip = straight->ip;
    const uint8_t *transport = ip + 40;
    uint32_t payload = load_be16(ip + 4);
    bool is_tcp = ip[6] == PROTOCOL_TCP;
    bool is_udp = ip[6] == PROTOCOL_UDP && parser->config.tunnels == 0;
    uint32_t least = is_tcp ? 20 : 8;
    if (ip[0] >> 4 != 6 || !(is_tcp | is_udp) || straight->captured < straight->offset + 40 + least)
        return false;
    uint32_t header_length = is_tcp ? (transport[12] >> 4) * 4u : 8;
    if (header_length < least || payload < header_length)
        return false;
    facts->side = (uint8_t)flow_key_make6(&facts->key, ip + 8, ip + 24, load_raw16(transport),
                                          load_raw16(transport + 2), ip[6],
                                          straight->vlan & parser->key_vlan_mask, 0);
    facts->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
    facts->ttl = ip[7];
    uint32_t end = straight->offset + 40 + payload;
    if (is_tcp)
        straight_facts(parser, straight, straight->offset + 40, header_length, end, true, facts);
    else
        straight_facts(parser, straight, straight->offset + 40, header_length, end, false, facts);
    return true;
}

/* IPv4 without options. IS_TCP is a constant where this is called: else it is UDP. */
STRAIGHT_INLINE bool straight_ipv4(struct parser *parser, const struct straight *straight,
                                   bool is_tcp, struct packet_facts *facts)
{
    const uint8_t *ip = straight->ip;
    const uint8_t *transport = ip + 20;
    uint32_t octets = load_be16(ip + 2);
    uint32_t header_length = is_tcp ? (transport[12] >> 4) * 4u : 8;
    const uint16_t fragment = 0xff3f; /* more fragments, offset: as they lie in the packet */
    if ((ip[0] != 0x45) | ((load_raw16(ip + 6) & fragment) != 0) | (octets < 20 + header_length) |
        (is_tcp && header_length < 20))
        return false;
    uint32_t ports = load_raw32(transport);
    uint64_t addresses;
    memcpy(&addresses, ip + 12, sizeof addresses);
    facts->side = (uint8_t)flow_key_store4(&facts->key, addresses, ports,
                                           is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP, ports != 0,
                                           straight->vlan & parser->key_vlan_mask, 0);
    facts->tos = ip[1];
    facts->ttl = ip[8];
    straight_facts(parser, straight, straight->offset + 20, header_length,
                   straight->offset + octets, is_tcp, facts);
    return true;
}

/* What follows an Ethernet header or one tag with ETHERTYPE, as it lies in the packet. At least 40
 * bytes from the IP header on are captured, enough for all that is read of IPv4. */
STRAIGHT_INLINE bool straight_ip(struct parser *parser, const struct straight *straight,
                                 uint16_t ethertype, struct packet_facts *facts)
{
    const uint16_t ipv4 = 0x0008, ipv6 = 0xdd86;
    if (__builtin_expect(ethertype == ipv4, 1)) {
        if (straight->ip[9] == PROTOCOL_TCP)
            return straight_ipv4(parser, straight, true, facts);
        return straight->ip[9] == PROTOCOL_UDP && parser->config.tunnels == 0 &&
               straight_ipv4(parser, straight, false, facts);
    }
    return ethertype == ipv6 && straight_ipv6(parser, straight, facts);
}

/* False, with nothing written, if anything at all is unusual. */
STRAIGHT_INLINE bool parse_straight(struct parser *parser, const struct packet_batch *batch,
                                    uint32_t i, struct packet_facts *facts)
{
    enum { ETHERNET = 14, TAG = 4, READ = 40 };
    const uint16_t tag = 0x0081; /* as it lies in the packet */
    const uint8_t *data = batch->data[i];
    struct straight straight = {.ip = data + ETHERNET,
                                .offset = ETHERNET,
                                .captured = batch->captured_length[i],
                                .wire_length = batch->wire_length[i]};
    if ((batch->link[i] != LINK_ETHERNET) | (straight.captured < ETHERNET + TAG + READ))
        return false;
    uint16_t ethertype = load_raw16(data + 12);
    if (__builtin_expect(ethertype != tag, 1))
        return straight_ip(parser, &straight, ethertype, facts);
    straight.vlan = load_be16(data + 14) & 0xfff;
    straight.is_tagged = true;
    straight.ip += TAG;
    straight.offset += TAG;
    return straight_ip(parser, &straight, load_raw16(data + 16), facts);
}

#endif
