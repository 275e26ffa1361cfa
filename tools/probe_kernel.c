/* The kernel's flow counter of a set of workers. See probe_kernel.h. */
#include "probe_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "packet/xdp_counter.h"
#include "probe.h"

struct probe_kernel {
    struct xdp_counter *counter;
    struct kernel_table *table;
    uint32_t after_packets; /* for the line */
    bool turning;           /* an epoch waits to be closed */
    bool quiet;             /* of workers before: the last epoch that was counted in is closed */
    bool failed;            /* that was said */
    bool awaited;           /* by a cut of the ledger, which goes first */
    uint64_t turned_ns;     /* monotonic */
};

static const uint64_t epoch_ns = 1000000000;

static uint32_t slots_for(uint32_t flows)
{
    uint32_t slots = 64;
    while (slots < flows)
        slots *= 2;
    return slots;
}

bool probe_kernel_make(const struct probe_config *config, struct probe_kernel **made,
                       struct error *error)
{
    const struct cache_config *cache = &config->caches[0];
    struct flow_counter_geometry geometry = {.slots = slots_for(cache->kernel_flows),
                                             .cpus = xdp_counter_cpus(),
                                             .workers = config->workers,
                                             .vlan_mask = config->vlan_in_key ? 0xfff : 0};
    *made = NULL;
    if (cache->kernel_flows == 0)
        return true;
    if (getrandom(geometry.secret, sizeof geometry.secret, 0) != (ssize_t)sizeof geometry.secret) {
        error_set(error, "the kernel gave no random numbers for the hash key");
        return false;
    }
    struct probe_kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel) {
        error_set(error, "no memory for the kernel's flow counter");
        return false;
    }
    kernel->after_packets = cache->kernel_after_packets;
    kernel->counter = xdp_counter_create(&geometry, error);
    if (kernel->counter)
        kernel->table = kernel_table_create(&geometry, xdp_counter_memory(kernel->counter), error);
    if (!kernel->table) {
        probe_kernel_free(kernel);
        return false;
    }
    *made = kernel;
    return true;
}

void probe_kernel_free(struct probe_kernel *kernel)
{
    if (!kernel)
        return;
    kernel_table_destroy(kernel->table);
    xdp_counter_close(kernel->counter);
    free(kernel);
}

const struct xdp_counter *probe_kernel_counter(const struct probe_kernel *kernel)
{
    return kernel ? kernel->counter : NULL;
}

struct kernel_table *probe_kernel_table(const struct probe_kernel *kernel)
{
    return kernel ? kernel->table : NULL;
}

void probe_kernel_say(const struct probe *probe)
{
    const struct probe_kernel *kernel = probe->metering->kernel;
    if (!kernel)
        return;
    const struct flow_counter_geometry *geometry = &kernel->table->geometry;
    size_t octets = xdp_counter_octets(kernel->counter);
    fprintf(stderr,
            "spanflowd: the kernel counts at most %u known flows, in %zu.%zu MiB for %u CPUs, from "
            "packet %u on\n",
            geometry->slots, octets >> 20, (octets >> 10) % 1024 * 10 / 1024, geometry->cpus,
            kernel->after_packets);
}

/* ---- epochs ---- */

/* Closes the epoch of the table of METERING. False: try again later. */
static bool turn(const struct probe *probe, const struct metering *metering)
{
    struct error error = {""};
    struct probe_kernel *kernel = metering->kernel;
    if (!kernel)
        return true;
    if (!kernel->turning && !kernel_table_turn(kernel->table))
        return false;
    kernel->turning = true;
    if (!xdp_counter_settle(kernel->counter, &error)) {
        if (!kernel->failed)
            fprintf(stderr, "spanflowd: %s\n", error.text);
        kernel->failed = true;
        return false;
    }
    kernel_table_turned(kernel->table, probe->clock.offset_ns);
    kernel->turning = false;
    kernel->turned_ns = clock_monotonic_ns();
    return true;
}

/* Those that have ended have nothing in the kernel, and nobody may step them. */
static bool takes_counts(const struct metering *metering)
{
    return metering && atomic_load(&metering->running) > 0;
}

bool probe_kernel_turn(struct probe *probe)
{
    const struct metering *before = probe->before;
    if (takes_counts(before) && before->kernel && !before->kernel->quiet)
        return false;
    if (!takes_counts(probe->metering) || turn(probe, probe->metering))
        return true;
    probe->metering->kernel->awaited = true;
    return false;
}

void probe_kernel_turn_if_due(struct probe *probe, bool ending)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct probe_kernel *kernel = probe->metering->kernel;
    if (kernel && kernel->awaited)
        kernel->awaited = false;
    else if (kernel && (ending || probe->change || now_ns < probe->kernel_hurry_ns ||
                        now_ns - kernel->turned_ns >= epoch_ns))
        turn(probe, probe->metering);
    /* Nothing is counted there any more since others took its place. */
    if (takes_counts(probe->before) && probe->before->kernel && turn(probe, probe->before))
        probe->before->kernel->quiet = true;
}
