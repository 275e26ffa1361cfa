/*
 * A file that comes into being as a whole: hidden while it grows (".NAME" in the same folder, mode
 * 0600), renamed when it is complete, gone if it never is. Its SHA-256 is counted as it grows. Main
 * thread.
 */
#ifndef SPANFLOW_CLI_OUTPUT_FILE_H
#define SPANFLOW_CLI_OUTPUT_FILE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct output_file {
    int file; /* -1: none */
    char *path;
    char *hidden;
    EVP_MD_CTX *digest;
};

/* Begins PATH, which must not be there. False and ERROR; nothing is left then. */
bool output_file_begin(struct output_file *output, const char *path, struct error *error);
bool output_file_write(struct output_file *output, const void *data, size_t octets,
                       struct error *error);
/* Makes what was written durable and gives it its name; SHA256 becomes hexadecimal. EXPECTED is
 * what it must be; "" if nobody knows. False and ERROR, and the file is gone. */
bool output_file_complete(struct output_file *output, const char *expected, char sha256[65],
                          struct error *error);
/* Removes what is not complete, frees. */
void output_file_end(struct output_file *output);

#endif
