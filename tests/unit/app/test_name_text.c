/* How names look when they leave: clean, cut between characters, domain names in small letters. */
#include "name_test.h"

/* TEXT of LENGTH octets, cleaned as TYPE. Valid until the next call. */
static const char *clean(enum name_type type, const void *text, size_t length)
{
    static uint8_t out[NAME_OCTETS_MAX + 1];
    uint32_t octets = name_text_clean(type, name_test_guarded(text, length), (uint32_t)length, out);
    assert_true(octets <= NAME_OCTETS_MAX);
    out[octets] = '\0';
    return (const char *)out;
}

#define BAD "\xef\xbf\xbd"

static void only_clean_utf8_is_left(void **state)
{
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"", ""},
        {" \t\r\n ", ""},
        {"OpenSSH_9.2p1 Debian-2", "OpenSSH_9.2p1 Debian-2"},
        {"\t a\tb \r\n", "a b"},
        {"a\x01"
         "b\x1b[31m\x7f",
         "a" BAD "b" BAD "[31m" BAD},
        {"gr\xc3\xbc\xc3\x9f "
         "\xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f "
         "\xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff\xfe", BAD BAD},
        {"\xc0\x80", BAD BAD},                 /* overlong */
        {"\xe0\x80\x80", BAD BAD BAD},         /* overlong */
        {"\xed\xa0\x80", BAD BAD BAD},         /* half a surrogate pair */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* beyond U+10FFFF */
        {"\xf5\x80", BAD BAD},
        {"a\xe2\x82", "a" BAD}, /* not whole */
        {"a\xe2\x82z", "a" BAD "z"},
        {"a\xf0\x9f\x98", "a" BAD},
        {"a\xc3", "a" BAD},
        {"\xc2\x85\xc2\x9f\xc2\xa0", BAD BAD "\xc2\xa0"}, /* C1 */
        {"a\xe2\x80\xae"
         "b\xe2\x80\xa8",
         "a" BAD "b" BAD},                                     /* turned, line end */
        {"\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", BAD BAD BAD},     /* direction marks */
        {"\xe2\x81\xa6\xe2\x81\xa9\xef\xbb\xbf", BAD BAD BAD}, /* isolates, byte order */
        {"\xe2\x80\x8d\xe2\x81\xa5\xef\xbb\xbe", "\xe2\x80\x8d\xe2\x81\xa5\xef\xbb\xbe"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = clean(NAME_SSH_SERVER_BANNER, cases[i].text, strlen(cases[i].text));
        if (strcmp(found, cases[i].clean) != 0)
            fail_msg("case %u: '%s' instead of '%s'", i, found, cases[i].clean);
    }
    assert_string_equal(clean(NAME_SSH_SERVER_BANNER, "a\0b", 3), "a" BAD "b");
}

static void domain_names_are_small_and_without_the_last_dot(void **state)
{
    static const enum name_type types[] = {NAME_TLS_SERVER_NAME, NAME_HTTP_HOST,
                                           NAME_DNS_QUERY_NAME};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(clean(types[i], "WWW.Example.ORG.", 16), "www.example.org");
        assert_string_equal(clean(types[i], ".", 1), ".");
        assert_string_equal(clean(types[i], "a\\..", 4), "a\\.");
        assert_string_equal(clean(types[i], "a\\.", 3), "a\\.");
        assert_string_equal(clean(types[i], "\xc3\x84", 2), "\xc3\x84");
    }
    assert_string_equal(clean(NAME_HTTP_USER_AGENT, "Mozilla.", 8), "Mozilla.");
}

/* A host in brackets or with a port, as lists want it. */
static void host_is_told_without_port(void **state)
{
    static const struct {
        const char *text, *host;
    } cases[] = {
        {"", ""},
        {"a.example", "a.example"},
        {"a.example:80", "a.example"},
        {"a.example.:80", "a.example"},
        {"[2001:db8::1]", "[2001:db8::1]"},
        {"[2001:db8::1]:80", "[2001:db8::1]"},
        {"[2001:db8", "[2001:db8"},
        {":", ""},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].text);
        assert_int_equal(name_text_host(name_test_guarded(cases[i].text, length), (uint32_t)length),
                         strlen(cases[i].host));
    }
}

