/*
 * The snapshot ring of a probe: a ring for each worker, the policy that they share, and a place:
 * the folder with the writer that lays blocks in it and the extractor that answers queries. What
 * the parts do is said in dataplane/snapshot. Every setting changes while packets flow: rings,
 * policy and place are made beside those that are there, handed to the workers by a change, and
 * what was there before is drained and freed.
 *
 * Main thread, but for what says otherwise. All of it takes a probe that keeps nothing, too.
 */
#ifndef SPANFLOW_TOOLS_PROBE_SNAPSHOT_H
#define SPANFLOW_TOOLS_PROBE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/control_channel.h"
#include "packet/packet_source.h"
#include "probe_config.h"
#include "snapshot/snapshot_ring.h"
#include "snapshot/snapshot_store.h"
#include "state.h"

struct probe;
struct probe_rules;
struct probe_snapshot;
struct probe_snapshot_change;
struct worker_config;

/* ---- life (probe_snapshot.c) ---- */

/* The configuration's text, of which segments carry a hash: from now on this. */
void probe_snapshot_tell_configuration(const char *text);

/* Whether this machine has the memory that CONFIG's rings take; false and ERROR. */
bool probe_snapshot_fits(const struct probe_config *config, struct error *error);
/* Makes what PROBE's configuration wants; the sources are open, no worker is there. A folder that
 * cannot be used is told in one line and tried again. False and ERROR if memory is short. */
bool probe_snapshot_open(struct probe *probe, struct error *error);
/* Gives worker NUMBER, on CPU CORE (-1: any), its ring, made now, and the policy. False and ERROR
 * if memory is short. */
bool probe_snapshot_give(struct probe *probe, uint32_t number, int core,
                         struct worker_config *worker, struct error *error);
/* The threads of the workers have ended: waits until the disk has what they left, unless another
 * stop gives it up, and ends the writer. */
void probe_snapshot_end(struct probe *probe);
/* Ends the writer, if it is not yet. */
void probe_snapshot_stop(struct probe *probe);
/* Frees everything; no worker may be left, and no change. */
void probe_snapshot_close(struct probe *probe);

/* Whether worker NUMBER may take another batch without losing packets of its ring: with capture
 * files nothing is lost to speed. Worker's thread. */
bool probe_snapshot_accepts(const struct probe *probe, uint32_t number);

/* About as often as frames are handled: what is drained is freed, jobs that ended are answered,
 * folders are tried again, notifications are made. */
void probe_snapshot_turn(struct probe *probe);

/* ---- another configuration while packets flow (probe_snapshot_change.c) ---- */

/* Prepares what leads to CONFIG with RULES; NULL without ERROR set: nothing is to be done. NULL and
 * ERROR if it cannot be had; nothing has changed then. OTHER_WORKERS: each gets a ring of its own.
 */
struct probe_snapshot_change *probe_snapshot_prepare(struct probe *probe,
                                                     const struct probe_config *config,
                                                     const struct probe_rules *rules,
                                                     bool other_workers, struct error *error);
/* Whether CHANGE concerns the workers. */
bool probe_snapshot_concerns_workers(const struct probe_snapshot_change *change);
/* What worker NUMBER has, or with CHANGE (may be NULL) gets. */
void probe_snapshot_fill(const struct probe *probe, const struct probe_snapshot_change *change,
                         uint32_t number, struct worker_config *worker);
/* The workers are about to be handed what CHANGE (may be NULL) has: its rings are served from now
 * on. */
void probe_snapshot_submit(struct probe *probe, struct probe_snapshot_change *change);
/* The same when other workers have taken over: what CHANGE has is what PROBE has from now on. NULL
 * is fine. */
void probe_snapshot_exchange(struct probe *probe, struct probe_snapshot_change *change);
/* The workers have taken it. True when what was there before is drained and CHANGE is freed; else
 * call again. NULL is finished. */
bool probe_snapshot_finish(struct probe *probe, struct probe_snapshot_change *change);
/* The ring of worker NUMBER that CHANGE (may be NULL) has; NULL: none. */
const struct snapshot_ring *probe_snapshot_change_ring(const struct probe_snapshot_change *change,
                                                       uint32_t number);
/* Whether CHANGE exchanges rings: then no cut of the ledger may be under way. */
bool probe_snapshot_exchanges_rings(const struct probe_snapshot_change *change);
/* Frees a change that was not submitted, or whose workers are gone. NULL is fine. */
void probe_snapshot_cancel(struct probe_snapshot_change *change);

/* PORT, whose packets do not come yet or no more, is called as INTERFACE says from now on. */
void probe_snapshot_name_port(struct probe *probe, uint16_t port,
                              const struct packet_interface *interface);

/* ---- books and state (probe_snapshot_state.c) ---- */

/* The books of worker NUMBER at cut CUT (0: now, the workers and the writer have ended), those of
 * rings before included. False: not yet. */
bool probe_snapshot_account(const struct probe *probe, uint32_t number, uint64_t cut,
                            struct snapshot_account *account);
/* Gives the books of rings before of worker NUMBER away, to be kept elsewhere. */
struct snapshot_account probe_snapshot_take_before(struct probe *probe, uint32_t number);
/* What state tells; the texts live until the next call. */
void probe_snapshot_facts(struct probe *probe, struct state_snapshot *facts);
/* About once a second: notifications. */
void probe_snapshot_notify(struct probe *probe);

/* ---- operations (probe_snapshot_request.c) ---- */

/* Freezes WINDOW for the probe itself, for REASON, which is logged. False and ERROR: no ring, no
 * disk, or the store refuses. */
bool probe_snapshot_freeze(struct probe *probe, const struct snapshot_freeze *window,
                           const char *reason, struct error *error);
/* Copies at most MAX of the freezes that there are; returns how many. */
size_t probe_snapshot_freezes(struct probe *probe, struct snapshot_freeze *list, size_t max);

/* Answers FRAME, which asks for an operation on the ring. */
void probe_snapshot_request(struct probe *probe, const struct control_frame *frame);

#endif
