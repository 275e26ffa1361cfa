/*
 * The DPDK packet source: bursts of one receive queue become batches. See source_dpdk.h; the
 * device is parsed in dpdk_device.c and brought up in dpdk_port.c, its queues are filled as
 * dpdk_rss.c says. receive(), release() and poll_device() belong to one worker thread for each
 * source; of the sources that share a port, the first owns it.
 */
#include "packet/source_dpdk.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "packet/dpdk_eal.h"
#include "packet/dpdk_interrupts.h"
#include "packet/dpdk_port.h"
#include "packet/dpdk_removal.h"
#include "packet/dpdk_rss.h"
#include "packet/dpdk_watch.h"

/* What is read of a packet that the driver delivers in pieces. */
enum { LINEAR_OCTETS = 65536 };

struct source_dpdk {
    struct packet_source source; /* first: the contract's handle */
    struct source_dpdk *owner;   /* of the port: itself, or the source of queue 0 */
    uint16_t port_id;
    uint16_t queue;
    uint8_t link;
    bool has_peer;         /* a memif: connected now and then */
    bool holding;          /* DPDK's interrupt thread, from the first call to receive on */
    bool connected;        /* there is a peer now */
    bool leaving;          /* it said something: mostly that it leaves */
    bool emptied;          /* the last burst brought nothing */
    uint64_t rounds_at_ns; /* when the interrupt thread was last let run */
    uint32_t timestamp_unit_ns;
    const uint64_t *now_ns;
    uint8_t *linear;         /* owned: a slice for each place in a batch */
    size_t timestamp_offset; /* of the receive time in a packet buffer */
    uint64_t timestamp_bit;  /* set where the driver wrote it */
    bool joined;
    bool judging; /* the device's clock is wanted, and not yet judged */
    struct clock_judge judge;

    /* Of the owner. */
    bool clock_told;
    _Atomic bool removed;    /* the device is gone: nothing will ever come again */
    _Atomic bool asked_back; /* by the kernel, which waits for it */
    struct rte_eth_stats last;
    struct dpdk_device device;
    struct dpdk_port port;
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
    if (units >= PACKET_TIME_LIMIT_NS / self->timestamp_unit_ns)
        return PACKET_TIME_LIMIT_NS - 1;
    return units * self->timestamp_unit_ns;
}

/* ---- a device with a peer that comes and goes ---- */

static const uint64_t peer_every_ns = 10000000;

static bool link_is_up(const struct source_dpdk *self)
{
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(self->port_id, &link) == 0 &&
           link.link_status == RTE_ETH_LINK_UP;
}

static void run_interrupts(struct source_dpdk *self)
{
    self->rounds_at_ns = *self->now_ns;
    dpdk_interrupts_round();
    self->connected = link_is_up(self);
}

static bool round_is_due(const struct source_dpdk *self)
{
    return *self->now_ns - self->rounds_at_ns >= peer_every_ns;
}

/* Whether there is a peer to receive from. It can neither come nor leave unnoticed, because the
 * interrupt thread, which hears of both, runs in rounds only. */
static bool peer_has_come(struct source_dpdk *self)
{
    if (!self->holding)
        dpdk_interrupts_hold();
    self->holding = true;
    self->leaving = false;
    if (round_is_due(self))
        run_interrupts(self);
    return self->connected;
}

/* A burst brought nothing: the peer may leave if it said so before that burst. */
static void let_peer_leave(struct source_dpdk *self)
{
    if (!self->leaving || !round_is_due(self))
        return;
    run_interrupts(self);
    self->leaving = self->connected && dpdk_interrupts_news();
}

/* Listens to the peer. Other devices of DPDK need the interrupt thread, too: with them it is let
 * run from time to time. */
static void hear_peer(struct source_dpdk *self)
{
    if (!self->connected)
        return;
    if (self->emptied && rte_eth_dev_count_avail() > 1)
        run_interrupts(self);
    self->leaving = self->connected && dpdk_interrupts_news();
}

/* ---- receiving ---- */

/* The port's owner is the one that tells about the device. */
static enum receive_status nothing_received(const struct source_dpdk *self)
{
    if (!atomic_load_explicit(&self->owner->removed, memory_order_acquire))
        return RECEIVE_IDLE;
    return self->queue == 0 ? RECEIVE_FAILED : RECEIVE_END;
}

