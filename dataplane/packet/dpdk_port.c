/* Bringing a DPDK port up and down. See dpdk_port.h. */
#include "packet/dpdk_port.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

#include "packet/dpdk_eal.h"
#include "packet/dpdk_interrupts.h"
#include "packet/source_dpdk.h"

enum {
    RECEIVE_DESCRIPTORS = 4096, /* if nothing else is wanted */
    TRANSMIT_DESCRIPTORS = 512,
    POOL_PACKETS = 8191,
    POOL_CACHE = 256,
    POOL_OVERHEAD = 320,             /* of each packet buffer */
    PORT_OVERHEAD = 8 * 1024 * 1024, /* caches of the pool, the driver's own */
    FRAME_OCTETS_MAX = 9728,
    FRAME_OCTETS_MIN = 2048,
    FRAME_EXTRA = 26 /* Ethernet header, two tags, frame check sequence */
};

static const struct driver_traits drivers[] = {
    /* Counts failed reads of a damaged file as errors, again and again. */
    {"net_pcap", true, false, true, true, true, 1000},
    /* Has no counters of its own; its socket tells. */
    {"net_af_packet", false, false, false, false, true, 0},
    {"net_af_xdp", true, true, false, true, true, 0},
    {"net_memif", true, true, true, false, false, 0},
    {"net_ring", true, true, true, false, false, 0},
    {"net_null", true, true, true, false, false, 0},
    {"net_tap", true, true, true, false, true, 0},
    {"net_vhost", true, true, true, false, false, 0},
    {"net_virtio_user", true, true, true, false, false, 0},
    /* Counts neither what did not fit into the ring; nor are its rx_nombuf packets, but attempts to
     * refill the ring. */
    {"net_virtio", false, true, false, false, false, 0},
    /* Without a fresh buffer the packet stays in the ring, and is not lost yet. */
    {"net_e1000_em", true, true, false, true, false, 0},
};

static const struct driver_traits hardware = {"", true, true, true, true, false, 0};

static const struct driver_traits *find_traits(const char *driver)
{
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strcmp(drivers[i].name, driver) == 0)
            return &drivers[i];
    return &hardware;
}

uint16_t dpdk_port_descriptors(const struct rte_eth_dev_info *info, uint16_t wanted)
{
    const struct rte_eth_desc_lim *limits = &info->rx_desc_lim;
    uint32_t count = wanted ? wanted : RECEIVE_DESCRIPTORS;
    uint32_t align = limits->nb_align ? limits->nb_align : 1;
    count = (count + align - 1) / align * align;
    if (count < limits->nb_min)
        count = limits->nb_min;
    if (limits->nb_max && count > limits->nb_max)
        count = limits->nb_max;
    return count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
}

/* A full receive queue, the packets of a batch and those in caches fit. */
static uint32_t pool_packets(const struct dpdk_device *device)
{
    uint64_t packets = POOL_PACKETS + device->preloaded;
    if (device->receive_descriptors > RECEIVE_DESCRIPTORS)
        packets += 2 * (uint64_t)(device->receive_descriptors - RECEIVE_DESCRIPTORS);
    return packets < UINT32_MAX / 2 ? (uint32_t)packets : UINT32_MAX / 2;
}

/* Room for one frame in one buffer: reassembling a packet costs a copy. */
static uint16_t buffer_octets(const struct dpdk_device *device)
{
    uint32_t octets = FRAME_OCTETS_MAX;
    if (device->af_packet)
        octets = device->ring.frame_octets;
    else if (device->infinite)
        octets = device->frame_octets_max;
    if (octets < FRAME_OCTETS_MIN)
        octets = FRAME_OCTETS_MIN;
    octets = (octets + 63) & ~63u;
    octets += RTE_PKTMBUF_HEADROOM;
    return octets < UINT16_MAX ? (uint16_t)octets : UINT16_MAX;
}

bool source_dpdk_is_open(const char *name)
{
    uint16_t port;
    return rte_eth_dev_get_port_by_name(name, &port) == 0;
}

uint64_t dpdk_port_memory(const struct dpdk_device *device, uint32_t queues)
{
    return PORT_OVERHEAD + queues * (uint64_t)pool_packets(device) *
                               (buffer_octets(device) + (uint64_t)POOL_OVERHEAD);
}

static bool failed(const struct dpdk_device *device, const char *what, int result,
                   struct error *error)
{
    error_set(error, "dpdk:%s: %s: %s", device->name, what, dpdk_eal_reason(-result));
    return false;
}

static bool probe(struct dpdk_port *port, const struct dpdk_device *device, struct error *error)
{
    dpdk_eal_forget_reason();
    /* Those of the PCI bus are there when EAL starts, and have to be asked for later. */
    if (!device->pci || rte_eth_dev_get_port_by_name(device->name, &port->id) != 0) {
        dpdk_device_remove_leftover(device);
        int result = rte_dev_probe(device->words);
        if (result != 0 && !device->pci)
            return failed(device, "cannot open the device", result, error);
    }
    int result = rte_eth_dev_get_port_by_name(device->name, &port->id);
    if (result != 0 && device->pci) {
        error_set(error,
                  "dpdk:%s: no driver has taken this device; bind it to vfio-pci "
                  "(dpdk-devbind.py --bind=vfio-pci %s)",
                  device->name, device->name);
        return false;
    }
    return result == 0 || failed(device, "is no Ethernet device", result, error);
}

