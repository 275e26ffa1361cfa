/*
 * A sink that keeps what a parser of names tells, as text, and payload behind which lies a page
 * that may not be read. For the tests of this folder.
 */
#ifndef SPANFLOW_TESTS_UNIT_APP_NAME_TEST_H
#define SPANFLOW_TESTS_UNIT_APP_NAME_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "app/name.h"
#include "app/name_text.h"

struct name_state;

enum { NAME_TEST_ROOM = 65536, NAME_TEST_TEXT = 2048, NAME_TEST_PAGE = 4096 };

typedef enum name_progress name_test_parser(const struct application_packet *packet,
                                            struct name_sink *sink, struct name_state *state);

struct name_test {
    struct name_sink sink; /* first: the parser's pointer is ours */
    enum name_progress progress;
    bool twice; /* a type was told again in one packet */
    char text[NAME_TYPE_COUNT][NAME_TEST_TEXT];
};

/* Keeps the first TEXT of each TYPE. */
static inline void name_test_found(struct name_sink *sink, enum name_type type, const uint8_t *text,
                                   uint32_t octets)
{
    struct name_test *test = (struct name_test *)sink;
    test->twice |= test->text[type][0] != '\0';
    if (octets >= NAME_TEST_TEXT)
        octets = NAME_TEST_TEXT - 1;
    if (test->text[type][0] == '\0')
        memcpy(test->text[type], text, octets);
}

/* A copy of the LENGTH octets of DATA that ends where a page begins that may not be read. Valid
 * until the next call. */
static inline uint8_t *name_test_guarded(const void *data, size_t length)
{
    static uint8_t *pages;
    if (!pages) {
        pages = mmap(NULL, NAME_TEST_ROOM + NAME_TEST_PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(pages != MAP_FAILED);
        assert_int_equal(mprotect(pages + NAME_TEST_ROOM, NAME_TEST_PAGE, PROT_NONE), 0);
    }
    assert_true(length <= NAME_TEST_ROOM);
    return memcpy(pages + NAME_TEST_ROOM - length, data, length);
}

/* What PARSER tells of the first LENGTH octets of PACKET's data. */
static inline struct name_test name_test_cut(name_test_parser *parser,
                                             struct application_packet packet, uint32_t length)
{
    struct name_test test = {.sink = {.wanted = UINT32_MAX, .found = name_test_found}};
    packet.data = name_test_guarded(packet.data, length);
    packet.length = length;
    if (packet.whole_length < length)
        packet.whole_length = length;
    test.progress = parser(&packet, &test.sink, NULL);
    return test;
}

/* What PARSER tells of PACKET. */
static inline struct name_test name_test_run(name_test_parser *parser,
                                             struct application_packet packet)
{
    return name_test_cut(parser, packet, packet.length);
}

/* TCP payload between the ports CLIENT and SERVER of a connection that was seen to be opened. */
static inline struct application_packet name_test_tcp(bool from_client, unsigned server,
                                                      const void *data, size_t length)
{
    enum { CLIENT = 40001 };
    return (struct application_packet){.data = data,
                                       .length = (uint32_t)length,
                                       .whole_length = (uint32_t)length,
                                       .source_port = (uint16_t)(from_client ? CLIENT : server),
                                       .destination_port =
                                           (uint16_t)(from_client ? server : CLIENT),
                                       .tcp = true,
                                       .from_client = from_client,
                                       .client_known = true};
}

/* Fails unless the text of TYPE is WANTED. */
#define name_test_expect(test, type, wanted) assert_string_equal((test)->text[type], wanted)

#endif
