/*
 * Filters mark the nodes that they select, and what is not marked goes. Marks are kept in the
 * nodes' private pointers, which nobody else uses. Called by the operations that read.
 */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include "data_view.h"
#include "rpc_error.h"
#include "xpath_cost.h"

/* On the way to something selected, or selected with all below it. */
static char on_path, selected;

static void mark_path(struct lyd_node *node)
{
    for (; node && !node->priv; node = lyd_parent(node))
        node->priv = &on_path;
}

static void mark_selected(struct lyd_node *node)
{
    mark_path(lyd_parent(node));
    node->priv = &selected;
}

static void clear_marks(struct lyd_node *first)
{
    for (struct lyd_node *node = first; node; node = node->next) {
        node->priv = NULL;
        clear_marks(lyd_child(node));
    }
}

/* Whether NODE carries the attribute WANTED as metadata. */
static bool has_attribute(const struct lyd_node *node, const struct view_attribute *wanted)
{
    struct view_attribute has;
    for (unsigned i = 0; view_attribute(node, i, &has); i++) {
        bool same_space = !wanted->space || (has.space && strcmp(has.space, wanted->space) == 0);
        if (same_space && strcmp(has.name, wanted->name) == 0)
            return strcmp(has.value, wanted->value) == 0;
    }
    return false;
}

/* Name, namespace and attributes of the filter's element ELEMENT. No namespace means any; so does
 * that of <filter> itself, which has no data and is what xml_blank.h makes of none. */
static bool matches(const struct lyd_node *element, const struct lyd_node *node)
{
    if (!node->schema || strcmp(view_name(element), node->schema->name) != 0)
        return false;
    const char *space = view_space(element);
    if (space && *space && strcmp(space, NAMESPACE_NETCONF) != 0 &&
        strcmp(space, node->schema->module->ns) != 0)
        return false;
    struct view_attribute attribute;
    for (unsigned i = 0; view_attribute(element, i, &attribute); i++)
        if (!has_attribute(node, &attribute))
            return false;
    return true;
}

static bool is_content(const struct lyd_node *element)
{
    return !lyd_child(element) && view_has_text(element);
}

/* Whether NODE has the value that the content match ELEMENT names; blanks around it are nothing. */
static bool has_value(const struct lyd_node *element, const struct lyd_node *node)
{
    if (!(node->schema->nodetype & LYD_NODE_TERM))
        return false;
    const char *text = view_text(element);
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length && strchr(" \t\r\n", text[length - 1]))
        length--;
    char *trimmed = strndup(text, length), *value = NULL;
    if (!trimmed)
        return false;
    const struct lyd_node_opaq *opaque = (const struct lyd_node_opaq *)element;
    bool known = element->schema
                     ? view_canonical(node->schema, trimmed, LY_VALUE_JSON, NULL, &value, NULL)
                     : view_canonical(node->schema, trimmed, opaque->format,
                                      opaque->val_prefix_data, &value, NULL);
    bool equal = strcmp(lyd_get_value(node), known ? value : trimmed) == 0;
    free(trimmed);
    free(value);
    return equal;
}

/* Whether each content match among ELEMENTS fits one of NODES; *OTHERS tells whether there are
 * elements of other kinds. */
static bool content_fits(const struct lyd_node *elements, const struct lyd_node *nodes,
                         bool *others)
{
    *others = false;
    for (const struct lyd_node *element = elements; element; element = element->next) {
        if (!is_content(element)) {
            *others = true;
            continue;
        }
        const struct lyd_node *node = nodes;
        while (node && !(matches(element, node) && has_value(element, node)))
            node = node->next;
        if (!node)
            return false;
    }
    return true;
}

/* Marks what the siblings ELEMENTS select of NODES, the children of PARENT (NULL at the top).
 * False if that is nothing. */
static bool mark_siblings(const struct lyd_node *elements, struct lyd_node *nodes,
                          struct lyd_node *parent)
{
    bool others = false, any = false;
    if (!content_fits(elements, nodes, &others))
        return false;
    if (!others && parent) {
        mark_selected(parent);
        return true;
    }
    for (const struct lyd_node *element = elements; element; element = element->next) {
        for (struct lyd_node *node = nodes; node; node = node->next) {
            if (!matches(element, node) || (is_content(element) && !has_value(element, node)))
                continue;
            if (lyd_child(element)) {
                any |= mark_siblings(lyd_child(element), lyd_child(node), node);
                continue;
            }
            mark_selected(node);
            any = true;
        }
    }
    return any;
}

