/* Packets of the benchmarks. See traffic.h. */
#include "perf/bench/traffic.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As the buffers of a pool lie: a bit more than 2 KiB apart, packets behind a headroom. */
enum { SLOTS = 256, SLOT_OCTETS = 2048 + 128, HEADROOM = 128, IMIX_PARTS = 12 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_GRE = 47, TCP_HEADER = 20 };

struct traffic {
    struct packet_source source; /* first: the contract's handle */
    struct traffic_order order;
    bool random;
    bool reverse; /* packets of a sequence come from the other side */
    bool six;
    uint32_t next; /* flow of a sequence */
    uint64_t left; /* packets */
    uint64_t now_ns;
    uint64_t batch_step_ns;
    uint64_t cycles;
    uint32_t slot;
    uint32_t ip_offset; /* of the header that makes the key */
    uint32_t frame_octets[IMIX_PARTS];
    uint8_t *slots;
};
static_assert(offsetof(struct traffic, source) == 0, "source must be first");

void traffic_order_start(struct traffic_order *order, const struct bench_case *it,
                         uint32_t first_new, uint64_t seed)
{
    memset(order, 0, sizeof *order);
    order->state = seed;
    order->flow_mask = it->flows - 1;
    order->next_new = first_new;
    order->new_of_65536 = it->new_tenths * 65536 / 1000;
    order->zipf = it->order == ORDER_ZIPF;
    for (unsigned k = 0; k <= ZIPF_STEPS; k++)
        order->zipf_rank[k] =
            (uint32_t)(256.0 * pow((double)it->flows + 1, (double)k / ZIPF_STEPS));
    /* the last step ends where the last rank begins */
    order->zipf_rank[ZIPF_STEPS] = it->flows * 256u;
}

static void store16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Ethernet, tag, outer header: everything in front of the header that makes the key. */
static uint32_t write_outer(uint8_t *frame, const struct bench_case *it)
{
    uint32_t at = 12;
    memset(frame, 2, at);
    if (it->feature == FEATURE_VLAN) {
        store16(frame + at, 0x8100);
        store16(frame + at + 2, 100);
        at += 4;
    }
    if (it->feature == FEATURE_DECAPSULATION) {
        store16(frame + at, 0x0800);
        uint8_t *ip = frame + at + 2;
        ip[0] = 0x45;
        ip[8] = 64;
        ip[9] = PROTOCOL_GRE;
        memset(ip + 12, 10, 8);
        at += 2 + 20 + 2;
    }
    store16(frame + at, it->family == 6 ? 0x86dd : 0x0800);
    return at + 2;
}

static void write_header(struct traffic *self, uint8_t *frame)
{
    uint8_t *ip = frame + self->ip_offset;
    uint8_t *transport = ip + (self->six ? 40 : 20);
    if (self->six) {
        ip[0] = 0x60;
        ip[7] = 64;
        ip[8] = ip[24] = 0x20;
        ip[9] = ip[25] = 0x01;
    } else {
        ip[0] = 0x45;
        ip[8] = 64;
    }
    store16(transport + 4, 8);
    transport[12] = 0x50; /* TCP: header length; UDP: payload */
    transport[13] = 0x10; /* TCP: ACK */
}

static void write_lengths(struct traffic *self, uint8_t *frame, uint32_t frame_octets)
{
    uint32_t octets = frame_octets - self->ip_offset;
    if (self->six)
        store16(frame + self->ip_offset + 4, octets - 40);
    else
        store16(frame + self->ip_offset + 2, octets);
    if (self->ip_offset > 34)
        store16(frame + 16, frame_octets - 14); /* the outer header around GRE */
}

static inline void write_flow(struct traffic *self, uint8_t *frame, uint32_t flow, uint64_t random)
{
    uint8_t *ip = frame + self->ip_offset;
    uint32_t end[2] = {flow * 0x9e3779b1u, flow * 0x85ebca6bu + 0x0a000001u};
    uint16_t port[2] = {(uint16_t)(flow >> 5 | 0x400), 443};
    unsigned from = (unsigned)random & 1;
    uint8_t protocol = flow & 1 ? PROTOCOL_TCP : PROTOCOL_UDP;
    uint8_t *transport;
    if (self->six) {
        ip[6] = protocol;
        memcpy(ip + 20, &end[from], 4);
        memcpy(ip + 36, &end[from ^ 1], 4);
        transport = ip + 40;
    } else {
        ip[9] = protocol;
        memcpy(ip + 12, &end[from], 4);
        memcpy(ip + 16, &end[from ^ 1], 4);
        transport = ip + 20;
    }
    memcpy(transport, &port[from], 2);
    memcpy(transport + 2, &port[from ^ 1], 2);
}

