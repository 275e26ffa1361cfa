/*
 * How an operating error travels to the user: one line that says what, where and what to do.
 * Never used on the packet path; there, errors are counters.
 */
#ifndef SPANFLOW_BASE_ERROR_H
#define SPANFLOW_BASE_ERROR_H

#include <stdarg.h>

struct error {
    char text[512];
};

/* Formats the line into ERROR (may be NULL). Line breaks become blanks, and what is no printable
 * character of UTF-8 a question mark, so that it can be told in XML and on a terminal. Owns
 * nothing. Any thread. */
void error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
