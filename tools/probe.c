/*
 * Puts a probe together and takes it apart. The order is that of a packet's path: what is used by
 * a part exists before it and goes after it.
 */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/simd.h"

/* Room for some 20,000 records: at ten million records a second, two milliseconds of exporter
 * absence. */
enum { RING_LINES = 65536 };

static struct prefix_set *make_prefixes(const struct prefix *prefixes, uint32_t count,
                                        struct error *error)
{
    struct prefix_set_entry *entries = calloc(count, sizeof *entries);
    if (!entries) {
        error_set(error, "no memory for %u prefixes", count);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(entries[i].address, prefixes[i].address, 16);
        entries[i].family = prefixes[i].family;
        entries[i].length = prefixes[i].length;
    }
    struct prefix_set *set = prefix_set_create(entries, count, error);
    free(entries);
    return set;
}

static bool make_selection(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    if (config->ignore_count &&
        !(probe->ignore = make_prefixes(config->ignore, config->ignore_count, error)))
        return false;
    if (config->local_count &&
        !(probe->local = make_prefixes(config->local, config->local_count, error)))
        return false;
    if (config->filter[0] && !(probe->filter = packet_filter_create(config->filter, error)))
        return false;
    for (uint32_t s = 0; !config->offline && s < config->source_count; s++) {
        const char *expression = config->sources[s].filter;
        if (expression[0] && !(probe->source_filters[s] = packet_filter_create(expression, error)))
            return false;
    }
    return true;
}

static void select_ports(const struct probe *probe, struct worker_config *worker)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        const struct packet_source *source = probe->sources[s];
        uint16_t port = source->interface_base;
        if (source->interface.role == INTERFACE_TAP_B)
            worker->cache.egress_ports[port / 32] |= 1u << (port % 32);
        if (probe->source_filters[s])
            worker->port_filters[worker->port_filter_count++] =
                (struct worker_port_filter){port, probe->source_filters[s]};
    }
}

static void configure_worker(const struct probe *probe, struct worker_config *worker)
{
    const struct probe_config *config = probe->config;
    worker->parser.vlan_in_key = config->vlan_in_key;
    worker->parser.fragment_table = config->fragment_table;
    worker->parser.tunnels = config->tunnels;
    worker->cache.flows_max = config->flows_max / config->workers;
    worker->cache.active_timeout_ns = config->active_timeout_ns;
    worker->cache.idle_timeout_ns = config->idle_timeout_ns;
    worker->cache.tcp_linger_ns = config->tcp_linger_ns;
    worker->cache.flood = config->flood;
    worker->cache.flood.new_flows_per_s =
        (config->flood.new_flows_per_s + config->workers - 1) / config->workers;
    worker->applications = probe->applications;
    worker->application_limits = (struct application_limits){
        .packets = (uint8_t)config->applications.packets,
        .octets = (uint16_t)config->applications.octets,
        .scans_per_s = (config->applications.scans_per_s + config->workers - 1) / config->workers};
    worker->cache.several_ports = probe->source_count > 1;
    worker->cache.local = probe->local;
    worker->filter = probe->filter;
    worker->ignore = probe->ignore;
    worker->sampling_interval = config->sampling_interval;
    worker->duplicate_window_ns = config->duplicate_window_ns;
    worker->offline = config->offline;
    if (worker->cache.flows_max == 0)
        worker->cache.flows_max = 1;
    select_ports(probe, worker);
}

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
    probe->rings[number] = record_ring_create(RING_LINES, error);
    if (!probe->rings[number])
        return false;
    worker->number = (uint16_t)number;
    worker->cache.kernel =
        (struct flow_kernel_config){.table = probe->kernel_table,
                                    .worker = number,
                                    .packets_min = probe->config->kernel_after_packets};
    worker->ring = probe->rings[number];
    give_sources(probe, number, worker);
    if (!fill_random(worker->cache.hash_seed, sizeof worker->cache.hash_seed, error))
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

/* Memory is given page by page as it is used: what cannot fit would end the probe much later. */
static bool tables_fit(const struct probe *probe, struct error *error)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_octets = sysconf(_SC_PAGESIZE);
    size_t needed = 0;
    for (uint32_t w = 0; w < probe->worker_count; w++)
        needed += flow_cache_memory(worker_flow_cache(probe->workers[w]), NULL);
    if (pages <= 0 || page_octets <= 0 || needed / (size_t)page_octets < (size_t)pages)
        return true;
    error_set(error,
              "-m (cache/maxFlows): tables for %u flows need %zu MiB, this machine has %zu: "
              "give fewer flows",
              probe->config->flows_max, needed >> 20, (size_t)pages * (size_t)page_octets >> 20);
    return false;
}

