/*
 * What a configuration stands for: the leaf-lists source and collector become entries, what is
 * named default is made, references that are left out are filled in. Whoever runs or shows the
 * configuration needs it whole; what the user wrote stays as it is beside it.
 */
#include <string.h>

#include "base/check.h"
#include "config_tree.h"
#include "options.h"

/* Where the private pointer of a node points if the node was made here. */
static char made_mark;

bool config_tree_is_made(const struct lyd_node *node)
{
    for (; node; node = lyd_parent(node))
        if (node->priv == &made_mark)
            return true;
    return false;
}

/* ---- lists right below the root ---- */

static bool is_named(const struct lyd_node *node, const char *name)
{
    return strcmp(node->schema->name, name) == 0;
}

static const char *key_of(const struct lyd_node *entry)
{
    return lyd_get_value(lyd_child(entry));
}

/* The next entry of LIST behind ENTRY; the first for NULL. */
static struct lyd_node *next_entry(const struct config_tree *tree, const char *list,
                                   const struct lyd_node *entry)
{
    struct lyd_node *node = entry ? entry->next : lyd_child(tree->root);
    while (node && !is_named(node, list))
        node = node->next;
    return node;
}

static struct lyd_node *find_entry(const struct config_tree *tree, const char *list,
                                   const char *key)
{
    struct lyd_node *entry = NULL;
    while ((entry = next_entry(tree, list, entry)))
        if (strcmp(key_of(entry), key) == 0)
            return entry;
    return NULL;
}

static uint32_t count_entries(const struct config_tree *tree, const char *list)
{
    uint32_t count = 0;
    for (struct lyd_node *entry = NULL; (entry = next_entry(tree, list, entry));)
        count++;
    return count;
}

static struct lyd_node *make_default(struct config_tree *tree, const char *list)
{
    struct lyd_node *entry = NULL;
    check(lyd_new_list(tree->root, tree->module, list, 0, &entry, CONFIG_DEFAULT_NAME) ==
          LY_SUCCESS);
    entry->priv = &made_mark;
    return entry;
}

/* Sets the reference NAME of ENTRY. */
static void refer(struct lyd_node *entry, const char *name, const char *to)
{
    struct lyd_node *leaf = NULL;
    check(lyd_new_term(entry, NULL, name, to, 0, &leaf) == LY_SUCCESS);
    leaf->priv = &made_mark;
}

/* ---- source ---- */

/* What names a device: of af_packet the number, which is ours to choose, means nothing. */
static const char *device_of(const struct lyd_node *point)
{
    const char *interface = config_tree_value(point, "xdp/interface");
    const char *device = interface ? interface : config_tree_value(point, "device");
    const char *words =
        device && strncmp(device, "net_af_packet", 13) == 0 ? strchr(device, ',') : NULL;
    return words ? words : device ? device : "";
}

/* Puts POINT, made from SOURCE, into TREE unless an entry has taken its place. */
static bool place_point(struct config_tree *tree, struct lyd_node *point, const char *source,
                        struct error *error)
{
    const struct lyd_node *there = find_entry(tree, "observationPoint", key_of(point));
    if (!there) {
        lyd_unlink_tree(point);
        check(lyd_insert_child(tree->root, point) == LY_SUCCESS);
        point->priv = &made_mark;
        return true;
    }
    bool made = there->priv == &made_mark;
    bool xdp = config_tree_value(point, "xdp/interface") != NULL;
    if (strcmp(device_of(there), device_of(point)) == 0 &&
        xdp == (config_tree_value(there, "xdp/interface") != NULL))
        return true;
    error_set(
        error,
        "/spanflow/source[.='%.200s']: %s '%.31s' is another device; give one of them another "
        "name",
        source, made ? "the source of the name" : "the observationPoint", key_of(point));
    return false;
}

static bool expand_source(struct config_tree *tree, const char *source, struct error *error)
{
    struct config_tree scratch = {.context = tree->context, .module = tree->module};
    struct lyd_node *point = NULL;
    struct error inner = {""};
    check(lyd_new_inner(NULL, tree->module, "spanflow", 0, &scratch.root) == LY_SUCCESS);
    bool added = option_source_add(&scratch, tree, source, &point, &inner);
    if (!added)
        error_set(error, "/spanflow/source[.='%.200s']: %s", source, inner.text);
    added = added && place_point(tree, point, source, error);
    lyd_free_all(scratch.root);
    return added;
}

/* ---- collector ---- */

