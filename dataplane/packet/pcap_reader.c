/*
 * Classic pcap: both byte orders, micro- and nanoseconds, and the modified format with longer
 * record headers. Called by capture_file.c for the file header and by source_file.c, on the
 * worker thread, for runs of packets. Layout: draft-ietf-opsawg-pcap.
 */
#include <stddef.h>

#include "packet/capture_file.h"
#include "packet/link_layer.h"

enum {
    FILE_HEADER_OCTETS = 24,
    RECORD_OCTETS = 16,
    MODIFIED_RECORD_OCTETS = 24 /* with interface index, protocol and packet type */
};

struct pcap_magic {
    uint32_t magic;
    uint32_t header_octets;
    uint32_t fraction_in_ns;
};

static const struct pcap_magic magics[] = {
    {0xa1b2c3d4, RECORD_OCTETS, 1000},
    {0xa1b23c4d, RECORD_OCTETS, 1},
    {0xa1b2cd34, MODIFIED_RECORD_OCTETS, 1000},
};

static const struct pcap_magic *find_magic(const uint8_t *start, bool *swapped)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        for (int order = 0; order < 2; order++) {
            if (capture_u32(start, order != 0) == magics[i].magic) {
                *swapped = order != 0;
                return &magics[i];
            }
        }
    }
    return NULL;
}

bool pcap_reader_knows(const uint8_t *start)
{
    bool swapped;
    return find_magic(start, &swapped) != NULL;
}

/* Decodes the record at CURSOR. record->size is what it takes, or what must be there to know. */
static inline __attribute__((always_inline)) enum capture_step
decode(const struct pcap_layout *layout, bool swapped, const uint8_t *cursor, size_t left,
       struct capture_record *record)
{
    record->size = layout->header_octets;
    if (__builtin_expect(left < layout->header_octets, 0))
        return CAPTURE_MORE;
    uint64_t seconds = capture_u32(cursor, swapped);
    uint64_t fraction = capture_u32(cursor + 4, swapped);
    uint32_t captured = capture_u32(cursor + 8, swapped);
    uint32_t wire = capture_u32(cursor + 12, swapped);
    if (__builtin_expect(captured > wire, 0) && layout->lengths_may_swap) {
        uint32_t other = captured;
        captured = wire;
        wire = other;
    }
    record->captured_length = captured;
    record->wire_length = wire;
    if (__builtin_expect(captured > CAPTURED_LENGTH_LIMIT, 0))
        return CAPTURE_DAMAGED;
    record->size = (size_t)layout->header_octets + captured;
    if (__builtin_expect(left < record->size, 0))
        return CAPTURE_MORE;
    uint64_t time_ns = seconds * 1000000000ull + fraction * layout->fraction_in_ns;
    record->timestamp_ns = time_ns < PACKET_TIME_LIMIT_NS ? time_ns : PACKET_TIME_LIMIT_NS - 1;
    record->data = cursor + layout->header_octets;
    record->link = layout->link;
    capture_trim(record, layout->fcs_octets);
    return CAPTURE_PACKET;
}

/* What the last decode() means for the file. */
static enum capture_step settle(struct capture_file *file, enum capture_step step,
                                const struct capture_record *record)
{
    if (step == CAPTURE_PACKET)
        file->head_ns = record->timestamp_ns;
    else if (step == CAPTURE_MORE)
        file->need = record->size;
    else
        capture_file_damaged(file, "a packet claims %u captured bytes (at most %u are possible)",
                             record->captured_length, CAPTURED_LENGTH_LIMIT);
    return step;
}

/* The cursor lives in locals: the stores into the batch could alias the file's own fields. */
static inline __attribute__((always_inline)) enum capture_step
run(struct capture_file *file, struct packet_batch *batch, uint64_t limit_ns, bool swapped)
{
    const struct pcap_layout layout = file->pcap;
    const uint8_t *cursor = file->input.buffer + file->input.begin;
    const uint8_t *end = file->input.buffer + file->input.end;
    uint32_t count = batch->count;
    struct capture_record record = {0};
    enum capture_step step;
    for (;;) {
        step = decode(&layout, swapped, cursor, (size_t)(end - cursor), &record);
        if (step != CAPTURE_PACKET || count == PACKET_BATCH_MAX || record.timestamp_ns > limit_ns)
            break;
        capture_append(batch, count++, &record);
        cursor += record.size;
    }
    batch->count = count;
    file->input.begin = (size_t)(cursor - file->input.buffer);
    return settle(file, step, &record);
}

static enum capture_step run_native(struct capture_file *file, struct packet_batch *batch,
                                    uint64_t limit_ns)
{
    return run(file, batch, limit_ns, false);
}

static enum capture_step run_swapped(struct capture_file *file, struct packet_batch *batch,
                                     uint64_t limit_ns)
{
    return run(file, batch, limit_ns, true);
}

static enum capture_step peek(struct capture_file *file)
{
    struct capture_record record = {0};
    const struct byte_input *input = &file->input;
    enum capture_step step = decode(&file->pcap, file->pcap.swapped, input->buffer + input->begin,
                                    byte_input_left(input), &record);
    return settle(file, step, &record);
}

enum capture_step pcap_reader_start(struct capture_file *file)
{
    if (byte_input_left(&file->input) < FILE_HEADER_OCTETS)
        return capture_file_needs(file, FILE_HEADER_OCTETS);
    const uint8_t *header = file->input.buffer + file->input.begin;
    struct pcap_layout *layout = &file->pcap;
    const struct pcap_magic *magic = find_magic(header, &layout->swapped);
    uint16_t major = capture_u16(header + 4, layout->swapped);
    uint16_t minor = capture_u16(header + 6, layout->swapped);
    if (major != 2)
        return capture_file_damaged(file, "pcap version %u.%u is not known", major, minor);
    /* Lower 16 bits: link type. Bit 26: the top four bits hold the length of the frame check
     * sequence in units of two octets. */
    uint32_t network = capture_u32(header + 20, layout->swapped);
    layout->link = (uint8_t)link_layer_of_file(network & 0xffff);
    layout->fcs_octets = network & 0x04000000 ? (uint8_t)(2 * (network >> 28)) : 0;
    layout->header_octets = magic->header_octets;
    layout->fraction_in_ns = magic->fraction_in_ns;
    layout->lengths_may_swap = minor <= 3;
    file->input.begin += FILE_HEADER_OCTETS;
    file->peek = peek;
    file->run = layout->swapped ? run_swapped : run_native;
    return peek(file);
}
