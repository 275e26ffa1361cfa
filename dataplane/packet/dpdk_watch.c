/* A port's link and its clock. See dpdk_watch.h. */
#include "packet/dpdk_watch.h"

#include <rte_ethdev.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>

/* A link without a speed of its own, such as that of a virtual device, tells none. */
static void describe_speed(const struct rte_eth_link *link, char *text, size_t size)
{
    text[0] = '\0';
    if (link->link_speed != RTE_ETH_SPEED_NUM_NONE && link->link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
        snprintf(text, size, ", %u Mbit/s", link->link_speed);
}

/* The driver of a packet socket does not notice what happens to its interface. */
static bool read_link(const struct dpdk_port *port, const struct dpdk_device *device, bool *up,
                      char *speed, size_t size)
{
    speed[0] = '\0';
    if (device->af_packet)
        return kernel_interface_is_up(device->ifindex, up);
    struct rte_eth_link now;
    if (rte_eth_link_get_nowait(port->id, &now) != 0)
        return false;
    *up = now.link_status == RTE_ETH_LINK_UP;
    describe_speed(&now, speed, size);
    return true;
}

bool dpdk_watch_link(const struct dpdk_port *port, const struct dpdk_device *device,
                     struct packet_link *link, struct error *line)
{
    char speed[32];
    bool up = false;
    if (!read_link(port, device, &up, speed, sizeof speed))
        return false;
    bool first = !link->known;
    bool changed = !first && link->up != up;
    link->known = true;
    link->up = up;
    link->losses += changed && !up;
    if (changed || (first && !up))
        error_set(line, "dpdk:%s: the link is %s%s", device->name, up ? "up" : "down",
                  up ? speed : ": no packets until it is up");
    return changed || (first && !up);
}

/* ---- the clock ---- */

enum { SILENT_BATCHES_MAX = 64 };
static const int64_t apart_limit_ns = 1000000000;

enum clock_verdict clock_judge_look(struct clock_judge *judge, struct rte_mbuf *const packets[],
                                    uint32_t count, uint64_t now_ns)
{
    enum clock_verdict verdict = CLOCK_OPEN;
    uint32_t i = 0;
    while (i < count && !(packets[i]->ol_flags & judge->bit))
        i++;
    if (i == count) {
        if (++judge->silent == SILENT_BATCHES_MAX)
            verdict = CLOCK_SILENT;
    } else {
        uint64_t time = *RTE_MBUF_DYNFIELD(packets[i], judge->offset, rte_mbuf_timestamp_t *);
        judge->apart_ns = (int64_t)(time - now_ns);
        bool near = judge->apart_ns > -apart_limit_ns && judge->apart_ns < apart_limit_ns;
        verdict = near ? CLOCK_TRUSTED : CLOCK_APART;
    }
    atomic_store_explicit(&judge->verdict, (int)verdict, memory_order_release);
    return verdict;
}

bool clock_judge_tell(struct clock_judge *judge, const struct dpdk_device *device,
                      struct error *line)
{
    switch (atomic_load_explicit(&judge->verdict, memory_order_acquire)) {
    case CLOCK_TRUSTED:
        error_set(line, "dpdk:%s: packets have the device's times", device->name);
        return true;
    case CLOCK_APART:
        error_set(line,
                  "dpdk:%s: the device's clock is %+.3f s from the system's, so the system's is "
                  "used; set it (by PTP) and start again",
                  device->name, (double)judge->apart_ns / 1e9);
        return true;
    case CLOCK_SILENT:
        error_set(line, "dpdk:%s: the device puts no times on packets: the system's clock is used",
                  device->name);
        return true;
    default:
        return false;
    }
}
