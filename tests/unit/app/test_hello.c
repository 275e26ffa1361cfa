/* ClientHellos as messages: what they tell, the JA4 fingerprint, and that broken ones are harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/name_hello.h"
#include "app/name_ja4.h"
#include "hello_builder.h"

static uint8_t body[HELLO_ROOM];

/* Reads the parts' message and tells HEARD of it. */
static enum name_reading read_parts(const struct hello_parts *parts, enum name_carrier carrier,
                                    struct heard *heard)
{
    struct name_hello hello;
    uint32_t told = 0, octets = hello_body(parts, body);
    enum name_reading reading = name_hello_read(&hello, carrier, body, octets, octets);
    heard_start(heard);
    name_hello_tell(&hello, reading, &heard->sink, &told);
    return reading;
}

static void expect_ja4(const struct hello_parts *parts, enum name_carrier carrier, const char *text)
{
    struct heard heard;
    assert_int_equal(read_parts(parts, carrier, &heard), NAME_WHOLE);
    assert_string_equal(heard.text[NAME_TLS_JA4], text);
}

static void the_example_is_read(void **state)
{
    struct heard heard;
    (void)state;
    assert_int_equal(read_parts(&hello_example, NAME_BY_TLS, &heard), NAME_WHOLE);
    assert_string_equal(heard.text[NAME_TLS_SERVER_NAME], "www.example.org");
    assert_string_equal(heard.text[NAME_TLS_ALPN], "h2,http/1.1");
    assert_string_equal(heard.text[NAME_TLS_JA4], HELLO_EXAMPLE_JA4);
}

static void what_is_not_wanted_is_not_told(void **state)
{
    struct heard heard;
    struct name_hello hello;
    uint32_t told = 0, octets = hello_body(&hello_example, body);
    (void)state;
    heard_start(&heard);
    heard.sink.wanted = 1u << NAME_TLS_ALPN;
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets), NAME_WHOLE);
    name_hello_tell(&hello, NAME_WHOLE, &heard.sink, &told);
    assert_int_equal(heard.count[NAME_TLS_SERVER_NAME] + heard.count[NAME_TLS_JA4], 0);
    assert_int_equal(heard.count[NAME_TLS_ALPN], 1);
}

/* The order of ciphers and extensions, what keeps servers tolerant, the name itself and protocols
 * behind the first change nothing; the order of signature algorithms does. */
static void the_fingerprint_knows_no_order(void **state)
{
    static const uint16_t ciphers[] = {0x0035, 0x002f, 0xfafa, 0x009d, 0x009c, 0xc014,
                                       0xc013, 0xcca8, 0xcca9, 0xc030, 0xc02c, 0xc02f,
                                       0xc02b, 0x1303, 0x1302, 0x1301, 0};
    static const uint16_t extensions[] = {0x000a, 0x000b, 0xff01, 0x002b, 0x0012, 0x0023,
                                          0x0005, 0x000d, 0x002d, 0x0017, 0x4469, 0x0010,
                                          0x0033, 0x001b, 0x0015, 0};
    static const uint16_t with_grease[] = {0x0403, 0x8a8a, 0x0804, 0x0401, 0x0503,
                                           0x0805, 0x0501, 0x0806, 0x0601, 0};
    static const uint16_t turned[] = {0x0804, 0x0403, 0x0401, 0x0503, 0x0805,
                                      0x0501, 0x0806, 0x0601, 0};
    struct hello_parts parts = hello_example;
    struct heard heard;
    (void)state;
    parts.ciphers = ciphers;
    parts.extensions = extensions;
    parts.signatures = with_grease;
    parts.server_name = "another.example";
    parts.protocols = "h2,http/1.0";
    expect_ja4(&parts, NAME_BY_TLS, HELLO_EXAMPLE_JA4);
    parts.signatures = turned;
    read_parts(&parts, NAME_BY_TLS, &heard);
    assert_int_equal(strncmp(heard.text[NAME_TLS_JA4], HELLO_EXAMPLE_JA4, 24), 0);
    assert_string_not_equal(heard.text[NAME_TLS_JA4], HELLO_EXAMPLE_JA4);
}

/* FoxIO's description gives this hash of the extensions alone. */
static void signatures_may_be_missing(void **state)
{
    struct hello_parts parts = hello_example;
    (void)state;
    parts.signatures = NULL;
    expect_ja4(&parts, NAME_BY_TLS, "t13d1516h2_8daaf6152771_6d807ffa2a79");
}