static enum receive_status traffic_receive(struct packet_source *source, struct packet_batch *batch)
{
    struct traffic *self = (struct traffic *)source;
    uint64_t start = bench_cycles();
    uint32_t count = self->left < PACKET_BATCH_MAX ? (uint32_t)self->left : PACKET_BATCH_MAX;
    batch->count = count;
    if (count == 0)
        return RECEIVE_IDLE;
    self->now_ns += self->batch_step_ns;
    uint64_t octets = 0;
    bool mixed = self->frame_octets[0] != self->frame_octets[IMIX_PARTS - 1];
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *frame = self->slots + (size_t)self->slot * SLOT_OCTETS + HEADROOM;
        self->slot = (self->slot + 1) % SLOTS;
        uint64_t random = self->reverse;
        uint32_t flow = self->random ? traffic_order_next(&self->order, &random) : self->next++;
        uint32_t length = self->frame_octets[0];
        if (mixed) {
            length = self->frame_octets[(random >> 1 & 0xff) * IMIX_PARTS >> 8];
            write_lengths(self, frame, length);
        }
        write_flow(self, frame, flow, random);
        batch->data[i] = frame;
        batch->captured_length[i] = length;
        batch->wire_length[i] = length;
        batch->timestamp_ns[i] = self->now_ns;
        batch->port[i] = 0;
        batch->link[i] = LINK_ETHERNET;
        octets += length;
    }
    self->left -= count;
    ledger_add(&source->ledger.observed, count, octets);
    self->cycles += bench_interval(start, bench_cycles());
    return RECEIVE_PACKETS;
}

static void traffic_release(struct packet_source *source, struct packet_batch *batch)
{
    (void)source;
    batch->count = 0;
}

static void traffic_close(struct packet_source *source)
{
    free(((struct traffic *)source)->slots);
    free(source);
}

static const struct packet_source_ops traffic_ops = {
    .receive = traffic_receive,
    .release = traffic_release,
    .close = traffic_close,
};

static void set_sizes(struct traffic *self, const struct bench_case *it)
{
    static const uint32_t imix[IMIX_PARTS] = {64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1518};
    uint32_t least = self->ip_offset + (self->six ? 40 : 20) + TCP_HEADER;
    for (unsigned part = 0; part < IMIX_PARTS; part++) {
        uint32_t octets = (it->size ? it->size : imix[part]) - 4; /* without FCS */
        self->frame_octets[part] = octets < least ? least : octets;
    }
}

struct packet_source *traffic_open(const struct bench_case *it, uint32_t first_new, uint64_t seed)
{
    struct traffic *self = calloc(1, sizeof *self);
    uint8_t *slots = aligned_alloc(64, (size_t)SLOTS * SLOT_OCTETS);
    if (!self || !slots) {
        free(self);
        free(slots);
        return NULL;
    }
    memset(slots, 0, (size_t)SLOTS * SLOT_OCTETS);
    traffic_order_start(&self->order, it, first_new, seed);
    self->slots = slots;
    self->six = it->family == 6;
    self->now_ns = 1700000000ull * 1000000000u;
    self->source.ops = &traffic_ops;
    self->source.interface_count = 1;
    self->source.interface.ifindex = 1;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        uint8_t *frame = slots + (size_t)slot * SLOT_OCTETS + HEADROOM;
        self->ip_offset = write_outer(frame, it);
        set_sizes(self, it);
        write_header(self, frame);
        write_lengths(self, frame, self->frame_octets[0]);
    }
    return &self->source;
}

void traffic_play_sequence(struct packet_source *source, bool reverse, uint64_t packets,
                           uint64_t batch_step_ns)
{
    struct traffic *self = (struct traffic *)source;
    self->random = false;
    self->reverse = reverse;
    self->next = 0;
    self->left = packets;
    self->batch_step_ns = batch_step_ns;
}

void traffic_play_random(struct packet_source *source, uint64_t packets, uint64_t batch_step_ns)
{
    struct traffic *self = (struct traffic *)source;
    self->random = true;
    self->left = packets;
    self->batch_step_ns = batch_step_ns;
}

uint64_t traffic_take_cycles(struct packet_source *source)
{
    struct traffic *self = (struct traffic *)source;
    uint64_t cycles = self->cycles;
    self->cycles = 0;
    return cycles;
}

uint64_t traffic_now_ns(const struct packet_source *source)
{
    return ((const struct traffic *)source)->now_ns;
}
