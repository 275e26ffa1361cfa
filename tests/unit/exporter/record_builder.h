/*
 * Flow records made by hand for the tests of the exporter: a plain description of a conversation,
 * turned into the lines of a ring element. Deterministic, any thread.
 */
#ifndef SPANFLOW_TESTS_RECORD_BUILDER_H
#define SPANFLOW_TESTS_RECORD_BUILDER_H

#include <stdint.h>

#include "flow/flow_record.h"
#include "flow/record_ring.h"

/* One direction, told from the side of its sender. */
struct flow_direction {
    uint64_t packets, octets;
    uint64_t first_ns, last_ns;
    uint16_t tcp_flags;    /* of all packets, 12 bits */
    uint8_t initial_flags; /* of the first */
    uint8_t initial_only;  /* of these, what no later one has */
    uint8_t tos, ttl_min, ttl_max;
    uint16_t port; /* index of the interface table */
    uint8_t egress;
    uint8_t label_count;
    uint8_t labels[3][3];
};

/* The initiator is the sender of direction 0. */
struct flow_description {
    uint8_t family, protocol;
    uint8_t source[16], destination[16];    /* of direction 0; IPv4 in the first four */
    uint16_t source_port, destination_port; /* host order */
    uint16_t vlan_outer, vlan_inner;
    uint8_t source_mac[6], destination_mac[6];
    uint8_t end_reason;
    uint8_t initiator_seen;
    uint8_t continued; /* an active cut came before */
    uint64_t flow_id;
    uint32_t list, brand; /* marks */
    struct flow_direction direction[2];
};

/* Writes the element to LINES (FLOW_ELEMENT_LINES_MAX lines of 64 bytes, aligned to 64); returns
 * the number of lines. */
unsigned record_build(const struct flow_description *flow, uint8_t *lines);

/* Puts the element on RING and publishes it; 0, or -1 if the ring is full. */
int record_push(struct record_ring *ring, const struct flow_description *flow);
int record_push_marker(struct record_ring *ring, uint64_t cut);

/* The I-th conversation of a mixed, repeatable population around START_NS. */
void record_describe(struct flow_description *flow, uint64_t seed, uint64_t start_ns);

#endif
