/*
 * Crypto-PAn: addresses become other addresses, and two that share the first n bits and no more
 * still do (J. Xu, J. Fan, M. Ammar, S. Moon: Prefix-Preserving IP Address Anonymization, ICNP
 * 2002). The same key gives the same addresses in every run and every implementation. Bit n of an
 * address is turned or not by the first n bits alone, so the inputs of the cipher are known at once
 * and are encrypted in one go; what was computed lately is kept.
 *
 * Owned by a destination; exporter's thread, create and destroy on the control thread.
 */
#ifndef SPANFLOW_EXPORTER_ANONYMISE_CRYPTO_PAN_H
#define SPANFLOW_EXPORTER_ANONYMISE_CRYPTO_PAN_H

#include <stdint.h>

#include "base/error.h"

enum { CRYPTO_PAN_KEY_OCTETS = 32 };

struct crypto_pan;

/* With the key of AES-128 in the first 16 octets of KEY and the secret of the padding behind it;
 * nothing of KEY is referred to later. All memory is taken here. NULL and ERROR if there is too
 * little of it, or OpenSSL has no AES. */
struct crypto_pan *crypto_pan_create(const uint8_t key[CRYPTO_PAN_KEY_OCTETS], struct error *error);
/* Wipes the key. PAN may be NULL. */
void crypto_pan_destroy(struct crypto_pan *pan);

/* Replaces the address, in network order. */
void crypto_pan_ipv4(struct crypto_pan *pan, uint8_t address[4]);
void crypto_pan_ipv6(struct crypto_pan *pan, uint8_t address[16]);

/*
 * Reads the key file PATH: 32 octets as they are, or 64 hexadecimal digits with or without 0x in
 * front; a line end behind either does not count. 0, or -1 and ERROR: it cannot be read, has
 * another length, or its mode lets others than its owner at it. The caller wipes KEY. Control
 * thread.
 */
int crypto_pan_read_key(const char *path, uint8_t key[CRYPTO_PAN_KEY_OCTETS], struct error *error);

#endif
