/*
 * The command line options of spanflowd: one table, from which arguments are parsed and the help
 * text and the manual are made. Options become the same tree as a configuration file.
 *
 * Control thread. Nothing here keeps an argument after it returned.
 */
#ifndef SPANFLOW_CONFIG_OPTIONS_H
#define SPANFLOW_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config_tree.h"

/* What one command line asks for besides leaves. */
struct option_state {
    struct config_tree *tree;
    const char *collector; /* -n, becomes a destination when all options are read */
    const char *version;   /* -v */
    const char *file;      /* -c */
    const char *store;     /* --store */
    const char *control;   /* --control */
    bool is_volatile;      /* an option says something about the configuration itself */
    bool help;
    bool show_version;
    bool check;
};

struct option_description {
    const char *name;     /* "fragment-table" of --fragment-table, NULL if there is only a letter */
    char letter;          /* 't' of -t, 0 if there is only a name */
    const char *argument; /* in the help text; NULL: the option has no argument */
    const char *leaf;     /* path that the option sets; NULL: more than one, or none */
    const char *value;    /* what the option sets the leaf to without argument; an option that
                             has both may be given with --name=ARGUMENT or with --name alone */
    bool repeats;
    size_t kept; /* of options that are not leaves: offset of their field in option_state */
    /* Runs after -c was read. ERROR gets what is wrong, without the option's name. */
    bool (*apply)(struct option_state *state, const struct option_description *option,
                  const char *argument, struct error *error);
    const char *help; /* NULL: not in this build, so the option is recognised and refused */
};

extern const struct option_description option_table[];
extern const size_t option_count;

/* One word inside an argument, such as "active=SECONDS" or "mtu=OCTETS". Tables end with {0}. */
struct option_word {
    const char *word; /* as in the help text; the name is what stands before "=", ":" or "," */
    const char *help; /* NULL: not in this build */
    const char *leaf; /* path from the root, or from the list entry that the argument makes */
    const struct option_spelling *spellings; /* NULL: the value is taken as it is */
    unsigned kinds;                          /* of -e: where the word has a meaning */
    bool common;                             /* of -e: a leaf of the destination itself */
    bool list;                               /* a leaf-list: values between commas */
};

/* What a user writes and what the leaf holds. Tables end with {0}. */
struct option_spelling {
    const char *word;
    const char *value; /* NULL: not in this build */
};

/* True if NAME, LENGTH octets, is the name of WORD. */
bool option_word_is(const struct option_word *word, const char *name, size_t length);

/* True for options that only fill a field of option_state and need no tree. */
bool option_is_kept(const struct option_description *option);

/* Applies each NAME=VALUE of LIST, between commas, by TABLE, whose leaves are whole paths; MISTAKE
 * says what is possible. */
bool option_words_apply(struct option_state *state, const struct option_word *table,
                        const char *list, const char *mistake, struct error *error);
/* The same for DIRECTORY,NAME=VALUE,...; the directory goes to LEAF. */
bool option_folder_apply(struct option_state *state, const char *leaf,
                         const struct option_word *table, const char *argument, const char *mistake,
                         struct error *error);

/* The appliers of -i, -e, --list, --alerts, --snapshot and --names, each in a file of its own. */
bool option_source_apply(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error);
bool option_destination_apply(struct option_state *state, const struct option_description *option,
                              const char *argument, struct error *error);
bool option_list_apply(struct option_state *state, const struct option_description *option,
                       const char *argument, struct error *error);
bool option_alerts_apply(struct option_state *state, const struct option_description *option,
                         const char *argument, struct error *error);
bool option_snapshot_apply(struct option_state *state, const struct option_description *option,
                           const char *argument, struct error *error);
bool option_names_apply(struct option_state *state, const struct option_description *option,
                        const char *argument, struct error *error);

/*
 * Adds to TREE what ARGUMENT, the argument of -i or -e, stands for; *ENTRY (may be NULL) becomes
 * the entry. USED is a tree whose devices' numbers are taken, often TREE. ERROR gets what is wrong,
 * without the argument.
 */
bool option_source_add(struct config_tree *tree, const struct config_tree *used,
                       const char *argument, struct lyd_node **entry, struct error *error);
bool option_destination_add(struct config_tree *tree, const char *argument, struct lyd_node **entry,
                            struct error *error);
extern const struct option_word option_timeout_words[];
extern const struct option_word option_flood_words[];
extern const struct option_word option_alert_words[];
extern const struct option_word option_snapshot_words[];
extern const struct option_word option_list_kinds[];
extern const struct option_word option_list_words[];
extern const struct option_word option_name_words[];
extern const struct option_word option_source_kinds[];
extern const struct option_word option_source_words[];
extern const struct option_word option_destination_kinds[];
extern const struct option_word option_destination_words[];

/* Adds the destination of -n HOST:PORT with the version of -v (NULL: the default). */
bool option_collector_apply(struct option_state *state, const char *collector, const char *version,
                            struct error *error);

/* Writes how OPTION is given, "-t NAME=SECONDS,...", into TEXT. */
void option_head(const struct option_description *option, char *text, size_t size);

/* Prints the help text; defaults come from the module. */
void options_print_help(FILE *file, const struct config_tree *tree);

#endif
