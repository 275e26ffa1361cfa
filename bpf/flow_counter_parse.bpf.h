/*
 * From the bytes of a frame to the canonical key, exactly as dataplane/parse and flow/flow_key.h
 * make it, or nothing: what is unusual in any way is delivered, and the probe's parser judges it.
 * Understood are Ethernet, at most two VLAN tags, IPv4 without options and IPv6 without extension
 * headers that are no fragments, TCP and UDP, with lengths that fit into each other and into the
 * frame. Included by the XDP program, and by a test that compiles it for the host.
 */
#ifndef SPANFLOW_BPF_FLOW_COUNTER_PARSE_BPF_H
#define SPANFLOW_BPF_FLOW_COUNTER_PARSE_BPF_H

#include "flow_counter.h"

#define COUNTER_INLINE static inline __attribute__((always_inline))

struct flow_counter_packet {
    struct flow_counter_key key; /* family, head and address only */
    __u32 side;
    __u32 octets; /* as the IP header claims */
    __u16 tcp_flags;
    __u8 ttl;
};

/* A field in network byte order as it lies in the packet; of any alignment. */
struct counter_bytes2 {
    __u16 value;
} __attribute__((packed));
struct counter_bytes4 {
    __u32 value;
} __attribute__((packed));
struct counter_bytes8 {
    __u64 value;
} __attribute__((packed));

COUNTER_INLINE __u16 counter_raw16(const __u8 *at)
{
    return ((const struct counter_bytes2 *)at)->value;
}
COUNTER_INLINE __u32 counter_raw32(const __u8 *at)
{
    return ((const struct counter_bytes4 *)at)->value;
}
COUNTER_INLINE __u64 counter_raw64(const __u8 *at)
{
    return ((const struct counter_bytes8 *)at)->value;
}
COUNTER_INLINE __u16 counter_be16(const __u8 *at)
{
    return __builtin_bswap16(counter_raw16(at));
}

enum { COUNTER_TCP = 6, COUNTER_UDP = 17 };

/* As flow_key_store4() does; the VLAN ids are in LABELS, as the upper bytes of the head have them.
 */
COUNTER_INLINE void counter_key4(struct flow_counter_packet *packet, __u64 addresses, __u32 ports,
                                 __u8 protocol, __u64 labels)
{
    __u64 turned = addresses << 32 | addresses >> 32;
    __u32 ports_turned = ports << 16 | ports >> 16;
    packet->side = turned > addresses || (turned == addresses && ports_turned > ports);
    if (ports == 0)
        packet->side = 0;
    packet->key.head[0] = packet->side ? turned : addresses;
    packet->key.head[1] = (packet->side ? ports_turned : ports) | ((__u64)protocol | labels << 8)
                                                                      << 32;
    packet->key.address[0] = 0;
    packet->key.address[1] = 0;
    packet->key.address[2] = 0;
    packet->key.address[3] = 0;
    packet->key.family = 4;
}

COUNTER_INLINE __u32 counter_fold6(__u64 first, __u64 second)
{
    __u64 both = first ^ second;
    return (__u32)both ^ (__u32)(both >> 32);
}

/* As flow_key_make6() does. */
COUNTER_INLINE void counter_key6(struct flow_counter_packet *packet, const __u8 *ip, __u32 ports,
                                 __u8 protocol, __u64 labels)
{
    __u64 from[2] = {counter_raw64(ip + 8), counter_raw64(ip + 16)};
    __u64 to[2] = {counter_raw64(ip + 24), counter_raw64(ip + 32)};
    __u64 first = from[0] != to[0] ? from[0] : from[1];
    __u64 second = from[0] != to[0] ? to[0] : to[1];
    __u16 source = (__u16)ports, destination = (__u16)(ports >> 16);
    packet->side = first > second || (first == second && source > destination);
    if (ports == 0)
        packet->side = 0;
    packet->key.address[0] = packet->side ? to[0] : from[0];
    packet->key.address[1] = packet->side ? to[1] : from[1];
    packet->key.address[2] = packet->side ? from[0] : to[0];
    packet->key.address[3] = packet->side ? from[1] : to[1];
    packet->key.head[0] = counter_fold6(packet->key.address[0], packet->key.address[1]) |
                          (__u64)counter_fold6(packet->key.address[2], packet->key.address[3])
                              << 32;
    __u32 ports_turned = ports << 16 | ports >> 16;
    packet->key.head[1] = (packet->side ? ports_turned : ports) | ((__u64)protocol | labels << 8)
                                                                      << 32;
    packet->key.family = 6;
}

