/*
 * The lists that flows are compared with, and brands: read by a thread while packets flow
 * (probe_files.h), given to workers and exporting processes by a change, freed when these have left
 * them. What was counted goes on from one set to the next, by the names of the lists.
 *
 * Main thread, but for what says otherwise.
 */
#ifndef SPANFLOW_TOOLS_PROBE_LISTS_H
#define SPANFLOW_TOOLS_PROBE_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"
#include "probe_config.h"
#include "state.h"

struct probe;
struct probe_lists;
struct worker_config;

/* Reads what CONFIG names, and keeps the names of what BEFORE (may be NULL) has and CONFIG has not,
 * for flows that are marked with them. *LISTS is NULL if CONFIG and BEFORE have nothing. False and
 * ERROR, with leaf, file and line. Any thread that may read BEFORE. */
bool probe_lists_make(struct probe_lists **lists, const struct lists_config *config,
                      const struct probe_lists *before, struct error *error);
/* No worker and no exporting process has them any more. NULL is fine. */
void probe_lists_free(struct probe_lists *lists);
/* LISTS are in force, BEFORE are not any more: what was counted by those is added. Both may be
 * NULL. */
void probe_lists_follow(struct probe_lists *lists, const struct probe_lists *before);

/* What worker NUMBER and the exporting processes get; LISTS may be NULL. */
void probe_lists_fill(struct probe_lists *lists, uint32_t number, struct worker_config *worker);
const struct export_marks *probe_lists_marks(const struct probe_lists *lists);

/* ---- telling ---- */

/* One line on the standard error stream, if there are any. */
void probe_lists_tell(const struct probe_lists *lists);
/* What state tells of LISTS, which must outlive it, and of those that the workers are LEAVING for
 * them; both may be NULL. */
void probe_lists_facts(const struct probe_lists *lists, const struct probe_lists *leaving,
                       struct state_lists *facts);

#endif
