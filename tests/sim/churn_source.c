/* Packets of flows that come and go. See churn_source.h. */
#include "sim/churn_source.h"

#include <string.h>

#include "base/check.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, ETHERNET_OCTETS = 14 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, LATE_NS = 50000000 };

/* The ends of a flow, in the order of its first packet. */
struct ends {
    uint8_t address[2][16];
    uint16_t port[2];
    bool tcp;
    bool six;
};

static struct ends ends_of(uint64_t flow)
{
    struct random random = {flow * 0x9e3779b97f4a7c15u};
    struct ends ends = {.tcp = flow % 3 != 0, .six = flow % 5 == 0};
    for (unsigned side = 0; side < 2; side++) {
        uint64_t words[2] = {random_next(&random), random_next(&random)};
        memcpy(ends.address[side], words, sizeof words);
        ends.port[side] = (uint16_t)random_next(&random);
    }
    return ends;
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_ip(uint8_t *at, const struct ends *ends, unsigned side, unsigned payload)
{
    uint8_t protocol = ends->tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
    size_t address = ends->six ? 16 : 4;
    if (ends->six) {
        memset(at, 0, 8);
        at[0] = 0x60;
        put16(at + 4, payload);
        at[6] = protocol;
        at[7] = 64;
        at += 8;
    } else {
        memset(at, 0, 12);
        at[0] = 0x45;
        put16(at + 2, 20 + payload);
        at[8] = 64;
        at[9] = protocol;
        at += 12;
    }
    memcpy(at, ends->address[side], address);
    memcpy(at + address, ends->address[1 - side], address);
    return at + 2 * address;
}

/* Writes one frame; returns its length. */
static uint32_t put_frame(uint8_t *frame, const struct ends *ends, unsigned side, uint8_t flags)
{
    unsigned payload = ends->tcp ? 20 : 8;
    memset(frame, 2, 12);
    uint8_t *at = put16(frame + 12, ends->six ? 0x86dd : 0x0800);
    at = put_ip(at, ends, side, payload);
    memset(at, 0, payload);
    put16(at, ends->port[side]);
    put16(at + 2, ends->port[1 - side]);
    if (ends->tcp) {
        at[12] = 5 << 4;
        at[13] = flags;
    } else {
        put16(at + 4, payload);
    }
    return (uint32_t)(at + payload - frame);
}

static uint32_t make_frame(struct churn_source *source, uint8_t *frame)
{
    struct random *random = &source->random;
    if (random_chance(random, source->new_flow)) {
        struct ends ends = ends_of(++source->flow);
        return put_frame(frame, &ends, 0, SYN);
    }
    uint64_t back = random_below(random, source->recent);
    struct ends ends = ends_of(source->flow > back ? source->flow - back : source->flow);
    static const uint8_t flags[] = {ACK, ACK, ACK, ACK, ACK, ACK, ACK | FIN, ACK | FIN, ACK | RST};
    return put_frame(frame, &ends, (unsigned)random_below(random, 2),
                     flags[random_below(random, sizeof flags)]);
}

static enum receive_status receive(struct packet_source *base, struct packet_batch *batch)
{
    struct churn_source *source = (struct churn_source *)base;
    uint32_t count = source->budget < PACKET_BATCH_MAX ? source->budget : PACKET_BATCH_MAX;
    uint64_t octets = 0;
    batch->count = count;
    if (count == 0)
        return RECEIVE_IDLE;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = make_frame(source, source->frames[i]);
        check(length <= CHURN_FRAME_MAX);
        batch->data[i] = source->frames[i];
        batch->captured_length[i] = length;
        batch->wire_length[i] = length;
        batch->timestamp_ns[i] = source->now_ns - random_below(&source->random, LATE_NS);
        batch->port[i] = base->interface_base;
        batch->link[i] = LINK_ETHERNET;
        octets += length;
    }
    source->budget -= count;
    source->given += count;
    ledger_add(&base->ledger.observed, count, octets);
    return RECEIVE_PACKETS;
}

static void release(struct packet_source *base, struct packet_batch *batch)
{
    (void)base;
    batch->count = 0;
}

/* Every reading of the device shows a few more packets that it lost. */
static void poll_device(struct packet_source *base)
{
    struct churn_source *source = (struct churn_source *)base;
    uint64_t lost = random_below(&source->random, 4);
    ledger_add(&base->ledger.dropped[DROPPED_DEVICE_MISSED], lost, 0);
    ledger_add(&base->ledger.observed, lost, 0);
    source->given += lost;
}

static void no_close(struct packet_source *base)
{
    (void)base;
}

void churn_source_init(struct churn_source *source, uint64_t seed)
{
    static const struct packet_source_ops ops = {
        .receive = receive, .release = release, .poll_device = poll_device, .close = no_close};
    memset(source, 0, sizeof *source);
    source->base.ops = &ops;
    source->base.live = true;
    source->base.interface_count = 1;
    source->random.state = seed;
    source->flow = seed << 40;
    source->recent = 500;
}
