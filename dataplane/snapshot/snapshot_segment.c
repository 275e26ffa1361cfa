/* Reading segments. See snapshot_segment.h. */
#include "snapshot/snapshot_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_block_view.h"
#include "snapshot/snapshot_manifest_line.h"
#include "snapshot/snapshot_segment_private.h"

enum {
    INDEX_OCTETS_MAX = 512 << 20,
    FRAMES_OCTETS_MAX = 64 << 20 /* of a stretch of interfaces between blocks */
};

struct snapshot_segment *snapshot_segment_make(int file, const char *name)
{
    struct snapshot_segment *segment = calloc(1, sizeof *segment);
    if (!segment) {
        close(file);
        return NULL;
    }
    segment->file = file;
    snprintf(segment->name, sizeof segment->name, "%s", name);
    return segment;
}

void snapshot_segment_close(struct snapshot_segment *segment)
{
    if (!segment)
        return;
    close(segment->file);
    snapshot_index_clear(&segment->index);
    snapshot_names_clear(&segment->names);
    free(segment);
}

int snapshot_segment_open_file(int folder, const char *name)
{
    struct stat opened, named;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return -1;
    /* Between opening and locking it may have become another segment's file. */
    if (flock(file, LOCK_SH | LOCK_NB) == 0 && fstat(file, &opened) == 0 &&
        fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISREG(opened.st_mode) && opened.st_ino == named.st_ino &&
            opened.st_dev == named.st_dev)
            return file;
        errno = S_ISREG(opened.st_mode) ? EAGAIN : EINVAL;
    }
    int cause = errno;
    close(file);
    errno = cause;
    return -1;
}

bool snapshot_segment_read_end(int file, uint64_t octets, struct snapshot_end *end)
{
    return octets >= sizeof *end && octets % SNAPSHOT_ALIGNMENT == 0 &&
           snapshot_read_at(file, end, sizeof *end, octets - sizeof *end) &&
           snapshot_custom_is(&end->custom, SNAPSHOT_MAGIC_END) &&
           end->custom.length == sizeof *end &&
           end->crc == snapshot_crc32c(0, end, offsetof(struct snapshot_end, crc)) &&
           end->version == SNAPSHOT_FORMAT_VERSION &&
           end->index_offset % SNAPSHOT_CUSTOM_END == 0 && end->index_offset < octets &&
           end->index_octets <= octets - end->index_offset;
}

/* Whether the entries lie one after the other, before the index. */
static bool is_plausible(const struct snapshot_index *index, uint64_t blocks_end)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < index->count; i++) {
        const struct snapshot_index_entry *entry = &index->entries[i];
        if (entry->offset < at || entry->offset % SNAPSHOT_ALIGNMENT || !entry->octets ||
            entry->octets % SNAPSHOT_ALIGNMENT || entry->octets > SNAPSHOT_BLOCK_OCTETS ||
            entry->offset > blocks_end || entry->octets > blocks_end - entry->offset)
            return false;
        at = entry->offset + entry->octets;
    }
    return true;
}

/* The interfaces in the stretch of the file from FROM to TO. */
static bool read_frames(struct snapshot_segment *segment, uint64_t from, uint64_t to)
{
    if (to <= from || to - from > FRAMES_OCTETS_MAX)
        return to <= from;
    uint8_t *data = malloc(to - from);
    bool good = data && snapshot_read_at(segment->file, data, to - from, from) &&
                snapshot_names_read(&segment->names, data, to - from);
    free(data);
    return good;
}

/* They stand wherever no block does. */
static bool read_interfaces(struct snapshot_segment *segment, uint64_t end)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < segment->index.count; i++) {
        const struct snapshot_index_entry *entry = &segment->index.entries[i];
        if (!read_frames(segment, at, entry->offset))
            return false;
        at = entry->offset + entry->octets;
    }
    return read_frames(segment, at, end);
}

static bool read_index(struct snapshot_segment *segment, const struct snapshot_end *end,
                       struct error *error)
{
    if (end->index_octets > INDEX_OCTETS_MAX)
        return false;
    uint8_t *data = malloc(end->index_octets + 1);
    bool good =
        data && snapshot_read_at(segment->file, data, end->index_octets, end->index_offset) &&
        snapshot_index_read(&segment->index, data, end->index_octets, error) &&
        segment->index.count == end->blocks && is_plausible(&segment->index, end->index_offset) &&
        read_interfaces(segment, end->index_offset);
    free(data);
    return good;
}

