/* Characters that can be told. See plain_text.h. */
#include "base/plain_text.h"

#include <stdint.h>

/* See the header; of a character of several octets (RFC 3629 section 4). */
static unsigned wide_character(const uint8_t *text)
{
    uint8_t least = 0x80, most = 0xbf;
    unsigned octets = 0;
    if (text[0] >= 0xc2 && text[0] <= 0xdf)
        octets = 2;
    else if (text[0] >= 0xe0 && text[0] <= 0xef)
        octets = 3;
    else if (text[0] >= 0xf0 && text[0] <= 0xf4)
        octets = 4;
    if (text[0] == 0xe0 || text[0] == 0xf0)
        least = text[0] == 0xe0 ? 0xa0 : 0x90;
    if (text[0] == 0xed || text[0] == 0xf4)
        most = text[0] == 0xed ? 0x9f : 0x8f;
    for (unsigned i = 1; i < octets; i++) {
        if (text[i] < least || text[i] > most)
            return 0;
        least = 0x80;
        most = 0xbf;
    }
    uint32_t last = octets == 3 ? (uint32_t)text[1] << 8 | text[2] : 0;
    bool control = (text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xd8 && text[1] == 0x9c) ||
                   (text[0] == 0xe2 &&
                    ((last >= 0x808e && last <= 0x808f) || (last >= 0x80a8 && last <= 0x80ae) ||
                     (last >= 0x81a6 && last <= 0x81a9))) ||
                   (text[0] == 0xef && (last == 0xbbbf || last >= 0xbfbe));
    return control ? 0 : octets;
}

unsigned plain_text_octets(const char *text)
{
    const uint8_t *octets = (const uint8_t *)text;
    return *octets >= ' ' && *octets < 0x7f ? 1 : wide_character(octets);
}

bool plain_text_is(const char *text)
{
    while (*text) {
        unsigned octets = plain_text_octets(text);
        if (octets == 0)
            return false;
        text += octets;
    }
    return true;
}
