/*
 * What has to be done so that a running probe goes on by another configuration: each field of
 * struct probe_config is a row of one table that says which part of the probe it belongs to.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_PLAN_H
#define SPANFLOW_CONFIG_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "probe_config.h"

enum plan_action {
    PLAN_NOTHING = 0,         /* it is looked at when it is needed */
    PLAN_WORKERS = 1 << 0,    /* workers go on with other timeouts, filters, prefixes, policies */
    PLAN_CACHE_SIZE = 1 << 1, /* and with tables of another size */
    PLAN_EXPORTERS = 1 << 2,  /* destinations come, go or change, templates, groups, the spool */
    PLAN_RULES = 1 << 3,      /* other applications are looked for */
    PLAN_SNAPSHOT = 1 << 4,   /* packets are kept otherwise, elsewhere, for longer, or not at all */
    PLAN_LISTS = 1 << 5,      /* flows are compared with other lists */
    PLAN_SOURCES = 1 << 6,    /* sources come, go, or are opened anew with other settings */
    PLAN_EXCHANGE = 1 << 7,   /* other workers take the place of those that are there */
    PLAN_REBUILD = 1 << 8,    /* the probe is made anew */
};

struct plan_field {
    const char *path; /* of the leaf or the list, for messages: "/spanflow:spanflow/workers" */
    unsigned action;
    size_t offset; /* in struct probe_config */
    size_t size;
    /* NULL: the octets are compared. */
    bool (*same)(const struct probe_config *before, const struct probe_config *after);
    /* NULL: the octets are copied. */
    void (*adopt)(struct probe_config *running, struct probe_config *next);
};

extern const struct plan_field plan_fields[];
extern const size_t plan_field_count;

struct plan {
    unsigned actions; /* of enum plan_action */
    size_t count;     /* fields that differ */
    /* The first field of the action that weighs most, for messages; NULL if nothing differs. */
    const char *path;
};

/* What leads from BEFORE to AFTER. */
struct plan plan_make(const struct probe_config *before, const struct probe_config *after);

/* Copies to RUNNING, which a probe runs by, the fields of NEXT that differ and whose action is not
 * PLAN_REBUILD: those that only the main thread reads from there. NEXT gets what it replaced of
 * what is owned. */
void plan_adopt(struct probe_config *running, struct probe_config *next);

/* What a change of the leaf at PATH, such as "/spanflow/cache/maxFlows", means for a running probe:
 * the action that weighs most. */
unsigned plan_action_of(const char *path);

#endif
