/*
 * One data record as one JSON object on one line. Keys are the element names of the template.
 * A destination owns one plan for each of its templates; exporter's thread only.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_JSON_H
#define SPANFLOW_EXPORTER_ENCODE_JSON_H

#include <stdint.h>

#include "template/template.h"

/* Upper bound of a line, and so the slack that a chunk of lines needs. */
enum { JSON_KEY_MAX = 48, JSON_VALUE_MAX = 48 };
/* A quote or a backslash in a name takes two octets. */
enum {
    JSON_LINE_MAX =
        TEMPLATE_FIELDS_MAX * (JSON_KEY_MAX + JSON_VALUE_MAX) + 2 * FLOW_NAMES_OCTETS_MAX
};

struct json_field {
    char key[JSON_KEY_MAX]; /* {"name": or ,"name": and the opening quote of a text value */
    uint8_t key_length;
    uint8_t type;   /* enum element_type */
    uint8_t name;   /* enum name_type; NAME_TYPE_COUNT: it is none */
    uint8_t octets; /* of the value */
    uint16_t value; /* offset in struct record_values */
};

struct json_plan {
    uint32_t field_count;
    struct json_field fields[TEMPLATE_FIELDS_MAX];
};

/* Makes the plan whose keys and order are TEMPLATE's. */
void json_plan_init(struct json_plan *plan, const struct template *template);

/* Upper bound of the plan's lines, with what is written behind them. */
uint32_t json_line_bound(const struct json_plan *plan);

/* Writes the line with its line feed at OUT, which has JSON_LINE_MAX bytes; returns its end. Names
 * that the flow has not are left out. */
char *json_line(char *out, const struct json_plan *plan, const struct record_values *values);

#endif
