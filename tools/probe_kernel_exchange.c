/* From one table of flows that the kernel counts to the next. See probe_kernel.h. */
#include "packet/source_xdp.h"
#include "probe.h"
#include "probe_kernel.h"

/* Another commit, or a restart, is needed for what the kernel refuses: the line names the leaf. */
static bool name_leaf(const struct probe_config *config, const struct error *reason,
                      struct error *error)
{
    error_set(error, "/spanflow/cache[name='%s']/kernelFlows: %s", config->caches[0].name,
              reason->text);
    return false;
}

bool probe_kernel_make_other(const struct probe_config *config, struct probe_kernel **made,
                             struct error *error)
{
    struct error reason = {""};
    return probe_kernel_make(config, made, &reason) || name_leaf(config, &reason, error);
}

/* Source S of PROBE, if it has a program; else NULL. */
static struct packet_source *xdp_source(const struct probe *probe, uint32_t s)
{
    return probe->config->sources[s].interface[0] ? probe->sources[s] : NULL;
}

bool probe_kernel_prepare(struct probe *probe, const struct metering *next,
                          const struct probe_config *config, struct error *error)
{
    struct error reason = {""};
    if (!probe->metering->kernel && !next->kernel)
        return true;
    for (uint32_t s = 0; s < probe->source_count; s++) {
        struct packet_source *source = xdp_source(probe, s);
        if (source &&
            !source_xdp_prepare_counter(source, probe_kernel_counter(next->kernel), &reason))
            return name_leaf(config, &reason, error);
    }
    return true;
}

/* Exchanges the programs of the sources before END. False and ERROR; *FAILED is the source then. */
static bool exchange(const struct probe *probe, uint32_t end, uint32_t *failed, struct error *error)
{
    for (uint32_t s = 0; s < end; s++) {
        struct packet_source *source = xdp_source(probe, s);
        *failed = s;
        if (source && !source_xdp_exchange_counter(source, error))
            return false;
    }
    return true;
}

bool probe_kernel_exchange(struct probe *probe, const struct probe_config *config,
                           struct error *error)
{
    struct error reason = {""}, again;
    uint32_t failed = 0, other;
    if (!exchange(probe, probe->source_count, &failed, &reason)) {
        exchange(probe, failed, &other, &again);
        return name_leaf(config, &reason, error);
    }
    probe_kernel_drop(probe);
    return true;
}

void probe_kernel_drop(struct probe *probe)
{
    for (uint32_t s = 0; s < probe->source_count; s++) {
        struct packet_source *source = xdp_source(probe, s);
        if (source)
            source_xdp_drop_counter(source);
    }
}
