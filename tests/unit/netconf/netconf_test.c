/* The shared parts of the tests of this folder. */
#include "netconf_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "netconf/access.h"

#define FOLDERS                                                                                    \
    "/usr/share/yuma/modules/ietf:/usr/share/yuma/modules/ietf-derived:"                           \
    "/usr/share/yuma/modules/netconfcentral:/usr/share/yang/modules/libyang"

/* Every kind of node that rules can name. */
static const char place_yang[] =
    "module place { yang-version 1.1; namespace 'urn:test:place'; prefix p;"
    " import ietf-netconf-acm { prefix nacm; }"
    " container house {"
    "  leaf colour { type string; }"
    "  leaf secret { nacm:default-deny-all; type string; }"
    "  leaf fixed { nacm:default-deny-write; type string; }"
    "  container safe { nacm:default-deny-all; leaf gold { type string; } }"
    "  list room { key 'floor name'; leaf floor { type uint8; } leaf name { type string; }"
    "   leaf light { type string; default 'off'; } leaf-list guest { type string; }"
    "   choice heat { case gas { leaf flame { type string; } } leaf stove { type string; } }"
    "   action clean { input { leaf how { type string; } } }"
    "   notification smoke { leaf much { type string; } } }"
    "  list queue { key name; ordered-by user; leaf name { type string; } }"
    "  list log { config false; leaf line { type string; } } }"
    " container garden { presence 'there is one'; leaf tree { type string; } }"
    " rpc ring { input { leaf times { type uint8; } } }"
    " rpc burn { nacm:default-deny-all; }"
    " notification knock { leaf who { type string; } }"
    " notification alarm { nacm:default-deny-all; leaf where { type string; } } }";

/* As much of the module spanflow as the groups of a first start speak of. */
static const char spanflow_like_yang[] =
    "module spanflow { yang-version 1.1; namespace 'urn:spanflow:params:xml:ns:yang:spanflow';"
    " prefix sf; import ietf-netconf-acm { prefix nacm; }"
    " container spanflow { leaf workers { type uint8; }"
    "  container alerts { leaf held { type string; }"
    "   container freeze { leaf when { type string; } } }"
    "  container snapshot { leaf snapLength { type string; } }"
    "  container exportingProcess { leaf privateKey { nacm:default-deny-all; type string; } }"
    "  container names { leaf tlsServerName { type string; } }"
    "  container netconf { leaf hostKey { nacm:default-deny-all; type string; }"
    "   list user { key name; nacm:default-deny-all; leaf name { type string; }"
    "    leaf password { type string; } } } }"
    " rpc flows { nacm:default-deny-all; } rpc top { nacm:default-deny-all; }"
    " rpc expire-all { nacm:default-deny-all; } rpc ledger;"
    " rpc replay { nacm:default-deny-all; } rpc snapshot-extract { nacm:default-deny-all; }"
    " rpc alerts { nacm:default-deny-all; } rpc applications-reload { nacm:default-deny-all; }"
    " notification port-down { leaf port { type string; } } }";

static bool load(struct ly_ctx *context)
{
    static const char *const features[] = {"candidate", "validate", "xpath", NULL};
    static const char *const names[] = {"ietf-netconf-acm",  "ietf-netconf-monitoring",
                                        "ietf-netconf-nmda", "notifications",
                                        "nc-notifications",  "ietf-netconf-notifications"};
    if (!ly_ctx_load_module(context, "ietf-netconf", NULL, (const char **)features))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!ly_ctx_load_module(context, names[i], NULL, NULL))
            return false;
    }
    return lys_parse_mem(context, place_yang, LYS_IN_YANG, NULL) == LY_SUCCESS &&
           lys_parse_mem(context, spanflow_like_yang, LYS_IN_YANG, NULL) == LY_SUCCESS;
}

struct ly_ctx *test_context(void)
{
    struct ly_ctx *context = NULL;
    ly_log_options(LY_LOSTORE);
    if (ly_ctx_new(FOLDERS, LY_CTX_NO_YANGLIBRARY, &context) != LY_SUCCESS)
        return NULL;
    if (load(context) && access_prepare(context))
        return context;
    fprintf(stderr, "the modules of libyuma-base cannot be loaded: %s\n", ly_errmsg(context));
    ly_ctx_destroy(context);
    return NULL;
}

struct lyd_node *test_data(const struct ly_ctx *context, const char *text)
{
    struct lyd_node *tree = NULL;
    LYD_FORMAT format = *text == '<' ? LYD_XML : LYD_JSON;
    if (lyd_parse_data_mem(context, text, format, LYD_PARSE_ONLY | LYD_PARSE_STRICT, 0, &tree) !=
        LY_SUCCESS)
        fail_msg("%s: %s", text, ly_errmsg(context));
    return tree;
}

struct lyd_node *test_rpc(const struct ly_ctx *context, const char *text, struct lyd_node **node)
{
    struct ly_in *input = NULL;
    struct lyd_node *tree = NULL;
    assert_int_equal(ly_in_new_memory(text, &input), LY_SUCCESS);
    if (lyd_parse_op(context, NULL, input, LYD_XML, LYD_TYPE_RPC_YANG, &tree, node) != LY_SUCCESS)
        fail_msg("%s: %s", text, ly_errmsg(context));
    ly_in_free(input, 0);
    return tree;
}

struct lyd_node *test_event(const struct ly_ctx *context, const char *text)
{
    struct ly_in *input = NULL;
    struct lyd_node *tree = NULL;
    assert_int_equal(ly_in_new_memory(text, &input), LY_SUCCESS);
    if (lyd_parse_op(context, NULL, input, LYD_JSON, LYD_TYPE_NOTIF_YANG, &tree, NULL) !=
        LY_SUCCESS)
        fail_msg("%s: %s", text, ly_errmsg(context));
    ly_in_free(input, 0);
    return tree;
}

char *test_print(const struct lyd_node *tree)
{
    char *text = NULL;
    assert_int_equal(
        lyd_print_mem(&text, tree, LYD_JSON, LYD_PRINT_WITHSIBLINGS | LYD_PRINT_SHRINK),
        LY_SUCCESS);
    return text;
}
