/*
 * Lets libyang accept all paths of access rules. Called once by access.h's user, when the modules
 * are loaded.
 *
 * libyang 2.1 checks the type node-instance-identifier as if it were an instance-identifier, which
 * knows neither a list with some of its keys nor the variable USER. Its base type xpath1.0 takes
 * all of them, keeps prefixes and brings values into canonical form; so that type's check takes the
 * place. What a path names is checked by access_check_config().
 */
#include <libyang/plugins_types.h>
#include <string.h>

#include "access.h"

/* The library's plugin for xpath1.0, which lives as long as any context; NULL without memory. */
static struct lyplg_type *base_plugin(void)
{
    static const char text[] = "module base { namespace 'urn:base'; prefix b;"
                               " import ietf-yang-types { prefix yang; }"
                               " leaf path { type yang:xpath1.0; } }";
    struct lyplg_type *plugin = NULL;
    struct lys_module *module = NULL;
    struct ly_ctx *context = NULL;
    uint16_t options = LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS;
    if (ly_ctx_new(NULL, options, &context) != LY_SUCCESS)
        return NULL;
    if (lys_parse_mem(context, text, LYS_IN_YANG, &module) == LY_SUCCESS)
        plugin = ((const struct lysc_node_leaf *)module->compiled->data)->type->plugin;
    ly_ctx_destroy(context);
    return plugin;
}

bool access_prepare(const struct ly_ctx *context)
{
    const struct lysc_node_leaf *leaf = (const struct lysc_node_leaf *)lys_find_path(
        context, NULL, "/ietf-netconf-acm:nacm/rule-list/rule/path", 0);
    /* Another version of the library may know better. */
    if (!leaf || !strstr(leaf->type->plugin->id, "node-instance-identifier"))
        return true;
    leaf->type->plugin = base_plugin();
    return leaf->type->plugin != NULL;
}
