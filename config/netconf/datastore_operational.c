/*
 * The datastore operational (RFC 8342, section 5.3): running with its defaults, the entries that it
 * implies, and state; and the content of ietf-yang-library (RFC 8525), which is fixed while the
 * process lives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "datastore.h"
#include "datastore_internal.h"
#include "rpc_error.h"

#define ORIGIN "ietf-origin:origin"

/* Copies into *TREE (below PARENT, NULL: the top) the nodes of IMPLIED that are not there, or are
 * there by default only, as of the system. */
static bool add_implied(struct lyd_node **tree, struct lyd_node *parent,
                        const struct lyd_node *implied)
{
    for (const struct lyd_node *node = implied; node; node = node->next) {
        struct lyd_node *found = NULL, *copy = NULL;
        const struct lyd_node *siblings = parent ? lyd_child(parent) : *tree;
        bool is_leaf = node->schema->nodetype == LYS_LEAF;
        if (is_leaf && node->flags & LYD_DEFAULT)
            continue;
        if (siblings && is_leaf)
            lyd_find_sibling_val(siblings, node->schema, NULL, 0, &found);
        else if (siblings)
            lyd_find_sibling_first(siblings, node, &found);
        if (found && !is_leaf) {
            if (!add_implied(tree, found, lyd_child(node)))
                return false;
            continue;
        }
        if (found && !(found->flags & LYD_DEFAULT))
            continue;
        if (found && *tree == found)
            *tree = found->next;
        lyd_free_tree(found);
        if (lyd_dup_single(node, (struct lyd_node_inner *)parent, LYD_DUP_RECURSIVE, &copy) !=
                LY_SUCCESS ||
            lyd_new_meta(LYD_CTX(copy), copy, NULL, ORIGIN, "ietf-origin:system", 0, NULL) !=
                LY_SUCCESS)
            return false;
        if (!parent)
            lyd_insert_sibling(*tree, copy, tree);
    }
    return true;
}

/* Marks each node of configuration whose origin is not the one it inherits. */
static bool mark_origins(struct lyd_node *first, const char *inherited)
{
    for (struct lyd_node *node = first; node; node = node->next) {
        if (!node->schema || !(node->schema->flags & LYS_CONFIG_W) || lysc_is_key(node->schema))
            continue;
        const struct lyd_meta *meta = lyd_find_meta(node->meta, NULL, ORIGIN);
        const char *origin = meta                            ? "ietf-origin:system"
                             : node->flags & LYD_DEFAULT     ? "ietf-origin:default"
                             : strstr(inherited, ":default") ? "ietf-origin:intended"
                             : *inherited                    ? inherited
                                                             : "ietf-origin:intended";
        if (!meta && strcmp(origin, inherited) != 0 &&
            lyd_new_meta(LYD_CTX(node), node, NULL, ORIGIN, origin, 0, NULL) != LY_SUCCESS)
            return false;
        if (!mark_origins(lyd_child(node), origin))
            return false;
    }
    return true;
}

/* Takes out of the list of features of ietf-netconf those that exist here only so that requests
 * for them are read and refused in words. */
static void hide_features(struct lyd_node *library)
{
    static const char *const hidden[] = {"writable-running", "startup", "url"};
    static const char *const lists[] = {"yang-library/module-set", "modules-state"};
    enum { HIDDEN = sizeof hidden / sizeof *hidden, LISTS = sizeof lists / sizeof *lists };
    for (unsigned i = 0; i < HIDDEN * LISTS; i++) {
        char path[160];
        struct ly_set *set = NULL;
        snprintf(path, sizeof path,
                 "/ietf-yang-library:%s/module[name='ietf-netconf']/feature[.='%s']",
                 lists[i / HIDDEN], hidden[i % HIDDEN]);
        if (lyd_find_xpath(library, path, &set) == LY_SUCCESS && set->count)
            lyd_free_tree(set->dnodes[0]);
        ly_set_free(set, NULL);
    }
}

bool datastore_library(const struct datastore *datastore, struct lyd_node **library,
                       struct rpc_error *error)
{
    static const char *const names[] = {"running", "candidate", "operational"};
    *library = NULL;
    if (ly_ctx_get_yanglib_data(datastore->context, library, "%u",
                                netconf_context_hash(datastore->context)) != LY_SUCCESS)
        return rpc_error_from_library(datastore->context, "operation-failed", error);
    struct lyd_node *top = NULL;
    if (lyd_find_path(*library, "/ietf-yang-library:yang-library", 0, &top) != LY_SUCCESS)
        return true;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        struct lyd_node *entry = NULL;
        snprintf(name, sizeof name, "ietf-datastores:%s", names[i]);
        if (lyd_new_list(top, NULL, "datastore", 0, &entry, name) != LY_SUCCESS ||
            lyd_new_term(entry, NULL, "schema", "complete", 0, NULL) != LY_SUCCESS)
            return rpc_error_from_library(datastore->context, "operation-failed", error);
    }
    hide_features(*library);
    return true;
}

/* Adds STATE, which is taken, to *TREE. */
static bool take(struct lyd_node **tree, struct lyd_node *state)
{
    if (!state)
        return true;
    LY_ERR result = lyd_merge_siblings(tree, state, LYD_MERGE_DESTRUCT);
    return result == LY_SUCCESS;
}

bool datastore_add_state(struct datastore *datastore, const char *const *sections,
                         struct lyd_node **tree, struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &datastore->hooks;
    struct lyd_node *state = NULL, *library = NULL;
    if (hooks->state && !hooks->state(hooks->context, sections, &state, error)) {
        lyd_free_all(state);
        return false;
    }
    if (!take(tree, state))
        return rpc_error_memory(error);
    if (!datastore_library(datastore, &library, error)) {
        lyd_free_all(library);
        return false;
    }
    return take(tree, library) ? true : rpc_error_memory(error);
}

bool datastore_operational(struct datastore *datastore, const char *const *sections,
                           struct lyd_node **tree, struct rpc_error *error)
{
    const struct datastore_hooks *hooks = &datastore->hooks;
    struct lyd_node *implied = NULL;
    *tree = datastore_copy(datastore->complete);
    bool done =
        !hooks->expand || hooks->expand(hooks->context, datastore->complete, &implied, error);
    if (done && implied) {
        done = add_implied(tree, NULL, implied) &&
               lyd_new_implicit_all(tree, datastore->context, LYD_IMPLICIT_NO_STATE, NULL) ==
                   LY_SUCCESS;
        if (!done)
            rpc_error_memory(error);
    }
    if (done && !mark_origins(*tree, ""))
        done = rpc_error_memory(error);
    done = done && datastore_add_state(datastore, sections, tree, error);
    lyd_free_all(implied);
    if (!done) {
        lyd_free_all(*tree);
        *tree = NULL;
    }
    return done;
}
