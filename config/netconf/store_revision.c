/*
 * The revision of stored configurations. See store_revision.h.
 */
#include "store_revision.h"

#include <jansson.h>
#include <stdlib.h>

#include "config_modules.h"
#include "config_text.h"

static const char container[] = "spanflow:spanflow";

/* JSON as the text *TEXT; false without memory. */
static bool print(const json_t *json, char **text)
{
    char *made = json_dumps(json, JSON_INDENT(2));
    if (!made)
        return false;
    free(*text);
    *text = made;
    return true;
}

bool store_revision_note(char **text)
{
    json_t *json = json_loads(*text, 0, NULL);
    json_t *configuration = json_object_get(json, container);
    bool good = true;
    if (json_is_object(configuration)) {
        /* First, where a reader looks. */
        json_t *noted = json_pack("{s:{s:s}}", "@", "spanflow:modelRevision", CONFIG_REVISION);
        good = noted && json_object_update(noted, configuration) == 0 &&
               json_object_set(json, container, noted) == 0 && print(json, text);
        json_decref(noted);
    }
    json_decref(json);
    return good;
}

bool store_revision_convert(char **text, struct error *error)
{
    json_t *json = json_loads(*text, 0, NULL);
    json_t *configuration = json_object_get(json, container);
    bool converted = false, good = true;
    if (json_is_object(configuration)) {
        good = config_text_convert(configuration, &converted, error);
        bool noted = json_object_del(configuration, "@") == 0;
        if (good && (converted || noted) && !print(json, text)) {
            error_set(error, "no memory for the stored configuration");
            good = false;
        }
    }
    json_decref(json);
    return good;
}
