/*
 * Initial packets of QUIC as a client makes them (RFC 9001, RFC 9369), with OpenSSL alone, for
 * tests of the parser of names.
 */
#ifndef SPANFLOW_TEST_INITIAL_BUILDER_H
#define SPANFLOW_TEST_INITIAL_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

struct initial_parts {
    uint32_t version;
    const uint8_t *id; /* of the destination */
    uint32_t id_octets;
    const uint8_t *key_id; /* that the keys are derived from; NULL: ID, with the same octets */
    uint32_t token_octets;
    uint32_t number, number_octets;
    const uint8_t *frames;
    uint32_t frame_octets;
    uint32_t padded; /* the frames, with PADDING frames behind them; 0: none */
};

/* Writes the protected packet; its octets. */
uint32_t initial_packet(const struct initial_parts *parts, uint8_t *out);

/* Writes a CRYPTO frame with DATA at AT; its octets. */
uint32_t crypto_frame(uint8_t *out, uint32_t at, const uint8_t *data, uint32_t octets);

#endif
