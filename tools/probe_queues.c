/* Sources with their queues, and who reads them. See probe_queues.h. */
#include "probe_queues.h"

#include <string.h>

#include "base/check.h"
#include "packet/source_dpdk.h"
#include "probe.h"
#include "worker/worker_change.h"

static_assert((int)SOURCE_LIST_MAX >= (int)SOURCES_MAX, "all sources in one list");

/* Those of other ports must be filled alike, so that what belongs together has one reader. */
static bool is_filled_alike(const struct probe *probe, const struct packet_source *source,
                            struct error *error)
{
    for (uint32_t s = 0; probe->queue_count > 1 && s < probe->source_count; s++)
        if (probe->queues[1][s])
            return source_dpdk_agree(probe->sources[s], source, error);
    return true;
}

bool source_queues_open(const struct probe *probe, const struct source_config *config,
                        const struct packet_interface *wanted, struct source_queues *made,
                        struct error *error)
{
    memset(made, 0, sizeof *made);
    made->queues[0] = probe_open_source(probe, config, wanted, error);
    bool good = made->queues[0] && probe_prepare_source(probe, config, made->queues[0], error) &&
                is_filled_alike(probe, made->queues[0], error);
    for (uint32_t q = 1; good && q < probe->queue_count; q++) {
        made->queues[q] = source_dpdk_queue(made->queues[0], (uint16_t)q,
                                            &probe->receive_clocks[q].now_ns, error);
        good = made->queues[q] != NULL;
    }
    if (!good)
        source_queues_close(made);
    return good;
}

void source_queues_close(struct source_queues *queues)
{
    for (uint32_t q = EXPORT_RINGS_MAX; q-- > 0;)
        if (queues->queues[q])
            queues->queues[q]->ops->close(queues->queues[q]);
    memset(queues, 0, sizeof *queues);
}

struct source_queues source_queues_of(const struct probe *probe, uint32_t s)
{
    struct source_queues all = {.queues = {probe->sources[s]}};
    for (uint32_t q = 1; q < probe->queue_count; q++)
        all.queues[q] = probe->queues[q][s];
    return all;
}

void source_queues_put(struct probe *probe, uint32_t s, const struct source_queues *queues)
{
    probe->sources[s] = queues->queues[0];
    for (uint32_t q = 1; q < EXPORT_RINGS_MAX; q++)
        probe->queues[q][s] = queues->queues[q];
}

/* ---- readers ---- */

/* One that reads all, or the workers. */
static uint32_t reader_count(const struct probe *probe)
{
    return probe->metering->distribution ? 1 : probe->metering->worker_count;
}

static void add(struct source_list *list, struct packet_source *source)
{
    if (!source)
        return;
    check(list->count < SOURCE_LIST_MAX);
    list->sources[list->count++] = source;
}

void readers_submit(const struct probe *probe, const struct source_queues sources[], uint32_t count,
                    bool more, struct reader_lists *lists)
{
    const struct metering *metering = probe->metering;
    uint32_t readers = reader_count(probe);
    check(readers > 0);
    memset(lists, 0, sizeof *lists);
    for (uint32_t r = 0; r < readers; r++)
        lists->lists[r].more = more;
    for (uint32_t q = 0; q < probe->queue_count; q++)
        for (uint32_t s = 0; s < count; s++)
            add(&lists->lists[q % readers], sources[s].queues[q]);
    if (metering->distribution)
        distribution_submit_sources(metering->distribution, &lists->lists[0]);
    for (uint32_t w = 0; !metering->distribution && w < readers; w++)
        worker_submit_sources(metering->workers[w], &lists->lists[w]);
}

bool readers_have_taken(const struct probe *probe)
{
    const struct metering *metering = probe->metering;
    if (metering->distribution)
        return distribution_sources_taken(metering->distribution);
    for (uint32_t w = 0; w < metering->worker_count; w++)
        if (!worker_sources_taken(metering->workers[w]))
            return false;
    return true;
}
