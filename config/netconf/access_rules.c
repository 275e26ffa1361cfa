/* Compiling the container nacm and looking for the rule that decides. Owned by access.c. */
#include "access_rules.h"

#include <stdlib.h>
#include <string.h>

static bool named(const struct lyd_node *node, const char *name)
{
    return node->schema && strcmp(node->schema->name, name) == 0;
}

/* Value of the leaf NAME below PARENT; NULL if it has none. */
static const char *leaf(const struct lyd_node *parent, const char *name)
{
    const struct lyd_node *child;
    LY_LIST_FOR(lyd_child(parent), child)
    {
        if (named(child, name))
            return lyd_get_value(child);
    }
    return NULL;
}

/* Whether the leaf NAME, or without it FALLBACK, is WORD. */
static bool leaf_is(const struct lyd_node *parent, const char *name, const char *word,
                    const char *fallback)
{
    const char *value = parent ? leaf(parent, name) : NULL;
    return strcmp(value ? value : fallback, word) == 0;
}

/* NULL for "*". */
static const char *unless_all(const char *value)
{
    return value && strcmp(value, "*") != 0 ? value : NULL;
}

static size_t count(const struct lyd_node *parent, const char *name)
{
    size_t total = 0;
    const struct lyd_node *child;
    LY_LIST_FOR(lyd_child(parent), child)
    {
        total += named(child, name);
    }
    return total;
}

/* Bits of the leaf access-operations; nothing, and "*", are all of them. */
static unsigned operations_of(const char *text)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"create", ACCESS_BIT_CREATE},
                 {"read", ACCESS_BIT_READ},
                 {"update", ACCESS_BIT_UPDATE},
                 {"delete", ACCESS_BIT_DELETE},
                 {"exec", ACCESS_BIT_EXEC}};
    unsigned bits = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text || strcmp(text, "*") == 0 || strstr(text, words[i].word))
            bits |= words[i].bit;
    }
    return bits;
}

static bool compile_rule(struct access_rule *rule, const struct ly_ctx *context,
                         const struct lyd_node *entry)
{
    const char *rpc = leaf(entry, "rpc-name");
    const char *notification = leaf(entry, "notification-name");
    const char *path = leaf(entry, "path");
    rule->module = unless_all(leaf(entry, "module-name"));
    rule->operations = operations_of(leaf(entry, "access-operations"));
    rule->permit = leaf_is(entry, "action", "permit", "deny");
    rule->subject = path           ? ACCESS_DATA
                    : rpc          ? ACCESS_RPC
                    : notification ? ACCESS_NOTIFICATION
                                   : ACCESS_ANYTHING;
    rule->name = unless_all(rpc ? rpc : notification);
    return !path || access_path_compile(&rule->path, context, path);
}

static bool compile_list(struct access_rule_list *list, const struct ly_ctx *context,
                         const struct lyd_node *entry)
{
    const struct lyd_node *child;
    size_t rule_count = count(entry, "rule");
    list->entry = entry;
    list->rules = calloc(rule_count + 1, sizeof *list->rules);
    if (!list->rules)
        return false;
    LY_LIST_FOR(lyd_child(entry), child)
    {
        if (named(child, "group"))
            list->all_groups |= strcmp(lyd_get_value(child), "*") == 0;
        else if (named(child, "rule") &&
                 !compile_rule(&list->rules[list->rule_count++], context, child))
            return false;
    }
    return true;
}

static bool compile_lists(struct access_rules *rules, const struct ly_ctx *context)
{
    const struct lyd_node *child;
    size_t list_count = count(rules->nacm, "rule-list");
    rules->lists = calloc(list_count + 1, sizeof *rules->lists);
    if (!rules->lists)
        return false;
    LY_LIST_FOR(lyd_child(rules->nacm), child)
    {
        if (named(child, "rule-list") &&
            !compile_list(&rules->lists[rules->list_count++], context, child))
            return false;
    }
    return true;
}

