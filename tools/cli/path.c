/* Paths as people type them. */
#include "path.h"

#include <stdio.h>
#include <string.h>

enum { SEGMENT_MAX = 1600 };

/* One segment of what was typed, without quotes. */
struct segment {
    char text[SEGMENT_MAX];
};

/* Takes the next segment off *TYPED. False at the end. */
static bool next_segment(const char **typed, struct segment *segment)
{
    const char *at = *typed;
    while (*at == '/')
        at++;
    if (!*at)
        return false;
    size_t length = 0;
    char quote = *at == '\'' || *at == '"' ? *at++ : 0;
    for (; *at && (quote ? *at != quote : *at != '/'); at++)
        if (length + 1 < sizeof segment->text)
            segment->text[length++] = *at;
    if (quote && *at)
        at++;
    segment->text[length] = 0;
    *typed = at;
    return true;
}

/* The data node NAME below PARENT (NULL: the top of MODULE); choices and cases are not seen. */
static const struct lysc_node *child_named(const struct lysc_node *parent,
                                           const struct lys_module *module, const char *name)
{
    const struct lysc_node *child = NULL;
    while ((child = lys_getnext(child, parent, parent ? NULL : module->compiled, 0)))
        if (strcmp(child->name, name) == 0)
            return child;
    return NULL;
}

static void tell_children(const struct lysc_node *parent, const struct lys_module *module,
                          const char *wrong, struct error *error)
{
    char names[320] = "";
    size_t used = 0;
    const struct lysc_node *child = NULL;
    while ((child = lys_getnext(child, parent, parent ? NULL : module->compiled, 0))) {
        int more =
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", child->name);
        if (more < 0 || (size_t)more >= sizeof names - used) {
            snprintf(names + (used < sizeof names - 6 ? used : sizeof names - 6), 6, ", ...");
            break;
        }
        used += (size_t)more;
    }
    error_set(error, "there is no '%s' in %s; it has %s", wrong, parent ? parent->name : "spanflow",
              names[0] ? names : "nothing below it");
}

/* Appends to both forms. False if it does not fit. */
static bool append(struct path *path, const char *data, const char *xpath)
{
    size_t data_used = strlen(path->data), xpath_used = strlen(path->xpath);
    int data_more = snprintf(path->data + data_used, sizeof path->data - data_used, "%s", data);
    int xpath_more =
        snprintf(path->xpath + xpath_used, sizeof path->xpath - xpath_used, "%s", xpath);
    return (size_t)data_more < sizeof path->data - data_used &&
           (size_t)xpath_more < sizeof path->xpath - xpath_used;
}

static bool append_node(struct path *path, const struct lysc_node *node)
{
    char data[512], xpath[512];
    bool top = node->parent == NULL;
    snprintf(data, sizeof data, top ? "/%s:%s" : "/%s%s", top ? node->module->name : "",
             node->name);
    snprintf(xpath, sizeof xpath, "/%s:%s", node->module->prefix, node->name);
    return append(path, data, xpath);
}

static const struct lysc_node *first_key(const struct lysc_node *list)
{
    const struct lysc_node *child = lysc_node_child(list);
    return child && (child->flags & LYS_KEY) ? child : NULL;
}

/* NAME = VALUE as a predicate; a value with both kinds of quotes cannot be said in XPath. */
static bool append_key(struct path *path, const struct lysc_node *key, const char *value,
                       struct error *error)
{
    char data[SEGMENT_MAX + 128], xpath[SEGMENT_MAX + 128];
    char quote = strchr(value, '\'') ? '"' : '\'';
    if (strchr(value, quote)) {
        error_set(error, "the key %s has both kinds of quotes: give the path as XPath", value);
        return false;
    }
    snprintf(data, sizeof data, "[%s=%c%s%c]", key->name, quote, value, quote);
    snprintf(xpath, sizeof xpath, "[%s:%s=%c%s%c]", key->module->prefix, key->name, quote, value,
             quote);
    if (append(path, data, xpath))
        return true;
    error_set(error, "the path is longer than %d octets", PATH_TEXT_MAX);
    return false;
}

static bool top_node(const struct ly_ctx *context, const char **typed, struct path *path,
                     struct error *error)
{
    const char *rest = *typed;
    struct segment first = {""};
    bool some = next_segment(&rest, &first);
    bool nacm = some && strcmp(first.text, "nacm") == 0;
    path->module = ly_ctx_get_module_implemented(context, nacm ? "ietf-netconf-acm" : "spanflow");
    if (path->module)
        path->schema = child_named(NULL, path->module, nacm ? "nacm" : "spanflow");
    if (!path->schema) {
        error_set(error, "the module of %s is not there", nacm ? "nacm" : "spanflow");
        return false;
    }
    if (nacm || (some && strcmp(first.text, "spanflow") == 0))
        *typed = rest;
    return append_node(path, path->schema);
}

