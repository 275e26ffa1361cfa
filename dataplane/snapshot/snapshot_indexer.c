/*
 * Makes the index entry of a block: reads each packet as libpcap's filters would, collects distinct
 * keys in a set, and puts them in a filter that is as large as their number asks for. One indexer
 * belongs to one thread.
 */
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_index_private.h"

enum {
    SET_ROOM = 1 << 18, /* of which the keys use at most two thirds */
    LAYERS_MAX = 32     /* headers of one packet, tags included */
};
static_assert(SNAPSHOT_FILTER_KEYS_MAX < SET_ROOM * 2 / 3, "room for all keys");

struct snapshot_indexer {
    uint64_t set[SET_ROOM];
    uint32_t round_of[SET_ROOM]; /* the block in which the place was used last */
    uint32_t round;
    uint32_t count;
    uint64_t keys[SNAPSHOT_FILTER_KEYS_MAX];
    bool opaque;
    uint16_t flags;
    uint64_t protocols[4];
};

/* One packet, and where the walk is. */
struct walk {
    struct snapshot_indexer *indexer;
    const uint8_t *data;
    size_t length;
    unsigned layers;
};

struct snapshot_indexer *snapshot_indexer_create(void)
{
    return calloc(1, sizeof(struct snapshot_indexer));
}

void snapshot_indexer_destroy(struct snapshot_indexer *indexer)
{
    free(indexer);
}

/* True if KEY was not there yet. */
static bool add(struct snapshot_indexer *indexer, uint64_t key)
{
    uint32_t place = (uint32_t)(key >> 20) % SET_ROOM;
    while (indexer->round_of[place] == indexer->round) {
        if (indexer->set[place] == key)
            return false;
        place = (place + 1) % SET_ROOM;
    }
    if (indexer->count == SNAPSHOT_FILTER_KEYS_MAX) {
        indexer->opaque = true;
        return false;
    }
    indexer->round_of[place] = indexer->round;
    indexer->set[place] = key;
    indexer->keys[indexer->count++] = key;
    return true;
}

static void begin(struct snapshot_indexer *indexer)
{
    if (++indexer->round == 0) {
        memset(indexer->round_of, 0, sizeof indexer->round_of);
        indexer->round = 1;
    }
    indexer->count = 0;
    indexer->opaque = false;
    indexer->flags = 0;
    memset(indexer->protocols, 0, sizeof indexer->protocols);
}

static uint16_t get16(const struct walk *walk, size_t at)
{
    return (uint16_t)(walk->data[at] << 8 | walk->data[at + 1]);
}

static bool has(const struct walk *walk, size_t at, size_t octets)
{
    return at <= walk->length && walk->length - at >= octets;
}

/* The address at AT, if it was captured, with its prefixes. */
static void add_ipv4(const struct walk *walk, size_t at)
{
    if (!has(walk, at, 4) || !add(walk->indexer, snapshot_index_key_ipv4(walk->data + at, 32)))
        return;
    for (unsigned prefix = 24; prefix; prefix -= 8)
        add(walk->indexer, snapshot_index_key_ipv4(walk->data + at, prefix));
}

/* Of an address that was cut, the prefixes that are there. */
static void add_ipv6(const struct walk *walk, size_t at)
{
    uint8_t address[16] = {0};
    bool whole = has(walk, at, 16);
    if (!has(walk, at, 4))
        return;
    memcpy(address, walk->data + at, whole ? 16 : walk->length - at);
    if (whole && !add(walk->indexer, snapshot_index_key_ipv6(address, 128)))
        return;
    for (unsigned prefix = 64; prefix >= 32; prefix -= 16)
        if (has(walk, at, prefix / 8))
            add(walk->indexer, snapshot_index_key_ipv6(address, prefix));
}

static void add_port(const struct walk *walk, size_t at)
{
    if (has(walk, at, 2))
        add(walk->indexer, snapshot_index_key_port(get16(walk, at)));
}

static void add_protocol(const struct walk *walk, uint8_t protocol)
{
    walk->indexer->protocols[protocol / 64] |= 1ull << protocol % 64;
}

static void walk_ethernet(struct walk *walk, size_t at);
static void walk_type(struct walk *walk, uint16_t type, size_t at);
static void walk_ip(struct walk *walk, size_t at);

/* One header more; false: too many, and nothing is known of the rest. */
static bool deeper(struct walk *walk)
{
    if (walk->layers++ < LAYERS_MAX)
        return true;
    walk->indexer->opaque = true;
    return false;
}

static void walk_gre(struct walk *walk, size_t at)
{
    if (!has(walk, at, 4))
        return;
    uint8_t flags = walk->data[at];
    size_t octets = 4;
    for (unsigned bit = 0x80; bit; bit >>= 1) /* checksum, key, sequence: 4 octets each */
        if (flags & bit & 0xb0)
            octets += 4;
    if ((walk->data[at + 1] & 7) == 1 && walk->data[at + 1] & 0x80)
        octets += 4; /* version 1 has an acknowledgment number */
    walk_type(walk, get16(walk, at + 2), at + octets);
}

