/*
 * Files of the spool. See spool_segment.h.
 */
#include "spool_segment.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum {
    SPOOL_VERSION = 2,
    IPFIX_VERSION = 10,
    IPFIX_HEADER_OCTETS = 16,
    IPFIX_TIME_AT = 4,
    IPFIX_SEQUENCE_AT = 8,
    TAIL_MESSAGES = 64, /* are looked at when a file is found; the others when they are loaded */
    ENTRIES_READ = 512
};
static const char spool_magic[8] = {'S', 'P', 'F', 'S', 'P', 'O', 'O', 'L'};
static_assert(sizeof(struct spool_header) == SPOOL_HEADER_OCTETS, "header of version 2");
static_assert(sizeof(struct spool_entry) == SPOOL_ENTRY_OCTETS, "entries of version 2");

void segment_name(const uint8_t identity[MD5_OCTETS], uint64_t number, enum spool_format format,
                  bool index, char *name, size_t size)
{
    const char *suffix = index ? "index" : format == SPOOL_IPFIX ? "ipfix" : "json";
    unsigned long long digest = 0;
    for (unsigned i = 0; i < 8; i++)
        digest = digest << 8 | identity[i];
    snprintf(name, size, "spool-%016llx-%010llu.%s", digest, (unsigned long long)number, suffix);
}

/* Writes all or nothing that counts: 0, or -1 with errno. */
static int write_all(int fd, const struct iovec *parts, int count, uint64_t octets, uint64_t at)
{
    ssize_t written;
    do
        written = pwritev(fd, parts, count, (off_t)at);
    while (written < 0 && errno == EINTR);
    if (written >= 0 && (uint64_t)written == octets)
        return 0;
    int number = written < 0 ? errno : ENOSPC; /* short: what follows would not fit */
    errno = number;
    return -1;
}

