/*
 * The catalogue of frames with what the parser must say of them: at least one per branch, per
 * malformed reason and per tunnel. test_cases.c checks each at full and at every shorter captured
 * length; the corpus of the fuzz target is written from the same frames.
 */
#ifndef SPANFLOW_TEST_FRAME_CASE_H
#define SPANFLOW_TEST_FRAME_CASE_H

#include "frame.h"
#include "parse/parse.h"

struct frame_case {
    const char *name;
    void (*build)(struct frame *frame);
    uint32_t tunnels; /* opened; set of enum tunnel_kind */
    uint8_t verdict;  /* the rest counts if this is PACKET_METERED */
    uint8_t family;
    uint8_t net;
    uint8_t protocol;
    uint16_t source_port;
    uint16_t destination_port;
    uint64_t octets;
    uint32_t payload; /* payload_length */
    uint16_t tcp_flags;
    uint16_t vlan[2];
    uint8_t vlan_count;
    uint8_t label_count;
    uint8_t facts; /* without PACKET_FACT_MACS, which follows from the link layer */
    /* Counters that must move by one: */
    uint8_t transport_cut;
    uint8_t exceeds;
    uint8_t tunnel_malformed;
};

/* Each list ends with a case without name. */
extern const struct frame_case frame_cases_link[];
extern const struct frame_case frame_cases_capture_link[];
extern const struct frame_case frame_cases_ip[];
extern const struct frame_case frame_cases_transport[];
extern const struct frame_case frame_cases_tunnel[];
extern const struct frame_case frame_cases_tunnel_udp[];

/* All lists, then NULL. */
extern const struct frame_case *const frame_cases[];

/* What frame_end_udp4() and frame_end_udp6() lead to. */
#define ENDS_UDP4                                                                                  \
    .verdict = PACKET_METERED, .family = 4, .protocol = 17, .source_port = 1000,                   \
    .destination_port = 2000, .octets = 36, .payload = 8
#define ENDS_UDP6                                                                                  \
    .verdict = PACKET_METERED, .family = 6, .protocol = 17, .source_port = 1000,                   \
    .destination_port = 2000, .octets = 56, .payload = 8

#endif
