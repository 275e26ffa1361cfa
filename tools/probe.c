/*
 * Puts a probe together and takes it apart. The order is that of a packet's path: what is used by
 * a part exists before it and goes after it.
 */
#include "probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/simd.h"
#include "probe_change.h"
#include "probe_history.h"
#include "probe_notify.h"
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

static bool make_distribution(struct probe *probe, const struct worker_config *worker,
                              struct error *error)
{
    struct distribution_config config = {.source_count = probe->source_count,
                                         .lanes = probe->config->workers,
                                         .parser = worker->parser,
                                         .hash_ports = probe->config->hash_ports,
                                         .offline = worker->offline};
    for (uint32_t s = 0; s < probe->source_count; s++)
        config.sources[s] = probe->sources[s];
    if (!fill_random(config.hash_seed, sizeof config.hash_seed, error))
        return false;
    probe->distribution = distribution_create(&config, error);
    return probe->distribution != NULL;
}

/* The sources of worker NUMBER: its lane, or, alone, all of them, or its queue of each. */
static void give_sources(const struct probe *probe, uint32_t number, struct worker_config *worker)
{
    if (probe->distribution) {
        worker->source_count = 1;
        worker->sources[0] = distribution_lane(probe->distribution, number);
        return;
    }
    worker->source_count = probe->source_count;
    for (uint32_t s = 0; s < probe->source_count; s++)
        worker->sources[s] = number == 0 ? probe->sources[s] : probe->queues[number][s];
}

static bool make_worker(struct probe *probe, uint32_t number, struct worker_config *worker,
                        struct error *error)
{
    worker->number = (uint16_t)number;
    for (uint32_t c = 0; c < probe->cache_count; c++) {
        struct flow_cache_config *cache = &worker->caches[c];
        cache->ring = probe->rings[c][number] = record_ring_create(RING_LINES, error);
        if (!cache->ring || !fill_random(cache->hash_seed, sizeof cache->hash_seed, error))
            return false;
    }
    worker->caches[0].kernel =
        (struct flow_kernel_config){.table = probe->kernel_table,
                                    .worker = number,
                                    .packets_min = probe->config->caches[0].kernel_after_packets};
    give_sources(probe, number, worker);
    if (!probe_snapshot_give(probe, number, worker, error))
        return false;
    probe->workers[number] = worker_create(worker, error);
    return probe->workers[number] != NULL;
}

/* On the worker's own CPU, if it has one: memory is taken near it. */
static bool make_next_worker(struct probe *probe, struct worker_config *worker, struct error *error)
{
    uint32_t number = probe->worker_count;
    cpu_set_t before = probe_cores_bind(probe->cores[number]);
    bool good = make_worker(probe, number, worker, error);
    if (probe->cores[number] >= 0)
        sched_setaffinity(0, sizeof before, &before);
    probe->worker_count += good;
    return good;
}

/* In all caches together. */
static uint64_t flows_at_most(const struct probe *probe)
{
    uint64_t flows = 0;
    for (uint32_t c = 0; c < probe->cache_count; c++)
        flows += probe->config->caches[c].flows_max;
    return flows;
}

/* Memory is given page by page as it is used: what cannot fit would end the probe much later. */
static bool tables_fit(const struct probe *probe, struct error *error)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_octets = sysconf(_SC_PAGESIZE);
    size_t needed = 0;
    for (uint32_t w = 0; w < probe->worker_count; w++)
        for (uint32_t c = 0; c < probe->cache_count; c++)
            needed += flow_cache_memory(worker_flow_cache(probe->workers[w], c), NULL);
    if (pages <= 0 || page_octets <= 0 || needed / (size_t)page_octets < (size_t)pages)
        return true;
    error_set(error,
              "-m (cache/maxFlows): tables for %" PRIu64
              " flows need %zu MiB, this machine has %zu: "
              "give fewer flows",
              flows_at_most(probe), needed >> 20, (size_t)pages * (size_t)page_octets >> 20);
    return false;
}

