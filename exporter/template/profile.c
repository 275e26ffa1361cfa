/*
 * The profiles: which elements a destination's records carry, in which order. Constant data;
 * called when a destination is configured. Which settings go together is in profile_check.c.
 */
#include <stddef.h>

#include "template/template.h"

/* When a row applies: every bit must be a fact of the destination or of the template's kind. */
enum {
    WHEN_ALWAYS = 0,
    WHEN_IPV4 = 1 << 0,
    WHEN_IPV6 = 1 << 1,
    WHEN_ICMP = 1 << 2,
    WHEN_BIFLOW = 1 << 3,
    WHEN_MS = 1 << 4,
    WHEN_US = 1 << 5,
    WHEN_NS = 1 << 6,
    WHEN_JSON = 1 << 7,
    WHEN_AGGREGATE = 1 << 8,
    WHEN_MERGED = 1 << 9,
    WHEN_LISTS = 1 << 11,
    WHEN_BRANDS = 1 << 12,
    WHEN_NAMES = 1 << 10 /* and the destination is to tell names of this type */
};

/* In which profiles: any bit. */
enum {
    IN_PLAIN = 1 << PROFILE_PLAIN,
    IN_NFDUMP = 1 << PROFILE_NFDUMP,
    IN_SILK = 1 << PROFILE_SILK,
    IN_FLUENTD = 1 << PROFILE_FLUENTD_V9,
    IN_FULL = 1 << PROFILE_FULL,
    IN_BOTH = IN_SILK | IN_FULL,
    IN_MORE = IN_NFDUMP | IN_FULL,
    IN_IPFIX = IN_PLAIN | IN_NFDUMP | IN_SILK | IN_FULL,
    IN_ANY = IN_IPFIX | IN_FLUENTD,
    IN_JSON_ONLY = IN_PLAIN | IN_NFDUMP | IN_SILK
};

struct profile_row {
    uint16_t element;
    uint16_t when;
    uint16_t profiles;
};

/*
 * One list, in wire order. Reverse elements stand before every forward one, because nfdump takes
 * a later reverse element for its forward twin.
 */
