/* Writing segments. See snapshot_segment_write.h. */
#include "snapshot/snapshot_segment_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "snapshot/snapshot_block_view.h"
#include "snapshot/snapshot_calls.h"

enum {
    FRAME_OCTETS_MAX = 256 * 1024, /* of a chunk of interfaces; the scan looks at 1 MiB */
    STATISTICS_OCTETS = 256,       /* of one interface, with its comment */
    PIECE_OCTETS_MIN = 700 * 1000, /* of the index: what all but the last piece have at least */
    PIECE_OVERHEAD = 64,
    HASH_PIECE = 1 << 20,
    ENTRY_OCTETS_MAX = 256 * 1024 /* no entry of the index has more */
};

static void lock(struct snapshot_segment_writer *writer)
{
    if (writer->lock)
        pthread_mutex_lock(writer->lock);
}

static void unlock(struct snapshot_segment_writer *writer)
{
    if (writer->lock)
        pthread_mutex_unlock(writer->lock);
}

static bool begin_hash(struct snapshot_segment_writer *writer)
{
    errno = ENOMEM;
    writer->hash = EVP_MD_CTX_new();
    return writer->hash && EVP_DigestInit_ex(writer->hash, EVP_sha256(), NULL) == 1;
}

/* Writes DATA where the next chunk goes, all or nothing. */
static bool put(struct snapshot_segment_writer *writer, const uint8_t *data, size_t octets)
{
    for (size_t done = 0; done < octets;) {
        ssize_t more = snapshot_calls.pwrite(writer->file, data + done, octets - done,
                                             (off_t)(writer->at + done));
        if (more < 0 && errno == EINTR)
            continue;
        if (more == 0)
            errno = ENOSPC;
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    errno = EIO;
    if (EVP_DigestUpdate(writer->hash, data, octets) != 1)
        return false;
    writer->at += octets;
    return true;
}

static bool put_chunk(struct snapshot_segment_writer *writer, struct snapshot_chunk *chunk)
{
    errno = ENOMEM;
    bool good = !chunk->failed && put(writer, chunk->data, chunk->octets);
    int cause = errno;
    snapshot_chunk_clear(chunk);
    errno = cause;
    return good;
}

/* No less than what comes after the blocks. */
static uint64_t tail_octets(const struct snapshot_segment_writer *writer)
{
    uint64_t entries = writer->index.count * sizeof(struct snapshot_index_entry) +
                       writer->index.words * sizeof(uint64_t);
    return entries + (entries / PIECE_OCTETS_MIN + 1) * PIECE_OVERHEAD +
           (uint64_t)writer->names.count * STATISTICS_OCTETS + 3 * SNAPSHOT_ALIGNMENT;
}

bool snapshot_segment_begin(struct snapshot_segment_writer *writer, int file, uint64_t limit,
                            uint64_t number, uint64_t now_ns,
                            const struct snapshot_section *section,
                            const struct snapshot_segment_names *names)
{
    struct snapshot_chunk chunk = {0};
    writer->file = file;
    writer->limit = limit;
    lock(writer);
    writer->facts.number = number;
    writer->facts.opened_ns = now_ns;
    unlock(writer);
    if (!begin_hash(writer))
        return false;
    snapshot_add_section(&chunk, section);
    snapshot_add_padding(&chunk, 0);
    writer->open = put_chunk(writer, &chunk) && snapshot_segment_add_interfaces(writer, names);
    writer->facts.octets = writer->at;
    return writer->open;
}

bool snapshot_segment_add_interfaces(struct snapshot_segment_writer *writer,
                                     const struct snapshot_segment_names *names)
{
    while (writer->names.count < names->count) {
        struct snapshot_chunk chunk = {0};
        uint32_t first = writer->names.count, i = first;
        while (i < names->count && chunk.octets < FRAME_OCTETS_MAX)
            snapshot_add_interface(&chunk, &names->list[i++]);
        snapshot_add_padding(&chunk, 0);
        if (writer->at + chunk.octets + tail_octets(writer) +
                (uint64_t)(i - first) * STATISTICS_OCTETS >
            writer->limit) {
            snapshot_chunk_clear(&chunk);
            errno = 0;
            return false;
        }
        if (!put_chunk(writer, &chunk))
            return false;
        bool good = true;
        lock(writer);
        for (uint32_t j = first; good && j < i; j++)
            good = snapshot_names_add(&writer->names, &names->list[j]);
        writer->facts.octets = writer->at;
        unlock(writer);
        errno = ENOMEM;
        if (!good)
            return false;
    }
    return true;
}

static void take_back(struct snapshot_segment_writer *writer)
{
    writer->index.count--;
    writer->index.words = writer->index.filter_at[writer->index.count];
}

bool snapshot_segment_has_room(const struct snapshot_segment_writer *writer, uint32_t octets)
{
    return writer->at + octets + ENTRY_OCTETS_MAX + tail_octets(writer) <= writer->limit;
}

static void count(struct snapshot_segment_facts *facts, const struct snapshot_index_entry *entry)
{
    facts->blocks++;
    facts->packets += entry->packets;
    facts->payload |= entry->flags & SNAPSHOT_INDEX_PAYLOAD;
    if (!entry->packets)
        return;
    if (!facts->first_ns || entry->first_ns < facts->first_ns)
        facts->first_ns = entry->first_ns;
    if (entry->last_ns > facts->last_ns)
        facts->last_ns = entry->last_ns;
}

/* The block that is under way in index and hash. False: no memory. */
static bool take_in(struct snapshot_segment_writer *writer, struct snapshot_indexer *indexer,
                    const uint8_t *block, uint32_t octets)
{
    lock(writer);
    bool good = snapshot_index_add(&writer->index, indexer, block, octets, writer->at,
                                   writer->names.link_types, writer->names.count);
    unlock(writer);
    return EVP_DigestUpdate(writer->hash, block, octets) == 1 && good;
}

bool snapshot_segment_append(struct snapshot_segment_writer *writer,
                             struct snapshot_indexer *indexer, const uint8_t *block,
                             uint32_t octets)
{
    uint32_t entries = writer->index.count;
    errno = ENOMEM;
    EVP_MD_CTX *before = EVP_MD_CTX_new();
    if (!before || EVP_MD_CTX_copy_ex(before, writer->hash) != 1) {
        EVP_MD_CTX_free(before);
        return false;
    }
    snapshot_async_start(&writer->async, writer->file, writer->direct, block, octets, writer->at);
    bool taken = take_in(writer, indexer, block, octets);
    bool written = snapshot_async_finish(&writer->async);
    int cause = written ? ENOMEM : errno;
    bool good = taken && written;
    lock(writer);
    if (good) {
        count(&writer->facts, &writer->index.entries[writer->index.count - 1]);
        writer->at += octets;
        writer->facts.octets = writer->at;
    } else {
        if (writer->index.count > entries)
            take_back(writer);
        EVP_MD_CTX *after = writer->hash;
        writer->hash = before;
        before = after;
    }
    unlock(writer);
    EVP_MD_CTX_free(before);
    errno = cause;
    return good;
}

static void add_end(const struct snapshot_segment_writer *writer, struct snapshot_chunk *chunk,
                    uint64_t now_ns, uint64_t index_offset, uint64_t index_octets)
{
    const struct snapshot_segment_facts *facts = &writer->facts;
    snapshot_add_padding(chunk, sizeof(struct snapshot_end));
    uint8_t *at = snapshot_chunk_add(chunk, sizeof(struct snapshot_end));
    struct snapshot_end end = {.version = SNAPSHOT_FORMAT_VERSION,
                               .number = facts->number,
                               .opened_ns = facts->opened_ns,
                               .closed_ns = now_ns,
                               .first_ns = facts->first_ns,
                               .last_ns = facts->last_ns,
                               .packets = facts->packets,
                               .index_offset = index_offset,
                               .index_octets = index_octets,
                               .blocks = facts->blocks,
                               .damaged = facts->damaged,
                               .flags = facts->payload ? SNAPSHOT_END_PAYLOAD : 0,
                               .length_again = sizeof end};
    snapshot_custom_begin(&end.custom, SNAPSHOT_MAGIC_END, sizeof end);
    end.crc = snapshot_crc32c(0, &end, offsetof(struct snapshot_end, crc));
    if (at)
        memcpy(at, &end, sizeof end);
}

/* Statistics, index and end in one chunk. */
static void make_tail(const struct snapshot_segment_writer *writer, struct snapshot_chunk *chunk,
                      uint64_t now_ns, snapshot_statistics_function *statistics, void *context)
{
    for (uint32_t i = 0; i < writer->names.count; i++) {
        struct snapshot_statistics one = {.interface = i,
                                          .start_ns = writer->facts.first_ns,
                                          .end_ns = writer->facts.last_ns,
                                          .received = UINT64_MAX,
                                          .dropped = UINT64_MAX,
                                          .kept = UINT64_MAX};
        if (statistics)
            statistics(context, &one);
        snapshot_add_statistics(chunk, &one);
    }
    uint64_t index_offset = writer->at + chunk->octets;
    uint64_t index_octets = snapshot_index_disk_octets(&writer->index);
    uint8_t *index = snapshot_chunk_add(chunk, index_octets);
    if (index)
        snapshot_index_write(&writer->index, index);
    add_end(writer, chunk, now_ns, index_offset, index_octets);
}

/* The hash of all, without ending the one that goes on if the rest fails. */
static bool end_hash(struct snapshot_segment_writer *writer)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool good = copy && EVP_MD_CTX_copy_ex(copy, writer->hash) == 1 &&
                EVP_DigestFinal_ex(copy, digest, NULL) == 1;
    EVP_MD_CTX_free(copy);
    if (good)
        snapshot_hash_text(digest, writer->sha256);
    else
        errno = ENOMEM;
    return good;
}