static bool make_workers(struct probe *probe, struct error *error)
{
    struct worker_config *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, "no memory for a worker");
        return false;
    }
    probe_configure_worker(probe, probe->config, &probe->selection, &probe->rules, worker);
    bool alone = probe->config->workers == 1 || probe->queue_count > 1;
    bool good = alone || make_distribution(probe, worker, error);
    good = good && probe_cores_give(probe, error);
    while (good && probe->worker_count < probe->config->workers)
        good = make_next_worker(probe, worker, error);
    free(worker);
    return good && tables_fit(probe, error);
}

void probe_describe(const struct probe *probe, const struct probe_config *from,
                    const struct probe_rules *rules, uint32_t c,
                    struct exporting_process_config *config)
{
    *config = from->caches[c].exporting;
    config->offline = from->offline;
    config->sampling_interval = from->sampling_interval;
    config->state = probe->state;
    config->applications = rules->names;
    config->spool = probe->spools[c];
    for (uint32_t d = 0; d < config->destination_count; d++)
        config->destinations[d].continues =
            ledger_carry_knows(probe->carry, config->destinations[d].name);
    config->interface_count = 0;
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        for (uint16_t i = 0; i < source->interface_count; i++) {
            struct export_interface *out = &config->interfaces[config->interface_count++];
            out->ifindex = source->interface.ifindex;
            out->partner_ifindex = source->interface.partner_ifindex;
            memcpy(out->name, source->interface.name, sizeof out->name);
        }
    }
}

static bool make_exporter(struct probe *probe, uint32_t c, struct error *error)
{
    struct exporting_process_config *config = malloc(sizeof *config);
    if (!config) {
        error_set(error, "no memory for the exporting process");
        return false;
    }
    probe_describe(probe, probe->config, &probe->rules, c, config);
    probe->exporters[c] =
        exporting_process_create(config, probe->rings[c], probe->worker_count, error);
    free(config);
    struct error note = {""};
    if (probe->exporters[c] && probe->spools[c])
        spool_tell_strangers(probe->spools[c], &note);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    return probe->exporters[c] != NULL;
}

static bool make_exporters(struct probe *probe, struct error *error)
{
    bool good = true;
    for (uint32_t c = 0; good && c < probe->cache_count; c++)
        good = make_exporter(probe, c, error);
    return good;
}

static void say_start(const struct probe *probe)
{
    if (probe->source_count == 0) {
        fprintf(stderr, "spanflowd: nothing to observe is configured yet; commit a source and a "
                        "collector (spanflow config edit source xdp:INTERFACE, spanflow config "
                        "edit collector udp://HOST:PORT, spanflow config commit)\n");
        return;
    }
    char pages[96] = "";
    size_t memory = 0;
    for (uint32_t n = 0; n < probe->worker_count * probe->cache_count; n++) {
        const char *backing;
        const struct worker *worker = probe->workers[n / probe->cache_count];
        memory += flow_cache_memory(worker_flow_cache(worker, n % probe->cache_count), &backing);
        size_t used = strlen(pages);
        if (!strstr(pages, backing))
            snprintf(pages + used, sizeof pages - used, "%s%s", used ? ", " : "", backing);
    }
    char cpus[256];
    probe_cores_tell(probe, cpus, sizeof cpus);
    fprintf(stderr, "spanflowd: at most %" PRIu64 " flows in %zu MiB (%s), %u worker%s%s, %s\n",
            flows_at_most(probe), memory >> 20, pages, probe->worker_count,
            probe->worker_count > 1 ? probe->spread : "", cpus, simd_level_name(simd_choose()));
    probe_tell_applications(probe);
    probe_tell_names(probe);
}

uint64_t probe_time_ns(const struct probe *probe)
{
    uint64_t newest = 0;
    for (uint32_t w = 0; w < probe->worker_count; w++) {
        uint64_t time_ns = worker_time_ns(probe->workers[w]);
        newest = time_ns > newest ? time_ns : newest;
    }
    /* A live run that ends before its first round has a time, too. */
    return newest || probe->config->offline ? newest : clock_wall_ns();
}

