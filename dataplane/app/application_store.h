/*
 * Compiled rules on disk, because compiling takes most of a second: one file for each set of rules,
 * version of the library and kind of processor. A file that cannot be used is left aside and
 * made anew; nothing here is ever an error of the run.
 *
 * Only a folder that nobody else may write to is trusted, since what is read is run. Control
 * thread.
 */
#ifndef SPANFLOW_APP_APPLICATION_STORE_H
#define SPANFLOW_APP_APPLICATION_STORE_H

#include <stdbool.h>

#include "app/application_set_private.h"

/* Fills in SET's databases from FOLDER; false: there is nothing that can be used. */
bool application_store_load(struct application_set *set, const char *folder);
/* Keeps SET's databases in FOLDER (made if it is not there), if that is possible. */
void application_store_keep(const struct application_set *set, const char *folder);

#endif