static const struct profile_row profile_rows[] = {
    {ELEMENT_REVERSE_OCTET_DELTA_COUNT, WHEN_BIFLOW, IN_ANY},
    {ELEMENT_REVERSE_PACKET_DELTA_COUNT, WHEN_BIFLOW, IN_ANY},
    {ELEMENT_REVERSE_IP_CLASS_OF_SERVICE, WHEN_BIFLOW, IN_BOTH},
    {ELEMENT_REVERSE_IP_CLASS_OF_SERVICE, WHEN_BIFLOW | WHEN_JSON, IN_PLAIN | IN_NFDUMP},
    {ELEMENT_REVERSE_TCP_CONTROL_BITS, WHEN_BIFLOW, IN_FULL},
    {ELEMENT_REVERSE_TCP_CONTROL_BITS, WHEN_BIFLOW | WHEN_JSON, IN_JSON_ONLY},
    {ELEMENT_REVERSE_VLAN_ID, WHEN_BIFLOW, IN_SILK},
    {ELEMENT_REVERSE_FLOW_START_MILLISECONDS, WHEN_BIFLOW | WHEN_MS, IN_FULL},
    {ELEMENT_REVERSE_FLOW_END_MILLISECONDS, WHEN_BIFLOW | WHEN_MS, IN_FULL},
    {ELEMENT_REVERSE_FLOW_START_MICROSECONDS, WHEN_BIFLOW | WHEN_US, IN_FULL},
    {ELEMENT_REVERSE_FLOW_END_MICROSECONDS, WHEN_BIFLOW | WHEN_US, IN_FULL},
    {ELEMENT_REVERSE_FLOW_START_NANOSECONDS, WHEN_BIFLOW | WHEN_NS, IN_FULL},
    {ELEMENT_REVERSE_FLOW_END_NANOSECONDS, WHEN_BIFLOW | WHEN_NS, IN_FULL},
    {ELEMENT_REVERSE_FLOW_START_MILLISECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_MS, IN_JSON_ONLY},
    {ELEMENT_REVERSE_FLOW_END_MILLISECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_MS, IN_JSON_ONLY},
    {ELEMENT_REVERSE_FLOW_START_MICROSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_US, IN_JSON_ONLY},
    {ELEMENT_REVERSE_FLOW_END_MICROSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_US, IN_JSON_ONLY},
    {ELEMENT_REVERSE_FLOW_START_NANOSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_NS, IN_JSON_ONLY},
    {ELEMENT_REVERSE_FLOW_END_NANOSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_NS, IN_JSON_ONLY},
    {ELEMENT_REVERSE_INGRESS_INTERFACE, WHEN_BIFLOW, IN_FULL},
    {ELEMENT_REVERSE_EGRESS_INTERFACE, WHEN_BIFLOW, IN_FULL},
    {ELEMENT_REVERSE_FLOW_DIRECTION, WHEN_BIFLOW, IN_FULL},
    {ELEMENT_REVERSE_MINIMUM_TTL, WHEN_BIFLOW, IN_FULL},
    {ELEMENT_REVERSE_MAXIMUM_TTL, WHEN_BIFLOW, IN_FULL},
    {ELEMENT_REVERSE_FLOW_DELTA_MILLISECONDS, WHEN_BIFLOW, IN_BOTH},
    {ELEMENT_REVERSE_INITIAL_TCP_FLAGS, WHEN_BIFLOW, IN_BOTH},
    {ELEMENT_REVERSE_UNION_TCP_FLAGS, WHEN_BIFLOW, IN_BOTH},
    {ELEMENT_REVERSE_FLOW_ATTRIBUTES, WHEN_BIFLOW, IN_BOTH},
    {ELEMENT_SOURCE_IPV4_ADDRESS, WHEN_IPV4, IN_ANY},
    {ELEMENT_DESTINATION_IPV4_ADDRESS, WHEN_IPV4, IN_ANY},
    {ELEMENT_SOURCE_IPV4_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV4, IN_ANY},
    {ELEMENT_DESTINATION_IPV4_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV4, IN_ANY},
    {ELEMENT_SOURCE_IPV6_ADDRESS, WHEN_IPV6, IN_ANY},
    {ELEMENT_DESTINATION_IPV6_ADDRESS, WHEN_IPV6, IN_ANY},
    {ELEMENT_SOURCE_IPV6_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV6, IN_ANY},
    {ELEMENT_DESTINATION_IPV6_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV6, IN_ANY},
    {ELEMENT_SOURCE_TRANSPORT_PORT, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_DESTINATION_TRANSPORT_PORT, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_PROTOCOL_IDENTIFIER, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_TCP_CONTROL_BITS, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_IP_CLASS_OF_SERVICE, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_INGRESS_INTERFACE, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_EGRESS_INTERFACE, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_VLAN_ID, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_FLOW_DIRECTION, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_FLOW_END_REASON, WHEN_ALWAYS, IN_IPFIX},
    {ELEMENT_OCTET_DELTA_COUNT, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_PACKET_DELTA_COUNT, WHEN_ALWAYS, IN_ANY},
    {ELEMENT_FLOW_START_MILLISECONDS, WHEN_MS, IN_IPFIX},
    {ELEMENT_FLOW_END_MILLISECONDS, WHEN_MS, IN_IPFIX},
    {ELEMENT_FLOW_START_MICROSECONDS, WHEN_US, IN_IPFIX},
    {ELEMENT_FLOW_END_MICROSECONDS, WHEN_US, IN_IPFIX},
    {ELEMENT_FLOW_START_NANOSECONDS, WHEN_NS, IN_IPFIX},
    {ELEMENT_FLOW_END_NANOSECONDS, WHEN_NS, IN_IPFIX},
    {ELEMENT_FLOW_START_SYS_UP_TIME, WHEN_ALWAYS, IN_FLUENTD},
    {ELEMENT_FLOW_END_SYS_UP_TIME, WHEN_ALWAYS, IN_FLUENTD},
    {ELEMENT_ICMP_TYPE_CODE_IPV4, WHEN_ICMP | WHEN_IPV4, IN_ANY},
    {ELEMENT_ICMP_TYPE_CODE_IPV6, WHEN_ICMP | WHEN_IPV6, IN_ANY},
    {ELEMENT_INITIAL_TCP_FLAGS, WHEN_ALWAYS, IN_BOTH},
    {ELEMENT_UNION_TCP_FLAGS, WHEN_ALWAYS, IN_BOTH},
    {ELEMENT_FLOW_ATTRIBUTES, WHEN_ALWAYS, IN_BOTH},
    {ELEMENT_SILK_APP_LABEL, WHEN_ALWAYS, IN_BOTH},
    {ELEMENT_DOT1Q_CUSTOMER_VLAN_ID, WHEN_JSON, IN_PLAIN | IN_SILK},
    {ELEMENT_BIFLOW_DIRECTION, WHEN_BIFLOW, IN_PLAIN},
    {ELEMENT_SOURCE_MAC_ADDRESS, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_DESTINATION_MAC_ADDRESS, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_MINIMUM_TTL, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_MAXIMUM_TTL, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_DOT1Q_VLAN_ID, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_DOT1Q_CUSTOMER_VLAN_ID, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_MPLS_TOP_LABEL, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_MPLS_LABEL_2, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_MPLS_LABEL_3, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_APPLICATION_ID, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_APPLICATION_NAME, WHEN_JSON, IN_FULL},
    {ELEMENT_APPLICATION_CONFIDENCE, WHEN_JSON, IN_FULL},
    {ELEMENT_BIFLOW_DIRECTION, WHEN_ALWAYS, IN_MORE},
    {ELEMENT_IP_VERSION, WHEN_ALWAYS, IN_FULL},
    {ELEMENT_FLOW_ID, WHEN_ALWAYS, IN_FULL},
    {ELEMENT_DELTA_FLOW_COUNT, WHEN_MERGED, IN_MORE},
    {ELEMENT_LIST_ID, WHEN_LISTS, IN_FULL},
    {ELEMENT_LIST_LABEL, WHEN_LISTS | WHEN_JSON, IN_FULL},
    {ELEMENT_LIST_SEVERITY, WHEN_LISTS | WHEN_JSON, IN_FULL},
    {ELEMENT_BRAND_ID, WHEN_BRANDS, IN_FULL},
    {ELEMENT_BRAND, WHEN_BRANDS | WHEN_JSON, IN_FULL},
    {ELEMENT_HTTP_STATUS, WHEN_NAMES, IN_FULL},
    {ELEMENT_TLS_SERVER_NAME, WHEN_NAMES, IN_FULL},
    {ELEMENT_TLS_ALPN, WHEN_NAMES, IN_FULL},
    {ELEMENT_TLS_JA4, WHEN_NAMES, IN_FULL},
    {ELEMENT_HTTP_HOST, WHEN_NAMES, IN_FULL},
    {ELEMENT_HTTP_METHOD, WHEN_NAMES, IN_FULL},
    {ELEMENT_HTTP_USER_AGENT, WHEN_NAMES, IN_FULL},
    {ELEMENT_DNS_QUERY_NAME, WHEN_NAMES, IN_FULL},
    {ELEMENT_DNS_QUERY_TYPE, WHEN_NAMES, IN_FULL},
    {ELEMENT_DNS_RESPONSE_CODE, WHEN_NAMES, IN_FULL},
    {ELEMENT_DNS_ANSWER, WHEN_NAMES, IN_FULL},
    {ELEMENT_SSH_CLIENT_BANNER, WHEN_NAMES, IN_FULL},
    {ELEMENT_SSH_SERVER_BANNER, WHEN_NAMES, IN_FULL},
    {ELEMENT_SMTP_GREETING, WHEN_NAMES, IN_FULL},
    {ELEMENT_IMAP_GREETING, WHEN_NAMES, IN_FULL},
    {ELEMENT_POP_GREETING, WHEN_NAMES, IN_FULL},
};
enum { PROFILE_ROW_COUNT = sizeof profile_rows / sizeof profile_rows[0] };