/* Takes the device's times from now on if its clock turns out to be right. */
static void judge_clock(struct source_dpdk *self, struct rte_mbuf *const packets[], uint32_t count,
                        uint64_t now_ns)
{
    enum clock_verdict verdict = clock_judge_look(&self->judge, packets, count, now_ns);
    self->judging = verdict == CLOCK_OPEN;
    if (verdict == CLOCK_TRUSTED)
        self->timestamp_bit = self->judge.bit;
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
    batch->count = 0;
    if (__builtin_expect(self->has_peer && !self->connected, 0) && !peer_has_come(self))
        return RECEIVE_IDLE;
    uint32_t count = rte_eth_rx_burst(self->port_id, self->queue, packets, PACKET_BATCH_MAX);
    batch->count = count;
    self->emptied = count == 0;
    if (count == 0) {
        let_peer_leave(self);
        return nothing_received(self);
    }
    uint64_t now_ns = *self->now_ns;
    if (__builtin_expect(self->judging, 0))
        judge_clock(self, packets, count, now_ns);
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
        batch->link[i] = self->link;
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

static bool is_gone(struct source_dpdk *self)
{
    if (self->port.packet_socket >= 0)
        return packet_socket_is_orphan(self->port.packet_socket);
    return atomic_load_explicit(&self->asked_back, memory_order_acquire) ||
           rte_eth_dev_is_removed(self->port.id);
}

static void notice_removal(struct source_dpdk *self)
{
    if (self->removed || !is_gone(self))
        return;
    error_set(&self->source.problem, "dpdk:%s: the device is gone: %s", self->device.name,
              self->source.interface.name);
    atomic_store_explicit(&self->removed, true, memory_order_release);
}

static void source_dpdk_poll_device(struct packet_source *source)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    const struct driver_traits *traits = self->port.traits;
    notice_removal(self);
    hear_peer(self);
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

static bool source_dpdk_news(struct packet_source *source, struct error *line)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    if (atomic_load_explicit(&self->removed, memory_order_acquire))
        return packet_source_tell_problem(source, line);
    if (!self->clock_told && clock_judge_tell(&self->judge, &self->device, line)) {
        self->clock_told = true;
        return true;
    }
    return dpdk_watch_link(&self->port, &self->device, &source->link, line);
}

static void source_dpdk_close(struct packet_source *source)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    if (self->owner == self) {
        if (self->device.pci && self->port.opened)
            dpdk_removal_forget(self->device.name, &self->asked_back);
        dpdk_port_close(&self->port);
    }
    free(self->linear);
    if (self->holding)
        dpdk_interrupts_release();
    free(self);
}

static const struct packet_source_ops source_dpdk_ops = {
    .receive = source_dpdk_receive,
    .release = source_dpdk_release,
    .poll_device = source_dpdk_poll_device,
    .news = source_dpdk_news,
    .close = source_dpdk_close,
};

/* Of a port's further queues: the device has one set of counters, which its owner reads. */
static const struct packet_source_ops source_dpdk_queue_ops = {
    .receive = source_dpdk_receive,
    .release = source_dpdk_release,
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
    self->owner = self;
    self->now_ns = now_ns;
    struct packet_source *source = &self->source;
    source->ops = &source_dpdk_ops;
    source->live = true;
    source->interface_count = 1;
    source->interface = *wanted;
    source->own_ifindex = self->device.ifindex;
    if (source->interface.ifindex == 0)
        source->interface.ifindex = self->device.ifindex;
    if (source->interface.name[0] == '\0')
        snprintf(source->interface.name, sizeof source->interface.name, "%.31s", self->device.name);
    snprintf(source->name, sizeof source->name, "%s", device);
    return source;
}

void source_dpdk_configure(struct packet_source *source, const struct source_dpdk_options *options)
{
    struct source_dpdk *self = (struct source_dpdk *)source;
    check(source->ops == &source_dpdk_ops && !self->port.opened);
    self->device.receive_descriptors = options->receive_descriptors;
    self->device.device_time = options->device_time;
}

static bool virtual_devices_trusted;

/* Finds where drivers leave the receive time. Only times known to be wall time are taken; others,
 * if they are wanted, are judged when packets come. */
static void find_timestamps(struct source_dpdk *self, struct source_notes *notes)
{
    int offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    int bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    bool there = offset >= 0 && bit >= 0;
    bool wall = self->port.traits->timestamp_unit_ns != 0;
    if (there) {
        self->timestamp_offset = self->judge.offset = (size_t)offset;
        self->judge.bit = 1ull << bit;
        self->timestamp_bit = wall ? self->judge.bit : 0;
    }
    self->judging = self->device.device_time && !wall && there &&
                    (self->port.stamps || virtual_devices_trusted);
    if (self->device.device_time && !wall && !self->judging)
        source_note(notes,
                    "dpdk:%s: the driver gives no times of arrival: the system's clock is used",
                    self->device.name);
}