/* The transport header of PACKET at AT, behind LEFT octets that the IP header claims. Its ports are
 * in PORTS. */
COUNTER_INLINE int counter_transport(struct flow_counter_packet *packet, const __u8 *at,
                                     const __u8 *end, __u32 left, __u8 protocol, __u32 *ports)
{
    packet->tcp_flags = 0;
    if (protocol == COUNTER_UDP) {
        if (at + 8 > end || left < 8)
            return 0;
        *ports = counter_raw32(at);
        return 1;
    }
    if (protocol != COUNTER_TCP || at + 20 > end)
        return 0;
    __u32 header = (at[12] >> 4) * 4u;
    if (header < 20 || left < header)
        return 0;
    packet->tcp_flags = counter_be16(at + 12) & 0xfff;
    *ports = counter_raw32(at);
    return 1;
}

COUNTER_INLINE int counter_ipv4(struct flow_counter_packet *packet, const __u8 *ip, const __u8 *end,
                                __u64 left, __u64 labels)
{
    const __u16 fragment = 0xff3f; /* more fragments, offset: as they lie in the packet */
    __u32 ports = 0;
    if (ip + 20 > end || ip[0] != 0x45 || (counter_raw16(ip + 6) & fragment) != 0)
        return 0;
    packet->octets = counter_be16(ip + 2);
    packet->ttl = ip[8];
    if (packet->octets < 20 || packet->octets > left ||
        !counter_transport(packet, ip + 20, end, packet->octets - 20, ip[9], &ports))
        return 0;
    counter_key4(packet, counter_raw64(ip + 12), ports, ip[9], labels);
    return 1;
}

COUNTER_INLINE int counter_ipv6(struct flow_counter_packet *packet, const __u8 *ip, const __u8 *end,
                                __u64 left, __u64 labels)
{
    __u32 ports = 0;
    if (ip + 40 > end || ip[0] >> 4 != 6)
        return 0;
    __u32 payload = counter_be16(ip + 4);
    packet->octets = payload + 40;
    packet->ttl = ip[7];
    if (packet->octets > left || !counter_transport(packet, ip + 40, end, payload, ip[6], &ports))
        return 0;
    counter_key6(packet, ip, ports, ip[6], labels);
    return 1;
}

COUNTER_INLINE int counter_is_tag(__u16 type)
{
    const __u16 vlan = 0x0081, service = 0xa888, old = 0x0091, older = 0x0092;
    return type == vlan || type == service || type == old || type == older;
}

/*
 * Reads the frame from DATA up to END, which may be its linear part only; it has OCTETS on the
 * wire. 1: PACKET says what the parser would say. 0: the parser must judge.
 */
COUNTER_INLINE int flow_counter_parse(const __u8 *data, const __u8 *end, __u64 octets,
                                      __u32 vlan_mask, struct flow_counter_packet *packet)
{
    const __u16 ipv4 = 0x0008, ipv6 = 0xdd86;
    const __u8 *at = data + 14;
    if (at > end || octets < 14)
        return 0;
    __u16 type = counter_raw16(data + 12);
    __u64 left = octets - 14;
    __u32 outer = 0, inner = 0;
    if (counter_is_tag(type)) {
        if (at + 4 > end || left < 4)
            return 0;
        outer = counter_be16(at) & vlan_mask;
        type = counter_raw16(at + 2);
        at += 4;
        left -= 4;
        if (counter_is_tag(type)) {
            if (at + 4 > end || left < 4)
                return 0;
            inner = counter_be16(at) & vlan_mask;
            type = counter_raw16(at + 2);
            at += 4;
            left -= 4;
        }
    }
    __u64 labels = outer >> 4 | (outer & 0xf) << 12 | (inner & 0xf00) | (inner & 0xff) << 16;
    if (type == ipv4)
        return counter_ipv4(packet, at, end, left, labels);
    return type == ipv6 && counter_ipv6(packet, at, end, left, labels);
}

#endif
