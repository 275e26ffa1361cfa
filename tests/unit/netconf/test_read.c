/* get, get-config and get-data: filters, defaults, origins and what may not be read. */
#include "datastore_test.h"

#include "netconf/xml_blank.h"

#define T(content) "{\"test-store:top\":{" content "}}"
#define START                                                                                      \
    "{\"test-store:flag\":true,\"test-store:top\":{\"number\":5,\"text\":\"a\",\"shape\":"         \
    "\"test-store:round\",\"plain\":[1,2],\"item\":[{\"name\":\"x\",\"size\":10,\"colour\":"       \
    "\"red\",\"inner\":{\"depth\":1}},{\"name\":\"y\",\"colour\":\"blue\"}]}}"
#define ITEM_X "{\"name\":\"x\",\"size\":10,\"colour\":\"red\",\"inner\":{\"depth\":1}}"
#define ITEM_Y "{\"name\":\"y\",\"colour\":\"blue\"}"

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

static const char *read_config(const char *rest)
{
    char body[2048];
    snprintf(body, sizeof body, "<get-config><source><running/></source>%s</get-config>", rest);
    return test_run(&world, 1, body);
}

/* A filter and what it leaves of the configuration. */
static const struct filter_case {
    const char *name, *filter, *result;
} subtrees[] = {
    {"nothing", "", "{}"},
    {"a container", TOP(""),
     "{\"test-store:top\":{\"number\":5,\"text\":\"a\",\"shape\":\"test-store:round\",\"plain\":"
     "[1,2],\"item\":[" ITEM_X "," ITEM_Y "]}}"},
    {"a leaf", TOP("<text/>"), T("\"text\":\"a\"")},
    {"a leaf at the top", "<flag xmlns=\"urn:example:test-store\"/>", "{\"test-store:flag\":true}"},
    {"a value at the top", "<flag xmlns=\"urn:example:test-store\">true</flag>",
     "{\"test-store:flag\":true}"},
    {"any namespace", "<top xmlns=\"\"><text/></top>", T("\"text\":\"a\"")},
    {"the namespace of the filter", "<top><text/></top>", T("\"text\":\"a\"")},
    {"another namespace", "<top xmlns=\"urn:nobody\"><text/></top>", "{}"},
    {"a list", TOP("<item/>"), T("\"item\":[" ITEM_X "," ITEM_Y "]")},
    {"an entry by its key", TOP("<item><name>y</name></item>"), T("\"item\":[" ITEM_Y "]")},
    {"an entry by another leaf", TOP("<item><colour>red</colour></item>"),
     T("\"item\":[" ITEM_X "]")},
    {"two values of one entry", TOP("<item><name>x</name><colour>blue</colour></item>"), "{}"},
    {"a value and a leaf", TOP("<item><name>x</name><size/></item>"),
     T("\"item\":[{\"name\":\"x\",\"size\":10}]")},
    {"a leaf of each entry, with its key", TOP("<item><colour/></item>"),
     T("\"item\":[{\"name\":\"x\",\"colour\":\"red\"},{\"name\":\"y\",\"colour\":\"blue\"}]")},
    {"what only one has", TOP("<item><inner><depth/></inner></item>"),
     T("\"item\":[{\"name\":\"x\",\"inner\":{\"depth\":1}}]")},
    {"several of one list", TOP("<item><name>x</name></item><item><name>y</name><colour/></item>"),
     T("\"item\":[" ITEM_X "," ITEM_Y "]")},
    {"the same twice", TOP("<text/>") TOP("<text/>"), T("\"text\":\"a\"")},
    {"blanks around a value", TOP("<item><name>\n  y </name></item>"), T("\"item\":[" ITEM_Y "]")},
    {"an identity by a prefix of the request",
     "<t:top xmlns:r=\"urn:example:test-store\"><t:shape>r:round</t:shape><t:text/></t:top>",
     T("\"text\":\"a\",\"shape\":\"test-store:round\"")},
    {"a value of a leaf-list", TOP("<plain>2</plain><text/>"), T("\"text\":\"a\",\"plain\":[2]")},
    {"a value that is not there", TOP("<plain>3</plain><text/>"), "{}"},
    {"an attribute that nothing has", TOP("<text yang:insert=\"first\"/>"), "{}"},
    {"an unknown name", TOP("<nothing/><text/>"), T("\"text\":\"a\"")},
};

