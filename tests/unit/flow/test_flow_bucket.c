/* Unit tests of the bucket: the vector match equals its plain definition; due seconds wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/flow_bucket.h"
#include "sim/random.h"

static void test_match_equals_the_scalar_one(void **state)
{
    (void)state;
    struct random random = {1};
    unsigned several = 0;
    for (unsigned round = 0; round < 100000; round++) {
        _Alignas(64) struct flow_bucket bucket = {0};
        uint16_t tag = (uint16_t)random_next(&random);
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++) {
            uint16_t near = (uint16_t)(tag ^ 1u << random_below(&random, 16));
            bucket.tag[slot] = random_chance(&random, 30) ? tag : near;
        }
        unsigned expected = bucket_match_scalar(&bucket, tag);
        assert_int_equal(bucket_match(&bucket, tag), expected);
        several += __builtin_popcount(expected) > 1;
    }
    assert_true(several > 10000);
}

static void test_due_seconds_wrap(void **state)
{
    (void)state;
    for (unsigned epoch = 0; epoch < 256; epoch++) {
        for (unsigned ahead = 1; ahead <= DUE_AHEAD_MAX; ahead++) {
            uint8_t due = (uint8_t)(epoch + ahead);
            assert_false(due_reached(due, (uint8_t)epoch));
            assert_true(due_reached((uint8_t)epoch, due));
            assert_true(due_before((uint8_t)epoch, due));
            assert_false(due_before(due, (uint8_t)epoch));
        }
        assert_true(due_reached((uint8_t)epoch, (uint8_t)epoch));
        assert_false(due_before((uint8_t)epoch, (uint8_t)epoch));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_equals_the_scalar_one),
        cmocka_unit_test(test_due_seconds_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
