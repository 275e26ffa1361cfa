/*
 * How grave a finding is: the words of rule files, lists, alerts and the YANG type severity, each
 * listed once, from the least to the gravest.
 */
#ifndef SPANFLOW_BASE_SEVERITY_H
#define SPANFLOW_BASE_SEVERITY_H

#include <stdbool.h>
#include <stddef.h>

/* X(symbol, word, help) */
#define SEVERITIES(X)                                                                              \
    X(INFO, "info", "worth knowing")                                                               \
    X(LOW, "low", "to be looked at some day")                                                      \
    X(MEDIUM, "medium", "to be looked at soon")                                                    \
    X(HIGH, "high", "to be looked at now")                                                         \
    X(CRITICAL, "critical", "to be acted on now")

#define SEVERITY_ENUM(symbol, word, help) SEVERITY_##symbol,
/* Graver ones are greater. */
enum severity { SEVERITY_NONE, SEVERITIES(SEVERITY_ENUM) SEVERITY_COUNT };

/* The word of SEVERITY; NULL for SEVERITY_NONE. Any thread. */
const char *severity_word(enum severity severity);

/* Sets *SEVERITY to that of WORD. False and SEVERITY_NONE if it is not one. Any thread. */
bool severity_find(const char *word, enum severity *severity);

#endif
