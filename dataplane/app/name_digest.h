/*
 * SHA-256, and the key derivation that is built of it (RFC 2104, 5869, RFC 8446 section 7.1), for
 * the fingerprints and for QUIC. Private to the parsers of names.
 *
 * These are OpenSSL's functions of the digest itself, which are called deprecated since 3.0: the
 * ones that replace them allocate memory for each digest, and a state of them cannot be copied
 * without. Here a state is a plain structure, and the processor's instructions are used all the
 * same. Nothing else is included from there that is deprecated.
 */
#ifndef SPANFLOW_APP_NAME_DIGEST_H
#define SPANFLOW_APP_NAME_DIGEST_H

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif
#include <openssl/sha.h>
#include <stdint.h>

enum { NAME_DIGEST_OCTETS = 32 };

/* A key of HMAC-SHA-256, taken in: what it is used on starts from copies of the two states. */
struct name_hmac {
    SHA256_CTX inner, outer;
};

/* Takes KEY of at most 64 octets in. Any thread. */
void name_hmac_key(struct name_hmac *hmac, const uint8_t *key, uint32_t octets);

/* The code of DATA under the key. RESULT may be DATA. Any thread. */
void name_hmac_code(const struct name_hmac *hmac, const uint8_t *data, uint32_t octets,
                    uint8_t result[NAME_DIGEST_OCTETS]);

#endif
