/*
 * Access control beyond single questions: changes as a whole, actions and notifications within
 * data, groups of the system, the groups of a first start, counters, and what is remembered.
 */
#include "netconf_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "netconf/access.h"
#include "netconf/access_internal.h"

static struct ly_ctx *context;
static struct operation_caller eve = {"eve", 7, false, false, "192.0.2.1"};

static struct access *access_of(const char *text)
{
    struct lyd_node *config = test_data(context, text);
    struct access *access = access_create(context);
    assert_non_null(access);
    assert_true(access_configure(access, config, NULL));
    lyd_free_all(config);
    return access;
}

/* Access with eve in the group one, for which the list has RULES. */
static struct access *access_with_rules(const char *rules)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "{\"ietf-netconf-acm:nacm\":{\"groups\":{\"group\":[{\"name\":\"one\","
                         "\"user-name\":[\"eve\"]}]},\"rule-list\":[{\"name\":\"l\","
                         "\"group\":[\"one\"],\"rule\":[%s]}]}}",
                         rules) > 0);
    struct access *access = access_of(text);
    free(text);
    return access;
}

static void reconfigure(struct access *access, const char *text)
{
    struct lyd_node *config = test_data(context, text);
    assert_true(access_configure(access, config, NULL));
    lyd_free_all(config);
}

/* The path of the first node that eve may not change on the way from BEFORE to AFTER; "" if she
 * may change everything. */
static const char *refused(struct access *access, const char *before, const char *after)
{
    static struct rpc_error error;
    struct lyd_node *old = test_data(context, before);
    struct lyd_node *new = test_data(context, after);
    struct lyd_node *diff = NULL;
    assert_int_equal(lyd_diff_siblings(old, new, 0, &diff), LY_SUCCESS);
    memset(&error, 0, sizeof error);
    uint32_t counted = access->denied_data_writes;
    bool allowed = access_check_write(access, &eve, diff, &error);
    assert_int_equal(access->denied_data_writes - counted, allowed ? 0 : 1);
    assert_true(allowed ? !error.tag : strcmp(error.tag, "access-denied") == 0);
    assert_true(allowed || error.path[0]);
    lyd_free_all(diff);
    lyd_free_all(old);
    lyd_free_all(new);
    return error.path;
}

#define HOUSE(MEMBERS) "{\"place:house\":{" MEMBERS "}}"
#define HALL(MEMBERS)  "{\"floor\":0,\"name\":\"hall\"" MEMBERS "}"
#define PERMIT(NAME, PATH, OPERATIONS)                                                             \
    "{\"name\":\"" NAME "\",\"path\":\"" PATH "\",\"access-operations\":\"" OPERATIONS             \
    "\",\"action\":\"permit\"}"
#define DENY(NAME, PATH) "{\"name\":\"" NAME "\",\"path\":\"" PATH "\",\"action\":\"deny\"}"

static void test_changes(void **state)
{
    (void)state;
    struct access *access = access_with_rules(DENY("no", "/place:house/room/flame") "," PERMIT(
        "rooms", "/place:house/room",
        "*") "," PERMIT("queue", "/place:house/queue",
                        "update") "," PERMIT("new", "/place:house/colour", "create"));
    assert_string_equal(refused(access, HOUSE(""), HOUSE("")), "");
    assert_string_equal(refused(access, HOUSE(""), HOUSE("\"room\":[" HALL("") "]")), "");
    assert_string_equal(refused(access, HOUSE("\"room\":[" HALL("") "]"), HOUSE("")), "");
    /* One forbidden leaf in a new entry, and in one that goes. */
    const char *flame = "/place:house/room[floor='0'][name='hall']/flame";
    assert_string_equal(
        refused(access, HOUSE(""), HOUSE("\"room\":[" HALL(",\"flame\":\"x\"") "]")), flame);
    assert_string_equal(
        refused(access, HOUSE("\"room\":[" HALL(",\"flame\":\"x\"") "]"), HOUSE("")), flame);
    assert_string_equal(refused(access, HOUSE("\"room\":[" HALL(",\"flame\":\"x\"") "]"),
                                HOUSE("\"room\":[" HALL(",\"flame\":\"y\"") "]")),
                        flame);
    /* Each operation on its own. */
    assert_string_equal(refused(access, HOUSE(""), HOUSE("\"colour\":\"red\"")), "");
    assert_string_equal(refused(access, HOUSE("\"colour\":\"red\""), HOUSE("\"colour\":\"blue\"")),
                        "/place:house/colour");
    assert_string_equal(refused(access, HOUSE("\"colour\":\"red\""), HOUSE("")),
                        "/place:house/colour");
    /* Moving is an update of the entry, and of nothing below it. */
    assert_string_equal(refused(access, HOUSE("\"queue\":[{\"name\":\"a\"},{\"name\":\"b\"}]"),
                                HOUSE("\"queue\":[{\"name\":\"b\"},{\"name\":\"a\"}]")),
                        "");
    assert_string_equal(refused(access, HOUSE(""), HOUSE("\"queue\":[{\"name\":\"a\"}]")),
                        "/place:house/queue[name='a']");
    /* A container with presence is created, one without is not. */
    assert_string_equal(refused(access, HOUSE(""), "{\"place:garden\":{}}"), "/place:garden");
    assert_string_equal(refused(access, "{\"place:garden\":{}}", HOUSE("\"safe\":{}")),
                        "/place:garden");
    assert_string_equal(refused(access, HOUSE(""), HOUSE("\"safe\":{}")), "");
    assert_string_equal(refused(access, HOUSE(""), HOUSE("\"safe\":{\"gold\":\"1\"}")),
                        "/place:house/safe/gold");
    access_destroy(access);
}

