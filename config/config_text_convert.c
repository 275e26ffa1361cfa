/*
 * From revision to revision of the module. Each step is a row; a revision without one is refused,
 * since to guess would be to run something that nobody configured.
 */
#include <string.h>

#include "base/check.h"
#include "config_modules.h"
#include "config_text.h"

#define ANNOTATION "spanflow:modelRevision"

/* The lists that were containers before the revision 2026-11-28. */
static const char *const processes[] = {"selectionProcess", "cache", "exportingProcess"};
enum { PROCESSES = sizeof processes / sizeof processes[0] };

/* The flow key was part of the one cache, and each process was a container. */
static void lists_of_processes(json_t *configuration)
{
    static const char *const key_leaves[] = {"vlanInKey", "fragmentTable", "decapsulate"};
    json_t *cache = json_object_get(configuration, "cache");
    json_t *key = json_object();
    check(key);
    for (size_t i = 0; json_is_object(cache) && i < sizeof key_leaves / sizeof key_leaves[0]; i++) {
        json_t *leaf = json_object_get(cache, key_leaves[i]);
        if (!leaf)
            continue;
        check(json_object_set(key, key_leaves[i], leaf) == 0);
        json_object_del(cache, key_leaves[i]);
    }
    if (json_object_size(key) > 0)
        check(json_object_set(configuration, "flowKey", key) == 0);
    json_decref(key);
    for (size_t i = 0; i < PROCESSES; i++) {
        json_t *container = json_object_get(configuration, processes[i]);
        if (!json_is_object(container))
            continue;
        json_t *entry = json_object(); /* its name comes first, so that complaints have it */
        check(entry && json_object_set_new(entry, "name", json_string("default")) == 0 &&
              json_object_update(entry, container) == 0);
        json_t *list = json_array();
        check(list && json_array_append_new(list, entry) == 0);
        check(json_object_set_new(configuration, processes[i], list) == 0);
    }
}

static const struct {
    const char *from, *to;
    void (*apply)(json_t *configuration);
} steps[] = {
    {"2026-11-22", "2026-11-28", lists_of_processes},
};

/* What the text says of itself, or else what its form says. */
static const char *revision_of(const json_t *configuration)
{
    const json_t *annotations = json_object_get(configuration, "@");
    const char *told = json_string_value(json_object_get(annotations, ANNOTATION));
    if (told)
        return told;
    for (size_t i = 0; i < PROCESSES; i++)
        if (json_is_object(json_object_get(configuration, processes[i])))
            return "2026-11-22";
    return CONFIG_REVISION;
}

bool config_text_convert(json_t *configuration, bool *converted, struct error *error)
{
    char revision[32];
    snprintf(revision, sizeof revision, "%s", revision_of(configuration));
    *converted = false;
    while (strcmp(revision, CONFIG_REVISION) != 0) {
        size_t i = 0;
        while (i < sizeof steps / sizeof steps[0] && strcmp(steps[i].from, revision) != 0)
            i++;
        if (i == sizeof steps / sizeof steps[0]) {
            error_set(
                error,
                "/spanflow: written for revision \"%s\" of the module, and this program knows "
                "%s; use the program that wrote it, or write it anew",
                revision, CONFIG_REVISION);
            return false;
        }
        steps[i].apply(configuration);
        snprintf(revision, sizeof revision, "%s", steps[i].to);
        *converted = true;
    }
    if (*converted)
        json_object_del(configuration, "@");
    return true;
}
