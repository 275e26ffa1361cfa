/* Paths of errors as clients get them. No state; called wherever a reply with an error is made. */
#include "error_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_view.h"
#include "xml_text.h"

enum { MODULES_MAX = 8 };

/* The modules that a path has named so far. */
struct named_modules {
    const char *names[MODULES_MAX]; /* within the path */
    int lengths[MODULES_MAX];
    unsigned count;
};

static void remember(struct named_modules *modules, const char *name, int length)
{
    for (unsigned i = 0; i < modules->count; i++)
        if (modules->lengths[i] == length && strncmp(modules->names[i], name, (size_t)length) == 0)
            return;
    if (modules->count == MODULES_MAX)
        return;
    modules->names[modules->count] = name;
    modules->lengths[modules->count++] = length;
}

static int name_length(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-";
    bool begins = *text && !strchr("0123456789.-", *text);
    return begins ? (int)strspn(text, letters) : 0;
}

/* The name at *AT, which then is behind it, with the prefix of its own or of its parent. */
static void put_name(FILE *file, const char **at, struct named_modules *modules,
                     const char **prefix, int *prefix_length)
{
    int length = name_length(*at);
    if (length && (*at)[length] == ':') {
        *prefix = *at;
        *prefix_length = length;
        remember(modules, *at, length);
        *at += length + 1;
        length = name_length(*at);
    }
    if (length && *prefix)
        fprintf(file, "%.*s:", *prefix_length, *prefix);
    fprintf(file, "%.*s", length, *at);
    *at += length;
}

static void put_path(FILE *file, const char *path, struct named_modules *modules)
{
    const char *prefix = NULL;
    int prefix_length = 0;
    char quote = 0;
    while (*path) {
        char octet = *path++;
        fputc(octet, file);
        if (quote)
            quote = octet == quote ? 0 : quote;
        else if (octet == '\'' || octet == '"')
            quote = octet;
        else if (octet == '/' || octet == '[')
            put_name(file, &path, modules, &prefix, &prefix_length);
    }
}

static void put_declarations(FILE *file, const struct ly_ctx *context,
                             const struct named_modules *modules)
{
    char name[128];
    for (unsigned i = 0; i < modules->count; i++) {
        snprintf(name, sizeof name, "%.*s", modules->lengths[i], modules->names[i]);
        const struct lys_module *module = ly_ctx_get_module_implemented(context, name);
        if (module)
            fprintf(file, " xmlns:%s=\"%s\"", name, module->ns);
    }
}

struct error_path error_path_make(const struct ly_ctx *context, const char *path)
{
    struct error_path made = {NULL, NULL};
    struct named_modules modules = {.count = 0};
    size_t length;
    FILE *file = open_memstream(&made.text, &length);
    if (!file)
        return made;
    put_path(file, path, &modules);
    fclose(file);
    file = open_memstream(&made.attributes, &length);
    if (!file) {
        error_path_clear(&made);
        return made;
    }
    put_declarations(file, context, &modules);
    fclose(file);
    return made;
}

void error_path_clear(struct error_path *path)
{
    free(path->text);
    free(path->attributes);
    *path = (struct error_path){NULL, NULL};
}

struct lyd_node *error_path_element(const struct ly_ctx *context, const char *path)
{
    struct error_path made = error_path_make(context, path);
    struct lyd_node *element = NULL;
    char *text = NULL;
    size_t length;
    FILE *file = made.text ? open_memstream(&text, &length) : NULL;
    if (file) {
        fprintf(file, "<error-path xmlns=\"%s\"%s>", NAMESPACE_NETCONF, made.attributes);
        xml_text_put(file, made.text);
        fputs("</error-path>", file);
        fclose(file);
        if (lyd_parse_data_mem(context, text, LYD_XML, LYD_PARSE_ONLY | LYD_PARSE_OPAQ, 0,
                               &element) != LY_SUCCESS)
            element = NULL;
        free(text);
    }
    error_path_clear(&made);
    return element;
}
