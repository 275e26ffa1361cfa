/* Candidate, running, locks and commits, driven by operations of two sessions in virtual time. */
#include "datastore_test.h"

#define SECOND       ((uint64_t)1000000000)
#define T(content)   "{\"test-store:top\":{" content "}}"
#define START        T("\"number\":7")
#define CONFIRMED(x) "<commit><confirmed/>" x "</commit>"
#define VALIDATE(x)  "<validate><source>" x "</source></validate>"
#define LOCK(x)      "<lock><target><" x "/></target></lock>"
#define UNLOCK(x)    "<unlock><target><" x "/></target></unlock>"
#define COPY(x)      "<copy-config>" TARGET "<source>" x "</source></copy-config>"
#define TARGET       "<target><candidate/></target>"
#define CANDIDATE    "<get-config><source><candidate/></source></get-config>"

static struct test_world world;

static int open_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    test_world_open(&world, NULL, START, false);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    test_world_close(&world);
    return 0;
}

static void expect(uint32_t session, const char *body, const char *result)
{
    const char *got = test_run(&world, session, body);
    if (strcmp(got, result) != 0)
        fail_msg("%s: %s (%s), not %s", body, got, test_error()->message, result);
}

static void edit_and_commit(void **state)
{
    (void)state;
    expect(1, EDIT(TOP("<text>a</text>")), "ok");
    expect(1, COPY_RUNNING, START);
    expect(1, CANDIDATE, T("\"number\":7,\"text\":\"a\""));
    expect(1, COMMIT, "ok");
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    assert_non_null(strstr(world.applied, "\"text\":\"a\""));
    assert_int_equal(world.applies, 1);
    assert_int_equal(world.audits, 2);
    assert_string_equal(world.events, "change ");
    assert_string_equal(world.event,
                        "{\"ietf-netconf-notifications:netconf-config-change\":{\"changed-by\":{"
                        "\"username\":\"tester\",\"session-id\":1,\"source-host\":\"127.0.0.1\"},"
                        "\"datastore\":\"running\",\"edit\":[{\"target\":\"/test-store:top/text\","
                        "\"operation\":\"create\"}]}}");
    expect(1, COMMIT, "ok"); /* nothing to do, nobody is told */
    assert_int_equal(world.applies, 1);
    assert_string_equal(world.events, "change ");
}

static void failed_edits_change_nothing(void **state)
{
    (void)state;
    expect(1, EDIT(TOP("<text>a</text><number nc:operation=\"create\">1</number>")),
           "data-exists /test-store:top/number");
    expect(1, CANDIDATE, START);
    assert_int_equal(world.audits, 0);
    world.deny_write = "text";
    expect(1, EDIT(TOP("<text>a</text>")), "access-denied /test-store:top");
    expect(1, CANDIDATE, START);
}

static void commit_that_cannot_be_applied(void **state)
{
    (void)state;
    expect(1, EDIT(TOP("<text>bad</text>")), "ok");
    world.refuse = "bad";
    expect(1, VALIDATE("<candidate/>"), "resource-denied /test-store:top/text");
    expect(1, COMMIT, "resource-denied /test-store:top/text");
    expect(1, COPY_RUNNING, START);
    world.refuse = NULL;
    world.deny_write = "bad";
    expect(1, COMMIT, "access-denied /test-store:top");
    expect(1, COPY_RUNNING, START);
    assert_string_equal(world.events, "");
}

