/*
 * Puts a probe together and takes it apart. The order is that of a packet's path: what is used by
 * a part exists before it and goes after it.
 */
#include "probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "probe_alerts.h"
#include "probe_change.h"
#include "probe_history.h"
#include "probe_kernel.h"
#include "probe_lists.h"
#include "probe_notify.h"
#include "probe_snapshot.h"

/* In all caches together. */
static uint64_t flows_at_most(const struct probe *probe)
{
    uint64_t flows = 0;
    for (uint32_t c = 0; c < probe->config->cache_count; c++)
        flows += probe->config->caches[c].flows_max;
    return flows;
}

void probe_say_workers(const struct probe *probe)
{
    const struct metering *metering = probe->metering;
    char pages[96] = "", cpus[256];
    size_t memory = metering_memory(metering, pages, sizeof pages);
    probe_cores_tell(probe, cpus, sizeof cpus);
    fprintf(stderr, "spanflowd: at most %" PRIu64 " flows in %zu MiB (%s), %u worker%s%s, %s\n",
            flows_at_most(probe), memory >> 20, pages, metering->worker_count,
            metering->worker_count > 1 ? metering->spread : "", cpus,
            simd_level_name(simd_choose()));
}

void probe_say_start(const struct probe *probe)
{
    if (probe->source_count == 0) {
        fprintf(stderr, "spanflowd: nothing to observe is configured yet; commit a source and a "
                        "collector (spanflow config edit source xdp:INTERFACE, spanflow config "
                        "edit collector udp://HOST:PORT, spanflow config commit)\n");
        return;
    }
    probe_say_workers(probe);
    probe_tell_applications(probe);
    probe_lists_tell(probe->lists);
    probe_tell_names(probe);
}

static bool open_state(struct probe *probe, struct error *error)
{
    struct error note = {""};
    if (probe->config->offline || !probe->config->state_directory[0])
        return true;
    probe->state = export_state_open(probe->config->state_directory, &note, error);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    return probe->state != NULL;
}

static bool make_workers(struct probe *probe, struct error *error)
{
    struct source_places places;
    probe_places(probe, probe->config, &places);
    const struct metering_wish wish = {.config = probe->config,
                                       .selection = &probe->selection,
                                       .rules = &probe->rules,
                                       .lists = probe->lists,
                                       .places = &places,
                                       .kernel = probe->kernel};
    probe->kernel = NULL;
    probe->metering = metering_create(probe, &wish, error);
    return probe->metering != NULL;
}

struct probe *probe_create(const struct probe_config *config, struct ledger_carry *carry,
                           struct error *error)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe)
        probe->exporting = exporting_create();
    if (!probe || !probe->exporting) {
        free(probe);
        error_set(error, "no memory for a probe");
        return NULL;
    }
    pthread_mutex_init(&probe->sources_lock, NULL);
    probe->config = config;
    probe->carry = carry;
    if (!open_state(probe, error) || !exporting_open_spools(probe, error) ||
        !probe_selection_make(&probe->selection, config, error) ||
        !probe_rules_make(&probe->rules, &config->applications, NULL, error) ||
        !probe_lists_make(&probe->lists, &config->lists, NULL, error) ||
        !probe_alerts_open(probe, error) || !probe_kernel_make(config, &probe->kernel, error) ||
        !probe_open_sources(probe, error) || !probe_snapshot_open(probe, error) ||
        !make_workers(probe, error) || !probe_history_make(config, false, error) ||
        !exporting_make(probe, error)) {
        probe->carry = NULL;
        probe_destroy(probe);
        return NULL;
    }
    if (probe->rules.set)
        probe_alerts_count_rules(probe);
    probe_say_start(probe);
    probe_kernel_say(probe);
    return probe;
}

void probe_destroy(struct probe *probe)
{
    if (!probe)
        return;
    probe_history_close(probe->history);
    exporting_close_processes(probe->exporting);
    export_state_close(probe->state);
    exporting_free(probe->exporting);
    metering_destroy(probe->metering);
    metering_destroy(probe->before);
    probe_snapshot_stop(probe);
    probe_change_free(probe->change);
    probe_snapshot_close(probe);
    probe_close_sources(probe);
    probe_kernel_free(probe->kernel);
    probe_selection_free(&probe->selection);
    probe_rules_free(&probe->rules);
    probe_lists_free(probe->lists);
    probe_alerts_close(probe->alerts);
    probe_watch_destroy(probe->watch);
    ledger_carry_free(probe->carry);
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        free(probe->exchanged[c]);
    pthread_mutex_destroy(&probe->sources_lock);
    free(probe);
}
