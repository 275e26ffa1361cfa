/*
 * Notifications of the model, raised from what the daemon sees of ports, destinations, floods,
 * drops and the clock. Where no NETCONF is served nothing is told; while its process is gone, what
 * is told waits.
 *
 * Main thread, but for probe_notify_look().
 */
#ifndef SPANFLOW_TOOLS_PROBE_NOTIFY_H
#define SPANFLOW_TOOLS_PROBE_NOTIFY_H

#include <stdint.h>

#include "worker/worker.h"

struct probe;
struct probe_watch;

/* What PROBE's watch remembers; NULL if memory is short, and then nothing is told. */
struct probe_watch *probe_watch_create(void);
void probe_watch_destroy(struct probe_watch *watch);

/* About once a second: ports, destinations, drops. */
void probe_notify_turn(struct probe *probe);
/* The clock jumped. */
void probe_notify_clock(struct probe *probe);
/* The flood level of CACHE of WORKER has changed. */
void probe_notify_flood(struct probe *probe, uint32_t worker, uint32_t cache,
                        const struct worker_flood *flood);

/* Exporter's thread, in each turn: once a second, copies how destinations are doing. */
void probe_notify_look(struct probe *probe, uint64_t monotonic_ns);

/* Caches have come or gone: what was told of the destinations of all but the first is forgotten. */
void probe_notify_caches(struct probe *probe);

/* PROBE has other sources: BEFORE says where each was in the list before, -1: it is new. */
void probe_notify_sources(struct probe *probe, const int before[]);

#endif
