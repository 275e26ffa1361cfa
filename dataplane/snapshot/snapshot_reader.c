/* The list of blocks of a query. See snapshot_reader.h. */
#include "snapshot/snapshot_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot_reader_private.h"

void snapshot_reader_tell(const struct snapshot_reader *reader, const char *line)
{
    if (reader->damage)
        reader->damage(reader->context, line);
}

bool snapshot_reader_add(struct snapshot_reader *reader, const struct snapshot_piece *piece)
{
    if (reader->piece_count == reader->piece_room) {
        uint32_t room = reader->piece_room ? reader->piece_room * 2 : 256;
        struct snapshot_piece *pieces = realloc(reader->pieces, room * sizeof *pieces);
        if (!pieces)
            return false;
        reader->pieces = pieces;
        reader->piece_room = room;
    }
    reader->pieces[reader->piece_count++] = *piece;
    reader->counts->octets_wanted += piece->octets;
    return true;
}

/* By time; of the same time the smaller worker, then the order in which it kept them. */
static int compare(const void *one, const void *other)
{
    const struct snapshot_piece *a = one, *b = other;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    if (a->worker != b->worker)
        return a->worker < b->worker ? -1 : 1;
    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

struct snapshot_reader *snapshot_reader_open(const struct snapshot_sources *sources,
                                             struct snapshot_match *match,
                                             struct snapshot_query_counts *counts,
                                             snapshot_damage_function damage, void *context,
                                             struct error *error)
{
    struct snapshot_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        error_set(error, "query: no memory");
        return NULL;
    }
    reader->sources = sources;
    reader->match = match;
    reader->counts = counts;
    reader->damage = damage;
    reader->context = context;
    reader->folder = -1;
    struct error line = {"query: no memory"};
    if (!sources->store && sources->directory) {
        reader->folder = open(sources->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (reader->folder < 0) {
            error_set(error, "%s: %s", sources->directory, strerror(errno));
            snapshot_reader_close(reader);
            return NULL;
        }
    }
    if (!snapshot_reader_note_memory(reader) || !snapshot_reader_list_disk(reader, &line) ||
        !snapshot_reader_list_memory(reader)) {
        error_set(error, "%s", line.text);
        snapshot_reader_close(reader);
        return NULL;
    }
    if (reader->piece_count > 1)
        qsort(reader->pieces, reader->piece_count, sizeof reader->pieces[0], compare);
    return reader;
}

void snapshot_reader_close(struct snapshot_reader *reader)
{
    if (!reader)
        return;
    snapshot_reader_release_disk(reader);
    if (reader->folder >= 0)
        close(reader->folder);
    for (uint32_t i = 0; i < reader->held_count; i++)
        free(reader->held[i].on_disk);
    for (uint32_t i = 0; i < reader->interface_count; i++)
        free(reader->interfaces[i].name);
    free(reader->interfaces);
    free(reader->ring_interfaces.numbers);
    free(reader->pieces);
    free(reader);
}

const struct snapshot_piece *snapshot_reader_pieces(const struct snapshot_reader *reader,
                                                    uint32_t *count)
{
    *count = reader->piece_count;
    return reader->pieces;
}

uint32_t snapshot_reader_read(struct snapshot_reader *reader, uint32_t i, uint8_t *buffer)
{
    struct snapshot_piece *piece = &reader->pieces[i];
    uint32_t octets = 0;
    if (piece->memory) {
        octets = snapshot_reader_read_memory(reader, piece, buffer);
        if (octets == 0)
            octets = snapshot_reader_find(reader, piece, buffer);
        if (octets == 0)
            reader->counts->blocks_gone++;
    } else {
        octets = snapshot_reader_read_disk(reader, piece, buffer);
    }
    reader->counts->octets_read += piece->octets;
    if (octets != 0)
        reader->counts->blocks_read++;
    return octets;
}

bool snapshot_reader_number(struct snapshot_reader *reader, const char *name, uint16_t link_type,
                            uint32_t *number)
{
    for (uint32_t i = 0; i < reader->interface_count; i++) {
        *number = i;
        if (reader->interfaces[i].link_type == link_type &&
            strcmp(reader->interfaces[i].name, name) == 0)
            return true;
    }
    if (reader->interface_count == reader->interface_room) {
        uint32_t room = reader->interface_room ? reader->interface_room * 2 : 16;
        struct snapshot_reader_interface *grown = realloc(reader->interfaces, room * sizeof *grown);
        if (!grown)
            return false;
        reader->interfaces = grown;
        reader->interface_room = room;
    }
    char *copy = strdup(name);
    if (!copy)
        return false;
    *number = reader->interface_count++;
    reader->interfaces[*number] =
        (struct snapshot_reader_interface){.name = copy, .link_type = link_type};
    return true;
}

bool snapshot_reader_interface(struct snapshot_reader *reader, const struct snapshot_piece *piece,
                               uint32_t id, uint32_t *number)
{
    if (piece->memory)
        return snapshot_reader_ring_interface(reader, id, number);
    const struct snapshot_numbers *known = &reader->places[piece->place].interfaces;
    if (id >= known->count)
        return false;
    *number = known->numbers[id] - 1;
    return known->numbers[id] != SNAPSHOT_NUMBER_UNKNOWN;
}

struct snapshot_query_interface snapshot_reader_described(const struct snapshot_reader *reader,
                                                          uint32_t number)
{
    if (number >= reader->interface_count)
        return (struct snapshot_query_interface){.name = ""};
    const struct snapshot_reader_interface *interface = &reader->interfaces[number];
    return (struct snapshot_query_interface){.name = interface->name,
                                             .link_type = interface->link_type};
}

void snapshot_reader_damaged(struct snapshot_reader *reader, uint32_t i)
{
    const struct snapshot_piece *piece = &reader->pieces[i];
    struct error line;
    if (piece->memory)
        error_set(&line, "worker %u, block %llu in memory: a packet in it makes no sense",
                  piece->worker, (unsigned long long)piece->sequence);
    else
        error_set(&line, "%s: block %u: a packet in it makes no sense; the rest is left out",
                  reader->places[piece->place].name, piece->entry);
    reader->counts->blocks_damaged++;
    snapshot_reader_tell(reader, line.text);
}
