/* Segments of a query: of the probe's own store, or of a folder. See snapshot_reader_private.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot_reader_private.h"
#include "snapshot/snapshot_store.h"

/* One segment that may be looked at. */
struct candidate {
    uint64_t number; /* 0: not known yet */
    char name[SNAPSHOT_NAME_MAX];
};

/* Opens it; NULL with ERROR "" if it is not there any more. */
static struct snapshot_segment *open_segment(const struct snapshot_reader *reader, uint64_t number,
                                             const char *name, struct error *error)
{
    error->text[0] = 0;
    if (reader->sources->store)
        return snapshot_store_open_segment(reader->sources->store, number, error);
    if (faccessat(reader->folder, name, F_OK, 0) != 0)
        return NULL;
    return snapshot_segment_open(reader->folder, name, error);
}

static void close_segment(struct snapshot_reader *reader, struct snapshot_segment *segment)
{
    if (reader->sources->store)
        snapshot_store_release_segment(reader->sources->store, segment);
    else
        snapshot_segment_close(segment);
}

static void close_place(struct snapshot_reader *reader, struct snapshot_place *place)
{
    if (!place->segment)
        return;
    close_segment(reader, place->segment);
    place->segment = NULL;
    reader->open_count--;
}

/* Numbers of the query for the interfaces of an open segment. False: no memory. */
static bool number_interfaces(struct snapshot_reader *reader, struct snapshot_place *place,
                              const struct snapshot_segment *segment)
{
    uint32_t count;
    const struct snapshot_segment_interface *list = snapshot_segment_interfaces(segment, &count);
    free(place->interfaces.numbers);
    place->interfaces.count = 0;
    place->interfaces.numbers = calloc(count + 1, sizeof(uint32_t));
    if (!place->interfaces.numbers)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number;
        if (!snapshot_reader_number(reader, list[i].name, list[i].link_type, &number))
            return false;
        place->interfaces.numbers[i] = number + 1;
    }
    place->interfaces.count = count;
    return true;
}

/* The different link types of SEGMENT into TYPES of ROOM; returns how many there are. */
static uint32_t link_types(const struct snapshot_segment *segment, uint16_t *types, uint32_t room)
{
    uint32_t count, different = 0;
    const struct snapshot_segment_interface *list = snapshot_segment_interfaces(segment, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < different && types[k] != list[i].link_type)
            k++;
        if (k < different)
            continue;
        if (different == room)
            return 0; /* too many: nothing is ruled out by them */
        types[different++] = list[i].link_type;
    }
    return different;
}

/* Puts the blocks that may be wanted into the list. False: no memory. */
static bool list_blocks(struct snapshot_reader *reader, struct snapshot_place *place,
                        const struct snapshot_segment *segment)
{
    enum { LINK_TYPES_MAX = 32 };
    const struct snapshot_index *index = snapshot_segment_index(segment);
    uint16_t types[LINK_TYPES_MAX];
    uint32_t type_count = link_types(segment, types, LINK_TYPES_MAX);
    for (uint32_t i = 0; i < index->count; i++) {
        const struct snapshot_index_entry *entry = &index->entries[i];
        reader->counts->blocks++;
        snapshot_reader_mark(reader, entry->run, entry->worker, entry->sequence);
        if (!snapshot_match_block(reader->match, index, i, types, type_count)) {
            reader->counts->blocks_skipped++;
            continue;
        }
        struct snapshot_piece piece = {.first_ns = entry->first_ns,
                                       .last_ns = entry->last_ns,
                                       .run = entry->run,
                                       .sequence = entry->sequence,
                                       .octets = entry->octets,
                                       .place = reader->place_count,
                                       .entry = i,
                                       .worker = entry->worker};
        if (!snapshot_reader_add(reader, &piece))
            return false;
        place->wanted++;
    }
    return true;
}

static bool grow_places(struct snapshot_reader *reader)
{
    if (reader->place_count < reader->place_room)
        return true;
    uint32_t room = reader->place_room ? reader->place_room * 2 : 64;
    struct snapshot_place *places = realloc(reader->places, room * sizeof *places);
    if (!places)
        return false;
    reader->places = places;
    reader->place_room = room;
    return true;
}

/* A closed segment whose index had to be made anew is not what was written; one that a crash left
 * unfinished has none yet. */
static void tell_rebuilt(struct snapshot_reader *reader, const struct snapshot_segment *segment)
{
    struct error line;
    if (snapshot_segment_name(segment)[0] == '.')
        return;
    reader->counts->segments_cut++;
    error_set(
        &line,
        "%s: its index or end is damaged, or the file was cut; what is given of it are the %u "
        "blocks that were found",
        snapshot_segment_name(segment), snapshot_segment_index(segment)->count);
    snapshot_reader_tell(reader, line.text);
}