bool snapshot_segment_finish(struct snapshot_segment_writer *writer, uint64_t now_ns,
                             snapshot_statistics_function *statistics, void *context)
{
    struct snapshot_chunk chunk = {0};
    if (!writer->facts.closed_ns) {
        make_tail(writer, &chunk, now_ns, statistics, context);
        if (!put_chunk(writer, &chunk))
            return false;
        lock(writer);
        writer->facts.closed_ns = now_ns;
        writer->facts.octets = writer->at;
        unlock(writer);
    }
    if (ftruncate(writer->file, (off_t)writer->at) != 0)
        return false;
    /* Where the file system cannot keep space the segment is good all the same. */
    if (writer->limit > writer->at)
        snapshot_calls.fallocate(writer->file, FALLOC_FL_KEEP_SIZE, (off_t)writer->at,
                                 (off_t)(writer->limit - writer->at));
    return snapshot_calls.fdatasync(writer->file) == 0 && end_hash(writer);
}

void snapshot_segment_drop(struct snapshot_segment_writer *writer)
{
    pthread_mutex_t *mutex = writer->lock;
    struct snapshot_async async = writer->async; /* for the next segment, too */
    lock(writer);
    EVP_MD_CTX_free(writer->hash);
    snapshot_index_clear(&writer->index);
    snapshot_names_clear(&writer->names);
    memset(writer, 0, sizeof *writer);
    writer->file = -1;
    writer->lock = mutex;
    writer->async = async;
    if (mutex)
        pthread_mutex_unlock(mutex);
}

