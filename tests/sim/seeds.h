/*
 * The command line that all seeded tests share: --seeds A-B [--verbose]. Runs each seed and says
 * how to repeat the ones that failed.
 */
#ifndef SPANFLOW_SIM_SEEDS_H
#define SPANFLOW_SIM_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

/* True if the run of SEED was well. */
typedef bool seed_function(uint64_t seed, bool verbose);

/* The exit code of the program: 0 if all seeds were well, 1 if not, 2 for a wrong command line. */
int seeds_main(int argc, char **argv, seed_function *run);

#endif
