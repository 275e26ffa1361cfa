/*
 * Random access rules against an evaluator that knows nothing of the one under test: it reads the
 * rules anew for each question and lets libyang evaluate their paths as XPath over the whole tree.
 * The seed is fixed; SEED and ROUNDS in the environment give others.
 */
#include "netconf_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "netconf/access.h"

static struct ly_ctx *context;
static uint64_t random_state;

static uint32_t below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % bound);
}

static const char data[] =
    "{\"place:house\":{\"colour\":\"red\",\"secret\":\"s\",\"fixed\":\"f\",\"safe\":{\"gold\":"
    "\"g\"},\"room\":[{\"floor\":0,\"name\":\"hall\",\"light\":\"on\",\"guest\":[\"ann\",\"eve\"],"
    "\"flame\":\"blue\"},{\"floor\":1,\"name\":\"hall\"},{\"floor\":9,\"name\":\"eve\",\"light\":"
    "\"x\"}],\"queue\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"log\":[{\"line\":\"1\"},"
    "{\"line\":\"2\"}]},\"place:garden\":{\"tree\":\"elm\"},\"spanflow:spanflow\":{\"workers\":1,"
    "\"netconf\":{\"hostKey\":\"k\",\"user\":[{\"name\":\"eve\",\"password\":\"p\"}]}}}";

static const char *const paths[] = {
    "/",
    "/place:house",
    "/place:house/colour",
    "/place:house/secret",
    "/place:house/safe",
    "/place:house/room",
    "/place:house/room[name='hall']",
    "/place:house/room[floor='9']",
    "/place:house/room[floor='0'][name='hall']",
    "/place:house/room[name='hall'][floor='1']/light",
    "/place:house/room[name=$USER]",
    "/place:house/room/guest",
    "/place:house/room/guest[.='ann']",
    "/place:house/room/guest[.=$USER]",
    "/place:house/room/flame",
    "/place:house/room/floor",
    "/place:house/room[name='hall']/name",
    "/place:house/queue/name",
    "/place:house/queue[name='b']",
    "/place:house/log[2]",
    "/place:garden",
    "/spanflow:spanflow",
    "/spanflow:spanflow/netconf/user",
    "/spanflow:spanflow/netconf/user[name=$USER]/password",
};

static const char *const users[] = {"eve", "ann", "bob"};
static const char *const groups[] = {"one", "two", "*"};
static const char *const words[] = {"create", "read", "update", "delete", "exec"};

/* NACM with random lists and rules, as JSON. */
static char *random_rules(void)
{
    static const char *const actions[] = {"permit", "deny"};
    static const char *const modules[] = {"*", "place", "spanflow"};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out,
            "{\"ietf-netconf-acm:nacm\":{\"enable-nacm\":%s,\"read-default\":\"%s\","
            "\"write-default\":\"%s\",\"groups\":{\"group\":[{\"name\":\"one\",\"user-name\":["
            "\"eve\"]},{\"name\":\"two\",\"user-name\":[\"eve\",\"ann\"]}]},\"rule-list\":[",
            below(20) ? "true" : "false", actions[below(2)], actions[below(2)]);
    uint32_t list_count = below(4);
    for (uint32_t i = 0; i < list_count; i++) {
        fprintf(out, "%s{\"name\":\"l%u\",\"group\":[\"%s\"],\"rule\":[", i ? "," : "", 9 - i,
                groups[below(3)]);
        uint32_t rule_count = below(5);
        for (uint32_t j = 0; j < rule_count; j++) {
            fprintf(out, "%s{\"name\":\"r%u\",\"action\":\"%s\",\"module-name\":\"%s\"",
                    j ? "," : "", 9 - j, actions[below(2)], modules[below(3)]);
            if (below(3))
                fprintf(out, ",\"access-operations\":\"%s %s\"", words[below(2)],
                        words[2 + below(3)]);
            uint32_t kind = below(8);
            if (kind < 6)
                fprintf(out, ",\"path\":\"%s\"", paths[below(sizeof paths / sizeof *paths)]);
            else if (kind == 6)
                fprintf(out, ",\"%s\":\"*\"", below(2) ? "rpc-name" : "notification-name");
            fputs("}", out);
        }
        fputs("]}", out);
    }
    fputs("]}}", out);
    fclose(out);
    return text;
}

