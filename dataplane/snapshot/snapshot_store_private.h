/*
 * The store from inside, for its own files and the writer. What readers may look at is changed
 * under the lock; the rest belongs to the writer thread. Nothing waits for the disk under the lock.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_STORE_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_STORE_PRIVATE_H

#include <pthread.h>

#include "snapshot/snapshot_manifest_private.h"
#include "snapshot/snapshot_segment_write.h"
#include "snapshot/snapshot_store.h"
#include "snapshot/snapshot_writer.h"

enum { SNAPSHOT_FREE_NAME_MAX = 32, SNAPSHOT_HIDDEN_MAX = SNAPSHOT_NAME_MAX + 1 };

/* A closed segment. */
struct snapshot_slot {
    struct snapshot_segment_facts facts;
    char name[SNAPSHOT_NAME_MAX];
    uint64_t reserved; /* octets of the disk */
};

/* A file without content whose space waits for a segment. */
struct snapshot_free {
    char name[SNAPSHOT_FREE_NAME_MAX];
    uint64_t reserved;
};

struct snapshot_store_values {
    char directory[256]; /* first, since the others may change */
    char group[64];
    char version[64];
    char configuration[128];
    char notice[2048];
    uint64_t octets, segment_octets;
    uint64_t maximum_age_ns, wanted_age_ns;
    uint64_t freeze_octets_max;
};

struct snapshot_store {
    pthread_mutex_t lock;
    struct snapshot_store_values values; /* under the lock, but for the directory */
    int folder;                          /* -1: gone */
    struct snapshot_slot *slots;         /* oldest first; under the lock */
    size_t slot_count, slot_room;
    struct snapshot_segment_writer segment; /* the one being written; its lists under the lock */
    bool taken;                             /* a file is taken for it: writer thread */
    bool closing;                           /* it is to be finished: writer thread */
    bool manifested;                        /* its line is written: writer thread */
    char hidden[SNAPSHOT_HIDDEN_MAX];       /* its file's name */
    struct snapshot_free *free;             /* writer thread */
    size_t free_count, free_room;
    uint64_t free_number; /* for names of free files */
    struct snapshot_manifest manifest;
    bool direct;
    bool resize;        /* the space is to be looked at; under the lock */
    uint64_t housed_ns; /* wall clock of the last look at ages; under the lock */
    struct snapshot_freeze freezes[SNAPSHOT_FREEZES_MAX]; /* under the lock, as the next two */
    size_t freeze_count;
    bool freezes_changed;                          /* since their file was written */
    uint64_t reserved_octets;                      /* of the disk, when last looked at; */
    uint64_t damaged_blocks, overwritten, expired; /* these under the lock */
};

/* A store that has nothing loaded. NULL and ERROR: no memory, or SETTINGS cannot be. */
struct snapshot_store *snapshot_store_make(const struct snapshot_settings *settings,
                                           struct error *error);
/* Copies SETTINGS; false and ERROR if they cannot be. */
bool snapshot_store_take(struct snapshot_store_values *values,
                         const struct snapshot_settings *settings, struct error *error);

/* Of which kind the failure with errno CAUSE is. */
enum ledger_snapshot_failed snapshot_failure_of(int cause);

/* -- snapshot_store_load.c: the folder at the start -- */

/* Opens the folder and reads what is there into a store that holds nothing. False and ERROR;
 * REASON says of which kind. */
bool snapshot_store_load(struct snapshot_store *store, uint64_t now_ns, struct error *note,
                         struct error *error, enum ledger_snapshot_failed *reason);
/* Lets everything go: folder, lists, manifest, the segment being written. Readers keep theirs. */
void snapshot_store_unload(struct snapshot_store *store);
/* Makes free files, or removes segments, until the space is what the values say. False and errno.
 */
bool snapshot_store_fit(struct snapshot_store *store, uint64_t now_ns, struct error *error);
bool snapshot_store_add_slot(struct snapshot_store *store, const struct snapshot_slot *slot);
bool snapshot_store_add_free(struct snapshot_store *store, const char *name, uint64_t reserved);

/* -- snapshot_store_space.c: begin, end, overwrite, age -- */

/* Whether the size is to be looked at. */
bool snapshot_store_resizes(struct snapshot_store *store);
/* Whether the folder still is where it was. */
bool snapshot_store_is_there(const struct snapshot_store *store);
/* Begins a segment with interfaces NAMES. False: errno, and it may be called again. */
bool snapshot_store_begin(struct snapshot_store *store, const struct snapshot_segment_names *names,
                          uint64_t now_ns);
/* Finishes the segment being written, or goes on with that. False: errno; call it again. */
bool snapshot_store_end(struct snapshot_store *store, uint64_t now_ns,
                        snapshot_statistics_function *statistics, void *context);
/* Whether the segment being written is so old that it is to be ended. */
bool snapshot_store_is_due(struct snapshot_store *store, uint64_t now_ns);
/* Ages, sizes, freezes that expired, the manifest's length. False: errno. */
bool snapshot_store_keep_house(struct snapshot_store *store, uint64_t now_ns, struct error *error);
/* The segment at PLACE leaves by EVENT: its file becomes a free one. False: errno. Sets *BUSY and
 * changes nothing if a reader has it and FORCE is not set. */
bool snapshot_store_release(struct snapshot_store *store, size_t place, enum snapshot_event event,
                            uint64_t now_ns, bool force, bool *busy);

/* -- snapshot_freeze.c -- */

/* Whether the slot at PLACE is held at NOW_NS. Under the lock. */
bool snapshot_store_is_frozen(const struct snapshot_store *store, size_t place, uint64_t now_ns);
/* Whether the segment that is being written is held as well. Under the lock. */
bool snapshot_store_holds_written(const struct snapshot_store *store, uint64_t now_ns);
uint64_t snapshot_store_frozen_octets(const struct snapshot_store *store, uint64_t now_ns);
/* Writes the file of freezes if they have changed. False: errno; call it again. Writer thread. */
bool snapshot_store_save_freezes(struct snapshot_store *store);
/* Reads the file of freezes; a missing one is empty. */
void snapshot_store_load_freezes(struct snapshot_store *store, struct error *note);
/* Forgets those that expired. */
void snapshot_store_expire_freezes(struct snapshot_store *store, uint64_t now_ns);

#endif
