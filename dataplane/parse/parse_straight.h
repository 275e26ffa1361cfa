/*
 * The straight path for what nearly every packet is: Ethernet, at most one VLAN tag, IPv4 without
 * options or IPv6 without extension headers, TCP or UDP. It says exactly what the walk through
 * the layers would say, or nothing. Included by parse_batch.c and parse_straight.c only; worker
 * thread.
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

/* Writes all facts but key and side. TRANSPORT is the offset of the TCP or UDP header, END that
 * of the first byte behind the claimed IP length, HEADER_LENGTH checked against it. */
static inline __attribute__((always_inline)) void
straight_facts(struct parser *parser, const struct straight *straight, uint32_t transport,
               uint32_t header_length, uint32_t end, bool is_tcp, struct packet_facts *facts)
{
    const uint8_t *tcp = straight->ip + (transport - straight->offset);
    uint32_t tcp_mask = is_tcp ? UINT32_MAX : 0;
    uint32_t readable = end < straight->captured ? end : straight->captured;
    uint32_t payload = transport + header_length;
    parser->counters.length_exceeds_frame += end > straight->wire_length;
    facts->ip_octets = end - straight->offset;
    facts->tcp_sequence = is_tcp ? load_be32(tcp + 4) : 0;
    facts->tcp_acknowledgement = is_tcp ? load_be32(tcp + 8) : 0;
    facts->tcp_payload_length = (end - payload) & tcp_mask;
    facts->payload_offset = payload;
    facts->payload_length = readable > payload ? readable - payload : 0;
    facts->tcp_flags = is_tcp ? load_be16(tcp + 12) & 0xfff : 0;
    facts->verdict = PACKET_METERED;
    facts->facts = (uint8_t)(PACKET_FACT_MACS | (PACKET_FACT_TCP & tcp_mask));
    facts->label_count = 0;
    facts->mac_offset = 0;
    facts->vlan[0] = straight->vlan;
    facts->vlan[1] = 0;
    memset(facts->labels, 0, sizeof facts->labels);
    facts->vlan_count = straight->is_tagged;
}

/* IPv6, out of line. False, with nothing written, if anything is unusual. parse_straight.c */
bool parse_straight6(struct parser *parser, const struct straight *straight,
                     struct packet_facts *facts);

/* IPv4 without options. IS_TCP is a constant where this is called: else it is UDP. */
static inline __attribute__((always_inline)) bool parse_straight4(struct parser *parser,
                                                                  const struct straight *straight,
                                                                  bool is_tcp,
                                                                  struct packet_facts *facts)
{
    const uint8_t *ip = straight->ip;
    const uint8_t *transport = ip + 20;
    uint32_t octets = load_be16(ip + 2);
    uint32_t header_length = is_tcp ? (transport[12] >> 4) * 4u : 8;
    if (ip[0] != 0x45 || (load_be16(ip + 6) & 0x3fff) != 0 || octets < 20 + header_length ||
        (is_tcp && header_length < 20))
        return false;
    facts->side = (uint8_t)flow_key_make4(&facts->key, load_raw32(ip + 12), load_raw32(ip + 16),
                                          load_raw16(transport), load_raw16(transport + 2),
                                          is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP,
                                          straight->vlan & parser->key_vlan_mask, 0);
    facts->tos = ip[1];
    facts->ttl = ip[8];
    straight_facts(parser, straight, straight->offset + 20, header_length,
                   straight->offset + octets, is_tcp, facts);
    return true;
}

/* False, with nothing written, if anything at all is unusual. 40 bytes from the IP header on are
 * captured, enough for all that is read of IPv4. */
static inline __attribute__((always_inline)) bool parse_straight(struct parser *parser,
                                                                 const struct packet_batch *batch,
                                                                 uint32_t i,
                                                                 struct packet_facts *facts)
{
    enum { ETHERNET = 14, TAG = 4, READ = 40 };
    const uint8_t *data = batch->data[i];
    struct straight straight = {.offset = ETHERNET,
                                .captured = batch->captured_length[i],
                                .wire_length = batch->wire_length[i]};
    if (batch->link[i] != LINK_ETHERNET || straight.captured < ETHERNET + TAG + READ)
        return false;
    uint16_t type = load_be16(data + 12);
    if (type == 0x8100) {
        straight.vlan = load_be16(data + 14) & 0xfff;
        straight.is_tagged = true;
        straight.offset += TAG;
        type = load_be16(data + 16);
    }
    straight.ip = data + straight.offset;
    if (__builtin_expect(type == 0x0800, 1)) {
        if (straight.ip[9] == PROTOCOL_TCP)
            return parse_straight4(parser, &straight, true, facts);
        return straight.ip[9] == PROTOCOL_UDP && parser->config.tunnels == 0 &&
               parse_straight4(parser, &straight, false, facts);
    }
    if (type != 0x86dd)
        return false;
    struct straight copy = straight; /* only this one needs to lie in memory */
    return parse_straight6(parser, &copy, facts);
}

#endif
