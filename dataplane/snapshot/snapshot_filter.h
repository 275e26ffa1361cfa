/*
 * What a filter program demands of a packet before it can say yes, so that whole blocks can be
 * passed over by their index. Not the text of the expression is looked at but the program that
 * libpcap made of it: every way through the program to "yes" collects the comparisons on it that
 * held and whose octets are known to be an address, a port, a protocol, an EtherType or a VLAN id.
 * So precedence, names, defaults and qualifiers are libpcap's alone, and what is not understood
 * demands nothing: the answer "cannot be in there" is never wrong as long as the index knows every
 * value at the places listed at enum snapshot_fact_kind.
 *
 * Made and used by snapshot_match.c; read-only once made.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_FILTER_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_program;

/*
 * The kinds of demand, and what of a packet fulfils them. The link header is Ethernet with any
 * number of tags (EtherType 0x8100, 0x88a8, 0x9100), Linux cooked (both versions), or none. Header
 * fields are taken at their places without looking whether the header makes sense: version, header
 * length below 20, total length and checksums do not matter, only that the octets were captured.
 */
enum snapshot_fact_kind {
    SNAPSHOT_FACT_ADDRESS4,  /* source or destination behind 0x0800, sender's or target's at octets
                                14 and 24 behind 0x0806 and 0x8035 */
    SNAPSHOT_FACT_ADDRESS6,  /* source or destination behind 0x86dd */
    SNAPSHOT_FACT_PORT,      /* the first or second 16 bits behind an IPv4 header (its length taken
                                as it says, however small) that is no later fragment, or behind 40
                                octets of IPv6, where the protocol there is TCP, UDP or SCTP */
    SNAPSHOT_FACT_PROTOCOL,  /* in the first IPv4 or IPv6 header (the next header there) */
    SNAPSHOT_FACT_ETHERTYPE, /* behind any number of tags */
    SNAPSHOT_FACT_VLAN       /* id in any of the tags */
};

struct snapshot_fact {
    uint8_t kind;        /* enum snapshot_fact_kind */
    uint8_t prefix_bits; /* of address that are given */
    uint8_t address[16]; /* network order, 0 behind prefix_bits; IPv4 in the first four */
    uint16_t low, high;  /* of everything else: a range, both ends in it, host order */
};

/* Whether BLOCK may hold a packet that fulfils FACT. True if it is not known. */
typedef bool (*snapshot_fact_function)(const void *block, const struct snapshot_fact *fact);

/* Whether a packet with a fact may be in a block: all (AND) or one (OR) of two nodes before it. */
enum snapshot_node_kind {
    SNAPSHOT_NODE_NEVER,
    SNAPSHOT_NODE_ALWAYS,
    SNAPSHOT_NODE_FACT,
    SNAPSHOT_NODE_BOTH,
    SNAPSHOT_NODE_EITHER
};

struct snapshot_node {
    uint8_t kind;
    uint32_t left, right; /* smaller than its own number; of a fact, left is the number of it */
};

/* A condition over facts; the last node is the answer. Zeroed: nothing is known, always. */
struct snapshot_condition {
    struct snapshot_node *nodes; /* owned, as the next two */
    struct snapshot_fact *facts;
    uint8_t *answers; /* of each node, scratch for one evaluation */
    uint32_t node_count, node_capacity;
    uint32_t fact_count, fact_capacity;
    uint32_t root;
};

/*
 * Analyses PROGRAM, which was compiled for packets with link type LINK_TYPE (a LINKTYPE number).
 * Whatever is too long or not understood ends as "always". False only if memory is short; CONDITION
 * is freed by snapshot_condition_free() in either case.
 */
bool snapshot_condition_make(struct snapshot_condition *condition,
                             const struct bpf_program *program, uint32_t link_type);

/* Whether BLOCK may hold a packet that the program says yes to. One thread at a time. */
bool snapshot_condition_may_hold(const struct snapshot_condition *condition,
                                 snapshot_fact_function may_hold, const void *block);

/* Frees what CONDITION holds; zeroed is fine. */
void snapshot_condition_free(struct snapshot_condition *condition);

#endif
