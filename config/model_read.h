/* What the files that read a valid tree share. Private to model.c, model_export.c and
 * model_snapshot.c. */
#ifndef SPANFLOW_CONFIG_MODEL_READ_H
#define SPANFLOW_CONFIG_MODEL_READ_H

#include <libyang/libyang.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "probe_config.h"

/* An enumeration leaf as a value of C. */
struct word_value {
    const char *word;
    unsigned value;
};

/* The value of WORD in TABLE, which ends with {0} and has it. */
unsigned model_word(const struct word_value *table, const char *word);

/* The number in the leaf PATH below NODE; MISSING if there is none. */
uint64_t model_number(const struct lyd_node *node, const char *path, uint64_t missing);

/* The same for 32 bits; 0 if there is none. */
uint32_t model_number32(const struct lyd_node *node, const char *path);

/* Whether the leaf PATH below NODE is there and true. */
bool model_truth(const struct lyd_node *node, const char *path);

/* Copies the leaf PATH below NODE to TEXT, "" if there is none; SIZE holds the final 0. False and
 * the path in ERROR if it is too long. */
bool model_text(const struct lyd_node *node, const char *path, char *text, size_t size,
                struct error *error);

/* Reads every instance of the leaf-list NAME of prefixes below NODE; the module bounds their number
 * to MAX. Returns how many there are. */
uint32_t model_prefixes(const struct lyd_node *node, const char *name, struct prefix *prefixes,
                        uint32_t max);

/* Reads the container snapshot; the path in ERROR begins below it. In model_snapshot.c. */
bool model_read_snapshot(const struct lyd_node *node, struct snapshot_config *snapshot,
                         struct error *error);

/* Reads the container alerts, NODE. In model_alerts.c. */
void model_read_alerts(const struct lyd_node *node, struct alerts_config *alerts);

/* Reads the container flowHistory of SNAPSHOT. In model_history.c, as the next two. */
bool model_read_history(const struct lyd_node *snapshot, struct flow_history_config *history,
                        struct error *error);
/* Adds the destination that writes the flow history, if there is to be one; an ERROR has the whole
 * path. */
bool model_add_history(struct probe_config *config, struct error *error);

/* Reads one entry of the list of lists; the path in ERROR begins below it. In model_lists.c, as the
 * next two. */
bool model_read_list(const struct lyd_node *node, struct lists_config *lists, struct error *error);
bool model_read_brands(const struct lyd_node *root, struct lists_config *lists,
                       struct error *error);
/* Destinations tell of lists and brands where there are any. */
void model_mark_destinations(struct probe_config *config);
/* Reads the container names below ROOT; the destinations of CONFIG are there. In model_names.c. */
bool model_read_names(const struct lyd_node *root, struct probe_config *config,
                      struct error *error);

/* Reads the exporting process NODE for CACHE, whose other values are there; an ERROR has the whole
 * path. In model_export.c. */
bool model_read_exporting(const struct lyd_node *node, struct cache_config *cache,
                          struct error *error);

#endif