static void validate_names_the_node(void **state)
{
    (void)state;
    expect(1, EDIT(TOP("<item-ref>no</item-ref>")), "ok");
    expect(1, VALIDATE("<candidate/>"), "data-missing /test-store:top/item-ref");
    assert_string_equal(test_error()->app_tag, "instance-required");
    expect(1, COMMIT, "data-missing /test-store:top/item-ref");
    expect(1, VALIDATE("<running/>"), "ok");
    expect(1, VALIDATE("<config>" TOP("<even>3</even>") "</config>"),
           "operation-failed /test-store:top/even");
    assert_string_equal(test_error()->app_tag, "must-violation");
    assert_non_null(strstr(test_error()->message, "give an even number"));
    expect(1, VALIDATE("<config>" TOP("<even>4</even>") "</config>"), "ok");
    expect(1, VALIDATE("<config>" TOP("<even>x</even>") "</config>"),
           "invalid-value /test-store:top/even");
    expect(1,
           VALIDATE("<config>" TOP("<item><name>a</name><colour>red</colour></item>"
                                   "<item><name>b</name><colour>red</colour></item>") "</config>"),
           "operation-failed /test-store:top/item[name='b']");
    assert_string_equal(test_error()->app_tag, "data-not-unique");
    expect(1, VALIDATE("<config>" TOP("<late>x</late>") "</config>"),
           "unknown-element /test-store:top/late");
}

#define SINK(name, content)                                                                        \
    "<sink xmlns=\"urn:example:test-store\"><name>" name "</name>" content "</sink>"

static void what_is_missing_is_found(void **state)
{
    (void)state;
    expect(1,
           VALIDATE("<config>" SINK("a", "<port>1</port><udp>x</udp>")
                        SINK("b", "<port>2</port>") "</config>"),
           "data-missing /test-store:sink[name='b']");
    assert_string_equal(test_error()->app_tag, "missing-choice");
    expect(1, VALIDATE("<config>" SINK("a", "<tcp>x</tcp>") "</config>"),
           "data-missing /test-store:sink[name='a']/port");
    expect(1, EDIT(SINK("a", "<port>66000</port>")),
           "invalid-value /test-store:sink[name='a']/port");
    assert_non_null(strstr(test_error()->message, "give 0..65535 ports"));
}

#define PAIR(name) "<pair>" name "</pair>"

static void numbers_of_entries(void **state)
{
    (void)state;
    expect(1, VALIDATE("<config>" TOP("<pairs>" PAIR("a") "</pairs>") "</config>"),
           "operation-failed /test-store:top/pairs/pair");
    assert_string_equal(test_error()->app_tag, "too-few-elements");
    expect(1, VALIDATE("<config>" TOP("<pairs>" PAIR("a") PAIR("b") "</pairs>") "</config>"), "ok");
    expect(1,
           VALIDATE("<config>" TOP("<pairs>" PAIR("a") PAIR("b") PAIR("c")
                                       PAIR("d") "</pairs>") "</config>"),
           "operation-failed /test-store:top/pairs/pair[.='d']");
    assert_string_equal(test_error()->app_tag, "too-many-elements");
    assert_non_null(strstr(test_error()->message, "; give at most 3"));
}

static void when_goes_with_what_it_needs(void **state)
{
    (void)state;
    expect(1, EDIT(TOP("<number>20</number><late>x</late>")), "ok");
    expect(1, COMMIT, "ok");
    expect(1, EDIT(TOP("<number>5</number>")), "ok");
    expect(1, COMMIT, "ok");
    expect(1, COPY_RUNNING, T("\"number\":5"));
    expect(1, CANDIDATE, T("\"number\":5"));
}

static void test_options(void **state)
{
    static const char tested[] =
        "<edit-config><target><candidate/></target>"
        "<test-option>%s</test-option><config>" TOP("<even>%s</even>") "</config></edit-config>";
    char body[512];
    (void)state;
    snprintf(body, sizeof body, tested, "test-then-set", "3");
    expect(1, body, "operation-failed /test-store:top/even");
    snprintf(body, sizeof body, tested, "test-only", "4");
    expect(1, body, "ok");
    expect(1, CANDIDATE, START);
    snprintf(body, sizeof body, tested, "set", "3");
    expect(1, body, "ok");
    expect(1, CANDIDATE, T("\"number\":7,\"even\":3"));
}