static void count(const struct lyd_node *tree, struct xpath_data *data)
{
    size_t siblings = 0;
    for (const struct lyd_node *node = tree; node; node = node->next) {
        siblings++;
        count(lyd_child(node), data);
    }
    data->nodes += siblings;
    if (siblings > data->siblings)
        data->siblings = siblings;
}

/* Evaluates XPATH on TREE; *SET is the caller's. */
static bool evaluate(const char *xpath, const struct lyd_node *tree, struct ly_set **set,
                     struct rpc_error *error)
{
    if (lyd_find_xpath(tree, xpath, set) == LY_SUCCESS)
        return true;
    rpc_error_from_library(LYD_CTX(tree), "invalid-value", error);
    if (error) {
        error->type = "protocol";
        error->tag = "invalid-value";
        error->path[0] = 0;
    }
    return false;
}

/* Refuses XPATH, which would search the nodes of TREE for too long, or is none: that shows on a
 * single node. */
static bool refuse_xpath(const char *xpath, const struct lyd_node *tree, size_t nodes,
                         struct rpc_error *error)
{
    struct lyd_node *one = NULL;
    struct ly_set *set = NULL;
    if (lyd_dup_single(tree, NULL, 0, &one) != LY_SUCCESS)
        return rpc_error_memory(error);
    if (evaluate(xpath, one, &set, error))
        rpc_error_set(error, "protocol", "resource-denied",
                      "the XPath expression would search %zu nodes again and again; leave out // "
                      "and other searches in predicates, or ask in several steps",
                      nodes);
    ly_set_free(set, NULL);
    lyd_free_all(one);
    return false;
}

static bool mark_xpath(const char *xpath, struct lyd_node *tree, struct rpc_error *error)
{
    struct ly_set *set = NULL;
    struct xpath_data data = {0};
    if (!tree)
        return true;
    count(tree, &data);
    if (xpath_cost(xpath, &data) > XPATH_COST_MAX)
        return refuse_xpath(xpath, tree, data.nodes, error);
    if (!evaluate(xpath, tree, &set, error))
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        mark_selected(set->dnodes[i]);
    ly_set_free(set, NULL);
    return true;
}

static void remove_node(struct lyd_node **tree, struct lyd_node *node)
{
    if (*tree == node)
        *tree = node->next;
    lyd_free_tree(node);
}

/* A container that has lost what it had is shown all the same, with those around it: it is there.
 */
static void keep_emptied(struct lyd_node *node)
{
    if (!node->schema || node->schema->nodetype != LYS_CONTAINER || lyd_child(node))
        return;
    for (; node; node = (struct lyd_node *)lyd_parent(node))
        node->flags &= ~(uint32_t)LYD_DEFAULT;
}

/* Removes what is not marked. LEVELS is how many levels below a selected node may still stay. */
static void cut(struct lyd_node **tree, struct lyd_node *parent, unsigned depth, unsigned levels)
{
    struct lyd_node *next = parent ? lyd_child(parent) : *tree;
    while (next) {
        struct lyd_node *node = next;
        next = next->next;
        unsigned below = node->priv == &selected ? depth : levels;
        bool is_key = parent && node->schema && lysc_is_key(node->schema);
        bool filled = lyd_child(node) != NULL;
        if (!node->priv && !below && !is_key) {
            remove_node(tree, node);
            continue;
        }
        cut(tree, node, depth, below ? below - 1 : 0);
        if (filled)
            keep_emptied(node);
    }
}

/* Keeps state with its parents, or configuration. */
static void cut_config(struct lyd_node **tree, struct lyd_node *parent, enum filter_config config)
{
    struct lyd_node *next = parent ? lyd_child(parent) : *tree;
    while (next) {
        struct lyd_node *node = next;
        next = next->next;
        bool is_config = node->schema && node->schema->flags & LYS_CONFIG_W;
        if (config == FILTER_CONFIG && !is_config) {
            remove_node(tree, node);
            continue;
        }
        if (config == FILTER_STATE && !is_config)
            continue;
        cut_config(tree, node, config);
        if (config == FILTER_STATE && !lysc_is_key(node->schema) && !lyd_child_no_keys(node))
            remove_node(tree, node);
    }
}

