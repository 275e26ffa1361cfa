/*
 * A flow cache of one worker (RFC 5470 metering process): of a fixed size that only a change of the
 * configuration changes (flow_change.h), shared with nobody. Packets go in by batches; finished
 * records leave to the record ring, by a hit that finds its record over, by the sweep, or as a
 * victim that makes room.
 *
 * Semantics (all times are packet times, nanoseconds since 1970):
 *   A hit at time t ends the record if t - last >= idle (reason 1) or t - origin >= active
 *   (reason 2), whichever deadline came first, and starts a new one. A packet older than the
 *   record's last never ends it. Active cuts fall at origin + k * active; flow id, initiator and
 *   origin are kept over them. After RST or both FINs acknowledged the record lingers and takes
 *   every packet of its key but a SYN without ACK, which ends it at once (reason 3). The sweep only
 *   does earlier what a later hit would have decided.
 * The caller publishes the ring. Everything runs on the worker's thread unless it says otherwise.
 */
#ifndef SPANFLOW_FLOW_FLOW_CACHE_H
#define SPANFLOW_FLOW_FLOW_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "detect/watch_set.h"
#include "flow/flow_admission.h"
#include "flow/flow_kernel.h"
#include "flow/flow_record.h"
#include "flow/prefix_set.h"
#include "flow/record_ring.h"
#include "packet/packet_batch.h"
#include "parse/parse.h"

struct flow_cache;

struct flow_listed;

struct flow_cache_config {
    uint32_t flows_max;         /* hard bound over IPv4 and IPv6, at least 1 */
    uint64_t active_timeout_ns; /* 0 = never */
    uint64_t idle_timeout_ns;   /* 0 = never */
    uint64_t tcp_linger_ns;     /* 0 = the record ends with the packet that ends the connection */
    uint64_t hash_seed[4];      /* secret of this start */
    struct flood_policy flood;  /* all 0: no flood policy */
    uint16_t worker;            /* mixed into flow ids */
    bool applications;          /* TCP and UDP flows begin with FLOW_STATE_APP_PENDING */
    struct flow_names names;    /* that records carry; all 0: none, and no memory for them */
    /* Packets are kept: flow ids are told, and refs say what was counted before (flow_ref); flows
     * are not given to the kernel as long as FLOW_STATE_SNAPSHOT_PENDING is set. */
    bool snapshot;
    bool several_ports;               /* count directions that arrive on more than one port */
    const struct prefix_set *local;   /* for element 61; NULL: none. Not owned */
    uint32_t egress_ports[2048];      /* bit set per port: its traffic is egress (element 61 = 1) */
    struct flow_kernel_config kernel; /* all 0: the kernel counts nothing */
    const struct watch_set *watch; /* lists that flows are compared with; NULL: none. Not owned */
    struct flow_listed
        *listed;              /* where records that lists mark are told; NULL: nowhere. Not owned */
    struct record_ring *ring; /* not owned */
    struct worker_ledger *ledger; /* not owned: metered, dropped(cache_full), flows, records_out */
};

/* Where a packet was counted. */
struct flow_ref {
    uint32_t index; /* of its record, or one of those below */
    uint8_t side;
    uint8_t new_record; /* this packet started the record */
    uint8_t pending;    /* FLOW_STATE_APP_PENDING | FLOW_STATE_SNAPSHOT_PENDING, before it */
    /* Only if flow ids are asked for. What the record held before the packet, both directions
     * together, as flow_hot.counter; and, of packets that took the longer path, element 148. */
    uint64_t before;
    uint64_t flow_id;
};
#define FLOW_REF_NONE      UINT32_MAX       /* not metered (cache full) */
#define FLOW_REF_AGGREGATE (UINT32_MAX - 1) /* metered in a prefix aggregate */
#define FLOW_REF_ELSEWHERE (UINT32_MAX - 2) /* metered in the older of two tables */

/* Records of a batch that lists have marked when they began: the owner takes them and sets COUNT to
 * 0 after each batch. */
struct flow_listed {
    uint32_t count;
    uint8_t packets[PACKET_BATCH_MAX]; /* that began them */
    struct flow_ref refs[PACKET_BATCH_MAX];
};

