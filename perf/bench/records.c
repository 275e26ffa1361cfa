/* Flow records by number. See records.h. */
#include "perf/bench/records.h"

#include <string.h>

static void fill_side(struct flow_hot *hot, struct flow_cold *cold, unsigned side, uint64_t mix)
{
    uint64_t packets = 1 + (mix & 0xff), octets = packets * (40 + (mix >> 8 & 0x3ff));
    hot->counter[side] = packets << FLOW_OCTET_BITS | octets;
    cold->first_ns[side] = bench_records_end_ns - 100000000000u + (mix >> 20 & 0xffffffff);
    hot->last_ns[side] = cold->first_ns[side] + (mix >> 10 & 0xffffffff);
    hot->ttl_min[side] = hot->ttl_max[side] = 64;
    hot->flags_state |= 0x1bu << (side * 12);
    cold->port[side] = 0;
}

unsigned bench_record(uint8_t *at, uint32_t number, uint32_t family, bool biflow)
{
    struct flow_hot hot = {.flags_state = 0};
    struct flow_hot6 hot6 = {.reserved = {0}};
    struct flow_cold cold = {.first_ns = {UINT64_MAX, UINT64_MAX}, .port = {0xffff, 0xffff}};
    uint64_t mix = (number + 1) * 0x9e3779b97f4a7c15u;
    struct flow_key key = {.family = 0};
    uint8_t address[2][16] = {{0x20, 1}, {0x20, 2}};
    memcpy(address[0] + 8, &mix, 8);
    uint16_t port = (uint16_t)(mix >> 40 | 1);
    uint8_t protocol = number & 1 ? 6 : 17;
    unsigned side =
        family == 6
            ? flow_key_make6(&key, address[0], address[1], port, 443, protocol, 0, 0)
            : flow_key_make4(&key, (uint32_t)mix, (uint32_t)(mix >> 32), port, 443, protocol, 0, 0);
    hot.key = key.head;
    memcpy(hot6.address_a, key.address6_a, 16);
    memcpy(hot6.address_b, key.address6_b, 16);
    fill_side(&hot, &cold, side, mix);
    if (biflow)
        fill_side(&hot, &cold, side ^ 1, mix >> 3);
    hot.start_s = (uint32_t)(cold.first_ns[side] / 1000000000u);
    cold.end_reason = FLOW_END_IDLE;
    cold.flow_id = number;
    unsigned state = side ? FLOW_STATE_INITIATOR_B : 0;
    state |= family == 6 ? FLOW_STATE_IPV6 : 0;
    hot.flags_state |= state << 24;
    unsigned lines = 0;
    memcpy(at + FLOW_LINE * lines++, &hot, FLOW_LINE);
    if (family == 6)
        memcpy(at + FLOW_LINE * lines++, &hot6, FLOW_LINE);
    memcpy(at + FLOW_LINE * lines++, &cold, FLOW_LINE);
    return lines;
}
