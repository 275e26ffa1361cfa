/*
 * Flow records for the exporter's tests. See record_builder.h.
 */
#include "record_builder.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned make_key(const struct flow_description *flow, struct flow_key *key)
{
    uint16_t source_port = htons(flow->source_port);
    uint16_t destination_port = htons(flow->destination_port);
    if (flow->family == 6)
        return flow_key_make6(key, flow->source, flow->destination, source_port, destination_port,
                              flow->protocol, flow->vlan_outer, flow->vlan_inner);
    uint32_t source, destination;
    memcpy(&source, flow->source, 4);
    memcpy(&destination, flow->destination, 4);
    return flow_key_make4(key, source, destination, source_port, destination_port, flow->protocol,
                          flow->vlan_outer, flow->vlan_inner);
}

static void fill_side(struct flow_hot *hot, struct flow_cold *cold, struct flow_extra *extra,
                      unsigned side, const struct flow_direction *direction)
{
    /* leave in the word what fits, the rest as carries */
    uint64_t octets_carry = direction->octets >> FLOW_CARRY_OCTET_BIT;
    uint64_t packets_carry = direction->packets >> 23;
    uint64_t octets = direction->octets - (octets_carry << FLOW_CARRY_OCTET_BIT);
    uint64_t packets = direction->packets - (packets_carry << 23);
    hot->counter[side] = packets << FLOW_OCTET_BITS | octets;
    cold->octets_carry[side] = (uint16_t)octets_carry;
    cold->packets_carry[side] = (uint16_t)packets_carry;
    uint32_t flags = direction->tcp_flags & ~(uint32_t)direction->initial_only;
    hot->flags_state |= flags << (side * 12);
    if (!direction->packets)
        return;
    hot->initial_flags[side] = direction->initial_flags;
    hot->last_ns[side] = direction->last_ns;
    hot->ttl_min[side] = direction->ttl_min;
    hot->ttl_max[side] = direction->ttl_max;
    hot->tos[side] = direction->tos;
    cold->first_ns[side] = direction->first_ns;
    cold->port[side] = direction->port;
    cold->marks |= (uint8_t)(direction->egress ? FLOW_MARK_DIRECTION_A << side : 0);
    extra->label_count[side] = direction->label_count;
    memcpy(extra->labels[side], direction->labels, sizeof direction->labels);
}

unsigned record_build(const struct flow_description *flow, uint8_t *lines)
{
    struct flow_key key = {.family = 0};
    unsigned side = make_key(flow, &key);
    struct flow_hot hot = {.key = key.head};
    struct flow_hot6 hot6 = {.reserved = {0}};
    struct flow_cold cold = {.first_ns = {UINT64_MAX, UINT64_MAX},
                             .port = {0xffff, 0xffff},
                             .end_reason = flow->end_reason};
    struct flow_extra extra = {.reserved = {0}};
    unsigned state = side ? FLOW_STATE_INITIATOR_B : 0;
    fill_side(&hot, &cold, &extra, side, &flow->direction[0]);
    fill_side(&hot, &cold, &extra, side ^ 1u, &flow->direction[1]);
    cold.marks |= flow->initiator_seen ? FLOW_MARK_INITIATOR_SEEN : 0;
    cold.marks |= flow->continued ? FLOW_MARK_CONTINUED : 0;
    cold.flow_id = flow->flow_id;
    memcpy(cold.mac_a, side ? flow->destination_mac : flow->source_mac, 6);
    memcpy(cold.mac_b, side ? flow->source_mac : flow->destination_mac, 6);
    memcpy(hot6.address_a, key.address6_a, 16);
    memcpy(hot6.address_b, key.address6_b, 16);
    state |= flow->family == 6 ? FLOW_STATE_IPV6 : 0;
    extra.list = flow->list;
    extra.brand = flow->brand;
    bool whole = extra.label_count[0] || extra.label_count[1] || extra.list || extra.brand;
    state |= whole ? FLOW_STATE_EXTRA : 0;
    hot.flags_state |= state << 24;

    uint8_t *at = lines;
    memcpy(at, &hot, FLOW_LINE);
    at += FLOW_LINE;
    if (state & FLOW_STATE_IPV6) {
        memcpy(at, &hot6, FLOW_LINE);
        at += FLOW_LINE;
    }
    memcpy(at, &cold, FLOW_LINE);
    at += FLOW_LINE;
    if (state & FLOW_STATE_EXTRA) {
        memcpy(at, &extra, FLOW_LINE);
        at += FLOW_LINE;
    }
    return (unsigned)(at - lines) / FLOW_LINE;
}

