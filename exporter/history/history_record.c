/* From the scratch line back to the lines of a flow record. See history_record.h. */
#include "history/history_record.h"

#include <endian.h>
#include <string.h>

enum { NO_PORT = 0xffff, BY_INITIATOR = 1, BY_RESPONDER = 2 };

/* Seconds from 1900 (NTP's origin) to 1970. */
static const uint64_t ntp_offset_s = 2208988800u;

/* A time on the wire as nanoseconds since 1970. The exporter rounds fractions up, so rounding down
 * gives what went in. */
static uint64_t time_decode(uint64_t wire, enum time_code code)
{
    uint64_t value = be64toh(wire);
    if (code == TIME_CODE_MILLISECONDS)
        return value < UINT64_MAX / 1000000u ? value * 1000000u : 0;
    uint64_t seconds = value >> 32, fraction = value & UINT32_MAX;
    if (seconds < ntp_offset_s)
        return 0;
    uint64_t rest_ns = (fraction * 1000000000u) >> 32;
    if (code == TIME_CODE_NTP_MICROSECONDS)
        rest_ns -= rest_ns % 1000u;
    return (seconds - ntp_offset_s) * 1000000000u + rest_ns;
}

uint64_t history_first_ns(const struct history_record *record)
{
    const struct record_values *v = &record->values;
    uint64_t first_ns = time_decode(v->start, record->time_code);
    if (!record->biflow || !v->reverse_packets)
        return first_ns;
    uint64_t answer_ns = time_decode(v->reverse_start, record->time_code);
    return answer_ns < first_ns ? answer_ns : first_ns;
}

static uint16_t find_interface(const struct history_interfaces *interfaces, uint32_t ingress,
                               uint32_t egress)
{
    for (uint32_t i = 0; i < interfaces->count; i++)
        if (interfaces->rows[i].ifindex == ingress && interfaces->rows[i].partner_ifindex == egress)
            return (uint16_t)i;
    return NO_PORT;
}

static void note_interface(struct history_interfaces *interfaces, uint32_t ingress, uint32_t egress)
{
    bool none = ingress == 0 && egress == 0;
    if (none || interfaces->count == EXPORT_INTERFACES_MAX ||
        find_interface(interfaces, ingress, egress) != NO_PORT)
        return;
    interfaces->rows[interfaces->count++] =
        (struct export_interface){.ifindex = ingress, .partner_ifindex = egress};
}

void history_note_interfaces(struct history_interfaces *interfaces,
                             const struct history_record *record)
{
    const struct record_values *v = &record->values;
    note_interface(interfaces, be32toh(v->ingress), be32toh(v->egress));
    if (record->biflow)
        note_interface(interfaces, be32toh(v->reverse_ingress), be32toh(v->reverse_egress));
}

/* The key; returns the side of the record's source. */
static unsigned restore_key(const struct history_record *record, struct history_lines *lines)
{
    const struct record_values *v = &record->values;
    unsigned outer = be16toh(v->vlan_outer) & 0xfffu, inner = be16toh(v->vlan_inner) & 0xfffu;
    struct flow_key key;
    unsigned side;
    if (record->ipv6) {
        side = flow_key_make6(&key, v->address, v->address + 16, v->source_port,
                              v->destination_port, v->protocol, outer, inner);
        memcpy(lines->hot6.address_a, key.address6_a, sizeof key.address6_a);
        memcpy(lines->hot6.address_b, key.address6_b, sizeof key.address6_b);
    } else {
        uint32_t source, destination;
        memcpy(&source, v->address + 24, sizeof source);
        memcpy(&destination, v->address + 28, sizeof destination);
        side = flow_key_make4(&key, source, destination, v->source_port, v->destination_port,
                              v->protocol, outer, inner);
    }
    lines->hot.key = key.head;
    return side;
}

