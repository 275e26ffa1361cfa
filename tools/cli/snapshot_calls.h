/*
 * The operations on the snapshot ring, as the verbs of the command use them. Main thread.
 */
#ifndef SPANFLOW_CLI_SNAPSHOT_CALLS_H
#define SPANFLOW_CLI_SNAPSHOT_CALLS_H

#include <signal.h>

#include "verbs.h"

/* An operation under construction: its XML grows in FILE. */
struct snapshot_text {
    FILE *file;
    char *text;
    size_t length;
};

/* Begins the operation snapshot-NAME. */
void snapshot_text_begin(struct snapshot_text *text, const char *name);
/* Adds the leaf NAME unless VALUE is NULL. */
void snapshot_text_leaf(struct snapshot_text *text, const char *name, const char *value);
/* Ends it, calls it and frees it: the answer, or NULL and ERROR. */
struct lyd_node *snapshot_text_call(struct snapshot_text *text, const char *name,
                                    struct verb_call *call, struct error *error);

/* Set by the user's interrupt (SIGINT, SIGTERM) after snapshot_catch_interrupts(). */
extern volatile sig_atomic_t snapshot_interrupted;
void snapshot_catch_interrupts(void);

/* Waits until job JOB is over, with progress on a terminal; an interrupt cancels it. The answer of
 * the last snapshot-job; NULL and ERROR if it cannot be asked, or was cancelled or failed before it
 * had a result. */
struct lyd_node *snapshot_wait(struct verb_call *call, const char *job, struct error *error);
/* Cancels job JOB, or has its result deleted. */
void snapshot_cancel(struct verb_call *call, const char *job);

/* Shows on a terminal how far WHAT is. */
void snapshot_show_progress(const char *what, unsigned percent, uint64_t octets);
/* Takes that line away. */
void snapshot_end_progress(void);

/* A time of the option NAME as RFC 3339, "" if it was not given. False and ERROR. */
bool snapshot_time_option(const struct verb_call *call, const char *name, bool end, char *moment,
                          struct error *error);
/* Reads --from and --to in this way, and compares them: an end that is before the begin is wrong.
 */
bool snapshot_window_options(const struct verb_call *call, char *from, char *to,
                             struct error *error);

#endif
