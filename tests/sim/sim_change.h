/*
 * Changes of the exporting process's configuration in the middle of a simulated run: collectors
 * come, go, and get other settings; groups, queues and the rest change. Draws from random numbers
 * of its own, so that a run without changes is the same as ever.
 */
#ifndef SPANFLOW_SIM_SIM_CHANGE_H
#define SPANFLOW_SIM_SIM_CHANGE_H

#include "sim/sim_world.h"

/* Whether the run with SEED has changes; to be called once the world is open. */
void sim_change_open(struct sim_world *world, uint64_t seed);
/* Now and then submits a change, or looks whether the last one was taken. */
void sim_step_change(struct sim_world *world);

#endif
