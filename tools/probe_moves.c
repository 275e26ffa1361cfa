/* Destinations that pass from one exporting process to another. See probe_moves.h. */
#include "probe_moves.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "plan.h"
#include "probe.h"
#include "probe_change.h"
#include "probe_control_private.h"

struct probe_moves {
    int before[CACHES_MAX];
    uint32_t moved[CACHES_MAX]; /* by cache of the probe: a set of its destinations */
    bool back;                  /* they come back */
};
static_assert(DESTINATIONS_MAX <= 32, "a bit for each");

/* Two that cannot be open at the same time: of one file, or of one stream of messages without
 * sessions, whose numbers would meet. */
static bool collide(const struct destination_config *a, const struct destination_config *b)
{
    if (!destination_has_collector(a->kind) && !destination_has_collector(b->kind))
        return strcmp(a->path, b->path) == 0;
    if (a->kind != b->kind || a->domain != b->domain)
        return false;
    if (destination_is_partitioned(a) && destination_is_partitioned(b))
        return strcmp(a->brokers, b->brokers) == 0 && strcmp(a->topic, b->topic) == 0;
    return a->kind == DESTINATION_UDP && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* Whether what TO writes can follow what FROM has written to the same file. */
static bool goes_on(const struct destination_config *from, const struct destination_config *to)
{
    bool rotates_from = from->rotation_s || from->rotation_octets;
    bool rotates_to = to->rotation_s || to->rotation_octets;
    return from->kind == to->kind && from->zstd == to->zstd && from->checksum == to->checksum &&
           rotates_from == rotates_to;
}

/* As probe_moves_check() of destination TO, whose exporting process goes on with cache OWN. */
static bool check_form(const struct probe *probe, const struct destination_config *to, int own,
                       struct error *error)
{
    for (uint32_t b = 0; b < probe->config->cache_count; b++) {
        const struct exporting_process_config *running = &probe->config->caches[b].exporting;
        for (uint32_t i = 0; (int)b != own && i < running->destination_count; i++) {
            const struct destination_config *from = &running->destinations[i];
            if (destination_has_collector(to->kind) || !collide(from, to) || goes_on(from, to))
                continue;
            error_set(error,
                      "%.200s: a file that is being written goes on in its form: give another path "
                      "with another format, compression, checksum or rotation",
                      to->name);
            return false;
        }
    }
    return true;
}

bool probe_moves_check(const struct probe *probe, const struct probe_config *config,
                       const int before[], struct error *error)
{
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t j = 0; j < exporting->destination_count; j++)
            if (!check_form(probe, &exporting->destinations[j], before[c], error))
                return false;
    }
    return true;
}

/* Marks what EXPORTING, which goes on with cache OWN of PROBE, takes from other caches. False: it
 * cannot be taken so. */
static bool mark(const struct probe *probe, const struct exporting_process_config *exporting,
                 int own, struct probe_moves *moves)
{
    for (uint32_t b = 0; b < probe->config->cache_count; b++) {
        const struct exporting_process_config *running = &probe->config->caches[b].exporting;
        for (uint32_t i = 0; (int)b != own && i < running->destination_count; i++)
            for (uint32_t j = 0; j < exporting->destination_count; j++) {
                const struct destination_config *from = &running->destinations[i];
                const struct destination_config *to = &exporting->destinations[j];
                if (!collide(from, to))
                    continue;
                /* A topic's numbers would begin anew in the middle. */
                if (from->group || to->group || from->kind == DESTINATION_KAFKA)
                    return false;
                moves->moved[b] |= 1u << i;
            }
    }
    return true;
}

/* Whether what is marked is not to stay where it is. */
static bool all_leave(const struct probe *probe, const struct probe_config *config,
                      const struct probe_moves *moves)
{
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        int b = moves->before[c];
        for (uint32_t j = 0; b >= 0 && j < exporting->destination_count; j++)
            for (uint32_t i = 0; i < DESTINATIONS_MAX; i++)
                if (moves->moved[b] & 1u << i &&
                    collide(&probe->config->caches[b].exporting.destinations[i],
                            &exporting->destinations[j]))
                    return false;
    }
    return true;
}

struct probe_moves *probe_moves_plan(const struct probe *probe, const struct probe_config *config,
                                     const int before[], bool *possible)
{
    struct probe_moves *moves = calloc(1, sizeof *moves);
    bool any = false;
    *possible = moves != NULL;
    for (uint32_t c = 0; *possible && c < config->cache_count; c++) {
        moves->before[c] = before[c];
        *possible = mark(probe, &config->caches[c].exporting, before[c], moves);
    }
    for (uint32_t b = 0; *possible && b < CACHES_MAX; b++)
        any = any || moves->moved[b];
    *possible = *possible && all_leave(probe, config, moves);
    if (any && *possible)
        return moves;
    free(moves);
    return NULL;
}

void probe_moves_free(struct probe_moves *moves)
{
    free(moves);
}

/* ---- away and back ---- */

static void take_out(struct exporting_process_config *exporting, uint32_t moved)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < exporting->destination_count; i++)
        if (!(moved & 1u << i))
            exporting->destinations[kept++] = exporting->destinations[i];
    exporting->destination_count = kept;
}

static bool change_to(struct probe *probe, const struct probe_config *config, struct error *error)
{
    struct probe_change *change = probe_change_prepare(probe, config, PLAN_EXPORTERS, NULL, error);
    if (!change)
        return false;
    probe->control->moving = true;
    probe_change_submit(probe, change);
    return true;
}

bool probe_moves_begin(struct probe *probe, struct probe_moves *moves, struct error *error)
{
    struct probe_config *without = malloc(sizeof *without);
    if (!without) {
        error_set(error, "no memory for a configuration");
        return false;
    }
    *without = *probe->config; /* what it refers to is still that one's */
    for (uint32_t b = 0; b < without->cache_count; b++)
        take_out(&without->caches[b].exporting, moves->moved[b]);
    bool good = change_to(probe, without, error);
    free(without);
    return good;
}

bool probe_moves_left(struct probe *probe, const struct probe_moves *moves)
{
    if (probe->change)
        return false;
    for (uint32_t b = 0; b < probe->config->cache_count; b++) {
        const struct exporting_process_config *running = &probe->config->caches[b].exporting;
        for (uint32_t i = 0; i < running->destination_count; i++)
            if (moves->moved[b] & 1u << i && exporting_process_has(probe->exporting->exporters[b],
                                                                   running->destinations[i].name))
                return false;
    }
    return true;
}

void probe_moves_undo(struct probe *probe, struct probe_moves *moves)
{
    struct error error = {""};
    moves->back = true;
    probe->moves = moves;
    if (!change_to(probe, probe->config, &error))
        fprintf(stderr,
                "spanflowd: a destination that was to pass to another exporting process cannot "
                "come back: %s\n",
                error.text);
    probe->moves = NULL;
}

bool probe_moves_bring(const struct probe *probe, uint32_t c,
                       const struct destination_config *destination)
{
    const struct probe_moves *moves = probe->moves;
    for (uint32_t b = 0; moves && b < probe->config->cache_count; b++) {
        const struct exporting_process_config *running = &probe->config->caches[b].exporting;
        bool comes = moves->back ? b == c : (int)b != moves->before[c];
        for (uint32_t i = 0; comes && i < running->destination_count; i++)
            if (moves->moved[b] & 1u << i && collide(&running->destinations[i], destination))
                return true;
    }
    return false;
}
