/* Walks a segment's file. See snapshot_segment_scan.h. */
#include "snapshot/snapshot_segment_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot_block_view.h"

bool snapshot_read_at(int file, void *data, size_t octets, uint64_t offset)
{
    for (size_t done = 0; done < octets;) {
        ssize_t more = pread(file, (char *)data + done, octets - done, (off_t)(offset + done));
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0) {
            if (!more)
                errno = 0;
            return false;
        }
        done += (size_t)more;
    }
    return true;
}

bool snapshot_names_add(struct snapshot_segment_names *names,
                        const struct snapshot_segment_interface *interface)
{
    if (names->count == SNAPSHOT_SEGMENT_INTERFACES_MAX)
        return false;
    if (names->count == names->room) {
        uint32_t room = names->room ? names->room * 2 : 16;
        struct snapshot_segment_interface *list = realloc(names->list, room * sizeof *list);
        if (!list)
            return false;
        names->list = list;
        uint16_t *link_types = realloc(names->link_types, room * sizeof *link_types);
        if (!link_types)
            return false;
        names->link_types = link_types;
        names->room = room;
    }
    names->link_types[names->count] = interface->link_type;
    names->list[names->count++] = *interface;
    return true;
}

void snapshot_names_clear(struct snapshot_segment_names *names)
{
    free(names->list);
    free(names->link_types);
    memset(names, 0, sizeof *names);
}

bool snapshot_names_read(struct snapshot_segment_names *names, const uint8_t *data, size_t octets)
{
    struct snapshot_pcapng_block block;
    struct snapshot_segment_interface interface;
    for (; snapshot_pcapng_next(data, octets, &block); data += block.length, octets -= block.length)
        if (snapshot_pcapng_interface(&block, &interface) && !snapshot_names_add(names, &interface))
            return false;
    return true;
}

/* The octets of a chunk of section header, interfaces, statistics and padding at DATA that ends at
 * a multiple of 4096; 0: it is none. */
static size_t frame_octets(const uint8_t *data, size_t octets)
{
    size_t at = 0;
    struct snapshot_pcapng_block block;
    while (snapshot_pcapng_next(data + at, octets - at, &block)) {
        struct snapshot_custom custom;
        if (block.type == PCAPNG_CUSTOM) {
            if (block.length < SNAPSHOT_CUSTOM_MIN)
                return 0;
            memcpy(&custom, data + at, sizeof custom);
            if (!snapshot_custom_is(&custom, SNAPSHOT_MAGIC_PADDING) &&
                !snapshot_custom_is(&custom, SNAPSHOT_MAGIC_LOST))
                return 0;
        } else if (block.type != PCAPNG_SECTION && block.type != PCAPNG_INTERFACE)
            return 0;
        at += block.length;
        if (at % SNAPSHOT_ALIGNMENT == 0)
            return at;
    }
    return 0;
}

enum { RUNS_MAX = 4096 };

struct walk {
    struct snapshot_scan *scan;
    struct snapshot_indexer *indexer;
    uint8_t *buffer; /* what of the file begins at `at` */
    size_t filled;
    uint64_t at;
    uint64_t hole;           /* octets before `at` that are in no good chunk */
    uint32_t torn;           /* blocks in it that began */
    bool lost;               /* it is not known where in the damage a chunk would begin */
    uint64_t runs[RUNS_MAX]; /* of good blocks */
    uint32_t run_count;
};

/* Fills the buffer from `at` on with at most OCTETS. */
static bool fill(struct walk *walk, size_t octets)
{
    uint64_t left = walk->scan->octets - walk->at;
    walk->filled = left < octets ? (size_t)left : octets;
    if (snapshot_read_at(walk->scan->file, walk->buffer, walk->filled, walk->at))
        return true;
    walk->filled = 0;
    return errno == 0; /* the file was cut meanwhile */
}

/* Whether good blocks had RUN; those at a certain place may bring a new one. */
static bool knows(struct walk *walk, uint64_t run)
{
    for (uint32_t i = 0; i < walk->run_count; i++)
        if (walk->runs[i] == run)
            return true;
    if (!walk->lost && walk->run_count < RUNS_MAX)
        walk->runs[walk->run_count++] = run;
    return !walk->lost;
}

/* A good block; false on lack of memory. */
static bool take_block(struct walk *walk, const struct snapshot_block_header *header)
{
    struct snapshot_scan *scan = walk->scan;
    if (!snapshot_index_add(scan->index, walk->indexer, walk->buffer, header->used, walk->at,
                            scan->names->link_types, scan->names->count))
        return false;
    scan->payload |= header->flags & SNAPSHOT_BLOCK_PAYLOAD;
    return true;
}

/* The octets of a damaged block: all that it says if something of ours, or nothing, follows there;
 * else it is not to be believed. */