int record_push(struct record_ring *ring, const struct flow_description *flow)
{
    _Alignas(FLOW_LINE) uint8_t lines[FLOW_ELEMENT_LINES_MAX * FLOW_LINE];
    unsigned count = record_build(flow, lines);
    void *room = record_ring_reserve(ring, count);
    if (!room)
        return -1;
    memcpy(room, lines, count * FLOW_LINE);
    record_ring_publish(ring);
    return 0;
}

int record_push_marker(struct record_ring *ring, uint64_t cut)
{
    struct flow_marker *marker = record_ring_reserve(ring, 1);
    if (!marker)
        return -1;
    *marker = (struct flow_marker){.cut = cut, .flags_state = (uint32_t)FLOW_ELEMENT_MARKER << 24};
    record_ring_publish(ring);
    return 0;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void describe_direction(struct flow_direction *direction, uint64_t *state, uint64_t start_ns,
                               bool tcp)
{
    uint64_t r = next_random(state);
    direction->packets = 1 + r % 1000;
    direction->octets = direction->packets * (40 + (r >> 16) % 1400);
    if (r >> 60 == 0) /* an elephant: beyond 32 bits, with carries */
        direction->octets = 40 * (direction->packets = (1ull << 24) + (r >> 32) % 100000) << 9;
    direction->first_ns = start_ns + next_random(state) % 5000000000u;
    direction->last_ns = direction->first_ns;
    if (direction->packets > 1)
        direction->last_ns += next_random(state) % 20000000000u;
    r = next_random(state);
    direction->tcp_flags = (uint16_t)(tcp ? r & 0xfff : 0);
    direction->tos = (uint8_t)(r >> 12);
    direction->ttl_min = (uint8_t)(r >> 20);
    direction->ttl_max = (uint8_t)(direction->ttl_min | (r >> 28));
    direction->port = (uint16_t)((r >> 36) % 3);
    direction->egress = r >> 40 & 1;
    direction->label_count = r >> 44 & 7 ? 0 : (uint8_t)(1 + (r >> 48) % 3);
    for (unsigned i = 0; i < direction->label_count && i < 3; i++)
        for (unsigned byte = 0; byte < 3; byte++)
            direction->labels[i][byte] = (uint8_t)(r >> (8 * byte + i));
}

/* Which flags the first packet had, and which of these it alone. */
static void describe_first_packet(struct flow_direction *direction, uint64_t r)
{
    direction->initial_flags = (uint8_t)(direction->tcp_flags & r);
    direction->initial_only = (uint8_t)(direction->initial_flags & (r >> 8));
    if (direction->packets == 1)
        direction->initial_flags = direction->initial_only = (uint8_t)direction->tcp_flags;
}

void record_describe(struct flow_description *flow, uint64_t seed, uint64_t start_ns)
{
    static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 58, 47, 132};
    uint64_t state = seed * 0x2545f4914f6cdd1du + 1;
    memset(flow, 0, sizeof *flow);
    uint64_t r = next_random(&state);
    flow->family = r & 1 ? 6 : 4;
    flow->protocol = protocols[(r >> 8) % sizeof protocols];
    if (flow->protocol == 1 || flow->protocol == 58)
        flow->protocol = flow->family == 6 ? 58 : 1;
    bool icmp = flow->protocol == 1 || flow->protocol == 58;
    bool ports = flow->protocol != 47 && !icmp;
    unsigned octets = flow->family == 6 ? 16 : 4;
    for (unsigned i = 0; i < octets; i++) {
        flow->source[i] = (uint8_t)(next_random(&state) >> 5);
        flow->destination[i] = (uint8_t)(next_random(&state) >> 5);
    }
    r = next_random(&state);
    flow->source_port = ports ? (uint16_t)(r | 1) : 0;
    flow->destination_port = ports || icmp ? (uint16_t)(r >> 16) : 0;
    flow->vlan_outer = r >> 32 & 3 ? 0 : (r >> 34) & 0xfff;
    flow->vlan_inner = flow->vlan_outer && (r >> 46 & 1) ? (r >> 47) & 0xfff : 0;
    for (unsigned i = 0; i < 6; i++) {
        flow->source_mac[i] = (uint8_t)next_random(&state);
        flow->destination_mac[i] = (uint8_t)next_random(&state);
    }
    r = next_random(&state);
    flow->end_reason = (uint8_t)(1 + r % 5);
    flow->initiator_seen = flow->protocol == 6 && (r >> 8 & 1);
    describe_direction(&flow->direction[0], &state, start_ns, flow->protocol == 6);
    if (flow_key_joins(flow->protocol, flow->source_port, flow->destination_port) && (r >> 9 & 3))
        describe_direction(&flow->direction[1], &state, start_ns, flow->protocol == 6);
    r = next_random(&state);
    describe_first_packet(&flow->direction[0], r);
    describe_first_packet(&flow->direction[1], r >> 16);
    flow->continued = r >> 32 & 1;
    flow->flow_id = next_random(&state);
}
