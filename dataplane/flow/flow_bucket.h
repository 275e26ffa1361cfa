/*
 * The index of the flow cache: buckets of one cache line with eight slots. A tag is 16 bits of the
 * key's hash, never 0; it is 0 in a slot that must not be found, so a lookup compares tags and
 * nothing else. due is the second (modulo 256) at which the flow may have to end; a hit never
 * writes it.
 *
 * What must be known to choose a victim stands in the bucket too, so that making room reads no
 * record but the one that leaves.
 */
#ifndef SPANFLOW_FLOW_FLOW_BUCKET_H
#define SPANFLOW_FLOW_FLOW_BUCKET_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#include <immintrin.h>
#elif defined(__SSE4_1__)
#include <smmintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

enum {
    BUCKET_SLOTS = 8,
    BUCKET_OVERFLOW_MAX = 255, /* sticks: such a bucket always looks into second places */
    BUCKET_CALM = 5,           /* with fewer in use the second choice is not even looked at */
    DUE_AHEAD_MAX = 127        /* seconds that a due epoch may lie ahead */
};

struct flow_bucket {
    uint16_t tag[BUCKET_SLOTS];
    uint32_t index[BUCKET_SLOTS];
    uint8_t due[BUCKET_SLOTS];
    uint8_t occupied; /* slots in use */
    uint8_t done;     /* slots whose record is over and waits for room on the ring; tag 0 */
    uint8_t foreign;  /* slots for whose key this is the second choice */
    uint8_t overflow; /* keys of this bucket that live in their second choice */
    uint8_t many;     /* slots whose flow has shown more than one packet */
    uint8_t spent;    /* slots of closed connections, or that hold no packet since an active cut */
    uint8_t pinned;   /* slots whose flow the kernel counts (flow_kernel.h): they cannot leave */
    uint8_t reserved[1];
};
static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");

/* Slots whose tag equals TAG (not 0): the plain definition. */
static inline unsigned bucket_match_scalar(const struct flow_bucket *bucket, uint16_t tag)
{
    unsigned match = 0;
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
        match |= (unsigned)(bucket->tag[slot] == tag) << slot;
    return match;
}

/* The same with the vector instructions that this unit is compiled for: one compare into a mask
 * with AVX-512, three instructions with SSE2, a few with NEON. */
static inline unsigned bucket_match(const struct flow_bucket *bucket, uint16_t tag)
{
#if defined(SPANFLOW_SCALAR)
    return bucket_match_scalar(bucket, tag);
#elif defined(__AVX512BW__) && defined(__AVX512VL__)
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket->tag);
    return _mm_cmpeq_epi16_mask(tags, _mm_set1_epi16((short)tag));
#elif defined(__SSE2__)
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket->tag);
    __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#elif defined(__ARM_NEON) && defined(__aarch64__)
    static const uint16_t bits[BUCKET_SLOTS] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint16x8_t equal = vceqq_u16(vld1q_u16(bucket->tag), vdupq_n_u16(tag));
    return vaddvq_u16(vandq_u16(equal, vld1q_u16(bits)));
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

/*
 * What the probe loses if a slot has to make room; less goes first. The kind of record (spent, one
 * packet, many) stands in the upper bits, below it the second in which the record may be over. That
 * was set when the record was last looked at, by its first packet or by the sweep: so it tells how
 * long a flow of one packet has been silent, and that of the others up to the idle timeout.
 */
struct bucket_loss {
    uint16_t loss; /* BUCKET_LOSS_NONE: nothing here can leave */
    uint8_t slot;
};
enum { BUCKET_LOSS_KIND_BIT = 8, BUCKET_LOSS_NONE = 0xffff };

/* The slots of BUCKET whose record can make room for another one. */
static inline unsigned bucket_leavable(const struct flow_bucket *bucket)
{
    return bucket->occupied & ~(unsigned)(bucket->done | bucket->pinned);
}

/* Whether BUCKET has a record that can leave and has at most one packet, or is spent. */
static inline bool bucket_expendable(const struct flow_bucket *bucket)
{
    return (bucket_leavable(bucket) & (bucket->spent | ~(unsigned)bucket->many)) != 0;
}

/* The slot of BUCKET that loses least at EPOCH, the lowest of several: the plain definition. */
static inline struct bucket_loss bucket_least(const struct flow_bucket *bucket, uint8_t epoch)
{
    struct bucket_loss least = {BUCKET_LOSS_NONE, 0};
    for (unsigned live = bucket_leavable(bucket); live; live &= live - 1) {
        unsigned slot = (unsigned)__builtin_ctz(live);
        unsigned kind = bucket->spent >> slot & 1 ? 0 : 1 + (bucket->many >> slot & 1u);
        unsigned due = (uint8_t)(bucket->due[slot] - epoch + DUE_AHEAD_MAX + 1);
        unsigned loss = kind << BUCKET_LOSS_KIND_BIT | due;
        if (loss < least.loss)
            least = (struct bucket_loss){(uint16_t)loss, (uint8_t)slot};
    }
    return least;
}

#if defined(__SSE4_1__) && !defined(SPANFLOW_SCALAR)
/* A lane of 16 bits for each slot: all ones where the slot is one of SLOTS. */
static inline __m128i bucket_lanes(uint8_t slots)
{
    const __m128i bits = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm_cmpeq_epi16(_mm_and_si128(_mm_set1_epi16(slots), bits), bits);
}

/* The same with a horizontal minimum where this unit is compiled for SSE4.1. */
static inline struct bucket_loss bucket_least_fast(const struct flow_bucket *bucket, uint8_t epoch)
{
    const __m128i kind = _mm_set1_epi16(1 << BUCKET_LOSS_KIND_BIT);
    __m128i due = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)bucket->due));
    due = _mm_sub_epi16(due, _mm_set1_epi16((short)(epoch - DUE_AHEAD_MAX - 1)));
    due = _mm_and_si128(due, _mm_set1_epi16(0xff));
    __m128i loss = _mm_add_epi16(due, kind);
    loss = _mm_add_epi16(loss, _mm_and_si128(bucket_lanes(bucket->many), kind));
    loss = _mm_blendv_epi8(loss, due, bucket_lanes(bucket->spent));
    uint8_t live = (uint8_t)bucket_leavable(bucket);
    loss = _mm_or_si128(loss, _mm_xor_si128(bucket_lanes(live), _mm_set1_epi16(-1)));
    uint32_t least = (uint32_t)_mm_cvtsi128_si32(_mm_minpos_epu16(loss));
    return (struct bucket_loss){(uint16_t)least, (uint8_t)(least >> 16)};
}
#else
static inline struct bucket_loss bucket_least_fast(const struct flow_bucket *bucket, uint8_t epoch)
{
    return bucket_least(bucket, epoch);
}
#endif

#endif
