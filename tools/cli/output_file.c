/* A file that appears whole or not at all. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool fail(struct output_file *output, const char *path, struct error *error)
{
    error_set(error, "%s: %s", path, strerror(errno));
    output_file_end(output);
    return false;
}

/* "/a/.b" of "/a/b", to be freed. */
static char *hide(const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char *hidden = NULL;
    if (!*name || asprintf(&hidden, "%.*s.%s", (int)(name - path), path, name) < 0)
        return NULL;
    return hidden;
}

bool output_file_begin(struct output_file *output, const char *path, struct error *error)
{
    *output = (struct output_file){.file = -1};
    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        return fail(output, path, error);
    }
    output->path = strdup(path);
    char *hidden = hide(path);
    output->digest = EVP_MD_CTX_new();
    if (!output->path || !hidden || !output->digest ||
        EVP_DigestInit_ex(output->digest, EVP_sha256(), NULL) != 1) {
        free(hidden);
        errno = ENOENT;
        return fail(output, path, error);
    }
    output->file = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (output->file >= 0) {
        output->hidden = hidden;
        return true;
    }
    fail(output, errno == EEXIST ? hidden : path, error);
    free(hidden);
    return false;
}

bool output_file_write(struct output_file *output, const void *data, size_t octets,
                       struct error *error)
{
    const char *at = data;
    for (size_t left = octets; left > 0;) {
        ssize_t written = write(output->file, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(output, output->path, error);
        at += written;
        left -= (size_t)written;
    }
    if (EVP_DigestUpdate(output->digest, data, octets) == 1)
        return true;
    errno = ENOMEM;
    return fail(output, output->path, error);
}

/* Makes the names of the folder of PATH durable. */
static bool sync_folder(const char *path)
{
    const char *name = strrchr(path, '/');
    char *folder = name ? strndup(path, name == path ? 1 : (size_t)(name - path)) : strdup(".");
    int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool good = descriptor >= 0 && fsync(descriptor) == 0;
    if (descriptor >= 0)
        close(descriptor);
    free(folder);
    return good;
}

bool output_file_complete(struct output_file *output, const char *expected, char sha256[65],
                          struct error *error)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(output->digest, digest, &length) != 1 || length != 32) {
        errno = ENOMEM;
        return fail(output, output->path, error);
    }
    for (unsigned i = 0; i < length; i++)
        snprintf(sha256 + (size_t)2 * i, 3, "%02x", digest[i]);
    if (expected[0] && strcmp(expected, sha256) != 0) {
        error_set(error, "%s: what came is not what the probe wrote: SHA-256 %s, not %s",
                  output->path, sha256, expected);
        output_file_end(output);
        return false;
    }
    /* Another file of the name may have come meanwhile: link() does not replace it. */
    if (fsync(output->file) != 0 || link(output->hidden, output->path) != 0)
        return fail(output, output->path, error);
    sync_folder(output->path);
    output_file_end(output);
    return true;
}

void output_file_end(struct output_file *output)
{
    if (output->file >= 0)
        close(output->file);
    if (output->hidden)
        unlink(output->hidden);
    EVP_MD_CTX_free(output->digest);
    free(output->path);
    free(output->hidden);
    *output = (struct output_file){.file = -1};
}