static void subtree_filters(void **state)
{
    unsigned wrong = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof subtrees / sizeof *subtrees; i++) {
        char filter[1024];
        snprintf(filter, sizeof filter, "<filter type=\"subtree\">%s</filter>", subtrees[i].filter);
        const char *got = read_config(filter);
        if (strcmp(got, subtrees[i].result) == 0)
            continue;
        print_error("%s: %s, not %s\n", subtrees[i].name, got, subtrees[i].result);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* What a text becomes before it is parsed. */
static void empty_namespaces_become_blanks(void **state)
{
    static const char *const rows[][2] = {
        {"<a xmlns=\"\"/>", "<a         />"},
        {"<a b='xmlns=\"\"' xmlns = ''>", "<a b='xmlns=\"\"'           >"},
        {"<p:a xmlns:p=\"\" c=\"d\">", "<p:a            c=\"d\">"},
        {"<a c=\"d\"xmlns=\"\"/>", "<a c=\"d\"        />"},
        {"<a xmlns=\"urn:x\"> xmlns=\"\" </a>", "<a xmlns=\"urn:x\"> xmlns=\"\" </a>"},
        {"<!-- <a xmlns=\"\"> --><![CDATA[<a xmlns=\"\">]]>",
         "<!-- <a xmlns=\"\"> --><![CDATA[<a xmlns=\"\">]]>"},
        {"<a xmlns=\"", "<a xmlns=\""},
        {"<a xmlns", "<a xmlns"},
        {"<", "<"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = strlen(rows[i][0]);
        char *text = malloc(length); /* no zero at its end */
        assert_non_null(text);
        memcpy(text, rows[i][0], length);
        xml_blank_namespaces(text, length);
        assert_memory_equal(text, rows[i][1], length);
        free(text);
    }
}

static void xpath_filters(void **state)
{
    (void)state;
    assert_string_equal(
        read_config("<filter type=\"xpath\" select=\"/t:top/t:item[t:name='y'] | /t:flag\"/>"),
        "{\"test-store:flag\":true,\"test-store:top\":{\"item\":[" ITEM_Y "]}}");
    assert_string_equal(read_config("<filter type=\"xpath\" select=\"//t:depth\"/>"),
                        T("\"item\":[{\"name\":\"x\",\"inner\":{\"depth\":1}}]"));
    assert_string_equal(read_config("<filter type=\"xpath\" select=\"/t:top/t:late\"/>"), "{}");
    assert_string_equal(read_config("<filter type=\"xpath\" select=\"1 + 1\"/>"), "invalid-value ");
}

static void defaults(void **state)
{
    static const char filter[] =
        "<filter type=\"subtree\">" TOP("<number/><item><name>y</name><size/></item>") "</filter>";
    static const char parameter[] =
        "%s<with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">%s"
        "</with-defaults>";
    static const char *const modes[][2] = {
        {"explicit", T("\"number\":5,\"item\":[{\"name\":\"y\"}]")},
        {"trim", T("\"item\":[{\"name\":\"y\"}]")},
        {"report-all", T("\"number\":5,\"item\":[{\"name\":\"y\",\"size\":10}]")},
        {"report-all-tagged",
         T("\"number\":5,\"@number\":{\"spanflow-with-defaults:default\":true},\"item\":[{"
           "\"name\":\"y\",\"size\":10,\"@size\":{\"spanflow-with-defaults:default\":true}}]")},
    };
    char body[1024];
    (void)state;
    assert_string_equal(read_config(filter), modes[0][1]);
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        snprintf(body, sizeof body, parameter, filter, modes[i][0]);
        assert_string_equal(read_config(body), modes[i][1]);
    }
}

static void tagged_defaults_can_be_sent_back(void **state)
{
    (void)state;
    static const char wd[] = "xmlns:wd=\"urn:ietf:params:xml:ns:netconf:default:1.0\"";
    char body[512];
    snprintf(body, sizeof body, EDIT(TOP("<number %s wd:default=\"true\">5</number>")), wd);
    assert_string_equal(test_run(&world, 1, body), "ok");
    assert_string_equal(test_run(&world, 1,
                                 "<get-config><source><candidate/></source><filter>" TOP(
                                     "<number/>") "</filter></get-config>"),
                        "{}");
    snprintf(body, sizeof body, EDIT(TOP("<number %s wd:default=\"true\">6</number>")), wd);
    assert_string_equal(test_run(&world, 1, body), "invalid-value /test-store:top/number");
}

static void get_has_state(void **state)
{
    (void)state;
    assert_string_equal(
        test_run(
            &world, 1,
            "<get><filter>" TOP("<state><port><name>b</name></port></state>") "</filter></get>"),
        T("\"state\":{\"port\":[{\"name\":\"b\",\"packets\":\"2\"}]}"));
    /* The library's own data: what clients read first. */
    const char *library = test_run(&world, 1,
                                   "<get><filter><yang-library xmlns=\"urn:ietf:params:xml:ns:yang:"
                                   "ietf-yang-library\"/></filter></get>");
    assert_non_null(strstr(library, "\"name\":\"ietf-datastores:operational\""));
    assert_non_null(strstr(library, "\"name\":\"test-store\""));
    assert_non_null(strstr(library, "\"content-id\":"));
    assert_non_null(strstr(library, "\"candidate\""));
    assert_null(strstr(library, "\"writable-running\""));
    assert_null(strstr(library, "\"startup\""));
}

static void only_wanted_sections_are_asked_for(void **state)
{
    static const char spanflow[] = "<get><filter><spanflow xmlns=\"urn:spanflow:params:xml:ns:"
                                   "yang:spanflow\">%s</spanflow></filter></get>";
    static const char *const rows[][2] = {{"", "all"},
                                          {"<state/>", "all"},
                                          {"<state><ledger/><workers/></state>", "ledger workers "},
                                          {"<cache/>", ""}};
    char body[512];
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(body, sizeof body, spanflow, rows[i][0]);
        test_run(&world, 1, body);
        assert_string_equal(world.sections, rows[i][1]);
    }
}

