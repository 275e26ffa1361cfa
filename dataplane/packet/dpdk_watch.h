/*
 * What changes about a running DPDK port, and whether its clock can be trusted. The link is watched
 * by the control thread, the clock is judged by the worker that receives.
 */
#ifndef SPANFLOW_PACKET_DPDK_WATCH_H
#define SPANFLOW_PACKET_DPDK_WATCH_H

#include <rte_mbuf.h>
#include <stdatomic.h>

#include "packet/dpdk_port.h"

/* Asks for the link of PORT, keeps the answer in LINK. True with one line in LINE if it changed, or
 * is down at the first time. Control thread. */
bool dpdk_watch_link(const struct dpdk_port *port, const struct dpdk_device *device,
                     struct packet_link *link, struct error *line);

enum clock_verdict {
    CLOCK_OPEN,    /* no packet with a time came yet */
    CLOCK_TRUSTED, /* it runs with the system's clock */
    CLOCK_APART,   /* it shows another time */
    CLOCK_SILENT   /* it puts no times on packets */
};

/* A device's clock under examination. */
struct clock_judge {
    size_t offset;   /* of the time in a packet buffer */
    uint64_t bit;    /* of its flags, where there is a time */
    uint32_t silent; /* batches without one */
    int64_t apart_ns;
    _Atomic int verdict; /* enum clock_verdict; written by the worker, after apart_ns */
};

/* Looks at the times of COUNT PACKETS, which came at NOW_NS by the system's clock. Worker thread,
 * until the verdict is not open. */
enum clock_verdict clock_judge_look(struct clock_judge *judge, struct rte_mbuf *const packets[],
                                    uint32_t count, uint64_t now_ns);

/* Says in LINE what came of it; false while it is open. Control thread. */
bool clock_judge_tell(struct clock_judge *judge, const struct dpdk_device *device,
                      struct error *line);

#endif
