/*
 * Crypto-PAn against the sample that its authors published and values that other implementations
 * agree on, the property that it is made for, its key file, and the records of a destination.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "anonymise/crypto_pan.h"
#include "fake_transport.h"
#include "record_builder.h"
#include "template/record_values.h"

/* The key of the published sample. */
static const uint8_t sample_key[CRYPTO_PAN_KEY_OCTETS] = {
    21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
    216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};

static struct crypto_pan *sample(void)
{
    struct error error = {""};
    struct crypto_pan *pan = crypto_pan_create(sample_key, &error);
    assert_non_null(pan);
    return pan;
}

static void published_ipv4(void **state)
{
    static const char *const pairs[][2] = {
        {"128.11.68.132", "135.242.180.132"},   {"129.118.74.4", "134.136.186.123"},
        {"130.132.252.244", "133.68.164.234"},  {"141.223.7.43", "141.167.8.160"},
        {"141.233.145.108", "141.129.237.235"}, {"152.163.225.39", "151.140.114.167"},
        {"156.29.3.236", "147.225.12.42"},      {"165.247.96.84", "162.9.99.234"},
        {"166.107.77.190", "160.132.178.185"},  {"192.102.249.13", "252.138.62.131"},
        {"192.215.32.125", "252.43.47.189"},    {"205.188.147.153", "242.96.16.101"},
        {"205.188.248.25", "242.96.88.27"},     {"24.0.250.221", "100.15.198.226"},
        {"24.5.0.80", "100.9.15.210"},          {"38.15.67.68", "64.3.66.187"},
        {"4.3.88.225", "124.60.155.63"},        {"63.97.7.140", "95.97.9.123"},
        {"64.34.154.117", "0.221.154.117"},     {"64.39.15.238", "0.219.7.41"}};
    struct crypto_pan *pan = sample();
    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) /* computed, and kept */
        for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
            uint8_t address[4];
            char text[INET_ADDRSTRLEN];
            assert_int_equal(inet_pton(AF_INET, pairs[i][0], address), 1);
            crypto_pan_ipv4(pan, address);
            inet_ntop(AF_INET, address, text, sizeof text);
            assert_string_equal(text, pairs[i][1]);
        }
    crypto_pan_destroy(pan);
}

static void agreed_ipv6(void **state)
{
    static const char *const pairs[][2] = {{"2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"},
                                           {"2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"},
                                           {"::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"},
                                           {"::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"},
                                           {"::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"}};
    struct crypto_pan *pan = sample();
    (void)state;
    for (unsigned turn = 0; turn < 2; turn++)
        for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
            uint8_t address[16];
            char text[INET6_ADDRSTRLEN];
            assert_int_equal(inet_pton(AF_INET6, pairs[i][0], address), 1);
            crypto_pan_ipv6(pan, address);
            inet_ntop(AF_INET6, address, text, sizeof text);
            assert_string_equal(text, pairs[i][1]);
        }
    crypto_pan_destroy(pan);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned octets)
{
    for (unsigned bit = 0; bit < octets * 8; bit++)
        if ((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1)
            return bit;
    return octets * 8;
}

/* Pairs of addresses that have N bits in common have N bits in common afterwards: no more, no less.
 * So different addresses stay different. */
static void prefixes_are_preserved(void **state)
{
    struct crypto_pan *pan = sample();
    uint64_t random = 7;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned octets = i % 2 ? 16 : 4;
        uint8_t a[16], b[16];
        for (unsigned byte = 0; byte < sizeof a; byte++)
            a[byte] = (uint8_t)next_random(&random);
        unsigned common = (unsigned)(next_random(&random) % (octets * 8));
        for (unsigned byte = 0; byte < sizeof b; byte++)
            b[byte] = byte < common / 8 ? a[byte] : (uint8_t)next_random(&random);
        uint8_t keep = (uint8_t)(0xff00u >> common % 8);
        b[common / 8] = (uint8_t)((a[common / 8] & keep) | (b[common / 8] & (uint8_t)~keep));
        common = common_bits(a, b, octets);
        for (unsigned which = 0; which < 2; which++) {
            if (octets == 16)
                crypto_pan_ipv6(pan, which ? b : a);
            else
                crypto_pan_ipv4(pan, which ? b : a);
        }
        assert_int_equal(common_bits(a, b, octets), common);
    }
    crypto_pan_destroy(pan);
}

/* ---- the key file ---- */

static int read_key(const void *text, size_t octets, mode_t mode, uint8_t *key, struct error *error)
{
    char path[] = "/tmp/spanflow-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, octets), octets);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    int result = crypto_pan_read_key(path, key, error);
    unlink(path);
    return result;
}

static void key_files(void **state)
{
    uint8_t key[CRYPTO_PAN_KEY_OCTETS];
    char hex[80];
    struct error error = {""};
    (void)state;
    for (unsigned i = 0; i < CRYPTO_PAN_KEY_OCTETS; i++)
        snprintf(hex + (size_t)2 * i, 3, i % 2 ? "%02x" : "%02X", sample_key[i]);
    assert_int_equal(read_key(sample_key, 32, 0600, key, &error), 0);
    assert_memory_equal(key, sample_key, sizeof key);
    memset(key, 0, sizeof key);
    assert_int_equal(read_key(hex, 64, 0400, key, &error), 0);
    assert_memory_equal(key, sample_key, sizeof key);
    memmove(hex + 2, hex, 64);
    memcpy(hex, "0x", 2);
    memcpy(hex + 66, "\r\n", 3);
    memset(key, 0, sizeof key);
    assert_int_equal(read_key(hex, 68, 0600, key, &error), 0);
    assert_memory_equal(key, sample_key, sizeof key);
    assert_int_equal(read_key("12345678901234567890123456789012\n", 33, 0600, key, &error), 0);
    assert_memory_equal(key, "12345678901234567890123456789012", 32);
    /* 32 octets are a key whatever they are, also if the last is a line end. */
    assert_int_equal(read_key("1234567890123456789012345678901\n", 32, 0600, key, &error), 0);
    assert_memory_equal(key, "1234567890123456789012345678901\n", 32);
}

