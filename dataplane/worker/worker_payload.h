/*
 * Packets whose payload is looked at as well: counted in the flow caches, then scanned for the
 * applications of their flows. A packet is scanned once: the first cache's record says whether its
 * flow is still undecided, and the records of the other caches are told the verdict. Private to
 * worker/.
 */
#ifndef SPANFLOW_WORKER_WORKER_PAYLOAD_H
#define SPANFLOW_WORKER_WORKER_PAYLOAD_H

#include <stdint.h>

#include "packet/packet_batch.h"

struct worker;

/* Counts the packets of SELECTED of BATCH, announced to the caches, by worker->facts, and fills in
 * worker->refs, those of the first cache. Returns the packets whose flows had no verdict before
 * them: these flows must not leave the worker's sight yet. Worker thread. */
uint64_t worker_meter_payload(struct worker *worker, const struct packet_batch *batch,
                              uint64_t selected);

#endif
