/*
 * What a name looks like when it leaves: valid UTF-8 without anything that moves a cursor or turns
 * the direction of writing, no longer than its type permits, cut between two characters; domain
 * names in small letters, so that equal names are equal octets (RFC 4343). Worker's thread.
 */
#ifndef SPANFLOW_APP_NAME_TEXT_H
#define SPANFLOW_APP_NAME_TEXT_H

#include "app/name.h"

/*
 * Writes the OCTETS octets of TEXT to OUT as a name of TYPE and returns how many octets that are;
 * 0: nothing is left of it. Blanks at both ends are cut off. What is not UTF-8 (RFC 3629) and what
 * controls a terminal becomes U+FFFD, a tab a blank. Of a domain name the dot at the end is cut
 * off, and an escape (RFC 1035 section 5.1) is kept whole. What is already clean is not changed.
 */
uint32_t name_text_clean(enum name_type type, const uint8_t *text, uint32_t octets,
                         uint8_t out[NAME_OCTETS_MAX]);

/*
 * How many octets of TEXT, a clean HTTP_HOST, are the host without port; this is what lists of
 * domain names speak of. An IPv6 address keeps its brackets.
 */
uint32_t name_text_host(const uint8_t *text, uint32_t octets);

#endif
