/*
 * A configuration that changes while packets flow: everything that can fail is prepared on the main
 * thread, then workers and exporting processes take it between two batches or records; when all
 * have, what was there before is freed. No packet is lost by it.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_CHANGE_H
#define SPANFLOW_TOOLS_PROBE_CHANGE_H

#include <stdint.h>

#include "base/error.h"
#include "probe_config.h"

struct probe;
struct probe_change;
struct probe_lists;
struct snapshot_ring;

/* Prepares what PROBE needs to go on by CONFIG, which differs in ACTIONS of enum plan_action, none
 * of them PLAN_REBUILD; with PLAN_LISTS by LISTS, which it owns from now on. NULL and ERROR:
 * nothing has changed. */
struct probe_change *probe_change_prepare(struct probe *probe, const struct probe_config *config,
                                          unsigned actions, struct probe_lists *lists,
                                          struct error *error);
/* The last that can fail, and the first that packets feel: the kernel's programs are those of other
 * workers from now on. False and ERROR: nothing has changed. */
bool probe_change_confirm(struct probe_change *change, struct error *error);
/* Hands CHANGE over, which is confirmed if it has other workers. PROBE owns it from then on: no
 * other before it is finished. */
void probe_change_submit(struct probe *probe, struct probe_change *change);
/* Whether what was submitted is in force everywhere, and nothing moves any more; it is freed then.
 * REFUSAL is not empty if a source could not be had after all, and everything is as it was. */
bool probe_change_finish(struct probe *probe, struct error *refusal);
/* The ring of worker NUMBER in the change of PROBE that is under way; NULL: none. */
const struct snapshot_ring *probe_change_ring(const struct probe *probe, uint32_t number);
/* The lists that the workers are leaving by the change that is under way; NULL: none. */
const struct probe_lists *probe_change_lists(const struct probe *probe);
/* PROBE ends: a change that still waits for its moment will have none. Its other workers and what
 * exporting processes were not told are freed, the rest when the probe is. */
void probe_change_give_up(struct probe *probe);
/* All threads of PROBE have ended: what readers have taken of a change belongs to it. */
void probe_change_end(struct probe *probe);
/* Whether a change waits for its moment, for which no new walk through a cache begins. */
bool probe_change_waits(const struct probe *probe);
/* Whether the change that is under way exchanges the rings of packets: no cut of the ledger can be
 * made meanwhile. */
bool probe_change_exchanges_rings(const struct probe *probe);
/* Frees a change that was not submitted, or whose probe's workers are gone. NULL is fine. */
void probe_change_free(struct probe_change *change);

#endif