static bool may_clean(struct access *access)
{
    struct lyd_node *node = NULL;
    struct lyd_node *tree = test_rpc(
        context,
        "<house xmlns='urn:test:place'><room><floor>0</floor><name>hall</name><clean/></room>"
        "</house>",
        &node);
    bool allowed = access_check_rpc(access, &eve, node, NULL);
    lyd_free_all(tree);
    return allowed;
}

static void test_actions(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        bool allowed;
    } rows[] = {
        {"", true},
        {DENY("r", "/place:house/room/clean"), false},
        {DENY("r", "/place:house/room[name='attic']/clean"), true},
        {DENY("r", "/place:house/room[name='hall']/clean"), false},
        /* The action itself is permitted, but a parent must not be read. */
        {PERMIT("p", "/place:house/room/clean", "exec") "," DENY("r", "/place:house"), false},
        {PERMIT("p", "/place:house/room", "*") "," DENY("r", "/place:house"), false},
        {"{\"name\":\"r\",\"rpc-name\":\"clean\",\"action\":\"deny\"}", true},
        {"{\"name\":\"r\",\"access-operations\":\"exec\",\"action\":\"deny\"}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct access *access = access_with_rules(rows[i].rules);
        if (may_clean(access) != rows[i].allowed)
            fail_msg("row %zu: %s", i, rows[i].rules);
        access_destroy(access);
    }
}

static void test_nested_notification(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        bool allowed;
    } rows[] = {
        {"", true},
        {DENY("r", "/place:house/room/smoke"), false},
        {DENY("r", "/place:house/room[name='attic']"), true},
        {DENY("r", "/place:house/room[name='hall']"), false},
        {PERMIT("p", "/place:house/room/smoke", "read") "," DENY("r", "/place:house/room"), false},
        {"{\"name\":\"r\",\"notification-name\":\"smoke\",\"action\":\"deny\"}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct access *access = access_with_rules(rows[i].rules);
        struct lyd_node *event =
            test_event(context, HOUSE("\"room\":[" HALL(",\"smoke\":{\"much\":\"very\"}") "]"));
        if (access_check_notification(access, &eve, event) != rows[i].allowed)
            fail_msg("row %zu: %s", i, rows[i].rules);
        lyd_free_all(event);
        access_destroy(access);
    }
}

/* What eve reads of TEXT. */
static void expect_reading(struct access *access, const char *text, const char *expected)
{
    struct lyd_node *tree = test_data(context, text);
    access_filter_read(access, &eve, &tree);
    char *printed = test_print(tree);
    assert_string_equal(printed, expected);
    free(printed);
    lyd_free_all(tree);
}

