/*
 * A record that was read back becomes a flow record again, as it came off the record ring: the
 * inverse of record_values_fill(). So it can be sent to any destination in any profile.
 *
 * What profile full does not tell is lost: the high four TCP flags, labels of the answer, and the
 * mark that an active cut came before. Pure functions, any thread.
 */
#ifndef SPANFLOW_EXPORTER_HISTORY_HISTORY_RECORD_H
#define SPANFLOW_EXPORTER_HISTORY_HISTORY_RECORD_H

#include <stdint.h>

#include "flow/flow_record.h"
#include "history/history_reader.h"

/* Interfaces that records came from: what flow_cold.port indexes. */
struct history_interfaces {
    uint32_t count;
    struct export_interface rows[EXPORT_INTERFACES_MAX];
};

/* The lines of a record; those it does not have are zeros. */
struct history_lines {
    struct flow_hot hot;
    struct flow_hot6 hot6;
    struct flow_cold cold;
    struct flow_extra extra;
    uint8_t names[FLOW_NAMES_OCTETS_MAX]; /* extra.name_octets of them */
};

/* Adds the interfaces of RECORD to INTERFACES if they are not there and there is room. */
void history_note_interfaces(struct history_interfaces *interfaces,
                             const struct history_record *record);
/* Turns RECORD into LINES. An interface that is not in INTERFACES becomes none. */
void history_restore(const struct history_record *record,
                     const struct history_interfaces *interfaces, struct history_lines *lines);
/* Leaves in LINES only names that may leave by WANTED: what is in a file may have been wanted
 * otherwise. A file does not tell what is a hash; what looks like one is taken for one. */
void history_keep_names(struct history_lines *lines, const struct flow_names *wanted);
/* When the record's first packet was, since 1970. */
uint64_t history_first_ns(const struct history_record *record);

#endif
