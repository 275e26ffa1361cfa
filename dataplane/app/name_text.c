/* Cleans names. See name_text.h. */
#include "app/name_text.h"

#include "app/name_read.h"

static const uint8_t replacement[] = {0xef, 0xbf, 0xbd}; /* U+FFFD */

#define OCTETS_MAX(symbol, key, side, octets, help) octets,
static const uint8_t octets_max[NAME_TYPE_COUNT] = {NAME_TYPES(OCTETS_MAX)};

static bool is_domain(enum name_type type)
{
    return type == NAME_TLS_SERVER_NAME || type == NAME_HTTP_HOST || type == NAME_DNS_QUERY_NAME;
}

/* A piece of the text that stays together. */
struct unit {
    uint32_t taken; /* octets of the text */
    uint32_t octets;
    const uint8_t *text; /* what they become */
};

/* What the first octet of a character of several octets permits as the second (RFC 3629 section 4),
 * and how many octets there are. */
static uint32_t shape_of(uint8_t first, uint8_t *least, uint8_t *most)
{
    *least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Whether a character of two or three octets controls the line or the direction of writing: C1,
 * U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069, U+FEFF. */
static bool is_control(const uint8_t *text, uint32_t octets)
{
    if (octets == 2)
        return (text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xd8 && text[1] == 0x9c);
    if (octets != 3)
        return false;
    uint32_t last = (uint32_t)text[1] << 8 | text[2];
    return (text[0] == 0xe2 &&
            (last == 0x808e || last == 0x808f || (last >= 0x80a8 && last <= 0x80ae) ||
             (last >= 0x81a6 && last <= 0x81a9))) ||
           (text[0] == 0xef && last == 0xbbbf);
}

/* The character of several octets that begins SPAN. Of a broken one each octet counts for itself,
 * but those that could have gone on are taken with it. */
static struct unit wide_unit(struct name_span span)
{
    uint8_t least, most;
    uint32_t octets = shape_of(span.text[0], &least, &most), taken = 1;
    while (taken < octets && taken < span.octets && span.text[taken] >= least &&
           span.text[taken] <= most) {
        least = 0x80;
        most = 0xbf;
        taken++;
    }
    if (taken == octets && !is_control(span.text, octets))
        return (struct unit){taken, taken, span.text};
    return (struct unit){taken, sizeof replacement, replacement};
}

static bool is_printable_ascii(uint8_t octet)
{
    return octet >= 0x20 && octet < 0x7f;
}

static struct unit next_unit(struct name_span span, bool domain)
{
    uint8_t first = span.text[0];
    if (first >= 0x80)
        return wide_unit(span);
    if (first == '\t')
        return (struct unit){1, 1, (const uint8_t *)" "};
    if (!is_printable_ascii(first))
        return (struct unit){1, sizeof replacement, replacement};
    if (domain && first == '\\' && span.octets > 1 && is_printable_ascii(span.text[1])) {
        uint32_t digits = 1;
        while (digits < 4 && digits < span.octets && name_is_digit(span.text[digits]))
            digits++;
        uint32_t octets = digits == 4 ? 4 : 2;
        return (struct unit){octets, octets, span.text};
    }
    return (struct unit){1, 1, span.text};
}

/* How many of the OCTETS octets stay without blanks and, of a domain name, dots at the end. */
static uint32_t trimmed(const uint8_t *text, uint32_t octets, bool domain)
{
    while (octets > 0) {
        uint8_t last = text[octets - 1];
        bool dot = domain && last == '.' && octets > 1 && text[octets - 2] != '\\';
        if (last > ' ' && !dot)
            break;
        octets--;
    }
    return octets;
}

uint32_t name_text_clean(enum name_type type, const uint8_t *text, uint32_t octets,
                         uint8_t out[NAME_OCTETS_MAX])
{
    bool domain = is_domain(type);
    uint32_t used = 0, max = octets_max[type];
    struct name_span rest = {text, trimmed(text, octets, false), true};
    while (rest.octets > 0 && rest.text[0] <= ' ')
        rest = name_behind(rest, 1);
    while (rest.octets > 0) {
        struct unit unit = next_unit(rest, domain);
        if (used + unit.octets > max)
            break;
        for (uint32_t i = 0; i < unit.octets; i++)
            out[used++] = domain ? name_small(unit.text[i]) : unit.text[i];
        rest = name_behind(rest, unit.taken);
    }
    return trimmed(out, used, domain);
}

uint32_t name_text_host(const uint8_t *text, uint32_t octets)
{
    const uint8_t *colon = NULL;
    if (octets > 0 && text[0] == '[') {
        const uint8_t *bracket = memchr(text, ']', octets);
        return bracket ? (uint32_t)(bracket - text) + 1 : octets;
    }
    if (octets > 0)
        colon = memchr(text, ':', octets);
    return trimmed(text, colon ? (uint32_t)(colon - text) : octets, true);
}
