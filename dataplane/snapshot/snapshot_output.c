/* Output files of extractions. See snapshot_output.h. */
#include "snapshot/snapshot_output.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_pcapng.h"

enum {
    BUFFER_OCTETS = 1 << 20,
    RESULT_OCTETS = 2048, /* of the comment that is written over */
    INTERFACE_NONE = 0    /* numbers in the file are kept plus one */
};

struct snapshot_output {
    int file;
    bool published;
    char *path;
    char *hidden;
    char *software, *question, *notice;
    size_t head_octets;
    uint64_t written; /* in the file */
    size_t waiting;   /* in the buffer */
    uint8_t *buffer;
    uint32_t *interfaces; /* number in the file by number of the query, plus one */
    uint32_t interface_room;
    uint32_t interface_count; /* in the file */
};

static bool failed(const struct snapshot_output *output, const char *what, struct error *error)
{
    error_set(error, "%s: cannot %s: %s", output->path, what, strerror(errno));
    return false;
}

/* The first block with RESULT, padded with blanks to the same size always. */
static bool make_head(const struct snapshot_output *output, const char *result,
                      struct snapshot_chunk *chunk)
{
    char padded[RESULT_OCTETS + 1];
    size_t length = strnlen(result, RESULT_OCTETS);
    memset(padded, ' ', RESULT_OCTETS);
    memcpy(padded, result, length);
    padded[RESULT_OCTETS] = 0;
    const struct snapshot_section section = {
        .application = output->software,
        .comments = {output->question, padded, output->notice, NULL}};
    memset(chunk, 0, sizeof *chunk);
    snapshot_add_section(chunk, &section);
    return !chunk->failed;
}

static bool write_all(int file, const uint8_t *data, size_t octets, uint64_t offset)
{
    while (octets > 0) {
        ssize_t done = pwrite(file, data, octets, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            errno = done == 0 ? ENOSPC : errno;
            return false;
        }
        data += done;
        octets -= (size_t)done;
        offset += (uint64_t)done;
    }
    return true;
}

static bool flush(struct snapshot_output *output, struct error *error)
{
    if (!write_all(output->file, output->buffer, output->waiting, output->written))
        return failed(output, "write", error);
    output->written += output->waiting;
    output->waiting = 0;
    return true;
}

/* OCTETS at the end of the buffer; NULL with ERROR if the disk does not take what is before. */
static uint8_t *room_for(struct snapshot_output *output, size_t octets, struct error *error)
{
    if (octets > BUFFER_OCTETS) {
        error_set(error, "%s: a packet of %zu octets is too long", output->path, octets);
        return NULL;
    }
    if (output->waiting + octets > BUFFER_OCTETS && !flush(output, error))
        return NULL;
    uint8_t *room = output->buffer + output->waiting;
    output->waiting += octets;
    return room;
}

static bool write_head(struct snapshot_output *output, struct error *error)
{
    struct snapshot_chunk chunk;
    bool good = make_head(output, "outcome: not complete", &chunk);
    if (!good)
        error_set(error, "%s: no memory", output->path);
    output->head_octets = chunk.octets;
    uint8_t *room = good ? room_for(output, chunk.octets, error) : NULL;
    if (room)
        memcpy(room, chunk.data, chunk.octets);
    snapshot_chunk_clear(&chunk);
    return room != NULL;
}

/* ".NAME" beside PATH; NULL: no memory. */
static char *hidden_path(const char *path)
{
    char *hidden = NULL;
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    return asprintf(&hidden, "%.*s.%s", (int)folder, path, path + folder) < 0 ? NULL : hidden;
}