/* What the workers have counted, for cache C. */
static struct metering_counts metering_of(const struct probe *probe, uint32_t c)
{
    struct worker_counts sum = {0};
    for (uint32_t w = 0; w < probe->worker_count; w++)
        worker_add_counts(probe->workers[w], c, &sum);
    return (struct metering_counts){.start_ns =
                                        probe->config->offline ? sum.first_ns : probe->started_ns,
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
    if (probe->first_told && monotonic_ns - probe->told_ns < second_ns)
        return;
    uint64_t time_ns = probe_time_ns(probe);
    if (probe->started_ns == 0)
        probe->started_ns = time_ns;
    probe->first_told = true;
    for (uint32_t c = 0; c < probe->cache_count; c++) {
        const struct metering_counts counts = metering_of(probe, c);
        exporting_process_tell_metering(probe->exporters[c], &counts, time_ns);
        probe->first_told &= counts.start_ns != 0;
    }
    probe->told_ns = monotonic_ns;
}

static bool open_state(struct probe *probe, struct error *error)
{
    struct error note = {""};
    if (probe->config->offline || !probe->config->state_directory[0])
        return true;
    probe->state = export_state_open(probe->config->state_directory, &note, error);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    return probe->state != NULL;
}

static bool open_spools(struct probe *probe, struct error *error)
{
    for (uint32_t c = 0; !probe->config->offline && c < probe->cache_count; c++) {
        const struct cache_config *config = &probe->config->caches[c];
        uint32_t streams = 0;
        if (!config->spool_directory[0])
            continue;
        for (uint32_t i = 0; i < config->exporting.destination_count; i++)
            streams += destination_can_spool(config->exporting.destinations[i].kind);
        probe->spools[c] =
            spool_open(config->spool_directory, config->spool_octets_max, streams, error);
        if (!probe->spools[c])
            return false;
    }
    return true;
}

struct probe *probe_create(const struct probe_config *config, struct ledger_carry *carry,
                           struct error *error)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        error_set(error, "no memory for a probe");
        return NULL;
    }
    probe->config = config;
    probe->carry = carry;
    probe->cache_count = config->cache_count;
    if (!open_state(probe, error) || !open_spools(probe, error) ||
        !probe_selection_make(&probe->selection, config, error) ||
        !probe_rules_make(&probe->rules, &config->applications, error) ||
        !probe_kernel_open(probe, error) || !probe_open_sources(probe, error) ||
        !probe_snapshot_open(probe, error) || !make_workers(probe, error) ||
        !probe_history_make(config, false, error) || !make_exporters(probe, error)) {
        probe->carry = NULL;
        probe_destroy(probe);
        return NULL;
    }
    say_start(probe);
    probe_kernel_say_start(probe);
    return probe;
}

void probe_destroy(struct probe *probe)
{
    if (!probe)
        return;
    probe_history_close(probe->history);
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        if (probe->exporters[c])
            exporting_process_destroy(probe->exporters[c]);
    export_state_close(probe->state);
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        spool_close(probe->spools[c]);
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++) {
        worker_destroy(probe->workers[w]);
        for (uint32_t c = 0; c < CACHES_MAX; c++)
            record_ring_destroy(probe->rings[c][w]);
    }
    probe_snapshot_stop(probe);
    probe_change_free(probe->change);
    probe_snapshot_close(probe);
    distribution_destroy(probe->distribution);
    probe_close_queues(probe);
    for (uint32_t s = 0; s < probe->source_count; s++)
        probe->sources[s]->ops->close(probe->sources[s]);
    probe_kernel_close(probe);
    probe_selection_free(&probe->selection);
    probe_rules_free(&probe->rules);
    probe_watch_destroy(probe->watch);
    for (uint32_t c = 0; c < CACHES_MAX; c++)
        free(probe->descriptions[c]);
    ledger_carry_free(probe->carry);
    free(probe);
}
