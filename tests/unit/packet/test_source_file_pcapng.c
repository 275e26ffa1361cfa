/* The file source on pcapng files: sections, interfaces, blocks, times, cuts and lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "capture_builder.h"

static struct capture_builder builder;
static struct seen seen;

static void start(bool swapped)
{
    builder.size = 0;
    builder.swapped = swapped;
}

static void see(void)
{
    see_bytes(builder.bytes, builder.size, &seen);
}

/* if_tsresol and, if not 0, if_tsoffset as options of an interface. */
static uint32_t time_options(uint8_t options[24], bool swapped, uint8_t resolution, int64_t offset)
{
    struct capture_builder *scratch = &(struct capture_builder){.swapped = swapped};
    put_u16(scratch, 2); /* if_name, to be skipped */
    put_u16(scratch, 3);
    put_octets(scratch, "va0", 4);
    put_u16(scratch, 9);
    put_u16(scratch, 1);
    put_octets(scratch, &resolution, 1);
    put_octets(scratch, "\0\0\0", 3);
    if (offset != 0) {
        scratch->size = 0; /* the name makes room */
        put_u16(scratch, 9);
        put_u16(scratch, 1);
        put_octets(scratch, &resolution, 1);
        put_octets(scratch, "\0\0\0", 3);
        put_u16(scratch, 14);
        put_u16(scratch, 8);
        put_u64(scratch, (uint64_t)offset);
    }
    put_u32(scratch, 0);
    memcpy(options, scratch->bytes, scratch->size);
    return (uint32_t)scratch->size;
}

static void test_sections_and_interfaces(void **state)
{
    (void)state;
    start(false);
    put_section(&builder);
    put_interface(&builder, 1, 0, "", 0);
    put_interface(&builder, 101, 0, "", 0);
    put_interface(&builder, 147, 0, "", 0);
    put_enhanced_packet(&builder, 0, 1000001, 61, 100, 0x10);
    put_enhanced_packet(&builder, 1, 1000002, 20, 20, 0x11);
    put_enhanced_packet(&builder, 2, 1000003, 20, 20, 0x12);
    put_other_block(&builder, 5, 64);
    put_obsolete_packet(&builder, 1, 1000004, 33, 40, 0x13);
    builder.swapped = true; /* a section of the other byte order, with interfaces of its own */
    put_section(&builder);
    put_other_block(&builder, 0x0bad, 0);
    put_interface(&builder, 113, 0, "", 0);
    put_enhanced_packet(&builder, 0, 1000005, 20, 20, 0x14);
    see();
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.count, 5);
    static const uint8_t links[] = {LINK_ETHERNET, LINK_RAW_IP, LINK_UNKNOWN, LINK_RAW_IP,
                                    LINK_LINUX_SLL};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(seen.packets[i].link, links[i]);
        assert_int_equal(seen.packets[i].first_octet, 0x10 + i);
        assert_true(seen.packets[i].timestamp_ns == (1000001ull + i) * 1000);
    }
    assert_int_equal(seen.packets[0].captured_length, 61);
    assert_int_equal(seen.packets[0].wire_length, 100);
}

