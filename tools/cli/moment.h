/*
 * Points of time as a person types them. Main thread.
 */
#ifndef SPANFLOW_CLI_MOMENT_H
#define SPANFLOW_CLI_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/error.h"

enum { MOMENT_TEXT_MAX = 48 };

/*
 * TEXT as a date-and-time of RFC 3339 in UTC, in MOMENT: what is one already (2026-03-01T12:00:00Z,
 * with an offset too), the same without zone, or a day alone, by the clock of this machine
 * (2026-03-01 12:00, 2026-03-01), "now", or how long before NOW it was (-90s, -10m, -2h, -3d). A
 * day or a minute alone is its begin, or its end if END. False and ERROR with what is possible.
 */
bool moment_read(const char *text, time_t now, bool end, char moment[MOMENT_TEXT_MAX],
                 struct error *error);

#endif
