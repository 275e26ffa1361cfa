/* Formatting of one-line errors. */
#include "base/error.h"

#include <stdio.h>

#include "base/plain_text.h"

/* Lines quote files and other people's words: what is no character becomes a question mark. */
static void clean(char *text)
{
    while (*text) {
        unsigned octets = plain_text_octets(text);
        if (octets == 0) {
            *text = *text == '\n' || *text == '\r' || *text == '\t' ? ' ' : '?';
            octets = 1;
        }
        text += octets;
    }
}

void error_set(struct error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    clean(error->text);
}
