/*
 * The XDP packet source: what the sockets of an interface's queues receive becomes batches, of one
 * queue after the other. See source_xdp.h; it is brought up in xdp_start.c, its sockets are in
 * xdp_socket.c, the program in xdp_program.c. receive(), release(), stop() and poll_device() belong
 * to one thread, news() to the control thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "packet/xdp_source.h"

/* ---- receiving ---- */

/* Joins the COUNT descriptors of a packet, from AT on, in its slice. Returns the octets there. */
static uint32_t join(const struct xdp_socket *socket, uint32_t at, uint32_t count, uint8_t *slice)
{
    uint32_t length = 0;
    for (uint32_t d = 0; d < count && length < XDP_SLICE_OCTETS; d++) {
        const struct xdp_desc *piece = xsk_ring_cons__rx_desc(&socket->received, at + d);
        uint32_t room = XDP_SLICE_OCTETS - length;
        uint32_t octets = piece->len < room ? piece->len : room;
        memcpy(slice + length, xsk_umem__get_data(socket->frames.memory, piece->addr), octets);
        length += octets;
    }
    return length;
}

/* Puts the packet of COUNT descriptors from AT on into place I of BATCH. */
static void take_packet(struct source_xdp *self, const struct xdp_socket *socket, uint32_t at,
                        uint32_t count, struct packet_batch *batch)
{
    uint32_t i = batch->count++;
    const struct xdp_desc *first = xsk_ring_cons__rx_desc(&socket->received, at);
    if (__builtin_expect(count == 1, 1)) {
        batch->data[i] = xsk_umem__get_data(socket->frames.memory, first->addr);
        batch->captured_length[i] = batch->wire_length[i] = first->len;
    } else {
        uint8_t *slice = self->slices + (size_t)i * XDP_SLICE_OCTETS;
        batch->wire_length[i] = 0;
        for (uint32_t d = 0; d < count; d++)
            batch->wire_length[i] += xsk_ring_cons__rx_desc(&socket->received, at + d)->len;
        batch->captured_length[i] = join(socket, at, count, slice);
        batch->data[i] = slice;
    }
    for (uint32_t d = 0; d < count; d++)
        self->frames[self->frame_count++] = xsk_ring_cons__rx_desc(&socket->received, at + d)->addr;
    batch->port[i] = self->source.interface_base;
    batch->link[i] = LINK_ETHERNET;
}

/* Takes whole packets of SOCKET; what is there of the next stays. */
static void take_packets(struct source_xdp *self, struct xdp_socket *socket,
                         struct packet_batch *batch)
{
    uint32_t at = 0;
    uint32_t start = 0;
    uint32_t there = xsk_ring_cons__peek(&socket->received, XDP_BATCH_FRAMES, &at);
    for (uint32_t d = 0; d < there && batch->count < PACKET_BATCH_MAX; d++) {
        if (xsk_ring_cons__rx_desc(&socket->received, at + d)->options & XDP_PKT_CONTD)
            continue;
        take_packet(self, socket, at + start, d + 1 - start, batch);
        start = d + 1;
    }
    xsk_ring_cons__cancel(&socket->received, there - start);
    if (there && !start) /* the ring is looked at anew only when it seems empty */
        socket->received.cached_prod = __atomic_load_n(socket->received.producer, __ATOMIC_ACQUIRE);
    xsk_ring_cons__release(&socket->received, start);
}

static enum receive_status nothing_received(struct source_xdp *self)
{
    if (self->stopped)
        return RECEIVE_IDLE;
    if (self->removed)
        return RECEIVE_FAILED;
    for (uint32_t q = 0; q < self->queue_count; q++)
        xdp_socket_wake(&self->sockets[q]);
    return RECEIVE_IDLE;
}

