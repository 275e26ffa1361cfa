/*
 * The framing guard: every way to cut the octets gives the same messages, and what is no framing,
 * too big, too deep or no text is refused. With it the two looks into a message, depth and UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netconf/framing_guard.h"
#include "netconf/utf8.h"
#include "netconf/xml_depth.h"

/* Feeds TEXT in pieces of PIECE octets; messages go into FOUND, one after the other with a bar
 * behind each. Returns whether nothing was refused. */
static bool feed(struct framing_guard *guard, const char *text, size_t length, size_t piece,
                 char *found, size_t size)
{
    struct error error;
    size_t at = 0;
    size_t written = 0;
    while (at < length) {
        size_t used = 0;
        size_t now = length - at < piece ? length - at : piece;
        enum guard_answer answer = framing_guard_take(guard, text + at, now, &used, &error);
        if (answer == GUARD_REFUSED)
            return false;
        assert_true(used <= now);
        assert_true(answer == GUARD_MESSAGE || used == now);
        at += used;
        if (answer == GUARD_MESSAGE) {
            written += (size_t)snprintf(found + written, size - written, "%.*s|",
                                        (int)guard->length, guard->message);
        }
    }
    return true;
}

/* Whether TEXT, in pieces of every size, gives the messages WANTED; NULL means it is refused. */
static void expect_octets(enum guard_framing framing, const char *text, size_t length,
                          const char *wanted)
{
    for (size_t piece = 1; piece <= length; piece++) {
        struct framing_guard guard;
        char found[4096] = "";
        framing_guard_init(&guard);
        framing_guard_after_hello(&guard, framing);
        bool good = feed(&guard, text, length, piece, found, sizeof(found));
        if (wanted) {
            assert_true(good);
            assert_string_equal(found, wanted);
        } else {
            assert_false(good);
        }
        framing_guard_clear(&guard);
    }
}

static void expect(enum guard_framing framing, const char *text, const char *wanted)
{
    expect_octets(framing, text, strlen(text), wanted);
}

static void test_end_of_message(void **state)
{
    (void)state;
    expect(GUARD_END_OF_MESSAGE, "<a/>]]>]]>", "<a/>|");
    expect(GUARD_END_OF_MESSAGE, "<a/>]]>]]><b/>]]>]]>", "<a/>|<b/>|");
    expect(GUARD_END_OF_MESSAGE, "<a>]]>]]]>]]>]]>", "<a>]]>]|");
    expect(GUARD_END_OF_MESSAGE, "]]>]]>", "|");
    expect(GUARD_END_OF_MESSAGE, "<a>", "");
    expect(GUARD_END_OF_MESSAGE, "\n#4\n<a/>\n##\n]]>]]>", "\n#4\n<a/>\n##\n|");
}

static void test_chunks(void **state)
{
    (void)state;
    expect(GUARD_CHUNKED, "\n#4\n<a/>\n##\n", "<a/>|");
    expect(GUARD_CHUNKED, "\n#1\n<\n#3\na/>\n##\n\n#4\n<b/>\n##\n", "<a/>|<b/>|");
    expect(GUARD_CHUNKED, "\n#9\n<a>\n##\n/>\n##\n", "<a>\n##\n/>|");
    expect(GUARD_CHUNKED, "\n#4194304\n<a", "");
    expect(GUARD_CHUNKED, "\n#10\n<a/>]]>]]>\n##\n", "<a/>]]>]]>|");
}

static void test_chunks_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\n#0\n",
        "\n#01\nx",
        "\n##\n",
        "\n#-1\n",
        "\n#+1\n",
        "\n# 1\n",
        "\n#1 \n",
        "\n#1\r\nx",
        "\n#x\n",
        "#1\nx",
        "\r\n#1\nx",
        "\n\n#1\nx",
        "<a/>]]>]]>",
        "\n#1\nx#",
        "\n#1\nx\n#\n",
        "\n#1\nx\n##x",
        "\n#1\nx\n###\n",
        "\n#4194305\n",
        "\n#2147483648\n",
        "\n#4294967295\n",
        "\n#4294967296\n",
        "\n#9999999999\n",
        "\n#18446744073709551615\n",
        "\n#18446744073709551617\n",
        "\n#4194304",
    };
    size_t count = sizeof(texts) / sizeof(texts[0]);
    for (size_t i = 0; i + 1 < count; i++)
        expect(GUARD_CHUNKED, texts[i], NULL);
    /* The last one is not wrong, only not complete. */
    expect(GUARD_CHUNKED, texts[count - 1], "");
}

