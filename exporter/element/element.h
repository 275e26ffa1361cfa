/*
 * The one table of information elements: templates, JSON names, documents and tests come from it.
 * Constant data, any thread.
 *
 * A row: symbol, IANA id, private enterprise number (0 = IANA), name, abstract data type, encoded
 * octets, NetFlow v9 type (0 = cannot be told in v9), member of struct record_values that holds
 * the value, and the group of values it belongs to (a group is computed only if a template needs
 * it). Elements that only options records carry have no member.
 *
 * Rules that are not plain from the names:
 * - VLAN tags: a record's key holds the two outermost ids. Where a template carries 245, element
 *   58 (and 243) is the outer tag and 245 the inner one, 0 if there is but one tag. Where 58 stands
 *   alone it is the innermost of the two, that is the customer's. JSON always has 245 beside 58.
 * - 6 is one octet (the low eight flags); collectors show a two-octet one as 0.
 * - 139 has no v9 type: type*256+code of ICMPv6 goes out as 32 there.
 * - 29305/1 and 29305/2 are 23 and 24 in v9, the form that v9 collectors read as answers.
 * - 239 is told only if a handshake showed who opened the connection: 1 where the record's source
 *   did, 2 where its destination did, else 0.
 */
#ifndef SPANFLOW_EXPORTER_ELEMENT_ELEMENT_H
#define SPANFLOW_EXPORTER_ELEMENT_ELEMENT_H

#include <stdint.h>

enum { PEN_IANA = 0, PEN_REVERSE = 29305 };

/* Abstract data types of RFC 7012; each has one JSON rendering. */
enum element_type {
    TYPE_UNSIGNED,    /* number */
    TYPE_IPV4,        /* dotted text */
    TYPE_IPV6,        /* RFC 5952 text */
    TYPE_MAC,         /* aa:bb:cc:dd:ee:ff */
    TYPE_OCTETS,      /* 0x and hexadecimal digits */
    TYPE_TIME,        /* number in the unit of the name; NTP 64-bit on the wire for us and ns */
    TYPE_APPLICATION, /* number */
    TYPE_STRING
};

/* Groups of values: what a record_values_fill() must compute. */
enum value_group {
    VALUES_BASE = 0,
    VALUES_LINK = 1 << 0,    /* MAC addresses, tags, labels */
    VALUES_DETAIL = 1 << 1,  /* TTL, application, biflow direction */
    VALUES_REVERSE = 1 << 2, /* the other direction's counters, flags and times */
    VALUES_PREFIX = 1 << 3   /* prefix lengths of an aggregate */
};

