/*
 * How many sessions there may be, who ends them, and what is told about it. No transport and no
 * library session.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "netconf/sessions.h"

static struct netconf_server server;
static struct sessions *sessions;
static unsigned ended_hooks;
static unsigned refused_hooks;

static void count_end(struct netconf_server *of, const struct operation_caller *caller,
                      enum session_end end, uint32_t killed_by)
{
    (void)of;
    (void)caller;
    (void)end;
    (void)killed_by;
    ended_hooks++;
}

static void count_refused(struct netconf_server *of, const struct operation_caller *caller,
                          const char *why)
{
    (void)of;
    assert_string_equal(caller->user, "eve");
    assert_string_equal(why, "wrong key");
    refused_hooks++;
}

static int begin(void **state)
{
    (void)state;
    static const struct session_hooks hooks = {.ended = count_end, .refused = count_refused};
    ended_hooks = 0;
    refused_hooks = 0;
    sessions = sessions_create(&server, &hooks);
    return sessions ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    sessions_destroy(sessions);
    return 0;
}

static struct session *admit(const char *user, enum session_transport transport)
{
    struct error error;
    return sessions_admit(sessions, user, "192.0.2.1", transport, NULL, false, &error);
}

static void test_limit_of_a_user(void **state)
{
    (void)state;
    struct session *of_net[SESSIONS_OF_USER_MAX];
    struct session *of_local[SESSIONS_OF_USER_MAX];
    for (int i = 0; i < SESSIONS_OF_USER_MAX; i++) {
        of_net[i] = admit("anna", i % 2 ? SESSION_SSH : SESSION_TLS);
        of_local[i] = admit("anna", SESSION_LOCAL);
        assert_non_null(of_net[i]);
        assert_non_null(of_local[i]);
    }
    assert_null(admit("anna", SESSION_SSH));
    assert_null(admit("anna", SESSION_TLS));
    assert_null(admit("anna", SESSION_LOCAL));
    assert_int_equal(sessions_totals(sessions)->refused_sessions, 3);
    sessions_leave(of_net[0], SESSION_DROPPED);
    of_net[0] = admit("anna", SESSION_SSH);
    assert_non_null(of_net[0]);
    for (int i = 0; i < SESSIONS_OF_USER_MAX; i++) {
        sessions_leave(of_net[i], SESSION_DROPPED);
        sessions_leave(of_local[i], SESSION_DROPPED);
    }
    assert_int_equal(ended_hooks, 0); /* nobody was told that they began */
}

static void test_limit_of_all(void **state)
{
    (void)state;
    struct session *all[SESSIONS_MAX];
    char name[16];
    for (int i = 0; i < SESSIONS_MAX; i++) {
        snprintf(name, sizeof(name), "user%d", i / SESSIONS_OF_USER_MAX);
        all[i] = admit(name, SESSION_SSH);
        assert_non_null(all[i]);
    }
    assert_null(admit("other", SESSION_SSH));
    struct session *reserved = admit("root", SESSION_LOCAL);
    assert_non_null(reserved);
    assert_null(admit("root", SESSION_LOCAL));
    assert_null(admit("other", SESSION_SSH));
    sessions_leave(reserved, SESSION_DROPPED);
    for (int i = 0; i < SESSIONS_MAX; i++)
        sessions_leave(all[i], SESSION_DROPPED);
}

static bool no_bert(void *context, const struct session *session)
{
    (void)context;
    return session->transport == SESSION_LOCAL || strcmp(session->user, "bert") != 0;
}

static void test_users_who_are_gone(void **state)
{
    (void)state;
    struct session *anna = admit("anna", SESSION_SSH);
    struct session *bert = admit("bert", SESSION_SSH);
    struct session *carl = admit("carl", SESSION_TLS);
    struct session *root = admit("root", SESSION_LOCAL);
    assert_true(sessions_end_others(sessions));
    assert_false(bert->ended);
    sessions_set_permission(sessions, no_bert, NULL);
    assert_true(sessions_end_others(sessions));
    assert_null(admit("bert", SESSION_TLS));
    sessions_set_permission(sessions, NULL, NULL);
    assert_false(anna->ended);
    assert_true(bert->ended);
    assert_false(carl->ended);
    assert_false(root->ended);
    sessions_end_all(sessions);
    assert_true(anna->ended && carl->ended && root->ended);
    assert_int_equal(anna->end, SESSION_OTHER);
    sessions_leave(anna, SESSION_DROPPED);
    sessions_leave(bert, SESSION_DROPPED);
    sessions_leave(carl, SESSION_DROPPED);
    sessions_leave(root, SESSION_DROPPED);
}

/* Strangers cannot make others write without bound. */
static void test_refused_logins(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * LOGINS_TOLD_MAX; i++)
        sessions_login_refused(sessions, "eve", "192.0.2.1", false, "wrong key");
    assert_int_equal(sessions_totals(sessions)->failed_logins, 3 * LOGINS_TOLD_MAX);
    /* Twice as many if a minute just ended. */
    assert_in_range(refused_hooks, LOGINS_TOLD_MAX, 2 * LOGINS_TOLD_MAX);
}

/* A session that has an id is found until it ends, and its end is told once. */
static void test_end(void **state)
{
    (void)state;
    struct session *session = admit("anna", SESSION_SSH);
    assert_null(sessions_hold(sessions, 0));
    assert_null(sessions_hold(sessions, 7));
    session->id = 7;
    assert_ptr_equal(sessions_hold(sessions, 7), session);
    operations_lock(&server);
    sessions_end(session, SESSION_KILLED, 3);
    sessions_end(session, SESSION_DROPPED, 0);
    operations_unlock(&server);
    sessions_release(session);
    assert_null(sessions_hold(sessions, 7));
    assert_int_equal(session->end, SESSION_KILLED);
    assert_int_equal(session->killed_by, 3);
    sessions_leave(session, SESSION_DROPPED);
    assert_int_equal(ended_hooks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit_of_a_user, begin, finish),
        cmocka_unit_test_setup_teardown(test_limit_of_all, begin, finish),
        cmocka_unit_test_setup_teardown(test_users_who_are_gone, begin, finish),
        cmocka_unit_test_setup_teardown(test_refused_logins, begin, finish),
        cmocka_unit_test_setup_teardown(test_end, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
