/*
 * Records that differ in the client's port alone become one: the table in which a destination's
 * records wait for others of the same client, server, server port, protocol and VLAN ids. What
 * waits is a flow record like any other, with port 0 for the client; it leaves when its time is
 * over, when the table is full and it has waited longest, or at the end. A name is kept as long as
 * all records that have one of its type have the same.
 *
 * Owned by a destination; exporter's thread, create and destroy on the control thread. Nothing is
 * allocated after the creation.
 */
#ifndef SPANFLOW_EXPORTER_CLIENT_PORTS_H
#define SPANFLOW_EXPORTER_CLIENT_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/flow_record.h"

struct client_ports;

/* Records of the cache that became one. */
struct merged_record {
    struct flow_record record; /* points into this row of the table */
    uint64_t records;          /* of the cache; what the ledger counts */
    uint64_t packets;          /* of both directions */
    uint64_t octets;
};

/* A table of at most RECORDS that wait, each for WINDOW_NS at most; NAMES: names inside flows are
 * kept. NULL and ERROR: too little memory. */
struct client_ports *client_ports_create(uint32_t records, uint64_t window_ns, bool names,
                                         struct error *error);
/* TABLE may be NULL. */
void client_ports_destroy(struct client_ports *table);

enum { CLIENT_UNKNOWN = 2 };
/*
 * The side of RECORD whose port is that of a client, or CLIENT_UNKNOWN: the one that a handshake
 * showed to open the connection; else the one whose port is not below 1024 while the other's is, or
 * not below 32768 while the other's is. Records without two ports, prefix aggregates and such of
 * whose ports neither rule tells have none.
 */
unsigned client_ports_side(const struct flow_record *record);

/*
 * Adds RECORD, whose client is side CLIENT, at NOW_NS, by the clock of the whole table. NULL: done.
 * Else nothing was done, and the returned record must leave before RECORD is added again; once is
 * enough.
 */
const struct merged_record *client_ports_add(struct client_ports *table,
                                             const struct flow_record *record, unsigned client,
                                             uint64_t now_ns);
/* The record that has waited longest, or NULL. */
const struct merged_record *client_ports_oldest(const struct client_ports *table);
/* When its time is over; UINT64_MAX if none waits. TABLE may be NULL. */
uint64_t client_ports_due_ns(const struct client_ports *table);
/* Takes MERGED, which one of the functions above returned, out of the table. */
void client_ports_remove(struct client_ports *table, const struct merged_record *merged);

/* Ports below COUNT of all records that wait become greater BY. TABLE may be NULL. */
void client_ports_shift(struct client_ports *table, uint32_t count, uint32_t by);
/* Records of the cache in all that wait, by a walk over them. TABLE may be NULL. */
uint64_t client_ports_walk(const struct client_ports *table);

#endif
