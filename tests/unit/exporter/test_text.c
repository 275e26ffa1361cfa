/*
 * Numbers and addresses as text, against the C library and against RFC 5952's own examples.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/text.h"

static void check_number(uint64_t value)
{
    char expected[32], got[32];
    snprintf(expected, sizeof expected, "%" PRIu64, value);
    *text_u64(got, value) = 0;
    assert_string_equal(got, expected);
}

static void numbers_are_what_printf_says(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 20000; value++)
        check_number(value);
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        check_number(power - 1);
        check_number(power);
        check_number(power * 10 - 1);
    }
    check_number(UINT64_MAX);
}

static void ipv4_addresses_are_dotted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t address[4] = {(uint8_t)i, (uint8_t)(255 - i), (uint8_t)(i * 7), (uint8_t)(i / 3)};
        char expected[INET_ADDRSTRLEN], got[TEXT_IPV4_MAX + 1];
        inet_ntop(AF_INET, address, expected, sizeof expected);
        *text_ipv4(got, address) = 0;
        assert_string_equal(got, expected);
    }
}

static void ipv6_addresses_follow_rfc5952(void **state)
{
    (void)state;
    static const char *const canonical[] = {"::",
                                            "::1",
                                            "1::",
                                            "2001:db8::1",
                                            "2001:db8:0:1:1:1:1:1",
                                            "2001:db8::1:0:0:1",
                                            "2001:0:0:1::1",
                                            "1:2:3:4:5:6:7:8",
                                            "1:2:3:4:5:6:7:0",
                                            "0:2:3:4:5:6:7:8",
                                            "1::8",
                                            "::ffff:192.0.2.1",
                                            "fe80::a:b",
                                            "1:0:2:0:3:0:4:0",
                                            "a:0:0:b:0:0:c:d",
                                            "64:ff9b::c000:201"};
    for (unsigned i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        uint8_t address[16];
        char got[TEXT_IPV6_MAX + 1];
        assert_int_equal(inet_pton(AF_INET6, canonical[i], address), 1);
        *text_ipv6(got, address) = 0;
        /* a:0:0:b:0:0:c:d has two runs of two: the first one is shortened */
        assert_string_equal(got, i == 14 ? "a::b:0:0:c:d" : canonical[i]);
    }
}

static void ipv6_addresses_read_back_and_fit(void **state)
{
    (void)state;
    for (unsigned zeros = 0; zeros < 256; zeros++) {
        for (unsigned fill = 0; fill < 3; fill++) {
            static const uint8_t fills[3][2] = {{0xff, 0xff}, {0x00, 0x0a}, {0x0b, 0xcd}};
            uint8_t address[16] = {0}, back[16];
            for (unsigned group = 0; group < 8; group++)
                if (!(zeros >> group & 1))
                    memcpy(address + 2 * group, fills[fill], 2);
            char got[TEXT_IPV6_MAX + 1];
            char *end = text_ipv6(got, address);
            *end = 0;
            assert_true(end - got <= TEXT_IPV6_MAX);
            assert_int_equal(inet_pton(AF_INET6, got, back), 1);
            assert_memory_equal(back, address, 16);
        }
    }
}

static void octets_are_hexadecimal(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {0x00, 0x1b, 0x2c, 0xff, 0x0a, 0x9e};
    char got[32];
    *text_hex(got, mac, 6, ':') = 0;
    assert_string_equal(got, "00:1b:2c:ff:0a:9e");
    *text_hex(got, mac, 3, 0) = 0;
    assert_string_equal(got, "001b2c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_what_printf_says),
        cmocka_unit_test(ipv4_addresses_are_dotted),
        cmocka_unit_test(ipv6_addresses_follow_rfc5952),
        cmocka_unit_test(ipv6_addresses_read_back_and_fit),
        cmocka_unit_test(octets_are_hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