static bool make_workers(struct probe *probe, struct error *error)
{
    struct worker_config *worker = calloc(1, sizeof *worker);
    if (!worker) {
        error_set(error, "no memory for a worker");
        return false;
    }
    configure_worker(probe, worker);
    bool alone = probe->config->workers == 1 || probe->queue_count > 1;
    bool good = alone || make_distribution(probe, worker, error);
    good = good && probe_cores_give(probe, error);
    while (good && probe->worker_count < probe->config->workers)
        good = make_next_worker(probe, worker, error);
    free(worker);
    return good && tables_fit(probe, error);
}

static bool make_exporter(struct probe *probe, struct error *error)
{
    struct exporting_process_config *config = malloc(sizeof *config);
    if (!config) {
        error_set(error, "no memory for the exporting process");
        return false;
    }
    *config = probe->config->exporting;
    config->offline = probe->config->offline;
    config->sampling_interval = probe->config->sampling_interval;
    config->state = probe->state;
    config->applications = probe->application_names;
    config->spool = probe->spool;
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
    probe->exporter = exporting_process_create(config, probe->rings, probe->worker_count, error);
    free(config);
    struct error note = {""};
    if (probe->exporter && probe->spool)
        spool_tell_strangers(probe->spool, &note);
    if (note.text[0])
        fprintf(stderr, "spanflowd: %s\n", note.text);
    return probe->exporter != NULL;
}

static void say_start(const struct probe *probe)
{
    char pages[96] = "";
    size_t memory = 0;
    for (uint32_t w = 0; w < probe->worker_count; w++) {
        const char *backing;
        memory += flow_cache_memory(worker_flow_cache(probe->workers[w]), &backing);
        size_t used = strlen(pages);
        if (!strstr(pages, backing))
            snprintf(pages + used, sizeof pages - used, "%s%s", used ? ", " : "", backing);
    }
    char cpus[256];
    probe_cores_tell(probe, cpus, sizeof cpus);
    fprintf(stderr, "spanflowd: at most %u flows in %zu MiB (%s), %u worker%s%s, %s\n",
            probe->config->flows_max, memory >> 20, pages, probe->worker_count,
            probe->worker_count > 1 ? probe->spread : "", cpus, simd_level_name(simd_choose()));
    probe_tell_applications(probe);
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

void probe_tell_metering(struct probe *probe, uint64_t monotonic_ns)
{
    static const uint64_t second_ns = 1000000000u;
    if (probe->first_told && monotonic_ns - probe->told_ns < second_ns)
        return;
    struct worker_counts sum = {0};
    for (uint32_t w = 0; w < probe->worker_count; w++)
        worker_add_counts(probe->workers[w], &sum);
    uint64_t time_ns = probe_time_ns(probe);
    if (probe->started_ns == 0)
        probe->started_ns = time_ns;
    const struct metering_counts counts = {.start_ns = probe->config->offline ? sum.first_ns
                                                                              : probe->started_ns,
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
    exporting_process_tell_metering(probe->exporter, &counts, time_ns);
    probe->first_told = counts.start_ns != 0;
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

static bool open_spool(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    uint32_t streams = 0;
    if (config->offline || !config->spool_directory[0])
        return true;
    for (uint32_t i = 0; i < config->exporting.destination_count; i++)
        streams += destination_can_spool(config->exporting.destinations[i].kind);
    probe->spool = spool_open(config->spool_directory, config->spool_octets_max, streams, error);
    return probe->spool != NULL;
}

struct probe *probe_create(const struct probe_config *config, struct error *error)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        error_set(error, "no memory for a probe");
        return NULL;
    }
    probe->config = config;
    if (!open_state(probe, error) || !open_spool(probe, error) || !make_selection(probe, error) ||
        !probe_make_applications(probe, error) || !probe_kernel_open(probe, error) ||
        !probe_open_sources(probe, error) || !make_workers(probe, error) ||
        !make_exporter(probe, error)) {
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
    if (probe->exporter)
        exporting_process_destroy(probe->exporter);
    export_state_close(probe->state);
    spool_close(probe->spool);
    for (uint32_t w = 0; w < EXPORT_RINGS_MAX; w++) {
        worker_destroy(probe->workers[w]);
        record_ring_destroy(probe->rings[w]);
    }
    distribution_destroy(probe->distribution);
    probe_close_queues(probe);
    for (uint32_t s = 0; s < probe->source_count; s++)
        probe->sources[s]->ops->close(probe->sources[s]);
    for (uint32_t s = 0; s < SOURCES_MAX; s++)
        packet_filter_destroy(probe->source_filters[s]);
    probe_kernel_close(probe);
    packet_filter_destroy(probe->filter);
    probe_free_applications(probe);
    prefix_set_destroy(probe->ignore);
    prefix_set_destroy(probe->local);
    free(probe);
}
