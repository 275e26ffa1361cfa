/*
 * Access control against the rules of RFC 8341: one table of questions for operations,
 * notifications and data, and single cases for what a table cannot say.
 */
#include "netconf_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "netconf/access.h"
#include "netconf/access_internal.h"

static struct ly_ctx *context;

enum question { INVOKE, RECEIVE, READ, CREATE, UPDATE, DELETE };

/* What stands in /nacm beside the groups, and what then holds. */
struct row {
    const char *name;
    const char *nacm; /* members of the container, in JSON; eve is in the groups one and two */
    const char *user;
    enum question question;
    const char *subject; /* rpc, notification, or path of a data node */
    bool allowed;
};

#define LIST(NAME, GROUPS, RULES)                                                                  \
    "{\"name\":\"" NAME "\",\"group\":[" GROUPS "],\"rule\":[" RULES "]}"
#define LISTS(...)                "\"rule-list\":[" __VA_ARGS__ "]"
#define RULE(NAME, MATCH, ACTION) "{\"name\":\"" NAME "\"," MATCH "\"action\":\"" ACTION "\"}"
#define PATH(TEXT)                "\"path\":\"" TEXT "\","
#define FOR_ONE(RULES)            LISTS(LIST("l", "\"one\"", RULES))

#define HOUSE "/place:house"
#define HALL  "/place:house/room[floor='0'][name='hall']"
#define ATTIC "/place:house/room[floor='9'][name='attic']"

