/*
 * Several threads that begin the same work at once, each pinned to a CPU of its own as far as there
 * are enough. For bench_scaling; called by its main thread.
 */
#ifndef SPANFLOW_PERF_BENCH_TEAM_H
#define SPANFLOW_PERF_BENCH_TEAM_H

#include <stdint.h>

enum { TEAM_MAX = 65 };

/* How long a member's action took: monotonic times, and CPU time of its thread. */
struct team_time {
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t cpu_ns;
};

/* What a member does. NUMBER is its place in the team. */
typedef void (*team_action)(void *shared, unsigned number);

/* The CPUs that this process may run on. */
unsigned team_cpus(void);

/* Calls ACTION for the members FIRST to FIRST + COUNT - 1 (at most TEAM_MAX), each on a thread
 * pinned to CPU number modulo team_cpus(), once all of them are there; returns when all are done.
 * TIME has an element for each of the COUNT members. Ends the program if there are no threads. */
void team_run(team_action action, void *shared, unsigned first, unsigned count,
              struct team_time time[]);

/* From the first start to the last end, in ns. */
uint64_t team_span_ns(const struct team_time time[], unsigned count);
/* The part of that span, 0 to 1, in which all members were at work. */
double team_overlap(const struct team_time time[], unsigned count);

#endif
