/* A set of workers: made, told about, freed. */
#include "probe_metering.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "probe.h"
#include "probe_kernel.h"
#include "probe_lists.h"
#include "probe_queues.h"
#include "probe_snapshot.h"

static_assert((int)WORKER_CACHES_MAX == (int)CACHES_MAX,
              "caches of the configuration and of a worker");

/* Room for some 20,000 records: at ten million records a second, two milliseconds of exporter
 * absence. */
enum { RING_LINES = 65536 };

static bool fill_random(void *bytes, size_t size, struct error *error)
{
    if (getrandom(bytes, size, 0) == (ssize_t)size)
        return true;
    error_set(error, "the kernel gave no random numbers for the hash key");
    return false;
}

struct making {
    struct probe *probe;
    const struct metering_wish *wish;
    const struct probe_config *config;
    struct metering *metering;
    struct worker_config worker; /* what is the same for all */
};

/* ---- sources ---- */

static struct packet_source *queue_of(const struct probe *probe, uint32_t queue, uint32_t source)
{
    return queue == 0 ? probe->sources[source] : probe->queues[queue][source];
}

/* Those of receive queue QUEUE that the workers begin with. */
static uint32_t list_queue(const struct making *making, uint32_t queue,
                           struct packet_source *list[])
{
    const struct probe *probe = making->probe;
    const struct source_queues *some = making->wish->sources;
    uint32_t count = some ? making->wish->source_count : probe->source_count;
    for (uint32_t s = 0; s < count; s++)
        list[s] = some ? some[s].queues[queue] : queue_of(probe, queue, s);
    return count;
}

/* Whether the workers of CONFIG can read the receive queues themselves: what belongs together must
 * be in one of them, and each queue has one worker. */
static bool read_themselves(const struct probe *probe, const struct probe_config *config)
{
    if (config->workers == 1)
        return true;
    return probe->queue_count > 1 && config->workers <= probe->queue_count && !config->tunnels &&
           config->hash_ports == probe->queues_by_ports;
}

/* How many sources a reader has at most. */
static uint32_t most_sources(const struct probe *probe, const struct probe_config *config)
{
    uint32_t readers = read_themselves(probe, config) ? config->workers : 1;
    return (probe->queue_count + readers - 1) / readers * config->source_count;
}

bool metering_is_possible(const struct probe *probe, const struct probe_config *config)
{
    static_assert((int)WORKER_SOURCES_MAX == (int)DISTRIBUTION_SOURCES_MAX, "one bound for both");
    return most_sources(probe, config) <= WORKER_SOURCES_MAX;
}

static bool make_distribution(struct making *making, struct error *error)
{
    const struct probe *probe = making->probe;
    struct distribution_config config = {.lanes = making->config->workers,
                                         .parser = making->worker.parser,
                                         .hash_ports = making->config->hash_ports,
                                         .more_sources = making->wish->sources != NULL,
                                         .populated = making->worker.populated,
                                         .offline = making->worker.offline};
    for (uint32_t q = 0; q < probe->queue_count; q++)
        config.source_count += list_queue(making, q, &config.sources[config.source_count]);
    if (!fill_random(config.hash_seed, sizeof config.hash_seed, error))
        return false;
    making->metering->distribution = distribution_create(&config, error);
    return making->metering->distribution != NULL;
}

/* The sources of worker NUMBER: its lane, or its receive queues of each. */
static void give_sources(struct making *making, uint32_t number)
{
    const struct probe *probe = making->probe;
    struct worker_config *worker = &making->worker;
    if (making->metering->distribution) {
        worker->source_count = 1;
        worker->sources[0] = distribution_lane(making->metering->distribution, number);
        return;
    }
    worker->source_count = 0;
    worker->more_sources = making->wish->sources != NULL;
    for (uint32_t q = number; q < probe->queue_count; q += making->config->workers)
        worker->source_count += list_queue(making, q, &worker->sources[worker->source_count]);
}