static void wrong_key_files(void **state)
{
    static const char digits[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg";
    static const struct {
        const char *text;
        size_t octets;
        mode_t mode;
        const char *says;
    } cases[] = {{"", 0, 0600, "0 octets are no key"},
                 {digits, 31, 0600, "31 octets are no key"},
                 {digits, 33, 0600, "33 octets are no key"},
                 {digits, 64, 0600, "not all hexadecimal digits"},
                 {digits, 32, 0640, "mode 0640"},
                 {digits, 32, 0604, "mode 0604"},
                 {digits, 32, 0620, "mode 0620"}};
    uint8_t key[CRYPTO_PAN_KEY_OCTETS], large[4096] = {0};
    struct error error = {""};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_key(cases[i].text, cases[i].octets, cases[i].mode, key, &error), -1);
        if (!strstr(error.text, cases[i].says))
            fail_msg("%u: %s", i, error.text);
    }
    assert_int_equal(read_key(large, sizeof large, 0600, key, &error), -1);
    assert_non_null(strstr(error.text, "more than 68 octets are no key"));
    assert_int_equal(crypto_pan_read_key("/nonexistent/key", key, &error), -1);
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(crypto_pan_read_key("/tmp", key, &error), -1);
    assert_non_null(strstr(error.text, "not a file"));
}

/* ---- records ---- */

static void fill(struct record_values *values, struct values_context *context,
                 const struct flow_description *flow, uint8_t *lines, unsigned side)
{
    record_build(flow, lines);
    struct flow_record record = flow_record_at(lines);
    memset(values, 0xee, sizeof *values);
    record_values_fill(values, context, &record, side);
}

/* Only addresses differ from what another destination tells of the record. */
static void values_of_a_record(void **state)
{
    _Alignas(FLOW_LINE) uint8_t lines[FLOW_ELEMENT_LINES_MAX * FLOW_LINE], before[sizeof lines];
    static struct exporting_process_config process;
    static struct values_context context;
    struct record_values plain, other;
    struct crypto_pan *pan = sample();
    (void)state;
    fake_config(&process);
    values_context_init(&context, &process, &process.destinations[0], UINT32_MAX, false);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct flow_description flow;
        record_describe(&flow, seed, SIMPLE_SECOND * 1000000000ull);
        for (unsigned side = 0; side < 2; side++) {
            context.anonymiser = NULL;
            fill(&plain, &context, &flow, lines, side);
            memcpy(before, lines, sizeof lines);
            context.anonymiser = pan;
            fill(&other, &context, &flow, lines, side);
            assert_memory_equal(before, lines, sizeof lines);
            for (unsigned at = flow.family == 6 ? 0 : 24; at < 32;) {
                if (flow.family == 6)
                    crypto_pan_ipv6(pan, plain.address + at);
                else
                    crypto_pan_ipv4(pan, plain.address + at);
                at += flow.family == 6 ? 16 : 4;
            }
            memset(plain.source_mac, 0, 6);
            memset(plain.destination_mac, 0, 6);
            assert_memory_equal(&plain, &other, sizeof plain);
        }
    }
    crypto_pan_destroy(pan);
}

/* Of a prefix aggregate the prefix alone is told, and it is that of its addresses. */
static void values_of_an_aggregate(void **state)
{
    _Alignas(FLOW_LINE) uint8_t lines[FLOW_ELEMENT_LINES_MAX * FLOW_LINE];
    static struct exporting_process_config process;
    static struct values_context context;
    struct record_values values;
    struct flow_description flow;
    struct flow_extra extra = {
        .aggregate = 1, .source_prefix_length = 21, .destination_prefix_length = 0};
    uint8_t inside[4] = {192, 0, 15, 77}, outside[4] = {192, 0, 16, 77};
    (void)state;
    fake_config(&process);
    values_context_init(&context, &process, &process.destinations[0], UINT32_MAX, false);
    context.anonymiser = sample();
    describe_simple(&flow);
    memcpy(flow.source, (uint8_t[]){192, 0, 8, 0}, 4);
    memset(flow.destination, 0, 4);
    record_build(&flow, lines);
    struct flow_record record = flow_record_at(lines);
    record.extra = &extra;
    unsigned side = record.hot->key.address_a == 0;
    record_values_fill(&values, &context, &record, side);
    crypto_pan_ipv4(context.anonymiser, inside);
    crypto_pan_ipv4(context.anonymiser, outside);
    assert_int_equal(common_bits(values.address + 24, inside, 4) >= 21, 1);
    assert_int_equal(common_bits(values.address + 24, outside, 4) < 21, 1);
    assert_int_equal(values.address[26] & 7, 0);
    assert_int_equal(values.address[27], 0);
    assert_memory_equal(values.address + 28, "\0\0\0\0", 4);
    crypto_pan_destroy(context.anonymiser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_ipv4),         cmocka_unit_test(agreed_ipv6),
        cmocka_unit_test(prefixes_are_preserved), cmocka_unit_test(key_files),
        cmocka_unit_test(wrong_key_files),        cmocka_unit_test(values_of_a_record),
        cmocka_unit_test(values_of_an_aggregate)};
    return cmocka_run_group_tests_name("anonymise", tests, NULL, NULL);
}
