/*
 * The operations flows, top and expire-all of spanflow-operations.yang: their input is read and
 * checked, flows are made JSON, largest flows are summed up. Knows no worker.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_FLOW_QUERY_H
#define SPANFLOW_CONFIG_FLOW_QUERY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "exporting_process.h"
#include "flow/flow_walk.h"
#include "state_json.h"

enum flow_query_kind { QUERY_FLOWS, QUERY_TOP, QUERY_EXPIRE_ALL, QUERY_LEDGER };
enum flow_query_of { QUERY_OF_ADDRESS, QUERY_OF_PORT, QUERY_OF_PROTOCOL, QUERY_OF_APPLICATION };

struct flow_query {
    enum flow_query_kind kind;
    struct flow_filter filter;
    uint32_t limit;
    uint32_t worker;   /* where to begin */
    uint64_t position; /* in its cache */
    char cache[64];    /* the name of the cache that is looked at; "": the first */
    bool by_packets;   /* TOP: else by octets */
    enum flow_query_of of;
};

/* Reads {"spanflow:NAME":{input}}. APPLICATIONS (may be NULL) gives names their numbers. False and
 * MISTAKE, with *TAG an error-tag of RFC 6241. */
bool flow_query_read(struct flow_query *query, const char *json, size_t length,
                     const struct export_applications *applications, const char **tag,
                     struct error *mistake);

/* Adds the flow to the list FLOWS. */
void flow_query_add(struct state_json *json, json_t *flows, uint32_t worker,
                    const struct flow_view *view, const struct export_applications *applications,
                    const struct export_marks *marks);

/* {"spanflow:flows":{"flow":FLOWS,"continuation":...}}; FLOWS is taken. There is no continuation if
 * WORKER is UINT32_MAX. NULL if memory is short. To be freed, as the next two. */
char *flow_query_answer(struct state_json *json, json_t *flows, uint32_t worker, uint64_t position);
char *flow_query_expired(uint64_t records);

/* The name of flow_cold.application; NULL: it has none. */
const char *flow_query_application(const struct export_applications *applications,
                                   uint16_t application);
/* {OPERATION:OUTPUT} as text, to be freed; OUTPUT is taken. NULL if memory is short. */
char *flow_query_wrap(struct state_json *json, enum flow_query_kind kind, json_t *output);

/* ---- sums for top (flow_sums.c) ---- */

struct flow_sums;

/* A table of sums for QUERY, of bounded size. NULL if memory is short. */
struct flow_sums *flow_sums_create(const struct flow_query *query);
void flow_sums_destroy(struct flow_sums *sums);
void flow_sums_add(struct flow_sums *sums, const struct flow_view *view);
char *flow_sums_answer(struct flow_sums *sums, const struct export_applications *applications);

#endif
