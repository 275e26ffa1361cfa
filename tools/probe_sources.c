/*
 * Opens what the configuration observes: capture files, or devices by DPDK, and gives every
 * interface its place in the table that records refer to.
 */
#include <stdio.h>
#include <string.h>

#include "packet/source_dpdk.h"
#include "packet/source_file.h"
#include "probe.h"

static bool open_files(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    probe->sources[0] = source_file_open(config->files, config->file_count, error);
    if (!probe->sources[0])
        return false;
    probe->source_count = 1;
    return true;
}

static bool open_devices(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    for (uint32_t s = 0; s < config->source_count; s++) {
        struct packet_interface wanted = {.ifindex = config->sources[s].ifindex,
                                          .role = config->sources[s].role};
        snprintf(wanted.name, sizeof wanted.name, "%s", config->sources[s].name);
        probe->sources[s] =
            source_dpdk_open(config->sources[s].device, &wanted, &probe->live_now_ns, error);
        if (!probe->sources[s])
            return false;
        probe->source_count++;
    }
    struct source_notes notes = {.count = 0};
    bool started = source_dpdk_start(probe->sources, probe->source_count, &notes, error);
    for (uint32_t n = 0; n < notes.count; n++)
        fprintf(stderr, "spanflowd: %s\n", notes.lines[n]);
    return started;
}

/* The two ports of a tap see one direction each: what comes in by one leaves by the other. With
 * several taps, the A port is followed by its own B port in the configuration. */
static void pair_taps(struct probe *probe)
{
    struct packet_interface *waiting = NULL;
    for (uint32_t s = 0; s < probe->source_count; s++) {
        struct packet_interface *port = &probe->sources[s]->interface;
        if (port->role == INTERFACE_SPAN || port->partner_ifindex)
            continue;
        if (waiting && waiting->role != port->role) {
            waiting->partner_ifindex = port->ifindex;
            port->partner_ifindex = waiting->ifindex;
            waiting = NULL;
        } else {
            waiting = port;
        }
    }
}

bool probe_open_sources(struct probe *probe, struct error *error)
{
    if (probe->config->offline) {
        if (probe->config->file_count && !open_files(probe, error))
            return false;
    } else if (!open_devices(probe, error)) {
        return false;
    }
    pair_taps(probe);
    uint16_t base = 0;
    for (uint32_t s = 0; s < probe->source_count; s++) {
        probe->sources[s]->interface_base = base;
        base = (uint16_t)(base + probe->sources[s]->interface_count);
    }
    return true;
}
