/*
 * Texts of strangers as JSON strings: names that were cut inside a character, or come from a
 * client, must cost neither a ledger nor a line of a log. Any thread.
 */
#ifndef SPANFLOW_CONFIG_JSON_TEXT_H
#define SPANFLOW_CONFIG_JSON_TEXT_H

#include <jansson.h>

/* TEXT as a JSON string; if it is not UTF-8, every octet outside of ASCII becomes a question mark.
 * The caller owns it. NULL: memory is short. */
json_t *json_text(const char *text);

#endif