static const struct lysc_ident *origin_of(const struct lyd_node *node)
{
    const struct lyd_meta *meta = lyd_find_meta(node->meta, NULL, "ietf-origin:origin");
    return meta ? meta->value.ident : NULL;
}

static bool derived(const struct lysc_ident *base, const struct lysc_ident *identity)
{
    if (base == identity)
        return true;
    struct lysc_ident **below = base->derived;
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(below); i++)
        if (derived(below[i], identity))
            return true;
    return false;
}

static bool origin_wanted(const struct filter *filter, const struct lysc_ident *origin)
{
    bool found = false;
    for (unsigned i = 0; origin && i < filter->origin_count; i++)
        found |= derived(filter->origins[i], origin);
    return found != filter->negated;
}

/* Removes configuration of other origins; parents of what stays stay. */
static void cut_origins(const struct filter *filter, struct lyd_node **tree,
                        struct lyd_node *parent, const struct lysc_ident *inherited)
{
    struct lyd_node *next = parent ? lyd_child(parent) : *tree;
    while (next) {
        struct lyd_node *node = next;
        next = next->next;
        if (!node->schema || !(node->schema->flags & LYS_CONFIG_W))
            continue;
        const struct lysc_ident *origin = origin_of(node);
        if (!origin)
            origin = inherited;
        cut_origins(filter, tree, node, origin);
        if (!lysc_is_key(node->schema) && !origin_wanted(filter, origin) &&
            !lyd_child_no_keys(node))
            remove_node(tree, node);
    }
}

bool filter_apply(const struct filter *filter, struct lyd_node **tree, struct rpc_error *error)
{
    unsigned depth = filter->depth ? filter->depth : UINT32_MAX;
    if (filter->config != FILTER_ALL)
        cut_config(tree, NULL, filter->config);
    if (filter->origin_count)
        cut_origins(filter, tree, NULL, NULL);
    clear_marks(*tree);
    if (filter->is_subtree)
        mark_siblings(filter->subtree, *tree, NULL);
    else if (filter->xpath && !mark_xpath(filter->xpath, *tree, error))
        return false;
    else if (!filter->xpath)
        for (struct lyd_node *node = *tree; node; node = node->next)
            mark_selected(node);
    cut(tree, NULL, depth, 0);
    return true;
}

static bool only_content(const struct lyd_node *elements)
{
    for (; elements; elements = elements->next)
        if (!is_content(elements))
            return false;
    return true;
}

bool filter_sections(const struct filter *filter, const char *container, const char *space,
                     const char *sections[FILTER_SECTIONS_MAX])
{
    unsigned count = 0;
    sections[0] = NULL;
    if (filter->config == FILTER_CONFIG)
        return true;
    if (!filter->is_subtree)
        return false;
    for (const struct lyd_node *top = filter->subtree; top; top = top->next) {
        const char *named = view_space(top);
        if (strcmp(view_name(top), container) != 0 ||
            (named && *named && strcmp(named, space) != 0))
            continue;
        if (only_content(lyd_child(top)))
            return false;
        for (const struct lyd_node *child = lyd_child(top); child; child = child->next) {
            if (strcmp(view_name(child), "state") != 0)
                continue;
            if (only_content(lyd_child(child)))
                return false;
            for (const struct lyd_node *part = lyd_child(child); part; part = part->next) {
                if (count + 1 == FILTER_SECTIONS_MAX)
                    return false;
                sections[count++] = view_name(part);
                sections[count] = NULL;
            }
        }
    }
    return true;
}

void filter_remove_metadata(struct lyd_node *tree, const char *module)
{
    for (struct lyd_node *node = tree; node; node = node->next) {
        struct lyd_meta *next = node->schema ? node->meta : NULL;
        while (next) {
            struct lyd_meta *meta = next;
            next = next->next;
            if (strcmp(meta->annotation->module->name, module) == 0)
                lyd_free_meta_single(meta);
        }
        filter_remove_metadata(lyd_child(node), module);
    }
}
