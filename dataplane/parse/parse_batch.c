/*
 * The parser's door, and the walk through the layers for every packet that the straight path of the
 * hot loop (parse_hot.c) leaves. Called by the worker, which owns the parser.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "parse/dissection.h"
#include "parse/parse_hot.h"

static parse_range_function *variant_for(enum simd_level level)
{
    extern parse_range_function *const parse_range_hot_scalar;
#if defined(__x86_64__)
    extern parse_range_function *const parse_range_hot_sse, *const parse_range_hot_avx2,
                                                                *const parse_range_hot_avx512;
    parse_range_function *const variants[SIMD_LEVELS] = {
        parse_range_hot_scalar, parse_range_hot_sse, parse_range_hot_avx2, parse_range_hot_avx512};
    return variants[level];
#elif defined(__aarch64__)
    extern parse_range_function *const parse_range_hot_neon;
    return level == SIMD_SCALAR ? parse_range_hot_scalar : parse_range_hot_neon;
#else
    (void)level;
    return parse_range_hot_scalar;
#endif
}

struct parser *parser_create(const struct parser_config *config, struct error *error)
{
    struct parser *parser = calloc(1, sizeof *parser);
    uint64_t seed[2] = {0, 0};
    if (parser && config->fragment_table) {
        if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
            error_set(error, "parser: no random key for the fragment table: %s", strerror(errno));
            free(parser);
            return NULL;
        }
        parser->fragments = fragment_table_create(seed);
    }
    if (!parser || (config->fragment_table && !parser->fragments)) {
        error_set(error, "parser: out of memory");
        free(parser);
        return NULL;
    }
    parser->config = *config;
    parser->range = variant_for(simd_choose());
    parser->key_vlan_mask = config->vlan_in_key ? 0xfff : 0;
    return parser;
}

void parser_destroy(struct parser *parser)
{
    if (!parser)
        return;
    fragment_table_destroy(parser->fragments);
    free(parser);
}

const struct parser_counters *parser_counters(const struct parser *parser)
{
    return &parser->counters;
}

static enum layer first_layer(struct dissection *d, uint8_t link)
{
    static const uint8_t layers[LINK_LAYER_COUNT] = {
        [LINK_ETHERNET] = LAYER_ETHERNET,
        [LINK_RAW_IP] = LAYER_RAW_IP,
        [LINK_LINUX_SLL] = LAYER_LINUX_SLL,
        [LINK_LINUX_SLL2] = LAYER_LINUX_SLL2,
        [LINK_NULL_LOOP] = LAYER_NULL_LOOP,
        [LINK_LOOP] = LAYER_LOOP,
        [LINK_PPP] = LAYER_PPP,
        [LINK_CHDLC] = LAYER_CHDLC,
        [LINK_UNKNOWN] = LAYER_UNUSABLE,
    };
    if (link >= LINK_LAYER_COUNT || layers[link] == LAYER_UNUSABLE)
        return layer_unusable(d, IGNORED_LINK_TYPE);
    return layers[link];
}

/* Follows the layers until nothing deeper is wanted or usable. */
static void walk(struct dissection *d, enum layer layer)
{
#define LAYER_FUNCTION(name, function) [name] = function,
    static enum layer (*const step[LAYER_COUNT])(struct dissection *) = {LAYERS(LAYER_FUNCTION)};
    for (int depth = 0; layer < LAYER_COUNT; depth++) {
        if (depth == LAYERS_MAX || d->ip_headers == IP_HEADERS_MAX)
            layer = layer_unusable(d, IGNORED_TAG_DEPTH);
        else
            layer = step[layer](d);
    }
    if (layer != LAYER_UNUSABLE || d->ip_headers == 0)
        return;
    /* A tunnel that carries something else is fine; one that lies is counted. */
    if (d->reason == IGNORED_LINK_CUT || d->reason == IGNORED_TAG_DEPTH ||
        d->reason >= IGNORED_IP_VERSION)
        d->parser->counters.tunnel_malformed++;
}

static void write_key(const struct dissection *d, struct packet_facts *facts)
{
    const struct ip_layer *ip = &d->ip;
    unsigned outer = d->vlan[0] & d->parser->key_vlan_mask;
    unsigned inner = d->vlan[1] & d->parser->key_vlan_mask;
    unsigned side;
    if (ip->family == 4)
        side = flow_key_make4(&facts->key, load_raw32(ip->source), load_raw32(ip->destination),
                              ip->source_port, ip->destination_port, ip->protocol, outer, inner);
    else
        side = flow_key_make6(&facts->key, ip->source, ip->destination, ip->source_port,
                              ip->destination_port, ip->protocol, outer, inner);
    facts->side = (uint8_t)side;
}

static void write_facts(const struct dissection *d, struct packet_facts *facts)
{
    const struct ip_layer *ip = &d->ip;
    uint32_t payload_end =
        ip->claimed_end < d->captured_length ? (uint32_t)ip->claimed_end : d->captured_length;
    write_key(d, facts);
    facts->ip_octets = ip->octets;
    facts->tcp_sequence = ip->tcp_sequence;
    facts->tcp_acknowledgement = ip->tcp_acknowledgement;
    facts->tcp_payload_length = 0;
    if ((ip->facts & PACKET_FACT_TCP) && ip->claimed_end > ip->payload_offset)
        facts->tcp_payload_length = (uint32_t)(ip->claimed_end - ip->payload_offset);
    facts->payload_offset = ip->payload_offset;
    facts->payload_length = 0;
    if (payload_end > ip->payload_offset)
        facts->payload_length = payload_end - ip->payload_offset;
    facts->tcp_flags = ip->tcp_flags;
    facts->verdict = PACKET_METERED;
    facts->tos = ip->tos;
    facts->ttl = ip->ttl;
    facts->facts = d->facts | ip->facts | (d->ip_headers > 1 ? PACKET_FACT_TUNNEL : 0);
    facts->label_count = ip->label_count;
    facts->mac_offset = d->mac_offset;
    facts->vlan[0] = d->vlan[0];
    facts->vlan[1] = d->vlan[1];
    memcpy(facts->labels, ip->labels, sizeof facts->labels);
    facts->vlan_count = d->vlan_count;
    facts->ip_offset = ip->header_offset;
}

bool parse_by_layers(struct parser *parser, const struct packet_batch *batch, uint32_t i,
                     struct packet_facts *facts)
{
    struct dissection d = {
        .cursor = {batch->data[i], 0, batch->captured_length[i]},
        .parser = parser,
        .timestamp_ns = batch->timestamp_ns[i],
        .wire_length = batch->wire_length[i],
        .captured_length = batch->captured_length[i],
    };
    walk(&d, first_layer(&d, batch->link[i]));
    if (d.ip_headers == 0) {
        memset(facts, 0, sizeof *facts);
        facts->verdict = d.reason;
        return false;
    }
    write_facts(&d, facts);
    return true;
}

uint64_t parse_range(struct parser *parser, const struct packet_batch *batch, uint32_t first,
                     uint32_t count, struct packet_facts facts[PACKET_BATCH_MAX])
{
    check(batch->count <= PACKET_BATCH_MAX && first + count <= batch->count);
    return parser->range(parser, batch, first, count, facts);
}

uint64_t parse_batch(struct parser *parser, const struct packet_batch *batch,
                     struct packet_facts facts[PACKET_BATCH_MAX])
{
    return parse_range(parser, batch, 0, batch->count, facts);
}
