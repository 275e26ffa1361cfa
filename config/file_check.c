/*
 * Files that a configuration names. See file_check.h.
 */
#include "file_check.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/application_set.h"
#include "exporting_process_change.h"
#include "list_load.h"
#include "name_key.h"

enum { RULE_FILE_OCTETS_MAX = 16 << 20 };

static bool read_file(struct application_rules *rules, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(RULE_FILE_OCTETS_MAX) : NULL;
    if (!text) {
        error_set(error, "application rules: %s: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return false;
    }
    size_t octets = fread(text, 1, RULE_FILE_OCTETS_MAX, file);
    bool good = !ferror(file) && octets < RULE_FILE_OCTETS_MAX;
    if (!good)
        error_set(error, "application rules: %s: %s", path,
                  ferror(file) ? strerror(errno) : "larger than 16 MiB");
    fclose(file);
    good = good && application_rules_read(rules, text, octets, path, error);
    free(text);
    return good;
}

bool config_read_rules(const struct applications_config *config, struct application_rules *rules,
                       struct error *error)
{
    if (config->shipped &&
        !application_rules_read(rules, application_rules_shipped, strlen(application_rules_shipped),
                                "shipped rules", error))
        return false;
    for (uint32_t i = 0; i < config->file_count; i++)
        if (!read_file(rules, config->files[i], error))
            return false;
    return true;
}

static bool check_rules(const struct applications_config *config, bool thorough,
                        struct error *error)
{
    struct application_rules rules = {0};
    bool compiles = thorough && config->file_count; /* the shipped ones are known to be good */
    if (!config->wanted)
        return true;
    bool good = config_read_rules(config, &rules, error);
    if (!good || !compiles) {
        application_rules_free(&rules);
        return good;
    }
    struct application_set *set =
        application_set_create(&rules, config->files[config->file_count - 1], "", error);
    application_set_destroy(set);
    return set != NULL;
}

static bool check_lists(const struct lists_config *config, struct error *error)
{
    struct watch_set *set;
    struct brand_set *brands;
    bool good = config_load_lists(config, &set, &brands, error);
    watch_set_destroy(set);
    brand_set_destroy(brands);
    return good;
}

bool config_check_ledger(const struct probe_config *config, struct error *error)
{
    const char *path = config->ledger_path;
    if (!path[0] || strcmp(path, "-") == 0)
        return true;
    char *copy = strdup(path);
    const char *folder = copy ? dirname(copy) : ".";
    bool good = access(folder, W_OK | X_OK) == 0;
    if (!good)
        error_set(error,
                  "/spanflow/ledgerFile: %s cannot be written to: %s; give a file in a "
                  "folder that can",
                  folder, strerror(errno));
    free(copy);
    return good;
}

bool config_check_files(const struct probe_config *config, bool thorough, struct error *error)
{
    for (uint32_t c = 0; c < config->cache_count; c++)
        if (!exporting_process_check_files(&config->caches[c].exporting, error))
            return false;
    uint8_t key[SIPHASH_KEY_OCTETS];
    struct error inner = {""};
    bool good = name_key_read(&config->names, false, key, &inner);
    explicit_bzero(key, sizeof key);
    if (!good) {
        error_set(error, "/spanflow/names/hashKey: %s", inner.text);
        return false;
    }
    if (!check_rules(&config->applications, thorough, &inner)) {
        error_set(error, "/spanflow/applications/ruleFile: %s", inner.text);
        return false;
    }
    return !thorough || check_lists(&config->lists, error);
}
