/*
 * Another configuration for a running probe (CONTROL_APPLY): read, checked, compared, and applied
 * whole or not at all. What cannot change while packets flow makes the probe be taken apart, with
 * everything exported, and made anew; if that fails the old one is made again.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_APPLY_H
#define SPANFLOW_TOOLS_PROBE_APPLY_H

#include "base/error.h"
#include "probe_config.h"

struct probe;
struct ledger_carry;
struct probe_control;
struct probe_files;

/* A new probe by CONFIG and FILES that serves CONTROL (NULL: none) and goes on with the account
 * CARRY (NULL: none), which it then owns. NULL and ERROR; FILES are as they were then. */
struct probe *probe_begin(const struct probe_config *config, struct probe_files *files,
                          struct probe_control *control, struct ledger_carry *carry,
                          struct error *error);

/* PROBE has run to its end because it was rebuilding: it is destroyed, the next one is made and
 * answers. NULL and ERROR: neither the new nor the old one could be made. */
struct probe *probe_rebuild(struct probe *probe, struct error *error);

/* The daemon ends before a rebuild could be done: who waits for it is told. */
void probe_rebuild_given_up(struct probe_control *control);

/* From now on the probe goes by what is to run, as far as it reads it. CONTROL may be NULL. */
void probe_apply_adopt(struct probe_control *control);

#endif
