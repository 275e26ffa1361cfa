/*
 * A whole probe in one thread under a virtual clock: workers with sources that make packets on
 * demand, their rings, an exporting process with a json file and moody collectors, and a reference
 * cache for each worker. The simulator decides who steps when. Test code; owns everything.
 */
#ifndef SPANFLOW_SIM_SIM_WORLD_H
#define SPANFLOW_SIM_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "exporting_process.h"
#include "ledger.h"
#include "packet/packet_filter.h"
#include "sim/sim_source.h"
#include "sim/sim_transport.h"
#include "worker/worker_change.h"

enum { SIM_WORKERS_MAX = 3, SIM_SOURCES_MAX = 2, SIM_COLLECTORS_MAX = 4 };

/* Whether session destinations have a spool, and of which size. */
enum sim_spool { SIM_SPOOL_NONE, SIM_SPOOL_SMALL, SIM_SPOOL_LARGE };

/* What a seed draws. */
struct sim_plan {
    uint32_t workers;
    uint32_t sources; /* of each worker */
    uint32_t collectors;
    bool offline;
    bool late_anyhow;
    bool tiny_cache;
    bool tiny_ring;
    bool tiny_queues;
    enum sim_spool spool; /* of live runs */
    uint32_t flows_max;
    unsigned copies;           /* percent of packets that are copies from another port */
    struct flood_policy flood; /* all 0: none */
    unsigned others;           /* caches after the first */
    unsigned changes;          /* percent of events that change a worker's configuration */
    uint32_t ring_lines;
    uint32_t queue_octets;
    struct reference_config timeouts;
    struct sim_mood moods[SIM_COLLECTORS_MAX];
    uint64_t seed;
};

/* What was taken off a ring. */
struct sim_taken {
    struct ledger_pair exported;
    uint64_t records;
};

/* A cache after the first: its records are taken off its ring as they are. */
struct sim_other {
    struct record_ring *ring;
    struct plain_list expected, got;
    struct sim_taken taken, at_cut;
    uint64_t cut;
};

struct sim_worker {
    struct worker *worker;
    struct record_ring *ring;
    struct sim_feed feed;
    struct sim_source sources[SIM_SOURCES_MAX];
    struct plain_list expected;
    struct sim_other others[SIM_OTHERS_MAX];
    struct worker_config config;  /* in force */
    struct worker_change *change; /* under way; NULL: none */
    uint32_t flows_bound;         /* of each cache now */
    bool retimed;                 /* timeouts changed: records depend on the phase of the sweep */
    uint32_t changes;
};

struct sim_world {
    struct sim_plan plan;
    struct random random;
    struct sim_worker workers[SIM_WORKERS_MAX];
    struct exporting_process_config exporting;
    struct exporting_process *exporter;
    struct sim_far_end far_ends[SIM_COLLECTORS_MAX];
    struct prefix_set *ignore;
    struct packet_filter *filter;
    struct packet_filter *other_filter; /* of changes */
    char json_path[64];
    struct spool *spool; /* NULL: none */
    char spool_folder[64];
    uint64_t monotonic_ns;
    uint64_t wall_ns;
    uint64_t cut;
    bool cut_pending;
    uint64_t cuts_checked;
    /* Changes of the configuration (sim_change.h). */
    bool changes;
    bool change_pending;
    struct random change_random;
    struct exporting_process_config all; /* settings of all collectors, there or not */
    bool failed;
};

/* Builds the world of PLAN. Aborts if that fails. */
void sim_world_open(struct sim_world *world, const struct sim_plan *plan);
/* Frees what open took and removes the json file. */
void sim_world_close(struct sim_world *world);

/* One step of a worker with up to BUDGET new packets for each source. */
enum worker_status sim_step_worker(struct sim_world *world, uint32_t number, uint64_t budget);
/* One step of the exporting process. */
void sim_step_exporter(struct sim_world *world);
/* Asks for a ledger cut, or checks the one that was asked for if it is complete. */
void sim_step_cut(struct sim_world *world);
/* The wall clock jumps to WALL_NS: every worker ends its records and starts anew there. */
void sim_step_clock(struct sim_world *world, uint64_t wall_ns);
/* Runs to the end: workers end, the exporter drains or is abandoned, the last ledger is checked. */
void sim_finish(struct sim_world *world, bool abandon);
/* Compares what the json destination wrote with the references; what may not be compared is left
 * out. True if all was well in the whole run. */
bool sim_compare(struct sim_world *world, const char *name, const char **how);

/* ---- sim_caches.c ---- */

/* Adds the other caches to CONFIG, the first one being there, and their references. */
void sim_open_others(struct sim_world *world, struct sim_worker *w, struct worker_config *config);
void sim_close_others(struct sim_world *world, struct sim_worker *w);
/* Takes what there is off the rings of the other caches of worker NUMBER. */
void sim_take_others(struct sim_world *world, uint32_t number);
/* The ledger of other cache C from the copies ACCOUNTS of all workers, as it was AT_CUT or is now.
 */
void sim_other_ledger(struct sim_world *world, unsigned c,
                      const struct worker_account *const accounts[], bool at_cut,
                      struct ledger *ledger);
/* Compares the records of the other caches with their references. */
void sim_compare_others(struct sim_world *world, const char *name);

/* ---- sim_reconfigure.c ---- */

/* A policy for floods, by chance. */
struct flood_policy sim_draw_flood(struct random *random);
/* One of the timeouts that are worth a try. */
uint64_t sim_draw_timeout(struct random *random);
/* Changes the configuration of worker NUMBER, unless a change is under way. */
void sim_reconfigure(struct sim_world *world, uint32_t number);
/* Frees a change that has finished. */
void sim_settle_reconfiguration(struct sim_world *world, uint32_t number);

/* Marks the run as failed and prints why. */
void sim_fail(struct sim_world *world, const char *what);

#endif
