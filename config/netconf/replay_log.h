/*
 * The replay log of notifications: records with a time and a text, in segments of which the oldest
 * goes when the bound is reached. With a folder the segments are files there, without one they are
 * in memory. Used by notifications.c under the dispatcher's mutex; knows nothing of YANG.
 *
 * A segment is NUMBER.log: 8 octets of name, the time at which the log began (big-endian, ns), then
 * records: length of the text (4), CRC-32 of time and text (4), time (8), text. A file that ends
 * within a record was cut by a death and is cut back; whatever else does not fit its checksum ends
 * its segment for readers, and is counted.
 */
#ifndef SPANFLOW_NETCONF_REPLAY_LOG_H
#define SPANFLOW_NETCONF_REPLAY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct replay_log;

/* Where a reader is; all zeros is the oldest record. */
struct replay_position {
    uint64_t segment;
    uint64_t offset;
};

struct replay_record {
    uint64_t time_ns;
    char *text; /* ended by 0; freed by the reader */
};

enum replay_result { REPLAY_RECORD, REPLAY_END, REPLAY_FAILED };

/* Opens the log in FOLDER (made, 0750, if it is missing), or in memory if FOLDER is NULL. NULL and
 * ERROR when that fails. replay_log_close() frees. */
struct replay_log *replay_log_open(const char *folder, uint64_t octets_max, uint64_t now_ns,
                                   struct error *error);

/* Frees LOG; files stay. NULL is fine. */
void replay_log_close(struct replay_log *log);

/* Another bound; takes effect at once. 0 keeps nothing. */
void replay_log_set_bound(struct replay_log *log, uint64_t octets_max);

/* Adds a record. False if it could not be written, or is larger than the whole log may be; the log
 * is then what it was. */
bool replay_log_append(struct replay_log *log, uint64_t time_ns, const char *text);

/* The record at POSITION, which moves behind it; one that has been removed meanwhile is left out.
 * REPLAY_END: there is none yet. REPLAY_FAILED: no memory; POSITION stays. */
enum replay_result replay_log_read(struct replay_log *log, struct replay_position *position,
                                   struct replay_record *record);

/* Behind the newest record. */
struct replay_position replay_log_end(const struct replay_log *log);

/* When the log began, which may be before its oldest record (RFC 5277, replayLogCreationTime). */
uint64_t replay_log_created(const struct replay_log *log);

/* Octets that the log has now, and pieces of it that were found damaged since the opening. */
uint64_t replay_log_octets(const struct replay_log *log);
uint64_t replay_log_damaged(const struct replay_log *log);

#endif
