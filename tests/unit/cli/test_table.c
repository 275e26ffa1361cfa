/*
 * Tables for people: widths, numbers to the right, no blanks at the ends of lines, short numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table.h"

/* What TABLE prints; freed by the caller. */
static char *printed(struct table *table)
{
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    assert_non_null(file);
    table_end(table, file);
    fclose(file);
    return text;
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
    (void)state;
    struct table table;
    table_begin(&table, "name", "n", "trouble", NULL);
    table_row(&table, "a", "7", "none");
    table_row(&table, "longer", "12.5k", "");
    char *text = printed(&table);
    assert_string_equal(text, "name        n  trouble\n"
                              "a           7  none\n"
                              "longer  12.5k\n");
    free(text);
}

static void empty_cells_leave_no_blanks(void **state)
{
    (void)state;
    struct table table;
    table_begin(&table, "a", "b", "c", NULL);
    table_row(&table, "x", "", "");
    table_row(&table, "", "", "z");
    table_row(&table, "", "", "");
    char *text = printed(&table);
    assert_string_equal(text, "a  b  c\nx\n      z\n\n");
    free(text);
}

static void characters_count_and_not_octets(void **state)
{
    (void)state;
    struct table table;
    table_begin(&table, "name", "x", NULL);
    table_row(&table, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4", "-");
    char *text = printed(&table);
    assert_string_equal(text, "name   x\n\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4  -\n");
    free(text);
}

static void numbers_are_short(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {9999, "9999"},
                 {10000, "10.0k"},
                 {123456, "123.5k"},
                 {12345678, "12.3M"},
                 {9999500, "10.0M"},
                 {1ull << 40, "1099.5G"},
                 {UINT64_MAX, "18.4E"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16];
        assert_string_equal(table_short(cases[i].number, text), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
        cmocka_unit_test(empty_cells_leave_no_blanks),
        cmocka_unit_test(characters_count_and_not_octets),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