#define INFORMATION_ELEMENTS(X)                                                                    \
    X(OCTET_DELTA_COUNT, 1, 0, "octetDeltaCount", UNSIGNED, 8, 1, octets, BASE)                    \
    X(PACKET_DELTA_COUNT, 2, 0, "packetDeltaCount", UNSIGNED, 8, 2, packets, BASE)                 \
    X(PROTOCOL_IDENTIFIER, 4, 0, "protocolIdentifier", UNSIGNED, 1, 4, protocol, BASE)             \
    X(IP_CLASS_OF_SERVICE, 5, 0, "ipClassOfService", UNSIGNED, 1, 5, tos, BASE)                    \
    X(TCP_CONTROL_BITS, 6, 0, "tcpControlBits", UNSIGNED, 1, 6, tcp_flags, BASE)                   \
    X(SOURCE_TRANSPORT_PORT, 7, 0, "sourceTransportPort", UNSIGNED, 2, 7, source_port, BASE)       \
    X(SOURCE_IPV4_ADDRESS, 8, 0, "sourceIPv4Address", IPV4, 4, 8, address[24], BASE)               \
    X(SOURCE_IPV4_PREFIX_LENGTH, 9, 0, "sourceIPv4PrefixLength", UNSIGNED, 1, 9,                   \
      source_prefix_length, PREFIX)                                                                \
    X(INGRESS_INTERFACE, 10, 0, "ingressInterface", UNSIGNED, 4, 10, ingress, BASE)                \
    X(DESTINATION_TRANSPORT_PORT, 11, 0, "destinationTransportPort", UNSIGNED, 2, 11,              \
      destination_port, BASE)                                                                      \
    X(DESTINATION_IPV4_ADDRESS, 12, 0, "destinationIPv4Address", IPV4, 4, 12, address[28], BASE)   \
    X(DESTINATION_IPV4_PREFIX_LENGTH, 13, 0, "destinationIPv4PrefixLength", UNSIGNED, 1, 13,       \
      destination_prefix_length, PREFIX)                                                           \
    X(EGRESS_INTERFACE, 14, 0, "egressInterface", UNSIGNED, 4, 14, egress, BASE)                   \
    X(SOURCE_IPV6_ADDRESS, 27, 0, "sourceIPv6Address", IPV6, 16, 27, address[0], BASE)             \
    X(DESTINATION_IPV6_ADDRESS, 28, 0, "destinationIPv6Address", IPV6, 16, 28, address[16], BASE)  \
    X(SOURCE_IPV6_PREFIX_LENGTH, 29, 0, "sourceIPv6PrefixLength", UNSIGNED, 1, 29,                 \
      source_prefix_length, PREFIX)                                                                \
    X(DESTINATION_IPV6_PREFIX_LENGTH, 30, 0, "destinationIPv6PrefixLength", UNSIGNED, 1, 30,       \
      destination_prefix_length, PREFIX)                                                           \
    X(ICMP_TYPE_CODE_IPV4, 32, 0, "icmpTypeCodeIPv4", UNSIGNED, 2, 32, icmp, BASE)                 \
    X(MINIMUM_TTL, 52, 0, "minimumTTL", UNSIGNED, 1, 52, ttl_min, DETAIL)                          \
    X(MAXIMUM_TTL, 53, 0, "maximumTTL", UNSIGNED, 1, 53, ttl_max, DETAIL)                          \
    X(SOURCE_MAC_ADDRESS, 56, 0, "sourceMacAddress", MAC, 6, 56, source_mac, LINK)                 \
    X(VLAN_ID, 58, 0, "vlanId", UNSIGNED, 2, 58, vlan, BASE)                                       \
    X(FLOW_DIRECTION, 61, 0, "flowDirection", UNSIGNED, 1, 61, direction, BASE)                    \
    X(MPLS_TOP_LABEL, 70, 0, "mplsTopLabelStackSection", OCTETS, 3, 70, label[0], LINK)            \
    X(MPLS_LABEL_2, 71, 0, "mplsLabelStackSection2", OCTETS, 3, 71, label[1], LINK)                \
    X(MPLS_LABEL_3, 72, 0, "mplsLabelStackSection3", OCTETS, 3, 72, label[2], LINK)                \
    X(DESTINATION_MAC_ADDRESS, 80, 0, "destinationMacAddress", MAC, 6, 80, destination_mac, LINK)  \
    X(APPLICATION_ID, 95, 0, "applicationId", APPLICATION, 4, 95, application, DETAIL)             \
    X(FLOW_END_REASON, 136, 0, "flowEndReason", UNSIGNED, 1, 136, end_reason, BASE)                \
    X(ICMP_TYPE_CODE_IPV6, 139, 0, "icmpTypeCodeIPv6", UNSIGNED, 2, 32, icmp, BASE)                \
    X(FLOW_START_MILLISECONDS, 152, 0, "flowStartMilliseconds", TIME, 8, 152, start, BASE)         \
    X(FLOW_END_MILLISECONDS, 153, 0, "flowEndMilliseconds", TIME, 8, 153, end, BASE)               \
    X(FLOW_START_MICROSECONDS, 154, 0, "flowStartMicroseconds", TIME, 8, 0, start, BASE)           \
    X(FLOW_END_MICROSECONDS, 155, 0, "flowEndMicroseconds", TIME, 8, 0, end, BASE)                 \
    X(FLOW_START_NANOSECONDS, 156, 0, "flowStartNanoseconds", TIME, 8, 0, start, BASE)             \
    X(FLOW_END_NANOSECONDS, 157, 0, "flowEndNanoseconds", TIME, 8, 0, end, BASE)                   \
    X(BIFLOW_DIRECTION, 239, 0, "biflowDirection", UNSIGNED, 1, 239, biflow_direction, DETAIL)     \
    X(DOT1Q_VLAN_ID, 243, 0, "dot1qVlanId", UNSIGNED, 2, 243, vlan_outer, LINK)                    \
    X(DOT1Q_CUSTOMER_VLAN_ID, 245, 0, "dot1qCustomerVlanId", UNSIGNED, 2, 245, vlan_inner, LINK)   \
    X(REVERSE_OCTET_DELTA_COUNT, 1, 29305, "reverseOctetDeltaCount", UNSIGNED, 8, 23,              \
      reverse_octets, REVERSE)                                                                     \
    X(REVERSE_PACKET_DELTA_COUNT, 2, 29305, "reversePacketDeltaCount", UNSIGNED, 8, 24,            \
      reverse_packets, REVERSE)                                                                    \
    X(REVERSE_IP_CLASS_OF_SERVICE, 5, 29305, "reverseIpClassOfService", UNSIGNED, 1, 0,            \
      reverse_tos, REVERSE)                                                                        \
    X(REVERSE_TCP_CONTROL_BITS, 6, 29305, "reverseTcpControlBits", UNSIGNED, 1, 0,                 \
      reverse_tcp_flags, REVERSE)                                                                  \
    X(REVERSE_FLOW_START_MILLISECONDS, 152, 29305, "reverseFlowStartMilliseconds", TIME, 8, 0,     \
      reverse_start, REVERSE)                                                                      \
    X(REVERSE_FLOW_END_MILLISECONDS, 153, 29305, "reverseFlowEndMilliseconds", TIME, 8, 0,         \
      reverse_end, REVERSE)                                                                        \
    X(REVERSE_FLOW_START_MICROSECONDS, 154, 29305, "reverseFlowStartMicroseconds", TIME, 8, 0,     \
      reverse_start, REVERSE)                                                                      \
    X(REVERSE_FLOW_END_MICROSECONDS, 155, 29305, "reverseFlowEndMicroseconds", TIME, 8, 0,         \
      reverse_end, REVERSE)                                                                        \
    X(REVERSE_FLOW_START_NANOSECONDS, 156, 29305, "reverseFlowStartNanoseconds", TIME, 8, 0,       \
      reverse_start, REVERSE)                                                                      \
    X(REVERSE_FLOW_END_NANOSECONDS, 157, 29305, "reverseFlowEndNanoseconds", TIME, 8, 0,           \
      reverse_end, REVERSE)

