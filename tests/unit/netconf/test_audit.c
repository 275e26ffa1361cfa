/*
 * The audit log: what is in its lines and what never is, rotation, a line cut by a death, and that
 * changes are refused while it cannot be written.
 */
#include "netconf_test.h"

#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netconf/audit.h"

static struct ly_ctx *context;
static char folder[64];
static char path[100];
static struct operation_caller eve = {"eve", 7, false, false, "192.0.2.7"};

static struct audit *open_audit(void)
{
    struct error error = {""};
    struct audit *audit = audit_open(path, &error);
    if (!audit)
        fail_msg("%s", error.text);
    return audit;
}

/* The line number INDEX (from 0) of the file NAME; NULL behind the last. */
static json_t *line_of(const char *name, unsigned index)
{
    static char text[65536];
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    json_t *found = NULL;
    for (unsigned i = 0; fgets(text, sizeof text, file); i++) {
        if (i != index)
            continue;
        json_error_t error;
        assert_int_equal(text[strlen(text) - 1], '\n');
        found = json_loads(text, 0, &error);
        if (!found)
            fail_msg("%s in %s", error.text, text);
    }
    fclose(file);
    return found;
}

/* The line without its time, in one text; "" if there is none. */
static const char *line(unsigned index)
{
    static char text[65536];
    json_t *object = line_of(path, index);
    text[0] = 0;
    if (!object)
        return text;
    const char *time = json_string_value(json_object_get(object, "time"));
    assert_non_null(time);
    assert_int_equal(strlen(time), strlen("2026-01-01T00:00:00.000Z"));
    json_object_del(object, "time");
    char *dumped = json_dumps(object, JSON_COMPACT);
    snprintf(text, sizeof text, "%s", dumped);
    free(dumped);
    json_decref(object);
    return text;
}

static void change(struct audit *audit, const char *before, const char *after)
{
    struct lyd_node *old = test_data(context, before);
    struct lyd_node *new = test_data(context, after);
    struct lyd_node *diff = NULL;
    assert_int_equal(lyd_diff_siblings(old, new, 0, &diff), LY_SUCCESS);
    audit_change(audit, &eve, DATASTORE_RUNNING, "commit", diff);
    lyd_free_all(diff);
    lyd_free_all(old);
    lyd_free_all(new);
}

#define WHO "{\"user\":\"eve\",\"session\":7,\"from\":\"192.0.2.7\",\"operation\":"

static void test_changes(void **state)
{
    (void)state;
    struct audit *audit = open_audit();
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    change(
        audit,
        "{\"place:house\":{\"colour\":\"red\",\"queue\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
        "{\"place:house\":{\"colour\":\"blue\",\"secret\":\"hush\",\"room\":[{\"floor\":1,"
        "\"name\":\"hall\",\"guest\":[\"ann\"]}],\"queue\":[{\"name\":\"b\"},{\"name\":\"a\"}]}}");
    assert_string_equal(
        line(0),
        WHO "\"commit\",\"datastore\":\"running\",\"changes\":["
            "{\"operation\":\"replace\",\"path\":\"/place:house/colour\"},"
            "{\"operation\":\"create\",\"path\":\"/place:house/secret\"},"
            "{\"operation\":\"create\",\"path\":\"/place:house/room[floor='1'][name='hall']\"},"
            "{\"operation\":\"replace\",\"path\":\"/place:house/queue[name='b']\"}]}");
    change(audit,
           "{\"place:house\":{\"room\":[{\"floor\":1,\"name\":\"hall\",\"guest\":[\"ann\"]}]}}",
           "{\"place:house\":{\"room\":[{\"floor\":1,\"name\":\"hall\"}]}}");
    assert_string_equal(line(1), WHO "\"commit\",\"datastore\":\"running\",\"changes\":["
                                     "{\"operation\":\"delete\",\"path\":"
                                     "\"/place:house/room[floor='1'][name='hall']/guest\"}]}");
    audit_change(audit, NULL, DATASTORE_RUNNING, "confirm-timeout", NULL);
    assert_string_equal(line(2), "{\"user\":\"\",\"session\":0,\"from\":\"server\",\"operation\":"
                                 "\"confirm-timeout\",\"datastore\":\"running\",\"changes\":[]}");
    assert_string_equal(line(3), "");
    audit_close(audit);
}

