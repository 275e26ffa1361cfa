/*
 * What the datastores tell others: audit, and the notifications of RFC 6470. A notification that
 * cannot be made (no memory, module not loaded) is left out; no operation fails for it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "datastore_internal.h"

/* Edits named in one netconf-config-change; the list may be cut (RFC 6470, section 2.2). */
enum { EDITS_MAX = 200 };

static const char module_name[] = "ietf-netconf-notifications";

static struct lyd_node *new_notification(const struct datastore *datastore, const char *name)
{
    const struct lys_module *module =
        ly_ctx_get_module_implemented(datastore->context, module_name);
    struct lyd_node *node = NULL;
    if (!module || !datastore->hooks.notify ||
        lyd_new_inner(NULL, module, name, 0, &node) != LY_SUCCESS)
        return NULL;
    return node;
}

/* The leaves of common-session-parms below PARENT. */
static void add_session(struct lyd_node *parent, const struct operation_caller *caller)
{
    char number[16];
    unsigned char address[sizeof(struct in6_addr)];
    snprintf(number, sizeof number, "%u", caller ? caller->session : 0);
    lyd_new_term(parent, NULL, "username", caller && caller->user ? caller->user : "", 0, NULL);
    lyd_new_term(parent, NULL, "session-id", number, 0, NULL);
    const char *from = caller ? caller->from : NULL;
    if (from && (inet_pton(AF_INET, from, address) == 1 || inet_pton(AF_INET6, from, address) == 1))
        lyd_new_term(parent, NULL, "source-host", from, 0, NULL);
}

/* The node that an edit of NODE is told of as. All subscribers see the same, so of users, keys and
 * rules no more is said than that something below their parent is another: NULL for NODE itself. */
static const struct lyd_node *stand_in(const struct lyd_node *node)
{
    const struct lyd_node *shown = NULL;
    for (; node; node = lyd_parent(node))
        if (access_protected(node->schema))
            shown = lyd_parent(node) ? lyd_parent(node) : node;
    return shown;
}

/* Whether the last edit of NOTIFICATION says the same of PATH. */
static bool said_already(const struct lyd_node *notification, const char *path)
{
    const struct lyd_node *first = lyd_child(notification);
    const struct lyd_node *last = first ? first->prev : NULL;
    const struct lyd_node *target =
        last && strcmp(LYD_NAME(last), "edit") == 0 ? lyd_child(last) : NULL;
    return target && strcmp(lyd_get_value(target), path) == 0;
}

/* Adds the edits of DIFF and what is below it; INHERITED is the operation of its parent. */
static void add_edits(struct lyd_node *notification, const struct lyd_node *diff,
                      const char *inherited, unsigned *count)
{
    for (const struct lyd_node *node = diff; node; node = node->next) {
        const struct lyd_meta *meta = lyd_find_meta(node->meta, NULL, "yang:operation");
        const char *operation = meta ? lyd_get_meta_value(meta) : inherited;
        if (strcmp(operation, "none") == 0) {
            add_edits(notification, lyd_child(node), operation, count);
            continue;
        }
        struct lyd_node *edit = NULL;
        const struct lyd_node *instead = stand_in(node);
        char path[1024];
        lyd_path(instead ? instead : node, LYD_PATH_STD, path, sizeof path);
        if (lysc_is_key(node->schema) || (instead && said_already(notification, path)) ||
            (*count)++ >= EDITS_MAX)
            continue;
        if (lyd_new_inner(notification, NULL, "edit", 0, &edit) != LY_SUCCESS &&
            lyd_new_list(notification, NULL, "edit", 0, &edit) != LY_SUCCESS)
            return;
        lyd_new_term(edit, NULL, "target", path, 0, NULL);
        lyd_new_term(edit, NULL, "operation", instead ? "merge" : operation, 0, NULL);
    }
}

void datastore_tell_change(struct datastore *datastore, const struct operation_caller *caller,
                           enum datastore_name name, const char *operation,
                           const struct lyd_node *diff)
{
    const struct datastore_hooks *hooks = &datastore->hooks;
    if (hooks->audit)
        hooks->audit(hooks->context, caller, name, operation, diff);
    /* Of the datastores that RFC 6470 knows, only running exists here. */
    struct lyd_node *node =
        name == DATASTORE_RUNNING ? new_notification(datastore, "netconf-config-change") : NULL;
    struct lyd_node *by = NULL;
    if (!node)
        return;
    if (lyd_new_inner(node, NULL, "changed-by", 0, &by) == LY_SUCCESS) {
        if (caller)
            add_session(by, caller);
        else
            lyd_new_term(by, NULL, "server", "", 0, NULL);
    }
    unsigned count = 0;
    lyd_new_term(node, NULL, "datastore", "running", 0, NULL);
    add_edits(node, diff, "none", &count);
    hooks->notify(hooks->context, node);
}

void datastore_tell_confirmed(struct datastore *datastore, const struct operation_caller *caller,
                              const char *event, uint32_t timeout_s)
{
    struct lyd_node *node = new_notification(datastore, "netconf-confirmed-commit");
    char number[16];
    if (!node)
        return;
    /* RFC 6470 leaves the session out when the server itself went back. */
    if (strcmp(event, "timeout") != 0)
        add_session(node, caller);
    lyd_new_term(node, NULL, "confirm-event", event, 0, NULL);
    snprintf(number, sizeof number, "%u", timeout_s);
    if (timeout_s)
        lyd_new_term(node, NULL, "timeout", number, 0, NULL);
    datastore->hooks.notify(datastore->hooks.context, node);
}
