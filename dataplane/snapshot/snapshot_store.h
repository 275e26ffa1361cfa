/*
 * The store: the folder of the snapshot ring, its segments in a fixed amount of space, what is
 * frozen, and the manifest. docs/snapshot-format.md names every file.
 *
 * One writer thread (snapshot_writer.h) begins and closes segments; any thread may ask for lists,
 * open segments, freeze and release. A lock guards the list; it is never held during input or
 * output, so nobody waits for a slow disk but the writer.
 *
 * A segment that a reader has open is not overwritten: the next older one is taken instead.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_STORE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "snapshot/snapshot_segment.h"

struct snapshot_store;

enum { SNAPSHOT_FREEZES_MAX = 64, SNAPSHOT_FREEZE_NAME_MAX = 64 };

/* All strings are copied. */
struct snapshot_settings {
    const char *directory;      /* made (mode 2750) if it is not there; its parent is not */
    const char *group;          /* the folder's, if the system has it; NULL: left as it is */
    uint64_t octets;            /* of all segments together */
    uint64_t segment_octets;    /* 0: octets / 64, between 16 MiB and 1 GiB */
    uint64_t maximum_age_ns;    /* 0: no bound; older is deleted, counted from its writing */
    uint64_t wanted_age_ns;     /* 0: none */
    uint64_t freeze_octets_max; /* 0: half of octets */
    const char *version;        /* of the program, for section headers */
    const char *configuration;  /* hash of the configuration, for section headers; may be "" */
    const char *notice;         /* for section headers; may be "" */
};

/* Opens the folder, takes its lock, makes the key pair at the first time, closes segments that an
 * earlier run left unfinished (complete blocks are kept), reserves the space. NOW_NS is the wall
 * clock. NULL and ERROR if that is not possible: the writer can be told to try again
 * (snapshot_writer_create() does so by itself). NOTE gets a line about what was mended, or "".
 * Control or writer thread; may take long. */
struct snapshot_store *snapshot_store_open(const struct snapshot_settings *settings,
                                           uint64_t now_ns, struct error *note,
                                           struct error *error);
/* After the writer and all readers. NULL is fine. What is not closed is closed by the next run. */
void snapshot_store_close(struct snapshot_store *store);

/* The folder's path, and a descriptor of it that the caller closes: -1 and errno while the folder
 * is gone. Any thread. */
const char *snapshot_store_directory(const struct snapshot_store *store);
int snapshot_store_open_folder(struct snapshot_store *store);

/* Other settings from now on; the directory stays as it was. Any thread; the writer's next step
 * adapts the space. */
void snapshot_store_configure(struct snapshot_store *store,
                              const struct snapshot_settings *settings);

/* One line of a list. */
struct snapshot_listed {
    struct snapshot_segment_facts facts;
    char name[SNAPSHOT_NAME_MAX]; /* "" for the one being written */
    bool frozen;
};
/* Copies what is known of segments that overlap [FROM_NS, TO_NS], oldest first, at most MAX, the
 * one that is being written last. Returns how many there are. Any thread. */
size_t snapshot_store_list(struct snapshot_store *store, uint64_t from_ns, uint64_t to_ns,
                           struct snapshot_listed *list, size_t max);

/* Opens segment NUMBER for reading and pins it until snapshot_store_release_segment(): closed, or
 * the one being written, then with the blocks written so far. NULL: it is not there any more (ERROR
 * ""), or cannot be read (ERROR has a line). Any thread. */
struct snapshot_segment *snapshot_store_open_segment(struct snapshot_store *store, uint64_t number,
                                                     struct error *error);
void snapshot_store_release_segment(struct snapshot_store *store, struct snapshot_segment *segment);
/* A reader found a block damaged: counted. Any thread. */
void snapshot_store_count_damaged(struct snapshot_store *store, uint64_t blocks);

/* A freeze: segments that overlap [from_ns, to_ns] (packet times), the one that is being written
 * among them, are not overwritten and not deleted by age until expires_ns (wall clock). Of all that
 * is frozen, the oldest segments up to freeze_octets_max are held. */
struct snapshot_freeze {
    char name[SNAPSHOT_FREEZE_NAME_MAX]; /* printable ASCII without quotes and backslashes */
    uint64_t from_ns, to_ns, expires_ns;
    uint64_t octets; /* of the segments that it holds now; set by the list */
    bool partly;     /* the bound keeps it from holding all of them; set by the list */
};
/* Freezes a window at once; the writer's next step writes it down, so that it is kept over
 * restarts. False and ERROR: the name is taken or not allowed, the window is empty, too many, or
 * what is frozen would exceed the bound. Any thread; waits for nobody's disk, as the next one. */
bool snapshot_store_freeze(struct snapshot_store *store, const struct snapshot_freeze *freeze,
                           uint64_t now_ns, struct error *error);
/* False and ERROR: there is none of that name. Any thread. */
bool snapshot_store_unfreeze(struct snapshot_store *store, const char *name, struct error *error);
/* Copies at most MAX; returns how many there are. Any thread. */
size_t snapshot_store_freezes(struct snapshot_store *store, struct snapshot_freeze *freezes,
                              size_t max);

/* For people. Any thread. */
struct snapshot_store_state {
    uint64_t octets_reserved; /* of the disk, for segments */
    uint64_t octets_held;     /* of files of closed segments and the open one */
    uint64_t octets_frozen;   /* of them, frozen */
    uint64_t segments, blocks, packets;
    uint64_t oldest_ns; /* first packet held; 0: none */
    uint64_t newest_ns;
    uint64_t oldest_written_ns;    /* wall clock when the oldest segment was begun; 0: none */
    uint64_t octets_per_second;    /* on disk, over what is held */
    uint64_t octets_wanted;        /* disk needed for the wanted age at this rate; 0: none wanted */
    bool short_of_wanted;          /* the space is in use and holds less than the wanted age */
    uint64_t damaged_blocks;       /* lost to checksum since the start: recovery and queries */
    uint64_t overwritten, expired; /* segments since the start: for room, by age */
};
void snapshot_store_tell(struct snapshot_store *store, uint64_t now_ns,
                         struct snapshot_store_state *state);

#endif