static const struct row rows[] = {
    /* Defaults, 3.4.4 to 3.4.6, steps 10 to 12. */
    {"exec default", "", "eve", INVOKE, "place:ring", true},
    {"exec default deny", "\"exec-default\":\"deny\"", "eve", INVOKE, "place:ring", false},
    {"read default", "", "eve", READ, HOUSE "/colour", true},
    {"read default deny", "\"read-default\":\"deny\"", "eve", READ, HOUSE "/colour", false},
    {"write default", "", "eve", UPDATE, HOUSE "/colour", false},
    {"write default permit", "\"write-default\":\"permit\"", "eve", UPDATE, HOUSE "/colour", true},
    {"event default", "", "eve", RECEIVE, "place:knock", true},
    {"event default deny", "\"read-default\":\"deny\"", "eve", RECEIVE, "place:knock", false},
    {"protected rpc", "", "eve", INVOKE, "place:burn", false},
    {"protected event", "", "eve", RECEIVE, "place:alarm", false},
    {"protected leaf", "", "eve", READ, HOUSE "/secret", false},
    {"protected leaf write", "\"write-default\":\"permit\"", "eve", UPDATE, HOUSE "/secret", false},
    {"below protected", "\"write-default\":\"permit\"", "eve", CREATE, HOUSE "/safe/gold", false},
    {"deny-write is read", "", "eve", READ, HOUSE "/fixed", true},
    {"deny-write", "\"write-default\":\"permit\"", "eve", DELETE, HOUSE "/fixed", false},
    {"kill-session", "", "eve", INVOKE, "ietf-netconf:kill-session", false},
    {"delete-config", "", "eve", INVOKE, "ietf-netconf:delete-config", false},
    /* Exempt, 3.4.3 and 3.4.4. */
    {"disabled", "\"enable-nacm\":false,\"exec-default\":\"deny\"", "eve", INVOKE, "place:burn",
     true},
    {"disabled read", "\"enable-nacm\":false", "eve", READ, HOUSE "/secret", true},
    {"disabled write", "\"enable-nacm\":false", "eve", UPDATE, HOUSE "/secret", true},
    {"root", "\"exec-default\":\"deny\"", "ROOT", INVOKE, "place:burn", true},
    {"root reads", "\"read-default\":\"deny\"", "ROOT", READ, HOUSE "/secret", true},
    {"root writes", "", "ROOT", DELETE, HOUSE "/secret", true},
    {"root receives", "\"read-default\":\"deny\"", "ROOT", RECEIVE, "place:alarm", true},
    {"close-session", FOR_ONE(RULE("r", "", "deny")) ",\"exec-default\":\"deny\"", "eve", INVOKE,
     "ietf-netconf:close-session", true},
    {"replayComplete", FOR_ONE(RULE("r", "", "deny")), "eve", RECEIVE,
     "nc-notifications:replayComplete", true},
    {"notificationComplete", "\"read-default\":\"deny\"", "eve", RECEIVE,
     "nc-notifications:notificationComplete", true},
    /* Rules of operations. */
    {"rpc by name", FOR_ONE(RULE("r", "\"rpc-name\":\"burn\",", "permit")), "eve", INVOKE,
     "place:burn", true},
    {"rpc other name", FOR_ONE(RULE("r", "\"rpc-name\":\"ring\",", "permit")), "eve", INVOKE,
     "place:burn", false},
    {"rpc any name", FOR_ONE(RULE("r", "\"rpc-name\":\"*\",", "deny")), "eve", INVOKE, "place:ring",
     false},
    {"rpc of module", FOR_ONE(RULE("r", "\"module-name\":\"place\",", "permit")), "eve", INVOKE,
     "place:burn", true},
    {"rpc of other module", FOR_ONE(RULE("r", "\"module-name\":\"plac\",", "permit")), "eve",
     INVOKE, "place:burn", false},
    {"rpc needs exec",
     FOR_ONE(RULE("r", "\"rpc-name\":\"ring\",\"access-operations\":\"read create\",", "deny")),
     "eve", INVOKE, "place:ring", true},
    {"rpc has exec",
     FOR_ONE(RULE("r", "\"rpc-name\":\"ring\",\"access-operations\":\"read exec\",", "deny")),
     "eve", INVOKE, "place:ring", false},
    {"data rule is not for rpc", FOR_ONE(RULE("r", PATH("/"), "deny")), "eve", INVOKE, "place:ring",
     true},
    {"kill-session by rule", FOR_ONE(RULE("r", "\"rpc-name\":\"kill-session\",", "permit")), "eve",
     INVOKE, "ietf-netconf:kill-session", true},
    /* Rules of notifications. */
    {"event by name", FOR_ONE(RULE("r", "\"notification-name\":\"alarm\",", "permit")), "eve",
     RECEIVE, "place:alarm", true},
    {"event other name", FOR_ONE(RULE("r", "\"notification-name\":\"knock\",", "permit")), "eve",
     RECEIVE, "place:alarm", false},
    {"event any name", FOR_ONE(RULE("r", "\"notification-name\":\"*\",", "deny")), "eve", RECEIVE,
     "place:knock", false},
    {"event is read",
     FOR_ONE(RULE("r", "\"notification-name\":\"*\",\"access-operations\":\"exec\",", "deny")),
     "eve", RECEIVE, "place:knock", true},
    {"rpc rule is not for events", FOR_ONE(RULE("r", "\"rpc-name\":\"*\",", "deny")), "eve",
     RECEIVE, "place:knock", true},
    {"rule without type", FOR_ONE(RULE("r", "", "deny")), "eve", RECEIVE, "place:knock", false},
    /* Groups and the order of lists and rules. */
    {"not in a group", FOR_ONE(RULE("r", "", "permit")), "mallory", INVOKE, "place:burn", false},
    {"all groups", LISTS(LIST("l", "\"*\"", RULE("r", "", "permit"))), "eve", INVOKE, "place:burn",
     true},
    {"all groups, but in none", LISTS(LIST("l", "\"*\"", RULE("r", "", "permit"))), "mallory",
     INVOKE, "place:burn", false},
    {"second group", LISTS(LIST("l", "\"two\"", RULE("r", "", "permit"))), "eve", INVOKE,
     "place:burn", true},
    {"other's group", LISTS(LIST("l", "\"three\"", RULE("r", "", "permit"))), "eve", INVOKE,
     "place:burn", false},
    {"group without entry", LISTS(LIST("l", "\"four\"", RULE("r", "", "permit"))), "eve", INVOKE,
     "place:burn", false},
    {"list with no group", LISTS(LIST("l", "", RULE("r", "", "permit"))), "eve", INVOKE,
     "place:burn", false},
    {"first list wins",
     LISTS(LIST("z", "\"one\"", RULE("r", "", "deny")) "," LIST("a", "\"one\"",
                                                                RULE("r", "", "permit"))),
     "eve", INVOKE, "place:ring", false},
    {"first rule wins", FOR_ONE(RULE("z", "", "permit") "," RULE("a", "", "deny")), "eve", INVOKE,
     "place:burn", true},
    {"no rule of the first list matches",
     LISTS(LIST("a", "\"one\"", RULE("r", "\"rpc-name\":\"ring\",", "deny")) "," LIST(
         "b", "\"two\"", RULE("r", "", "permit"))),
     "eve", INVOKE, "place:burn", true},
    {"empty list", LISTS("{\"name\":\"e\",\"group\":[\"*\"]}"), "eve", INVOKE, "place:ring", true},
    /* Data: module, path with and without keys, operations. */
    {"path of a leaf", FOR_ONE(RULE("r", PATH(HOUSE "/secret"), "permit")), "eve", READ,
     HOUSE "/secret", true},
    {"path of the parent", FOR_ONE(RULE("r", PATH(HOUSE), "deny")), "eve", READ, HOUSE "/colour",
     false},
    {"path of a sibling", FOR_ONE(RULE("r", PATH(HOUSE "/fixed"), "deny")), "eve", READ,
     HOUSE "/colour", true},
    {"path without keys", FOR_ONE(RULE("r", PATH(HOUSE "/room/light"), "deny")), "eve", READ,
     HALL "/light", false},
    {"path with one key", FOR_ONE(RULE("r", PATH(HOUSE "/room[floor='0']"), "deny")), "eve", READ,
     HALL, false},
    {"path with another's key", FOR_ONE(RULE("r", PATH(HOUSE "/room[floor='9']"), "deny")), "eve",
     READ, HALL, true},
    {"keys in any order", FOR_ONE(RULE("r", PATH(HOUSE "/room[name='hall'][floor='0']"), "deny")),
     "eve", READ, HALL "/light", false},
    {"one key of two differs",
     FOR_ONE(RULE("r", PATH(HOUSE "/room[floor='0'][name='attic']"), "deny")), "eve", READ, HALL,
     true},
    {"key of the user", FOR_ONE(RULE("r", PATH(HOUSE "/room/guest[.=$USER]"), "deny")), "eve", READ,
     HALL "/guest[.='eve']", false},
    {"key of another user", FOR_ONE(RULE("r", PATH(HOUSE "/room/guest[.=$USER]"), "deny")), "eve",
     READ, HALL "/guest[.='ann']", true},
    {"value of a leaf-list", FOR_ONE(RULE("r", PATH(HOUSE "/room/guest[.='ann']"), "deny")), "eve",
     READ, HALL "/guest[.='ann']", false},
    {"other value of a leaf-list", FOR_ONE(RULE("r", PATH(HOUSE "/room/guest[.='ann']"), "deny")),
     "eve", READ, HALL "/guest[.='bob']", true},
    {"leaf within a case", FOR_ONE(RULE("r", PATH(HOUSE "/room/flame"), "deny")), "eve", READ,
     HALL "/flame", false},
    {"all paths", FOR_ONE(RULE("r", PATH("/"), "deny")), "eve", READ, HOUSE "/colour", false},
    {"module of data", FOR_ONE(RULE("r", "\"module-name\":\"place\",", "deny")), "eve", READ,
     HOUSE "/colour", false},
    {"other module of data",
     FOR_ONE(RULE("r", "\"module-name\":\"spanflow\"," PATH(HOUSE), "deny")), "eve", READ,
     HOUSE "/colour", true},
    {"reading needs the parents",
     FOR_ONE(RULE("p", PATH(HALL "/light"), "permit") "," RULE("r", PATH(HOUSE "/room"), "deny")),
     "eve", READ, HALL "/light", false},
    {"writing does not need the parents",
     FOR_ONE(RULE("p", PATH(HALL "/light"), "permit") "," RULE("r", PATH(HOUSE "/room"), "deny")),
     "eve", UPDATE, HALL "/light", true},
    {"create only",
     FOR_ONE(RULE("r", PATH(HOUSE "/room") "\"access-operations\":\"create\",", "permit")), "eve",
     CREATE, ATTIC, true},
    {"create is not delete",
     FOR_ONE(RULE("r", PATH(HOUSE "/room") "\"access-operations\":\"create\",", "permit")), "eve",
     DELETE, HALL, false},
    {"create is not update",
     FOR_ONE(RULE("r", PATH(HOUSE "/room") "\"access-operations\":\"create\",", "permit")), "eve",
     UPDATE, HALL "/light", false},
    {"delete and update",
     FOR_ONE(RULE("r", PATH("/") "\"access-operations\":\"delete update\",", "permit")), "eve",
     DELETE, HALL, true},
    {"rpc rule is not for data", FOR_ONE(RULE("r", "\"rpc-name\":\"*\",", "deny")), "eve", READ,
     HOUSE "/colour", true},
    {"permit opens the protected", FOR_ONE(RULE("r", PATH(HOUSE "/safe"), "permit")), "eve", READ,
     HOUSE "/safe/gold", true},
    {"deny before permit",
     FOR_ONE(RULE("d", PATH(HOUSE "/safe/gold"), "deny") "," RULE("r", PATH("/"), "permit")), "eve",
     UPDATE, HOUSE "/safe/gold", false},
};

