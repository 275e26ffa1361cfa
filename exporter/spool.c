/*
 * Streams of the spool. See spool.h.
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "spool_internal.h"

enum {
    SEGMENTS_OF_SHARE = 16, /* a file that makes room is so much of a full stream */
    SEGMENT_OCTETS_MIN = 16 * 1024,
    SEGMENT_OCTETS_MAX = 64 * 1024 * 1024
};

/* *MADE: it was not there. */
static int open_folder(const char *directory, bool *made, struct error *error)
{
    *made = mkdir(directory, 0755) == 0;
    if (!*made && errno != EEXIST) {
        error_set(error, "--spool %.200s: %s", directory, strerror(errno));
        return -1;
    }
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        error_set(error, "--spool %.200s: cannot be written: %s", directory, strerror(errno));
        if (folder >= 0)
            close(folder);
        return -1;
    }
    if (flock(folder, LOCK_EX | LOCK_NB) == 0)
        return folder;
    if (errno == EWOULDBLOCK)
        error_set(error, "--spool %.200s: another spanflowd uses it; give each its own", directory);
    else
        error_set(error, "--spool %.200s: cannot lock it: %s", directory, strerror(errno));
    close(folder);
    return -1;
}

void spool_set_bound(struct spool *spool, uint64_t octets_max, uint32_t streams)
{
    spool->share = octets_max / (streams ? streams : 1);
    spool->segment_share = spool->share / SEGMENTS_OF_SHARE;
    if (spool->segment_share < SEGMENT_OCTETS_MIN)
        spool->segment_share = SEGMENT_OCTETS_MIN;
    if (spool->segment_share > SEGMENT_OCTETS_MAX)
        spool->segment_share = SEGMENT_OCTETS_MAX;
}

struct spool *spool_open(const char *directory, uint64_t octets_max, uint32_t streams,
                         struct error *error)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool) {
        error_set(error, "not enough memory for the spool");
        return NULL;
    }
    spool->folder = open_folder(directory, &spool->made, error);
    if (spool->folder < 0) {
        free(spool);
        return NULL;
    }
    snprintf(spool->directory, sizeof spool->directory, "%s", directory);
    spool_set_bound(spool, octets_max, streams);
    pthread_mutex_init(&spool->lock, NULL);
    spool->next_number = 1;
    return spool;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->made)
        rmdir(spool->directory);
    close(spool->folder);
    pthread_mutex_destroy(&spool->lock);
    free(spool);
}

bool spool_is_in(struct spool *spool, const char *directory)
{
    struct stat own, other;
    pthread_mutex_lock(&spool->lock);
    bool same = fstat(spool->folder, &own) == 0 && stat(directory, &other) == 0 &&
                own.st_dev == other.st_dev && own.st_ino == other.st_ino;
    pthread_mutex_unlock(&spool->lock);
    return same;
}

bool spool_is_left(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    bool left = spool->stream_count == 0;
    pthread_mutex_unlock(&spool->lock);
    return left;
}

/* ---- streams ---- */

const struct spool *spool_of(const struct spool_stream *stream)
{
    return stream->spool;
}

static void identify(struct spool_header *header, const struct spool_identity *identity)
{
    struct {
        char name[SPOOL_NAME_OCTETS];
        uint32_t domain, format;
        uint8_t prefix[MD5_OCTETS];
    } facts = {.domain = identity->domain, .format = identity->format};
    size_t length = strnlen(identity->name, sizeof facts.name - 1);
    memcpy(facts.name, identity->name, length);
    md5(identity->prefix, identity->prefix_octets, facts.prefix);
    md5((const uint8_t *)&facts, sizeof facts, header->identity);
    memcpy(header->name, facts.name, sizeof header->name);
    header->format = identity->format;
    header->message_octets = identity->message_octets;
    header->prefix_octets = identity->prefix_octets;
}

struct spool_stream *spool_stream_open(struct spool *spool, const struct spool_identity *identity,
                                       struct error *note, struct error *error)
{
    struct spool_stream *stream = calloc(1, sizeof *stream);
    uint8_t *prefix = malloc(identity->prefix_octets + 1);
    uint8_t *scratch = malloc(identity->message_octets);
    if (!stream || !prefix || !scratch) {
        free(stream);
        free(prefix);
        free(scratch);
        error_set(error, "%.200s: not enough memory for its spool", identity->name);
        return NULL;
    }
    stream->spool = spool;
    stream->prefix = prefix;
    stream->scratch = scratch;
    if (identity->prefix_octets)
        memcpy(prefix, identity->prefix, identity->prefix_octets);
    identify(&stream->header, identity);
    pthread_mutex_lock(&spool->lock);
    bool good = spool->stream_count < SPOOL_STREAMS_MAX;
    if (!good)
        error_set(error, "%.200s: too many destinations have files in the spool", identity->name);
    good = good && spool_recover(stream, note, error) == 0;
    if (good)
        spool->streams[spool->stream_count++] = stream;
    pthread_mutex_unlock(&spool->lock);
    if (good)
        return stream;
    spool_stream_close(stream);
    return NULL;
}