#define TYPE_MAX(symbol, key, side, octets, help) octets,
static const unsigned type_max[] = {NAME_TYPES(TYPE_MAX)};

/* Of characters of each length, at each offset, as many stay as are whole. */
static void names_are_cut_between_characters(void **state)
{
    static const char *const characters[] = {"a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    (void)state;
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++)
        for (unsigned width = 1; width <= 4; width++)
            for (unsigned offset = 0; offset < 4; offset++) {
                char text[2048] = "xxxx";
                size_t length = offset;
                while (length < sizeof text - 4) {
                    memcpy(text + length, characters[width - 1], width);
                    length += width;
                }
                unsigned whole = (type_max[type] - offset) / width * width + offset;
                assert_int_equal(strlen(clean((enum name_type)type, text, length)), whole);
            }
}

static void escapes_are_kept_whole(void **state)
{
    char text[300];
    (void)state;
    for (unsigned before = 245; before <= 256; before++) {
        memset(text, 'a', sizeof text);
        memcpy(text + before, "\\046", 4);
        unsigned kept = before > 255 ? 255 : before;
        assert_int_equal(strlen(clean(NAME_DNS_QUERY_NAME, text, sizeof text)),
                         before + 4 <= 255 ? 255 : kept);
        memcpy(text + before, "\\.aa", 4);
        assert_int_equal(strlen(clean(NAME_DNS_QUERY_NAME, text, sizeof text)),
                         before + 2 <= 255 ? 255 : kept);
    }
}

/* Whether TEXT is UTF-8 without control characters, told in another way than the code does. */
static bool is_clean(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    while (*at) {
        unsigned more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
        uint32_t code = more == 0 ? *at : *at & (0x3fu >> more);
        if (*at < 0x20 || *at == 0x7f || (*at >= 0x80 && *at < 0xc0) || *at >= 0xf8)
            return false;
        at++;
        for (unsigned i = 0; i < more; i++, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*at & 0x3f);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ||
            (code >= 0x80 && code < 0xa0) || (code >= 0x202a && code <= 0x202e))
            return false;
    }
    return true;
}

/* Octets that often are nearly UTF-8. */
static void anything_becomes_clean_and_stays_so(void **state)
{
    static const uint8_t likely[] = {0xc2, 0xe2, 0x80, 0x81, 0xae, 0xbf, 0xed, 0xa0, 0xf0,
                                     0xf4, 0x90, 0xef, 0xbd, '\\', '0',  '.',  ' ',  0};
    uint64_t random = 1;
    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t text[400];
        char first[NAME_OCTETS_MAX + 1];
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t length = (random >> 33) % (round % 10 ? 24 : sizeof text);
        enum name_type type = (enum name_type)((random >> 50) % NAME_TYPE_COUNT);
        for (size_t i = 0; i < length; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[i] = (uint8_t)(random >> 40);
            if (random >> 63)
                text[i] = likely[text[i] % sizeof likely];
        }
        strcpy(first, clean(type, text, length));
        assert_true(is_clean(first));
        assert_true(strlen(first) <= type_max[type]);
        assert_string_equal(clean(type, first, strlen(first)), first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_clean_utf8_is_left),
        cmocka_unit_test(domain_names_are_small_and_without_the_last_dot),
        cmocka_unit_test(host_is_told_without_port),
        cmocka_unit_test(names_are_cut_between_characters),
        cmocka_unit_test(escapes_are_kept_whole),
        cmocka_unit_test(anything_becomes_clean_and_stays_so),
    };
    return cmocka_run_group_tests_name("text of names", tests, NULL, NULL);
}