static void restore_counters(struct history_lines *lines, unsigned side, uint64_t packets,
                             uint64_t octets)
{
    const uint64_t packet_mask = (1u << (FLOW_CARRY_PACKET_BIT - FLOW_OCTET_BITS)) - 1;
    const uint64_t octet_mask = (1ull << FLOW_CARRY_OCTET_BIT) - 1;
    lines->hot.counter[side] = (packets & packet_mask) << FLOW_OCTET_BITS | (octets & octet_mask);
    lines->cold.packets_carry[side] =
        (uint16_t)(packets >> (FLOW_CARRY_PACKET_BIT - FLOW_OCTET_BITS));
    lines->cold.octets_carry[side] = (uint16_t)(octets >> FLOW_CARRY_OCTET_BIT);
}

/* FLAGS of all packets but the first, FIRST those of the first. */
static void restore_flags(struct history_lines *lines, unsigned side, uint8_t all, uint8_t later,
                          uint8_t first)
{
    later |= (uint8_t)(all & ~first); /* where single flags are not told */
    lines->hot.flags_state |= (uint32_t)later << (side * 12);
    lines->hot.initial_flags[side] = first;
}

static void restore_source(const struct history_record *record,
                           const struct history_interfaces *interfaces, struct history_lines *lines,
                           unsigned side)
{
    const struct record_values *v = &record->values;
    struct flow_hot *hot = &lines->hot;
    struct flow_cold *cold = &lines->cold;
    restore_counters(lines, side, be64toh(v->packets), be64toh(v->octets));
    restore_flags(lines, side, v->tcp_flags, v->later_flags, v->initial_flags);
    cold->first_ns[side] = time_decode(v->start, record->time_code);
    hot->last_ns[side] = time_decode(v->end, record->time_code);
    hot->ttl_min[side] = v->ttl_min;
    hot->ttl_max[side] = v->ttl_max;
    hot->tos[side] = v->tos;
    cold->port[side] = find_interface(interfaces, be32toh(v->ingress), be32toh(v->egress));
    cold->marks |= (uint8_t)(v->direction == 1 ? FLOW_MARK_DIRECTION_A << side : 0);
}

static void restore_answer(const struct history_record *record,
                           const struct history_interfaces *interfaces, struct history_lines *lines,
                           unsigned side)
{
    const struct record_values *v = &record->values;
    struct flow_hot *hot = &lines->hot;
    struct flow_cold *cold = &lines->cold;
    cold->first_ns[side] = UINT64_MAX;
    cold->port[side] = NO_PORT;
    if (!record->biflow || !v->reverse_packets)
        return;
    restore_counters(lines, side, be64toh(v->reverse_packets), be64toh(v->reverse_octets));
    restore_flags(lines, side, v->reverse_tcp_flags, v->reverse_later_flags,
                  v->reverse_initial_flags);
    cold->first_ns[side] = time_decode(v->reverse_start, record->time_code);
    hot->last_ns[side] = time_decode(v->reverse_end, record->time_code);
    hot->ttl_min[side] = v->reverse_ttl_min;
    hot->ttl_max[side] = v->reverse_ttl_max;
    hot->tos[side] = v->reverse_tos;
    cold->port[side] =
        find_interface(interfaces, be32toh(v->reverse_ingress), be32toh(v->reverse_egress));
    cold->marks |= (uint8_t)(v->reverse_direction == 1 ? FLOW_MARK_DIRECTION_A << side : 0);
}

/* The names, and that which is a number on the wire. */
static void restore_names(const struct history_record *record, struct history_lines *lines)
{
    uint32_t octets = record->name_octets;
    unsigned status = be16toh(record->values.http_status);
    memcpy(lines->names, record->names, octets);
    if (status >= 100 && status <= 999 && octets + FLOW_NAME_HEAD + 3 <= sizeof lines->names) {
        uint8_t name[FLOW_NAME_HEAD + 3] = {NAME_HTTP_STATUS, 3, (uint8_t)('0' + status / 100),
                                            (uint8_t)('0' + status / 10 % 10),
                                            (uint8_t)('0' + status % 10)};
        memcpy(lines->names + octets, name, sizeof name);
        octets += sizeof name;
    }
    lines->extra.name_octets = (uint16_t)octets;
}

