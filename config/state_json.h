/*
 * Making RFC 7951 JSON piece by piece: numbers of 64 bits are strings there, and amounts, reasons
 * and counters have the forms of spanflow-state.yang. A piece that could not be made is remembered,
 * so that one look at the end is enough.
 *
 * Only config/state*.c and tools/ include this. Control thread.
 */
#ifndef SPANFLOW_CONFIG_STATE_JSON_H
#define SPANFLOW_CONFIG_STATE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ledger_terms.h"

struct state_json {
    bool failed;
};

/* Sets KEY of OBJECT to VALUE, which is taken. */
void state_set(struct state_json *json, json_t *object, const char *key, json_t *value);
/* Adds VALUE, which is taken, to ARRAY. */
void state_append(struct state_json *json, json_t *array, json_t *value);
/* A number of at most 32 bits. */
void state_set_number(struct state_json *json, json_t *object, const char *key, uint32_t number);
/* A number of 64 bits. */
void state_set_large(struct state_json *json, json_t *object, const char *key, uint64_t number);
/* A text; what is not UTF-8 in it is shown as question marks. */
void state_set_text(struct state_json *json, json_t *object, const char *key, const char *text);
void state_set_truth(struct state_json *json, json_t *object, const char *key, bool value);
/* The wall time TIME_NS as a date-and-time of RFC 6991. */
void state_set_time(struct state_json *json, json_t *object, const char *key, uint64_t time_ns);

/* {"packets","octets"} as KEY of OBJECT; returned, too, and owned by OBJECT. */
json_t *state_set_pair(struct state_json *json, json_t *object, const char *key,
                       const struct ledger_pair *pair);
/* The list KEY with an entry for each of COUNT reasons, those at 0 too. */
void state_set_reasons(struct state_json *json, json_t *object, const char *key,
                       const struct ledger_pair *terms, const char *const *names, unsigned count);
/* Adds {"name","value","meaning"} to the list COUNTERS. */
void state_add_counter(struct state_json *json, json_t *counters, const char *name,
                       const char *meaning, uint64_t value);

/* {NAME:VALUE} as text, to be freed, the answer of an operation; VALUE is taken. NULL if memory is
 * short, now or before. */
char *state_answer(struct state_json *json, const char *name, json_t *value);

#endif
