/* The body of CONTROL_ERROR, written and read. */
#include "control/control_refusal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Copies TEXT, cut before a character that does not fit whole. */
static void copy(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    memcpy(to, text, length);
    to[length] = 0;
}

void control_refusal_set(struct control_refusal *refusal, const char *tag, const char *path,
                         const char *message)
{
    copy(refusal->tag, sizeof refusal->tag, tag);
    copy(refusal->path, sizeof refusal->path, path);
    copy(refusal->message, sizeof refusal->message, message);
}

char *control_refusal_json(const struct control_refusal *refusal)
{
    /* What is not UTF-8 must not cost the whole answer. */
    json_t *object = json_object();
    json_t *path = json_string(refusal->path), *message = json_string(refusal->message);
    json_object_set_new(object, "tag", json_string(refusal->tag));
    json_object_set_new(object, "path", path ? path : json_string(""));
    json_object_set_new(object, "message", message ? message : json_string("not told in UTF-8"));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

bool control_refusal_read(struct control_refusal *refusal, const char *json, size_t length)
{
    json_t *object = json ? json_loadb(json, length, 0, NULL) : NULL;
    bool good = json_is_string(json_object_get(object, "tag")) &&
                json_is_string(json_object_get(object, "message"));
    if (good)
        control_refusal_set(refusal, member(object, "tag"), member(object, "path"),
                            member(object, "message"));
    else
        control_refusal_set(refusal, "operation-failed", "",
                            "the daemon's answer cannot be read; see its log");
    json_decref(object);
    return good;
}
