/* What the files of the daemon's snapshot ring share; nobody else includes this. */
#ifndef SPANFLOW_TOOLS_PROBE_SNAPSHOT_PRIVATE_H
#define SPANFLOW_TOOLS_PROBE_SNAPSHOT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "probe.h"
#include "probe_snapshot.h"
#include "snapshot/snapshot_extract.h"
#include "snapshot/snapshot_manifest.h"
#include "snapshot/snapshot_policy.h"
#include "snapshot/snapshot_writer.h"

/* A folder and who works on it. */
struct snapshot_place {
    struct probe *probe; /* for what its sources lost */
    char directory[1024];
    struct snapshot_writer *writer; /* NULL: memory alone */
    bool threaded;                  /* the writer has its thread */
    pthread_t thread;
    _Atomic bool stop;                    /* of that thread */
    struct snapshot_extractor *extractor; /* NULL: the folder cannot be used just now */
    char trouble[512];                    /* why, if so */
    uint64_t tried_ns;                    /* monotonic */
};

/* A verification, the last one or the one at work. */
struct snapshot_check {
    uint64_t id; /* 0: there was none */
    bool threaded;
    pthread_t thread;
    char user[SNAPSHOT_WHO_OCTETS_MAX];
    char directory[1024];
    uint64_t octets; /* held when it began */
    _Atomic bool stop;
    _Atomic bool ended;
    _Atomic uint64_t done_octets;
    struct snapshot_verification found; /* once it has ended, as the next */
    char *text;
    char first[400]; /* the first break, in words */
};

struct probe_snapshot {
    struct snapshot_interfaces *interfaces;
    struct snapshot_place *place;   /* NULL: nothing is kept */
    struct snapshot_policy *policy; /* NULL: nothing is kept */
    struct snapshot_ring *rings[EXPORT_RINGS_MAX];
    struct snapshot_account before[EXPORT_RINGS_MAX]; /* of rings that are gone, by worker */
    struct snapshot_check check;
    uint64_t checks; /* verifications so far */
    bool told_failing;
    bool told_short;
    uint64_t looked_ns; /* monotonic */
};

/* ---- probe_snapshot_place.c ---- */

/* Makes the place that CONFIG names, with the writer's thread. NULL and ERROR if memory is short;
 * else TROUBLE has a line if the folder cannot be used, and it is tried again. */
struct snapshot_place *snapshot_place_create(struct probe *probe,
                                             const struct snapshot_config *config,
                                             struct error *trouble, struct error *error);
/* Ends the writer's thread, if it has one. */
void snapshot_place_stop(struct snapshot_place *place);
/* The same, and frees everything; no ring may be attached whose owner goes on. NULL is fine. */
void snapshot_place_destroy(struct snapshot_place *place);
/* Other settings for the same folder. */
void snapshot_place_configure(struct snapshot_place *place, const struct snapshot_config *config);
/* Makes the extractor if there is none, every few seconds. */
void snapshot_place_try(struct snapshot_place *place, const struct snapshot_config *config);
/* Has the extractor read the store, as soon as it is there, and the rings of RING_COUNT workers. */
void snapshot_place_follow(struct snapshot_place *place, const struct probe_snapshot *snapshot,
                           uint32_t ring_count);

/* ---- probe_snapshot.c ---- */

/* A ring for worker NUMBER by CONFIG, near its CPU CORE (-1: anywhere). */
struct snapshot_ring *snapshot_make_ring(const struct probe *probe,
                                         const struct probe_config *config, uint32_t number,
                                         int core, struct error *error);
/* Tells what the interfaces of PROBE are called. */
void snapshot_name_interfaces(struct probe *probe);
/* The policy of CONFIG, with the numbers of RULES' applications. */
struct snapshot_policy *snapshot_make_policy(const struct snapshot_config *config,
                                             const struct probe_rules *rules, struct error *error);
/* Whether RING is left and drained, and the writer of PLACE has let go of it. */
bool snapshot_ring_is_over(struct snapshot_place *place, struct snapshot_ring *ring);

/* ---- probe_snapshot_request.c ---- */

/* Stops a verification that is at work, and waits for it. */
void snapshot_check_stop(struct probe_snapshot *snapshot);

#endif
