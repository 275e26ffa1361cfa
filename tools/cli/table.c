/* Tables. A program that prints one and ends: running out of memory ends it with a line. */
#include "table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (memory)
        return memory;
    fprintf(stderr, "spanflow: no memory for a table\n");
    exit(1);
}

static void add_row(struct table *table, va_list *texts)
{
    if ((table->rows + 1) * table->columns > table->room) {
        table->room = (table->rows + 16) * 2 * table->columns;
        table->cells = must(realloc(table->cells, table->room * sizeof *table->cells));
    }
    for (unsigned c = 0; c < table->columns; c++) {
        const char *text = va_arg(*texts, const char *);
        table->cells[table->rows * table->columns + c] = must(strdup(text ? text : ""));
    }
    table->rows++;
}

void table_begin(struct table *table, ...)
{
    va_list heads, again;
    memset(table, 0, sizeof *table);
    va_start(heads, table);
    va_copy(again, heads);
    while (table->columns < TABLE_COLUMNS_MAX && va_arg(heads, const char *))
        table->columns++;
    add_row(table, &again);
    va_end(again);
    va_end(heads);
}

void table_row(struct table *table, ...)
{
    va_list texts;
    va_start(texts, table);
    add_row(table, &texts);
    va_end(texts);
}

static bool is_number(const char *text)
{
    return isdigit((unsigned char)text[0]) && text[strspn(text, "0123456789.kMGT%")] == 0;
}

/* Columns of numbers stand to the right: those in which every cell but the head is one. */
static bool to_the_right(const struct table *table, unsigned column)
{
    for (size_t r = 1; r < table->rows; r++) {
        const char *cell = table->cells[r * table->columns + column];
        if (cell[0] && strcmp(cell, "-") != 0 && !is_number(cell))
            return false;
    }
    return true;
}

/* How many places TEXT takes: octets that go on a UTF-8 character take none. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static int column_width(const struct table *table, unsigned column)
{
    int widest = 0;
    for (size_t r = 0; r < table->rows; r++) {
        int width = width_of(table->cells[r * table->columns + column]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* Prints CELL in a column WIDTH wide. *BLANKS, which were left over before it, are printed only if
 * something comes behind them, so that no line ends in blanks. */
static void print_cell(FILE *file, const char *cell, int width, bool right, int *blanks)
{
    int space = width - width_of(cell);
    if (cell[0])
        fprintf(file, "%*s%s", *blanks + (right ? space : 0), "", cell);
    *blanks = 2 + (cell[0] ? (right ? 0 : space) : *blanks + width);
}

void table_end(struct table *table, FILE *file)
{
    int widths[TABLE_COLUMNS_MAX];
    bool right[TABLE_COLUMNS_MAX];
    for (unsigned c = 0; c < table->columns; c++) {
        widths[c] = column_width(table, c);
        right[c] = to_the_right(table, c);
    }
    for (size_t r = 0; r < table->rows; r++) {
        int blanks = 0;
        for (unsigned c = 0; c < table->columns; c++)
            print_cell(file, table->cells[r * table->columns + c], widths[c], right[c], &blanks);
        putc('\n', file);
    }
    table_drop(table);
}

void table_drop(struct table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    memset(table, 0, sizeof *table);
}

const char *table_short(uint64_t number, char text[16])
{
    static const char letters[] = "kMGTPE";
    double value = (double)number;
    int letter = -1;
    for (; value >= 9999.5 && letters[letter + 1]; letter++)
        value /= 1000;
    if (letter < 0)
        snprintf(text, 16, "%llu", (unsigned long long)number);
    else
        snprintf(text, 16, "%.1f%c", value, letters[letter]);
    return text;
}