/* Receive and, if TRANSMIT_QUEUES is not 0, a queue that nothing is ever put into. */
static int set_up(const struct dpdk_port *port, uint32_t queues, const struct dpdk_rss *rss,
                  uint16_t transmit_queues)
{
    struct rte_eth_conf configuration = {0};
    uint8_t key[RSS_KEY_OCTETS_MAX];
    configuration.rxmode.offloads = port->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
    if (port->stamps)
        configuration.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    if (rss) {
        memcpy(key, rss->key, sizeof key);
        configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        configuration.rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
            .rss_key = key, .rss_key_len = (uint8_t)rss->key_octets, .rss_hf = rss->types};
    }
    uint16_t receive = port->receive_descriptors;
    uint16_t transmit = TRANSMIT_DESCRIPTORS;
    unsigned node = (unsigned)rte_eth_dev_socket_id(port->id);
    int result = rte_eth_dev_configure(port->id, (uint16_t)queues, transmit_queues, &configuration);
    if (result == 0)
        result = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);
    for (uint16_t q = 0; q < queues && result == 0; q++)
        result = rte_eth_rx_queue_setup(port->id, q, receive, node, NULL, port->pools[q]);
    if (result == 0 && transmit_queues > 0)
        result = rte_eth_tx_queue_setup(port->id, 0, transmit, node, NULL);
    return result;
}

static int set_largest_mtu(const struct dpdk_port *port)
{
    static const uint16_t sizes[] = {FRAME_OCTETS_MAX - FRAME_EXTRA, 9600, 9216, 9000};
    if (port->traits->kernel_interface)
        return 0;
    uint16_t largest = port->info.max_mtu < sizes[0] ? port->info.max_mtu : sizes[0];
    int result = rte_eth_dev_set_mtu(port->id, largest);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && result == -EINVAL; i++)
        if (sizes[i] < largest)
            result = rte_eth_dev_set_mtu(port->id, sizes[i]);
    return result;
}

static int switch_flow_control_off(const struct dpdk_port *port)
{
    struct rte_eth_fc_conf flow_control = {0};
    int result = rte_eth_dev_flow_ctrl_get(port->id, &flow_control);
    if (result == -ENOTSUP || (result == 0 && flow_control.mode == RTE_ETH_FC_NONE))
        return 0; /* a device without flow control sends no pause frames */
    if (result != 0)
        return result;
    flow_control.mode = RTE_ETH_FC_NONE;
    return rte_eth_dev_flow_ctrl_set(port->id, &flow_control);
}

/* A mirror port takes everything and says nothing. What the driver refuses is told in one line. */
static void listen_only(const struct dpdk_port *port, const struct dpdk_device *device,
                        bool promiscuous, struct source_notes *notes)
{
    const struct {
        const char *what;
        int result;
    } steps[] = {
        {"flow control off", switch_flow_control_off(port)},
        {"VLAN stripping off", rte_eth_dev_set_vlan_offload(port->id, 0)},
        {"promiscuous mode", promiscuous ? 0 : rte_eth_promiscuous_enable(port->id)},
        {"all multicast", promiscuous ? 0 : rte_eth_allmulticast_enable(port->id)},
    };
    char refused[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i].result != 0)
            used += (size_t)snprintf(refused + used, sizeof refused - used, "%s%s",
                                     used ? ", " : "", steps[i].what);
    if (used > 0)
        source_note(notes, "dpdk:%s: the driver cannot set: %s", device->name, refused);
}

/* net_af_packet: finds its socket and frees it of the driver's habits. */
static bool take_packet_socket(struct dpdk_port *port, const struct dpdk_device *device,
                               struct source_notes *notes)
{
    port->packet_socket = packet_socket_find(device->ifindex);
    if (port->packet_socket < 0)
        return false;
    if (packet_socket_replace(port->packet_socket, device->ifindex, &device->ring))
        return true;
    source_note(notes, "dpdk:%s: the kernel puts IPv4 fragments together before they are seen",
                device->name);
    return false;
}

static void tell_kernel_interface(const struct dpdk_device *device, struct source_notes *notes)
{
    if (device->cut_above)
        source_note(notes, "dpdk:%s: frames of more than %u octets will be cut", device->name,
                    device->cut_above);
    if (device->merges_packets)
        source_note(notes,
                    "dpdk:%s: the interface merges packets before they are seen; switch it off: "
                    "ethtool -K INTERFACE gro off",
                    device->name);
}

