/* Lists of index entries, their filters and their form on disk. See snapshot_index.h. */
#include "snapshot/snapshot_index.h"

#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_index_private.h"
#include "snapshot/snapshot_pcapng.h"

static_assert(sizeof(struct snapshot_index_entry) == 96, "the entry on disk");

enum {
    PIECE_OCTETS_MAX = 1 << 20, /* of a custom block */
    PIECE_OVERHEAD = (int)sizeof(struct snapshot_index_piece) + SNAPSHOT_CUSTOM_END
};
static_assert(PIECE_OVERHEAD + sizeof(struct snapshot_index_entry) +
                      SNAPSHOT_FILTER_WORDS_MAX * sizeof(uint64_t) <=
                  PIECE_OCTETS_MAX,
              "any entry fits a piece");

/* Spreads all bits over all bits. */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccd;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53;
    value ^= value >> 33;
    return value;
}

/* 0 is the key of everything. */
static uint64_t key_of(unsigned kind, uint64_t value)
{
    uint64_t key = mix(mix(value + kind) + kind);
    return key ? key : 1;
}

enum { KIND_PORT = 1, KIND_FLOW = 2, KIND_IPV4 = 0x400, KIND_IPV6 = 0x600 };

uint64_t snapshot_index_key_ipv4(const uint8_t address[4], unsigned prefix_length)
{
    unsigned used = prefix_length >= 32 ? 32 : prefix_length / 8 * 8;
    uint32_t value = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 |
                     (uint32_t)address[2] << 8 | address[3];
    if (!used)
        return 0;
    return key_of(KIND_IPV4 + used, (uint64_t)(value >> (32 - used)) << 16);
}

uint64_t snapshot_index_key_ipv6(const uint8_t address[16], unsigned prefix_length)
{
    uint64_t high = 0, low = 0;
    for (unsigned i = 0; i < 8; i++) {
        high = high << 8 | address[i];
        low = low << 8 | address[i + 8];
    }
    if (prefix_length >= 128)
        return key_of(KIND_IPV6 + 128, mix(high) + low);
    unsigned used = prefix_length >= 64 ? 64 : prefix_length / 16 * 16;
    return used < 32 ? 0 : key_of(KIND_IPV6 + used, high >> (64 - used));
}

uint64_t snapshot_index_key_port(uint16_t port)
{
    return key_of(KIND_PORT, (uint64_t)port << 16);
}

uint64_t snapshot_index_key_flow(uint64_t flow_id)
{
    return key_of(KIND_FLOW, flow_id);
}

/* The bit of probe I of KEY in a filter of BITS bits. */
static uint64_t bit_of(uint64_t key, unsigned i, uint64_t bits)
{
    uint32_t step = (uint32_t)(key >> 32) | 1;
    uint32_t place = (uint32_t)key + i * step;
    return place * bits >> 32;
}

void snapshot_filter_set(uint64_t *filter, uint32_t words, uint64_t key)
{
    for (unsigned i = 0; i < SNAPSHOT_FILTER_PROBES; i++) {
        uint64_t bit = bit_of(key, i, (uint64_t)words * 64);
        filter[bit / 64] |= 1ull << bit % 64;
    }
}

bool snapshot_index_may_hold(const struct snapshot_index *index, uint32_t i, uint64_t key)
{
    const struct snapshot_index_entry *entry = &index->entries[i];
    const uint64_t *filter = index->filters + index->filter_at[i];
    if (!key || entry->flags & SNAPSHOT_INDEX_OPAQUE)
        return true;
    if (!entry->words)
        return false;
    for (unsigned probe = 0; probe < SNAPSHOT_FILTER_PROBES; probe++) {
        uint64_t bit = bit_of(key, probe, (uint64_t)entry->words * 64);
        if (!(filter[bit / 64] >> bit % 64 & 1))
            return false;
    }
    return true;
}

bool snapshot_index_may_have_protocol(const struct snapshot_index *index, uint32_t i,
                                      uint8_t protocol)
{
    const struct snapshot_index_entry *entry = &index->entries[i];
    return entry->flags & SNAPSHOT_INDEX_OPAQUE ||
           entry->protocols[protocol / 64] >> protocol % 64 & 1;
}

static bool grow_entries(struct snapshot_index *index)
{
    uint32_t room = index->room ? index->room * 2 : 64;
    struct snapshot_index_entry *entries = realloc(index->entries, room * sizeof *entries);
    if (!entries)
        return false;
    index->entries = entries;
    uint64_t *places = realloc(index->filter_at, room * sizeof *places);
    if (!places)
        return false;
    index->filter_at = places;
    index->room = room;
    return true;
}

uint64_t *snapshot_index_append(struct snapshot_index *index,
                                const struct snapshot_index_entry *entry)
{
    if (index->count == index->room && !grow_entries(index))
        return NULL;
    if (!index->filters || index->words + entry->words > index->words_room) {
        uint64_t room = (index->words + entry->words) * 2 + 1024;
        uint64_t *filters = realloc(index->filters, room * sizeof *filters);
        if (!filters)
            return NULL;
        index->filters = filters;
        index->words_room = room;
    }
    uint64_t *filter = index->filters + index->words;
    memset(filter, 0, entry->words * sizeof *filter);
    index->entries[index->count] = *entry;
    index->filter_at[index->count++] = index->words;
    index->words += entry->words;
    return filter;
}

