/* Rows of the doctor. */
#include "findings.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

static const char *const finding_names[] = {"good", "note", "bad"};

void findings_add(struct findings *findings, enum finding finding, const char *subject,
                  const char *format, ...)
{
    bool last = findings->count + 1 == FINDINGS_MAX;
    if (findings->count == FINDINGS_MAX)
        return;
    unsigned row = findings->count++;
    findings->rows[row].finding = last ? FINDING_NOTE : finding;
    snprintf(findings->rows[row].subject, sizeof findings->rows[row].subject, "%s",
             last ? "doctor" : subject);
    va_list values;
    va_start(values, format);
    if (last)
        snprintf(findings->rows[row].text, sizeof findings->rows[row].text,
                 "more was found than is shown here");
    else
        vsnprintf(findings->rows[row].text, sizeof findings->rows[row].text, format, values);
    va_end(values);
}

static void print_json(const struct findings *findings)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < findings->count; i++)
        json_array_append_new(
            rows, json_pack("{ssssss}", "finding", finding_names[findings->rows[i].finding],
                            "subject", findings->rows[i].subject, "text", findings->rows[i].text));
    json_dumpf(rows, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(rows);
}

bool findings_print(const struct findings *findings, bool json)
{
    bool good = true;
    for (unsigned i = 0; i < findings->count; i++)
        good = good && findings->rows[i].finding != FINDING_BAD;
    if (json) {
        print_json(findings);
        return good;
    }
    struct table table;
    table_begin(&table, "", "what", "found", NULL);
    for (unsigned i = 0; i < findings->count; i++)
        table_row(&table, finding_names[findings->rows[i].finding], findings->rows[i].subject,
                  findings->rows[i].text);
    table_end(&table, stdout);
    return good;
}
