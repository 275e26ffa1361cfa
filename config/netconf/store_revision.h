/*
 * Stored configurations and the revision of the module spanflow that they are for: it is noted in
 * each, as the annotation modelRevision, and what was written for an older one is brought to this
 * one by the steps of config_text_convert(). Files are not touched.
 *
 * Any thread.
 */
#ifndef SPANFLOW_NETCONF_STORE_REVISION_H
#define SPANFLOW_NETCONF_STORE_REVISION_H

#include <stdbool.h>

#include "base/error.h"

/* Notes this revision in *TEXT, a configuration in JSON, which is freed and made anew; one without
 * the container spanflow stays. False without memory. */
bool store_revision_note(char **text);

/* Brings *TEXT, as stored, to this revision, without the note. False, *TEXT as it was and one line
 * in ERROR if no steps lead from there. Text that is no JSON is left for libyang to refuse. */
bool store_revision_convert(char **text, struct error *error);

#endif
