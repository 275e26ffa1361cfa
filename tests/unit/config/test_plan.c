/*
 * The plan of a change: every octet of the configuration belongs to a row of the table, a field
 * that differs gives the row's action and path, and what was adopted differs no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "plan.h"

enum { PADDING_MAX = 7 }; /* octets between two fields that belong to none */

static struct probe_config *make(void)
{
    struct probe_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    config->source_count = 2;
    config->cache_count = CACHES_MAX;
    return config;
}

/* A field that was forgotten would change without effect. */
static void every_field_has_a_row(void **state)
{
    (void)state;
    static unsigned char covered[sizeof(struct probe_config)];
    for (size_t i = 0; i < plan_field_count; i++)
        memset(covered + plan_fields[i].offset, 1, plan_fields[i].size);
    size_t gap = 0;
    for (size_t at = 0; at < sizeof covered; at++) {
        gap = covered[at] ? 0 : gap + 1;
        if (gap > PADDING_MAX)
            fail_msg("octets up to %zu of struct probe_config are in no row", at);
    }
}

static void nothing_differs_from_itself(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_NOTHING);
    assert_int_equal(plan.count, 0);
    assert_null(plan.path);
    free(before);
    free(after);
}

static void each_field_tells_its_action(void **state)
{
    (void)state;
    struct probe_config *before = make();
    for (size_t i = 0; i < plan_field_count; i++) {
        const struct plan_field *field = &plan_fields[i];
        struct probe_config *after = make();
        if (field->same) {
            free(after);
            continue;
        }
        ((unsigned char *)after)[field->offset] ^= 1;
        struct plan plan = plan_make(before, after);
        assert_true(plan.count >= 1);
        assert_int_equal(plan.actions & field->action, field->action);
        assert_non_null(plan.path);
        plan_adopt(before, after);
        plan = plan_make(before, after);
        assert_int_equal(plan.actions & ~(unsigned)PLAN_REBUILD, 0);
        free(before);
        free(after);
        before = make();
    }
    free(before);
}

static void sources_are_devices_and_filters(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    strcpy(after->sources[1].filter, "tcp");
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_WORKERS);
    assert_string_equal(plan.path, "/spanflow:spanflow/observationPoint/filter");
    plan_adopt(before, after);
    assert_string_equal(before->sources[1].filter, "tcp");
    after->sources[0].xdp.pass_host = true;
    plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_REBUILD);
    assert_string_equal(plan.path, "/spanflow:spanflow/observationPoint");
    free(before);
    free(after);
}

static void rules_change_their_owner(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    char *none[1] = {NULL}, *own[1] = {(char *)"own.rules"};
    before->applications.files = none;
    after->applications.files = own;
    after->applications.file_count = 1;
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_RULES);
    plan_adopt(before, after);
    assert_ptr_equal(before->applications.files, own);
    assert_ptr_equal(after->applications.files, none);
    assert_int_equal(after->applications.file_count, 0);
    after->applications.octets = 99;
    strcpy(after->applications.store, before->applications.store);
    after->applications.files = own;
    after->applications.file_count = 1;
    assert_int_equal(plan_make(before, after).actions, PLAN_WORKERS);
    free(before);
    free(after);
}

/* The path for messages is that of what weighs most. */
static void the_heaviest_is_named(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    after->caches[0].active_timeout_ns = 1;
    after->workers = 3;
    after->caches[2].exporting.queue_octets_max = 9;
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_WORKERS | PLAN_EXPORTERS | PLAN_EXCHANGE);
    assert_int_equal(plan.count, 3);
    assert_string_equal(plan.path, "/spanflow:spanflow/workers");
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_row),
        cmocka_unit_test(nothing_differs_from_itself),
        cmocka_unit_test(each_field_tells_its_action),
        cmocka_unit_test(sources_are_devices_and_filters),
        cmocka_unit_test(rules_change_their_owner),
        cmocka_unit_test(the_heaviest_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
