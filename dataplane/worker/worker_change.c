/* Another configuration for a worker. See worker_change.h. */
#include "worker/worker_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "flow/flow_change.h"
#include "worker/worker_private.h"
#include "worker/worker_snapshot.h"
#include "worker/worker_watch.h"

struct worker_change {
    struct worker_config config;
    uint32_t cache_count;
    struct flow_cache_change *caches[WORKER_CACHES_MAX];
    /* The new ones; when the worker has taken the change, what it does not need any more. */
    struct duplicate_table *duplicates;
    struct application_scanner *scanner;
    struct name_finder *finder;
    bool other_duplicates; /* the table is replaced, or given up */
    bool other_scanner;
    bool other_finder;
    struct arena snapshot_classes; /* as the two above */
    bool other_classes;
    _Atomic bool taken;
    _Atomic bool finished;
};

/* ---- control thread ---- */

/* A table of copies is kept if copies are looked for before and after. */
static bool prepare_duplicates(struct worker_change *change, const struct worker *worker,
                               struct error *error)
{
    bool wanted = change->config.duplicate_window_ns != 0;
    change->other_duplicates = wanted != (worker->duplicates != NULL);
    if (!wanted || !change->other_duplicates)
        return true;
    change->duplicates = duplicate_table_create(change->config.duplicate_window_ns, error);
    return change->duplicates != NULL;
}

/* A scanner is kept if its rules and the records that it is for are the same. */
static bool prepare_scanner(struct worker_change *change, const struct worker *worker,
                            struct error *error)
{
    const struct worker_config *old = &worker->config, *new = &change->config;
    change->other_scanner = new->applications != old->applications ||
                            new->application_limits.flows_max != old->application_limits.flows_max;
    if (!new->applications || !change->other_scanner)
        return true;
    change->scanner =
        application_scanner_create(new->applications, &new->application_limits, error);
    return change->scanner != NULL;
}

/* A finder is kept if what it looks for, the numbers of applications and the records are the same.
 */
static bool prepare_finder(struct worker_change *change, const struct worker *worker,
                           struct error *error)
{
    const struct worker_config *old = &worker->config, *new = &change->config;
    uint32_t flows_max = new->caches[0].flows_max;
    change->other_finder = memcmp(&old->names, &new->names, sizeof new->names) != 0 ||
                           new->applications != old->applications ||
                           flows_max != old->caches[0].flows_max;
    if (!worker_wants_names(new) || !change->other_finder)
        return true;
    change->finder = name_finder_create(&new->names, flows_max, new->applications, error);
    worker_bound_names(change->finder, &new->application_limits);
    return change->finder != NULL;
}

/* The classes of flows are kept if the policy that chose them and the records are the same. */
static bool prepare_classes(struct worker_change *change, const struct worker *worker,
                            struct error *error)
{
    const struct worker_config *old = &worker->config, *new = &change->config;
    change->other_classes = new->snapshot_policy != old->snapshot_policy ||
                            !new->snapshot != !old->snapshot ||
                            new->caches[0].flows_max != old->caches[0].flows_max;
    return !change->other_classes ||
           worker_snapshot_map_classes(new, &change->snapshot_classes, error);
}

static bool prepare_caches(struct worker_change *change, const struct worker *worker,
                           struct error *error)
{
    for (uint32_t c = 0; c < change->cache_count; c++) {
        change->config.caches[c].applications = c == 0 && worker_looks_at_payload(&change->config);
        change->config.caches[c].names = change->config.names.wanted;
        change->config.caches[c].snapshot = c == 0 && change->config.snapshot;
        change->config.caches[c].watch = change->config.watch ? change->config.watch->set : NULL;
        change->caches[c] =
            flow_cache_change_create(worker->caches[c], &change->config.caches[c], error);
        if (!change->caches[c])
            return false;
    }
    return true;
}

struct worker_change *worker_prepare_change(const struct worker *worker,
                                            const struct worker_config *config, struct error *error)
{
    check(!atomic_load_explicit(&worker->change_submitted, memory_order_acquire));
    check(!config->snapshot || config->snapshot_policy);
    if (config->cache_count != worker->config.cache_count) {
        error_set(error, "the number of caches cannot change while a worker runs: restart it");
        return NULL;
    }
    struct worker_change *change = calloc(1, sizeof *change);
    if (!change) {
        error_set(error, "no memory for a change of a worker");
        return NULL;
    }
    change->config = *config;
    change->cache_count = config->cache_count;
    change->config.application_limits.flows_max =
        config->applications ? config->caches[0].flows_max : 0;
    if (!prepare_caches(change, worker, error) || !prepare_duplicates(change, worker, error) ||
        !prepare_scanner(change, worker, error) || !prepare_finder(change, worker, error) ||
        !prepare_classes(change, worker, error)) {
        worker_change_free(change);
        return NULL;
    }
    return change;
}

void worker_submit_change(struct worker *worker, struct worker_change *change)
{
    check(!atomic_load_explicit(&worker->change_submitted, memory_order_acquire));
    atomic_store_explicit(&worker->change_submitted, change, memory_order_release);
}

