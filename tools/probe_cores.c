/*
 * A CPU for each worker that polls receive queues of its own, or that the configuration gives one.
 * Its thread stays there, and so does its memory: the kernel takes a page from the node of the
 * thread that asks for it first, so the main thread stands on the worker's CPU while it makes the
 * worker. Main thread, and each worker's thread for itself.
 */
#include <stdio.h>

#include "probe.h"

void probe_cores_choose(const cpu_set_t *allowed, uint32_t workers, int cores[])
{
    bool enough = (uint32_t)CPU_COUNT(allowed) > workers;
    int core = -1;
    bool first = true;
    for (uint32_t w = 0; w < workers; w++) {
        cores[w] = -1;
        while (enough && cores[w] < 0 && ++core < CPU_SETSIZE) {
            if (!CPU_ISSET((size_t)core, allowed))
                continue;
            if (!first)
                cores[w] = core;
            first = false;
        }
    }
}

/* The numbers in SET as ranges. */
static void list(const cpu_set_t *set, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++) {
        if (!CPU_ISSET(cpu, set) || (cpu > 0 && CPU_ISSET(cpu - 1, set)))
            continue;
        size_t last = cpu;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
            last++;
        used += (size_t)snprintf(text + used, size - used, last > cpu ? "%s%zu-%zu" : "%s%zu",
                                 used ? "," : "", cpu, last);
    }
}

static bool take_named(struct metering *metering, const struct probe_config *config,
                       const cpu_set_t *allowed, struct error *error)
{
    for (uint32_t w = 0; w < config->worker_cpu_count; w++) {
        char possible[256];
        metering->cores[w] = config->worker_cpus[w];
        if (CPU_ISSET(config->worker_cpus[w], allowed))
            continue;
        list(allowed, possible, sizeof possible);
        error_set(error,
                  "/spanflow/workerCpu: CPU %u is none that this process may run on; it has %s",
                  config->worker_cpus[w], possible);
        return false;
    }
    return true;
}

bool probe_cores_give(struct metering *metering, const struct probe_config *config,
                      struct error *error)
{
    cpu_set_t allowed;
    if (config->worker_cpu_count) {
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
            CPU_ZERO(&allowed);
        return take_named(metering, config, &allowed, error);
    }
    bool polling = !config->offline && !metering->distribution && config->workers > 1;
    if (!polling || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        CPU_ZERO(&allowed);
    probe_cores_choose(&allowed, config->workers, metering->cores);
    return true;
}

cpu_set_t probe_cores_leave_to_workers(const struct probe *probe)
{
    cpu_set_t before, rest;
    CPU_ZERO(&before);
    if (sched_getaffinity(0, sizeof rest, &rest) != 0)
        return before;
    before = rest;
    for (uint32_t w = 0; w < probe->metering->worker_count; w++)
        if (probe->metering->cores[w] >= 0)
            CPU_CLR((size_t)probe->metering->cores[w], &rest);
    if (CPU_COUNT(&rest) > 0)
        sched_setaffinity(0, sizeof rest, &rest);
    return before;
}

void probe_cores_take_back(const cpu_set_t *before)
{
    if (CPU_COUNT(before) > 0)
        sched_setaffinity(0, sizeof *before, before);
}

void probe_cores_tell(const struct probe *probe, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t w = 0;
         w < probe->metering->worker_count && used < size && probe->metering->cores[w] >= 0; w++)
        used += (size_t)snprintf(text + used, size - used, "%s%d",
                                 w                                   ? ","
                                 : probe->metering->worker_count > 1 ? " on CPUs "
                                                                     : " on CPU ",
                                 probe->metering->cores[w]);
}

cpu_set_t probe_cores_bind(int core)
{
    cpu_set_t before;
    CPU_ZERO(&before);
    if (core < 0)
        return before;
    sched_getaffinity(0, sizeof before, &before);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)core, &one);
    sched_setaffinity(0, sizeof one, &one);
    return before;
}
