/*
 * The folder of results, extracts/, kept within its bounds. Used by the extractor's thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACTS_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Makes FOLDER (mode 2750) if it is not there and deletes what is hidden in it: nothing is under
 * way. False and one line in ERROR. */
bool snapshot_extracts_prepare(const char *folder, struct error *error);

/* Deletes the oldest results until at most FILES_MAX of at most OCTETS_MAX together are left, none
 * older than AGE_MAX_NS at the wall time NOW_NS; 0 is no bound. Each name goes to DELETED (may be
 * NULL). */
void snapshot_extracts_bound(const char *folder, uint32_t files_max, uint64_t octets_max,
                             uint64_t age_max_ns, uint64_t now_ns,
                             void (*deleted)(void *context, const char *name), void *context);

#endif
