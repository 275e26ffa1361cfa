/* The edit engine: what each operation does to each kind of node, and what it refuses. */
#include "datastore_test.h"

#include "netconf/data_view.h"
#include "netconf/edit.h"
#include "netconf/rpc_error.h"

#define NUMBER(attributes, value) "<number " attributes ">" value "</number>"
#define OP(name)                  "nc:operation=\"" name "\""
#define ITEM(attributes, content) "<item " attributes ">" content "</item>"
#define T(content)                "{\"test-store:top\":{" content "}}"

/* BEFORE and AFTER are JSON, CONTENT is XML below <config>; AFTER NULL: refused with ERROR. */
struct edit_case {
    const char *name, *before, *content, *after, *error;
    enum edit_operation fallback;
};

static const struct edit_case cases[] = {
    {"merge makes a leaf", "{}", TOP(NUMBER("", "7")), T("\"number\":7"), NULL, EDIT_MERGE},
    {"merge changes a leaf", T("\"number\":7"), TOP(NUMBER("", "8")), T("\"number\":8"), NULL,
     EDIT_MERGE},
    {"merge keeps the others", T("\"text\":\"a\""), TOP(NUMBER("", "8")),
     T("\"number\":8,\"text\":\"a\""), NULL, EDIT_MERGE},
    {"the default set by hand is data", "{}", TOP(NUMBER("", "5")), T("\"number\":5"), NULL,
     EDIT_MERGE},
    {"create of a leaf at its default", "{}", TOP(NUMBER(OP("create"), "5")), T("\"number\":5"),
     NULL, EDIT_MERGE},
    {"create of what exists", T("\"number\":5"), TOP(NUMBER(OP("create"), "6")), NULL,
     "data-exists /test-store:top/number", EDIT_MERGE},
    {"delete", T("\"number\":7,\"text\":\"a\""), TOP(NUMBER(OP("delete"), "7")),
     T("\"text\":\"a\""), NULL, EDIT_MERGE},
    {"delete without a value", T("\"number\":7,\"text\":\"a\""), TOP(NUMBER(OP("delete"), "")),
     T("\"text\":\"a\""), NULL, EDIT_MERGE},
    {"delete of a default", "{}", TOP(NUMBER(OP("delete"), "5")), NULL,
     "data-missing /test-store:top/number", EDIT_MERGE},
    {"remove of nothing", "{}", TOP(NUMBER(OP("remove"), "")), "{}", NULL, EDIT_MERGE},
    {"remove", T("\"number\":7"), TOP(NUMBER(OP("remove"), "")), "{}", NULL, EDIT_MERGE},
    {"replace of a container", T("\"number\":7,\"text\":\"a\""),
     "<top xmlns=\"urn:example:test-store\" " OP("replace") "><text>b</text></top>",
     T("\"text\":\"b\""), NULL, EDIT_MERGE},
    {"replace with merge inside", T("\"number\":7,\"text\":\"a\""),
     "<top xmlns=\"urn:example:test-store\" " OP("replace") "><text " OP("merge") ">b</text></top>",
     T("\"text\":\"b\""), NULL, EDIT_MERGE},
    {"delete of a frame", T("\"number\":7"),
     "<top xmlns=\"urn:example:test-store\" " OP("delete") "/>", "{}", NULL, EDIT_MERGE},
    {"delete of an empty frame", "{}", "<top xmlns=\"urn:example:test-store\" " OP("delete") "/>",
     NULL, "data-missing /test-store:top", EDIT_MERGE},
    {"create of a frame with data", T("\"number\":7"),
     "<top xmlns=\"urn:example:test-store\" " OP("create") "><text>b</text></top>", NULL,
     "data-exists /test-store:top", EDIT_MERGE},
    {"default-operation replace", "{\"test-store:flag\":true,\"test-store:top\":{\"number\":7}}",
     TOP("<text>b</text>"), T("\"text\":\"b\""), NULL, EDIT_REPLACE},
    {"default-operation replace with nothing", T("\"number\":7"), "", "{}", NULL, EDIT_REPLACE},
    {"none passes", T("\"number\":7"), TOP("<text " OP("create") ">a</text>"),
     T("\"number\":7,\"text\":\"a\""), NULL, EDIT_NONE},
    {"none makes frames", "{}", TOP("<text " OP("create") ">a</text>"), T("\"text\":\"a\""), NULL,
     EDIT_NONE},
    {"none of what is missing", "{}", TOP("<text>a</text>"), NULL,
     "data-missing /test-store:top/text", EDIT_NONE},
    {"none changes no leaf", T("\"text\":\"a\""), TOP("<text>b</text>"), T("\"text\":\"a\""), NULL,
     EDIT_NONE},
    {"none of a missing entry", "{}",
     TOP(ITEM("", "<name>x</name><size " OP("create") ">1</size>")), NULL,
     "data-missing /test-store:top/item[name='x']", EDIT_NONE},
    {"none leaves no empty frame", "{}", TOP("<text " OP("remove") "/>"), "{}", NULL, EDIT_NONE},
    /* Lists. */
    {"an entry", "{}", TOP(ITEM("", "<name>x</name><size>3</size>")),
     T("\"item\":[{\"name\":\"x\",\"size\":3}]"), NULL, EDIT_MERGE},
    {"keys in any place", "{}", TOP(ITEM("", "<size>3</size><name>x</name>")),
     T("\"item\":[{\"name\":\"x\",\"size\":3}]"), NULL, EDIT_MERGE},
    {"a missing key", "{}", TOP(ITEM("", "<size>3</size>")), NULL,
     "missing-element /test-store:top/item", EDIT_MERGE},
    {"create of an entry that exists", T("\"item\":[{\"name\":\"x\"}]"),
     TOP(ITEM(OP("create"), "<name>x</name>")), NULL, "data-exists /test-store:top/item[name='x']",
     EDIT_MERGE},
    {"replace of an entry", T("\"item\":[{\"name\":\"x\",\"size\":3},{\"name\":\"y\"}]"),
     TOP(ITEM(OP("replace"), "<name>x</name><colour>red</colour>")),
     T("\"item\":[{\"name\":\"y\"},{\"name\":\"x\",\"colour\":\"red\"}]"), NULL, EDIT_MERGE},
    {"delete of an entry", T("\"item\":[{\"name\":\"x\"},{\"name\":\"y\"}]"),
     TOP(ITEM(OP("delete"), "<name>x</name>")), T("\"item\":[{\"name\":\"y\"}]"), NULL, EDIT_MERGE},
    {"delete of a missing entry", T("\"item\":[{\"name\":\"y\"}]"),
     TOP(ITEM(OP("delete"), "<name>x</name>")), NULL, "data-missing /test-store:top/item[name='x']",
     EDIT_MERGE},
    {"delete of a key", T("\"item\":[{\"name\":\"y\"}]"),
     TOP(ITEM("", "<name " OP("delete") ">y</name>")), NULL,
     "bad-attribute /test-store:top/item[name='y']/name", EDIT_MERGE},
    {"a quote in a key", "{}", TOP(ITEM("", "<name>it's</name>")),
     T("\"item\":[{\"name\":\"it's\"}]"), NULL, EDIT_MERGE},
    {"below a missing entry", "{}",
     TOP(ITEM("", "<name>x</name><inner><depth " OP("delete") "/></inner>")), NULL,
     "data-missing /test-store:top/item[name='x']/inner/depth", EDIT_MERGE},
    {"leaf-lists are sets", T("\"plain\":[3]"), TOP("<plain>4</plain><plain>3</plain>"),
     T("\"plain\":[3,4]"), NULL, EDIT_MERGE},
    {"create in a leaf-list", T("\"plain\":[3]"), TOP("<plain " OP("create") ">3</plain>"), NULL,
     "data-exists /test-store:top/plain[.='3']", EDIT_MERGE},
    {"delete in a leaf-list", T("\"plain\":[3,4]"), TOP("<plain " OP("delete") ">3</plain>"),
     T("\"plain\":[4]"), NULL, EDIT_MERGE},
    /* Order. */
    {"a new value goes to the end", T("\"tag\":[\"a\",\"b\"]"), TOP("<tag>c</tag>"),
     T("\"tag\":[\"a\",\"b\",\"c\"]"), NULL, EDIT_MERGE},
    {"insert first", T("\"tag\":[\"a\",\"b\"]"), TOP("<tag yang:insert=\"first\">c</tag>"),
     T("\"tag\":[\"c\",\"a\",\"b\"]"), NULL, EDIT_MERGE},
    {"insert moves", T("\"tag\":[\"a\",\"b\",\"c\"]"), TOP("<tag yang:insert=\"first\">c</tag>"),
     T("\"tag\":[\"c\",\"a\",\"b\"]"), NULL, EDIT_MERGE},
    {"insert last moves", T("\"tag\":[\"a\",\"b\",\"c\"]"),
     TOP("<tag yang:insert=\"last\">a</tag>"), T("\"tag\":[\"b\",\"c\",\"a\"]"), NULL, EDIT_MERGE},
    {"insert before", T("\"tag\":[\"a\",\"b\"]"),
     TOP("<tag yang:insert=\"before\" yang:value=\"b\">c</tag>"), T("\"tag\":[\"a\",\"c\",\"b\"]"),
     NULL, EDIT_MERGE},
    {"insert after", T("\"tag\":[\"a\",\"b\"]"),
     TOP("<tag yang:insert=\"after\" yang:value=\"a\">c</tag>"), T("\"tag\":[\"a\",\"c\",\"b\"]"),
     NULL, EDIT_MERGE},
    {"insert beside nothing", T("\"tag\":[\"a\"]"),
     TOP("<tag yang:insert=\"after\" yang:value=\"z\">c</tag>"), NULL,
     "bad-attribute /test-store:top/tag[.='c']", EDIT_MERGE},
    {"insert before what", T("\"tag\":[\"a\"]"), TOP("<tag yang:insert=\"before\">c</tag>"), NULL,
     "missing-attribute /test-store:top/tag", EDIT_MERGE},
    {"insert of an entry", T("\"step\":[{\"id\":\"a\",\"sub\":1},{\"id\":\"b\",\"sub\":1}]"),
     TOP("<step yang:insert=\"before\" yang:key=\"[t:id='b'][t:sub='1']\"><id>c</id><sub>2</sub>"
         "</step>"),
     T("\"step\":[{\"id\":\"a\",\"sub\":1},{\"id\":\"c\",\"sub\":2},{\"id\":\"b\",\"sub\":1}]"),
     NULL, EDIT_MERGE},
    {"insert with half a key", T("\"step\":[{\"id\":\"a\",\"sub\":1}]"),
     TOP("<step yang:insert=\"after\" yang:key=\"[t:id='a']\"><id>c</id><sub>2</sub></step>"), NULL,
     "bad-attribute /test-store:top/step", EDIT_MERGE},
    {"replace keeps the place", T("\"step\":[{\"id\":\"a\",\"sub\":1},{\"id\":\"b\",\"sub\":1}]"),
     TOP("<step " OP("replace") "><id>a</id><sub>1</sub><note>n</note></step>"),
     T("\"step\":[{\"id\":\"a\",\"sub\":1,\"note\":\"n\"},{\"id\":\"b\",\"sub\":1}]"), NULL,
     EDIT_MERGE},
    {"order at the top", "{\"test-store:zone\":[{\"id\":\"a\"},{\"id\":\"b\"}]}",
     "<zone xmlns=\"urn:example:test-store\" yang:insert=\"first\"><id>b</id></zone>",
     "{\"test-store:zone\":[{\"id\":\"b\"},{\"id\":\"a\"}]}", NULL, EDIT_MERGE},
    {"delete of the first at the top", "{\"test-store:zone\":[{\"id\":\"a\"},{\"id\":\"b\"}]}",
     "<zone xmlns=\"urn:example:test-store\" " OP("delete") "><id>a</id></zone>",
     "{\"test-store:zone\":[{\"id\":\"b\"}]}", NULL, EDIT_MERGE},
    /* Choices and presence. */
    {"a case excludes the others", T("\"one\":\"a\",\"one-more\":\"b\""), TOP("<three>c</three>"),
     T("\"three\":\"c\""), NULL, EDIT_MERGE},
    {"the same case stays", T("\"one\":\"a\""), TOP("<one-more>c</one-more>"),
     T("\"one\":\"a\",\"one-more\":\"c\""), NULL, EDIT_MERGE},
    {"a nested case excludes", T("\"two\":{\"x\":\"a\"}"), TOP("<d1>c</d1>"), T("\"d1\":\"c\""),
     NULL, EDIT_MERGE},
    {"cases of a nested choice", T("\"d1\":\"a\""), TOP("<d2>c</d2>"), T("\"d2\":\"c\""), NULL,
     EDIT_MERGE},
    {"two cases at once", "{}", TOP("<one>a</one><three>c</three>"), NULL,
     "bad-element /test-store:top/three", EDIT_MERGE},
    {"one case goes, one comes", T("\"one\":\"a\""), TOP("<one " OP("delete") "/><three>c</three>"),
     T("\"three\":\"c\""), NULL, EDIT_MERGE},
    {"presence", "{}", TOP("<present/>"), T("\"present\":{}"), NULL, EDIT_MERGE},
    {"presence exists", T("\"present\":{}"), TOP("<present " OP("create") "/>"), NULL,
     "data-exists /test-store:top/present", EDIT_MERGE},
    {"an empty frame is no data", "{}", TOP("<two/>"), "{}", NULL, EDIT_MERGE},
    /* Values and names. */
    {"a value out of range", "{}", TOP(NUMBER("", "101")), NULL,
     "invalid-value /test-store:top/number", EDIT_MERGE},
    {"an identity with a prefix", "{}", TOP("<shape>t:round</shape>"),
     T("\"shape\":\"test-store:round\""), NULL, EDIT_MERGE},
    {"an identity that is none", "{}", TOP("<shape>t:flat</shape>"), NULL,
     "invalid-value /test-store:top/shape", EDIT_MERGE},
    {"a reference to nothing is for validate", "{}", TOP("<item-ref>no</item-ref>"),
     T("\"item-ref\":\"no\""), NULL, EDIT_MERGE},
    {"an unknown element", "{}", TOP("<nothing/>"), NULL, "unknown-element /test-store:top",
     EDIT_MERGE},
    {"an unknown namespace", "{}", "<top xmlns=\"urn:nobody\"/>", NULL, "unknown-namespace ",
     EDIT_MERGE},
    {"state", "{}", TOP("<state><uptime>1</uptime></state>"), NULL,
     "unknown-element /test-store:top/state", EDIT_MERGE},
    {"text in a container", "{}", TOP("<present>words</present>"), NULL,
     "bad-element /test-store:top/present", EDIT_MERGE},
    {"insert where nothing is ordered", "{}", TOP("<plain yang:insert=\"first\">7</plain>"), NULL,
     "unknown-attribute /test-store:top/plain", EDIT_MERGE},
};

