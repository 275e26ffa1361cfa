/* Scanning: which of several matches wins, what hits and both ask for, limits and the bound. */
#include "app_test.h"

#include <stdio.h>

static const struct application_limits usual = {.packets = 4, .octets = 1024};

static struct application_verdict scan(struct app_test *test, uint64_t flow, bool client,
                                       const char *text)
{
    struct application_packet packet =
        app_test_packet(true, client, SERVER_PORT, text, strlen(text));
    return application_scan(test->scanner, (uint32_t)(flow % APP_TEST_FLOWS), flow, client, &packet,
                            0);
}

static void expect(struct app_test *test, uint64_t flow, bool client, const char *text,
                   unsigned number)
{
    struct application_verdict verdict = scan(test, flow, client, text);
    unsigned found = verdict.confidence == APPLICATION_BY_CONTENT ? verdict.number : 0;
    if (found != number)
        fail_msg("%s: %u instead of %u", text, found, number);
    assert_true(number == 0 || verdict.settled);
}

static void the_highest_priority_wins_then_the_first(void **state)
{
    struct app_test test = app_test_begin("application a 1 \"A\"\n match tcp either /^ab/\n"
                                          " match tcp either priority=60 /^abcd/\n"
                                          "application b 2 \"B\"\n match tcp either /^abc/\n"
                                          " match tcp either priority=55 /^abc./\n"
                                          "application c 3 \"C\"\n match tcp either hits=2 /^x/\n"
                                          "application d 4 \"D\"\n match tcp either /^x/\n",
                                          usual);
    (void)state;
    expect(&test, 1, true, "ab", 1);
    expect(&test, 2, true, "abc", 1);
    expect(&test, 3, true, "abce", 2);
    expect(&test, 4, true, "abcd", 1);
    expect(&test, 5, true, "x", 4); /* what needs no more packets */
    expect(&test, 6, true, "z", 0);
    app_test_end(&test);
}

static void conditions_of_a_match_all_hold(void **state)
{
    struct app_test test = app_test_begin(
        "application a 1 \"A\"\n match tcp client length=3..4 /^aa/\n"
        "application b 2 \"B\"\n match tcp either hits=2 both /^bb/\n"
        "application c 3 \"C\"\n match tcp either hits=3 /^cc/\n"
        "application d 4 \"D\"\n match tcp either port=5555 /^dd/\n match tcp either port=5 /^ee/\n"
        "application f 5 \"F\"\n match tcp either /[0-9]{3}ff/i\n match udp either /^gg/\n",
        usual);
    (void)state;
    expect(&test, 1, true, "aa", 0);
    expect(&test, 1, true, "aaaaa", 0);
    expect(&test, 1, false, "aaa", 0);
    expect(&test, 1, true, "aaa", 1);
    expect(&test, 2, true, "bb", 0);
    expect(&test, 2, true, "bb", 0);
    expect(&test, 2, false, "bb", 2);
    expect(&test, 3, true, "cc", 0);
    expect(&test, 3, false, "cc", 0);
    expect(&test, 3, true, "cc", 3);
    expect(&test, 4, true, "dd", 4);
    expect(&test, 5, true, "ee", 0);
    expect(&test, 6, true, "somewhere 123FF", 5);
    expect(&test, 7, true, "gg", 0);
    app_test_end(&test);
}

static void limits_are_kept(void **state)
{
    struct app_test test = app_test_begin("application a 1 \"A\"\n match tcp either /^a/\n"
                                          " match tcp either /needle/\n port tcp 5555\n",
                                          (struct application_limits){.packets = 2, .octets = 10});
    struct application_verdict verdict;
    (void)state;
    expect(&test, 1, true, "hay hay needle", 0); /* ends behind the octets that are looked at */
    expect(&test, 1, true, "hay needle", 1);
    verdict = scan(&test, 2, true, "x");
    assert_true(verdict.changed);
    assert_true(verdict.confidence == APPLICATION_BY_PORT && verdict.number == 1);
    assert_false(verdict.settled);
    expect(&test, 2, true, "x", 0);
    expect(&test, 2, true, "a", 0); /* the third of this direction */
    expect(&test, 2, false, "x", 0);
    verdict = scan(&test, 2, false, "x");
    assert_true(verdict.settled && !verdict.changed); /* the guess stands */
    expect(&test, 2 + APP_TEST_FLOWS, true, "a", 1);  /* another flow in the same record */
    const struct application_counters *counters = application_counters(test.scanner);
    assert_int_equal(counters->scanned, 7);
    assert_int_equal(counters->content, 2);
    assert_int_equal(counters->not_scanned, 0);
    app_test_end(&test);
}

