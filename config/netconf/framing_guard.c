/*
 * The two framings of RFC 6242 as a state machine, with bounds.
 */
#include "framing_guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "utf8.h"
#include "xml_depth.h"

static const char end_of_message[] = "]]>]]>";

enum {
    END_LENGTH = sizeof(end_of_message) - 1,
    KEPT_CAPACITY = 64 * 1024, /* memory that stays for the next message */
    DIGITS_MAX = 10,           /* of a chunk's size */
};

/* Where in chunk = LF HASH size LF data, or LF HASH HASH LF. */
enum chunk_state {
    CHUNK_FEED,
    CHUNK_HASH,
    CHUNK_FIRST,
    CHUNK_DIGITS,
    CHUNK_DATA,
    CHUNK_END,
};

void framing_guard_init(struct framing_guard *guard)
{
    *guard =
        (struct framing_guard){.framing = GUARD_END_OF_MESSAGE, .message_max = GUARD_HELLO_MAX};
}

void framing_guard_clear(struct framing_guard *guard)
{
    free(guard->message);
    guard->message = NULL;
    guard->capacity = 0;
    guard->length = 0;
}

void framing_guard_after_hello(struct framing_guard *guard, enum guard_framing framing)
{
    guard->framing = framing;
    guard->message_max = GUARD_MESSAGE_MAX;
}

static bool append(struct framing_guard *guard, const char *data, size_t length,
                   struct error *error)
{
    size_t needed = guard->length + length;
    if (needed > guard->capacity) {
        size_t capacity = guard->capacity ? guard->capacity : 4096;
        while (capacity < needed)
            capacity *= 2;
        char *message = realloc(guard->message, capacity);
        if (!message) {
            error_set(error, "no memory for a message of more than %zu octets", guard->length);
            return false;
        }
        guard->message = message;
        guard->capacity = capacity;
    }
    if (length)
        memcpy(guard->message + guard->length, data, length);
    guard->length = needed;
    return true;
}

static bool too_long(const struct framing_guard *guard, struct error *error)
{
    error_set(error, "a message of more than %zu octets", guard->message_max);
    return false;
}

/* Takes octets up to the delimiter, which may lie across two calls. */
static enum guard_answer take_to_delimiter(struct framing_guard *guard, const char *data,
                                           size_t length, size_t *used, struct error *error)
{
    size_t before = guard->length;
    size_t space = guard->message_max + END_LENGTH - before;
    size_t piece = length < space ? length : space;
    if (!append(guard, data, piece, error))
        return GUARD_REFUSED;
    if (!guard->message) {
        *used = 0;
        return GUARD_MORE; /* there was nothing to take */
    }
    size_t from = before < END_LENGTH - 1 ? 0 : before - (END_LENGTH - 1);
    const char *found =
        memmem(guard->message + from, guard->length - from, end_of_message, END_LENGTH);
    if (found) {
        guard->length = (size_t)(found - guard->message);
        *used = guard->length + END_LENGTH - before;
        return GUARD_MESSAGE;
    }
    *used = piece;
    if (piece == space) {
        too_long(guard, error);
        return GUARD_REFUSED;
    }
    return GUARD_MORE;
}

static bool not_framing(struct error *error, char octet)
{
    error_set(error, "octet 0x%02x where chunked framing (RFC 6242, section 4.2) has none",
              (unsigned)(unsigned char)octet);
    return false;
}

/* The size is complete. */
static bool begin_chunk(struct framing_guard *guard, struct error *error)
{
    if (guard->chunk > UINT32_MAX) {
        error_set(error, "a chunk of %" PRIu64 " octets, at most 4294967295 can be", guard->chunk);
        return false;
    }
    if (guard->chunk > guard->message_max - guard->length)
        return too_long(guard, error);
    guard->chunks = guard->chunks < 2 ? guard->chunks + 1 : 2;
    guard->state = CHUNK_DATA;
    return true;
}

