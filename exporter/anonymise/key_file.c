/*
 * The file that holds the key of anonymisation. See crypto_pan.h.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "anonymise/crypto_pan.h"

enum {
    HEX_DIGITS = 2 * CRYPTO_PAN_KEY_OCTETS,
    FILE_OCTETS_MAX = HEX_DIGITS + 4, /* 0x, and a line end of two octets */
    OTHERS_MODE = S_IRWXG | S_IRWXO
};

static int hex_value(uint8_t digit)
{
    if (isdigit(digit))
        return digit - '0';
    digit = (uint8_t)tolower(digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Whether the HEX_DIGITS octets at TEXT are digits; KEY then holds what they say. */
static bool read_hex(const uint8_t *text, uint8_t key[CRYPTO_PAN_KEY_OCTETS])
{
    for (unsigned i = 0; i < CRYPTO_PAN_KEY_OCTETS; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Octets of TEXT without the line end behind a key; 32 octets may be anything. */
static size_t without_line_end(const uint8_t *text, size_t octets)
{
    if (octets > CRYPTO_PAN_KEY_OCTETS && text[octets - 1] == '\n')
        octets--;
    if (octets > CRYPTO_PAN_KEY_OCTETS && text[octets - 1] == '\r')
        octets--;
    return octets;
}

static int understand(const char *path, const uint8_t *text, size_t all,
                      uint8_t key[CRYPTO_PAN_KEY_OCTETS], struct error *error)
{
    size_t octets = without_line_end(text, all);
    if (octets == CRYPTO_PAN_KEY_OCTETS) {
        memcpy(key, text, CRYPTO_PAN_KEY_OCTETS);
        return 0;
    }
    bool prefixed = octets == HEX_DIGITS + 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
    if ((octets == HEX_DIGITS || prefixed) && read_hex(text + (prefixed ? 2 : 0), key))
        return 0;
    if (octets == HEX_DIGITS || prefixed)
        error_set(error,
                  "%.300s: 64 characters that are not all hexadecimal digits; give 32 octets "
                  "or 64 digits",
                  path);
    else
        error_set(error, "%.300s: %s%zu octets are no key; give 32 octets or 64 hexadecimal digits",
                  path, all > FILE_OCTETS_MAX ? "more than " : "",
                  all > FILE_OCTETS_MAX ? (size_t)FILE_OCTETS_MAX : octets);
    return -1;
}

/* Refuses what everybody may read, and what is no file. */
static int check_file(const char *path, int fd, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        error_set(error, "%.300s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(error, "%.300s: not a file; the key is read from a regular file", path);
        return -1;
    }
    if (status.st_mode & OTHERS_MODE) {
        error_set(error, "%.300s: mode %04o lets others than its owner at the key; chmod 600 it",
                  path, (unsigned)(status.st_mode & 07777));
        return -1;
    }
    return 0;
}

int crypto_pan_read_key(const char *path, uint8_t key[CRYPTO_PAN_KEY_OCTETS], struct error *error)
{
    uint8_t text[FILE_OCTETS_MAX + 1];
    size_t octets = 0;
    int result = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        error_set(error, "%.300s: %s", path, strerror(errno));
        return -1;
    }
    if (check_file(path, fd, error) == 0) {
        ssize_t got = 1;
        while (got > 0 && octets < sizeof text) {
            got = read(fd, text + octets, sizeof text - octets);
            octets += got > 0 ? (size_t)got : 0;
        }
        if (got < 0)
            error_set(error, "%.300s: %s", path, strerror(errno));
        else
            result = understand(path, text, octets, key, error);
    }
    close(fd);
    OPENSSL_cleanse(text, sizeof text);
    return result;
}
