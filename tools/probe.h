/*
 * A whole probe, put together from its configuration: sources, filters, workers with their caches,
 * record rings, exporting processes. Only wiring; what the parts do is said in their own headers.
 *
 * Created, run and destroyed by the main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_H
#define SPANFLOW_TOOLS_PROBE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "export_state.h"
#include "exporting_process.h"
#include "ledger_carry.h"
#include "packet/packet_filter.h"
#include "packet/packet_source.h"
#include "probe_config.h"
#include "probe_metering.h"

/* Wall time at the last reading, for packets without a time of their own. Written and read by one
 * thread; no two words share a cache line. */
struct receive_clock {
    uint64_t now_ns;
    uint64_t apart[7];
};

struct probe_alerts;
struct probe_change;
struct probe_control;
struct probe_files;
struct probe_folders;
struct probe_history;
struct probe_kernel;
struct probe_lists;
struct probe_moves;
struct probe_snapshot;
struct probe_watch;

/* The applications that are looked for; both NULL: none. */
struct probe_rules {
    struct application_set *set; /* compiled, for workers */
    /* The same, for the exporter; and those of rules before whose numbers are free: records that
     * flows have from then still carry them. */
    struct export_applications *names;
    uint64_t loaded_ns; /* wall clock: when they were read */
};

/* What a configuration says about packets and addresses, made for the workers. */
struct probe_selection {
    struct packet_filter *source_filters[SOURCES_MAX]; /* NULL: none */
    struct packet_filter *filter;                      /* NULL: none */
    struct prefix_set *ignore;
    struct prefix_set *local;
    struct name_settings names; /* with the secret of hashed ones */
    bool key_is_new;            /* and it is in no file yet */
};

/* A number that packets carry for the interface that they came by. A source keeps its own; flows
 * may have one that its source has left. */
struct probe_port {
    bool left; /* no source has it any more */
    uint64_t left_ns;
    char device[512];                  /* the words of the one that has or had it */
    struct packet_interface interface; /* of the one that has left */
    struct source_ledger counted;      /* by those that have left */
};

/* Where the sources of a configuration are among the ports, and what they are called. */
struct source_places {
    uint32_t count;
    struct source_place {
        uint16_t port;
        uint16_t interfaces; /* from that port on */
        struct packet_interface interface;
    } places[SOURCES_MAX];
};

struct probe {
    const struct probe_config *config; /* not owned */
    struct probe_control *control;     /* NETCONF; NULL: none is served. Not owned */
    struct probe_watch *watch;         /* for notifications; NULL: none are made */
    struct probe_history *history;     /* NULL: no flow records are kept. Main thread */
    struct ledger_carry *carry;        /* what earlier probes of this run counted; NULL: none */
    bool rebuilding;                   /* it ends so that another takes its place; main thread */
    uint64_t rebuilding_ns;            /* monotonic, since when; nothing is received from then on */
    uint64_t observing_ns;             /* monotonic, since when its sources have received */
    uint32_t source_count;
    struct packet_source *sources[SOURCES_MAX]; /* in the order of the configuration */
    bool sources_changed;                       /* since the start, or a change was refused */
    pthread_mutex_t sources_lock; /* held to change them, and by other threads that look at them */
    uint32_t port_count;          /* that sources have or had; live */
    struct probe_port ports[EXPORT_INTERFACES_MAX];
    struct probe_selection selection;
    struct probe_change *change; /* that the workers are taking; NULL: none. Main thread */
    struct probe_rules rules;
    struct probe_alerts *alerts;     /* findings of rules and lists. Main thread */
    struct probe_lists *lists;       /* NULL: flows are compared with none */
    struct probe_snapshot *snapshot; /* packets that are kept (probe_snapshot.h) */
    struct probe_kernel *kernel;     /* for the first workers; NULL: none, or they are made */
    uint64_t kernel_hurry_ns;  /* until then workers wait for the kernel's counts; main thread */
    struct metering *metering; /* its workers: those that get the packets */
    struct metering_thread receivers[EXPORT_RINGS_MAX]; /* main thread */
    struct metering *before; /* those that got them before; NULL: they are gone */
    /* What sets of workers counted that are gone, for each cache; NULL: nothing. Main thread. */
    struct ledger *exchanged[CACHES_MAX];
    struct worker_counts counts_before[CACHES_MAX]; /* the same for statistics */
    struct exporting *exporting;                    /* its exporting processes */
    /* If there is more than one, worker w reads receive queue w of every source: those of worker 0
     * are the sources themselves. */
    uint32_t queue_count;
    struct packet_source *queues[EXPORT_RINGS_MAX][SOURCES_MAX];
    bool queues_by_ports;       /* they are filled by ports as well as addresses */
    char queues_why[512];       /* why there are no more of them; "": they are as many as wanted */
    struct export_state *state; /* of the last run; NULL: none is kept */
    struct probe_moves *moves;  /* of the change that is being prepared; NULL: none */
    struct probe_folders *folders; /* that a prepared change brings; NULL: none. Main thread */

