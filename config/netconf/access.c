/*
 * Decisions of RFC 8341 for operations, data and notifications. One struct access for the process,
 * made by its main function; the dispatcher's mutex is held around every call.
 */
#include "access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access_internal.h"
#include "rpc_error.h"

enum { MARK_DENY_WRITE = 1, MARK_DENY_ALL = 2 };

/* The marks of the node itself: default-deny-write and default-deny-all. */
static unsigned own_marks(const struct lysc_node *node)
{
    unsigned marks = 0;
    LY_ARRAY_COUNT_TYPE i;
    LY_ARRAY_FOR(node->exts, i)
    {
        const struct lysc_ext *extension = node->exts[i].def;
        if (strcmp(extension->module->name, "ietf-netconf-acm") != 0)
            continue;
        if (strcmp(extension->name, "default-deny-all") == 0)
            marks |= MARK_DENY_ALL;
        else if (strcmp(extension->name, "default-deny-write") == 0)
            marks |= MARK_DENY_WRITE;
    }
    return marks;
}

/* The marks of NODE and of what is above it: who may not see a container by default does not see
 * what is in it, and a mark on a container that always exists could protect nothing else. */
static unsigned marks_of(const struct lysc_node *node)
{
    unsigned marks = 0;
    for (; node && marks != (MARK_DENY_ALL | MARK_DENY_WRITE); node = node->parent)
        marks |= own_marks(node);
    return marks;
}

bool access_protected(const struct lysc_node *node)
{
    return marks_of(node) & MARK_DENY_ALL;
}

struct access *access_create(const struct ly_ctx *context)
{
    struct access *access = calloc(1, sizeof *access);
    if (!access)
        return NULL;
    access->context = context;
    access->system_groups = access_system_groups;
    if (access_rules_compile(&access->rules, context, NULL))
        return access;
    free(access);
    return NULL;
}

static void forget_views(struct access *access)
{
    for (size_t i = 0; i < ACCESS_VIEWS; i++)
        free(access->views[i].applies);
    memset(access->views, 0, sizeof access->views);
}

void access_destroy(struct access *access)
{
    if (!access)
        return;
    forget_views(access);
    access_rules_free(&access->rules);
    free(access);
}

/* The container nacm among the siblings CONFIG; NULL if it is missing. */
static const struct lyd_node *nacm_of(const struct lyd_node *config)
{
    while (config && (!config->schema || strcmp(config->schema->name, "nacm") != 0 ||
                      strcmp(config->schema->module->name, "ietf-netconf-acm") != 0))
        config = config->next;
    return config;
}

bool access_check_config(const struct access *access, const struct lyd_node *config,
                         struct rpc_error *error)
{
    const struct lyd_node *node;
    const struct lyd_node *nacm = nacm_of(config);
    if (!nacm)
        return true;
    LYD_TREE_DFS_BEGIN(nacm, node)
    {
        if (node->schema && strcmp(node->schema->name, "path") == 0) {
            struct access_path path;
            bool compiled = access_path_compile(&path, access->context, lyd_get_value(node));
            bool never = path.never;
            access_path_free(&path);
            if (!compiled)
                return rpc_error_memory(error);
            if (never)
                return rpc_error_at(error, node, "application", "invalid-value",
                                    "%s names nothing that any module has; give the path of a "
                                    "node, each name with the prefix of its module",
                                    lyd_get_value(node));
        }
        LYD_TREE_DFS_END(nacm, node);
    }
    return true;
}

bool access_configure(struct access *access, const struct lyd_node *config, struct rpc_error *error)
{
    const struct lyd_node *nacm = nacm_of(config);
    if (!access->broken && !nacm == !access->rules.nacm &&
        (!nacm ||
         lyd_compare_single(nacm, access->rules.nacm, LYD_COMPARE_FULL_RECURSION) == LY_SUCCESS))
        return true;
    struct access_rules compiled;
    access->broken = !access_rules_compile(&compiled, access->context, nacm);
    if (access->broken)
        return rpc_error_memory(error);
    forget_views(access);
    access_rules_free(&access->rules);
    access->rules = compiled;
    return true;
}

