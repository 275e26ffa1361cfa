/* Pieces of RFC 7951 JSON. */
#include "state_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json_text.h"

void state_set(struct state_json *json, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        json->failed = true;
}

void state_append(struct state_json *json, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value))
        json->failed = true;
}

void state_set_number(struct state_json *json, json_t *object, const char *key, uint32_t number)
{
    state_set(json, object, key, json_integer((json_int_t)number));
}

void state_set_large(struct state_json *json, json_t *object, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    state_set(json, object, key, json_string(text));
}

void state_set_text(struct state_json *json, json_t *object, const char *key, const char *text)
{
    state_set(json, object, key, json_text(text));
}

void state_set_truth(struct state_json *json, json_t *object, const char *key, bool value)
{
    state_set(json, object, key, json_boolean(value));
}

void state_set_time(struct state_json *json, json_t *object, const char *key, uint64_t time_ns)
{
    const uint64_t second_ns = 1000000000, millisecond_ns = 1000000;
    time_t seconds = (time_t)(time_ns / second_ns);
    struct tm parts;
    char text[64], whole[32];
    if (!gmtime_r(&seconds, &parts) || !strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &parts))
        return;
    snprintf(text, sizeof text, "%s.%03" PRIu64 "Z", whole, time_ns % second_ns / millisecond_ns);
    state_set(json, object, key, json_string(text));
}

json_t *state_set_pair(struct state_json *json, json_t *object, const char *key,
                       const struct ledger_pair *pair)
{
    json_t *value = json_object();
    state_set_large(json, value, "packets", pair->packets);
    state_set_large(json, value, "octets", pair->octets);
    state_set(json, object, key, value);
    return value;
}

void state_set_reasons(struct state_json *json, json_t *object, const char *key,
                       const struct ledger_pair *terms, const char *const *names, unsigned count)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_t *entry = json_object();
        state_set_text(json, entry, "reason", names[i]);
        state_set_large(json, entry, "packets", terms[i].packets);
        state_set_large(json, entry, "octets", terms[i].octets);
        state_append(json, list, entry);
    }
    state_set(json, object, key, list);
}

void state_add_counter(struct state_json *json, json_t *counters, const char *name,
                       const char *meaning, uint64_t value)
{
    json_t *entry = json_object();
    state_set_text(json, entry, "name", name);
    state_set_large(json, entry, "value", value);
    state_set_text(json, entry, "meaning", meaning);
    state_append(json, counters, entry);
}

char *state_answer(struct state_json *json, const char *name, json_t *value)
{
    json_t *object = json_object();
    state_set(json, object, name, value);
    char *text = json->failed ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}
