/* Ethernet frames from plain packets. */
#include "frame_builder.h"

#include <string.h>

#include "base/check.h"

struct writer {
    uint8_t *at;
};

static void put8(struct writer *w, unsigned value)
{
    *w->at++ = (uint8_t)value;
}

static void put16(struct writer *w, unsigned value)
{
    put8(w, value >> 8);
    put8(w, value);
}

static void put32(struct writer *w, uint32_t value)
{
    put16(w, value >> 16);
    put16(w, value & 0xffff);
}

static void put(struct writer *w, const void *bytes, size_t count)
{
    memcpy(w->at, bytes, count);
    w->at += count;
}

static void put_link(struct writer *w, const struct plain_packet *p)
{
    put(w, p->macs, 12);
    if (p->vlan[0]) {
        put16(w, p->vlan[1] ? 0x88a8 : 0x8100);
        put16(w, p->vlan[0]);
    }
    if (p->vlan[1]) {
        put16(w, 0x8100);
        put16(w, p->vlan[1]);
    }
    put16(w, p->label_count ? 0x8847 : p->family == 6 ? 0x86dd : 0x0800);
    for (unsigned i = 0; i < p->label_count; i++) {
        put(w, p->labels[i], 3);
        put8(w, 64);
    }
}

static void put_ipv4(struct writer *w, const struct plain_packet *p)
{
    put8(w, 0x45);
    put8(w, p->tos);
    put16(w, (unsigned)p->ip_octets);
    put16(w, 0x1234);
    put16(w, p->kind == TALK_FRAGMENT ? 0x2000 | 185 : 0);
    put8(w, p->ttl);
    put8(w, p->protocol);
    put16(w, 0);
    put(w, p->source, 4);
    put(w, p->destination, 4);
}

static void put_ipv6(struct writer *w, const struct plain_packet *p)
{
    put32(w, 6u << 28 | (uint32_t)p->tos << 20);
    put16(w, (unsigned)p->ip_octets - 40);
    put8(w, p->kind == TALK_FRAGMENT ? 44 : p->protocol);
    put8(w, p->ttl);
    put(w, p->source, 16);
    put(w, p->destination, 16);
    if (p->kind == TALK_FRAGMENT) {
        put8(w, p->protocol);
        put8(w, 0);
        put16(w, 185 << 3 | 1);
        put32(w, 0x12345678);
    }
}

static void put_transport(struct writer *w, const struct plain_packet *p)
{
    switch ((enum conversation_kind)p->kind) {
    case TALK_TCP:
    case TALK_SELF:
        put16(w, p->source_port);
        put16(w, p->destination_port);
        put32(w, p->sequence);
        put32(w, p->acknowledgement);
        put16(w, 5u << 12 | p->tcp_flags);
        put16(w, 8192);
        put32(w, 0);
        break;
    case TALK_UDP:
        put16(w, p->source_port);
        put16(w, p->destination_port);
        put16(w, 8 + p->payload);
        put16(w, 0);
        break;
    case TALK_SCTP:
        put16(w, p->source_port);
        put16(w, p->destination_port);
        put32(w, 1);
        put32(w, 0);
        break;
    case TALK_ICMP:
        put16(w, p->destination_port); /* type and code */
        put16(w, 0);
        put32(w, 0);
        break;
    case TALK_GRE:
        put16(w, 0);
        put16(w, 0x0800);
        break;
    case TALK_FRAGMENT:
    case TALK_KINDS:
        break;
    }
}

void frame_build(struct frame *frame, const struct plain_packet *packet)
{
    struct writer w = {frame->data};
    check(packet->ip_octets <= 65535);
    put_link(&w, packet);
    uint8_t *ip = w.at;
    if (packet->family == 6)
        put_ipv6(&w, packet);
    else
        put_ipv4(&w, packet);
    put_transport(&w, packet);
    uint32_t wire = (uint32_t)(ip - frame->data) + (uint32_t)packet->ip_octets;
    uint32_t room = (uint32_t)(frame->data + FRAME_CAPTURED_MAX - w.at);
    uint32_t rest = wire - (uint32_t)(w.at - frame->data);
    uint32_t payload = rest < room ? rest : room;
    memset(w.at, 0x5a, payload);
    frame->captured_length = (uint32_t)(w.at - frame->data) + payload;
    frame->wire_length = wire < 60 ? 60 : wire;
}

void frame_build_stranger(struct frame *frame, enum frame_stranger kind)
{
    static const unsigned ethertypes[STRANGER_KINDS] = {0x0806, 0x88cc, 0x0800};
    struct writer w = {frame->data};
    memset(frame->data, 0, 60);
    w.at += 12;
    put16(&w, ethertypes[kind]);
    put8(&w, 0x45);
    frame->captured_length = kind == STRANGER_IP_CUT ? 20 : 60;
    frame->wire_length = 60;
}