static enum receive_status source_xdp_receive(struct packet_source *source,
                                              struct packet_batch *batch)
{
    struct source_xdp *self = (struct source_xdp *)source;
    batch->count = 0;
    self->frame_count = 0;
    for (uint32_t turn = 0; turn < self->queue_count && batch->count == 0; turn++) {
        self->queue = self->queue + 1 < self->queue_count ? self->queue + 1 : 0;
        take_packets(self, &self->sockets[self->queue], batch);
    }
    if (batch->count == 0)
        return nothing_received(self);
    uint64_t octets = 0;
    uint64_t now_ns = *self->now_ns;
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->timestamp_ns[i] = now_ns;
        octets += batch->wire_length[i];
    }
    self->sockets[self->queue].taken += batch->count;
    ledger_add(&source->ledger.observed, batch->count, octets);
    return RECEIVE_PACKETS;
}

/* Every frame goes back at once, so the kernel has all that no packet occupies. */
static void source_xdp_release(struct packet_source *source, struct packet_batch *batch)
{
    struct source_xdp *self = (struct source_xdp *)source;
    struct xdp_socket *socket = &self->sockets[self->queue];
    uint32_t at = 0;
    uint32_t reserved = xsk_ring_prod__reserve(&socket->fill, self->frame_count, &at);
    check(reserved == self->frame_count); /* the ring has room for all frames there are */
    for (uint32_t f = 0; f < self->frame_count; f++)
        *xsk_ring_prod__fill_addr(&socket->fill, at + f) = self->frames[f];
    xsk_ring_prod__submit(&socket->fill, self->frame_count);
    if (__builtin_expect(xsk_ring_prod__needs_wakeup(&socket->fill) && !self->stopped, 0))
        xdp_socket_wake(socket);
    self->frame_count = 0;
    batch->count = 0;
}

static uint32_t source_xdp_descriptors(struct packet_source *source, struct pollfd *polled,
                                       uint32_t room)
{
    struct source_xdp *self = (struct source_xdp *)source;
    if (self->queue_count > room || self->sockets[0].busy_poll)
        return 0;
    for (uint32_t q = 0; q < self->queue_count; q++)
        polled[q] = (struct pollfd){.fd = self->sockets[q].descriptor, .events = POLLIN};
    return self->queue_count;
}

/* ---- the account ---- */

static void count_loss(struct source_xdp *self, enum ledger_dropped term, uint64_t packets)
{
    ledger_add(&self->source.ledger.dropped[term], packets, 0);
    ledger_add(&self->source.ledger.observed, packets, 0);
}

/* Looks whether the interface is still there, and the program on it. */
static void read_interface(struct source_xdp *self)
{
    struct xdp_interface now = {.ifindex = self->interface.ifindex};
    /* The program first: an interface that goes away is out of sight before it loses that. */
    bool taken_off = !self->stopped && xdp_program_is_taken_off(&self->program);
    int failed = xdp_interface_read(&now, NULL);
    if (failed == 0 && now.missed > self->interface.missed)
        count_loss(self, DROPPED_DEVICE_MISSED, now.missed - self->interface.missed);
    if (failed == 0)
        self->interface.missed = now.missed;
    if ((failed != ENODEV && !taken_off) || self->removed)
        return;
    error_set(&self->source.problem,
              failed == ENODEV ? "xdp:%s: the interface is gone"
                               : "xdp:%s: somebody took the probe's program off the interface",
              self->interface.name);
    atomic_store_explicit(&self->removed, true, memory_order_release);
}

static bool is_drained(const struct source_xdp *self)
{
    for (uint32_t q = 0; q < self->queue_count; q++) {
        const struct xsk_ring_cons *ring = &self->sockets[q].received;
        if (__atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) != ring->cached_cons)
            return false;
    }
    return true;
}

/* When nothing more comes, what the program delivered must have been received or dropped. What was
 * not is observed all the same: then the ledger does not balance, and shows it. */
static void compare(struct source_xdp *self, uint64_t delivered)
{
    uint64_t known = self->socket_drops;
    for (uint32_t q = 0; q < self->queue_count; q++)
        known += self->sockets[q].taken;
    ledger_add(&self->source.ledger.observed, delivered - known - self->unexplained, 0);
    self->unexplained = delivered - known;
}

