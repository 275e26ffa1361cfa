/*
 * Fuzz target: the input is the path of an access rule. It is compiled or found to name nothing;
 * what was compiled covers the nodes that libyang finds with the same text as XPath, if it finds
 * any.
 */
#include <libyang/libyang.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netconf/access_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_OCTETS_MAX = 4096 };

static const char module_text[] =
    "module m { namespace 'urn:m'; prefix m; container top { leaf a { type string; }"
    " list l { key 'k n'; leaf k { type string; } leaf n { type uint8; } leaf v { type string; }"
    "  leaf-list w { type string; } } list s { config false; leaf x { type string; } } } }";

static const char tree_text[] =
    "{\"m:top\":{\"a\":\"1\",\"l\":[{\"k\":\"x\",\"n\":1,\"v\":\"u\",\"w\":[\"p\",\"q\"]},"
    "{\"k\":\"x\",\"n\":2},{\"k\":\"eve\",\"n\":2,\"w\":[\"eve\"]}],\"s\":[{\"x\":\"1\"},"
    "{\"x\":\"2\"}]}}";

static struct ly_ctx *context;
static struct lyd_node *tree;

static void expect(int condition)
{
    if (!condition)
        abort();
}

static void start(void)
{
    ly_log_options(LY_LOSTORE);
    expect(ly_ctx_new(NULL, LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS, &context) ==
           LY_SUCCESS);
    expect(lys_parse_mem(context, module_text, LYS_IN_YANG, NULL) == LY_SUCCESS);
    expect(lyd_parse_data_mem(context, tree_text, LYD_JSON, LYD_PARSE_ONLY, 0, &tree) ==
           LY_SUCCESS);
}

/* The oracle knows no $USER, and takes names without a prefix at the top for those of its module.
 */
static void compare(const struct access_path *path, const char *text)
{
    struct ly_set *set = NULL;
    struct lyd_node *node;
    if (path->all || path->never || strstr(text, "$USER") ||
        lyd_find_xpath(tree, text, &set) != LY_SUCCESS)
        return;
    LYD_TREE_DFS_BEGIN(tree, node)
    {
        bool covered = false;
        for (const struct lyd_node *up = node; up && !covered; up = lyd_parent(up))
            covered = ly_set_contains(set, up, NULL);
        expect(access_path_matches(path, node, "eve") == covered);
        LYD_TREE_DFS_END(tree, node);
    }
    ly_set_free(set, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[PATH_OCTETS_MAX + 1];
    struct access_path path;
    struct lyd_node *node;
    if (size > PATH_OCTETS_MAX || memchr(data, 0, size))
        return 0;
    if (!context)
        start();
    memcpy(text, data, size);
    text[size] = 0;
    expect(access_path_compile(&path, context, text));
    compare(&path, text);
    LYD_TREE_DFS_BEGIN(tree, node)
    {
        expect(!access_path_matches(&path, node, "eve") || path.all || path.step_count > 0);
        LYD_TREE_DFS_END(tree, node);
    }
    access_path_free(&path);
    ly_err_clean(context, NULL);
    return 0;
}
