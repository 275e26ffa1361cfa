/* The container snapshot/flowHistory as plain values, and the destination that it stands for. */
#include <stdio.h>
#include <string.h>

#include "history/history_folder.h"
#include "model.h"
#include "model_read.h"

#define HISTORY "flowHistory/"

bool model_read_history(const struct lyd_node *snapshot, struct flow_history_config *history,
                        struct error *error)
{
    history->enabled = model_truth(snapshot, HISTORY "enabled");
    history->octets_max = model_number(snapshot, HISTORY "size", 0) << 20;
    history->maximum_age_s = model_number(snapshot, HISTORY "maximumAge", 0);
    history->wanted_age_s = model_number(snapshot, HISTORY "wantedAge", 0);
    return model_text(snapshot, HISTORY "exportingProcess", history->exporter,
                      sizeof history->exporter, error);
}

void model_history_directory(const struct snapshot_config *snapshot, char *path, size_t size)
{
    snprintf(path, size, "%s/flows", snapshot->directory);
}

/* The cache whose records are kept, NULL if no cache has that exporting process. */
static struct cache_config *find_cache(struct probe_config *config)
{
    const char *name = config->snapshot.history.exporter;
    for (uint32_t c = 0; c < config->cache_count; c++)
        if (!name[0] || strcmp(config->caches[c].exporter_name, name) == 0)
            return &config->caches[c];
    return NULL;
}

bool model_add_history(struct probe_config *config, struct error *error)
{
    static const char path[] = "/spanflow/snapshot/flowHistory";
    const struct flow_history_config *history = &config->snapshot.history;
    if (!history->enabled)
        return true;
    struct cache_config *cache = find_cache(config);
    if (!cache) {
        error_set(error, "%s/exportingProcess: no cache has the exporting process %s; name another",
                  path, history->exporter);
        return false;
    }
    struct exporting_process_config *exporting = &cache->exporting;
    for (uint32_t i = 0; i < exporting->destination_count; i++) {
        if (strcmp(exporting->destinations[i].name, HISTORY_DESTINATION) != 0)
            continue;
        error_set(error,
                  "%s/enabled: a destination has the name " HISTORY_DESTINATION
                  " already; give it another",
                  path);
        return false;
    }
    if (exporting->destination_count == DESTINATIONS_MAX) {
        error_set(error,
                  "%s/enabled: the exporting process has %u destinations, which is all it can "
                  "have; remove one",
                  path, (unsigned)DESTINATIONS_MAX);
        return false;
    }
    char directory[1100];
    struct history_limits limits = {history->octets_max, history->maximum_age_s,
                                    history->wanted_age_s};
    struct destination_config *to = &exporting->destinations[exporting->destination_count++];
    memset(to, 0, sizeof *to);
    memcpy(to->name, HISTORY_DESTINATION, sizeof HISTORY_DESTINATION);
    model_history_directory(&config->snapshot, directory, sizeof directory);
    if (strlen(directory) + sizeof HISTORY_FILE >= sizeof to->path) {
        error_set(error, "/spanflow/snapshot/directory: too long; give a shorter one");
        return false;
    }
    history_describe(directory, &limits, to);
    return true;
}
