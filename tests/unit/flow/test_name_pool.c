/*
 * The pool of names: what is appended is read back, whole or not at all; lines that are given back
 * are used again; a full pool refuses and stays as it is. Random records against a plain copy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/name_pool.h"
#include "sim/random.h"

enum { RECORDS = 24, POOL_LINES = 60, TURNS = 20000 };

struct kept {
    struct flow_extra extra;
    uint8_t text[FLOW_NAMES_OCTETS_MAX];
    uint32_t octets;
};

static struct name_pool *open_pool(uint32_t lines)
{
    struct error error = {""};
    struct name_pool *pool = name_pool_create(lines, &error);
    assert_non_null(pool);
    return pool;
}

static void expect(const struct name_pool *pool, const struct kept *kept)
{
    uint8_t out[FLOW_NAMES_OCTETS_MAX];
    assert_int_equal(name_pool_read(pool, &kept->extra, out), kept->octets);
    assert_memory_equal(out, kept->text, kept->octets);
}

static void names_follow_each_other(void **state)
{
    (void)state;
    struct name_pool *pool = open_pool(POOL_LINES);
    struct kept kept = {.octets = 0};
    for (unsigned i = 0; i < 32; i++) {
        memset(kept.text + kept.octets, 'a' + (int)i % 26, 16);
        assert_true(name_pool_append(pool, &kept.extra, kept.text + kept.octets, 16, 1u << i));
        kept.octets += 16;
        expect(pool, &kept);
    }
    assert_int_equal(kept.extra.name_types, UINT32_MAX);
    assert_int_equal(kept.octets, FLOW_NAMES_OCTETS_MAX);
    assert_false(name_pool_append(pool, &kept.extra, (const uint8_t *)"x", 1, 1));
    expect(pool, &kept);
    name_pool_release(pool, &kept.extra);
    assert_int_equal(name_pool_used(pool), 0);
    assert_int_equal(kept.extra.names | kept.extra.name_octets | kept.extra.name_types, 0);
    name_pool_destroy(pool);
}

static void a_full_pool_refuses(void **state)
{
    (void)state;
    struct name_pool *pool = open_pool(9);
    struct flow_extra extra[10] = {{.names = 0}};
    for (unsigned i = 0; i < 9; i++)
        assert_true(name_pool_append(pool, &extra[i], (const uint8_t *)"name", 4, 1));
    assert_false(name_pool_append(pool, &extra[9], (const uint8_t *)"name", 4, 1));
    assert_int_equal(extra[9].names, 0);
    assert_true(name_pool_append(pool, &extra[0], (const uint8_t *)"more", 4, 2)); /* same line */
    name_pool_release(pool, &extra[4]);
    assert_true(name_pool_append(pool, &extra[9], (const uint8_t *)"name", 4, 1));
    assert_int_equal(name_pool_used(pool), 9);
    name_pool_destroy(pool);
}

/* Appends some octets to KEPT, and to what it must be if the pool took them. */
static void append_some(struct name_pool *pool, struct kept *kept, struct random *random)
{
    uint8_t text[FLOW_NAMES_OCTETS_MAX];
    uint32_t count = (uint32_t)random_between(random, 1, 200);
    for (uint32_t i = 0; i < count; i++)
        text[i] = (uint8_t)random_next(random);
    if (!name_pool_append(pool, &kept->extra, text, count, 1))
        return;
    memcpy(kept->text + kept->octets, text, count);
    kept->octets += count;
}

static void random_records_keep_their_names(void **state)
{
    (void)state;
    struct name_pool *pool = open_pool(POOL_LINES);
    static struct kept kept[RECORDS];
    struct random random = {1};
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct kept *one = &kept[random_between(&random, 0, RECORDS - 1)];
        if (random_between(&random, 0, 3) == 0) {
            name_pool_release(pool, &one->extra);
            one->octets = 0;
        } else {
            append_some(pool, one, &random);
        }
        expect(pool, one);
        assert_true(name_pool_used(pool) <= POOL_LINES);
    }
    for (unsigned i = 0; i < RECORDS; i++) {
        expect(pool, &kept[i]);
        name_pool_release(pool, &kept[i].extra);
    }
    assert_int_equal(name_pool_used(pool), 0);
    name_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_each_other),
        cmocka_unit_test(a_full_pool_refuses),
        cmocka_unit_test(random_records_keep_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
