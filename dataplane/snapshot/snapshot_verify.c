/*
 * Verification of a ring or a copy of it. See snapshot_manifest.h. Reads the manifest once as a
 * whole to know what is gone, and then goes through its lines in order, each with its segment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_manifest.h"
#include "snapshot/snapshot_manifest_line.h"

enum { READ_OCTETS = 1 << 20, MANIFEST_OCTETS_MAX = 256 << 20, TORN_TRIES = 3 };

/* What lines say of a segment. */
struct claim {
    uint64_t number;
    bool closed, gone;
};

struct verify {
    int folder;
    EVP_PKEY *key;
    char *text;
    size_t octets;
    struct claim *claims; /* by number */
    size_t claim_count;
    snapshot_break_function *tell;
    void *context;
    const _Atomic bool *stop;
    _Atomic uint64_t *done_octets;
    struct snapshot_verification *result;
};

const char *snapshot_verdict_name(enum snapshot_verdict verdict)
{
    static const char *const names[] = {
        [SNAPSHOT_VERIFIED] = "verified",         [SNAPSHOT_NO_MANIFEST] = "no manifest",
        [SNAPSHOT_LINE_BROKEN] = "line broken",   [SNAPSHOT_SIGNATURE_BAD] = "bad signature",
        [SNAPSHOT_CHAIN_BROKEN] = "chain broken", [SNAPSHOT_SEGMENT_MISSING] = "missing",
        [SNAPSHOT_SEGMENT_CHANGED] = "changed",   [SNAPSHOT_SEGMENT_UNKNOWN] = "unknown",
        [SNAPSHOT_STOPPED] = "stopped",
    };
    return names[verdict];
}

static void broken(struct verify *verify, enum snapshot_verdict verdict, uint64_t line,
                   uint64_t number, const char *name, const char *text)
{
    struct snapshot_verification *result = verify->result;
    if (!result->breaks++) {
        result->verdict = verdict;
        result->line = line;
        result->number = number;
        snprintf(result->name, sizeof result->name, "%s", name);
    }
    result->missing += verdict == SNAPSHOT_SEGMENT_MISSING;
    result->changed += verdict == SNAPSHOT_SEGMENT_CHANGED;
    result->unknown += verdict == SNAPSHOT_SEGMENT_UNKNOWN;
    struct error whole;
    if (line)
        error_set(&whole, "%s line %" PRIu64 ": %s%s%s", SNAPSHOT_MANIFEST_NAME, line, name,
                  name[0] ? ": " : "", text);
    else
        error_set(&whole, "%s: %s", name, text);
    if (verify->tell)
        verify->tell(verify->context, verdict, whole.text);
}

static bool stopped(const struct verify *verify)
{
    return verify->stop && atomic_load_explicit(verify->stop, memory_order_relaxed);
}