/* Whether REF says where the record is. */
static inline bool flow_ref_is_record(const struct flow_ref *ref)
{
    return ref->index < FLOW_REF_ELSEWHERE;
}

/* Diagnostics; none is a term of the ledger. */
#define FLOW_CACHE_COUNTERS(X)                                                                     \
    X(tcp_tail, "TCP records that began without a SYN")                                            \
    X(late_packets, "packets older than the newest one of their direction")                        \
    X(direction_moved, "packets of a direction that began on another port")                        \
    X(ring_full, "times a record had to wait for room on the record ring")                         \
    X(names_refused, "times names of a flow were not kept because there was no room for them")

/* Element 136's values by name, as indices of flow_cache_counters.ended. */
#define FLOW_END_NAMES(X)                                                                          \
    X(FLOW_END_IDLE, "idle")                                                                       \
    X(FLOW_END_ACTIVE, "active")                                                                   \
    X(FLOW_END_DETECTED, "end_detected")                                                           \
    X(FLOW_END_FORCED, "forced")                                                                   \
    X(FLOW_END_RESOURCES, "lack_of_resources")

#define FLOW_CACHE_COUNTER_MEMBER(name, help) uint64_t name;
struct flow_cache_counters {
    FLOW_CACHE_COUNTERS(FLOW_CACHE_COUNTER_MEMBER)
    uint64_t ended[FLOW_END_RESOURCES + 1]; /* records, by end reason */
    uint64_t sweep_late_ns_max;             /* of a record that the sweep ended */
    struct flood_counters flood;            /* complete in a copy only */
};

/* Allocates everything it will ever use. NULL and ERROR if memory is short. Control thread. */
struct flow_cache *flow_cache_create(const struct flow_cache_config *config, struct error *error);
/* Takes the pages of its tables now, so that the worker meets none for the first time. False and
 * ERROR if memory is short. Control thread. */
bool flow_cache_populate(struct flow_cache *cache, struct error *error);
void flow_cache_destroy(struct flow_cache *cache);

/*
 * Counts packet i of BATCH, for every bit i of SELECTED, by FACTS[i]. Each is metered or, if no
 * room can be made, dropped(cache_full): the ledger says which, and so does REFS[i] (may be NULL).
 * Times are those of the batch.
 */
void flow_cache_update_batch(struct flow_cache *cache, const struct packet_batch *batch,
                             const struct packet_facts *facts, uint64_t selected,
                             struct flow_ref *refs);

/*
 * The same in two steps, so that the cache's lines are fetched while packets are still being
 * parsed: first the keys of FACTS[first..first+count), piece by piece in ascending order until all
 * of the batch are announced (unusable ones may be among them), then the update of the batch.
 * FLOW_IDS is NULL, or gets element 148 of each packet's flow, 0 if there is none: only with
 * flow_cache_config.snapshot.
 */
void flow_cache_announce(struct flow_cache *cache, const struct packet_facts *facts, uint32_t first,
                         uint32_t count);
void flow_cache_update_announced(struct flow_cache *cache, const struct packet_batch *batch,
                                 const struct packet_facts *facts, uint64_t selected,
                                 struct flow_ref *refs, uint64_t *flow_ids);

/* No more packets of the record at REF are kept, if it is still that of FACTS:
 * FLOW_STATE_SNAPSHOT_PENDING, with which every flow begins, is taken away. */
void flow_cache_settle_snapshot(struct flow_cache *cache, const struct flow_ref *ref,
                                const struct packet_facts *facts);

/* Ring lines that a batch of COUNT packets can need at most. */
uint32_t flow_cache_batch_lines(const struct flow_cache *cache, uint32_t count);

/* A flow whose application is looked for, as REF says. */
struct flow_sought {
    uint64_t flow_id;       /* the same over active cuts */
    uint8_t initiator;      /* side */
    uint8_t initiator_seen; /* it was seen to open the connection */
    uint8_t start_known;    /* whether the next is; not behind the initiator's FIN */
    uint32_t start;         /* TCP sequence of the initiator's first octet */
    uint16_t application;   /* as flow_cold.application */
    uint32_t name_types;    /* set of 1 << enum name_type: names it has */
};
/* Fills in SOUGHT if the record at REF is still that of FACTS, the packet that REF was filled in
 * for: later packets of its batch may have ended it. */
