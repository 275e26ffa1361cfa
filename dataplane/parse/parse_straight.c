/*
 * The straight path of IPv6: no extension headers, TCP or UDP. Called through parse_straight.h on
 * the worker thread.
 */
#include "parse/parse_straight.h"

bool parse_straight6(struct parser *parser, const struct straight *straight,
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
    straight_facts(parser, straight, straight->offset + 40, header_length,
                   straight->offset + 40 + payload, is_tcp, facts);
    return true;
}
