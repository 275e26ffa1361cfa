/* Alerts as JSON (RFC 7951) and in words. See alert_answer.h. */
#include "alert_answer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "operation_body.h"

static const char *const operation_names[] = {[ALERT_REQUEST_LIST] = "spanflow:alerts",
                                              [ALERT_REQUEST_RELOAD] =
                                                  "spanflow:applications-reload"};
enum { OPERATIONS = sizeof operation_names / sizeof operation_names[0], LIMIT_USUAL = 100 };

/* ---- input ---- */

bool alert_request_is(const char *body, size_t length)
{
    return operation_body_is(body, length, operation_names, OPERATIONS);
}

static bool read_leaf(struct alert_request *request, const char *name, const json_t *value,
                      const char **tag, struct error *mistake)
{
    const json_int_t number = json_integer_value(value);
    const char *word = json_string_value(value);
    if (request->kind == ALERT_REQUEST_LIST && strcmp(name, "limit") == 0) {
        request->limit = (uint32_t)number;
        if (json_is_integer(value) && number >= 1 && number <= 10000)
            return true;
        error_set(mistake, "limit: give a number from 1 to 10000");
    } else if (request->kind == ALERT_REQUEST_LIST && strcmp(name, "severity") == 0) {
        if (word && severity_find(word, &request->severity))
            return true;
        error_set(mistake, "severity: give info, low, medium, high or critical");
    } else {
        *tag = "unknown-element";
        error_set(mistake, "%.64s: the operation has no such input", name);
    }
    return false;
}

bool alert_request_read(struct alert_request *request, const char *body, size_t length,
                        const char **tag, struct error *mistake)
{
    json_t *input = NULL;
    json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    unsigned kind = operation_body_find(object, operation_names, OPERATIONS, &input);
    *tag = "invalid-value";
    *request = (struct alert_request){.kind = (enum alert_request_kind)kind, .limit = LIMIT_USUAL};
    bool good = kind < OPERATIONS;
    if (!good)
        error_set(mistake, "the daemon has no such operation");
    const char *name;
    json_t *value;
    json_object_foreach(input, name, value)
    {
        if (!good)
            break;
        good = read_leaf(request, operation_body_leaf(name), value, tag, mistake);
    }
    json_decref(object);
    return good;
}

/* ---- one alert ---- */

static const char *address_text(const struct flow_key *key, unsigned side,
                                char text[INET6_ADDRSTRLEN])
{
    const void *address =
        key->family == 6 ? (side ? (const void *)key->address6_b : (const void *)key->address6_a)
                         : (side ? &key->head.address_b : &key->head.address_a);
    text[0] = 0;
    inet_ntop(key->family == 6 ? AF_INET6 : AF_INET, address, text, INET6_ADDRSTRLEN);
    return text;
}

/* What of a list's finding is in the list, as in the model. */
static const char *listed_word(const struct alert *alert)
{
    if (alert->listed == ALERT_LISTED_NAME)
        return "name";
    return alert->listed == alert->side ? "source" : "destination";
}

json_t *alert_object(struct state_json *json, const struct alert_row *row)
{
    const struct alert *alert = &row->newest;
    unsigned from = alert->side ? 1 : 0, to = 1 - from;
    const uint16_t ports[2] = {ntohs(alert->key.head.port_a), ntohs(alert->key.head.port_b)};
    char text[INET6_ADDRSTRLEN];
    json_t *object = json_object();
    state_set_text(json, object, "kind", alert->kind == ALERT_LIST ? "list" : "rule");
    state_set_text(json, object, "name", alert->name);
    state_set_text(json, object, "severity", severity_word((enum severity)alert->severity));
    if (alert->kind == ALERT_LIST)
        state_set_text(json, object, "listed", listed_word(alert));
    state_set_large(json, object, "flowId", alert->flow_id);
    state_set_text(json, object, "sourceAddress", address_text(&alert->key, from, text));
    state_set_text(json, object, "destinationAddress", address_text(&alert->key, to, text));
    state_set_number(json, object, "sourcePort", ports[from]);
    state_set_number(json, object, "destinationPort", ports[to]);
    state_set_number(json, object, "protocol", alert->key.head.protocol);
    state_set_time(json, object, "first", row->first_ns);
    state_set_time(json, object, "last", row->last_ns);
    state_set_large(json, object, "count", row->count);
    if (row->freeze[0])
        state_set_text(json, object, "freeze", row->freeze);
    return object;
}

void alert_text(const struct alert_row *row, char *text, size_t size)
{
    const struct alert *alert = &row->newest;
    unsigned from = alert->side ? 1 : 0, to = 1 - from;
    const uint16_t ports[2] = {ntohs(alert->key.head.port_a), ntohs(alert->key.head.port_b)};
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    snprintf(text, size, "%s: %s %s: %s port %u to %s port %u, protocol %u",
             severity_word((enum severity)alert->severity),
             alert->kind == ALERT_LIST ? "list" : "rule", alert->name,
             address_text(&alert->key, from, source), ports[from],
             address_text(&alert->key, to, destination), ports[to], alert->key.head.protocol);
}

/* ---- answers ---- */

char *alert_list_answer(const struct alert_table *table, const struct alert_request *request)
{
    struct state_json json = {false};
    json_t *output = json_object(), *list = json_array();
    uint32_t shown = 0, more = 0;
    for (const struct alert_row *row = alert_table_newest(table); row;
         row = alert_table_older(table, row)) {
        if (row->newest.severity < request->severity)
            continue;
        if (shown++ < request->limit)
            state_append(&json, list, alert_object(&json, row));
        else
            more++;
    }
    state_set(&json, output, "alert", list);
    state_set_number(&json, output, "more", more);
    return state_answer(&json, operation_names[ALERT_REQUEST_LIST], output);
}

char *alert_reload_answer(uint32_t applications, uint32_t matches)
{
    struct state_json json = {false};
    json_t *output = json_object();
    state_set_number(&json, output, "applications", applications);
    state_set_number(&json, output, "rules", matches);
    return state_answer(&json, operation_names[ALERT_REQUEST_RELOAD], output);
}
