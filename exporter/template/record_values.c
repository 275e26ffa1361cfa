/*
 * Computes the scratch line of values of one direction of a flow record: the only place that knows
 * both the record's layout and the wire's forms. Called once per data record on the exporter's
 * thread; owns nothing.
 */
#include "template/record_values.h"

#include <endian.h>
#include <string.h>

#include "element/element.h"

/* Seconds from 1900 (NTP's origin) to 1970. */
static const uint64_t ntp_offset_s = 2208988800u;

void values_context_init(struct values_context *context,
                         const struct exporting_process_config *process,
                         const struct destination_config *destination, uint32_t groups,
                         bool vlan_outer)
{
    memset(context, 0, sizeof *context);
    bool json = destination->kind == DESTINATION_JSON;
    switch (destination->time_unit) {
    case TIME_MICROSECONDS:
        context->time_code = json ? TIME_CODE_MICROSECONDS : TIME_CODE_NTP_MICROSECONDS;
        break;
    case TIME_NANOSECONDS:
        context->time_code = json ? TIME_CODE_NANOSECONDS : TIME_CODE_NTP_NANOSECONDS;
        break;
    case TIME_MILLISECONDS:
        context->time_code = TIME_CODE_MILLISECONDS;
        break;
    }
    context->groups = groups;
    context->vlan_outer = vlan_outer;
    context->port_count = process->interface_count;
    for (uint32_t i = 0; i < process->interface_count; i++) {
        context->ports[i].ingress = htobe32(process->interfaces[i].ifindex);
        context->ports[i].egress = htobe32(process->interfaces[i].partner_ifindex);
    }
}

/* The fraction is rounded up, so that a reader who rounds down and one who rounds to the nearest
 * both find the unit that went in. */
static uint64_t time_encode_ntp(uint64_t time_ns, bool microseconds)
{
    uint64_t seconds = time_ns / 1000000000u + ntp_offset_s;
    uint64_t rest_ns = time_ns % 1000000000u;
    if (microseconds)
        rest_ns -= rest_ns % 1000u;
    uint64_t fraction = ((rest_ns << 32) + 999999999u) / 1000000000u;
    if (microseconds) /* the low 11 bits carry nothing */
        fraction = (fraction + 2047u) & ~(uint64_t)2047u;
    return seconds << 32 | fraction;
}

uint64_t time_encode(uint64_t time_ns, enum time_code code)
{
    switch (code) {
    case TIME_CODE_NTP_MICROSECONDS:
        return time_encode_ntp(time_ns, true);
    case TIME_CODE_NTP_NANOSECONDS:
        return time_encode_ntp(time_ns, false);
    case TIME_CODE_MICROSECONDS:
        return time_ns / 1000u;
    case TIME_CODE_NANOSECONDS:
        return time_ns;
    case TIME_CODE_MILLISECONDS:
        break;
    }
    return time_ns / 1000000u;
}

static inline uint64_t time_field(uint64_t time_ns, enum time_code code)
{
    if (__builtin_expect(code == TIME_CODE_MILLISECONDS, 1))
        return htobe64(time_ns / 1000000u);
    return htobe64(time_encode(time_ns, code));
}

static inline uint64_t record_start_ns(const struct flow_record *record, unsigned side)
{
    uint64_t first = record->cold->first_ns[side], last = record->hot->last_ns[side];
    return first < last ? first : last;
}

static void fill_link(struct record_values *values, const struct flow_record *record, unsigned side)
{
    const struct flow_cold *cold = record->cold;
    memcpy(values->source_mac, side ? cold->mac_b : cold->mac_a, 6);
    memcpy(values->destination_mac, side ? cold->mac_a : cold->mac_b, 6);
    values->vlan_outer = htobe16((uint16_t)flow_key_vlan_outer(&record->hot->key));
    values->vlan_inner = htobe16((uint16_t)flow_key_vlan_inner(&record->hot->key));
    memset(values->label, 0, sizeof values->label);
    if (record->extra) {
        unsigned count = record->extra->label_count[side];
        memcpy(values->label, record->extra->labels[side], 3 * (count < 3 ? count : 3));
    }
}

static void fill_detail(struct record_values *values, const struct flow_record *record,
                        unsigned side)
{
    /* RFC 6759: engine 6 (user defined) and the rule's number */
    uint32_t application = record->cold->application;
    values->application = application ? htobe32(6u << 24 | application) : 0;
    values->ttl_min = record->hot->ttl_min[side];
    values->ttl_max = record->hot->ttl_max[side];
    unsigned initiator = (flow_state(record->hot) & FLOW_STATE_INITIATOR_B) != 0;
    values->biflow_direction = 0;
    if (record->cold->marks & FLOW_MARK_INITIATOR_SEEN)
        values->biflow_direction = side == initiator ? 1 : 2;
}

static void fill_reverse(struct record_values *values, const struct values_context *context,
                         const struct flow_record *record, unsigned side)
{
    unsigned other = side ^ 1u;
    values->reverse_octets = htobe64(flow_octets(record->hot, record->cold, other));
    values->reverse_packets = htobe64(flow_packets(record->hot, record->cold, other));
    values->reverse_tos = record->hot->tos[other];
    values->reverse_tcp_flags = (uint8_t)flow_tcp_flags(record->hot, other);
    values->reverse_start = time_field(record_start_ns(record, other), context->time_code);
    values->reverse_end = time_field(record->hot->last_ns[other], context->time_code);
}

void record_values_fill(struct record_values *values, const struct values_context *context,
                        const struct flow_record *record, unsigned side)
{
    const struct flow_hot *hot = record->hot;
    const struct flow_cold *cold = record->cold;
    const struct flow_key_head *key = &hot->key;
    if (record->hot6) {
        memcpy(values->address, side ? record->hot6->address_b : record->hot6->address_a, 16);
        memcpy(values->address + 16, side ? record->hot6->address_a : record->hot6->address_b, 16);
    } else {
        uint32_t address[2] = {side ? key->address_b : key->address_a,
                               side ? key->address_a : key->address_b};
        memcpy(values->address + 24, address, sizeof address);
    }
    values->source_port = side ? key->port_b : key->port_a;
    values->destination_port = side ? key->port_a : key->port_b;
    values->icmp = values->destination_port;
    values->protocol = key->protocol;
    values->tcp_flags = (uint8_t)flow_tcp_flags(hot, side);
    values->tos = hot->tos[side];
    uint32_t port = cold->port[side];
    port = port < context->port_count ? port : context->port_count;
    values->ingress = context->ports[port].ingress;
    values->egress = context->ports[port].egress;
    unsigned outer = flow_key_vlan_outer(key), inner = flow_key_vlan_inner(key);
    values->vlan = htobe16((uint16_t)(context->vlan_outer || inner == 0 ? outer : inner));
    values->direction = (cold->marks & (FLOW_MARK_DIRECTION_A << side)) != 0;
    values->end_reason = cold->end_reason;
    values->octets = htobe64(flow_octets(hot, cold, side));
    values->packets = htobe64(flow_packets(hot, cold, side));
    values->start = time_field(record_start_ns(record, side), context->time_code);
    values->end = time_field(hot->last_ns[side], context->time_code);
    if (context->groups & VALUES_LINK)
        fill_link(values, record, side);
    if (context->groups & VALUES_DETAIL)
        fill_detail(values, record, side);
    if (context->groups & VALUES_REVERSE)
        fill_reverse(values, context, record, side);
    if ((context->groups & VALUES_PREFIX) && record->extra) {
        values->source_prefix_length = record->extra->source_prefix_length;
        values->destination_prefix_length = record->extra->destination_prefix_length;
    }
}
