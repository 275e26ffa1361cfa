/* One change of all workers and exporting processes. */
#include "probe_change.h"

#include <stdlib.h>
#include <string.h>

#include "exporting_process_change.h"
#include "plan.h"
#include "probe.h"
#include "probe_alerts.h"
#include "probe_apply.h"
#include "probe_exchange.h"
#include "probe_files.h"
#include "probe_folders.h"
#include "probe_history.h"
#include "probe_kernel.h"
#include "probe_lists.h"
#include "probe_snapshot.h"
#include "probe_source_change.h"
#include "worker/worker_change.h"

struct probe_change {
    struct probe *probe;
    struct metering *metering; /* other workers; NULL: none, or they have taken over */
    bool other_workers;
    const struct probe_config *next;     /* with other workers: it outlives the change. Not owned */
    struct probe_folders *folders;       /* NULL: the same */
    struct probe_source_change *sources; /* NULL: they are the same */
    struct source_places places;         /* where they are, or will be */
    bool sources_left;                   /* those that go, or were opened anew */
    bool refused;                        /* they could not be had: everything is as it was */
    struct error refusal;
    struct probe_selection selection; /* of the new configuration; the old one after submitting */
    bool other_rules;
    struct probe_rules rules; /* if there are others: as the selection */
    bool other_lists;
    struct probe_lists *lists;              /* if there are others: as the selection */
    struct probe_snapshot_change *snapshot; /* NULL: nothing changes for the ring */
    bool told;                              /* to exporting processes */
    bool handed;                            /* to them and to workers */
    bool given_up;                          /* it never will be: the probe ends */
    uint32_t worker_count;
    struct worker_change *workers[EXPORT_RINGS_MAX];        /* NULL: nothing changes for workers */
    struct exporting_process_change *exporters[CACHES_MAX]; /* NULL: none, or submitted */
};

/* Frees other workers that have not taken over, and what exporting processes were not told. */
static void cancel(struct probe_change *change)
{
    if (change->metering) {
        metering_cancel_threads(change->probe, change->metering);
        probe_kernel_drop(change->probe);
        probe_exchange_cancel(change->metering);
        metering_destroy(change->metering);
        change->metering = NULL;
    }
    for (uint32_t c = 0; c < CACHES_MAX; c++) {
        exporting_process_cancel_change(change->exporters[c]);
        change->exporters[c] = NULL;
    }
}

void probe_change_free(struct probe_change *change)
{
    if (!change)
        return;
    cancel(change);
    for (uint32_t w = 0; w < change->worker_count; w++)
        worker_change_free(change->workers[w]);
    probe_folders_free(change->probe, change->folders);
    probe_snapshot_cancel(change->snapshot);
    probe_selection_free(&change->selection);
    probe_rules_free(&change->rules);
    probe_lists_free(change->lists);
    probe_source_change_free(change->sources);
    free(change);
}

/* The rules that are to be in force. */
static const struct probe_rules *new_rules(const struct probe *probe,
                                           const struct probe_change *change)
{
    return change->other_rules ? &change->rules : &probe->rules;
}

/* The same of lists. */
static struct probe_lists *new_lists(const struct probe *probe, const struct probe_change *change)
{
    return change->other_lists ? change->lists : probe->lists;
}

static bool change_workers(struct probe *probe, const struct probe_config *config,
                           struct probe_change *change, struct error *error)
{
    struct worker_config *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, "no memory for a worker's configuration");
        return false;
    }
    bool good = probe_selection_make(&change->selection, config, error);
    if (good)
        probe_configure_worker(config, &change->places, &change->selection,
                               new_rules(probe, change), worker);
    while (good && change->worker_count < probe->metering->worker_count) {
        uint32_t w = change->worker_count;
        probe_snapshot_fill(probe, change->snapshot, w, worker);
        probe_lists_fill(new_lists(probe, change), w, worker);
        change->workers[w] = worker_prepare_change(probe->metering->workers[w], worker, error);
        good = change->workers[w] != NULL;
        change->worker_count += good;
    }
    free(worker);
    return good;
}

