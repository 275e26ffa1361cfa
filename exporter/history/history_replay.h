/*
 * Sends held flow records again, to a collector that was away: the files of a history become flow
 * records, and an exporting process of its own, with one destination, encodes and paces them. Times
 * of flows are the original ones; messages are in an observation domain of their own, so that the
 * collector keeps them apart from what the probe sends now. Nothing of it is in the probe's
 * balance.
 *
 * A replay has a thread of its own, of low priority. The functions are for the control thread.
 */
#ifndef SPANFLOW_EXPORTER_HISTORY_HISTORY_REPLAY_H
#define SPANFLOW_EXPORTER_HISTORY_HISTORY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"
#include "history/history_folder.h"

struct history_replay;

struct history_replay_config {
    char directory[HISTORY_PATH_MAX];
    uint32_t from_s, to_s; /* export times of the records, since 1970, both included */
    struct destination_config destination; /* with the domain of the replay */
    uint32_t template_refresh_s, template_refresh_messages;
    uint32_t queue_octets_max;
    const struct export_applications *applications; /* NULL: none; copied */
    const struct export_marks *marks;               /* as the applications */
    struct flow_names names;                        /* that may be sent, of those in the files */
};

enum history_replay_phase { REPLAY_READING, REPLAY_SENDING, REPLAY_DONE, REPLAY_FAILED };

struct history_replay_report {
    enum history_replay_phase phase;
    uint64_t found;   /* records in that time; complete when the phase is SENDING */
    uint64_t records; /* given to the destination so far */
    uint64_t sent, lost;
    uint64_t damaged;  /* files that were not read to their end */
    char problem[512]; /* the newest line about the destination or a file; "" if none */
};

/* Begins a replay. NULL and ERROR if the folder cannot be read or the destination not be opened. */
struct history_replay *history_replay_start(const struct history_replay_config *config,
                                            struct error *error);
/* How far it is. */
void history_replay_tell(struct history_replay *replay, struct history_replay_report *report);
/* Asks it to stop: what is queued is lost. */
void history_replay_cancel(struct history_replay *replay);
/* Cancels it, waits for its thread and frees it. NULL is good. */
void history_replay_destroy(struct history_replay *replay);

#endif