struct snapshot_output *snapshot_output_create(const char *path,
                                               const struct snapshot_output_head *head,
                                               struct error *error)
{
    struct snapshot_output *output = calloc(1, sizeof *output);
    if (!output) {
        error_set(error, "%s: no memory", path);
        return NULL;
    }
    output->file = -1;
    output->path = strdup(path);
    output->hidden = hidden_path(path);
    output->software = strdup(head->software ? head->software : "");
    output->question = strdup(head->question ? head->question : "");
    output->notice = strdup(head->notice ? head->notice : "");
    output->buffer = malloc(BUFFER_OCTETS);
    bool good = output->path && output->hidden && output->software && output->question &&
                output->notice && output->buffer;
    if (!good) {
        error_set(error, "%s: no memory", path);
    } else if (access(path, F_OK) == 0) {
        error_set(error, "%s: exists already; nothing is overwritten", path);
        good = false;
    } else {
        output->file = open(output->hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        good = output->file >= 0 ? write_head(output, error)
                                 : failed(output, "begin its hidden file", error);
    }
    if (!good) {
        snapshot_output_close(output);
        return NULL;
    }
    return output;
}

/* The number in the file of the query's interface NUMBER, described there when it is new. */
static bool interface_of(struct snapshot_output *output, uint32_t number,
                         const struct snapshot_query_interface *interface, uint32_t *in_file,
                         struct error *error)
{
    if (number >= output->interface_room) {
        uint32_t room = number + 64;
        uint32_t *grown = realloc(output->interfaces, room * sizeof *grown);
        if (!grown) {
            error_set(error, "%s: no memory", output->path);
            return false;
        }
        memset(grown + output->interface_room, 0, (room - output->interface_room) * sizeof *grown);
        output->interfaces = grown;
        output->interface_room = room;
    }
    if (output->interfaces[number] == INTERFACE_NONE) {
        struct snapshot_segment_interface described = {.link_type = interface->link_type};
        snprintf(described.name, sizeof described.name, "%s", interface->name);
        struct snapshot_chunk chunk = {0};
        snapshot_add_interface(&chunk, &described);
        uint8_t *room = chunk.failed ? NULL : room_for(output, chunk.octets, error);
        if (room)
            memcpy(room, chunk.data, chunk.octets);
        else if (chunk.failed)
            error_set(error, "%s: no memory", output->path);
        snapshot_chunk_clear(&chunk);
        if (!room)
            return false;
        output->interfaces[number] = ++output->interface_count;
    }
    *in_file = output->interfaces[number] - 1;
    return true;
}

bool snapshot_output_packet(struct snapshot_output *output, const struct snapshot_kept *packet,
                            const struct snapshot_query_interface *interface, struct error *error)
{
    struct snapshot_packet written = {.captured_length = packet->captured_length,
                                      .original_length = packet->wire_length,
                                      .time_ns = packet->time_ns,
                                      .flow_id = packet->flow_id,
                                      .data = packet->data};
    if (!interface_of(output, packet->interface, interface, &written.interface, error))
        return false;
    uint8_t *room = room_for(output, snapshot_epb_octets(packet->captured_length), error);
    if (room)
        snapshot_epb_write(room, &written);
    return room != NULL;
}

uint64_t snapshot_output_octets(const struct snapshot_output *output)
{
    return output->written + output->waiting;
}

/* The hash of the whole file as the disk has it. */
static bool hash_file(struct snapshot_output *output, char sha256[65], struct error *error)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (uint64_t at = 0; good && at < output->written;) {
        ssize_t done = pread(output->file, output->buffer, BUFFER_OCTETS, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            EVP_MD_CTX_free(context);
            return failed(output, "read it again", error);
        }
        good = EVP_DigestUpdate(context, output->buffer, (size_t)done) == 1;
        at += (uint64_t)done;
    }
    uint8_t digest[EVP_MAX_MD_SIZE];
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    for (unsigned i = 0; good && i < 32; i++)
        snprintf(sha256 + 2 * i, 3, "%02x", digest[i]);
    if (!good)
        error_set(error, "%s: SHA-256 failed", output->path);
    return good;
}

bool snapshot_output_finish(struct snapshot_output *output, const char *result, char sha256[65],
                            struct error *error)
{
    /* libpcap takes a file without any interface for a broken one. */
    static const struct snapshot_query_interface none = {.name = "", .link_type = 1};
    uint32_t number;
    if (output->interface_count == 0 && !interface_of(output, 0, &none, &number, error))
        return false;
    if (!flush(output, error))
        return false;
    struct snapshot_chunk chunk;
    bool good = make_head(output, result, &chunk) && chunk.octets == output->head_octets;
    if (!good)
        error_set(error, "%s: no memory", output->path);
    else if (!write_all(output->file, chunk.data, chunk.octets, 0) || fsync(output->file) != 0)
        good = failed(output, "write", error);
    snapshot_chunk_clear(&chunk);
    return good && hash_file(output, sha256, error);
}

bool snapshot_output_publish(struct snapshot_output *output, struct error *error)
{
    bool good = fchmod(output->file, 0640) == 0 || errno == EPERM; /* not every disk has modes */
    if (good && renameat2(AT_FDCWD, output->hidden, AT_FDCWD, output->path, RENAME_NOREPLACE) != 0)
        good = errno == EINVAL && access(output->path, F_OK) != 0 &&
               rename(output->hidden, output->path) == 0; /* a file system that knows no flags */
    if (!good)
        return failed(output, "give it its name", error);
    output->published = true;
    return true;
}

void snapshot_output_close(struct snapshot_output *output)
{
    if (!output)
        return;
    if (output->file >= 0) {
        if (!output->published)
            unlink(output->hidden);
        close(output->file);
    }
    free(output->path);
    free(output->hidden);
    free(output->software);
    free(output->question);
    free(output->notice);
    free(output->buffer);
    free(output->interfaces);
    free(output);
}
