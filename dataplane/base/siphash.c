/* SipHash-2-4. See siphash.h; the names of variables and constants are those of the paper. */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

enum { COMPRESSIONS = 2, FINALIZATIONS = 4 };

static uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        v[0] += v[1];
        v[1] = rotated(v[1], 13) ^ v[0];
        v[0] = rotated(v[0], 32);
        v[2] += v[3];
        v[3] = rotated(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotated(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotated(v[1], 17) ^ v[2];
        v[2] = rotated(v[2], 32);
    }
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, COMPRESSIONS);
    v[0] ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_OCTETS], const void *data, size_t count)
{
    const uint8_t *at = data;
    uint64_t k[2], word;
    memcpy(k, key, sizeof k);
    k[0] = le64toh(k[0]);
    k[1] = le64toh(k[1]);
    uint64_t v[4] = {k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du,
                     k[0] ^ 0x6c7967656e657261u, k[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)count << 56;
    for (; count >= sizeof word; at += sizeof word, count -= sizeof word) {
        memcpy(&word, at, sizeof word);
        absorb(v, le64toh(word));
    }
    for (size_t i = 0; i < count; i++)
        last |= (uint64_t)at[i] << 8 * i;
    absorb(v, last);
    v[2] ^= 0xff;
    rounds(v, FINALIZATIONS);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