static unsigned profile_facts(const struct destination_config *destination, unsigned kind)
{
    static const uint16_t unit[] = {
        [TIME_MILLISECONDS] = WHEN_MS, [TIME_MICROSECONDS] = WHEN_US, [TIME_NANOSECONDS] = WHEN_NS};
    unsigned facts = unit[destination->time_unit];
    facts |= kind & TEMPLATE_IPV6 ? WHEN_IPV6 : WHEN_IPV4;
    facts |= kind & TEMPLATE_ICMP ? WHEN_ICMP : 0;
    facts |= kind & TEMPLATE_BIFLOW ? WHEN_BIFLOW : 0;
    facts |= kind & TEMPLATE_AGGREGATE ? WHEN_AGGREGATE : 0;
    facts |= destination_is_json(destination) ? WHEN_JSON : 0;
    if (destination->client_port_records && !(kind & TEMPLATE_AGGREGATE))
        facts |= WHEN_MERGED;
    if (destination->lists && !(kind & TEMPLATE_AGGREGATE))
        facts |= WHEN_LISTS;
    if (destination->brands && !(kind & (TEMPLATE_AGGREGATE | TEMPLATE_ICMP)))
        facts |= WHEN_BRANDS;
    if (!(kind & (TEMPLATE_AGGREGATE | TEMPLATE_ICMP)))
        facts |= WHEN_NAMES;
    return facts;
}

