/*
 * Fuzz target: the input is what a NETCONF client sends; its first octet chooses the framing and
 * how the rest is cut into pieces. However it is cut, the same messages come out, or the same end;
 * what comes out is text, not too long and not too deep.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netconf/framing_guard.h"
#include "netconf/utf8.h"
#include "netconf/xml_depth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES = 7 };

static void expect(bool condition)
{
    if (!condition)
        abort();
}

/* What came out, without keeping it. */
struct result {
    size_t messages;
    uint64_t hash;
    bool refused;
};

static void look_at(const struct framing_guard *guard, size_t maximum, struct result *result)
{
    expect(guard->length <= maximum);
    expect(utf8_valid(guard->message, guard->length));
    expect(!memchr(guard->message, '\0', guard->length));
    expect(xml_shape(guard->message, guard->length).depth <= GUARD_DEPTH_MAX);
    result->messages++;
    for (size_t i = 0; i < guard->length; i++)
        result->hash = (result->hash ^ (uint8_t)guard->message[i]) * 1099511628211U;
}

static struct result feed(const char *text, size_t size, unsigned choice, size_t piece)
{
    struct result result = {0};
    struct framing_guard guard;
    size_t maximum = GUARD_HELLO_MAX;
    framing_guard_init(&guard);
    if (choice % 3 > 0) {
        framing_guard_after_hello(&guard, choice % 3 == 1 ? GUARD_CHUNKED : GUARD_END_OF_MESSAGE);
        maximum = GUARD_MESSAGE_MAX;
    }
    for (size_t at = 0; at < size && !result.refused;) {
        size_t used = 0;
        size_t now = size - at < piece ? size - at : piece;
        struct error error;
        enum guard_answer answer = framing_guard_take(&guard, text + at, now, &used, &error);
        expect(used <= now && (answer != GUARD_MORE || used == now));
        expect(guard.capacity <= 2 * (guard.length + 4096));
        at += used;
        result.refused = answer == GUARD_REFUSED;
        if (answer == GUARD_MESSAGE)
            look_at(&guard, maximum, &result);
    }
    framing_guard_clear(&guard);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    struct result whole = feed(text, size - 1, data[0], size);
    struct result pieces = feed(text, size - 1, data[0], 1 + data[0] % PIECES);
    expect(whole.messages == pieces.messages && whole.hash == pieces.hash &&
           whole.refused == pieces.refused);
    return 0;
}
