/* Segments of the replay log, in files or in memory. Owned by notifications.c. */
#include "replay_log.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 32, SEGMENTS_WANTED = 8, HEAD_OCTETS = 16, RECORD_HEAD_OCTETS = 16 };

static const char segment_name[8] = "SFNOTIF1";

struct segment {
    uint64_t number;
    uint64_t octets; /* up to the end of the last good record */
    int file;
};

struct replay_log {
    int folder; /* -1: in memory */
    uint64_t octets_max;
    uint64_t created_ns;
    uint64_t damaged;
    struct segment segments[SEGMENTS_MAX]; /* oldest first */
    size_t segment_count;
    uint64_t next_number;
};

struct record_head {
    uint32_t length;
    uint32_t checksum;
    uint64_t time;
};

/* CRC-32 of IEEE 802.3, bit by bit: events are few. */
static uint32_t checksum_add(uint32_t sum, const void *octets, size_t length)
{
    const uint8_t *at = octets;
    for (; length; length--) {
        sum ^= *at++;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (0xedb88320U & -(sum & 1));
    }
    return sum;
}

static uint32_t checksum(uint64_t time_big_endian, const char *text, size_t length)
{
    uint32_t sum = checksum_add(UINT32_MAX, &time_big_endian, sizeof time_big_endian);
    return ~checksum_add(sum, text, length);
}

static void name_of(uint64_t number, char name[32])
{
    snprintf(name, 32, "%020llu.log", (unsigned long long)number);
}

static void remove_oldest(struct replay_log *log)
{
    struct segment *oldest = &log->segments[0];
    char name[32];
    name_of(oldest->number, name);
    close(oldest->file);
    if (log->folder >= 0)
        unlinkat(log->folder, name, 0);
    memmove(oldest, oldest + 1, --log->segment_count * sizeof *oldest);
}

uint64_t replay_log_octets(const struct replay_log *log)
{
    uint64_t octets = 0;
    for (size_t i = 0; i < log->segment_count; i++)
        octets += log->segments[i].octets;
    return octets;
}

/* Removes old segments until OCTETS more are within the bound; the newest too if it must be. */
static void make_room(struct replay_log *log, uint64_t octets)
{
    while (log->segment_count && replay_log_octets(log) + octets > log->octets_max)
        remove_oldest(log);
}

/* Opens the file of a new segment, with its head written; -1 with errno. */
static int make_file(const struct replay_log *log, uint64_t number)
{
    char head[HEAD_OCTETS];
    char name[32];
    uint64_t created = htobe64(log->created_ns);
    name_of(number, name);
    int file = log->folder < 0 ? memfd_create("notifications", MFD_CLOEXEC)
                               : openat(log->folder, name,
                                        O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    memcpy(head, segment_name, sizeof segment_name);
    memcpy(head + sizeof segment_name, &created, sizeof created);
    if (file >= 0 && pwrite(file, head, sizeof head, 0) == (ssize_t)sizeof head)
        return file;
    if (file >= 0) {
        close(file);
        if (log->folder >= 0)
            unlinkat(log->folder, name, 0);
    }
    return -1;
}

static bool add_segment(struct replay_log *log)
{
    if (log->segment_count == SEGMENTS_MAX)
        remove_oldest(log);
    int file = make_file(log, log->next_number);
    if (file < 0)
        return false;
    log->segments[log->segment_count++] = (struct segment){log->next_number++, HEAD_OCTETS, file};
    return true;
}

/* The record at OFFSET of SEGMENT in *RECORD, whose text is NULL if there was no memory. Returns
 * its octets, 0 if there is no good one. LIMIT is where the segment ends. */
static uint64_t read_record(const struct segment *segment, uint64_t offset, uint64_t limit,
                            struct replay_record *record)
{
    struct record_head head;
    record->text = NULL;
    if (offset + RECORD_HEAD_OCTETS > limit ||
        pread(segment->file, &head, sizeof head, (off_t)offset) != (ssize_t)sizeof head)
        return 0;
    uint64_t length = be32toh(head.length);
    if (length > limit - offset - RECORD_HEAD_OCTETS)
        return 0;
    record->text = malloc(length + 1);
    if (!record->text)
        return RECORD_HEAD_OCTETS + length;
    record->text[length] = 0;
    record->time_ns = be64toh(head.time);
    ssize_t got = pread(segment->file, record->text, length, (off_t)(offset + RECORD_HEAD_OCTETS));
    if (got == (ssize_t)length &&
        checksum(head.time, record->text, length) == be32toh(head.checksum))
        return RECORD_HEAD_OCTETS + length;
    free(record->text);
    record->text = NULL;
    return 0;
}

/* Finds the end of the last good record of SEGMENT, which is OCTETS long, and cuts off the rest. */
static void cut_tail(struct replay_log *log, struct segment *segment, uint64_t octets)
{
    struct replay_record record;
    uint64_t offset = HEAD_OCTETS;
    uint64_t length;
    while ((length = read_record(segment, offset, octets, &record)) != 0) {
        free(record.text);
        offset += length;
    }
    segment->octets = offset;
    if (offset == octets)
        return;
    log->damaged++;
    if (ftruncate(segment->file, (off_t)offset) != 0)
        segment->octets = octets; /* readers stop at the damage; the next record comes behind it */
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The numbers of the segments in the folder, in order; at most MAX of the newest. */
static size_t list_segments(struct replay_log *log, uint64_t *numbers, size_t max)
{
    size_t count = 0;
    int copy = openat(log->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        char *end;
        errno = 0;
        uint64_t number = strtoull(entry->d_name, &end, 10);
        if (strlen(entry->d_name) != 24 || end != entry->d_name + 20 || strcmp(end, ".log") != 0 ||
            errno)
            continue;
        if (count == max) {
            qsort(numbers, count, sizeof *numbers, by_number);
            if (number <= numbers[0])
                continue;
            memmove(numbers, numbers + 1, --count * sizeof *numbers);
        }
        numbers[count++] = number;
    }
    if (folder)
        closedir(folder);
    else if (copy >= 0)
        close(copy);
    qsort(numbers, count, sizeof *numbers, by_number);
    return count;
}

/* Takes up the file of the segment NUMBER; one that is none is removed. */
static void take_segment(struct replay_log *log, uint64_t number)
{
    char head[HEAD_OCTETS];
    char name[32];
    struct stat status;
    name_of(number, name);
    int file = openat(log->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
        pread(file, head, sizeof head, 0) != (ssize_t)sizeof head ||
        memcmp(head, segment_name, sizeof segment_name) != 0) {
        close(file);
        unlinkat(log->folder, name, 0);
        log->damaged++;
        return;
    }
    uint64_t created;
    memcpy(&created, head + sizeof segment_name, sizeof created);
    log->created_ns = be64toh(created);
    log->segments[log->segment_count++] = (struct segment){number, (uint64_t)status.st_size, file};
    log->next_number = number + 1;
}

static bool open_folder(struct replay_log *log, const char *folder, struct error *error)
{
    uint64_t numbers[SEGMENTS_MAX];
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        error_set(error, "%s: cannot be made: %s; the log of notifications belongs there", folder,
                  strerror(errno));
        return false;
    }
    log->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->folder < 0) {
        error_set(error, "%s: cannot be opened: %s; the log of notifications belongs there", folder,
                  strerror(errno));
        return false;
    }
    size_t count = list_segments(log, numbers, SEGMENTS_MAX);
    for (size_t i = 0; i < count; i++)
        take_segment(log, numbers[i]);
    if (log->segment_count) {
        struct segment *newest = &log->segments[log->segment_count - 1];
        cut_tail(log, newest, newest->octets);
    }
    make_room(log, 0);
    return true;
}