static size_t damaged_octets(struct walk *walk, uint32_t said)
{
    struct snapshot_custom next;
    uint64_t after = walk->at + said;
    if (after + sizeof next > walk->scan->octets ||
        (snapshot_read_at(walk->scan->file, &next, sizeof next, after) &&
         (next.type == 0 ||
          (next.type == PCAPNG_CUSTOM && next.enterprise == SNAPSHOT_ENTERPRISE) ||
          next.type == PCAPNG_INTERFACE)))
        return said;
    walk->lost = true;
    return SNAPSHOT_ALIGNMENT;
}

/* Looks at the chunk at `at`: its octets, and whether it is good. A packet's payload may look like
 * a block, so behind damage only blocks of known runs count: nobody outside can know these. False:
 * no memory. */
static bool look(struct walk *walk, size_t *octets, bool *good)
{
    struct snapshot_block_header header;
    *good = false;
    *octets = SNAPSHOT_ALIGNMENT;
    switch (snapshot_block_inspect(walk->buffer, walk->filled, &header)) {
    case SNAPSHOT_VIEW_GOOD:
        *good = knows(walk, header.run);
        if (!*good)
            return true;
        *octets = header.used;
        return take_block(walk, &header);
    case SNAPSHOT_VIEW_DAMAGED:
        walk->torn++;
        *octets = damaged_octets(walk, header.used);
        return true;
    case SNAPSHOT_VIEW_NONE:
        break;
    }
    size_t frame = frame_octets(walk->buffer, walk->filled);
    if (frame && !walk->lost) {
        *octets = frame;
        *good = true;
        return snapshot_names_read(walk->scan->names, walk->buffer, frame);
    }
    walk->lost = true;
    return true;
}

/* A good chunk of OCTETS lies at `at`: what was before it is damage. */
static void end_hole(struct walk *walk, size_t octets)
{
    struct snapshot_scan *scan = walk->scan;
    if (walk->hole) {
        scan->damaged += walk->torn ? walk->torn : 1;
        if (scan->hole)
            scan->hole(scan->context, walk->at - walk->hole, walk->hole);
    }
    walk->hole = 0;
    walk->torn = 0;
    walk->lost = false;
    scan->end = walk->at + octets;
}

/* Whether something of a segment may begin with the octets in the buffer. */
static bool may_begin(const struct walk *walk)
{
    uint32_t type = 0;
    if (walk->filled >= sizeof type)
        memcpy(&type, walk->buffer, sizeof type);
    return type == PCAPNG_CUSTOM || type == PCAPNG_SECTION || type == PCAPNG_INTERFACE;
}

/* How far it is to the next octets that were ever written, at least one page. */
static size_t unwritten_octets(const struct walk *walk)
{
    uint64_t next = walk->at + SNAPSHOT_ALIGNMENT;
    if (next >= walk->scan->octets)
        return SNAPSHOT_ALIGNMENT;
    off_t data = lseek(walk->scan->file, (off_t)next, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? (size_t)(walk->scan->octets - walk->at) : SNAPSHOT_ALIGNMENT;
    return (size_t)((uint64_t)data / SNAPSHOT_ALIGNMENT * SNAPSHOT_ALIGNMENT - walk->at);
}

static bool walk_file(struct walk *walk)
{
    struct snapshot_scan *scan = walk->scan;
    while (walk->at < scan->octets) {
        size_t octets = SNAPSHOT_ALIGNMENT;
        bool good = false;
        if (!fill(walk, SNAPSHOT_ALIGNMENT))
            return false;
        if (!may_begin(walk)) {
            walk->lost = true;
            octets = unwritten_octets(walk);
        } else if (!fill(walk, SNAPSHOT_BLOCK_OCTETS) || !look(walk, &octets, &good))
            return false;
        if (good)
            end_hole(walk, octets);
        else
            walk->hole += octets;
        walk->at += octets;
    }
    return true;
}

bool snapshot_scan_run(struct snapshot_scan *scan, struct error *error)
{
    struct walk *walk = calloc(1, sizeof *walk);
    scan->end = 0;
    scan->damaged = 0;
    scan->payload = false;
    errno = ENOMEM;
    if (!walk) {
        error_set(error, "%s", strerror(errno));
        return false;
    }
    walk->scan = scan;
    walk->buffer = aligned_alloc(SNAPSHOT_ALIGNMENT, SNAPSHOT_BLOCK_OCTETS);
    walk->indexer = snapshot_indexer_create();
    bool good = walk->buffer && walk->indexer && walk_file(walk);
    if (!good)
        error_set(error, "%s", strerror(errno));
    free(walk->buffer);
    snapshot_indexer_destroy(walk->indexer);
    free(walk);
    return good;
}
