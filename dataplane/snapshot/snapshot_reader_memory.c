/* Rings of a query. See snapshot_reader_private.h. */
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot_interfaces.h"
#include "snapshot/snapshot_reader_private.h"
#include "snapshot/snapshot_ring.h"

bool snapshot_reader_note_memory(struct snapshot_reader *reader)
{
    for (uint32_t i = 0; i < reader->sources->ring_count; i++) {
        struct snapshot_held *held = &reader->held[i];
        const struct snapshot_ring *ring = reader->sources->rings[i];
        const struct snapshot_ring_config *config = snapshot_ring_config(ring);
        uint64_t stored;
        if (i == SNAPSHOT_QUERY_RINGS_MAX)
            break;
        snapshot_ring_window(ring, &held->oldest, &stored, &held->end);
        held->run = config->run;
        held->worker = config->worker;
        held->on_disk = calloc(held->end - held->oldest + 1, sizeof *held->on_disk);
        if (!held->on_disk)
            return false;
        reader->held_count++;
    }
    return true;
}

void snapshot_reader_mark(struct snapshot_reader *reader, uint64_t run, uint16_t worker,
                          uint64_t sequence)
{
    for (uint32_t i = 0; i < reader->held_count; i++) {
        const struct snapshot_held *held = &reader->held[i];
        if (held->run == run && held->worker == worker && sequence >= held->oldest &&
            sequence < held->end)
            held->on_disk[sequence - held->oldest] = true;
    }
}

bool snapshot_reader_list_memory(struct snapshot_reader *reader)
{
    for (uint32_t i = 0; i < reader->held_count; i++) {
        const struct snapshot_held *held = &reader->held[i];
        for (uint64_t sequence = held->oldest; sequence < held->end; sequence++) {
            struct snapshot_piece piece = {.run = held->run,
                                           .sequence = sequence,
                                           .octets = SNAPSHOT_BLOCK_OCTETS,
                                           .place = i,
                                           .worker = held->worker,
                                           .memory = true};
            if (held->on_disk[sequence - held->oldest])
                continue;
            reader->counts->blocks++;
            if (snapshot_ring_times(reader->sources->rings[i], sequence, &piece.first_ns,
                                    &piece.last_ns) &&
                !snapshot_match_times(reader->match, piece.first_ns, piece.last_ns)) {
                reader->counts->blocks_skipped++;
                continue;
            }
            if (!snapshot_reader_add(reader, &piece))
                return false;
        }
    }
    return true;
}

uint32_t snapshot_reader_read_memory(struct snapshot_reader *reader,
                                     const struct snapshot_piece *piece, uint8_t *buffer)
{
    const struct snapshot_ring *ring = reader->sources->rings[piece->place];
    struct snapshot_block_header header;
    if (snapshot_ring_copy(ring, piece->sequence, buffer) != SNAPSHOT_COPIED ||
        !snapshot_block_read_header(buffer, SNAPSHOT_BLOCK_OCTETS, &header))
        return 0;
    return header.used;
}

bool snapshot_reader_ring_interface(struct snapshot_reader *reader, uint32_t id, uint32_t *number)
{
    struct snapshot_numbers *known = &reader->ring_interfaces;
    const struct snapshot_interfaces *interfaces = reader->sources->interfaces;
    if (!interfaces || id >= snapshot_interfaces_count(interfaces))
        return false;
    if (id >= known->count) {
        uint32_t *grown = realloc(known->numbers, (id + 16) * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + known->count, 0, (id + 16 - known->count) * sizeof *grown);
        known->numbers = grown;
        known->count = id + 16;
    }
    if (known->numbers[id] == SNAPSHOT_NUMBER_UNKNOWN) {
        const struct snapshot_interface *interface = snapshot_interfaces_get(interfaces, id);
        if (!snapshot_reader_number(reader, interface->name, interface->link_type, number))
            return false;
        known->numbers[id] = *number + 1;
    }
    *number = known->numbers[id] - 1;
    return true;
}
