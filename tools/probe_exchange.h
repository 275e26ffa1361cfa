/*
 * Other workers take the place of those that are there, while packets flow. Everything is made
 * before (metering_create(), metering_start_threads()); then the sources go over between two
 * batches, the workers before end their flows as records with end reason 4 (forced end) for the
 * same exporting processes, and when the last is taken off their rings they are freed. What they
 * counted is kept, so that the ledger goes on.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_EXCHANGE_H
#define SPANFLOW_TOOLS_PROBE_EXCHANGE_H

#include <stdbool.h>

#include "base/error.h"
#include "probe_metering.h"

struct probe;

/* Whether PROBE can go on by CONFIG with other workers on the sources that it has. The first cache
 * must be the first one before, by its name or that of its exporting process; another cache goes on
 * with the exporting process of the one that had its name. */
bool probe_exchange_is_possible(const struct probe *probe, const struct probe_config *config);
/* In BEFORE for each cache of CONFIG the one of PROBE whose exporting process it goes on with, -1:
 * none; EXCHANGES: other workers come. */
void probe_exchange_match(const struct probe *probe, const struct probe_config *config,
                          bool exchanges, int before[]);
/* Makes what NEXT, made by WISH, needs to take over: the exporting processes of new caches, and
 * what is needed when the workers before are freed. False and ERROR. */
bool probe_exchange_prepare(struct probe *probe, const struct metering_wish *wish,
                            struct metering *next, struct error *error);
/* Frees what was made so. */
void probe_exchange_cancel(struct metering *next);
/* Steps the exporting processes that end with the workers before. True if one of them is busy.
 * Exporter's thread. */
bool probe_exchange_step(struct probe *probe, uint64_t now_ns, uint64_t export_ns);
/* The same at the end of a run: true when they have nothing left. */
bool probe_exchange_drain(struct probe *probe, uint64_t now_ns, uint64_t export_ns);
/* What they have left is given up. */
void probe_exchange_abandon(struct probe *probe);
/* Whether it can begin now: no cut of the ledger and no walk through a cache is under way. */
bool probe_exchange_may_begin(const struct probe *probe);
/* NEXT, whose threads wait, takes over. False: the workers have all ended, and so does the probe.
 */
bool probe_exchange_begin(struct probe *probe, struct metering *next);
/* True when the workers before are gone; else call again. */
bool probe_exchange_turn(struct probe *probe);
/* All threads have ended: the workers before, if there are any, are freed now. */
void probe_exchange_end(struct probe *probe);

/* ---- the books (probe_ledger.c) ---- */

/* Keeps what the workers of METERING, whose threads have ended, counted for each cache; COUNTERS
 * are those of the exporting processes before the rings were dropped. */
void metering_carry(struct probe *probe, struct metering *metering,
                    const struct exporter_counters counters[]);
/* The same for the packets of rings of before that are over. */
void metering_carry_snapshot(struct probe *probe);

#endif
