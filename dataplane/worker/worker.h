/*
 * A worker: its sources, parser, filters, caches and their record rings, and the one loop body that
 * moves packets through them. Packets are selected and parsed once and counted in every cache, each
 * of which has timeouts, size, flood policy and record ring of its own. Shares nothing mutable with
 * other workers. worker_step() is a plain function: a thread calls it in a loop, the simulator
 * calls it under a virtual clock.
 */
#ifndef SPANFLOW_WORKER_WORKER_H
#define SPANFLOW_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "app/application_scan.h"
#include "app/name_find.h"
#include "base/error.h"
#include "base/ledger_terms.h"
#include "flow/flow_cache.h"
#include "flow/prefix_set.h"
#include "packet/duplicate_table.h"
#include "packet/packet_source.h"
#include "parse/parse.h"
#include "snapshot/snapshot_ring.h"

enum { WORKER_SOURCES_MAX = SOURCE_LIST_MAX, WORKER_CACHES_MAX = 4 };

struct packet_filter;
struct snapshot_policy;
struct watch_tally;

/* An expression for the packets of one port; those of other ports are not asked. */
struct worker_port_filter {
    uint16_t port;                      /* packet_batch.port */
    const struct packet_filter *filter; /* not owned */
};

struct worker_config {
    uint16_t number;
    struct packet_source *sources[WORKER_SOURCES_MAX]; /* not owned */
    uint32_t source_count;
    bool more_sources; /* as source_list.more */
    struct worker_port_filter port_filters[WORKER_SOURCES_MAX];
    uint32_t port_filter_count;
    struct parser_config parser;
    /* At least one; only a single one may have flows that the kernel counts. The worker fills in
     * ledger, worker, applications, names, snapshot and watch. */
    struct flow_cache_config caches[WORKER_CACHES_MAX];
    uint32_t cache_count;
    const struct packet_filter *filter;           /* NULL = all; not owned */
    const struct prefix_set *ignore;              /* NULL = none; not owned */
    const struct application_set *applications;   /* NULL = none are looked for; not owned */
    struct application_limits application_limits; /* flows_max is filled in by the worker */
    struct name_settings names;                   /* all 0: none are looked for */
    /* Lists that flows are compared with, and what is counted by them; NULL: none. Not owned. */
    struct watch_tally *watch;
    uint8_t alert_minimum;        /* enum severity: what is less grave raises no alert */
    uint32_t sampling_interval;   /* 1 of N, systematic */
    uint64_t duplicate_window_ns; /* copies from other ports are left out; 0 = metered */
    bool offline;                 /* packet time is the clock; never lose to speed */
    bool populated;               /* the pages of tables and rings are taken when it is created */
    /* Packets are kept here; NULL = none are. Not owned: it must live until the worker has left it
     * (snapshot_ring_left()). A ring belongs to one worker and is given to it once. */
    struct snapshot_ring *snapshot;
    const struct snapshot_policy *snapshot_policy; /* with a ring; not owned */
};

enum worker_status {
    WORKER_BUSY, /* call again at once */
    WORKER_IDLE, /* no packets now */
    WORKER_HELD, /* offline: the ring must drain first; at the end: the kernel still has flows */
    WORKER_ENDED /* sources ended or stop was asked for, and every record is on the ring */
};

/* What a cache after the first has counted. Its ledger is complete: what the worker left out before
 * the caches is the same in all. */
struct worker_cache_account {
    struct worker_ledger ledger;
    struct ledger_pair cached; /* walked */
    struct flow_cache_counters cache;
};

/* The account of one worker at a ledger cut. Ledger, cached and cache are those of the first cache.
 */
struct worker_account {
    struct worker_ledger ledger;
    /* In the order of its sources; behind them, if there are such, those that are gone in one. */
    struct source_ledger source[WORKER_SOURCES_MAX + 1];
    uint32_t source_count;
    struct ledger_pair cached;    /* walked */
    struct ledger_pair in_kernel; /* walked; 0 without a kernel flow counter */
    struct kernel_counters kernel;
    struct parser_counters parser;
    struct duplicate_counters duplicates;
    struct application_counters applications;
    struct name_finder_counters names;
    struct flow_cache_counters cache;
    /* The worker's part of the books of its snapshot ring (snapshot_ring_worker_part()); 0 without
     * one. What the writer has to say is in snapshot_ring_cut(). */
    struct snapshot_account snapshot;
    uint32_t other_count;
    struct worker_cache_account others[WORKER_CACHES_MAX - 1];
};