/* Adds the destination of COLLECTOR to PROCESS unless one has its name. */
static bool expand_collector(struct config_tree *tree, struct lyd_node *process,
                             const char *collector, struct error *error)
{
    struct config_tree scratch = {.context = tree->context, .module = tree->module};
    struct lyd_node *destination = NULL;
    struct error inner = {""};
    for (const struct lyd_node *child = lyd_child(process); child; child = child->next)
        if (is_named(child, "destination") && strcmp(key_of(child), collector) == 0)
            return true;
    check(lyd_new_inner(NULL, tree->module, "spanflow", 0, &scratch.root) == LY_SUCCESS);
    bool added = option_destination_add(&scratch, collector, &destination, &inner);
    if (added) {
        lyd_unlink_tree(destination);
        check(lyd_insert_child(process, destination) == LY_SUCCESS);
        destination->priv = &made_mark;
    } else {
        error_set(error, "/spanflow/collector[.='%.200s']: %s", collector, inner.text);
    }
    lyd_free_all(scratch.root);
    return added;
}

/* ---- both ---- */

static bool expand_sources(struct config_tree *tree, struct error *error)
{
    for (struct lyd_node *leaf = NULL; (leaf = next_entry(tree, "source", leaf));)
        if (!expand_source(tree, lyd_get_value(leaf), error))
            return false;
    return true;
}

/* Runs after the processes were made. */
static bool expand_collectors(struct config_tree *tree, struct error *error)
{
    struct lyd_node *process = find_entry(tree, "exportingProcess", CONFIG_DEFAULT_NAME);
    if (!process && count_entries(tree, "exportingProcess") == 1)
        process = next_entry(tree, "exportingProcess", NULL);
    for (struct lyd_node *leaf = NULL; (leaf = next_entry(tree, "collector", leaf));) {
        if (!process) {
            error_set(error,
                      "/spanflow/collector: there are several exporting processes and none is "
                      "named " CONFIG_DEFAULT_NAME "; make it a destination of one of them");
            return false;
        }
        if (!expand_collector(tree, process, lyd_get_value(leaf), error))
            return false;
    }
    return true;
}

/* ---- what refers to what ---- */

/* Whether a child NAME of PARENT has VALUE (NULL: any). */
static bool has_value(const struct lyd_node *parent, const char *name, const char *value)
{
    for (const struct lyd_node *child = lyd_child(parent); child; child = child->next)
        if (is_named(child, name) && (!value || strcmp(lyd_get_value(child), value) == 0))
            return true;
    return false;
}

/* The cache of the default name is there if it is named, or if there is no other. */
static void expand_caches(struct config_tree *tree, struct lyd_node *selection)
{
    bool named = has_value(selection, "cache", CONFIG_DEFAULT_NAME);
    if (!next_entry(tree, "cache", NULL) ||
        (named && !find_entry(tree, "cache", CONFIG_DEFAULT_NAME)))
        make_default(tree, "cache");
    if (has_value(selection, "cache", NULL))
        return;
    for (struct lyd_node *cache = NULL; (cache = next_entry(tree, "cache", cache));)
        refer(selection, "cache", key_of(cache));
}

/* Finds the exporting process of CACHE, which names none; the must statements of the module permit
 * others only where this finds one. */
static const char *process_of(struct config_tree *tree, const struct lyd_node *cache)
{
    const struct lyd_node *process = find_entry(tree, "exportingProcess", key_of(cache));
    if (!process && count_entries(tree, "cache") == 1 &&
        count_entries(tree, "exportingProcess") <= 1)
        process = next_entry(tree, "exportingProcess", NULL);
    return process ? key_of(process) : CONFIG_DEFAULT_NAME;
}

static void expand_processes(struct config_tree *tree)
{
    for (struct lyd_node *cache = NULL; (cache = next_entry(tree, "cache", cache));) {
        const char *name = config_tree_value(cache, "exportingProcess");
        if (!name) {
            name = process_of(tree, cache);
            refer(cache, "exportingProcess", name);
        }
        if (strcmp(name, CONFIG_DEFAULT_NAME) == 0 && !find_entry(tree, "exportingProcess", name))
            make_default(tree, "exportingProcess");
    }
}

static void expand_selection(struct config_tree *tree, struct lyd_node *selection)
{
    for (struct lyd_node *point = NULL; (point = next_entry(tree, "observationPoint", point));)
        if (!config_tree_value(point, "selectionProcess"))
            refer(point, "selectionProcess", key_of(selection));
}

bool config_tree_expand(struct config_tree *tree, struct error *error)
{
    struct lyd_node *selection = next_entry(tree, "selectionProcess", NULL);
    ly_err_clean(tree->context, NULL);
    if (!selection)
        selection = make_default(tree, "selectionProcess");
    expand_caches(tree, selection);
    expand_processes(tree);
    if (!expand_sources(tree, error) || !expand_collectors(tree, error))
        return false;
    expand_selection(tree, selection);
    return true;
}
