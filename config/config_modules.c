/* The table of modules is made from config/yang by the build. */
#include "config_modules.h"

#include <string.h>

const struct config_module config_modules[] = {
#include "spanflow_yang.h"
    {0},
};

static const struct config_module marks[] = {
#include "marks_yang.h"
};

/* Gives libyang the text of what a module imports or includes. DATA is not NULL where the marks are
 * wanted from this program. */
static LY_ERR find_module(const char *module, const char *revision, const char *submodule,
                          const char *submodule_revision, void *data, LYS_INFORMAT *format,
                          const char **text, ly_module_imp_data_free_clb *release)
{
    (void)revision;
    (void)submodule_revision;
    const char *name = submodule ? submodule : module;
    *format = LYS_IN_YANG;
    *release = NULL;
    if (data && strcmp(name, marks[0].name) == 0) {
        *text = marks[0].text;
        return LY_SUCCESS;
    }
    for (const struct config_module *row = config_modules; row->name; row++) {
        if (strcmp(row->name, name) == 0) {
            *text = row->text;
            return LY_SUCCESS;
        }
    }
    return LY_ENOTFOUND;
}

const struct lys_module *config_modules_load(struct ly_ctx *context, bool stand_in)
{
    struct lys_module *module = NULL;
    ly_ctx_set_module_imp_clb(context, find_module, stand_in ? (void *)marks : NULL);
    if (lys_parse_mem(context, config_modules[0].text, LYS_IN_YANG, &module) != LY_SUCCESS)
        return NULL;
    return module;
}
