/*
 * A scanner on rules, and one packet of payload for it. For the tests of this folder; a test fails
 * if the rules cannot be used.
 */
#ifndef SPANFLOW_TESTS_UNIT_APP_APP_TEST_H
#define SPANFLOW_TESTS_UNIT_APP_APP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/application_scan.h"
#include "app/application_set.h"

enum { APP_TEST_FLOWS = 64, SERVER_PORT = 5555, CLIENT_PORT = 40001 };

struct app_test {
    struct application_set *set;
    struct application_scanner *scanner;
};

/* TEXT compiled without a store. */
static inline struct application_set *app_test_set(const char *text, const char *store)
{
    struct application_rules rules = {0};
    struct error error = {""};
    struct application_set *set = NULL;
    if (application_rules_read(&rules, text, strlen(text), "own", &error))
        set = application_set_create(&rules, "own", store, &error);
    application_rules_free(&rules);
    if (!set)
        fail_msg("%s", error.text);
    return set;
}

/* A scanner on TEXT; app_test_end() gives both up. */
static inline struct app_test app_test_begin(const char *text, struct application_limits limits)
{
    struct app_test test = {.set = app_test_set(text, NULL)};
    struct error error;
    limits.flows_max = APP_TEST_FLOWS;
    test.scanner = application_scanner_create(test.set, &limits, &error);
    assert_non_null(test.scanner);
    return test;
}

/* See above. */
static inline void app_test_end(struct app_test *test)
{
    application_scanner_destroy(test->scanner);
    application_set_destroy(test->set);
}

/* Payload of a flow between the ports SERVER and CLIENT_PORT; the client opened it. */
static inline struct application_packet app_test_packet(bool tcp, bool from_client, unsigned server,
                                                        const void *data, size_t length)
{
    return (struct application_packet){
        .data = data,
        .length = (uint32_t)length,
        .whole_length = (uint32_t)length,
        .source_port = (uint16_t)(from_client ? CLIENT_PORT : server),
        .destination_port = (uint16_t)(from_client ? server : CLIENT_PORT),
        .tcp = tcp,
        .from_client = from_client,
        .client_known = tcp};
}

/* The name of the application NUMBER, "" for 0. */
static inline const char *app_test_name(const struct app_test *test, unsigned number)
{
    const struct application_rules *rules = application_set_rules(test->set);
    for (uint32_t i = 0; i < rules->application_count; i++)
        if (rules->applications[i].number == number)
            return rules->applications[i].name;
    return "";
}

#endif
