/*
 * From captured bytes to a canonical flow key and the facts a flow record needs.
 *
 * parse_batch() never reads past captured_length, never allocates and never fails: a packet that
 * cannot be metered gets its ignored reason. One parser per worker, used by that worker only; it
 * owns the bounded fragment table.
 */
#ifndef SPANFLOW_PARSE_PARSE_H
#define SPANFLOW_PARSE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ledger_terms.h"
#include "flow/flow_key.h"
#include "packet/packet_batch.h"

/* Encapsulations that --decapsulate may open; the innermost IP header then makes the key. */
enum tunnel_kind {
    TUNNEL_GRE = 1 << 0, /* also PPTP, WCCP, transparent Ethernet */
    TUNNEL_IPIP = 1 << 1,
    TUNNEL_6IN4 = 1 << 2,  /* 6in4, 4in6, 6in6 */
    TUNNEL_VXLAN = 1 << 3, /* and VXLAN-GPE */
    TUNNEL_GENEVE = 1 << 4,
    TUNNEL_GTPU = 1 << 5,
    TUNNEL_ERSPAN = 1 << 6,
    TUNNEL_MPLS_UDP = 1 << 7,
    TUNNEL_TEREDO = 1 << 8,
    TUNNEL_L2TP = 1 << 9,
    TUNNEL_ETHERIP = 1 << 10,
    TUNNEL_ALL = (1 << 11) - 1
};

struct parser_config {
    bool vlan_in_key;    /* the two outermost VLAN ids are part of the key */
    bool fragment_table; /* later fragments take the ports of their first fragment */
    uint32_t tunnels;    /* set of enum tunnel_kind */
};

enum {
    PACKET_FACT_MACS = 1 << 0,           /* mac_offset is valid */
    PACKET_FACT_FIRST_FRAGMENT = 1 << 1, /* offset 0, more to come */
    PACKET_FACT_LATER_FRAGMENT = 1 << 2,
    PACKET_FACT_TCP = 1 << 3,   /* tcp_flags, tcp_sequence, tcp_acknowledgement are valid */
    PACKET_FACT_TUNNEL = 1 << 4 /* the key is that of an inner header */
};
enum { PACKET_METERED = 0xff }; /* verdict of a usable packet; otherwise enum ledger_ignored */
enum { PACKET_LABELS_MAX = 3 };

struct packet_facts {
    struct flow_key key;          /* canonical; valid if verdict == PACKET_METERED */
    uint64_t ip_octets;           /* the header's claim, of the header that made the key */
    uint32_t tcp_sequence;        /* host order; 0 if not TCP, as the next two */
    uint32_t tcp_acknowledgement; /* host order */
    uint32_t tcp_payload_length;  /* by the IP header's claim */
    uint32_t payload_offset;      /* first byte after the transport header, from data; after the
                                     IP header where there is no transport that we know */
    uint32_t payload_length;      /* captured bytes there, within the IP length; 0 if none */
    uint16_t tcp_flags;           /* low 12 bits */
    uint8_t verdict;
    uint8_t side; /* 0: source is side a of the key, 1: source is side b */
    uint8_t tos;  /* IPv4 ToS or IPv6 traffic class */
    uint8_t ttl;  /* TTL or hop limit */
    uint8_t facts;
    uint8_t label_count; /* MPLS label stack entries before the header of the key, at most 3 kept */
    uint16_t mac_offset; /* of the destination MAC of the outermost Ethernet header */
    uint16_t vlan[2];    /* ids in front of the outermost IP header, 0 if none; kept whether or not
                            they are in the key */
    uint8_t labels[PACKET_LABELS_MAX][3]; /* element 70: label, exp, S; top first; the first
                                             label_count are valid */
    uint8_t vlan_count;                   /* tags seen, at most 3 */
    uint32_t ip_offset;                   /* of the IP header that made the key, from data */
};

/* Diagnostics; none is a term of the ledger. Single writer: the worker. */
#define PARSER_COUNTERS(X)                                                                         \
    X(fragment_hits, "later fragments that took the ports of their first one")                     \
    X(fragment_misses, "later fragments whose first one was not held: ports 0")                    \
    X(fragment_evictions, "held first fragments that made room for newer ones")                    \
    X(transport_cut, "packets whose ports, type or flags were not captured: taken as 0")           \
    X(length_exceeds_frame, "packets that claim more octets than their frame had")                 \
    X(tunnel_malformed, "tunnels that could not be opened: the outer header made the key")

#define PARSER_COUNTER_MEMBER(name, help) uint64_t name;
struct parser_counters {
    PARSER_COUNTERS(PARSER_COUNTER_MEMBER)
};

struct parser;

/* Allocates a parser with its fragment table. NULL and ERROR on lack of memory. Control thread. */
struct parser *parser_create(const struct parser_config *config, struct error *error);

/* Frees it; NULL is fine. Control thread, its worker ended. */
void parser_destroy(struct parser *parser);

/* Parses every packet of BATCH into FACTS[0..count). Bit i of the result is set if packet i can be
 * metered; the others' verdicts say why not. Worker thread. */
uint64_t parse_batch(struct parser *parser, const struct packet_batch *batch,
                     struct packet_facts facts[PACKET_BATCH_MAX]);

/* The same for packets FIRST to FIRST + COUNT only, so that the caller can begin to work on the
 * facts of some while the others are still to come. */
uint64_t parse_range(struct parser *parser, const struct packet_batch *batch, uint32_t first,
                     uint32_t count, struct packet_facts facts[PACKET_BATCH_MAX]);

/* The parser's counters; readable on its worker's thread. */
const struct parser_counters *parser_counters(const struct parser *parser);

#endif
