/*
 * Seeded traffic: conversations of all the kinds that the cache treats differently, and a clock
 * that likes the edges of the timeouts. Makes plain packets; these become facts (no parser in the
 * loop) or frames (frame_builder.h). Test code; single thread; the caller owns everything.
 */
#ifndef SPANFLOW_SIM_TRAFFIC_H
#define SPANFLOW_SIM_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "parse/parse.h"
#include "sim/random.h"

enum conversation_kind {
    TALK_TCP,
    TALK_UDP,
    TALK_SCTP,
    TALK_ICMP,
    TALK_GRE,      /* no ports, joined */
    TALK_FRAGMENT, /* later fragments of UDP: ports 0, never joined */
    TALK_SELF,     /* TCP of an endpoint with itself */
    TALK_KINDS
};

struct traffic_config {
    uint32_t conversations;
    uint32_t kinds;   /* set of 1 << enum conversation_kind */
    unsigned ipv6;    /* percent of conversations */
    unsigned skew;    /* 0: all alike, 1..3: some much busier */
    unsigned vlan;    /* percent of conversations with tags */
    unsigned labels;  /* percent of conversations under MPLS */
    bool huge_octets; /* packets that claim up to 4 GiB (facts only) */
    uint64_t start_ns;
    uint64_t step_ns;  /* typical distance of packets */
    uint64_t edges[3]; /* timeouts: jumps of about these lengths happen */
    unsigned edge;     /* jumps of an edge's length per 10,000 packets */
};

struct plain_packet {
    uint64_t time_ns;
    uint8_t source[16]; /* IPv4 in the first four bytes */
    uint8_t destination[16];
    uint16_t source_port;      /* host order; ICMP: 0 */
    uint16_t destination_port; /* ICMP: type * 256 + code */
    uint64_t ip_octets;
    uint32_t sequence;
    uint32_t acknowledgement;
    uint32_t payload; /* octets behind the transport header */
    uint16_t vlan[2];
    uint16_t port; /* of arrival */
    uint8_t family;
    uint8_t protocol;
    uint8_t kind; /* enum conversation_kind */
    uint8_t tcp_flags;
    uint8_t tos;
    uint8_t ttl;
    uint8_t label_count;
    uint8_t labels[3][3];
    uint8_t macs[12]; /* destination, source */
};

struct conversation;

struct traffic {
    struct traffic_config config;
    struct random random;
    struct conversation *conversations;
    uint64_t now_ns;
};

/* Aborts if memory is short. */
void traffic_open(struct traffic *traffic, const struct traffic_config *config, uint64_t seed);
/* Frees what open took. */
void traffic_close(struct traffic *traffic);

/* The next packet; its time is the traffic's clock, which never goes back by itself. */
void traffic_next(struct traffic *traffic, struct plain_packet *packet);

/* What the parser must say of PACKET's frame. The MACs are its first bytes. */
void plain_packet_facts(const struct plain_packet *packet, struct packet_facts *facts);

#endif
