/*
 * One element of an edit: its schema, its attributes, its instance, and the change at that place.
 * Called by edit.c; the tree is the caller's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_view.h"
#include "edit_internal.h"
#include "rpc_error.h"

bool edit_refuse(const struct edit_place *place, struct rpc_error *error, const char *tag,
                 const char *format, ...)
{
    char text[512], path[1024] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rpc_error_set(error, "application", tag, "%s", text);
    if (place->parent)
        lyd_path(place->parent, LYD_PATH_STD, path, sizeof path);
    const char *name = view_name(place->node);
    snprintf(error->bad_element, sizeof error->bad_element, "%s", name);
    if (!place->schema) {
        snprintf(error->path, sizeof error->path, "%s", path);
        return false;
    }
    const struct lys_module *module = place->schema->module;
    bool prefixed = !place->parent || place->parent->schema->module != module;
    bool is_list = place->schema->nodetype == LYS_LIST;
    bool is_leaf_list = place->schema->nodetype == LYS_LEAFLIST;
    snprintf(text, sizeof text, "/%s%s%s%s%.400s%s", prefixed ? module->name : "",
             prefixed ? ":" : "", name, is_leaf_list && place->key ? "[.='" : "",
             (is_list || is_leaf_list) && place->key ? place->key : "",
             is_leaf_list && place->key ? "']" : "");
    snprintf(error->path, sizeof error->path, "%.500s%s", path, text);
    return false;
}

void edit_place_free(struct edit_place *place)
{
    free(place->key);
    free(place->anchor);
    place->key = place->anchor = NULL;
}

bool edit_find_schema(struct edit_place *place, const struct lysc_node *parent,
                      const struct ly_ctx *context, struct rpc_error *error)
{
    const char *space = view_space(place->node), *name = view_name(place->node);
    const struct lys_module *module =
        space ? ly_ctx_get_module_implemented_ns(context, space) : NULL;
    if (!module) {
        edit_refuse(place, error, "unknown-namespace",
                    "%s: no module here has the namespace \"%.200s\"; the capabilities name them",
                    name, space ? space : "");
        snprintf(error->bad_namespace, sizeof error->bad_namespace, "%s", space ? space : "");
        return false;
    }
    uint16_t types = LYS_CONTAINER | LYS_LIST | LYS_LEAF | LYS_LEAFLIST | LYS_ANYDATA;
    const struct lysc_node *schema = lys_find_child(parent, module, name, 0, types, 0);
    if (!schema)
        return edit_refuse(place, error, "unknown-element", "%s: %s has no such node", name,
                           parent ? parent->name : module->name);
    place->schema = schema;
    if (!(schema->flags & LYS_CONFIG_W))
        return edit_refuse(place, error, "unknown-element",
                           "%s: is state, which cannot be configured", name);
    if (schema->nodetype & LYS_ANYDATA)
        return edit_refuse(place, error, "operation-not-supported",
                           "%s: unstructured data is not supported in configurations", name);
    if (!(schema->nodetype & LYD_NODE_TERM) && view_has_text(place->node))
        return edit_refuse(place, error, "bad-element", "%s: holds text; it is made of elements",
                           name);
    if ((schema->nodetype & LYD_NODE_TERM) && lyd_child(place->node))
        return edit_refuse(place, error, "bad-element", "%s: holds elements; it has a value", name);
    return true;
}

/* ERROR about the attribute NAME. */
static bool refuse_attribute(const struct edit_place *place, struct rpc_error *error,
                             const char *tag, const char *name, const char *what)
{
    edit_refuse(place, error, tag, "%s: the attribute \"%.100s\" %s", view_name(place->node), name,
                what);
    snprintf(error->bad_attribute, sizeof error->bad_attribute, "%s", name);
    return false;
}

static const char *const operation_names[EDIT_OPERATIONS] = {"none",   "merge",  "replace",
                                                             "create", "delete", "remove"};

enum edit_operation edit_operation_find(const char *name)
{
    enum edit_operation operation = EDIT_NONE;
    while (operation < EDIT_OPERATIONS && strcmp(operation_names[operation], name) != 0)
        operation++;
    return operation;
}

/* One predicate at *CURSOR, [ex:name='eth0'], appended to RESULT of SIZE octets as libyang wants
 * it: without prefix, in canonical form. *CURSOR goes behind it. */