int segment_create(struct spool_segment *segment, int folder, const struct spool_header *header,
                   const uint8_t *prefix)
{
    char name[64];
    enum spool_format format = (enum spool_format)header->format;
    struct iovec whole = {(void *)(uintptr_t)header, sizeof *header};
    struct iovec begin = {(void *)(uintptr_t)prefix, header->prefix_octets};
    struct spool_header full = *header;
    memcpy(full.magic, spool_magic, sizeof full.magic);
    full.version = SPOOL_VERSION;
    whole.iov_base = &full;
    *segment = (struct spool_segment){.data = -1,
                                      .number = header->number,
                                      .format = format,
                                      .prefix_octets = header->prefix_octets,
                                      .octets = header->prefix_octets,
                                      .load_at = header->prefix_octets,
                                      .settled_at = header->prefix_octets};
    segment_name(header->identity, header->number, format, true, name, sizeof name);
    segment->index = openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (segment->index >= 0 && write_all(segment->index, &whole, 1, sizeof full, 0) == 0) {
        segment_name(header->identity, header->number, format, false, name, sizeof name);
        segment->data = openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    if (segment->data >= 0 && write_all(segment->data, &begin, 1, header->prefix_octets, 0) == 0)
        return 0;
    int number = errno;
    segment_remove(segment, folder, header->identity);
    errno = number;
    return -1;
}

int segment_open(struct spool_segment *segment, int folder, const uint8_t identity[MD5_OCTETS])
{
    char name[64];
    segment_name(identity, segment->number, segment->format, true, name, sizeof name);
    segment->index = openat(folder, name, O_RDWR | O_CLOEXEC);
    segment_name(identity, segment->number, segment->format, false, name, sizeof name);
    segment->data = segment->index < 0 ? -1 : openat(folder, name, O_RDWR | O_CLOEXEC);
    if (segment->data >= 0)
        return 0;
    int number = errno;
    segment_close(segment);
    errno = number;
    return -1;
}

void segment_close(struct spool_segment *segment)
{
    if (segment->data >= 0)
        close(segment->data);
    if (segment->index >= 0)
        close(segment->index);
    segment->data = segment->index = -1;
}

bool segment_is_whole(const struct spool_segment *segment, int folder,
                      const uint8_t identity[MD5_OCTETS])
{
    char name[64];
    struct stat data, index;
    segment_name(identity, segment->number, segment->format, false, name, sizeof name);
    if (fstatat(folder, name, &data, 0) != 0)
        return errno != ENOENT;
    segment_name(identity, segment->number, segment->format, true, name, sizeof name);
    if (fstatat(folder, name, &index, 0) != 0)
        return errno != ENOENT;
    return (uint64_t)data.st_size >= segment->octets &&
           (uint64_t)index.st_size >= segment_octets(segment) - segment->octets;
}

void segment_remove(struct spool_segment *segment, int folder, const uint8_t identity[MD5_OCTETS])
{
    char name[64];
    segment_close(segment);
    segment_name(identity, segment->number, segment->format, false, name, sizeof name);
    unlinkat(folder, name, 0);
    segment_name(identity, segment->number, segment->format, true, name, sizeof name);
    unlinkat(folder, name, 0); /* last: it says that the file is done with */
}

/* ---- messages ---- */

static uint32_t number_of(const uint8_t *data)
{
    uint32_t wire;
    memcpy(&wire, data + IPFIX_SEQUENCE_AT, sizeof wire);
    return be32toh(wire);
}

static void set_number(uint8_t *data, uint32_t sequence)
{
    uint32_t wire = htobe32(sequence);
    memcpy(data + IPFIX_SEQUENCE_AT, &wire, sizeof wire);
}

/* Fills in ENTRY and up to two PARTS of M; an IPFIX message gets its number in the file. Returns
 * the parts. */
static int prepare_message(struct spool_segment *segment, const struct spool_message *m,
                           struct spool_entry *entry, struct iovec *parts)
{
    *entry = (struct spool_entry){.octets = m->octets + m->more_octets,
                                  .records = (uint32_t)m->sums.records,
                                  .data_records = m->data_records,
                                  .counted = m->counted,
                                  .packets = m->sums.packets,
                                  .ip_octets = m->sums.ip_octets,
                                  .key = m->key,
                                  .partition = m->partition};
    if (segment->format == SPOOL_IPFIX) {
        entry->sequence = number_of(m->data);
        set_number(m->data, segment->sequence);
        segment->sequence += m->counted;
    }
    parts[0] = (struct iovec){m->data, m->octets};
    parts[1] = (struct iovec){m->more, m->more_octets};
    return m->more ? 2 : 1;
}

int segment_append(struct spool_segment *segment, const struct spool_message *messages,
                   uint32_t count)
{
    struct iovec parts[2 * SPOOL_APPEND_MAX];
    struct spool_entry entries[SPOOL_APPEND_MAX];
    struct spool_sums sums = segment->waiting;
    uint64_t octets = 0;
    uint64_t index_at = SPOOL_HEADER_OCTETS + (uint64_t)segment->messages * SPOOL_ENTRY_OCTETS;
    uint32_t sequence = segment->sequence;
    int part_count = 0;
    check(count <= SPOOL_APPEND_MAX);
    for (uint32_t i = 0; i < count; i++) {
        part_count += prepare_message(segment, &messages[i], &entries[i], &parts[part_count]);
        octets += entries[i].octets;
        spool_sums_add(&sums, &messages[i].sums);
    }
    struct iovec rows = {entries, count * sizeof entries[0]};
    if (write_all(segment->index, &rows, 1, rows.iov_len, index_at) == 0 &&
        write_all(segment->data, parts, part_count, octets, segment->octets) == 0) {
        segment->octets += octets;
        segment->messages += count;
        segment->waiting = sums;
        return 0;
    }
    int number = errno;
    segment->sequence = sequence;
    for (uint32_t i = 0; segment->format == SPOOL_IPFIX && i < count; i++)
        set_number(messages[i].data, entries[i].sequence);
    /* If this fails too, the next append writes over it, and whoever finds the file cuts it. */
    if (ftruncate(segment->data, (off_t)segment->octets) != 0 ||
        ftruncate(segment->index, (off_t)index_at) != 0)
        segment->sequence = sequence;
    errno = number;
    return -1;
}

/* Reads OCTETS at AT: 0, or -1 with errno. */
static int read_all(int fd, void *to, size_t octets, uint64_t at)
{
    ssize_t got;
    do
        got = pread(fd, to, octets, (off_t)at);
    while (got < 0 && errno == EINTR);
    if (got >= 0 && (size_t)got == octets)
        return 0;
    errno = got < 0 ? errno : EIO;
    return -1;
}

/* Whether HEADER can be that of a message with OCTETS. */
static bool is_message(const uint8_t header[IPFIX_HEADER_OCTETS], uint32_t octets)
{
    return header[0] == 0 && header[1] == IPFIX_VERSION &&
           (uint32_t)(header[2] << 8 | header[3]) == octets;
}

/* Whether OCTETS of DATA are LINES lines, each with its line feed and none of more than its part of
 * OCTETS_MAX. */
static bool is_lines(const uint8_t *data, uint32_t octets, uint32_t lines, uint32_t octets_max)
{
    while (octets) {
        const uint8_t *feed = memchr(data, '\n', octets);
        if (!feed || lines == 0 || feed + 1 - data > octets_max / SPOOL_LINES_MAX)
            return false;
        lines--;
        octets -= (uint32_t)(feed + 1 - data);
        data = feed + 1;
    }
    return lines == 0;
}

/* Whether what was read is what ENTRY tells, as far as can be seen. */
static bool is_whole(const struct spool_segment *segment, const struct spool_entry *entry,
                     const uint8_t *data, uint32_t octets_max)
{
    if (segment->format == SPOOL_IPFIX)
        return entry->octets >= IPFIX_HEADER_OCTETS && is_message(data, entry->octets);
    return entry->data_records <= SPOOL_LINES_MAX &&
           is_lines(data, entry->octets, entry->data_records, octets_max);
}

static int read_entries(const struct spool_segment *segment, uint32_t first, uint32_t count,
                        struct spool_entry *entries)
{
    return read_all(segment->index, entries, count * sizeof *entries,
                    SPOOL_HEADER_OCTETS + (uint64_t)first * SPOOL_ENTRY_OCTETS);
}

static void add_entry(struct spool_sums *sums, const struct spool_entry *entry)
{
    const struct spool_sums more = {entry->records, entry->packets, entry->ip_octets};
    spool_sums_add(sums, &more);
}

int segment_load(struct spool_segment *segment, struct spool_message *message, uint8_t *data,
                 uint32_t octets_max)
{
    struct spool_entry entry;
    if (read_entries(segment, segment->loaded, 1, &entry) != 0)
        return -1;
    errno = EIO;
    /* What the entry says was added to what waits when it was written or found. */
    if (entry.octets > octets_max || entry.octets == 0 ||
        entry.records > segment->waiting.records || entry.packets > segment->waiting.packets ||
        entry.ip_octets > segment->waiting.ip_octets ||
        read_all(segment->data, data, entry.octets, segment->load_at) != 0)
        return -1;
    errno = EIO;
    if (!is_whole(segment, &entry, data, octets_max))
        return -1;
    if (segment->format == SPOOL_IPFIX)
        set_number(data, entry.sequence);
    *message = (struct spool_message){.data = data,
                                      .octets = entry.octets,
                                      .data_records = entry.data_records,
                                      .counted = entry.counted,
                                      .partition = entry.partition,
                                      .key = entry.key,
                                      .recovered = segment->recovered};
    add_entry(&message->sums, &entry);
    return 0;
}

void segment_mark(const struct spool_segment *segment)
{
    const uint32_t marks[2] = {segment->settled, segment->offered};
    struct iovec part = {(void *)(uintptr_t)marks, sizeof marks};
    if (segment->index >= 0)
        (void)write_all(segment->index, &part, 1, sizeof marks,
                        offsetof(struct spool_header, settled));
}

/* ---- what an earlier run left ---- */

int segment_read_header(int folder, const char *name, struct spool_header *header)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    bool ours = fd >= 0 && read_all(fd, header, sizeof *header, 0) == 0 &&
                memcmp(header->magic, spool_magic, sizeof spool_magic) == 0;
    bool other = ours && header->version != SPOOL_VERSION;
    bool good = ours && !other && header->format <= SPOOL_LINES &&
                header->settled <= header->offered && memchr(header->name, 0, SPOOL_NAME_OCTETS);
    if (fd >= 0)
        close(fd);
    return good ? 0 : other ? 1 : -1;
}

