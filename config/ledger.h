/*
 * The ledger: one account of every packet and record, put together from the copies that workers and
 * the exporting process made at one cut, checked, and written for people and programs.
 *
 *   (1) observed = metered + filtered + ignored + dropped     packets, frame octets
 *   (2) metered  = exported + cached + in_kernel + lost       packets, IP octets
 *   (3) records out = sent + queued + spooled + lost          records, for each destination
 *
 * With several caches each has a whole account of its own: every packet is metered or dropped in
 * each of them, and what was left out before them is the same in all. The first one's account is
 * that of the probe, and the others are added to it.
 *
 * Where one destination of a group gets a record, the group stands in (3) for its members.
 *
 * Every term is a sum of counters of its own; none is computed from the others. Control thread.
 */
#ifndef SPANFLOW_CONFIG_LEDGER_H
#define SPANFLOW_CONFIG_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "app/application_scan.h"
#include "app/name_find.h"
#include "base/error.h"
#include "base/ledger_terms.h"
#include "exporting_process.h"
#include "flow/flow_cache.h"
#include "packet/duplicate_table.h"
#include "parse/parse.h"
#include "snapshot/snapshot_ring.h"

enum { LEDGER_WORKERS_MAX = EXPORT_RINGS_MAX, LEDGER_BLIND_MAX = 16, LEDGER_CACHES_MAX = 4 };
/* Those of the exporting process, and of the ones before it in this run (ledger_carry.h). */
enum { LEDGER_ROWS_MAX = 2 * EXPORT_ROWS_MAX };

/* The names of the reasons as in the JSON, in the order of the enums of ledger_terms.h. */
extern const char *const ledger_filtered_names[FILTERED_COUNT];
extern const char *const ledger_ignored_names[IGNORED_COUNT];
extern const char *const ledger_dropped_names[DROPPED_COUNT];
extern const char *const ledger_lost_names[LOST_COUNT];
extern const char *const ledger_destination_lost_names[DESTINATION_LOST_COUNT];
extern const char *const ledger_snapshot_cut_off_names[SNAPSHOT_CUT_OFF_COUNT];
extern const char *const ledger_snapshot_failed_names[SNAPSHOT_FAILED_COUNT];

/* The states of a transport as in the JSON, in the order of enum transport_state. */
extern const char *const ledger_transport_states[TRANSPORT_STATE_COUNT];

/* What one worker copied at the cut. Its number is that of its record ring. */
struct ledger_account {
    const struct worker_ledger *worker;
    const struct source_ledger *sources; /* those that the worker owns */
    uint32_t source_count;
    struct ledger_pair cached;            /* sum of a walk over live entries, IP octets */
    struct ledger_pair in_kernel;         /* the same for entries in the kernel */
    const struct kernel_counters *kernel; /* diagnostics; NULL: none */
    const struct parser_counters *parser; /* diagnostics; NULL: none */
    const struct duplicate_counters *duplicates;
    const struct application_counters *applications;
    const struct name_finder_counters *names;
    const struct flow_cache_counters *cache;
    const struct snapshot_account *snapshot; /* NULL: told with another cache, or none is kept */
};

/* The packet terms of one worker, or of the probe. */
struct ledger_terms {
    struct ledger_pair observed;
    struct ledger_pair filtered[FILTERED_COUNT];
    struct ledger_pair ignored[IGNORED_COUNT];
    struct ledger_pair dropped[DROPPED_COUNT];
    struct ledger_pair metered;       /* IP octets */
    struct ledger_pair metered_frame; /* frame octets */
    struct ledger_pair exported;
    struct ledger_pair cached;
    struct ledger_pair in_kernel;
    struct ledger_pair lost[LOST_COUNT];
    uint64_t flows;                   /* records created */
    uint64_t records_out;             /* records put into the record ring */
    uint64_t records_taken;           /* records that the exporting process took off the ring */
    struct snapshot_account snapshot; /* frame octets; of the first cache's ledger alone */
};

/* Records of the flow history that were sent once more: no part of any sum. */
struct ledger_replays {
    uint64_t count; /* replays that were begun */
    uint64_t found; /* records of the times that were asked for */
    uint64_t sent;
    uint64_t lost;
};