static void read_verdicts(struct source_xdp *self, bool final)
{
    struct ledger_pair now[VERDICT_COUNT];
    if (!xdp_program_verdicts(&self->program, now))
        return;
    struct ledger_pair host = now[VERDICT_PASSED];
    host.packets -= self->last[VERDICT_PASSED].packets;
    host.octets -= self->last[VERDICT_PASSED].octets;
    ledger_add(&self->source.ledger.host, host.packets, host.octets);
    ledger_add(&self->source.ledger.observed, host.packets, host.octets);
    count_loss(self, DROPPED_QUEUE_UNREAD,
               now[VERDICT_ABORTED].packets - self->last[VERDICT_ABORTED].packets);
    memcpy(self->last, now, sizeof self->last);
    if (final)
        compare(self, now[VERDICT_DELIVERED].packets);
}

static void source_xdp_poll_device(struct packet_source *source)
{
    struct source_xdp *self = (struct source_xdp *)source;
    bool over = self->stopped || self->removed;
    if (!self->queue_count)
        return;
    read_interface(self);
    for (uint32_t q = 0; q < self->queue_count; q++) {
        struct xdp_socket_drops drops = xdp_socket_drops(&self->sockets[q]);
        count_loss(self, DROPPED_SOCKET_FULL, drops.ring_full);
        count_loss(self, DROPPED_SOCKET_BUFFER, drops.no_frame);
        self->socket_drops += drops.ring_full + drops.no_frame;
    }
    read_verdicts(self, over && is_drained(self));
}

/* What the program delivered before is still received. */
static void source_xdp_stop(struct packet_source *source)
{
    struct source_xdp *self = (struct source_xdp *)source;
    xdp_program_detach(&self->program);
    self->stopped = true;
}

/* ---- the interface ---- */

/* Queues that the device got after the start have no socket. */
static bool has_other_queues(struct source_xdp *self, const struct xdp_interface *now,
                             struct error *line)
{
    uint32_t queues = xdp_interface_queues(now), before = self->queues_seen;
    if (queues == 0 || queues == before)
        return false;
    self->queues_seen = queues;
    if (queues <= self->queue_count && before <= self->queue_count)
        return false;
    if (queues <= self->queue_count)
        error_set(line, "xdp:%s: all receive queues are read again", now->name);
    else
        error_set(line,
                  "xdp:%s: %u receive queues now, of which %u are read: restart the probe, or set "
                  "them back (ethtool -L)",
                  now->name, queues, self->queue_count);
    return true;
}

static bool source_xdp_news(struct packet_source *source, struct error *line)
{
    struct source_xdp *self = (struct source_xdp *)source;
    struct xdp_interface now = {.ifindex = self->interface.ifindex};
    struct packet_link *link = &source->link;
    if (atomic_load_explicit(&self->removed, memory_order_acquire))
        return packet_source_tell_problem(source, line);
    if (xdp_interface_read(&now, NULL) != 0)
        return false;
    if (memcmp(now.address, self->interface.address, sizeof now.address) != 0) {
        memcpy(self->interface.address, now.address, sizeof now.address);
        xdp_program_set_host(&self->program, now.address);
    }
    bool first = !link->known;
    bool changed = !first && link->up != now.up;
    link->known = true;
    link->up = now.up;
    link->losses += first ? 0 : now.carrier_losses - self->interface.carrier_losses;
    self->interface.carrier_losses = now.carrier_losses;
    if (changed || (first && !now.up))
        error_set(line, "xdp:%s: the link is %s", self->interface.name,
                  now.up ? "up" : "down: no packets until it is up");
    return changed || (first && !now.up) || has_other_queues(self, &now, line);
}

static void source_xdp_close(struct packet_source *source)
{
    struct source_xdp *self = (struct source_xdp *)source;
    struct xdp_interface now = {.ifindex = self->interface.ifindex};
    bool changed;
    xdp_start_undo(self);
    /* It may have another name by now, and another interface its name. */
    if (self->tags_kept && xdp_interface_read(&now, NULL) == 0)
        xdp_interface_keep_tags(&now, false, &changed);
    free(self->slices);
    free(self);
}