static void what_is_missing_has_zeros(void **state)
{
    static const uint16_t one[] = {0x002f, 0}, grease[] = {0x1a1a, 0};
    struct hello_parts parts = {.version = 0x0301, .ciphers = one};
    (void)state;
    /* SHA-256 of "002f" begins so */
    expect_ja4(&parts, NAME_BY_TLS, "t10i010000_ba72b8082249_000000000000");
    parts.ciphers = grease;
    expect_ja4(&parts, NAME_BY_TLS, "t10i000000_000000000000_000000000000");
    parts.server_name_first = true; /* counted, but in no hash; there is no name in it */
    expect_ja4(&parts, NAME_BY_TLS, "t10d000100_000000000000_000000000000");
}

static void versions_have_two_characters(void **state)
{
    static const uint16_t one[] = {0x002f, 0}, extension[] = {43, 0};
    static const struct {
        enum name_carrier carrier;
        uint16_t version;
        uint16_t offered[4];
        const char *begin;
    } cases[] = {
        {NAME_BY_TLS, 0x0303, {0x0302, 0x0304, 0x0303}, "t13"},
        {NAME_BY_TLS, 0x0303, {0x4a4a}, "t12"},
        {NAME_BY_TLS, 0x0303, {0x7f1c, 0x0303}, "t00"},
        {NAME_BY_TLS, 0x0302, {0}, "t11"},
        {NAME_BY_TLS, 0x0300, {0}, "ts3"},
        {NAME_BY_QUIC, 0x0303, {0x0304}, "q13"},
        {NAME_BY_DTLS, 0xfeff, {0}, "dd1"},
        {NAME_BY_DTLS, 0xfefd, {0}, "dd2"},
        {NAME_BY_DTLS, 0xfefd, {0xfefd, 0xfefc, 0xfeff}, "dd3"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hello_parts parts = {.version = cases[i].version,
                                    .ciphers = one,
                                    .extensions = extension,
                                    .versions = cases[i].offered,
                                    .cookie = cases[i].carrier == NAME_BY_DTLS};
        struct heard heard;
        assert_int_equal(read_parts(&parts, cases[i].carrier, &heard), NAME_WHOLE);
        heard.text[NAME_TLS_JA4][3] = 0;
        assert_string_equal(heard.text[NAME_TLS_JA4], cases[i].begin);
    }
}

static void protocols_have_two_characters(void **state)
{
    static const char *const cases[][3] = {
        {"h2", "h2", "h2"},
        {"http/1.1,h2", "h1", "http/1.1,h2"},
        {"x", "xx", "x"},
        {"\xab", "ab", "\xab"},
        {"\xab\xcd", "ad", NULL},
        {"0\xab", "3b", NULL},
        {"01\xab\xcd", "3d", NULL},
        {"0\xab\xcd"
         "1",
         "01", NULL},
        {"\x2a\x2a,h3", "h3", "h3"},
        {"", "00", ""},
    };
    struct hello_parts parts = hello_example;
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard;
        parts.protocols = cases[i][0];
        assert_int_equal(read_parts(&parts, NAME_BY_TLS, &heard), NAME_WHOLE);
        assert_memory_equal(heard.text[NAME_TLS_JA4] + 8, cases[i][1], 2);
        if (cases[i][2])
            assert_string_equal(heard.text[NAME_TLS_ALPN], cases[i][2]);
    }
}

/* More than are sorted by insertion, and more than are taken. */
static void very_many_ciphers_are_sorted(void **state)
{
    static uint16_t up[NAME_JA4_VALUES_MAX + 2], down[NAME_JA4_VALUES_MAX + 2];
    struct hello_parts parts = hello_example;
    struct heard first, second;
    (void)state;
    for (uint32_t count = 47; count <= NAME_JA4_VALUES_MAX; count += 667) {
        for (uint32_t i = 0; i < count; i++)
            up[i] = down[count - 1 - i] = (uint16_t)(0x0101 + 29 * i);
        up[count] = down[count] = 0;
        parts.ciphers = up;
        assert_int_equal(read_parts(&parts, NAME_BY_TLS, &first), NAME_WHOLE);
        parts.ciphers = down;
        assert_int_equal(read_parts(&parts, NAME_BY_TLS, &second), NAME_WHOLE);
        assert_string_equal(first.text[NAME_TLS_JA4], second.text[NAME_TLS_JA4]);
        assert_memory_equal(first.text[NAME_TLS_JA4] + 4, count > 99 ? "99" : "47", 2);
    }
    for (uint32_t i = 0; i <= NAME_JA4_VALUES_MAX; i++)
        up[i] = 0x1301;
    parts.ciphers = up;
    assert_int_equal(read_parts(&parts, NAME_BY_TLS, &first), NAME_WHOLE);
    assert_int_equal(first.count[NAME_TLS_JA4], 0);
    assert_int_equal(first.count[NAME_TLS_SERVER_NAME], 1);
}

