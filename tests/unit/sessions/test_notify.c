/*
 * Notifications on their way to a client: they arrive with their time, a client that does not read
 * has a bounded queue and can be dropped, and others go on meanwhile. The whole process but its
 * daemon runs here, with a client on the local socket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <nc_server.h>

#include "netconf/context.h"
#include "netconf/dispatch.h"
#include "netconf/monitoring.h"
#include "netconf/session_notify.h"
#include "netconf/session_operations.h"
#include "netconf/session_pump.h"
#include "netconf/transport.h"

static struct netconf_server server;
static struct sessions *sessions;
static struct session_workers *workers;
static struct front *front;
static struct transport *transport;
static char folder[] = "/tmp/test_notify.XXXXXX";
static char path[64];

static int begin(void **state)
{
    (void)state;
    static const struct session_hooks hooks = {0};
    static const struct operation_row *const tables[] = {session_operations, NULL};
    static const struct dispatch_settings dispatch = {.tables = tables};
    struct error error = {"no memory"};
    server.context = netconf_context_create(&error);
    bool good = server.context && dispatch_begin(&dispatch, server.context) &&
                netconf_context_announce(server.context, &error) && mkdtemp(folder);
    sessions = good ? sessions_create(&server, &hooks) : NULL;
    workers = sessions ? session_workers_create(sessions, &error) : NULL;
    front = workers ? front_create(sessions, workers) : NULL;
    transport = front ? transport_create(sessions, front, folder, &error) : NULL;
    snprintf(path, sizeof(path), "%s/socket", folder);
    if (transport && transport_listen_local(transport, path, &error))
        return 0;
    print_message("%s\n", error.text);
    return -1;
}

static int finish(void **state)
{
    (void)state;
    transport_destroy(transport);
    front_destroy(front);
    session_workers_destroy(workers);
    sessions_destroy(sessions);
    nc_server_destroy();
    ly_ctx_destroy(server.context);
    return rmdir(folder);
}

/* Reads until TEXT has come; what came is in a buffer that the next call overwrites. */
static const char *read_until(int fd, const char *text)
{
    static char buffer[1 << 16];
    size_t length = 0;
    buffer[0] = '\0';
    while (!strstr(buffer, text)) {
        ssize_t got = recv(fd, buffer + length, sizeof(buffer) - 1 - length, 0);
        assert_true(got > 0);
        length += (size_t)got;
        buffer[length] = '\0';
    }
    return buffer;
}

/* A client that has said hello, with its session's id. */
static int connect_client(uint32_t *id)
{
    static const char hello[] =
        "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>"
        "<capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 20};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(send(fd, hello, sizeof(hello) - 1, 0), (ssize_t)sizeof(hello) - 1);
    const char *found = strstr(read_until(fd, "]]>]]>"), "<session-id>");
    assert_non_null(found);
    *id = (uint32_t)strtoul(found + strlen("<session-id>"), NULL, 10);
    struct session *session = NULL;
    for (int i = 0; i < 20000 && !session; i++) {
        session = sessions_hold(sessions, *id);
        usleep(1000);
    }
    assert_non_null(session);
    sessions_release(session);
    return fd;
}

/* netconf-session-end with a reason, some KiB long if BIG. */
static struct lyd_node *make_event(bool big)
{
    char host[4096];
    char text[8192];
    struct lyd_node *tree = NULL;
    struct ly_in *in = NULL;
    memset(host, 'a', sizeof(host));
    host[big ? sizeof(host) - 1 : 1] = '\0';
    snprintf(text, sizeof(text),
             "{\"ietf-netconf-notifications:netconf-session-end\":{\"username\":\"%s\","
             "\"session-id\":1,\"termination-reason\":\"other\"}}",
             host);
    assert_int_equal(ly_in_new_memory(text, &in), LY_SUCCESS);
    assert_int_equal(
        lyd_parse_op(server.context, NULL, in, LYD_JSON, LYD_TYPE_NOTIF_YANG, &tree, NULL),
        LY_SUCCESS);
    ly_in_free(in, 0);
    return tree;
}

static void test_arrives(void **state)
{
    (void)state;
    uint32_t id;
    int fd = connect_client(&id);
    struct lyd_node *event = make_event(false);
    assert_int_equal(server_send_notification(&server, id, 1000000000500000000, event),
                     NOTIFY_SENT);
    const char *text = read_until(fd, "]]>]]>");
    assert_non_null(strstr(text, "<eventTime>2001-09-09T"));
    assert_non_null(strstr(text, "<termination-reason>other</termination-reason>"));
    assert_int_equal(server_send_notification(&server, id + 1000, 0, event), NOTIFY_GONE);
    assert_int_equal(sessions_totals(sessions)->counters.out_notifications, 1);
    lyd_free_all(event);
    close(fd);
}

static void test_slow_client(void **state)
{
    (void)state;
    uint32_t slow_id;
    uint32_t quick_id;
    int slow = connect_client(&slow_id);
    int quick = connect_client(&quick_id);
    struct lyd_node *event = make_event(true);
    unsigned sent = 0;
    enum notify_result result = NOTIFY_SENT;
    while (result == NOTIFY_SENT && sent < 100000) {
        result = server_send_notification(&server, slow_id, 0, event);
        sent += result == NOTIFY_SENT;
    }
    assert_int_equal(result, NOTIFY_FULL);
    /* What waits is bounded: the queue, what the two sockets hold, and one reading of ours. */
    assert_true(sent * 4096ull < NOTIFICATIONS_MAX + 4ull * 1024 * 1024);
    assert_int_equal(server_send_notification(&server, quick_id, 0, event), NOTIFY_SENT);
    read_until(quick, "]]>]]>");
    uint32_t before = sessions_totals(sessions)->slow_readers;
    operations_lock(&server);
    server_drop_subscriber(&server, slow_id);
    operations_unlock(&server);
    assert_int_equal(server_send_notification(&server, slow_id, 0, event), NOTIFY_GONE);
    assert_int_equal(sessions_totals(sessions)->slow_readers, before + 1);
    char block[65536];
    ssize_t got;
    do {
        got = recv(slow, block, sizeof(block), 0);
    } while (got > 0);
    assert_int_equal(got, 0); /* the end, not a time out */
    lyd_free_all(event);
    close(slow);
    close(quick);
}

/* The tree of RFC 6022 is valid and names the session that is there. */
static void test_monitoring(void **state)
{
    (void)state;
    uint32_t id;
    int fd = connect_client(&id);
    struct lyd_node *tree = NULL;
    struct lyd_node *found = NULL;
    char text[128];
    assert_true(monitoring_state(&server, NULL, &tree));
    snprintf(text, sizeof(text),
             "/ietf-netconf-monitoring:netconf-state/sessions/session[session-id='%u']/username",
             id);
    assert_int_equal(lyd_find_path(tree, text, 0, &found), LY_SUCCESS);
    assert_string_equal(lyd_get_value(found), "root");
    assert_int_equal(lyd_find_path(tree,
                                   "/ietf-netconf-monitoring:netconf-state/schemas/schema"
                                   "[identifier='spanflow-management'][version='2026-11-28']"
                                   "[format='ietf-netconf-monitoring:yang']/namespace",
                                   0, &found),
                     LY_SUCCESS);
    lyd_free_all(tree);
    close(fd);
}

int main(void)
{
    if (access("/usr/share/yuma/modules/ietf", R_OK) != 0 || geteuid() != 0)
        return 77; /* meson: skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrives),
        cmocka_unit_test(test_slow_client),
        cmocka_unit_test(test_monitoring),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
