/* Brands: the list that comes with the probe, lists of one's own, and lines that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "detect/brand_set.h"
#include "detect/watch_set.h"

/* The brand of NAME, "" if none is known. */
static const char *brand_of(const struct brand_set *set, const char *name)
{
    uint32_t number = brand_set_find(set, (const uint8_t *)name, (uint32_t)strlen(name));
    for (uint32_t i = 0; i < brand_set_count(set); i++)
        if (brand_set_brand(set, i)->number == number)
            return brand_set_brand(set, i)->name;
    assert_int_equal(number, 0);
    return "";
}

static void shipped_brands_are_good(void **state)
{
    (void)state;
    struct error error = {""};
    struct brand_set *set = brand_set_load(NULL, &error);
    if (!set)
        fail_msg("%s", error.text);
    assert_true(brand_set_count(set) > 300 && brand_set_domains(set) > 800);
    static const char *const cases[][2] = {{"www.youtube.com", "YouTube"},
                                           {"r3---sn-x.googlevideo.com", "YouTube"},
                                           {"mail.google.com", "Gmail"},
                                           {"www.google.com:443", "Google"},
                                           {"teams.microsoft.com", "Microsoft Teams"},
                                           {"WWW.Microsoft.com", "Microsoft"},
                                           {"notgoogle.com", ""},
                                           {"google.com.example", ""},
                                           {"x.s3.amazonaws.com", "Amazon Web Services"},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(brand_of(set, cases[i][0]), cases[i][1]);
    for (uint32_t i = 0; i < brand_set_count(set); i++)
        for (uint32_t j = 0; j < i; j++)
            assert_true(brand_set_brand(set, i)->number != brand_set_brand(set, j)->number);
    brand_set_destroy(set);
}

static struct brand_set *load(const char *text, struct error *error)
{
    char path[] = "/tmp/brand_set_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
    error->text[0] = 0;
    struct brand_set *set = brand_set_load(path, error);
    unlink(path);
    return set;
}

static void the_longest_domain_tells(void **state)
{
    (void)state;
    struct error error;
    struct brand_set *set = load("# own\nexample.org\tExample\nshop.example.org  Our  Shop # x\n"
                                 "example.org Example 2\n",
                                 &error);
    assert_non_null(set);
    assert_int_equal(brand_set_count(set), 3);
    assert_string_equal(brand_of(set, "www.example.org"), "Example 2"); /* the later line */
    assert_string_equal(brand_of(set, "a.shop.example.org"), "Our  Shop");
    assert_string_equal(brand_of(set, "workshop.example.org"), "Example 2");
    assert_int_equal(brand_set_brand(set, 1)->number, watch_number("Our  Shop"));
    brand_set_destroy(set);
}

static void bad_lines_are_refused(void **state)
{
    (void)state;
    struct error error;
    static const char *const wrong[] = {"a.example\n",
                                        "a..example Brand\n",
                                        "a.example \"Brand\"\n",
                                        "a.example Br\\and\n",
                                        "a.example Br\xc3\xa4nd\n",
                                        "a.example 12345678901234567890123456789012\n",
                                        "192.0.2.1 Brand\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "good.example Good\n%s", wrong[i]);
        if (load(text, &error))
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(strstr(error.text, ":2: "));
    }
    struct brand_set *set = load("", &error);
    assert_non_null(set);
    assert_string_equal(brand_of(set, "a.example"), "");
    brand_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_brands_are_good),
        cmocka_unit_test(the_longest_domain_tells),
        cmocka_unit_test(bad_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