static bool make_slices(struct source_dpdk *self, struct error *error)
{
    self->linear = malloc((size_t)PACKET_BATCH_MAX * LINEAR_OCTETS);
    if (!self->linear)
        error_set(error, "%s: no memory", self->source.name);
    return self->linear != NULL;
}

/* What a started port needs before its first batch. */
static bool prepare(struct source_dpdk *self, struct source_notes *notes, struct error *error)
{
    if (!make_slices(self, error))
        return false;
    if (self->device.pci)
        dpdk_removal_watch(self->device.name, &self->asked_back);
    dpdk_port_listen(&self->port, &self->device, notes);
    self->port_id = self->port.id;
    self->link = (uint8_t)self->device.link;
    self->has_peer = self->port.has_peer;
    find_timestamps(self, notes);
    self->timestamp_unit_ns = self->judging ? 1 : self->port.traits->timestamp_unit_ns;
    bool told = self->port.traits->tells_losses || self->port.packet_socket >= 0;
    self->source.drops_not_visible = !told;
    rte_eth_stats_get(self->port.id, &self->last);
    return true;
}

struct packet_source *source_dpdk_queue(struct packet_source *source, uint16_t queue,
                                        const uint64_t *now_ns, struct error *error)
{
    struct source_dpdk *owner = (struct source_dpdk *)source;
    check(source->ops == &source_dpdk_ops && queue > 0 && owner->port.pools[queue]);
    struct source_dpdk *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "%s: no memory", source->name);
        return NULL;
    }
    self->source = *source;
    self->source.ops = &source_dpdk_queue_ops;
    memset(&self->source.ledger, 0, sizeof self->source.ledger);
    self->owner = owner;
    self->port_id = owner->port_id;
    self->queue = queue;
    self->link = owner->link;
    self->timestamp_unit_ns = owner->timestamp_unit_ns;
    self->timestamp_offset = owner->timestamp_offset;
    self->timestamp_bit = owner->timestamp_bit;
    self->judging = owner->judging;
    self->judge.offset = owner->judge.offset;
    self->judge.bit = owner->judge.bit;
    self->now_ns = now_ns;
    if (!make_slices(self, error)) {
        free(self);
        return NULL;
    }
    return &self->source;
}

/* ---- start ---- */

void source_dpdk_trust_virtual_devices(void)
{
    virtual_devices_trusted = true;
}

/* The reason why DEVICE does not get several queues, as one line. */
static void refuse(struct receive_queues *queues, const struct dpdk_device *device,
                   const struct error *reason)
{
    queues->given = 1;
    error_set(&queues->reason, "dpdk:%s %s", device->name, reason->text);
}

/* What can be said before the devices are opened: no virtual device is known to fill its receive
 * queues by RSS, also where it stores what it is told. */
static void refuse_virtual(struct source_dpdk *const sources[], uint32_t count,
                           struct receive_queues *queues)
{
    struct error reason;
    error_set(&reason, "is a virtual device, which is not known to spread packets by addresses");
    for (uint32_t i = 0; i < count && queues->given > 1 && !virtual_devices_trusted; i++)
        if (!sources[i]->device.pci)
            refuse(queues, &sources[i]->device, &reason);
}

/* The devices of SOURCES, to be freed, and what they need with QUEUES queues. NULL and ERROR. */
static const struct dpdk_device **list_devices(struct source_dpdk *const sources[], uint32_t count,
                                               uint32_t queues, uint64_t *memory_octets,
                                               struct error *error)
{
    const struct dpdk_device **devices = calloc(count, sizeof(const struct dpdk_device *));
    *memory_octets = 0;
    for (uint32_t i = 0; devices && i < count; i++) {
        devices[i] = &sources[i]->device;
        *memory_octets += dpdk_port_memory(devices[i], queues);
    }
    if (!devices)
        error_set(error, "dpdk: no memory");
    return devices;
}

static bool start_eal(struct source_dpdk *const sources[], uint32_t count, uint32_t queues,
                      struct source_notes *notes, struct error *error)
{
    uint64_t memory_octets;
    const struct dpdk_device **devices =
        list_devices(sources, count, queues, &memory_octets, error);
    bool good = devices && dpdk_eal_start(devices, count, memory_octets, notes, error);
    free(devices);
    return good;
}