/* Value of the leaf NAME below ENTRY by XPath; FALLBACK without it. */
static const char *value(const struct lyd_node *entry, const char *name, const char *fallback)
{
    struct lyd_node *node = NULL;
    return lyd_find_path(entry, name, 0, &node) == LY_SUCCESS ? lyd_get_value(node) : fallback;
}

static struct ly_set *find(const struct lyd_node *from, const char *expression)
{
    struct ly_set *set = NULL;
    assert_int_equal(lyd_find_xpath(from, expression, &set), LY_SUCCESS);
    return set;
}

/* Whether EXPRESSION selects anything. */
static bool any(const struct lyd_node *from, const char *expression)
{
    struct ly_set *set = find(from, expression);
    bool found = set->count > 0;
    ly_set_free(set, NULL);
    return found;
}

static bool path_covers(const struct lyd_node *tree, const char *path, const char *user,
                        const struct lyd_node *node)
{
    char expression[256];
    if (strcmp(path, "/") == 0)
        return true;
    const char *variable = strstr(path, "$USER");
    if (variable)
        snprintf(expression, sizeof expression, "%.*s'%s'%s", (int)(variable - path), path, user,
                 variable + 5);
    else
        snprintf(expression, sizeof expression, "%s", path);
    struct ly_set *set = find(tree, expression);
    bool covers = false;
    for (; node && !covers; node = lyd_parent(node))
        covers = ly_set_contains(set, node, NULL);
    ly_set_free(set, NULL);
    return covers;
}

static bool naive_rule(const struct lyd_node *rule, const struct lyd_node *tree,
                       const struct lyd_node *node, const char *user, const char *operation)
{
    const char *module = value(rule, "module-name", "*");
    const char *operations = value(rule, "access-operations", "*");
    const char *path = value(rule, "path", NULL);
    if (any(rule, "rpc-name") || any(rule, "notification-name"))
        return false;
    if (strcmp(module, "*") != 0 && strcmp(module, node->schema->module->name) != 0)
        return false;
    if (strcmp(operations, "*") != 0 && !strstr(operations, operation))
        return false;
    return !path || path_covers(tree, path, user, node);
}

/* Schema nodes that the test modules mark, with what is below them. */
static bool naive_mark(const struct lyd_node *node, bool reading)
{
    static const char *const hidden[] = {"secret", "safe", "hostKey", "user"};
    for (; node; node = lyd_parent(node)) {
        for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
            if (strcmp(node->schema->name, hidden[i]) == 0)
                return true;
        }
        if (!reading && strcmp(node->schema->name, "fixed") == 0)
            return true;
    }
    return false;
}

static bool naive_node(const struct lyd_node *nacm, const struct lyd_node *tree,
                       const struct lyd_node *node, const char *user, const char *operation)
{
    bool reading = strcmp(operation, "read") == 0;
    char member[128];
    if (strcmp(value(nacm, "enable-nacm", "true"), "false") == 0)
        return true;
    snprintf(member, sizeof member, "groups/group[user-name='%s']", user);
    struct ly_set *mine = find(nacm, member);
    struct ly_set *rules = find(nacm, "rule-list/rule");
    int decided = -1;
    for (uint32_t i = 0; i < rules->count && decided < 0 && mine->count; i++) {
        const struct lyd_node *list = lyd_parent(rules->dnodes[i]);
        bool applies = any(list, "group[.='*']");
        for (uint32_t j = 0; j < mine->count; j++) {
            snprintf(member, sizeof member, "group[.='%s']", value(mine->dnodes[j], "name", ""));
            applies |= any(list, member);
        }
        if (applies && naive_rule(rules->dnodes[i], tree, node, user, operation))
            decided = strcmp(value(rules->dnodes[i], "action", ""), "permit") == 0;
    }
    ly_set_free(mine, NULL);
    ly_set_free(rules, NULL);
    if (decided >= 0)
        return decided;
    const char *fallback = value(nacm, reading ? "read-default" : "write-default", "");
    return strcmp(fallback, "permit") == 0 && !naive_mark(node, reading);
}

