/* Names of domains: the one form of them, what is refused, and suffixes at labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "detect/domain_name.h"
#include "detect/domain_table.h"

static const char *read_name(const char *text)
{
    static char name[DOMAIN_OCTETS_MAX + 1];
    struct error error = {""};
    uint32_t octets = domain_name_read(text, (uint32_t)strlen(text), name, &error);
    assert_int_equal(octets == 0, error.text[0] != 0);
    return octets ? name : NULL;
}

static void names_have_one_form(void **state)
{
    (void)state;
    assert_string_equal(read_name("example.com"), "example.com");
    assert_string_equal(read_name("EXAMPLE.Com."), "example.com");
    assert_string_equal(read_name("*.example.com"), "example.com");
    assert_string_equal(read_name(".example.com"), "example.com");
    assert_string_equal(read_name("_dmarc.a-b.example"), "_dmarc.a-b.example");
    assert_string_equal(read_name("zip"), "zip");
    assert_string_equal(read_name("1.2.3.4.in-addr.arpa"), "1.2.3.4.in-addr.arpa");
}

static void other_scripts_become_ascii(void **state)
{
    (void)state;
#if SPANFLOW_IDN
    assert_string_equal(read_name("b\xc3\xbc"
                                  "cher.example"),
                        "xn--bcher-kva.example");
    assert_string_equal(read_name("B\xc3\x9c"
                                  "CHER.Example"),
                        "xn--bcher-kva.example");
    /* u and a combining diaeresis are the same letter */
    assert_string_equal(read_name("bu\xcc\x88"
                                  "cher.example"),
                        "xn--bcher-kva.example");
    assert_string_equal(read_name("xn--bcher-kva.example"), "xn--bcher-kva.example");
    assert_string_equal(read_name("fa\xc3\x9f.example"), "xn--fa-hia.example");
#else
    assert_null(read_name("b\xc3\xbc"
                          "cher.example"));
#endif
    assert_null(read_name("b\xfc"
                          "cher.example")); /* not UTF-8 */
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",          ".",     "..",         "a..b", "192.0.2.1",
                                        "a b",       "a/b",   "http://x.y", "*",    "*.*.x",
                                        "a.b:80",    "a,b",   "x@y.z",      "-\t",  "2001:db8::1",
                                        "..example", "a.b..", "*."};
    char label[65], name[256];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (read_name(wrong[i]))
            fail_msg("'%s' was taken", wrong[i]);
    memset(label, 'a', 64);
    label[64] = 0;
    assert_null(read_name(label));
    label[63] = 0;
    assert_non_null(read_name(label));
    memset(name, 'a', sizeof name);
    for (unsigned i = 50; i < 254; i += 50)
        name[i] = '.';
    name[254] = 0;
    assert_null(read_name(name));
    name[253] = 0;
    assert_non_null(read_name(name));
}

static const char *clean(const char *text)
{
    static char name[DOMAIN_OCTETS_MAX + 1];
    uint32_t octets = domain_name_clean((const uint8_t *)text, (uint32_t)strlen(text), name);
    name[octets] = 0;
    return name;
}

static void names_of_packets_are_cleaned(void **state)
{
    char longest[300];
    (void)state;
    assert_string_equal(clean("WWW.Example.COM"), "www.example.com");
    assert_string_equal(clean("www.example.com:8080"), "www.example.com");
    assert_string_equal(clean("www.example.com."), "www.example.com");
    assert_string_equal(clean(""), "");
    assert_string_equal(clean("."), "");
    assert_string_equal(clean("[2001:db8::1]:80"), "[2001");
    memset(longest, 'a', sizeof longest);
    longest[254] = 0;
    assert_string_equal(clean(longest), "");
    longest[253] = 0;
    assert_int_equal(strlen(clean(longest)), 253);
}

static uint16_t add_bits(void *context, uint16_t one, uint16_t other)
{
    (void)context;
    return one | other;
}

/* The values found for NAME, ORed; *COUNT is their number. */
static unsigned find(const struct domain_table *table, const char *name, uint32_t *count)
{
    uint16_t values[8];
    unsigned all = 0;
    *count = domain_table_find(table, name, (uint32_t)strlen(name), values, 8);
    for (uint32_t i = 0; i < *count; i++)
        all |= values[i];
    return all;
}

static void suffixes_match_at_labels_only(void **state)
{
    static const char texts[] = "example.comco.ukcorp.example.com";
    struct domain_table table;
    struct error error;
    uint32_t count;
    (void)state;
    assert_true(domain_table_open(&table, texts, 4, 42, &error));
    domain_table_add(&table, 0, 11, 1, add_bits, NULL);
    domain_table_add(&table, 11, 5, 2, add_bits, NULL);
    domain_table_add(&table, 16, 16, 4, add_bits, NULL);
    domain_table_add(&table, 0, 11, 8, add_bits, NULL); /* once more */
    assert_int_equal(find(&table, "example.com", &count), 9);
    assert_int_equal(find(&table, "www.example.com", &count), 9);
    assert_int_equal(find(&table, "a.b.c.example.com", &count), 9);
    assert_int_equal(find(&table, "badexample.com", &count), 0);
    assert_int_equal(find(&table, "example.com.evil.net", &count), 0);
    assert_int_equal(find(&table, "xample.com", &count), 0);
    assert_int_equal(find(&table, "com", &count), 0);
    assert_int_equal(find(&table, "", &count), 0);
    assert_int_equal(find(&table, ".", &count), 0);
    assert_int_equal(find(&table, ".example.com", &count), 9);
    assert_int_equal(find(&table, "x..example.com", &count), 9);
    assert_int_equal(find(&table, "mail.corp.example.com", &count), 13);
    assert_int_equal(count, 2);
    assert_int_equal(find(&table, "acorp.example.com", &count), 9);
    assert_int_equal(find(&table, "bbc.co.uk", &count), 2);
    assert_int_equal(find(&table, "uk", &count), 0);
    domain_table_close(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_one_form),
        cmocka_unit_test(other_scripts_become_ascii),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(names_of_packets_are_cleaned),
        cmocka_unit_test(suffixes_match_at_labels_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
