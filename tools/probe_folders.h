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
struct spool;

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
/* Opens the spool of cache C of CONFIG, which has one. NULL and ERROR, which names the leaf. */
struct spool *probe_folders_new_spool(const struct probe_config *config, uint32_t c,
                                      struct error *error);
/* In *SPOOL the spool that cache C of CONFIG is to have, which goes on with the exporting process
 * of cache BEFORE of PROBE: opened now if that one has another; NULL: none. False and ERROR, which
 * names the leaf. FOLDERS may be NULL: it is the same. */
bool probe_folders_open_spool(struct probe *probe, struct probe_folders *folders,
                              const struct probe_config *config, uint32_t c, uint32_t before,
                              struct spool **spool, struct error *error);
/* The exporting process in PLACE was told of cache C: its spool is that one's. */
void probe_folders_take_spool(struct probe *probe, struct probe_folders *folders, uint32_t c,
                              uint32_t place);
/* Whether every spool that was there before is left by its destinations; it is closed then. */
bool probe_folders_are_left(struct probe_folders *folders);
/* Whether no cache of CONFIG wants a spool that another cache of PROBE has: BEFORE tells for each
 * which one it goes on with, -1: none. */
bool probe_folders_are_possible(const struct probe *probe, const struct probe_config *config,
                                const int before[]);
/* NULL is fine. */
void probe_folders_free(struct probe *probe, struct probe_folders *folders);

#endif
