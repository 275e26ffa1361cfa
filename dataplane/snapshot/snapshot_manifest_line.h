/*
 * Lines of the manifest: their form, hash and signature. Shared by who writes them
 * (snapshot_manifest.c) and who checks them (snapshot_verify.c). Any thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_MANIFEST_LINE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_MANIFEST_LINE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot_segment.h"

enum {
    SNAPSHOT_HASH_TEXT = 65, /* SHA-256 in hexadecimal, with the end of the string */
    SNAPSHOT_LINE_MAX = 1024 /* with line feed and end of the string */
};
#define SNAPSHOT_MANIFEST_NAME "manifest.jsonl"
#define SNAPSHOT_KEY_NAME      "ring.key"
#define SNAPSHOT_PUBLIC_NAME   "ring.pub"

enum snapshot_event {
    SNAPSHOT_EVENT_CLOSED,      /* a segment is complete */
    SNAPSHOT_EVENT_OVERWRITTEN, /* its room was needed */
    SNAPSHOT_EVENT_EXPIRED,     /* it was older than the maximum age */
    SNAPSHOT_EVENT_REMOVED,     /* the ring was made smaller */
    SNAPSHOT_EVENT_CONTINUED,   /* first line: older ones were dropped */
    SNAPSHOT_EVENTS
};

struct snapshot_line {
    enum snapshot_event event;
    uint64_t at_ns;                      /* wall clock */
    struct snapshot_segment_facts facts; /* number always; the rest when closed */
    char name[SNAPSHOT_NAME_MAX];        /* of the segment; continued: "" */
    char sha256[SNAPSHOT_HASH_TEXT];     /* closed: of the file; else "" */
    char previous[SNAPSHOT_HASH_TEXT];   /* hash of the line before; zeros in a ring's first */
};

/* The hash of OCTETS of DATA in hexadecimal. False if the library fails. */
bool snapshot_hash(const void *data, size_t octets, char text[SNAPSHOT_HASH_TEXT]);
/* The digest in hexadecimal. */
void snapshot_hash_text(const uint8_t digest[32], char text[SNAPSHOT_HASH_TEXT]);

/* Writes LINE, signed by KEY, with its line feed, to OUT; returns its octets, 0 if it fails. */
size_t snapshot_line_write(const struct snapshot_line *line, EVP_PKEY *key,
                           char out[SNAPSHOT_LINE_MAX]);
/* Reads the line TEXT of OCTETS, without its line feed; false if it has not the form. */
bool snapshot_line_read(const char *text, size_t octets, struct snapshot_line *line);
/* Whether TEXT is signed by KEY. */
bool snapshot_line_signed(const char *text, size_t octets, EVP_PKEY *key);

/* The name of segment NUMBER, begun at OPENED_NS (wall clock). */
void snapshot_segment_make_name(uint64_t number, uint64_t opened_ns, char name[SNAPSHOT_NAME_MAX]);
/* The number in a segment's NAME, 0 if it is no such name. */
uint64_t snapshot_segment_number_of(const char *name);

#endif
