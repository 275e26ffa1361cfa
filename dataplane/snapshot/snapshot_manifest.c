/* The manifest as the store writes it. See snapshot_manifest_private.h. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_calls.h"
#include "snapshot/snapshot_manifest_private.h"

enum { MANIFEST_OCTETS_MAX = 256 << 20 }; /* more than it may ever have */
static const char new_name[] = ".manifest.new";

/* Writes the key to NAME, which must not be there: the private or the public half. */
static bool write_key(int folder, const char *name, EVP_PKEY *key, bool private)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, private ? 0600 : 0640);
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
    if (!stream) {
        if (file >= 0)
            close(file);
        return false;
    }
    bool good = private ? PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL) == 1
                        : PEM_write_PUBKEY(stream, key) == 1;
    good = fflush(stream) == 0 && fsync(file) == 0 && good;
    if (fclose(stream) != 0 || !good) {
        int cause = errno;
        unlinkat(folder, name, 0);
        errno = cause;
        return false;
    }
    return true;
}

/* A key that another start wrote; NULL with errno 0: the file holds none. */
static EVP_PKEY *read_key(int folder, const char *name)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *stream = file >= 0 ? fdopen(file, "r") : NULL;
    if (!stream) {
        if (file >= 0)
            close(file);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_PrivateKey(stream, NULL, NULL, NULL);
    fclose(stream);
    errno = 0;
    if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* Made under another name first, so that a start that is killed leaves no half key. */
static EVP_PKEY *make_key(int folder)
{
    static const char temporary[] = ".ring.key.new";
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    unlinkat(folder, temporary, 0);
    if (key && write_key(folder, temporary, key, true) &&
        renameat(folder, temporary, folder, SNAPSHOT_KEY_NAME) == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static bool open_key(struct snapshot_manifest *manifest, struct error *error)
{
    manifest->key = read_key(manifest->folder, SNAPSHOT_KEY_NAME);
    if (!manifest->key && errno == ENOENT)
        manifest->key = make_key(manifest->folder);
    if (!manifest->key) {
        error_set(error, "%s: %s; it signs the manifest", SNAPSHOT_KEY_NAME,
                  errno ? strerror(errno) : "is no Ed25519 key");
        return false;
    }
    if (faccessat(manifest->folder, SNAPSHOT_PUBLIC_NAME, F_OK, 0) != 0 &&
        !write_key(manifest->folder, SNAPSHOT_PUBLIC_NAME, manifest->key, false)) {
        error_set(error, "%s: %s", SNAPSHOT_PUBLIC_NAME, strerror(errno));
        return false;
    }
    return true;
}

struct snapshot_known *snapshot_manifest_find(struct snapshot_manifest *manifest, uint64_t number)
{
    size_t low = 0, high = manifest->known_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (manifest->known[middle].line.facts.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < manifest->known_count && manifest->known[low].line.facts.number == number)
        return &manifest->known[low];
    return NULL;
}

/* Takes a line into account; lines that have not the form are for snapshot_verify() to tell. */
static bool learn(struct snapshot_manifest *manifest, const struct snapshot_line *line)
{
    uint64_t number = line->facts.number;
    if (line->event == SNAPSHOT_EVENT_CONTINUED)
        return true;
    if (line->event != SNAPSHOT_EVENT_CLOSED) {
        struct snapshot_known *known = snapshot_manifest_find(manifest, number);
        if (known)
            known->gone = true;
        return true;
    }
    if (number <= manifest->number)
        return true; /* numbers grow; anything else was not written by us */
    manifest->number = number;
    if (manifest->known_count == manifest->known_room) {
        size_t room = manifest->known_room ? manifest->known_room * 2 : 256;
        struct snapshot_known *more = realloc(manifest->known, room * sizeof *more);
        if (!more)
            return false;
        manifest->known = more;
        manifest->known_room = room;
    }
    manifest->known[manifest->known_count++] = (struct snapshot_known){.line = *line};
    return true;
}

/* Learns from TEXT, cuts a torn end off the file. */
static bool learn_all(struct snapshot_manifest *manifest, const char *text, size_t octets,
                      struct error *note)
{
    size_t at = 0;
    const char *end;
    memset(manifest->last, '0', SNAPSHOT_HASH_TEXT - 1);
    while (at < octets && (end = memchr(text + at, '\n', octets - at))) {
        size_t length = (size_t)(end - text) - at;
        struct snapshot_line line;
        if (!snapshot_hash(text + at, length, manifest->last) ||
            (snapshot_line_read(text + at, length, &line) && !learn(manifest, &line)))
            return false;
        at += length + 1;
    }
    if (at < octets) {
        if (ftruncate(manifest->file, (off_t)at) != 0)
            return false;
        error_set(note, "%s: a torn last line of %zu octets was cut off", SNAPSHOT_MANIFEST_NAME,
                  octets - at);
    }
    manifest->octets = at;
    return true;
}

static bool read_all(struct snapshot_manifest *manifest, struct error *note)
{
    struct stat facts;
    if (fstat(manifest->file, &facts) != 0)
        return false;
    if (facts.st_size > MANIFEST_OCTETS_MAX) {
        errno = EFBIG;
        return false;
    }
    size_t octets = (size_t)facts.st_size, done = 0;
    char *text = malloc(octets + 1);
    while (text && done < octets) {
        ssize_t more = pread(manifest->file, text + done, octets - done, (off_t)done);
        if (more <= 0)
            break;
        done += (size_t)more;
    }
    bool good = text && done == octets && learn_all(manifest, text, octets, note);
    free(text);
    return good;
}

bool snapshot_manifest_open(struct snapshot_manifest *manifest, int folder, struct error *note,
                            struct error *error)
{
    memset(manifest, 0, sizeof *manifest);
    manifest->folder = folder;
    manifest->file = -1;
    if (!open_key(manifest, error))
        return false;
    manifest->file = openat(folder, SNAPSHOT_MANIFEST_NAME,
                            O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (manifest->file < 0 || !read_all(manifest, note)) {
        error_set(error, "%s: %s", SNAPSHOT_MANIFEST_NAME, strerror(errno));
        snapshot_manifest_close(manifest);
        return false;
    }
    return true;
}

void snapshot_manifest_forget(struct snapshot_manifest *manifest)
{
    free(manifest->known);
    manifest->known = NULL;
    manifest->known_count = manifest->known_room = 0;
}

void snapshot_manifest_close(struct snapshot_manifest *manifest)
{
    snapshot_manifest_forget(manifest);
    EVP_PKEY_free(manifest->key);
    manifest->key = NULL;
    if (manifest->file >= 0)
        close(manifest->file);
    manifest->file = -1;
}

/* All of TEXT at the end of the file, or nothing: what was written of it is cut off again. */
static bool append_text(struct snapshot_manifest *manifest, const char *text, size_t octets)
{
    ssize_t done = snapshot_calls.pwrite(manifest->file, text, octets, (off_t)manifest->octets);
    int cause = done < 0 ? errno : ENOSPC;
    if (done == (ssize_t)octets && snapshot_calls.fdatasync(manifest->file) == 0)
        return true;
    if (done == (ssize_t)octets)
        cause = errno;
    if (ftruncate(manifest->file, (off_t)manifest->octets) != 0)
        cause = errno;
    errno = cause;
    return false;
}

bool snapshot_manifest_append(struct snapshot_manifest *manifest, struct snapshot_line *line)
{
    char text[SNAPSHOT_LINE_MAX];
    memcpy(line->previous, manifest->last, sizeof line->previous);
    errno = ENOMEM;
    size_t octets = snapshot_line_write(line, manifest->key, text);
    char hash[SNAPSHOT_HASH_TEXT];
    if (!octets || !snapshot_hash(text, octets - 1, hash) || !append_text(manifest, text, octets))
        return false;
    memcpy(manifest->last, hash, sizeof hash);
    manifest->octets += octets;
    if (line->facts.number > manifest->number)
        manifest->number = line->facts.number;
    return true;
}

/* Where the first line about a segment from NUMBER on begins, and the hash of the one before. */
static size_t find_kept(const char *text, size_t octets, uint64_t number,
                        char hash[SNAPSHOT_HASH_TEXT])
{
    size_t at = 0;
    const char *end;
    while (at < octets && (end = memchr(text + at, '\n', octets - at))) {
        size_t length = (size_t)(end - text) - at;
        struct snapshot_line line;
        bool read = snapshot_line_read(text + at, length, &line);
        if (read && line.event != SNAPSHOT_EVENT_CONTINUED && line.facts.number >= number)
            break;
        if (!snapshot_hash(text + at, length, hash))
            return 0;
        at += length + 1;
    }
    return at;
}

/* The new file: a line that says where it goes on, then TEXT. */
static int write_new(struct snapshot_manifest *manifest, const char *hash, uint64_t number,
                     uint64_t now_ns, const char *text, size_t octets, size_t *first_octets)
{
    struct snapshot_line line = {.event = SNAPSHOT_EVENT_CONTINUED, .at_ns = now_ns};
    char first[SNAPSHOT_LINE_MAX];
    line.facts.number = number;
    memcpy(line.previous, hash, sizeof line.previous);
    *first_octets = snapshot_line_write(&line, manifest->key, first);
    unlinkat(manifest->folder, new_name, 0);
    int file =
        openat(manifest->folder, new_name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (file < 0)
        return -1;
    size_t done = 0;
    bool good = *first_octets && write(file, first, *first_octets) == (ssize_t)*first_octets;
    while (good && done < octets) {
        ssize_t more = write(file, text + done, octets - done);
        good = more > 0;
        done += good ? (size_t)more : 0;
    }
    if (good && fsync(file) == 0 &&
        renameat(manifest->folder, new_name, manifest->folder, SNAPSHOT_MANIFEST_NAME) == 0)
        return file;
    int cause = errno;
    close(file);
    unlinkat(manifest->folder, new_name, 0);
    errno = cause;
    return -1;
}

bool snapshot_manifest_trim(struct snapshot_manifest *manifest, uint64_t number, uint64_t now_ns,
                            uint64_t octets_max)
{
    if (manifest->octets <= octets_max)
        return true;
    size_t octets = (size_t)manifest->octets, first_octets = 0;
    char hash[SNAPSHOT_HASH_TEXT];
    char *text = malloc(octets);
    int file = -1;
    if (text && pread(manifest->file, text, octets, 0) == (ssize_t)octets) {
        size_t kept = find_kept(text, octets, number, hash);
        /* Not worth it for a few lines: what is dropped is at least half. */
        if (kept < octets / 2) {
            free(text);
            return true;
        }
        file = write_new(manifest, hash, number, now_ns, text + kept, octets - kept, &first_octets);
        octets -= kept;
    }
    free(text);
    if (file < 0)
        return false;
    close(manifest->file);
    manifest->file = file;
    manifest->octets = first_octets + octets;
    return snapshot_calls.fdatasync(manifest->folder) == 0;
}