/* What a worker tells about once a second, for statistics; the ledger's cut is the exact account.
 */
struct worker_counts {
    uint64_t first_ns; /* time of its first packet, told at once; 0 = none yet */
    uint64_t metered_packets;
    uint64_t ignored_packets;
    uint64_t ignored_octets; /* of frames */
    uint64_t dropped_packets;
    uint64_t dropped_octets; /* of frames */
    uint64_t fragment_hits;
    uint64_t fragment_misses;
    uint64_t flows;   /* records created */
    uint64_t evicted; /* records that left because the cache was full */
    uint64_t held;    /* records in the cache */
};

struct worker;

/* NULL and ERROR if memory is short. Control thread. */
struct worker *worker_create(const struct worker_config *config, struct error *error);
/* Octets that the search for applications may take at most, 0 if there is none. Any thread. */
size_t worker_scanner_memory(const struct worker *worker);
/* Frees the worker, not its sources or ring. Control thread, the worker's thread ended. */
void worker_destroy(struct worker *worker);

/* One round: take at most one batch per source, meter it, sweep, publish. NOW_NS: wall clock for
 * live sources; offline 0, then packet times alone are the clock. Worker thread. */
enum worker_status worker_step(struct worker *worker, uint64_t now_ns);

/* Sleeps until a source that can sleep may have packets, or until the monotonic time UNTIL_NS.
 * Returns at once if a live source must be polled. Thread loop only, after worker_step() said IDLE.
 */
void worker_wait(struct worker *worker, uint64_t until_ns);

/* Newest time the worker knows (packet times and NOW_NS); 0 before any. Any thread. */
uint64_t worker_time_ns(const struct worker *worker);

/* Adds the counts of the last whole second, for CACHE, to *COUNTS; of first times the earliest
 * stays. Any thread. */
void worker_add_counts(const struct worker *worker, uint32_t cache, struct worker_counts *counts);

/* Asks the worker to receive no more, end all records (reason 4) and say ENDED. Any thread,
 * also a signal handler. */
void worker_stop(struct worker *worker);

/* Another worker goes on with the sources, or a distribution stage: this one takes no more packets
 * of them, without a word to the devices, ends all records (reason 4) and says ENDED. What the
 * sources count from here on is the other one's. Worker thread, between two steps; no change of the
 * worker may be under way. */
void worker_leave(struct worker *worker);
/* The sources were read by somebody else before, who has left them: what they have counted by now
 * is not this worker's. Worker thread, before the first step. */
void worker_take_over(struct worker *worker);

/* Whether it has said ENDED. Worker thread, or the thread that goes on with it. */
bool worker_has_ended(const struct worker *worker);

/* The wall clock moved at once: ends all records (reason 4), then lets time start anew. Takes
 * effect within the next steps. Worker thread. */
void worker_clock_stepped(struct worker *worker);

/* Asks for ledger cut CUT (numbers rise by one): at the next batch boundary with room on the ring
 * the worker copies its account and puts a marker behind the records of each cache. Control thread.
 */
void worker_request_cut(struct worker *worker, uint64_t cut);
/* The copy made for CUT, or NULL while it is not made. Control thread. */
const struct worker_account *worker_cut(const struct worker *worker, uint64_t cut);
/* The account as it is now. Worker thread, or any thread after it ended. */
void worker_account_now(struct worker *worker, struct worker_account *account);

/* The state of a cache's flood policy, for the control thread to tell: level, changes of it so far,
 * and the share of the records that were in use at the last change. Any thread. */
struct worker_flood {
    unsigned level;
    unsigned occupancy_percent;
    uint64_t changes;
};
struct worker_flood worker_flood(const struct worker *worker, uint32_t cache);

/* For the line at start and for state. Worker thread, or any thread after it ended. */
const struct flow_cache *worker_flow_cache(const struct worker *worker, uint32_t cache);

#endif
