/*
 * One set of workers and what belongs to it: the threads' CPUs, the caches' record rings, the
 * distribution stage in front. A probe has one; while its workers are exchanged for others it has
 * two. Beside it the exporting processes, which may outlive a set of workers.
 *
 * Made and freed by the main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_METERING_H
#define SPANFLOW_TOOLS_PROBE_METERING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"
#include "ledger.h"
#include "packet/distribution.h"
#include "probe_config.h"
#include "spool.h"
#include "worker/worker.h"

struct exporting_process_description;
struct metering;
struct probe;
struct probe_kernel;
struct probe_lists;
struct probe_rules;
struct probe_selection;
struct probe_snapshot_change;
struct source_places;
struct source_queues;

enum metering_stage {
    METERING_WAITS,  /* for its turn: another set has the sources */
    METERING_RUNS,   /* it has the sources */
    METERING_HANDED, /* it is to leave them, or has left them, to the next set */
    METERING_OVER    /* every record is on the rings, and nobody takes its place; or it is not
                        wanted */
};

/* A thread that steps workers or the reader. */
struct metering_thread {
    struct probe *probe;
    struct metering *metering; /* the one that it begins with */
    struct metering *before;   /* the one that is there when it is started */
    uint32_t number;
    bool started;
    pthread_t thread;
};

struct metering {
    /* Threads that read sources: the reader of the distribution stage, or every worker. */
    uint32_t receiver_count;
    _Atomic enum metering_stage stage;
    bool takes_over;        /* from another set */
    struct metering *next;  /* that takes over, before the stage says HANDED */
    _Atomic uint32_t left;  /* receivers that have left the sources */
    _Atomic uint32_t begun; /* receivers that step this set */
    _Atomic bool dismissed; /* its threads are not needed any more; main thread */
    struct metering_thread lanes[EXPORT_RINGS_MAX]; /* of workers behind a distribution stage */
    struct metering_thread ender; /* with takes_over: ends what the receivers before have left */
    /* For each cache: the exporting process that takes its records; the cache of the set before
     * that has the same one, -1: none. Main thread, and the exporter's with the lock. */
    struct exporting_process *exporters[CACHES_MAX];
    int predecessor[CACHES_MAX];
    /* For each cache of a set whose packets another one gets: the cache of that one that has the
     * same exporting process; -1: that one ends, and has nothing left if it is drained. */
    int successor[CACHES_MAX];
    bool drained[CACHES_MAX];
    uint64_t drained_since_ns;            /* monotonic, its workers have ended; 0: they have not */
    struct ledger *exchanged[CACHES_MAX]; /* as in struct probe, of a cache that is new or ends */
    char names[CACHES_MAX][64];           /* of its caches */
    char spread[640]; /* how packets come to the workers, for the line at start */

    struct distribution *distribution; /* NULL: the workers read the sources themselves */
    int cores[EXPORT_RINGS_MAX];       /* a worker's own CPU, or -1 */
    uint32_t worker_count;
    uint32_t cache_count; /* of each worker */
    /* Cache c of worker w puts its records on ring [c][w], and exporting process c takes them. */
    struct record_ring *rings[CACHES_MAX][EXPORT_RINGS_MAX];
    struct probe_kernel *kernel; /* its flows that the kernel counts; NULL: it counts none */
    struct worker *workers[EXPORT_RINGS_MAX];
    _Atomic uint32_t running; /* workers whose records are not all on the rings */

    /* Changes of the flood level of each cache of each worker; main thread. */
    uint64_t floods_told[CACHES_MAX][EXPORT_RINGS_MAX];
};

