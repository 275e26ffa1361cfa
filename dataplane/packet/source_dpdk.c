/*
 * The DPDK packet source: bursts of one receive queue become batches. See source_dpdk.h; the
 * device is parsed in dpdk_device.c and brought up in dpdk_port.c. receive(), release() and
 * poll_device() belong to one worker thread.
 */
#include "packet/source_dpdk.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "packet/dpdk_eal.h"
#include "packet/dpdk_port.h"

/* What is read of a packet that the driver delivers in pieces. */
enum { LINEAR_OCTETS = 65536 };

struct source_dpdk {
    struct packet_source source; /* first: the contract's handle */
    struct dpdk_device device;
    struct dpdk_port port;
    const uint64_t *now_ns;
    uint8_t *linear;         /* owned: a slice for each place in a batch */
    size_t timestamp_offset; /* of the receive time in a packet buffer */
    uint64_t timestamp_bit;  /* set where the driver wrote it */
    struct rte_eth_stats last;
    bool joined;
    bool removed; /* the device is gone: nothing will ever come again */
};

static_assert(offsetof(struct source_dpdk, source) == 0, "source must be first");

/* Copies a packet in pieces into its slice. Returns the octets that are there. */
static uint32_t linearise(const struct rte_mbuf *packet, uint8_t *slice)
{
    uint32_t length = 0;
    for (; packet && length < LINEAR_OCTETS; packet = packet->next) {
        uint32_t piece = packet->data_len;
        if (piece > LINEAR_OCTETS - length)
            piece = LINEAR_OCTETS - length;
        memcpy(slice + length, rte_pktmbuf_mtod(packet, const uint8_t *), piece);
        length += piece;
    }
    return length;
}

/* Puts a tag back that the device took out although it was told not to. */
static inline struct rte_mbuf *restore_tag(struct rte_mbuf *packet)
{
    if (__builtin_expect((packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0, 0))
        rte_vlan_insert(&packet);
    return packet;
}

static inline uint64_t receive_time(const struct source_dpdk *self, const struct rte_mbuf *packet,
                                    uint64_t now_ns)
{
    if (!(packet->ol_flags & self->timestamp_bit))
        return now_ns;
    uint64_t units = *RTE_MBUF_DYNFIELD(packet, self->timestamp_offset, rte_mbuf_timestamp_t *);
    if (units >= PACKET_TIME_LIMIT_NS / self->port.traits->timestamp_unit_ns)
        return PACKET_TIME_LIMIT_NS - 1;
    return units * self->port.traits->timestamp_unit_ns;
}

static enum receive_status source_dpdk_receive(struct packet_source *source,
                                               struct packet_batch *batch)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    struct rte_mbuf **packets = (struct rte_mbuf **)batch->handle;
    if (__builtin_expect(!self->joined, 0)) {
        dpdk_eal_join_thread();
        self->joined = true;
    }
    uint32_t count = rte_eth_rx_burst(self->port.id, 0, packets, PACKET_BATCH_MAX);
    batch->count = count;
    if (count == 0)
        return self->removed ? RECEIVE_FAILED : RECEIVE_IDLE;
    uint64_t now_ns = *self->now_ns;
    uint64_t octets = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct rte_mbuf *packet = packets[i] = restore_tag(packets[i]);
        batch->data[i] = rte_pktmbuf_mtod(packet, const uint8_t *);
        batch->captured_length[i] = packet->data_len;
        if (__builtin_expect(packet->nb_segs > 1, 0)) {
            uint8_t *slice = self->linear + (size_t)i * LINEAR_OCTETS;
            batch->captured_length[i] = linearise(packet, slice);
            batch->data[i] = slice;
        }
        batch->wire_length[i] = packet->pkt_len > batch->captured_length[i]
                                    ? packet->pkt_len
                                    : batch->captured_length[i];
        batch->timestamp_ns[i] = receive_time(self, packet, now_ns);
        batch->port[i] = source->interface_base;
        batch->link[i] = (uint8_t)self->device.link;
        octets += batch->wire_length[i];
    }
    ledger_add(&source->ledger.observed, count, octets);
    return RECEIVE_PACKETS;
}

static void source_dpdk_release(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    rte_pktmbuf_free_bulk((struct rte_mbuf **)batch->handle, batch->count);
    batch->count = 0;
}

static void count_loss(struct packet_source *source, enum ledger_dropped term, uint64_t packets)
{
    ledger_add(&source->ledger.dropped[term], packets, 0);
    ledger_add(&source->ledger.observed, packets, 0);
}

