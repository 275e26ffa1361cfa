/* Unit tests of the bucket: every instruction set's match and choice of a victim equal their plain
 * definitions; due seconds wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "flow/flow_bucket.h"
#include "flow/flow_lookup.h"
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
        for (unsigned level = SIMD_SCALAR; level <= simd_detect(); level++)
            assert_int_equal(flow_lookup_for((enum simd_level)level)->match(&bucket, tag),
                             expected);
        several += __builtin_popcount(expected) > 1;
    }
    assert_true(several > 10000);
}

/* Few different due seconds, so that several slots are often equal. */
static void test_least_equals_the_scalar_one(void **state)
{
    (void)state;
    struct random random = {2};
    unsigned by_kind[4] = {0};
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t epoch = (uint8_t)random_next(&random);
        _Alignas(64) struct flow_bucket bucket = {
            .occupied = (uint8_t)random_next(&random),
            .done = (uint8_t)(random_next(&random) & random_next(&random)),
            .many = (uint8_t)(random_next(&random) | random_next(&random)),
            .spent = (uint8_t)(random_next(&random) & random_next(&random) & random_next(&random))};
        for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
            bucket.due[slot] = (uint8_t)(epoch + random_below(&random, 256) - 128);
        for (unsigned slot = 0; slot < BUCKET_SLOTS && random_chance(&random, 50); slot++)
            bucket.due[slot] = (uint8_t)(epoch + random_below(&random, 3));
        struct bucket_loss expected = bucket_least(&bucket, epoch);
        for (unsigned level = SIMD_SCALAR; level <= simd_detect(); level++) {
            struct bucket_loss least =
                flow_lookup_for((enum simd_level)level)->least(&bucket, epoch);
            assert_int_equal(least.loss, expected.loss);
            if (expected.loss != BUCKET_LOSS_NONE)
                assert_int_equal(least.slot, expected.slot);
        }
        by_kind[expected.loss == BUCKET_LOSS_NONE ? 3 : expected.loss >> BUCKET_LOSS_KIND_BIT]++;
    }
    for (unsigned kind = 0; kind < 4; kind++)
        assert_true(by_kind[kind] > 100);
}

/* Less is lost with a spent record than with one of one packet, and with that than with others;
 * among equals it is the one that is over first. */
static void test_what_is_lost_least(void **state)
{
    (void)state;
    struct flow_bucket bucket = {.occupied = 0x3f, .done = 0x20, .many = 0x03, .spent = 0x20};
    uint8_t due[BUCKET_SLOTS] = {11, 10, 13, 12, 14, 9};
    memcpy(bucket.due, due, sizeof due);
    assert_int_equal(bucket_least(&bucket, 10).slot, 3);
    bucket.spent |= 0x01;
    assert_int_equal(bucket_least(&bucket, 10).slot, 0);
    bucket.spent &= (uint8_t)~0x01;
    bucket.many = 0x1f;
    assert_int_equal(bucket_least(&bucket, 10).slot, 1);
    bucket.occupied = 0x20;
    assert_int_equal(bucket_least(&bucket, 10).loss, BUCKET_LOSS_NONE);
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
        cmocka_unit_test(test_least_equals_the_scalar_one),
        cmocka_unit_test(test_what_is_lost_least),
        cmocka_unit_test(test_due_seconds_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
