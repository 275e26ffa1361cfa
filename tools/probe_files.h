/*
 * What a probe reads from files that its configuration names: rules of applications, compiled, and
 * lists. Both can take seconds, so while packets flow a thread reads them; and they are made before
 * the probe is, so that a file that is wrong is told from a probe that cannot be had.
 *
 * Main thread, but for what says otherwise.
 */
#ifndef SPANFLOW_TOOLS_PROBE_FILES_H
#define SPANFLOW_TOOLS_PROBE_FILES_H

#include <stdbool.h>

#include "base/error.h"
#include "probe.h"

struct probe_files_job;

/* Rules, lists or both; all zeros: none. Owned by whoever has it until a probe or a change takes
 * what is in it, which leaves zeros. */
struct probe_files {
    struct probe_rules rules;
    struct probe_lists *lists;
};

/* What is to be read, of ACTIONS of enum plan_action PLAN_RULES and PLAN_LISTS, and what is in
 * force till then, whose names are kept for flows that carry them (NULL: nothing). What is pointed
 * to stays as it is until the files are made. */
struct probe_files_wish {
    const struct probe_config *config;
    unsigned actions;
    const struct probe_rules *rules_before;
    const struct probe_lists *lists_before;
};

/* Reads what WISH wants into FILES. False and ERROR, which begins with the leaf and names file and
 * line; FILES are zeros then. Any thread. */
bool probe_files_make(struct probe_files *files, const struct probe_files_wish *wish,
                      struct error *error);
void probe_files_free(struct probe_files *files);

/* Begins to make what WISH, which is copied, wants on a thread. NULL and ERROR. */
struct probe_files_job *probe_files_begin(const struct probe_files_wish *wish, struct error *error);
/* Whether it is done. */
bool probe_files_ready(const struct probe_files_job *job);
/* Waits for it, takes what it made and frees it; as probe_files_make(). */
bool probe_files_end(struct probe_files_job *job, struct probe_files *files, struct error *error);

#endif