static void error_options(void **state)
{
    static const char body[] = "<edit-config><target><candidate/></target>"
                               "<error-option>%s</error-option><config>" TOP(
                                   "<text>a</text><nothing/><even>4</even>") "</config>"
                                                                             "</edit-config>";
    static const char *const whole[] = {"stop-on-error", "rollback-on-error"};
    char text[512];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text, sizeof text, body, whole[i]);
        expect(1, text, "unknown-element /test-store:top");
        expect(1, CANDIDATE, START);
    }
    snprintf(text, sizeof text, body, "continue-on-error");
    expect(1, text, "unknown-element /test-store:top");
    expect(1, CANDIDATE, T("\"number\":7,\"text\":\"a\",\"even\":4"));
}

static void only_candidate_can_be_written(void **state)
{
    (void)state;
    expect(1,
           "<edit-config><target><running/></target><config>" TOP(
               "<text>a</text>") "</config></edit-config>",
           "operation-not-supported ");
    assert_non_null(strstr(test_error()->message, "edit candidate, then commit"));
    expect(1, "<copy-config><target><running/></target><source><candidate/></source></copy-config>",
           "operation-not-supported ");
    expect(1, COPY("<candidate/>"), "invalid-value ");
    expect(1, "<delete-config><target><startup/></target></delete-config>",
           "operation-not-supported ");
    expect(1, COPY("<config>" TOP("<text>b</text>") "</config>"), "ok");
    expect(1, CANDIDATE, T("\"text\":\"b\""));
    expect(1, COPY("<running/>"), "ok");
    expect(1, CANDIDATE, START);
    expect(1, COPY("<config>" TOP("<text nc:operation=\"merge\">b</text>") "</config>"),
           "unknown-attribute /test-store:top/text");
    expect(1, EDIT(TOP("<text>a</text>")), "ok");
    expect(1, "<discard-changes/>", "ok");
    expect(1, CANDIDATE, START);
}

static void copies_show_defaults_as_asked(void **state)
{
    static const char *const modes[][2] = {
        {"explicit", T("\"item\":[{\"name\":\"x\",\"size\":10}]")},
        {"trim", T("\"item\":[{\"name\":\"x\"}]")},
        {"report-all", T("\"number\":5,\"item\":[{\"name\":\"x\",\"size\":10}]")},
        {"report-all-tagged", T("\"item\":[{\"name\":\"x\",\"size\":10}]")},
    };
    char body[512];
    (void)state;
    expect(1, COPY("<config>" TOP("<item><name>x</name><size>10</size></item>") "</config>"), "ok");
    expect(1, COMMIT, "ok");
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        snprintf(body, sizeof body,
                 "<copy-config>" TARGET
                 "<source><running/></source><with-defaults xmlns=\"urn:ietf:"
                 "params:xml:ns:yang:ietf-netconf-with-defaults\">%s</with-defaults>"
                 "</copy-config>",
                 modes[i][0]);
        expect(1, body, "ok");
        expect(1, CANDIDATE, modes[i][1]);
    }
}

static void locks(void **state)
{
    (void)state;
    expect(1, LOCK("candidate"), "ok");
    expect(1, LOCK("candidate"), "lock-denied ");
    expect(2, LOCK("candidate"), "lock-denied ");
    assert_true(test_error()->has_session);
    assert_int_equal(test_error()->session, 1);
    expect(2, EDIT(TOP("<text>a</text>")), "in-use ");
    expect(2, COPY("<running/>"), "in-use ");
    expect(2, "<discard-changes/>", "in-use ");
    expect(2, COMMIT, "in-use ");
    expect(2, UNLOCK("candidate"), "operation-failed ");
    expect(2, LOCK("running"), "ok");
    expect(1, EDIT(TOP("<text>a</text>")), "ok");
    expect(1, COMMIT, "in-use ");
    expect(2, UNLOCK("running"), "ok");
    expect(2, UNLOCK("running"), "operation-failed ");
    expect(1, COMMIT, "ok");
    expect(1, EDIT(TOP("<text>b</text>")), "ok");
    expect(1, UNLOCK("candidate"), "ok");
    expect(2, LOCK("candidate"), "lock-denied "); /* modified, and by nobody's lock */
    assert_int_equal(test_error()->session, 0);
    expect(2, "<discard-changes/>", "ok");
    expect(2, LOCK("candidate"), "ok");
}

