/* Blocks of pcapng. See snapshot_pcapng.h. */
#include "snapshot/snapshot_pcapng.h"

#include <stdlib.h>
#include <string.h>

enum { OPTION_END = 0, OPTION_COMMENT = 1 };
enum { SECTION_APPLICATION = 4, INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };
enum {
    STATISTICS_START = 2,
    STATISTICS_END = 3,
    STATISTICS_RECEIVED = 4,
    STATISTICS_DROPPED = 5,
    STATISTICS_DELIVERED = 8
};
enum { CHUNK_ROOM_MIN = 64 * 1024, OPTION_OCTETS_MAX = 65000 };

static const char magics[SNAPSHOT_MAGICS][9] = {
    [SNAPSHOT_MAGIC_INDEX] = "spanidx1",
    [SNAPSHOT_MAGIC_END] = "spanend1",
    [SNAPSHOT_MAGIC_PADDING] = "spanpad1",
    [SNAPSHOT_MAGIC_LOST] = "spanlost",
};

void snapshot_custom_begin(struct snapshot_custom *custom, enum snapshot_magic magic,
                           uint32_t length)
{
    custom->type = PCAPNG_CUSTOM;
    custom->length = length;
    custom->enterprise = SNAPSHOT_ENTERPRISE;
    memcpy(custom->magic, magics[magic], sizeof custom->magic);
}

void snapshot_custom_finish(uint8_t *at, uint32_t length)
{
    memcpy(at + length - sizeof length, &length, sizeof length);
}

bool snapshot_custom_is(const struct snapshot_custom *custom, enum snapshot_magic magic)
{
    return custom->type == PCAPNG_CUSTOM && custom->enterprise == SNAPSHOT_ENTERPRISE &&
           memcmp(custom->magic, magics[magic], sizeof custom->magic) == 0;
}

void snapshot_chunk_clear(struct snapshot_chunk *chunk)
{
    free(chunk->data);
    memset(chunk, 0, sizeof *chunk);
}

uint8_t *snapshot_chunk_add(struct snapshot_chunk *chunk, size_t octets)
{
    if (chunk->failed)
        return NULL;
    if (chunk->octets + octets > chunk->room) {
        size_t room = (chunk->octets + octets) * 2 + CHUNK_ROOM_MIN;
        room -= room % SNAPSHOT_ALIGNMENT;
        uint8_t *data = aligned_alloc(SNAPSHOT_ALIGNMENT, room);
        if (!data) {
            chunk->failed = true;
            return NULL;
        }
        if (chunk->octets)
            memcpy(data, chunk->data, chunk->octets);
        free(chunk->data);
        chunk->data = data;
        chunk->room = room;
    }
    uint8_t *at = chunk->data + chunk->octets;
    memset(at, 0, octets);
    chunk->octets += octets;
    return at;
}

static void add32(struct snapshot_chunk *chunk, uint32_t value)
{
    uint8_t *at = snapshot_chunk_add(chunk, sizeof value);
    if (at)
        memcpy(at, &value, sizeof value);
}

static void add_option(struct snapshot_chunk *chunk, unsigned code, const void *value,
                       size_t octets)
{
    if (octets > OPTION_OCTETS_MAX)
        octets = OPTION_OCTETS_MAX;
    add32(chunk, code | (uint32_t)octets << 16);
    uint8_t *at = snapshot_chunk_add(chunk, (octets + 3) / 4 * 4);
    if (at && octets)
        memcpy(at, value, octets);
}

static void add_text(struct snapshot_chunk *chunk, unsigned code, const char *text)
{
    if (text && text[0])
        add_option(chunk, code, text, strlen(text));
}

/* A time as pcapng has it: the upper half first. */
static void add_time(struct snapshot_chunk *chunk, unsigned code, uint64_t ns)
{
    uint32_t halves[2] = {(uint32_t)(ns >> 32), (uint32_t)ns};
    if (ns)
        add_option(chunk, code, halves, sizeof halves);
}

static void add_count(struct snapshot_chunk *chunk, unsigned code, uint64_t value)
{
    if (value != UINT64_MAX)
        add_option(chunk, code, &value, sizeof value);
}

/* Begins a block; its place is for finish(). */
static size_t begin(struct snapshot_chunk *chunk, uint32_t type)
{
    size_t place = chunk->octets;
    add32(chunk, type);
    add32(chunk, 0);
    return place;
}

static void finish(struct snapshot_chunk *chunk, size_t place)
{
    add32(chunk, OPTION_END);
    add32(chunk, 0);
    uint32_t length = (uint32_t)(chunk->octets - place);
    if (chunk->failed)
        return;
    memcpy(chunk->data + place + 4, &length, sizeof length);
    snapshot_custom_finish(chunk->data + place, length);
}

