/*
 * What spanflow doctor found: one row for each thing that was looked at. Kept in order and printed
 * at the end as a table or as JSON. Main thread.
 */
#ifndef SPANFLOW_CLI_FINDINGS_H
#define SPANFLOW_CLI_FINDINGS_H

#include <stdbool.h>

enum finding { FINDING_GOOD, FINDING_NOTE, FINDING_BAD };
enum { FINDINGS_MAX = 256 };

struct findings {
    unsigned count;
    struct {
        enum finding finding;
        char subject[80];
        char text[320];
    } rows[FINDINGS_MAX];
};

/* Adds a row. SUBJECT is what was looked at ("source eth1"); the text says what is so and, unless
 * it is good, what to do. A row that finds no room is left out, and the last row says so. */
void findings_add(struct findings *findings, enum finding finding, const char *subject,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Prints them all on the standard output. Returns whether none is bad. */
bool findings_print(const struct findings *findings, bool json);

#endif
