/*
 * The verbs on packets for a folder, or a copy of one, without a probe. Main thread; a verb returns
 * the exit code.
 */
#ifndef SPANFLOW_CLI_SNAPSHOT_FOLDER_H
#define SPANFLOW_CLI_SNAPSHOT_FOLDER_H

#include "snapshot/snapshot_query.h"
#include "verbs.h"

/* Prints the segments of FOLDER that can be read, a line for each other. */
int snapshot_folder_list(const struct verb_call *call, const char *folder);
/* Verifies FOLDER with its own key, or the one that CALL names. */
int snapshot_folder_verify(const struct verb_call *call, const char *folder);
/* Extracts by QUESTION into the file that CALL names. */
int snapshot_folder_extract(const struct verb_call *call, const char *folder,
                            const struct snapshot_question *question);

/* ---- what both ways print (verb_snapshot.c) ---- */

/* What an extraction gave. */
struct extract_outcome {
    const char *file;
    bool limited; /* it ended where a limit was reached */
    uint64_t packets, octets;
    uint64_t blocks, skipped, damaged, gone, cut;
    uint64_t segments_damaged;
    const char *sha256;
    const char *text; /* the first damage that was met; "": none */
};
/* Returns the exit status: VERB_PARTLY if damage was met. */
int snapshot_print_outcome(const struct verb_call *call, const struct extract_outcome *outcome);

/* The number of the option NAME, *NUMBER as it was if it was not given; false and a line if its
 * value is none. */
bool snapshot_number_option(const struct verb_call *call, const char *name, uint64_t *number);

#endif