/* Frames a stretch that holds no whole block, so that other programs read what follows. Its first
 * 20 and last 4 octets are lost, the others stay; at the file's beginning a page is. */
static void frame_hole(void *context, uint64_t offset, uint64_t octets)
{
    enum { PART_MAX = 4 << 20 }; /* more would be refused by readers */
    struct snapshot_segment_writer *writer = context;
    while (octets) {
        struct snapshot_chunk chunk = {0};
        struct snapshot_section section = {.application = "spanflow"};
        struct snapshot_custom custom;
        uint32_t part = octets < PART_MAX ? (uint32_t)octets : PART_MAX;
        if (!offset) {
            snapshot_add_section(&chunk, &section);
            snapshot_add_padding(&chunk, 0);
            part = SNAPSHOT_ALIGNMENT;
        } else if (snapshot_chunk_add(&chunk, part) &&
                   snapshot_read_at(writer->file, chunk.data, part, offset)) {
            snapshot_custom_begin(&custom, SNAPSHOT_MAGIC_LOST, part);
            memcpy(chunk.data, &custom, sizeof custom);
            snapshot_custom_finish(chunk.data, part);
        } else
            chunk.failed = true;
        bool good = !chunk.failed && snapshot_calls.pwrite(writer->file, chunk.data, part,
                                                           (off_t)offset) == (ssize_t)part;
        snapshot_chunk_clear(&chunk);
        if (!good)
            return;
        offset += part;
        octets -= part;
    }
}

/* The hash of what is in the file up to AT. */
static bool hash_again(struct snapshot_segment_writer *writer)
{
    uint8_t *data = aligned_alloc(SNAPSHOT_ALIGNMENT, HASH_PIECE);
    bool good = begin_hash(writer) && data;
    for (uint64_t at = 0; good && at < writer->at;) {
        uint64_t left = writer->at - at;
        size_t part = left < HASH_PIECE ? (size_t)left : HASH_PIECE;
        good = snapshot_read_at(writer->file, data, part, at) &&
               EVP_DigestUpdate(writer->hash, data, part) == 1;
        at += part;
    }
    free(data);
    return good;
}

bool snapshot_segment_recover(struct snapshot_segment_writer *writer, int file, uint64_t limit,
                              uint64_t number, uint64_t opened_ns, uint64_t now_ns,
                              struct error *error)
{
    struct stat facts;
    memset(writer, 0, sizeof *writer);
    writer->file = file;
    writer->limit = limit;
    writer->facts.number = number;
    if (fstat(file, &facts) != 0) {
        error_set(error, "%s", strerror(errno));
        return false;
    }
    struct snapshot_scan scan = {.file = file,
                                 .octets = (uint64_t)facts.st_size / SNAPSHOT_ALIGNMENT *
                                           SNAPSHOT_ALIGNMENT,
                                 .index = &writer->index,
                                 .names = &writer->names,
                                 .hole = frame_hole,
                                 .context = writer};
    writer->facts.opened_ns = opened_ns;
    if (!snapshot_scan_run(&scan, error))
        return false;
    writer->at = scan.end;
    for (uint32_t i = 0; i < writer->index.count; i++)
        count(&writer->facts, &writer->index.entries[i]);
    writer->facts.damaged = scan.damaged;
    if (!writer->index.count) {
        errno = 0;
        return false;
    }
    writer->open = true;
    if (hash_again(writer) && snapshot_segment_finish(writer, now_ns, NULL, NULL))
        return true;
    error_set(error, "%s", strerror(errno));
    return false;
}