static void test_reading(void **state)
{
    (void)state;
    const char *all = "{\"place:house\":{\"colour\":\"red\",\"secret\":\"s\",\"room\":["
                      "{\"floor\":0,\"name\":\"hall\",\"light\":\"on\"},"
                      "{\"floor\":1,\"name\":\"bath\"}]},\"place:garden\":{\"tree\":\"elm\"}}";
    struct access *access = access_with_rules(
        DENY("g", "/place:garden") "," DENY("h", "/place:house/room[name='hall']"));
    expect_reading(access, all,
                   "{\"place:house\":{\"colour\":\"red\",\"room\":[{\"floor\":1,\"name\":\"bath\"}"
                   "]}}");
    assert_false(access_take_protected(access));
    access_destroy(access);
    /* An entry whose key is hidden is hidden; the first of the siblings may go. */
    access = access_with_rules(DENY("k", "/place:house/room[name='hall']/floor") "," PERMIT(
        "s", "/place:house/secret", "read"));
    expect_reading(access, "{\"place:house\":{\"room\":[{\"floor\":0,\"name\":\"hall\"}]}}", "{}");
    assert_false(access_take_protected(access));
    expect_reading(access, HOUSE("\"secret\":\"s\""), HOUSE("\"secret\":\"s\""));
    assert_true(access_take_protected(access));
    assert_false(access_take_protected(access));
    /* What was not asked for in the end is not shown. */
    expect_reading(access, HOUSE("\"secret\":\"s\""), HOUSE("\"secret\":\"s\""));
    access_shows(access, NULL);
    assert_false(access_take_protected(access));
    access_destroy(access);
    access = access_with_rules(DENY("h", "/place:house") "," DENY("g", "/place:garden"));
    expect_reading(access, all, "{}");
    struct lyd_node *none = NULL;
    access_filter_read(access, &eve, &none);
    assert_null(none);
    access_destroy(access);
}

static const char *played_groups[4];

static void play_groups(const char *user, struct access_groups *groups)
{
    assert_string_equal(user, "eve");
    groups->count = 0;
    for (size_t i = 0; played_groups[i]; i++)
        snprintf(groups->names[groups->count++], ACCESS_GROUP_OCTETS, "%s", played_groups[i]);
}

static void test_groups_of_the_system(void **state)
{
    (void)state;
    static const char with[] = "{\"ietf-netconf-acm:nacm\":{\"exec-default\":\"deny\","
                               "\"rule-list\":[{\"name\":\"l\",\"group\":[\"staff\"],\"rule\":["
                               "{\"name\":\"r\",\"action\":\"permit\"}]}]}}";
    static const char without[] =
        "{\"ietf-netconf-acm:nacm\":{\"exec-default\":\"deny\",\"enable-external-groups\":false,"
        "\"rule-list\":[{\"name\":\"l\",\"group\":[\"staff\"],\"rule\":[{\"name\":\"r\","
        "\"action\":\"permit\"}]}]}}";
    struct access *access = access_of(with);
    struct lyd_node *ring = NULL;
    assert_int_equal(lyd_new_path(NULL, context, "/place:ring", NULL, 0, &ring), LY_SUCCESS);
    struct operation_caller local = {"eve", 8, true, false, "local"};
    access->system_groups = play_groups;
    played_groups[0] = "staff";
    assert_true(access_check_rpc(access, &local, ring, NULL));
    /* Only the local socket reports groups; a session keeps those that it began with. */
    assert_false(access_check_rpc(access, &eve, ring, NULL));
    played_groups[0] = NULL;
    assert_true(access_check_rpc(access, &local, ring, NULL));
    local.session = 9;
    assert_false(access_check_rpc(access, &local, ring, NULL));
    played_groups[0] = "staff";
    reconfigure(access, without);
    assert_false(access_check_rpc(access, &local, ring, NULL));
    reconfigure(access, with);
    assert_true(access_check_rpc(access, &local, ring, NULL));
    lyd_free_all(ring);
    access_destroy(access);
    /* The user that everybody has is in no group of ours; one that nobody has is in none. */
    struct access_groups groups = {.count = 9};
    access_system_groups("no-such-user", &groups);
    assert_int_equal(groups.count, 0);
}

