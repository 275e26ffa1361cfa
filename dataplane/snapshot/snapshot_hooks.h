/*
 * A way into a snapshot ring for tests: the addresses of its live counters, so that one of them can
 * be skipped (LEDGER_SKIPPED). Nothing of the product includes this.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_HOOKS_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_HOOKS_H

#include "snapshot/snapshot_ring.h"

struct snapshot_live {
    struct snapshot_account *worker; /* seen, cut_off, overload; stored without a writer */
    struct ledger_pair *stored;      /* of the writer */
    struct ledger_pair *failed;      /* the same, SNAPSHOT_FAILED_COUNT of them */
};

/* The live books, owned by RING. */
struct snapshot_live snapshot_ring_live(struct snapshot_ring *ring);

#endif
