/*
 * Nesting and numbers of XML elements. One pass, no memory, no recursion.
 */
#include "xml_depth.h"

#include <stdbool.h>
#include <string.h>

enum { COUNTED_MAX = 256 }; /* deeper messages are refused */

static bool starts_with(const char *at, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - at) >= length && memcmp(at, word, length) == 0;
}

/* The octet after the next WORD, or END. */
static const char *after(const char *at, const char *end, const char *word)
{
    const char *found = memmem(at, (size_t)(end - at), word, strlen(word));
    return found ? found + strlen(word) : end;
}

/* The octet after the tag that begins at AT; *EMPTY if it closes itself. */
static const char *after_tag(const char *at, const char *end, bool *empty)
{
    char quote = '\0';
    *empty = false;
    for (at++; at < end; at++) {
        if (quote) {
            if (*at == quote)
                quote = '\0';
        } else if (*at == '"' || *at == '\'') {
            quote = *at;
        } else if (*at == '>') {
            *empty = at[-1] == '/';
            return at + 1;
        }
    }
    return end;
}

struct xml_shape xml_shape(const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = text;
    struct xml_shape shape = {0};
    size_t depth = 0;
    size_t counts[COUNTED_MAX + 1] = {0}; /* of elements so far in the one that is open there */
    while (at < end && (at = memchr(at, '<', (size_t)(end - at))) != NULL) {
        if (starts_with(at, end, "<!--")) {
            at = after(at + 4, end, "-->");
        } else if (starts_with(at, end, "<![CDATA[")) {
            at = after(at, end, "]]>");
        } else if (starts_with(at, end, "<?")) {
            at = after(at, end, "?>");
        } else if (starts_with(at, end, "</")) {
            depth -= depth > 0;
            at = after(at, end, ">");
        } else {
            bool empty;
            at = after_tag(at, end, &empty);
            size_t count = depth < COUNTED_MAX ? ++counts[depth] : 0;
            if (depth < COUNTED_MAX)
                counts[depth + 1] = 0;
            if (count > shape.widest)
                shape.widest = count;
            if (depth + 1 > shape.depth)
                shape.depth = depth + 1;
            depth += !empty;
        }
    }
    return shape;
}
