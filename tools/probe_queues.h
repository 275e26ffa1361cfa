/*
 * A source with all its receive queues, and the threads that read them: which reader has which
 * queues of which sources.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_QUEUES_H
#define SPANFLOW_TOOLS_PROBE_QUEUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"
#include "packet/packet_source.h"
#include "probe_config.h"

struct probe;

/* The first is the source itself; NULL behind the last. */
struct source_queues {
    struct packet_source *queues[EXPORT_RINGS_MAX];
};

/* What each reader has, or is to have. */
struct reader_lists {
    struct source_list lists[EXPORT_RINGS_MAX];
};

/* Opens CONFIG with as many receive queues as the sources of PROBE have; XDP leaves the packets to
 * the host. False and ERROR: nothing is open. */
bool source_queues_open(const struct probe *probe, const struct source_config *config,
                        const struct packet_interface *wanted, struct source_queues *made,
                        struct error *error);
/* Closes what is there. */
void source_queues_close(struct source_queues *queues);
/* Source S of PROBE; and makes it another one. The sources' lock is held for this. */
struct source_queues source_queues_of(const struct probe *probe, uint32_t s);
void source_queues_put(struct probe *probe, uint32_t s, const struct source_queues *queues);

/* Gives the readers of PROBE the queues of COUNT SOURCES by way of LISTS, which stay as they are
 * until they are taken. MORE: as source_list.more. */
void readers_submit(const struct probe *probe, const struct source_queues sources[], uint32_t count,
                    bool more, struct reader_lists *lists);
/* Whether every reader has taken what was submitted last. */
bool readers_have_taken(const struct probe *probe);

#endif
