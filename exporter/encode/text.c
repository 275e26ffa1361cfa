/*
 * Numbers and addresses as text. See text.h.
 */
#include "encode/text.h"

#include <stdbool.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

#define TEN(d) #d "0" #d "1" #d "2" #d "3" #d "4" #d "5" #d "6" #d "7" #d "8" #d "9"
static const char digit_pairs[] =
    TEN(0) TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) TEN(8) TEN(9);

char *text_u64(char *out, uint64_t value)
{
    char buffer[TEXT_U64_MAX];
    char *at = buffer + sizeof buffer;
    while (value >= 100) {
        at -= 2;
        memcpy(at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, digit_pairs + value * 2, 2);
    } else {
        *--at = (char)('0' + value);
    }
    unsigned length = (unsigned)(buffer + sizeof buffer - at);
    memcpy(out, at, length);
    return out + length;
}

static char *text_octet(char *out, unsigned value)
{
    if (value >= 100) {
        *out++ = (char)('0' + value / 100);
        memcpy(out, digit_pairs + value % 100 * 2, 2);
        return out + 2;
    }
    if (value >= 10) {
        memcpy(out, digit_pairs + value * 2, 2);
        return out + 2;
    }
    *out++ = (char)('0' + value);
    return out;
}

char *text_ipv4(char *out, const uint8_t *address)
{
    out = text_octet(out, address[0]);
    *out++ = '.';
    out = text_octet(out, address[1]);
    *out++ = '.';
    out = text_octet(out, address[2]);
    *out++ = '.';
    return text_octet(out, address[3]);
}

static char *text_group(char *out, unsigned group)
{
    if (group >= 0x1000)
        *out++ = hex_digits[group >> 12];
    if (group >= 0x100)
        *out++ = hex_digits[group >> 8 & 15];
    if (group >= 0x10)
        *out++ = hex_digits[group >> 4 & 15];
    *out++ = hex_digits[group & 15];
    return out;
}

char *text_ipv6(char *out, const uint8_t *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(address, mapped, sizeof mapped) == 0) {
        memcpy(out, "::ffff:", 7);
        return text_ipv4(out + 7, address + 12);
    }
    unsigned groups[8], best = 8, best_length = 1;
    for (unsigned i = 0; i < 8; i++)
        groups[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
    for (unsigned i = 0; i < 8; i++) {
        unsigned length = 0;
        while (i + length < 8 && groups[i + length] == 0)
            length++;
        if (length > best_length) {
            best = i;
            best_length = length;
        }
        i += length;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i == best) {
            *out++ = ':';
            i += best_length - 1;
            if (i == 7)
                *out++ = ':';
            continue;
        }
        if (i)
            *out++ = ':';
        out = text_group(out, groups[i]);
    }
    return out;
}

char *text_hex(char *out, const uint8_t *octets, unsigned count, char separator)
{
    for (unsigned i = 0; i < count; i++) {
        if (i && separator)
            *out++ = separator;
        *out++ = hex_digits[octets[i] >> 4];
        *out++ = hex_digits[octets[i] & 15];
    }
    return out;
}