static const char data[] =
    "{\"place:house\":{\"colour\":\"red\",\"secret\":\"s\",\"fixed\":\"f\",\"safe\":{\"gold\":"
    "\"g\"},\"room\":[{\"floor\":0,\"name\":\"hall\",\"light\":\"on\",\"guest\":[\"ann\",\"bob\","
    "\"eve\"],"
    "\"flame\":\"blue\"},{\"floor\":9,\"name\":\"attic\"}],\"queue\":[{\"name\":\"a\"},"
    "{\"name\":\"b\"}],\"log\":[{\"line\":\"1\"},{\"line\":\"2\"}]},"
    "\"place:garden\":{\"tree\":\"elm\"}}";

static struct access *access_with(const char *members)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "{\"ietf-netconf-acm:nacm\":{%s%s\"groups\":{\"group\":["
                         "{\"name\":\"one\",\"user-name\":[\"bob\",\"eve\"]},"
                         "{\"name\":\"two\",\"user-name\":[\"eve\"]},"
                         "{\"name\":\"three\",\"user-name\":[\"bob\"]}]}}}",
                         members, *members ? "," : "") > 0);
    struct lyd_node *config = test_data(context, text);
    struct access *access = access_create(context);
    assert_non_null(access);
    assert_true(access_configure(access, config, NULL));
    lyd_free_all(config);
    free(text);
    return access;
}

