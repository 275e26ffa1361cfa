/*
 * Brings up the XDP source: the program first, so that its mode is known and somebody else's is
 * seen before anything changes, then a socket for each queue, then packets. Control thread.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "packet/xdp_source.h"

/* The ways in which a socket can take packets, the best first. */
static const struct way {
    bool zero_copy;
    bool pieces;
} ways[] = {{true, true}, {true, false}, {false, true}, {false, false}};
enum { WAYS = sizeof ways / sizeof ways[0] };

static uint32_t ring_size(uint32_t wanted)
{
    uint32_t size = 64;
    while (size < wanted)
        size *= 2;
    return size;
}

static bool fits_one_frame(const struct source_xdp *self)
{
    return self->interface.mtu + 22 <= XDP_FRAME_ROOM; /* with two tags */
}

static bool is_possible(const struct source_xdp *self, const struct way *way)
{
    enum source_xdp_frames wanted = self->options.frames;
    if (way->zero_copy && (!self->program.native || wanted == XDP_FRAMES_COPIED))
        return false;
    if (!way->zero_copy && wanted == XDP_FRAMES_ZERO_COPY)
        return false;
    return way->pieces || !way->zero_copy || fits_one_frame(self);
}

static struct xdp_socket_options socket_options(const struct source_xdp *self,
                                                const struct way *way, uint32_t queue)
{
    uint32_t descriptors = self->options.receive_descriptors;
    return (struct xdp_socket_options){.interface = self->interface.name,
                                       .queue = queue,
                                       .descriptors = ring_size(descriptors ? descriptors : 4096),
                                       .zero_copy = way->zero_copy,
                                       .pieces = way->pieces,
                                       .busy_poll_us = self->options.busy_poll_us};
}

/* Opens the first queue's socket in the best way that works. */
static const struct way *open_first(struct source_xdp *self, struct error *error)
{
    error_set(error, "xdp:%s: zero copy needs native mode; give copy=auto or copy=copy",
              self->interface.name);
    for (unsigned w = 0; w < WAYS; w++) {
        if (!is_possible(self, &ways[w]))
            continue;
        const struct xdp_socket_options options = socket_options(self, &ways[w], 0);
        int failed = xdp_socket_open(&self->sockets[0], &options, error);
        self->waited_ms += self->sockets[0].waited_ms;
        if (failed == 0)
            return &ways[w];
        if (failed == ENOBUFS || failed == ENOMEM || failed == EPERM || failed == EBUSY)
            return NULL;
    }
    return NULL;
}

static bool open_sockets(struct source_xdp *self, const struct way **way, struct error *error)
{
    uint32_t wanted = xdp_interface_queues(&self->interface);
    bool known = wanted > 0;
    wanted = known ? wanted : self->interface.receive_queues_max;
    if (wanted > PROBE_QUEUES_MAX) {
        error_set(
            error, "xdp:%s: %u receive queues; it reads at most %u: ethtool -L %s combined %u",
            self->interface.name, wanted, PROBE_QUEUES_MAX, self->interface.name, PROBE_QUEUES_MAX);
        return false;
    }
    *way = open_first(self, error);
    if (!*way)
        return false;
    self->queue_count = 1;
    while (self->queue_count < wanted) {
        const struct xdp_socket_options options = socket_options(self, *way, self->queue_count);
        int failed = xdp_socket_open(&self->sockets[self->queue_count], &options, error);
        self->waited_ms += self->sockets[self->queue_count].waited_ms;
        if (failed && !(failed == EINVAL && !known))
            return false;
        if (failed)
            break; /* the driver could have more, but uses no more */
        self->queue_count++;
    }
    if ((*way)->pieces || xdp_program_take_whole(&self->program))
        return true;
    error_set(error,
              "xdp:%s: this kernel's sockets take no packet in several frames, and an MTU of %u "
              "needs that; it takes Linux 6.6, or a smaller MTU",
              self->interface.name, self->interface.mtu);
    return false;
}

static bool give_sockets(struct source_xdp *self, struct error *error)
{
    for (uint32_t q = 0; q < self->queue_count; q++)
        if (!xdp_program_give_socket(&self->program, q, self->sockets[q].descriptor)) {
            error_set(error, "xdp:%s: the socket of queue %u does not go with the program: %s",
                      self->interface.name, q, strerror(errno));
            return false;
        }
    return true;
}