static const struct packet_source_ops source_xdp_ops = {
    .receive = source_xdp_receive,
    .release = source_xdp_release,
    .descriptors = source_xdp_descriptors,
    .poll_device = source_xdp_poll_device,
    .stop = source_xdp_stop,
    .news = source_xdp_news,
    .close = source_xdp_close,
};

struct packet_source *source_xdp_open(const char *name, const struct packet_interface *wanted,
                                      const struct source_xdp_options *options,
                                      const uint64_t *now_ns, struct error *error)
{
    struct source_xdp *self = calloc(1, sizeof *self);
    uint8_t *slices = malloc((size_t)PACKET_BATCH_MAX * XDP_SLICE_OCTETS);
    if (!self || !slices) {
        error_set(error, "xdp:%s: no memory", name);
        free(self);
        free(slices);
        return NULL;
    }
    self->slices = slices;
    self->options = *options;
    self->now_ns = now_ns;
    self->observing = -1;
    self->program = XDP_ATTACHMENT_NONE;
    struct packet_source *source = &self->source;
    source->ops = &source_xdp_ops;
    source->live = true;
    source->interface_count = 1;
    source->interface = *wanted;
    if (source->interface.name[0] == '\0')
        snprintf(source->interface.name, sizeof source->interface.name, "%.31s", name);
    snprintf(self->wanted, sizeof self->wanted, "%s", name);
    snprintf(source->name, sizeof source->name, "xdp:%.120s", name);
    return source;
}

bool source_xdp_prepare(struct packet_source *source, struct source_notes *notes,
                        struct error *error)
{
    struct source_xdp *self = (struct source_xdp *)source;
    check(source->ops == &source_xdp_ops && self->queue_count == 0);
    bool started = xdp_start(self, notes, error);
    self->options.counter = NULL; /* there may be another some day, and this one freed */
    if (!started)
        xdp_start_undo(self);
    return started;
}

/* What stands in the place of a device that could not be had again has no program. */
static bool has_program(const struct packet_source *source)
{
    return source->ops == &source_xdp_ops;
}

bool source_xdp_is_lost(const struct packet_source *source)
{
    const struct source_xdp *self = (const struct source_xdp *)source;
    return !has_program(source) || atomic_load_explicit(&self->removed, memory_order_acquire);
}

bool source_xdp_prepare_counter(struct packet_source *source, const struct xdp_counter *counter,
                                struct error *error)
{
    struct source_xdp *self = (struct source_xdp *)source;
    if (!has_program(source) || atomic_load_explicit(&self->removed, memory_order_acquire))
        return true;
    struct source_xdp_options options = self->options;
    options.counter = counter;
    return xdp_program_prepare(&self->program, &self->interface, &options, error);
}

bool source_xdp_exchange_counter(struct packet_source *source, struct error *error)
{
    struct source_xdp *self = (struct source_xdp *)source;
    return !has_program(source) || xdp_program_exchange(&self->program, &self->interface, error);
}

void source_xdp_drop_counter(struct packet_source *source)
{
    if (has_program(source))
        xdp_program_drop(&((struct source_xdp *)source)->program);
}

void source_xdp_begin(struct packet_source *source)
{
    if (has_program(source))
        xdp_begin((struct source_xdp *)source);
}

bool source_xdp_start(struct packet_source *source, struct source_notes *notes, struct error *error)
{
    if (!source_xdp_prepare(source, notes, error))
        return false;
    source_xdp_begin(source);
    return true;
}

struct ledger_pair source_xdp_counted(struct packet_source *source)
{
    struct ledger_pair verdicts[VERDICT_COUNT];
    if (!has_program(source) ||
        !xdp_program_verdicts(&((struct source_xdp *)source)->program, verdicts))
        return (struct ledger_pair){0, 0};
    return verdicts[VERDICT_COUNTED];
}
