/*
 * Changes of a flow cache's configuration while packets are counted: timeouts, flood policy, local
 * prefixes, egress ports and size. The control thread prepares, the worker's thread puts the change
 * into force and goes on in steps, the control thread frees what was left.
 *
 * A new timeout holds at once for all records: a hit judges by it, and one pass of the sweep looks
 * at every record, whenever it was due before. A table of another size is filled in steps, and by
 * the packets themselves: a packet looks into the new table first, and if the older one has its
 * record, that moves over. New flows go to the new table. What it has no room for leaves with end
 * reason 5. Prefix aggregates of another prefix length end with reason 4.
 */
#ifndef SPANFLOW_FLOW_FLOW_CHANGE_H
#define SPANFLOW_FLOW_FLOW_CHANGE_H

#include <stdbool.h>

#include "base/error.h"
#include "flow/flow_cache.h"

struct flow_cache_change;

/* Allocates what CACHE needs to go on by CONFIG, of which the timeouts, flood, flows_max, local,
 * egress_ports, applications, names and the kernel's packets_min count, the rest is as CACHE was
 * made. Memory of a new table is taken whole, so that the worker meets no page for the first time.
 * NULL and ERROR if memory is short. Control thread; no change of CACHE is under way. */
struct flow_cache_change *flow_cache_change_create(const struct flow_cache *cache,
                                                   const struct flow_cache_config *config,
                                                   struct error *error);

/* Whether CHANGE can be put into force now. Not before the kernel, if it counts flows, has given
 * back those that are to move to a table of another size: false, ask again in the next round.
 * Worker thread. */
bool flow_cache_may_take_change(struct flow_cache *cache, const struct flow_cache_change *change);

/* Puts CHANGE into force, between two batches; it belongs to CACHE until flow_cache_step_change()
 * says that nothing is left to do. Worker thread. */
void flow_cache_take_change(struct flow_cache *cache, struct flow_cache_change *change);

/* Does a bounded part of what is left of the change: moves some tens of records, takes some
 * flows back from the kernel (flow_kernel_recall()). True if there is
 * more; a full ring only delays it. Worker thread. */
bool flow_cache_step_change(struct flow_cache *cache);

/* Whether records are still to be moved, ended or taken back. Worker thread. */
bool flow_cache_is_changing(const struct flow_cache *cache);

/* Frees CHANGE, prepared only or done, and what CACHE left behind in it; NULL is fine. A change
 * that is under way is freed after its cache. Control thread. */
void flow_cache_change_free(struct flow_cache_change *change);

#endif
