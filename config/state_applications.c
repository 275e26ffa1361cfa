/* Rules with their hits, and alerts, in state. */
#include "state_applications.h"

#include "app/application_scan.h"

#define ADD_COUNTER(name, help) state_add_counter(json, list, #name, help, source->name);

static json_t *rule_object(struct state_json *json, const struct application *application,
                           const uint64_t *hits)
{
    json_t *object = json_object();
    const char *severity = severity_word((enum severity)application->severity);
    state_set_number(json, object, "number", application->number);
    state_set_text(json, object, "name", application->name);
    state_set_text(json, object, "title", application->title);
    if (severity) {
        state_set_text(json, object, "severity", severity);
        state_set_truth(json, object, "freeze", application->freeze);
    }
    state_set_large(json, object, "hits", hits ? hits[application->number] : 0);
    return object;
}

json_t *state_applications_object(struct state_json *json, const struct state_rules *rules,
                                  const struct application_counters *counters)
{
    json_t *object = json_object(), *list = json_array(), *known = json_array();
    const struct application_counters *source = counters;
    state_set_truth(json, object, "sought", rules->rules != NULL);
    state_set_large(json, object, "loads", rules->loads);
    if (rules->rules) {
        state_set_time(json, object, "loaded", rules->loaded_ns);
        state_set_number(json, object, "matches", rules->rules->match_count);
        for (uint32_t i = 0; i < rules->rules->application_count; i++)
            state_append(json, known,
                         rule_object(json, &rules->rules->applications[i], rules->hits));
    }
    APPLICATION_COUNTERS(ADD_COUNTER)
    state_set(json, object, "counter", list);
    state_set(json, object, "rule", known);
    return object;
}

json_t *state_alerts_object(struct state_json *json, const struct state_alerts *alerts)
{
    json_t *object = json_object(), *list = json_array();
    const struct state_alerts *source = alerts;
    state_set_large(json, object, "held", alerts->held);
    STATE_ALERT_COUNTERS(ADD_COUNTER)
    state_set(json, object, "counter", list);
    return object;
}
