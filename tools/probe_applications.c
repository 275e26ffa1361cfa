/*
 * What a probe needs to find and to tell applications: rules compiled, names for the exporter.
 * Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

enum { RULE_FILE_OCTETS_MAX = 16 << 20 };

static_assert((int)APPLICATION_NAME_OCTETS == (int)EXPORT_APPLICATION_NAME, "one name");
static_assert((int)APPLICATION_TITLE_OCTETS == (int)EXPORT_APPLICATION_TITLE, "one title");
static_assert((int)APPLICATION_NUMBER_MAX == (int)FLOW_APPLICATION_NUMBER &&
                  (int)APPLICATION_NUMBER_MAX < (int)EXPORT_APPLICATION_NUMBERS,
              "numbers fit flow records and the table of names");

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

static bool read_rules(const struct applications_config *config, struct application_rules *rules,
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

/* The exporter's names of the applications of the set. */
static bool name_applications(struct probe *probe, struct error *error)
{
    const struct application_rules *rules = application_set_rules(probe->applications);
    struct export_application *rows = calloc(rules->application_count + 1u, sizeof *rows);
    probe->application_names = calloc(1, sizeof *probe->application_names);
    if (!rows || !probe->application_names) {
        free(rows);
        error_set(error, "no memory for the names of applications");
        return false;
    }
    for (uint32_t i = 0; i < rules->application_count; i++) {
        const struct application *from = &rules->applications[i];
        rows[i].number = from->number;
        rows[i].label = from->label;
        memcpy(rows[i].name, from->name, sizeof rows[i].name);
        memcpy(rows[i].title, from->title, sizeof rows[i].title);
        probe->application_names->row_of[from->number] = (uint16_t)(i + 1);
    }
    probe->application_names->rows = rows;
    probe->application_names->count = rules->application_count;
    return true;
}

bool probe_make_applications(struct probe *probe, struct error *error)
{
    const struct applications_config *config = &probe->config->applications;
    struct application_rules rules = {0};
    if (!config->wanted)
        return true;
    if (!read_rules(config, &rules, error)) {
        application_rules_free(&rules);
        return false;
    }
    const char *where =
        config->file_count ? config->files[config->file_count - 1] : "shipped rules";
    probe->applications = application_set_create(&rules, where, config->store, error);
    return probe->applications && name_applications(probe, error);
}

void probe_tell_applications(const struct probe *probe)
{
    if (!probe->applications)
        return;
    const struct application_rules *rules = application_set_rules(probe->applications);
    size_t memory = 0;
    for (uint32_t w = 0; w < probe->worker_count; w++)
        memory += worker_scanner_memory(probe->workers[w]);
    fprintf(stderr, "spanflowd: %u applications, %u rules, at most %zu MiB for flows looked at\n",
            rules->application_count, rules->match_count, (memory + (1u << 20) - 1) >> 20);
}

void probe_free_applications(struct probe *probe)
{
    application_set_destroy(probe->applications);
    if (probe->application_names)
        free((void *)(uintptr_t)probe->application_names->rows);
    free(probe->application_names);
}