static void test_time_resolutions(void **state)
{
    (void)state;
    static const struct {
        uint8_t resolution;
        int64_t offset_seconds;
        uint64_t units;
        uint64_t expected_ns;
    } rows[] = {
        {6, 0, 1700000000123456, 1700000000123456000},
        {9, 0, 1700000000123456789, 1700000000123456789},
        {0, 0, 1700000000, 1700000000000000000},
        {3, 100, 5, 100005000000},
        {12, 0, 1700000000123456789, 1700000000123456},
        {19, 1, 20000000000000000ull, 1002000000},
        {127, 7, UINT64_MAX, 7000000000},
        {0x80 | 32, 0, (1700000000ull << 32) | 0x80000000u, 1700000000500000000},
        {0x80 | 10, 0, 1024 * 3 + 512, 3500000000},
        {0x80 | 127, 2, UINT64_MAX, 2000000000},
        {9, -10, 5000000000, 0},
        {0, 0, UINT64_MAX, PACKET_TIME_LIMIT_NS - 1},
        {9, INT64_MAX, UINT64_MAX, PACKET_TIME_LIMIT_NS - 1},
        {9, INT64_MIN, UINT64_MAX, 0},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        uint8_t options[24];
        start(i % 2 == 1);
        put_section(&builder);
        uint32_t size = time_options(options, builder.swapped, rows[i / 2].resolution,
                                     rows[i / 2].offset_seconds);
        put_interface(&builder, 1, 0, options, size);
        put_enhanced_packet(&builder, 0, rows[i / 2].units, 60, 60, 1);
        see();
        assert_int_equal(seen.count, 1);
        if (seen.packets[0].timestamp_ns != rows[i / 2].expected_ns)
            fail_msg("row %zu: %lu", i / 2, (unsigned long)seen.packets[0].timestamp_ns);
    }
}

static void test_simple_packets(void **state)
{
    (void)state;
    start(true);
    put_section(&builder);
    put_interface(&builder, 1, 50, "", 0);
    put_simple_packet(&builder, 40, 40, 1); /* before any time */
    put_enhanced_packet(&builder, 0, 77, 4, 4, 2);
    put_simple_packet(&builder, 50, 1500, 3); /* cut by the snap length */
    put_simple_packet(&builder, 52, 50, 4);   /* padding is no data */
    see();
    assert_int_equal(seen.status, RECEIVE_END);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.packets[0].timestamp_ns, 0);
    assert_int_equal(seen.packets[2].timestamp_ns, 77000);
    assert_int_equal(seen.packets[2].captured_length, 50);
    assert_int_equal(seen.packets[2].wire_length, 1500);
    assert_int_equal(seen.packets[3].captured_length, 50);
    /* Less in the block than the snap length promises. */
    put_simple_packet(&builder, 20, 1500, 5);
    see();
    assert_int_equal(seen.status, RECEIVE_FAILED);
    assert_int_equal(seen.count, 4);
}

static void test_frame_check_sequence(void **state)
{
    (void)state;
    for (int in_bits = 0; in_bits < 2; in_bits++) {
        const uint8_t options[] = {13, 0, 1, 0, in_bits ? 32 : 4, 0, 0, 0};
        start(false);
        put_section(&builder);
        put_interface(&builder, 1, 0, options, sizeof options);
        put_enhanced_packet(&builder, 0, 1, 64, 64, 1);
        see();
        assert_int_equal(seen.packets[0].captured_length, 60);
        assert_int_equal(seen.packets[0].wire_length, 60);
    }
}

/* Every lie ends the file there, after the one packet that came before. */
static void expect_damage(const char *what)
{
    see();
    assert_int_equal(seen.status, RECEIVE_FAILED);
    assert_int_equal(seen.count, 1);
    assert_non_null(strstr(seen.problem, what));
}

static size_t start_good(void)
{
    start(false);
    put_section(&builder);
    put_interface(&builder, 1, 0, "", 0);
    put_enhanced_packet(&builder, 0, 1, 60, 60, 1);
    return builder.size;
}

