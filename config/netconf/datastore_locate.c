/*
 * Where something is missing: of a node that is not there libyang names the schema only, which does
 * not tell which entry of a list lacks it. Called when a validation has failed.
 */
#include <stdio.h>
#include <string.h>

#include "datastore_internal.h"

/* The child NAME of LENGTH octets of PARENT, or of the top of MODULE; choices and cases count. */
static const struct lysc_node *find_child(const struct lysc_node *parent,
                                          const struct lys_module *module, const char *name,
                                          size_t length)
{
    const struct lysc_node *node = parent             ? lysc_node_child(parent)
                                   : module->compiled ? module->compiled->data
                                                      : NULL;
    while (node && (strlen(node->name) != length || strncmp(node->name, name, length) != 0))
        node = node->next;
    return node;
}

/* The schema node at PATH (/module:top/choice/case/leaf); NULL if it is no such path. */
static const struct lysc_node *find_schema(const struct ly_ctx *context, const char *path)
{
    const struct lysc_node *node = NULL;
    const struct lys_module *module = NULL;
    while (*path == '/') {
        const char *name = path + 1;
        size_t length = strcspn(name, "/");
        const char *colon = memchr(name, ':', length);
        if (colon && !node) {
            char prefix[128];
            snprintf(prefix, sizeof prefix, "%.*s", (int)(colon - name), name);
            module = ly_ctx_get_module_implemented(context, prefix);
        }
        path = name + length;
        if (colon) {
            length -= (size_t)(colon + 1 - name);
            name = colon + 1;
        }
        node = module ? find_child(node, module, name, length) : NULL;
        if (!node)
            return NULL;
    }
    return *path ? NULL : node;
}

static bool is_below(const struct lysc_node *node, const struct lysc_node *ancestor)
{
    while (node && node != ancestor)
        node = node->parent;
    return node != NULL;
}

/* The first instance of PARENT that has nothing of MISSING. */
static const struct lyd_node *find_lacking(const struct lyd_node *first,
                                           const struct lysc_node *parent,
                                           const struct lysc_node *missing)
{
    for (const struct lyd_node *node = first; node; node = node->next) {
        if (!is_below(parent, node->schema))
            continue;
        const struct lyd_node *child = lyd_child(node);
        if (node->schema != parent) {
            child = find_lacking(child, parent, missing);
            if (child)
                return child;
            continue;
        }
        while (child && !is_below(child->schema, missing))
            child = child->next;
        if (!child)
            return node;
    }
    return NULL;
}

void datastore_locate(const struct datastore *datastore, const struct lyd_node *tree,
                      struct rpc_error *error)
{
    if (!error || !error->tag || strchr(error->path, '['))
        return;
    const struct lysc_node *missing = find_schema(datastore->context, error->path);
    const struct lysc_node *parent = missing ? lysc_data_parent(missing) : NULL;
    const struct lyd_node *node = parent ? find_lacking(tree, parent, missing) : NULL;
    if (!node)
        return;
    lyd_path(node, LYD_PATH_STD, error->path, sizeof error->path);
    size_t length = strlen(error->path);
    if (!(missing->nodetype & (LYS_CHOICE | LYS_CASE)))
        snprintf(error->path + length, sizeof error->path - length, "/%s", missing->name);
    length = strlen(error->message);
    snprintf(error->message + length, sizeof error->message - length, " Give it in %.300s.",
             error->path);
}