static void notice_removal(struct source_dpdk *self)
{
    int descriptor = self->port.packet_socket;
    if (self->removed || !(descriptor >= 0 ? packet_socket_is_orphan(descriptor)
                                           : rte_eth_dev_is_removed(self->port.id)))
        return;
    self->removed = true;
    error_set(&self->source.problem, "dpdk:%s: the device is gone: %s", self->device.name,
              self->source.interface.name);
}

static void source_dpdk_poll_device(struct packet_source *source)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    const struct driver_traits *traits = self->port.traits;
    notice_removal(self);
    if (self->port.packet_socket >= 0)
        count_loss(source, DROPPED_SOCKET_FULL, packet_socket_drops(self->port.packet_socket));
    struct rte_eth_stats now;
    if (rte_eth_stats_get(self->port.id, &now) != 0)
        return;
    if (traits->counts_missed)
        count_loss(source, DROPPED_DEVICE_MISSED, now.imissed - self->last.imissed);
    if (traits->counts_errors)
        count_loss(source, DROPPED_DEVICE_ERROR, now.ierrors - self->last.ierrors);
    if (traits->counts_no_buffer)
        count_loss(source, DROPPED_DEVICE_NO_BUFFER, now.rx_nombuf - self->last.rx_nombuf);
    self->last = now;
}

static void source_dpdk_close(struct packet_source *source)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    dpdk_port_close(&self->port);
    free(self->linear);
    free(self);
}

static const struct packet_source_ops source_dpdk_ops = {
    .receive = source_dpdk_receive,
    .release = source_dpdk_release,
    .poll_device = source_dpdk_poll_device,
    .close = source_dpdk_close,
};

struct packet_source *source_dpdk_open(const char *device, const struct packet_interface *wanted,
                                       const uint64_t *now_ns, struct error *error)
{
    struct source_dpdk *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "dpdk:%s: no memory", device);
        return NULL;
    }
    if (!dpdk_device_parse(&self->device, device, error)) {
        free(self);
        return NULL;
    }
    self->now_ns = now_ns;
    struct packet_source *source = &self->source;
    source->ops = &source_dpdk_ops;
    source->live = true;
    source->interface_count = 1;
    source->interface = *wanted;
    if (source->interface.ifindex == 0)
        source->interface.ifindex = self->device.ifindex;
    if (source->interface.name[0] == '\0')
        snprintf(source->interface.name, sizeof source->interface.name, "%.31s", self->device.name);
    snprintf(source->name, sizeof source->name, "%s", device);
    return source;
}

/* Finds where drivers leave the receive time. Only times known to be wall time are taken. */
static void find_timestamps(struct source_dpdk *self)
{
    int offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    int bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    if (offset < 0 || bit < 0 || self->port.traits->timestamp_unit_ns == 0)
        return;
    self->timestamp_offset = (size_t)offset;
    self->timestamp_bit = 1ull << bit;
}

static bool start_source(struct source_dpdk *self, struct source_notes *notes, struct error *error)
{
    self->linear = malloc((size_t)PACKET_BATCH_MAX * LINEAR_OCTETS);
    if (!self->linear) {
        error_set(error, "dpdk:%s: no memory", self->device.name);
        return false;
    }
    if (!dpdk_port_start(&self->port, &self->device, notes, error))
        return false;
    find_timestamps(self);
    bool told = self->port.traits->tells_losses || self->port.packet_socket >= 0;
    self->source.drops_not_visible = !told;
    rte_eth_stats_get(self->port.id, &self->last);
    return true;
}

bool source_dpdk_start(struct packet_source *const sources[], uint32_t count,
                       struct source_notes *notes, struct error *error)
{
    if (count == 0)
        return true;
    const struct dpdk_device **devices = calloc(count, sizeof(const struct dpdk_device *));
    if (!devices) {
        error_set(error, "dpdk: no memory");
        return false;
    }
    uint64_t memory_octets = 0;
    for (uint32_t i = 0; i < count; i++) {
        check(sources[i]->ops == &source_dpdk_ops);
        devices[i] = &((struct source_dpdk *)sources[i])->device;
        memory_octets += dpdk_port_memory(devices[i]);
    }
    bool good = dpdk_eal_start(devices, count, memory_octets, notes, error);
    free(devices);
    for (uint32_t i = 0; i < count && good; i++)
        good = start_source((struct source_dpdk *)sources[i], notes, error);
    return good;
}

void source_dpdk_shutdown(void)
{
    dpdk_eal_stop();
}
