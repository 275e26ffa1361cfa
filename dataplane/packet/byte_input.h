/*
 * Reads a file, a pipe or standard input in large blocks into one buffer. The capture readers
 * look at the bytes in place; bytes stay where they are until the next fill, so that packets of a
 * batch may point into the buffer. Files are read, not mapped: a file that shrinks is then a
 * short read instead of a signal, and the copy lands in the cache the parser reads from next.
 */
#ifndef SPANFLOW_PACKET_BYTE_INPUT_H
#define SPANFLOW_PACKET_BYTE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct byte_input {
    uint8_t *buffer; /* owned */
    size_t capacity;
    size_t begin;           /* first byte not consumed */
    size_t end;             /* behind the last byte read */
    uint64_t buffer_offset; /* where buffer[0] stands in the input */
    uint64_t size_at_open;  /* regular files only */
    int descriptor;
    bool regular; /* a read never waits */
    bool owned;   /* the descriptor is closed at the end */
};

enum byte_input_status {
    INPUT_FILLED, /* at least one more byte is there */
    INPUT_WAIT,   /* nothing yet: a pipe whose writer is slow */
    INPUT_ENDED,  /* no more bytes will come */
    INPUT_SHRANK, /* ended before the length that the file had when it was opened */
    INPUT_FAILED  /* errno tells why */
};

/* Opens PATH ("-" is standard input) into INPUT, which byte_input_close() frees. False with one
 * line in ERROR. Control thread. */
bool byte_input_open(struct byte_input *input, const char *path, struct error *error);

/* Moves the unconsumed bytes to the front of the buffer, which can hold NEED bytes afterwards,
 * and reads once. Pointers into the buffer die. Never blocks on a pipe. Worker thread. */
enum byte_input_status byte_input_fill(struct byte_input *input, size_t need);

/* Frees the buffer and closes the descriptor. */
void byte_input_close(struct byte_input *input);

/* Bytes in the buffer that are not consumed. */
static inline size_t byte_input_left(const struct byte_input *input)
{
    return input->end - input->begin;
}

/* Where the next unconsumed byte stands in the input. */
static inline uint64_t byte_input_position(const struct byte_input *input)
{
    return input->buffer_offset + input->begin;
}

#endif
