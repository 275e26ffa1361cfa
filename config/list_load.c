/* From a configuration to compiled lists. See list_load.h. */
#include "list_load.h"

#include <string.h>

#include "detect/watch_file.h"

bool config_has_lists(const struct lists_config *config)
{
    return config->count > 0 || config->brands[0];
}

static struct watch_set *load_set(const struct lists_config *config, struct error *error)
{
    struct watch_list lists[WATCH_LISTS_MAX];
    struct error inner = {""};
    for (uint32_t i = 0; i < config->count; i++)
        lists[i] = config->lists[i].list;
    struct watch_builder *builder = watch_builder_create(lists, config->count, &inner);
    for (uint32_t i = 0; builder && i < config->count; i++) {
        if (watch_file_add(builder, i, config->lists[i].file, &inner))
            continue;
        error_set(error, "/spanflow/list[name='%s']/file: %s", lists[i].name, inner.text);
        watch_builder_destroy(builder);
        return NULL;
    }
    struct watch_set *set = builder ? watch_builder_finish(builder, &inner) : NULL;
    if (!set)
        error_set(error, "/spanflow/list: %s", inner.text);
    return set;
}

static struct brand_set *load_brands(const char *brands, struct error *error)
{
    struct error inner = {""};
    struct brand_set *set = brand_set_load(strcmp(brands, "default") == 0 ? NULL : brands, &inner);
    if (!set)
        error_set(error, "/spanflow/brands: %s", inner.text);
    return set;
}

bool config_load_lists(const struct lists_config *config, struct watch_set **set,
                       struct brand_set **brands, struct error *error)
{
    *set = NULL;
    *brands = NULL;
    if (config->count && !(*set = load_set(config, error)))
        return false;
    if (!config->brands[0] || (*brands = load_brands(config->brands, error)))
        return true;
    watch_set_destroy(*set);
    *set = NULL;
    return false;
}
