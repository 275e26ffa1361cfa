/*
 * A destination whose settings change while it works, or that leaves. The rules are those of
 * exporting_process_change.h. The control thread opens a second destination, the fresh one, by
 * destination_create(); then, on the exporter's thread, either the parts of the fresh one take the
 * place of those of the old one, which goes on, or the fresh one succeeds the old one, which
 * leaves.
 *
 * A part that is still in use (a connection with messages that are not confirmed, records that wait
 * to become one with others) stays in the shell for ten seconds at most: a message queue, a
 * transport and the like are freed by the control thread alone, which gets the shell at last.
 */
#ifndef SPANFLOW_EXPORTER_DESTINATION_CHANGE_H
#define SPANFLOW_EXPORTER_DESTINATION_CHANGE_H

#include "destination.h"

/* ---- control thread ---- */

/* Whether CONFIG is what DESTINATION was made for, its group aside. */
bool destination_is_as(const struct destination *destination,
                       const struct destination_config *config);
/* Whether what the collector reads can go on with the settings of FRESH, as far as these tell. */
bool destination_may_stay(const struct destination *destination, const struct destination *fresh);
/* Whether FRESH needs another transport than the one of a destination that may stay. */
bool destination_transport_differs(const struct destination *destination,
                                   const struct destination *fresh);
/* Whether messages of both may follow each other in one session. */
bool destination_encodes_alike(const struct destination *destination,
                               const struct destination *fresh);
/* False and ERROR for a file that is to go on in another form. */
bool destination_file_may_change(const struct destination *destination,
                                 const struct destination *fresh, struct error *error);
/* No template of FRESH gets an id that has another meaning in DESTINATION. */
void destination_avoid_ids(const struct destination *destination, struct destination *fresh);

/* ---- exporter's thread ---- */

/* FRESH becomes the shell of DESTINATION, which has none and takes over its settings. */
void destination_adopt(struct destination *destination, struct destination *fresh,
                       uint64_t monotonic_ns);
/* Whether a change in place is still under way. */
bool destination_changes(const struct destination *destination);
/* Goes on with it. Returns the shell when it is of no use any more, else NULL. */
struct destination *destination_change_step(struct destination *destination);
/* The transport is about to be another one: nothing is handed over to this one. */
static inline bool destination_rewires(const struct destination *destination)
{
    return destination->rewires;
}

/* DESTINATION gets no more records. REMOVED: there is no other of its row. */
void destination_leave(struct destination *destination, bool removed, uint64_t monotonic_ns);
/* Others go on with another spool: a destination that leaves has ten seconds for what is in its
 * queue, and what is in the files of its spool stays there. */
void destination_leave_spool(struct destination *destination, uint64_t monotonic_ns);
/* A step of a destination that leaves. *MOVED: something was sent. True when it has ended; a parked
 * one has not. */
bool destination_leave_step(struct destination *destination, bool draining, bool *moved);
/* Monotonic time at which that wants to be called. */
uint64_t destination_leave_next_ns(const struct destination *destination);

#endif
