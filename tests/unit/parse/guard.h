/*
 * Memory that ends at a page nobody may touch: a read past the last captured byte is a crash.
 * Used by the parser's tests; one buffer per program, made on first use.
 */
#ifndef SPANFLOW_TEST_GUARD_H
#define SPANFLOW_TEST_GUARD_H

#include <stdint.h>

/* Copies LENGTH (at most 4,096) bytes so that they end where the forbidden page begins. Valid
 * until the next call. */
const uint8_t *guard_copy(const uint8_t *bytes, uint32_t length);

#endif
