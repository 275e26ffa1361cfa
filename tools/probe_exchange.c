/* From one set of workers to the next. See probe_exchange.h. */
#include "probe_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "probe.h"
#include "probe_alerts.h"
#include "probe_control.h"
#include "probe_lists.h"
#include "probe_notify.h"

/* So long an exporting process that ends has for what it has left, as a destination that is removed
 * has. */
static const uint64_t leaving_ns = 10000000000;

/* ---- which cache goes on with which exporting process ---- */

static bool same_cache(const struct cache_config *a, const struct cache_config *b, bool first)
{
    return strcmp(a->name, b->name) == 0 ||
           (first && strcmp(a->exporter_name, b->exporter_name) == 0);
}

/* The cache of the running configuration that cache C of CONFIG takes the place of; -1: none. */
static int predecessor_of(const struct probe *probe, const struct probe_config *config, uint32_t c)
{
    const struct probe_config *running = probe->config;
    for (uint32_t b = 0; b < running->cache_count; b++)
        if ((b == 0) == (c == 0) && same_cache(&running->caches[b], &config->caches[c], c == 0))
            return (int)b;
    return -1;
}

/* Whether cache B of the running configuration goes on in one of CONFIG. */
static bool goes_on(const struct probe *probe, const struct probe_config *config, uint32_t b)
{
    for (uint32_t c = 0; c < config->cache_count; c++)
        if (predecessor_of(probe, config, c) == (int)b)
            return true;
    return false;
}

/* Two that cannot be open at the same time. */
static bool collide(const struct destination_config *a, const struct destination_config *b)
{
    bool file = !destination_has_collector(a->kind) && !destination_has_collector(b->kind);
    return strcmp(a->name, b->name) == 0 || (file && strcmp(a->path, b->path) == 0);
}

static bool any_collides(const struct exporting_process_config *a,
                         const struct exporting_process_config *b)
{
    for (uint32_t i = 0; i < a->destination_count; i++)
        for (uint32_t j = 0; j < b->destination_count; j++)
            if (collide(&a->destinations[i], &b->destinations[j]))
                return true;
    return false;
}

/* Whether a destination of CONFIG's cache C belongs to a cache that is there under another name. */
static bool takes_from_others(const struct probe *probe, const struct probe_config *config,
                              uint32_t c)
{
    int own = predecessor_of(probe, config, c);
    for (uint32_t b = 0; b < probe->config->cache_count; b++)
        if ((int)b != own &&
            any_collides(&probe->config->caches[b].exporting, &config->caches[c].exporting))
            return true;
    return false;
}

static bool caches_can_change(const struct probe *probe, const struct probe_config *config)
{
    if (predecessor_of(probe, config, 0) != 0)
        return false;
    for (uint32_t c = 0; c < config->cache_count; c++) {
        bool is_new = predecessor_of(probe, config, c) < 0;
        if ((is_new && config->caches[c].spool_directory[0]) || takes_from_others(probe, config, c))
            return false;
    }
    for (uint32_t b = 0; b < probe->config->cache_count; b++)
        if (probe->config->caches[b].spool_directory[0] && !goes_on(probe, config, b))
            return false;
    return true;
}

bool probe_exchange_is_possible(const struct probe *probe, const struct probe_config *config)
{
    return metering_is_possible(probe, config) && caches_can_change(probe, config);
}

/* ---- preparing ---- */

static bool make_account(struct ledger **account, struct error *error)
{
    if (!*account)
        *account = calloc(1, sizeof **account);
    if (!*account)
        error_set(error, "no memory for the account of other workers");
    return *account != NULL;
}

static bool make_exporter(struct probe *probe, const struct metering_wish *wish,
                          struct metering *next, uint32_t c, struct error *error)
{
    struct exporting_process_config *exporting = malloc(sizeof *exporting);
    if (!exporting) {
        error_set(error, "no memory for the exporting process");
        return false;
    }
    probe_describe(probe, wish->config, wish->places, wish->rules, c, exporting);
    exporting->marks = probe_lists_marks(wish->lists);
    exporting->spool = NULL;
    next->exporters[c] =
        exporting_process_create(exporting, next->rings[c], next->worker_count, error);
    free(exporting);
    return next->exporters[c] != NULL;
}