static uint64_t octets_of(const struct snapshot_index_entry *entry)
{
    return sizeof *entry + (uint64_t)entry->words * sizeof(uint64_t);
}

/* How many entries from FIRST on fit one piece, and their octets. */
static uint32_t piece_of(const struct snapshot_index *index, uint32_t first, uint64_t *octets)
{
    uint32_t count = 0;
    *octets = PIECE_OVERHEAD;
    while (first + count < index->count &&
           *octets + octets_of(&index->entries[first + count]) <= PIECE_OCTETS_MAX)
        *octets += octets_of(&index->entries[first + count++]);
    return count;
}

uint64_t snapshot_index_disk_octets(const struct snapshot_index *index)
{
    uint64_t sum = 0, octets;
    for (uint32_t i = 0; i < index->count; sum += octets)
        i += piece_of(index, i, &octets);
    return sum;
}

void snapshot_index_write(const struct snapshot_index *index, uint8_t *out)
{
    uint64_t octets;
    for (uint32_t i = 0; i < index->count; out += octets) {
        uint32_t count = piece_of(index, i, &octets);
        struct snapshot_index_piece piece = {.entries = count, .first = i};
        uint8_t *at = out + sizeof piece;
        for (uint32_t last = i + count; i < last; i++) {
            const struct snapshot_index_entry *entry = &index->entries[i];
            memcpy(at, entry, sizeof *entry);
            at += sizeof *entry;
            if (entry->words)
                memcpy(at, index->filters + index->filter_at[i], entry->words * sizeof(uint64_t));
            at += entry->words * sizeof(uint64_t);
        }
        piece.crc = snapshot_crc32c(0, out + sizeof piece, (size_t)(at - out) - sizeof piece);
        snapshot_custom_begin(&piece.custom, SNAPSHOT_MAGIC_INDEX, (uint32_t)octets);
        memcpy(out, &piece, sizeof piece);
        snapshot_custom_finish(out, (uint32_t)octets);
    }
}

/* The entries of one piece, whose checksum is good. */
static bool read_piece(struct snapshot_index *index, const uint8_t *at, size_t octets,
                       uint32_t entries)
{
    for (uint32_t i = 0; i < entries; i++) {
        struct snapshot_index_entry entry;
        if (octets < sizeof entry)
            return false;
        memcpy(&entry, at, sizeof entry);
        size_t filter_octets = entry.words * sizeof(uint64_t);
        if (entry.words > SNAPSHOT_FILTER_WORDS_MAX || octets - sizeof entry < filter_octets)
            return false;
        uint64_t *filter = snapshot_index_append(index, &entry);
        if (!filter)
            return false;
        if (filter_octets)
            memcpy(filter, at + sizeof entry, filter_octets);
        at += sizeof entry + filter_octets;
        octets -= sizeof entry + filter_octets;
    }
    return octets == 0;
}

bool snapshot_index_read(struct snapshot_index *index, const uint8_t *data, uint64_t octets,
                         struct error *error)
{
    while (octets) {
        struct snapshot_index_piece piece;
        if (octets >= PIECE_OVERHEAD)
            memcpy(&piece, data, sizeof piece);
        if (octets < PIECE_OVERHEAD || !snapshot_custom_is(&piece.custom, SNAPSHOT_MAGIC_INDEX) ||
            piece.custom.length > octets || piece.custom.length < PIECE_OVERHEAD ||
            piece.first != index->count) {
            error_set(error, "the index is not one");
            return false;
        }
        size_t inside = piece.custom.length - PIECE_OVERHEAD;
        if (snapshot_crc32c(0, data + sizeof piece, inside) != piece.crc ||
            !read_piece(index, data + sizeof piece, inside, piece.entries)) {
            error_set(error, "the index is damaged");
            return false;
        }
        data += piece.custom.length;
        octets -= piece.custom.length;
    }
    return true;
}

bool snapshot_index_copy(struct snapshot_index *to, const struct snapshot_index *from)
{
    snapshot_index_clear(to);
    if (!from->count)
        return true;
    to->entries = malloc(from->count * sizeof *to->entries);
    to->filter_at = malloc(from->count * sizeof *to->filter_at);
    to->filters = malloc((from->words + 1) * sizeof *to->filters);
    if (!to->entries || !to->filter_at || !to->filters) {
        snapshot_index_clear(to);
        return false;
    }
    memcpy(to->entries, from->entries, from->count * sizeof *to->entries);
    memcpy(to->filter_at, from->filter_at, from->count * sizeof *to->filter_at);
    memcpy(to->filters, from->filters, from->words * sizeof *to->filters);
    to->count = to->room = from->count;
    to->words = from->words;
    to->words_room = from->words + 1;
    return true;
}

void snapshot_index_clear(struct snapshot_index *index)
{
    free(index->entries);
    free(index->filters);
    free(index->filter_at);
    memset(index, 0, sizeof *index);
}
