/*
 * One packet on its way through the layers: where the reader stands, what was met so far, and the
 * step functions that each read one header and name the next. Private to parse/. Lives on the
 * stack of parse_batch(), worker thread.
 */
#ifndef SPANFLOW_PARSE_DISSECTION_H
#define SPANFLOW_PARSE_DISSECTION_H

#include "parse/cursor.h"
#include "parse/fragment_table.h"
#include "parse/parse.h"
#include "parse/parse_hot.h"

/* Each layer and the function that reads it. The one list of them. */
#define LAYERS(X)                                                                                  \
    X(LAYER_ETHERNET, parse_ethernet)                                                              \
    X(LAYER_LLC, parse_llc)                                                                        \
    X(LAYER_VLAN, parse_vlan)                                                                      \
    X(LAYER_BACKBONE, parse_backbone)                                                              \
    X(LAYER_MPLS, parse_mpls)                                                                      \
    X(LAYER_PPPOE, parse_pppoe)                                                                    \
    X(LAYER_PPP, parse_ppp)                                                                        \
    X(LAYER_NSH, parse_nsh)                                                                        \
    X(LAYER_RAW_IP, parse_raw_ip)                                                                  \
    X(LAYER_LINUX_SLL, parse_linux_sll)                                                            \
    X(LAYER_LINUX_SLL2, parse_linux_sll2)                                                          \
    X(LAYER_NULL_LOOP, parse_null_loop)                                                            \
    X(LAYER_LOOP, parse_loop)                                                                      \
    X(LAYER_CHDLC, parse_chdlc)                                                                    \
    X(LAYER_IPV4, parse_ipv4)                                                                      \
    X(LAYER_IPV6, parse_ipv6)                                                                      \
    X(LAYER_TUNNEL_AH, parse_tunnel_ah)                                                            \
    X(LAYER_GRE, parse_gre)                                                                        \
    X(LAYER_WCCP, parse_wccp)                                                                      \
    X(LAYER_ERSPAN2, parse_erspan2)                                                                \
    X(LAYER_ERSPAN3, parse_erspan3)                                                                \
    X(LAYER_ETHERIP, parse_etherip)                                                                \
    X(LAYER_VXLAN, parse_vxlan)                                                                    \
    X(LAYER_VXLAN_GPE, parse_vxlan_gpe)                                                            \
    X(LAYER_GENEVE, parse_geneve)                                                                  \
    X(LAYER_GTPU, parse_gtpu)                                                                      \
    X(LAYER_TEREDO, parse_teredo)                                                                  \
    X(LAYER_L2TP, parse_l2tp)

#define LAYER_ENUM(name, function) name,
enum layer {
    LAYERS(LAYER_ENUM) LAYER_COUNT,
    LAYER_END = LAYER_COUNT, /* nothing deeper is wanted */
    LAYER_UNUSABLE           /* the walk ends here; dissection.reason says why */
};

enum {
    LAYERS_MAX = 64,            /* headers followed in one packet, all kinds */
    IP_HEADERS_MAX = 16,        /* of these, IP headers */
    VLAN_TAGS_MAX = 3,          /* in front of one IP header */
    MPLS_ENTRIES_MAX = 16,      /* in one label stack */
    EXTENSION_HEADERS_MAX = 182 /* the most that 1,500 bytes hold behind an IPv6 header */
};

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_DCCP = 33,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_GRE = 47,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_DESTINATION_OPTIONS = 60,
    PROTOCOL_ETHERIP = 97,
    PROTOCOL_SCTP = 132,
    PROTOCOL_UDP_LITE = 136,
    PROTOCOL_MPLS = 137,
    PROTOCOL_ETHERNET = 143
};

/* A usable IP header and what follows it. Complete and valid, or not there at all. */
struct ip_layer {
    const uint8_t *source; /* 4 or 16 bytes in the packet */
    const uint8_t *destination;
    uint64_t claimed_end; /* offset of the first byte behind the claimed IP length */
    uint64_t octets;      /* the claim itself */
    uint32_t fragment_id;
    uint32_t header_offset;
    uint32_t transport_offset;
    uint32_t payload_offset;
    uint32_t tcp_sequence;
    uint32_t tcp_acknowledgement;
    uint16_t source_port; /* network byte order */
    uint16_t destination_port;
    uint16_t tcp_flags;
    uint8_t family;
    uint8_t protocol;          /* of the key */
    uint8_t fragment_protocol; /* in front of the fragment: the key of the fragment table */
    uint8_t tos;
    uint8_t ttl;
    uint8_t facts; /* fragment and TCP bits of packet_facts.facts */
    uint8_t label_count;
    uint8_t labels[PACKET_LABELS_MAX][3];
};

struct dissection {
    struct cursor cursor;
    struct parser *parser;
    uint64_t timestamp_ns;
    uint32_t wire_length;
    uint32_t captured_length;
    uint16_t mac_offset;
    uint16_t vlan[2]; /* of the outermost stack of tags */
    uint8_t vlan_count;
    uint8_t tag_depth;   /* tags since the last IP header */
    uint8_t ip_headers;  /* usable ones met; ip describes the last */
    uint8_t facts;       /* PACKET_FACT_MACS */
    uint8_t reason;      /* enum ledger_ignored, set with LAYER_UNUSABLE */
    uint8_t label_count; /* since the last IP header */
    uint8_t labels[PACKET_LABELS_MAX][3];
    struct ip_layer ip;
};

struct parser {
    struct parser_config config;
    parse_range_function *range; /* of the instruction set */
    struct parser_counters counters;
    struct fragment_table *fragments; /* NULL: not used */
    uint16_t key_vlan_mask;           /* 0xfff if VLAN ids are part of the key, else 0 */
};

#define LAYER_PROTOTYPE(name, function) enum layer function(struct dissection *d);
LAYERS(LAYER_PROTOTYPE)

/* Ends the walk for REASON. */
static inline enum layer layer_unusable(struct dissection *d, enum ledger_ignored reason)
{
    d->reason = (uint8_t)reason;
    return LAYER_UNUSABLE;
}

/* The layer that an EtherType (or a length of an 802.3 frame) announces. parse_link.c */
enum layer layer_of_ethertype(struct dissection *d, uint16_t type);

/* The layer that a PPP protocol number announces. parse_link.c */
enum layer layer_of_ppp(struct dissection *d, uint16_t protocol);

/*
 * Reads ports, type, code and flags behind d->ip, within the IP length and the captured bytes, and
 * names the tunnel layer to go on with, or LAYER_END. The cursor stands on the transport header
 * and its limit is the end of the IP packet. NEXT is the protocol there; it differs from
 * ip.protocol in an IPv4 packet behind an authentication header. parse_transport.c
 */
enum layer parse_transport(struct dissection *d);

/* The tunnel that PROTOCOL or, for UDP, the ports announce, if it may be opened. parse_tunnel.c */
enum layer layer_of_protocol(struct dissection *d, uint8_t protocol);
enum layer layer_of_udp(struct dissection *d);

/* Starts d->ip for a header whose fixed part was checked. */
void ip_layer_begin(struct dissection *d, uint8_t family, uint32_t header_offset, uint64_t octets);

#endif
