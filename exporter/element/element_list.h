/*
 * The list behind element.h: every information element that is sent, once. Included by element.h
 * alone.
 *
 * A row: symbol, IANA id, private enterprise number (0 = IANA), name, abstract data type, encoded
 * octets, NetFlow v9 type (0 = cannot be told in v9), member of struct record_values that holds the
 * value, the group of values it belongs to (a group is computed only if a template needs it),
 * semantics, units, and what it means here. Elements that only options records carry have neither
 * member nor group. Semantics KEY and VLAN are identifiers that make the flow's key, VLAN unless
 * the configuration takes it out.
 */
#ifndef SPANFLOW_EXPORTER_ELEMENT_ELEMENT_LIST_H
#define SPANFLOW_EXPORTER_ELEMENT_ELEMENT_LIST_H

#define INFORMATION_ELEMENTS(X)                                                                    \
    X(OCTET_DELTA_COUNT, 1, 0, "octetDeltaCount", UNSIGNED, 8, 1, octets, BASE, DELTA, OCTETS,     \
      "IP octets of the record's direction")                                                       \
    X(PACKET_DELTA_COUNT, 2, 0, "packetDeltaCount", UNSIGNED, 8, 2, packets, BASE, DELTA, PACKETS, \
      "packets of the record's direction")                                                         \
    X(DELTA_FLOW_COUNT, 3, 0, "deltaFlowCount", UNSIGNED, 8, 3, flow_count, DETAIL, DELTA, FLOWS,  \
      "records that became one with aggregate=client-port, else 1")                                \
    X(PROTOCOL_IDENTIFIER, 4, 0, "protocolIdentifier", UNSIGNED, 1, 4, protocol, BASE, KEY, NONE,  \
      "protocol number of the IP header")                                                          \
    X(IP_CLASS_OF_SERVICE, 5, 0, "ipClassOfService", UNSIGNED, 1, 5, tos, BASE, IDENTIFIER, NONE,  \
      "type of service of the first packet")                                                       \
    X(TCP_CONTROL_BITS, 6, 0, "tcpControlBits", UNSIGNED, 1, 6, tcp_flags, BASE, FLAGS, NONE,      \
      "TCP flags of all packets, low eight bits")                                                  \
    X(SOURCE_TRANSPORT_PORT, 7, 0, "sourceTransportPort", UNSIGNED, 2, 7, source_port, BASE, KEY,  \
      NONE, "source port, 0 if the protocol has none")                                             \
    X(SOURCE_IPV4_ADDRESS, 8, 0, "sourceIPv4Address", IPV4, 4, 8, address[24], BASE, KEY, NONE,    \
      "source address of IPv4")                                                                    \
    X(INGRESS_INTERFACE, 10, 0, "ingressInterface", UNSIGNED, 4, 10, ingress, BASE, IDENTIFIER,    \
      NONE, "index of the port of arrival")                                                        \
    X(DESTINATION_TRANSPORT_PORT, 11, 0, "destinationTransportPort", UNSIGNED, 2, 11,              \
      destination_port, BASE, KEY, NONE, "destination port; ICMP type * 256 + code")               \
    X(DESTINATION_IPV4_ADDRESS, 12, 0, "destinationIPv4Address", IPV4, 4, 12, address[28], BASE,   \
      KEY, NONE, "destination address of IPv4")                                                    \
    X(EGRESS_INTERFACE, 14, 0, "egressInterface", UNSIGNED, 4, 14, egress, BASE, IDENTIFIER, NONE, \
      "index of the other port of a tap, else 0")                                                  \
    X(FLOW_END_SYS_UP_TIME, 21, 0, "flowEndSysUpTime", UNSIGNED, 4, 21, end_uptime, UPTIME,        \
      QUANTITY, MILLISECONDS, "last packet, milliseconds since the boot second")                   \
    X(FLOW_START_SYS_UP_TIME, 22, 0, "flowStartSysUpTime", UNSIGNED, 4, 22, start_uptime, UPTIME,  \
      QUANTITY, MILLISECONDS, "first packet, milliseconds since the boot second")                  \
    X(SOURCE_IPV6_ADDRESS, 27, 0, "sourceIPv6Address", IPV6, 16, 27, address[0], BASE, KEY, NONE,  \
      "source address of IPv6")                                                                    \
    X(DESTINATION_IPV6_ADDRESS, 28, 0, "destinationIPv6Address", IPV6, 16, 28, address[16], BASE,  \
      KEY, NONE, "destination address of IPv6")                                                    \
    X(SOURCE_IPV4_PREFIX_LENGTH, 9, 0, "sourceIPv4PrefixLength", UNSIGNED, 1, 9,                   \
      source_prefix_length, PREFIX, KEY, NONE,                                                     \
      "bits of the source address that an aggregate keeps")                                        \
    X(DESTINATION_IPV4_PREFIX_LENGTH, 13, 0, "destinationIPv4PrefixLength", UNSIGNED, 1, 13,       \
      destination_prefix_length, PREFIX, KEY, NONE,                                                \
      "bits of the destination address that an aggregate keeps")                                   \
    X(SOURCE_IPV6_PREFIX_LENGTH, 29, 0, "sourceIPv6PrefixLength", UNSIGNED, 1, 29,                 \
      source_prefix_length, PREFIX, KEY, NONE,                                                     \
      "bits of the source address that an aggregate keeps")                                        \
    X(DESTINATION_IPV6_PREFIX_LENGTH, 30, 0, "destinationIPv6PrefixLength", UNSIGNED, 1, 30,       \
      destination_prefix_length, PREFIX, KEY, NONE,                                                \
      "bits of the destination address that an aggregate keeps")                                   \
    X(ICMP_TYPE_CODE_IPV4, 32, 0, "icmpTypeCodeIPv4", UNSIGNED, 2, 32, icmp, BASE, KEY, NONE,      \
      "ICMP type * 256 + code, in records of ICMP only")                                           \
    X(MINIMUM_TTL, 52, 0, "minimumTTL", UNSIGNED, 1, 52, ttl_min, DETAIL, QUANTITY, HOPS,          \
      "least TTL or hop limit")                                                                    \
    X(MAXIMUM_TTL, 53, 0, "maximumTTL", UNSIGNED, 1, 53, ttl_max, DETAIL, QUANTITY, HOPS,          \
      "greatest TTL or hop limit")                                                                 \
    X(SOURCE_MAC_ADDRESS, 56, 0, "sourceMacAddress", MAC, 6, 56, source_mac, LINK, IDENTIFIER,     \
      NONE, "source address of the frames, 0 if unknown")                                          \
    X(VLAN_ID, 58, 0, "vlanId", UNSIGNED, 2, 58, vlan, BASE, VLAN, NONE,                           \
      "VLAN id; see above for two tags")                                                           \
    X(IP_VERSION, 60, 0, "ipVersion", UNSIGNED, 1, 60, ip_version, DETAIL, IDENTIFIER, NONE,       \
      "4 or 6")                                                                                    \
    X(FLOW_DIRECTION, 61, 0, "flowDirection", UNSIGNED, 1, 61, direction, BASE, IDENTIFIER, NONE,  \
      "0 ingress, 1 egress, by port roles and local networks")                                     \
    X(MPLS_TOP_LABEL, 70, 0, "mplsTopLabelStackSection", OCTETS, 3, 70, label[0], LINK,            \
      IDENTIFIER, NONE, "outermost MPLS label of the first packet")                                \
    X(MPLS_LABEL_2, 71, 0, "mplsLabelStackSection2", OCTETS, 3, 71, label[1], LINK, IDENTIFIER,    \
      NONE, "second MPLS label")                                                                   \
    X(MPLS_LABEL_3, 72, 0, "mplsLabelStackSection3", OCTETS, 3, 72, label[2], LINK, IDENTIFIER,    \
      NONE, "third MPLS label")                                                                    \
    X(DESTINATION_MAC_ADDRESS, 80, 0, "destinationMacAddress", MAC, 6, 80, destination_mac, LINK,  \
      IDENTIFIER, NONE, "destination address of the frames, 0 if unknown")                         \
    X(APPLICATION_ID, 95, 0, "applicationId", APPLICATION, 4, 95, application, DETAIL, IDENTIFIER, \
      NONE, "application that rules found, 0 if none")                                             \
    X(APPLICATION_NAME, 96, 0, "applicationName", STRING, 24, 96, application_name, NAMES,         \
      IDENTIFIER, NONE, "its name, empty if none")                                                 \
    X(APPLICATION_CONFIDENCE, 0, 0, "applicationConfidence", STRING, 8, 0, application_confidence, \
      NAMES, IDENTIFIER, NONE, "how it was found: content, port or none; JSON only")               \
    X(FLOW_END_REASON, 136, 0, "flowEndReason", UNSIGNED, 1, 136, end_reason, BASE, IDENTIFIER,    \
      NONE, "1 idle, 2 active, 3 end detected, 4 forced, 5 lack of resources")                     \
    X(ICMP_TYPE_CODE_IPV6, 139, 0, "icmpTypeCodeIPv6", UNSIGNED, 2, 32, icmp, BASE, KEY, NONE,     \
      "ICMPv6 type * 256 + code, in records of ICMPv6 only")                                       \
    X(FLOW_ID, 148, 0, "flowId", UNSIGNED, 8, 0, flow_id, DETAIL, IDENTIFIER, NONE,                \
      "the same in all records of one flow, over active cuts too")                                 \
    X(FLOW_START_MILLISECONDS, 152, 0, "flowStartMilliseconds", TIME, 8, 152, start, BASE,         \
      QUANTITY, MILLISECONDS, "first packet, rounded down")                                        \
    X(FLOW_END_MILLISECONDS, 153, 0, "flowEndMilliseconds", TIME, 8, 153, end, BASE, QUANTITY,     \
      MILLISECONDS, "last packet, rounded down")                                                   \
    X(FLOW_START_MICROSECONDS, 154, 0, "flowStartMicroseconds", TIME, 8, 0, start, BASE, QUANTITY, \
      MICROSECONDS, "first packet")                                                                \
    X(FLOW_END_MICROSECONDS, 155, 0, "flowEndMicroseconds", TIME, 8, 0, end, BASE, QUANTITY,       \
      MICROSECONDS, "last packet")                                                                 \
    X(FLOW_START_NANOSECONDS, 156, 0, "flowStartNanoseconds", TIME, 8, 0, start, BASE, QUANTITY,   \
      NANOSECONDS, "first packet")                                                                 \
    X(FLOW_END_NANOSECONDS, 157, 0, "flowEndNanoseconds", TIME, 8, 0, end, BASE, QUANTITY,         \
      NANOSECONDS, "last packet")                                                                  \
    X(BIFLOW_DIRECTION, 239, 0, "biflowDirection", UNSIGNED, 1, 239, biflow_direction, DETAIL,     \
      IDENTIFIER, NONE, "1 from the initiator, 2 from the responder, 0 not seen")                  \
    X(DOT1Q_VLAN_ID, 243, 0, "dot1qVlanId", UNSIGNED, 2, 243, vlan_outer, LINK, VLAN, NONE,        \
      "outer VLAN id, 0 if untagged")                                                              \
    X(DOT1Q_CUSTOMER_VLAN_ID, 245, 0, "dot1qCustomerVlanId", UNSIGNED, 2, 245, vlan_inner, LINK,   \
      VLAN, NONE, "inner VLAN id of two, else 0")                                                  \
    X(REVERSE_OCTET_DELTA_COUNT, 1, 29305, "reverseOctetDeltaCount", UNSIGNED, 8, 23,              \
      reverse_octets, REVERSE, DELTA, OCTETS, "IP octets of the answer")                           \
    X(REVERSE_PACKET_DELTA_COUNT, 2, 29305, "reversePacketDeltaCount", UNSIGNED, 8, 24,            \
      reverse_packets, REVERSE, DELTA, PACKETS, "packets of the answer")                           \
    X(REVERSE_IP_CLASS_OF_SERVICE, 5, 29305, "reverseIpClassOfService", UNSIGNED, 1, 0,            \
      reverse_tos, ANSWER, IDENTIFIER, NONE, "type of service of the answer's first packet")       \
    X(REVERSE_TCP_CONTROL_BITS, 6, 29305, "reverseTcpControlBits", UNSIGNED, 1, 0,                 \
      reverse_tcp_flags, ANSWER, FLAGS, NONE, "TCP flags of all packets of the answer")            \
    X(REVERSE_INGRESS_INTERFACE, 10, 29305, "reverseIngressInterface", UNSIGNED, 4, 0,             \
      reverse_ingress, ANSWER, IDENTIFIER, NONE, "index of the answer's port of arrival")          \
    X(REVERSE_EGRESS_INTERFACE, 14, 29305, "reverseEgressInterface", UNSIGNED, 4, 0,               \
      reverse_egress, ANSWER, IDENTIFIER, NONE, "index of the other port of that tap, else 0")     \
    X(REVERSE_MINIMUM_TTL, 52, 29305, "reverseMinimumTTL", UNSIGNED, 1, 0, reverse_ttl_min,        \
      ANSWER, QUANTITY, HOPS, "least TTL or hop limit of the answer")                              \
    X(REVERSE_MAXIMUM_TTL, 53, 29305, "reverseMaximumTTL", UNSIGNED, 1, 0, reverse_ttl_max,        \
      ANSWER, QUANTITY, HOPS, "greatest TTL or hop limit of the answer")                           \
    X(REVERSE_VLAN_ID, 58, 29305, "reverseVlanId", UNSIGNED, 2, 0, reverse_vlan, ANSWER,           \
      IDENTIFIER, NONE, "VLAN id of the answer: that of the flow")                                 \
    X(REVERSE_FLOW_DIRECTION, 61, 29305, "reverseFlowDirection", UNSIGNED, 1, 0,                   \
      reverse_direction, ANSWER, IDENTIFIER, NONE, "flowDirection of the answer")                  \
    X(REVERSE_FLOW_START_MILLISECONDS, 152, 29305, "reverseFlowStartMilliseconds", TIME, 8, 0,     \
      reverse_start, ANSWER, QUANTITY, MILLISECONDS, "first packet of the answer")                 \
    X(REVERSE_FLOW_END_MILLISECONDS, 153, 29305, "reverseFlowEndMilliseconds", TIME, 8, 0,         \
      reverse_end, ANSWER, QUANTITY, MILLISECONDS, "last packet of the answer")                    \
    X(REVERSE_FLOW_START_MICROSECONDS, 154, 29305, "reverseFlowStartMicroseconds", TIME, 8, 0,     \
      reverse_start, ANSWER, QUANTITY, MICROSECONDS, "first packet of the answer")                 \
    X(REVERSE_FLOW_END_MICROSECONDS, 155, 29305, "reverseFlowEndMicroseconds", TIME, 8, 0,         \
      reverse_end, ANSWER, QUANTITY, MICROSECONDS, "last packet of the answer")                    \
    X(REVERSE_FLOW_START_NANOSECONDS, 156, 29305, "reverseFlowStartNanoseconds", TIME, 8, 0,       \
      reverse_start, ANSWER, QUANTITY, NANOSECONDS, "first packet of the answer")                  \
    X(REVERSE_FLOW_END_NANOSECONDS, 157, 29305, "reverseFlowEndNanoseconds", TIME, 8, 0,           \
      reverse_end, ANSWER, QUANTITY, NANOSECONDS, "last packet of the answer")                     \
    X(INITIAL_TCP_FLAGS, 14, 6871, "initialTCPFlags", UNSIGNED, 1, 0, initial_flags, DETAIL,       \
      FLAGS, NONE, "TCP flags of the first packet")                                                \
    X(UNION_TCP_FLAGS, 15, 6871, "unionTCPFlags", UNSIGNED, 1, 0, later_flags, DETAIL, FLAGS,      \
      NONE, "TCP flags of all packets but the first")                                              \
    X(REVERSE_FLOW_DELTA_MILLISECONDS, 21, 6871, "reverseFlowDeltaMilliseconds", UNSIGNED, 4, 0,   \
      reverse_delta, ANSWER, QUANTITY, MILLISECONDS, "start of the answer less start of the flow") \
    X(SILK_APP_LABEL, 33, 6871, "silkAppLabel", UNSIGNED, 2, 0, app_label, DETAIL, IDENTIFIER,     \
      NONE, "label of what payload told; a low port if nobody looks")                              \
    X(FLOW_ATTRIBUTES, 40, 6871, "flowAttributes", UNSIGNED, 2, 0, attributes, DETAIL, FLAGS,      \
      NONE, "bit 0: all packets surely have one size")                                             \
    X(REVERSE_INITIAL_TCP_FLAGS, 16398, 6871, "reverseInitialTCPFlags", UNSIGNED, 1, 0,            \
      reverse_initial_flags, ANSWER, FLAGS, NONE, "TCP flags of the answer's first packet")        \
    X(REVERSE_UNION_TCP_FLAGS, 16399, 6871, "reverseUnionTCPFlags", UNSIGNED, 1, 0,                \
      reverse_later_flags, ANSWER, FLAGS, NONE, "TCP flags of all other packets of the answer")    \
    X(REVERSE_FLOW_ATTRIBUTES, 16424, 6871, "reverseFlowAttributes", UNSIGNED, 2, 0,               \
      reverse_attributes, ANSWER, FLAGS, NONE, "flowAttributes of the answer")                     \
    X(TLS_SERVER_NAME, 1, 32473, "tlsServerName", STRING, 65535, 0,                                \
      name_octets[NAME_TLS_SERVER_NAME], TEXT, DEFAULT, NONE,                                      \
      "server name that the client of TLS, DTLS or QUIC asks for")                                 \
    X(TLS_ALPN, 2, 32473, "tlsApplicationProtocol", STRING, 65535, 0, name_octets[NAME_TLS_ALPN],  \
      TEXT, DEFAULT, NONE, "application protocols that the client offers, with commas")            \
    X(TLS_JA4, 3, 32473, "tlsJa4", STRING, 65535, 0, name_octets[NAME_TLS_JA4], TEXT, DEFAULT,     \
      NONE, "JA4 fingerprint of the client of TLS, DTLS or QUIC")                                  \
    X(HTTP_HOST, 460, 0, "httpRequestHost", STRING, 65535, 0, name_octets[NAME_HTTP_HOST], TEXT,   \
      DEFAULT, NONE, "host that the first HTTP/1 request names")                                   \
    X(HTTP_METHOD, 459, 0, "httpRequestMethod", STRING, 65535, 0, name_octets[NAME_HTTP_METHOD],   \
      TEXT, DEFAULT, NONE, "method of the first HTTP/1 request")                                   \
    X(HTTP_STATUS, 457, 0, "httpStatusCode", UNSIGNED, 2, 0, http_status, TEXT, IDENTIFIER, NONE,  \
      "status of the first HTTP/1 response, 0 if none")                                            \
    X(HTTP_USER_AGENT, 468, 0, "httpUserAgent", STRING, 65535, 0,                                  \
      name_octets[NAME_HTTP_USER_AGENT], TEXT, DEFAULT, NONE,                                      \
      "User-Agent of the first HTTP/1 request")                                                    \
    X(DNS_QUERY_NAME, 4, 32473, "dnsQueryName", STRING, 65535, 0,                                  \
      name_octets[NAME_DNS_QUERY_NAME], TEXT, DEFAULT, NONE,                                       \
      "name that the first DNS query asks for")                                                    \
    X(DNS_QUERY_TYPE, 5, 32473, "dnsQueryType", STRING, 65535, 0,                                  \
      name_octets[NAME_DNS_QUERY_TYPE], TEXT, DEFAULT, NONE, "type of record that it asks for")    \
    X(DNS_RESPONSE_CODE, 6, 32473, "dnsResponseCode", STRING, 65535, 0,                            \
      name_octets[NAME_DNS_RESPONSE_CODE], TEXT, DEFAULT, NONE, "response code of the answer")     \
    X(DNS_ANSWER, 7, 32473, "dnsAnswer", STRING, 65535, 0, name_octets[NAME_DNS_ANSWER], TEXT,     \
      DEFAULT, NONE, "addresses and names of the answer, with commas")                             \
    X(SSH_CLIENT_BANNER, 8, 32473, "sshClientBanner", STRING, 65535, 0,                            \
      name_octets[NAME_SSH_CLIENT_BANNER], TEXT, DEFAULT, NONE,                                    \
      "identification of the SSH client")                                                          \
    X(SSH_SERVER_BANNER, 9, 32473, "sshServerBanner", STRING, 65535, 0,                            \
      name_octets[NAME_SSH_SERVER_BANNER], TEXT, DEFAULT, NONE,                                    \
      "identification of the SSH server")                                                          \
    X(SMTP_GREETING, 10, 32473, "smtpGreeting", STRING, 65535, 0, name_octets[NAME_SMTP_GREETING], \
      TEXT, DEFAULT, NONE, "first line of the SMTP server")                                        \
    X(IMAP_GREETING, 11, 32473, "imapGreeting", STRING, 65535, 0, name_octets[NAME_IMAP_GREETING], \
      TEXT, DEFAULT, NONE, "first line of the IMAP server")                                        \
    X(POP_GREETING, 12, 32473, "popGreeting", STRING, 65535, 0, name_octets[NAME_POP_GREETING],    \
      TEXT, DEFAULT, NONE, "first line of the POP3 server")                                        \
    X(LIST_ID, 64, 32473, "listId", UNSIGNED, 4, 0, list, MARKS, IDENTIFIER, NONE,                 \
      "the gravest list that the flow is in, 0 if none")                                           \
    X(LIST_LABEL, 0, 0, "listLabel", STRING, 64, 0, list_label, MARKS, DEFAULT, NONE,              \
      "its label, empty if none; JSON only")                                                       \
    X(LIST_SEVERITY, 0, 0, "listSeverity", STRING, 9, 0, list_severity, MARKS, DEFAULT, NONE,      \
      "its severity, empty if none; JSON only")                                                    \
    X(BRAND_ID, 65, 32473, "brandId", UNSIGNED, 4, 0, brand, MARKS, IDENTIFIER, NONE,              \
      "the brand of the server's name, 0 if none is known")                                        \
    X(BRAND, 0, 0, "brand", STRING, 32, 0, brand_name, MARKS, DEFAULT, NONE,                       \
      "the brand in words, empty if none is known; JSON only")

