/* Reads and makes the secret of hashed names. See name_key.h. */
#include "name_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = 2 * SIPHASH_KEY_OCTETS };
#define LEAF "/spanflow/names/hashKey: "

static bool fail(const char *path, const char *what, struct error *error)
{
    error_set(error, LEAF "%.300s: %s", path, what);
    return false;
}

/* The value of a hexadecimal digit, -1 if it is none. */
static int digit_value(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit ? strchr(digits, digit | 0x20) : NULL;
    return at && (digit < '0' || digit > '9' ? digit >= 'A' : true) ? (int)(at - digits) : -1;
}

static bool understand(const char *path, const char *text, uint8_t key[SIPHASH_KEY_OCTETS],
                       struct error *error)
{
    size_t octets = strcspn(text, "\r\n");
    for (size_t i = 0; octets == DIGITS && i < DIGITS; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            octets = 0;
        else
            key[i / 2] = (uint8_t)(i % 2 ? key[i / 2] | value : value << 4);
    }
    return octets == DIGITS ||
           fail(path, "holds no secret; give 32 hexadecimal digits, or another path", error);
}

static bool read_key(const char *path, int fd, uint8_t key[SIPHASH_KEY_OCTETS], struct error *error)
{
    struct stat status;
    char text[DIGITS + 3] = "";
    if (fstat(fd, &status) != 0)
        return fail(path, strerror(errno), error);
    if (!S_ISREG(status.st_mode))
        return fail(path, "not a file; the secret is read from a regular file", error);
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return fail(path, "lets others than its owner at the secret; chmod 600 it", error);
    if (read(fd, text, sizeof text - 1) < 0)
        return fail(path, strerror(errno), error);
    bool good = understand(path, text, key, error);
    explicit_bzero(text, sizeof text);
    return good;
}

/* A secret for a file that is not there yet. */
static bool draw_key(const char *path, uint8_t key[SIPHASH_KEY_OCTETS], bool *drawn,
                     struct error *error)
{
    char copy[1024], above[1024];
    snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    snprintf(above, sizeof above, "%s", folder);
    if (access(access(folder, F_OK) == 0 ? folder : dirname(above), W_OK | X_OK) != 0)
        return fail(path, strerror(errno), error);
    if (drawn && getrandom(key, SIPHASH_KEY_OCTETS, 0) != SIPHASH_KEY_OCTETS)
        return fail(path, strerror(errno), error);
    if (drawn)
        *drawn = true;
    return true;
}

bool name_key_store(const struct names_config *config, const uint8_t key[SIPHASH_KEY_OCTETS],
                    struct error *error)
{
    const char *path = config->key_file;
    char text[DIGITS + 2], folder[1024];
    snprintf(folder, sizeof folder, "%s", path);
    mkdir(dirname(folder), S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH);
    for (unsigned i = 0; i < SIPHASH_KEY_OCTETS; i++)
        snprintf(text + (size_t)2 * i, 3, "%02x", key[i]);
    text[DIGITS] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return fail(path, strerror(errno), error);
    bool written = write(fd, text, DIGITS + 1) == DIGITS + 1 && fsync(fd) == 0;
    if (!written) {
        fail(path, strerror(errno), error);
        unlink(path);
    }
    close(fd);
    explicit_bzero(text, sizeof text);
    return written;
}

bool name_key_read(const struct names_config *config, uint8_t key[SIPHASH_KEY_OCTETS], bool *drawn,
                   struct error *error)
{
    const char *path = config->key_file;
    memset(key, 0, SIPHASH_KEY_OCTETS);
    if (drawn)
        *drawn = false;
    if (!config->wanted.hashed)
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return draw_key(path, key, drawn, error);
    if (fd < 0)
        return fail(path, strerror(errno), error);
    bool good = read_key(path, fd, key, error);
    close(fd);
    return good;
}
