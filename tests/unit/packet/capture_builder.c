/* Builds capture files for tests. See capture_builder.h. */
#include "capture_builder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "packet/source_file.h"

#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { SLOTS = 4 };
static char paths[SLOTS][64];

void put_octets(struct capture_builder *builder, const void *octets, size_t count)
{
    expect(builder->size + count <= sizeof builder->bytes);
    memcpy(builder->bytes + builder->size, octets, count);
    builder->size += count;
}

void put_u16(struct capture_builder *builder, uint16_t value)
{
    value = builder->swapped ? __builtin_bswap16(value) : value;
    put_octets(builder, &value, sizeof value);
}

void put_u32(struct capture_builder *builder, uint32_t value)
{
    value = builder->swapped ? __builtin_bswap32(value) : value;
    put_octets(builder, &value, sizeof value);
}

void put_u64(struct capture_builder *builder, uint64_t value)
{
    value = builder->swapped ? __builtin_bswap64(value) : value;
    put_octets(builder, &value, sizeof value);
}

static void put_fill(struct capture_builder *builder, uint32_t count, uint8_t fill)
{
    for (uint32_t i = 0; i < count; i++)
        put_octets(builder, &fill, 1);
}

static uint32_t padding(uint32_t octets)
{
    return (4 - octets % 4) % 4;
}

void put_pcap_header(struct capture_builder *builder, uint32_t magic, uint32_t network)
{
    put_u32(builder, magic);
    put_u16(builder, 2);
    put_u16(builder, 4);
    put_u32(builder, 0);
    put_u32(builder, 0);
    put_u32(builder, 65535);
    put_u32(builder, network);
}

void put_pcap_packet(struct capture_builder *builder, uint32_t seconds, uint32_t fraction,
                     uint32_t captured, uint32_t wire, uint8_t fill)
{
    put_u32(builder, seconds);
    put_u32(builder, fraction);
    put_u32(builder, captured);
    put_u32(builder, wire);
    put_fill(builder, captured, fill);
}

void put_section(struct capture_builder *builder)
{
    put_u32(builder, 0x0a0d0d0a);
    put_u32(builder, 28);
    put_u32(builder, 0x1a2b3c4d);
    put_u16(builder, 1);
    put_u16(builder, 0);
    put_u64(builder, UINT64_MAX);
    put_u32(builder, 28);
}

void put_interface(struct capture_builder *builder, uint16_t link_type, uint32_t snap_length,
                   const void *options, uint32_t option_octets)
{
    uint32_t total = 20 + option_octets;
    put_u32(builder, 1);
    put_u32(builder, total);
    put_u16(builder, link_type);
    put_u16(builder, 0);
    put_u32(builder, snap_length);
    put_octets(builder, options, option_octets);
    put_u32(builder, total);
}

static void put_packet_block(struct capture_builder *builder, uint32_t type, uint64_t units,
                             const uint32_t *interface, uint32_t captured, uint32_t wire,
                             uint8_t fill)
{
    uint32_t total = 32 + captured + padding(captured);
    put_u32(builder, type);
    put_u32(builder, total);
    if (type == 6) {
        put_u32(builder, *interface);
    } else {
        put_u16(builder, (uint16_t)*interface);
        put_u16(builder, 7); /* drops */
    }
    put_u32(builder, (uint32_t)(units >> 32));
    put_u32(builder, (uint32_t)units);
    put_u32(builder, captured);
    put_u32(builder, wire);
    put_fill(builder, captured, fill);
    put_fill(builder, padding(captured), 0);
    put_u32(builder, total);
}

void put_enhanced_packet(struct capture_builder *builder, uint32_t interface, uint64_t units,
                         uint32_t captured, uint32_t wire, uint8_t fill)
{
    put_packet_block(builder, 6, units, &interface, captured, wire, fill);
}

