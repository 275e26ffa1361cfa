/* Opening, filling and describing one capture file. See capture_file.h. */
#include "packet/capture_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAGIC_BYTES = 4 };

bool capture_file_open(struct capture_file *file, const char *path, struct error *error)
{
    memset(file, 0, sizeof *file);
    if (!byte_input_open(&file->input, path, error))
        return false;
    file->path = strdup(path);
    if (!file->path) {
        error_set(error, "%s: no memory", path);
        byte_input_close(&file->input);
        return false;
    }
    return true;
}

enum capture_step capture_file_damaged(struct capture_file *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(file->damage, sizeof file->damage, format, arguments);
    va_end(arguments);
    return CAPTURE_DAMAGED;
}

/* Tells the format by the first bytes. */
static enum capture_step start(struct capture_file *file)
{
    if (byte_input_left(&file->input) < MAGIC_BYTES)
        return capture_file_needs(file, MAGIC_BYTES);
    const uint8_t *bytes = file->input.buffer + file->input.begin;
    if (pcap_reader_knows(bytes))
        return pcap_reader_start(file);
    if (pcapng_reader_knows(bytes))
        return pcapng_reader_start(file);
    file->not_a_capture = true;
    if (bytes[0] == 0x1f && bytes[1] == 0x8b)
        return capture_file_damaged(file, "compressed with gzip; pipe it in: zcat FILE | ... -r -");
    return capture_file_damaged(file, "neither pcap nor pcapng");
}

/* The input is at its end although the reader wants more. */
static enum capture_state ended(struct capture_file *file)
{
    size_t left = byte_input_left(&file->input);
    bool whole = left == 0 && file->peek && !file->section.inside;
    if (whole)
        return CAPTURE_ENDED;
    capture_file_damaged(file, "the file ends inside a %s of at least %zu bytes",
                         file->peek ? "record" : "file header", file->need);
    return CAPTURE_BROKEN;
}

enum capture_state capture_file_prepare(struct capture_file *file)
{
    for (;;) {
        enum capture_step step = file->peek ? file->peek(file) : start(file);
        if (step == CAPTURE_PACKET)
            return CAPTURE_READY;
        if (step == CAPTURE_DAMAGED)
            return CAPTURE_BROKEN;
        switch (byte_input_fill(&file->input, file->need)) {
        case INPUT_FILLED:
            break;
        case INPUT_WAIT:
            return CAPTURE_WAITING;
        case INPUT_ENDED:
            return ended(file);
        case INPUT_SHRANK:
            capture_file_damaged(file, "the file became shorter while it was read");
            return CAPTURE_BROKEN;
        case INPUT_FAILED:
            capture_file_damaged(file, "cannot read: %s", strerror(errno));
            return CAPTURE_BROKEN;
        }
    }
}

void capture_file_describe(const struct capture_file *file, struct error *line)
{
    if (file->not_a_capture)
        error_set(line, "%s: not a capture file: %s", file->path, file->damage);
    else
        error_set(line, "%s: damaged at offset %" PRIu64 ": %s", file->path,
                  byte_input_position(&file->input), file->damage);
}

void capture_file_close(struct capture_file *file)
{
    pcapng_reader_close(file);
    byte_input_close(&file->input);
    free(file->path);
    file->path = NULL;
}
