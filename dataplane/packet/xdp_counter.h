/*
 * The maps in which XDP programs count packets of known flows: made once, shared by the programs of
 * all interfaces, and mapped into the probe as the arrays of a kernel table. Control thread, unless
 * said otherwise.
 */
#ifndef SPANFLOW_PACKET_XDP_COUNTER_H
#define SPANFLOW_PACKET_XDP_COUNTER_H

#include "base/error.h"
#include "flow/kernel_table.h"

struct xdp_counter;
struct xdp_probe; /* the skeleton */

/* CPUs that the kernel may ever have, which is what the maps are divided by. */
uint32_t xdp_counter_cpus(void);

/* Makes and maps everything for GEOMETRY. NULL with one line in ERROR. */
struct xdp_counter *xdp_counter_create(const struct flow_counter_geometry *geometry,
                                       struct error *error);
/* Frees it; programs that use it keep the maps until they are freed. NULL is fine. */
void xdp_counter_close(struct xdp_counter *counter);

/* The arrays; owned by COUNTER. */
const struct kernel_memory *xdp_counter_memory(const struct xdp_counter *counter);
/* Octets of all maps together. */
size_t xdp_counter_octets(const struct xdp_counter *counter);

/* Switches counting on in SKELETON, which is opened and not yet loaded. False if it does not take
 * the maps. */
bool xdp_counter_use(const struct xdp_counter *counter, struct xdp_probe *skeleton);

/* Returns when every run of every program that was under way has ended; may take milliseconds.
 * False with one line in ERROR if the kernel does not say. */
bool xdp_counter_settle(struct xdp_counter *counter, struct error *error);

#endif
