/* Points of time. */
#include "moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(const char *text, struct error *error)
{
    error_set(error,
              "'%.64s' is no time; give 2026-03-01T12:00:00Z, '2026-03-01 12:00' by the clock of "
              "this machine, now, or -90s, -10m, -2h, -3d before now",
              text);
    return false;
}

/* SECONDS since 1970 and what stands behind them, such as ".5". */
static bool write(time_t seconds, const char *fraction, char moment[MOMENT_TEXT_MAX])
{
    struct tm parts;
    char whole[32];
    if (seconds < 0 || !gmtime_r(&seconds, &parts) ||
        strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return false;
    snprintf(moment, MOMENT_TEXT_MAX, "%s%.12sZ", whole, fraction);
    return true;
}

/* "-2h": seconds before; false if TEXT is nothing of the kind. */
static bool read_ago(const char *text, time_t *ago)
{
    static const char letters[] = "smhd";
    static const time_t units[] = {1, 60, 3600, 86400};
    char *rest;
    if (text[0] != '-' || text[1] < '0' || text[1] > '9')
        return false;
    unsigned long number = strtoul(text + 1, &rest, 10);
    const char *letter = *rest ? strchr(letters, *rest) : NULL;
    if (!letter || rest[1] || number > 1000000000)
        return false;
    *ago = (time_t)number * units[letter - letters];
    return true;
}

/* What stands behind the seconds: a fraction, then Z or an offset (*ZONED) or nothing. */
static bool read_rest(const char *text, char fraction[16], bool *zoned, long *east)
{
    size_t length = text[0] == '.' ? 1 + strspn(text + 1, "0123456789") : 0;
    if (length == 1)
        return false;
    snprintf(fraction, 16, "%.*s", (int)(length < 10 ? length : 10), text);
    text += length;
    *zoned = text[0] != 0;
    *east = 0;
    if (!text[0] || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    int hours, minutes, used = 0;
    char sign;
    if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || text[used] ||
        (sign != '+' && sign != '-') || hours < 0 || minutes < 0 || hours > 23 || minutes > 59)
        return false;
    *east = (hours * 3600L + minutes * 60L) * (sign == '-' ? -1 : 1);
    return true;
}

/* The longest of the forms that TEXT begins with; *STEP is what a time without the rest stands for.
 * NULL: none. */
static const char *read_forms(const char *text, struct tm *parts, long *step)
{
    static const struct {
        const char *form;
        long step;
    } forms[] = {{"%Y-%m-%dT%H:%M:%S", 1},
                 {"%Y-%m-%d %H:%M:%S", 1},
                 {"%Y-%m-%dT%H:%M", 60},
                 {"%Y-%m-%d %H:%M", 60},
                 {"%Y-%m-%d", 86400}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        *parts = (struct tm){.tm_isdst = -1};
        const char *rest = strptime(text, forms[i].form, parts);
        *step = forms[i].step;
        if (rest && (*step < 86400 || !*rest))
            return rest;
    }
    return NULL;
}

bool moment_read(const char *text, time_t now, bool end, char moment[MOMENT_TEXT_MAX],
                 struct error *error)
{
    time_t ago = 0;
    struct tm parts;
    char fraction[16];
    bool zoned;
    long east, step;
    if (strcmp(text, "now") == 0 || read_ago(text, &ago))
        return write(now - ago, "", moment) || refuse(text, error);
    const char *rest = read_forms(text, &parts, &step);
    if (!rest || !read_rest(rest, fraction, &zoned, &east))
        return refuse(text, error);
    time_t seconds = zoned ? timegm(&parts) - east : mktime(&parts);
    if (end && !fraction[0]) {
        seconds += step - 1;
        snprintf(fraction, sizeof fraction, ".999999999");
    }
    return write(seconds, fraction, moment) || refuse(text, error);
}