static bool read_predicate(const struct lysc_node *list, const char **cursor,
                           const struct view_attribute *attribute, char *result, size_t size)
{
    char name[128], quote = 0;
    int quote_place = 0;
    if (sscanf(*cursor, "[ %127[^]='\" ] = %n%c", name, &quote_place, &quote) != 2 ||
        (quote != '\'' && quote != '"'))
        return false;
    const char *start = *cursor + quote_place + 1, *end = strchr(start, quote);
    const char *close = end ? end + 1 + strspn(end + 1, " ") : NULL;
    const char *colon = strchr(name, ':');
    const struct lysc_node *key =
        lys_find_child(list, list->module, colon ? colon + 1 : name, 0, LYS_LEAF, 0);
    if (!close || *close != ']' || !key || !lysc_is_key(key))
        return false;
    char *raw = strndup(start, (size_t)(end - start)), *value = NULL;
    size_t length = strlen(result);
    bool good = raw &&
                view_canonical(key, raw, attribute->format, attribute->prefixes, &value, NULL) &&
                (size_t)snprintf(result + length, size - length, "[%s=%c%s%c]", key->name, quote,
                                 value, quote) < size - length;
    free(raw);
    free(value);
    *cursor = close + 1;
    return good;
}

/* The predicates that ATTRIBUTE holds, one for each key of LIST; NULL if it holds others. To be
 * freed. */
static char *read_predicates(const struct lysc_node *list, const struct view_attribute *attribute)
{
    size_t size = strlen(attribute->value) * 2 + 64;
    const char *cursor = attribute->value;
    unsigned wanted = 0, given = 0;
    for (const struct lysc_node *key = lysc_node_child(list); key; key = key->next)
        wanted += lysc_is_key(key) ? 1 : 0;
    char *result = calloc(1, size);
    while (result && *cursor && read_predicate(list, &cursor, attribute, result, size))
        given++;
    if (result && !*cursor && given == wanted)
        return result;
    free(result);
    return NULL;
}

static bool read_insert(struct edit_place *place, const struct view_attribute *attribute,
                        struct rpc_error *error)
{
    static const char *const names[] = {"", "first", "last", "before", "after"};
    if (!lysc_is_userordered(place->schema))
        return refuse_attribute(place, error, "unknown-attribute", "insert",
                                "is for lists that are ordered by the user");
    for (unsigned i = INSERT_FIRST; i <= INSERT_AFTER; i++)
        if (strcmp(attribute->value, names[i]) == 0)
            place->insert = i;
    return place->insert ? true
                         : refuse_attribute(place, error, "bad-attribute", "insert",
                                            "is first, last, before or after");
}

/* value for a leaf-list, key for a list. */
static bool read_anchor(struct edit_place *place, const struct view_attribute *attribute,
                        struct rpc_error *error)
{
    bool is_list = place->schema->nodetype == LYS_LIST;
    if (!lysc_is_userordered(place->schema) || is_list != (attribute->name[0] == 'k'))
        return refuse_attribute(place, error, "unknown-attribute", attribute->name,
                                "has no meaning here");
    free(place->anchor);
    place->anchor = NULL;
    if (is_list)
        place->anchor = read_predicates(place->schema, attribute);
    else
        view_canonical(place->schema, attribute->value, attribute->format, attribute->prefixes,
                       &place->anchor, NULL);
    return place->anchor ? true
                         : refuse_attribute(place, error, "bad-attribute", attribute->name,
                                            "names no possible instance");
}

static bool read_attribute(struct edit_place *place, const struct view_attribute *attribute,
                           bool plain, struct rpc_error *error)
{
    const char *space = attribute->space ? attribute->space : "", *name = attribute->name;
    bool of_defaults =
        strcmp(space, NAMESPACE_DEFAULTS) == 0 || strcmp(space, NAMESPACE_DEFAULTS_MODULE) == 0;
    if (of_defaults && strcmp(name, "default") == 0) {
        place->is_default =
            strcmp(attribute->value, "true") == 0 || strcmp(attribute->value, "1") == 0;
        return true;
    }
    if (plain)
        return refuse_attribute(place, error, "unknown-attribute", name,
                                "has no meaning in a whole configuration");
    if (strcmp(space, NAMESPACE_NETCONF) == 0 && strcmp(name, "operation") == 0) {
        place->operation = edit_operation_find(attribute->value);
        if (place->operation != EDIT_NONE && place->operation != EDIT_OPERATIONS)
            return true;
        return refuse_attribute(place, error, "bad-attribute", name,
                                "is merge, replace, create, delete or remove");
    }
    if (strcmp(space, NAMESPACE_YANG) == 0 && strcmp(name, "insert") == 0)
        return read_insert(place, attribute, error);
    if (strcmp(space, NAMESPACE_YANG) == 0 &&
        (strcmp(name, "value") == 0 || strcmp(name, "key") == 0))
        return read_anchor(place, attribute, error);
    return refuse_attribute(place, error, "unknown-attribute", name, "is not known");
}

