/*
 * What the workers are told of the configuration: filters and prefixes, made for them, and their
 * shares of everything else. At the start, and again for each change while they run.
 */
#include <stdlib.h>
#include <string.h>

#include "name_key.h"
#include "probe.h"

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

bool probe_selection_make(struct probe_selection *selection, const struct probe_config *config,
                          struct error *error)
{
    memset(selection, 0, sizeof *selection);
    selection->names.wanted = config->names.wanted;
    if (!name_key_read(&config->names, true, selection->names.key, error))
        return false;
    if (config->ignore_count &&
        !(selection->ignore = make_prefixes(config->ignore, config->ignore_count, error)))
        return false;
    if (config->local_count &&
        !(selection->local = make_prefixes(config->local, config->local_count, error)))
        return false;
    if (config->filter[0] && !(selection->filter = packet_filter_create(config->filter, error)))
        return false;
    for (uint32_t s = 0; !config->offline && s < config->source_count; s++) {
        const char *expression = config->sources[s].filter;
        if (expression[0] &&
            !(selection->source_filters[s] = packet_filter_create(expression, error)))
            return false;
    }
    return true;
}

void probe_selection_free(struct probe_selection *selection)
{
    for (uint32_t s = 0; s < SOURCES_MAX; s++)
        packet_filter_destroy(selection->source_filters[s]);
    packet_filter_destroy(selection->filter);
    prefix_set_destroy(selection->ignore);
    prefix_set_destroy(selection->local);
    explicit_bzero(selection, sizeof *selection);
}

static void select_ports(const struct probe_config *config, const struct source_places *places,
                         const struct probe_selection *selection, struct worker_config *worker)
{
    for (uint32_t s = 0; s < places->count; s++) {
        uint16_t port = places->places[s].port;
        if (!config->offline && config->sources[s].role == INTERFACE_TAP_B)
            for (uint32_t c = 0; c < config->cache_count; c++)
                worker->caches[c].egress_ports[port / 32] |= 1u << (port % 32);
        if (selection->source_filters[s])
            worker->port_filters[worker->port_filter_count++] =
                (struct worker_port_filter){port, selection->source_filters[s]};
    }
}

/* A worker's share, one of WORKERS, of what CONFIG says. */
static void configure_cache(const struct cache_config *config, uint32_t workers,
                            struct flow_cache_config *cache)
{
    cache->flows_max = config->flows_max < workers ? 1 : config->flows_max / workers;
    cache->active_timeout_ns = config->active_timeout_ns;
    cache->idle_timeout_ns = config->idle_timeout_ns;
    cache->tcp_linger_ns = config->tcp_linger_ns;
    cache->flood = config->flood;
    cache->kernel.packets_min = config->kernel_after_packets;
    cache->flood.new_flows_per_s = (config->flood.new_flows_per_s + workers - 1) / workers;
}

void probe_configure_worker(const struct probe_config *config, const struct source_places *places,
                            const struct probe_selection *selection,
                            const struct probe_rules *rules, struct worker_config *worker)
{
    worker->parser.vlan_in_key = config->vlan_in_key;
    worker->parser.fragment_table = config->fragment_table;
    worker->parser.tunnels = config->tunnels;
    worker->cache_count = config->cache_count;
    for (uint32_t c = 0; c < config->cache_count; c++) {
        configure_cache(&config->caches[c], config->workers, &worker->caches[c]);
        worker->caches[c].several_ports = places->count > 1;
        worker->caches[c].local = selection->local;
    }
    worker->applications = rules->set;
    worker->application_limits = (struct application_limits){
        .packets = (uint8_t)config->applications.packets,
        .octets = (uint16_t)config->applications.octets,
        .time_percent = (uint8_t)config->applications.time_share,
        .scans_per_s = (config->applications.scans_per_s + config->workers - 1) / config->workers};
    worker->alert_minimum = config->alerts.minimum;
    worker->names = selection->names;
    worker->filter = selection->filter;
    worker->ignore = selection->ignore;
    worker->sampling_interval = config->sampling_interval;
    worker->duplicate_window_ns = config->duplicate_window_ns;
    worker->offline = config->offline;
    select_ports(config, places, selection, worker);
}