bool source_dpdk_possible(struct packet_source *const sources[], uint32_t count, uint32_t queues,
                          uint32_t *wrong, struct error *error)
{
    struct receive_queues wanted = {.given = queues};
    struct source_dpdk *const *own = (struct source_dpdk *const *)sources;
    uint64_t memory_octets;
    *wrong = 0;
    if (count == 0)
        return true;
    refuse_virtual(own, count, &wanted);
    const struct dpdk_device **devices =
        list_devices(own, count, wanted.given, &memory_octets, error);
    bool good = devices && dpdk_eal_fits(devices, count, memory_octets, wrong, error);
    free(devices);
    return good;
}

/* Starts the port with the queues that are to be given, and has it prove that it can. */
static bool try_queues(struct source_dpdk *self, uint32_t queues, bool ports, struct error *reason)
{
    struct dpdk_rss *rss = &self->port.rss;
    if (virtual_devices_trusted && self->port.info.reta_size == 0) {
        if (self->port.info.max_rx_queues >= queues)
            return dpdk_port_start(&self->port, &self->device, queues, NULL, reason);
        error_set(reason, "has too few receive queues");
        return false;
    }
    if (!dpdk_rss_choose(rss, &self->port.info, queues, ports, reason))
        return false;
    if (!dpdk_port_start(&self->port, &self->device, queues, rss, reason)) {
        error_set(reason, "does not start with %u receive queues", queues);
        return false;
    }
    dpdk_rss_apply(rss, self->port.id);
    if (dpdk_rss_prove(rss, self->port.id, queues, reason))
        return true;
    dpdk_port_stop(&self->port);
    return false;
}

/* The two sides of a tap come by two ports. One without a table is believed, see above. */
static bool meets_first(const struct source_dpdk *first, const struct source_dpdk *self,
                        struct error *reason)
{
    return first->port.rss.table_size == 0 || self->port.rss.table_size == 0 ||
           dpdk_rss_agree(&first->port.rss, &self->port.rss, reason);
}

bool source_dpdk_agree(const struct packet_source *a, const struct packet_source *b,
                       struct error *error)
{
    struct error reason = {""};
    const struct source_dpdk *self = (const struct source_dpdk *)b;
    if (meets_first((const struct source_dpdk *)a, self, &reason))
        return true;
    error_set(error, "dpdk:%s %s; restart the daemon with this configuration", self->device.name,
              reason.text);
    return false;
}

bool source_dpdk_may_spread(const struct packet_source *source)
{
    return virtual_devices_trusted || ((const struct source_dpdk *)source)->device.pci;
}

/* Starts all ports with several queues, or none. */
static void start_with_queues(struct source_dpdk *const sources[], uint32_t count,
                              struct receive_queues *queues)
{
    for (uint32_t i = 0; i < count && queues->given > 1; i++) {
        struct error reason = {""};
        bool started = try_queues(sources[i], queues->given, queues->ports, &reason);
        if (started && meets_first(sources[0], sources[i], &reason))
            continue;
        refuse(queues, &sources[i]->device, &reason);
        for (uint32_t n = 0; n < i + started; n++)
            dpdk_port_stop(&sources[n]->port);
        return;
    }
}

static bool start_ports(struct source_dpdk *const sources[], uint32_t count,
                        struct receive_queues *queues, struct source_notes *notes,
                        struct error *error)
{
    for (uint32_t i = 0; i < count; i++)
        if (!dpdk_port_open(&sources[i]->port, &sources[i]->device, error))
            return false;
    start_with_queues(sources, count, queues);
    for (uint32_t i = 0; i < count; i++) {
        struct source_dpdk *self = sources[i];
        if (queues->given == 1 && !dpdk_port_start(&self->port, &self->device, 1, NULL, error))
            return false;
        if (!prepare(self, notes, error))
            return false;
    }
    return true;
}

bool source_dpdk_start(struct packet_source *const sources[], uint32_t count,
                       struct receive_queues *queues, struct source_notes *notes,
                       struct error *error)
{
    struct receive_queues one = {.wanted = 1};
    struct source_dpdk *const *own = (struct source_dpdk *const *)sources;
    queues = queues ? queues : &one;
    check(queues->wanted >= 1 && queues->wanted <= RECEIVE_QUEUES_MAX);
    queues->given = queues->wanted;
    for (uint32_t i = 0; i < count; i++)
        check(sources[i]->ops == &source_dpdk_ops);
    if (count == 0)
        return true;
    refuse_virtual(own, count, queues);
    return start_eal(own, count, queues->given, notes, error) &&
           start_ports(own, count, queues, notes, error);
}

void source_dpdk_shutdown(void)
{
    dpdk_eal_stop();
}