/* Remembers how packets come to several workers, and why so. */
static void say_spread(const struct making *making)
{
    const struct probe *probe = making->probe;
    struct metering *metering = making->metering;
    bool ports = making->config->hash_ports;
    if (!metering->distribution)
        snprintf(metering->spread, sizeof metering->spread,
                 "s, each with its receive queue%s of every port: RSS by addresses%s, both "
                 "directions in one queue%s",
                 probe->queue_count > making->config->workers ? "s" : "", ports ? " and ports" : "",
                 ports ? "; fragments may meet another worker" : "");
    else
        snprintf(metering->spread, sizeof metering->spread,
                 "s behind the software distribution stage%s: %s",
                 ports ? ", by addresses and ports" : "",
                 making->config->tunnels ? "tunnels are opened, and the addresses inside decide"
                 : probe->queues_why[0]  ? probe->queues_why
                                         : "the receive queues are those of the start");
}

/* ---- workers ---- */

/* At the start its own ring; while packets flow that of the change. */
static bool give_snapshot(struct making *making, uint32_t number, struct error *error)
{
    if (!making->wish->takes_over)
        return probe_snapshot_give(making->probe, number, making->metering->cores[number],
                                   &making->worker, error);
    probe_snapshot_fill(making->probe, making->wish->snapshot, number, &making->worker);
    return true;
}

static bool make_worker(struct making *making, uint32_t number, struct error *error)
{
    struct metering *metering = making->metering;
    struct worker_config *worker = &making->worker;
    worker->number = (uint16_t)number;
    for (uint32_t c = 0; c < metering->cache_count; c++) {
        struct flow_cache_config *cache = &worker->caches[c];
        cache->ring = metering->rings[c][number] = record_ring_create(RING_LINES, error);
        if (!cache->ring || !fill_random(cache->hash_seed, sizeof cache->hash_seed, error))
            return false;
    }
    worker->caches[0].kernel.table = probe_kernel_table(metering->kernel);
    worker->caches[0].kernel.worker = number;
    give_sources(making, number);
    probe_lists_fill(making->wish->lists, number, worker);
    if (!give_snapshot(making, number, error))
        return false;
    metering->workers[number] = worker_create(worker, error);
    return metering->workers[number] != NULL;
}

/* On the worker's own CPU, if it has one: memory is taken near it. Not while another worker is busy
 * there. */
static bool make_next_worker(struct making *making, struct error *error)
{
    struct metering *metering = making->metering;
    uint32_t number = metering->worker_count;
    int core = making->wish->takes_over ? -1 : metering->cores[number];
    cpu_set_t before = probe_cores_bind(core);
    bool good = make_worker(making, number, error);
    if (core >= 0)
        sched_setaffinity(0, sizeof before, &before);
    metering->worker_count += good;
    return good;
}

/* Memory is given page by page as it is used: what cannot fit would end the probe much later. */
static bool tables_fit(const struct making *making, struct error *error)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_octets = sysconf(_SC_PAGESIZE);
    size_t needed = metering_memory(making->metering, NULL, 0);
    uint64_t flows = 0;
    if (pages <= 0 || page_octets <= 0 || needed / (size_t)page_octets < (size_t)pages)
        return true;
    for (uint32_t c = 0; c < making->config->cache_count; c++)
        flows += making->config->caches[c].flows_max;
    error_set(error,
              "-m (cache/maxFlows): tables for %" PRIu64
              " flows need %zu MiB, this machine has %zu: "
              "give fewer flows",
              flows, needed >> 20, (size_t)pages * (size_t)page_octets >> 20);
    return false;
}

static bool make_workers(struct making *making, struct error *error)
{
    const struct probe_config *config = making->config;
    struct metering *metering = making->metering;
    bool alone = read_themselves(making->probe, config);
    bool good = alone || make_distribution(making, error);
    metering->receiver_count = alone ? config->workers : 1;
    say_spread(making);
    good = good && probe_cores_give(metering, config, error);
    while (good && metering->worker_count < config->workers)
        good = make_next_worker(making, error);
    return good && tables_fit(making, error);
}

struct metering *metering_create(struct probe *probe, const struct metering_wish *wish,
                                 struct error *error)
{
    struct metering *metering = calloc(1, sizeof *metering);
    struct making *making = calloc(1, sizeof *making);
    bool good = metering && making;
    if (good) {
        metering->cache_count = wish->config->cache_count;
        metering->kernel = wish->kernel;
        metering->takes_over = wish->takes_over;
        atomic_init(&metering->stage, wish->takes_over ? METERING_WAITS : METERING_RUNS);
        making->probe = probe;
        making->wish = wish;
        making->config = wish->config;
        making->metering = metering;
        probe_configure_worker(wish->config, wish->places, wish->selection, wish->rules,
                               &making->worker);
        making->worker.populated = wish->takes_over;
        good = make_workers(making, error);
    } else {
        probe_kernel_free(wish->kernel);
        error_set(error, "no memory for a worker");
    }
    free(making);
    if (good)
        return metering;
    metering_destroy(metering);
    return NULL;
}

