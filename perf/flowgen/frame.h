/*
 * Ethernet frames of the generator: IPv4 and IPv6 with TCP, UDP, ICMP and ICMPv6, right lengths
 * and right checksums, padded to 60 octets. Called by the workloads; keeps nothing.
 */
#ifndef SPANFLOW_PERF_FLOWGEN_FRAME_H
#define SPANFLOW_PERF_FLOWGEN_FRAME_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FRAME_OCTETS_MIN = 60,
    FRAME_OCTETS_MAX = 1514,
    ETHERNET_OCTETS = 14,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMP6 = 58,
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
};

/* What a frame is made of. Numbers in host byte order. */
struct frame_plan {
    bool ipv6;
    uint8_t protocol;
    uint8_t tcp_flags;
    uint8_t icmp_type;
    uint32_t source; /* the IPv4 address, or the low 32 bits of the IPv6 address */
    uint32_t destination;
    uint16_t source_port; /* ICMP: identifier */
    uint16_t destination_port;
    uint32_t tcp_sequence; /* ICMP: sequence number */
    uint32_t tcp_acknowledgment;
    const uint8_t *payload; /* what follows the transport header */
    uint32_t payload_octets;
};

struct frame_size {
    uint32_t frame_octets;
    uint32_t ip_octets;
};

/* Octets of all headers of PLAN, Ethernet included. */
uint32_t frame_header_octets(const struct frame_plan *plan);

/* Writes the frame into BUFFER (FRAME_OCTETS_MAX octets). The payload must fit. */
struct frame_size frame_build(uint8_t *buffer, const struct frame_plan *plan);

#endif
