/*
 * What a probe needs to find and to tell applications: rules compiled, names for the exporter.
 * Control thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_check.h"
#include "model.h"
#include "probe.h"

static_assert((int)APPLICATION_NAME_OCTETS == (int)EXPORT_APPLICATION_NAME, "one name");
static_assert((int)APPLICATION_TITLE_OCTETS == (int)EXPORT_APPLICATION_TITLE, "one title");
static_assert((int)APPLICATION_NUMBER_MAX == (int)FLOW_APPLICATION_NUMBER &&
                  (int)APPLICATION_NUMBER_MAX < (int)EXPORT_APPLICATION_NUMBERS,
              "numbers fit flow records and the table of names");

/* Adds the names of BEFORE whose numbers no application has now: the flows of before keep them. */
static void keep_names(struct export_applications *names, struct export_application *rows,
                       const struct export_applications *before)
{
    for (uint32_t i = 0; before && i < before->count; i++) {
        const struct export_application *row = &before->rows[i];
        if (names->row_of[row->number])
            continue;
        rows[names->count++] = *row;
        names->row_of[row->number] = (uint16_t)names->count;
    }
}

/* The exporter's names of the applications of the set, and those of BEFORE that are still needed.
 */
static bool name_applications(struct probe_rules *made, const struct export_applications *before,
                              struct error *error)
{
    const struct application_rules *rules = application_set_rules(made->set);
    size_t room = (size_t)rules->application_count + 1u + (before ? before->count : 0);
    struct export_application *rows = calloc(room, sizeof *rows);
    made->names = calloc(1, sizeof *made->names);
    if (!rows || !made->names) {
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
        made->names->row_of[from->number] = (uint16_t)(i + 1);
    }
    made->names->rows = rows;
    made->names->count = rules->application_count;
    keep_names(made->names, rows, before);
    return true;
}

bool probe_rules_make(struct probe_rules *made, const struct applications_config *config,
                      const struct probe_rules *before, struct error *error)
{
    struct application_rules rules = {0};
    *made = (struct probe_rules){.loaded_ns = clock_wall_ns()};
    if (!config->wanted)
        return true;
    if (!config_read_rules(config, &rules, error)) {
        application_rules_free(&rules);
        return false;
    }
    const char *where =
        config->file_count ? config->files[config->file_count - 1] : "shipped rules";
    made->set = application_set_create(&rules, where, config->store, error);
    return made->set && name_applications(made, before ? before->names : NULL, error);
}

void probe_tell_applications(const struct probe *probe)
{
    if (!probe->rules.set)
        return;
    const struct application_rules *rules = application_set_rules(probe->rules.set);
    size_t memory = 0;
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        memory += worker_scanner_memory(probe->metering->workers[w]);
    fprintf(stderr, "spanflowd: %u applications, %u rules, at most %zu MiB for flows looked at\n",
            rules->application_count, rules->match_count, (memory + (1u << 20) - 1) >> 20);
}

void probe_tell_names(const struct probe *probe)
{
    const struct flow_names *wanted = &probe->config->names.wanted;
    int hashed = __builtin_popcount(wanted->hashed), clear = __builtin_popcount(wanted->clear);
    const char *untold = model_names_untold(probe->config);
    if (untold)
        fprintf(stderr, "spanflowd: warning: %s\n", untold);
    else if (hashed + clear)
        fprintf(stderr, "spanflowd: names of %d types leave with records, %d of them hashed\n",
                hashed + clear, hashed);
}

void probe_rules_free(struct probe_rules *made)
{
    application_set_destroy(made->set);
    if (made->names)
        free((void *)(uintptr_t)made->names->rows);
    free(made->names);
    *made = (struct probe_rules){.set = NULL};
}
