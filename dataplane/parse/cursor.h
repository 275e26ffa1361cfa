/*
 * The bounds-checked cursor: the only way packet bytes are read. A function asks for N bytes and
 * gets a pointer to N readable bytes, or NULL. The limit only ever shrinks, as length fields of
 * headers are met. Used by the files of parse/ on the worker thread; owns nothing.
 */
#ifndef SPANFLOW_PARSE_CURSOR_H
#define SPANFLOW_PARSE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct cursor {
    const uint8_t *data; /* first captured byte of the frame */
    uint32_t offset;     /* next byte to read, from data */
    uint32_t limit;      /* bytes from data that may be read; never above the captured length */
};

/* Readable bytes from the cursor on. */
static inline uint32_t cursor_left(const struct cursor *cursor)
{
    debug_check(cursor->offset <= cursor->limit);
    return cursor->limit - cursor->offset;
}

/* LENGTH readable bytes at AHEAD bytes from the cursor, or NULL. The cursor stays. */
static inline const uint8_t *cursor_peek(const struct cursor *cursor, uint32_t ahead,
                                         uint32_t length)
{
    if ((uint64_t)ahead + length > cursor_left(cursor))
        return NULL;
    return cursor->data + cursor->offset + ahead;
}

/* The next LENGTH readable bytes, or NULL; the cursor moves behind them. */
static inline const uint8_t *cursor_take(struct cursor *cursor, uint32_t length)
{
    const uint8_t *bytes = cursor_peek(cursor, 0, length);
    if (bytes)
        cursor->offset += length;
    return bytes;
}

/* Whether LENGTH bytes could be skipped; if not, the cursor stays. */
static inline bool cursor_skip(struct cursor *cursor, uint32_t length)
{
    return cursor_take(cursor, length) != NULL;
}

/* Bytes further than LENGTH from the cursor no longer exist. A longer limit changes nothing. */
static inline void cursor_shorten(struct cursor *cursor, uint64_t length)
{
    if (length < cursor_left(cursor))
        cursor->limit = cursor->offset + (uint32_t)length;
}

/* Two bytes in network order, as a number. BYTES came from the cursor. */
static inline uint16_t load_be16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap16(value);
}

/* Four bytes in network order, as a number. */
static inline uint32_t load_be32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap32(value);
}

/* Two bytes as they lie in the packet, for ports of the key. */
static inline uint16_t load_raw16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* Four bytes as they lie in the packet, for IPv4 addresses of the key. */
static inline uint32_t load_raw32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

#endif
