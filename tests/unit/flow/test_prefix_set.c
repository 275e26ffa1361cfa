/* Unit tests of prefix sets, against a bit by bit comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "flow/prefix_set.h"
#include "sim/random.h"

static bool bits_equal(const uint8_t *x, const uint8_t *y, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++)
        if ((x[i / 8] ^ y[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static bool holds_slowly(const struct prefix_set_entry *entries, uint32_t count,
                         const uint8_t *address, uint8_t family)
{
    for (uint32_t i = 0; i < count; i++)
        if (entries[i].family == family &&
            bits_equal(entries[i].address, address, entries[i].length))
            return true;
    return false;
}

/* Addresses with few distinct bits, so that prefixes nest, touch and hit. */
static void narrow_address(struct random *random, uint8_t address[16], uint8_t family)
{
    memset(address, 0, 16);
    unsigned bytes = family == 6 ? 16 : 4;
    for (unsigned i = 0; i < bytes; i++)
        if (random_chance(random, 30))
            address[i] = (uint8_t)(random_chance(random, 50) ? 0xff : random_below(random, 4));
}

static void make_key(struct flow_key *key, unsigned *side, const uint8_t *address, uint8_t family,
                     struct random *random)
{
    uint8_t other[16];
    narrow_address(random, other, family);
    if (family == 6) {
        *side = flow_key_make6(key, address, other, 1, 2, 17, 0, 0);
    } else {
        uint32_t source;
        uint32_t destination;
        memcpy(&source, address, 4);
        memcpy(&destination, other, 4);
        *side = flow_key_make4(key, source, destination, 1, 2, 17, 0, 0);
    }
}

static void test_equals_the_slow_way(void **state)
{
    (void)state;
    struct random random = {1};
    unsigned inside = 0;
    unsigned outside = 0;
    for (unsigned round = 0; round < 400; round++) {
        struct prefix_set_entry entries[40];
        uint32_t count = (uint32_t)random_below(&random, 41);
        for (uint32_t i = 0; i < count; i++) {
            entries[i].family = random_chance(&random, 50) ? 6 : 4;
            narrow_address(&random, entries[i].address, entries[i].family);
            entries[i].length = (uint8_t)random_between(&random, random_chance(&random, 3) ? 0 : 4,
                                                        entries[i].family == 6 ? 128 : 32);
        }
        struct error error = {""};
        struct prefix_set *set = prefix_set_create(entries, count, &error);
        assert_non_null(set);
        for (unsigned n = 0; n < 200; n++) {
            uint8_t family = random_chance(&random, 50) ? 6 : 4;
            uint8_t address[16];
            narrow_address(&random, address, family);
            struct flow_key key;
            unsigned side;
            make_key(&key, &side, address, family, &random);
            bool expected = holds_slowly(entries, count, address, family);
            assert_int_equal(prefix_set_holds(set, &key, side), expected);
            inside += expected;
            outside += !expected;
        }
        prefix_set_destroy(set);
    }
    assert_true(inside > 5000 && outside > 5000);
}

static void test_whole_families_and_single_addresses(void **state)
{
    (void)state;
    struct random random = {2};
    const struct prefix_set_entry all4[] = {{.family = 4, .length = 0}};
    const struct prefix_set_entry all6[] = {{.family = 6, .length = 0}};
    const struct prefix_set_entry one[] = {{.address = {10, 0, 0, 1}, .family = 4, .length = 32}};
    struct error error = {""};
    struct prefix_set *sets[] = {prefix_set_create(all4, 1, &error),
                                 prefix_set_create(all6, 1, &error),
                                 prefix_set_create(one, 1, &error)};
    const uint8_t inside[16] = {10, 0, 0, 1};
    const uint8_t beside[16] = {10, 0, 0, 2};
    struct flow_key key;
    unsigned side;
    make_key(&key, &side, inside, 4, &random);
    assert_true(prefix_set_holds(sets[0], &key, side));
    assert_false(prefix_set_holds(sets[1], &key, side));
    assert_true(prefix_set_holds(sets[2], &key, side));
    make_key(&key, &side, beside, 4, &random);
    assert_false(prefix_set_holds(sets[2], &key, side));
    make_key(&key, &side, inside, 6, &random);
    assert_false(prefix_set_holds(sets[0], &key, side));
    assert_true(prefix_set_holds(sets[1], &key, side));
    assert_false(prefix_set_holds(NULL, &key, side));
    for (unsigned i = 0; i < 3; i++)
        prefix_set_destroy(sets[i]);
    prefix_set_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_slow_way),
        cmocka_unit_test(test_whole_families_and_single_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