/* GTP-U: the eight octets, four more if any of three flags is set, extensions after them. */
static void walk_gtp(struct walk *walk, size_t at)
{
    if (!has(walk, at, 8))
        return;
    uint8_t flags = walk->data[at];
    size_t next = at + 8;
    if (flags & 7) {
        next += 4;
        while (flags & 4 && has(walk, next - 1, 2) && walk->data[next - 1] && deeper(walk))
            next += (walk->data[next] ? walk->data[next] : 1) * 4u;
    }
    walk_ip(walk, next);
}

static void walk_udp(struct walk *walk, size_t at)
{
    enum { VXLAN = 4789, GENEVE = 6081, GTP = 2152 };
    if (!has(walk, at, 8))
        return;
    uint16_t ports[2] = {get16(walk, at), get16(walk, at + 2)};
    for (unsigned i = 0; i < 2; i++) {
        if (ports[i] == VXLAN)
            walk_ethernet(walk, at + 16);
        else if (ports[i] == GENEVE && has(walk, at + 8, 8))
            walk_type(walk, get16(walk, at + 10), at + 16 + (walk->data[at + 8] & 0x3fu) * 4);
        else if (ports[i] == GTP)
            walk_gtp(walk, at + 8);
        if (ports[0] == ports[1])
            return;
    }
}

/* What a protocol that carries packets carries. */
static void walk_tunnel(struct walk *walk, uint8_t protocol, size_t at)
{
    if (protocol == 47)
        walk_gre(walk, at);
    else if (protocol == 97)
        walk_ethernet(walk, at + 2);
    else
        walk_type(walk, protocol == 4 ? 0x0800 : protocol == 41 ? 0x86dd : 0x8847, at);
}

/* What follows an IP header or an extension header. FIRST: of a fragment that has its beginning. */
static void walk_protocol(struct walk *walk, uint8_t protocol, size_t at, bool first)
{
    while (deeper(walk)) {
        add_protocol(walk, protocol);
        switch (protocol) {
        case 6:
        case 17:
        case 132:
            if (!first)
                return;
            add_port(walk, at);
            add_port(walk, at + 2);
            if (protocol == 17)
                walk_udp(walk, at);
            return;
        case 4:
        case 41:
        case 47:
        case 97:
        case 137:
            if (first)
                walk_tunnel(walk, protocol, at);
            return;
        case 0:
        case 43:
        case 60:
        case 135:
        case 139:
        case 140:
            if (!first || !has(walk, at, 2))
                return;
            protocol = walk->data[at];
            at += (walk->data[at + 1] + 1u) * 8;
            break;
        case 44:
            if (!has(walk, at, 4))
                return;
            first = first && !(get16(walk, at + 2) & 0xfff8);
            protocol = walk->data[at];
            at += 8;
            break;
        case 51:
            if (!first || !has(walk, at, 2))
                return;
            protocol = walk->data[at];
            at += (walk->data[at + 1] + 2u) * 4;
            break;
        default:
            return;
        }
    }
}

static void walk_ipv4(struct walk *walk, size_t at)
{
    walk->indexer->flags |= SNAPSHOT_INDEX_IPV4;
    add_ipv4(walk, at + 12);
    add_ipv4(walk, at + 16);
    if (!has(walk, at, 10))
        return;
    bool first = !(get16(walk, at + 6) & 0x1fff);
    walk_protocol(walk, walk->data[at + 9], at + (walk->data[at] & 15u) * 4, first);
}

static void walk_ipv6(struct walk *walk, size_t at)
{
    walk->indexer->flags |= SNAPSHOT_INDEX_IPV6;
    add_ipv6(walk, at + 8);
    add_ipv6(walk, at + 24);
    if (has(walk, at, 7))
        walk_protocol(walk, walk->data[at + 6], at + 40, true);
}

/* IP of the version that its first octet says. */
static void walk_ip(struct walk *walk, size_t at)
{
    if (!has(walk, at, 1) || !deeper(walk))
        return;
    if (walk->data[at] >> 4 == 4)
        walk_ipv4(walk, at);
    else if (walk->data[at] >> 4 == 6)
        walk_ipv6(walk, at);
}

static void walk_arp(const struct walk *walk, size_t at)
{
    walk->indexer->flags |= SNAPSHOT_INDEX_ARP;
    add_ipv4(walk, at + 14);
    add_ipv4(walk, at + 24);
}

