/*
 * The parser's door: a straight path for what nearly every packet is (Ethernet, at most one VLAN
 * tag, IPv4 without options, TCP or UDP), and the walk through the layers for everything else.
 * Called by the worker, which owns the parser.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "parse/dissection.h"

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
    bool vlan_in_key = d->parser->config.vlan_in_key;
    unsigned outer = vlan_in_key ? d->vlan[0] : 0;
    unsigned inner = vlan_in_key ? d->vlan[1] : 0;
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
}

static __attribute__((noinline)) void parse_any(struct parser *parser,
                                                const struct packet_batch *batch, uint32_t i,
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
        return;
    }
    write_facts(&d, facts);
}

/*
 * The straight path. False, with nothing written, if anything at all is unusual. Every bound is
 * checked once: 40 bytes from the IPv4 header on are captured, enough for all that is read.
 */
static inline __attribute__((always_inline)) bool parse_common(struct parser *parser,
                                                               const struct packet_batch *batch,
                                                               uint32_t i,
                                                               struct packet_facts *facts)
{
    enum { HEADERS = 40, ETHERNET = 14, TAG = 4 };
    const uint8_t *data = batch->data[i];
    uint32_t captured = batch->captured_length[i];
    if (batch->link[i] != LINK_ETHERNET || captured < ETHERNET + HEADERS + TAG)
        return false;
    uint32_t offset = ETHERNET;
    uint16_t type = load_be16(data + 12);
    uint16_t vlan = 0;
    if (type == 0x8100) {
        vlan = load_be16(data + 14) & 0xfff;
        type = load_be16(data + 16);
        offset += TAG;
    }
    const uint8_t *ip = data + offset;
    uint32_t octets = load_be16(ip + 2);
    bool is_tcp = ip[9] == PROTOCOL_TCP;
    bool is_udp = ip[9] == PROTOCOL_UDP && parser->config.tunnels == 0;
    if (type != 0x0800 || ip[0] != 0x45 || (load_be16(ip + 6) & 0x3fff) != 0 || !(is_tcp | is_udp))
        return false;
    const uint8_t *transport = ip + 20;
    uint32_t header_length = is_tcp ? (transport[12] >> 4) * 4u : 8;
    if (header_length < (is_tcp ? 20 : 8) || octets < 20 + header_length)
        return false;

    unsigned key_vlan = parser->config.vlan_in_key ? vlan : 0;
    unsigned side = flow_key_make4(&facts->key, load_raw32(ip + 12), load_raw32(ip + 16),
                                   load_raw16(transport), load_raw16(transport + 2),
                                   is_tcp ? PROTOCOL_TCP : PROTOCOL_UDP, key_vlan, 0);
    uint32_t tcp_mask = is_tcp ? UINT32_MAX : 0;
    uint32_t end = offset + octets;
    uint32_t readable = end < captured ? end : captured;
    uint32_t payload = offset + 20 + header_length;
    parser->counters.length_exceeds_frame += end > batch->wire_length[i];
    facts->ip_octets = octets;
    facts->tcp_sequence = load_be32(transport + 4) & tcp_mask;
    facts->tcp_acknowledgement = load_be32(transport + 8) & tcp_mask;
    facts->tcp_payload_length = (end - payload) & tcp_mask;
    facts->payload_offset = payload;
    facts->payload_length = readable > payload ? readable - payload : 0;
    facts->tcp_flags = (uint16_t)(load_be16(transport + 12) & 0xfff & tcp_mask);
    facts->verdict = PACKET_METERED;
    facts->side = (uint8_t)side;
    facts->tos = ip[1];
    facts->ttl = ip[8];
    facts->facts = (uint8_t)(PACKET_FACT_MACS | (PACKET_FACT_TCP & tcp_mask));
    facts->label_count = 0;
    facts->mac_offset = 0;
    facts->vlan[0] = vlan;
    facts->vlan[1] = 0;
    memset(facts->labels, 0, sizeof facts->labels);
    facts->vlan_count = offset != ETHERNET;
    return true;
}

void parse_batch(struct parser *parser, const struct packet_batch *batch,
                 struct packet_facts facts[PACKET_BATCH_MAX])
{
    enum { PREFETCH_DISTANCE = 8 };
    check(batch->count <= PACKET_BATCH_MAX);
    for (uint32_t i = 0; i < batch->count && i < PREFETCH_DISTANCE; i++)
        __builtin_prefetch(batch->data[i]);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (i + PREFETCH_DISTANCE < batch->count)
            __builtin_prefetch(batch->data[i + PREFETCH_DISTANCE]);
        if (__builtin_expect(!parse_common(parser, batch, i, &facts[i]), 0))
            parse_any(parser, batch, i, &facts[i]);
    }
}
