/*
 * JA4, the fingerprint of a TLS client by FoxIO: what a ClientHello offers, whatever its order and
 * whomever it is for. Private to the parsers of names.
 *
 * Carrier, highest version, d if a server is named and i if not, number of cipher suites, number of
 * extensions, first and last character of the first application protocol; behind `_` the sorted
 * cipher suites, behind another the sorted extensions (without server name and protocols) with the
 * signature algorithms in their order: both as the first 48 bits of SHA-256 over their hexadecimal
 * numbers with commas. Values of RFC 8701 are left out everywhere.
 */
#ifndef SPANFLOW_APP_NAME_JA4_H
#define SPANFLOW_APP_NAME_JA4_H

#include <stdbool.h>
#include <stdint.h>

#include "app/name_hello.h"

enum {
    NAME_JA4_OCTETS = 36,
    NAME_JA4_VALUES_MAX = 2048 /* cipher suites or extensions; no client sends more than 200 */
};

/* Writes the fingerprint of a hello that is whole. False if it has more than NAME_JA4_VALUES_MAX
 * of anything. Any thread. */
bool name_ja4(const struct name_hello *hello, uint8_t text[NAME_JA4_OCTETS]);

#endif
