/*
 * The walk over the elements of an edit. Runs on a copy of the datastore that the caller owns,
 * under the dispatcher's mutex. How deep it goes is bounded by the modules, as names are checked
 * first.
 */
#include "edit.h"

#include <stdlib.h>
#include <string.h>

#include "data_view.h"
#include "defaults.h"
#include "edit_internal.h"
#include "rpc_error.h"

enum { CASES_MAX = 32 };

/* What a request has among siblings: the case that it sets in each choice, more than one of which
 * is a mistake, and all instances. */
struct seen_siblings {
    const struct lysc_node *branches[CASES_MAX];
    unsigned count;
    struct edit_seen instances;
};

struct edit {
    const struct edit_request *request;
    struct lyd_node **tree;
    struct rpc_error *error; /* what continue-on-error has collected */
    bool refused;            /* something was, and the walk went on */
};

static bool edit_siblings(struct edit *edit, const struct lyd_node *first, struct lyd_node *parent,
                          enum edit_operation inherited, struct rpc_error *error);

static bool writes(enum edit_operation operation)
{
    return operation == EDIT_MERGE || operation == EDIT_REPLACE || operation == EDIT_CREATE;
}

static bool check_cases(const struct edit_place *place, struct seen_siblings *seen,
                        struct rpc_error *error)
{
    const struct lysc_node *branch = place->schema->parent;
    for (; branch && branch->nodetype & (LYS_CHOICE | LYS_CASE); branch = branch->parent) {
        if (branch->nodetype != LYS_CASE)
            continue;
        unsigned i = 0;
        while (i < seen->count && seen->branches[i]->parent != branch->parent)
            i++;
        if (i < seen->count && seen->branches[i] != branch)
            return edit_refuse(place, error, "bad-element",
                               "%s: excludes the %s that is given as well; give one of them",
                               place->schema->name, seen->branches[i]->name);
        if (i == seen->count && seen->count < CASES_MAX)
            seen->branches[seen->count++] = branch;
    }
    return true;
}

static bool edit_below(struct edit *edit, const struct edit_place *place, struct rpc_error *error)
{
    if (place->schema->nodetype & LYD_NODE_TERM)
        return true;
    return edit_siblings(edit, lyd_child(place->node), place->found, place->operation, error);
}

/* A leaf with default="true" asks for the default (RFC 6243, section 4.5.1): it must be it. */
static bool edit_default(struct edit_place *place, struct rpc_error *error)
{
    char *value = NULL;
    bool good = place->schema->nodetype & LYD_NODE_TERM &&
                view_value(place->schema, place->node, &value, error) &&
                defaults_is_default(place->schema, value);
    free(value);
    if (!good)
        return edit_refuse(place, error, "invalid-value",
                           "%s: is marked as default, but is not the default value",
                           place->schema->name);
    if (place->operation == EDIT_CREATE && edit_exists(place))
        return edit_refuse(place, error, "data-exists", "%s: exists already", place->schema->name);
    if (place->found)
        edit_remove(place->tree, place->found);
    return true;
}

/* Merge, replace and create. */
static bool edit_write(struct edit *edit, struct edit_place *place, struct rpc_error *error)
{
    bool exists = edit_exists(place), created = !place->found;
    bool is_leaf = place->schema->nodetype == LYS_LEAF;
    if (place->operation == EDIT_CREATE && exists)
        return edit_refuse(place, error, "data-exists",
                           "%s: exists already; merge or replace would change it",
                           place->schema->name);
    bool same = is_leaf && place->found && strcmp(lyd_get_value(place->found), place->key) == 0;
    bool keep = place->found && (place->schema->nodetype == LYS_LEAFLIST || same ||
                                 (!is_leaf && place->operation != EDIT_REPLACE));
    if (!keep && !edit_make(place, error))
        return false;
    if (keep)
        edit_remove_cases(place);
    return edit_move(place, created, error) && edit_below(edit, place, error);
}

/* No operation of its own: the way to nodes that have one. */
static bool edit_pass(struct edit *edit, struct edit_place *place, struct rpc_error *error)
{
    bool is_frame =
        place->schema->nodetype == LYS_CONTAINER && !(place->schema->flags & LYS_PRESENCE);
    if (!place->found && !is_frame)
        return edit_refuse(place, error, "data-missing",
                           "%s: does not exist; create or merge would make it",
                           place->schema->name);
    if (!place->found && !lyd_child(place->node))
        return true;
    if (!place->found && !edit_make(place, error))
        return false;
    return edit_below(edit, place, error);
}