bool probe_exchange_prepare(struct probe *probe, const struct metering_wish *wish,
                            struct metering *next, struct error *error)
{
    const struct probe_config *config = wish->config;
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        if (!make_account(&probe->exchanged[c], error))
            return false;
    for (uint32_t c = 0; c < next->cache_count; c++) {
        next->predecessor[c] = predecessor_of(probe, config, c);
        snprintf(next->names[c], sizeof next->names[c], "%s", config->caches[c].name);
        if (next->predecessor[c] < 0 && (!make_account(&next->exchanged[c], error) ||
                                         !make_exporter(probe, wish, next, c, error)))
            return false;
    }
    return true;
}

void probe_exchange_cancel(struct metering *next)
{
    for (uint32_t c = 0; c < next->cache_count; c++) {
        if (next->predecessor[c] < 0)
            exporting_process_destroy(next->exporters[c]);
        next->exporters[c] = NULL;
    }
}

/* ---- the beginning ---- */

bool probe_exchange_may_begin(const struct probe *probe)
{
    return !probe->cut_pending && !probe_walk_is_under_way(probe->control);
}

/* What a cache has that goes on: exporting process, spool and account move to its new place. */
static void move_caches(struct probe *probe, struct metering *before, struct metering *next)
{
    struct exporting *exporting = probe->exporting;
    struct ledger *accounts[CACHES_MAX];
    struct worker_counts counts[CACHES_MAX];
    struct spool *spools[CACHES_MAX];
    memcpy(accounts, probe->exchanged, sizeof accounts);
    memcpy(counts, probe->counts_before, sizeof counts);
    memcpy(spools, exporting->spools, sizeof spools);
    memcpy(before->exporters, exporting->exporters, sizeof before->exporters);
    for (uint32_t b = 0; b < CACHES_MAX; b++) {
        before->successor[b] = -1;
        probe->exchanged[b] = NULL;
        exporting->spools[b] = NULL;
        exporting->exporters[b] = NULL;
        memset(&probe->counts_before[b], 0, sizeof probe->counts_before[b]);
    }
    for (uint32_t c = 0; c < next->cache_count; c++) {
        int b = next->predecessor[c];
        if (b >= 0) {
            before->successor[b] = (int)c;
            next->exporters[c] = before->exporters[b];
            probe->exchanged[c] = accounts[b];
            probe->counts_before[c] = counts[b];
            exporting->spools[c] = spools[b];
            accounts[b] = NULL;
        } else {
            probe->exchanged[c] = next->exchanged[c];
            next->exchanged[c] = NULL;
        }
        exporting->exporters[c] = next->exporters[c];
    }
    memcpy(before->exchanged, accounts, sizeof accounts);
}

static void move_rings(struct metering *before, struct metering *next)
{
    for (uint32_t b = 0; b < before->cache_count; b++) {
        int c = before->successor[b];
        exporting_process_exchange_rings(before->exporters[b], c >= 0 ? next->rings[c] : NULL,
                                         c >= 0 ? next->worker_count : 0);
    }
}

bool probe_exchange_begin(struct probe *probe, struct metering *next)
{
    struct metering *before = probe->metering;
    enum metering_stage runs = METERING_RUNS;
    metering_carry_snapshot(probe);
    for (uint32_t b = 0; b < before->cache_count; b++)
        snprintf(before->names[b], sizeof before->names[b], "%s", probe->config->caches[b].name);
    before->next = next;
    exporting_take(probe->exporting);
    bool begun = atomic_compare_exchange_strong(&before->stage, &runs, METERING_HANDED);
    if (begun) {
        move_caches(probe, before, next);
        move_rings(before, next);
        probe->before = before;
        probe->metering = next;
    }
    exporting_give_back(probe->exporting);
    if (!begun) {
        before->next = NULL;
        return false;
    }
    probe_cores_enter(probe, next, -1);
    if (memcmp(before->names, next->names, sizeof before->names) != 0)
        probe_notify_caches(probe);
    return true;
}

/* ---- exporting processes that end ---- */

