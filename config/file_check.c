/*
 * Files that a configuration names. See file_check.h.
 */
#include "file_check.h"

#include <errno.h>
#include <jansson.h>
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
        error_set(error, "%s: %s", path, strerror(errno));
        if (file)
            fclose(file);
        return false;
    }
    size_t octets = fread(text, 1, RULE_FILE_OCTETS_MAX, file);
    bool good = !ferror(file) && octets < RULE_FILE_OCTETS_MAX;
    if (!good)
        error_set(error, "%s: %s", path, ferror(file) ? strerror(errno) : "larger than 16 MiB");
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

static bool check_rules(const struct applications_config *config, struct error *error)
{
    struct application_rules rules = {0};
    struct application_set *set = NULL;
    struct error inner = {""};
    if (!config->wanted || !config->file_count)
        return true; /* the shipped ones are known to be good */
    if (config_read_rules(config, &rules, &inner))
        set = application_set_create(&rules, config->files[config->file_count - 1], "", &inner);
    else
        application_rules_free(&rules);
    if (!set)
        error_set(error, "/spanflow/applications/ruleFile: %s", inner.text);
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

bool config_check_files(const struct probe_config *config, struct error *error)
{
    for (uint32_t c = 0; c < config->cache_count; c++)
        if (!exporting_process_check_files(&config->caches[c].exporting, error))
            return false;
    uint8_t key[SIPHASH_KEY_OCTETS];
    bool good = name_key_read(&config->names, key, NULL, error);
    explicit_bzero(key, sizeof key);
    return good;
}

bool config_check_rules_and_lists(const struct probe_config *config, struct error *error)
{
    return check_rules(&config->applications, error) && check_lists(&config->lists, error);
}

/* ---- files of NETCONF ---- */

/* Whether the file PATH in PEM form holds a WHAT. */
static bool holds(const char *path, const char *what, struct error *error)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, what);
    if (!file || ferror(file))
        error_set(error, "%s: %s", path, strerror(errno));
    else if (!found)
        error_set(error, "%s: holds no %s in PEM form", path, what);
    found = found && !ferror(file);
    if (file)
        fclose(file);
    return found;
}

/* ENTRY of LIST, tlsServer or callHome. */
static bool check_server(const json_t *entry, const char *list, struct error *error)
{
    static const char *const files[][2] = {{"certificate", "CERTIFICATE"},
                                           {"privateKey", "PRIVATE KEY"},
                                           {"certificationAuthority", "CERTIFICATE"}};
    const char *name = json_string_value(json_object_get(entry, "name"));
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = json_string_value(json_object_get(entry, files[i][0]));
        struct error inner = {""};
        if (!path || holds(path, files[i][1], &inner))
            continue;
        error_set(error, "/spanflow/netconf/%s[name='%s']/%s: %s", list, name ? name : "",
                  files[i][0], inner.text);
        return false;
    }
    return true;
}

bool config_check_netconf_files(const char *text, struct error *error)
{
    static const char *const lists[] = {"tlsServer", "callHome"};
    json_t *root = json_loads(text, 0, NULL);
    const json_t *netconf = json_object_get(json_object_get(root, "spanflow:spanflow"), "netconf");
    bool good = true;
    for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
        size_t index;
        const json_t *entry;
        json_array_foreach(json_object_get(netconf, lists[i]), index, entry)
        {
            good = good && check_server(entry, lists[i], error);
        }
    }
    json_decref(root);
    return good;
}
