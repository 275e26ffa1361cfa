/*
 * The operations alerts and applications-reload of spanflow-alert.yang, and what is told of an
 * alert: input is read and checked, answers are made. Knows no probe.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_ALERT_ANSWER_H
#define SPANFLOW_CONFIG_ALERT_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "alert_table.h"
#include "state_json.h"

enum alert_request_kind { ALERT_REQUEST_LIST, ALERT_REQUEST_RELOAD };

struct alert_request {
    enum alert_request_kind kind;
    uint32_t limit;         /* LIST */
    enum severity severity; /* LIST: those that are so grave at least */
};

/* Whether BODY, of CONTROL_RPC, asks for one of these operations. */
bool alert_request_is(const char *body, size_t length);

/* Reads {"spanflow:NAME":{input}}. False and MISTAKE, with *TAG an error-tag of RFC 6241. */
bool alert_request_read(struct alert_request *request, const char *body, size_t length,
                        const char **tag, struct error *mistake);

/* The leaves of the grouping finding, as an object that the caller owns. */
json_t *alert_object(struct state_json *json, const struct alert_row *row);

/* "high: rule NAME: 192.0.2.1 port 4711 to 198.51.100.7 port 23, protocol 6", for lines and
 * reasons.
 */
void alert_text(const struct alert_row *row, char *text, size_t size);

/* {"spanflow:alerts":{...}} by REQUEST, to be freed; NULL if memory is short. */
char *alert_list_answer(const struct alert_table *table, const struct alert_request *request);
/* {"spanflow:applications-reload":{...}}, the same. */
char *alert_reload_answer(uint32_t applications, uint32_t matches);

#endif
