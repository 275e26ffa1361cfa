/*
 * Where the network header of a kept packet begins, for the two that look into packets at a query:
 * snapshot_tuple.c and snapshot_anonymise.c. Not the workers' parser: this one is asked about
 * single packets of any link type, long after they passed. Pure; any thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_LAYERS_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

/* LINKTYPE numbers of capture files. */
enum snapshot_link_type {
    SNAPSHOT_LINK_NULL = 0,
    SNAPSHOT_LINK_ETHERNET = 1,
    SNAPSHOT_LINK_PPP = 9,
    SNAPSHOT_LINK_RAW_BSD = 12,
    SNAPSHOT_LINK_RAW_OPENBSD = 14,
    SNAPSHOT_LINK_PPP_HDLC = 50,
    SNAPSHOT_LINK_RAW = 101,
    SNAPSHOT_LINK_CHDLC = 104,
    SNAPSHOT_LINK_LOOP = 108,
    SNAPSHOT_LINK_SLL = 113,
    SNAPSHOT_LINK_IPV4 = 228,
    SNAPSHOT_LINK_IPV6 = 229,
    SNAPSHOT_LINK_SLL2 = 276
};

enum snapshot_ether_type {
    SNAPSHOT_TYPE_NONE = 0, /* not understood from the offset on */
    SNAPSHOT_TYPE_IPV4 = 0x0800,
    SNAPSHOT_TYPE_ARP = 0x0806,
    SNAPSHOT_TYPE_RARP = 0x8035,
    SNAPSHOT_TYPE_IPV6 = 0x86dd
};

struct snapshot_network {
    uint32_t offset; /* of the network header; at most the captured length */
    uint16_t type;   /* enum snapshot_ether_type; others are NONE */
};

/*
 * Goes through the link header, up to 16 VLAN tags, MPLS labels and PPPoE; no further than the
 * index (snapshot_index.h), which has to know what is found here. Where it does not know further,
 * or the octets end, it stops with NONE at the last place that it understood.
 */
struct snapshot_network snapshot_layers_network(const uint8_t *data, uint32_t length,
                                                uint16_t link_type);

/* A number in network order. */
static inline uint16_t snapshot_layers_u16(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

#endif
