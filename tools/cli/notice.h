/*
 * The text that every user is shown: what is recorded on this probe. On a terminal it comes with
 * the first verb of a terminal session and again when it changes; with the verbs on packets always.
 * Main thread.
 */
#ifndef SPANFLOW_CLI_NOTICE_H
#define SPANFLOW_CLI_NOTICE_H

#include "verbs.h"

/* Prints the probe's notice on the standard error stream, if it has one and it is due for CALL. */
void notice_show(struct verb_call *call);

#endif
