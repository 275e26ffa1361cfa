/*
 * Packets from an array in memory as a packet source, for tests, simulations and benchmarks.
 */
#ifndef SPANFLOW_PACKET_SOURCE_MEMORY_H
#define SPANFLOW_PACKET_SOURCE_MEMORY_H

#include <stddef.h>

#include "packet/packet_source.h"

struct memory_packet {
    const uint8_t *data;
    uint32_t captured_length;
    uint32_t wire_length; /* >= captured_length */
    uint64_t timestamp_ns;
    uint16_t port; /* added to the source's interface_base */
    uint8_t link;  /* enum link_layer */
};

struct source_memory_options {
    uint64_t rounds;        /* how often the array is played; 0 = for ever */
    uint64_t round_step_ns; /* added to every time stamp with each further round */
    /* Not NULL: every packet carries the time found here when its batch is filled, as live
     * sources do, instead of its own. Must outlive the source. */
    const uint64_t *now_ns;
    uint32_t batch_max;       /* packets in a batch; 0 = PACKET_BATCH_MAX */
    bool live;                /* as packet_source.live */
    uint16_t interface_count; /* 0 = 1 */
};

/* A source that plays COUNT PACKETS, which stay the caller's and must outlive it. OPTIONS may be
 * NULL: once, own times. NULL when out of memory. */
struct packet_source *source_memory_open(const struct memory_packet *packets, size_t count,
                                         const struct source_memory_options *options);

/* Lets at most TOTAL packets out, counted from the start; then receive() says RECEIVE_IDLE. The
 * default is UINT64_MAX. The thread that calls receive(). */
void source_memory_allow(struct packet_source *source, uint64_t total);

#endif