struct replay_log *replay_log_open(const char *folder, uint64_t octets_max, uint64_t now_ns,
                                   struct error *error)
{
    struct replay_log *log = calloc(1, sizeof *log);
    if (!log) {
        error_set(error, "no memory for the log of notifications");
        return NULL;
    }
    log->folder = -1;
    log->octets_max = octets_max;
    log->created_ns = now_ns;
    log->next_number = 1;
    if (!folder || open_folder(log, folder, error))
        return log;
    replay_log_close(log);
    return NULL;
}

void replay_log_close(struct replay_log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < log->segment_count; i++)
        close(log->segments[i].file);
    if (log->folder >= 0)
        close(log->folder);
    free(log);
}

void replay_log_set_bound(struct replay_log *log, uint64_t octets_max)
{
    log->octets_max = octets_max;
    make_room(log, 0);
}

bool replay_log_append(struct replay_log *log, uint64_t time_ns, const char *text)
{
    size_t length = strlen(text);
    uint64_t octets = RECORD_HEAD_OCTETS + length;
    if (length > UINT32_MAX || octets + HEAD_OCTETS > log->octets_max)
        return false;
    make_room(log, octets);
    struct segment *newest = log->segment_count ? &log->segments[log->segment_count - 1] : NULL;
    if (!newest || newest->octets + octets > log->octets_max / SEGMENTS_WANTED) {
        make_room(log, octets + HEAD_OCTETS);
        if (!add_segment(log))
            return false;
        newest = &log->segments[log->segment_count - 1];
    }
    char *record = malloc(octets);
    if (!record)
        return false;
    uint64_t time = htobe64(time_ns);
    const struct record_head head = {htobe32((uint32_t)length),
                                     htobe32(checksum(time, text, length)), time};
    memcpy(record, &head, sizeof head);
    memcpy(record + sizeof head, text, length);
    bool written = pwrite(newest->file, record, octets, (off_t)newest->octets) == (ssize_t)octets;
    free(record);
    if (written)
        newest->octets += octets;
    else if (ftruncate(newest->file, (off_t)newest->octets) != 0)
        log->damaged++;
    return written;
}

enum replay_result replay_log_read(struct replay_log *log, struct replay_position *position,
                                   struct replay_record *record)
{
    for (size_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = &log->segments[i];
        if (segment->number < position->segment)
            continue;
        if (segment->number > position->segment)
            *position = (struct replay_position){segment->number, HEAD_OCTETS};
        if (position->offset >= segment->octets)
            continue;
        uint64_t octets = read_record(segment, position->offset, segment->octets, record);
        if (octets && !record->text)
            return REPLAY_FAILED;
        if (octets) {
            position->offset += octets;
            return REPLAY_RECORD;
        }
        log->damaged++;
        /* Told once, unless it is in the newest, which grows behind the damage. */
        if (i + 1 < log->segment_count && ftruncate(segment->file, (off_t)position->offset) == 0)
            segment->octets = position->offset;
        position->offset = segment->octets;
    }
    return REPLAY_END;
}

struct replay_position replay_log_end(const struct replay_log *log)
{
    struct replay_position end = {0, 0};
    if (log->segment_count) {
        const struct segment *newest = &log->segments[log->segment_count - 1];
        end = (struct replay_position){newest->number, newest->octets};
    }
    return end;
}

uint64_t replay_log_created(const struct replay_log *log)
{
    return log->created_ns;
}

uint64_t replay_log_damaged(const struct replay_log *log)
{
    return log->damaged;
}
