/* Points of time as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "moment.h"

enum { NOW = 1772323200 }; /* 2026-03-01T00:00:00Z */

static void check_moment(const char *text, bool end, const char *wanted)
{
    char moment[MOMENT_TEXT_MAX] = "";
    struct error error = {""};
    bool good = moment_read(text, NOW, end, moment, &error);
    if (!good != !wanted)
        fail_msg("%s: %s", text, good ? moment : error.text);
    if (wanted)
        assert_string_equal(moment, wanted);
    else
        assert_non_null(strstr(error.text, "is no time; give"));
}

static void whole_times_are_taken(void **state)
{
    (void)state;
    check_moment("2026-03-01T12:00:00Z", false, "2026-03-01T12:00:00Z");
    check_moment("2026-03-01T12:00:00.25Z", false, "2026-03-01T12:00:00.25Z");
    check_moment("2026-03-01T12:00:00+02:00", false, "2026-03-01T10:00:00Z");
    check_moment("2026-03-01T12:00:00-01:30", false, "2026-03-01T13:30:00Z");
    /* The end of a second is its last moment, so that its packets belong to it. */
    check_moment("2026-03-01T12:00:00Z", true, "2026-03-01T12:00:00.999999999Z");
}

static void parts_stand_for_all_of_it(void **state)
{
    (void)state;
    check_moment("2026-03-01 12:00", false, "2026-03-01T12:00:00Z");
    check_moment("2026-03-01 12:00", true, "2026-03-01T12:00:59.999999999Z");
    check_moment("2026-03-01", false, "2026-03-01T00:00:00Z");
    check_moment("2026-03-01", true, "2026-03-01T23:59:59.999999999Z");
}

static void times_before_now(void **state)
{
    (void)state;
    check_moment("now", false, "2026-03-01T00:00:00Z");
    check_moment("now", true, "2026-03-01T00:00:00Z");
    check_moment("-90s", false, "2026-02-28T23:58:30Z");
    check_moment("-10m", false, "2026-02-28T23:50:00Z");
    check_moment("-2h", false, "2026-02-28T22:00:00Z");
    check_moment("-3d", false, "2026-02-26T00:00:00Z");
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "yesterday",
                                        "-",
                                        "-5",
                                        "-5x",
                                        "-5hh",
                                        "5h",
                                        "2026-03-01T12",
                                        "12:00",
                                        "2026-03-01T12:00:00X",
                                        "2026-03-01T12:00:00.Z",
                                        "2026-03-01T12:00:00+2",
                                        "2026-03-01Z",
                                        "2026-13-01",
                                        "2026-03-01T12:00:00Z ",
                                        "1960-01-01"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_moment(wrong[i], false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_times_are_taken),
        cmocka_unit_test(parts_stand_for_all_of_it),
        cmocka_unit_test(times_before_now),
        cmocka_unit_test(others_are_refused),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