static void hidden_nodes_cannot_be_asked_about(void **state)
{
    (void)state;
    world.hide = "colour";
    assert_string_equal(
        read_config("<filter>" TOP("<item><colour>red</colour></item>") "</filter>"), "{}");
    assert_string_equal(
        read_config("<filter type=\"xpath\" select=\"/t:top/t:item[t:colour='red']\"/>"), "{}");
    assert_null(strstr(read_config(""), "red"));
}

/* get-data of DATASTORE with REST behind it. */
static const char *data(const char *datastore, const char *rest)
{
    char body[2048];
    snprintf(body, sizeof body,
             "<get-data xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-nmda\" "
             "xmlns:ds=\"urn:ietf:params:xml:ns:yang:ietf-datastores\" "
             "xmlns:or=\"urn:ietf:params:xml:ns:yang:ietf-origin\"><datastore>ds:%s</datastore>%s"
             "</get-data>",
             datastore, rest);
    return test_run(&world, 1, body);
}

#define XPATH(x) "<xpath-filter>" x "</xpath-filter>"

static void data_of_datastores(void **state)
{
    (void)state;
    assert_string_equal(data("running", XPATH("/t:top/t:item[t:name='y']")),
                        T("\"item\":[" ITEM_Y "]"));
    assert_string_equal(data("candidate", "<subtree-filter>" TOP("<text/>") "</subtree-filter>"),
                        T("\"text\":\"a\""));
    assert_string_equal(data("startup", ""), "invalid-value ");
    assert_string_equal(data("intended", ""), "invalid-value ");
    /* In use: defaults as well, and what the system adds. */
    assert_string_equal(data("operational", XPATH("/t:top/t:item[t:name!='x']")),
                        T("\"item\":[{\"name\":\"y\",\"size\":10,\"colour\":\"blue\"},{\"name\":"
                          "\"default\",\"size\":10,\"colour\":\"grey\"}]"));
}

static void depth_and_kind_of_data(void **state)
{
    (void)state;
    assert_string_equal(
        data("running", XPATH("/t:top/t:item[t:name='x']") "<max-depth>1</max-depth>"),
        T("\"item\":[{\"name\":\"x\"}]"));
    assert_string_equal(
        data("running", XPATH("/t:top/t:item[t:name='x']") "<max-depth>2</max-depth>"),
        T("\"item\":[{\"name\":\"x\",\"size\":10,\"colour\":\"red\",\"inner\":{}}]"));
    assert_string_equal(
        data("running", XPATH("/t:top/t:item[t:name='x']") "<max-depth>3</max-depth>"),
        T("\"item\":[" ITEM_X "]"));
    /* What is cut empty is there. */
    assert_non_null(strstr(data("running", "<max-depth>1</max-depth>"), "\"test-store:top\":{}"));
    assert_string_equal(data("operational", XPATH("/t:top/t:state") "<max-depth>1</max-depth>"),
                        T("\"state\":{}"));
    assert_string_equal(
        data("operational", XPATH("/t:top") "<config-filter>false</config-filter>"),
        T("\"state\":{\"uptime\":7,\"port\":[{\"name\":\"a\",\"packets\":\"1\"},{\"name\":\"b\","
          "\"packets\":\"2\"}]}"));
    assert_null(strstr(data("operational", "<config-filter>true</config-filter>"), "uptime"));
}

static void origins(void **state)
{
    (void)state;
    const char *got = data("operational", XPATH("/t:top/t:item[t:name!='x']") "<with-origin/>");
    assert_non_null(strstr(got, "\"ietf-origin:origin\":\"ietf-origin:system\""));
    assert_non_null(strstr(got, "\"@size\":{\"ietf-origin:origin\":\"ietf-origin:default\"}"));
    assert_string_equal(data("operational",
                             XPATH("/t:top/t:item") "<origin-filter>or:system</origin-filter>"
                                                    "<config-filter>true</config-filter>"),
                        T("\"item\":[{\"name\":\"default\",\"colour\":\"grey\"}]"));
    assert_string_equal(data("operational",
                             XPATH("/t:top/t:item") "<negated-origin-filter>or:intended"
                                                    "</negated-origin-filter>"),
                        T("\"item\":[{\"name\":\"y\",\"size\":10},{\"name\":\"default\",\"size\":"
                          "10,\"colour\":\"grey\"}]"));
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
        TEST(subtree_filters),
        cmocka_unit_test(empty_namespaces_become_blanks),
        TEST(xpath_filters),
        TEST(defaults),
        TEST(tagged_defaults_can_be_sent_back),
        TEST(get_has_state),
        TEST(only_wanted_sections_are_asked_for),
        TEST(hidden_nodes_cannot_be_asked_about),
        TEST(data_of_datastores),
        TEST(depth_and_kind_of_data),
        TEST(origins),
    };
    return cmocka_run_group_tests_name("reading datastores", tests, needs_modules, NULL);
}
