/*
 * Text that can be told in XML and JSON and on a terminal: printable characters of UTF-8. Pure
 * functions. Any thread.
 */
#ifndef SPANFLOW_BASE_PLAIN_TEXT_H
#define SPANFLOW_BASE_PLAIN_TEXT_H

#include <stdbool.h>

/* Octets of the printable character that TEXT, which a NUL ends, begins with; 0: there is none.
 * What controls the line (C0, DEL, C1, U+2028, U+2029) or turns the direction of writing is none,
 * nor are U+FEFF, U+FFFE and U+FFFF. */
unsigned plain_text_octets(const char *text);

/* Whether TEXT, which a NUL ends, has printable characters only. */
bool plain_text_is(const char *text);

#endif
