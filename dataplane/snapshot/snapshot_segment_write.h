/*
 * Writing one segment: from an empty file to a closed one, or closing what another run left.
 * Writer thread (or who opens the store) alone; nobody else sees its memory, but the store copies
 * the index under its lock.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_WRITE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_SEGMENT_WRITE_H

#include <openssl/evp.h>
#include <pthread.h>

#include "snapshot/snapshot_async.h"
#include "snapshot/snapshot_manifest_line.h"
#include "snapshot/snapshot_segment_scan.h"

struct snapshot_segment_writer {
    int file;
    bool direct; /* the file was opened with O_DIRECT */
    struct snapshot_async async;
    pthread_mutex_t *lock; /* held while lists change; NULL: nobody else looks at them */
    bool open;
    uint64_t limit; /* of the file */
    uint64_t at;    /* where the next chunk goes */
    struct snapshot_segment_facts facts;
    struct snapshot_index index;
    struct snapshot_segment_names names;
    EVP_MD_CTX *hash;                /* of [0, at) */
    char sha256[SNAPSHOT_HASH_TEXT]; /* when closed */
};

/* Begins segment NUMBER in FILE (WRITER was dropped or is zeros, but for its lock), which is not
 * owned, with the interfaces NAMES. LIMIT bounds its octets. False and errno. */
bool snapshot_segment_begin(struct snapshot_segment_writer *writer, int file, uint64_t limit,
                            uint64_t number, uint64_t now_ns,
                            const struct snapshot_section *section,
                            const struct snapshot_segment_names *names);
/* More interfaces: those of NAMES from the segment's own count on. False and errno; 0: it is full.
 */
bool snapshot_segment_add_interfaces(struct snapshot_segment_writer *writer,
                                     const struct snapshot_segment_names *names);

/* Whether a block of OCTETS fits, with everything that comes after it. */
bool snapshot_segment_has_room(const struct snapshot_segment_writer *writer, uint32_t octets);
/* Writes BLOCK (OCTETS, checksum in it, aligned), and makes its part of the index and of the hash
 * while the disk does its work. There must be room. False and errno: it is as if it had not been,
 * and the next block goes to its place. */
bool snapshot_segment_append(struct snapshot_segment_writer *writer,
                             struct snapshot_indexer *indexer, const uint8_t *block,
                             uint32_t octets);

/* What the statistics of interface I say: fills received, dropped, kept and comment. */
typedef void snapshot_statistics_function(void *context, struct snapshot_statistics *statistics);
/* Writes statistics and index, cuts the file to its length, keeps the space up to LIMIT reserved,
 * waits until all is on the disk. False and errno; it may be called again. */
bool snapshot_segment_finish(struct snapshot_segment_writer *writer, uint64_t now_ns,
                             snapshot_statistics_function *statistics, void *context);
/* Frees what it holds, but for `async`; the file stays open. Zeros are fine. */
void snapshot_segment_drop(struct snapshot_segment_writer *writer);

/* Closes segment NUMBER that an earlier run left in FILE, keeping its complete blocks. False: errno
 * and ERROR; with errno 0 there is nothing worth keeping in it. */
bool snapshot_segment_recover(struct snapshot_segment_writer *writer, int file, uint64_t limit,
                              uint64_t number, uint64_t opened_ns, uint64_t now_ns,
                              struct error *error);

#endif