const struct spool_stream *spool_find(struct spool *spool, const struct spool_identity *identity)
{
    const struct spool_stream *found = NULL;
    struct spool_header header;
    memset(&header, 0, sizeof header);
    identify(&header, identity);
    pthread_mutex_lock(&spool->lock);
    for (uint32_t i = 0; i < spool->stream_count; i++)
        if (memcmp(spool->streams[i]->header.identity, header.identity, MD5_OCTETS) == 0)
            found = spool->streams[i];
    pthread_mutex_unlock(&spool->lock);
    return found;
}

/* Takes STREAM out of the list. */
static void forget(struct spool *spool, const struct spool_stream *stream)
{
    for (uint32_t i = 0; i < spool->stream_count; i++)
        if (spool->streams[i] == stream)
            spool->streams[i] = spool->streams[--spool->stream_count];
}

void spool_stream_close(struct spool_stream *stream)
{
    if (!stream)
        return;
    pthread_mutex_lock(&stream->spool->lock);
    forget(stream->spool, stream);
    while (stream->oldest) {
        struct spool_segment *segment = stream->oldest;
        stream->oldest = segment->next;
        if (stream->begun && segment->messages == segment->settled)
            segment_remove(segment, stream->spool->folder, stream->header.identity);
        segment_close(segment);
        free(segment);
    }
    pthread_mutex_unlock(&stream->spool->lock);
    free(stream->prefix);
    free(stream->scratch);
    free(stream);
}

void spool_insert(struct spool_stream *stream, struct spool_segment *segment)
{
    struct spool_segment **at = &stream->oldest;
    while (*at && (*at)->number < segment->number)
        at = &(*at)->next;
    segment->next = *at;
    *at = segment;
    if (!segment->next)
        stream->newest = segment;
    stream->octets += segment_octets(segment);
}

/* Takes SEGMENT out of the row and removes its files. */
static void remove_segment(struct spool_stream *stream, struct spool_segment *segment)
{
    struct spool_segment *before = NULL;
    for (struct spool_segment *s = stream->oldest; s != segment; s = s->next)
        before = s;
    if (before)
        before->next = segment->next;
    else
        stream->oldest = segment->next;
    if (stream->newest == segment)
        stream->newest = before;
    if (stream->writing == segment)
        stream->writing = NULL;
    stream->octets -= segment_octets(segment);
    segment_remove(segment, stream->spool->folder, stream->header.identity);
    free(segment);
}

void spool_begin(struct spool_stream *stream)
{
    stream->begun = true;
    pthread_mutex_lock(&stream->spool->lock);
    stream->spool->made = false;
    pthread_mutex_unlock(&stream->spool->lock);
    for (struct spool_segment *s = stream->oldest, *next; s; s = next) {
        next = s->next;
        if (s->settled == s->messages) {
            remove_segment(stream, s);
        } else if (segment_open(s, stream->spool->folder, stream->header.identity) == 0) {
            segment_mark(s);
            segment_close(s);
        }
    }
}

/* ---- appending ---- */

/* The oldest file that nothing is loaded from makes room. False: there is none but the one that is
 * written. */
static bool drop_oldest(struct spool_stream *stream)
{
    struct spool_segment *segment = stream->oldest;
    while (segment && segment->loaded > segment->settled)
        segment = segment->next;
    if (!segment || segment == stream->writing)
        return false;
    spool_sums_add(&stream->losses.full[segment->recovered], &segment->waiting);
    remove_segment(stream, segment);
    return true;
}

static void end_writing(struct spool_stream *stream)
{
    struct spool_segment *segment = stream->writing;
    stream->writing = NULL;
    if (segment && segment->messages == segment->settled)
        remove_segment(stream, segment);
    else if (segment && segment->loaded == segment->settled)
        segment_close(segment);
}

bool spool_stream_widen(struct spool_stream *stream, uint8_t *scratch, uint32_t message_octets)
{
    if (message_octets <= stream->header.message_octets)
        return false;
    end_writing(stream); /* its header says that none is longer */
    free(stream->scratch);
    stream->scratch = scratch;
    stream->header.message_octets = message_octets;
    return true;
}

/* Makes room for OCTETS. False: the bound does not permit it. */
static bool make_room(struct spool_stream *stream, uint64_t octets)
{
    while (stream->octets + octets > stream->spool->share)
        if (!drop_oldest(stream))
            return false;
    return true;
}