static void take_end(struct snapshot_segment_facts *facts, const struct snapshot_end *end)
{
    facts->number = end->number;
    facts->opened_ns = end->opened_ns;
    facts->closed_ns = end->closed_ns;
    facts->first_ns = end->first_ns;
    facts->last_ns = end->last_ns;
    facts->packets = end->packets;
    facts->blocks = end->blocks;
    facts->damaged = end->damaged;
    facts->payload = end->flags & SNAPSHOT_END_PAYLOAD;
}

/* What entries of an index say together. */
static void sum_up(struct snapshot_segment_facts *facts, const struct snapshot_index *index)
{
    facts->blocks = index->count;
    facts->packets = facts->first_ns = facts->last_ns = 0;
    for (uint32_t i = 0; i < index->count; i++) {
        const struct snapshot_index_entry *entry = &index->entries[i];
        facts->packets += entry->packets;
        facts->payload |= entry->flags & SNAPSHOT_INDEX_PAYLOAD;
        if (!entry->packets)
            continue;
        if (!facts->first_ns || entry->first_ns < facts->first_ns)
            facts->first_ns = entry->first_ns;
        if (entry->last_ns > facts->last_ns)
            facts->last_ns = entry->last_ns;
    }
}

/* Makes the index from the blocks. */
static bool rebuild(struct snapshot_segment *segment, struct error *error)
{
    snapshot_index_clear(&segment->index);
    snapshot_names_clear(&segment->names);
    struct snapshot_scan scan = {.file = segment->file,
                                 .octets = segment->facts.octets,
                                 .index = &segment->index,
                                 .names = &segment->names};
    segment->rebuilt = true;
    if (!snapshot_scan_run(&scan, error))
        return false;
    if (!segment->names.count && !segment->index.count) {
        error_set(error, "is no segment of a snapshot ring");
        return false;
    }
    sum_up(&segment->facts, &segment->index);
    segment->facts.damaged = scan.damaged;
    return true;
}

struct snapshot_segment *snapshot_segment_open(int folder, const char *name, struct error *error)
{
    struct snapshot_end end;
    struct stat facts;
    struct error cause = {""};
    int file = snapshot_segment_open_file(folder, name);
    if (file < 0 || fstat(file, &facts) != 0) {
        error_set(error, "%s: %s", name, strerror(errno));
        if (file >= 0)
            close(file);
        return NULL;
    }
    struct snapshot_segment *segment = snapshot_segment_make(file, name);
    if (!segment) {
        error_set(error, "%s: no memory", name);
        return NULL;
    }
    segment->facts.octets = (uint64_t)facts.st_size;
    segment->facts.number = snapshot_segment_number_of(name);
    bool ended = snapshot_segment_read_end(file, segment->facts.octets, &end);
    if (ended)
        take_end(&segment->facts, &end);
    if ((ended && read_index(segment, &end, &cause)) || rebuild(segment, &cause))
        return segment;
    error_set(error, "%s: %s", name, cause.text);
    snapshot_segment_close(segment);
    return NULL;
}

const struct snapshot_segment_facts *snapshot_segment_facts(const struct snapshot_segment *segment)
{
    return &segment->facts;
}

const char *snapshot_segment_name(const struct snapshot_segment *segment)
{
    return segment->name;
}

bool snapshot_segment_was_rebuilt(const struct snapshot_segment *segment)
{
    return segment->rebuilt;
}

const struct snapshot_index *snapshot_segment_index(const struct snapshot_segment *segment)
{
    return &segment->index;
}

const struct snapshot_segment_interface *
snapshot_segment_interfaces(const struct snapshot_segment *segment, uint32_t *count)
{
    *count = segment->names.count;
    return segment->names.list;
}

enum snapshot_read snapshot_segment_read(struct snapshot_segment *segment, uint32_t i,
                                         uint8_t *buffer, struct error *error)
{
    const struct snapshot_index_entry *entry = &segment->index.entries[i];
    struct snapshot_block_header header;
    if (!snapshot_read_at(segment->file, buffer, entry->octets, entry->offset)) {
        int cause = errno;
        error_set(error, "%s: block %u: %s", segment->name, i,
                  cause ? strerror(cause) : "the file was cut");
        return cause ? SNAPSHOT_READ_FAILED : SNAPSHOT_READ_DAMAGED;
    }
    if (!(entry->flags & SNAPSHOT_INDEX_DAMAGED) &&
        snapshot_block_inspect(buffer, entry->octets, &header) == SNAPSHOT_VIEW_GOOD &&
        header.used == entry->octets && header.crc == entry->crc && header.run == entry->run &&
        header.sequence == entry->sequence && header.worker == entry->worker)
        return SNAPSHOT_READ_GOOD;
    error_set(error, "%s: block %u at offset %llu: its checksum is wrong; it is left out",
              segment->name, i, (unsigned long long)entry->offset);
    return SNAPSHOT_READ_DAMAGED;
}
