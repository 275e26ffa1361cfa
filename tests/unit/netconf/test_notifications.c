/*
 * The stream NETCONF under virtual time: subscriptions and their refusals, replay ranges, filters,
 * access, slow subscribers, and the notifications about sessions.
 */
#include "netconf_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "netconf/notifications.h"

enum { SECOND = 1000000000 };
/* 2026-01-01T00:00:00Z, the beginning of each test's time. */
static const uint64_t begin_ns = 1767225600000000000;

static struct ly_ctx *context;
static struct operation_caller eve = {"eve", 1, false, false, "192.0.2.1"};
static struct operation_caller bob = {"bob", 2, false, false, "192.0.2.2"};

/* What sessions 0..3 got, as one text each: "name@seconds name@seconds ...". */
static struct outbox {
    char text[4096];
    unsigned room; /* notifications that still fit */
    bool gone;
    unsigned drops;
} outboxes[4];

static struct fixture {
    struct access *access;
    struct notifications *notifications;
    struct netconf_server server;
} fixture;

static enum notification_result send_out(void *send_context, uint32_t session, uint64_t time_ns,
                                         const struct lyd_node *notification)
{
    struct outbox *outbox = &outboxes[session];
    size_t used = strlen(outbox->text);
    assert_ptr_equal(send_context, &fixture);
    if (outbox->gone)
        return NOTIFICATION_GONE;
    if (!outbox->room)
        return NOTIFICATION_FULL;
    outbox->room--;
    snprintf(outbox->text + used, sizeof outbox->text - used, "%s%s@%d", used ? " " : "",
             notification->schema->name, (int)((time_ns - begin_ns) / SECOND));
    return NOTIFICATION_SENT;
}

static void dropped(void *send_context, uint32_t session)
{
    assert_ptr_equal(send_context, &fixture);
    outboxes[session].drops++;
}

static void open_streams(const char *folder, uint64_t octets_max)
{
    struct error error = {""};
    const struct notification_settings settings = {context,  fixture.access, folder,  octets_max,
                                                   begin_ns, send_out,       dropped, &fixture};
    fixture.notifications = notifications_open(&settings, &error);
    if (!fixture.notifications)
        fail_msg("%s", error.text);
    fixture.server.notifications = fixture.notifications;
}

