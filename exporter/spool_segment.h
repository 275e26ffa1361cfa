/*
 * One file of the spool and its index, on disk. Only the spool includes this; see spool.h.
 *
 * The index is a header and an entry for each message. It is written before the messages, so an
 * entry without its message is the mark of a process that died in between; it is cut off when the
 * file is found again. Both are in the byte order of the machine.
 */
#ifndef SPANFLOW_EXPORTER_SPOOL_SEGMENT_H
#define SPANFLOW_EXPORTER_SPOOL_SEGMENT_H

#include "encode/md5.h"
#include "spool.h"

enum { SPOOL_HEADER_OCTETS = 2048, SPOOL_ENTRY_OCTETS = 48, SPOOL_NAME_OCTETS = 1536 };

/* At the beginning of an index. A change of anything here is a new version. */
struct spool_header {
    char magic[8];
    uint32_t version;
    uint32_t format;
    uint8_t identity[MD5_OCTETS];
    uint64_t number;         /* orders the files */
    uint32_t prefix_octets;  /* the first message stands behind them */
    uint32_t message_octets; /* no message is longer */
    uint32_t settled;        /* messages that are sent or lost */
    uint32_t offered;        /* messages that may have reached the collector */
    char name[SPOOL_NAME_OCTETS];
    uint8_t reserved[SPOOL_HEADER_OCTETS - 56 - SPOOL_NAME_OCTETS];
};

struct spool_entry {
    uint32_t octets, records, data_records, counted;
    uint64_t packets, ip_octets;
    uint64_t key;
    uint32_t partition;
    uint32_t sequence; /* IPFIX: the message's number, before it got one of the file */
};

/* What of a message is wrong or cut is not taken. */
struct spool_segment {
    struct spool_segment *next; /* newer */
    int data, index;            /* -1: closed */
    uint64_t number;
    enum spool_format format;
    uint32_t prefix_octets;
    uint32_t messages;         /* in the file */
    uint32_t loaded;           /* of them */
    uint32_t settled;          /* of these */
    uint32_t offered;          /* at least settled */
    uint64_t octets;           /* of the file */
    uint64_t load_at;          /* offset of the next message to be loaded */
    uint64_t settled_at;       /* offset of the oldest that is not settled */
    struct spool_sums waiting; /* not loaded */
    struct spool_sums out;     /* loaded and not settled */
    uint32_t sequence;         /* of the next message in the file */
    uint64_t first_s;          /* export time of its first message, or when it was begun */
    bool recovered;
};

/* Octets of file and index. */
static inline uint64_t segment_octets(const struct spool_segment *segment)
{
    return segment->octets + SPOOL_HEADER_OCTETS + (uint64_t)segment->messages * SPOOL_ENTRY_OCTETS;
}

/* Writes the name of a segment's file, or of its INDEX, into NAME. */
void segment_name(const uint8_t identity[MD5_OCTETS], uint64_t number, enum spool_format format,
                  bool index, char *name, size_t size);
/* Makes both files with HEADER and PREFIX and opens them: 0, or -1 with errno. */
int segment_create(struct spool_segment *segment, int folder, const struct spool_header *header,
                   const uint8_t *prefix);
/* Opens both files of a segment that is closed: 0, or -1 with errno. */
int segment_open(struct spool_segment *segment, int folder, const uint8_t identity[MD5_OCTETS]);
void segment_close(struct spool_segment *segment);
/* Whether both files are in FOLDER and not shorter than they were made. */
bool segment_is_whole(const struct spool_segment *segment, int folder,
                      const uint8_t identity[MD5_OCTETS]);
/* Removes both files. */
void segment_remove(struct spool_segment *segment, int folder, const uint8_t identity[MD5_OCTETS]);
/* Appends COUNT messages: 0, or -1 with errno and nothing has changed, also in the messages. */
int segment_append(struct spool_segment *segment, const struct spool_message *messages,
                   uint32_t count);
/* Reads the next message to be loaded into DATA with room for OCTETS_MAX: 0, or -1 with errno. */
int segment_load(struct spool_segment *segment, struct spool_message *message, uint8_t *data,
                 uint32_t octets_max);
/* Keeps how far the segment is settled and offered. A disk that refuses is no reason to stop; a run
 * after a kill may then send some messages again. */
void segment_mark(const struct spool_segment *segment);
/* Fills SEGMENT, whose files are open, from HEADER and what is on disk. Messages that had been
 * offered and not settled are settled, which is not marked yet, and added to OFFERED. *CUT: an end
 * was torn. 0, or -1. */
int segment_recover(struct spool_segment *segment, const struct spool_header *header,
                    struct spool_sums *offered, bool *cut);
/* Reads and checks the header of the index NAME: 0, 1 if it is of another version of this program,
 * or -1. */
int segment_read_header(int folder, const char *name, struct spool_header *header);

/* Adds MORE to SUMS. */
static inline void spool_sums_add(struct spool_sums *sums, const struct spool_sums *more)
{
    sums->records += more->records;
    sums->packets += more->packets;
    sums->ip_octets += more->ip_octets;
}

#endif