/* Looks at one segment. False: no memory. */
static bool list_segment(struct snapshot_reader *reader, const struct candidate *candidate)
{
    struct error error;
    struct snapshot_segment *segment =
        open_segment(reader, candidate->number, candidate->name, &error);
    if (!segment) {
        if (error.text[0] != 0) {
            reader->counts->segments++;
            reader->counts->segments_bad++;
            snapshot_reader_tell(reader, error.text);
        }
        return true;
    }
    const struct snapshot_segment_facts *facts = snapshot_segment_facts(segment);
    reader->counts->segments++;
    if (snapshot_segment_was_rebuilt(segment))
        tell_rebuilt(reader, segment);
    if (facts->number > reader->newest_number)
        reader->newest_number = facts->number;
    if (!grow_places(reader)) {
        close_segment(reader, segment);
        return false;
    }
    struct snapshot_place *place = &reader->places[reader->place_count];
    memset(place, 0, sizeof *place);
    place->number = facts->number;
    snprintf(place->name, sizeof place->name, "%s", snapshot_segment_name(segment));
    bool good = list_blocks(reader, place, segment) &&
                (place->wanted == 0 || number_interfaces(reader, place, segment));
    if (good && place->wanted != 0 && reader->open_count < SNAPSHOT_READER_OPEN_MAX) {
        place->segment = segment;
        reader->open_count++;
    } else {
        close_segment(reader, segment);
    }
    if (place->wanted != 0)
        reader->place_count++;
    return good;
}

static int by_name(const void *one, const void *other)
{
    const struct candidate *a = one, *b = other;
    return strcmp(a->name, b->name);
}

/* A list that grows; false: no memory. */
static bool add_candidate(struct candidate **list, size_t *count, size_t *room, const char *name)
{
    if (*count == *room) {
        size_t grown_room = *room ? *room * 2 : 64;
        struct candidate *grown = realloc(*list, grown_room * sizeof *grown);
        if (!grown)
            return false;
        *list = grown;
        *room = grown_room;
    }
    struct candidate *candidate = &(*list)[(*count)++];
    candidate->number = 0;
    snprintf(candidate->name, sizeof candidate->name, "%s", name);
    return true;
}

/* Whether NAME is that of a segment, or the hidden one of a segment that is not finished: a copy of
 * the folder, or a crash, may leave that. */
static bool is_segment(const char *name)
{
    size_t length = strlen(name);
    return length > 16 && length < SNAPSHOT_NAME_MAX &&
           strncmp(name + (name[0] == '.'), "snapshot-", 9) == 0 &&
           strcmp(name + length - 7, ".pcapng") == 0;
}

/* The segments of a folder by name. False and ERROR. */
static bool list_folder(const struct snapshot_reader *reader, struct candidate **list,
                        size_t *count, struct error *error)
{
    int copy = openat(reader->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        if (copy >= 0)
            close(copy);
        error_set(error, "%s: cannot be listed", reader->sources->directory);
        return false;
    }
    size_t room = 0;
    bool good = true;
    for (const struct dirent *entry = readdir(folder); good && entry; entry = readdir(folder))
        if (is_segment(entry->d_name))
            good = add_candidate(list, count, &room, entry->d_name);
    closedir(folder);
    if (good && *count > 1)
        qsort(*list, *count, sizeof **list, by_name);
    return good;
}

/* Segments of the store that overlap the times. False: no memory. */
static bool list_store(const struct snapshot_reader *reader, uint64_t from_ns, uint64_t to_ns,
                       struct candidate **list, size_t *count)
{
    enum { MORE = 16 }; /* segments may be begun meanwhile */
    struct snapshot_store *store = reader->sources->store;
    size_t room = snapshot_store_list(store, from_ns, to_ns, NULL, 0) + MORE;
    struct snapshot_listed *listed = calloc(room, sizeof *listed);
    *list = calloc(room, sizeof **list);
    if (!listed || !*list) {
        free(listed);
        return false;
    }
    *count = snapshot_store_list(store, from_ns, to_ns, listed, room);
    if (*count > room)
        *count = room;
    for (size_t i = 0; i < *count; i++) {
        (*list)[i].number = listed[i].facts.number;
        memcpy((*list)[i].name, listed[i].name, sizeof(*list)[i].name);
    }
    free(listed);
    return true;
}

bool snapshot_reader_list_disk(struct snapshot_reader *reader, struct error *error)
{
    struct candidate *list = NULL;
    size_t count = 0;
    bool good = true;
    if (reader->sources->store) {
        uint64_t from_ns, to_ns;
        snapshot_match_range(reader->match, &from_ns, &to_ns);
        good = list_store(reader, from_ns, to_ns, &list, &count);
    } else if (reader->folder >= 0) {
        good = list_folder(reader, &list, &count, error);
    }
    for (size_t i = 0; good && i < count; i++) {
        if (reader->sources->stop && atomic_load(reader->sources->stop)) {
            error_set(error, "query: stopped");
            good = false;
        } else {
            good = list_segment(reader, &list[i]);
        }
    }
    free(list);
    return good;
}

