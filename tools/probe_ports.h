/*
 * The numbers of interfaces that packets, flows and the snapshot ring carry: which sources have or
 * had them. A source that is there keeps its number; one that comes gets the number that it had
 * before, or one that no flow can have any more.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_PORTS_H
#define SPANFLOW_TOOLS_PROBE_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "probe_config.h"

struct export_interface;
struct ledger;
struct probe;
struct source_places;

/* Source S of PROBE, opened for CONFIG, has its port from now on. */
void probe_ports_keep(struct probe *probe, uint32_t s, const struct source_config *config);
/* Source S of PROBE leaves its port, and what it has counted stays there. The sources' lock is
 * held.
 */
void probe_ports_leave(struct probe *probe, uint32_t s);
/* The program of source B of PROBE, if it has one, counts no more: what it has counted for flows
 * stays at its port. */
void probe_ports_keep_counted(struct probe *probe, uint32_t b);
/* A port for CONFIG, which no source of PROBE is opened for; none of those in TAKEN, an array with
 * an entry for each, which gets it. False if there is none. */
bool probe_ports_find(const struct probe *probe, const struct source_config *config, bool taken[],
                      uint16_t *port);
/* What records are told of port P, if its source has left or is about to; a source at PLACES may
 * have its number. */
void probe_ports_describe(const struct probe *probe, const struct source_places *places, uint32_t p,
                          struct export_interface *interface);
/* Adds what sources gave that have left to LEDGER. */
void probe_ports_add_given(const struct probe *probe, struct ledger *ledger);

#endif
