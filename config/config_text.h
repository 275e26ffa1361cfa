/*
 * The text of a configuration before libyang sees it: what else stands in the file is set apart,
 * and what was written for an older revision of the module becomes one of this revision.
 *
 * Any thread. Texts are owned by the caller.
 */
#ifndef SPANFLOW_CONFIG_CONFIG_TEXT_H
#define SPANFLOW_CONFIG_CONFIG_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* The running configuration inside the folder of --store. */
#define CONFIG_STORE_FILE "running.json"

/* Stands behind the name of a file that was converted. */
#define CONFIG_TEXT_OLDER " (older revision)"

struct config_text {
    char *configuration; /* {"spanflow:spanflow":{...}}, or XML as it was; owned */
    char *access;        /* {"ietf-netconf-acm:nacm":{...}}, NULL if there is none; owned */
    bool converted;      /* it was of an older revision; lines are not those of the file */
};

/* The whole file PATH ("-" = standard input) as text, to be freed; NULL and ERROR if it cannot be
 * read, is larger than 16 MiB or holds a zero byte. */
char *config_text_read(const char *path, struct error *error);

/*
 * Takes TEXT apart. NAME stands for the file in messages. JSON may have the container nacm of
 * ietf-netconf-acm beside the configuration; anything else there is left for libyang to refuse, or,
 * with STORED, left out. The revision is told by the annotation modelRevision or by the form of the
 * text; one that no step leads from is an error. Text that is no JSON is passed on as it is.
 */
bool config_text_take(const char *text, const char *name, bool stored, struct config_text *parts,
                      struct error *error);

/* As config_text_take() for the stored configuration in DIRECTORY. *THERE is false, and the result
 * true, if there is none. The file is never changed. */
bool config_text_take_stored(const char *directory, struct config_text *parts, bool *there,
                             struct error *error);

/* Frees what PARTS owns. */
void config_text_free(struct config_text *parts);

/* Brings CONFIGURATION, the value of spanflow:spanflow, to the revision CONFIG_REVISION.
 * *CONVERTED tells whether anything had to be done. Used by config_text_take(). */
bool config_text_convert(json_t *configuration, bool *converted, struct error *error);

#endif
