/*
 * A worker's flows that the kernel counts: which records are handed to the kernel table, what comes
 * back from it, and when. Part of the flow cache; all of it runs on the worker's thread.
 *
 * A record whose flow the kernel counts is pinned: it cannot make room for others, and it does not
 * end before everything that was counted for it is in it. It is taken back some time before it may
 * have to end, so that its last packets come to the worker and its end is judged like any other's;
 * it is given to the kernel again if it goes on.
 */
#ifndef SPANFLOW_FLOW_FLOW_KERNEL_H
#define SPANFLOW_FLOW_FLOW_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/ledger_terms.h"
#include "flow/kernel_table.h"

/* Diagnostics; none is a term of the ledger. */
#define KERNEL_COUNTERS(X)                                                                         \
    X(given, "flows handed to the kernel")                                                         \
    X(refused, "flows that the kernel's table had no room for, each time they were offered")       \
    X(taken_back, "flows taken back from the kernel")                                              \
    X(held, "flows in the kernel")                                                                 \
    X(epochs, "times that the counts of the kernel were taken")

#define KERNEL_COUNTER_MEMBER(name, help) uint64_t name;
struct kernel_counters {
    KERNEL_COUNTERS(KERNEL_COUNTER_MEMBER)
};

struct flow_kernel_config {
    struct kernel_table *table; /* NULL: the kernel counts nothing. Not owned */
    uint32_t worker;            /* of the table */
    uint32_t packets_min;       /* a flow is handed over when it has so many */
};

struct flow_cache;
struct flow_bucket;
struct flow_slot;
struct flow_ref;
struct packet_facts;

/* The state inside a flow cache. */
struct flow_kernel {
    struct flow_kernel_config config;
    struct flow_place {
        uint32_t bucket;
        uint32_t index; /* of the record */
        uint8_t slot;
    } * places;        /* by slot of the table: where its record is */
    uint32_t *slot_of; /* by record index; meaningless unless the record is pinned */
    struct arena place_arena, slot_arena;
    uint32_t epoch;                  /* the closed epoch whose counts are being taken, or were */
    uint32_t position;               /* slots of it that were taken */
    bool *busy;                      /* by CPU: whether it counted anything for this worker in it */
    uint32_t counting_cpu;           /* one that did, of late: its lines are read anyway */
    struct flow_counter_total *seen; /* by CPU and bank: the totals up to it */
    uint32_t held;
    uint32_t recalled;  /* slots that flow_kernel_recall() is done with */
    bool withdrawn;     /* nothing is handed over until the table has its new size */
    uint64_t now_ns;    /* of the last step */
    uint64_t margin_ns; /* how long before its end a flow is taken back */
    struct kernel_counters counters;
};

/* Memory for a table of FLOWS_MAX records: see slot_of. False and ERROR. Control thread. */
bool flow_kernel_map_slots(struct arena *arena, uint32_t flows_max, struct error *error);
/* Allocates what CONFIG needs for CACHE. False and ERROR if memory is short. Control thread. */
bool flow_kernel_open(struct flow_cache *cache, const struct flow_kernel_config *config,
                      struct error *error);
void flow_kernel_close(struct flow_cache *cache);

/* Chooses by the cache's timeouts how long before its end a flow is taken back. */
void flow_kernel_set_margin(struct flow_cache *cache);

/* Offers the flows of a batch: REFS says where the packets of SELECTED were counted. */
void flow_kernel_offer(struct flow_cache *cache, const struct packet_facts *facts,
                       const struct flow_ref *refs, uint64_t selected);

/* Adds some of what is in a closed bank to the records. NOW_NS: the newest time that is known, and
 * the latest that a record can end at. Call it each round; true: there is more. */
bool flow_kernel_step(struct flow_cache *cache, uint64_t now_ns);

/* Takes all flows back. True if the kernel holds none any more; else go on with
 * flow_kernel_step() while the control thread turns epochs, and ask again. */
bool flow_kernel_end_all(struct flow_cache *cache);

/* Begins to take all flows back, because packets of some of them must be seen from now on; those
 * that may are offered again by their next packets. */
void flow_kernel_recall(struct flow_cache *cache);
/* Goes on with it, a bounded part at a time. True if there is more. */
bool flow_kernel_recall_step(struct flow_cache *cache);

/* The same before records move to a table of another size: nothing is handed over from now on. A
 * bounded part; call it each round. True if the kernel holds no flow any more. */
bool flow_kernel_withdraw(struct flow_cache *cache);
/* They move now: SLOT_OF is memory for the new size, and gets that of before. Flows may be handed
 * over again when all have moved. */
void flow_kernel_resize(struct flow_cache *cache, struct arena *slot_of);

/* Walks the lines that are closed and not yet taken: packets and IP octets. What was observed up
 * to the newest closed epoch is in the ledger when it returns. */
struct ledger_pair flow_kernel_walk(struct flow_cache *cache);

/* The counters as they are now. */
struct kernel_counters flow_kernel_counters(const struct flow_cache *cache);

/* ---- for flow_entry.c and flow_sweep.c ---- */

/* Takes the flow of the pinned record at AT back; again is fine. */
void flow_kernel_take_back(struct flow_cache *cache, struct flow_slot at);
/* What the sweep does with the pinned record at AT: takes it back if it may have to end soon. */
void flow_kernel_visit(struct flow_cache *cache, struct flow_slot at);

#endif