static void say_problems(struct exporting_process *process)
{
    for (const char *line; (line = exporting_process_next_problem(process)) != NULL;)
        fprintf(stderr, "spanflowd: %s\n", line);
}

bool probe_exchange_step(struct probe *probe, uint64_t now_ns, uint64_t export_ns)
{
    struct metering *before = probe->before;
    bool busy = false;
    if (!before)
        return false;
    if (before->drained_since_ns == 0 && atomic_load(&before->running) == 0)
        before->drained_since_ns = now_ns;
    for (uint32_t b = 0; b < before->cache_count; b++) {
        struct exporting_process *process = before->exporters[b];
        if (before->successor[b] >= 0 || before->drained[b])
            continue;
        if (before->drained_since_ns == 0) {
            busy |= exporting_process_step(process, now_ns, export_ns, NULL) == EXPORTING_BUSY;
        } else if (now_ns - before->drained_since_ns > leaving_ns) {
            exporting_process_abandon(process);
            before->drained[b] = true;
        } else {
            before->drained[b] = exporting_process_drain(process, now_ns, export_ns, NULL);
        }
        say_problems(process);
    }
    return busy;
}

bool probe_exchange_drain(struct probe *probe, uint64_t now_ns, uint64_t export_ns)
{
    const struct metering *before = probe->before;
    bool all = true;
    probe_exchange_step(probe, now_ns, export_ns);
    for (uint32_t b = 0; before && b < before->cache_count; b++)
        all = all && (before->successor[b] >= 0 || before->drained[b]);
    return all;
}

void probe_exchange_abandon(struct probe *probe)
{
    struct metering *before = probe->before;
    for (uint32_t b = 0; before && b < before->cache_count; b++) {
        if (before->successor[b] >= 0)
            continue;
        exporting_process_abandon(before->exporters[b]);
        before->drained[b] |= atomic_load(&before->running) == 0;
    }
}

/* ---- the end of the workers before ---- */

/* The exporting processes leave the rings of METERING, which nobody counts for any more. */
static void drop_rings(struct probe *probe, const struct metering *metering,
                       struct exporter_counters counters[])
{
    exporting_take(probe->exporting);
    for (uint32_t b = 0; b < metering->cache_count; b++)
        exporting_process_drop_rings(metering->exporters[b], &counters[b]);
    for (uint32_t b = 0; b < metering->cache_count; b++) {
        int c = metering->successor[b];
        if (c < 0)
            continue;
        metering_add_counts(metering, b, &probe->counts_before[c]);
        probe->counts_before[c].held = 0;
    }
    probe->before = NULL;
    exporting_give_back(probe->exporting);
}

/* Its threads have ended, or are about to. */
static void retire(struct probe *probe)
{
    static struct exporter_counters counters[CACHES_MAX];
    struct metering *before = probe->before;
    metering_dismiss(before);
    drop_rings(probe, before, counters);
    metering_carry(probe, before, counters);
    probe_alerts_leave(probe, before);
    for (uint32_t b = 0; b < before->cache_count; b++)
        if (before->successor[b] < 0)
            exporting_process_destroy(before->exporters[b]);
    metering_destroy(before);
}

static bool is_drained(const struct probe *probe)
{
    const struct metering *before = probe->before;
    bool empty = true;
    exporting_take(probe->exporting);
    for (uint32_t b = 0; b < before->cache_count; b++)
        empty = empty && exporting_process_has_emptied(before->exporters[b]) &&
                (before->successor[b] >= 0 || before->drained[b]);
    exporting_give_back(probe->exporting);
    return empty;
}

bool probe_exchange_turn(struct probe *probe)
{
    const struct metering *next = probe->metering;
    if (!probe->before)
        return true;
    /* At the end the exporter's thread steps without the lock: see probe_exchange_end(). */
    if (atomic_load(&probe->exporting->finish))
        return false;
    if (atomic_load(&next->begun) < next->receiver_count ||
        atomic_load(&probe->before->running) > 0 || probe->cut_pending || !is_drained(probe))
        return false;
    metering_join_receivers(probe, next->receiver_count);
    retire(probe);
    return true;
}

void probe_exchange_end(struct probe *probe)
{
    if (probe->before)
        retire(probe);
}
