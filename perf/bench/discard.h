/*
 * An exporting process for benchmarks: one IPFIX or NetFlow v9 destination, unpaced, whose messages
 * are counted and thrown away. Called by the bench_* programs, one thread.
 */
#ifndef SPANFLOW_PERF_BENCH_DISCARD_H
#define SPANFLOW_PERF_BENCH_DISCARD_H

#include "exporting_process.h"

/* Fills CONFIG for one unpaced UDP destination at 127.0.0.1:PORT. */
void discard_configure(struct exporting_process_config *config, unsigned version,
                       enum export_profile profile, bool biflow, uint16_t port);

/* A process on RING with CONFIG's destination, whose messages are thrown away; ends the program if
 * there is none. The caller destroys it. */
struct exporting_process *discard_open(struct record_ring *ring,
                                       const struct exporting_process_config *config);

/* A process on RING; ends the program if there is none. The caller destroys it. */
struct exporting_process *discard_exporter(struct record_ring *ring, unsigned version,
                                           enum export_profile profile, bool biflow);

#endif
