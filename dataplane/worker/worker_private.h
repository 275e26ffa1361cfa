/*
 * What the files of a worker share among themselves; nobody else includes this.
 *   worker.c         creation, rounds, control
 *   worker_meter.c   one batch: selection, parsing, counting
 *   worker_payload.c the same where payload is looked at
 *   worker_snapshot.c  packets for the snapshot ring
 *   worker_change.c  another configuration
 *   worker_sources.c other sources
 *   worker_alert.c   alerts and hits of rules
 *   worker_watch.c   lists
 */
#ifndef SPANFLOW_WORKER_WORKER_PRIVATE_H
#define SPANFLOW_WORKER_WORKER_PRIVATE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "worker/alert_ring.h"
#include "worker/worker.h"

enum { COUNT_WORDS = sizeof(struct worker_counts) / sizeof(uint64_t) };
enum worker_phase { PHASE_METERING, PHASE_CUTTING_OPEN_RECORDS, PHASE_ENDING, PHASE_ENDED };

struct worker_change;

struct worker_walk;

struct worker {
    struct worker_config config;
    struct parser *parser;
    struct duplicate_table *duplicates; /* NULL: copies are not looked for */
    struct flow_cache *caches[WORKER_CACHES_MAX];
    /* Of the caches. What is left out before them is counted in the first. */
    struct worker_ledger ledgers[WORKER_CACHES_MAX];
    enum worker_phase phase;
    uint32_t caches_ended; /* set of those whose records have ended in this phase */
    bool source_ended[WORKER_SOURCES_MAX];
    bool source_idle[WORKER_SOURCES_MAX]; /* it had nothing when it was asked last */
    bool sources_stopped;                 /* they were asked for no more packets */
    bool sources_left;                    /* somebody else reads them */
    /* What they had counted when this worker took them over, and has counted when it left them. */
    struct source_ledger source_before[WORKER_SOURCES_MAX];
    struct source_ledger source_after[WORKER_SOURCES_MAX];
    struct source_ledger sources_gone; /* what those counted for this worker that are gone */
    bool any_gone;
    bool sources_asked; /* others are submitted: what is idle from then on is read out */
    uint64_t source_steps[WORKER_SOURCES_MAX]; /* clock steps of the source that were obeyed */
    uint32_t sources_open;
    uint32_t sampling_position;
    uint64_t now_ns;
    uint64_t device_polled_ns;
    uint64_t first_ns;                      /* time of the first packet; 0 = none yet */
    uint64_t flood_told[WORKER_CACHES_MAX]; /* changes of the level that other threads know of */
    struct packet_batch batch;
    struct packet_batch kept; /* what filter and sampling left of it */
    struct packet_facts facts[PACKET_BATCH_MAX];
    struct application_scanner *scanner; /* NULL: no applications are looked for */
    struct alert_ring *alerts;
    _Atomic uint64_t *application_hits; /* by number; pages that no rule hits cost nothing */
    struct name_finder *finder;         /* NULL: no names are looked for */
    /* If payload is looked at, the kernel counts flows or packets are kept. */
    struct flow_ref refs[PACKET_BATCH_MAX];
    struct flow_ref other_refs[PACKET_BATCH_MAX]; /* of caches after the first */
    struct flow_listed listed;                    /* of the first cache */
    struct arena snapshot_classes;                /* an octet for each record, or nothing */
    struct snapshot_batch snapshot_batch;         /* what is given to the ring */
    struct worker_change *change;                 /* that is under way; NULL: none */
    /* What tables and scanners counted that are not there any more. */
    struct duplicate_counters duplicates_before;
    struct application_counters applications_before;
    struct name_finder_counters names_before;

    /* Written by other threads. */
    _Atomic bool stop_asked;
    _Atomic uint64_t cut_asked;
    _Atomic(struct worker_change *) change_submitted;      /* the worker sets it to NULL */
    _Atomic(struct worker_walk *) walk;                    /* NULL: none is under way */
    _Atomic(const struct source_list *) sources_submitted; /* the worker sets it to NULL */
    /* Read by other threads. */
    _Atomic uint64_t cut_made;
    _Atomic uint64_t time_ns;
    _Atomic uint64_t counts[WORKER_CACHES_MAX][COUNT_WORDS]; /* each word by itself */
    /* Changes of the level << 16 | percent in use << 8 | level. */
    _Atomic uint64_t flood[WORKER_CACHES_MAX];
    struct worker_account cut; /* complete before cut_made says so */
};

/* Meters the packets of worker->batch, at least one. Worker thread. */
void worker_meter(struct worker *worker);

/* Whether payload is looked at by CONFIG, and whether for names. */
bool worker_looks_at_payload(const struct worker_config *config);
bool worker_wants_names(const struct worker_config *config);
/* Gives FINDER, which may be NULL, the bounds of the search for applications. */
void worker_bound_names(struct name_finder *finder, const struct application_limits *limits);
/* Adds what FINDER (may be NULL) has counted to SUM. Worker thread. */
void worker_add_names(struct name_finder_counters *sum, const struct name_finder *finder);

/* What source S has counted while it was this worker's. Worker thread. */
struct source_ledger worker_source_ledger(const struct worker *worker, uint32_t s);
/* Reads what the devices lost, and tells other threads the counts. Worker thread. */
void worker_poll_devices(struct worker *worker);
/* Takes other sources that were submitted, as soon as those that leave are read out. Worker thread,
 * between two batches. */
void worker_follow_sources(struct worker *worker);

/* Takes a change that was submitted, or goes on with one: a bounded part of it. True if there is
 * more to do. Worker thread, between two batches. */
bool worker_follow_change(struct worker *worker);

#endif
