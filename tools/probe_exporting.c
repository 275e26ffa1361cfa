/* The exporting processes of a probe: made and freed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "probe_lists.h"
#include "probe_ports.h"

bool exporting_open_spools(struct probe *probe, struct error *error)
{
    for (uint32_t c = 0; !probe->config->offline && c < probe->config->cache_count; c++) {
        const struct cache_config *config = &probe->config->caches[c];
        uint32_t streams = 0;
        if (!config->spool_directory[0])
            continue;
        for (uint32_t i = 0; i < config->exporting.destination_count; i++)
            streams += destination_can_spool(config->exporting.destinations[i].kind);
        probe->exporting->spools[c] =
            spool_open(config->spool_directory, config->spool_octets_max, streams, error);
        if (!probe->exporting->spools[c])
            return false;
    }
    return true;
}

/* The port of each source with what it is called, and those that records still have of sources that
 * have left. */
static void describe_ports(const struct probe *probe, const struct source_places *places,
                           struct exporting_process_config *config)
{
    uint32_t count = probe->config->offline ? 0 : probe->port_count;
    for (uint32_t p = 0; p < count; p++)
        probe_ports_describe(probe, places, p, &config->interfaces[p]);
    for (uint32_t s = 0; s < places->count; s++) {
        const struct source_place *place = &places->places[s];
        for (uint32_t p = place->port; p < (uint32_t)place->port + place->interfaces; p++) {
            struct export_interface *out = &config->interfaces[p];
            out->ifindex = place->interface.ifindex;
            out->partner_ifindex = place->interface.partner_ifindex;
            memcpy(out->name, place->interface.name, sizeof out->name);
            count = p < count ? count : p + 1;
        }
    }
    config->interface_count = count;
}

void probe_describe(const struct probe *probe, const struct probe_config *from,
                    const struct source_places *places, const struct probe_rules *rules, uint32_t c,
                    struct exporting_process_config *config)
{
    *config = from->caches[c].exporting;
    config->offline = from->offline;
    config->sampling_interval = from->sampling_interval;
    config->state = probe->state;
    config->applications = rules->names;
    config->spool = probe->exporting->spools[c];
    for (uint32_t d = 0; d < config->destination_count; d++)
        config->destinations[d].continues =
            ledger_carry_knows(probe->carry, config->destinations[d].name);
    describe_ports(probe, places, config);
}

static bool make_exporter(struct probe *probe, uint32_t c, struct error *error)
{
    struct exporting_process_config *config = malloc(sizeof *config);
    if (!config) {
        error_set(error, "no memory for the exporting process");
        return false;
    }
    struct source_places places;
    probe_places(probe, probe->config, &places);
    probe_describe(probe, probe->config, &places, &probe->rules, c, config);
    config->marks = probe_lists_marks(probe->lists);
    probe->exporting->exporters[c] = exporting_process_create(config, probe->metering->rings[c],
                                                              probe->metering->worker_count, error);
    free(config);
    struct error note = {""};
    if (probe->exporting->exporters[c] && probe->exporting->spools[c])
        spool_tell_strangers(probe->exporting->spools[c], &note);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    return probe->exporting->exporters[c] != NULL;
}

bool exporting_make(struct probe *probe, struct error *error)
{
    bool good = true;
    for (uint32_t c = 0; good && c < probe->metering->cache_count; c++)
        good = make_exporter(probe, c, error);
    return good;
}

void exporting_close_processes(struct exporting *exporting)
{
    for (uint32_t c = 0; exporting && c < CACHES_MAX; c++) {
        exporting_process_destroy(exporting->exporters[c]);
        exporting->exporters[c] = NULL;
    }
}

struct exporting *exporting_create(void)
{
    struct exporting *exporting = calloc(1, sizeof *exporting);
    if (exporting)
        pthread_mutex_init(&exporting->lock, NULL);
    return exporting;
}

void exporting_take(struct exporting *exporting)
{
    atomic_store(&exporting->wanted, true);
    pthread_mutex_lock(&exporting->lock);
    atomic_store(&exporting->wanted, false);
}

void exporting_give_back(struct exporting *exporting)
{
    pthread_mutex_unlock(&exporting->lock);
}

void exporting_free(struct exporting *exporting)
{
    if (exporting)
        pthread_mutex_destroy(&exporting->lock);
    for (uint32_t c = 0; exporting && c < CACHES_MAX; c++) {
        spool_close(exporting->spools[c]);
        free(exporting->descriptions[c]);
    }
    free(exporting);
}