/* Which rules apply to CALLER; NULL when there is no memory. */
static const struct access_view *view_of(struct access *access,
                                         const struct operation_caller *caller)
{
    for (size_t i = 0; i < ACCESS_VIEWS; i++) {
        const struct access_view *known = &access->views[i];
        if (known->applies && known->session == caller->session && known->local == caller->local &&
            strcmp(known->user, caller->user) == 0)
            return known;
    }
    struct access_view *view = &access->views[access->next_view];
    access->next_view = (access->next_view + 1) % ACCESS_VIEWS;
    free(view->applies);
    memset(view, 0, sizeof *view);
    /* A name that is cut could be another's. */
    if (snprintf(view->user, sizeof view->user, "%s", caller->user) >= (int)sizeof view->user)
        return NULL;
    view->session = caller->session;
    view->local = caller->local;
    if (caller->local && access->rules.external_groups)
        access->system_groups(caller->user, &access->reported);
    else
        access->reported.count = 0;
    return access_rules_view(&access->rules, view, &access->reported) ? view : NULL;
}

/* RFC 8341, section 3.4.3: no rule holds these. */
static bool exempt(const struct access *access, const struct operation_caller *caller)
{
    return caller->root || (!access->broken && !access->rules.enabled);
}

static enum access_decision decide(struct access *access, const struct operation_caller *caller,
                                   const struct access_request *request)
{
    const struct access_view *view = access->broken ? NULL : view_of(access, caller);
    return view ? access_rules_decide(&access->rules, view, request) : ACCESS_DENY;
}

/* Section 3.4.5 for one node, whatever is above it. */
static bool may(struct access *access, const struct operation_caller *caller,
                const struct lyd_node *node, enum access_operation operation)
{
    if (!node->schema)
        return false;
    const struct access_request request = {ACCESS_DATA, operation, node->schema->module->name, NULL,
                                           node};
    enum access_decision decision = decide(access, caller, &request);
    if (decision != ACCESS_NO_RULE)
        return decision == ACCESS_PERMIT;
    unsigned marks = marks_of(node->schema);
    if (operation == ACCESS_BIT_READ)
        return access->rules.read_permit && !(marks & MARK_DENY_ALL);
    return access->rules.write_permit && !marks;
}

static bool may_read_parents(struct access *access, const struct operation_caller *caller,
                             const struct lyd_node *node)
{
    for (node = lyd_parent(node); node; node = lyd_parent(node)) {
        if (!may(access, caller, node, ACCESS_BIT_READ))
            return false;
    }
    return true;
}

static bool is_base(const struct lysc_node *schema, const char *name)
{
    return strcmp(schema->module->name, "ietf-netconf") == 0 && strcmp(schema->name, name) == 0;
}

static bool may_invoke(struct access *access, const struct operation_caller *caller,
                       const struct lyd_node *rpc)
{
    const struct lysc_node *schema = rpc->schema;
    if (exempt(access, caller) || is_base(schema, "close-session"))
        return true;
    bool action = schema->nodetype == LYS_ACTION;
    if (action && !may_read_parents(access, caller, rpc))
        return false;
    const struct access_request request = {action ? ACCESS_DATA : ACCESS_RPC, ACCESS_BIT_EXEC,
                                           schema->module->name, schema->name, action ? rpc : NULL};
    enum access_decision decision = decide(access, caller, &request);
    if (decision != ACCESS_NO_RULE)
        return decision == ACCESS_PERMIT;
    if (access_protected(schema) || is_base(schema, "kill-session") ||
        is_base(schema, "delete-config"))
        return false;
    return access->rules.exec_permit;
}

/* Why a user may not, for the end of a message. */
static const char *advice(struct access *access, const struct operation_caller *caller)
{
    const struct access_view *view = access->broken ? NULL : view_of(access, caller);
    if (!view)
        return "there is no memory for the access rules; try again later";
    return view->grouped ? "ask an administrator for a rule in /nacm that permits it"
                         : "this user is in no group; ask an administrator for one in /nacm/groups";
}