static void test_many_changes(void **state)
{
    (void)state;
    struct audit *audit = open_audit();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fputs("{\"place:house\":{\"queue\":[", out);
    for (int i = 0; i < 1500; i++)
        fprintf(out, "%s{\"name\":\"%d\"}", i ? "," : "", i);
    fputs("]}}", out);
    fclose(out);
    change(audit, "{\"place:house\":{}}", text);
    free(text);
    FILE *file = fopen(path, "r");
    json_t *object = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
    fclose(file);
    assert_int_equal(json_array_size(json_object_get(object, "changes")), 1000);
    assert_int_equal(json_integer_value(json_object_get(object, "furtherChanges")), 500);
    json_decref(object);
    audit_close(audit);
}

static void rpc(struct audit *audit, const char *text, bool read_protected,
                const struct rpc_error *error)
{
    struct lyd_node *node = NULL;
    struct lyd_node *tree = test_rpc(context, text, &node);
    audit_rpc(audit, &eve, node, read_protected, error);
    lyd_free_all(tree);
}

static void test_operations(void **state)
{
    (void)state;
    struct audit *audit = open_audit();
    const struct rpc_error denied = {.tag = "access-denied", .message = "eve may not \"get\""};
#define BASE " xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'"
    /* Mere reading is not written down, unless it is refused or shows what is protected. */
    rpc(audit, "<get" BASE "/>", false, NULL);
    assert_string_equal(line(0), "");
    rpc(audit, "<get" BASE "/>", false, &denied);
    assert_string_equal(line(0),
                        WHO "\"get\",\"result\":\"access-denied: eve may not \\\"get\\\"\"}");
    rpc(audit, "<get" BASE "/>", true, NULL);
    assert_string_equal(line(1), WHO "\"get\",\"read\":\"protected\",\"result\":\"ok\"}");
    rpc(audit, "<lock" BASE "><target><candidate/></target></lock>", false, NULL);
    assert_string_equal(line(2), WHO "\"lock\",\"result\":\"ok\"}");
    rpc(audit, "<kill-session" BASE "><session-id>4</session-id></kill-session>", false, NULL);
    assert_string_equal(line(3),
                        WHO "\"kill-session\",\"input\":{\"session-id\":\"4\"},\"result\":\"ok\"}");
    rpc(audit, "<flows xmlns='urn:spanflow:params:xml:ns:yang:spanflow'/>", false, NULL);
    assert_string_equal(line(4), WHO "\"flows\",\"input\":{},\"result\":\"ok\"}");
    /* What was to be changed, but no key. */
    const struct rpc_error hidden = {.tag = "access-denied",
                                     .message = "no",
                                     .path = "/s:user[name='u']/authorizedKey[.='ssh-rsa AAAA']"};
    rpc(audit, "<discard-changes" BASE "/>", false, &hidden);
    assert_string_equal(line(5), WHO "\"discard-changes\",\"result\":\"access-denied: no\","
                                     "\"path\":\"/s:user[name='u']/authorizedKey\"}");
    /* Names come from outside. */
    const struct operation_caller odd = {"a\"\n\xff\x01", 9, false, false, NULL};
    audit_session(audit, &odd, "login-refused", "wrong key");
    assert_string_equal(line(6), "{\"user\":\"a\\\"\\n?\\u0001\",\"session\":9,\"from\":\"\","
                                 "\"operation\":\"login-refused\",\"detail\":\"wrong key\"}");
    assert_string_equal(line(7), "");
    audit_close(audit);
}