/* Whether an element of a destination's own list has a place in the templates of KIND. */
static bool element_belongs(enum element element, unsigned kind)
{
    switch (element) {
    case ELEMENT_SOURCE_IPV4_ADDRESS:
    case ELEMENT_DESTINATION_IPV4_ADDRESS:
        return !(kind & TEMPLATE_IPV6);
    case ELEMENT_SOURCE_IPV6_ADDRESS:
    case ELEMENT_DESTINATION_IPV6_ADDRESS:
        return kind & TEMPLATE_IPV6;
    case ELEMENT_SOURCE_IPV4_PREFIX_LENGTH:
    case ELEMENT_DESTINATION_IPV4_PREFIX_LENGTH:
        return (kind & TEMPLATE_AGGREGATE) && !(kind & TEMPLATE_IPV6);
    case ELEMENT_SOURCE_IPV6_PREFIX_LENGTH:
    case ELEMENT_DESTINATION_IPV6_PREFIX_LENGTH:
        return (kind & TEMPLATE_AGGREGATE) && (kind & TEMPLATE_IPV6);
    case ELEMENT_DELTA_FLOW_COUNT: /* of a prefix aggregate nobody knows it */
        return !(kind & TEMPLATE_AGGREGATE);
    case ELEMENT_ICMP_TYPE_CODE_IPV4:
        return (kind & TEMPLATE_ICMP) && !(kind & TEMPLATE_IPV6);
    case ELEMENT_ICMP_TYPE_CODE_IPV6:
        return (kind & TEMPLATE_ICMP) && (kind & TEMPLATE_IPV6);
    default:
        return !element_is_reverse(element) || (kind & TEMPLATE_BIFLOW);
    }
}

/* In the order given, but reverse elements first and text of variable length last. */
static uint32_t own_fields(const struct destination_config *destination, unsigned kind,
                           uint16_t fields[TEMPLATE_FIELDS_MAX])
{
    uint32_t count = 0;
    for (unsigned turn = 0; turn < 3; turn++) {
        for (uint32_t i = 0; i < destination->element_count; i++) {
            enum element element = destination->elements[i];
            unsigned own = element_is_reverse(element) ? 0 : 1;
            if (element_table[element].octets == ELEMENT_VARIABLE)
                own = 2;
            if (own == turn && element_belongs(element, kind))
                fields[count++] = (uint16_t)element;
        }
    }
    return count;
}

/* Whether ELEMENT is no name, or one that DESTINATION is to tell. */
static bool tells_name(const struct destination_config *destination, enum element element)
{
    enum name_type type = element_name_type(element);
    return type == NAME_TYPE_COUNT || (destination->names >> type & 1u);
}

uint32_t profile_fields(const struct destination_config *destination, unsigned kind,
                        uint16_t fields[TEMPLATE_FIELDS_MAX])
{
    static_assert((int)EXPORT_ELEMENTS_MAX <= (int)TEMPLATE_FIELDS_MAX, "each may be a field");
    if (destination->profile == PROFILE_ELEMENTS)
        return own_fields(destination, kind, fields);
    unsigned facts = profile_facts(destination, kind);
    uint32_t count = 0;
    for (unsigned i = 0; i < PROFILE_ROW_COUNT && count < TEMPLATE_FIELDS_MAX; i++) {
        const struct profile_row *row = &profile_rows[i];
        if ((row->when & facts) == row->when && row->profiles & 1u << destination->profile &&
            tells_name(destination, row->element))
            fields[count++] = row->element;
    }
    return count;
}
