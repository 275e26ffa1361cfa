/* Requests that cannot be run: what is told of them, and that the others pass. */
#include "netconf_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "netconf/error_path.h"
#include "netconf/rpc_check.h"

#define BASE "urn:ietf:params:xml:ns:netconf:base:1.0"
#define RPC(content)                                                                               \
    "<rpc message-id=\"1\" xmlns=\"" BASE "\" xmlns:e=\"urn:e\" e:a=\"x&amp;y\">" content "</rpc>"
#define SOURCE "<source><running/></source>"

/* A request, and words of the reply: none when it passes. */
static const struct check_case {
    const char *name, *text, *tag, *info;
} cases[] = {
    {"good", RPC("<get-config>" SOURCE "</get-config>"), NULL, NULL},
    {"with a prolog", "<?xml version=\"1.0\"?>\n<!-- > -->" RPC("<discard-changes/>"), NULL, NULL},
    {"with a prefix", "<n:rpc xmlns:n='" BASE "' message-id='>'><n:discard-changes/></n:rpc>", NULL,
     NULL},
    {"not rpc", "<hello xmlns=\"" BASE "\"/>", NULL, NULL},
    {"another namespace", "<rpc message-id=\"1\" xmlns=\"urn:e\"/>", NULL, NULL},
    {"no tag at all", "<rpc message-id=\"1", NULL, NULL},
    {"no number", "<rpc xmlns=\"" BASE "\"><discard-changes/></rpc>", "missing-attribute",
     "<bad-attribute>message-id</bad-attribute><bad-element>rpc</bad-element>"},
    {"a number of another kind",
     "<rpc xmlns=\"" BASE "\" xmlns:e=\"urn:e\" e:message-id=\"1\"><discard-changes/></rpc>",
     "missing-attribute", "message-id"},
    {"with a prefix, and wrong",
     "<n:rpc xmlns:n='" BASE "' message-id='1'><n:kill-session/></n:rpc>", NULL,
     "</n:error-path><n:error-message xml:lang=\"en\">"},
    {"not closed", RPC("<get-config>" SOURCE), "malformed-message", ""},
    {"crossed", RPC("<get-config></rpc></get-config>"), "malformed-message", ""},
    {"not closed, with what XML cannot hold", RPC("<get \x16=\""), "malformed-message", ""},
    {"nothing", RPC(""), "missing-element", "<bad-element>rpc</bad-element>"},
    {"two", RPC("<discard-changes/><commit/>"), "unknown-element",
     "<bad-element>commit</bad-element>"},
    {"unknown operation", RPC("<make-coffee/>"), "operation-not-supported",
     "<bad-element>make-coffee</bad-element>"},
    {"unknown namespace", RPC("<a xmlns=\"urn:x\"/>"), "unknown-namespace",
     "<bad-namespace>urn:x</bad-namespace>"},
    {"unknown parameter", RPC("<get-config>" SOURCE "<b/></get-config>"), "unknown-element",
     "<bad-element>b</bad-element>"},
    {"missing parameter", RPC("<kill-session/>"), "missing-element",
     "<bad-element>session-id</bad-element>"},
    {"missing choice", RPC("<get-config/>"), "missing-element", "<bad-element>get-config<"},
    {"an action",
     RPC("<action xmlns=\"urn:ietf:params:xml:ns:yang:1\"><house xmlns=\"urn:test:place\"><room>"
         "<floor>1</floor><name>a</name><clean/></room></house></action>"),
     NULL, NULL},
    {"wrong value", RPC("<kill-session><session-id>0</session-id></kill-session>"), "invalid-value",
     "<bad-element>session-id</bad-element>"},
    {"too large", RPC("<kill-session><session-id>4294967296</session-id></kill-session>"),
     "invalid-value", "; give 1..4294967295</"},
    {"wrong word",
     RPC("<edit-config><target><candidate/></target><default-operation>mix</default-operation>"
         "<config/></edit-config>"),
     "invalid-value", "<bad-element>default-operation</bad-element>"},
};

static struct ly_ctx *context;

