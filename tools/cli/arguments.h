/*
 * The words of a command line: which verb, its options by the verb's row of the table, and the
 * words that are left. Wrong ones are refused before anything is done. Main thread.
 */
#ifndef SPANFLOW_CLI_ARGUMENTS_H
#define SPANFLOW_CLI_ARGUMENTS_H

#include <stdbool.h>

#include "verbs.h"

/* The socket of a probe that was started without --control. */
extern const char usual_socket[];

/* What every verb knows beside its own options; ends with an empty row. */
extern const struct verb_option common_options[];

enum arguments_found {
    ARGUMENTS_VERB,    /* CALL is complete */
    ARGUMENTS_HELP,    /* the help text is wanted, of CALL's verb if there is one */
    ARGUMENTS_VERSION, /* the version is */
    ARGUMENTS_WRONG    /* ERROR says what */
};

/* Reads the COUNT words at WORDS, those behind the program's name, into CALL, whose words become
 * those that are no options; the array is reordered. VERBS ends with an empty row. */
enum arguments_found arguments_read(const struct verb verbs[], int count, char *words[],
                                    struct verb_call *call, struct error *error);

/* The row of the option NAME (of LENGTH octets) in OPTIONS; NULL if there is none. */
const struct verb_option *arguments_option(const struct verb_option *options, const char *name,
                                           size_t length);

/* Whether OPTION stands together with a value in the next word. */
bool arguments_takes_next(const struct verb_option *option);

#endif
