/* Collects lines for the operator. See source_notes.h. */
#include "packet/source_notes.h"

#include <stdio.h>

void source_note(struct source_notes *notes, const char *format, ...)
{
    if (!notes || notes->count == SOURCE_NOTES_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(notes->lines[notes->count], sizeof notes->lines[0], format, arguments);
    va_end(arguments);
    notes->count++;
}