    /* Ledger cuts: main thread. */
    uint64_t cuts; /* asked for so far */
    bool cut_pending;
    bool cut_for_signal; /* the pending one is written where the configuration wants it */
    uint32_t ledgers_answered;

    /* Live: the main thread keeps the clock, the thread that receives stamps packets with it. */
    struct clock_state clock;
    uint64_t looked_ns; /* monotonic, after devices; main thread */
    cpu_set_t cpus;     /* that this process may run on; main thread */
    _Atomic int64_t clock_offset_ns;
    _Atomic uint64_t clock_steps; /* two for each jump; odd while the offset changes */
    struct receive_clock receive_clocks[EXPORT_RINGS_MAX]; /* by worker; the reader has the first */
};

/* Opens everything CONFIG names, which must outlive the probe, and takes what was read for it from
 * FILES (NULL: nothing was). NULL and one line in ERROR if anything cannot be had; nothing stays
 * open then, and FILES are as they were. */
struct probe *probe_create(const struct probe_config *config, struct probe_files *files,
                           struct ledger_carry *carry, struct error *error);
void probe_destroy(struct probe *probe);
/* Takes out of PROBE, which is destroyed next, what it got from files. FILES may be used and freed
 * when it is destroyed. */
void probe_give_files(struct probe *probe, struct probe_files *files);

/* probe_selection.c: what CONFIG says, for workers. False and ERROR; free it in any case. */
bool probe_selection_make(struct probe_selection *selection, const struct probe_config *config,
                          struct error *error);
/* It is to be in force: makes the file of a new secret. False and ERROR: nothing has changed. */
bool probe_selection_store(struct probe_selection *selection, const struct probe_config *config,
                           struct error *error);
void probe_selection_free(struct probe_selection *selection);
/* Fills in WORKER, which is all zeros, as far as it is the same for all workers. The sources of
 * CONFIG are at PLACES. */
void probe_configure_worker(const struct probe_config *config, const struct source_places *places,
                            const struct probe_selection *selection,
                            const struct probe_rules *rules, struct worker_config *worker);
/* What the exporting process of cache C is to know of PROBE, RULES and the configuration FROM,
 * whose sources are at PLACES. */
void probe_describe(const struct probe *probe, const struct probe_config *from,
                    const struct source_places *places, const struct probe_rules *rules, uint32_t c,
                    struct exporting_process_config *config);

/* probe_applications.c: rules compiled and their names, if CONFIG wants applications found; BEFORE
 * are those in force till then, or NULL. False and ERROR; free it in any case. */
bool probe_rules_make(struct probe_rules *made, const struct applications_config *config,
                      const struct probe_rules *before, struct error *error);
void probe_rules_free(struct probe_rules *made);
/* One line on the standard error stream with how many there are, if they are looked for. */
void probe_tell_applications(const struct probe *probe);
/* The same of names that leave with records. */
void probe_tell_names(const struct probe *probe);

/* Opens the sources of CONFIG into PROBE. False and ERROR: the caller destroys what is there. */
bool probe_open_sources(struct probe *probe, struct error *error);
/* Whether the devices of CONFIG could be started in the place of those that are open, as far as it
 * can be said before. False and ERROR, with the number of the source in *WRONG. */
bool probe_sources_possible(const struct probe_config *config, uint32_t *wrong,
                            struct error *error);
/* The same for one source beside those of PROBE: opened with WANTED, then brought up, but for the
 * packets of XDP (source_xdp_begin()). NULL or false, and ERROR: the caller closes what is open. */
struct packet_source *probe_open_source(const struct probe *probe,
                                        const struct source_config *config,
                                        const struct packet_interface *wanted, struct error *error);
bool probe_prepare_source(const struct probe *probe, const struct source_config *config,
                          struct packet_source *source, struct error *error);
/* Whether the device of CONFIG may have several receive queues that are filled by addresses. */
bool probe_may_have_queues(const struct source_config *config);
/* Closes the sources of PROBE with their queues. */
void probe_close_sources(struct probe *probe);
/* Where the sources of PROBE are, which are open and the devices of CONFIG, and what they are
 * called by that. */
void probe_places(const struct probe *probe, const struct probe_config *config,
                  struct source_places *places);
/* The two ports of a tap see one direction each: finds which belong together. */
void probe_pair_taps(struct source_places *places);
/* They are called so from now on. */
void probe_rename_interfaces(struct probe *probe, const struct probe_config *config);
/* What source S of PROBE has counted so far in all its queues, word by word while others write. */
struct source_ledger probe_source_ledger(const struct probe *probe, uint32_t s);

/* What it works with and looks for, a line each; or how to give it something to observe. */
void probe_say_start(const struct probe *probe);
/* One line with its workers and their memory. */
void probe_say_workers(const struct probe *probe);

