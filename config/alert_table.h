/*
 * The alerts that are held for whoever asks: a table of bounded size. Findings of one rule or list
 * between the same two hosts, with the same port of the server, are one row with a count; the row
 * whose last finding is the oldest makes room.
 *
 * Control thread.
 */
#ifndef SPANFLOW_CONFIG_ALERT_TABLE_H
#define SPANFLOW_CONFIG_ALERT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "worker/alert_ring.h"

enum { ALERT_FREEZE_OCTETS = 64 }; /* of the name of a freeze, with the closing NUL */

struct alert_row {
    struct alert newest;
    uint64_t first_ns; /* packet times */
    uint64_t last_ns;
    uint64_t count; /* findings */
    /* Of whoever tells of it; 0 in a new row. */
    uint64_t told_ns; /* monotonic */
    uint64_t told_count;
    char freeze[ALERT_FREEZE_OCTETS]; /* that holds packets around it; "": none */
};

struct alert_table;

/* For ROWS_MAX rows. NULL and ERROR if memory is short. */
struct alert_table *alert_table_create(uint32_t rows_max, struct error *error);
void alert_table_destroy(struct alert_table *table);

/* From now on for ROWS_MAX; the newest rows stay. False if memory is short: nothing has changed. */
bool alert_table_resize(struct alert_table *table, uint32_t rows_max);

/* Takes ALERT in. Its row is valid until the next change of the table; its count is 1 if it is new.
 */
struct alert_row *alert_table_add(struct alert_table *table, const struct alert *alert);

/* Rows that there are. */
uint32_t alert_table_count(const struct alert_table *table);
/* Rows that made room for newer ones. */
uint64_t alert_table_replaced(const struct alert_table *table);

/* The row with the newest finding, and the next older one; NULL if there is none. */
const struct alert_row *alert_table_newest(const struct alert_table *table);
const struct alert_row *alert_table_older(const struct alert_table *table,
                                          const struct alert_row *row);

#endif
