/*
 * A CPU for each worker that polls receive queues of its own. Its thread stays there, and so does
 * its memory: the kernel takes a page from the node of the thread that asks for it first, so the
 * main thread stands on the worker's CPU while it makes the worker. Main thread, and each worker's
 * thread for itself.
 */
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

void probe_cores_give(struct probe *probe)
{
    cpu_set_t allowed;
    bool polling = !probe->config->offline && !probe->distribution && probe->config->workers > 1;
    if (!polling || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        CPU_ZERO(&allowed);
    probe_cores_choose(&allowed, probe->config->workers, probe->cores);
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
