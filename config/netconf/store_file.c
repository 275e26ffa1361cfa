/*
 * Writing a file so that it is whole or not there, and the JSON of a version. Called by store.c.
 */
#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const off_t FILE_OCTETS_MAX = (off_t)64 << 20;

bool store_file_read(int folder, const char *name, char **text)
{
    struct stat status;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    bool known = file >= 0 && fstat(file, &status) == 0;
    size_t size = known && status.st_size <= FILE_OCTETS_MAX ? (size_t)status.st_size : 0, done = 0;
    *text = known && status.st_size <= FILE_OCTETS_MAX ? malloc(size + 1) : NULL;
    int failure = known && status.st_size > FILE_OCTETS_MAX ? EFBIG : errno;
    while (*text && done < size) {
        ssize_t octets = read(file, *text + done, size - done);
        if (octets < 0 && errno == EINTR)
            continue;
        if (octets <= 0) {
            failure = octets < 0 ? errno : EIO;
            free(*text);
            *text = NULL;
            break;
        }
        done += (size_t)octets;
    }
    if (file >= 0)
        close(file);
    if (*text)
        (*text)[size] = 0;
    errno = failure;
    return *text != NULL;
}

static bool write_all(int file, const char *text)
{
    size_t size = strlen(text);
    while (size) {
        ssize_t octets = write(file, text, size);
        if (octets < 0 && errno == EINTR)
            continue;
        if (octets < 0)
            return false;
        text += octets;
        size -= (size_t)octets;
    }
    return true;
}

bool store_file_write(int folder, const char *name, const char *text)
{
    char hidden[64];
    snprintf(hidden, sizeof hidden, ".%s", name);
    int file = openat(folder, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (file < 0)
        return false;
    bool written = write_all(file, text) && fsync(file) == 0;
    int failure = errno;
    written = close(file) == 0 && written;
    if (written && renameat(folder, hidden, folder, name) == 0)
        return fsync(folder) == 0;
    if (written)
        failure = errno;
    unlinkat(folder, hidden, 0);
    errno = failure;
    return false;
}

/* TEXT as JSON; what is no UTF-8, or was cut inside a character, is left out: a name that cannot be
 * written must not keep a configuration from the disk. */
static json_t *words(const char *text)
{
    json_t *whole = json_string(text);
    for (size_t length = strlen(text); !whole && length; length--)
        whole = json_stringn(text, length - 1);
    return whole ? whole : json_string("");
}

char *store_version_text(const struct store_version *version, const char *text)
{
    json_t *configuration = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!configuration) {
        errno = EINVAL;
        return NULL;
    }
    json_t *whole = json_pack("{s:I,s:o,s:I,s:o,s:o}", "version", (json_int_t)version->number,
                              "user", words(version->user), "time", (json_int_t)version->time,
                              "comment", words(version->comment), "configuration", configuration);
    char *result = whole ? json_dumps(whole, JSON_INDENT(2)) : NULL;
    json_decref(whole);
    if (!result)
        errno = EINVAL;
    return result;
}

bool store_version_read(const char *whole, struct store_version *version, char **text)
{
    json_t *json = json_loads(whole, JSON_REJECT_DUPLICATES, NULL);
    json_t *configuration = json_object_get(json, "configuration");
    bool good = json_is_object(configuration);
    const char *user = json_string_value(json_object_get(json, "user"));
    const char *comment = json_string_value(json_object_get(json, "comment"));
    *version = (struct store_version){
        .number = (uint32_t)json_integer_value(json_object_get(json, "version")),
        .time = json_integer_value(json_object_get(json, "time"))};
    snprintf(version->user, sizeof version->user, "%s", user ? user : "");
    snprintf(version->comment, sizeof version->comment, "%s", comment ? comment : "");
    if (good && text)
        *text = json_dumps(configuration, JSON_INDENT(2));
    json_decref(json);
    return good && (!text || *text);
}
