/* Lists with their hits in state, and the answer to reading them again. */
#include "state_lists.h"

#include "operation_body.h"

#define ADD_COUNTER(name, help) state_add_counter(json, counters, #name, help, source->name);

static json_t *list_object(struct state_json *json, const struct watch_list *list, uint64_t hits)
{
    static const char *const kinds[] = {
        [WATCH_HOSTS] = "hosts", [WATCH_NETWORKS] = "networks", [WATCH_DOMAINS] = "domains"};
    json_t *object = json_object();
    state_set_text(json, object, "name", list->name);
    state_set_number(json, object, "number", list->number);
    state_set_text(json, object, "kind", kinds[list->kind]);
    state_set_text(json, object, "label", list->label);
    state_set_text(json, object, "severity", severity_word(list->severity));
    state_set_large(json, object, "entries", list->entries);
    state_set_large(json, object, "hits", hits);
    return object;
}

json_t *state_lists_object(struct state_json *json, const struct state_lists *lists)
{
    json_t *object = json_object(), *counters = json_array(), *list = json_array();
    const struct state_list_counts *source = &lists->counts;
    if (lists->loads)
        state_set_time(json, object, "loaded", lists->loaded_ns);
    state_set_large(json, object, "loads", lists->loads);
    state_set_large(json, object, "memory", lists->memory);
    state_set_large(json, object, "brandDomains", lists->brand_domains);
    for (uint32_t i = 0; lists->set && i < watch_set_count(lists->set); i++)
        state_append(json, list, list_object(json, watch_set_list(lists->set, i), source->hits[i]));
    state_set(json, object, "list", list);
    WATCH_COUNTERS(ADD_COUNTER)
    state_set(json, object, "counter", counters);
    return object;
}

static const char *const operation = "spanflow:lists-reload";

bool state_lists_reload_is(const char *json, size_t length)
{
    return operation_body_is(json, length, &operation, 1);
}

char *state_lists_answer(const struct state_lists *lists)
{
    struct state_json json = {false};
    json_t *output = json_object(), *list = json_array();
    for (uint32_t i = 0; lists->set && i < watch_set_count(lists->set); i++) {
        json_t *row = json_object();
        state_set_text(&json, row, "name", watch_set_list(lists->set, i)->name);
        state_set_large(&json, row, "entries", watch_set_list(lists->set, i)->entries);
        state_append(&json, list, row);
    }
    state_set(&json, output, "list", list);
    return state_answer(&json, operation, output);
}
