/*
 * Keyed hash of flow keys. The key is random per start, so that nobody outside can choose packets
 * that meet in one bucket; the NIC's own hash is never used. Two forms give different values and
 * are equally good: AES rounds where the unit is compiled for them, multiply-and-fold elsewhere.
 */
#ifndef SPANFLOW_FLOW_FLOW_HASH_H
#define SPANFLOW_FLOW_FLOW_HASH_H

#include <stdint.h>
#include <string.h>

#include "flow/flow_key.h"

#if defined(__AES__) && defined(__SSE4_1__) && !defined(SPANFLOW_SCALAR)
#define FLOW_HASH_AES 1
#include <immintrin.h>
#endif

struct flow_hash_key {
    uint64_t word[4];
};

static inline uint64_t flow_hash_load(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline uint64_t flow_hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Each step multiplies two words that both depend on the secret, so neither factor can be driven
 * to zero by choosing a packet. */
static inline uint64_t flow_hash_portable(const struct flow_hash_key *key,
                                          const struct flow_key *flow)
{
    const uint8_t *head = (const uint8_t *)&flow->head;
    uint64_t h = flow_hash_fold(flow_hash_load(head) ^ key->word[0],
                                flow_hash_load(head + 8) ^ key->word[1]);
    if (flow->family == 6) {
        h = flow_hash_fold(h ^ key->word[2] ^ flow_hash_load(flow->address6_a),
                           flow_hash_load(flow->address6_a + 8) ^ key->word[3]);
        h = flow_hash_fold(h ^ key->word[1] ^ flow_hash_load(flow->address6_b),
                           flow_hash_load(flow->address6_b + 8) ^ key->word[2]);
    }
    return flow_hash_fold(h ^ key->word[2], key->word[3] ^ flow->family);
}

#if defined(FLOW_HASH_AES)
static inline uint64_t flow_hash_aes(const struct flow_hash_key *key, const struct flow_key *flow)
{
    __m128i k0 = _mm_loadu_si128((const __m128i *)(const void *)&key->word[0]);
    __m128i k1 = _mm_loadu_si128((const __m128i *)(const void *)&key->word[2]);
    __m128i k2 = _mm_add_epi64(k0, k1);
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)&flow->head);
    x = _mm_aesenc_si128(_mm_xor_si128(x, k0), k1);
    if (flow->family == 6) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)flow->address6_a);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)flow->address6_b);
        x = _mm_aesenc_si128(_mm_xor_si128(x, a), k2);
        x = _mm_aesenc_si128(_mm_xor_si128(x, b), k0);
    }
    x = _mm_aesenc_si128(x, k2);
    x = _mm_aesenc_si128(x, k1);
    return (uint64_t)_mm_cvtsi128_si64(x) ^ (uint64_t)_mm_extract_epi64(x, 1);
}
#endif

/* The form of the unit that includes this. Worker thread. */
static inline uint64_t flow_hash(const struct flow_hash_key *key, const struct flow_key *flow)
{
#if defined(FLOW_HASH_AES)
    return flow_hash_aes(key, flow);
#else
    return flow_hash_portable(key, flow);
#endif
}

#endif
