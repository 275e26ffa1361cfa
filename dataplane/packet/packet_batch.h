/*
 * A batch of packets as a source hands it to a worker: a struct of arrays, so that each stage
 * touches only what it reads. Filled by packet_source receive(), valid until release(), used by
 * one worker thread only.
 */
#ifndef SPANFLOW_PACKET_PACKET_BATCH_H
#define SPANFLOW_PACKET_PACKET_BATCH_H

#include <stdint.h>

enum { PACKET_BATCH_MAX = 64 };

/* What the first captured byte belongs to. Files map their link types (DLT) onto these. */
enum link_layer {
    LINK_ETHERNET,
    LINK_RAW_IP,     /* version nibble decides: DLT_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6 */
    LINK_LINUX_SLL,  /* Linux cooked, 16-byte header */
    LINK_LINUX_SLL2, /* Linux cooked v2, 20-byte header */
    LINK_NULL_LOOP,  /* BSD loopback, 4-byte address family in the writer's byte order */
    LINK_LOOP,       /* OpenBSD loopback, 4-byte address family in network byte order */
    LINK_PPP,        /* PPP, with or without HDLC framing */
    LINK_CHDLC,      /* Cisco HDLC */
    LINK_UNKNOWN,    /* counted ignored(link_type) */
    LINK_LAYER_COUNT
};

struct packet_batch {
    uint32_t count; /* 0..PACKET_BATCH_MAX */
    const uint8_t *data[PACKET_BATCH_MAX];
    uint32_t captured_length[PACKET_BATCH_MAX]; /* bytes readable at data[i] */
    uint32_t wire_length[PACKET_BATCH_MAX];     /* frame octets without FCS; >= captured_length */
    uint64_t timestamp_ns[PACKET_BATCH_MAX];    /* since 1970; below PACKET_TIME_LIMIT_NS */
    uint16_t port[PACKET_BATCH_MAX];            /* index into the worker's interface table */
    uint8_t link[PACKET_BATCH_MAX];             /* enum link_layer */
    /* Which of the captures that share a port it was read from (file and interface in it); what is
     * no file leaves it alone, at 0. Port and capture together are the observation point. */
    uint16_t capture[PACKET_BATCH_MAX];
    void *handle[PACKET_BATCH_MAX]; /* the source's own, for release() */
};

/* Seconds travel in 32 bits in records and message headers; a later time is cut to this. */
#define PACKET_TIME_LIMIT_NS (4294967295ull * 1000000000ull)

#endif