/* Other workers, with threads that wait. */
static bool prepare_exchange(struct probe *probe, const struct probe_config *config,
                             struct probe_change *change, struct error *error)
{
    uint32_t count = 0;
    const struct source_queues *kept =
        change->sources ? probe_source_change_kept(change->sources, &count) : NULL;
    struct metering_wish wish = {.config = config,
                                 .selection = &change->selection,
                                 .rules = new_rules(probe, change),
                                 .lists = new_lists(probe, change),
                                 .places = &change->places,
                                 .sources = kept,
                                 .source_count = count,
                                 .takes_over = true,
                                 .snapshot = change->snapshot};
    if (!probe_selection_make(&change->selection, config, error) ||
        !probe_kernel_make_other(config, &wish.kernel, error))
        return false;
    change->metering = metering_create(probe, &wish, error);
    return change->metering && probe_exchange_prepare(probe, &wish, change->metering, error) &&
           probe_kernel_prepare(probe, change->metering, config, error) &&
           metering_start_threads(probe, change->metering, error);
}

static bool prepare_exporters(struct probe *probe, const struct probe_config *config,
                              struct probe_change *change, struct error *error)
{
    struct exporting_process_config *exporting = malloc(sizeof *exporting);
    if (!exporting) {
        error_set(error, "no memory for an exporting process's configuration");
        return false;
    }
    bool good = true;
    for (uint32_t c = 0; good && c < config->cache_count; c++) {
        int before = change->metering ? change->metering->predecessor[c] : (int)c;
        if (before < 0)
            continue;
        probe_describe(probe, config, &change->places, new_rules(probe, change), c, exporting);
        exporting->marks = probe_lists_marks(new_lists(probe, change));
        exporting->exchanges = change->other_workers;
        exporting->spool_octets_max = config->caches[c].spool_octets_max;
        good = probe_folders_open_spool(probe, change->folders, config, c, (uint32_t)before,
                                        &exporting->spool, error);
        if (good)
            change->exporters[c] = exporting_process_prepare_change(
                probe->exporting->exporters[before], exporting, error);
        good = change->exporters[c] != NULL;
    }
    free(exporting);
    return good;
}

/* WANTED: they go on by another configuration. */
static bool prepare_workers(struct probe *probe, const struct probe_config *config, bool wanted,
                            struct probe_change *change, struct error *error)
{
    if (change->other_workers)
        return prepare_exchange(probe, config, change, error);
    return !(wanted || probe_snapshot_concerns_workers(change->snapshot)) ||
           change_workers(probe, config, change, error);
}

static bool prepare_snapshot(struct probe *probe, const struct probe_config *config,
                             unsigned actions, struct probe_change *change, struct error *error)
{
    if (!(actions & (PLAN_SNAPSHOT | PLAN_RULES | PLAN_EXCHANGE)))
        return true;
    change->snapshot = probe_snapshot_prepare(probe, config, new_rules(probe, change),
                                              change->other_workers, error);
    return change->snapshot != NULL;
}

static bool prepare_sources(struct probe *probe, const struct probe_config *config,
                            unsigned actions, struct probe_change *change, struct error *error)
{
    if (!(actions & PLAN_SOURCES)) {
        probe_places(probe, config, &change->places);
        return true;
    }
    change->sources = probe_source_change_prepare(probe, config, error);
    if (change->sources)
        change->places = *probe_source_change_places(change->sources);
    return change->sources != NULL;
}

