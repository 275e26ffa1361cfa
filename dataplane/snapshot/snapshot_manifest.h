/*
 * The manifest of a ring: a signed line of JSON for each segment that was closed, overwritten or
 * deleted, each naming the hash of the line before. docs/snapshot-format.md has the exact form.
 *
 * snapshot_verify() checks a folder or a copy of it with nothing but the manifest and ring.pub;
 * it runs for as long as reading all segments takes, on any thread, and changes nothing.
 * The other functions belong to the store.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_MANIFEST_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_MANIFEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_segment.h"

enum snapshot_verdict {
    SNAPSHOT_VERIFIED,        /* everything fits */
    SNAPSHOT_NO_MANIFEST,     /* manifest or public key are missing or cannot be read */
    SNAPSHOT_LINE_BROKEN,     /* a line is not of the form, or is torn */
    SNAPSHOT_SIGNATURE_BAD,   /* a line is not signed by the key */
    SNAPSHOT_CHAIN_BROKEN,    /* a line does not follow the one before: lines are missing */
    SNAPSHOT_SEGMENT_MISSING, /* closed, neither overwritten nor deleted by the probe, not there */
    SNAPSHOT_SEGMENT_CHANGED, /* there, but not what was written */
    SNAPSHOT_SEGMENT_UNKNOWN, /* a segment's file that no line names */
    SNAPSHOT_STOPPED          /* asked to stop before the end */
};

struct snapshot_verification {
    enum snapshot_verdict verdict; /* of the first break */
    uint64_t line;                 /* of the manifest, from 1; 0: none */
    uint64_t number;               /* of the segment; 0: none */
    char name[SNAPSHOT_NAME_MAX];
    uint64_t breaks;      /* all of them */
    uint64_t lines;       /* looked at */
    uint64_t good;        /* segments that are what was written */
    uint64_t overwritten; /* segments that the probe overwrote for room, by the manifest */
    uint64_t expired;     /* segments that the probe deleted: age or a smaller size */
    uint64_t missing, changed, unknown;
};

/* Called for each break in turn, with a line for people. */
typedef void snapshot_break_function(void *context, enum snapshot_verdict verdict,
                                     const char *line);

/* Verifies the folder PATH. PUBLIC_KEY: path of a key to trust; NULL: ring.pub of the folder.
 * TELL may be NULL. STOP may be NULL; set by another thread it ends the work; DONE_OCTETS may be
 * NULL; counts what was read. The live store may work on the folder meanwhile: a segment that is
 * overwritten during the check is looked up again in the manifest. */
void snapshot_verify(const char *path, const char *public_key, snapshot_break_function *tell,
                     void *context, const _Atomic bool *stop, _Atomic uint64_t *done_octets,
                     struct snapshot_verification *verification);
/* "verified", "missing", ...: one word or two. */
const char *snapshot_verdict_name(enum snapshot_verdict verdict);

#endif