static struct lyd_node *edit(struct lyd_node *tree, const char *content, bool plain, bool go_on,
                             enum edit_operation fallback, struct rpc_error *error, bool *done)
{
    struct ly_ctx *context = test_store_context();
    char body[4096];
    struct lyd_node *operation = NULL;
    snprintf(body, sizeof body, EDIT("%s"), content);
    struct lyd_node *rpc = test_parse(context, body, &operation);
    struct edit_request request = {.context = context,
                                   .content = view_content(view_child(operation, "config")),
                                   .fallback = fallback,
                                   .plain = plain,
                                   .go_on = go_on};
    *done = edit_apply(&request, &tree, error);
    lyd_free_all(rpc);
    return tree;
}

static void each_case(void **state)
{
    unsigned wrong = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct edit_case *row = &cases[i];
        struct rpc_error error = {0};
        bool done = false;
        char got[2048];
        struct lyd_node *tree = test_tree(test_store_context(), row->before);
        struct lyd_node *expected = row->after ? test_tree(test_store_context(), row->after) : NULL;
        tree = edit(tree, row->content, false, false, row->fallback, &error, &done);
        snprintf(got, sizeof got, "%s %s", error.tag ? error.tag : "", error.path);
        bool good = done == (row->after != NULL) &&
                    (done ? strcmp(test_text(tree), test_text(expected)) == 0
                          : strcmp(got, row->error) == 0);
        if (!good)
            print_error("%s: %s (%s) %s, not %s\n", row->name, got, error.message, test_text(tree),
                        row->after ? row->after : row->error);
        wrong += good ? 0 : 1;
        lyd_free_all(tree);
        lyd_free_all(expected);
        rpc_error_clear(&error);
    }
    assert_int_equal(wrong, 0);
}

