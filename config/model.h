/*
 * From a validated tree of spanflow.yang to the plain values that the probe runs with. Checks what
 * the module cannot say: filter expressions, one writer per file, one domain per collector.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_MODEL_H
#define SPANFLOW_CONFIG_MODEL_H

#include "config_tree.h"
#include "probe_config.h"

/* A new configuration that no longer needs the tree, for probe_config_free(). NULL and one line
 * with the path of the offending leaf in ERROR when it cannot be run. */
struct probe_config *probe_config_from_tree(const struct config_tree *tree, struct error *error);

/* Frees CONFIG and all it owns; NULL is fine. */
void probe_config_free(struct probe_config *config);

/* Whether libpcap compiles EXPRESSION; what is wrong with it in ERROR if not. */
bool model_check_filter(const char *expression, struct error *error);

/* A line for the user if CONFIG wants names looked for that no destination of it tells, NULL if all
 * is well: a warning, since the operation flows shows them. In model_names.c. */
const char *model_names_untold(const struct probe_config *config);
/* Whether CONFIG names anything to observe: a probe that is managed may wait for that. */
bool probe_config_observes(const struct probe_config *config);
/* The same, with what to do about it in ERROR if not. */
bool model_check_observes(const struct probe_config *config, struct error *error);

/* Checks CONFIG as a whole, used by probe_config_from_tree(). */
bool model_check(const struct probe_config *config, struct error *error);

/* The folder of the flow history, into PATH of SIZE octets. */
void model_history_directory(const struct snapshot_config *snapshot, char *path, size_t size);

#endif
