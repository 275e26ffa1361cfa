/*
 * Files of watch lists: text, one entry on a line, with # for comments on lines of their own or
 * behind an entry. A file is taken whole or not at all.
 */
#ifndef SPANFLOW_DETECT_WATCH_FILE_H
#define SPANFLOW_DETECT_WATCH_FILE_H

#include "detect/watch_set.h"

enum { WATCH_LINE_MAX = 1024 };

/* A line: its first word, and what stands behind it but for a comment. Neither ends in NUL. */
struct watch_line {
    const char *entry;
    const char *rest;
    uint32_t octets; /* of the entry, 1 at least */
    uint32_t rest_octets;
};

/* What is done with each line that has an entry. False and ERROR, which says what is wrong with it
 * and not where. */
typedef bool watch_entry(void *context, const struct watch_line *line, struct error *error);

/* Calls TAKE for each entry of the file PATH. False and ERROR, with file and line, at the first
 * that is refused or if it cannot be read. One thread. */
bool watch_file_read(const char *path, watch_entry *take, void *context, struct error *error);

/* The same for OCTETS of TEXT, which WHERE names. */
bool watch_text_read(const char *text, size_t octets, const char *where, watch_entry *take,
                     void *context, struct error *error);

/* Adds the entries of the file PATH to list I of BUILDER. */
bool watch_file_add(struct watch_builder *builder, uint32_t i, const char *path,
                    struct error *error);

#endif
