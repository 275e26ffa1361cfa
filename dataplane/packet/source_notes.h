/*
 * Lines for the operator that are no errors: what a driver refused, which mode was chosen, memory
 * without huge pages. Filled by sources as they start. Control thread.
 */
#ifndef SPANFLOW_PACKET_SOURCE_NOTES_H
#define SPANFLOW_PACKET_SOURCE_NOTES_H

#include <stdarg.h>
#include <stdint.h>

enum { SOURCE_NOTES_MAX = 32 };

struct source_notes {
    uint32_t count; /* at most SOURCE_NOTES_MAX; further lines are left out */
    char lines[SOURCE_NOTES_MAX][256];
};

/* Appends one line. NOTES may be NULL. */
void source_note(struct source_notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
