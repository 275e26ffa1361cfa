/* Packets from an array. See source_memory.h. */
#include "packet/source_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

struct source_memory {
    struct packet_source source; /* first: the contract's handle */
    const struct memory_packet *packets;
    size_t count;
    size_t next;        /* index of the next packet */
    uint64_t round;     /* rounds completed */
    uint64_t delivered; /* packets handed out */
    uint64_t allowed;
    struct source_memory_options options;
};

static_assert(offsetof(struct source_memory, source) == 0, "source must be first");

static bool exhausted(const struct source_memory *self)
{
    return self->count == 0 || (self->options.rounds > 0 && self->round >= self->options.rounds);
}

static void append(struct source_memory *self, struct packet_batch *batch, uint32_t index)
{
    const struct memory_packet *packet = &self->packets[self->next];
    uint64_t time_ns = self->options.now_ns
                           ? *self->options.now_ns
                           : packet->timestamp_ns + self->round * self->options.round_step_ns;
    batch->data[index] = packet->data;
    batch->captured_length[index] = packet->captured_length;
    batch->wire_length[index] = packet->wire_length;
    batch->timestamp_ns[index] =
        time_ns < PACKET_TIME_LIMIT_NS ? time_ns : PACKET_TIME_LIMIT_NS - 1;
    batch->port[index] = (uint16_t)(self->source.interface_base + packet->port);
    batch->link[index] = packet->link;
    if (++self->next == self->count) {
        self->next = 0;
        self->round++;
    }
}

static enum receive_status source_memory_receive(struct packet_source *source,
                                                 struct packet_batch *batch)
{
    struct source_memory *self = (struct source_memory *)source;
    batch->count = 0;
    if (exhausted(self))
        return RECEIVE_END;
    uint64_t allowed = self->allowed > self->delivered ? self->allowed - self->delivered : 0;
    uint32_t limit = self->options.batch_max;
    if (allowed < limit)
        limit = (uint32_t)allowed;
    if (limit == 0)
        return RECEIVE_IDLE;
    uint32_t count = 0;
    uint64_t octets = 0;
    while (count < limit && !exhausted(self)) {
        append(self, batch, count);
        octets += batch->wire_length[count++];
    }
    batch->count = count;
    self->delivered += count;
    ledger_add(&source->ledger.observed, count, octets);
    return RECEIVE_PACKETS;
}

static void source_memory_release(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    batch->count = 0;
}

static void source_memory_close(struct packet_source *source)
{
    free(source);
}

static const struct packet_source_ops source_memory_ops = {
    .receive = source_memory_receive,
    .release = source_memory_release,
    .close = source_memory_close,
};

struct packet_source *source_memory_open(const struct memory_packet *packets, size_t count,
                                         const struct source_memory_options *options)
{
    struct source_memory *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->source.ops = &source_memory_ops;
    self->packets = packets;
    self->count = count;
    self->allowed = UINT64_MAX;
    if (options)
        self->options = *options;
    else
        self->options.rounds = 1;
    if (self->options.batch_max == 0 || self->options.batch_max > PACKET_BATCH_MAX)
        self->options.batch_max = PACKET_BATCH_MAX;
    self->source.live = self->options.live;
    self->source.interface_count =
        self->options.interface_count ? self->options.interface_count : 1;
    self->source.interface.ifindex = 1;
    self->source.interface.role = INTERFACE_SPAN;
    snprintf(self->source.interface.name, sizeof self->source.interface.name, "memory");
    snprintf(self->source.name, sizeof self->source.name, "memory");
    return &self->source;
}

void source_memory_allow(struct packet_source *source, uint64_t total)
{
    check(source->ops == &source_memory_ops);
    ((struct source_memory *)source)->allowed = total;
}