static void test_rules_change(void **state)
{
    (void)state;
    struct access *access = access_of("{\"ietf-netconf-acm:nacm\":{\"exec-default\":\"deny\"}}");
    struct lyd_node *ring = NULL;
    struct rpc_error error = {0};
    assert_int_equal(lyd_new_path(NULL, context, "/place:ring", NULL, 0, &ring), LY_SUCCESS);
    assert_false(access_check_rpc(access, &eve, ring, &error));
    assert_non_null(strstr(error.message, "eve may not invoke ring"));
    assert_non_null(strstr(error.message, "in no group"));
    const struct lyd_node *kept = access->rules.nacm;
    reconfigure(access, "{\"ietf-netconf-acm:nacm\":{\"exec-default\":\"deny\"}}");
    assert_ptr_equal(access->rules.nacm, kept);
    assert_true(access_configure(access, NULL, NULL));
    assert_true(access_check_rpc(access, &eve, ring, NULL));
    reconfigure(access,
                "{\"place:house\":{},\"ietf-netconf-acm:nacm\":{\"exec-default\":\"deny\"}}");
    assert_false(access_check_rpc(access, &eve, ring, NULL));
    /* More sessions than are remembered. */
    for (uint32_t session = 1; session < 3 * ACCESS_VIEWS; session++) {
        struct operation_caller caller = {"eve", session, false, false, "192.0.2.1"};
        assert_false(access_check_rpc(access, &caller, ring, NULL));
    }
    struct lyd_node *tree = NULL;
    assert_true(access_state(access, &tree));
    char *text = test_print(tree);
    char expected[160];
    snprintf(expected, sizeof expected,
             "{\"ietf-netconf-acm:nacm\":{\"denied-operations\":%u,\"denied-data-writes\":0,"
             "\"denied-notifications\":0}}",
             2 + 3 * ACCESS_VIEWS - 1);
    assert_string_equal(text, expected);
    free(text);
    lyd_free_all(tree);
    lyd_free_all(ring);
    access_destroy(access);
}

/* One of each group, and one of none. */
static const struct operation_caller members[] = {{"v", 1, false, false, "192.0.2.1"},
                                                  {"o", 2, false, false, "192.0.2.1"},
                                                  {"a", 3, false, false, "192.0.2.1"},
                                                  {"A", 4, false, false, "192.0.2.1"},
                                                  {"n", 5, false, false, "192.0.2.1"}};
static const char *const group_names[] = {"viewer", "operator", "analyst", "admin"};

/* Who may what at first: members of the groups by their initials, n of none. */
static const struct {
    const char *subject;
    const char *groups;
} first_rules[] = {
    {"/ietf-netconf:get", "voaA"},
    {"/ietf-netconf-nmda:get-data", "voaA"},
    {"/notifications:create-subscription", "voaA"},
    {"/spanflow:ledger", "voaA"},
    {"/ietf-netconf:close-session", "voaAn"},
    {"/ietf-netconf:edit-config", "oA"},
    {"/ietf-netconf:commit", "oA"},
    {"/ietf-netconf:kill-session", "oA"},
    {"/ietf-netconf:delete-config", "A"},
    {"/spanflow:expire-all", "oA"},
    {"/spanflow:replay", "oA"},
    {"/spanflow:flows", "aA"},
    {"/spanflow:snapshot-extract", "aA"},
    {"/spanflow:alerts", "aA"},
    {"/spanflow:applications-reload", "oA"},
    {"/spanflow:spanflow/alerts/held", "oA"},
    {"/spanflow:spanflow/alerts/freeze/when", "A"},
    {"/spanflow:spanflow/snapshot/snapLength", "A"},
    {"/spanflow:spanflow/names/tlsServerName", "A"},
    {"/spanflow:top", "aA"},
    {"/spanflow:spanflow/workers", "oA"},
    {"/spanflow:spanflow/exportingProcess/privateKey", "oA"},
    {"/spanflow:spanflow/netconf/hostKey", "A"},
    {"/spanflow:spanflow/netconf/user[name='x']/password", "A"},
    {"/ietf-netconf-acm:nacm/enable-nacm", "A"},
    {"/place:house/colour", "A"},
};