bool flow_cache_sought(const struct flow_cache *cache, const struct flow_ref *ref,
                       const struct packet_facts *facts, struct flow_sought *sought);
/* The same whatever is looked for, if there is such a record. */
bool flow_cache_identify(const struct flow_cache *cache, const struct flow_ref *ref,
                         const struct packet_facts *facts, struct flow_sought *sought);
/* Sets the application of the record at REF (flow_cold.application). */
void flow_cache_set_application(struct flow_cache *cache, const struct flow_ref *ref,
                                uint16_t application);
/* The application of the record at REF if it is still that of FACTS; 0 if not, or if there is none.
 */
uint16_t flow_cache_application(const struct flow_cache *cache, const struct flow_ref *ref,
                                const struct packet_facts *facts);
/* Sets the application of the record at REF if it is still that of FACTS. What was found by content
 * stays unless APPLICATION was, too; 0 changes nothing. */
void flow_cache_adopt_application(struct flow_cache *cache, const struct flow_ref *ref,
                                  uint16_t application, const struct packet_facts *facts);
/* Adds the names in the COUNT octets at NAMES to the record at REF, which is there
 * (flow_cache_sought()): those of types that it has not. Where there is no room, that is counted.
 */
void flow_cache_add_names(struct flow_cache *cache, const struct flow_ref *ref,
                          const uint8_t *names, uint32_t count);
/* Adds to the record at REF the names that the record at FROM_REF of FROM has and it has not, if
 * both are still those of FACTS. */
void flow_cache_adopt_names(struct flow_cache *cache, const struct flow_ref *ref,
                            const struct flow_cache *from, const struct flow_ref *from_ref,
                            const struct packet_facts *facts);
/* The packets of the record at REF are not pending any more. */
void flow_cache_settle_application(struct flow_cache *cache, const struct flow_ref *ref);

/* Marks the record at REF, if it is still that of FACTS, with the gravest of ROWS of the lists. */
void flow_cache_mark_list(struct flow_cache *cache, const struct flow_ref *ref,
                          const struct packet_facts *facts, uint64_t rows);
/* The record at REF gets the marks of that at FROM_REF of FROM that it has not, if both are still
 * those of FACTS. */
void flow_cache_adopt_marks(struct flow_cache *cache, const struct flow_ref *ref,
                            const struct flow_cache *from, const struct flow_ref *from_ref,
                            const struct packet_facts *facts);
/* The same as with lists with the brand whose number is BRAND; 0 changes nothing. */
void flow_cache_mark_brand(struct flow_cache *cache, const struct flow_ref *ref,
                           const struct packet_facts *facts, uint32_t brand);

/* Ends what is over at NOW_NS, paced by time: the whole table once a second, at most once a call.
 * Never goes back in time. Returns early when the ring is full and goes on there next time. */
void flow_cache_sweep(struct flow_cache *cache, uint64_t now_ns);

/* Ends every record: by its own reason if its deadline is past at NOW_NS or its TCP connection is
 * over, else by REASON. False if the ring is full: publish, let it drain and call again. The kernel
 * holds none of the flows any more (flow_kernel_end_all()). */
bool flow_cache_flush(struct flow_cache *cache, uint64_t now_ns, enum flow_end_reason reason);

/* After a complete flush: time may start again anywhere, even earlier. */
void flow_cache_restart_time(struct flow_cache *cache);

/* Walks all live entries and aggregates: what they hold (packets, IP octets). */
struct ledger_pair flow_cache_walk(const struct flow_cache *cache);

/* Live entries, and the cache's counters (owned by the cache). Worker thread. */
uint32_t flow_cache_flows(const struct flow_cache *cache);
const struct flow_cache_counters *flow_cache_counters(const struct flow_cache *cache);
/* Copies the counters, those of floods filled in from where they are kept. Worker thread. */
void flow_cache_copy_counters(const struct flow_cache *cache, struct flow_cache_counters *counters);
/* Bytes mapped for the tables, and the kind of pages that all tables of the packet path have at
 * least, for the line at start. */
size_t flow_cache_memory(const struct flow_cache *cache, const char **backing);

#endif