void metering_destroy(struct metering *metering)
{
    if (!metering)
        return;
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++) {
        worker_destroy(metering->workers[w]);
        for (uint32_t c = 0; c < CACHES_MAX; c++)
            record_ring_destroy(metering->rings[c][w]);
    }
    distribution_destroy(metering->distribution);
    probe_kernel_free(metering->kernel);
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        free(metering->exchanged[c]);
    free(metering);
}

size_t metering_memory(const struct metering *metering, char *backing, size_t size)
{
    size_t memory = 0;
    for (uint32_t n = 0; n < metering->worker_count * metering->cache_count; n++) {
        const char *pages;
        const struct worker *worker = metering->workers[n / metering->cache_count];
        memory += flow_cache_memory(worker_flow_cache(worker, n % metering->cache_count), &pages);
        size_t used = backing ? strlen(backing) : 0;
        if (backing && !strstr(backing, pages))
            snprintf(backing + used, size - used, "%s%s", used ? ", " : "", pages);
    }
    return memory;
}

/* ---- what is told of it ---- */

static uint64_t newest_of(const struct metering *metering, uint64_t newest)
{
    for (uint32_t w = 0; metering && w < metering->worker_count; w++) {
        uint64_t time_ns = worker_time_ns(metering->workers[w]);
        newest = time_ns > newest ? time_ns : newest;
    }
    return newest;
}

uint64_t probe_time_ns(const struct probe *probe)
{
    uint64_t newest = newest_of(probe->before, newest_of(probe->metering, 0));
    /* A live run that ends before its first round has a time, too. */
    return newest || probe->config->offline ? newest : clock_wall_ns();
}

void metering_add_counts(const struct metering *metering, uint32_t cache,
                         struct worker_counts *counts)
{
    for (uint32_t w = 0; w < metering->worker_count; w++)
        worker_add_counts(metering->workers[w], cache, counts);
}

struct worker_counts probe_counts(const struct probe *probe, uint32_t cache)
{
    struct worker_counts sum = probe->counts_before[cache];
    metering_add_counts(probe->metering, cache, &sum);
    for (uint32_t b = 0; probe->before && b < probe->before->cache_count; b++)
        if (probe->before->successor[b] == (int)cache)
            metering_add_counts(probe->before, b, &sum);
    return sum;
}

/* What the workers have counted, for cache C. */
static struct metering_counts metering_of(const struct probe *probe, uint32_t c)
{
    const struct worker_counts sum = probe_counts(probe, c);
    return (struct metering_counts){
        .start_ns = probe->config->offline ? sum.first_ns : probe->exporting->started_ns,
        .metered_packets = sum.metered_packets,
        .ignored_packets = sum.ignored_packets,
        .ignored_octets = sum.ignored_octets,
        .dropped_packets = sum.dropped_packets,
        .dropped_octets = sum.dropped_octets,
        .fragment_hits = sum.fragment_hits,
        .fragment_misses = sum.fragment_misses,
        .flows = sum.flows,
        .evicted = sum.evicted,
        .flows_peak = sum.held};
}

void probe_tell_metering(struct probe *probe, uint64_t monotonic_ns)
{
    static const uint64_t second_ns = 1000000000u;
    if (probe->exporting->first_told && monotonic_ns - probe->exporting->told_ns < second_ns)
        return;
    uint64_t time_ns = probe_time_ns(probe);
    if (probe->exporting->started_ns == 0)
        probe->exporting->started_ns = time_ns;
    probe->exporting->first_told = true;
    for (uint32_t c = 0; c < probe->metering->cache_count; c++) {
        const struct metering_counts counts = metering_of(probe, c);
        exporting_process_tell_metering(probe->exporting->exporters[c], &counts, time_ns);
        probe->exporting->first_told &= counts.start_ns != 0;
    }
    probe->exporting->told_ns = monotonic_ns;
}
