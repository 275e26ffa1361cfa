/*
 * The layout of a flow record, in the cache and on the record ring. This is all that the exporter
 * knows of the dataplane.
 *
 * A record is a sequence of 64-byte lines:
 *   hot     what every packet of the flow writes; for IPv4 the whole key is in it
 *   hot6    IPv6 only: the address bytes
 *   cold    written at the start of the flow, on rare events and at its end
 *   extra   only if FLOW_STATE_EXTRA: MPLS labels, prefix lengths of aggregates, marks of lists and
 *           what later capabilities add
 *   names   only if extra says how many octets of them: on the ring alone, up to eight lines
 * On the ring the lines follow each other in that order; flow_element_lines() gives their number.
 * Addresses and ports are in network byte order, everything else in host order.
 *
 * The two directions are indexed by side: 0 is the direction whose sender is side a of the key.
 */
#ifndef SPANFLOW_FLOW_FLOW_RECORD_H
#define SPANFLOW_FLOW_FLOW_RECORD_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow_key.h"
#include "flow/flow_names.h"

enum { FLOW_LINE = 64 };

/* Element 136, RFC 5102. */
enum flow_end_reason {
    FLOW_END_NONE = 0,
    FLOW_END_IDLE = 1,
    FLOW_END_ACTIVE = 2,
    FLOW_END_DETECTED = 3,
    FLOW_END_FORCED = 4,
    FLOW_END_RESOURCES = 5
};

/* State byte: the top eight bits of flow_hot.flags_state. */
enum {
    FLOW_STATE_IPV6 = 1 << 0,
    FLOW_STATE_INITIATOR_B = 1 << 1, /* the initiator is side b */
    FLOW_STATE_APP_PENDING = 1 << 2,
    FLOW_STATE_SNAPSHOT_PENDING = 1 << 3,
    FLOW_STATE_FIN_A = 1 << 4, /* a FIN was seen from side a; its end is in cold.fin_end */
    FLOW_STATE_FIN_B = 1 << 5,
    FLOW_STATE_CLOSING = 1 << 6, /* RST, or both FINs acknowledged: lingering */
    FLOW_STATE_EXTRA = 1 << 7
};

/*
 * Packets and octets of one direction share a word, so that a hit is one addition: octets in the
 * low 40 bits, packets in the high 24. Before either field can overflow its share is moved to the
 * carries of the cold row.
 */
enum { FLOW_OCTET_BITS = 40, FLOW_CARRY_OCTET_BIT = 39, FLOW_CARRY_PACKET_BIT = 63 };

struct flow_hot {
    struct flow_key_head key;
    uint64_t counter[2];  /* packets << 40 | octets, less the carries */
    uint64_t last_ns[2];  /* newest packet of the side; 0 if none */
    uint32_t start_s;     /* whole second of the active timeout's origin */
    uint32_t flags_state; /* 12 TCP flag bits of side a, 12 of side b, state byte. Of a side's first
                             packet only the high four of the 12 are in it */
    uint8_t ttl_min[2];
    uint8_t ttl_max[2];
    uint8_t tos[2];           /* of the side's first packet */
    uint8_t initial_flags[2]; /* TCP flags of the side's first packet, low 8 bits */
};

struct flow_hot6 {
    uint8_t address_a[16];
    uint8_t address_b[16];
    uint8_t reserved[32];
};

/* flow_cold.marks */
enum {
    FLOW_MARK_INITIATOR_SEEN = 1 << 0, /* a SYN told the initiator; else the first packet did */
    FLOW_MARK_MID_STREAM = 1 << 1,     /* TCP flow whose start was not seen */
    FLOW_MARK_CONTINUED = 1 << 2,      /* an active cut came before this record */
    FLOW_MARK_CONTINUES = 1 << 3,      /* ended by an active cut: more may follow */
    FLOW_MARK_DIRECTION_A = 1 << 4,    /* element 61 of side a: egress */
    FLOW_MARK_DIRECTION_B = 1 << 5,
    FLOW_MARK_FIN_ACKED_A = 1 << 6, /* side a's FIN was acknowledged */
    FLOW_MARK_FIN_ACKED_B = 1 << 7
};

