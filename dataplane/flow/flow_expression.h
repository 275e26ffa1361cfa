/*
 * A filter expression over flows, ready to be evaluated: "host 192.0.2.1 and not port 53". It is
 * kept in postfix order and bounded, so that looking at a flow takes bounded time. It is made of
 * text by config/filter_expression.h. The source is the flow's initiator.
 */
#ifndef SPANFLOW_FLOW_FLOW_EXPRESSION_H
#define SPANFLOW_FLOW_FLOW_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

struct flow_view;

enum { FLOW_TERMS_MAX = 64 };

enum flow_test {
    FLOW_TEST_AND, /* of the two results before */
    FLOW_TEST_OR,
    FLOW_TEST_NOT,      /* of the one before */
    FLOW_TEST_FAMILY,   /* value is 4 or 6 */
    FLOW_TEST_PROTOCOL, /* value is the protocol of IP */
    FLOW_TEST_NET,      /* an address is in the prefix; value is its length, family 4 or 6 */
    FLOW_TEST_PORTS     /* a port is from low to high, of a protocol that has ports */
};

enum flow_side { FLOW_SIDE_EITHER, FLOW_SIDE_SOURCE, FLOW_SIDE_DESTINATION };

struct flow_term {
    uint8_t test; /* enum flow_test */
    uint8_t side; /* enum flow_side, of NET and PORTS */
    uint8_t value;
    uint8_t family;
    uint16_t low, high;  /* host byte order */
    uint8_t address[16]; /* network byte order */
};

/* A sequence in which each AND and OR finds two results before it, NOT one, and one is left in the
 * end; or nothing, which every flow matches. */
struct flow_expression {
    uint32_t count;
    struct flow_term terms[FLOW_TERMS_MAX];
};

/* Whether EXPRESSION holds for the entry of which VIEW is a copy. Any thread. */
bool flow_expression_matches(const struct flow_expression *expression,
                             const struct flow_view *view);

/* Whether the LENGTH first bits of two addresses in network byte order are the same. */
bool flow_prefix_covers(const uint8_t *prefix, unsigned length, const uint8_t *address);

#endif