/* A path with predicates: names have the module's prefix or none. */
static bool take_xpath(const struct ly_ctx *context, const char *typed, struct path *path,
                       struct error *error)
{
    if (strlen(typed) >= sizeof path->data) {
        error_set(error, "the path is longer than %d octets", PATH_TEXT_MAX);
        return false;
    }
    snprintf(path->data, sizeof path->data, "%s", typed);
    snprintf(path->xpath, sizeof path->xpath, "%s", typed);
    path->schema = lys_find_path(context, NULL, typed, 0);
    if (!path->schema) {
        error_set(error,
                  "%s: no such node; a path with predicates has its module's name in front "
                  "(/spanflow:spanflow/cache[name='default']/activeTimeout)",
                  typed);
        return false;
    }
    const struct lysc_node *top = path->schema;
    while (top->parent)
        top = top->parent;
    path->module = top->module;
    return true;
}

bool path_read(const struct ly_ctx *context, const char *typed, struct path *path,
               struct error *error)
{
    memset(path, 0, sizeof *path);
    if (strchr(typed, '['))
        return take_xpath(context, typed, path, error);
    if (!top_node(context, &typed, path, error))
        return false;
    for (struct segment segment; next_segment(&typed, &segment);) {
        const struct lysc_node *child = child_named(path->schema, path->module, segment.text);
        if (!child) {
            tell_children(path->schema, path->module, segment.text, error);
            return false;
        }
        path->schema = child;
        if (!append_node(path, child)) {
            error_set(error, "the path is longer than %d octets", PATH_TEXT_MAX);
            return false;
        }
        const struct lysc_node *key = child->nodetype == LYS_LIST ? first_key(child) : NULL;
        path->whole_list = key && !next_segment(&typed, &segment);
        if (key && !path->whole_list && !append_key(path, key, segment.text, error))
            return false;
    }
    return true;
}

void path_show(const struct lyd_node *node, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    if (node->parent) {
        path_show(lyd_parent(node), text, size);
        used = strlen(text);
    } else if (strcmp(LYD_NAME(node), "spanflow") == 0) {
        return; /* is meant without being said */
    }
    snprintf(text + used, size - used, "%s%s", used ? "/" : "", LYD_NAME(node));
    const struct lysc_node *key =
        node->schema->nodetype == LYS_LIST ? first_key(node->schema) : NULL;
    const struct lyd_node *child = key ? lyd_child(node) : NULL;
    while (child && child->schema != key)
        child = child->next;
    if (!child)
        return;
    const char *value = lyd_get_value(child);
    const char *quote = strchr(value, '/') ? strchr(value, '\'') ? "\"" : "'" : "";
    used = strlen(text);
    snprintf(text + used, size - used, "/%s%s%s", quote, value, quote);
}

/* ---- completion ---- */

/* The keys in DATA of the list PATH that begin with BEGUN, behind the LENGTH octets of TYPED. */
static void complete_keys(const struct path *path, const struct lyd_node *data, const char *typed,
                          int length, const char *begun)
{
    struct ly_set *found = NULL;
    if (!data || lyd_find_xpath(data, path->data, &found) != LY_SUCCESS)
        return;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct lyd_node *key = lyd_child(found->dnodes[i]);
        const char *value = key && lysc_is_key(key->schema) ? lyd_get_value(key) : "";
        const char *quote = strchr(value, '/') ? "'" : "";
        if (value[0] && strncmp(value, begun, strlen(begun)) == 0)
            printf("%.*s%s%s%s/\n", length, typed, quote, value, quote);
    }
    ly_set_free(found, NULL);
}

void path_complete(const struct ly_ctx *context, const char *typed, const struct lyd_node *data)
{
    struct path path;
    struct error error;
    const char *slash = strrchr(typed, '/');
    char before[PATH_TEXT_MAX] = "";
    int length = slash ? (int)(slash - typed) + 1 : 0;
    snprintf(before, sizeof before, "%.*s", length ? length - 1 : 0, typed);
    if (!path_read(context, before, &path, &error))
        return;
    const char *begun = typed + length;
    if (path.whole_list) {
        complete_keys(&path, data, typed, length, begun);
        return;
    }
    const struct lysc_node *child = NULL;
    while ((child = lys_getnext(child, path.schema, NULL, 0)))
        if (strncmp(child->name, begun, strlen(begun)) == 0 && (child->flags & LYS_CONFIG_W))
            printf("%.*s%s%s\n", length, typed, child->name,
                   child->nodetype & (LYS_CONTAINER | LYS_LIST) ? "/" : "");
    if (length == 0 && path.module && strncmp("nacm", begun, strlen(begun)) == 0)
        puts("nacm/");
}

void path_complete_value(const struct ly_ctx *context, const char *typed, const char *begun)
{
    struct path path;
    struct error error;
    if (!path_read(context, typed, &path, &error) ||
        !(path.schema->nodetype & (LYS_LEAF | LYS_LEAFLIST)))
        return;
    const struct lysc_type *type = ((const struct lysc_node_leaf *)path.schema)->type;
    if (type->basetype == LY_TYPE_BOOL) {
        if (strncmp("true", begun, strlen(begun)) == 0)
            puts("true");
        if (strncmp("false", begun, strlen(begun)) == 0)
            puts("false");
    }
    if (type->basetype != LY_TYPE_ENUM)
        return;
    const struct lysc_type_bitenum_item *items = ((const struct lysc_type_enum *)type)->enums;
    LY_ARRAY_COUNT_TYPE i;
    LY_ARRAY_FOR(items, i)
    {
        if (strncmp(items[i].name, begun, strlen(begun)) == 0)
            puts(items[i].name);
    }
}
