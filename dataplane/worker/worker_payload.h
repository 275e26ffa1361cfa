/*
 * Packets whose payload is looked at as well: counted in the flow cache, then scanned for the
 * applications of their flows. Private to worker/.
 */
#ifndef SPANFLOW_WORKER_WORKER_PAYLOAD_H
#define SPANFLOW_WORKER_WORKER_PAYLOAD_H

#include "app/application_scan.h"
#include "flow/flow_cache.h"

/* Like flow_cache_update_announced() for the packets of SELECTED; the applications that SCANNER
 * finds are written to their records. REFS has room for a batch. Returns the packets whose flows
 * had no verdict before them: these flows must not leave the worker's sight yet. Worker thread. */
uint64_t worker_meter_payload(struct application_scanner *scanner, struct flow_cache *cache,
                              const struct packet_batch *batch, const struct packet_facts *facts,
                              struct flow_ref *refs, uint64_t selected);

#endif
