/*
 * Computes the scratch line of values of one direction of a flow record: the only place that knows
 * both the record's layout and the wire's forms. Called once per data record on the exporter's
 * thread; owns nothing.
 */
#include "template/record_values.h"

#include <endian.h>
#include <string.h>

#include "anonymise/crypto_pan.h"
#include "base/severity.h"
#include "element/element.h"

/* Seconds from 1900 (NTP's origin) to 1970. */
static const uint64_t ntp_offset_s = 2208988800u;

void values_context_init(struct values_context *context,
                         const struct exporting_process_config *process,
                         const struct destination_config *destination, uint32_t groups,
                         bool vlan_outer)
{
    memset(context, 0, sizeof *context);
    bool json = destination_is_json(destination);
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
    context->biflow = destination->biflow;
    context->names = destination->names;
    context->continued = destination->profile == PROFILE_SILK;
    context->scale = destination->scale ? process->sampling_interval : 1;
    context->port_count = process->interface_count + process->interfaces_before;
    context->applications = process->applications;
    context->marks = process->marks;
    /* Readers that keep 16 bits would show the wrong interface, or their largest: 0 is unknown. */
    bool narrow = destination->profile == PROFILE_SILK || destination->profile == PROFILE_V5;
    for (uint32_t i = 0; i < context->port_count; i++) {
        uint32_t ingress = process->interfaces[i].ifindex;
        uint32_t egress = process->interfaces[i].partner_ifindex;
        context->ports[i].ingress = htobe32(narrow && ingress > UINT16_MAX ? 0 : ingress);
        context->ports[i].egress = htobe32(narrow && egress > UINT16_MAX ? 0 : egress);
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

/* Bits behind the first LENGTH of an address of OCTETS become 0. */
static void clear_host_bits(uint8_t *address, unsigned octets, unsigned length)
{
    for (unsigned i = length / 8; i < octets; i++)
        address[i] = (uint8_t)(i == length / 8 ? address[i] & (0xff00u >> length % 8) : 0);
}

/* Both addresses become others. Of an aggregate only the prefix is told: the bits behind it stay 0.
 */
static void anonymise(struct record_values *values, struct crypto_pan *anonymiser,
                      const struct flow_record *record)
{
    unsigned octets = record->hot6 ? 16 : 4;
    uint8_t *destination = values->address + sizeof values->address - octets;
    uint8_t *source = destination - octets;
    if (record->hot6) {
        crypto_pan_ipv6(anonymiser, source);
        crypto_pan_ipv6(anonymiser, destination);
    } else {
        crypto_pan_ipv4(anonymiser, source);
        crypto_pan_ipv4(anonymiser, destination);
    }
    if (record->extra && record->extra->aggregate) {
        clear_host_bits(source, octets, record->extra->source_prefix_length);
        clear_host_bits(destination, octets, record->extra->destination_prefix_length);
    }
}

/* Addresses of frames name a device as addresses of IP do: anonymised they are unknown. */
static void fill_macs(struct record_values *values, const struct values_context *context,
                      const struct flow_cold *cold, unsigned side)
{
    memset(values->source_mac, 0, sizeof values->source_mac);
    memset(values->destination_mac, 0, sizeof values->destination_mac);
    if (context->anonymiser)
        return;
    memcpy(values->source_mac, side ? cold->mac_b : cold->mac_a, 6);
    memcpy(values->destination_mac, side ? cold->mac_a : cold->mac_b, 6);
}

static void fill_link(struct record_values *values, const struct values_context *context,
                      const struct flow_record *record, unsigned side)
{
    fill_macs(values, context, record->cold, side);
    values->vlan_outer = htobe16((uint16_t)flow_key_vlan_outer(&record->hot->key));
    values->vlan_inner = htobe16((uint16_t)flow_key_vlan_inner(&record->hot->key));
    memset(values->label, 0, sizeof values->label);
    if (record->extra) {
        unsigned count = record->extra->label_count[side];
        memcpy(values->label, record->extra->labels[side], 3 * (count < 3 ? count : 3));
    }
}

enum { WELL_KNOWN_PORTS = 1024, ATTRIBUTE_SAME_SIZE = 1 };

/* The row of the record's application, NULL if it has none. */
static const struct export_application *application_of(const struct values_context *context,
                                                       const struct flow_record *record)
{
    unsigned number = record->cold->application & FLOW_APPLICATION_NUMBER;
    if (!context->applications || !context->applications->row_of[number])
        return NULL;
    return &context->applications->rows[context->applications->row_of[number] - 1];
}

/* What payload told; where none is looked at, the responder's port, if it says what is spoken
 * there. */
static unsigned app_label(const struct values_context *context, const struct flow_record *record)
{
    if (context->applications) {
        const struct export_application *application = application_of(context, record);
        bool sure = record->cold->application & FLOW_APPLICATION_BY_CONTENT;
        return application && sure ? application->label : 0;
    }
    const struct flow_key_head *key = &record->hot->key;
    bool ports = key->protocol == 6 || key->protocol == 17 || key->protocol == 132;
    bool from_b = (flow_state(record->hot) & FLOW_STATE_INITIATOR_B) != 0;
    unsigned port = be16toh(from_b ? key->port_a : key->port_b);
    return ports && port < WELL_KNOWN_PORTS ? port : 0;
}

/* One packet has one size; of more the record does not know it. */
static unsigned attributes(const struct flow_record *record, unsigned side)
{
    return flow_packets(record->hot, record->cold, side) == 1 ? ATTRIBUTE_SAME_SIZE : 0;
}

static void fill_names(struct record_values *values, const struct values_context *context,
                       const struct flow_record *record)
{
    const struct export_application *application = application_of(context, record);
    const char *confidence = "none";
    memset(values->application_name, 0, sizeof values->application_name);
    memset(values->application_confidence, 0, sizeof values->application_confidence);
    if (application) {
        memcpy(values->application_name, application->name, sizeof values->application_name);
        bool sure = record->cold->application & FLOW_APPLICATION_BY_CONTENT;
        confidence = sure ? "content" : "port";
    }
    memcpy(values->application_confidence, confidence, strlen(confidence));
}

/* What lists and brands are called; of those that nobody knows any more the number alone is told.
 */
static void fill_marks(struct record_values *values, const struct values_context *context,
                       const struct flow_record *record)
{
    uint32_t list = record->extra ? record->extra->list : 0;
    uint32_t brand = record->extra ? record->extra->brand : 0;
    values->list = htobe32(list);
    values->brand = htobe32(brand);
    memset(values->list_label, 0, sizeof values->list_label);
    memset(values->list_severity, 0, sizeof values->list_severity);
    memset(values->brand_name, 0, sizeof values->brand_name);
    const struct export_list *known = list ? export_list_find(context->marks, list) : NULL;
    if (known) {
        const char *severity = severity_word((enum severity)known->severity);
        memcpy(values->list_label, known->label, sizeof values->list_label);
        if (severity)
            memcpy(values->list_severity, severity, strlen(severity));
    }
    const struct export_brand *name = brand ? export_brand_find(context->marks, brand) : NULL;
    if (name)
        memcpy(values->brand_name, name->name, sizeof values->brand_name);
}

/* Records of the cache that are in a record. */
static uint64_t flow_count(const struct values_context *context, const struct flow_record *record,
                           unsigned side)
{
    if (!record->merged)
        return 1;
    return context->biflow ? record->merged : record->merged_side[side];
}

static void fill_detail(struct record_values *values, const struct values_context *context,
                        const struct flow_record *record, unsigned side)
{
    const struct flow_hot *hot = record->hot;
    /* RFC 6759: engine 6 (user defined) and the rule's number */
    uint32_t application = record->cold->application & FLOW_APPLICATION_NUMBER;
    values->application = application ? htobe32(6u << 24 | application) : 0;
    values->ttl_min = hot->ttl_min[side];
    values->ttl_max = hot->ttl_max[side];
    values->ip_version = record->hot6 ? 6 : 4;
    values->flow_id = htobe64(record->cold->flow_id);
    values->initial_flags = hot->initial_flags[side];
    values->later_flags = (uint8_t)flow_later_flags(hot, side);
    values->app_label = htobe16((uint16_t)app_label(context, record));
    values->attributes = htobe16((uint16_t)attributes(record, side));
    values->flow_count = htobe64(flow_count(context, record, side));
    unsigned initiator = (flow_state(hot) & FLOW_STATE_INITIATOR_B) != 0;
    values->biflow_direction = 0;
    if (record->cold->marks & FLOW_MARK_INITIATOR_SEEN)
        values->biflow_direction = side == initiator ? 1 : 2;
}

static void fill_port(const struct values_context *context, const struct flow_record *record,
                      unsigned side, uint32_t *ingress, uint32_t *egress)
{
    uint32_t port = record->cold->port[side];
    port = port < context->port_count ? port : context->port_count;
    *ingress = context->ports[port].ingress;
    *egress = context->ports[port].egress;
}

/* The answer starts after the flow, unless the flow's record began with it. */
static uint32_t reverse_delta(const struct flow_record *record, unsigned side)
{
    unsigned other = side ^ 1u;
    uint64_t start_ms = record_start_ns(record, side) / 1000000u;
    uint64_t answer_ms = record_start_ns(record, other) / 1000000u;
    if (!flow_packets(record->hot, record->cold, other) || answer_ms < start_ms)
        return 0;
    return answer_ms - start_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)(answer_ms - start_ms);
}

static void fill_answer(struct record_values *values, const struct values_context *context,
                        const struct flow_record *record, unsigned side)
{
    unsigned other = side ^ 1u;
    const struct flow_hot *hot = record->hot;
    values->reverse_tos = hot->tos[other];
    values->reverse_tcp_flags = (uint8_t)flow_tcp_flags(hot, other);
    values->reverse_start = time_field(record_start_ns(record, other), context->time_code);
    values->reverse_end = time_field(hot->last_ns[other], context->time_code);
    uint32_t ingress, egress;
    fill_port(context, record, other, &ingress, &egress);
    values->reverse_ingress = ingress;
    values->reverse_egress = egress;
    values->reverse_direction = (record->cold->marks & (FLOW_MARK_DIRECTION_A << other)) != 0;
    values->reverse_ttl_min = hot->ttl_min[other];
    values->reverse_ttl_max = hot->ttl_max[other];
    values->reverse_vlan = values->vlan;
    values->reverse_delta = htobe32(reverse_delta(record, side));
    values->reverse_initial_flags = hot->initial_flags[other];
    values->reverse_later_flags = (uint8_t)flow_later_flags(hot, other);
    values->reverse_attributes = htobe16((uint16_t)attributes(record, other));
}

static void fill_uptime(struct record_values *values, const struct values_context *context,
                        const struct flow_record *record, unsigned side)
{
    uint64_t start_ms = record_start_ns(record, side) / 1000000u;
    uint64_t end_ms = record->hot->last_ns[side] / 1000000u;
    values->start_uptime = htobe32((uint32_t)(start_ms - context->boot_ms));
    values->end_uptime = htobe32((uint32_t)(end_ms - context->boot_ms));
}

static uint64_t scaled(uint64_t count, uint32_t scale)
{
    uint64_t product;
    return __builtin_mul_overflow(count, (uint64_t)scale, &product) ? UINT64_MAX : product;
}

/* Counters of what was metered become estimates of what was observed. */
static void scale_counters(struct record_values *values, const struct values_context *context)
{
    values->octets = htobe64(scaled(be64toh(values->octets), context->scale));
    values->packets = htobe64(scaled(be64toh(values->packets), context->scale));
    if (!(context->groups & VALUES_REVERSE))
        return;
    values->reverse_octets = htobe64(scaled(be64toh(values->reverse_octets), context->scale));
    values->reverse_packets = htobe64(scaled(be64toh(values->reverse_packets), context->scale));
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
    if (__builtin_expect(context->anonymiser != NULL, 0))
        anonymise(values, context->anonymiser, record);
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
    if (context->continued && cold->marks & FLOW_MARK_CONTINUED)
        values->end_reason |= FLOW_END_CONTINUED;
    values->octets = htobe64(flow_octets(hot, cold, side));
    values->packets = htobe64(flow_packets(hot, cold, side));
    values->start = time_field(record_start_ns(record, side), context->time_code);
    values->end = time_field(hot->last_ns[side], context->time_code);
    if (context->groups & VALUES_LINK)
        fill_link(values, context, record, side);
    if (context->groups & VALUES_DETAIL)
        fill_detail(values, context, record, side);
    if (context->groups & VALUES_NAMES)
        fill_names(values, context, record);
    if (context->groups & VALUES_MARKS)
        fill_marks(values, context, record);
    if (context->groups & VALUES_REVERSE) {
        values->reverse_octets = htobe64(flow_octets(hot, cold, side ^ 1u));
        values->reverse_packets = htobe64(flow_packets(hot, cold, side ^ 1u));
    }
    if (context->groups & VALUES_ANSWER)
        fill_answer(values, context, record, side);
    if ((context->groups & VALUES_PREFIX) && record->extra) {
        values->source_prefix_length = record->extra->source_prefix_length;
        values->destination_prefix_length = record->extra->destination_prefix_length;
    }
    if (context->groups & VALUES_UPTIME)
        fill_uptime(values, context, record, side);
    if (context->scale > 1)
        scale_counters(values, context);
}

uint32_t record_pieces(const struct values_context *context, const struct flow_record *record,
                       unsigned side)
{
    uint64_t packets = flow_packets(record->hot, record->cold, side);
    uint64_t octets = scaled(flow_octets(record->hot, record->cold, side), context->scale);
    uint64_t wanted = scaled(packets, context->scale), pieces = 1;
    wanted = octets > wanted ? octets : wanted;
    if (wanted > UINT32_MAX)
        pieces = wanted / UINT32_MAX + 1; /* shares differ by one at most */
    return pieces > packets || pieces > RECORD_PIECES_MAX ? 0 : (uint32_t)pieces;
}

/* What lies before the PIECE-th of PIECES equal shares of WHOLE. */
static uint64_t share(uint64_t whole, uint32_t piece, uint32_t pieces)
{
    return whole / pieces * piece + whole % pieces * piece / pieces;
}

void record_values_fill_piece(struct record_values *values, const struct values_context *context,
                              const struct flow_record *record, unsigned side, uint32_t piece,
                              uint32_t pieces)
{
    record_values_fill(values, context, record, side);
    if (pieces == 1)
        return;
    uint64_t octets = be64toh(values->octets), packets = be64toh(values->packets);
    values->octets = htobe64(share(octets, piece + 1, pieces) - share(octets, piece, pieces));
    values->packets = htobe64(share(packets, piece + 1, pieces) - share(packets, piece, pieces));
    uint64_t start_ns = record_start_ns(record, side), whole_ns = record->hot->last_ns[side];
    whole_ns -= start_ns;
    uint64_t from_ns = start_ns + share(whole_ns, piece, pieces);
    uint64_t to_ns = start_ns + share(whole_ns, piece + 1, pieces);
    values->start = time_field(from_ns, context->time_code);
    values->end = time_field(to_ns, context->time_code);
    values->start_uptime = htobe32((uint32_t)(from_ns / 1000000u - context->boot_ms));
    values->end_uptime = htobe32((uint32_t)(to_ns / 1000000u - context->boot_ms));
    values->attributes = 0;
    if (piece + 1 < pieces)
        values->end_reason = (uint8_t)((values->end_reason & FLOW_END_CONTINUED) | FLOW_END_ACTIVE);
    if (piece == 0)
        return;
    values->flow_count = 0;                      /* the first piece tells it */
    values->initial_flags = values->later_flags; /* the flow's first packet is in the first piece */
    if (context->continued)
        values->end_reason |= FLOW_END_CONTINUED;
}
