/*
 * What the parts of the reader share: snapshot_reader.c (the list), snapshot_reader_disk.c
 * (segments), snapshot_reader_memory.c (rings).
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_READER_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_READER_PRIVATE_H

#include "snapshot/snapshot_reader.h"
#include "snapshot/snapshot_segment.h"

enum {
    SNAPSHOT_READER_OPEN_MAX = 16, /* segments that are held open */
    SNAPSHOT_NUMBER_UNKNOWN = 0    /* numbers of interfaces are kept plus one */
};

/* Numbers of the query by interface ids of one segment, or of all rings; plus one. */
struct snapshot_numbers {
    uint32_t *numbers;
    uint32_t count;
};

/* One segment that has blocks to be read. */
struct snapshot_place {
    uint64_t number;
    char name[SNAPSHOT_NAME_MAX];
    struct snapshot_segment *segment; /* NULL: not open now */
    uint32_t wanted;                  /* pieces that were not read yet */
    bool gone;
    struct snapshot_numbers interfaces;
};

/* What of a ring is in memory when the query begins. */
struct snapshot_held {
    uint64_t run;
    uint64_t oldest, end; /* sequences: oldest .. end - 1; the last may still be filled */
    uint8_t *on_disk;     /* for each of them: is on disk, too */
    uint16_t worker;
};

struct snapshot_reader_interface {
    char *name;
    uint16_t link_type;
};

struct snapshot_reader {
    const struct snapshot_sources *sources;
    struct snapshot_match *match;
    struct snapshot_query_counts *counts;
    snapshot_damage_function damage;
    void *context;
    int folder; /* without a store */
    struct snapshot_piece *pieces;
    uint32_t piece_count, piece_room;
    struct snapshot_place *places;
    uint32_t place_count, place_room;
    uint32_t open_count;
    uint64_t newest_number;
    struct snapshot_held held[SNAPSHOT_QUERY_RINGS_MAX];
    uint32_t held_count;
    struct snapshot_numbers ring_interfaces;
    struct snapshot_reader_interface *interfaces;
    uint32_t interface_count, interface_room;
};

/* Reports LINE. */
void snapshot_reader_tell(const struct snapshot_reader *reader, const char *line);
/* Appends one; false: no memory. */
bool snapshot_reader_add(struct snapshot_reader *reader, const struct snapshot_piece *piece);
/* The query's number for an interface; false: no memory. */
bool snapshot_reader_number(struct snapshot_reader *reader, const char *name, uint16_t link_type,
                            uint32_t *number);

/* Lists segments and their blocks. False and ERROR: the folder cannot be read, no memory. */
bool snapshot_reader_list_disk(struct snapshot_reader *reader, struct error *error);
/* Reads a piece of a segment; 0: damaged or gone, and counted. */
uint32_t snapshot_reader_read_disk(struct snapshot_reader *reader,
                                   const struct snapshot_piece *piece, uint8_t *buffer);
/* Looks for a block that was in memory and is in a segment by now; its octets, or 0. PIECE then
 * says where it is. */
uint32_t snapshot_reader_find(struct snapshot_reader *reader, struct snapshot_piece *piece,
                              uint8_t *buffer);
/* Closes segments. */
void snapshot_reader_release_disk(struct snapshot_reader *reader);

/* Notes what is in memory, before the disk is looked at. False: no memory. */
bool snapshot_reader_note_memory(struct snapshot_reader *reader);
/* A block is on disk: then it is not read from memory. */
void snapshot_reader_mark(struct snapshot_reader *reader, uint64_t run, uint16_t worker,
                          uint64_t sequence);
/* Lists the blocks in memory that are not on disk. False: no memory. */
bool snapshot_reader_list_memory(struct snapshot_reader *reader);
/* Reads a piece of a ring; 0: it is not there any more. */
uint32_t snapshot_reader_read_memory(struct snapshot_reader *reader,
                                     const struct snapshot_piece *piece, uint8_t *buffer);
/* Describes ring interface ID; false if there is none. */
bool snapshot_reader_ring_interface(struct snapshot_reader *reader, uint32_t id, uint32_t *number);

#endif
