/*
 * Which source of one configuration is which of another: the device decides, not the name nor the
 * place in the list.
 */
#ifndef SPANFLOW_CONFIG_SOURCE_MATCH_H
#define SPANFLOW_CONFIG_SOURCE_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "probe_config.h"

/* What names the device of SOURCE, its driver's words included: of af_packet the number, which is
 * the probe's to choose, means nothing. */
const char *source_device_words(const struct source_config *source);
/* Whether A and B cannot be open at the same time: one interface, or one device of DPDK whatever
 * its driver's words are. */
bool source_is_same_device(const struct source_config *a, const struct source_config *b);
/* Whether a device that was opened for A does for B: its name, number, role and filter aside. */
bool source_has_same_settings(const struct source_config *a, const struct source_config *b);
/* The place in BEFORE of the source that is the same device as SOURCE; -1: none. */
int source_place_before(const struct probe_config *before, const struct source_config *source);

#endif