/* ---- CPUs (probe_cores.c) ---- */

/* Gives each of WORKERS workers a CPU of ALLOWED if there is one more for all other threads, which
 * is the first; else -1. */
void probe_cores_choose(const cpu_set_t *allowed, uint32_t workers, int cores[]);
/* Gives the workers of METERING the CPUs that CONFIG names; if it names none and they poll receive
 * queues of their own, those of probe_cores_choose(). False and ERROR if a named CPU is not one
 * that this process may run on. */
bool probe_cores_give(struct metering *metering, const struct probe_config *config,
                      struct error *error);
/* Binds the calling thread to the CPU of worker NUMBER of METERING, if it has one and NUMBER is not
 * -1; else to those that its workers have not. */
void probe_cores_enter(const struct probe *probe, const struct metering *metering, int number);
/* Binds the calling thread to CORE; -1: to nothing. Returns what it was bound to. */
cpu_set_t probe_cores_bind(int core);
/* Keeps the calling thread, and those it makes, away from the workers' CPUs if there are others.
 * Returns what it was bound to. */
cpu_set_t probe_cores_leave_to_workers(const struct probe *probe);
/* Binds the calling thread to what it was bound to BEFORE: the next probe may want any of it. */
void probe_cores_take_back(const cpu_set_t *before);
/* " on CPU 3", " on CPUs 2,3", or "" if the workers have none of their own. */
void probe_cores_tell(const struct probe *probe, char *text, size_t size);

/* Says in one line each what happened to the devices since the last time. Main thread, about once a
 * second. */
void probe_tell_news(struct probe *probe);

/* The two ways to run; each ends with every record exported or counted lost. One thread suits one
 * worker on capture files; live, or with several workers, there are threads. */
void probe_run_alone(struct probe *probe);
void probe_run_threads(struct probe *probe);
/* What probe_run_threads() does: it begins, takes its turns as long as that says true, with a nap
 * behind each, and ends. */
void probe_begin_threads(struct probe *probe);
bool probe_turn_threads(struct probe *probe);
void probe_end_threads(struct probe *probe);
/* Newest time that any worker knows: what message headers carry. The exporter's thread, or the main
 * thread. */
uint64_t probe_time_ns(const struct probe *probe);
/* What all workers have told for CACHE, those that are gone included. As probe_time_ns(). */
struct worker_counts probe_counts(const struct probe *probe, uint32_t cache);
/* Tells the exporting processes what the workers have counted, once a second of the monotonic
 * clock, and before that the time of the first packet. Exporter's thread. */
void probe_tell_metering(struct probe *probe, uint64_t monotonic_ns);
/* Steps every exporting process in turn. *NEXT_NS: when they want to be stepped again, at the
 * latest. Exporter's thread. */
enum exporting_status probe_step_exporters(struct probe *probe, uint64_t now_ns, uint64_t *next_ns);
/* Whether every exporting process takes more records. Any thread, with capture files. */
bool probe_exporters_accept(const struct probe *probe);
/* Sends what is queued until nothing is, or a second stop gives up the rest. ALONE: there is no
 * other thread to answer ledger requests. Exporter's thread, the worker ended. */
void probe_drain_exporter(struct probe *probe, bool alone);
/* Says what went wrong with a destination since the last time, a line each. Exporter's thread, or
 * the main thread after it ended. */
void probe_say_problems(struct probe *probe);
/* If stop was asked for twice: counts what is queued, and all that comes yet, as lost. Returns
 * whether it did. Exporter's thread. */
bool probe_give_up_if_asked(struct probe *probe);

/* Says what changed about the flood levels since the last time, a line for each cache of each
 * worker. Main thread. */
void probe_say_floods(struct probe *probe);

/* ---- the ledger on request and at the end (probe_ledger.c) ---- */

/* Answers SIGUSR1: asks for a cut, and writes the ledger once worker and exporter have made their
 * copies. Called again and again by the main thread; never waits. */
void probe_answer_ledger_requests(struct probe *probe);
/* The same once the workers have ended and have no threads of their own any more. */
void probe_answer_late_ledger_requests(struct probe *probe);
/* Writes the final ledger where the configuration wants it, and a summary to standard error; every
 * thread has ended. False if it is not balanced or could not be written. */
bool probe_write_final_ledger(struct probe *probe);
/* The same account, kept for the probe that takes this one's place, and *STATE, the state that is
 * told until then, to be freed. Every thread has ended. NULL if memory is short; one line if it is
 * not balanced. */
struct ledger_carry *probe_carry_ledger(struct probe *probe, char **state);

/* ---- signals (probe_signals.c) ---- */

/* Takes SIGINT, SIGTERM and SIGUSR1 for the whole process; before any thread starts. */
void probe_signals_take(void);
/* How often a stop was asked for, and how many ledgers, since the start. Any thread. */
uint32_t probe_stops_asked(void);
uint32_t probe_ledgers_asked(void);

#endif
