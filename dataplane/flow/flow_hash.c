/* The two keyed hashes of flow keys; one is chosen at start. */
#include "flow/flow_hash.h"

#include <string.h>

#include "base/simd.h"

static inline uint64_t load64(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Each step multiplies two words that both depend on the secret, so neither factor can be driven
 * to zero by choosing a packet. */
static inline uint64_t hash_portable(const struct flow_hash_key *key, const struct flow_key *flow)
{
    const uint8_t *head = (const uint8_t *)&flow->head;
    uint64_t h = fold(load64(head) ^ key->word[0], load64(head + 8) ^ key->word[1]);
    if (flow->family == 6) {
        h = fold(h ^ key->word[2] ^ load64(flow->address6_a),
                 load64(flow->address6_a + 8) ^ key->word[3]);
        h = fold(h ^ key->word[1] ^ load64(flow->address6_b),
                 load64(flow->address6_b + 8) ^ key->word[2]);
    }
    return fold(h ^ key->word[2], key->word[3] ^ flow->family);
}

static void hash_batch_portable(const struct flow_hash_key *key, const struct packet_facts *facts,
                                uint64_t selected, uint64_t *hashes)
{
    for (; selected; selected &= selected - 1) {
        unsigned i = (unsigned)__builtin_ctzll(selected);
        hashes[i] = hash_portable(key, &facts[i].key);
    }
}

flow_hash_function *flow_hash_portable(void)
{
    return hash_batch_portable;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AES_TARGET __attribute__((target("aes,sse4.1")))

AES_TARGET static void hash_batch_aes(const struct flow_hash_key *key,
                                      const struct packet_facts *facts, uint64_t selected,
                                      uint64_t *hashes)
{
    __m128i k0 = _mm_loadu_si128((const __m128i *)(const void *)&key->word[0]);
    __m128i k1 = _mm_loadu_si128((const __m128i *)(const void *)&key->word[2]);
    __m128i k2 = _mm_add_epi64(k0, k1);
    for (; selected; selected &= selected - 1) {
        unsigned i = (unsigned)__builtin_ctzll(selected);
        const struct flow_key *flow = &facts[i].key;
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
        hashes[i] = (uint64_t)_mm_cvtsi128_si64(x) ^ (uint64_t)_mm_extract_epi64(x, 1);
    }
}

flow_hash_function *flow_hash_aes(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1") ? hash_batch_aes
                                                                             : NULL;
}
#else
flow_hash_function *flow_hash_aes(void)
{
    return NULL;
}
#endif

flow_hash_function *flow_hash_choose(void)
{
    flow_hash_function *aes = simd_choose() >= SIMD_SSE ? flow_hash_aes() : NULL;
    return aes ? aes : hash_batch_portable;
}