bool dpdk_port_open(struct dpdk_port *port, const struct dpdk_device *device, struct error *error)
{
    memset(port, 0, sizeof *port);
    port->packet_socket = -1;
    if (!probe(port, device, error))
        return false;
    port->opened = true;
    int result = rte_eth_dev_info_get(port->id, &port->info);
    if (result != 0)
        return failed(device, "tells nothing about itself", result, error);
    port->traits = find_traits(port->info.driver_name);
    port->receive_descriptors = dpdk_port_descriptors(&port->info, device->receive_descriptors);
    port->stamps =
        device->device_time && (port->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP);
    port->has_peer = strcmp(port->info.driver_name, "net_memif") == 0;
    return true;
}

static struct rte_mempool *make_pool(const char *name, const struct dpdk_device *device, int node)
{
    return rte_pktmbuf_pool_create(name, pool_packets(device), POOL_CACHE, 0, buffer_octets(device),
                                   node);
}

/* On the device's own NUMA node, or elsewhere if there is no memory. */
static bool make_pools(struct dpdk_port *port, const struct dpdk_device *device, uint32_t queues)
{
    for (uint32_t q = 0; q < queues; q++) {
        char name[RTE_MEMPOOL_NAMESIZE];
        snprintf(name, sizeof name, "packets%u_%u", port->id, q);
        int node = rte_eth_dev_socket_id(port->id);
        if (!port->pools[q])
            port->pools[q] = make_pool(name, device, node);
        if (!port->pools[q] && node >= 0) {
            port->pools[q] = make_pool(name, device, SOCKET_ID_ANY);
            port->pools_far = port->pools[q] != NULL;
        }
        if (!port->pools[q])
            return false;
    }
    return true;
}

static int start(struct dpdk_port *port, uint32_t queues, const struct dpdk_rss *rss,
                 uint16_t transmit_queues)
{
    int result = set_up(port, queues, rss, transmit_queues);
    if (result != 0)
        return result;
    port->mtu_kept = set_largest_mtu(port) != 0;
    return rte_eth_dev_start(port->id);
}

bool dpdk_port_start(struct dpdk_port *port, const struct dpdk_device *device, uint32_t queues,
                     const struct dpdk_rss *rss, struct error *error)
{
    if (!make_pools(port, device, queues))
        return failed(device, "no memory for packet buffers", -rte_errno, error);
    dpdk_eal_forget_reason();
    int result = start(port, queues, rss, port->has_peer ? 1 : 0);
    if (result != 0) /* some drivers want a transmit queue */
        result = start(port, queues, rss, 1);
    return result == 0 || failed(device, "cannot start the device", result, error);
}

void dpdk_port_stop(struct dpdk_port *port)
{
    rte_eth_dev_stop(port->id);
}

void dpdk_port_listen(struct dpdk_port *port, const struct dpdk_device *device,
                      struct source_notes *notes)
{
    uint16_t wanted =
        device->receive_descriptors ? device->receive_descriptors : RECEIVE_DESCRIPTORS;
    if (port->receive_descriptors != wanted)
        source_note(notes,
                    "dpdk:%s: receive queues have room for %u packets, not %u: its driver's limit",
                    device->name, port->receive_descriptors, wanted);
    if (port->pools_far)
        source_note(notes,
                    "dpdk:%s: packet buffers lie on another NUMA node than the device: reserve "
                    "huge pages on node %d",
                    device->name, rte_eth_dev_socket_id(port->id));
    if (port->mtu_kept)
        source_note(notes, "dpdk:%s: the driver keeps its own MTU", device->name);
    bool own_socket = device->af_packet && take_packet_socket(port, device, notes);
    listen_only(port, device, own_socket, notes);
    tell_kernel_interface(device, notes);
}

static bool is_memif(const struct rte_eth_dev_info *info)
{
    return strcmp(info->driver_name, "net_memif") == 0;
}

static bool memif_is_left(void)
{
    for (uint32_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        struct rte_eth_dev_info info;
        if (rte_eth_dev_is_valid_port((uint16_t)id) &&
            rte_eth_dev_info_get((uint16_t)id, &info) == 0 && is_memif(&info))
            return true;
    }
    return false;
}

/* A closed device is taken off its bus: it can be opened again, by other words. */
static void remove_device(const struct dpdk_port *port)
{
    if (port->info.device)
        rte_dev_remove(port->info.device);
    if (port->info.device && is_memif(&port->info) && !memif_is_left())
        dpdk_interrupts_silence_listeners();
}

void dpdk_port_close(struct dpdk_port *port)
{
    if (port->has_peer)
        dpdk_interrupts_hold();
    if (port->opened) {
        rte_eth_dev_stop(port->id);
        rte_eth_dev_close(port->id);
    }
    if (port->has_peer)
        dpdk_interrupts_release();
    port->has_peer = false;
    if (port->opened)
        remove_device(port);
    for (uint32_t q = 0; q < RECEIVE_QUEUES_MAX; q++) {
        rte_mempool_free(port->pools[q]);
        port->pools[q] = NULL;
    }
    port->opened = false;
}