bool edit_read_attributes(struct edit_place *place, enum edit_operation inherited, bool plain,
                          struct rpc_error *error)
{
    struct view_attribute attribute;
    place->operation = inherited;
    /* libyang turns the attribute default of complete nodes into this mark. */
    place->is_default = place->node->schema && place->node->schema->nodetype & LYD_NODE_TERM &&
                        place->node->flags & LYD_DEFAULT;
    for (unsigned i = 0; view_attribute(place->node, i, &attribute); i++)
        if (!read_attribute(place, &attribute, plain, error))
            return false;
    bool beside = place->insert == INSERT_BEFORE || place->insert == INSERT_AFTER;
    const char *name = place->schema->nodetype == LYS_LIST ? "key" : "value";
    if (beside && !place->anchor)
        return refuse_attribute(place, error, "missing-attribute", name,
                                "says before or after what; give it");
    if (place->anchor && !beside)
        return refuse_attribute(place, error, "bad-attribute", name,
                                "needs insert=\"before\" or \"after\"");
    return true;
}

/* Predicates for all keys of the list entry PLACE. */
static bool read_keys(struct edit_place *place, struct rpc_error *error)
{
    size_t length = 0;
    for (const struct lysc_node *key = lysc_node_child(place->schema); key && lysc_is_key(key);
         key = key->next) {
        const struct lyd_node *element = view_child(place->node, key->name);
        if (!element) {
            edit_refuse(place, error, "missing-element", "%s: the key %s is missing; give it",
                        place->schema->name, key->name);
            snprintf(error->bad_element, sizeof error->bad_element, "%s", key->name);
            return false;
        }
        char *value = NULL;
        if (!view_value(key, element, &value, error)) {
            if (place->parent)
                lyd_path(place->parent, LYD_PATH_STD, error->path, sizeof error->path);
            return false;
        }
        char quote = strchr(value, '\'') ? '"' : '\'';
        size_t size = length + strlen(key->name) + strlen(value) + 8;
        char *more = strchr(value, quote) ? NULL : realloc(place->key, size);
        if (more) {
            place->key = more;
            length += (size_t)snprintf(more + length, size - length, "[%s=%c%s%c]", key->name,
                                       quote, value, quote);
        }
        free(value);
        if (!more)
            return edit_refuse(place, error, "invalid-value",
                               "%s: holds both kinds of quotes; use one of them at most",
                               key->name);
    }
    return true;
}

bool edit_find_instance(struct edit_place *place, struct rpc_error *error)
{
    bool ends = place->operation == EDIT_DELETE || place->operation == EDIT_REMOVE;
    const struct lysc_node *schema = place->schema;
    const char *key = NULL;
    if (schema->nodetype == LYS_LIST && !read_keys(place, error))
        return false;
    /* What a leaf that is deleted or only passed holds does not matter. */
    if (schema->nodetype == LYS_LEAFLIST ||
        (schema->nodetype == LYS_LEAF && !ends && place->operation != EDIT_NONE)) {
        struct rpc_error inner = {0};
        if (!view_value(schema, place->node, &place->key, &inner)) {
            edit_refuse(place, error, "invalid-value", "%s", inner.message);
            return false;
        }
    }
    if (schema->nodetype & (LYS_LIST | LYS_LEAFLIST))
        key = place->key;
    place->found = NULL;
    const struct lyd_node *siblings = place->parent ? lyd_child(place->parent) : *place->tree;
    if (siblings)
        lyd_find_sibling_val(siblings, schema, key, key ? strlen(key) : 0, &place->found);
    return true;
}

