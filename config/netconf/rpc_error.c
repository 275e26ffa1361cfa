/*
 * Errors of operations, and how the messages of libyang become errors of RFC 6241 and RFC 7950.
 * Called by everything in this folder, on any thread; memory is the caller's.
 */
#include "rpc_error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERRORS_MAX = 32 };

static void set_message(struct rpc_error *error, const char *type, const char *tag,
                        const char *format, va_list arguments)
{
    rpc_error_clear(error);
    error->type = type;
    error->tag = tag;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    for (char *text = error->message; *text; text++)
        if (*text == '\n' || *text == '\r')
            *text = ' ';
}

bool rpc_error_set(struct rpc_error *error, const char *type, const char *tag, const char *format,
                   ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    set_message(error, type, tag, format, arguments);
    va_end(arguments);
    return false;
}

bool rpc_error_at(struct rpc_error *error, const struct lyd_node *node, const char *type,
                  const char *tag, const char *format, ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    set_message(error, type, tag, format, arguments);
    va_end(arguments);
    if (node)
        lyd_path(node, LYD_PATH_STD, error->path, sizeof error->path);
    return false;
}

void rpc_error_clear(struct rpc_error *error)
{
    if (!error)
        return;
    for (struct rpc_error *next = error->next; next;) {
        struct rpc_error *after = next->next;
        free(next);
        next = after;
    }
    memset(error, 0, sizeof *error);
}

void rpc_error_add(struct rpc_error *error, const struct rpc_error *more)
{
    if (!error)
        return;
    if (!error->tag) {
        *error = *more;
        return;
    }
    unsigned count = 1;
    while (error->next && count++ < ERRORS_MAX)
        error = error->next;
    if (error->next)
        return;
    error->next = malloc(sizeof *more);
    if (error->next) {
        *error->next = *more;
        error->next->next = NULL;
    }
}

bool rpc_error_memory(struct rpc_error *error)
{
    return rpc_error_set(error, "application", "resource-denied", "out of memory");
}

/* What libyang says, and what RFC 7950, section 15, calls it. The first row that fits counts; the
 * texts are parts of the library's messages. */
static const struct library_error {
    const char *text, *tag, *app_tag;
} library_errors[] = {
    {"Mandatory choice", "data-missing", "missing-choice"},
    {"Mandatory node", "data-missing", NULL},
    {"missing list key", "missing-element", NULL},
    {"Unique data leaf", "operation-failed", "data-not-unique"},
    {"Too many", "operation-failed", "too-many-elements"},
    {"Too few", "operation-failed", "too-few-elements"},
    {"Invalid leafref value", "data-missing", "instance-required"},
    {"no target instance", "data-missing", "instance-required"},
    {"required instance", "data-missing", "instance-required"},
    {"Duplicate instance", "operation-failed", "data-not-unique"},
    {"Must condition", "operation-failed", "must-violation"},
    {"When condition", "unknown-element", NULL},
    {"Data for both cases", "bad-element", NULL},
    {"Unexpected data", "unknown-element", NULL},
    {NULL, NULL, NULL},
};

/* Error tags of the modules themselves: few, so each is kept once and for good. */
static const char *keep_text(const char *text)
{
    enum { KEPT_MAX = 64 };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char *kept[KEPT_MAX];
    unsigned index = 0;
    pthread_mutex_lock(&lock);
    while (index < KEPT_MAX && kept[index] && strcmp(kept[index], text) != 0)
        index++;
    if (index < KEPT_MAX && !kept[index])
        kept[index] = strdup(text);
    const char *found = index < KEPT_MAX ? kept[index] : NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

void rpc_error_location(const char *location, char *path, size_t size)
{
    const char *start = location ? strstr(location, "ata location \"") : NULL;
    if (!start && location)
        start = strstr(location, "chema location \"");
    start = start ? strchr(start, '"') + 1 : location ? strchr(location, '/') : NULL;
    if (!start)
        return;
    const char *end = strrchr(start, '"');
    snprintf(path, size, "%.*s", (int)(end ? (size_t)(end - start) : strlen(start)), start);
}

/* Says how many entries the list at the path of ERROR may have. */
static void add_bound(const struct ly_ctx *context, struct rpc_error *error)
{
    const struct lysc_node *node = lys_find_path(context, NULL, error->path, 0);
    uint32_t max = 0;
    if (node && node->nodetype == LYS_LIST)
        max = ((const struct lysc_node_list *)node)->max;
    else if (node && node->nodetype == LYS_LEAFLIST)
        max = ((const struct lysc_node_leaflist *)node)->max;
    size_t length = strlen(error->message);
    length -= length && error->message[length - 1] == '.';
    if (max)
        snprintf(error->message + length, sizeof error->message - length, "; give at most %u", max);
}

bool rpc_error_from_library(const struct ly_ctx *context, const char *fallback,
                            struct rpc_error *error)
{
    const struct ly_err_item *item = ly_err_last(context);
    if (!error || !item)
        return rpc_error_set(error, "application", fallback, "refused for an unknown reason");
    const struct library_error *row = library_errors;
    while (row->text && !strstr(item->msg, row->text))
        row++;
    const char *tag = row->text ? row->tag : fallback;
    const char *app_tag = row->text ? row->app_tag : NULL;
    if (item->apptag && *item->apptag) {
        app_tag = keep_text(item->apptag);
        if (!row->text && strcmp(item->apptag, "must-violation") == 0)
            tag = "operation-failed";
    }
    rpc_error_set(error, "application", tag, "%s", item->msg);
    error->app_tag = app_tag;
    rpc_error_location(item->path, error->path, sizeof error->path);
    if (error->app_tag && strcmp(error->app_tag, "too-many-elements") == 0)
        add_bound(context, error);
    ly_err_clean((struct ly_ctx *)context, NULL);
    return false;
}
