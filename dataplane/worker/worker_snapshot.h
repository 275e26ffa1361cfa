/*
 * What the worker puts into its snapshot ring: of each batch the packets that passed selection,
 * metered or not, less those that the policy cuts off. Private to worker/.
 */
#ifndef SPANFLOW_WORKER_WORKER_SNAPSHOT_H
#define SPANFLOW_WORKER_WORKER_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "packet/packet_batch.h"

struct worker;
struct worker_config;

/* The classes of the flows of a worker with CONFIG, one octet for each record of its first cache;
 * nothing is mapped if there is nothing to choose. False and ERROR if memory is short. Control
 * thread. */
bool worker_snapshot_map_classes(const struct worker_config *config, struct arena *classes,
                                 struct error *error);

/* Fetches what is kept of the packets of BATCH and not looked at anyway. Worker thread. */
void worker_snapshot_fetch(const struct worker *worker, const struct packet_batch *batch);

/* Gives the packets of METERED (worker->facts and worker->refs tell of them) and of IGNORED of
 * BATCH to the ring, which the worker has. Worker thread. */
void worker_snapshot_keep(struct worker *worker, const struct packet_batch *batch, uint64_t metered,
                          uint64_t ignored);

/* The worker goes on with ring and policy of CONFIG and leaves the ring that it had, if it is
 * another. Worker thread, between two batches. */
void worker_snapshot_change(struct worker *worker, const struct worker_config *config);

#endif