static void the_end_of_a_session(void **state)
{
    (void)state;
    expect(1, LOCK("candidate"), "ok");
    expect(1, LOCK("running"), "ok");
    expect(1, EDIT(TOP("<text>a</text>")), "ok");
    datastore_session_ended(world.server.datastore, 2);
    assert_true(datastore_modified(world.server.datastore));
    datastore_session_ended(world.server.datastore, 1);
    assert_false(datastore_modified(world.server.datastore));
    assert_int_equal(datastore_locked_by(world.server.datastore, DATASTORE_RUNNING, NULL), 0);
    expect(2, LOCK("candidate"), "ok");
    expect(2,
           "<lock><target><datastore xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\" "
           "xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\">ds:running</datastore>"
           "</target></lock>",
           "ok");
}

static void start_confirmed(const char *parameters)
{
    char body[256];
    snprintf(body, sizeof body, CONFIRMED("%s"), parameters);
    expect(1, EDIT(TOP("<text>a</text>")), "ok");
    expect(1, body, "ok");
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
}

static void assert_reverted(const char *events)
{
    expect(2, COPY_RUNNING, START);
    assert_non_null(strstr(world.applied, "\"number\":7"));
    assert_null(strstr(world.applied, "\"text\""));
    assert_string_equal(world.events, events);
    assert_int_equal(datastore_deadline(world.server.datastore), UINT64_MAX);
    assert_false(datastore_modified(world.server.datastore));
}

static void unconfirmed_ends_by_time(void **state)
{
    struct datastore *datastore = world.server.datastore;
    (void)state;
    datastore_tick(datastore, 1000 * SECOND);
    start_confirmed("");
    assert_int_equal(datastore_deadline(datastore), 1600 * SECOND);
    assert_non_null(strstr(world.events, "start "));
    datastore_tick(datastore, 1600 * SECOND - 1);
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    datastore_tick(datastore, 1600 * SECOND);
    assert_reverted("start change change timeout ");
}

static void confirmed_in_time(void **state)
{
    (void)state;
    start_confirmed("<confirm-timeout>5</confirm-timeout>");
    expect(2, COMMIT, "in-use ");
    expect(2, LOCK("running"), "lock-denied ");
    assert_int_equal(test_error()->session, 1);
    expect(1, COMMIT, "ok");
    datastore_tick(world.server.datastore, 100 * SECOND);
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    assert_string_equal(world.events, "start change complete ");
}

static void each_further_one_extends(void **state)
{
    struct datastore *datastore = world.server.datastore;
    (void)state;
    start_confirmed("<confirm-timeout>5</confirm-timeout>");
    datastore_tick(datastore, 4 * SECOND);
    expect(1, EDIT(TOP("<even>4</even>")), "ok");
    expect(1, CONFIRMED("<confirm-timeout>20</confirm-timeout>"), "ok");
    assert_int_equal(datastore_deadline(datastore), 24 * SECOND);
    datastore_tick(datastore, 23 * SECOND);
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\",\"even\":4"));
    datastore_tick(datastore, 24 * SECOND);
    assert_reverted("start change extend change change timeout ");
}

static void unconfirmed_ends_with_its_session(void **state)
{
    (void)state;
    start_confirmed("");
    datastore_session_ended(world.server.datastore, 2);
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    datastore_session_ended(world.server.datastore, 1);
    expect(2, COMMIT, "in-use "); /* nobody gets in between */
    expect(2, LOCK("running"), "lock-denied ");
    assert_int_equal(datastore_deadline(world.server.datastore), 0);
    datastore_tick(world.server.datastore, 0);
    assert_reverted("start change change cancel ");
}

static void cancelled(void **state)
{
    (void)state;
    expect(1, "<cancel-commit/>", "operation-failed ");
    start_confirmed("");
    expect(2, "<cancel-commit/>", "in-use ");
    expect(1, "<cancel-commit><persist-id>x</persist-id></cancel-commit>", "invalid-value ");
    expect(1, "<cancel-commit/>", "ok");
    assert_reverted("start change change cancel ");
}

