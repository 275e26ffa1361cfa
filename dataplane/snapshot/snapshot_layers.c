/* From the first octet to the network header. See snapshot_layers.h. */
#include "snapshot/snapshot_layers.h"

enum { TAGS_MAX = 16 };

static struct snapshot_network stopped(uint32_t offset)
{
    return (struct snapshot_network){.offset = offset, .type = SNAPSHOT_TYPE_NONE};
}

/* IP without anything that names it: its version does. */
static struct snapshot_network by_version(const uint8_t *data, uint32_t length, uint32_t offset)
{
    struct snapshot_network network = stopped(offset);
    if (length > offset && data[offset] >> 4 == 4)
        network.type = SNAPSHOT_TYPE_IPV4;
    else if (length > offset && data[offset] >> 4 == 6)
        network.type = SNAPSHOT_TYPE_IPV6;
    return network;
}

static struct snapshot_network mpls(const uint8_t *data, uint32_t length, uint32_t offset)
{
    for (unsigned i = 0; i < TAGS_MAX && length - offset >= 4; i++) {
        offset += 4;
        if ((data[offset - 2] & 1) != 0) /* bottom of the stack */
            return by_version(data, length, offset);
    }
    return stopped(offset);
}

/* A PPP protocol field at OFFSET, which may be compressed to one octet (RFC 1661, 6.5). */
static struct snapshot_network ppp(const uint8_t *data, uint32_t length, uint32_t offset)
{
    uint32_t begin = offset;
    if (length - offset >= 2 && data[offset] == 0xff && data[offset + 1] == 0x03)
        offset += 2;
    if (length - offset < 2)
        return stopped(begin);
    uint16_t protocol = snapshot_layers_u16(data + offset);
    offset += 2;
    if ((protocol & 0x100) != 0) {
        protocol >>= 8;
        offset--;
    }
    if (protocol == 0x21)
        return (struct snapshot_network){.offset = offset, .type = SNAPSHOT_TYPE_IPV4};
    if (protocol == 0x57)
        return (struct snapshot_network){.offset = offset, .type = SNAPSHOT_TYPE_IPV6};
    return stopped(offset);
}

/* TYPE is that of what begins at OFFSET. */
static struct snapshot_network behind_type(const uint8_t *data, uint32_t length, uint32_t offset,
                                           uint16_t type)
{
    for (unsigned tags = 0; tags < TAGS_MAX; tags++) {
        switch (type) {
        case 0x8100:
        case 0x88a8:
        case 0x9100:
            if (length - offset < 4)
                return stopped(offset);
            type = snapshot_layers_u16(data + offset + 2);
            offset += 4;
            continue;
        case 0x8847:
        case 0x8848:
            return mpls(data, length, offset);
        case 0x8864: /* PPPoE: six octets of its own, a protocol that is never compressed */
            if (length - offset < 8 || data[offset + 6] != 0)
                return stopped(offset);
            return ppp(data, length, offset + 6);
        case SNAPSHOT_TYPE_IPV4:
        case SNAPSHOT_TYPE_IPV6:
        case SNAPSHOT_TYPE_ARP:
        case SNAPSHOT_TYPE_RARP:
            return (struct snapshot_network){.offset = offset, .type = type};
        default:
            break;
        }
        return stopped(offset);
    }
    return stopped(offset);
}

/* BSD loopback: an address family in either byte order. */
static struct snapshot_network loopback(const uint8_t *data, uint32_t length)
{
    if (length < 4)
        return stopped(0);
    struct snapshot_network network = stopped(4);
    uint8_t family = data[0] ? data[0] : data[3];
    if (family == 2)
        network.type = SNAPSHOT_TYPE_IPV4;
    else if (family == 10 || family == 24 || family == 28 || family == 30)
        network.type = SNAPSHOT_TYPE_IPV6;
    return network;
}

struct snapshot_network snapshot_layers_network(const uint8_t *data, uint32_t length,
                                                uint16_t link_type)
{
    uint32_t type_at, offset;
    switch ((enum snapshot_link_type)link_type) {
    case SNAPSHOT_LINK_ETHERNET:
        type_at = 12;
        offset = 14;
        break;
    case SNAPSHOT_LINK_SLL:
        type_at = 14;
        offset = 16;
        break;
    case SNAPSHOT_LINK_SLL2:
        type_at = 0;
        offset = 20;
        break;
    case SNAPSHOT_LINK_CHDLC:
        type_at = 2;
        offset = 4;
        break;
    case SNAPSHOT_LINK_NULL:
    case SNAPSHOT_LINK_LOOP:
        return loopback(data, length);
    case SNAPSHOT_LINK_PPP:
    case SNAPSHOT_LINK_PPP_HDLC:
        return ppp(data, length, 0);
    case SNAPSHOT_LINK_RAW:
    case SNAPSHOT_LINK_RAW_BSD:
    case SNAPSHOT_LINK_RAW_OPENBSD:
    case SNAPSHOT_LINK_IPV4:
    case SNAPSHOT_LINK_IPV6:
        return by_version(data, length, 0);
    default:
        return stopped(0);
    }
    if (length < offset)
        return stopped(0);
    return behind_type(data, length, offset, snapshot_layers_u16(data + type_at));
}