/* The link of a source's device. */
struct ledger_link {
    const char *name; /* not owned */
    bool up;
    uint64_t losses; /* how often it went down */
};

struct ledger {
    const char *cache_name; /* not owned; NULL: there is only one cache */
    uint32_t other_count;
    const struct ledger *others[LEDGER_CACHES_MAX - 1]; /* of the other caches; not owned */
    struct ledger_terms probe;
    uint32_t worker_count;
    struct ledger_terms workers[LEDGER_WORKERS_MAX];
    struct parser_counters parser; /* diagnostics of all workers; in no identity */
    struct duplicate_counters duplicates;
    struct application_counters applications;
    struct name_finder_counters names;
    struct kernel_counters kernel;
    struct ledger_pair counted; /* observed by the kernel; a part of observed */
    struct flow_cache_counters cache;
    uint32_t destination_count;
    struct destination_counters destinations[LEDGER_ROWS_MAX];
    struct destination_place places[LEDGER_ROWS_MAX];
    struct ledger_replays replays; /* of the first cache's ledger alone */
    uint64_t misplaced;            /* records, found at changes of the configuration; 0 */
    uint32_t group_count;
    struct export_group groups[DESTINATIONS_MAX];
    struct ledger_pair given_carried; /* observed by earlier probes of this run */
    bool given_known;                 /* whether what follows is told */
    struct ledger_pair given; /* what the sources filled in, before it was spread over workers */
    uint32_t link_count;
    struct ledger_link links[LEDGER_BLIND_MAX];
    uint32_t blind_count;
    const char *blind[LEDGER_BLIND_MAX]; /* sources whose device hides its drops; not owned */
};

/* Fills LEDGER from the copies of one cut. The exporting process must live as long as the ledger is
 * used. */
void ledger_make(struct ledger *ledger, const struct ledger_account *accounts,
                 uint32_t worker_count, const struct exporter_counters *exporter);

/* Adds the account OTHER (not owned) of another cache, named as its cache_name says. LEDGER, the
 * first cache's, has its own name set, too. */
void ledger_add_cache(struct ledger *ledger, const struct ledger *other);

/* Hours of the present rate that are, or would be, in OCTETS of a spool; 0 if that is not known. */
double ledger_spool_hours(const struct spool_account *spool, uint64_t octets);

/* Records given to the members of group GROUP, from 0, since the last change of the configuration.
 */
uint64_t ledger_group_records(const struct ledger *ledger, uint32_t group);

/* The mode of a group as options have it. */
extern const char *const ledger_mode_names[];

/* Adds what one source counted as it filled its batches, for a run whose workers observe behind a
 * distribution stage. Only at the end, when the stage holds nothing. */
void ledger_add_given(struct ledger *ledger, const struct ledger_pair *observed);

/* Adds the name of a source whose device does not tell what it lost; at most LEDGER_BLIND_MAX. */
void ledger_add_blind_source(struct ledger *ledger, const char *name);

/* Adds the link of a source named NAME (not owned); at most LEDGER_BLIND_MAX. */
void ledger_add_link(struct ledger *ledger, const char *name, bool up, uint64_t losses);

/* True when all identities hold exactly, for each cache, worker, the probe and each destination.
 * Otherwise PROBLEM (may be NULL) says which does not and by how much. */
bool ledger_balanced(const struct ledger *ledger, struct error *problem);
/* The same for the account of LEDGER's own cache alone. */
bool ledger_cache_balanced(const struct ledger *ledger, struct error *problem);

/* The ledger as one JSON object with a line break at its end, to be freed; NULL if memory is
 * short. */
char *ledger_json(const struct ledger *ledger);

/* Writes the JSON to PATH: a temporary file beside it, then renamed; "-" is the standard output.
 * False and one line in ERROR if that fails; an older file is then as it was. */
bool ledger_write(const struct ledger *ledger, const char *path, struct error *error);

/* Prints the account in a few aligned lines; terms that are 0 are left out. */
void ledger_print(const struct ledger *ledger, FILE *file);

#endif