static void the_bound_of_a_second_is_kept_and_counted(void **state)
{
    struct app_test test =
        app_test_begin("application a 1 \"A\"\n match tcp either /^a/\n",
                       (struct application_limits){.packets = 64, .octets = 64, .scans_per_s = 3});
    struct application_packet packet = app_test_packet(true, true, SERVER_PORT, "b", 1);
    const struct application_counters *counters = application_counters(test.scanner);
    (void)state;
    for (uint64_t flow = 0; flow < 10; flow++)
        application_scan(test.scanner, (uint32_t)flow, flow, 0, &packet, 5000000000u + flow);
    assert_int_equal(counters->scanned, 3);
    assert_int_equal(counters->not_scanned, 7);
    application_scan(test.scanner, 0, 100, 0, &packet, 6000000000u);
    assert_int_equal(counters->scanned, 4);
    app_test_end(&test);
}

/* Payload that matches everywhere costs no more than what is looked at. */
static void many_matches_end(void **state)
{
    static char text[65000];
    char rules[8192] = "";
    size_t used = 0;
    (void)state;
    for (unsigned i = 1; i <= 100; i++)
        used += (size_t)snprintf(rules + used, sizeof rules - used,
                                 "application a%u %u \"A\"\n match tcp either hits=2 /a.{0,%u}a/\n",
                                 i, i, 1 + i % 30);
    struct app_test test =
        app_test_begin(rules, (struct application_limits){.packets = 4, .octets = 65000});
    memset(text, 'a', sizeof text);
    struct application_packet packet = app_test_packet(true, true, SERVER_PORT, text, sizeof text);
    struct application_verdict verdict = application_scan(test.scanner, 1, 1, 0, &packet, 0);
    assert_int_equal(verdict.confidence, APPLICATION_NONE);
    verdict = application_scan(test.scanner, 1, 1, 0, &packet, 0);
    assert_int_equal(verdict.confidence, APPLICATION_BY_CONTENT);
    app_test_end(&test);
}

static uint32_t octets_seen, octets_whole;

static bool note_octets(const struct application_packet *packet, uint32_t *memory)
{
    (void)memory;
    octets_seen = packet->length;
    octets_whole = packet->whole_length;
    return false;
}

/* A check is shown a bounded part of a large packet, as if no more had been captured. */
static void checks_see_a_bounded_part(void **state)
{
    static const char text[65000] = "a";
    static const struct {
        uint16_t limit;
        uint32_t length, seen;
    } cases[] = {{64, 1460, 1460}, {64, 2048, 2048}, {64, 65000, 2048}, {9000, 65000, 9000}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct application_rules rules = {0};
        struct error error = {""};
        const char *rule = "application a 1 \"A\"\n match tcp either check=dns /^a/\n";
        assert_true(application_rules_read(&rules, rule, strlen(rule), "own", &error));
        rules.matches[0].confirm = note_octets;
        struct app_test test = {.set = application_set_create(&rules, "own", NULL, &error)};
        const struct application_limits limits = {
            .flows_max = APP_TEST_FLOWS, .packets = 4, .octets = cases[i].limit};
        test.scanner = application_scanner_create(test.set, &limits, &error);
        assert_non_null(test.scanner);
        struct application_packet packet =
            app_test_packet(true, true, SERVER_PORT, text, cases[i].length);
        application_scan(test.scanner, 1, 1, 0, &packet, 0);
        assert_int_equal(octets_seen, cases[i].seen);
        assert_int_equal(octets_whole, cases[i].length);
        app_test_end(&test);
    }
}

static void expressions_that_cannot_be_used_are_refused(void **state)
{
    static const char *const wrong[] = {"(a", "a{3,2}", "(?<=b)a", "\\1", "a{1,40000}b{1,40000}"};
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct application_rules rules = {0};
        struct error error = {""};
        char text[128];
        snprintf(text, sizeof text,
                 "application a 1 \"A\"\n match tcp client /^b/\n"
                 " match tcp client /^%s/\n",
                 wrong[i]);
        assert_true(application_rules_read(&rules, text, strlen(text), "own", &error));
        assert_null(application_set_create(&rules, "own", NULL, &error));
        if (!strstr(error.text, "own:3: this expression cannot be used: "))
            fail_msg("%s: %s", wrong[i], error.text);
        assert_null(rules.applications);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_priority_wins_then_the_first),
        cmocka_unit_test(conditions_of_a_match_all_hold),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(the_bound_of_a_second_is_kept_and_counted),
        cmocka_unit_test(many_matches_end),
        cmocka_unit_test(checks_see_a_bounded_part),
        cmocka_unit_test(expressions_that_cannot_be_used_are_refused),
    };
    return cmocka_run_group_tests_name("application scan", tests, NULL, NULL);
}
