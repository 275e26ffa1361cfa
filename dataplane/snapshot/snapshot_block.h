/*
 * The layout of a block of the snapshot ring. A worker fills its blocks one after the other; the
 * bytes are pcapng (host byte order), laid on disk without a change:
 *
 *     header    Custom Block, 128 octets: what the block holds, and the worker's counts
 *     packets   Enhanced Packet Blocks, times in nanoseconds (if_tsresol 9), each with the flow id
 *               of the packet in a custom option
 *     padding   Custom Block of zeros up to a multiple of 4,096 octets
 *
 * Interface ids are those of snapshot_interfaces.h. The private enterprise number is the one that
 * RFC 5612 keeps for examples, since the project has none of its own; a magic word tells ours from
 * others'. All functions may be called by any thread; readers take the bytes for untrusted.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_BLOCK_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_BLOCK_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    SNAPSHOT_BLOCK_OCTETS = 1 << 20,
    SNAPSHOT_BLOCK_ALIGNMENT = 4096, /* of the octets that a block occupies on disk */
    SNAPSHOT_BLOCK_VERSION = 1,
    SNAPSHOT_ENTERPRISE = 32473,
    SNAPSHOT_FLOW_OPTION = 2989, /* pcapng custom option: binary, may be copied */
    /* The most that is kept of one packet, so that any packet fits a block. */
    SNAPSHOT_PACKET_MAX = 512 * 1024
};
#define SNAPSHOT_BLOCK_MAGIC "spanflow" /* 8 octets, without the zero */

/* A custom block as the format has it (0x0bad), but of a type that it leaves to local use:
 * Wireshark lists each custom block among the packets, and passes over these. */
#define PCAPNG_CUSTOM 0x80000badu
enum { PCAPNG_ENHANCED_PACKET = 6 };

/* snapshot_block_header.flags */
enum { SNAPSHOT_BLOCK_PAYLOAD = 1 << 0 }; /* octets past transport headers may be inside */

/* The whole custom block. Octets of packets are frame octets (original lengths). */
struct snapshot_block_header {
    uint32_t type;   /* PCAPNG_CUSTOM */
    uint32_t length; /* 128 */
    uint32_t enterprise;
    uint8_t version;
    uint8_t flags;
    uint16_t worker;
    uint8_t magic[8];
    uint64_t run;      /* random, of one ring of one worker */
    uint64_t sequence; /* of the block in its ring, from 0 without a gap */
    uint64_t first_ns; /* time of the oldest and newest packet, which need not be in order */
    uint64_t last_ns;
    uint32_t packets;
    uint32_t used;   /* octets of the whole block, a multiple of 4,096; 0: not sealed yet */
    uint64_t octets; /* frame octets of its packets */
    /* What the worker had counted when the block was sealed, since the ring was made. */
    uint64_t seen_packets;
    uint64_t seen_octets;
    uint64_t cut_off_packets; /* for whatever reason */
    uint64_t cut_off_octets;
    uint64_t overload_packets;
    uint64_t overload_octets;
    uint32_t crc; /* CRC-32C of the used octets with this field 0; by whoever writes it out */
    uint32_t length_end; /* 128 */
};
static_assert(sizeof(struct snapshot_block_header) == 128, "two cache lines");
static_assert(offsetof(struct snapshot_block_header, crc) == 120, "no holes");

/* A packet of a block. */
struct snapshot_packet {
    uint32_t interface;
    uint32_t captured_length; /* octets at data */
    uint32_t original_length; /* of the frame */
    uint64_t time_ns;         /* since 1970 */
    uint64_t flow_id;         /* element 148 of its flow's records; 0: it has no flow */
    const uint8_t *data;      /* in the block */
};

