/*
 * The profiles: which elements a destination's records carry, in which order, and which
 * combinations of settings are refused. Constant data; called when a destination is configured.
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
    WHEN_NFDUMP = 1 << 8,
    WHEN_PLAIN = 1 << 9,
    WHEN_AGGREGATE = 1 << 10
};

struct profile_row {
    uint16_t element;
    uint16_t when;
};

/*
 * One list, in wire order. Reverse elements stand before every forward one, because nfdump takes
 * a later reverse element for its forward twin.
 */
static const struct profile_row profile_rows[] = {
    {ELEMENT_REVERSE_OCTET_DELTA_COUNT, WHEN_BIFLOW},
    {ELEMENT_REVERSE_PACKET_DELTA_COUNT, WHEN_BIFLOW},
    {ELEMENT_REVERSE_IP_CLASS_OF_SERVICE, WHEN_BIFLOW | WHEN_JSON},
    {ELEMENT_REVERSE_TCP_CONTROL_BITS, WHEN_BIFLOW | WHEN_JSON},
    {ELEMENT_REVERSE_FLOW_START_MILLISECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_MS},
    {ELEMENT_REVERSE_FLOW_END_MILLISECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_MS},
    {ELEMENT_REVERSE_FLOW_START_MICROSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_US},
    {ELEMENT_REVERSE_FLOW_END_MICROSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_US},
    {ELEMENT_REVERSE_FLOW_START_NANOSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_NS},
    {ELEMENT_REVERSE_FLOW_END_NANOSECONDS, WHEN_BIFLOW | WHEN_JSON | WHEN_NS},
    {ELEMENT_SOURCE_IPV4_ADDRESS, WHEN_IPV4},
    {ELEMENT_DESTINATION_IPV4_ADDRESS, WHEN_IPV4},
    {ELEMENT_SOURCE_IPV4_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV4},
    {ELEMENT_DESTINATION_IPV4_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV4},
    {ELEMENT_SOURCE_IPV6_ADDRESS, WHEN_IPV6},
    {ELEMENT_DESTINATION_IPV6_ADDRESS, WHEN_IPV6},
    {ELEMENT_SOURCE_IPV6_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV6},
    {ELEMENT_DESTINATION_IPV6_PREFIX_LENGTH, WHEN_AGGREGATE | WHEN_IPV6},
    {ELEMENT_SOURCE_TRANSPORT_PORT, WHEN_ALWAYS},
    {ELEMENT_DESTINATION_TRANSPORT_PORT, WHEN_ALWAYS},
    {ELEMENT_PROTOCOL_IDENTIFIER, WHEN_ALWAYS},
    {ELEMENT_TCP_CONTROL_BITS, WHEN_ALWAYS},
    {ELEMENT_IP_CLASS_OF_SERVICE, WHEN_ALWAYS},
    {ELEMENT_INGRESS_INTERFACE, WHEN_ALWAYS},
    {ELEMENT_EGRESS_INTERFACE, WHEN_ALWAYS},
    {ELEMENT_VLAN_ID, WHEN_ALWAYS},
    {ELEMENT_FLOW_DIRECTION, WHEN_ALWAYS},
    {ELEMENT_FLOW_END_REASON, WHEN_ALWAYS},
    {ELEMENT_OCTET_DELTA_COUNT, WHEN_ALWAYS},
    {ELEMENT_PACKET_DELTA_COUNT, WHEN_ALWAYS},
    {ELEMENT_FLOW_START_MILLISECONDS, WHEN_MS},
    {ELEMENT_FLOW_END_MILLISECONDS, WHEN_MS},
    {ELEMENT_FLOW_START_MICROSECONDS, WHEN_US},
    {ELEMENT_FLOW_END_MICROSECONDS, WHEN_US},
    {ELEMENT_FLOW_START_NANOSECONDS, WHEN_NS},
    {ELEMENT_FLOW_END_NANOSECONDS, WHEN_NS},
    {ELEMENT_ICMP_TYPE_CODE_IPV4, WHEN_ICMP | WHEN_IPV4},
    {ELEMENT_ICMP_TYPE_CODE_IPV6, WHEN_ICMP | WHEN_IPV6},
    {ELEMENT_DOT1Q_CUSTOMER_VLAN_ID, WHEN_PLAIN | WHEN_JSON},
    {ELEMENT_BIFLOW_DIRECTION, WHEN_PLAIN | WHEN_BIFLOW},
    {ELEMENT_SOURCE_MAC_ADDRESS, WHEN_NFDUMP},
    {ELEMENT_DESTINATION_MAC_ADDRESS, WHEN_NFDUMP},
    {ELEMENT_MINIMUM_TTL, WHEN_NFDUMP},
    {ELEMENT_MAXIMUM_TTL, WHEN_NFDUMP},
    {ELEMENT_DOT1Q_VLAN_ID, WHEN_NFDUMP},
    {ELEMENT_DOT1Q_CUSTOMER_VLAN_ID, WHEN_NFDUMP},
    {ELEMENT_MPLS_TOP_LABEL, WHEN_NFDUMP},
    {ELEMENT_MPLS_LABEL_2, WHEN_NFDUMP},
    {ELEMENT_MPLS_LABEL_3, WHEN_NFDUMP},
    {ELEMENT_APPLICATION_ID, WHEN_NFDUMP},
    {ELEMENT_BIFLOW_DIRECTION, WHEN_NFDUMP},
};
enum { PROFILE_ROW_COUNT = sizeof profile_rows / sizeof profile_rows[0] };

