/*
 * Which leaf it is that the exporting process cannot do: its errors begin with the name of the
 * destination and have the words of -e.
 */
#ifndef SPANFLOW_CONFIG_DESTINATION_PLACE_H
#define SPANFLOW_CONFIG_DESTINATION_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "probe_config.h"

/* Writes the path of what LINE is about to PATH of OCTETS: a leaf of the destination of CONFIG with
 * whose name LINE begins, or the destination's entry where no leaf is to blame. False, and PATH
 * untouched, if it begins with none. Owns nothing; any thread. */
bool config_destination_place(const struct probe_config *config, const char *line, char *path,
                              size_t octets);

#endif