bool access_check_rpc(struct access *access, const struct operation_caller *caller,
                      const struct lyd_node *rpc, struct rpc_error *error)
{
    if (may_invoke(access, caller, rpc))
        return true;
    access->denied_operations++;
    return rpc_error_set(error, "application", "access-denied", "%s may not invoke %s: %s",
                         caller->user, rpc->schema->name, advice(access, caller));
}

static bool is_key(const struct lyd_node *node)
{
    return node->schema && lysc_is_key(node->schema);
}

static bool is_term(const struct lyd_node *node)
{
    return node->schema && (node->schema->nodetype & (LYD_NODE_TERM | LYD_NODE_ANY));
}

/* Notes that NODE was shown, if that is worth a line in the audit log. The access rules are no
 * secret, and their defaults are in every reply that shows defaults. */
static void note_shown(struct access *access, const struct lyd_node *node)
{
    if (!access->protected_shown && is_term(node) && !(node->flags & LYD_DEFAULT) &&
        strcmp(node->schema->module->name, "ietf-netconf-acm") != 0)
        access->protected_shown = access_protected(node->schema);
}

/* Whether NODE stays; if so, what is below it has been filtered. */
static bool filter(struct access *access, const struct operation_caller *caller,
                   struct lyd_node *node)
{
    if (!exempt(access, caller) && !may(access, caller, node, ACCESS_BIT_READ))
        return false;
    struct lyd_node *next;
    struct lyd_node *child;
    LY_LIST_FOR_SAFE(lyd_child(node), next, child)
    {
        if (filter(access, caller, child))
            continue;
        if (is_key(child))
            return false;
        lyd_free_tree(child);
    }
    note_shown(access, node);
    return true;
}

void access_filter_read(struct access *access, const struct operation_caller *caller,
                        struct lyd_node **tree)
{
    struct lyd_node *node = lyd_first_sibling(*tree);
    *tree = NULL;
    while (node) {
        struct lyd_node *next = node->next;
        if (!filter(access, caller, node))
            lyd_free_tree(node);
        else if (!*tree)
            *tree = node;
        node = next;
    }
}

static void note_all(struct access *access, const struct lyd_node *tree)
{
    for (const struct lyd_node *node = tree; node && !access->protected_shown; node = node->next) {
        note_shown(access, node);
        note_all(access, lyd_child(node));
    }
}

void access_shows(struct access *access, const struct lyd_node *tree)
{
    access->protected_shown = false;
    note_all(access, tree);
}

bool access_take_protected(struct access *access)
{
    bool shown = access->protected_shown;
    access->protected_shown = false;
    return shown;
}

/* A container without presence is there whenever its parent is: only its content is written. */
static bool always_there(const struct lyd_node *node)
{
    return node->schema && node->schema->nodetype == LYS_CONTAINER &&
           !(node->schema->flags & LYS_PRESENCE);
}

static bool may_write(struct access *access, const struct operation_caller *caller,
                      const struct lyd_node *node, enum datastore_access operation)
{
    static const enum access_operation bits[] = {[ACCESS_CREATE] = ACCESS_BIT_CREATE,
                                                 [ACCESS_UPDATE] = ACCESS_BIT_UPDATE,
                                                 [ACCESS_DELETE] = ACCESS_BIT_DELETE};
    return exempt(access, caller) || always_there(node) ||
           may(access, caller, node, bits[operation]);
}

bool access_may_write(struct access *access, const struct operation_caller *caller,
                      const struct lyd_node *node, enum datastore_access operation)
{
    if (may_write(access, caller, node, operation))
        return true;
    access->denied_data_writes++;
    return false;
}

/* The first node of DIFF, below and beside it, that CALLER may not change; NULL if there is none.
 * INHERITED is the operation of the parent: "create", "delete", "replace" or "none". */