static void test_rotation(void **state)
{
    (void)state;
    char other[120];
    struct audit *audit = open_audit();
    audit_session(audit, &eve, "session-start", NULL);
    snprintf(other, sizeof other, "%s.1", path);
    assert_int_equal(rename(path, other), 0);
    /* Renamed: the next line is in a new file, without being told. */
    assert_true(audit_ready(audit, NULL));
    audit_session(audit, &eve, "session-end", NULL);
    assert_string_equal(line(0), WHO "\"session-end\"}");
    assert_null(line_of(other, 1));
    /* Copied and truncated, as some do: goes on at the end. */
    assert_int_equal(truncate(path, 0), 0);
    audit_session(audit, &eve, "session-start", NULL);
    assert_string_equal(line(0), WHO "\"session-start\"}");
    audit_reopen(audit);
    audit_session(audit, &eve, "session-end", NULL);
    assert_string_equal(line(1), WHO "\"session-end\"}");
    /* Another file by configuration. */
    struct error error = {""};
    assert_true(audit_set_path(audit, other, &error));
    audit_session(audit, &eve, "moved", NULL);
    json_t *moved = line_of(other, 1);
    assert_string_equal(json_string_value(json_object_get(moved, "operation")), "moved");
    json_decref(moved);
    assert_false(audit_set_path(audit, folder, &error));
    assert_non_null(strstr(error.text, "/spanflow/netconf/auditLog"));
    audit_session(audit, &eve, "stayed", NULL);
    moved = line_of(other, 2);
    assert_non_null(moved);
    json_decref(moved);
    audit_close(audit);
    unlink(other);
}

static void test_cut_line(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    fputs("{\"time\":\"2026", file);
    fclose(file);
    struct audit *audit = open_audit();
    audit_session(audit, &eve, "session-start", NULL);
    assert_string_equal(line(1), WHO "\"session-start\"}");
    audit_close(audit);
}

/* Lines that get lost are told, and nothing is changed before. */
static void test_lost_lines(void **state)
{
    (void)state;
    struct audit *audit = open_audit();
    struct rlimit old;
    struct rpc_error error = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {0, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    audit_session(audit, &eve, "one", NULL);
    assert_true(audit_ready(audit, &error));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    audit_session(audit, &eve, "two", NULL);
    audit_session(audit, &eve, "three", NULL);
    bool ready = audit_ready(audit, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ready);
    assert_string_equal(error.tag, "operation-failed");
    assert_non_null(strstr(error.message, path));
    assert_int_equal(audit_failures(audit), 2);
    /* With room again, what is missing is told. */
    assert_true(audit_ready(audit, NULL));
    audit_session(audit, &eve, "four", NULL);
    assert_string_equal(line(0), WHO "\"one\"}");
    assert_string_equal(line(1), "{\"user\":\"\",\"session\":0,\"from\":\"server\",\"operation\":"
                                 "\"lines-lost\",\"detail\":\"2\"}");
    assert_string_equal(line(2), WHO "\"four\"}");
    audit_close(audit);
}

/* A disk with too little room for the next lines. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rpc_error error = {0};
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("small", folder, "tmpfs", 0, "size=64k") != 0)
        skip();
    struct audit *audit = open_audit();
    audit_session(audit, &eve, "one", NULL);
    assert_false(audit_ready(audit, &error));
    assert_string_equal(error.tag, "operation-failed");
    assert_non_null(strstr(error.message, "No space"));
    audit_close(audit);
    assert_int_equal(umount(folder), 0);
}

static void test_nowhere(void **state)
{
    (void)state;
    struct error error = {""};
    char missing[120];
    snprintf(missing, sizeof missing, "%s/none/audit.log", folder);
    assert_null(audit_open(missing, &error));
    assert_non_null(strstr(error.text, missing));
    /* A link could point anywhere. */
    assert_int_equal(symlink("/tmp/elsewhere", path), 0);
    assert_null(audit_open(path, &error));
    struct audit *audit = audit_open(NULL, &error);
    assert_non_null(audit);
    assert_true(audit_ready(audit, NULL));
    audit_session(audit, &eve, "one", NULL);
    assert_int_equal(audit_failures(audit), 0);
    audit_close(audit);
}

static int clear(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/audit.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/audit.log", folder);
    context = test_context();
    return context ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ly_ctx_destroy(context);
    return rmdir(folder);
}

#define CASE(NAME) cmocka_unit_test_teardown(NAME, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_changes),  CASE(test_many_changes), CASE(test_operations), CASE(test_rotation),
        CASE(test_cut_line), CASE(test_lost_lines),   CASE(test_full_disk),  CASE(test_nowhere),
    };
    return cmocka_run_group_tests_name("audit", tests, set_up, tear_down);
}
