/*
 * What snapshot_extract.c (one extraction) has for snapshot_extractor.c (jobs) beyond its public
 * header.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACT_PRIVATE_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_EXTRACT_PRIVATE_H

#include <stdatomic.h>

#include "snapshot/snapshot_extract.h"

/* What the owner of a job wants to hear and to change under way. */
struct snapshot_extract_hooks {
    const _Atomic uint64_t *octets_per_second; /* 0: as fast as it goes */
    snapshot_progress_function progress;       /* may be NULL */
    void (*released)(void *context);           /* may be NULL: the sources are not used any more */
    void *context;
};

/* snapshot_extract_run() for job number STATUS->id. The audit log's line names OUTPUT. The order's
 * anonymiser is not released. */
enum snapshot_job_state snapshot_extract_job(const struct snapshot_sources *sources,
                                             const struct snapshot_extract_order *order,
                                             const struct snapshot_extract_settings *settings,
                                             const struct snapshot_extract_hooks *hooks,
                                             struct snapshot_audit *audit, const char *path,
                                             const char *output, struct snapshot_job_status *status,
                                             struct error *error);

/* Whether ORDER says who and why, and nothing in it is too long; else one line in ERROR. */
bool snapshot_extract_check(const struct snapshot_extract_order *order, struct error *error);

/* Fills the fields of ENTRY that ORDER gives; TUPLE_TEXT is room for the conversation in words. */
void snapshot_extract_describe(const struct snapshot_extract_order *order, char *tuple_text,
                               size_t tuple_size, struct snapshot_audit_entry *entry);

#endif