static EVP_PKEY *read_public(int folder, const char *path)
{
    int file = path ? open(path, O_RDONLY | O_CLOEXEC)
                    : openat(folder, SNAPSHOT_PUBLIC_NAME, O_RDONLY | O_CLOEXEC);
    FILE *stream = file >= 0 ? fdopen(file, "r") : NULL;
    if (!stream) {
        if (file >= 0)
            close(file);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_PUBKEY(stream, NULL, NULL, NULL);
    fclose(stream);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* The manifest as it is now; NULL: cannot be read. The caller frees it. */
static char *read_manifest(int folder, size_t *octets)
{
    struct stat facts;
    int file = openat(folder, SNAPSHOT_MANIFEST_NAME, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    char *text = NULL;
    *octets = 0;
    if (fstat(file, &facts) == 0 && facts.st_size <= MANIFEST_OCTETS_MAX)
        text = malloc((size_t)facts.st_size + 1);
    while (text && *octets < (size_t)facts.st_size) {
        ssize_t more = read(file, text + *octets, (size_t)facts.st_size - *octets);
        if (more <= 0)
            break;
        *octets += (size_t)more;
    }
    close(file);
    return text;
}

static int by_number(const void *a, const void *b)
{
    const struct claim *one = a, *other = b;
    return one->number < other->number ? -1 : one->number > other->number;
}

/* Whether a signed line of TEXT says that the segment is gone. */
static bool said_gone(const struct verify *verify, const char *text, size_t octets, uint64_t number)
{
    struct snapshot_line line;
    const char *end;
    for (size_t at = 0; at < octets && (end = memchr(text + at, '\n', octets - at));
         at = (size_t)(end - text) + 1) {
        size_t length = (size_t)(end - text) - at;
        if (snapshot_line_read(text + at, length, &line) &&
            (line.event == SNAPSHOT_EVENT_CONTINUED
                 ? line.facts.number > number
                 : line.event != SNAPSHOT_EVENT_CLOSED && line.facts.number == number) &&
            snapshot_line_signed(text + at, length, verify->key))
            return true;
    }
    return false;
}

/* Whether a running probe has overwritten the segment meanwhile. */
static bool gone_meanwhile(const struct verify *verify, uint64_t number)
{
    size_t octets;
    char *text = read_manifest(verify->folder, &octets);
    bool gone = text && said_gone(verify, text, octets, number);
    free(text);
    return gone;
}

/* All claims of signed lines, by number. False on lack of memory. */
static bool collect(struct verify *verify)
{
    size_t lines = 0;
    for (size_t i = 0; i < verify->octets; i++)
        lines += verify->text[i] == '\n';
    verify->claims = calloc(lines + 1, sizeof *verify->claims);
    if (!verify->claims)
        return false;
    const char *end;
    struct snapshot_line line;
    for (size_t at = 0;
         at < verify->octets && (end = memchr(verify->text + at, '\n', verify->octets - at));
         at = (size_t)(end - verify->text) + 1) {
        size_t length = (size_t)(end - verify->text) - at;
        if (!snapshot_line_read(verify->text + at, length, &line) ||
            line.event == SNAPSHOT_EVENT_CONTINUED ||
            (line.event != SNAPSHOT_EVENT_CLOSED &&
             !snapshot_line_signed(verify->text + at, length, verify->key)))
            continue;
        bool closed = line.event == SNAPSHOT_EVENT_CLOSED;
        verify->claims[verify->claim_count++] =
            (struct claim){.number = line.facts.number, .closed = closed, .gone = !closed};
    }
    qsort(verify->claims, verify->claim_count, sizeof *verify->claims, by_number);
    size_t kept = 0;
    for (size_t i = 0; i < verify->claim_count; i++) {
        struct claim *claim = &verify->claims[i];
        if (kept && verify->claims[kept - 1].number == claim->number) {
            verify->claims[kept - 1].closed |= claim->closed;
            verify->claims[kept - 1].gone |= claim->gone;
        } else
            verify->claims[kept++] = *claim;
    }
    verify->claim_count = kept;
    return true;
}

static const struct claim *claim_of(const struct verify *verify, uint64_t number)
{
    struct claim key = {.number = number};
    return bsearch(&key, verify->claims, verify->claim_count, sizeof key, by_number);
}

/* The hash of an open file in TEXT. False: cannot be read, or asked to stop. */
static bool hash_file(struct verify *verify, int file, char text[SNAPSHOT_HASH_TEXT])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t *buffer = malloc(READ_OCTETS);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = buffer && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    ssize_t more = 1;
    while (good && more > 0) {
        more = read(file, buffer, READ_OCTETS);
        good =
            more >= 0 && !stopped(verify) && EVP_DigestUpdate(context, buffer, (size_t)more) == 1;
        if (good && verify->done_octets)
            atomic_fetch_add_explicit(verify->done_octets, (uint64_t)more, memory_order_relaxed);
    }
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    free(buffer);
    if (good)
        snapshot_hash_text(digest, text);
    return good;
}

static void check_segment(struct verify *verify, const struct snapshot_line *line,
                          uint64_t line_number)
{
    char hash[SNAPSHOT_HASH_TEXT];
    uint64_t number = line->facts.number;
    int file = openat(verify->folder, line->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        int cause = errno;
        if (gone_meanwhile(verify, number))
            verify->result->overwritten++;
        else if (cause == ENOENT)
            broken(verify, SNAPSHOT_SEGMENT_MISSING, line_number, number, line->name,
                   "is missing: it was not overwritten or deleted by the probe");
        else
            broken(verify, SNAPSHOT_SEGMENT_CHANGED, line_number, number, line->name,
                   strerror(cause));
        return;
    }
    bool read = hash_file(verify, file, hash);
    int cause = errno;
    close(file);
    if (stopped(verify))
        return;
    if (read && strcmp(hash, line->sha256) == 0)
        verify->result->good++;
    else if (gone_meanwhile(verify, number))
        verify->result->overwritten++;
    else
        broken(verify, SNAPSHOT_SEGMENT_CHANGED, line_number, number, line->name,
               read ? "was changed after it was written" : strerror(cause));
}

/* One line; EXPECTED is the hash that it must name, and becomes that of the next. */
static void check_line(struct verify *verify, const char *text, size_t octets, uint64_t number,
                       char expected[SNAPSHOT_HASH_TEXT])
{
    struct snapshot_line line;
    char previous[SNAPSHOT_HASH_TEXT];
    memcpy(previous, expected, sizeof previous);
    if (!snapshot_hash(text, octets, expected))
        return;
    if (!snapshot_line_read(text, octets, &line)) {
        broken(verify, SNAPSHOT_LINE_BROKEN, number, 0, "", "is not of the form");
        return;
    }
    bool is_signed = snapshot_line_signed(text, octets, verify->key);
    if (!is_signed)
        broken(verify, SNAPSHOT_SIGNATURE_BAD, number, line.facts.number, line.name,
               "is not signed by the key of this ring");
    if (line.event == SNAPSHOT_EVENT_CONTINUED && number == 1) {
        memcpy(expected, line.previous, sizeof line.previous);
        return;
    }
    if (strcmp(line.previous, previous) != 0)
        broken(verify, SNAPSHOT_CHAIN_BROKEN, number, line.facts.number, line.name,
               "does not follow the line before: lines are missing or were changed");
    if (line.event == SNAPSHOT_EVENT_OVERWRITTEN && is_signed)
        verify->result->overwritten++;
    else if (line.event != SNAPSHOT_EVENT_CLOSED && is_signed)
        verify->result->expired++;
    if (line.event == SNAPSHOT_EVENT_CLOSED && is_signed) {
        const struct claim *claim = claim_of(verify, line.facts.number);
        if (!claim || !claim->gone)
            check_segment(verify, &line, number);
    }
}

static void check_lines(struct verify *verify)
{
    char expected[SNAPSHOT_HASH_TEXT];
    memset(expected, '0', sizeof expected - 1);
    expected[sizeof expected - 1] = '\0';
    size_t at = 0;
    while (at < verify->octets && !stopped(verify)) {
        const char *end = memchr(verify->text + at, '\n', verify->octets - at);
        verify->result->lines++;
        if (!end) {
            broken(verify, SNAPSHOT_LINE_BROKEN, verify->result->lines, 0, "", "is torn");
            return;
        }
        size_t length = (size_t)(end - verify->text) - at;
        check_line(verify, verify->text + at, length, verify->result->lines, expected);
        at += length + 1;
    }
}

/* Segments in the folder that no line names, or that are said to be gone. */
static void check_files(struct verify *verify)
{
    int copy = dup(verify->folder);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder)
        return;
    rewinddir(folder);
    const struct dirent *file;
    while (!stopped(verify) && (file = readdir(folder))) {
        uint64_t number = snapshot_segment_number_of(file->d_name);
        const struct claim *claim = number ? claim_of(verify, number) : NULL;
        if (!number || (claim && claim->closed && !claim->gone))
            continue;
        size_t octets;
        char *text = read_manifest(verify->folder, &octets); /* closed meanwhile? */
        bool named = text && memmem(text, octets, file->d_name, strlen(file->d_name)) != NULL;
        free(text);
        if (!named ||
            (claim && claim->gone && faccessat(verify->folder, file->d_name, F_OK, 0) == 0))
            broken(verify, SNAPSHOT_SEGMENT_UNKNOWN, 0, number, file->d_name,
                   claim ? "is there, but the manifest says that it was overwritten or deleted"
                         : "is there, but the manifest does not name it");
    }
    closedir(folder);
}

/* The manifest, whole if it can be had: a running probe may be about to append a line. */
static bool load(struct verify *verify)
{
    for (unsigned i = 0; i < TORN_TRIES; i++) {
        free(verify->text);
        verify->text = read_manifest(verify->folder, &verify->octets);
        if (!verify->text)
            return false;
        if (verify->octets && verify->text[verify->octets - 1] == '\n')
            break;
    }
    return true;
}

void snapshot_verify(const char *path, const char *public_key, snapshot_break_function *tell,
                     void *context, const _Atomic bool *stop, _Atomic uint64_t *done_octets,
                     struct snapshot_verification *verification)
{
    memset(verification, 0, sizeof *verification);
    struct verify verify = {.tell = tell,
                            .context = context,
                            .stop = stop,
                            .done_octets = done_octets,
                            .result = verification};
    verify.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (verify.folder < 0) {
        broken(&verify, SNAPSHOT_NO_MANIFEST, 0, 0, "folder", strerror(errno));
        return;
    }
    verify.key = read_public(verify.folder, public_key);
    if (!verify.key)
        broken(&verify, SNAPSHOT_NO_MANIFEST, 0, 0, SNAPSHOT_PUBLIC_NAME,
               "there is no Ed25519 public key");
    else if (!load(&verify) || !collect(&verify))
        broken(&verify, SNAPSHOT_NO_MANIFEST, 0, 0, SNAPSHOT_MANIFEST_NAME, "cannot be read");
    else {
        check_lines(&verify);
        check_files(&verify);
    }
    if (stopped(&verify) && !verification->breaks)
        verification->verdict = SNAPSHOT_STOPPED;
    free(verify.text);
    free(verify.claims);
    EVP_PKEY_free(verify.key);
    close(verify.folder);
}
