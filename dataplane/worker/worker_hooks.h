/*
 * A way into a worker for tests: the address of its live counters, so that one of them can be
 * skipped (LEDGER_SKIPPED). Nothing of the product includes this.
 */
#ifndef SPANFLOW_WORKER_WORKER_HOOKS_H
#define SPANFLOW_WORKER_WORKER_HOOKS_H

#include "worker/worker.h"

/* The live ledger, owned by WORKER and written by its thread. */
struct worker_ledger *worker_ledger_live(struct worker *worker);

#endif
