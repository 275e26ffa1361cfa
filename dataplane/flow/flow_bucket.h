/*
 * The index of the flow cache: buckets of one cache line with eight slots. A tag is 16 bits of the
 * key's hash; a slot is live if its bit in occupied is set. due is the second (modulo 256) at which
 * the flow may have to end; a hit never writes it.
 */
#ifndef SPANFLOW_FLOW_FLOW_BUCKET_H
#define SPANFLOW_FLOW_FLOW_BUCKET_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    BUCKET_SLOTS = 8,
    BUCKET_OVERFLOW_MAX = 255, /* sticks: such a bucket always looks into second places */
    DUE_AHEAD_MAX = 127        /* seconds that a due epoch may lie ahead */
};

struct flow_bucket {
    uint16_t tag[BUCKET_SLOTS];
    uint32_t index[BUCKET_SLOTS];
    uint8_t due[BUCKET_SLOTS];
    uint8_t occupied;
    uint8_t done;     /* slots whose record is over and waits for room on the ring */
    uint8_t foreign;  /* slots for whose key this is the second choice */
    uint8_t overflow; /* keys of this bucket that live in their second choice */
    uint8_t reserved[4];
};
static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");

/* Slots whose tag equals TAG, whether or not they are occupied: the plain definition. */
static inline unsigned bucket_match_scalar(const struct flow_bucket *bucket, uint16_t tag)
{
    unsigned match = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        match |= (unsigned)(bucket->tag[slot] == tag) << slot;
    return match;
}

/* The same in three instructions where the processor has SSE2. */
static inline unsigned bucket_match(const struct flow_bucket *bucket, uint16_t tag)
{
#if defined(__SSE2__)
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket->tag);
    __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#else
    return bucket_match_scalar(bucket, tag);
#endif
}

/* Whether DUE has come at EPOCH; both are seconds modulo 256, at most 127 apart. */
static inline bool due_reached(uint8_t due, uint8_t epoch)
{
    return (int8_t)(uint8_t)(due - epoch) <= 0;
}

/* Whether A comes before B; both as above. */
static inline bool due_before(uint8_t a, uint8_t b)
{
    return (int8_t)(uint8_t)(a - b) < 0;
}

#endif
