/*
 * The frames of the packet generator: UDP over IPv4 from a number of flows in turn, of one size or
 * a mix of sizes. No DPDK here. Called by dpdk_sender.c; one thread; keeps nothing outside its
 * struct.
 */
#ifndef SPANFLOW_PERF_GENERATOR_FRAMES_H
#define SPANFLOW_PERF_GENERATOR_FRAMES_H

#include <stdint.h>

/* Sizes as RFC 2544 counts them: with the four octets of the frame check sequence. */
enum {
    FRAME_SIZE_MIN = 64,
    FRAME_SIZE_MAX = 1518,
    FRAME_CHECK_OCTETS = 4,
    FRAME_HEADER_OCTETS = 42, /* Ethernet, IPv4, UDP */
    FRAME_FLOWS_MAX = 1 << 24,
    FRAME_MIX_PARTS = 12
};

struct frame_kind {
    uint32_t octets; /* without the frame check sequence */
    uint64_t sum;    /* of the words of the IPv4 header that do not change */
    uint8_t header[FRAME_HEADER_OCTETS];
};

struct frame_set {
    uint32_t flows;
    uint32_t stride; /* has no divisor in common with FLOWS */
    uint32_t flow;   /* the next one */
    uint32_t kinds;  /* 1, or FRAME_MIX_PARTS */
    uint32_t place;  /* the next one of KIND */
    struct frame_kind kind[FRAME_MIX_PARTS];
};

/* Sets SET up for FLOWS flows (1..FRAME_FLOWS_MAX) and frames of SIZE octets, or for SIZE 0 for the
 * mix of 64 (seven parts), 594 (four) and 1518 (one). */
void frames_start(struct frame_set *set, uint32_t size, uint32_t flows);

/* Writes the headers of the next frame into BUFFER (FRAME_SIZE_MAX octets); what follows the
 * headers is left as it is. Returns the frame's octets without the frame check sequence. */
uint32_t frames_next(struct frame_set *set, uint8_t *buffer);

#endif