struct probe_change *probe_change_prepare(struct probe *probe, const struct probe_config *config,
                                          unsigned actions, struct probe_files *files,
                                          struct error *error)
{
    struct probe_change *change = calloc(1, sizeof *change);
    if (!change) {
        error_set(error, "no memory for a change");
        return NULL;
    }
    change->probe = probe;
    change->other_workers = actions & PLAN_EXCHANGE;
    change->next = config;
    bool workers = !change->other_workers && actions & (PLAN_WORKERS | PLAN_CACHE_SIZE |
                                                        PLAN_RULES | PLAN_LISTS | PLAN_SOURCES);
    bool exporters = change->other_workers ||
                     actions & (PLAN_EXPORTERS | PLAN_RULES | PLAN_LISTS | PLAN_SOURCES);
    change->other_rules = actions & PLAN_RULES;
    change->other_lists = actions & PLAN_LISTS;
    if (files) {
        change->rules = files->rules;
        change->lists = files->lists;
        memset(files, 0, sizeof *files);
    }
    if (actions & (PLAN_FOLDERS | PLAN_EXCHANGE)) {
        change->folders = probe_folders_prepare(probe, config, error);
        if (!change->folders) {
            probe_change_free(change);
            return NULL;
        }
    }
    if (prepare_sources(probe, config, actions, change, error) &&
        prepare_snapshot(probe, config, actions, change, error) &&
        prepare_workers(probe, config, workers, change, error) &&
        (!exporters || probe_history_make(config, true, error)) &&
        (!exporters || prepare_exporters(probe, config, change, error)))
        return change;
    probe_change_free(change);
    return NULL;
}

bool probe_change_confirm(struct probe_change *change, struct error *error)
{
    return !change->metering || probe_kernel_exchange(change->probe, change->next, error);
}

bool probe_change_exchanges_rings(const struct probe *probe)
{
    return probe->change && probe_snapshot_exchanges_rings(probe->change->snapshot);
}

const struct snapshot_ring *probe_change_ring(const struct probe *probe, uint32_t number)
{
    return probe->change ? probe_snapshot_change_ring(probe->change->snapshot, number) : NULL;
}

const struct probe_lists *probe_change_lists(const struct probe *probe)
{
    const struct probe_change *change = probe->change;
    return change && change->handed && change->other_lists ? change->lists : NULL;
}

/* Other rules and filters are those of PROBE; CHANGE keeps what was there before. */
static void exchange_selection(struct probe *probe, struct probe_change *change)
{
    struct probe_selection before = probe->selection;
    probe->selection = change->selection;
    change->selection = before;
}

/* From here on the configuration is the new one, by which the sets of workers have their caches. */
static void hand_over_sources(struct probe *probe, struct probe_change *change)
{
    change->metering = NULL;
    if (change->sources)
        probe_source_change_take(change->sources);
    else
        probe_rename_interfaces(probe, change->next);
    probe_snapshot_exchange(probe, change->snapshot);
    exchange_selection(probe, change);
    probe_apply_adopt(probe->control);
    probe_say_workers(probe);
    probe_kernel_say(probe);
}

/* Cache C of the new configuration has the exporting process of another place until other workers
 * have taken over. */
static void tell_exporters(struct probe *probe, struct probe_change *change)
{
    const struct metering *next = change->metering;
    bool moved = !next || next == probe->metering;
    uint32_t count = next ? next->cache_count : probe->metering->cache_count;
    change->told = true;
    probe_folders_move_state(probe, change->folders);
    for (uint32_t c = 0; c < count; c++) {
        if (!change->exporters[c])
            continue;
        uint32_t place = moved ? c : (uint32_t)next->predecessor[c];
        exporting_process_submit_change(probe->exporting->exporters[place], change->exporters[c]);
        change->exporters[c] = NULL;
        probe_folders_take_spool(probe, change->folders, c, place);
    }
}

static bool exporters_know(const struct probe *probe)
{
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        if (!exporting_process_change_taken(probe->exporting->exporters[c]))
            return false;
    return true;
}

