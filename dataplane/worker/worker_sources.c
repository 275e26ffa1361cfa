/*
 * Other sources for a worker that goes on with its flows. The list is taken between two batches,
 * when those that leave have nothing left that came before they were asked to stop.
 */
#include <string.h>

#include "worker/worker_change.h"
#include "worker/worker_private.h"

void worker_submit_sources(struct worker *worker, const struct source_list *list)
{
    atomic_store_explicit(&worker->sources_submitted, list, memory_order_release);
}

bool worker_sources_taken(const struct worker *worker)
{
    return !atomic_load_explicit(&worker->sources_submitted, memory_order_acquire);
}

/* ---- worker thread ---- */

static bool leaves(const struct worker *worker, uint32_t s, const struct source_list *list)
{
    return packet_source_place(list->sources, list->count, worker->config.sources[s]) < 0;
}

/* A device that cannot be asked to stop may have packets for ever. */
static bool is_read_out(const struct worker *worker, uint32_t s)
{
    return worker->source_ended[s] || worker->source_idle[s] ||
           !worker->config.sources[s]->ops->stop;
}

/* What a worker keeps of each of its sources. */
struct places {
    bool ended[WORKER_SOURCES_MAX];
    struct source_ledger before[WORKER_SOURCES_MAX];
    uint64_t steps[WORKER_SOURCES_MAX];
};

/* Puts what is kept of the source, or what a new one begins with, into place TO. */
static void fill_place(const struct worker *worker, struct packet_source *source,
                       struct places *places, uint32_t to)
{
    int from = packet_source_place(worker->config.sources, worker->config.source_count, source);
    places->ended[to] = from >= 0 && worker->source_ended[from];
    places->before[to] = from >= 0 ? worker->source_before[from] : source->ledger;
    places->steps[to] = from >= 0 ? worker->source_steps[from] : source->clock_steps;
}

void worker_follow_sources(struct worker *worker)
{
    const struct source_list *list =
        atomic_load_explicit(&worker->sources_submitted, memory_order_acquire);
    struct places places;
    if (worker->phase != PHASE_METERING ||
        atomic_load_explicit(&worker->stop_asked, memory_order_acquire))
        return; /* who ends begins with no other */
    memset(&places, 0, sizeof places);
    if (!worker->sources_asked) {
        memset(worker->source_idle, 0, sizeof worker->source_idle);
        worker->sources_asked = true;
    }
    for (uint32_t s = 0; s < worker->config.source_count; s++)
        if (leaves(worker, s, list) && !is_read_out(worker, s))
            return;
    worker_poll_devices(worker);
    for (uint32_t s = 0; s < worker->config.source_count; s++)
        if (leaves(worker, s, list)) {
            const struct source_ledger ledger = worker_source_ledger(worker, s);
            source_ledger_add(&worker->sources_gone, &ledger);
            worker->any_gone = true;
        }
    worker->sources_open = 0;
    for (uint32_t s = 0; s < list->count; s++) {
        fill_place(worker, list->sources[s], &places, s);
        worker->sources_open += !places.ended[s];
    }
    memcpy(worker->source_ended, places.ended, sizeof places.ended);
    memcpy(worker->source_before, places.before, sizeof places.before);
    memcpy(worker->source_steps, places.steps, sizeof places.steps);
    worker->sources_asked = false;
    memcpy(worker->config.sources, list->sources, sizeof worker->config.sources);
    worker->config.source_count = list->count;
    worker->config.more_sources = list->more;
    atomic_store_explicit(&worker->sources_submitted, NULL, memory_order_release);
}
