/* The level of vector instructions: the processor's, or less by SPANFLOW_SIMD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"

static int forget(void **state)
{
    (void)state;
    return unsetenv("SPANFLOW_SIMD");
}

static void test_unset(void **state)
{
    (void)state;
    struct error error = {""};
    assert_true(simd_check(&error));
    assert_int_equal(simd_choose(), simd_detect());
}

/* Every level up to the processor's can be had, and no level beyond. */
static void test_each_level(void **state)
{
    (void)state;
    for (unsigned level = SIMD_SCALAR; level < SIMD_LEVELS; level++) {
        struct error error = {""};
        enum simd_level best = simd_detect();
        setenv("SPANFLOW_SIMD", simd_level_name((enum simd_level)level), 1);
        assert_int_equal(simd_check(&error), level <= best);
        assert_int_equal(simd_choose(), level <= best ? level : best);
        if (level > best)
            assert_non_null(strstr(error.text, "this processor has"));
    }
}

static void test_unknown_word(void **state)
{
    (void)state;
    static const char *const words[] = {"", "AVX2", "sse2", "avx5120"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct error error = {""};
        setenv("SPANFLOW_SIMD", words[i], 1);
        assert_false(simd_check(&error));
        assert_non_null(strstr(error.text, "give scalar, sse, avx2 or avx512"));
        assert_int_equal(simd_choose(), simd_detect());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unset, forget, forget),
        cmocka_unit_test_setup_teardown(test_each_level, forget, forget),
        cmocka_unit_test_setup_teardown(test_unknown_word, forget, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
