/*
 * What is wrong with a configuration that the daemon was asked to run: a tag and a path of NETCONF,
 * and one line.
 */
#ifndef SPANFLOW_TOOLS_PROBE_MISTAKE_H
#define SPANFLOW_TOOLS_PROBE_MISTAKE_H

#include <stdbool.h>

#include "base/error.h"
#include "probe_config.h"

/* For CONTROL_ERROR. */
struct mistake {
    const char *tag;
    char path[1024];
    struct error error;
};

/* Splits the line, if it has the form "input:3: /spanflow/cache/maxFlows: text", into path and
 * text; nothing happens if there is a path already. */
void mistake_split(struct mistake *mistake);

/* The leaf of CONFIG (may be NULL) that cannot be done becomes the path: the one that the line
 * names, else that of the destination or the source which it names, else HEAVIEST (may be NULL),
 * the path of what weighs most of all that is changed. */
void mistake_blame(struct mistake *mistake, const struct probe_config *config,
                   const char *heaviest);

#endif