static void restore_extra(const struct history_record *record, struct history_lines *lines,
                          unsigned side)
{
    static const uint8_t none[3] = {0};
    const struct record_values *v = &record->values;
    uint8_t count = 0;
    while (count < 3 && memcmp(v->label[count], none, sizeof none) != 0)
        count++;
    restore_names(record, lines);
    if (count == 0 && !record->aggregate && !v->list && !v->brand && !lines->extra.name_octets)
        return;
    lines->hot.flags_state |= (uint32_t)FLOW_STATE_EXTRA << 24;
    lines->extra.label_count[side] = count;
    memcpy(lines->extra.labels[side], v->label, sizeof v->label);
    lines->extra.aggregate = record->aggregate;
    lines->extra.list = be32toh(v->list);
    lines->extra.brand = be32toh(v->brand);
    lines->extra.source_prefix_length = v->source_prefix_length;
    lines->extra.destination_prefix_length = v->destination_prefix_length;
}

/* Who began, and what the flow is. */
static void restore_whole(const struct history_record *record, struct history_lines *lines,
                          unsigned side)
{
    const struct record_values *v = &record->values;
    struct flow_cold *cold = &lines->cold;
    unsigned initiator = v->biflow_direction == BY_RESPONDER ? side ^ 1u : side;
    if (v->biflow_direction == BY_INITIATOR || v->biflow_direction == BY_RESPONDER)
        cold->marks |= FLOW_MARK_INITIATOR_SEEN;
    if (initiator)
        lines->hot.flags_state |= (uint32_t)FLOW_STATE_INITIATOR_B << 24;
    if (record->ipv6)
        lines->hot.flags_state |= (uint32_t)FLOW_STATE_IPV6 << 24;
    memcpy(side ? cold->mac_b : cold->mac_a, v->source_mac, 6);
    memcpy(side ? cold->mac_a : cold->mac_b, v->destination_mac, 6);
    uint16_t application = (uint16_t)(be32toh(v->application) & FLOW_APPLICATION_NUMBER);
    if (application) /* a label is told only of what payload said */
        application |= v->app_label ? FLOW_APPLICATION_BY_CONTENT : FLOW_APPLICATION_BY_PORT;
    cold->application = application;
    cold->flow_id = be64toh(v->flow_id);
    cold->end_reason = v->end_reason & (FLOW_END_CONTINUED - 1);
    if (v->end_reason & FLOW_END_CONTINUED)
        cold->marks |= FLOW_MARK_CONTINUED;
    uint64_t first_ns = history_first_ns(record);
    lines->hot.start_s = (uint32_t)(first_ns / 1000000000u);
    cold->start_fraction_ns = (uint32_t)(first_ns % 1000000000u);
}

void history_restore(const struct history_record *record,
                     const struct history_interfaces *interfaces, struct history_lines *lines)
{
    memset(lines, 0, sizeof *lines);
    unsigned side = restore_key(record, lines);
    restore_source(record, interfaces, lines, side);
    restore_answer(record, interfaces, lines, side ^ 1u);
    restore_extra(record, lines, side);
    restore_whole(record, lines, side);
}

static bool looks_hashed(const struct flow_name *name)
{
    if (name->octets != FLOW_NAME_HASH_OCTETS)
        return false;
    for (unsigned i = 0; i < FLOW_NAME_HASH_OCTETS; i++)
        if (!strchr("0123456789abcdef", name->text[i]) || name->text[i] == 0)
            return false;
    return true;
}

void history_keep_names(struct history_lines *lines, const struct flow_names *wanted)
{
    const uint8_t *at = lines->names, *end = at + lines->extra.name_octets;
    uint8_t *to = lines->names;
    struct flow_name name;
    for (const uint8_t *head = at; flow_name_next(&at, end, &name); head = at) {
        uint32_t types = wanted->clear | (looks_hashed(&name) ? wanted->hashed : 0);
        size_t octets = (size_t)(at - head);
        if (!(types >> name.type & 1u))
            continue;
        memmove(to, head, octets);
        to += octets;
    }
    lines->extra.name_octets = (uint16_t)(to - lines->names);
}
