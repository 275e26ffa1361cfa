/*
 * Destinations that pass from one exporting process to another and cannot be open in both: files,
 * and streams of messages without sessions. First those that have them leave them, with what waits
 * sent and the file complete; then the change is prepared, which opens them anew: a file goes on
 * behind what was written, a stream over UDP with its numbers if a state is kept.
 *
 * Main thread.
 */
#ifndef SPANFLOW_TOOLS_PROBE_MOVES_H
#define SPANFLOW_TOOLS_PROBE_MOVES_H

#include <stdbool.h>

#include "base/error.h"
#include "probe_config.h"

struct probe;
struct probe_moves;

/* What passes by CONFIG from one exporting process of PROBE to another; BEFORE tells for each cache
 * of CONFIG which one of PROBE it goes on with, -1: none. NULL: nothing does, and *POSSIBLE is
 * true; or it is false: one stays where it is as well or is a member of a group, or memory is
 * short. */
struct probe_moves *probe_moves_plan(const struct probe *probe, const struct probe_config *config,
                                     const int before[], bool *possible);
/* Whether every file that passes so is written on in the form that it has. False and ERROR, which
 * begins with the name of the destination. */
bool probe_moves_check(const struct probe *probe, const struct probe_config *config,
                       const int before[], struct error *error);
/* They leave: submits a change of PROBE. False and ERROR: nothing has changed. */
bool probe_moves_begin(struct probe *probe, struct probe_moves *moves, struct error *error);
/* Whether that change is finished and all have left, so that what they had can be opened anew. */
bool probe_moves_left(struct probe *probe, const struct probe_moves *moves);
/* They come back to where they were: submits a change. What cannot be opened is said. */
void probe_moves_undo(struct probe *probe, struct probe_moves *moves);
/* Whether DESTINATION of cache C comes by the moves of PROBE that are under way. */
bool probe_moves_bring(const struct probe *probe, uint32_t c,
                       const struct destination_config *destination);
/* NULL is fine. */
void probe_moves_free(struct probe_moves *moves);

#endif
