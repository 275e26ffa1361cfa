/*
 * Flows that the kernel counts: each set of workers has a table of its own for them, with maps that
 * the XDP programs of all sources share. The table is made before the programs that use it are
 * loaded; its epochs are turned about once a second, at once when a ledger is asked for, the clock
 * jumped, its workers are not the current ones any more, or the probe ends.
 *
 * Other workers have another table, or none: programs for it are prepared, and take the place of
 * those that are attached before the sources go over. From then on nothing is counted in the table
 * of before, whose workers take their flows back from it.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_KERNEL_H
#define SPANFLOW_TOOLS_PROBE_KERNEL_H

#include <stdbool.h>

#include "base/error.h"
#include "flow/kernel_table.h"
#include "probe_config.h"

struct metering;
struct probe;
struct probe_kernel;
struct xdp_counter;

/* Makes the table that CONFIG wants: *MADE, NULL if it wants none. False and ERROR. */
bool probe_kernel_make(const struct probe_config *config, struct probe_kernel **made,
                       struct error *error);
/* Frees it; its workers are gone. Programs that use it keep its maps. NULL is fine. */
void probe_kernel_free(struct probe_kernel *kernel);

/* The parts, which KERNEL owns: for programs, and for workers. NULL of NULL. */
const struct xdp_counter *probe_kernel_counter(const struct probe_kernel *kernel);
struct kernel_table *probe_kernel_table(const struct probe_kernel *kernel);

/* Its size in one line, if the workers of PROBE have one. */
void probe_kernel_say(const struct probe *probe);

/* Closes the epoch: what was counted up to now can be taken. That may take milliseconds. False if
 * a worker has not yet taken the counts of the last one: try again later. */
bool probe_kernel_turn(struct probe *probe);
/* The same about once a second; at every call where workers wait for it: if the probe is ENDING,
 * for those that others have taken the place of, during a change, and until kernel_hurry_ns. */
void probe_kernel_turn_if_due(struct probe *probe, bool ending);

/* ---- another table (probe_kernel_exchange.c) ---- */

/* As probe_kernel_make(), for workers that take the place of others: ERROR names the leaf. */
bool probe_kernel_make_other(const struct probe_config *config, struct probe_kernel **made,
                             struct error *error);
/* Loads programs that count in the table of NEXT, made by CONFIG, for all sources; nothing if the
 * workers of PROBE and NEXT have none. False and ERROR, which names the leaf. Drop them in any case
 * but the next one. */
bool probe_kernel_prepare(struct probe *probe, const struct metering *next,
                          const struct probe_config *config, struct error *error);
/* They take the place of the others, which are freed. False and ERROR: the others go on. */
bool probe_kernel_exchange(struct probe *probe, const struct probe_config *config,
                           struct error *error);
/* Frees what was prepared. */
void probe_kernel_drop(struct probe *probe);

#endif