static const struct lyd_node *first_denied(struct access *access,
                                           const struct operation_caller *caller,
                                           const struct lyd_node *diff, const char *inherited)
{
    for (; diff; diff = diff->next) {
        const struct lyd_meta *meta = lyd_find_meta(diff->meta, NULL, "yang:operation");
        const char *operation = meta ? lyd_get_meta_value(meta) : inherited;
        bool creates = strcmp(operation, "create") == 0;
        bool deletes = strcmp(operation, "delete") == 0;
        enum datastore_access access_operation = creates   ? ACCESS_CREATE
                                                 : deletes ? ACCESS_DELETE
                                                           : ACCESS_UPDATE;
        /* Nobody asked for defaults to come or go. */
        bool implied = (creates || deletes) && (diff->flags & LYD_DEFAULT);
        if (strcmp(operation, "none") != 0 && !implied &&
            !may_write(access, caller, diff, access_operation))
            return diff;
        /* An entry that moves moves alone. */
        const char *below = creates || deletes ? operation : "none";
        const struct lyd_node *denied = first_denied(access, caller, lyd_child(diff), below);
        if (denied)
            return denied;
    }
    return NULL;
}

bool access_check_write(struct access *access, const struct operation_caller *caller,
                        const struct lyd_node *diff, struct rpc_error *error)
{
    const struct lyd_node *denied = first_denied(access, caller, diff, "none");
    if (!denied)
        return true;
    access->denied_data_writes++;
    return rpc_error_at(error, denied, "application", "access-denied",
                        "%s may not change this node: %s", caller->user, advice(access, caller));
}

/* The notification itself in the tree that holds it. */
static const struct lyd_node *notification_in(const struct lyd_node *tree)
{
    const struct lyd_node *child;
    if (!tree || !tree->schema || tree->schema->nodetype == LYS_NOTIF)
        return tree;
    LY_LIST_FOR(lyd_child(tree), child)
    {
        const struct lyd_node *found = notification_in(child);
        if (found && found->schema && found->schema->nodetype == LYS_NOTIF)
            return found;
    }
    return tree;
}

static bool may_receive(struct access *access, const struct operation_caller *caller,
                        const struct lyd_node *node)
{
    const struct lysc_node *schema = node->schema;
    if (exempt(access, caller))
        return true;
    if (!schema)
        return false;
    if (strcmp(schema->module->name, "nc-notifications") == 0 &&
        (strcmp(schema->name, "replayComplete") == 0 ||
         strcmp(schema->name, "notificationComplete") == 0))
        return true;
    bool nested = lyd_parent(node) != NULL;
    if (nested && !may_read_parents(access, caller, node))
        return false;
    const struct access_request request = {ACCESS_NOTIFICATION, ACCESS_BIT_READ,
                                           schema->module->name, schema->name,
                                           nested ? node : NULL};
    enum access_decision decision = decide(access, caller, &request);
    if (decision != ACCESS_NO_RULE)
        return decision == ACCESS_PERMIT;
    return access->rules.read_permit && !access_protected(schema);
}

bool access_check_notification(struct access *access, const struct operation_caller *caller,
                               const struct lyd_node *notification)
{
    if (may_receive(access, caller, notification_in(notification)))
        return true;
    access->denied_notifications++;
    return false;
}

bool access_state(const struct access *access, struct lyd_node **tree)
{
    const struct {
        const char *path;
        uint32_t value;
    } counters[] = {
        {"/ietf-netconf-acm:nacm/denied-operations", access->denied_operations},
        {"/ietf-netconf-acm:nacm/denied-data-writes", access->denied_data_writes},
        {"/ietf-netconf-acm:nacm/denied-notifications", access->denied_notifications},
    };
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        char value[16];
        struct lyd_node *made = NULL;
        snprintf(value, sizeof value, "%u", counters[i].value);
        if (lyd_new_path(*tree, access->context, counters[i].path, value, LYD_NEW_PATH_UPDATE,
                         &made) != LY_SUCCESS)
            return false;
        if (!*tree)
            *tree = made;
        *tree = lyd_first_sibling(*tree);
    }
    return true;
}