bool access_rules_compile(struct access_rules *rules, const struct ly_ctx *context,
                          const struct lyd_node *nacm)
{
    memset(rules, 0, sizeof *rules);
    if (nacm && lyd_dup_single(nacm, NULL, LYD_DUP_RECURSIVE, &rules->nacm) != LY_SUCCESS)
        return false;
    rules->enabled = leaf_is(rules->nacm, "enable-nacm", "true", "true");
    rules->read_permit = leaf_is(rules->nacm, "read-default", "permit", "permit");
    rules->write_permit = leaf_is(rules->nacm, "write-default", "permit", "deny");
    rules->exec_permit = leaf_is(rules->nacm, "exec-default", "permit", "permit");
    rules->external_groups = leaf_is(rules->nacm, "enable-external-groups", "true", "true");
    if (compile_lists(rules, context))
        return true;
    access_rules_free(rules);
    return false;
}

void access_rules_free(struct access_rules *rules)
{
    for (size_t i = 0; i < rules->list_count; i++) {
        for (size_t j = 0; j < rules->lists[i].rule_count; j++)
            access_path_free(&rules->lists[i].rules[j].path);
        free(rules->lists[i].rules);
    }
    free(rules->lists);
    lyd_free_all(rules->nacm);
    memset(rules, 0, sizeof *rules);
}

/* Whether the entry PARENT has the leaf-list entry NAME = VALUE. */
static bool holds(const struct lyd_node *parent, const char *name, const char *value)
{
    const struct lyd_node *child;
    LY_LIST_FOR(lyd_child(parent), child)
    {
        if (named(child, name) && strcmp(lyd_get_value(child), value) == 0)
            return true;
    }
    return false;
}

/* The list /nacm/groups/group; NULL when it is empty. */
static const struct lyd_node *configured_groups(const struct access_rules *rules)
{
    const struct lyd_node *child;
    LY_LIST_FOR(lyd_child(rules->nacm), child)
    {
        if (named(child, "groups"))
            return lyd_child(child);
    }
    return NULL;
}

bool access_rules_view(const struct access_rules *rules, struct access_view *view,
                       const struct access_groups *reported)
{
    static const struct access_groups none;
    const struct lyd_node *group;
    if (!reported || !rules->external_groups)
        reported = &none;
    view->grouped = reported->count > 0;
    view->applies = calloc(rules->list_count + 1, sizeof *view->applies);
    if (!view->applies)
        return false;
    for (size_t i = 0; i < rules->list_count; i++) {
        for (size_t j = 0; j < reported->count && !view->applies[i]; j++)
            view->applies[i] = holds(rules->lists[i].entry, "group", reported->names[j]);
    }
    LY_LIST_FOR(configured_groups(rules), group)
    {
        if (!named(group, "group") || !holds(group, "user-name", view->user))
            continue;
        view->grouped = true;
        for (size_t i = 0; i < rules->list_count; i++)
            view->applies[i] |= holds(rules->lists[i].entry, "group", leaf(group, "name"));
    }
    for (size_t i = 0; i < rules->list_count; i++)
        view->applies[i] |= view->grouped && rules->lists[i].all_groups;
    return true;
}

static bool rule_matches(const struct access_rule *rule, const struct access_request *request,
                         const char *user)
{
    if (!(rule->operations & (unsigned)request->operation))
        return false;
    if (rule->module && strcmp(rule->module, request->module) != 0)
        return false;
    switch (rule->subject) {
    case ACCESS_RPC:
    case ACCESS_NOTIFICATION:
        return rule->subject == request->subject &&
               (!rule->name || strcmp(rule->name, request->name) == 0);
    case ACCESS_DATA:
        return request->node && access_path_matches(&rule->path, request->node, user);
    case ACCESS_ANYTHING:
        break;
    }
    return true;
}

enum access_decision access_rules_decide(const struct access_rules *rules,
                                         const struct access_view *view,
                                         const struct access_request *request)
{
    for (size_t i = 0; i < rules->list_count; i++) {
        const struct access_rule_list *list = &rules->lists[i];
        for (size_t j = 0; view->applies[i] && j < list->rule_count; j++) {
            if (rule_matches(&list->rules[j], request, view->user))
                return list->rules[j].permit ? ACCESS_PERMIT : ACCESS_DENY;
        }
    }
    return ACCESS_NO_RULE;
}
