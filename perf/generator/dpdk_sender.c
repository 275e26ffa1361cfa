/* Sending with DPDK. See dpdk_sender.h. */
#include "perf/generator/dpdk_sender.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <string.h>
#include <unistd.h>

#include "packet/dpdk_eal.h"

enum {
    POOL_PACKETS = 8191,
    POOL_CACHE = 256,
    BUFFER_OCTETS = 2048,
    DESCRIPTORS = 1024,
    MEMORY_OCTETS = 32 * 1024 * 1024,
    BURSTS_MADE_UP_FOR = 16,
    TRY_S = 5
};

static struct {
    struct dpdk_device device;
    struct rte_mempool *pool;
    uint16_t port;
    bool opened;
} sender;

static bool failed(const char *what, int result, struct error *error)
{
    error_set(error, "%s: %s: %s", sender.device.name, what, dpdk_eal_reason(-result));
    return false;
}

/* The payload of every frame is this: zeros, written once into every buffer. */
static void clear_buffer(struct rte_mempool *pool, void *argument, void *object, unsigned index)
{
    (void)pool;
    (void)argument;
    (void)index;
    struct rte_mbuf *buffer = object;
    memset(buffer->buf_addr, 0, buffer->buf_len);
}

static int set_up_port(void)
{
    /* A memif peer asks for a ring in each direction, so there is a receive queue, never read. */
    struct rte_eth_conf configuration = {0};
    uint16_t receive = DESCRIPTORS;
    uint16_t transmit = DESCRIPTORS;
    unsigned node = (unsigned)rte_eth_dev_socket_id(sender.port);
    int result = rte_eth_dev_configure(sender.port, 1, 1, &configuration);
    if (result == 0)
        result = rte_eth_dev_adjust_nb_rx_tx_desc(sender.port, &receive, &transmit);
    if (result == 0)
        result = rte_eth_rx_queue_setup(sender.port, 0, receive, node, NULL, sender.pool);
    if (result == 0)
        result = rte_eth_tx_queue_setup(sender.port, 0, transmit, node, NULL);
    return result;
}

static bool open_port(struct error *error)
{
    dpdk_eal_forget_reason();
    int result = sender.device.pci ? 0 : rte_dev_probe(sender.device.words);
    if (result == 0)
        result = rte_eth_dev_get_port_by_name(sender.device.name, &sender.port);
    if (result != 0)
        return failed("cannot open the device", result, error);
    sender.opened = true;
    sender.pool = rte_pktmbuf_pool_create("frames", POOL_PACKETS, POOL_CACHE, 0,
                                          BUFFER_OCTETS + RTE_PKTMBUF_HEADROOM,
                                          rte_eth_dev_socket_id(sender.port));
    if (!sender.pool)
        return failed("no memory for packet buffers", -rte_errno, error);
    rte_mempool_obj_iter(sender.pool, clear_buffer, NULL);
    result = set_up_port();
    return result == 0 || failed("cannot set the device up", result, error);
}

bool dpdk_sender_open(const char *words, struct error *error)
{
    if (!dpdk_device_parse(&sender.device, words, error))
        return false;
    const struct dpdk_device *devices[] = {&sender.device};
    return dpdk_eal_start(devices, 1, MEMORY_OCTETS, NULL, error) && open_port(error);
}

