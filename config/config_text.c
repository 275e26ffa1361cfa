/* Reading the file, and taking its text apart. Control thread at the start; others later. */
#include "config_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

enum { CONFIG_FILE_OCTETS_MAX = 16 << 20 };
#define CONFIGURATION "spanflow:spanflow"
#define ACCESS        "ietf-netconf-acm:nacm"

char *config_text_read(const char *path, struct error *error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(CONFIG_FILE_OCTETS_MAX + 1);
    size_t length = text ? fread(text, 1, CONFIG_FILE_OCTETS_MAX + 1, file) : 0;
    int failure = text ? (ferror(file) ? errno : 0) : ENOMEM;
    if (file != stdin)
        fclose(file);
    if (failure) {
        error_set(error, "%s: %s", path, strerror(failure));
    } else if (length > CONFIG_FILE_OCTETS_MAX) {
        error_set(error, "%s: larger than 16 MiB, which no configuration is", path);
    } else if (memchr(text, 0, length)) {
        error_set(error, "%s: holds a zero byte; give a JSON or XML configuration", path);
    } else {
        text[length] = 0;
        return text;
    }
    free(text);
    return NULL;
}

/* Whether the member of an object that begins at MEMBER, a quote, is set apart. */
static bool is_apart(const char *member, bool stored)
{
    if (stored)
        return strncmp(member, "\"" CONFIGURATION "\"", strlen(CONFIGURATION) + 2) != 0;
    return strncmp(member, "\"" ACCESS "\"", strlen(ACCESS) + 2) == 0;
}

/* Blanks out the text from BEGIN to END; lines keep their numbers. */
static void blank(char *begin, const char *end)
{
    for (; begin < end; begin++)
        if (*begin != '\n')
            *begin = ' ';
}

/* Blanks out what stands beside the configuration in TEXT, which is a JSON object, with the commas
 * that go with it. */
static void blank_others(char *text, bool stored)
{
    unsigned depth = 0;
    bool quoted = false;
    char *member = NULL;
    char *comma = NULL; /* behind the last member that stays */
    for (char *c = text; *c; c++) {
        if (quoted) {
            if (*c == '\\' && c[1])
                c++;
            else if (*c == '"')
                quoted = false;
            continue;
        }
        bool ends = depth == 1 && (*c == ',' || *c == '}');
        if (ends && member && is_apart(member, stored)) {
            blank(member, *c == ',' ? c + 1 : c);
            if (*c == '}' && comma)
                *comma = ' ';
        } else if (ends && *c == ',') {
            comma = c;
        }
        if (ends)
            member = NULL;
        quoted = *c == '"';
        if (quoted && depth == 1 && !member)
            member = c;
        if (*c == '{' || *c == '[')
            depth++;
        else if (*c == '}' || *c == ']')
            depth--;
    }
}

/* {KEY: VALUE} as text. */
static char *wrap(const char *key, json_t *value)
{
    json_t *object = json_object();
    check(object && json_object_set(object, key, value) == 0);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    check(text);
    return text;
}

bool config_text_take(const char *text, const char *name, bool stored, struct config_text *parts,
                      struct error *error)
{
    struct error inner = {""};
    memset(parts, 0, sizeof *parts);
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    json_error_t damage = {.text = "not a JSON object", .line = 1};
    json_t *root = json_loads(text, 0, &damage);
    if (stored && !json_is_object(root)) {
        error_set(error, "%s:%d: %s; mend it, or start with -c FILE", name, damage.line,
                  damage.text);
        json_decref(root);
        return false;
    }
    json_t *configuration = json_object_get(root, CONFIGURATION);
    json_t *rules = json_object_get(root, ACCESS);
    if (configuration && !config_text_convert(configuration, &parts->converted, &inner)) {
        error_set(error, "%s: %s", name, inner.text);
        json_decref(root);
        return false;
    }
    if (rules)
        parts->access = wrap(ACCESS, rules);
    if (parts->converted) {
        if (rules)
            json_object_del(root, ACCESS);
        parts->configuration =
            stored ? wrap(CONFIGURATION, configuration) : json_dumps(root, JSON_COMPACT);
    } else {
        parts->configuration = strdup(text);
        if (parts->configuration && json_is_object(root))
            blank_others(parts->configuration, stored);
    }
    check(parts->configuration);
    json_decref(root);
    return true;
}

bool config_text_take_stored(const char *directory, struct config_text *parts, bool *there,
                             struct error *error)
{
    char path[1280];
    memset(parts, 0, sizeof *parts);
    snprintf(path, sizeof path, "%s/" CONFIG_STORE_FILE, directory);
    *there = access(path, F_OK) == 0 || errno != ENOENT;
    if (!*there)
        return true;
    char *text = config_text_read(path, error);
    bool taken = text && config_text_take(text, path, true, parts, error);
    free(text);
    return taken;
}

void config_text_free(struct config_text *parts)
{
    free(parts->configuration);
    free(parts->access);
    memset(parts, 0, sizeof *parts);
}
