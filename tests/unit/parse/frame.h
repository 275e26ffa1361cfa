/*
 * Builds frames header by header, from the outside in. Length fields stay open until
 * frame_close() fills them in; a test that wants a lie patches the bytes afterwards. Used by the
 * parser's tests and by the writer of the fuzz corpus; the caller owns the frame.
 */
#ifndef SPANFLOW_TEST_FRAME_H
#define SPANFLOW_TEST_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 2048, FRAME_LENGTHS_MAX = 32 };

struct frame {
    uint8_t data[FRAME_MAX];
    uint32_t length;
    uint32_t wire_length; /* set by frame_close(); may be raised afterwards */
    uint8_t link;         /* enum link_layer; Ethernet unless a builder says otherwise */
    uint32_t open_count;
    struct frame_length {
        uint32_t field; /* offset of the 16-bit field */
        uint32_t start; /* first byte that it counts */
    } open[FRAME_LENGTHS_MAX];
};

/* Appends LENGTH bytes. */
void frame_put(struct frame *frame, const void *bytes, size_t length);
/* Appends COUNT bytes of VALUE. */
void frame_fill(struct frame *frame, uint8_t value, size_t count);
/* Appends a number of 1, 2 or 4 bytes in network order. */
void frame_u8(struct frame *frame, unsigned value);
void frame_be16(struct frame *frame, unsigned value);
void frame_be32(struct frame *frame, uint32_t value);
/* Appends a 16-bit length field that will count the bytes from START to the end. */
void frame_open_length(struct frame *frame, uint32_t start);
/* Overwrites bytes that are there already. */
void frame_patch8(struct frame *frame, uint32_t offset, unsigned value);
void frame_patch16(struct frame *frame, uint32_t offset, unsigned value);
/* Fills in the length fields. Must be last; wire_length becomes length. */
void frame_close(struct frame *frame);

/* Link layers. */
void frame_ethernet(struct frame *frame, unsigned type);
void frame_tag(struct frame *frame, unsigned id, unsigned type);
void frame_llc_snap(struct frame *frame, uint32_t oui, unsigned type);
void frame_label(struct frame *frame, uint32_t label, int bottom);
void frame_pppoe(struct frame *frame, unsigned protocol);
/* WORDS counts 4-byte words, the base header included. */
void frame_nsh(struct frame *frame, unsigned words, unsigned next);

/* IP headers from host 1 to host 2 of network NET: 10.NET.0.x or 2001:db8:NET::x. */
void frame_ipv4(struct frame *frame, unsigned net, unsigned protocol);
void frame_ipv6(struct frame *frame, unsigned net, unsigned next_header);
/* The same with fragment fields. IPv4: OFFSET in 8-byte units. */
void frame_ipv4_fragment(struct frame *frame, unsigned net, unsigned protocol, unsigned id,
                         unsigned offset, int more);
void frame_ipv6_fragment(struct frame *frame, unsigned next_header, uint32_t id, unsigned offset,
                         int more);
/* An extension header of 8 * (1 + EXTRA) bytes, padded. */
void frame_ipv6_extension(struct frame *frame, unsigned next_header, unsigned extra);
/* An authentication header with a 12-byte check value: 24 bytes. */
void frame_ah(struct frame *frame, unsigned next_header);

/* Transports. Sequence 0x01020304, acknowledgement 0x05060708. */
void frame_tcp(struct frame *frame, unsigned source_port, unsigned destination_port,
               unsigned flags);
void frame_udp(struct frame *frame, unsigned source_port, unsigned destination_port);

/* The end of most frames: UDP from port 1000 to 2000 with 8 bytes of payload, after an IP header
 * of network NET. 36 octets in IPv4, 56 in IPv6. Closes the frame. */
void frame_end_udp4(struct frame *frame, unsigned net);
void frame_end_udp6(struct frame *frame, unsigned net);

#endif
