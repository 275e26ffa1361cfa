/*
 * What the files of the exporting process share. Only they include this; see exporting_process.h.
 */
#ifndef SPANFLOW_EXPORTER_EXPORTING_PROCESS_INTERNAL_H
#define SPANFLOW_EXPORTER_EXPORTING_PROCESS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "delivery_group.h"
#include "destination.h"
#include "exporting_process.h"
#include "exporting_process_change.h"

enum { LEAVING_MAX = DESCRIBED_DESTINATIONS_MAX - DESTINATIONS_MAX };

struct ring_state {
    struct record_ring *ring;     /* not owned */
    struct ledger_pair *exported; /* its place in the account, as the next */
    uint64_t *records;
    bool old;          /* of before an exchange */
    uint32_t exchange; /* that it came with */
    bool at_marker;    /* waits for the other rings */
    uint64_t cut;
};

struct exporting_process {
    /* That is in force; of a destination, its own copy counts. */
    struct exporting_process_config config;
    uint32_t current_count; /* destinations that get records, in order of configuration */
    struct destination *current[DESTINATIONS_MAX];
    uint32_t leaving_count; /* those that do not any more */
    struct destination *leaving[LEAVING_MAX];
    uint32_t everyone_count;
    struct destination *everyone[DESTINATIONS_MAX]; /* those that get every record */
    uint32_t group_count;
    struct delivery_group groups[DESTINATIONS_MAX]; /* those in which one member gets it */
    struct ring_state rings[2 * EXPORT_RINGS_MAX];  /* the old ones behind the others */
    uint32_t ring_count;                            /* of both */
    uint32_t exchanges;                             /* of rings so far */
    uint32_t named; /* records of rings of earlier exchanges have the interfaces of before */
    /* By row: since when old rings wait for its queue, monotonic, 0: they do not; and a set of
     * those for which they have waited long enough. */
    uint64_t held_ns[EXPORT_ROWS_MAX];
    uint64_t given_up;
    uint32_t turn; /* ring that goes first next time */
    bool boot_known;
    uint32_t boot_s; /* once it is known */
    bool abandoned;
    uint64_t monotonic_ns; /* of the current step */
    struct exporter_counters counters;
    struct metering_counts metering;
    atomic_bool accepts;

    pthread_mutex_t cut_lock; /* guards the three below */
    bool cut_taken;
    uint64_t cut_number;
    struct exporter_counters cut_counters;

    /* Between the control thread and the exporter's, each a pointer that has one owner. */
    _Atomic(struct exporting_process_change *) submitted;      /* to the exporter's thread */
    _Atomic(struct exporting_process_change *) taken;          /* back */
    _Atomic(struct destination *) ended;                       /* a stack of what is to be freed */
    _Atomic(struct exporting_process_description *) described; /* wanted; NULL: answered */

    /* Control thread. */
    bool changing;             /* a change is prepared or submitted */
    struct destination *known; /* all that are not freed; a list */
    uint32_t known_count;
    struct name *names; /* of rows; a list */
};

struct name {
    struct name *next;
    char text[];
};

/* What one destination of the new configuration is to become. */
struct planned_destination {
    enum destination_change change;
    uint32_t row;
    bool row_is_new;            /* nothing of what the row counts is of this destination */
    const char *name;           /* of the row */
    struct destination *before; /* CHANGE_NONE, IN_PLACE, SUCCESSOR: the one that is there */
    struct destination *fresh;  /* owned until the change is taken; NULL with CHANGE_NONE */
};

struct exporting_process_change {
    struct exporting_process *process;
    struct exporting_process_config config;
    bool renames;   /* its interfaces have other names or numbers than the running ones */
    uint32_t named; /* as in struct exporting_process */
    struct planned_destination planned[DESTINATIONS_MAX];
    struct name *names; /* of new rows, owned; until the change is submitted */
};

/* ---- exporting_process.c ---- */

/* Makes the lists of those who get records out of the configuration and the current ones. */
void exporting_process_make_groups(struct exporting_process *process);
/* Whether others of its group get records instead of D. */
bool exporting_process_is_replaced(const struct exporting_process *process,
                                   const struct destination *d);
/* Records that came off all rings so far. */
uint64_t exporting_process_taken(const struct exporting_process *process);

/* ---- exporting_process_rings.c ---- */

/* RING in place I of the account of those that are there. */
struct ring_state exporting_process_ring(struct exporting_process *process,
                                         struct record_ring *ring, uint32_t i);
/* Fills in which interfaces records of before keep, behind those of CHANGE. Control thread. */
void exporting_process_plan_interfaces(struct exporting_process_change *change);
/* Records that wait to become one with others were taken before the interfaces were renamed.
 * Exporter's thread, as the next. */
void exporting_process_rename_waiting(const struct exporting_process *process);
/* RECORD, just met on RING, keeps the interfaces that it had where others have come since. */
void exporting_process_keep_interfaces(const struct exporting_process *process,
                                       const struct ring_state *ring,
                                       const struct flow_record *record);
/* Whether a record is to be taken off the old rings now. Exporter's thread. */
bool exporting_process_takes_old(struct exporting_process *process);

/* ---- exporting_process_change.c ---- */

/* Takes a change that was submitted. Exporter's thread, between two records. */
void exporting_process_take_change(struct exporting_process *process);
/* DESTINATION, or a shell, is of no more use: the control thread frees it. Exporter's thread. */
void exporting_process_let_go(struct exporting_process *process, struct destination *destination);
/* Goes on with changes in place and with what leaves. True if anything moved. Exporter's thread. */
bool exporting_process_step_changes(struct exporting_process *process, bool draining);
/* A name that lives as long as the process; NULL without memory. Control thread. */
const char *exporting_process_keep_name(struct name **names, const char *text);
/* Frees what no change needs any more, and at the end everything else. Control thread. */
void exporting_process_free_changes(struct exporting_process *process);

/* ---- exporting_process_describe.c ---- */

/* Answers a request that waits. Exporter's thread. */
void exporting_process_answer_description(struct exporting_process *process);

#endif