/* Makes room among the open segments: the one goes whose turn was longest ago. */
static void make_room(struct snapshot_reader *reader)
{
    for (uint32_t i = 0; i < reader->place_count; i++) {
        if (reader->open_count < SNAPSHOT_READER_OPEN_MAX)
            return;
        close_place(reader, &reader->places[i]);
    }
}

/* Whether the segment is still held. A ring that is short of room overwrites segments that are
 * being read; what is found there is no damage then. */
static bool is_held(const struct snapshot_reader *reader, const struct snapshot_place *place)
{
    struct candidate *list = NULL;
    size_t count = 0;
    bool held = false;
    if (!reader->sources->store)
        return faccessat(reader->folder, place->name, F_OK, 0) == 0;
    bool good = list_store(reader, 0, UINT64_MAX, &list, &count);
    for (size_t i = 0; good && !held && i < count; i++)
        held = list[i].number == place->number;
    free(list);
    return held;
}

uint32_t snapshot_reader_read_disk(struct snapshot_reader *reader,
                                   const struct snapshot_piece *piece, uint8_t *buffer)
{
    struct snapshot_place *place = &reader->places[piece->place];
    struct error error = {""};
    if (!place->segment && !place->gone) {
        make_room(reader);
        place->segment = open_segment(reader, place->number, place->name, &error);
        place->gone = !place->segment;
        reader->open_count += place->segment != NULL;
        if (place->gone && error.text[0] != 0)
            snapshot_reader_tell(reader, error.text);
    }
    uint32_t octets = 0;
    if (place->gone) {
        reader->counts->blocks_gone++;
    } else if (piece->entry < snapshot_segment_index(place->segment)->count &&
               snapshot_segment_read(place->segment, piece->entry, buffer, &error) ==
                   SNAPSHOT_READ_GOOD) {
        octets = piece->octets;
    } else if (!is_held(reader, place)) {
        place->gone = true;
        reader->counts->blocks_gone++;
    } else {
        reader->counts->blocks_damaged++;
        if (reader->sources->store)
            snapshot_store_count_damaged(reader->sources->store, 1);
        snapshot_reader_tell(reader, error.text);
    }
    if (--place->wanted == 0)
        close_place(reader, place);
    return octets;
}

/* The entry of the block in an open segment; false if it is not there. */
static bool find_entry(const struct snapshot_segment *segment, const struct snapshot_piece *piece,
                       uint32_t *i)
{
    const struct snapshot_index *index = snapshot_segment_index(segment);
    for (uint32_t at = index->count; at-- > 0;) {
        const struct snapshot_index_entry *entry = &index->entries[at];
        if (entry->run == piece->run && entry->worker == piece->worker &&
            entry->sequence == piece->sequence) {
            *i = at;
            return true;
        }
    }
    return false;
}

/* Takes the block from SEGMENT if it is there. */
static uint32_t take(struct snapshot_reader *reader, struct snapshot_segment *segment,
                     struct snapshot_piece *piece, uint8_t *buffer)
{
    struct error error;
    uint32_t i;
    if (!find_entry(segment, piece, &i) ||
        snapshot_segment_read(segment, i, buffer, &error) != SNAPSHOT_READ_GOOD ||
        !grow_places(reader))
        return 0;
    struct snapshot_place *place = &reader->places[reader->place_count];
    memset(place, 0, sizeof *place);
    place->number = snapshot_segment_facts(segment)->number;
    snprintf(place->name, sizeof place->name, "%s", snapshot_segment_name(segment));
    if (!number_interfaces(reader, place, segment)) {
        free(place->interfaces.numbers);
        return 0;
    }
    piece->memory = false;
    piece->place = reader->place_count++;
    piece->entry = i;
    return snapshot_segment_index(segment)->entries[i].octets;
}

uint32_t snapshot_reader_find(struct snapshot_reader *reader, struct snapshot_piece *piece,
                              uint8_t *buffer)
{
    struct candidate *list = NULL;
    size_t count = 0;
    uint32_t octets = 0;
    if (!reader->sources->store)
        return 0;
    bool good = list_store(reader, piece->first_ns, UINT64_MAX, &list, &count);
    for (size_t i = 0; good && octets == 0 && i < count; i++) {
        struct error error;
        if (list[i].number < reader->newest_number)
            continue;
        struct snapshot_segment *segment =
            open_segment(reader, list[i].number, list[i].name, &error);
        if (!segment)
            continue;
        octets = take(reader, segment, piece, buffer);
        close_segment(reader, segment);
    }
    free(list);
    return octets;
}

void snapshot_reader_release_disk(struct snapshot_reader *reader)
{
    for (uint32_t i = 0; i < reader->place_count; i++) {
        close_place(reader, &reader->places[i]);
        free(reader->places[i].interfaces.numbers);
    }
    free(reader->places);
    reader->places = NULL;
    reader->place_count = 0;
}
