/* Conversations. See snapshot_tuple.h. */
#include "snapshot/snapshot_tuple.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "snapshot/snapshot_layers.h"

enum { EXTENSIONS_MAX = 16 };

/* What a packet says of its conversation. */
struct seen {
    const uint8_t *address[2]; /* source, destination */
    uint16_t port[2];
    uint8_t protocol;
    bool fragment; /* a later one: it has no ports */
    bool ports;    /* they were captured */
};

static bool has_ports(uint8_t protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

static void read_ports(struct seen *seen, const uint8_t *data, uint32_t length, uint32_t offset)
{
    if (seen->fragment || !has_ports(seen->protocol) || length < offset || length - offset < 4)
        return;
    seen->ports = true;
    seen->port[0] = snapshot_layers_u16(data + offset);
    seen->port[1] = snapshot_layers_u16(data + offset + 2);
}

static bool read_ipv4(struct seen *seen, const uint8_t *data, uint32_t length, uint32_t offset)
{
    if (length - offset < 20)
        return false;
    const uint8_t *header = data + offset;
    seen->address[0] = header + 12;
    seen->address[1] = header + 16;
    seen->protocol = header[9];
    seen->fragment = (snapshot_layers_u16(header + 6) & 0x1fff) != 0;
    uint32_t header_length = (header[0] & 15u) * 4;
    if (header_length >= 20)
        read_ports(seen, data, length, offset + header_length);
    return true;
}

static bool read_ipv6(struct seen *seen, const uint8_t *data, uint32_t length, uint32_t offset)
{
    if (length - offset < 40)
        return false;
    seen->address[0] = data + offset + 8;
    seen->address[1] = data + offset + 24;
    seen->protocol = data[offset + 6];
    offset += 40;
    for (unsigned i = 0; i < EXTENSIONS_MAX && !seen->fragment; i++) {
        uint32_t octets;
        bool known = length >= offset && length - offset >= 8;
        switch (seen->protocol) {
        case 0:   /* hop-by-hop options, */
        case 43:  /* routing, */
        case 60:  /* destination options, */
        case 135: /* mobility */
            octets = known ? (data[offset + 1] + 1u) * 8 : 0;
            break;
        case 44: /* fragment */
            octets = 8;
            seen->fragment = known && (snapshot_layers_u16(data + offset + 2) & 0xfff8) != 0;
            break;
        case 51: /* authentication */
            octets = known ? (data[offset + 1] + 2u) * 4 : 0;
            break;
        default:
            read_ports(seen, data, length, offset);
            return true;
        }
        if (!known)
            return true;
        seen->protocol = data[offset];
        offset += octets;
    }
    return true;
}

/* Whether the packet goes from end FIRST to the other. */
static bool fits(const struct snapshot_tuple *tuple, const struct seen *seen, unsigned first)
{
    size_t octets = tuple->family == 6 ? 16 : 4;
    for (unsigned i = 0; i < 2; i++) {
        unsigned end = i ^ first;
        if (tuple->family != 0 && tuple->with_address[end] &&
            memcmp(seen->address[i], tuple->address[end], octets) != 0)
            return false;
        if (tuple->port[end] != 0 && !seen->fragment &&
            (!seen->ports || seen->port[i] != tuple->port[end]))
            return false;
    }
    return true;
}

bool snapshot_tuple_matches(const struct snapshot_tuple *tuple, const uint8_t *data,
                            uint32_t length, uint16_t link_type)
{
    struct snapshot_network network = snapshot_layers_network(data, length, link_type);
    struct seen seen = {.protocol = 0};
    bool found = false;
    if (network.type == SNAPSHOT_TYPE_IPV4 && tuple->family != 6)
        found = read_ipv4(&seen, data, length, network.offset);
    else if (network.type == SNAPSHOT_TYPE_IPV6 && tuple->family != 4)
        found = read_ipv6(&seen, data, length, network.offset);
    if (!found || (tuple->protocol != 0 && seen.protocol != tuple->protocol))
        return false;
    return fits(tuple, &seen, 0) || fits(tuple, &seen, 1);
}

void snapshot_tuple_print(const struct snapshot_tuple *tuple, char *text, size_t size)
{
    char ends[2][INET6_ADDRSTRLEN + 16];
    for (unsigned i = 0; i < 2; i++) {
        char address[INET6_ADDRSTRLEN] = "*";
        if (tuple->family != 0 && tuple->with_address[i])
            inet_ntop(tuple->family == 4 ? AF_INET : AF_INET6, tuple->address[i], address,
                      sizeof address);
        if (tuple->port[i] != 0)
            snprintf(ends[i], sizeof ends[i], "%s port %u", address, tuple->port[i]);
        else
            snprintf(ends[i], sizeof ends[i], "%s", address);
    }
    if (tuple->protocol != 0)
        snprintf(text, size, "protocol %u, %s, %s", tuple->protocol, ends[0], ends[1]);
    else
        snprintf(text, size, "%s, %s", ends[0], ends[1]);
}
