/* Rule files: what is read, and every line that is refused, with file, line and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/application_rules.h"

static bool add(struct application_rules *rules, const char *text, struct error *error)
{
    return application_rules_read(rules, text, strlen(text), "own", error);
}

static void everything_is_read(void **state)
{
    struct application_rules rules = {0};
    struct error error;
    (void)state;
    assert_true(
        add(&rules,
            "# comment\n\n"
            "application a.b-1 7 \"First one\"\r\n"
            "\tlabel 80\n"
            "  port tcp 80 8080\n  port any 81\n"
            "  severity high\tfreeze\n"
            "  match tcp client priority=99 hits=4 both length=5..9 port=1,65535 /^a\\/b/i\n"
            "  match udp server length=7 /x/\n"
            "  match any either length=7.. check=dns port=53",
            &error));
    assert_int_equal(rules.application_count, 1);
    const struct application *a = &rules.applications[0];
    assert_string_equal(a->name, "a.b-1");
    assert_string_equal(a->title, "First one");
    assert_int_equal(a->number, 7);
    assert_int_equal(a->label, 80);
    assert_int_equal(a->port_count, 3);
    assert_int_equal(a->ports[1].number, 8080);
    assert_int_equal(a->ports[2].transports, APPLICATION_TCP | APPLICATION_UDP);
    assert_true(a->severity == SEVERITY_HIGH && a->freeze);
    assert_int_equal(rules.match_count, 3);
    const struct application_match *m = rules.matches;
    assert_string_equal(m->expression, "^a\\/b");
    assert_true(m->caseless && m->both && m->hits == 4 && m->priority == 99);
    assert_true(m->length_min == 5 && m->length_max == 9 && m->port_count == 2);
    assert_true(m->ports[1] == 65535 && m->sides == APPLICATION_CLIENT && m->line == 8);
    assert_true(m[1].length_min == 7 && m[1].length_max == 7 && !m[1].caseless && m[1].hits == 1);
    assert_true(m[1].transports == APPLICATION_UDP && m[1].priority == 50);
    assert_true(m[2].length_max == UINT16_MAX && m[2].confirm == application_check_dns);
    assert_null(m[2].expression);
    application_rules_free(&rules);
    assert_int_equal(rules.match_count, 0);
}

static void later_files_extend_known_applications(void **state)
{
    struct application_rules rules = {0};
    struct error error;
    (void)state;
    assert_true(add(&rules, "application a 1 \"A\"\napplication b 2 \"B\"\n match tcp client /x/\n",
                    &error));
    assert_true(add(&rules, "application a\n match tcp client /y/\n port tcp 99\n", &error));
    assert_int_equal(rules.application_count, 2);
    assert_int_equal(rules.matches[1].application, 0);
    assert_int_equal(rules.applications[0].ports[0].number, 99);
    assert_int_equal(rules.file_count, 2);
    assert_int_equal(rules.matches[0].file, 0);
    assert_int_equal(rules.matches[1].file, 1);
    assert_string_equal(rules.files[1], "own");
    application_rules_free(&rules);
}

/* The last word counts: a file of one's own makes a known rule graver, or silences it. */
static void severities_are_given_and_taken(void **state)
{
    struct application_rules rules = {0};
    struct error error;
    (void)state;
    assert_true(
        add(&rules, "application a 1 \"A\"\napplication b 2 \"B\"\n severity critical\n", &error));
    assert_int_equal(rules.applications[0].severity, SEVERITY_NONE);
    assert_true(rules.applications[1].severity == SEVERITY_CRITICAL &&
                !rules.applications[1].freeze);
    assert_true(add(&rules,
                    "application a\n severity info freeze\n"
                    "application b\n severity none\n",
                    &error));
    assert_true(rules.applications[0].severity == SEVERITY_INFO && rules.applications[0].freeze);
    assert_int_equal(rules.applications[1].severity, SEVERITY_NONE);
    application_rules_free(&rules);
}