/* A first start: who may do what. Letters: v viewer, o operator, a analyst, A admin. */
static void test_first_groups(void **state)
{
    (void)state;
    struct lyd_node *config = test_data(context, access_initial_configuration);
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof path, "/ietf-netconf-acm:nacm/groups/group[name='%s']/user-name",
                 group_names[i]);
        assert_int_equal(lyd_new_path(config, NULL, path, members[i].user, 0, NULL), LY_SUCCESS);
    }
    struct access *access = access_create(context);
    assert_true(access_configure(access, config, NULL));
    for (size_t i = 0; i < sizeof first_rules / sizeof *first_rules; i++) {
        struct lyd_node *tree = NULL;
        struct lyd_node *node = NULL;
        const char *value = strstr(first_rules[i].subject, "workers")       ? "1"
                            : strstr(first_rules[i].subject, "enable-nacm") ? "true"
                                                                            : "x";
        bool data = strchr(first_rules[i].subject + 1, '/');
        assert_int_equal(lyd_new_path2(NULL, context, first_rules[i].subject, data ? value : NULL,
                                       0, 0, 0, &tree, &node),
                         LY_SUCCESS);
        for (size_t j = 0; j < 5; j++) {
            bool allowed = data ? access_may_write(access, &members[j], node, ACCESS_CREATE)
                                : access_check_rpc(access, &members[j], node, NULL);
            if (allowed != !!strchr(first_rules[i].groups, members[j].user[0]))
                fail_msg("%s by %s is %s", first_rules[i].subject, members[j].user,
                         allowed ? "allowed" : "denied");
        }
        lyd_free_all(tree);
    }
    access_destroy(access);
    lyd_free_all(config);
}

/* A rule that can never match is refused: it would pass for protection. */
static void test_paths_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"/place:house/romo",
                                      "/place:house/room[light='x']",
                                      "/place:house/room[floor='300']",
                                      "/place:house/room[floor=1]",
                                      "/house",
                                      "/place:house/spanflow:workers",
                                      "/place:house | /place:garden",
                                      "//place:house",
                                      "/place:house/",
                                      "place:house",
                                      "/place:house/log[0]",
                                      "/place:house/room[1]",
                                      "/place:house[1]",
                                      "/none:house"};
    static const char *const good[] = {"/",
                                       "/place:house",
                                       " / place:house / room [ name = \"it's\" ] ",
                                       "/place:house/place:room[place:floor='1']/light",
                                       "/place:house/room/guest[.=$USER]",
                                       "/place:house/log[2]/line",
                                       "/place:house/room/clean",
                                       "/place:house/room/smoke",
                                       "/ietf-netconf-acm:nacm/groups"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct access_path path;
        assert_true(access_path_compile(&path, context, bad[i]));
        if (!path.never)
            fail_msg("%s is a path", bad[i]);
        access_path_free(&path);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct access_path path;
        assert_true(access_path_compile(&path, context, good[i]));
        if (path.never)
            fail_msg("%s is no path", good[i]);
        access_path_free(&path);
    }
    struct access *access = access_create(context);
    struct rpc_error error = {0};
    struct lyd_node *config = test_data(
        context,
        "{\"place:garden\":{},\"ietf-netconf-acm:nacm\":{\"rule-list\":[{\"name\":\"l\","
        "\"rule\":[" DENY("a", "/place:garden") "," DENY("b", "/place:house/wall") "]}]}}");
    assert_false(access_check_config(access, config, &error));
    assert_string_equal(error.tag, "invalid-value");
    assert_string_equal(error.path,
                        "/ietf-netconf-acm:nacm/rule-list[name='l']/rule[name='b']/path");
    lyd_free_all(config);
    config = test_data(context, access_initial_configuration);
    assert_true(access_check_config(access, config, NULL));
    assert_true(access_check_config(access, NULL, NULL));
    lyd_free_all(config);
    access_destroy(access);
}

/* Prefixes of XML are those of the element, and come out as names of modules. */
static void test_path_in_xml(void **state)
{
    (void)state;
    struct access *access =
        access_of("<nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'>"
                  "<groups><group><name>one</name><user-name>eve</user-name></group></groups>"
                  "<rule-list><name>l</name><group>one</group><rule><name>r</name>"
                  "<path xmlns:x='urn:test:place'>/x:house/x:room[x:name='hall']</path>"
                  "<action>deny</action></rule></rule-list></nacm>");
    expect_reading(access, HOUSE("\"room\":[" HALL("") "]"), "{}");
    expect_reading(access, HOUSE("\"colour\":\"red\""), HOUSE("\"colour\":\"red\""));
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
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_nested_notification),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_groups_of_the_system),
        cmocka_unit_test(test_rules_change),
        cmocka_unit_test(test_first_groups),
        cmocka_unit_test(test_paths_are_checked),
        cmocka_unit_test(test_path_in_xml),
    };
    return cmocka_run_group_tests_name("access cases", tests, set_up, tear_down);
}
