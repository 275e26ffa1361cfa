/*
 * Elements of operations, with or without a schema. Called by the edit engine, the filters and the
 * operations, under the dispatcher's mutex.
 */
#include "data_view.h"

#include <libyang/plugins_types.h>
#include <stdlib.h>
#include <string.h>

#include "config_tree.h"
#include "rpc_error.h"

static const struct lyd_node_opaq *opaque(const struct lyd_node *node)
{
    return (const struct lyd_node_opaq *)node;
}

const char *view_name(const struct lyd_node *node)
{
    return node->schema ? node->schema->name : opaque(node)->name.name;
}

const char *view_space(const struct lyd_node *node)
{
    return node->schema ? node->schema->module->ns : opaque(node)->name.module_ns;
}

const char *view_text(const struct lyd_node *node)
{
    if (!node->schema)
        return opaque(node)->child || !opaque(node)->value ? "" : opaque(node)->value;
    return node->schema->nodetype & LYD_NODE_TERM ? lyd_get_value(node) : NULL;
}

bool view_has_text(const struct lyd_node *node)
{
    const char *text = node->schema ? view_text(node) : opaque(node)->value;
    return text && text[strspn(text, " \t\r\n")];
}

bool view_attribute(const struct lyd_node *node, unsigned index, struct view_attribute *attribute)
{
    if (node->schema) {
        const struct lyd_meta *meta = node->meta;
        while (meta && index--)
            meta = meta->next;
        if (!meta)
            return false;
        *attribute = (struct view_attribute){.name = meta->name,
                                             .space = meta->annotation->module->ns,
                                             .value = lyd_get_meta_value(meta),
                                             .format = LY_VALUE_JSON};
        return true;
    }
    const struct lyd_attr *attr = opaque(node)->attr;
    while (attr && index--)
        attr = attr->next;
    if (!attr)
        return false;
    *attribute = (struct view_attribute){.name = attr->name.name,
                                         .space = attr->name.module_ns,
                                         .value = attr->value,
                                         .format = attr->format,
                                         .prefixes = attr->val_prefix_data};
    return true;
}

bool view_canonical(const struct lysc_node *schema, const char *text, LY_VALUE_FORMAT format,
                    void *prefixes, char **value, struct rpc_error *error)
{
    const struct ly_ctx *context = schema->module->ctx;
    const struct lysc_type *type = ((const struct lysc_node_leaf *)schema)->type;
    struct lyd_value storage = {0};
    struct ly_err_item *problem = NULL;
    *value = NULL;
    LY_ERR result = type->plugin->store(context, type, text, strlen(text), 0, format, prefixes,
                                        LYD_HINT_DATA, schema, &storage, NULL, &problem);
    if (result == LY_SUCCESS || result == LY_EINCOMPLETE) {
        const char *canonical = lyd_value_get_canonical(context, &storage);
        *value = canonical ? strdup(canonical) : NULL;
        type->plugin->free(context, &storage);
        ly_err_free(problem);
        return *value ? true : rpc_error_memory(error);
    }
    char words[450];
    config_tree_value_text(schema,
                           problem && problem->msg ? problem->msg : "the value does not fit", words,
                           sizeof words);
    rpc_error_set(error, "application", "invalid-value", "%s: %s", schema->name, words);
    ly_err_free(problem);
    return false;
}

bool view_value(const struct lysc_node *schema, const struct lyd_node *node, char **value,
                struct rpc_error *error)
{
    const char *text = view_text(node);
    if (node->schema)
        return view_canonical(schema, text ? text : "", LY_VALUE_JSON, NULL, value, error);
    return view_canonical(schema, text, opaque(node)->format, opaque(node)->val_prefix_data, value,
                          error);
}

const struct lyd_node *view_content(const struct lyd_node *any)
{
    if (!any || !any->schema || !(any->schema->nodetype & LYD_NODE_ANY))
        return NULL;
    const struct lyd_node_any *data = (const struct lyd_node_any *)any;
    return data->value_type == LYD_ANYDATA_DATATREE ? data->value.tree : NULL;
}

const struct lyd_node *view_child(const struct lyd_node *node, const char *name)
{
    const struct lyd_node *child = node ? lyd_child(node) : NULL;
    while (child && strcmp(view_name(child), name) != 0)
        child = child->next;
    return child;
}

const char *view_child_value(const struct lyd_node *node, const char *name)
{
    const struct lyd_node *child = view_child(node, name);
    return child ? view_text(child) : NULL;
}