static void test_lies(void **state)
{
    (void)state;
    size_t at = start_good();
    put_enhanced_packet(&builder, 1, 1, 60, 60, 1);
    expect_damage("interface 1, which is not described");
    at = start_good();
    put_enhanced_packet(&builder, 0, 1, 60, 60, 1);
    builder.bytes[at + 20] = 61; /* more captured than the block holds */
    expect_damage("61 captured bytes");
    at = start_good();
    put_enhanced_packet(&builder, 0, 1, 60, 60, 1);
    builder.bytes[builder.size - 4] ^= 4; /* the length behind the block */
    expect_damage("at its end");
    at = start_good();
    put_other_block(&builder, 5, 300);
    builder.bytes[builder.size - 4] ^= 4;
    expect_damage("at its end");
    at = start_good();
    put_other_block(&builder, 5, 0);
    builder.bytes[at + 4] = 8; /* shorter than its own frame */
    expect_damage("a block of 8 octets");
    at = start_good();
    put_other_block(&builder, 5, 0);
    builder.bytes[at + 4] = 13;
    expect_damage("a block of 13 octets");
    at = start_good();
    put_other_block(&builder, 6, 4); /* a packet block without room for its fields */
    expect_damage("a packet block of 16 octets");
    at = start_good();
    put_section(&builder);
    builder.bytes[at + 8] = 0; /* the byte-order magic */
    expect_damage("unknown byte order");
    at = start_good();
    put_section(&builder);
    builder.bytes[at + 12] = 9;
    expect_damage("version 9");
    start_good();
    put_interface(&builder, 1, 0, "\x09\0\xff\0\x06\0\0", 8);
    expect_damage("option runs past");
    at = start_good();
    put_enhanced_packet(&builder, 0, 1, 60, 60, 1);
    builder.bytes[at + 7] = 0x70; /* 1.8 GB */
    expect_damage("at most");
}

/* As test_every_cut of pcap: a cut between two blocks is a clean end. */
static void test_every_cut(void **state)
{
    (void)state;
    size_t ends[8];
    uint32_t packets[8] = {0, 0, 1, 1, 2, 3, 3, 4};
    start(false);
    put_section(&builder);
    ends[0] = builder.size;
    put_interface(&builder, 1, 0, "", 0);
    ends[1] = builder.size;
    put_enhanced_packet(&builder, 0, 1, 21, 60, 1);
    ends[2] = builder.size;
    put_other_block(&builder, 4, 40);
    ends[3] = builder.size;
    put_obsolete_packet(&builder, 0, 1, 22, 60, 2);
    ends[4] = builder.size;
    put_simple_packet(&builder, 23, 23, 3);
    ends[5] = builder.size;
    put_other_block(&builder, 10, 4);
    ends[6] = builder.size;
    put_enhanced_packet(&builder, 0, 1, 0, 60, 0);
    ends[7] = builder.size;
    for (size_t cut = 0; cut <= builder.size; cut++) {
        uint32_t whole = 0;
        bool clean = false;
        for (uint32_t i = 0; i < 8; i++) {
            clean = clean || ends[i] == cut;
            if (ends[i] <= cut)
                whole = packets[i];
        }
        see_bytes(builder.bytes, cut, &seen);
        assert_int_equal(seen.count, whole);
        assert_int_equal(seen.status, clean ? RECEIVE_END : RECEIVE_FAILED);
    }
}

static void test_every_byte_changed(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x04, 0x7f, 0x80, 0xff};
    uint8_t options[24];
    start(true);
    put_section(&builder);
    uint32_t size = time_options(options, true, 9, 5);
    put_interface(&builder, 1, 30, options, size);
    put_enhanced_packet(&builder, 0, 1, 21, 60, 1);
    put_other_block(&builder, 4, 8);
    put_simple_packet(&builder, 23, 23, 3);
    put_obsolete_packet(&builder, 0, 1, 22, 60, 2);
    for (size_t at = 0; at < builder.size; at++) {
        uint8_t kept = builder.bytes[at];
        for (size_t v = 0; v < sizeof values; v++) {
            builder.bytes[at] = values[v];
            see();
            assert_true(seen.count <= 3);
            assert_true(seen.status == RECEIVE_END || seen.problem[0] != '\0');
        }
        builder.bytes[at] = kept;
    }
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
        cmocka_unit_test(test_sections_and_interfaces),
        cmocka_unit_test(test_time_resolutions),
        cmocka_unit_test(test_simple_packets),
        cmocka_unit_test(test_frame_check_sequence),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_byte_changed),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
