/* From one set of workers to the next. See probe_exchange.h. */
#include "probe_exchange.h"

#include <stdlib.h>

#include "exporting_process_change.h"
#include "probe.h"
#include "probe_alerts.h"
#include "probe_control.h"

bool probe_exchange_is_possible(const struct probe *probe, const struct probe_config *config)
{
    /* The kernel's table is made for its workers. */
    return !probe->kernel_table && config->caches[0].kernel_flows == 0 &&
           metering_is_possible(probe, config);
}

bool probe_exchange_prepare(struct probe *probe, struct error *error)
{
    for (uint32_t c = 0; c < CACHES_MAX; c++) {
        if (!probe->exchanged[c])
            probe->exchanged[c] = calloc(1, sizeof *probe->exchanged[c]);
        if (!probe->exchanged[c]) {
            error_set(error, "no memory for the account of other workers");
            return false;
        }
    }
    return true;
}

bool probe_exchange_may_begin(const struct probe *probe)
{
    return !probe->cut_pending && !probe_walk_is_under_way(probe->control);
}

bool probe_exchange_begin(struct probe *probe, struct metering *next)
{
    struct metering *before = probe->metering;
    enum metering_stage runs = METERING_RUNS;
    metering_carry_snapshot(probe);
    before->next = next;
    exporting_take(probe->exporting);
    bool begun = atomic_compare_exchange_strong(&before->stage, &runs, METERING_HANDED);
    for (uint32_t c = 0; begun && c < next->cache_count; c++)
        exporting_process_exchange_rings(probe->exporting->exporters[c], next->rings[c],
                                         next->worker_count);
    if (begun) {
        probe->before = before;
        probe->metering = next;
    }
    exporting_give_back(probe->exporting);
    if (!begun)
        before->next = NULL;
    else
        probe_cores_enter(probe, next, -1);
    return begun;
}

/* The exporting processes leave the rings of METERING, which nobody counts for any more. */
static void drop_rings(struct probe *probe, const struct metering *metering,
                       struct exporter_counters counters[])
{
    exporting_take(probe->exporting);
    for (uint32_t c = 0; c < metering->cache_count; c++)
        exporting_process_drop_rings(probe->exporting->exporters[c], &counters[c]);
    for (uint32_t c = 0; c < metering->cache_count; c++) {
        metering_add_counts(metering, c, &probe->counts_before[c]);
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
    metering_destroy(before);
}

static bool rings_are_empty(const struct probe *probe)
{
    bool empty = true;
    exporting_take(probe->exporting);
    for (uint32_t c = 0; c < probe->before->cache_count; c++)
        empty = empty && exporting_process_has_emptied(probe->exporting->exporters[c]);
    exporting_give_back(probe->exporting);
    return empty;
}

bool probe_exchange_turn(struct probe *probe)
{
    const struct metering *next = probe->metering;
    if (!probe->before)
        return true;
    if (atomic_load(&next->begun) < next->receiver_count ||
        atomic_load(&probe->before->running) > 0 || probe->cut_pending || !rings_are_empty(probe))
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
