/* Strings and times as JSON. See snapshot_json.h. */
#include "snapshot/snapshot_json.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Octets of the UTF-8 character at TEXT (RFC 3629), 0 if it is none. */
static unsigned character_octets(const unsigned char *text)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        unsigned octets;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (text[0] < rows[i].low || text[0] > rows[i].high)
            continue;
        if (rows[i].octets > 1 && (text[1] < rows[i].second_low || text[1] > rows[i].second_high))
            return 0;
        for (unsigned k = 2; k < rows[i].octets; k++)
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].octets;
    }
    return 0;
}

void snapshot_json_string(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    fputc('"', out);
    while (*at != 0) {
        unsigned octets = character_octets(at);
        if (octets == 0)
            fputc('?', out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, octets, out);
        at += octets == 0 ? 1 : octets;
    }
    fputc('"', out);
}

void snapshot_time_text(uint64_t time_ns, char text[32])
{
    time_t seconds = (time_t)(time_ns / 1000000000u);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, 32 - length, ".%09uZ", (unsigned)(time_ns % 1000000000u));
}
