/*
 * The files of lists and of brands that a configuration names: read and compiled. Reads nothing but
 * the configuration and the files, so that it may run on a thread of its own.
 */
#ifndef SPANFLOW_CONFIG_LIST_LOAD_H
#define SPANFLOW_CONFIG_LIST_LOAD_H

#include "detect/brand_set.h"
#include "detect/watch_set.h"
#include "probe_config.h"

/* Whether CONFIG has anything of the kind. */
bool config_has_lists(const struct lists_config *config);

/* Reads what CONFIG names into *SET and *BRANDS, each NULL if there is none. False and ERROR, with
 * leaf, file and line of what is wrong, and both NULL. Any thread. */
bool config_load_lists(const struct lists_config *config, struct watch_set **set,
                       struct brand_set **brands, struct error *error);

#endif