/* Carried by options records only. 65535 octets: variable length. */
#define OPTIONS_ELEMENTS(X)                                                                        \
    X(SAMPLING_INTERVAL, 34, 0, "samplingInterval", UNSIGNED, 4, 34, QUANTITY, PACKETS,            \
      "one packet of so many was metered")                                                         \
    X(SAMPLING_ALGORITHM, 35, 0, "samplingAlgorithm", UNSIGNED, 1, 35, IDENTIFIER, NONE,           \
      "1: systematic")                                                                             \
    X(EXPORTED_OCTET_TOTAL_COUNT, 40, 0, "exportedOctetTotalCount", UNSIGNED, 8, 40, TOTAL,        \
      OCTETS, "octets sent to this destination")                                                   \
    X(EXPORTED_MESSAGE_TOTAL_COUNT, 41, 0, "exportedMessageTotalCount", UNSIGNED, 8, 41, TOTAL,    \
      MESSAGES, "messages sent to this destination")                                               \
    X(EXPORTED_FLOW_RECORD_TOTAL_COUNT, 42, 0, "exportedFlowRecordTotalCount", UNSIGNED, 8, 42,    \
      TOTAL, FLOWS, "flow records sent to this destination")                                       \
    X(LIST_NAME, 66, 32473, "listName", STRING, 64, 0, DEFAULT, NONE,                              \
      "name of a list that flows are compared with")                                               \
    X(LIST_TITLE, 67, 32473, "listTitle", STRING, 64, 0, DEFAULT, NONE, "its label")               \
    X(LIST_GRAVITY, 68, 32473, "listGravity", UNSIGNED, 1, 0, IDENTIFIER, NONE,                    \
      "its severity: 1 info, 2 low, 3 medium, 4 high, 5 critical")                                 \
    X(BRAND_TITLE, 69, 32473, "brandName", STRING, 32, 0, DEFAULT, NONE, "what a brand is called") \
    X(INTERFACE_DESCRIPTION, 83, 0, "interfaceDescription", STRING, 32, 83, IDENTIFIER, NONE,      \
      "name of an observation point")                                                              \
    X(APPLICATION_DESCRIPTION, 94, 0, "applicationDescription", STRING, 56, 94, IDENTIFIER, NONE,  \
      "what the application is")                                                                   \
    X(PACKET_TOTAL_COUNT, 86, 0, "packetTotalCount", UNSIGNED, 8, 0, TOTAL, PACKETS,               \
      "packets metered")                                                                           \
    X(EXPORTER_IPV4_ADDRESS, 130, 0, "exporterIPv4Address", IPV4, 4, 0, IDENTIFIER, NONE,          \
      "address that messages come from, 0.0.0.0 if not IPv4")                                      \
    X(DROPPED_OCTET_TOTAL_COUNT, 134, 0, "droppedOctetTotalCount", UNSIGNED, 8, 0, TOTAL, OCTETS,  \
      "frame octets lost for lack of resources")                                                   \
    X(DROPPED_PACKET_TOTAL_COUNT, 135, 0, "droppedPacketTotalCount", UNSIGNED, 8, 0, TOTAL,        \
      PACKETS, "packets lost for lack of resources")                                               \
    X(EXPORTING_PROCESS_ID, 144, 0, "exportingProcessId", UNSIGNED, 4, 0, IDENTIFIER, NONE,        \
      "number of the destination")                                                                 \
    X(TEMPLATE_ID, 145, 0, "templateId", UNSIGNED, 2, 0, IDENTIFIER, NONE,                         \
      "template that the record is about")                                                         \
    X(OBSERVATION_DOMAIN_ID, 149, 0, "observationDomainId", UNSIGNED, 4, 0, IDENTIFIER, NONE,      \
      "domain that the record is about")                                                           \
    X(SYSTEM_INIT_TIME_MILLISECONDS, 160, 0, "systemInitTimeMilliseconds", TIME, 8, 0, QUANTITY,   \
      MILLISECONDS, "when the probe started")                                                      \
    X(IGNORED_PACKET_TOTAL_COUNT, 164, 0, "ignoredPacketTotalCount", UNSIGNED, 8, 0, TOTAL,        \
      PACKETS, "packets that are not usable IP")                                                   \
    X(IGNORED_OCTET_TOTAL_COUNT, 165, 0, "ignoredOctetTotalCount", UNSIGNED, 8, 0, TOTAL, OCTETS,  \
      "their frame octets")                                                                        \
    X(NOT_SENT_FLOW_TOTAL_COUNT, 166, 0, "notSentFlowTotalCount", UNSIGNED, 8, 0, TOTAL, FLOWS,    \
      "records that this destination lost")                                                        \
    X(NOT_SENT_PACKET_TOTAL_COUNT, 167, 0, "notSentPacketTotalCount", UNSIGNED, 8, 0, TOTAL,       \
      PACKETS, "packets in them")                                                                  \
    X(NOT_SENT_OCTET_TOTAL_COUNT, 168, 0, "notSentOctetTotalCount", UNSIGNED, 8, 0, TOTAL, OCTETS, \
      "IP octets in them")                                                                         \
    X(FLOW_KEY_INDICATOR, 173, 0, "flowKeyIndicator", UNSIGNED, 8, 0, FLAGS, NONE,                 \
      "bit n: field n of the template is a flow key")                                              \
    X(MAX_EXPORT_SECONDS, 260, 0, "maxExportSeconds", TIME, 4, 0, QUANTITY, SECONDS,               \
      "latest time of a message of the file")                                                      \
    X(MESSAGE_MD5_CHECKSUM, 262, 0, "messageMD5Checksum", OCTETS, 16, 0, IDENTIFIER, NONE,         \
      "MD5 digest of the message with zeros in its place")                                         \
    X(MESSAGE_SCOPE, 263, 0, "messageScope", UNSIGNED, 1, 0, IDENTIFIER, NONE,                     \
      "0: the record is about its message")                                                        \
    X(MIN_EXPORT_SECONDS, 264, 0, "minExportSeconds", TIME, 4, 0, QUANTITY, SECONDS,               \
      "earliest time of a message of the file")                                                    \
    X(SESSION_SCOPE, 267, 0, "sessionScope", UNSIGNED, 1, 0, IDENTIFIER, NONE,                     \
      "0: the record is about its file")                                                           \
    X(MAX_FLOW_END_MILLISECONDS, 269, 0, "maxFlowEndMilliseconds", TIME, 8, 0, QUANTITY,           \
      MILLISECONDS, "last packet of the flow records before it")                                   \
    X(MIN_FLOW_START_MILLISECONDS, 272, 0, "minFlowStartMilliseconds", TIME, 8, 0, QUANTITY,       \
      MILLISECONDS, "first packet of the flow records before it")                                  \
    X(ANONYMIZATION_FLAGS, 285, 0, "anonymizationFlags", UNSIGNED, 2, 0, FLAGS, NONE,              \
      "2: the same values in all sessions with this collector")                                    \
    X(ANONYMIZATION_TECHNIQUE, 286, 0, "anonymizationTechnique", UNSIGNED, 2, 0, IDENTIFIER, NONE, \
      "6: structured permutation, 2: cut off altogether")                                          \
    X(INFORMATION_ELEMENT_ID, 303, 0, "informationElementId", UNSIGNED, 2, 0, IDENTIFIER, NONE,    \
      "element that the record describes")                                                         \
    X(OBSERVATION_TIME_SECONDS, 322, 0, "observationTimeSeconds", UNSIGNED, 4, 0, QUANTITY,        \
      SECONDS, "when the first of the counted was lost")                                           \
    X(OBSERVATION_TIME_MILLISECONDS, 323, 0, "observationTimeMilliseconds", TIME, 8, 0, QUANTITY,  \
      MILLISECONDS, "when the last of the counted was lost")                                       \
    X(INFORMATION_ELEMENT_DATA_TYPE, 339, 0, "informationElementDataType", UNSIGNED, 1, 0,         \
      IDENTIFIER, NONE, "its abstract data type")                                                  \
    X(INFORMATION_ELEMENT_DESCRIPTION, 340, 0, "informationElementDescription", STRING, 65535, 0,  \
      IDENTIFIER, NONE, "what it means")                                                           \
    X(INFORMATION_ELEMENT_NAME, 341, 0, "informationElementName", STRING, 65535, 0, IDENTIFIER,    \
      NONE, "its name")                                                                            \
    X(INFORMATION_ELEMENT_RANGE_BEGIN, 342, 0, "informationElementRangeBegin", UNSIGNED, 8, 0,     \
      QUANTITY, NONE, "its least value")                                                           \
    X(INFORMATION_ELEMENT_RANGE_END, 343, 0, "informationElementRangeEnd", UNSIGNED, 8, 0,         \
      QUANTITY, NONE, "its greatest value")                                                        \
    X(INFORMATION_ELEMENT_SEMANTICS, 344, 0, "informationElementSemantics", UNSIGNED, 1, 0,        \
      IDENTIFIER, NONE, "its semantics")                                                           \
    X(INFORMATION_ELEMENT_UNITS, 345, 0, "informationElementUnits", UNSIGNED, 2, 0, IDENTIFIER,    \
      NONE, "its units")                                                                           \
    X(PRIVATE_ENTERPRISE_NUMBER, 346, 0, "privateEnterpriseNumber", UNSIGNED, 4, 0, IDENTIFIER,    \
      NONE, "enterprise of the element")                                                           \
    X(EXPIRED_FRAGMENT_COUNT, 100, 6871, "expiredFragmentCount", UNSIGNED, 4, 0, TOTAL, PACKETS,   \
      "later fragments whose first one was not held")                                              \
    X(ASSEMBLED_FRAGMENT_COUNT, 101, 6871, "assembledFragmentCount", UNSIGNED, 4, 0, TOTAL,        \
      PACKETS, "later fragments that took the ports of their first one")                           \
    X(MEAN_FLOW_RATE, 102, 6871, "meanFlowRate", UNSIGNED, 4, 0, QUANTITY, FLOWS,                  \
      "flow records made in a second, since the start")                                            \
    X(MEAN_PACKET_RATE, 103, 6871, "meanPacketRate", UNSIGNED, 4, 0, QUANTITY, PACKETS,            \
      "packets metered in a second, since the start")                                              \
    X(FLOW_TABLE_FLUSH_EVENT_COUNT, 104, 6871, "flowTableFlushEventCount", UNSIGNED, 4, 0, TOTAL,  \
      NONE, "records that left early because the cache was full")                                  \
    X(FLOW_TABLE_PEAK_COUNT, 105, 6871, "flowTablePeakCount", UNSIGNED, 4, 0, TOTAL, FLOWS,        \
      "most flow records in the cache at a time")

#endif