bool worker_change_taken(const struct worker_change *change)
{
    return atomic_load_explicit(&change->taken, memory_order_acquire);
}

bool worker_change_finished(const struct worker_change *change)
{
    return atomic_load_explicit(&change->finished, memory_order_acquire);
}

void worker_change_free(struct worker_change *change)
{
    if (!change)
        return;
    for (uint32_t c = 0; c < change->cache_count; c++)
        flow_cache_change_free(change->caches[c]);
    duplicate_table_destroy(change->duplicates);
    application_scanner_destroy(change->scanner);
    name_finder_destroy(change->finder);
    arena_unmap(&change->snapshot_classes);
    free(change);
}

/* ---- worker thread ---- */

static void change_duplicates(struct worker *worker, struct worker_change *change)
{
    struct duplicate_table *left = worker->duplicates;
    if (!change->other_duplicates) {
        if (left)
            duplicate_table_set_window(left, change->config.duplicate_window_ns);
        return;
    }
#define KEEP_DUPLICATE_COUNTER(name, help)                                                         \
    worker->duplicates_before.name += duplicate_counters(left)->name;
    if (left) {
        DUPLICATE_COUNTERS(KEEP_DUPLICATE_COUNTER)
    }
    worker->duplicates = change->duplicates;
    change->duplicates = left;
}

static void change_scanner(struct worker *worker, struct worker_change *change)
{
    struct application_scanner *left = worker->scanner;
    if (!change->other_scanner) {
        if (left)
            application_scanner_set_limits(left, &change->config.application_limits);
        return;
    }
#define KEEP_APPLICATION_COUNTER(name, help)                                                       \
    worker->applications_before.name += application_counters(left)->name;
    if (left) {
        APPLICATION_COUNTERS(KEEP_APPLICATION_COUNTER)
    }
    worker->scanner = change->scanner;
    change->scanner = left;
}

static void change_finder(struct worker *worker, struct worker_change *change)
{
    struct name_finder *left = worker->finder;
    if (!change->other_finder) {
        worker_bound_names(left, &change->config.application_limits);
        return;
    }
    worker_add_names(&worker->names_before, left);
    worker->finder = change->finder;
    change->finder = left;
}

static void change_snapshot(struct worker *worker, struct worker_change *change)
{
    struct arena left = worker->snapshot_classes;
    worker_snapshot_change(worker, &change->config);
    if (!change->other_classes)
        return;
    worker->snapshot_classes = change->snapshot_classes;
    change->snapshot_classes = left;
}

/* Sampling begins anew with the next packet only if its interval is another. */
static void change_selection(struct worker *worker, const struct worker_config *config)
{
    struct worker_config *own = &worker->config;
    own->filter = config->filter;
    memcpy(own->port_filters, config->port_filters, sizeof own->port_filters);
    own->port_filter_count = config->port_filter_count;
    if (config->ignore && config->ignore != own->ignore)
        flow_kernel_recall(worker->caches[0]); /* packets that the kernel counts are not filtered */
    own->ignore = config->ignore;
    if (own->sampling_interval != config->sampling_interval)
        worker->sampling_position = 0;
    own->sampling_interval = config->sampling_interval;
    own->duplicate_window_ns = config->duplicate_window_ns;
    own->applications = config->applications;
    own->application_limits = config->application_limits;
    own->alert_minimum = config->alert_minimum;
    own->watch = config->watch;
    own->names = config->names;
}

static void take(struct worker *worker, struct worker_change *change)
{
    change_selection(worker, &change->config);
    change_duplicates(worker, change);
    change_scanner(worker, change);
    change_finder(worker, change);
    change_snapshot(worker, change);
    for (uint32_t c = 0; c < change->cache_count; c++) {
        flow_cache_take_change(worker->caches[c], change->caches[c]);
        worker->config.caches[c].flows_max = change->config.caches[c].flows_max;
    }
    worker->change = change;
    atomic_store_explicit(&change->taken, true, memory_order_release);
}

bool worker_follow_change(struct worker *worker)
{
    if (worker->phase != PHASE_METERING && worker->phase != PHASE_ENDED)
        return false; /* a flush knows one table only */
    if (!worker->change) {
        struct worker_change *submitted =
            atomic_load_explicit(&worker->change_submitted, memory_order_acquire);
        if (__builtin_expect(!submitted, 1))
            return false;
        /* Only the first has flows that others count. */
        if (!flow_cache_may_take_change(worker->caches[0], submitted->caches[0]))
            return flow_cache_is_changing(worker->caches[0]);
        take(worker, submitted);
    }
    bool more = false;
    for (uint32_t c = 0; c < worker->config.cache_count; c++)
        more |= flow_cache_step_change(worker->caches[c]);
    if (more)
        return true;
    struct worker_change *done = worker->change;
    worker->change = NULL;
    atomic_store_explicit(&worker->change_submitted, NULL, memory_order_release);
    atomic_store_explicit(&done->finished, true, memory_order_release);
    return false;
}
