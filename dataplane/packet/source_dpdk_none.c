/* Stands for source_dpdk.c in builds without DPDK and says so. */
#include "packet/source_dpdk.h"

#include <stddef.h>

struct packet_source *source_dpdk_open(const char *device, const struct packet_interface *wanted,
                                       const uint64_t *now_ns, struct error *error)
{
    (void)wanted;
    (void)now_ns;
    error_set(error, "dpdk:%s: not in this build; configure it with -Ddpdk=enabled", device);
    return NULL;
}

bool source_dpdk_start(struct packet_source *const sources[], uint32_t count,
                       struct receive_queues *queues, struct source_notes *notes,
                       struct error *error)
{
    (void)sources;
    (void)notes;
    if (queues)
        queues->given = 1;
    if (count == 0)
        return true;
    error_set(error, "dpdk: not in this build; configure it with -Ddpdk=enabled");
    return false;
}

bool source_dpdk_possible(struct packet_source *const sources[], uint32_t count, uint32_t queues,
                          uint32_t *wrong, struct error *error)
{
    (void)sources;
    (void)count;
    (void)queues;
    (void)wrong;
    (void)error;
    return true;
}

struct packet_source *source_dpdk_queue(struct packet_source *source, uint16_t queue,
                                        const uint64_t *now_ns, struct error *error)
{
    (void)source;
    (void)queue;
    (void)now_ns;
    error_set(error, "dpdk: not in this build; configure it with -Ddpdk=enabled");
    return NULL;
}

void source_dpdk_configure(struct packet_source *source, const struct source_dpdk_options *options)
{
    (void)source;
    (void)options;
}

bool source_dpdk_is_open(const char *name)
{
    (void)name;
    return false;
}

bool source_dpdk_may_spread(const struct packet_source *source)
{
    (void)source;
    return false;
}

bool source_dpdk_agree(const struct packet_source *a, const struct packet_source *b,
                       struct error *error)
{
    (void)a;
    (void)b;
    (void)error;
    return true;
}

void source_dpdk_shutdown(void)
{
}
