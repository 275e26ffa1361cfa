/*
 * The verbs of the program spanflow: one table, from which the help text, the completion of shells
 * and the manual are made. Each verb has a file of its own, verb_NAME.c.
 *
 * Main thread. A verb returns the exit code: 0 done, 1 refused or failed, 2 wrong arguments. What
 * went wrong is one line on the standard error stream.
 */
#ifndef SPANFLOW_CLI_VERBS_H
#define SPANFLOW_CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"

/* Exit statuses. PARTLY: done, but what was asked for is not whole. */
enum { VERB_DONE = 0, VERB_FAILED = 1, VERB_USAGE = 2, VERB_PARTLY = 3 };

enum { VERB_OPTIONS_MAX = 12, VERB_WORDS_MAX = 64 };

struct verb_option {
    const char *name;  /* "--limit", or "-o" */
    const char *value; /* NULL: a flag; "NUMBER": must be given; "[=SECONDS]": may be */
    const char *help;
};

struct verb_call;

struct verb {
    const char *name;      /* "config get" */
    const char *arguments; /* in the help text */
    const char *help;
    bool local; /* works without a probe */
    int words_min, words_max;
    int (*run)(struct verb_call *call);
    const struct verb_option *options; /* ends with an empty row; NULL: none */
    const char *words;                 /* that may follow, between blanks; for completion */
};

/* What one run of the program asks for. */
struct verb_call {
    const struct verb *verb;
    const char *socket;                   /* of the probe */
    bool json;                            /* the answer as JSON */
    struct client client;                 /* prepared if the verb needs the probe */
    bool prepared;                        /* by verb_prepare() */
    const char *values[VERB_OPTIONS_MAX]; /* of the verb's options, in their order; NULL: not given,
                                           * "" if it was without a value */
    int count;                            /* words behind the verb that are no options */
    char **words;
};

/* Ends with an empty row. */
extern const struct verb verb_table[];

/* The verbs, as the table has them: CALL is read and complete. They return the exit code. */
int verb_status(struct verb_call *call);
int verb_flows(struct verb_call *call);
int verb_top(struct verb_call *call);
int verb_ledger(struct verb_call *call);
int verb_expire_all(struct verb_call *call);
int verb_doctor(struct verb_call *call);
int verb_config_get(struct verb_call *call);
int verb_config_edit(struct verb_call *call);
int verb_config_diff(struct verb_call *call);
int verb_config_validate(struct verb_call *call);
int verb_config_commit(struct verb_call *call);
int verb_config_confirm(struct verb_call *call);
int verb_config_cancel(struct verb_call *call);
int verb_config_discard(struct verb_call *call);
int verb_config_history(struct verb_call *call);
int verb_config_rollback(struct verb_call *call);
int verb_snapshot_list(struct verb_call *call);
int verb_snapshot_extract(struct verb_call *call);
int verb_snapshot_freeze(struct verb_call *call);
int verb_snapshot_release(struct verb_call *call);
int verb_snapshot_verify(struct verb_call *call);
int verb_replay(struct verb_call *call);
int verb_alerts(struct verb_call *call);
int verb_applications(struct verb_call *call);
int verb_lists(struct verb_call *call);
int verb_help(struct verb_call *call);
int verb_complete(struct verb_call *call);

/* Prepares CALL's session, unless that is done; the first operation opens it and shows the probe's
 * notice if it is due. For verbs that may do without; the others have it. False and ERROR. */
bool verb_prepare(struct verb_call *call, struct error *error);

/* Says TEXT as an error. Returns VERB_FAILED. */
int verb_fail(const char *text);
/* Says that WORD is not understood by CALL's verb. Returns VERB_USAGE. */
int verb_refuse(const struct verb_call *call, const char *word);
/* The number of 1 or more that WORD is; 0 if it is none. */
unsigned long verb_number(const char *word);
/* Says that CALL's verb needs WHAT. Returns VERB_USAGE. */
int verb_lacks(const struct verb_call *call, const char *what);
/* Says TEXT as the outcome; as JSON an empty object. Returns VERB_DONE. */
int verb_say(const struct verb_call *call, const char *text);

/* What was given for the option NAME of CALL's verb: its value, "" if it has none; NULL if it was
 * not given. */
const char *verb_option(const struct verb_call *call, const char *name);

/* Prints TREE and its siblings as JSON on the standard output. */
void verb_print_json(const struct lyd_node *tree);

#endif
