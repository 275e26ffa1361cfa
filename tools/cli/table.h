/*
 * Tables for people: columns as wide as what is in them, numbers to the right. Rows are kept until
 * the end. Main thread.
 */
#ifndef SPANFLOW_CLI_TABLE_H
#define SPANFLOW_CLI_TABLE_H

#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
    unsigned columns;
    size_t rows, room;
    char **cells; /* rows * columns, the head first */
};

/* Starts a table whose columns have these heads; the last argument is NULL. */
void table_begin(struct table *table, ...);
/* Adds a row: as many texts as there are columns. They are copied. */
void table_row(struct table *table, ...);
/* Prints the table to FILE and frees it. */
void table_end(struct table *table, FILE *file);
/* Frees it unprinted. */
void table_drop(struct table *table);

/* A number of at most five digits and a letter for its size, as 12.3M. Returns TEXT. */
const char *table_short(uint64_t number, char text[16]);

#endif
