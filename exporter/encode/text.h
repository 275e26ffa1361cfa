/*
 * Numbers and addresses as text, written by hand because a JSON destination formats millions of
 * records a second. Each function writes at OUT and returns the end; nothing is terminated. No
 * state, any thread.
 */
#ifndef SPANFLOW_EXPORTER_ENCODE_TEXT_H
#define SPANFLOW_EXPORTER_ENCODE_TEXT_H

#include <stdint.h>

enum { TEXT_U64_MAX = 20, TEXT_IPV4_MAX = 15, TEXT_IPV6_MAX = 45 };

/* VALUE in decimal. */
char *text_u64(char *out, uint64_t value);
/* ADDRESS: 4 bytes, network order. */
char *text_ipv4(char *out, const uint8_t *address);
/* ADDRESS: 16 bytes. RFC 5952: lower case, longest run of two or more zero groups (the first of
 * equals) as "::"; IPv4-mapped addresses end in dotted form. */
char *text_ipv6(char *out, const uint8_t *address);
/* COUNT octets in lower-case hexadecimal, SEPARATOR between them unless it is 0. */
char *text_hex(char *out, const uint8_t *octets, unsigned count, char separator);

#endif