static void hand_over(struct probe *probe, struct probe_change *change)
{
    if (change->metering && !probe_exchange_begin(probe, change->metering))
        return;
    change->handed = true;
    probe_snapshot_submit(probe, change->snapshot);
    if (!change->told)
        tell_exporters(probe, change);
    if (change->other_rules) {
        if (change->rules.set)
            probe_alerts_count_rules(probe);
        struct probe_rules rules = probe->rules;
        probe->rules = change->rules;
        change->rules = rules;
    }
    if (change->other_lists) {
        struct probe_lists *lists = probe->lists;
        probe->lists = change->lists;
        change->lists = lists;
    }
    if (change->metering)
        hand_over_sources(probe, change);
    if (change->worker_count == 0)
        return;
    for (uint32_t w = 0; w < change->worker_count; w++)
        worker_submit_change(probe->metering->workers[w], change->workers[w]);
    exchange_selection(probe, change);
}

/* True when the sources that go are left. */
static bool leave_sources(struct probe_change *change)
{
    enum source_change_status status = probe_source_change_leave(change->sources, &change->refusal);
    change->refused = status == SOURCES_REFUSED;
    change->sources_left = status == SOURCES_DONE;
    return change->sources_left;
}

/* Not while a cut is made: its books are those of the rings that are there. Other rules go to the
 * workers when the exporting processes know the names of all that these will find; so do other
 * lists. */
static void hand_over_if_possible(struct probe *probe)
{
    struct probe_change *change = probe->change;
    bool later = (probe->cut_pending && probe_change_exchanges_rings(probe)) ||
                 (change->other_workers && !probe_exchange_may_begin(probe));
    if (change->handed || change->given_up || change->refused || later)
        return;
    if (change->sources && !change->sources_left && !leave_sources(change))
        return;
    if ((change->other_rules || change->other_lists) && !change->told)
        tell_exporters(probe, change);
    if (!(change->other_rules || change->other_lists) || exporters_know(probe))
        hand_over(probe, change);
}

void probe_change_give_up(struct probe *probe)
{
    struct probe_change *change = probe->change;
    if (!change || change->handed)
        return;
    change->given_up = true;
    cancel(change);
}

void probe_change_end(struct probe *probe)
{
    if (probe->change && probe->change->sources)
        probe_source_change_end(probe->change->sources);
}

bool probe_change_waits(const struct probe *probe)
{
    return probe->change && probe->change->other_workers && !probe->change->handed;
}

bool probe_change_store(struct probe_change *change, const struct probe_config *config,
                        struct error *error)
{
    return probe_selection_store(&change->selection, config, error);
}

void probe_change_submit(struct probe *probe, struct probe_change *change)
{
    probe->change = change;
    hand_over_if_possible(probe);
}

/* New sources begin when all know what is to become of their packets, however long it takes until
 * others are gone. True when they have, or if there are none. */
static bool begin_sources(const struct probe *probe, struct probe_change *change)
{
    if (!change->sources)
        return true;
    for (uint32_t w = 0; w < change->worker_count; w++)
        if (!worker_change_taken(change->workers[w]))
            return false;
    return exporters_know(probe) && probe_source_change_begin(change->sources);
}

bool probe_change_finish(struct probe *probe, struct error *refusal)
{
    struct probe_change *change = probe->change;
    hand_over_if_possible(probe);
    *refusal = change->refusal;
    if (change->refused) {
        probe_change_free(change);
        probe->change = NULL;
        return true;
    }
    if (!change->handed)
        return false;
    bool begun = begin_sources(probe, change);
    if (change->other_workers && !probe_exchange_turn(probe))
        return false;
    for (uint32_t w = 0; w < change->worker_count; w++)
        if (!worker_change_finished(change->workers[w]))
            return false;
    if (!exporters_know(probe) || !probe_folders_are_left(change->folders))
        return false;
    if (!probe_snapshot_finish(probe, change->snapshot))
        return false;
    change->snapshot = NULL;
    if (!begun)
        return false;
    if (change->sources)
        probe_source_change_take(change->sources);
    if (change->other_lists)
        probe_lists_follow(probe->lists, change->lists);
    if (change->other_workers)
        metering_carry_snapshot(probe);
    probe_change_free(change);
    probe->change = NULL;
    return true;
}