static int set_up(void **state)
{
    (void)state;
    memset(outboxes, 0, sizeof outboxes);
    for (size_t i = 0; i < 4; i++)
        outboxes[i].room = 1000;
    fixture.access = access_create(context);
    open_streams(NULL, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    notifications_close(fixture.notifications);
    access_destroy(fixture.access);
    return 0;
}

static uint64_t at(int seconds)
{
    return begin_ns + (uint64_t)seconds * SECOND;
}

/* knock of WHO at SECONDS. */
static void knock(int seconds, const char *who)
{
    char text[128];
    snprintf(text, sizeof text, "{\"place:knock\":{\"who\":\"%s\"}}", who);
    notifications_publish(fixture.notifications, at(seconds), test_event(context, text));
}

/* CALLER subscribes with PARAMETERS in XML at SECONDS. The error's tag and bad element, "" for ok.
 */
static const char *subscribe(const struct operation_caller *caller, int seconds,
                             const char *parameters)
{
    static char answer[300];
    char text[1024];
    struct rpc_error error = {0};
    struct lyd_node *node = NULL;
    struct lyd_node *output = NULL;
    snprintf(text, sizeof text,
             "<create-subscription xmlns='urn:ietf:params:xml:ns:netconf:notification:1.0'>%s"
             "</create-subscription>",
             parameters);
    struct lyd_node *tree = test_rpc(context, text, &node);
    notifications_tick(fixture.notifications, at(seconds));
    bool done = notification_operations[0].run(&fixture.server, caller, node, &output, &error);
    assert_null(output);
    assert_true(done || (error.tag && error.message[0]));
    snprintf(answer, sizeof answer, "%s%s%s", done ? "" : error.tag,
             error.bad_element[0] ? " " : "", error.bad_element);
    lyd_free_all(tree);
    return answer;
}

static void step(int seconds)
{
    while (notifications_step(fixture.notifications, at(seconds)))
        ;
}

#define START(TIME) "<startTime>2026-01-01T" TIME "</startTime>"
#define STOP(TIME)  "<stopTime>2026-01-01T" TIME "</stopTime>"

static void test_live(void **state)
{
    (void)state;
    knock(1, "a");
    assert_string_equal(subscribe(&eve, 2, ""), "");
    assert_true(notifications_subscribed(fixture.notifications, 1));
    /* Nothing comes before the reply; what came meanwhile comes then. */
    knock(3, "b");
    assert_string_equal(outboxes[1].text, "");
    assert_int_equal(notifications_deadline(fixture.notifications), 0);
    step(3);
    assert_string_equal(outboxes[1].text, "knock@3");
    assert_int_equal(notifications_deadline(fixture.notifications), UINT64_MAX);
    knock(4, "c");
    assert_string_equal(outboxes[1].text, "knock@3 knock@4");
    assert_string_equal(subscribe(&eve, 5, ""), "operation-failed");
    assert_string_equal(subscribe(&bob, 5, "<stream>NETCONF</stream>"), "");
    step(5);
    knock(6, "d");
    assert_string_equal(outboxes[1].text, "knock@3 knock@4 knock@6");
    assert_string_equal(outboxes[2].text, "knock@6");
    notifications_session_ended(fixture.notifications, 1);
    assert_false(notifications_subscribed(fixture.notifications, 1));
    knock(7, "e");
    assert_string_equal(outboxes[1].text, "knock@3 knock@4 knock@6");
    outboxes[2].gone = true;
    knock(8, "f");
    assert_false(notifications_subscribed(fixture.notifications, 2));
    struct notification_counters counters;
    notifications_count(fixture.notifications, &counters);
    assert_int_equal(counters.events, 6);
    assert_int_equal(counters.sent, 5);
    assert_int_equal(counters.subscriptions, 0);
    assert_int_equal(counters.dropped_subscribers, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"<stream>OTHER</stream>", "invalid-value stream"},
        {STOP("00:00:09Z"), "missing-element startTime"},
        {START("00:01:01Z"), "bad-element startTime"},
        {START("00:00:30Z") STOP("00:00:29Z"), "bad-element stopTime"},
        {"<filter type='other'/>", "bad-attribute filter"},
        {"<filter type='xpath'/>", "missing-attribute filter"},
        {"<filter type='xpath' xmlns:p='urn:test:place' select='/p:knock[whow()]'/>",
         "invalid-value filter"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ly_in *input = NULL;
        struct lyd_node *tree = NULL;
        char text[512];
        /* What the library refuses by itself does not reach the operation. */
        snprintf(text, sizeof text,
                 "<create-subscription xmlns='urn:ietf:params:xml:ns:netconf:notification:1.0'>%s"
                 "</create-subscription>",
                 rows[i][0]);
        ly_in_new_memory(text, &input);
        bool parsed = lyd_parse_op(context, NULL, input, LYD_XML, LYD_TYPE_RPC_YANG, &tree, NULL) ==
                      LY_SUCCESS;
        ly_in_free(input, 0);
        lyd_free_all(tree);
        if (parsed)
            assert_string_equal(subscribe(&eve, 60, rows[i][0]), rows[i][1]);
        else
            print_message("left to the library: %s\n", rows[i][0]);
        assert_false(notifications_subscribed(fixture.notifications, 1));
    }
    /* Now is no future. */
    assert_string_equal(subscribe(&eve, 60, START("00:01:00Z")), "");
    notifications_set_log_size(fixture.notifications, 0);
    assert_string_equal(subscribe(&bob, 60, START("00:00:01Z")), "operation-failed startTime");
}

static void test_replay(void **state)
{
    (void)state;
    for (int i = 1; i <= 9; i++)
        knock(i * 10, "x");
    /* Up to now, and on. */
    assert_string_equal(subscribe(&eve, 95, START("00:01:10Z")), "");
    step(95);
    assert_string_equal(outboxes[1].text, "knock@70 knock@80 knock@90 replayComplete@95");
    knock(100, "y");
    assert_string_equal(outboxes[1].text, "knock@70 knock@80 knock@90 replayComplete@95 knock@100");
    notifications_session_ended(fixture.notifications, 1);
    /* A range that is over, in another time zone. */
    assert_string_equal(subscribe(&bob, 110,
                                  "<startTime>2026-01-01T01:00:15+01:00</startTime>"
                                  "<stopTime>2026-01-01T01:00:40.5+01:00</stopTime>"),
                        "");
    step(111);
    assert_string_equal(outboxes[2].text, "knock@20 knock@30 knock@40 replayComplete@111 "
                                          "notificationComplete@111");
    assert_false(notifications_subscribed(fixture.notifications, 2));
    /* A range whose end is still to come. */
    outboxes[1].text[0] = 0;
    assert_string_equal(subscribe(&eve, 120, START("00:01:40Z") STOP("00:02:30Z")), "");
    step(120);
    assert_int_equal(notifications_deadline(fixture.notifications), at(150));
    knock(130, "z");
    step(149);
    assert_true(notifications_subscribed(fixture.notifications, 1));
    knock(151, "late");
    step(151);
    assert_string_equal(outboxes[1].text,
                        "knock@100 replayComplete@120 knock@130 notificationComplete@151");
    assert_false(notifications_subscribed(fixture.notifications, 1));
    /* Nothing to replay. */
    outboxes[2].text[0] = 0;
    assert_string_equal(subscribe(&bob, 160, START("00:02:35Z")), "");
    step(160);
    assert_string_equal(outboxes[2].text, "replayComplete@160");
}

static void expect_filtered(const char *filter, const char *expected)
{
    outboxes[1].text[0] = 0;
    assert_string_equal(subscribe(&eve, 60, filter), "");
    step(60);
    knock(61, "eve");
    knock(62, "ann");
    notifications_publish(fixture.notifications, at(63),
                          test_event(context, "{\"spanflow:port-down\":{\"port\":\"a\"}}"));
    notifications_publish(
        fixture.notifications, at(64),
        test_event(context, "{\"place:house\":{\"room\":[{\"floor\":0,\"name\":\"hall\",\"smoke\":"
                            "{\"much\":\"very\"}}]}}"));
    if (strcmp(outboxes[1].text, expected) != 0)
        fail_msg("%s lets through %s", filter, outboxes[1].text);
    notifications_session_ended(fixture.notifications, 1);
}

static void test_filters(void **state)
{
    (void)state;
#define PLACE " xmlns='urn:test:place'"
#define XPATH(TEXT)                                                                                \
    "<filter type='xpath' xmlns:p='urn:test:place' "                                               \
    "xmlns:s='urn:spanflow:params:xml:ns:yang:spanflow' select=\"" TEXT "\"/>"
    expect_filtered("", "knock@61 knock@62 port-down@63 house@64");
    expect_filtered("<filter type='subtree'/>", "");
    expect_filtered("<filter><knock" PLACE "/></filter>", "knock@61 knock@62");
    expect_filtered("<filter type='subtree'><knock" PLACE "><who>ann</who></knock></filter>",
                    "knock@62");
    expect_filtered("<filter><knock" PLACE "><who/></knock></filter>", "knock@61 knock@62");
    expect_filtered("<filter><alarm" PLACE "/></filter>", "");
    expect_filtered("<filter><knock" PLACE "><who>ann</who></knock>"
                    "<port-down xmlns='urn:spanflow:params:xml:ns:yang:spanflow'/></filter>",
                    "knock@62 port-down@63");
    expect_filtered("<filter><house" PLACE "><room><name>hall</name></room></house></filter>",
                    "house@64");
    expect_filtered("<filter><house" PLACE "><room><name>attic</name></room></house></filter>", "");
    expect_filtered(XPATH("/p:knock[p:who='eve']"), "knock@61");
    expect_filtered(XPATH("/p:knock | /s:port-down"), "knock@61 knock@62 port-down@63");
    expect_filtered(XPATH("//p:smoke"), "house@64");
    expect_filtered(XPATH("/p:alarm"), "");
}

static void configure_access(const char *text)
{
    struct lyd_node *config = test_data(context, text);
    assert_true(access_configure(fixture.access, config, NULL));
    lyd_free_all(config);
}

/* Each subscriber sees what it may see, live and replayed; the marks come to everybody. */
static void test_access(void **state)
{
    (void)state;
    configure_access("{\"ietf-netconf-acm:nacm\":{\"read-default\":\"deny\",\"groups\":{\"group\":["
                     "{\"name\":\"g\",\"user-name\":[\"eve\"]}]},\"rule-list\":[{\"name\":\"l\","
                     "\"group\":[\"g\"],\"rule\":[{\"name\":\"r\",\"notification-name\":\"knock\","
                     "\"action\":\"permit\"}]}]}}");
    struct lyd_node *tree = NULL;
    knock(10, "x");
    assert_string_equal(subscribe(&eve, 20, START("00:00:01Z")), "");
    assert_string_equal(subscribe(&bob, 20, START("00:00:01Z")), "");
    step(20);
    knock(30, "y");
    assert_string_equal(outboxes[1].text, "knock@10 replayComplete@20 knock@30");
    assert_string_equal(outboxes[2].text, "replayComplete@20");
    assert_true(access_state(fixture.access, &tree));
    char *text = test_print(tree);
    assert_non_null(strstr(text, "\"denied-notifications\":2"));
    free(text);
    lyd_free_all(tree);
    /* Rules that change in between count at once. */
    configure_access("{\"ietf-netconf-acm:nacm\":{\"read-default\":\"permit\"}}");
    knock(40, "z");
    assert_string_equal(outboxes[2].text, "replayComplete@20 knock@40");
}

static void test_slow_subscribers(void **state)
{
    (void)state;
    struct notification_counters counters;
    assert_string_equal(subscribe(&eve, 0, ""), "");
    assert_string_equal(subscribe(&bob, 0, ""), "");
    step(0);
    outboxes[1].room = 2;
    for (int i = 1; i <= 4; i++)
        knock(i, "x");
    /* Live: dropped at the first that finds no room, and nobody else notices. */
    assert_string_equal(outboxes[1].text, "knock@1 knock@2");
    assert_string_equal(outboxes[2].text, "knock@1 knock@2 knock@3 knock@4");
    assert_int_equal(outboxes[1].drops, 1);
    notifications_count(fixture.notifications, &counters);
    assert_int_equal(counters.dropped_subscribers, 1);
    assert_int_equal(counters.subscriptions, 1);
    /* A replay waits for room, and goes on where it was. */
    outboxes[1].text[0] = 0;
    outboxes[1].room = 2;
    assert_string_equal(subscribe(&eve, 10, START("00:00:00Z")), "");
    step(10);
    assert_string_equal(outboxes[1].text, "knock@1 knock@2");
    assert_int_equal(notifications_deadline(fixture.notifications), at(70));
    step(60);
    outboxes[1].room = 2;
    step(69);
    outboxes[1].room = 1;
    step(80);
    assert_string_equal(outboxes[1].text, "knock@1 knock@2 knock@3 knock@4 replayComplete@80");
    /* But not for ever. */
    notifications_session_ended(fixture.notifications, 1);
    assert_string_equal(subscribe(&eve, 100, START("00:00:00Z")), "");
    step(100);
    step(159);
    assert_true(notifications_subscribed(fixture.notifications, 1));
    step(160);
    assert_false(notifications_subscribed(fixture.notifications, 1));
    assert_int_equal(outboxes[1].drops, 2);
}

static void test_log_outlives(void **state)
{
    (void)state;
    char folder[] = "/tmp/notifications.XXXXXX";
    char command[64];
    assert_non_null(mkdtemp(folder));
    notifications_close(fixture.notifications);
    open_streams(folder, 1 << 20);
    knock(1, "x");
    knock(2, "y");
    notifications_close(fixture.notifications);
    open_streams(folder, 1 << 20);
    knock(3, "z");
    assert_string_equal(subscribe(&eve, 5, START("00:00:02Z")), "");
    step(5);
    assert_string_equal(outboxes[1].text, "knock@2 knock@3 replayComplete@5");
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): the test's own folder
}

