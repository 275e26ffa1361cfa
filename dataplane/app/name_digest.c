/* SHA-256 and HMAC without allocation. See name_digest.h. */
#include "app/name_digest.h"

#include <string.h>

void name_hmac_key(struct name_hmac *hmac, const uint8_t *key, uint32_t octets)
{
    uint8_t inner[SHA256_CBLOCK], outer[SHA256_CBLOCK];
    memset(inner, 0x36, sizeof inner);
    memset(outer, 0x5c, sizeof outer);
    for (uint32_t i = 0; i < octets && i < SHA256_CBLOCK; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    SHA256_Init(&hmac->inner);
    SHA256_Update(&hmac->inner, inner, sizeof inner);
    SHA256_Init(&hmac->outer);
    SHA256_Update(&hmac->outer, outer, sizeof outer);
}

void name_hmac_code(const struct name_hmac *hmac, const uint8_t *data, uint32_t octets,
                    uint8_t result[NAME_DIGEST_OCTETS])
{
    uint8_t digest[NAME_DIGEST_OCTETS];
    SHA256_CTX inner = hmac->inner, outer = hmac->outer;
    SHA256_Update(&inner, data, octets);
    SHA256_Final(digest, &inner);
    SHA256_Update(&outer, digest, sizeof digest);
    SHA256_Final(result, &outer);
}