/* flow_cold.application: the rule's number, and above it how it was found. */
enum {
    FLOW_APPLICATION_NUMBER = 0x3fff,
    FLOW_APPLICATION_BY_PORT = 1 << 14, /* a guess */
    FLOW_APPLICATION_BY_CONTENT = 1 << 15
};

struct flow_cold {
    uint64_t first_ns[2]; /* oldest packet of the side; UINT64_MAX if none */
    uint64_t flow_id;     /* element 148; the same over active cuts */
    uint8_t mac_a[6];     /* of side a as its frames, or the other side's, showed it; 0 if none */
    uint8_t mac_b[6];
    uint16_t packets_carry[2]; /* units of 2^23 packets */
    uint16_t octets_carry[2];  /* units of 2^39 octets */
    uint16_t port[2];          /* interface index of the side's first packet; 0xffff: none */
    uint16_t application;      /* FLOW_APPLICATION_: number, 0 = none; how it was found */
    uint8_t end_reason;        /* enum flow_end_reason, set when the record ends */
    uint8_t marks;
    uint32_t start_fraction_ns; /* with start_s: origin of the active timeout */
    /* Sequence number after the side's FIN; before it, where the octets of the initiator begin if
     * that was seen. */
    uint32_t fin_end[2];
};

struct flow_extra {
    uint8_t label_count[2];
    uint8_t labels[2][3][3]; /* of the side's first packet, top first; elements 70 to 72 */
    /* Not 0: a prefix aggregate (flow_aggregate.h), of side 0 alone. Its addresses are masked to
     * these lengths, its ports are 0; its flow id means nothing. */
    uint8_t aggregate;
    uint8_t source_prefix_length; /* bits; elements 9 or 29 */
    uint8_t destination_prefix_length;
    uint8_t reserved[1];
    uint32_t list; /* watch_number() of the gravest list that the flow is in, 0: none */
    /* Names (flow_names.h): in the cache where they begin in its pool, 0 if there are none; on the
     * ring nothing. */
    uint32_t names;
    uint16_t name_octets;
    uint8_t reserved2[2];
    uint32_t name_types; /* set of 1 << enum name_type */
    uint32_t brand;      /* watch_number() of the brand of its server's name, 0: none is known */
    uint8_t reserved3[20];
};

static_assert(sizeof(struct flow_hot) == FLOW_LINE, "an IPv4 flow's hot record is one line");
static_assert(offsetof(struct flow_hot, flags_state) == 52, "flags_state also marks ring elements");
static_assert(sizeof(struct flow_hot6) == FLOW_LINE, "IPv6 adds one line");
static_assert(sizeof(struct flow_cold) == FLOW_LINE, "the cold row is one line");
static_assert(sizeof(struct flow_extra) == FLOW_LINE, "extra is one line");
static_assert(offsetof(struct flow_extra, list) == 24, "words are aligned");
static_assert(offsetof(struct flow_extra, names) == 28,
              "what stands before is another capability's");
static_assert((int)FLOW_NAMES_OCTETS_MAX == FLOW_NAME_LINES_MAX * FLOW_LINE, "names fill lines");
static_assert(NAME_TYPE_COUNT <= 32 && NAME_TYPE_COUNT <= FLOW_NAME_TYPE + 1, "sets are one word");

/* The eight FLOW_STATE_ bits. */
static inline unsigned flow_state(const struct flow_hot *hot)
{
    return hot->flags_state >> 24;
}

/* TCP flags of SIDE's packets, ORed; 12 bits. */
static inline unsigned flow_tcp_flags(const struct flow_hot *hot, unsigned side)
{
    return ((hot->flags_state >> (side * 12)) & 0xfffu) | hot->initial_flags[side];
}

/* The low eight TCP flags of SIDE's packets but the first, ORed. */
static inline unsigned flow_later_flags(const struct flow_hot *hot, unsigned side)
{
    return (hot->flags_state >> (side * 12)) & 0xffu;
}

/* Packets of SIDE, carries included. */
static inline uint64_t flow_packets(const struct flow_hot *hot, const struct flow_cold *cold,
                                    unsigned side)
{
    return (hot->counter[side] >> FLOW_OCTET_BITS) + ((uint64_t)cold->packets_carry[side] << 23);
}