static void test_long_replay_in_pieces(void **state)
{
    (void)state;
    outboxes[1].room = 500;
    for (int i = 0; i < 300; i++)
        knock(1, "x");
    assert_string_equal(subscribe(&eve, 2, START("00:00:00Z")), "");
    assert_true(notifications_step(fixture.notifications, at(2)));
    assert_true(outboxes[1].room > 400);
    /* What comes meanwhile comes in its turn. */
    knock(3, "y");
    step(3);
    assert_int_equal(outboxes[1].room, 500 - 302);
    assert_non_null(strstr(outboxes[1].text, "knock@1 knock@3 replayComplete@3"));
}

/* The newest notification that was sent, in one line. */
static const char *last_event;

static enum notification_result keep_event(void *send_context, uint32_t session, uint64_t time_ns,
                                           const struct lyd_node *notification)
{
    (void)send_context;
    (void)session;
    (void)time_ns;
    free((char *)last_event);
    last_event = test_print(notification);
    return NOTIFICATION_SENT;
}

static void test_sessions(void **state)
{
    (void)state;
    struct error error = {""};
    const struct notification_settings settings = {context,  fixture.access, NULL, 1 << 16,
                                                   begin_ns, keep_event,     NULL, &fixture};
    notifications_close(fixture.notifications);
    fixture.notifications = notifications_open(&settings, &error);
    fixture.server.notifications = fixture.notifications;
    assert_string_equal(subscribe(&bob, 0, ""), "");
    step(0);
#define EVENT(NAME, MORE)                                                                          \
    "{\"ietf-netconf-notifications:netconf-session-" NAME "\":{\"username\":\"eve\","              \
    "\"session-id\":1" MORE "}}"
    notifications_session_start(fixture.notifications, at(1), &eve);
    assert_string_equal(last_event, EVENT("start", ",\"source-host\":\"192.0.2.1\""));
    const struct operation_caller local = {"eve", 1, true, false, "local"};
    notifications_session_end(fixture.notifications, at(2), &local, "closed", 0);
    assert_string_equal(last_event, EVENT("end", ",\"termination-reason\":\"closed\""));
    notifications_session_end(fixture.notifications, at(3), &local, "killed", 7);
    assert_string_equal(last_event,
                        EVENT("end", ",\"killed-by\":7,\"termination-reason\":\"killed\""));
    struct lyd_node *tree = NULL;
    assert_true(notifications_state(fixture.notifications, &tree));
    char *text = test_print(tree);
    assert_non_null(strstr(text, "{\"nc-notifications:netconf\":{\"streams\":{\"stream\":["
                                 "{\"name\":\"NETCONF\",\"description\":"));
    assert_non_null(strstr(text, "\"replaySupport\":true,\"replayLogCreationTime\":\"2026-01-01T"));
    free(text);
    lyd_free_all(tree);
    free((char *)last_event);
}

static int make_context(void **state)
{
    (void)state;
    context = test_context();
    return context ? 0 : -1;
}

static int free_context(void **state)
{
    (void)state;
    ly_ctx_destroy(context);
    return 0;
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_live),         CASE(test_refusals),
        CASE(test_replay),       CASE(test_filters),
        CASE(test_access),       CASE(test_slow_subscribers),
        CASE(test_log_outlives), CASE(test_long_replay_in_pieces),
        CASE(test_sessions),
    };
    return cmocka_run_group_tests_name("notifications", tests, make_context, free_context);
}
