/*
 * Changes of a worker's configuration while packets flow. The control thread prepares everything
 * that the change needs, which may fail and then changes nothing; hands it over; and frees what was
 * there before when the worker has left it. The worker takes a change between two batches: no
 * packet is lost by it, no flow record is cut, and on the worker's thread nothing is allocated or
 * freed and nobody is waited for.
 *
 *     struct worker_change *change = worker_prepare_change(worker, &config, &error);
 *     worker_submit_change(worker, change);
 *     ... until worker_change_finished(change): the worker's thread goes on with worker_step() ...
 *     worker_change_free(change);
 *
 * To change several workers at once, or not at all: prepare for all, then submit to all.
 *
 * What changes: of each cache active_timeout_ns, idle_timeout_ns, tcp_linger_ns (for flows that are
 * there, too: their next decision is made by the new values), flood, flows_max, local,
 * egress_ports and several_ports; filter, port_filters, ignore, sampling_interval,
 * duplicate_window_ns, applications, application_limits, names, watch, alert_minimum, snapshot and
 * snapshot_policy. Names that are not wanted any more, or in another way, leave with no record from
 * then on. Flows keep the application that was found for them; flows whose payload is still looked
 * at are looked at anew if the rules change or the first cache's size does. Other lists hold for
 * records that begin from then on; flows keep the marks that they have.
 *
 * What stays as it was made, whatever the new configuration says: number, sources (which change by
 * worker_submit_sources()), parser, offline, and of each cache ring, hash_seed and kernel. The
 * number of caches cannot change.
 *
 * A snapshot ring that is replaced or taken out is left (snapshot_ring_left()) when the change is
 * taken: the control thread lets its writer drain it and then releases it. Flows that an earlier
 * policy cut off stay so.
 *
 * If flows_max changes, records move to the new table in bounded steps while packets are counted;
 * until the last has moved both tables are there, and the records in both are at most as many as
 * the larger of the two permits. Flows that a smaller table has no room for leave as records with
 * end reason 5.
 */
#ifndef SPANFLOW_WORKER_WORKER_CHANGE_H
#define SPANFLOW_WORKER_WORKER_CHANGE_H

#include <stdbool.h>

#include "base/error.h"
#include "worker/worker.h"

struct worker_change;

/* Allocates all that WORKER needs to go on by CONFIG, which is copied; what it points to must live
 * until a later change replaces it. NULL and ERROR if memory is short or CONFIG cannot be had while
 * the worker runs; nothing has changed then. Control thread, the last change of WORKER finished. */
struct worker_change *worker_prepare_change(const struct worker *worker,
                                            const struct worker_config *config,
                                            struct error *error);

/* Hands CHANGE to the worker, which takes it at the start of one of its next steps, also after it
 * has ended. Only one change of a worker may be under way. Control thread. */
void worker_submit_change(struct worker *worker, struct worker_change *change);

/* Whether the new configuration is in force. From then on the worker does not use the filters,
 * prefix sets and rules of the one before any more. Control thread. */
bool worker_change_taken(const struct worker_change *change);

/* Whether, besides, all records have moved to a new table: then CHANGE can be freed and the next
 * one prepared. Control thread. */
bool worker_change_finished(const struct worker_change *change);

/* Gives WORKER the sources of LIST, which stays as it is until they are taken: between two batches
 * those that are new begin and those that are not in it are left. What was counted by these stays
 * in the worker's account. One that can be asked to stop has been, by somebody else; it is read out
 * first. All others go on, and no flow ends. Only one list may be under way. Control thread. */
void worker_submit_sources(struct worker *worker, const struct source_list *list);
/* Whether the worker has done so: what it has left can be closed. Control thread. */
bool worker_sources_taken(const struct worker *worker);

/* Frees CHANGE and what the worker has left: one that was never submitted or has finished, or whose
 * worker was destroyed. NULL is fine. Control thread. */
void worker_change_free(struct worker_change *change);

#endif
