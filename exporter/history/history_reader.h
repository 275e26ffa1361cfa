/*
 * Reads flow records back from files of IPFIX messages (RFC 5655) as this exporter writes them: the
 * inverse of templates and their copying plans. Any field that the table of elements knows comes
 * back to its place in the scratch line (record_values.h); others are skipped, and so are options.
 *
 * A reader has one owner and may be used on any thread. Whatever octets a file holds, they are
 * records, or damage that is told.
 */
#ifndef SPANFLOW_EXPORTER_HISTORY_HISTORY_READER_H
#define SPANFLOW_EXPORTER_HISTORY_HISTORY_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "template/record_values.h"

struct history_reader;

/* One data record. */
struct history_record {
    struct record_values values; /* what the record does not tell is 0 */
    enum time_code time_code;    /* of its start and end */
    uint32_t export_s;           /* of its message, since 1970 */
    bool ipv6;
    bool biflow;    /* the members of the answer are told */
    bool aggregate; /* of prefixes */
    uint32_t name_octets;
    uint8_t names[FLOW_NAMES_OCTETS_MAX]; /* as in flow_names.h, but for the status of HTTP */
};

enum history_next {
    HISTORY_RECORD,
    HISTORY_END,    /* the file is read, or a message at its end is not complete */
    HISTORY_DAMAGED /* ERROR has a line; nothing more comes */
};

/* Opens the file PATH. NULL and ERROR if it cannot be read or memory is short. */
struct history_reader *history_reader_open(const char *path, struct error *error);
/* NULL is good. */
void history_reader_close(struct history_reader *reader);
/* The next record, into RECORD. */
enum history_next history_reader_next(struct history_reader *reader, struct history_record *record,
                                      struct error *error);
/* Octets of the file that were read so far: whole messages. */
uint64_t history_reader_octets(const struct history_reader *reader);
/* Whether it ended inside a message: it is still being written, or was cut. */
bool history_reader_is_torn(const struct history_reader *reader);

#endif
