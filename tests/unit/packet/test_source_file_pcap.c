/* The file source on classic pcap files: every layout, every cut, every lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "capture_builder.h"
#include "packet/source_file.h"

enum { MICRO = (int)0xa1b2c3d4, NANO = (int)0xa1b23c4d, MODIFIED = (int)0xa1b2cd34 };

static struct capture_builder builder;
static struct seen seen;

static void start(bool swapped)
{
    builder.size = 0;
    builder.swapped = swapped;
}

static void test_layouts(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        for (int nano = 0; nano < 2; nano++) {
            start(swapped);
            put_pcap_header(&builder, (uint32_t)(nano ? NANO : MICRO), 1);
            put_pcap_packet(&builder, 1700000000, 123456, 60, 60, 0x11);
            put_pcap_packet(&builder, 1700000001, 999999, 5, 1500, 0x22);
            put_pcap_packet(&builder, 0, 0, 0, 0, 0);
            see_bytes(builder.bytes, builder.size, &seen);
            assert_int_equal(seen.status, RECEIVE_END);
            assert_int_equal(seen.count, 3);
            uint64_t unit = nano ? 1 : 1000;
            assert_true(seen.packets[0].timestamp_ns == 1700000000ull * 1000000000 + 123456 * unit);
            assert_true(seen.packets[1].timestamp_ns == 1700000001ull * 1000000000 + 999999 * unit);
            assert_int_equal(seen.packets[1].captured_length, 5);
            assert_int_equal(seen.packets[1].wire_length, 1500);
            assert_int_equal(seen.packets[1].first_octet, 0x22);
            assert_int_equal(seen.packets[0].link, LINK_ETHERNET);
            assert_int_equal(seen.packets[2].timestamp_ns, 0);
        }
    }
}

static void test_modified_layout(void **state)
{
    (void)state;
    start(false);
    put_pcap_header(&builder, (uint32_t)MODIFIED, 1);
    for (uint8_t i = 1; i <= 3; i++) {
        put_pcap_packet(&builder, i, 0, 0, 0, 0);
        builder.size -= 8;
        put_u32(&builder, 30);
        put_u32(&builder, 90);
        put_u64(&builder, 0xffffffffffffffff);
        for (int k = 0; k < 30; k++)
            put_octets(&builder, &i, 1);
    }
    see_bytes(builder.bytes, builder.size, &seen);
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.packets[2].first_octet, 3);
    assert_int_equal(seen.packets[2].wire_length, 90);
}

static void test_link_types(void **state)
{
    (void)state;
    static const struct {
        uint32_t file;
        enum link_layer link;
    } rows[] = {
        {0, LINK_NULL_LOOP},    {1, LINK_ETHERNET},    {9, LINK_PPP},       {12, LINK_RAW_IP},
        {14, LINK_RAW_IP},      {50, LINK_PPP},        {101, LINK_RAW_IP},  {104, LINK_CHDLC},
        {108, LINK_LOOP},       {113, LINK_LINUX_SLL}, {228, LINK_RAW_IP},  {229, LINK_RAW_IP},
        {276, LINK_LINUX_SLL2}, {127, LINK_UNKNOWN},   {195, LINK_UNKNOWN}, {65535, LINK_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(i % 2 == 1);
        put_pcap_header(&builder, (uint32_t)MICRO, rows[i].file);
        put_pcap_packet(&builder, 1, 1, 40, 40, 1);
        see_bytes(builder.bytes, builder.size, &seen);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.packets[0].link, rows[i].link);
    }
}

static void test_frame_check_sequence(void **state)
{
    (void)state;
    start(false);
    put_pcap_header(&builder, (uint32_t)MICRO, 0x24000001); /* two units of two octets */
    put_pcap_packet(&builder, 1, 1, 64, 64, 1);
    put_pcap_packet(&builder, 1, 1, 30, 64, 1);
    put_pcap_packet(&builder, 1, 1, 62, 64, 1);
    put_pcap_packet(&builder, 1, 1, 3, 3, 1);
    see_bytes(builder.bytes, builder.size, &seen);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.packets[0].captured_length, 60);
    assert_int_equal(seen.packets[0].wire_length, 60);
    assert_int_equal(seen.packets[1].captured_length, 30);
    assert_int_equal(seen.packets[1].wire_length, 60);
    assert_int_equal(seen.packets[2].captured_length, 60);
    assert_int_equal(seen.packets[3].wire_length, 0);
    assert_int_equal(seen.octets, 180);
}

