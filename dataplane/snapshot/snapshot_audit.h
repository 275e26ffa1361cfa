/*
 * Who asked the snapshot ring for what, and why: a file of JSON lines that is only ever appended
 * to, one line for each thing that happened. A line is on the disk (fsync) before the call returns,
 * and an extract may be fetched only after its line is. A line is never changed; whoever wants to
 * keep less of them moves the file away, a new one is begun.
 *
 *   {"time":"2026-03-01T12:00:00.000000000Z","event":"extract","user":"alice","from":"ssh
 *    192.0.2.7","reason":"case 4711","filter":"host 192.0.2.1",...,"sha256":"..."}
 *
 * Any thread: a lock of its own. Writing waits for the disk, so the main thread of the probe goes
 * through snapshot_extractor_note() instead.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_AUDIT_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SNAPSHOT_AUDIT_NAME "queries.log"

/* One thing that happened. Strings may be NULL: then they are left out. Nothing is kept. */
struct snapshot_audit_entry {
    const char *event;  /* "extract-begin", "extract", "fetch", "freeze", "release", "verify",... */
    const char *user;   /* who */
    const char *from;   /* from where: "local", "ssh 192.0.2.7" */
    const char *reason; /* why */
    uint64_t job;       /* 0 = left out */
    uint64_t from_ns;   /* time range that was asked for; 0 = left out */
    uint64_t to_ns;
    const char *filter;  /* the expression */
    const char *tuple;   /* the conversation, in words */
    uint64_t flow_id;    /* 0 = left out */
    bool with_counts;    /* the next three are known */
    uint64_t packets;    /* given out */
    uint64_t octets;     /* of the output file */
    uint64_t damaged;    /* blocks that were passed over */
    const char *outcome; /* "complete", "limited", "cancelled", "failed", "refused" */
    const char *text; /* anything else, such as an error's line or a setting's old and new value */
    const char *output; /* name of the output file */
    const char *sha256; /* of the output, hexadecimal */
    bool anonymised;
};

struct snapshot_audit;

/* Opens (or begins) queries.log in DIRECTORY, mode 0640. NULL and one line in ERROR. */
struct snapshot_audit *snapshot_audit_open(const char *directory, struct error *error);

/* Appends one line and waits until the disk has it. False and one line in ERROR: it may not be
 * there, and what it speaks of must not happen. */
bool snapshot_audit_append(struct snapshot_audit *audit, const struct snapshot_audit_entry *entry,
                           struct error *error);

/* The line of ENTRY with its time (now) and line feed, for snapshot_audit_append_line() later;
 * freed by the caller. NULL: no memory. */
char *snapshot_audit_line(const struct snapshot_audit_entry *entry);
/* As snapshot_audit_append(), of such a line. */
bool snapshot_audit_append_line(struct snapshot_audit *audit, const char *line,
                                struct error *error);

/* AUDIT may be NULL. */
void snapshot_audit_close(struct snapshot_audit *audit);

#endif
