/*
 * Sleeping in the loops of the daemon: never longer than a signal may wait for its answer, never in
 * the path of a packet.
 */
#ifndef SPANFLOW_TOOLS_PROBE_PAUSE_H
#define SPANFLOW_TOOLS_PROBE_PAUSE_H

#include <stdint.h>

/* The earlier of NEXT_NS and ten milliseconds after NOW_NS; monotonic nanoseconds. */
uint64_t probe_pause_end(uint64_t now_ns, uint64_t next_ns);

/* Sleeps until the monotonic time UNTIL_NS, or less if a signal comes. Any thread. */
void probe_pause(uint64_t until_ns);

#endif