static void persistent(void **state)
{
    uint32_t session = 9;
    (void)state;
    expect(1, "<commit><persist-id>x</persist-id></commit>", "invalid-value ");
    start_confirmed("<persist>secret</persist>");
    assert_true(datastore_unconfirmed(world.server.datastore, NULL, &session, NULL));
    assert_int_equal(session, 0);
    datastore_session_ended(world.server.datastore, 1);
    expect(2, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    expect(2, COMMIT, "invalid-value ");
    expect(2, "<commit><persist-id>wrong</persist-id></commit>", "invalid-value ");
    expect(2, "<cancel-commit/>", "invalid-value ");
    expect(2, CONFIRMED("<persist-id>secret</persist-id><persist>other</persist>"), "ok");
    expect(2, "<commit><persist-id>secret</persist-id></commit>", "invalid-value ");
    expect(3, "<commit><persist-id>other</persist-id></commit>", "ok");
    assert_string_equal(world.events, "start change extend complete ");
}

static void persistent_cancelled(void **state)
{
    (void)state;
    start_confirmed("<persist>secret</persist>");
    expect(2, "<cancel-commit><persist-id>secret</persist-id></cancel-commit>", "ok");
    assert_reverted("start change change cancel ");
}

static void going_back_is_tried_again(void **state)
{
    struct datastore *datastore = world.server.datastore;
    (void)state;
    start_confirmed("<confirm-timeout>5</confirm-timeout>");
    world.refuse = "number";
    datastore_tick(datastore, 5 * SECOND);
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    assert_int_equal(datastore_deadline(datastore), 6 * SECOND);
    world.refuse = NULL;
    datastore_tick(datastore, 6 * SECOND);
    assert_reverted("start change change timeout ");
}

/* What somebody edits while a commit waits is still there when it is taken back. */
static void edits_outlive_going_back(void **state)
{
    (void)state;
    start_confirmed("");
    expect(1, EDIT(TOP("<even>4</even>")), "ok");
    expect(1, "<cancel-commit/>", "ok");
    expect(1, COPY_RUNNING, START);
    expect(1, CANDIDATE, T("\"number\":7,\"text\":\"a\",\"even\":4"));
}

static void edit_data(void **state)
{
    static const char body[] =
        "<edit-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\" "
        "xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\"><datastore>ds:%s</datastore>"
        "<default-operation>%s</default-operation><config>" TOP(
            "<text>a</text>") "</config></edit-data>";
    char text[512];
    (void)state;
    snprintf(text, sizeof text, body, "running", "merge");
    expect(1, text, "invalid-value ");
    snprintf(text, sizeof text, body, "candidate", "none");
    expect(1, text, "data-missing /test-store:top/text");
    snprintf(text, sizeof text, body, "candidate", "merge");
    expect(1, text, "ok");
    expect(1, CANDIDATE, T("\"number\":7,\"text\":\"a\""));
    snprintf(text, sizeof text, body, "candidate", "replace");
    expect(1, text, "ok");
    expect(1, CANDIDATE, T("\"text\":\"a\""));
}

/* Others, while the daemon works for session 1: they read, and change nothing. */
static void others_come(void)
{
    assert_true(datastore_busy(world.server.datastore));
    assert_false(datastore_hold(world.server.datastore));
    expect(2, COPY_RUNNING, START);
    expect(2, CANDIDATE, T("\"number\":7,\"text\":\"a\""));
    expect(2, EDIT(TOP("<even>4</even>")), "in-use ");
    assert_non_null(strstr(test_error()->message, "session 1 "));
    expect(2, "<discard-changes/>", "in-use ");
    expect(2, COMMIT, "in-use ");
    expect(2, "<cancel-commit/>", "operation-failed ");
    expect(2, LOCK("running"), "lock-denied ");
    assert_int_equal(test_error()->session, 1);
    expect(2, LOCK("candidate"), "lock-denied ");
    datastore_tick(world.server.datastore, 1000 * SECOND);
    assert_int_equal(datastore_deadline(world.server.datastore), UINT64_MAX);
    datastore_session_ended(world.server.datastore, 2);
}

static void nothing_changes_meanwhile(void **state)
{
    (void)state;
    expect(1, EDIT(TOP("<text>a</text>")), "ok");
    world.meanwhile = others_come;
    expect(1, COMMIT, "ok");
    assert_null(world.meanwhile);
    assert_false(datastore_busy(world.server.datastore));
    expect(2, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
    expect(2, LOCK("running"), "ok");
}

static void the_session_ends(void)
{
    datastore_session_ended(world.server.datastore, 1);
    assert_int_equal(datastore_locked_by(world.server.datastore, DATASTORE_RUNNING, NULL), 1);
}

/* The session that commits is lost meanwhile: its locks and its confirmed commit end behind it. */
static void committer_is_lost(void **state)
{
    (void)state;
    expect(1, LOCK("running"), "ok");
    expect(1, LOCK("candidate"), "ok");
    world.meanwhile = the_session_ends;
    start_confirmed("");
    assert_int_equal(datastore_locked_by(world.server.datastore, DATASTORE_RUNNING, NULL), 0);
    assert_int_equal(datastore_locked_by(world.server.datastore, DATASTORE_CANDIDATE, NULL), 0);
    datastore_tick(world.server.datastore, 0);
    assert_reverted("start change change cancel ");
}

static void its_time_ends(void)
{
    datastore_tick(world.server.datastore, 10 * SECOND);
    expect(1, COPY_RUNNING, T("\"number\":7,\"text\":\"a\""));
}

/* Who confirms in time has confirmed, however long the daemon needs; who fails has not. */
static void time_is_over_meanwhile(void **state)
{
    (void)state;
    start_confirmed("<confirm-timeout>5</confirm-timeout>");
    expect(1, EDIT(TOP("<even>4</even>")), "ok");
    world.meanwhile = its_time_ends;
    world.refuse = "even";
    expect(1, COMMIT, "resource-denied /test-store:top/text");
    expect(1, COMMIT, "in-use ");
    world.refuse = NULL;
    datastore_tick(world.server.datastore, 11 * SECOND);
    expect(2, COPY_RUNNING, START);
    expect(1, "<discard-changes/>", "ok");
    start_confirmed("<confirm-timeout>5</confirm-timeout>");
    expect(1, EDIT(TOP("<even>4</even>")), "ok");
    world.meanwhile = its_time_ends;
    expect(1, COMMIT, "ok");
    datastore_tick(world.server.datastore, 100 * SECOND);
    expect(2, COPY_RUNNING, T("\"number\":7,\"text\":\"a\",\"even\":4"));
}

static int needs_modules(void **state)
{
    (void)state;
    if (test_store_context())
        return 0;
    print_message("libyuma-base is not installed\n");
    exit(77);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(edit_and_commit),
        TEST(failed_edits_change_nothing),
        TEST(commit_that_cannot_be_applied),
        TEST(validate_names_the_node),
        TEST(what_is_missing_is_found),
        TEST(numbers_of_entries),
        TEST(when_goes_with_what_it_needs),
        TEST(test_options),
        TEST(error_options),
        TEST(only_candidate_can_be_written),
        TEST(copies_show_defaults_as_asked),
        TEST(locks),
        TEST(the_end_of_a_session),
        TEST(unconfirmed_ends_by_time),
        TEST(confirmed_in_time),
        TEST(each_further_one_extends),
        TEST(unconfirmed_ends_with_its_session),
        TEST(cancelled),
        TEST(persistent),
        TEST(persistent_cancelled),
        TEST(going_back_is_tried_again),
        TEST(edits_outlive_going_back),
        TEST(edit_data),
        TEST(nothing_changes_meanwhile),
        TEST(committer_is_lost),
        TEST(time_is_over_meanwhile),
    };
    return cmocka_run_group_tests_name("datastores", tests, needs_modules, NULL);
}