static bool fits(const struct check_case *row)
{
    char *reply = rpc_check(context, row->text, strlen(row->text), true);
    char tag[64];
    bool good = !row->info == !reply && (!reply || !strchr(reply, 0x16));
    if (row->info && reply) {
        snprintf(tag, sizeof tag, "<error-tag>%s</error-tag>", row->tag ? row->tag : "");
        good = (!row->tag || strstr(reply, tag)) && strstr(reply, row->info) &&
               strstr(reply, "-reply") &&
               (!strstr(row->text, "e:a=") || strstr(reply, " e:a=\"x&amp;y\""));
    }
    if (!good)
        print_error("%s: %s\n", row->name, reply ? reply : "passes");
    free(reply);
    return good;
}

static void each_case(void **state)
{
    unsigned wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        wrong += !fits(&cases[i]);
    assert_int_equal(wrong, 0);
}

/* RFC 6241, appendix A: malformed-message is not for clients of base:1.0. */
static void old_clients(void **state)
{
    static const char text[] = RPC("<get-config>");
    (void)state;
    char *reply = rpc_check(context, text, strlen(text), false);
    assert_non_null(reply);
    assert_null(strstr(reply, "malformed-message"));
    assert_non_null(strstr(reply, "<error-tag>operation-failed</error-tag>"));
    free(reply);
}

/* The library compares equal entries each with each. */
static void wide_requests(void **state)
{
    (void)state;
    for (unsigned count = 4096; count <= 4097; count++) {
        char *text = NULL, *filter = calloc(count, 5);
        assert_non_null(filter);
        for (unsigned i = 0; i < count; i++)
            memcpy(filter + (size_t)4 * i, "<a/>", 4);
        assert_true(asprintf(&text, RPC("<get><filter>%s</filter></get>"), filter) > 0);
        char *reply = rpc_check(context, text, strlen(text), true);
        assert_true((count > 4096) == (reply && strstr(reply, "<error-tag>too-big</error-tag>")));
        free(reply);
        free(text);
        free(filter);
    }
}

/* Every beginning of a request is refused or left to the library, and nothing is read behind it. */
static void cut_requests(void **state)
{
    static const char text[] = RPC("<get-config>" SOURCE "</get-config>");
    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        char *part = malloc(length + 1);
        assert_non_null(part);
        memcpy(part, text, length);
        char *reply = rpc_check(context, part, length, true);
        bool tagged = memchr(part, '>', length) != NULL;
        assert_true(tagged == (reply != NULL));
        free(reply);
        free(part);
    }
}

/* Paths of errors: a prefix at each name, and each prefix declared. */
static void paths(void **state)
{
    static const char *const rows[][3] = {
        {"/place:house", "/place:house", " xmlns:place=\"urn:test:place\""},
        {"/place:house/room[floor='1'][name=\"a/b:c[d\"]/light",
         "/place:house/place:room[place:floor='1'][place:name=\"a/b:c[d\"]/place:light",
         " xmlns:place=\"urn:test:place\""},
        {"/place:house/room/guest[.='x']", "/place:house/place:room/place:guest[.='x']",
         " xmlns:place=\"urn:test:place\""},
        {"/place:house/spanflow:spanflow/workers/place:garden[1]",
         "/place:house/spanflow:spanflow/spanflow:workers/place:garden[1]",
         " xmlns:place=\"urn:test:place\" xmlns:spanflow=\"urn:spanflow:params:xml:ns:yang:"
         "spanflow\""},
        {"/nobody:a/b", "/nobody:a/nobody:b", ""},
        {"word", "word", ""},
        {"/", "/", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error_path path = error_path_make(context, rows[i][0]);
        assert_string_equal(path.text, rows[i][1]);
        assert_string_equal(path.attributes, rows[i][2]);
        error_path_clear(&path);
    }
    struct lyd_node *element = error_path_element(context, "/place:house/room[name='<&>']");
    assert_non_null(element);
    assert_string_equal(lyd_get_value(element), "/place:house/place:room[place:name='<&>']");
    lyd_free_all(element);
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
        cmocka_unit_test(each_case),    cmocka_unit_test(old_clients),
        cmocka_unit_test(cut_requests), cmocka_unit_test(wide_requests),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests_name("requests", tests, set_up, tear_down);
}