/* What observing asks of the device. It is told what the device refuses. */
static void prepare_device(struct source_xdp *self, struct source_notes *notes)
{
    const char *name = self->interface.name;
    self->observing = xdp_interface_observe(&self->interface);
    if (self->observing < 0)
        source_note(notes, "xdp:%s: not promiscuous (%s): it sees what is addressed to it only",
                    name, strerror(errno));
    if (!xdp_interface_keep_tags(&self->interface, true, &self->tags_kept))
        source_note(notes, "xdp:%s: the device takes VLAN tags out of packets: they are not seen",
                    name);
}

static void tell(const struct source_xdp *self, const struct way *way, struct source_notes *notes)
{
    const struct xdp_attachment *program = &self->program;
    const struct xdp_socket *socket = &self->sockets[0];
    const char *copied = self->options.frames == XDP_FRAMES_COPIED ? "packets are copied"
                         : program->native ? "packets are copied: the driver has no zero copy"
                                           : "packets are copied";
    source_note(notes, "xdp:%s: %s mode%s%s%s, %s%s, %u queue%s of %zu MiB (%s), program %u KiB%s",
                self->interface.name, program->native ? "native" : "generic",
                program->reason[0] ? " (" : "", program->reason, program->reason[0] ? ")" : "",
                socket->zero_copy ? "zero copy" : copied,
                way->pieces ? "" : ", at most 1792 octets of a packet", self->queue_count,
                self->queue_count > 1 ? "s" : "", socket->frames.size >> 20,
                arena_backing_name(socket->frames.backing), (program->memory_octets + 1023) / 1024,
                self->options.pass_host ? ", the host's own packets pass" : "");
    if (self->waited_ms)
        source_note(notes,
                    "xdp:%s: queues were still occupied, by a process that has ended; free after "
                    "%u ms",
                    self->interface.name, self->waited_ms);
    if (self->options.counter && !xdp_interface_trusted())
        source_note(notes,
                    "xdp:%s: the kernel guards the program against speculation, which makes "
                    "counting there several times as dear; with CAP_PERFMON it does not",
                    self->interface.name);
    if (self->options.busy_poll_us && !socket->busy_poll)
        source_note(notes, "xdp:%s: busy polling is not possible here: %s", self->interface.name,
                    "the kernel refuses it");
}

static bool find(struct source_xdp *self, struct error *error)
{
    int failed = xdp_interface_read(&self->interface, self->wanted);
    if (failed) {
        error_set(error, "xdp:%.100s: %s", self->wanted,
                  failed == ENODEV ? "no such interface; ip link shows those that are there"
                                   : strerror(failed));
        return false;
    }
    if (self->interface.kind != ARPHRD_ETHER && self->interface.kind != ARPHRD_LOOPBACK) {
        error_set(error,
                  "xdp:%s: its packets have no Ethernet header (a tunnel?), which an XDP source "
                  "expects; observe the interface that carries them",
                  self->interface.name);
        return false;
    }
    struct packet_interface *shown = &self->source.interface;
    self->source.own_ifindex = self->interface.ifindex;
    if (shown->ifindex == 0)
        shown->ifindex = self->interface.ifindex;
    return xdp_interface_permitted(self->interface.name, error);
}

bool xdp_start(struct source_xdp *self, struct source_notes *notes, struct error *error)
{
    const struct way *way = NULL;
    if (!find(self, error) ||
        !xdp_program_load(&self->program, &self->interface, &self->options, error) ||
        !xdp_program_attach(&self->program, &self->interface, &self->options, error) ||
        !open_sockets(self, &way, error) || !give_sockets(self, error))
        return false;
    self->queues_seen = self->queue_count;
    prepare_device(self, notes);
    tell(self, way, notes);
    return true;
}

void xdp_begin(struct source_xdp *self)
{
    struct xdp_interface now = {.ifindex = self->interface.ifindex};
    if (xdp_interface_read(&now, NULL) == 0)
        self->interface.missed = now.missed; /* before this moment nothing is observed */
    xdp_program_enable(&self->program);
}

void xdp_start_undo(struct source_xdp *self)
{
    xdp_program_close(&self->program);
    for (uint32_t q = 0; q < PROBE_QUEUES_MAX; q++)
        xdp_socket_close(&self->sockets[q]);
    self->queue_count = 0;
    if (self->observing >= 0)
        close(self->observing);
    self->observing = -1;
}
