/* Other folders for the state and the spools. See probe_folders.h. */
#include "probe_folders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "probe.h"

struct probe_folders {
    bool moves;                 /* the state, to the next; till then */
    struct export_state *state; /* that; NULL: none is to be kept. Owned */
    char directory[sizeof((struct probe_config *)0)->state_directory];
    /* By cache of the new configuration: whether its spool is another one; that, owned until it is
     * taken, NULL: none; and the one before, owned from then on until it is left. */
    bool changes[CACHES_MAX];
    struct spool *spools[CACHES_MAX];
    struct spool *left[CACHES_MAX];
};

/* ---- the state ---- */

static bool prepare_state(const struct probe *probe, const char *directory,
                          struct probe_folders *folders, struct error *error)
{
    struct error problem = {""};
    if (strcmp(probe->config->state_directory, directory) == 0 || probe->config->offline)
        return true;
    if (directory[0] && probe->state && export_state_is_in(probe->state, directory))
        return true; /* by another name */
    if (directory[0]) {
        folders->state = export_state_prepare(probe->state, directory, &problem);
        if (!folders->state) {
            error_set(error, "/spanflow/stateDirectory: %.400s", problem.text);
            return false;
        }
    }
    snprintf(folders->directory, sizeof folders->directory, "%s", directory);
    folders->moves = true;
    return true;
}

struct probe_folders *probe_folders_prepare(struct probe *probe, const struct probe_config *config,
                                            struct error *error)
{
    struct probe_folders *folders = calloc(1, sizeof *folders);
    if (!folders) {
        error_set(error, "no memory for other folders");
        return NULL;
    }
    if (!prepare_state(probe, config->state_directory, folders, error)) {
        free(folders);
        return NULL;
    }
    probe->folders = folders;
    return folders;
}

struct export_state *probe_folders_state(const struct probe *probe)
{
    return probe->folders && probe->folders->moves ? probe->folders->state : probe->state;
}

/* Also those that end with workers before. */
static void tell_processes(struct probe *probe, struct export_state *state)
{
    struct metering *before = probe->before;
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        if (probe->exporting->exporters[c])
            exporting_process_keep_in(probe->exporting->exporters[c], state);
    for (uint32_t b = 0; before && b < before->cache_count; b++)
        if (before->successor[b] < 0)
            exporting_process_keep_in(before->exporters[b], state);
}

void probe_folders_move_state(struct probe *probe, struct probe_folders *folders)
{
    struct export_state *before = probe->state, *next = folders ? folders->state : NULL;
    if (!folders || !folders->moves)
        return;
    for (uint32_t s = 0; next && s < probe->source_count; s++)
        export_state_keep_interface(next, probe->sources[s]->interface.name,
                                    probe->sources[s]->interface.ifindex);
    exporting_take(probe->exporting);
    tell_processes(probe, next);
    exporting_give_back(probe->exporting);
    if (next && !export_state_settle(next))
        fprintf(stderr, "spanflowd: the state cannot be kept in %s: %s\n", folders->directory,
                strerror(errno));
    else if (next)
        fprintf(stderr, "spanflowd: the state is kept in %s from now on\n", folders->directory);
    else
        fputs("spanflowd: no state is kept from now on\n", stderr);
    probe->state = next;
    folders->state = NULL;
    folders->moves = false;
    export_state_close(before);
}

/* ---- spools ---- */

struct spool *probe_folders_new_spool(const struct probe_config *config, uint32_t c,
                                      struct error *error)
{
    struct error problem = {""};
    struct spool *spool = exporting_open_spool(&config->caches[c], &problem);
    if (!spool)
        error_set(error, "/spanflow/exportingProcess[name='%.100s']/spool/directory: %.380s",
                  config->caches[c].exporter_name, problem.text);
    return spool;
}

bool probe_folders_open_spool(struct probe *probe, struct probe_folders *folders,
                              const struct probe_config *config, uint32_t c, uint32_t before,
                              struct spool **spool, struct error *error)
{
    const char *directory = config->caches[c].spool_directory;
    *spool = probe->exporting->spools[before];
    if (!folders || strcmp(probe->config->caches[before].spool_directory, directory) == 0 ||
        (directory[0] && *spool && spool_is_in(*spool, directory)))
        return true;
    if (directory[0]) {
        folders->spools[c] = probe_folders_new_spool(config, c, error);
        if (!folders->spools[c])
            return false;
    }
    folders->changes[c] = true;
    *spool = folders->spools[c];
    return true;
}

void probe_folders_take_spool(struct probe *probe, struct probe_folders *folders, uint32_t c,
                              uint32_t place)
{
    if (!folders || !folders->changes[c])
        return;
    folders->left[c] = probe->exporting->spools[place];
    probe->exporting->spools[place] = folders->spools[c];
    folders->spools[c] = NULL;
    folders->changes[c] = false;
    exporting_tell_strangers(probe->exporting->spools[place]);
}

bool probe_folders_are_left(struct probe_folders *folders)
{
    bool all = true;
    for (uint32_t c = 0; folders && c < CACHES_MAX; c++) {
        if (folders->left[c] && spool_is_left(folders->left[c])) {
            spool_close(folders->left[c]);
            folders->left[c] = NULL;
        }
        all = all && !folders->left[c];
    }
    return all;
}

bool probe_folders_are_possible(const struct probe *probe, const struct probe_config *config,
                                const int before[])
{
    for (uint32_t c = 0; c < config->cache_count; c++)
        for (uint32_t b = 0; b < probe->config->cache_count; b++)
            if (before[c] != (int)b && config->caches[c].spool_directory[0] &&
                strcmp(config->caches[c].spool_directory,
                       probe->config->caches[b].spool_directory) == 0)
                return false;
    return true;
}

/* ---- the end ---- */

void probe_folders_free(struct probe *probe, struct probe_folders *folders)
{
    if (!folders)
        return;
    probe->folders = NULL;
    export_state_close(folders->state);
    for (uint32_t c = 0; c < CACHES_MAX; c++) {
        spool_close(folders->spools[c]);
        spool_close(folders->left[c]);
    }
    free(folders);
}