static bool link_is_up(void)
{
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(sender.port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* Waits until the link is up, SECONDS at most. */
static bool link_comes_up(double seconds, const volatile sig_atomic_t *stop)
{
    uint64_t end = rte_get_tsc_cycles() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
    while (!link_is_up()) {
        if (*stop || rte_get_tsc_cycles() >= end)
            return false;
        usleep(1000);
    }
    return true;
}

bool dpdk_sender_start(double seconds, const volatile sig_atomic_t *stop, struct error *error)
{
    /* A memif client calls its peer once, when it is started, and nobody may be there. */
    uint64_t end = rte_get_tsc_cycles() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
    int result;
    do {
        dpdk_eal_forget_reason();
        result = rte_eth_dev_start(sender.port);
        if (result == 0 && link_comes_up(TRY_S, stop))
            return true;
        if (result == 0)
            rte_eth_dev_stop(sender.port);
        else
            usleep(100000);
    } while (!*stop && rte_get_tsc_cycles() < end);
    if (result != 0)
        return failed("cannot start the device", result, error);
    error_set(error, "%s: the link does not come up", sender.device.name);
    return false;
}

/* When packets are due. */
struct schedule {
    double cycles_per_packet; /* 0: at once */
    double due;               /* of the next burst, in cycles since the start */
    uint64_t start;
};

static bool burst_is_due(struct schedule *schedule, uint32_t burst, struct offered *result)
{
    double now = (double)(rte_get_tsc_cycles() - schedule->start);
    if (now < schedule->due)
        return false;
    double step = schedule->cycles_per_packet * burst;
    /* A processor that was away for long must not be made up for by a flood. */
    if (schedule->cycles_per_packet > 0 && now > schedule->due + step * BURSTS_MADE_UP_FOR) {
        schedule->due = now;
        result->restarts++;
    }
    schedule->due += step;
    return true;
}

/* Hands the COUNT packets of BURST over; what stays behind is freed and counted. */
static bool hand_over(struct rte_mbuf **burst, uint32_t count, const struct offer *offer,
                      struct offered *result)
{
    uint32_t octets[SENDER_BURST_MAX] = {0};
    uint32_t done = 0;
    bool up = true;
    for (uint32_t i = 0; i < count; i++)
        octets[i] = burst[i]->pkt_len;
    result->offered += count;
    for (;;) {
        uint16_t taken = rte_eth_tx_burst(sender.port, 0, burst + done, (uint16_t)(count - done));
        for (uint32_t i = 0; i < taken; i++)
            result->sent_octets += octets[done + i];
        result->sent += taken;
        done += taken;
        if (done == count || !offer->wait || *offer->stop)
            break;
        if (taken == 0) {
            rte_pause();
            if (!(up = link_is_up()))
                break;
        }
    }
    for (uint32_t i = done; i < count; i++) {
        rte_pktmbuf_free(burst[i]);
        result->unsent++;
    }
    return up;
}

static bool fill(struct frame_set *frames, struct rte_mbuf **burst, uint32_t count)
{
    if (rte_pktmbuf_alloc_bulk(sender.pool, burst, count) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t octets = frames_next(frames, rte_pktmbuf_mtod(burst[i], uint8_t *));
        burst[i]->data_len = (uint16_t)octets;
        burst[i]->pkt_len = octets;
    }
    return true;
}

bool dpdk_sender_offer(struct frame_set *frames, const struct offer *offer, struct offered *result,
                       struct error *error)
{
    struct rte_mbuf *burst[SENDER_BURST_MAX];
    double hz = (double)rte_get_tsc_hz();
    struct schedule schedule = {.start = rte_get_tsc_cycles()};
    uint64_t end = schedule.start + (uint64_t)(offer->seconds * hz);
    bool good = true;
    memset(result, 0, sizeof *result);
    if (offer->packets_per_s > 0)
        schedule.cycles_per_packet = hz / offer->packets_per_s;
    while (good && !*offer->stop && result->offered < offer->packets &&
           rte_get_tsc_cycles() < end) {
        uint64_t left = offer->packets - result->offered;
        uint32_t count = left < offer->burst ? (uint32_t)left : offer->burst;
        if (!burst_is_due(&schedule, count, result)) {
            rte_pause();
            continue;
        }
        if (!fill(frames, burst, count)) {
            error_set(error, "%s: no packet buffer is free", sender.device.name);
            good = false;
        } else if (!hand_over(burst, count, offer, result)) {
            error_set(error, "%s: the link went down", sender.device.name);
            good = false;
        }
    }
    result->seconds = (double)(rte_get_tsc_cycles() - schedule.start) / hz;
    return good;
}

void dpdk_sender_close(void)
{
    if (sender.opened) {
        rte_eth_dev_stop(sender.port);
        rte_eth_dev_close(sender.port);
    }
    sender.opened = false;
    dpdk_eal_stop();
}
