/*
 * Keyed hash of flow keys. The key is random per start, so that nobody outside can choose packets
 * that meet in one bucket; the NIC's own hash is never used. Two variants give different values
 * and are equally good: AES rounds where the CPU has them, multiply-and-fold elsewhere.
 */
#ifndef SPANFLOW_FLOW_FLOW_HASH_H
#define SPANFLOW_FLOW_FLOW_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "parse/parse.h"

struct flow_hash_key {
    uint64_t word[4];
};

/* Hashes the keys of FACTS[i] for every bit i of SELECTED into HASHES[i]. Worker thread. */
typedef void flow_hash_function(const struct flow_hash_key *key, const struct packet_facts *facts,
                                uint64_t selected, uint64_t *hashes);

/* The fastest variant that this CPU runs and SPANFLOW_SIMD permits (base/simd.h). */
flow_hash_function *flow_hash_choose(void);
/* The variants by themselves, for the tests; NULL where the CPU lacks it. */
flow_hash_function *flow_hash_aes(void);
flow_hash_function *flow_hash_portable(void);

#endif