void put_obsolete_packet(struct capture_builder *builder, uint16_t interface, uint64_t units,
                         uint32_t captured, uint32_t wire, uint8_t fill)
{
    uint32_t index = interface;
    put_packet_block(builder, 2, units, &index, captured, wire, fill);
}

void put_simple_packet(struct capture_builder *builder, uint32_t captured, uint32_t wire,
                       uint8_t fill)
{
    uint32_t total = 16 + captured + padding(captured);
    put_u32(builder, 3);
    put_u32(builder, total);
    put_u32(builder, wire);
    put_fill(builder, captured, fill);
    put_fill(builder, padding(captured), 0);
    put_u32(builder, total);
}

void put_other_block(struct capture_builder *builder, uint32_t type, uint32_t body)
{
    put_u32(builder, type);
    put_u32(builder, body + 12);
    put_fill(builder, body, 0xee);
    put_u32(builder, body + 12);
}

char *write_capture(unsigned slot, const void *bytes, size_t size)
{
    expect(slot < SLOTS);
    const char *folder = getenv("TMPDIR");
    snprintf(paths[slot], sizeof paths[slot], "%.30s/capture-%d-%u", folder ? folder : "/tmp",
             (int)getpid(), slot);
    unlink(paths[slot]);
    FILE *file = fopen(paths[slot], "wb");
    expect(file);
    expect(fwrite(bytes, 1, size, file) == size);
    expect(fclose(file) == 0);
    return paths[slot];
}

void remove_captures(void)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (paths[slot][0])
            unlink(paths[slot]);
}

static void see_batch(const struct packet_batch *batch, struct seen *seen)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        uint8_t every_octet = 0;
        for (uint32_t k = 0; k < batch->captured_length[i]; k++)
            every_octet |= batch->data[i][k];
        expect(batch->captured_length[i] <= batch->wire_length[i]);
        expect(batch->timestamp_ns[i] < PACKET_TIME_LIMIT_NS);
        expect(batch->link[i] < LINK_LAYER_COUNT);
        seen->octets += batch->wire_length[i];
        if (seen->count < sizeof seen->packets / sizeof seen->packets[0])
            seen->packets[seen->count] = (struct seen_packet){
                .timestamp_ns = batch->timestamp_ns[i],
                .captured_length = batch->captured_length[i],
                .wire_length = batch->wire_length[i],
                .link = batch->link[i],
                .first_octet = every_octet ? batch->data[i][0] : 0,
            };
        seen->count++;
    }
}

void see_all(struct packet_source *source, struct seen *seen)
{
    static struct packet_batch batch;
    /* What was received before this call counts, too. */
    seen->count = (uint32_t)source->ledger.observed.packets;
    seen->octets = source->ledger.observed.octets;
    for (;;) {
        seen->status = source->ops->receive(source, &batch);
        if (seen->status == RECEIVE_IDLE) {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            expect(source->ops->wait);
            source->ops->wait(source, (uint64_t)(now.tv_sec + 10) * 1000000000ull);
            continue;
        }
        if (seen->status != RECEIVE_PACKETS)
            break;
        expect(batch.count > 0 && batch.count <= PACKET_BATCH_MAX);
        see_batch(&batch, seen);
        source->ops->release(source, &batch);
    }
    /* The end stays the end. */
    expect(source->ops->receive(source, &batch) == seen->status);
    expect(source->ledger.observed.packets == seen->count);
    expect(source->ledger.observed.octets == seen->octets);
    snprintf(seen->problem, sizeof seen->problem, "%s", source->problem.text);
    source->ops->close(source);
}

void see_bytes(const void *bytes, size_t size, struct seen *seen)
{
    struct error error = {""};
    char *path = write_capture(0, bytes, size);
    struct packet_source *source = source_file_open(&path, 1, &error);
    if (!source) {
        memset(seen, 0, sizeof *seen);
        seen->status = RECEIVE_FAILED;
        snprintf(seen->problem, sizeof seen->problem, "%s", error.text);
        return;
    }
    see_all(source, seen);
}
