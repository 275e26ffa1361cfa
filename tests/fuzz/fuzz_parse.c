/*
 * Fuzz target of the parser. An input is a head of two bytes and packets, so that fragments meet:
 *   byte 0  link layer; byte 1  bit 0 VLAN in the key, bit 1 fragment table, bit 2 all tunnels
 *   each packet: 16 bits captured length (the last packet takes what is left), 16 bits that the
 *   wire length has more, 8 bits seconds since the packet before, then the bytes
 * Each packet is copied to memory of exactly its size, so that the sanitizer sees the first byte
 * read behind it. What the parser says must hold together.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "parse/parse.h"

enum { HEAD = 2, PACKET_HEAD = 5 };
enum { WITH_VLAN = 1, WITH_FRAGMENTS = 2, WITH_TUNNELS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_sense(const struct packet_facts *facts, uint32_t captured)
{
    if (facts->verdict != PACKET_METERED) {
        check(facts->verdict < IGNORED_COUNT);
        return;
    }
    check(facts->key.family == 4 || facts->key.family == 6);
    check(facts->ip_octets >= (facts->key.family == 4 ? 20 : 40));
    check(facts->payload_length == 0 || facts->payload_offset + facts->payload_length <= captured);
    check(facts->tcp_payload_length <= facts->ip_octets);
    check(facts->side <= 1 && facts->vlan_count <= 3);
    check(facts->label_count <= PACKET_LABELS_MAX);
}

/* Parses one packet at the front of DATA; returns the bytes used. */
static size_t parse_one(struct parser *parser, uint8_t link, const uint8_t *data, size_t size,
                        uint64_t *time_ns)
{
    size_t left = size - PACKET_HEAD;
    size_t captured = (size_t)data[0] << 8 | data[1];
    if (captured > left)
        captured = left;
    uint8_t *bytes = malloc(captured > 0 ? captured : 1);
    check(bytes != NULL);
    memcpy(bytes, data + PACKET_HEAD, captured);
    *time_ns += data[4] * 1000000000ull;
    struct packet_batch batch = {.count = 1};
    struct packet_facts facts[PACKET_BATCH_MAX];
    batch.data[0] = bytes;
    batch.captured_length[0] = (uint32_t)captured;
    batch.wire_length[0] = (uint32_t)captured + ((uint32_t)data[2] << 8 | data[3]);
    batch.timestamp_ns[0] = *time_ns;
    batch.link[0] = link;
    parse_batch(parser, &batch, facts);
    expect_sense(&facts[0], (uint32_t)captured);
    free(bytes);
    return PACKET_HEAD + captured;
}

/* A parser with a fragment table remembers, so each input gets its own; the others are kept. */
static struct parser *parser_for(uint8_t flags)
{
    static struct parser *kept[8];
    struct parser_config config = {.vlan_in_key = (flags & WITH_VLAN) != 0,
                                   .fragment_table = (flags & WITH_FRAGMENTS) != 0,
                                   .tunnels = flags & WITH_TUNNELS ? TUNNEL_ALL : 0};
    if (config.fragment_table)
        return parser_create(&config, NULL);
    if (kept[flags & 7] == NULL)
        kept[flags & 7] = parser_create(&config, NULL);
    return kept[flags & 7];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    struct parser *parser = parser_for(data[1]);
    check(parser != NULL);
    uint64_t time_ns = 0;
    for (size_t at = HEAD; size - at >= PACKET_HEAD;)
        at += parse_one(parser, data[0], data + at, size - at, &time_ns);
    if (data[1] & WITH_FRAGMENTS)
        parser_destroy(parser);
    return 0;
}