static void whole_configurations_have_no_operations(void **state)
{
    struct rpc_error error = {0};
    bool done = true;
    (void)state;
    struct lyd_node *tree =
        edit(NULL, TOP("<text " OP("delete") "/>"), true, false, EDIT_MERGE, &error, &done);
    assert_false(done);
    assert_string_equal(error.tag, "unknown-attribute");
    assert_string_equal(error.bad_attribute, "operation");
    assert_string_equal(error.bad_element, "text");
    lyd_free_all(tree);
}

static void going_on_collects_errors(void **state)
{
    struct rpc_error error = {0};
    bool done = true;
    (void)state;
    struct lyd_node *tree =
        edit(NULL, TOP("<text>a</text><nothing/><number>0</number><plain>4</plain>"), false, true,
             EDIT_MERGE, &error, &done);
    assert_false(done);
    assert_string_equal(test_text(tree), T("\"text\":\"a\",\"plain\":[4]"));
    assert_non_null(error.next);
    assert_null(error.next->next);
    lyd_free_all(tree);
    rpc_error_clear(&error);
}

static int needs_modules(void **state)
{
    (void)state;
    if (test_store_context())
        return 0;
    print_message("libyuma-base is not installed\n");
    exit(77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(whole_configurations_have_no_operations),
        cmocka_unit_test(going_on_collects_errors),
    };
    return cmocka_run_group_tests_name("edit engine", tests, needs_modules, NULL);
}
