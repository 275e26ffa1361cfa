/*
 * Defaults in trees. Called by the datastores and the operations that read, on trees that those
 * own.
 */
#include "defaults.h"

#include <stdlib.h>
#include <string.h>

#include "rpc_error.h"

/* The attribute of RFC 6243, section 6: the namespace that it has there is none of a module, and
 * libyang's own attribute has that of ietf-netconf-with-defaults. */
static const char attribute_module[] =
    "module spanflow-with-defaults {\n"
    "  yang-version 1.1;\n"
    "  namespace \"urn:ietf:params:xml:ns:netconf:default:1.0\";\n"
    "  prefix wd;\n"
    "  import ietf-yang-metadata { prefix md; }\n"
    "  organization \"The spanflow project\";\n"
    "  description \"The attribute that marks defaults in replies and edits.\";\n"
    "  revision 2026-11-28 { description \"First revision.\"; }\n"
    "  md:annotation default {\n"
    "    type boolean;\n"
    "    description \"Whether the value is the default.\";\n"
    "    reference \"RFC 6243, section 6\";\n"
    "  }\n"
    "}\n";

bool defaults_load(struct ly_ctx *context)
{
    return lys_parse_mem(context, attribute_module, LYS_IN_YANG, NULL) == LY_SUCCESS;
}

enum defaults_mode defaults_mode_find(const char *name)
{
    static const char *const names[DEFAULTS_MODES] = {"explicit", "trim", "report-all",
                                                      "report-all-tagged"};
    enum defaults_mode mode = DEFAULTS_EXPLICIT;
    while (mode < DEFAULTS_MODES && strcmp(names[mode], name) != 0)
        mode++;
    return mode;
}

static bool is_frame(const struct lysc_node *schema)
{
    return schema->nodetype == LYS_CONTAINER && !(schema->flags & LYS_PRESENCE);
}

bool defaults_is_default(const struct lysc_node *schema, const char *value)
{
    const struct ly_ctx *context = schema->module->ctx;
    if (schema->nodetype == LYS_LEAF) {
        const struct lyd_value *given = ((const struct lysc_node_leaf *)schema)->dflt;
        return given && strcmp(lyd_value_get_canonical(context, given), value) == 0;
    }
    if (schema->nodetype != LYS_LEAFLIST)
        return false;
    struct lyd_value **given = ((const struct lysc_node_leaflist *)schema)->dflts;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(given); i++)
        if (strcmp(lyd_value_get_canonical(context, given[i]), value) == 0)
            return true;
    return false;
}

static void remove_node(struct lyd_node **tree, struct lyd_node *node)
{
    if (*tree == node)
        *tree = node->next;
    lyd_free_tree(node);
}

/* Removes below PARENT (NULL: the top) empty frames and, with DEFAULTS, what is there by default.
 */
static void clean(struct lyd_node **tree, struct lyd_node *parent, bool defaults)
{
    struct lyd_node *next = parent ? lyd_child(parent) : *tree;
    while (next) {
        struct lyd_node *node = next;
        next = next->next;
        if (!node->schema)
            continue;
        clean(tree, node, defaults);
        bool gone = is_frame(node->schema) ? !lyd_child(node)
                                           : defaults && (node->flags & LYD_DEFAULT) &&
                                                 node->schema->nodetype & LYD_NODE_TERM;
        if (gone)
            remove_node(tree, node);
    }
}

void defaults_prune(struct lyd_node **tree)
{
    clean(tree, NULL, false);
}

void defaults_strip(struct lyd_node **tree)
{
    clean(tree, NULL, true);
}

bool defaults_fill(struct lyd_node **tree, const struct ly_ctx *context, struct rpc_error *error)
{
    if (lyd_new_implicit_all(tree, context, LYD_IMPLICIT_NO_STATE, NULL) == LY_SUCCESS)
        return true;
    return rpc_error_from_library(context, "operation-failed", error);
}

static bool show(struct lyd_node **tree, struct lyd_node *parent, enum defaults_mode mode)
{
    struct lyd_node *next = parent ? lyd_child(parent) : *tree;
    while (next) {
        struct lyd_node *node = next;
        next = next->next;
        if (!node->schema)
            continue;
        if (!show(tree, node, mode))
            return false;
        bool is_term = node->schema->nodetype & LYD_NODE_TERM && !lysc_is_key(node->schema);
        bool by_default = is_term && node->flags & LYD_DEFAULT;
        bool equal = by_default || (is_term && lyd_is_default(node));
        if ((is_frame(node->schema) && !lyd_child(node)) ||
            (mode == DEFAULTS_EXPLICIT && by_default) || (mode == DEFAULTS_TRIM && equal)) {
            remove_node(tree, node);
            continue;
        }
        node->flags &= ~(uint32_t)LYD_DEFAULT;
        if (mode == DEFAULTS_TAGGED && equal &&
            lyd_new_meta(LYD_CTX(node), node, NULL, "spanflow-with-defaults:default", "true", 0,
                         NULL) != LY_SUCCESS)
            return false;
    }
    return true;
}

bool defaults_show(struct lyd_node **tree, enum defaults_mode mode, struct rpc_error *error)
{
    return show(tree, NULL, mode) ? true : rpc_error_memory(error);
}