/* Sound at every cut, and told of once it is there; the fingerprint only of the whole. */
static void a_cut_hello_tells_what_is_there(void **state)
{
    uint32_t octets = hello_body(&hello_example, body);
    uint32_t name_at = 0;
    (void)state;
    for (uint32_t have = 0; have < octets; have++) {
        /* exactly as many octets, so that a sanitizer sees the first one read behind them */
        uint8_t *copy = malloc(have + !have);
        uint32_t told = 0;
        struct name_hello hello;
        struct heard heard;
        heard_start(&heard);
        assert_non_null(copy);
        memcpy(copy, body, have);
        enum name_reading reading = name_hello_read(&hello, NAME_BY_TLS, copy, have, octets);
        assert_int_equal(reading, NAME_PART);
        name_hello_tell(&hello, reading, &heard.sink, &told);
        assert_int_equal(heard.count[NAME_TLS_JA4], 0);
        if (!name_at && heard.count[NAME_TLS_SERVER_NAME])
            name_at = have;
        assert_int_equal(heard.count[NAME_TLS_SERVER_NAME], name_at != 0);
        free(copy);
    }
    assert_in_range(name_at, 90, 120);
}

/* A message whose length ends it early, at every octet, is none: its lengths do not add up. */
static void a_short_hello_is_broken(void **state)
{
    uint32_t octets = hello_body(&hello_example, body), sound = 0;
    (void)state;
    for (uint32_t whole = 0; whole < octets; whole++) {
        struct name_hello hello;
        enum name_reading reading = name_hello_read(&hello, NAME_BY_TLS, body, whole, whole);
        assert_true(reading == NAME_BROKEN || reading == NAME_WHOLE);
        if (reading == NAME_WHOLE)
            sound = whole; /* as if it had no extensions */
    }
    assert_int_equal(sound, 2 + 32 + 1 + 2 + 2 * 16 + 2);
}

static void nonsense_is_broken(void **state)
{
    struct name_hello hello;
    uint32_t octets = hello_body(&hello_example, body);
    (void)state;
    body[0] = 2; /* the version */
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets), NAME_BROKEN);
    octets = hello_body(&hello_example, body);
    body[34] = 33; /* the session */
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets), NAME_BROKEN);
    octets = hello_body(&hello_example, body);
    body[36]++; /* an odd length of the ciphers */
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets), NAME_BROKEN);
    octets = hello_body(&hello_example, body);
    assert_int_equal(name_hello_read(&hello, NAME_BY_DTLS, body, octets, octets), NAME_BROKEN);
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets + 1), NAME_BROKEN);
}

/* Of a list of names the first one of a host counts; a name that says it is longer is none. */
static void server_names_are_lists(void **state)
{
    struct name_hello hello;
    uint32_t octets = hello_body(&hello_example, body), at = 2 + 32 + 1 + 2 + 32 + 2 + 2 + 4;
    (void)state;
    assert_memory_equal(body + at + 5, "www.example.org", 15);
    body[at + 2] = 1; /* not a host */
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets), NAME_WHOLE);
    assert_int_equal(hello.server_name.octets, 0);
    assert_true(hello.has_server_name);
    body[at + 2] = 0;
    body[at + 4] = 16; /* longer than its list */
    assert_int_equal(name_hello_read(&hello, NAME_BY_TLS, body, octets, octets), NAME_WHOLE);
    assert_int_equal(hello.server_name.octets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_read),
        cmocka_unit_test(what_is_not_wanted_is_not_told),
        cmocka_unit_test(the_fingerprint_knows_no_order),
        cmocka_unit_test(signatures_may_be_missing),
        cmocka_unit_test(what_is_missing_has_zeros),
        cmocka_unit_test(versions_have_two_characters),
        cmocka_unit_test(protocols_have_two_characters),
        cmocka_unit_test(very_many_ciphers_are_sorted),
        cmocka_unit_test(a_cut_hello_tells_what_is_there),
        cmocka_unit_test(a_short_hello_is_broken),
        cmocka_unit_test(nonsense_is_broken),
        cmocka_unit_test(server_names_are_lists),
    };
    return cmocka_run_group_tests_name("hello", tests, NULL, NULL);
}