/* What may be read: the node, its parents and, of entries, the keys. */
static bool naive_readable(const struct lyd_node *nacm, const struct lyd_node *tree,
                           const struct lyd_node *node, const char *user)
{
    for (; node; node = lyd_parent(node)) {
        const struct lyd_node *key;
        if (!naive_node(nacm, tree, node, user, "read"))
            return false;
        LY_LIST_FOR(lyd_child(node), key)
        {
            if (lysc_is_key(key->schema) && !naive_node(nacm, tree, key, user, "read"))
                return false;
        }
    }
    return true;
}

/* The paths of all nodes of TREE; with NACM, of those that USER may read. */
static char *list_nodes(const struct lyd_node *nacm, const struct lyd_node *tree, const char *user)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    const struct lyd_node *top;
    const struct lyd_node *node;
    LY_LIST_FOR(tree, top)
    {
        LYD_TREE_DFS_BEGIN(top, node)
        {
            if (!nacm || naive_readable(nacm, tree, node, user)) {
                char path[256];
                lyd_path(node, LYD_PATH_STD_NO_LAST_PRED, path, sizeof path);
                fprintf(out, "%s=%s\n", path,
                        node->schema->nodetype & LYD_NODE_TERM ? lyd_get_value(node) : "");
            }
            LYD_TREE_DFS_END(top, node);
        }
    }
    fclose(out);
    return text;
}

static void compare_reading(struct access *access, const struct lyd_node *nacm,
                            const struct operation_caller *caller, const char *rules)
{
    struct lyd_node *tree = test_data(context, data);
    char *expected = list_nodes(nacm, tree, caller->user);
    access_filter_read(access, caller, &tree);
    char *found = list_nodes(NULL, tree, NULL);
    if (strcmp(expected, found) != 0)
        fail_msg("%s may read\n%snot\n%swith %s", caller->user, expected, found, rules);
    free(expected);
    free(found);
    lyd_free_all(tree);
}

static void compare_writing(struct access *access, const struct lyd_node *nacm,
                            const struct operation_caller *caller, const char *rules)
{
    static const char *const operations[] = {
        [ACCESS_CREATE] = "create", [ACCESS_UPDATE] = "update", [ACCESS_DELETE] = "delete"};
    struct lyd_node *tree = test_data(context, data);
    const struct lyd_node *top;
    const struct lyd_node *node;
    LY_LIST_FOR(tree, top)
    {
        LYD_TREE_DFS_BEGIN(top, node)
        {
            bool implicit = node->schema->nodetype == LYS_CONTAINER &&
                            strcmp(node->schema->name, "garden") != 0;
            for (size_t i = 0; i < 3; i++) {
                bool expected =
                    implicit || naive_node(nacm, tree, node, caller->user, operations[i]);
                if (access_may_write(access, caller, node, (enum datastore_access)i) != expected)
                    fail_msg("%s %s %s should be %s with %s", caller->user, operations[i],
                             node->schema->name, expected ? "allowed" : "denied", rules);
            }
            LYD_TREE_DFS_END(top, node);
        }
    }
    lyd_free_all(tree);
}

static void test_random(void **state)
{
    (void)state;
    const char *seed = getenv("SEED");
    const char *wanted = getenv("ROUNDS");
    unsigned long rounds = wanted ? strtoul(wanted, NULL, 10) : 60;
    random_state = seed ? strtoull(seed, NULL, 10) | 1 : 8341;
    struct access *access = access_create(context);
    for (unsigned long round = 0; round < rounds; round++) {
        char *rules = random_rules();
        struct lyd_node *nacm = test_data(context, rules);
        assert_true(access_configure(access, nacm, NULL));
        for (uint32_t i = 0; i < sizeof users / sizeof *users; i++) {
            const struct operation_caller caller = {users[i], i + 1, false, false, "192.0.2.1"};
            compare_reading(access, nacm, &caller, rules);
            compare_writing(access, nacm, &caller, rules);
        }
        lyd_free_all(nacm);
        free(rules);
    }
    access_destroy(access);
}

static int set_up(void **state)
{
    (void)state;
    context = test_context();
    return context ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ly_ctx_destroy(context);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests_name("access random", tests, set_up, tear_down);
}