/* The folder is gone: makes it again. */
static bool reopen_folder(struct spool *spool)
{
    struct error ignored = {""};
    bool made;
    int folder = open_folder(spool->directory, &made, &ignored);
    if (folder < 0)
        return false;
    close(spool->folder);
    spool->folder = folder;
    return true;
}

static int create_segment(struct spool_stream *stream, struct spool_segment *segment)
{
    struct spool *spool = stream->spool;
    pthread_mutex_lock(&spool->lock);
    stream->header.number = spool->next_number;
    int status = segment_create(segment, spool->folder, &stream->header, stream->prefix);
    if (status != 0 && errno == ENOENT && reopen_folder(spool))
        status = segment_create(segment, spool->folder, &stream->header, stream->prefix);
    int number = errno;
    spool->next_number += status == 0;
    pthread_mutex_unlock(&spool->lock);
    errno = number;
    return status;
}

/* Begins a file. 0, or -1 with errno. */
static int begin_segment(struct spool_stream *stream)
{
    struct spool_segment *segment = calloc(1, sizeof *segment);
    if (!segment)
        return -1;
    if (create_segment(stream, segment) != 0) {
        int number = errno;
        free(segment);
        errno = number;
        return -1;
    }
    segment->first_s = (uint64_t)time(NULL);
    spool_insert(stream, segment);
    stream->writing = segment;
    return 0;
}

static uint64_t octets_on_disk(const struct spool_message *message)
{
    return (uint64_t)message->octets + message->more_octets + SPOOL_ENTRY_OCTETS;
}

/* How many of COUNT messages go into the file that is written; a first one always does. */
static uint32_t portion(const struct spool_stream *stream, const struct spool_message *messages,
                        uint32_t count, uint64_t *octets)
{
    uint64_t used = stream->writing ? segment_octets(stream->writing) : 0;
    uint32_t taken = 0;
    *octets = 0;
    while (taken < count) {
        uint64_t more = octets_on_disk(&messages[taken]);
        bool first = taken == 0 && (!stream->writing || stream->writing->messages == 0);
        if (!first && used + *octets + more > stream->spool->segment_share)
            break;
        *octets += more;
        taken++;
    }
    return taken;
}

uint32_t spool_append(struct spool_stream *stream, const struct spool_message *messages,
                      uint32_t count, struct error *error)
{
    uint64_t octets;
    uint32_t taken = portion(stream, messages, count, &octets);
    if (taken == 0) {
        end_writing(stream);
        taken = portion(stream, messages, count, &octets);
    }
    uint64_t begin =
        stream->writing ? 0 : SPOOL_HEADER_OCTETS + (uint64_t)stream->header.prefix_octets;
    if (!stream->writing && begin + octets > stream->spool->segment_share) {
        taken = 1;
        octets = octets_on_disk(&messages[0]);
    }
    if (!make_room(stream, begin + octets)) {
        end_writing(stream); /* so that this file can make room the next time */
        errno = 0;
        return 0;
    }
    if ((!stream->writing && begin_segment(stream) != 0) ||
        segment_append(stream->writing, messages, taken) != 0) {
        int number = errno ? errno : EIO;
        end_writing(stream);
        error_set(error, "the spool %.200s cannot be written: %s", stream->spool->directory,
                  strerror(number));
        errno = number;
        return 0;
    }
    stream->octets += octets;
    stream->appended_octets += octets;
    for (uint32_t i = 0; i < taken; i++)
        stream->appended_records += messages[i].sums.records;
    return taken;
}

/* ---- replay ---- */

static struct spool_segment *next_to_load(const struct spool_stream *stream)
{
    struct spool_segment *segment = stream->oldest;
    while (segment && segment->loaded == segment->messages)
        segment = segment->next;
    return segment;
}

bool spool_has_more(const struct spool_stream *stream)
{
    return next_to_load(stream) != NULL;
}

/* What is left of SEGMENT is lost. */
static void lose_rest(struct spool_stream *stream, struct spool_segment *segment)
{
    spool_sums_add(&stream->losses.failed[segment->recovered], &segment->waiting);
    segment->waiting = (struct spool_sums){0};
    stream->octets -= segment_octets(segment);
    segment->messages = segment->loaded;
    stream->octets += segment_octets(segment);
    if (stream->writing == segment)
        stream->writing = NULL;
    if (segment->settled == segment->messages)
        remove_segment(stream, segment);
}

/* What is left of SEGMENT cannot be read. */
static void give_up_segment(struct spool_stream *stream, struct spool_segment *segment,
                            struct error *error)
{
    char name[64];
    segment_name(stream->header.identity, segment->number, segment->format, false, name,
                 sizeof name);
    error_set(error, "%.200s/%s cannot be read: %s: %llu records are lost",
              stream->spool->directory, name, strerror(errno),
              (unsigned long long)segment->waiting.records);
    lose_rest(stream, segment);
}

