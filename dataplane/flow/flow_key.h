/*
 * The canonical flow key: both directions of a conversation have the same key, and a side bit
 * tells which endpoint sent. Addresses and ports stay in network byte order, so that the exporter
 * copies them as they are.
 *
 * 16 bytes hold an IPv4 key whole. An IPv6 key has the same 16-byte head, with each address folded
 * to 32 bits, and the 32 address bytes behind it. So one 16-byte compare decides for IPv4 and
 * rejects nearly every stranger for IPv6.
 */
#ifndef SPANFLOW_FLOW_FLOW_KEY_H
#define SPANFLOW_FLOW_FLOW_KEY_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct flow_key_head {
    uint32_t address_a; /* IPv4 address, or the xor of the four words of an IPv6 address */
    uint32_t address_b;
    uint16_t port_a;
    uint16_t port_b;
    uint8_t protocol;
    uint8_t vlan[3]; /* outer id << 12 | inner id, big-endian; 0 = none or not in the key */
};

struct flow_key {
    struct flow_key_head head;
    uint8_t address6_a[16]; /* IPv6 only; not valid for IPv4 */
    uint8_t address6_b[16];
    uint8_t family; /* 4 or 6 */
};

static_assert(sizeof(struct flow_key_head) == 16, "an IPv4 key is 16 bytes");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "keys are composed in words");

/* Writes both VLAN ids, 12 bits each; 0 stands for no tag. */
static inline void flow_key_set_vlan(struct flow_key_head *head, unsigned outer, unsigned inner)
{
    head->vlan[0] = (uint8_t)(outer >> 4);
    head->vlan[1] = (uint8_t)((outer << 4) | (inner >> 8));
    head->vlan[2] = (uint8_t)inner;
}

/* The outer VLAN id, 0 if the packet had no tag. */
static inline unsigned flow_key_vlan_outer(const struct flow_key_head *head)
{
    return (unsigned)head->vlan[0] << 4 | head->vlan[1] >> 4;
}

/* The inner VLAN id, 0 if the packet had fewer than two tags. */
static inline unsigned flow_key_vlan_inner(const struct flow_key_head *head)
{
    return (head->vlan[1] & 0xfu) << 8 | head->vlan[2];
}

/*
 * Whether two packets of opposite direction belong to one record. Not so for ICMP and ICMPv6
 * (the port field is type and code of one direction) nor where both ports of a protocol that has
 * ports are 0 (later fragments): RFC 5103 joins only what is known to be one conversation.
 */
static inline bool flow_key_joins(uint8_t protocol, uint16_t source_port, uint16_t destination_port)
{
    switch (protocol) {
    case 1:  /* ICMP */
    case 58: /* ICMPv6 */
        return false;
    case 6:   /* TCP */
    case 17:  /* UDP */
    case 33:  /* DCCP */
    case 132: /* SCTP */
    case 136: /* UDP-Lite */
        return source_port != 0 || destination_port != 0;
    default:
        return true;
    }
}

/*
 * Writes the canonical IPv4 key and returns the sender's side. ADDRESSES and PORTS hold source and
 * destination as they follow each other in the headers (source in the low half), JOINS is what
 * flow_key_joins() says. VLAN ids 0..4095. Without branches on the packet: which endpoint is
 * smaller is as good as random.
 */
static inline unsigned flow_key_store4(struct flow_key *key, uint64_t addresses, uint32_t ports,
                                       uint8_t protocol, bool joins, unsigned vlan_outer,
                                       unsigned vlan_inner)
{
    uint64_t addresses_turned = addresses << 32 | addresses >> 32;
    uint32_t ports_turned = ports << 16 | ports >> 16;
    unsigned side =
        (addresses_turned > addresses) | ((addresses_turned == addresses) & (ports_turned > ports));
    side &= joins;
    uint64_t turn = 0 - (uint64_t)side;
    uint64_t vlan = (vlan_outer & 0xff0) << 4 | (vlan_outer & 0xf) << 20 |
                    (vlan_inner & 0xf00) << 8 | (uint64_t)(vlan_inner & 0xff) << 24;
    uint64_t word[2] = {addresses ^ ((addresses ^ addresses_turned) & turn),
                        ports ^ ((ports ^ ports_turned) & (uint32_t)turn)};
    word[1] |= (vlan | protocol) << 32;
    memcpy(&key->head, word, sizeof word);
    key->family = 4;
    return side;
}

/* The same from single fields, all in network byte order. */
static inline unsigned flow_key_make4(struct flow_key *key, uint32_t source, uint32_t destination,
                                      uint16_t source_port, uint16_t destination_port,
                                      uint8_t protocol, unsigned vlan_outer, unsigned vlan_inner)
{
    return flow_key_store4(
        key, (uint64_t)destination << 32 | source, (uint32_t)destination_port << 16 | source_port,
        protocol, flow_key_joins(protocol, source_port, destination_port), vlan_outer, vlan_inner);
}

/* An IPv6 address folded to the width of the IPv4 key's address field. */
static inline uint32_t flow_key_fold6(const uint8_t address[16])
{
    uint32_t w[4];
    memcpy(w, address, sizeof w);
    return w[0] ^ w[1] ^ w[2] ^ w[3];
}

/* The same for IPv6; addresses as 16 bytes each. */
static inline unsigned flow_key_make6(struct flow_key *key, const uint8_t source[16],
                                      const uint8_t destination[16], uint16_t source_port,
                                      uint16_t destination_port, uint8_t protocol,
                                      unsigned vlan_outer, unsigned vlan_inner)
{
    uint64_t from[2], to[2];
    memcpy(from, source, sizeof from);
    memcpy(to, destination, sizeof to);
    uint64_t first = from[0] != to[0] ? from[0] : from[1];
    uint64_t second = from[0] != to[0] ? to[0] : to[1];
    unsigned side = (first > second) | ((first == second) & (source_port > destination_port));
    side &= flow_key_joins(protocol, source_port, destination_port);
    memcpy(side ? key->address6_b : key->address6_a, source, 16);
    memcpy(side ? key->address6_a : key->address6_b, destination, 16);
    key->family = 6;
    key->head.address_a = flow_key_fold6(key->address6_a);
    key->head.address_b = flow_key_fold6(key->address6_b);
    key->head.port_a = side ? destination_port : source_port;
    key->head.port_b = side ? source_port : destination_port;
    key->head.protocol = protocol;
    flow_key_set_vlan(&key->head, vlan_outer, vlan_inner);
    return side;
}

#endif