static void test_lengths_that_lie(void **state)
{
    (void)state;
    /* More captured than on the wire: what is there was on the wire. */
    start(false);
    put_pcap_header(&builder, (uint32_t)MICRO, 1);
    put_pcap_packet(&builder, 1, 0, 60, 10, 1);
    put_pcap_packet(&builder, 2, 0, 60, 0xffffffff, 1);
    see_bytes(builder.bytes, builder.size, &seen);
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.packets[0].wire_length, 60);
    assert_int_equal(seen.packets[1].wire_length, 0xffffffff);
    assert_true(seen.octets == 60 + 0xffffffffull);
    /* Old versions wrote the two lengths in the other order. */
    builder.bytes[6] = 3;
    start(false);
    builder.size = 24;
    put_pcap_packet(&builder, 1, 0, 100, 40, 1);
    builder.size -= 60;
    see_bytes(builder.bytes, builder.size, &seen);
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.packets[0].captured_length, 40);
    assert_int_equal(seen.packets[0].wire_length, 100);
    /* More than any packet can have: damage, and what came before counts. */
    start(true);
    put_pcap_header(&builder, (uint32_t)MICRO, 1);
    put_pcap_packet(&builder, 1, 0, 60, 60, 1);
    size_t bad = builder.size;
    put_pcap_packet(&builder, 1, 0, 0, 0x7fffffff, 1);
    builder.size -= 8;
    put_u32(&builder, 262145);
    put_u32(&builder, 262145);
    see_bytes(builder.bytes, builder.size, &seen);
    assert_int_equal(seen.status, RECEIVE_FAILED);
    assert_int_equal(seen.count, 1);
    char place[64];
    snprintf(place, sizeof place, "damaged at offset %zu: ", bad);
    assert_non_null(strstr(seen.problem, place));
}

static void test_times_out_of_range(void **state)
{
    (void)state;
    start(false);
    put_pcap_header(&builder, (uint32_t)MICRO, 1);
    put_pcap_packet(&builder, 0xffffffff, 0, 1, 1, 1);
    put_pcap_packet(&builder, 0xfffffffe, 999999, 1, 1, 1);
    put_pcap_packet(&builder, 10, 0xffffffff, 1, 1, 1);
    see_bytes(builder.bytes, builder.size, &seen);
    assert_true(seen.packets[0].timestamp_ns == PACKET_TIME_LIMIT_NS - 1);
    assert_true(seen.packets[1].timestamp_ns == PACKET_TIME_LIMIT_NS - 1000);
    assert_true(seen.packets[2].timestamp_ns == 10000000000ull + 4294967295000ull);
}

/* A file cut at each of its bytes gives the packets that are whole, and is damaged unless the
 * cut falls between two packets. */
static void test_every_cut(void **state)
{
    (void)state;
    size_t ends[6];
    start(false);
    put_pcap_header(&builder, (uint32_t)MICRO, 1);
    ends[0] = builder.size;
    for (uint32_t i = 1; i < 6; i++) {
        put_pcap_packet(&builder, i, 0, i * 7, 100, (uint8_t)i);
        ends[i] = builder.size;
    }
    for (size_t cut = 0; cut <= builder.size; cut++) {
        uint32_t whole = 0;
        bool clean = false;
        for (uint32_t i = 0; i < 6; i++) {
            clean = clean || ends[i] == cut;
            if (i > 0 && ends[i] <= cut)
                whole = i;
        }
        see_bytes(builder.bytes, cut, &seen);
        assert_int_equal(seen.count, whole);
        assert_int_equal(seen.status, clean ? RECEIVE_END : RECEIVE_FAILED);
    }
}

/* Whatever a byte is changed into, reading ends and stays inside the file. */
static void test_every_byte_changed(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    start(false);
    put_pcap_header(&builder, (uint32_t)MICRO, 1);
    for (uint32_t i = 1; i < 4; i++)
        put_pcap_packet(&builder, i, 0, 20, 100, (uint8_t)i);
    for (size_t at = 0; at < builder.size; at++) {
        uint8_t kept = builder.bytes[at];
        for (size_t v = 0; v < sizeof values; v++) {
            builder.bytes[at] = values[v];
            see_bytes(builder.bytes, builder.size, &seen);
            assert_true(seen.count <= 3);
            assert_true(seen.status == RECEIVE_END || seen.problem[0] != '\0');
        }
        builder.bytes[at] = kept;
    }
}

static void test_not_a_capture(void **state)
{
    (void)state;
    struct error error;
    char *path = write_capture(0, "#!/bin/sh\necho hello\n", 21);
    assert_null(source_file_open(&path, 1, &error));
    assert_non_null(strstr(error.text, "not a capture file"));
    assert_non_null(strstr(error.text, path));
    path = write_capture(0, "\x1f\x8b\x08\x00 and more bytes", 18);
    assert_null(source_file_open(&path, 1, &error));
    assert_non_null(strstr(error.text, "gzip"));
    char *missing = "/nonexistent/file.pcap";
    assert_null(source_file_open(&missing, 1, &error));
    assert_string_equal(error.text,
                        "/nonexistent/file.pcap: cannot open: No such file or directory");
    char *folder = "/tmp";
    assert_null(source_file_open(&folder, 1, &error));
    assert_non_null(strstr(error.text, "is a directory"));
    char *twice[] = {"-", "-"};
    assert_null(source_file_open(twice, 2, &error));
}

static int finish(void **state)
{
    (void)state;
    remove_captures();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),          cmocka_unit_test(test_modified_layout),
        cmocka_unit_test(test_link_types),       cmocka_unit_test(test_frame_check_sequence),
        cmocka_unit_test(test_lengths_that_lie), cmocka_unit_test(test_times_out_of_range),
        cmocka_unit_test(test_every_cut),        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_not_a_capture),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
