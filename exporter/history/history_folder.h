/*
 * The folder of the flow history: the row of files that an exporting process writes there
 * (a file destination that rotates and persists), and the bounds under which they are kept. A file
 * has the time of its first message in its name; the file that is being written is hidden behind
 * the suffix ".part" until it is complete.
 *
 * Control thread; the exporter's thread writes its files without knowing of this.
 */
#ifndef SPANFLOW_EXPORTER_HISTORY_HISTORY_FOLDER_H
#define SPANFLOW_EXPORTER_HISTORY_HISTORY_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "exporting_process.h"

enum { HISTORY_NAME_MAX = 128, HISTORY_PATH_MAX = 1100 };

/* The name of its files before time and number. */
#define HISTORY_FILE "history.ipfix"

struct history_file {
    char name[HISTORY_NAME_MAX]; /* in the folder */
    uint64_t octets;
    uint32_t first_s; /* export time of its first message, since 1970 */
    uint32_t last_s;  /* no message of it is newer */
    uint32_t number;
    bool open; /* it is being written */
};

struct history_list {
    uint32_t count;
    struct history_file *files; /* the oldest first; owned */
    uint64_t octets;            /* of all */
};

struct history_limits {
    uint64_t octets_max;
    uint64_t age_max_s;
    uint64_t age_wanted_s; /* 0: any will do */
};

/* What is kept. */
struct history_report {
    uint64_t octets, files;
    uint32_t oldest_s;      /* export time of the oldest record, 0: none */
    uint64_t octets_wanted; /* that age_wanted_s needs at the rate of what is kept; 0: not known */
    bool is_short;          /* files had to go that are younger than wanted */
    uint64_t removed_full, removed_old; /* files, since the start */
    char fault[256];                    /* why the folder cannot be kept now; "" if it can */
};

struct history_folder;

/* Makes the folder DIRECTORY if it is not there, and completes the file that a run which was killed
 * left: what of it is whole keeps its name, with a line in NOTE. NULL and ERROR if it cannot be
 * written. GROUP: who may read it, (uint32_t)-1: nobody but the owner. WRITING: this process has a
 * destination there already, whose file is left alone. */
struct history_folder *history_folder_open(const char *directory, uint32_t group, bool writing,
                                           struct error *note, struct error *error);
void history_folder_close(struct history_folder *folder);
/* Sets up DESTINATION, which is all zeros, to write into DIRECTORY under LIMITS. */
void history_describe(const char *directory, const struct history_limits *limits,
                      struct destination_config *destination);
/* Removes the oldest files as long as there is more than LIMITS permit at NOW_S, since 1970; makes
 * the folder again if it is gone. About once a second. */
void history_folder_keep(struct history_folder *folder, const struct history_limits *limits,
                         uint64_t now_s);
void history_folder_tell(const struct history_folder *folder, struct history_report *report);

/* The files of DIRECTORY that hold messages exported from FROM_S to TO_S. False and ERROR. Any
 * thread. */
bool history_list_make(const char *directory, uint32_t from_s, uint32_t to_s,
                       struct history_list *list, struct error *error);
/* A zeroed list is good. */
void history_list_free(struct history_list *list);

#endif
