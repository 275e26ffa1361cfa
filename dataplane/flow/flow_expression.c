/* A stack of results, as bits of a word: the last one is bit 0. */
#include "flow/flow_expression.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "flow/flow_cache_private.h"
#include "flow/flow_walk.h"

bool flow_prefix_covers(const uint8_t *prefix, unsigned length, const uint8_t *address)
{
    unsigned whole = length / 8, rest = length % 8;
    if (memcmp(address, prefix, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

/* Whether SIDE of the term means end B of the flow (or A, with B false). */
static bool means(const struct flow_term *term, const struct flow_view *view, bool b)
{
    bool source_is_b = flow_state(&view->hot) & FLOW_STATE_INITIATOR_B;
    return term->side == FLOW_SIDE_EITHER || (term->side == FLOW_SIDE_SOURCE) == (source_is_b == b);
}

static bool has_address(const struct flow_term *term, const struct flow_view *view)
{
    bool six = flow_state(&view->hot) & FLOW_STATE_IPV6;
    const struct flow_key_head *key = &view->hot.key;
    if (six != (term->family == 6))
        return false;
    for (unsigned b = 0; b < 2; b++) {
        const uint8_t *four = (const uint8_t *)(b ? &key->address_b : &key->address_a);
        const uint8_t *address = b ? view->hot6.address_b : view->hot6.address_a;
        if (means(term, view, b) &&
            flow_prefix_covers(term->address, term->value, six ? address : four))
            return true;
    }
    return false;
}

/* Other protocols have something else where these have ports. */
static bool has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
           protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

static bool has_port(const struct flow_term *term, const struct flow_view *view)
{
    const struct flow_key_head *key = &view->hot.key;
    for (unsigned b = 0; b < 2 && has_ports(key->protocol); b++) {
        uint16_t port = ntohs(b ? key->port_b : key->port_a);
        if (means(term, view, b) && port >= term->low && port <= term->high)
            return true;
    }
    return false;
}

static bool holds(const struct flow_term *term, const struct flow_view *view)
{
    switch (term->test) {
    case FLOW_TEST_FAMILY:
        return (flow_state(&view->hot) & FLOW_STATE_IPV6 ? 6 : 4) == term->value;
    case FLOW_TEST_PROTOCOL:
        return view->hot.key.protocol == term->value;
    case FLOW_TEST_NET:
        return has_address(term, view);
    default:
        return has_port(term, view);
    }
}

bool flow_expression_matches(const struct flow_expression *expression, const struct flow_view *view)
{
    uint64_t results = 1;
    for (uint32_t i = 0; i < expression->count; i++) {
        const struct flow_term *term = &expression->terms[i];
        uint64_t last = results & 1, others = results >> 1;
        if (term->test == FLOW_TEST_AND)
            results = last ? others : others & ~1ull;
        else if (term->test == FLOW_TEST_OR)
            results = others | last;
        else if (term->test == FLOW_TEST_NOT)
            results ^= 1;
        else
            results = results << 1 | holds(term, view);
    }
    return results & 1;
}
