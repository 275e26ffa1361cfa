/*
 * Other sources for a probe that goes on: some come, some go, some are opened anew because they
 * have other settings. Workers, flows and exporting processes stay, and those of the sources that
 * are the same lose no packet. In this order:
 *
 *     prepare   new devices are opened, and leave their packets to the host
 *     leave     devices with other settings are read out, closed and opened anew; then those that
 * go are read out (workers and exporting processes take the configuration) begin     the readers
 * get the new ones, and what has gone is closed
 *
 * What cannot be had is found out in the first two, and then everything is as it was.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_SOURCE_CHANGE_H
#define SPANFLOW_TOOLS_PROBE_SOURCE_CHANGE_H

#include <stdbool.h>

#include "base/error.h"
#include "probe_config.h"

struct probe;
struct probe_source_change;
struct source_places;
struct source_queues;

enum source_change_status {
    SOURCES_WAIT,   /* call again */
    SOURCES_DONE,   /* go on */
    SOURCES_REFUSED /* everything is as it was */
};

/* Whether PROBE can get the sources of CONFIG in this way, together with what else ACTIONS of enum
 * plan_action say; true if these do not say that there are others. */
bool probe_source_change_is_possible(const struct probe *probe, const struct probe_config *config,
                                     unsigned actions);
/* Opens what is new; CONFIG must outlive the change. NULL and ERROR, which begins with the path of
 * the source: nothing has changed. */
struct probe_source_change *probe_source_change_prepare(struct probe *probe,
                                                        const struct probe_config *config,
                                                        struct error *error);
/* Where the sources will be. */
const struct source_places *probe_source_change_places(const struct probe_source_change *change);
/* The second step. REFUSED: with ERROR, as above. */
enum source_change_status probe_source_change_leave(struct probe_source_change *change,
                                                    struct error *error);
/* Those that every reader can go on with, in the meantime and whatever becomes of the others. */
const struct source_queues *probe_source_change_kept(const struct probe_source_change *change,
                                                     uint32_t *count);
/* The last one, when workers and exporting processes know the configuration; true when the readers
 * have the new sources. */
bool probe_source_change_begin(struct probe_source_change *change);
/* After the second step: PROBE has the new sources, and its configuration is the new one. */
void probe_source_change_take(struct probe_source_change *change);
/* All threads of PROBE have ended: what the readers have taken belongs to it. */
void probe_source_change_end(struct probe_source_change *change);
/* Closes what PROBE did not get. No reader may have a list of CHANGE any more. NULL is fine. */
void probe_source_change_free(struct probe_source_change *change);

#endif
