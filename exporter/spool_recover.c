/*
 * What an earlier run left in the spool. See spool.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool_internal.h"

/* A new file must never have the name of one that is there, whoever wrote that. */
static void note_number(struct spool *spool, const char *name)
{
    const char *dash = strrchr(name, '-');
    unsigned long long number = dash ? strtoull(dash + 1, NULL, 10) : 0;
    if (number >= spool->next_number && number < UINT64_MAX)
        spool->next_number = number + 1;
}

/* Calls EACH for every index in the folder that has a header of ours. 0, or -1 with errno. */
static int each_index(struct spool *spool,
                      int (*each)(struct spool *, const struct spool_header *, void *),
                      void *context)
{
    int copy = openat(spool->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    int status = 0;
    if (!folder)
        return -1;
    spool->others = 0;
    for (const struct dirent *entry; status == 0 && (entry = readdir(folder)) != NULL;) {
        struct spool_header header;
        const char *suffix = strrchr(entry->d_name, '.');
        if (strncmp(entry->d_name, "spool-", 6) != 0 || !suffix || strcmp(suffix, ".index") != 0)
            continue;
        note_number(spool, entry->d_name);
        int read = segment_read_header(spool->folder, entry->d_name, &header);
        spool->others += read == 1;
        if (read == 0)
            status = each(spool, &header, context);
    }
    closedir(folder);
    return status;
}

struct search {
    struct spool_stream *stream;
    struct error *note;
};

static void tell_cut(const struct search *search, const struct spool_segment *segment)
{
    char name[64];
    segment_name(search->stream->header.identity, segment->number, segment->format, false, name,
                 sizeof name);
    error_set(search->note, "%.200s/%s: the last message was not written whole: cut off",
              search->stream->spool->directory, name);
}

/* Takes the file if it is of the stream. */
static int take(struct spool *spool, const struct spool_header *header, void *context)
{
    struct search *search = context;
    struct spool_stream *stream = search->stream;
    bool cut = false;
    if (memcmp(header->identity, stream->header.identity, MD5_OCTETS) != 0 ||
        header->format != stream->header.format || strcmp(header->name, stream->header.name) != 0 ||
        header->message_octets > stream->header.message_octets)
        return 0;
    struct spool_segment *segment = calloc(1, sizeof *segment);
    if (!segment)
        return -1;
    segment->number = header->number;
    segment->format = (enum spool_format)header->format;
    segment->data = segment->index = -1;
    bool good = segment_open(segment, spool->folder, header->identity) == 0 &&
                segment_recover(segment, header, &stream->losses.offered[1], &cut) == 0;
    segment_close(segment);
    if (!good && errno != ENOENT) {
        free(segment);
        return -1;
    }
    if (cut)
        tell_cut(search, segment);
    bool settled = header->settled >= segment->messages; /* it was before */
    if (!good || settled) {
        segment_remove(segment, spool->folder, header->identity);
        free(segment);
        return 0;
    }
    stream->found += segment->waiting.records;
    spool_insert(stream, segment);
    return 0;
}

int spool_recover(struct spool_stream *stream, struct error *note, struct error *error)
{
    struct search search = {stream, note};
    int status = each_index(stream->spool, take, &search);
    stream->found += stream->losses.offered[1].records;
    if (status != 0)
        error_set(error, "--spool %.200s: cannot be read: %s", stream->spool->directory,
                  strerror(errno));
    return status;
}

/* ---- files of others ---- */

struct strangers {
    uint64_t files;
    char name[SPOOL_NAME_OCTETS]; /* of the last one's destination */
};

static int count_stranger(struct spool *spool, const struct spool_header *header, void *context)
{
    struct strangers *strangers = context;
    for (uint32_t i = 0; i < spool->stream_count; i++) {
        const struct spool_header *own = &spool->streams[i]->header;
        if (memcmp(header->identity, own->identity, MD5_OCTETS) == 0 &&
            header->message_octets <= own->message_octets)
            return 0;
    }
    strangers->files++;
    memcpy(strangers->name, header->name, sizeof strangers->name);
    return 0;
}

void spool_tell_strangers(struct spool *spool, struct error *note)
{
    struct strangers strangers = {0};
    note->text[0] = 0;
    if (each_index(spool, count_stranger, &strangers) != 0)
        return;
    if (spool->others)
        error_set(note,
                  "--spool %.200s: %llu files are of another version of spanflowd: left alone; let "
                  "that version send them, or read or remove them",
                  spool->directory, (unsigned long long)spool->others);
    if (!strangers.files)
        return;
    char others[64] = "";
    if (spool->others)
        snprintf(others, sizeof others, " (and %llu of another version)",
                 (unsigned long long)spool->others);
    error_set(
        note,
        "--spool %.100s: %llu files are of destinations that are not configured as they were, "
        "such as %.150s%s: left alone; read them with a reader of IPFIX files or of lines of "
        "JSON, or remove them",
        spool->directory, (unsigned long long)strangers.files, strangers.name, others);
}