static struct operation_caller caller_of(const char *user)
{
    bool root = strcmp(user, "ROOT") == 0;
    struct operation_caller caller = {root ? "root" : user, 7, root, root, "192.0.2.1"};
    return caller;
}

/* The node of the operation or notification MODULE:NAME. */
static struct lyd_node *node_of(const char *subject)
{
    struct lyd_node *node = NULL;
    char path[128];
    snprintf(path, sizeof path, "/%s", subject);
    assert_int_equal(lyd_new_path(NULL, context, path, NULL, 0, &node), LY_SUCCESS);
    return node;
}

static bool data_answer(struct access *access, const struct operation_caller *caller,
                        const struct row *row)
{
    struct lyd_node *tree = test_data(context, data);
    struct lyd_node *node = NULL;
    bool allowed;
    if (row->question == READ) {
        access_filter_read(access, caller, &tree);
        allowed = tree && lyd_find_path(tree, row->subject, 0, &node) == LY_SUCCESS;
    } else {
        static const enum datastore_access operations[] = {
            [CREATE] = ACCESS_CREATE, [UPDATE] = ACCESS_UPDATE, [DELETE] = ACCESS_DELETE};
        assert_int_equal(lyd_find_path(tree, row->subject, 0, &node), LY_SUCCESS);
        allowed = access_may_write(access, caller, node, operations[row->question]);
    }
    lyd_free_all(tree);
    return allowed;
}

static bool answer(struct access *access, const struct row *row)
{
    struct operation_caller caller = caller_of(row->user);
    if (row->question >= READ)
        return data_answer(access, &caller, row);
    struct lyd_node *node = node_of(row->subject);
    struct rpc_error error = {0};
    bool allowed;
    if (row->question == INVOKE) {
        allowed = access_check_rpc(access, &caller, node, &error);
        assert_true(allowed || strcmp(error.tag, "access-denied") == 0);
        assert_int_equal(access->denied_operations, allowed ? 0 : 1);
    } else {
        allowed = access_check_notification(access, &caller, node);
        assert_int_equal(access->denied_notifications, allowed ? 0 : 1);
    }
    lyd_free_all(node);
    return allowed;
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct access *access = access_with(rows[i].nacm);
        if (answer(access, &rows[i]) != rows[i].allowed)
            fail_msg("%s: %s should be %s", rows[i].name, rows[i].subject,
                     rows[i].allowed ? "allowed" : "denied");
        access_destroy(access);
    }
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
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("access", tests, set_up, tear_down);
}
