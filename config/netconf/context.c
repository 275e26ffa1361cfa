/*
 * Which modules with which features (RFC 6241, section 8, and appendix C).
 */
#include "context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_modules.h"
#include "defaults.h"

/* Text of the module, embedded at build time. */
extern const char spanflow_netconf_module[];

static const char *const folders[] = {
    "/usr/share/yuma/modules/ietf",
    "/usr/share/yuma/modules/ietf-derived",
    "/usr/share/yuma/modules/netconfcentral",
    "/usr/share/yang/modules/libyang",
};

enum { FEATURES_MAX = 9 };

static const struct standard_module {
    const char *name;
    const char *features[FEATURES_MAX]; /* ended by NULL */
} standard_modules[] = {
    {"ietf-netconf",
     {"candidate", "confirmed-commit", "rollback-on-error", "validate", "xpath", "writable-running",
      "startup", "url"}},
    {"ietf-netconf-monitoring", {NULL}},
    {"ietf-netconf-with-defaults", {NULL}},
    {"ietf-netconf-acm", {NULL}},
    {"notifications", {NULL}},
    {"nc-notifications", {NULL}},
    {"ietf-netconf-notifications", {NULL}},
    {"ietf-origin", {NULL}},
    {"ietf-netconf-nmda", {"origin", "with-defaults"}},
};

/* Puts libyang's last words into ERROR. Returns NULL. */
static struct ly_ctx *refuse(struct ly_ctx *context, const char *module, struct error *error)
{
    const struct ly_err_item *why = ly_err_last(context);
    error_set(error, "the YANG module %s cannot be loaded: %s; is the package libyuma-base whole?",
              module, why ? why->msg : "not found");
    ly_ctx_destroy(context);
    return NULL;
}

/* What the server does not have is in the schema all the same, so that a request for it is read and
 * refused in words; but it is not announced. The flags are what libraries announce from. */
static void hide_features(struct ly_ctx *context)
{
    static const char *const hidden[] = {"writable-running", "startup", "url"};
    const struct lys_module *base = ly_ctx_get_module_implemented(context, "ietf-netconf");
    struct lysp_feature *feature = NULL;
    uint32_t index = 0;
    while ((feature = lysp_feature_next(feature, base->parsed, &index)))
        for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
            if (strcmp(feature->name, hidden[i]) == 0)
                feature->flags &= (uint16_t)~LYS_FENABLED;
}

struct ly_ctx *netconf_context_create(struct error *error)
{
    struct ly_ctx *context = NULL;
    struct stat found;
    if (stat(folders[0], &found) != 0) {
        error_set(error,
                  "the standard YANG modules are not in %s: install the package "
                  "libyuma-base",
                  folders[0]);
        return NULL;
    }
    ly_log_options(LY_LOSTORE_LAST);
    if (ly_ctx_new(folders[0], LY_CTX_DISABLE_SEARCHDIR_CWD, &context) != LY_SUCCESS) {
        error_set(error, "libyang has no context for modules");
        return NULL;
    }
    for (size_t i = 1; i < sizeof(folders) / sizeof(folders[0]); i++)
        ly_ctx_set_searchdir(context, folders[i]);
    for (size_t i = 0; i < sizeof(standard_modules) / sizeof(standard_modules[0]); i++) {
        const struct standard_module *row = &standard_modules[i];
        const char *features[FEATURES_MAX + 1] = {NULL};
        memcpy(features, row->features, sizeof(row->features));
        if (!ly_ctx_load_module(context, row->name, NULL, features))
            return refuse(context, row->name, error);
    }
    if (!config_modules_load(context, false))
        return refuse(context, "spanflow", error);
    if (lys_parse_mem(context, spanflow_netconf_module, LYS_IN_YANG, NULL) != LY_SUCCESS)
        return refuse(context, "spanflow-netconf", error);
    if (!defaults_load(context))
        return refuse(context, "spanflow-with-defaults", error);
    hide_features(context);
    return context;
}

/* FNV-1a of TEXT and its end. */
static uint32_t mix(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619;
    return hash * 16777619;
}

uint32_t netconf_context_hash(const struct ly_ctx *context)
{
    uint32_t hash = 2166136261, index = 0;
    const struct lys_module *module;
    while ((module = ly_ctx_get_module_iter(context, &index)) != NULL) {
        struct lysp_feature *feature = NULL;
        uint32_t feature_index = 0;
        hash = mix(hash, module->name);
        hash = mix(hash, module->revision ? module->revision : "");
        hash = mix(hash, module->implemented ? "implemented" : "imported");
        while (module->parsed &&
               (feature = lysp_feature_next(feature, module->parsed, &feature_index)))
            hash = mix(hash, feature->flags & LYS_FENABLED ? feature->name : "");
    }
    return hash;
}

void netconf_context_content_id(const struct ly_ctx *context, char text[16])
{
    snprintf(text, 16, "%u", (unsigned)netconf_context_hash(context));
}
