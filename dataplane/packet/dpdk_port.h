/*
 * One Ethernet port of DPDK, brought up to receive and to do nothing else. Control thread.
 */
#ifndef SPANFLOW_PACKET_DPDK_PORT_H
#define SPANFLOW_PACKET_DPDK_PORT_H

#include <rte_mempool.h>

#include "packet/dpdk_device.h"
#include "packet/dpdk_rss.h"
#include "packet/source_dpdk.h"

/* What is known about drivers of DPDK 22.11 that they do not say themselves. */
struct driver_traits {
    const char *name;
    bool counts_missed;         /* imissed are packets that were lost */
    bool counts_errors;         /* ierrors, too */
    bool counts_no_buffer;      /* rx_nombuf, too */
    bool tells_losses;          /* no packet is lost that these do not count */
    bool kernel_interface;      /* its MTU belongs to the administrator */
    uint32_t timestamp_unit_ns; /* of the mbuf's receive time; 0 = none that is wall time */
};

struct dpdk_port {
    uint16_t id;
    struct rte_mempool *pools[RECEIVE_QUEUES_MAX]; /* owned; one for each receive queue */
    const struct driver_traits *traits;
    int packet_socket; /* net_af_packet: its socket (not owned), else -1 */
    bool has_peer;     /* a memif: connects only if there is a transmit queue, too */
    bool opened;
    bool mtu_kept;                /* the driver takes no other */
    uint16_t receive_descriptors; /* of each receive queue */
    bool pools_far;               /* packet buffers are not on the device's NUMA node */
    bool stamps;                  /* the device was asked for times of arrival */
    struct dpdk_rss rss;          /* of a port with several receive queues; no table: none */
    struct rte_eth_dev_info info;
};

/* WANTED (0: the usual number) brought within what a device with INFO can do. */
uint16_t dpdk_port_descriptors(const struct rte_eth_dev_info *info, uint16_t wanted);

/* Octets of packet buffers that DEVICE will need for QUEUES receive queues. */
uint64_t dpdk_port_memory(const struct dpdk_device *device, uint32_t queues);

/* Finds DEVICE and asks what it can do. EAL runs. False with one line in ERROR. */
bool dpdk_port_open(struct dpdk_port *port, const struct dpdk_device *device, struct error *error);

/* Starts an opened port with QUEUES receive queues, which RSS (NULL: nothing) spreads packets over.
 * False with one line in ERROR. */
bool dpdk_port_start(struct dpdk_port *port, const struct dpdk_device *device, uint32_t queues,
                     const struct dpdk_rss *rss, struct error *error);

/* Stops a port, so that it can be started in another way. */
void dpdk_port_stop(struct dpdk_port *port);

/* Makes a started port a mirror port. What its driver refuses goes to NOTES. */
void dpdk_port_listen(struct dpdk_port *port, const struct dpdk_device *device,
                      struct source_notes *notes);

/* Stops the port, takes its device off the bus and frees its packet buffers. Does nothing for a
 * port that was never opened. */
void dpdk_port_close(struct dpdk_port *port);

#endif