/* Walks over the entries. Stops before the first whose message is not there whole. */
static int walk_entries(struct spool_segment *segment, uint32_t count, uint64_t data_octets,
                        uint32_t message_octets, struct spool_sums *offered)
{
    struct spool_entry entries[ENTRIES_READ];
    for (uint32_t first = 0; first < count; first += ENTRIES_READ) {
        uint32_t some = count - first < ENTRIES_READ ? count - first : ENTRIES_READ;
        if (read_entries(segment, first, some, entries) != 0)
            return -1;
        for (uint32_t i = 0; i < some; i++) {
            const struct spool_entry *entry = &entries[i];
            uint8_t header[IPFIX_HEADER_OCTETS];
            bool tail = first + i + TAIL_MESSAGES >= count && segment->format == SPOOL_IPFIX;
            if (entry->octets == 0 || entry->octets > message_octets ||
                segment->octets + entry->octets > data_octets)
                return 0;
            if (tail && (read_all(segment->data, header, sizeof header, segment->octets) != 0 ||
                         !is_message(header, entry->octets)))
                return 0;
            segment->octets += entry->octets;
            segment->messages++;
            if (segment->messages <= segment->offered) {
                segment->settled_at = segment->octets;
                if (segment->messages > segment->settled)
                    add_entry(offered, entry);
            } else {
                add_entry(&segment->waiting, entry);
            }
        }
    }
    return 0;
}

