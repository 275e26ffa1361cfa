/* Unit tests of the arenas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

static const size_t huge_page = (size_t)2 << 20;

/* Maps, checks that every page is zero and writable, unmaps. */
static void use(size_t size, enum arena_use how)
{
    struct error error = {""};
    struct arena arena;
    memset(&arena, 0xff, sizeof arena);
    assert_true(arena_map(&arena, size, how, &error));
    assert_non_null(arena.memory);
    assert_true(arena.size >= size);
    assert_int_equal((uintptr_t)arena.memory % huge_page, 0);
    uint8_t *bytes = arena.memory;
    for (size_t i = 0; i < size; i += 4096) {
        assert_int_equal(bytes[i], 0);
        bytes[i] = 1;
    }
    bytes[size - 1] = 2;
    assert_true(strlen(arena_backing_name(arena.backing)) > 0);
    arena_unmap(&arena);
    assert_null(arena.memory);
    assert_int_equal(arena.size, 0);
    arena_unmap(&arena); /* a zeroed arena is fine */
}

static void test_small_and_large(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 64, 4096, huge_page - 1, huge_page, huge_page + 1, 5 * huge_page};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        use(sizes[i], ARENA_DENSE);
        use(sizes[i], ARENA_SPARSE);
    }
}

static void test_sparse_memory_is_never_huge(void **state)
{
    (void)state;
    struct error error = {""};
    struct arena arena;
    assert_true(arena_map(&arena, 4 * huge_page, ARENA_SPARSE, &error));
    assert_int_equal(arena.backing, ARENA_SMALL);
    arena_unmap(&arena);
}

/* Where no reserved pages are left, what is said is what the system gives. */
static void test_kind_of_pages(void **state)
{
    (void)state;
    struct error error = {""};
    struct arena arena;
    char text[64] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (file) {
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
    }
    bool given = text[0] && !strstr(text, "[never]");
    assert_true(
        arena_map(&arena, (size_t)1 << 40, ARENA_DENSE, &error)); /* more than any machine */
    assert_int_equal(arena.backing, given ? ARENA_TRANSPARENT : ARENA_SMALL);
    assert_string_equal(arena_backing_name(arena.backing),
                        given ? "transparent huge pages" : "4 KiB pages");
    arena_unmap(&arena);
}

static void test_says_what_to_do_when_memory_is_short(void **state)
{
    (void)state;
    struct error error = {""};
    struct arena arena;
    assert_false(arena_map(&arena, (size_t)1 << 52, ARENA_DENSE, &error));
    assert_non_null(strstr(error.text, "flows"));
    assert_null(strchr(error.text, '\n'));
    assert_null(arena.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_and_large),
        cmocka_unit_test(test_sparse_memory_is_never_huge),
        cmocka_unit_test(test_kind_of_pages),
        cmocka_unit_test(test_says_what_to_do_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
