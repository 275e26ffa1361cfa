/* Called by everything here that prints XML. */
#include "xml_text.h"

#include <string.h>

#include "utf8.h"

/* How many octets the character at TEXT has; 0 if no XML can hold it. */
static size_t character_length(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 1)
        return first >= ' ' || strchr("\t\n\r", first) ? 1 : 0;
    return strnlen(text, length) == length && utf8_valid(text, length) ? length : 0;
}

void xml_text_put(FILE *file, const char *text)
{
    while (*text) {
        size_t length = character_length(text);
        if (!length)
            fputc('?', file);
        else if (*text == '<')
            fputs("&lt;", file);
        else if (*text == '&')
            fputs("&amp;", file);
        else if (*text == '>')
            fputs("&gt;", file);
        else
            fwrite(text, 1, length, file);
        text += length ? length : 1;
    }
}
