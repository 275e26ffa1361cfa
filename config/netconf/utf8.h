/*
 * Whether octets are UTF-8 (RFC 3629). NETCONF messages have no other encoding (RFC 6241, section
 * 3), and the parser behind the framing guard repeats what it does not understand in its errors.
 */
#ifndef SPANFLOW_NETCONF_UTF8_H
#define SPANFLOW_NETCONF_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if all LENGTH octets of TEXT are whole characters, none of them coded longer than needed,
 * a surrogate, or beyond U+10FFFF. Any thread. */
bool utf8_valid(const char *text, size_t length);

#endif
