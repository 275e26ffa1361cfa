/*
 * Paths as people type them: names, keys with and without quotes, XPath, what is said of wrong
 * ones, the way back from a node to its path, and what completion offers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "netconf/context.h"
#include "path.h"

static struct ly_ctx *context;

static int load(void **state)
{
    struct error error = {""};
    (void)state;
    ly_log_options(LY_LOSTORE);
    context = netconf_context_create(&error);
    if (!context)
        fprintf(stderr, "%s\n", error.text);
    return context ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    ly_ctx_destroy(context);
    return 0;
}

static void paths_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *data, *xpath;
    } cases[] = {
        {"", "/spanflow:spanflow", "/sf:spanflow"},
        {"spanflow", "/spanflow:spanflow", "/sf:spanflow"},
        {"/spanflow/workers/", "/spanflow:spanflow/workers", "/sf:spanflow/sf:workers"},
        {"cache/default/activeTimeout", "/spanflow:spanflow/cache[name='default']/activeTimeout",
         "/sf:spanflow/sf:cache[sf:name='default']/sf:activeTimeout"},
        {"observationPoint/'a/b'/xdp", "/spanflow:spanflow/observationPoint[name='a/b']/xdp",
         "/sf:spanflow/sf:observationPoint[sf:name='a/b']/sf:xdp"},
        {"cache/it's", "/spanflow:spanflow/cache[name=\"it's\"]",
         "/sf:spanflow/sf:cache[sf:name=\"it's\"]"},
        {"nacm/groups/group/admin", "/ietf-netconf-acm:nacm/groups/group[name='admin']",
         "/nacm:nacm/nacm:groups/nacm:group[nacm:name='admin']"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct path path;
        struct error error = {""};
        if (!path_read(context, cases[i].typed, &path, &error))
            fail_msg("%s: %s", cases[i].typed, error.text);
        assert_string_equal(path.data, cases[i].data);
        assert_string_equal(path.xpath, cases[i].xpath);
        assert_false(path.whole_list);
    }
    struct path path;
    struct error error;
    assert_true(path_read(context, "cache", &path, &error));
    assert_true(path.whole_list);
    assert_true(path_read(context, "/spanflow:spanflow/cache[name='x']/maxFlows", &path, &error));
    assert_string_equal(path.schema->name, "maxFlows");
}

static void wrong_paths_are_told(void **state)
{
    (void)state;
    struct path path;
    struct error error = {""};
    assert_false(path_read(context, "cache/default/bla", &path, &error));
    assert_non_null(strstr(error.text, "there is no 'bla' in cache"));
    assert_non_null(strstr(error.text, "activeTimeout"));
    assert_false(path_read(context, "workers/x", &path, &error));
    assert_non_null(strstr(error.text, "nothing below it"));
    assert_false(path_read(context, "cache/\"a'b\"\"/x", &path, &error));
    assert_false(path_read(context, "/no:such[name='x']", &path, &error));
    char *longer = malloc(3 * PATH_TEXT_MAX);
    assert_non_null(longer);
    memset(longer, 'x', 3 * PATH_TEXT_MAX - 1);
    memcpy(longer, "cache/", 6);
    longer[3 * PATH_TEXT_MAX - 1] = 0;
    /* A key that is too long is cut and not found anywhere; nothing is written past an end. */
    path_read(context, longer, &path, &error);
    free(longer);
}

static void nodes_lead_back_to_their_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {"workers", "cache/default/activeTimeout",
                                        "observationPoint/'a/b'/xdp", "nacm/groups/group/admin"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct path path;
        struct error error;
        struct lyd_node *tree = NULL, *node = NULL;
        char text[256];
        assert_true(path_read(context, paths[i], &path, &error));
        bool leaf = path.schema->nodetype == LYS_LEAF;
        assert_int_equal(lyd_new_path(NULL, context, path.data, leaf ? "4" : NULL, 0, &tree),
                         LY_SUCCESS);
        assert_int_equal(lyd_find_path(tree, path.data, 0, &node), LY_SUCCESS);
        path_show(node, text, sizeof text);
        assert_string_equal(text, paths[i]);
        path_show(node, text, 8); /* is cut */
        assert_true(strlen(text) < 8);
        lyd_free_all(tree);
    }
}

/* What path_complete() prints for TYPED, with DATA. */
static const char *completed(const char *typed, const struct lyd_node *data)
{
    static char text[8192];
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO);
    assert_non_null(file);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    path_complete(context, typed, data);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void completion_offers_what_may_follow(void **state)
{
    (void)state;
    struct lyd_node *data = NULL;
    lyd_new_path(NULL, context, "/spanflow:spanflow/cache[name='fast']", NULL, 0, &data);
    lyd_new_path(data, context, "/spanflow:spanflow/cache[name='a/b']", NULL, 0, NULL);
    assert_string_equal(completed("sou", NULL), "source\n");
    assert_string_equal(completed("ca", NULL), "captureFile\ncache/\n");
    assert_string_equal(completed("flowKey/v", NULL), "flowKey/vlanInKey\n");
    assert_string_equal(completed("nac", NULL), "nacm/\n");
    assert_string_equal(completed("cache/", data), "cache/fast/\ncache/'a/b'/\n");
    assert_string_equal(completed("cache/f", data), "cache/fast/\n");
    assert_string_equal(completed("cache/", NULL), "");
    assert_string_equal(completed("cache/x/activeT", NULL), "cache/x/activeTimeout\n");
    assert_string_equal(completed("stat", NULL), "stateDirectory\n"); /* state cannot be set */
    assert_string_equal(completed("bla/", NULL), "");
    lyd_free_all(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read),
        cmocka_unit_test(wrong_paths_are_told),
        cmocka_unit_test(nodes_lead_back_to_their_paths),
        cmocka_unit_test(completion_offers_what_may_follow),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