int segment_recover(struct spool_segment *segment, const struct spool_header *header,
                    struct spool_sums *offered, bool *cut)
{
    struct stat data, index;
    if (fstat(segment->data, &data) != 0 || fstat(segment->index, &index) != 0)
        return -1;
    uint64_t rows = ((uint64_t)index.st_size - SPOOL_HEADER_OCTETS) / SPOOL_ENTRY_OCTETS;
    segment->octets = segment->prefix_octets = header->prefix_octets;
    segment->settled_at = segment->octets;
    segment->settled = header->settled;
    segment->offered = header->offered;
    segment->recovered = true;
    if (walk_entries(segment, (uint32_t)rows, (uint64_t)data.st_size, header->message_octets,
                     offered) != 0)
        return -1;
    segment->offered = segment->offered < segment->messages ? segment->offered : segment->messages;
    segment->loaded = segment->settled = segment->offered;
    segment->load_at = segment->settled_at;
    *cut = segment->messages != rows || segment->octets != (uint64_t)data.st_size;
    uint8_t time[IPFIX_HEADER_OCTETS];
    segment->first_s = (uint64_t)data.st_mtime;
    if (segment->format == SPOOL_IPFIX && segment->settled < segment->messages &&
        read_all(segment->data, time, sizeof time, segment->load_at) == 0) {
        uint32_t seconds;
        memcpy(&seconds, time + IPFIX_TIME_AT, sizeof seconds);
        segment->first_s = be32toh(seconds);
    }
    if (*cut)
        if (ftruncate(segment->data, (off_t)segment->octets) != 0 ||
            ftruncate(segment->index, (off_t)segment_octets(segment) - (off_t)segment->octets) != 0)
            return -1;
    return 0;
}
