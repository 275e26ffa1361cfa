/* Lines of the audit log, made in memory. Called by audit.c. */
#include "audit_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access.h"
#include "json_text.h"

/* TEXT as a JSON string. Names of users come from clients, so nothing is trusted here. */
static void put_string(FILE *out, const char *text)
{
    json_t *string = json_text(text);
    if (!string || json_dumpf(string, out, JSON_ENCODE_ANY) != 0)
        fputs("\"?\"", out);
    json_decref(string);
}

void audit_line_begin(struct audit_line *line, const struct operation_caller *caller,
                      const char *operation)
{
    static const struct operation_caller server = {"", 0, true, false, "server"};
    struct timespec now;
    struct tm parts;
    char seconds[32];
    memset(line, 0, sizeof *line);
    line->out = open_memstream(&line->text, &line->length);
    if (!line->out)
        return;
    if (!caller)
        caller = &server;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(line->out, "{\"time\":\"%s.%03ldZ\"", seconds, now.tv_nsec / 1000000);
    audit_line_text(line, "user", caller->user ? caller->user : "");
    fprintf(line->out, ",\"session\":%u", caller->session);
    audit_line_text(line, "from", caller->from ? caller->from : "");
    audit_line_text(line, "operation", operation);
}

void audit_line_text(struct audit_line *line, const char *name, const char *value)
{
    if (!line->out)
        return;
    fprintf(line->out, ",\"%s\":", name);
    put_string(line->out, value);
}

/* The path of NODE. Entries of leaf-lists are named without their value: it may be a key. */
static void put_path(FILE *out, const struct lyd_node *node)
{
    bool bare = node->schema && node->schema->nodetype == LYS_LEAFLIST;
    char *path = lyd_path(node, bare ? LYD_PATH_STD_NO_LAST_PRED : LYD_PATH_STD, NULL, 0);
    put_string(out, path ? path : "?");
    free(path);
}

/* Whether the values of NODE are told: what is kept of people's packets, and which names records
 * tell of them, is; secrets never are. */
static bool tells_values(const struct lyd_node *node)
{
    const struct lysc_node *top = node->schema;
    if (!top || top->nodetype != LYS_LEAF || access_protected(top))
        return false;
    while (top->parent && top->parent->parent)
        top = top->parent;
    return strcmp(top->module->name, "spanflow") == 0 &&
           (strcmp(top->name, "snapshot") == 0 || strcmp(top->name, "names") == 0);
}

/* The value of the leaf NODE, to which OPERATION is done, before and after; one that is not there
 * is the default. */
static void put_values(FILE *out, const struct lyd_node *node, const char *operation)
{
    const struct lysc_node_leaf *leaf = (const struct lysc_node_leaf *)node->schema;
    const struct lyd_meta *meta = lyd_find_meta(node->meta, NULL, "yang:orig-value");
    const char *usual = leaf->dflt ? lyd_value_get_canonical(LYD_CTX(node), leaf->dflt) : "";
    const char *before = usual, *after = lyd_get_value(node);
    if (strcmp(operation, "delete") == 0) {
        before = after;
        after = usual;
    } else if (meta) {
        before = lyd_get_meta_value(meta);
    }
    fputs(",\"before\":", out);
    put_string(out, before);
    fputs(",\"after\":", out);
    put_string(out, after);
}

static void put_changes(FILE *out, const struct lyd_node *diff, const char *inherited,
                        unsigned *count)
{
    for (; diff; diff = diff->next) {
        const struct lyd_meta *meta = lyd_find_meta(diff->meta, NULL, "yang:operation");
        const char *operation = meta ? lyd_get_meta_value(meta) : inherited;
        if (strcmp(operation, "none") == 0) {
            put_changes(out, lyd_child(diff), "none", count);
            continue;
        }
        if (diff->flags & LYD_DEFAULT)
            continue;
        /* A container without presence is not made or removed by anybody; its content is. */
        if (diff->schema && diff->schema->nodetype == LYS_CONTAINER &&
            !(diff->schema->flags & LYS_PRESENCE)) {
            put_changes(out, lyd_child(diff), operation, count);
            continue;
        }
        if ((*count)++ >= AUDIT_CHANGES_MAX)
            continue;
        fprintf(out, "%s{\"operation\":\"%s\",\"path\":", *count > 1 ? "," : "", operation);
        put_path(out, diff);
        if (tells_values(diff))
            put_values(out, diff, operation);
        fputc('}', out);
        /* A moved entry may have changes in it; what comes or goes with its parent needs no name.
         */
        if (strcmp(operation, "replace") == 0)
            put_changes(out, lyd_child(diff), "none", count);
    }
}

void audit_line_changes(struct audit_line *line, const struct lyd_node *diff)
{
    unsigned count = 0;
    if (!line->out)
        return;
    fputs(",\"changes\":[", line->out);
    put_changes(line->out, diff, "none", &count);
    fputc(']', line->out);
    if (count > AUDIT_CHANGES_MAX)
        fprintf(line->out, ",\"furtherChanges\":%u", count - AUDIT_CHANGES_MAX);
}

void audit_line_input(struct audit_line *line, const struct lyd_node *rpc)
{
    const struct lyd_node *child;
    const char *separator = "";
    if (!line->out)
        return;
    fputs(",\"input\":{", line->out);
    LY_LIST_FOR(lyd_child(rpc), child)
    {
        if (!child->schema || child->schema->nodetype != LYS_LEAF ||
            access_protected(child->schema) != access_protected(rpc->schema))
            continue;
        fprintf(line->out, "%s\"%s\":", separator, child->schema->name);
        put_string(line->out, lyd_get_value(child));
        separator = ",";
    }
    fputc('}', line->out);
}

void audit_line_result(struct audit_line *line, const struct rpc_error *error)
{
    char text[700];
    if (!error) {
        audit_line_text(line, "result", "ok");
        return;
    }
    snprintf(text, sizeof text, "%s: %s", error->tag ? error->tag : "operation-failed",
             error->message);
    audit_line_text(line, "result", text);
    if (!error->path[0])
        return;
    /* The value of an entry of a leaf-list, which may be a key, is the end of its path. */
    snprintf(text, sizeof text, "%.*s", (int)(sizeof text - 1), error->path);
    char *value = strstr(text, "[.=");
    if (value)
        *value = '\0';
    audit_line_text(line, "path", text);
}

char *audit_line_end(struct audit_line *line, size_t *length)
{
    *length = 0;
    if (!line->out)
        return NULL;
    fputs("}\n", line->out);
    bool failed = ferror(line->out);
    failed |= fclose(line->out) != 0;
    if (failed) {
        free(line->text);
        return NULL;
    }
    *length = line->length;
    return line->text;
}