struct exporting {
    /* Held by the exporter's thread while it steps; the main thread takes it to change what that
     * one uses: these, the probe's sets of workers, rings. */
    pthread_mutex_t lock;
    _Atomic bool wanted; /* by the main thread, which goes first */
    pthread_t thread;
    struct exporting_process *exporters[CACHES_MAX]; /* of the caches that get packets */
    struct spool *spools[CACHES_MAX];                /* NULL: none */
    /* What the exporting processes were asked to say of themselves with a ledger cut; they write
     * there while it is pending. NULL: they were not asked. Main thread. */
    struct exporting_process_description *descriptions[CACHES_MAX];
    _Atomic bool hurried;     /* what is still queued is given up */
    _Atomic uint64_t drained; /* records sent so far, told once a second at the end */
    _Atomic bool finish;      /* the workers have ended: what is left is sent */
    _Atomic bool ended;       /* the exporter's thread */

    /* The exporter's thread. */
    bool gave_up;
    bool first_told;     /* the exporting process knows the time of the first packet */
    uint64_t started_ns; /* wall clock at the first step of a live run */
    uint64_t told_ns;    /* monotonic time when it was told what the workers had counted */
};

/* What a set of workers is made of. */
struct metering_wish {
    const struct probe_config *config;
    const struct probe_selection *selection;
    const struct probe_rules *rules;
    struct probe_lists *lists;              /* NULL: none */
    struct probe_kernel *kernel;            /* NULL: none. The workers' own from then on */
    bool takes_over;                        /* from another set, while packets flow */
    struct probe_snapshot_change *snapshot; /* then: what gives the rings of packets */
    const struct source_places *places;     /* of the configuration's sources */
    const struct source_queues *sources;    /* that it begins with; NULL: all of the probe */
    uint32_t source_count;
};

/* Makes the workers of WISH on the sources of PROBE, which are open. NULL and ERROR: nothing is
 * left, and neither is WISH's kernel. */
struct metering *metering_create(struct probe *probe, const struct metering_wish *wish,
                                 struct error *error);
/* Whether the workers of CONFIG can be had with the sources of PROBE as they are open, which have
 * the receive queues that they have. */
bool metering_is_possible(const struct probe *probe, const struct probe_config *config);
/* No thread of METERING may run. NULL is fine. */
void metering_destroy(struct metering *metering);
/* Adds what its workers have told for CACHE, as worker_add_counts(). Any thread. */
void metering_add_counts(const struct metering *metering, uint32_t cache,
                         struct worker_counts *counts);
/* Octets of its tables; BACKING (may be NULL) gets in which kinds of pages they are. */
size_t metering_memory(const struct metering *metering, char *backing, size_t size);

/* ---- its threads (probe_workers.c); main thread ---- */

/* Starts the threads of METERING that PROBE does not have yet. If it takes over, they wait for its
 * turn. False and ERROR: cancel them. */
bool metering_start_threads(struct probe *probe, struct metering *metering, struct error *error);
/* Starts those of the first set. */
void metering_start(struct probe *probe);
/* METERING does not take over: its threads end. */
void metering_cancel_threads(struct probe *probe, struct metering *metering);
/* Ends all threads of METERING, whose records are on the rings, but those that receive. */
void metering_dismiss(struct metering *metering);
/* Waits for the end of the receivers from FIRST on; the others have gone over to another set. */
void metering_join_receivers(struct probe *probe, uint32_t first);
/* Waits for the end of all threads, when everything has ended. */
void metering_join(struct probe *probe);

/* ---- exporting (probe_exporting.c) ---- */

/* NULL: no memory. */
struct exporting *exporting_create(void);
/* No step of an exporting process is under way until it is given back. Main thread. */
void exporting_take(struct exporting *exporting);
void exporting_give_back(struct exporting *exporting);
/* Makes the exporting processes of PROBE, and opens what outlives them. */
bool exporting_open_spools(struct probe *probe, struct error *error);
bool exporting_make(struct probe *probe, struct error *error);
/* Frees the processes, then what is theirs. NULL is fine. */
void exporting_close_processes(struct exporting *exporting);
void exporting_free(struct exporting *exporting);

#endif