static unsigned profile_facts(const struct destination_config *destination, unsigned kind)
{
    static const uint16_t unit[] = {
        [TIME_MILLISECONDS] = WHEN_MS, [TIME_MICROSECONDS] = WHEN_US, [TIME_NANOSECONDS] = WHEN_NS};
    static const uint16_t profile[PROFILE_COUNT] = {
        [PROFILE_PLAIN] = WHEN_PLAIN, [PROFILE_NFDUMP] = WHEN_NFDUMP};
    unsigned facts = (unsigned)unit[destination->time_unit] | profile[destination->profile];
    facts |= kind & TEMPLATE_IPV6 ? WHEN_IPV6 : WHEN_IPV4;
    facts |= kind & TEMPLATE_ICMP ? WHEN_ICMP : 0;
    facts |= kind & TEMPLATE_BIFLOW ? WHEN_BIFLOW : 0;
    facts |= kind & TEMPLATE_AGGREGATE ? WHEN_AGGREGATE : 0;
    facts |= destination->kind == DESTINATION_JSON ? WHEN_JSON : 0;
    return facts;
}

uint32_t profile_fields(const struct destination_config *destination, unsigned kind,
                        uint16_t fields[TEMPLATE_FIELDS_MAX])
{
    static_assert((int)PROFILE_ROW_COUNT <= (int)TEMPLATE_FIELDS_MAX, "every row may be a field");
    unsigned facts = profile_facts(destination, kind);
    uint32_t count = 0;
    for (unsigned i = 0; i < PROFILE_ROW_COUNT; i++)
        if ((profile_rows[i].when & facts) == profile_rows[i].when)
            fields[count++] = profile_rows[i].element;
    return count;
}

bool destination_config_check(const struct destination_config *destination, struct error *error)
{
    const char *name = destination->name;
    bool json = destination->kind == DESTINATION_JSON;
    if ((unsigned)destination->profile >= PROFILE_COUNT) {
        error_set(error, "%s: this profile is not in this build", name);
        return false;
    }
    if (!json && destination->version != 9 && destination->version != 10) {
        error_set(error, "%s: version=%u is not known: use version=9 or version=10", name,
                  destination->version);
        return false;
    }
    if (!json && destination->kind != DESTINATION_UDP && destination->version != 10) {
        error_set(error, "%s: only udp: carries NetFlow v9: use version=10", name);
        return false;
    }
    bool v9 = !json && destination->version == 9;
    if (v9 && destination->time_unit != TIME_MILLISECONDS) {
        error_set(error, "%s: NetFlow v9 has milliseconds only: use time=ms or version=10", name);
        return false;
    }
    if (v9 && destination->biflow && destination->profile != PROFILE_NFDUMP) {
        error_set(error, "%s: biflow=yes over NetFlow v9 needs profile=nfdump, or use version=10",
                  name);
        return false;
    }
    if (destination_is_datagram(destination->kind) &&
        (destination->mtu < 512 || destination->mtu > 65535)) {
        error_set(error, "%s: mtu=%u is out of range: use 512 to 65535", name, destination->mtu);
        return false;
    }
    return true;
}