static void test_size_of_all_chunks(void **state)
{
    (void)state;
    struct framing_guard guard;
    struct error error;
    char *block = malloc(GUARD_MESSAGE_MAX);
    char header[32];
    size_t used;
    assert_non_null(block);
    memset(block, ' ', GUARD_MESSAGE_MAX);
    framing_guard_init(&guard);
    framing_guard_after_hello(&guard, GUARD_CHUNKED);
    snprintf(header, sizeof(header), "\n#%d\n", GUARD_MESSAGE_MAX);
    assert_int_equal(framing_guard_take(&guard, header, strlen(header), &used, &error), GUARD_MORE);
    assert_int_equal(framing_guard_take(&guard, block, GUARD_MESSAGE_MAX, &used, &error),
                     GUARD_MORE);
    assert_int_equal(framing_guard_take(&guard, "\n#1\n", 4, &used, &error), GUARD_REFUSED);
    assert_non_null(strstr(error.text, "4194304"));
    framing_guard_clear(&guard);

    framing_guard_init(&guard);
    framing_guard_after_hello(&guard, GUARD_CHUNKED);
    framing_guard_take(&guard, header, strlen(header), &used, &error);
    framing_guard_take(&guard, block, GUARD_MESSAGE_MAX, &used, &error);
    assert_int_equal(framing_guard_take(&guard, "\n##\n", 4, &used, &error), GUARD_MESSAGE);
    assert_int_equal(guard.length, GUARD_MESSAGE_MAX);
    framing_guard_clear(&guard);
    free(block);
}

/* Memory follows what came, whatever a header announces. */
static void test_memory(void **state)
{
    (void)state;
    struct framing_guard guard;
    struct error error;
    size_t used;
    framing_guard_init(&guard);
    framing_guard_after_hello(&guard, GUARD_CHUNKED);
    framing_guard_take(&guard, "\n#4194304\nx", 11, &used, &error);
    assert_true(guard.capacity <= 4096);
    framing_guard_clear(&guard);
}

static void test_hello(void **state)
{
    (void)state;
    struct framing_guard guard;
    struct error error;
    char found[64];
    size_t length = GUARD_HELLO_MAX;
    char *block = malloc(length + 16);
    assert_non_null(block);
    memset(block, ' ', length);
    memcpy(block + length, "]]>]]>", 7);
    framing_guard_init(&guard);
    size_t used;
    assert_int_equal(framing_guard_take(&guard, block, length + 6, &used, &error), GUARD_MESSAGE);
    framing_guard_clear(&guard);
    block[length] = ' ';
    framing_guard_init(&guard);
    assert_false(feed(&guard, block, length + 7, 1000, found, sizeof(found)));
    framing_guard_clear(&guard);
    free(block);
}

static void test_text(void **state)
{
    (void)state;
    expect_octets(GUARD_CHUNKED, "\n#3\na\0b\n##\n", 11, NULL);
    expect(GUARD_CHUNKED, "\n#2\n\xff\xfe\n##\n", NULL);
    expect(GUARD_CHUNKED, "\n#2\n\xc3\xa4\n##\n", "\xc3\xa4|");
    char message[8192];
    char text[8300];
    for (int depth = GUARD_DEPTH_MAX; depth <= GUARD_DEPTH_MAX + 1; depth++) {
        struct framing_guard guard;
        char found[8192];
        for (int i = 0; i < depth; i++)
            memcpy(message + (size_t)i * 3, "<a>", 4);
        int length = snprintf(text, sizeof(text), "\n#%zu\n%s\n##\n", strlen(message), message);
        framing_guard_init(&guard);
        framing_guard_after_hello(&guard, GUARD_CHUNKED);
        assert_int_equal(feed(&guard, text, (size_t)length, 4096, found, sizeof(found)),
                         depth <= GUARD_DEPTH_MAX);
        framing_guard_clear(&guard);
    }
}

static void test_depth(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t depth;
    } rows[] = {
        {"", 0},
        {"x", 0},
        {"<a/>", 1},
        {"<a></a>", 1},
        {"<a><b/><b/></a>", 2},
        {"<a><b></b><c><d/></c></a>", 3},
        {"<?xml version='1.0'?><a/>", 1},
        {"<!-- <a><b><c> --><a/>", 1},
        {"<a><![CDATA[<b><c><d>]]></a>", 1},
        {"<a b='<c><d>'/>", 1},
        {"<a b=\"'><c>\"><d/></a>", 2},
        {"</a></a><b/>", 1},
        {"<a><b", 2},
        {"<a b='", 1},
        {"<a>/</a><b/>", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(xml_shape(rows[i].text, strlen(rows[i].text)).depth, rows[i].depth);
}

static void test_widest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t widest;
    } rows[] = {
        {"", 0},
        {"<a/>", 1},
        {"<a><b/><b/><c></c></a>", 3},
        {"<a><b><c/><c/></b><b><c/><c/></b></a>", 2},
        {"<a><!-- <b/><b/> --><b/></a>", 1},
        {"<a><b><c/></b><d/><d/><d/></a>", 4},
        {"</a></a><b/><b/>", 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(xml_shape(rows[i].text, strlen(rows[i].text)).widest, rows[i].widest);
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a\x7f", "\xc2\x80\xdf\xbf",
                                       "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",
                                      "\xc2",         "\xc2\x41",         "\xe0\x9f\xbf",
                                      "\xed\xa0\x80", "\xe2\x82",         "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_message), cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_refused), cmocka_unit_test(test_size_of_all_chunks),
        cmocka_unit_test(test_memory),         cmocka_unit_test(test_hello),
        cmocka_unit_test(test_text),           cmocka_unit_test(test_depth),
        cmocka_unit_test(test_widest),         cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
