/* Blocks of the snapshot ring: building and bounded reading. See snapshot_block.h. */
#include "snapshot/snapshot_block.h"

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

static uint32_t load32(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

uint32_t snapshot_epb_write(uint8_t *out, const struct snapshot_packet *packet)
{
    uint32_t captured = packet->captured_length;
    uint32_t padded = (captured + 3) & ~3u;
    snapshot_epb_write_front(out, packet->interface, packet->time_ns, captured,
                             packet->original_length);
    out += SNAPSHOT_EPB_FIXED;
    memcpy(out, packet->data, captured);
    memset(out + captured, 0, padded - captured);
    snapshot_epb_write_tail(out + padded, captured, packet->flow_id);
    return snapshot_epb_octets(captured);
}

enum snapshot_walk snapshot_block_next(const uint8_t *block, uint32_t length, uint32_t *offset,
                                       struct snapshot_packet *packet)
{
    enum { LEAST = SNAPSHOT_EPB_FIXED + SNAPSHOT_EPB_TAIL };
    uint32_t at = *offset;
    if (at >= length)
        return at == length ? SNAPSHOT_WALK_END : SNAPSHOT_WALK_DAMAGED;
    if (at % 4 || length - at < SNAPSHOT_PADDING_MIN)
        return SNAPSHOT_WALK_DAMAGED;
    const uint8_t *epb = block + at;
    uint32_t octets = load32(epb + 4);
    if (octets % 4 || octets > length - at || octets < SNAPSHOT_PADDING_MIN ||
        load32(epb + octets - 4) != octets)
        return SNAPSHOT_WALK_DAMAGED;
    if (load32(epb) == PCAPNG_CUSTOM && octets == length - at)
        return SNAPSHOT_WALK_END;
    if (load32(epb) != PCAPNG_ENHANCED_PACKET || octets < LEAST)
        return SNAPSHOT_WALK_DAMAGED;
    uint32_t captured = load32(epb + 20);
    if (captured > octets || snapshot_epb_octets(captured) != octets)
        return SNAPSHOT_WALK_DAMAGED;
    const uint8_t *tail = epb + octets - SNAPSHOT_EPB_TAIL;
    if (load32(tail) != (SNAPSHOT_FLOW_OPTION | 12u << 16) ||
        load32(tail + 4) != SNAPSHOT_ENTERPRISE)
        return SNAPSHOT_WALK_DAMAGED;
    *packet = (struct snapshot_packet){
        .interface = load32(epb + 8),
        .time_ns = (uint64_t)load32(epb + 12) << 32 | load32(epb + 16),
        .captured_length = captured,
        .original_length = load32(epb + 24),
        .flow_id = load32(tail + 8) | (uint64_t)load32(tail + 12) << 32,
        .data = epb + SNAPSHOT_EPB_FIXED,
    };
    *offset = at + octets;
    return SNAPSHOT_WALK_PACKET;
}

bool snapshot_block_read_header(const uint8_t *block, size_t length,
                                struct snapshot_block_header *header)
{
    if (length < sizeof *header)
        return false;
    memcpy(header, block, sizeof *header);
    return header->type == PCAPNG_CUSTOM && header->length == sizeof *header &&
           header->length_end == sizeof *header && header->enterprise == SNAPSHOT_ENTERPRISE &&
           header->version == SNAPSHOT_BLOCK_VERSION &&
           memcmp(header->magic, SNAPSHOT_BLOCK_MAGIC, sizeof header->magic) == 0 &&
           header->used > 0 && header->used % SNAPSHOT_BLOCK_ALIGNMENT == 0 &&
           header->used <= SNAPSHOT_BLOCK_OCTETS;
}

uint32_t snapshot_block_crc(const uint8_t *block, uint32_t used)
{
    static const uint8_t zeros[4];
    const uint32_t at = offsetof(struct snapshot_block_header, crc);
    uint32_t crc = snapshot_crc32c(0, block, at);
    crc = snapshot_crc32c(crc, zeros, sizeof zeros);
    return snapshot_crc32c(crc, block + at + sizeof zeros, used - at - sizeof zeros);
}

/* Zeros, so that nothing of what the memory held before gets out. */
uint32_t snapshot_block_pad(uint8_t *block, uint32_t end)
{
    const uint32_t mask = SNAPSHOT_BLOCK_ALIGNMENT - 1;
    uint32_t used = (end + SNAPSHOT_PADDING_MIN + mask) & ~mask;
    uint32_t octets = used - end;
    const uint32_t words[3] = {PCAPNG_CUSTOM, octets, SNAPSHOT_ENTERPRISE};
    memset(block + end, 0, octets);
    memcpy(block + end, words, sizeof words);
    memcpy(block + used - 4, &octets, 4);
    return used;
}

#if defined(__SSE4_2__) || defined(__ARM_FEATURE_CRC32)

static inline uint32_t crc_octet(uint32_t crc, uint8_t octet)
{
#if defined(__SSE4_2__)
    return _mm_crc32_u8(crc, octet);
#else
    return __crc32cb(crc, octet);
#endif
}

static inline uint32_t crc_word(uint32_t crc, uint64_t word)
{
#if defined(__SSE4_2__)
    return (uint32_t)_mm_crc32_u64(crc, word);
#else
    return __crc32cd(crc, word);
#endif
}

#else

/* Bit by bit for one octet: processors without an instruction for it are slow at this. */
static inline uint32_t crc_octet(uint32_t crc, uint8_t octet)
{
    crc ^= octet;
    for (int bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (0x82f63b78u & (0 - (crc & 1)));
    return crc;
}

static inline uint32_t crc_word(uint32_t crc, uint64_t word)
{
    for (int octet = 0; octet < 8; octet++)
        crc = crc_octet(crc, (uint8_t)(word >> 8 * octet));
    return crc;
}

#endif

uint32_t snapshot_crc32c(uint32_t crc, const void *data, size_t length)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        crc = crc_word(crc, word);
    }
    for (; length; length--)
        crc = crc_octet(crc, *at++);
    return ~crc;
}
