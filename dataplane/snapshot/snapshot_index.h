/*
 * The index of a segment: for each block its place, times and checksum, and a Bloom filter of what
 * its packets hold, so that a query reads only blocks that may answer it. An entry says "may hold"
 * or "holds not", and the second is never wrong: what is not in the filter is in no packet.
 *
 * Keys are taken from the captured octets as libpcap's filters look at them, which check little:
 *   - Ethernet (also with any mix of up to 16 tags: 802.1Q, 802.1ad, 0x9100, MPLS, PPPoE), raw IP,
 *     null/loop and Linux cooked captures; packets of other link layers make an entry `opaque`, and
 *     so do more tags: such a block may hold everything;
 *   - IPv4, IPv6: both addresses, the protocol (of IPv6: next header and each extension header);
 *     ARP and RARP: both protocol addresses; whatever lengths, version and checksum say, if the
 *     octets were captured;
 *   - ports behind protocols 6, 17, 132 if the fragment's offset is 0; for IPv6 also behind
 *     extension headers;
 *   - the same again inside IP in IP, 6in4, GRE, VXLAN (4789), GENEVE (6081) and GTP-U (2152);
 *   - the flow id, if it is not 0.
 * Host names, MAC addresses, VLAN ids, lengths, flags and payload are not in it: a part of an
 * expression that asks for those must be taken as true. Negations cannot use the filter.
 *
 * Built by the writer thread; read by queries. Nothing here is thread-safe by itself.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_INDEX_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum snapshot_index_flags {
    SNAPSHOT_INDEX_PAYLOAD = 1 << 0, /* octets past transport headers may be inside */
    SNAPSHOT_INDEX_OPAQUE = 1 << 1,  /* the filter says nothing: may hold everything */
    SNAPSHOT_INDEX_DAMAGED = 1 << 2, /* was damaged when the index was made anew */
    SNAPSHOT_INDEX_IPV4 = 1 << 3,    /* at least one packet has an IPv4 header (any depth) */
    SNAPSHOT_INDEX_IPV6 = 1 << 4,
    SNAPSHOT_INDEX_ARP = 1 << 5
};

/* What the index says of one block. On disk the same, little endian, followed by the filter. */
struct snapshot_index_entry {
    uint64_t offset;   /* of the block in the segment, a multiple of 4096 */
    uint64_t run;      /* run id of the block's header */
    uint64_t sequence; /* the block's, of its worker and run */
    uint64_t first_ns; /* earliest and latest packet (the packets' own times); */
    uint64_t last_ns;  /* an empty block: both 0 */
    uint32_t octets;   /* used by the block, a multiple of 4096 */
    uint32_t packets;
    uint32_t crc; /* CRC-32C, as in the block's header */
    uint16_t worker;
    uint16_t flags;
    uint32_t words; /* of the filter, 64 bits each; 0: nothing inside (or opaque) */
    uint32_t unused;
    uint64_t protocols[4]; /* bit p: IP protocol p occurs */
};

/* A list of entries, in the order of the segment. */
struct snapshot_index {
    struct snapshot_index_entry *entries;
    uint64_t *filters;   /* of all entries, one after the other */
    uint64_t *filter_at; /* where each entry's begins in it, in words */
    uint32_t count, room;
    uint64_t words, words_room;
};

/* Keys of the filter. ADDRESS is in network byte order. An address of a packet is in the filter
 * with prefix lengths 32, 24, 16, 8 (IPv4) or 128, 64, 48, 32 (IPv6): a prefix between them is
 * asked with the next shorter one, which these functions do. Shorter than 8 or 32: 0, which every
 * filter "may hold". Pure; any thread. */
uint64_t snapshot_index_key_ipv4(const uint8_t address[4], unsigned prefix_length);
uint64_t snapshot_index_key_ipv6(const uint8_t address[16], unsigned prefix_length);
uint64_t snapshot_index_key_port(uint16_t port); /* host byte order; of either side */
uint64_t snapshot_index_key_flow(uint64_t flow_id);

/* Whether a packet of block I may have KEY; false is certain. */
bool snapshot_index_may_hold(const struct snapshot_index *index, uint32_t i, uint64_t key);
/* Whether a packet of block I may have the IP protocol; false is certain. */
bool snapshot_index_may_have_protocol(const struct snapshot_index *index, uint32_t i,
                                      uint8_t protocol);

/* Makes entries of blocks: scratch memory of about 3 MiB. */
struct snapshot_indexer;
/* NULL on lack of memory. The caller destroys it; NULL is fine there. */
struct snapshot_indexer *snapshot_indexer_create(void);
void snapshot_indexer_destroy(struct snapshot_indexer *indexer);

/* Appends the entry of BLOCK (OCTETS long: a whole block with its header, not trusted) that lies at
 * OFFSET. LINK_TYPES are the link layers of the interfaces, by id. False on lack of memory; what
 * is no packet in it is left out. */
bool snapshot_index_add(struct snapshot_index *index, struct snapshot_indexer *indexer,
                        const uint8_t *block, uint32_t octets, uint64_t offset,
                        const uint16_t *link_types, uint32_t interfaces);

/* The octets of the index on disk: custom blocks of at most 1 MiB each. */
uint64_t snapshot_index_disk_octets(const struct snapshot_index *index);
/* Writes them to OUT, which has room for that. */
void snapshot_index_write(const struct snapshot_index *index, uint8_t *out);
/* Reads OCTETS of DATA as written by it, appending to INDEX. Trusts nothing. False and ERROR if
 * it is not whole; INDEX is then undefined but can be cleared. */
bool snapshot_index_read(struct snapshot_index *index, const uint8_t *data, uint64_t octets,
                         struct error *error);

/* A copy of all of FROM in TO, which is cleared first. False on lack of memory. */
bool snapshot_index_copy(struct snapshot_index *to, const struct snapshot_index *from);
/* Frees; an INDEX of zeros is empty. */
void snapshot_index_clear(struct snapshot_index *index);

#endif
