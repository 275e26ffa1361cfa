/* Frames of the packet generator. See frames.h. */
#include "perf/generator/frames.h"

#include <string.h>

enum { ETHERNET_OCTETS = 14, IPV4_OCTETS = 20, PROTOCOL_UDP = 17 };
/* Sources are the addresses of 10/8; the destination is of the range for benchmarks (RFC 2544,
 * appendix C.2.2). */
static const uint32_t source_base = 0x0a000000;
static const uint32_t destination = 0xc6120001;

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value);
}

static void make_kind(struct frame_kind *kind, uint32_t size)
{
    uint8_t *ip = kind->header + ETHERNET_OCTETS;
    uint8_t *udp = ip + IPV4_OCTETS;
    memset(kind, 0, sizeof *kind);
    kind->octets = size - FRAME_CHECK_OCTETS;
    memcpy(kind->header, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00", 14);
    ip[0] = 0x45;
    put16(ip + 2, kind->octets - ETHERNET_OCTETS);
    ip[8] = 64;
    ip[9] = PROTOCOL_UDP;
    put32(ip + 16, destination);
    put16(udp + 2, 4433);
    put16(udp + 4, kind->octets - ETHERNET_OCTETS - IPV4_OCTETS);
    for (uint32_t i = 0; i < IPV4_OCTETS; i += 2)
        kind->sum += (uint32_t)ip[i] << 8 | ip[i + 1];
}

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void frames_start(struct frame_set *set, uint32_t size, uint32_t flows)
{
    static const uint32_t mix[FRAME_MIX_PARTS] = {64, 594, 64, 64,  594, 64,
                                                  64, 594, 64, 594, 64,  1518};
    memset(set, 0, sizeof *set);
    set->flows = flows;
    /* Neighbours in time are no neighbours in number: nobody can fetch ahead. */
    set->stride = (uint32_t)((uint64_t)flows * 618 / 1000);
    while (set->stride == 0 || greatest_divisor(set->stride, flows) != 1)
        set->stride++;
    set->kinds = size ? 1 : FRAME_MIX_PARTS;
    for (uint32_t i = 0; i < set->kinds; i++)
        make_kind(&set->kind[i], size ? size : mix[i]);
}

uint32_t frames_next(struct frame_set *set, uint8_t *buffer)
{
    const struct frame_kind *kind = &set->kind[set->place];
    uint32_t source = source_base + set->flow;
    memcpy(buffer, kind->header, sizeof kind->header);
    uint8_t *ip = buffer + ETHERNET_OCTETS;
    put32(ip + 12, source);
    put16(ip + IPV4_OCTETS, 1024 + (set->flow & 0x7fff));
    uint64_t sum = kind->sum + (source >> 16) + (source & 0xffff);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~(uint32_t)sum & 0xffff);
    if (++set->place == set->kinds)
        set->place = 0;
    set->flow += set->stride;
    if (set->flow >= set->flows)
        set->flow -= set->flows;
    return kind->octets;
}
