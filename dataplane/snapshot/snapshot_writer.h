/*
 * The snapshot writer: takes sealed blocks off the workers' rings and lays them in segments. The
 * only thread that waits for the ring's disk; a disk that is slow, full or gone costs blocks, which
 * are counted by reason, and nobody waits for it.
 *
 * snapshot_writer_step() is the loop's body, as worker_step() is: tests and the simulator call it
 * under a virtual clock. The functions marked "any thread" may be called beside it.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_WRITER_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "snapshot/snapshot_store.h"

struct snapshot_ring;
struct snapshot_writer;

/* Sums over packets of blocks. */
struct snapshot_sums {
    uint64_t blocks;
    uint64_t packets;
    uint64_t frame_octets; /* original lengths, as in the ring's books */
};

/* How packets were lost before the ring, for the statistics at a segment's end; any may be 0. */
typedef void snapshot_losses_function(void *context, uint32_t interface, uint64_t *received,
                                      uint64_t *dropped);
/* One line for people (a fault, or that it is over). Called on the writer's thread. */
typedef void snapshot_tell_function(void *context, const char *line);

struct snapshot_writer_settings {
    struct snapshot_settings store;
    snapshot_tell_function *tell;     /* NULL: nobody */
    snapshot_losses_function *losses; /* NULL: unknown */
    void *context;                    /* of both */
};

/* Makes the writer and tries to open the store; if that fails, ERROR says so in one line and the
 * writer tries again in its steps, every few seconds, counting what it cannot store. NULL only on
 * lack of memory. Control thread; takes as long as the recovery of the store. */
struct snapshot_writer *snapshot_writer_create(const struct snapshot_writer_settings *settings,
                                               uint64_t now_ns, struct error *note,
                                               struct error *error);
/* Closes the open segment (after the last step) and the store. NULL is fine. No reader may be left.
 * Control thread, no step under way. */
void snapshot_writer_destroy(struct snapshot_writer *writer);

/* RING is served from the next step on, until it was left by its worker and emptied; the writer
 * holds it (snapshot_ring_hold()) until then. Any thread. False: too many (SNAPSHOT_RINGS_MAX). */
enum { SNAPSHOT_RINGS_MAX = 256 };
bool snapshot_writer_attach(struct snapshot_writer *writer, struct snapshot_ring *ring);
/* Whether RING is still served. Any thread. */
bool snapshot_writer_has(struct snapshot_writer *writer, const struct snapshot_ring *ring);

/* Does what there is to do at wall clock NOW_NS, at most about 16 blocks of each ring. True: call
 * again at once; false: nothing waits, sleep for some milliseconds. Writer thread. */
bool snapshot_writer_step(struct snapshot_writer *writer, uint64_t now_ns);
/* Closes the open segment now, so that it can be read by other programs. Writer thread. */
void snapshot_writer_finish_segment(struct snapshot_writer *writer, uint64_t now_ns);

/* Other settings; from the next step on. The directory cannot be changed (make another writer).
 * Strings are copied. Any thread. */
void snapshot_writer_configure(struct snapshot_writer *writer,
                               const struct snapshot_settings *settings);

/* The store, or NULL as long as it could not be opened. It lives until the writer is destroyed,
 * also when its folder goes. Any thread. */
struct snapshot_store *snapshot_writer_store(struct snapshot_writer *writer);

struct snapshot_writer_state {
    struct snapshot_sums stored;
    struct snapshot_sums failed[SNAPSHOT_FAILED_COUNT];
    uint64_t disk_octets;               /* written for blocks since the start */
    bool faulty;                        /* at this moment nothing can be stored */
    enum ledger_snapshot_failed reason; /* why, if so */
    char fault[256];                    /* the line that told it; "" */
    bool direct;                        /* O_DIRECT is in use */
};
/* Any thread. */
void snapshot_writer_tell(struct snapshot_writer *writer, struct snapshot_writer_state *state);

/* Calls of the system that tests let fail. NULL entries: the system's own. Before create. */
struct snapshot_calls {
    ssize_t (*pwrite)(int fd, const void *data, size_t octets, off_t offset);
    int (*fallocate)(int fd, int mode, off_t offset, off_t octets);
    int (*fdatasync)(int fd);
};
void snapshot_set_calls(const struct snapshot_calls *calls);

#endif
