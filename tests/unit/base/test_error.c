/* Errors are one line of printable UTF-8, whatever they quote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void what_is_no_character_is_replaced(void **state)
{
    static const struct {
        const char *quoted, *want;
    } cases[] = {
        {"b\xc3\xbc"
         "cher \xe2\x82\xac \xf0\x9f\x98\x80",
         "b\xc3\xbc"
         "cher \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\nb\rc\td", "a b c d"},
        {"\x1b[31m\x01\x7f", "?[31m??"},
        {"\xff\xfe", "??"},
        {"\xc3", "?"},
        {"\xc3(", "?("},
        {"\xc0\x80", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xe0\x80\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xc2\x9b"
         "31m",
         "??31m"},
        {"\xe2\x80\xae", "???"},
        {"\xef\xbf\xbf", "???"},
        {"\xef\xbb\xbf", "???"},
        {"\xef\xbf\xbd", "\xef\xbf\xbd"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        error_set(&error, "%s", cases[i].quoted);
        assert_string_equal(error.text, cases[i].want);
    }
    error_set(NULL, "nobody asks");
}

static void a_cut_character_is_replaced(void **state)
{
    char text[600];
    struct error error;
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + sizeof error.text - 2, "\xc3\xbc", 3);
    error_set(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_int_equal(error.text[sizeof error.text - 2], '?');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_character_is_replaced),
        cmocka_unit_test(a_cut_character_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