/* A tree of data has each instance once (RFC 7950, sections 7.5.7, 7.6.6, 7.7.8 and 7.8.5): which
 * of two would be meant? */
static bool check_once(const struct edit_place *place, struct seen_siblings *seen,
                       struct rpc_error *error)
{
    bool many = place->schema->nodetype & (LYS_LIST | LYS_LEAFLIST);
    return edit_seen_add(&seen->instances, place->schema, many ? place->key : NULL) ||
           edit_refuse(place, error, "bad-element", "%s: is given twice; give it once",
                       place->schema->name);
}

static bool edit_at(struct edit *edit, struct edit_place *place, struct seen_siblings *seen,
                    struct rpc_error *error)
{
    if (!edit_find_instance(place, error) || !check_once(place, seen, error))
        return false;
    if (writes(place->operation) && !check_cases(place, seen, error))
        return false;
    if (place->is_default && place->operation != EDIT_DELETE && place->operation != EDIT_REMOVE)
        return edit_default(place, error);
    switch (place->operation) {
    case EDIT_DELETE:
        if (!edit_exists(place))
            return edit_refuse(place, error, "data-missing",
                               "%s: does not exist, so it cannot be deleted; remove would not mind",
                               place->schema->name);
        edit_remove(place->tree, place->found);
        return true;
    case EDIT_REMOVE:
        if (place->found)
            edit_remove(place->tree, place->found);
        return true;
    case EDIT_NONE:
        return edit_pass(edit, place, error);
    default:
        return edit_write(edit, place, error);
    }
}

/* Keys are read with their entry; here only their attributes are looked at. */
static bool check_key(struct edit_place *place, struct seen_siblings *seen, struct rpc_error *error)
{
    if (!check_once(place, seen, error))
        return false;
    if (place->operation == EDIT_DELETE || place->operation == EDIT_REMOVE)
        return edit_refuse(place, error, "bad-attribute",
                           "%s: is a key, which cannot be deleted; delete the whole entry",
                           place->schema->name);
    return true;
}

static bool edit_node(struct edit *edit, const struct lyd_node *node, struct lyd_node *parent,
                      enum edit_operation inherited, struct seen_siblings *seen,
                      struct rpc_error *error)
{
    struct edit_place place = {.node = node, .parent = parent, .tree = edit->tree};
    bool done =
        edit_find_schema(&place, parent ? parent->schema : NULL, edit->request->context, error) &&
        edit_read_attributes(&place, inherited, edit->request->plain, error);
    if (done)
        done = lysc_is_key(place.schema) ? check_key(&place, seen, error)
                                         : edit_at(edit, &place, seen, error);
    edit_place_free(&place);
    return done;
}

static bool edit_siblings(struct edit *edit, const struct lyd_node *first, struct lyd_node *parent,
                          enum edit_operation inherited, struct rpc_error *error)
{
    struct seen_siblings seen = {.count = 0};
    bool good = true;
    for (const struct lyd_node *node = first; good && node; node = node->next) {
        struct rpc_error inner = {0};
        if (edit_node(edit, node, parent, inherited, &seen, &inner))
            continue;
        good = edit->request->go_on;
        if (!good) {
            *error = inner;
            break;
        }
        rpc_error_add(edit->error, &inner);
        edit->refused = true;
    }
    edit_seen_free(&seen.instances);
    return good;
}

bool edit_apply(const struct edit_request *request, struct lyd_node **tree, struct rpc_error *error)
{
    struct rpc_error own = {0};
    struct edit edit = {.request = request, .tree = tree, .error = error ? error : &own};
    rpc_error_clear(error);
    enum edit_operation inherited = request->fallback;
    if (inherited == EDIT_REPLACE) {
        /* The content takes the place of all that there is (RFC 6241, default-operation). */
        lyd_free_all(*tree);
        *tree = NULL;
        inherited = EDIT_MERGE;
    }
    bool done = edit_siblings(&edit, request->content, NULL, inherited, edit.error);
    defaults_prune(tree);
    rpc_error_clear(&own);
    return done && !edit.refused;
}