/* Whether a container without presence has data in it. */
static bool has_data(const struct lyd_node *node)
{
    bool is_frame =
        node->schema->nodetype == LYS_CONTAINER && !(node->schema->flags & LYS_PRESENCE);
    if (!is_frame)
        return !(node->flags & LYD_DEFAULT);
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next)
        if (has_data(child))
            return true;
    return false;
}

bool edit_exists(const struct edit_place *place)
{
    return place->found && has_data(place->found);
}

void edit_remove(struct lyd_node **tree, struct lyd_node *node)
{
    if (*tree == node)
        *tree = node->next;
    lyd_free_tree(node);
}

/* Removes all instances of the nodes of a case, those of choices in it as well. */
static void remove_case(struct edit_place *place, const struct lysc_node *branch)
{
    for (const struct lysc_node *child = lysc_node_child(branch); child; child = child->next) {
        if (child->nodetype & (LYS_CHOICE | LYS_CASE)) {
            remove_case(place, child);
            continue;
        }
        struct lyd_node *next = place->parent ? lyd_child(place->parent) : *place->tree;
        while (next) {
            struct lyd_node *node = next;
            next = next->next;
            if (node->schema == child)
                edit_remove(place->tree, node);
        }
    }
}

void edit_remove_cases(struct edit_place *place)
{
    const struct lysc_node *branch = place->schema->parent;
    for (; branch && branch->nodetype & (LYS_CHOICE | LYS_CASE); branch = branch->parent) {
        if (branch->nodetype != LYS_CASE)
            continue;
        for (const struct lysc_node *other = lysc_node_child(branch->parent); other;
             other = other->next) {
            if (other != branch)
                remove_case(place, other);
        }
    }
}

bool edit_make(struct edit_place *place, struct rpc_error *error)
{
    const struct lysc_node *schema = place->schema;
    struct lyd_node *node = NULL, *after = NULL;
    struct lyd_node *parent = place->parent;
    LY_ERR result;
    if (place->found && lysc_is_userordered(schema) && place->found->next &&
        place->found->next->schema == schema)
        after = place->found->next;
    if (place->found)
        edit_remove(place->tree, place->found);
    place->found = NULL;
    edit_remove_cases(place);
    if (schema->nodetype == LYS_CONTAINER)
        result = lyd_new_inner(parent, schema->module, schema->name, 0, &node);
    else if (schema->nodetype == LYS_LIST)
        result = lyd_new_list2(parent, schema->module, schema->name, place->key, 0, &node);
    else
        result = lyd_new_term(parent, schema->module, schema->name, place->key, 0, &node);
    if (result != LY_SUCCESS) {
        rpc_error_from_library(schema->module->ctx, "invalid-value", error);
        return false;
    }
    if (!parent && !*place->tree)
        *place->tree = node;
    else if (!parent)
        lyd_insert_sibling(*place->tree, node, place->tree);
    if (after) {
        lyd_insert_before(after, node);
        if (!parent)
            *place->tree = lyd_first_sibling(*place->tree);
    }
    place->found = node;
    return true;
}

bool edit_move(struct edit_place *place, bool created, struct rpc_error *error)
{
    if (!place->insert || (created && place->insert == INSERT_LAST))
        return true;
    struct lyd_node *node = place->found, *anchor = NULL;
    const struct lyd_node *siblings = lyd_first_sibling(node);
    if (place->insert == INSERT_FIRST || place->insert == INSERT_LAST) {
        lyd_find_sibling_val(siblings, place->schema, NULL, 0, &anchor);
        while (place->insert == INSERT_LAST && anchor->next &&
               anchor->next->schema == place->schema)
            anchor = anchor->next;
    } else {
        lyd_find_sibling_val(siblings, place->schema, place->anchor, strlen(place->anchor),
                             &anchor);
    }
    if (!anchor) {
        const char *name = place->schema->nodetype == LYS_LIST ? "key" : "value";
        refuse_attribute(place, error, "bad-attribute", name,
                         "names an instance that is not there");
        error->app_tag = "missing-instance";
        return false;
    }
    if (anchor == node)
        return true;
    if (place->insert == INSERT_FIRST || place->insert == INSERT_BEFORE)
        lyd_insert_before(anchor, node);
    else
        lyd_insert_after(anchor, node);
    if (!place->parent)
        *place->tree = lyd_first_sibling(*place->tree);
    return true;
}
