/*
 * Strings and times as JSON, for the lines that the query side of the snapshot ring writes: names,
 * reasons and expressions come from people and may hold anything. Pure but for the stream; any
 * thread.
 */
#ifndef SPANFLOW_SNAPSHOT_SNAPSHOT_JSON_H
#define SPANFLOW_SNAPSHOT_SNAPSHOT_JSON_H

#include <stdint.h>
#include <stdio.h>

/* TEXT in quotation marks. What is no UTF-8 becomes question marks, control characters are escaped.
 */
void snapshot_json_string(FILE *out, const char *text);

/* "2026-03-01T12:00:00.000000000Z", without quotation marks: 31 octets with the end. */
void snapshot_time_text(uint64_t time_ns, char text[32]);

#endif
