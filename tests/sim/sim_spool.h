/*
 * The spool of a simulated probe: a folder of its own, what may be lost while it has room, and the
 * run after this one, which must send what this one left. Test code.
 */
#ifndef SPANFLOW_SIM_SIM_SPOOL_H
#define SPANFLOW_SIM_SIM_SPOOL_H

#include "sim/sim_world.h"

/* Makes the folder of a plan that has a spool, before the exporting process is made. */
void sim_spool_open(struct sim_world *world);
/* After the end of the run, whose account is EXPORTED: closes its exporting process and makes the
 * next one, whose collectors are good. */
void sim_spool_check(struct sim_world *world, const struct exporter_counters *exported,
                     bool abandoned);
/* Removes the folder. */
void sim_spool_close(struct sim_world *world);

#endif
