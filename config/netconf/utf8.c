/*
 * UTF-8, character by character.
 */
#include "utf8.h"

#include <stdint.h>

/* The octets of the character that begins with FIRST, and the least value it may have; 0 if none
 * begins so. */
static size_t length_of(unsigned char first, uint32_t *least)
{
    if (first < 0x80) {
        *least = 0;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        *least = 0x80;
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *least = 0x800;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *least = 0x10000;
        return 4;
    }
    return 0;
}

bool utf8_valid(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + length;
    while (at < end) {
        uint32_t least;
        size_t octets = length_of(*at, &least);
        if (octets == 0 || octets > (size_t)(end - at))
            return false;
        uint32_t value = octets == 1 ? *at : (uint32_t)(*at & (0x7f >> octets));
        for (size_t i = 1; i < octets; i++) {
            if ((at[i] & 0xc0) != 0x80)
                return false;
            value = value << 6 | (uint32_t)(at[i] & 0x3f);
        }
        if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return false;
        at += octets;
    }
    return true;
}
