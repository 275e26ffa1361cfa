/*
 * The spool: messages of destinations that are away, in files of one folder. A file of IPFIX
 * messages is an RFC 5655 file: it begins with templates and numbers its messages from 0, and any
 * reader may read it at any time. Beside each lies an index, which knows what the ledger must know
 * of each message and how far the file was replayed: also the number that a message had before, and
 * where in a topic it belongs. Records in JSON are kept in files of another suffix, a line each
 * direction; the lines of a record are one message here, so they stay together.
 *
 * Each destination has a stream: a row of files, appended to at the newest end and replayed from
 * the oldest. The bound of the folder is divided evenly among the streams, so that no destination's
 * absence costs another one's records; a stream that is full loses its oldest file. A stream knows
 * its files by a digest of the destination's name, domain and templates, so that a later run finds
 * them, and never sends them to somebody who would not understand them.
 *
 * Writes go to the page cache and nothing waits for the disk: a process that is killed loses
 * nothing that was appended, a loss of power what the kernel had not written yet. Messages are
 * marked before they are offered to a collector, so that a run after a kill sends none of them
 * twice.
 *
 * Opened and closed on the control thread, else exporter's thread. Streams may be opened and closed
 * while others are in use: a lock guards what all of them share, which the exporter's thread takes
 * only to begin a file.
 */
#ifndef SPANFLOW_EXPORTER_SPOOL_H
#define SPANFLOW_EXPORTER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"

struct spool;
struct spool_stream;

enum spool_format { SPOOL_IPFIX, SPOOL_LINES };
enum { SPOOL_APPEND_MAX = 64 }; /* messages of one append */
enum { SPOOL_LINES_MAX = 2 };   /* of a message of SPOOL_LINES, each with its line feed */

/* Sums over messages. */
struct spool_sums {
    uint64_t records; /* cache records */
    uint64_t packets;
    uint64_t ip_octets;
};

/* One message. */
struct spool_message {
    uint8_t *data; /* not owned; of a loaded one: valid until the next load */
    uint32_t octets;
    uint32_t more_octets;
    uint8_t *more; /* appended: what follows on the data, not owned; NULL: nothing */
    uint32_t data_records;
    uint32_t counted;   /* by IPFIX sequence numbers */
    uint32_t partition; /* of a topic */
    uint64_t key;       /* of a record in it */
    struct spool_sums sums;
    bool recovered; /* an earlier run spooled it */
};

/* What is gone since it was last asked for: [1] of messages of an earlier run, [0] of others. */
struct spool_losses {
    struct spool_sums full[2];    /* the oldest file made room */
    struct spool_sums failed[2];  /* a file could not be read */
    struct spool_sums offered[2]; /* the earlier run was killed before they were confirmed */
};

/* Identity of a stream. */
struct spool_identity {
    const char *name; /* of the destination */
    uint32_t domain;
    enum spool_format format;
    uint32_t message_octets; /* of the longest message; of lines: SPOOL_LINES_MAX of the longest */
    const uint8_t *prefix;   /* IPFIX messages that begin each file; copied */
    uint32_t prefix_octets;
};

/* Opens the folder DIRECTORY, which is made if it is not there, and locks it. OCTETS_MAX bounds the
 * files of STREAMS streams. NULL and ERROR if it cannot be written or another probe has it. */
struct spool *spool_open(const char *directory, uint64_t octets_max, uint32_t streams,
                         struct error *error);
/* After its streams. A folder that was made for SPOOL goes if no stream of it was used. NULL is
 * good. */
void spool_close(struct spool *spool);
/* Whether its folder is DIRECTORY, perhaps by another name. Control thread. */
bool spool_is_in(struct spool *spool, const char *directory);
/* Whether no stream of SPOOL is open. Control thread. */
bool spool_is_left(struct spool *spool);
/* A line about files in the folder that belong to no stream or are of another version, and are left
 * alone; "" if there are none. When all streams are open. */
void spool_tell_strangers(struct spool *spool, struct error *note);

/* Opens the stream of a destination and finds its files. A torn end is cut off, with a line in
 * NOTE. NULL and ERROR on lack of memory or if the folder cannot be read. */
struct spool_stream *spool_stream_open(struct spool *spool, const struct spool_identity *identity,
                                       struct error *note, struct error *error);
/* STREAM is used, and what was found is in an account: what an earlier run had offered is not found
 * again. Before that nothing that was found has changed, torn ends aside. */
void spool_begin(struct spool_stream *stream);
/* The open stream with IDENTITY, whatever its longest message, or NULL; to be compared only.
 * Control thread. */
const struct spool_stream *spool_find(struct spool *spool, const struct spool_identity *identity);
/* What STREAM is of. */
const struct spool *spool_of(const struct spool_stream *stream);
/* STREAM gets room for messages of MESSAGE_OCTETS: SCRATCH, of so many octets, which it then owns.
 * False: it has as much room already, and SCRATCH stays the caller's. */
bool spool_stream_widen(struct spool_stream *stream, uint8_t *scratch, uint32_t message_octets);
/* From now on OCTETS_MAX bounds the files of STREAMS streams. */
void spool_set_bound(struct spool *spool, uint64_t octets_max, uint32_t streams);
/* NULL is good. What was not confirmed stays for the next run. */
void spool_stream_close(struct spool_stream *stream);

/* Appends the first of COUNT (1..SPOOL_APPEND_MAX) messages. In the file IPFIX messages have
 * numbers of the file; a message that was taken is changed so, all others are as they were. Returns
 * how many it took, 0 with errno 0 if the bound permits none, and with another errno if the disk
 * failed: then ERROR has a line. */
uint32_t spool_append(struct spool_stream *stream, const struct spool_message *messages,
                      uint32_t count, struct error *error);

/* Whether a message waits to be loaded. */
bool spool_has_more(const struct spool_stream *stream);
/* Reads the oldest message that was not loaded yet, with the number that it had. False: there is
 * none. A file that cannot be read is given up, with a line in ERROR. */
bool spool_load(struct spool_stream *stream, struct spool_message *message, struct error *error);
/* COUNT more of the messages loaded are about to be offered to the collector. */
void spool_offer(struct spool_stream *stream, uint32_t count);
/* The oldest loaded message, which MESSAGE tells, is sent or lost: it is never loaded again. */
void spool_settle(struct spool_stream *stream, const struct spool_message *message);
/* All loaded messages that are not settled will be loaded again. */
void spool_rewind(struct spool_stream *stream);

/* Looks whether the files of messages that wait to be loaded are still there and whole: what is
 * not is lost (failed), with a line in ERROR. A folder that was removed is made again, with a line
 * when it is found missing and, if it could not be made at once, another when it is there again.
 * False: there is no folder. Some system calls for each file, so not for every message. */
bool spool_check(struct spool_stream *stream, struct error *error);

/* Sums of the messages that wait to be loaded: a walk over the files; [1] of an earlier run. */
void spool_walk(const struct spool_stream *stream, struct spool_sums sums[2]);
/* Takes what was lost since the last time. */
void spool_take_losses(struct spool_stream *stream, struct spool_losses *losses);
/* Records of an earlier run that were found at the start. */
uint64_t spool_found(const struct spool_stream *stream);

/* For people. */
struct spool_report {
    uint64_t octets;     /* of its files */
    uint64_t octets_max; /* its share of the bound */
    uint64_t files;
    uint64_t oldest_s; /* export time of the oldest message that waits; 0: none */
    uint64_t appended_octets, appended_records; /* since the start */
};
void spool_tell(const struct spool_stream *stream, struct spool_report *report);

#endif
