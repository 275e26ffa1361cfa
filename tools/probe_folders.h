/*
 * Other folders for what outlives an exporting process, while packets flow: its state and its
 * spool. They are opened and locked when a change is prepared, and taken when it is handed over.
 * What was kept in the folder before stays there as at the end of a run, and its lock is released.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_FOLDERS_H
#define SPANFLOW_TOOLS_PROBE_FOLDERS_H

#include <stdbool.h>

#include "base/error.h"
#include "probe_config.h"

struct export_state;
struct probe;
struct probe_folders;

/* Opens the folder for the state that CONFIG names, if PROBE has another one; PROBE refers to what
 * is returned until that is freed. NULL and ERROR, which names the leaf: nothing has changed. */
struct probe_folders *probe_folders_prepare(struct probe *probe, const struct probe_config *config,
                                            struct error *error);
/* The state that a change of PROBE which is prepared, if there is one, brings; else that it has.
 * NULL: none is kept. */
struct export_state *probe_folders_state(const struct probe *probe);
/* The state moves: from now on PROBE and its exporting processes have the other one, with the
 * numbers that are true now. FOLDERS may be NULL. No change may be submitted to an exporting
 * process. */
void probe_folders_move_state(struct probe *probe, struct probe_folders *folders);
/* NULL is fine. */
void probe_folders_free(struct probe *probe, struct probe_folders *folders);

#endif
