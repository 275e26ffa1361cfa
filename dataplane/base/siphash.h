/*
 * SipHash-2-4 with 64 bits of output (Aumasson, Bernstein 2012): a keyed hash of short text. Who
 * does not have the key can neither compute the hash of a text nor find one that has a given hash.
 */
#ifndef SPANFLOW_BASE_SIPHASH_H
#define SPANFLOW_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_OCTETS = 16 };

/* The hash of the COUNT octets at DATA by KEY. Pure, any thread. */
uint64_t siphash(const uint8_t key[SIPHASH_KEY_OCTETS], const void *data, size_t count);

#endif
