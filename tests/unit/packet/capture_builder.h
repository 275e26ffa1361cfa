/*
 * Builds capture files byte by byte for the tests of the file source: any byte order, and any
 * lie in any field. Memory belongs to the caller's struct; one test at a time.
 */
#ifndef SPANFLOW_TESTS_CAPTURE_BUILDER_H
#define SPANFLOW_TESTS_CAPTURE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet_source.h"

struct capture_builder {
    uint8_t bytes[1 << 16];
    size_t size;
    bool swapped; /* write in the other byte order from here on */
};

/* Numbers in the builder's byte order, and raw octets. */
void put_u16(struct capture_builder *builder, uint16_t value);
void put_u32(struct capture_builder *builder, uint32_t value);
void put_u64(struct capture_builder *builder, uint64_t value);
void put_octets(struct capture_builder *builder, const void *octets, size_t count);

/* pcap: the file header, and a packet of CAPTURED octets that all have the value FILL. */
void put_pcap_header(struct capture_builder *builder, uint32_t magic, uint32_t network);
void put_pcap_packet(struct capture_builder *builder, uint32_t seconds, uint32_t fraction,
                     uint32_t captured, uint32_t wire, uint8_t fill);

/* pcapng: OPTIONS are raw octets in the builder's byte order, padded by the caller. */
void put_section(struct capture_builder *builder);
void put_interface(struct capture_builder *builder, uint16_t link_type, uint32_t snap_length,
                   const void *options, uint32_t option_octets);
void put_enhanced_packet(struct capture_builder *builder, uint32_t interface, uint64_t units,
                         uint32_t captured, uint32_t wire, uint8_t fill);
void put_obsolete_packet(struct capture_builder *builder, uint16_t interface, uint64_t units,
                         uint32_t captured, uint32_t wire, uint8_t fill);
void put_simple_packet(struct capture_builder *builder, uint32_t captured, uint32_t wire,
                       uint8_t fill);
/* A block of type TYPE that no reader knows, with BODY octets, a multiple of 4. */
void put_other_block(struct capture_builder *builder, uint32_t type, uint32_t body);

/* A temporary file with SIZE bytes. Its path is valid until the next call with the same SLOT,
 * of which there are four. */
char *write_capture(unsigned slot, const void *bytes, size_t size);
void remove_captures(void);

/* One packet as a source delivered it; data is not kept, only its first octet. */
struct seen_packet {
    uint64_t timestamp_ns;
    uint32_t captured_length;
    uint32_t wire_length;
    uint8_t link;
    uint8_t first_octet; /* 0 if nothing was captured */
};

struct seen {
    uint32_t count;
    enum receive_status status;
    char problem[512];
    struct seen_packet packets[4096];
    uint64_t octets;
};

/* Receives until the end, reads every captured octet, checks what holds for every source, and
 * closes SOURCE. Waits while it is idle. */
void see_all(struct packet_source *source, struct seen *seen);
/* The same for one file of the given bytes. */
void see_bytes(const void *bytes, size_t size, struct seen *seen);

#endif