/* IP octets of SIDE, carries included. */
static inline uint64_t flow_octets(const struct flow_hot *hot, const struct flow_cold *cold,
                                   unsigned side)
{
    return (hot->counter[side] & ((1ull << FLOW_OCTET_BITS) - 1)) +
           ((uint64_t)cold->octets_carry[side] << FLOW_CARRY_OCTET_BIT);
}

/*
 * Elements of the record ring. A record's first line is its flow_hot; in it the two pending bits
 * mean nothing any more and tell the kind of element instead.
 */
enum {
    FLOW_ELEMENT_RECORD = 0,
    FLOW_ELEMENT_MARKER = FLOW_STATE_APP_PENDING,   /* a ledger cut: struct flow_marker */
    FLOW_ELEMENT_PAD = FLOW_STATE_SNAPSHOT_PENDING, /* skips to the end of the ring's memory */
    FLOW_ELEMENT_KIND_MASK = FLOW_STATE_APP_PENDING | FLOW_STATE_SNAPSHOT_PENDING
};
/* Of a record without names, and of any. */
enum {
    FLOW_RECORD_LINES_MAX = 4,
    FLOW_ELEMENT_LINES_MAX = FLOW_RECORD_LINES_MAX + FLOW_NAME_LINES_MAX
};

struct flow_marker {
    uint64_t cut; /* number of the ledger cut */
    uint8_t reserved[44];
    uint32_t flags_state;
    uint8_t reserved2[8];
};
static_assert(sizeof(struct flow_marker) == FLOW_LINE, "a marker is one line");
static_assert(offsetof(struct flow_marker, flags_state) == 52, "at the place of flow_hot's");

/* Lines of a record with STATE, but those of names. */
static inline unsigned flow_record_lines(unsigned state)
{
    return 2u + (state & FLOW_STATE_IPV6 ? 1u : 0u) + (state & FLOW_STATE_EXTRA ? 1u : 0u);
}

/* Lines that OCTETS of names take. */
static inline unsigned flow_name_lines(unsigned octets)
{
    return (octets + FLOW_LINE - 1u) / FLOW_LINE;
}

/* Lines of the record on the ring that starts at HOT (not for markers and pads). */
static inline unsigned flow_element_lines(const struct flow_hot *hot)
{
    unsigned state = flow_state(hot), lines = flow_record_lines(state);
    if (__builtin_expect(!(state & FLOW_STATE_EXTRA), 1))
        return lines;
    const uint8_t *extra = (const uint8_t *)hot + (lines - 1u) * FLOW_LINE;
    return lines + flow_name_lines(((const struct flow_extra *)(const void *)extra)->name_octets);
}

/* A record on the ring, taken apart. Pointers are valid until the element is consumed. */
struct flow_record {
    const struct flow_hot *hot;
    const struct flow_hot6 *hot6; /* NULL for IPv4 */
    const struct flow_cold *cold;
    const struct flow_extra *extra; /* NULL if none */
    const uint8_t *names;           /* extra->name_octets of them; NULL if none */
    /* How many records the exporter made one of, and how many of them have packets of each side; 0
     * for a record of the ring, which is one. */
    uint32_t merged;
    uint32_t merged_side[2];
};

/* Takes the record apart whose first line is ELEMENT (neither a marker nor a pad). */
static inline struct flow_record flow_record_at(const void *element)
{
    const uint8_t *line = element;
    struct flow_record r = {.hot = element};
    unsigned state = flow_state(r.hot);
    line += FLOW_LINE;
    if (state & FLOW_STATE_IPV6) {
        r.hot6 = (const struct flow_hot6 *)(const void *)line;
        line += FLOW_LINE;
    }
    r.cold = (const struct flow_cold *)(const void *)line;
    line += FLOW_LINE;
    if (state & FLOW_STATE_EXTRA) {
        r.extra = (const struct flow_extra *)(const void *)line;
        r.names = r.extra->name_octets ? line + FLOW_LINE : NULL;
    }
    return r;
}

#endif