static const struct {
    const char *line, *reason;
} wrong[] = {
    {"label 3", "an application line must come first"},
    {"match tcp client /x/", "an application line must come first"},
    {"servers x", "a line begins with application, label, port, severity or match: servers"},
    {"severity high", "an application line must come first"},
    {"application y 9 \"Y\"\nseverity", "a severity is info, low, medium, high, critical or none"},
    {"application y 9 \"Y\"\nseverity grave", "critical or none: grave"},
    {"application y 9 \"Y\"\nseverity high thaw", "only freeze may stand: thaw"},
    {"application y 9 \"Y\"\nseverity high freeze now", "only freeze may stand: freeze"},
    {"application y 9 \"Y\"\nseverity none freeze", "only freeze may stand: freeze"},
    {"application", "an application has a name"},
    {"application Upper 3 \"X\"", "an application has a name of small letters, digits"},
    {"application longer-than-any-name-may-be 3 \"X\"", "an application has a name"},
    {"application x", "give application NAME NUMBER"},
    {"application x 3", "give application NAME NUMBER"},
    {"application x 3 \"\"", "give application NAME NUMBER"},
    {"application x 3 \"X", "a title is one text in quotes"},
    {"application x 3 \"X\" more", "a title is one text in quotes"},
    {"application x 3 \"a\x1b[31m\"", "a title is printable text of UTF-8: a?[31m"},
    {"application x 3 \"a\xff\"", "a title is printable text of UTF-8: a?"},
    {"application x 0 \"X\"", "numbers are 1 to 16383: 0"},
    {"application x 16384 \"X\"", "numbers are 1 to 16383: 16384"},
    {"application x 99999999999999999999 \"X\"", "numbers are 1 to 16383"},
    {"application y 9 \"Y\"\napplication z 9 \"Z\"", "another application has this number: 9"},
    {"application y 9 \"Y\"\napplication y 10 \"Y\"", "this application has a number already"},
    {"application y 9 \"Y\"\nlabel", "a label is one number of 0 to 65535"},
    {"application y 9 \"Y\"\nlabel 65536", "a label is one number of 0 to 65535"},
    {"application y 9 \"Y\"\nlabel 1 2", "a label is one number of 0 to 65535"},
    {"application y 9 \"Y\"\nport sctp 1", "give port tcp|udp|any NUMBER"},
    {"application y 9 \"Y\"\nport tcp", "give port tcp|udp|any NUMBER"},
    {"application y 9 \"Y\"\nport tcp 0", "not a port: 0"},
    {"application y 9 \"Y\"\nport tcp 1 2 3 4 5 6 7 8 9", "an application has at most 8 ports"},
    {"application y 9 \"Y\"\nmatch tcp", "give match tcp|udp|any client|server|either"},
    {"application y 9 \"Y\"\nmatch sctp client /x/", "give match tcp|udp|any"},
    {"application y 9 \"Y\"\nmatch tcp both /x/", "who sends it: client, server or either: both"},
    {"application y 9 \"Y\"\nmatch tcp client priority=100 /x/", "not an option of a match"},
    {"application y 9 \"Y\"\nmatch tcp client hits=0 /x/", "not an option of a match"},
    {"application y 9 \"Y\"\nmatch tcp client hits=5 /x/", "not an option of a match"},
    {"application y 9 \"Y\"\nmatch tcp client check=magic /x/", "for it: check=magic"},
    {"application y 9 \"Y\"\nmatch tcp client port=1,,2 /x/", "not an option of a match"},
    {"application y 9 \"Y\"\nmatch tcp client port=1,2,3,4,5,6,7,8,9 /x/", "not an option"},
    {"application y 9 \"Y\"\nmatch tcp client length=9..5 /x/", "not an option of a match"},
    {"application y 9 \"Y\"\nmatch tcp client colour=red /x/", "not an option of a match"},
    {"application y 9 \"Y\"\nmatch tcp client port=1", "without an expression has port= and"},
    {"application y 9 \"Y\"\nmatch tcp client check=dns", "without an expression has port= and"},
    {"application y 9 \"Y\"\nmatch tcp client /x", "an expression stands between slashes"},
    {"application y 9 \"Y\"\nmatch tcp client //", "an expression stands between slashes"},
    {"application y 9 \"Y\"\nmatch tcp client /x/g", "behind the expression only i may stand: g"},
};

static void wrong_lines_are_refused_with_file_line_and_reason(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct application_rules rules = {0};
        struct error error = {""};
        char place[16];
        int line = strchr(wrong[i].line, '\n') ? 2 : 1;
        if (add(&rules, wrong[i].line, &error))
            fail_msg("accepted: %s", wrong[i].line);
        snprintf(place, sizeof place, "own:%d: ", line);
        if (!strstr(error.text, wrong[i].reason) || strncmp(error.text, place, strlen(place)) != 0)
            fail_msg("%s: %s", wrong[i].line, error.text);
        application_rules_free(&rules);
    }
}

static void long_lines_and_nul_are_refused(void **state)
{
    struct application_rules rules = {0};
    struct error error;
    char text[2100];
    (void)state;
    memset(text, '#', sizeof text);
    assert_false(application_rules_read(&rules, text, sizeof text, "own", &error));
    assert_true(application_rules_read(&rules, text, 2047, "own", &error));
    assert_false(application_rules_read(&rules, "# a\0b", 5, "own", &error));
    assert_non_null(strstr(error.text, "own:1: a line has less than 2048 octets"));
    application_rules_free(&rules);
}

/* Numbers are given out once and for all; the applications are many. */
static void shipped_rules_are_read(void **state)
{
    struct application_rules rules = {0};
    struct error error = {""};
    (void)state;
    if (!application_rules_read(&rules, application_rules_shipped,
                                strlen(application_rules_shipped), "shipped", &error))
        fail_msg("%s", error.text);
    assert_true(rules.application_count >= 120);
    application_rules_free(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(later_files_extend_known_applications),
        cmocka_unit_test(severities_are_given_and_taken),
        cmocka_unit_test(wrong_lines_are_refused_with_file_line_and_reason),
        cmocka_unit_test(long_lines_and_nul_are_refused),
        cmocka_unit_test(shipped_rules_are_read),
    };
    return cmocka_run_group_tests_name("application rules", tests, NULL, NULL);
}