/* Carried by options records only. */
#define OPTIONS_ELEMENTS(X)                                                                        \
    X(SAMPLING_INTERVAL, 34, 0, "samplingInterval", UNSIGNED, 4, 34)                               \
    X(SAMPLING_ALGORITHM, 35, 0, "samplingAlgorithm", UNSIGNED, 1, 35)                             \
    X(EXPORTED_OCTET_TOTAL_COUNT, 40, 0, "exportedOctetTotalCount", UNSIGNED, 8, 40)               \
    X(EXPORTED_MESSAGE_TOTAL_COUNT, 41, 0, "exportedMessageTotalCount", UNSIGNED, 8, 41)           \
    X(EXPORTED_FLOW_RECORD_TOTAL_COUNT, 42, 0, "exportedFlowRecordTotalCount", UNSIGNED, 8, 42)    \
    X(INTERFACE_DESCRIPTION, 83, 0, "interfaceDescription", STRING, 32, 83)                        \
    X(OBSERVATION_DOMAIN_ID, 149, 0, "observationDomainId", UNSIGNED, 4, 0)                        \
    X(MAX_EXPORT_SECONDS, 260, 0, "maxExportSeconds", TIME, 4, 0)                                  \
    X(MESSAGE_MD5_CHECKSUM, 262, 0, "messageMD5Checksum", OCTETS, 16, 0)                           \
    X(MESSAGE_SCOPE, 263, 0, "messageScope", UNSIGNED, 1, 0)                                       \
    X(MIN_EXPORT_SECONDS, 264, 0, "minExportSeconds", TIME, 4, 0)                                  \
    X(SESSION_SCOPE, 267, 0, "sessionScope", UNSIGNED, 1, 0)                                       \
    X(MAX_FLOW_END_MILLISECONDS, 269, 0, "maxFlowEndMilliseconds", TIME, 8, 0)                     \
    X(MIN_FLOW_START_MILLISECONDS, 272, 0, "minFlowStartMilliseconds", TIME, 8, 0)

#define ELEMENT_ENUM(symbol, ...) ELEMENT_##symbol,
enum element { INFORMATION_ELEMENTS(ELEMENT_ENUM) OPTIONS_ELEMENTS(ELEMENT_ENUM) ELEMENT_COUNT };

enum { ELEMENT_NO_VALUE = 0xffff };

struct element_info {
    const char *name;
    uint32_t pen;
    uint16_t id;
    uint16_t octets;
    uint16_t v9_type; /* 0: cannot be told in v9 */
    uint16_t value;   /* offset in struct record_values, or ELEMENT_NO_VALUE */
    uint8_t type;     /* enum element_type */
    uint8_t group;    /* enum value_group */
};

/* Indexed by enum element. */
extern const struct element_info element_table[ELEMENT_COUNT];

#endif
