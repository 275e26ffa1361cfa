/*
 * The body of an operation that the NETCONF process hands over: a JSON object (RFC 7951) that has
 * the input under the operation's name. Whoever answers a family of operations finds its own here.
 * Any thread.
 */
#ifndef SPANFLOW_CONFIG_OPERATION_BODY_H
#define SPANFLOW_CONFIG_OPERATION_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The number of the first of NAMES that OBJECT (may be NULL) has, and in *INPUT what stands under
 * it, which is OBJECT's; COUNT if it has none. */
unsigned operation_body_find(const json_t *object, const char *const names[], unsigned count,
                             json_t **input);

/* Whether the text BODY of LENGTH octets is one of an operation of NAMES. */
bool operation_body_is(const char *body, size_t length, const char *const names[], unsigned count);

/* LEAF, the name of an input, without the module's name before it; points into LEAF. */
const char *operation_body_leaf(const char *leaf);

#endif
