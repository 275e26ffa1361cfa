/*
 * Input of the operations on the snapshot ring: what is taken, what is refused with which tag, and
 * how times and base64 are read and written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "snapshot_request.h"

#define CALLER ",\"caller\":{\"user\":\"anna\",\"from\":\"local\",\"root\":false}}"

static struct snapshot_request request;

/* Reads {"spanflow:snapshot-NAME":{INPUT}} of anna; NULL, or the tag of the refusal. */
static const char *read_input(const char *name, const char *input)
{
    char body[2048];
    struct error mistake = {""};
    const char *tag = NULL;
    snprintf(body, sizeof body, "{\"spanflow:snapshot-%s\":{%s}" CALLER, name, input);
    assert_true(snapshot_request_is(body, strlen(body)));
    if (snapshot_request_read(&request, body, strlen(body), &tag, &mistake))
        return NULL;
    assert_true(mistake.text[0] && !strchr(mistake.text, '\n'));
    return tag;
}

static void whole_input_is_read(void **state)
{
    (void)state;
    assert_null(read_input(
        "extract", "\"from\":\"2026-03-01T12:00:00.5Z\",\"to\":\"2026-03-01T14:00:00+01:00\","
                   "\"filter\":\"port 53\",\"flowId\":\"18446744073709551615\","
                   "\"conversation\":{\"address\":\"2001:db8::1\",\"otherPort\":443,"
                   "\"protocol\":6},\"reason\":\"why\",\"packetsMax\":\"5\",\"octetsMax\":"
                   "\"6\",\"anonymise\":true"));
    assert_int_equal(request.kind, SNAPSHOT_EXTRACT);
    assert_string_equal(request.user, "anna");
    assert_string_equal(request.from, "local");
    assert_string_equal(request.reason, "why");
    assert_string_equal(request.filter, "port 53");
    assert_true(request.from_ns == 1772366400500000000u);
    assert_true(request.to_ns == 1772370000000000000u);
    assert_true(request.flow_id == UINT64_MAX);
    assert_true(request.with_tuple && request.tuple.family == 6 && request.tuple.with_address[0] &&
                !request.tuple.with_address[1]);
    assert_int_equal(request.tuple.port[1], 443);
    assert_int_equal(request.tuple.protocol, 6);
    assert_int_equal(request.packets_max, 5);
    assert_int_equal(request.octets_max, 6);
    assert_true(request.anonymise);
    assert_null(read_input("freeze", "\"name\":\"a\",\"from\":\"2026-03-01T12:00:00Z\",\"to\":"
                                     "\"2026-03-01T12:00:00Z\",\"reason\":\"r\""));
    assert_int_equal(request.expiry_s, 2592000);
    assert_null(read_input("read", "\"job\":\"8\",\"offset\":\"4294967296\",\"size\":7"));
    assert_true(request.job == 8 && request.offset == 4294967296u && request.size == 7);
    assert_null(read_input("list", ""));
    assert_null(read_input("verify", "\"reason\":\"r\""));
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"extract", "", "missing-element"},
        {"extract", "\"reason\":\"  \"", "missing-element"},
        {"extract", "\"reason\":7", "invalid-value"},
        {"extract", "\"reason\":\"r\",\"from\":\"12:00\"", "invalid-value"},
        {"extract", "\"reason\":\"r\",\"flowId\":5", "invalid-value"},
        {"extract", "\"reason\":\"r\",\"flowId\":\"18446744073709551616\"", "invalid-value"},
        {"extract", "\"reason\":\"r\",\"conversation\":{\"port\":0}", "invalid-value"},
        {"extract", "\"reason\":\"r\",\"conversation\":{\"host\":1}", "invalid-value"},
        {"extract",
         "\"reason\":\"r\",\"conversation\":{\"address\":\"10.0.0.1\",\"otherAddress\":\"::1\"}",
         "invalid-value"},
        {"extract", "\"reason\":\"r\",\"colour\":1", "unknown-element"},
        {"extract",
         "\"reason\":\"r\",\"from\":\"2026-03-02T00:00:00Z\",\"to\":"
         "\"2026-03-01T00:00:00Z\"",
         "invalid-value"},
        {"job", "", "missing-element"},
        {"job", "\"job\":5", "invalid-value"},
        {"read", "\"job\":\"5\",\"size\":1048577", "invalid-value"},
        {"freeze", "\"reason\":\"r\",\"name\":\"n\"", "missing-element"},
        {"release", "\"name\":\"n\"", "missing-element"},
        {"list", "\"reason\":\"r\"", "unknown-element"},
        {"verify", "", "missing-element"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *tag = read_input(rows[i][0], rows[i][1]);
        if (!tag || strcmp(tag, rows[i][2]) != 0)
            fail_msg("%s {%s}: %s, want %s", rows[i][0], rows[i][1], tag ? tag : "taken",
                     rows[i][2]);
    }
}

static void others_are_not_ours(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{", "[]", "{\"spanflow:flows\":{}}",
                                         "{\"spanflow:snapshot-other\":{}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_false(snapshot_request_is(bodies[i], strlen(bodies[i])));
    /* Nobody asks: that is no request. */
    const char *body = "{\"spanflow:snapshot-list\":{}}";
    const char *tag = "";
    struct error mistake = {""};
    assert_true(snapshot_request_is(body, strlen(body)));
    assert_false(snapshot_request_read(&request, body, strlen(body), &tag, &mistake));
}

static void times_are_read(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026-03-01",
                                        "2026-03-01T12:00:00",
                                        "2026-03-01 12:00:00Z",
                                        "2026-3-1T12:00:00Z",
                                        "2026-03-01T24:00:00Z",
                                        "2026-00-01T12:00:00Z",
                                        "2026-03-01T12:00:00+1:00",
                                        "2026-03-01T12:00:00Zx",
                                        "1969-12-31T23:59:59Z",
                                        "9999-01-01T00:00:00Z"};
    uint64_t time_ns = 0;
    assert_true(snapshot_time_read("1970-01-01T00:00:00Z", &time_ns) && time_ns == 0);
    assert_true(snapshot_time_read("1970-01-01t01:00:00.123456789123+01:00", &time_ns) &&
                time_ns == 123456789);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (snapshot_time_read(wrong[i], &time_ns))
            fail_msg("%s was taken", wrong[i]);
}

static void octets_become_base64(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = snapshot_base64((const uint8_t *)rows[i][0], strlen(rows[i][0]));
        assert_string_equal(text, rows[i][1]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_input_is_read),  cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(others_are_not_ours),  cmocka_unit_test(times_are_read),
        cmocka_unit_test(octets_become_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