enum {
    SNAPSHOT_EPB_FIXED = 28,    /* octets in front of the data */
    SNAPSHOT_EPB_TAIL = 24,     /* behind it: the options and the length */
    SNAPSHOT_PADDING_MIN = 16,  /* an empty custom block */
    SNAPSHOT_BLOCK_FIRST = 128, /* offset of the first packet */
    SNAPSHOT_BLOCK_ROOM = SNAPSHOT_BLOCK_OCTETS - SNAPSHOT_PADDING_MIN /* packets end before */
};

/* Octets of the packet block for CAPTURED octets of data. */
static inline uint32_t snapshot_epb_octets(uint32_t captured)
{
    return SNAPSHOT_EPB_FIXED + ((captured + 3) & ~3u) + SNAPSHOT_EPB_TAIL;
}

/* Two words, the first in front, as one store: compilers would gather single words in memory and
 * wait for them there. */
static inline void snapshot_put_words(uint8_t *out, uint32_t first, uint32_t second)
{
    uint64_t both = first | (uint64_t)second << 32;
    memcpy(out, &both, sizeof both);
}

/* Writes the words in front of the data of a packet block to OUT. */
static inline void snapshot_epb_write_front(uint8_t *out, uint32_t interface, uint64_t time_ns,
                                            uint32_t captured, uint32_t original)
{
    snapshot_put_words(out, PCAPNG_ENHANCED_PACKET, snapshot_epb_octets(captured));
    snapshot_put_words(out + 8, interface, (uint32_t)(time_ns >> 32));
    snapshot_put_words(out + 16, (uint32_t)time_ns, captured);
    memcpy(out + 24, &original, sizeof original);
}

/* Writes what stands behind the data (padded to 4 octets) to OUT. */
static inline void snapshot_epb_write_tail(uint8_t *out, uint32_t captured, uint64_t flow_id)
{
    snapshot_put_words(out, SNAPSHOT_FLOW_OPTION | 12u << 16, SNAPSHOT_ENTERPRISE);
    memcpy(out + 8, &flow_id, sizeof flow_id);
    snapshot_put_words(out + 16, 0, snapshot_epb_octets(captured)); /* opt_endofopt */
}

/* Writes PACKET as a packet block to OUT, which has room for snapshot_epb_octets() of its captured
 * length; returns these. */
uint32_t snapshot_epb_write(uint8_t *out, const struct snapshot_packet *packet);

enum snapshot_walk {
    SNAPSHOT_WALK_PACKET,
    SNAPSHOT_WALK_END,    /* the padding or the end of what is there */
    SNAPSHOT_WALK_DAMAGED /* what is at *OFFSET is no packet block of ours; the walk is over */
};

/* The next packet of the block at BLOCK, of which LENGTH octets are there (those used, or fewer).
 * *OFFSET starts at SNAPSHOT_BLOCK_FIRST and moves behind the packet. Never reads behind LENGTH. */
enum snapshot_walk snapshot_block_next(const uint8_t *block, uint32_t length, uint32_t *offset,
                                       struct snapshot_packet *packet);

/* Copies the header at BLOCK to HEADER. False if the LENGTH octets there do not begin with a header
 * of this version whose used octets are a multiple of 4,096 (0 is not) and at most
 * SNAPSHOT_BLOCK_OCTETS. Neither the crc nor the packets are looked at. */
bool snapshot_block_read_header(const uint8_t *block, size_t length,
                                struct snapshot_block_header *header);

/* CRC-32C of the USED octets at BLOCK as the header's crc field wants it. */
uint32_t snapshot_block_crc(const uint8_t *block, uint32_t used);

/* Writes the padding from offset END of BLOCK (a multiple of 4, at most SNAPSHOT_BLOCK_ROOM) and
 * returns the octets used then. */
uint32_t snapshot_block_pad(uint8_t *block, uint32_t end);

/* Goes on with a CRC-32C (RFC 3720) over LENGTH octets at DATA; CRC is 0 at first, then the last
 * result. */
uint32_t snapshot_crc32c(uint32_t crc, const void *data, size_t length);

#endif