void snapshot_add_section(struct snapshot_chunk *chunk, const struct snapshot_section *section)
{
    size_t place = begin(chunk, PCAPNG_SECTION);
    add32(chunk, 0x1a2b3c4d);
    add32(chunk, 1); /* version 1.0 */
    add32(chunk, UINT32_MAX);
    add32(chunk, UINT32_MAX); /* a section of unknown length */
    add_text(chunk, SECTION_APPLICATION, section->application);
    for (unsigned i = 0; i < sizeof section->comments / sizeof *section->comments; i++)
        add_text(chunk, OPTION_COMMENT, section->comments[i]);
    finish(chunk, place);
}

void snapshot_add_interface(struct snapshot_chunk *chunk,
                            const struct snapshot_segment_interface *interface)
{
    static const uint8_t nanoseconds = 9;
    size_t place = begin(chunk, PCAPNG_INTERFACE);
    add32(chunk, interface->link_type);
    add32(chunk, 0); /* no limit of captured octets that would hold for all packets */
    add_text(chunk, INTERFACE_NAME, interface->name);
    add_option(chunk, INTERFACE_RESOLUTION, &nanoseconds, sizeof nanoseconds);
    finish(chunk, place);
}

void snapshot_add_statistics(struct snapshot_chunk *chunk,
                             const struct snapshot_statistics *statistics)
{
    size_t place = begin(chunk, PCAPNG_STATISTICS);
    add32(chunk, statistics->interface);
    add32(chunk, (uint32_t)(statistics->end_ns >> 32));
    add32(chunk, (uint32_t)statistics->end_ns);
    add_time(chunk, STATISTICS_START, statistics->start_ns);
    add_time(chunk, STATISTICS_END, statistics->end_ns);
    add_count(chunk, STATISTICS_RECEIVED, statistics->received);
    add_count(chunk, STATISTICS_DROPPED, statistics->dropped);
    add_count(chunk, STATISTICS_DELIVERED, statistics->kept);
    add_text(chunk, OPTION_COMMENT, statistics->comment);
    finish(chunk, place);
}

void snapshot_add_padding(struct snapshot_chunk *chunk, size_t tail)
{
    size_t past = (chunk->octets + tail) % SNAPSHOT_ALIGNMENT;
    size_t octets = past ? SNAPSHOT_ALIGNMENT - past : 0;
    if (!octets)
        return;
    if (octets < SNAPSHOT_CUSTOM_MIN)
        octets += SNAPSHOT_ALIGNMENT;
    uint8_t *at = snapshot_chunk_add(chunk, octets);
    struct snapshot_custom custom;
    snapshot_custom_begin(&custom, SNAPSHOT_MAGIC_PADDING, (uint32_t)octets);
    if (!at)
        return;
    memcpy(at, &custom, sizeof custom);
    snapshot_custom_finish(at, (uint32_t)octets);
}

bool snapshot_pcapng_next(const uint8_t *data, size_t octets, struct snapshot_pcapng_block *block)
{
    uint32_t again;
    if (octets < 12)
        return false;
    memcpy(&block->type, data, sizeof block->type);
    memcpy(&block->length, data + 4, sizeof block->length);
    if (block->length < 12 || block->length % 4 || block->length > octets)
        return false;
    memcpy(&again, data + block->length - 4, sizeof again);
    block->body = data + 8;
    block->body_octets = block->length - 12;
    return again == block->length;
}

bool snapshot_pcapng_interface(const struct snapshot_pcapng_block *block,
                               struct snapshot_segment_interface *interface)
{
    if (block->type != PCAPNG_INTERFACE || block->body_octets < 8)
        return false;
    memset(interface, 0, sizeof *interface);
    memcpy(&interface->link_type, block->body, sizeof interface->link_type);
    for (uint32_t at = 8; block->body_octets - at >= 4;) {
        uint16_t code, octets;
        memcpy(&code, block->body + at, sizeof code);
        memcpy(&octets, block->body + at + 2, sizeof octets);
        uint32_t room = block->body_octets - at - 4;
        if (code == OPTION_END || octets > room)
            return true;
        size_t used = octets < sizeof interface->name ? octets : sizeof interface->name - 1;
        if (code == INTERFACE_NAME)
            memcpy(interface->name, block->body + at + 4, used);
        uint32_t padded = (octets + 3u) / 4 * 4;
        at += 4 + (padded < room ? padded : room);
    }
    return true;
}
