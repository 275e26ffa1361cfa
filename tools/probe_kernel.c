/*
 * The kernel's flow counter of a probe: made before the XDP programs that use it are loaded, and
 * its epochs turned about once a second, at once when a ledger is asked for, the clock
 * jumped or the probe ends. Main thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "packet/xdp_counter.h"
#include "probe.h"

static const uint64_t epoch_ns = 1000000000;

static uint32_t slots_for(uint32_t flows)
{
    uint32_t slots = 64;
    while (slots < flows)
        slots *= 2;
    return slots;
}

bool probe_kernel_open(struct probe *probe, struct error *error)
{
    const struct probe_config *config = probe->config;
    struct flow_counter_geometry geometry = {.slots = slots_for(config->caches[0].kernel_flows),
                                             .cpus = xdp_counter_cpus(),
                                             .workers = config->workers,
                                             .vlan_mask = config->vlan_in_key ? 0xfff : 0};
    if (config->caches[0].kernel_flows == 0)
        return true;
    if (getrandom(geometry.secret, sizeof geometry.secret, 0) != (ssize_t)sizeof geometry.secret) {
        error_set(error, "the kernel gave no random numbers for the hash key");
        return false;
    }
    probe->counter = xdp_counter_create(&geometry, error);
    if (!probe->counter)
        return false;
    probe->kernel_table = kernel_table_create(&geometry, xdp_counter_memory(probe->counter), error);
    return probe->kernel_table != NULL;
}

void probe_kernel_say_start(const struct probe *probe)
{
    if (!probe->kernel_table)
        return;
    const struct flow_counter_geometry *geometry = &probe->kernel_table->geometry;
    size_t octets = xdp_counter_octets(probe->counter);
    fprintf(stderr,
            "spanflowd: the kernel counts at most %u known flows, in %zu.%zu MiB for %u CPUs, from "
            "packet %u on\n",
            geometry->slots, octets >> 20, (octets >> 10) % 1024 * 10 / 1024, geometry->cpus,
            probe->config->caches[0].kernel_after_packets);
}

void probe_kernel_close(struct probe *probe)
{
    kernel_table_destroy(probe->kernel_table);
    xdp_counter_close(probe->counter);
}

bool probe_kernel_turn(struct probe *probe)
{
    struct error error = {""};
    if (!probe->kernel_table)
        return true;
    if (!probe->kernel_turning && !kernel_table_turn(probe->kernel_table))
        return false;
    probe->kernel_turning = true;
    if (!xdp_counter_settle(probe->counter, &error)) {
        if (!probe->kernel_failed)
            fprintf(stderr, "spanflowd: %s\n", error.text);
        probe->kernel_failed = true;
        return false;
    }
    kernel_table_turned(probe->kernel_table, probe->clock.offset_ns);
    probe->kernel_turning = false;
    probe->kernel_turned_ns = clock_monotonic_ns();
    return true;
}

void probe_kernel_turn_if_due(struct probe *probe, bool ending)
{
    uint64_t now_ns = clock_monotonic_ns();
    if (probe->kernel_table &&
        (ending || now_ns < probe->kernel_hurry_ns || now_ns - probe->kernel_turned_ns >= epoch_ns))
        probe_kernel_turn(probe);
}
