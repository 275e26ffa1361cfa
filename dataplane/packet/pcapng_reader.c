/*
 * pcapng: sections of either byte order, interfaces, enhanced, simple and obsolete packet
 * blocks; every other block is skipped. Called by capture_file.c for the file header and by
 * source_file.c, on the worker thread, for runs of packets. Layout: draft-ietf-opsawg-pcapng.
 */
#include <stddef.h>
#include <stdlib.h>

#include "packet/capture_file.h"
#include "packet/link_layer.h"

enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_OBSOLETE_PACKET = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_ENHANCED_PACKET = 6,
    BLOCK_SECTION = 0x0a0d0d0a
};

enum {
    BLOCK_HEAD_OCTETS = 8,   /* type and length */
    BLOCK_FRAME_OCTETS = 12, /* and the length again behind it */
    SECTION_MAGIC_OCTETS = 12,
    SECTION_MIN_OCTETS = 28,
    INTERFACE_MIN_OCTETS = 20,
    PACKET_MIN_OCTETS = 32,
    PACKET_DATA_OFFSET = 28,
    SIMPLE_MIN_OCTETS = 16,
    SIMPLE_DATA_OFFSET = 12,
    OPTION_END = 0,
    OPTION_TIME_RESOLUTION = 9,
    OPTION_FCS_LENGTH = 13,
    OPTION_TIME_OFFSET = 14,
    INTERFACES_LIMIT = 1 << 20
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

bool pcapng_reader_knows(const uint8_t *start)
{
    return capture_u32(start, false) == BLOCK_SECTION;
}

void pcapng_reader_close(struct capture_file *file)
{
    free(file->section.interfaces);
    file->section.interfaces = NULL;
}

static uint64_t power_of_ten(uint32_t digits)
{
    uint64_t power = 1;
    for (uint32_t i = 0; i < digits && power <= UINT64_MAX / 10; i++)
        power *= 10;
    return power;
}

/* if_tsresol: the top bit chooses a negative power of two, else of ten. */
static void set_time_resolution(struct pcapng_interface *interface, uint8_t resolution)
{
    uint32_t digits = resolution & 0x7f;
    if (resolution & 0x80) {
        interface->scale = TIME_BINARY;
        interface->factor = digits;
    } else if (digits <= 9) {
        interface->scale = TIME_MULTIPLY;
        interface->factor = power_of_ten(9 - digits);
    } else {
        /* Finer than 10^-28 leaves no nanosecond of a 64-bit count. */
        interface->scale = TIME_DIVIDE;
        interface->factor = digits - 9 > 19 ? 0 : power_of_ten(digits - 9);
    }
}

static uint64_t packet_time(const struct pcapng_interface *interface, uint64_t units)
{
    __int128 time_ns = 0;
    switch ((enum time_scale)interface->scale) {
    case TIME_MULTIPLY:
        time_ns = (__int128)units * (__int128)interface->factor;
        break;
    case TIME_DIVIDE:
        time_ns = interface->factor ? units / interface->factor : 0;
        break;
    case TIME_BINARY:
        time_ns = (__int128)(((unsigned __int128)units * 1000000000u) >> interface->factor);
        break;
    }
    time_ns += (__int128)interface->offset_seconds * 1000000000;
    if (time_ns < 0)
        return 0;
    if (time_ns >= (__int128)PACKET_TIME_LIMIT_NS)
        return PACKET_TIME_LIMIT_NS - 1;
    return (uint64_t)time_ns;
}

static void read_option(const struct pcapng_section *section, struct pcapng_interface *interface,
                        uint16_t code, const uint8_t *value, uint32_t length)
{
    if (code == OPTION_TIME_RESOLUTION && length >= 1) {
        set_time_resolution(interface, value[0]);
    } else if (code == OPTION_TIME_OFFSET && length >= 8) {
        uint64_t offset;
        memcpy(&offset, value, sizeof offset);
        interface->offset_seconds =
            (int64_t)(section->swapped ? __builtin_bswap64(offset) : offset);
    } else if (code == OPTION_FCS_LENGTH && length >= 1) {
        /* The text says bits, its example and most writers octets: no frame has 8 bits. */
        interface->fcs_octets = value[0] > 8 ? value[0] / 8 : value[0];
    }
}

static struct pcapng_interface *add_interface(struct pcapng_section *section)
{
    if (section->interface_count == section->interface_capacity) {
        uint32_t capacity = section->interface_capacity ? 2 * section->interface_capacity : 4;
        struct pcapng_interface *larger = NULL;
        if (capacity <= INTERFACES_LIMIT)
            larger = realloc(section->interfaces, capacity * sizeof *larger);
        if (!larger)
            return NULL;
        section->interfaces = larger;
        section->interface_capacity = capacity;
    }
    struct pcapng_interface *interface = &section->interfaces[section->interface_count++];
    memset(interface, 0, sizeof *interface);
    set_time_resolution(interface, 6);
    return interface;
}

/* BLOCK is whole and LENGTH octets long, as in the functions below. */
static enum capture_step read_interface(struct capture_file *file, const uint8_t *block,
                                        uint32_t length)
{
    struct pcapng_section *section = &file->section;
    if (length < INTERFACE_MIN_OCTETS)
        return capture_file_damaged(file, "an interface block of %u octets", length);
    struct pcapng_interface *interface = add_interface(section);
    if (!interface)
        return capture_file_damaged(file, "more interfaces than can be kept");
    interface->link = (uint8_t)link_layer_of_file(capture_u16(block + 8, section->swapped));
    interface->snap_length = capture_u32(block + 12, section->swapped);
    uint32_t end = length - 4;
    for (uint32_t at = 16; at + 4 <= end;) {
        uint16_t code = capture_u16(block + at, section->swapped);
        uint32_t size = capture_u16(block + at + 2, section->swapped);
        if (code == OPTION_END)
            break;
        if (at + 4 + size > end)
            return capture_file_damaged(file, "an interface option runs past its block");
        read_option(section, interface, code, block + at + 4, size);
        at += 4 + ((size + 3) & ~3u);
    }
    return CAPTURE_MORE;
}

static enum capture_step read_section(struct capture_file *file, const uint8_t *block,
                                      uint32_t length)
{
    struct pcapng_section *section = &file->section;
    if (length < SECTION_MIN_OCTETS)
        return capture_file_damaged(file, "a section block of %u octets", length);
    uint16_t major = capture_u16(block + 12, section->swapped);
    if (major != 1)
        return capture_file_damaged(file, "pcapng version %u is not known", major);
    section->interface_count = 0;
    return CAPTURE_MORE;
}

/* Enhanced and obsolete packet blocks differ in the interface field alone. */
static enum capture_step read_packet(struct capture_file *file, const uint8_t *block,
                                     uint32_t length, uint32_t type, struct capture_record *record)
{
    const struct pcapng_section *section = &file->section;
    bool swapped = section->swapped;
    if (length < PACKET_MIN_OCTETS)
        return capture_file_damaged(file, "a packet block of %u octets", length);
    uint32_t index = type == BLOCK_OBSOLETE_PACKET ? capture_u16(block + 8, swapped)
                                                   : capture_u32(block + 8, swapped);
    if (index >= section->interface_count)
        return capture_file_damaged(file, "a packet of interface %u, which is not described",
                                    index);
    const struct pcapng_interface *interface = &section->interfaces[index];
    uint32_t captured = capture_u32(block + 20, swapped);
    if (captured > CAPTURED_LENGTH_LIMIT || captured > length - PACKET_MIN_OCTETS)
        return capture_file_damaged(file, "a packet claims %u captured bytes in a block of %u",
                                    captured, length);
    uint64_t units = (uint64_t)capture_u32(block + 12, swapped) << 32;
    units |= capture_u32(block + 16, swapped);
    record->timestamp_ns = packet_time(interface, units);
    record->captured_length = captured;
    record->wire_length = capture_u32(block + 24, swapped);
    record->data = block + PACKET_DATA_OFFSET;
    record->link = interface->link;
    record->interface = (uint16_t)index;
    capture_trim(record, interface->fcs_octets);
    return CAPTURE_PACKET;
}

/* Simple packet blocks have no time: the file's previous packet lends its own. */
static enum capture_step read_simple_packet(struct capture_file *file, const uint8_t *block,
                                            uint32_t length, struct capture_record *record)
{
    const struct pcapng_section *section = &file->section;
    if (length < SIMPLE_MIN_OCTETS)
        return capture_file_damaged(file, "a packet block of %u octets", length);
    if (section->interface_count == 0)
        return capture_file_damaged(file, "a packet of interface 0, which is not described");
    const struct pcapng_interface *interface = &section->interfaces[0];
    uint32_t wire = capture_u32(block + 8, section->swapped);
    uint32_t captured = wire;
    if (interface->snap_length && captured > interface->snap_length)
        captured = interface->snap_length;
    if (captured > CAPTURED_LENGTH_LIMIT || captured > length - SIMPLE_MIN_OCTETS)
        return capture_file_damaged(file, "a packet claims %u captured bytes in a block of %u",
                                    captured, length);
    record->timestamp_ns = section->last_ns;
    record->captured_length = captured;
    record->wire_length = wire;
    record->data = block + SIMPLE_DATA_OFFSET;
    record->link = interface->link;
    capture_trim(record, interface->fcs_octets);
    return CAPTURE_PACKET;
}

static bool read_whole(uint32_t type)
{
    return type == BLOCK_ENHANCED_PACKET || type == BLOCK_SIMPLE_PACKET ||
           type == BLOCK_OBSOLETE_PACKET || type == BLOCK_INTERFACE || type == BLOCK_SECTION;
}

/* Goes on skipping a block that nobody reads. CAPTURE_PACKET: done. */
static enum capture_step skip_block(struct capture_file *file)
{
    struct pcapng_section *section = &file->section;
    size_t left = byte_input_left(&file->input);
    size_t step = left < section->skip ? left : (size_t)section->skip;
    file->input.begin += step;
    section->skip -= step;
    left -= step;
    if (section->skip > 0)
        return capture_file_needs(file, 1);
    if (left < 4)
        return capture_file_needs(file, 4);
    uint32_t again = capture_u32(file->input.buffer + file->input.begin, section->swapped);
    if (again != section->trailer)
        return capture_file_damaged(file, "a block of %u octets says %u at its end",
                                    section->trailer, again);
    file->input.begin += 4;
    section->inside = false;
    return CAPTURE_PACKET;
}

/* Checks the frame of the block at the cursor. CAPTURE_PACKET: whole, and *LENGTH is its length;
 * for blocks that are skipped the head alone is there. */
static enum capture_step frame_block(struct capture_file *file, uint32_t *type, uint32_t *length)
{
    struct pcapng_section *section = &file->section;
    size_t left = byte_input_left(&file->input);
    const uint8_t *block = file->input.buffer + file->input.begin;
    if (left < BLOCK_HEAD_OCTETS)
        return capture_file_needs(file, BLOCK_HEAD_OCTETS);
    *type = capture_u32(block, section->swapped);
    if (*type == BLOCK_SECTION) { /* reads the same in both orders */
        if (left < SECTION_MAGIC_OCTETS)
            return capture_file_needs(file, SECTION_MAGIC_OCTETS);
        uint32_t magic = capture_u32(block + 8, false);
        if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
            return capture_file_damaged(file, "a section with an unknown byte order");
        section->swapped = magic != BYTE_ORDER_MAGIC;
    }
    *length = capture_u32(block + 4, section->swapped);
    if (*length < BLOCK_FRAME_OCTETS || *length % 4 != 0)
        return capture_file_damaged(file, "a block of %u octets", *length);
    if (!read_whole(*type))
        return CAPTURE_PACKET;
    if (*length > BLOCK_LENGTH_LIMIT)
        return capture_file_damaged(file, "a block of %u octets (at most %u are possible)", *length,
                                    BLOCK_LENGTH_LIMIT);
    if (left < *length)
        return capture_file_needs(file, *length);
    uint32_t again = capture_u32(block + *length - 4, section->swapped);
    if (again != *length)
        return capture_file_damaged(file, "a block of %u octets says %u at its end", *length,
                                    again);
    return CAPTURE_PACKET;
}

/* Goes to the next packet block, over all others. Does not consume the packet. */
static enum capture_step next(struct capture_file *file, struct capture_record *record)
{
    struct pcapng_section *section = &file->section;
    for (;;) {
        if (section->inside) {
            enum capture_step step = skip_block(file);
            if (step != CAPTURE_PACKET)
                return step;
        }
        uint32_t type = 0;
        uint32_t length = 0;
        enum capture_step step = frame_block(file, &type, &length);
        if (step != CAPTURE_PACKET)
            return step;
        const uint8_t *block = file->input.buffer + file->input.begin;
        record->size = length;
        if (__builtin_expect(type == BLOCK_ENHANCED_PACKET || type == BLOCK_OBSOLETE_PACKET, 1))
            return read_packet(file, block, length, type, record);
        if (type == BLOCK_SIMPLE_PACKET)
            return read_simple_packet(file, block, length, record);
        if (type == BLOCK_SECTION || type == BLOCK_INTERFACE) {
            step = type == BLOCK_SECTION ? read_section(file, block, length)
                                         : read_interface(file, block, length);
            if (step == CAPTURE_DAMAGED)
                return step;
            file->input.begin += length;
        } else {
            section->inside = true;
            section->trailer = length;
            section->skip = length - BLOCK_FRAME_OCTETS;
            file->input.begin += BLOCK_HEAD_OCTETS;
        }
    }
}

static enum capture_step peek(struct capture_file *file)
{
    struct capture_record record = {0};
    enum capture_step step = next(file, &record);
    if (step == CAPTURE_PACKET)
        file->head_ns = record.timestamp_ns;
    return step;
}

static enum capture_step run(struct capture_file *file, struct packet_batch *batch,
                             uint64_t limit_ns)
{
    struct capture_record record = {0};
    uint32_t count = batch->count;
    enum capture_step step;
    for (;;) {
        step = next(file, &record);
        if (step != CAPTURE_PACKET || count == PACKET_BATCH_MAX || record.timestamp_ns > limit_ns)
            break;
        capture_append(batch, count++, &record);
        file->input.begin += record.size;
        file->section.last_ns = record.timestamp_ns;
    }
    batch->count = count;
    if (step == CAPTURE_PACKET)
        file->head_ns = record.timestamp_ns;
    return step;
}

enum capture_step pcapng_reader_start(struct capture_file *file)
{
    file->need = SECTION_MIN_OCTETS;
    if (byte_input_left(&file->input) < SECTION_MIN_OCTETS)
        return CAPTURE_MORE;
    file->peek = peek;
    file->run = run;
    return peek(file);
}