static bool size_digit(struct framing_guard *guard, char octet, struct error *error)
{
    if (octet < '0' || octet > '9')
        return not_framing(error, octet);
    if (guard->digits == 0 && octet == '0') {
        error_set(error, "a chunk's size begins with 0");
        return false;
    }
    if (++guard->digits > DIGITS_MAX) {
        error_set(error, "a chunk's size has more than %d digits", DIGITS_MAX);
        return false;
    }
    guard->chunk = guard->chunk * 10 + (uint64_t)(octet - '0');
    guard->state = CHUNK_DIGITS;
    return true;
}

/* One octet outside of data. *DONE: the message is complete. */
static bool take_header(struct framing_guard *guard, char octet, bool *done, struct error *error)
{
    switch (guard->state) {
    case CHUNK_FEED:
        guard->state = CHUNK_HASH;
        return octet == '\n' || not_framing(error, octet);
    case CHUNK_HASH:
        guard->state = CHUNK_FIRST;
        guard->digits = 0;
        guard->chunk = 0;
        return octet == '#' || not_framing(error, octet);
    case CHUNK_FIRST:
        if (octet != '#')
            return size_digit(guard, octet, error);
        guard->state = CHUNK_END;
        return guard->chunks > 0 || not_framing(error, octet);
    case CHUNK_DIGITS:
        return octet == '\n' ? begin_chunk(guard, error) : size_digit(guard, octet, error);
    default:
        guard->state = CHUNK_FEED;
        *done = true;
        return octet == '\n' || not_framing(error, octet);
    }
}

static enum guard_answer take_chunks(struct framing_guard *guard, const char *data, size_t length,
                                     size_t *used, struct error *error)
{
    bool done = false;
    *used = 0;
    while (*used < length && !done) {
        if (guard->state != CHUNK_DATA) {
            if (!take_header(guard, data[*used], &done, error))
                return GUARD_REFUSED;
            ++*used;
            continue;
        }
        size_t piece = length - *used;
        if (piece > guard->chunk)
            piece = (size_t)guard->chunk;
        if (!append(guard, data + *used, piece, error))
            return GUARD_REFUSED;
        *used += piece;
        guard->chunk -= piece;
        if (guard->chunk == 0)
            guard->state = CHUNK_FEED;
    }
    return done ? GUARD_MESSAGE : GUARD_MORE;
}

static void forget_message(struct framing_guard *guard)
{
    if (guard->capacity > KEPT_CAPACITY)
        framing_guard_clear(guard);
    guard->length = 0;
    guard->chunks = 0;
    guard->complete = false;
}

static bool acceptable(const struct framing_guard *guard, struct error *error)
{
    check(guard->message != NULL);
    if (memchr(guard->message, '\0', guard->length)) {
        error_set(error, "a message with a zero octet, which XML cannot have");
        return false;
    }
    if (!utf8_valid(guard->message, guard->length)) {
        error_set(error, "a message that is not UTF-8");
        return false;
    }
    if (xml_shape(guard->message, guard->length).depth > GUARD_DEPTH_MAX) {
        error_set(error, "a message with more than %d elements inside each other", GUARD_DEPTH_MAX);
        return false;
    }
    return true;
}

enum guard_answer framing_guard_take(struct framing_guard *guard, const char *data, size_t length,
                                     size_t *used, struct error *error)
{
    if (guard->complete)
        forget_message(guard);
    enum guard_answer answer = guard->framing == GUARD_CHUNKED
                                   ? take_chunks(guard, data, length, used, error)
                                   : take_to_delimiter(guard, data, length, used, error);
    if (answer != GUARD_MESSAGE)
        return answer;
    guard->complete = true;
    return acceptable(guard, error) ? GUARD_MESSAGE : GUARD_REFUSED;
}

const char *framing_wrap(enum guard_framing framing, size_t length, char header[16])
{
    header[0] = '\0';
    if (framing == GUARD_END_OF_MESSAGE)
        return end_of_message;
    snprintf(header, 16, "\n#%zu\n", length);
    return "\n##\n";
}
