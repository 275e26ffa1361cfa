/*
 * What the files of the spool share. Only they include this; see spool.h.
 */
#ifndef SPANFLOW_EXPORTER_SPOOL_INTERNAL_H
#define SPANFLOW_EXPORTER_SPOOL_INTERNAL_H

#include <pthread.h>

#include "exporting_process.h"
#include "spool_segment.h"

enum { SPOOL_STREAMS_MAX = 128 };

struct spool {
    /* Guards the folder's descriptor against being opened anew, next_number and the streams. */
    pthread_mutex_t lock;
    int folder; /* locked as long as it is open */
    bool made;  /* the folder, and nothing has used it yet */
    char directory[512];
    uint64_t share;         /* bound of one stream */
    uint64_t segment_share; /* a file that is longer is followed by another */
    uint64_t next_number;   /* above that of any file in the folder */
    uint64_t others;        /* files of other versions, at the last look */
    uint32_t stream_count;
    struct spool_stream *streams[SPOOL_STREAMS_MAX]; /* not owned */
};

struct spool_stream {
    struct spool *spool;        /* not owned */
    struct spool_header header; /* of its next file */
    uint8_t *prefix;            /* owned */
    uint8_t *scratch;           /* a loaded message; owned */
    struct spool_segment *oldest, *newest;
    struct spool_segment *writing; /* the newest or NULL */
    uint64_t octets;               /* of all its files */
    uint64_t found;                /* records */
    uint64_t appended_octets, appended_records;
    struct spool_losses losses;
    bool begun;       /* what was found is in an account */
    bool folder_gone; /* and it was told */
};

/* Finds the files of STREAM in the folder. A line about a torn end in NOTE. 0, or -1 and ERROR. */
int spool_recover(struct spool_stream *stream, struct error *note, struct error *error);
/* Adds SEGMENT, which the stream then owns, behind those with lower numbers. */
void spool_insert(struct spool_stream *stream, struct spool_segment *segment);

#endif