bool spool_load(struct spool_stream *stream, struct spool_message *message, struct error *error)
{
    struct spool_segment *segment;
    while ((segment = next_to_load(stream)) != NULL) {
        if (segment == stream->writing)
            stream->writing = NULL; /* what comes goes into another file */
        bool open = segment->data >= 0 ||
                    segment_open(segment, stream->spool->folder, stream->header.identity) == 0;
        if (!open ||
            segment_load(segment, message, stream->scratch, stream->header.message_octets) != 0) {
            give_up_segment(stream, segment, error);
            continue;
        }
        segment->loaded++;
        segment->load_at += message->octets;
        segment->waiting.records -= message->sums.records;
        segment->waiting.packets -= message->sums.packets;
        segment->waiting.ip_octets -= message->sums.ip_octets;
        spool_sums_add(&segment->out, &message->sums);
        return true;
    }
    return false;
}

void spool_offer(struct spool_stream *stream, uint32_t count)
{
    for (struct spool_segment *s = stream->oldest; s && count; s = s->next) {
        uint32_t more = s->loaded - s->offered < count ? s->loaded - s->offered : count;
        if (!more)
            continue;
        s->offered += more;
        count -= more;
        segment_mark(s);
    }
    check(count == 0);
}

void spool_settle(struct spool_stream *stream, const struct spool_message *message)
{
    struct spool_segment *segment = stream->oldest;
    while (segment && segment->loaded == segment->settled)
        segment = segment->next;
    check(segment);
    segment->settled++;
    segment->settled_at += message->octets;
    segment->out.records -= message->sums.records;
    segment->out.packets -= message->sums.packets;
    segment->out.ip_octets -= message->sums.ip_octets;
    if (segment->offered < segment->settled)
        segment->offered = segment->settled;
    if (segment->settled == segment->messages)
        remove_segment(stream, segment);
    else
        segment_mark(segment);
}

void spool_rewind(struct spool_stream *stream)
{
    for (struct spool_segment *s = stream->oldest; s; s = s->next) {
        if (s->loaded == s->settled)
            continue;
        spool_sums_add(&s->waiting, &s->out);
        s->out = (struct spool_sums){0};
        s->loaded = s->offered = s->settled;
        s->load_at = s->settled_at;
        segment_mark(s);
        segment_close(s);
    }
}

/* ---- what others removed ---- */

static bool folder_is_there(const struct spool *spool)
{
    struct stat facts;
    return fstat(spool->folder, &facts) != 0 || facts.st_nlink > 0;
}

bool spool_check(struct spool_stream *stream, struct error *error)
{
    struct spool *spool = stream->spool;
    unsigned long long files = 0, records = 0;
    bool there = folder_is_there(spool);
    for (struct spool_segment *s = stream->oldest, *next; s; s = next) {
        next = s->next;
        if (s->loaded == s->messages || segment_is_whole(s, spool->folder, stream->header.identity))
            continue;
        files++;
        records += s->waiting.records;
        lose_rest(stream, s);
    }
    bool news = files || (!there && !stream->folder_gone);
    if (news)
        error_set(error, "the spool %.150s: %s gone: %llu files with %llu records are lost",
                  spool->directory, there ? "files are" : "the folder is", files, records);
    if (!there) {
        pthread_mutex_lock(&spool->lock);
        there = reopen_folder(spool);
        pthread_mutex_unlock(&spool->lock);
    }
    if (there && stream->folder_gone && !news)
        error_set(error, "the spool %.150s: the folder is there again", spool->directory);
    stream->folder_gone = !there;
    return there;
}

/* ---- what it holds ---- */

void spool_walk(const struct spool_stream *stream, struct spool_sums sums[2])
{
    sums[0] = sums[1] = (struct spool_sums){0};
    for (const struct spool_segment *s = stream->oldest; s; s = s->next)
        spool_sums_add(&sums[s->recovered], &s->waiting);
}

void spool_take_losses(struct spool_stream *stream, struct spool_losses *losses)
{
    *losses = stream->losses;
    stream->losses = (struct spool_losses){0};
}

uint64_t spool_found(const struct spool_stream *stream)
{
    return stream->found;
}

void spool_tell(const struct spool_stream *stream, struct spool_report *report)
{
    *report = (struct spool_report){.octets = stream->octets,
                                    .octets_max = stream->spool->share,
                                    .appended_octets = stream->appended_octets,
                                    .appended_records = stream->appended_records};
    for (const struct spool_segment *s = stream->oldest; s; s = s->next)
        report->files++;
    const struct spool_segment *oldest = next_to_load(stream);
    report->oldest_s = oldest ? oldest->first_s : 0;
}
