/*
 * Prefix aggregates: in a flood, packets of flows too small to be worth a record of their own are
 * counted together by the prefixes of their two addresses, protocol and VLAN ids. An aggregate is a
 * flow record of its own kind on the ring: one direction, ports 0, masked addresses, and the
 * prefix lengths in its extra line (elements 9 and 13, 29 and 30).
 *
 * The table is bounded. Where there is no room for a pair of prefixes, the packet is counted by a
 * coarser one: from anywhere, then to anywhere, then both; only there an older aggregate makes room
 * (end reason 5). So in a flood of random sources the attacked prefix stays visible.
 *
 * Owned by a flow cache, used on its worker's thread.
 */
#ifndef SPANFLOW_FLOW_FLOW_AGGREGATE_H
#define SPANFLOW_FLOW_FLOW_AGGREGATE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "flow/record_ring.h"
#include "parse/parse.h"

/* How coarse: which of the two addresses is left out altogether. */
enum aggregate_step {
    AGGREGATE_BOTH,    /* source prefix and destination prefix */
    AGGREGATE_TO,      /* destination prefix only: any source */
    AGGREGATE_FROM,    /* source prefix only: any destination */
    AGGREGATE_NEITHER, /* protocol and VLAN ids only */
    AGGREGATE_STEPS
};
enum { AGGREGATE_BUCKETS = 128, AGGREGATE_WAYS = 8 }; /* of each step */

struct aggregate_config {
    uint8_t ipv4_prefix_length; /* bits, 0..32 */
    uint8_t ipv6_prefix_length; /* bits, 0..128 */
    uint64_t idle_ns;           /* as those of flows */
    uint64_t active_ns;
    uint64_t seed[4];             /* secret of this start */
    struct record_ring *ring;     /* not owned */
    struct worker_ledger *ledger; /* not owned: flows, records_out */
};

/* What an aggregate is found by. IPv4 addresses in the first four bytes; network byte order. */
struct aggregate_key {
    uint8_t source[16];
    uint8_t destination[16];
    uint8_t family; /* 4 or 6 */
    uint8_t protocol;
    uint8_t source_length; /* bits */
    uint8_t destination_length;
    uint8_t vlan[3]; /* as in flow_key_head */
    uint8_t reserved;
};
static_assert(sizeof(struct aggregate_key) == 40, "compared and hashed as bytes and words");

/* Writes the key of FACTS' packet at STEP. */
void aggregate_key_of(struct aggregate_key *key, const struct aggregate_config *config,
                      const struct packet_facts *facts, enum aggregate_step step);

struct aggregate_table;

/* NULL and ERROR if memory is short. Control thread. */
struct aggregate_table *aggregate_table_create(const struct aggregate_config *config,
                                               struct error *error);
/* Frees it; NULL is fine. Control thread. */
void aggregate_table_destroy(struct aggregate_table *table);

/* Records that end are counted in ENDED (not owned) by enum flow_end_reason. Before the first. */
void aggregate_table_attach(struct aggregate_table *table, uint64_t *ended);
/* From now on these timeouts hold, for all aggregates. */
void aggregate_table_set_timeouts(struct aggregate_table *table, uint64_t idle_ns,
                                  uint64_t active_ns);

/* Counts a packet of TIME_NS that arrived by PORT; EGRESS is its element 61. False if there is no
 * room and none can be made, because the ring is full: nothing happened. */
bool aggregate_table_add(struct aggregate_table *table, const struct packet_facts *facts,
                         uint64_t time_ns, uint16_t port, bool egress);

/* Ends what is over at NOW_NS: the whole table once a second, at most once a call. */
void aggregate_table_sweep(struct aggregate_table *table, uint64_t now_ns);
/* Ends all: by idle or active timeout if that is past, else by REASON. False if the ring is full:
 * call again. */
bool aggregate_table_flush(struct aggregate_table *table, uint64_t now_ns,
                           enum flow_end_reason reason);
/* The same for at most ROWS rows; true when the last is done. */
bool aggregate_table_flush_part(struct aggregate_table *table, uint64_t now_ns,
                                enum flow_end_reason reason, uint32_t rows);
/* Adds packets and IP octets of the live aggregates to SUM, by a walk. */
void aggregate_table_walk(const struct aggregate_table *table, struct ledger_pair *sum);

/* Diagnostics: aggregates begun so far, and those that made room for others. */
uint64_t aggregate_table_started(const struct aggregate_table *table);
uint64_t aggregate_table_evicted(const struct aggregate_table *table);

#endif