/* What an EtherType announces. */
static void walk_type(struct walk *walk, uint16_t type, size_t at)
{
    while (deeper(walk)) {
        switch (type) {
        case 0x0800:
            walk_ipv4(walk, at);
            return;
        case 0x86dd:
            walk_ipv6(walk, at);
            return;
        case 0x0806:
        case 0x8035:
            walk_arp(walk, at);
            return;
        case 0x6558:
            walk_ethernet(walk, at);
            return;
        case 0x8100:
        case 0x88a8:
        case 0x9100:
        case 0x9200:
            if (!has(walk, at, 4))
                return;
            type = get16(walk, at + 2);
            at += 4;
            break;
        case 0x8847:
        case 0x8848:
            if (!has(walk, at, 4))
                return;
            at += 4;
            if (walk->data[at - 2] & 1) {
                walk_ip(walk, at);
                return;
            }
            break;
        case 0x8864:
            if (!has(walk, at, 8))
                return;
            type = get16(walk, at + 6) == 0x0021   ? 0x0800
                   : get16(walk, at + 6) == 0x0057 ? 0x86dd
                   : get16(walk, at + 6) == 0x0281 ? 0x8847
                                                   : 0;
            at += 8;
            break;
        default:
            return;
        }
    }
}

static void walk_ethernet(struct walk *walk, size_t at)
{
    if (deeper(walk) && has(walk, at, 14))
        walk_type(walk, get16(walk, at + 12), at + 14);
}

/* BSD loopback: the family, in the byte order of whoever wrote it. */
static void walk_loopback(struct walk *walk)
{
    if (!has(walk, 0, 4))
        return;
    uint8_t family = walk->data[0] ? walk->data[0] : walk->data[3];
    if (family == 2)
        walk_type(walk, 0x0800, 4);
    else if (family == 10 || family == 24 || family == 28 || family == 30)
        walk_type(walk, 0x86dd, 4);
}

static void walk_packet(struct walk *walk, uint16_t link_type)
{
    enum { NULL_LINK = 0, ETHERNET = 1, RAW = 101, LOOP = 108, COOKED = 113 };
    enum { IPV4 = 228, IPV6 = 229, COOKED2 = 276 };
    switch (link_type) {
    case ETHERNET:
        walk_ethernet(walk, 0);
        break;
    case NULL_LINK:
    case LOOP:
        walk_loopback(walk);
        break;
    case RAW:
        walk_ip(walk, 0);
        break;
    case IPV4:
        walk_type(walk, 0x0800, 0);
        break;
    case IPV6:
        walk_type(walk, 0x86dd, 0);
        break;
    case COOKED:
        if (has(walk, 0, 16))
            walk_type(walk, get16(walk, 14), 16);
        break;
    case COOKED2:
        if (has(walk, 0, 20))
            walk_type(walk, get16(walk, 0), 20);
        break;
    default:
        walk->indexer->opaque = true;
    }
}

/* All packets of a block whose header is good. */
static void walk_block(struct snapshot_indexer *indexer, struct snapshot_index_entry *entry,
                       const uint8_t *block, const uint16_t *link_types, uint32_t interfaces)
{
    struct snapshot_packet packet;
    enum snapshot_walk step;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    entry->packets = 0;
    while ((step = snapshot_block_next(block, entry->octets, &offset, &packet)) ==
           SNAPSHOT_WALK_PACKET) {
        struct walk walk = {indexer, packet.data, packet.captured_length, 0};
        if (packet.interface < interfaces)
            walk_packet(&walk, link_types[packet.interface]);
        else
            indexer->opaque = true;
        if (packet.flow_id)
            add(indexer, snapshot_index_key_flow(packet.flow_id));
        if (!entry->packets || packet.time_ns < entry->first_ns)
            entry->first_ns = packet.time_ns;
        if (!entry->packets || packet.time_ns > entry->last_ns)
            entry->last_ns = packet.time_ns;
        entry->packets++;
    }
    if (step == SNAPSHOT_WALK_DAMAGED)
        indexer->opaque = true;
}

bool snapshot_index_add(struct snapshot_index *index, struct snapshot_indexer *indexer,
                        const uint8_t *block, uint32_t octets, uint64_t offset,
                        const uint16_t *link_types, uint32_t interfaces)
{
    struct snapshot_block_header header;
    struct snapshot_index_entry entry = {.offset = offset, .octets = octets};
    begin(indexer);
    if (snapshot_block_read_header(block, octets, &header)) {
        entry.run = header.run;
        entry.sequence = header.sequence;
        entry.crc = header.crc;
        entry.worker = header.worker;
        entry.flags = header.flags & SNAPSHOT_BLOCK_PAYLOAD ? SNAPSHOT_INDEX_PAYLOAD : 0;
        walk_block(indexer, &entry, block, link_types, interfaces);
    } else
        indexer->opaque = true;
    entry.flags |= indexer->flags;
    if (indexer->opaque)
        entry.flags |= SNAPSHOT_INDEX_OPAQUE;
    else
        entry.words = (indexer->count * SNAPSHOT_FILTER_KEY_BITS + 63) / 64;
    memcpy(entry.protocols, indexer->protocols, sizeof entry.protocols);
    uint64_t *filter = snapshot_index_append(index, &entry);
    for (uint32_t i = 0; filter && entry.words && i < indexer->count; i++)
        snapshot_filter_set(filter, entry.words, indexer->keys[i]);
    return filter != NULL;
}
