/*
 * The bounded table of the packets that a worker saw last, which finds the same packet on another
 * port: networks that mirror two switches, or both sides of a router, show each packet twice.
 *
 * Two packets are the same if their IP headers and what follows are equal over the first 64 octets
 * (of the packet, not of the frame; identification, lengths, flow label, addresses, ports, sequence
 * numbers and the transport's checksum are among them), if they have the same length, and if they
 * arrived on different observation points (packet_batch port and capture) at most the window apart.
 * What a router changes is left out: TTL or hop limit, the checksum of the IPv4 header, and ToS or
 * traffic class. The octets themselves are kept and compared, so that a hash value can never make
 * two packets one. A packet that comes again by the same port is another packet, always: of equal
 * packets in a window as many are new as the port that saw most of them saw. The window of equal
 * packets begins with the first of them and does not move, so that nothing is held against a port
 * for longer.
 *
 * One per worker, used by its thread only; memory is taken once at creation. When a packet finds no
 * room, the oldest of its bucket goes.
 */
#ifndef SPANFLOW_PACKET_DUPLICATE_TABLE_H
#define SPANFLOW_PACKET_DUPLICATE_TABLE_H

#include <stdint.h>

#include "base/error.h"
#include "packet/packet_batch.h"
#include "parse/parse.h"

enum {
    DUPLICATE_OCTETS = 64,           /* of the IP packet that are compared */
    DUPLICATE_TABLE_ENTRIES = 57344, /* packets that are remembered */
    DUPLICATE_POINTS_MAX = 7         /* observation points told apart for one packet */
};

/* Diagnostics; none is a term of the ledger. Single writer: the worker. */
#define DUPLICATE_COUNTERS(X)                                                                      \
    X(duplicate_evictions, "packets forgotten inside the window to make room: a copy is metered")  \
    X(duplicate_overruns, "copies on more observation points than are told apart: metered")

#define DUPLICATE_COUNTER_MEMBER(name, help) uint64_t name;
struct duplicate_counters {
    DUPLICATE_COUNTERS(DUPLICATE_COUNTER_MEMBER)
};

struct duplicate_table;

/* Allocates a table for copies at most WINDOW_NS apart in packet time, in either direction; its
 * hash gets a random key. NULL and ERROR on lack of memory. Control thread. */
struct duplicate_table *duplicate_table_create(uint64_t window_ns, struct error *error);

/* From now on copies are at most WINDOW_NS apart. Worker thread. */
void duplicate_table_set_window(struct duplicate_table *table, uint64_t window_ns);

/* Frees it; NULL is fine. Control thread, its worker ended. */
void duplicate_table_destroy(struct duplicate_table *table);

/* Looks at packets FIRST to FIRST + COUNT of BATCH that are in USABLE, in their order, FACTS being
 * what the parser said of them. Bit i of the result is set if packet i is a copy of one that was
 * seen before; the others are remembered. Worker thread. */
uint64_t duplicate_table_find(struct duplicate_table *table, const struct packet_batch *batch,
                              const struct packet_facts facts[PACKET_BATCH_MAX], uint32_t first,
                              uint32_t count, uint64_t usable);

/* The table's counters; readable on its worker's thread. */
const struct duplicate_counters *duplicate_counters(const struct duplicate_table *table);

#endif
