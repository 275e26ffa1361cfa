/*
 * The table of packets seen, by itself: what makes two packets the same, and which of several equal
 * ones are copies. A random stream is compared with the rule in its plainest form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "packet/duplicate_table.h"

enum { HEADER4 = 14, CAPTURED = 120, WINDOW_NS = 10000000 };
static const uint64_t start_ns = 1700000000000000000ull;

static struct duplicate_table *table;
static uint8_t ipv4[CAPTURED], ipv6[CAPTURED];

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* UDP behind IPv4 and behind IPv6, 106 and 106 octets, 14 octets of Ethernet before them. */
static void make_packets(void)
{
    for (unsigned i = 0; i < CAPTURED; i++)
        ipv4[i] = ipv6[i] = (uint8_t)i;
    put16(ipv4 + 12, 0x0800);
    ipv4[14] = 0x45;
    put16(ipv4 + 16, CAPTURED - HEADER4);
    put16(ipv4 + 20, 0);
    ipv4[23] = 17;
    put16(ipv4 + 38, CAPTURED - HEADER4 - 20);
    put16(ipv6 + 12, 0x86dd);
    ipv6[14] = 0x60;
    put16(ipv6 + 18, CAPTURED - HEADER4 - 40);
    ipv6[20] = 17;
    put16(ipv6 + 58, CAPTURED - HEADER4 - 40);
}

static int open_table(void **state)
{
    (void)state;
    struct error error = {""};
    make_packets();
    table = duplicate_table_create(WINDOW_NS, &error);
    return table ? 0 : -1;
}

static int close_table(void **state)
{
    (void)state;
    duplicate_table_destroy(table);
    return 0;
}

/* One packet through the parser and the table. */
static bool is_copy_of_link(const uint8_t *data, uint32_t captured, enum link_layer link,
                            uint16_t port, uint64_t time_ns)
{
    static struct packet_batch batch;
    static struct packet_facts facts[PACKET_BATCH_MAX];
    const struct parser_config config = {.tunnels = 0};
    struct error error = {""};
    struct parser *parser = parser_create(&config, &error);
    assert_non_null(parser);
    batch.count = 1;
    batch.data[0] = data;
    batch.captured_length[0] = captured;
    batch.wire_length[0] = 2000;
    batch.timestamp_ns[0] = start_ns + time_ns;
    batch.port[0] = port;
    batch.link[0] = (uint8_t)link;
    assert_int_equal(parse_batch(parser, &batch, facts), 1);
    parser_destroy(parser);
    return duplicate_table_find(table, &batch, facts, 0, 1, 1) == 1;
}

static bool is_copy(const uint8_t *data, uint16_t port, uint64_t time_ns)
{
    return is_copy_of_link(data, CAPTURED, LINK_ETHERNET, port, time_ns);
}

static void other_ports_have_copies(void **state)
{
    (void)state;
    const uint8_t *const packets[] = {ipv4, ipv6};
    for (unsigned p = 0; p < 2; p++) {
        assert_false(is_copy(packets[p], 1, 0));
        assert_true(is_copy(packets[p], 2, 100));
        assert_true(is_copy(packets[p], 3, 200)); /* a third port */
    }
}

static void the_same_port_has_none(void **state)
{
    (void)state;
    assert_false(is_copy(ipv4, 1, 0));
    assert_false(is_copy(ipv4, 1, 100)); /* sent again */
    assert_true(is_copy(ipv4, 2, 200));
    assert_true(is_copy(ipv4, 2, 300));
    assert_false(is_copy(ipv4, 2, 400)); /* one more than by port 1 */
    assert_true(is_copy(ipv4, 1, 500));
}

static void the_window_ends(void **state)
{
    (void)state;
    assert_false(is_copy(ipv4, 1, WINDOW_NS));
    assert_true(is_copy(ipv4, 2, 2 * WINDOW_NS));
    assert_true(is_copy(ipv4, 3, 0)); /* earlier, though it comes later */
    assert_false(is_copy(ipv4, 4, 2 * WINDOW_NS + 1));
    assert_true(is_copy(ipv4, 1, 2 * WINDOW_NS + 2)); /* now of port 4's */
}

static void what_routers_change_is_left_out(void **state)
{
    (void)state;
    uint8_t copy[CAPTURED];
    static const struct {
        bool v6;
        unsigned offset; /* in the frame */
        unsigned bits;
        bool same;
    } changes[] = {
        {false, 0, 0xff, true},                           /* MAC addresses */
        {false, 11, 0xff, true},                          /* */
        {false, 15, 0xff, true},                          /* ToS */
        {false, 22, 0xff, true},                          /* TTL */
        {false, 24, 0xff, true},                          /* header checksum */
        {false, 25, 0xff, true},                          /* */
        {false, 18, 0x01, false},                         /* identification */
        {false, 19, 0x80, false},                         /* */
        {false, 20, 0x40, false},                         /* do not fragment */
        {false, 26, 0x01, false},                         /* addresses */
        {false, 33, 0x01, false},                         /* */
        {false, 41, 0x01, false},                         /* UDP checksum */
        {false, 77, 0x01, false},                         /* octet 64 */
        {false, 78, 0xff, true},                          /* octet 65 */
        {true, 0, 0xff, true},    {true, 14, 0x0f, true}, /* traffic class */
        {true, 15, 0xf0, true},                           /* */
        {true, 21, 0xff, true},                           /* hop limit */
        {true, 15, 0x01, false},                          /* flow label */
        {true, 17, 0x80, false},                          /* */
        {true, 22, 0x01, false},                          /* addresses */
        {true, 53, 0x01, false},                          /* */
        {true, 77, 0x01, false},                          /* octet 64 */
        {true, 78, 0xff, true},                           /* octet 65 */
    };
    for (unsigned c = 0; c < sizeof changes / sizeof changes[0]; c++) {
        const uint8_t *packet = changes[c].v6 ? ipv6 : ipv4;
        uint64_t time_ns = c * 3 * (uint64_t)WINDOW_NS;
        memcpy(copy, packet, CAPTURED);
        copy[changes[c].offset] ^= (uint8_t)changes[c].bits;
        assert_false(is_copy(packet, 1, time_ns));
        if (is_copy(copy, 2, time_ns + 1) != changes[c].same)
            fail_msg("IPv%d, octet %u: %s", changes[c].v6 ? 6 : 4, changes[c].offset,
                     changes[c].same ? "told apart" : "not told apart");
    }
}

static void link_layers_do_not_matter(void **state)
{
    (void)state;
    uint8_t tagged[CAPTURED + 4];
    memcpy(tagged, ipv4, 12);
    put16(tagged + 12, 0x8100);
    put16(tagged + 14, 7);
    memcpy(tagged + 16, ipv4 + 12, CAPTURED - 12);
    assert_false(is_copy(ipv4, 1, 0));
    assert_true(is_copy_of_link(tagged, sizeof tagged, LINK_ETHERNET, 2, 1));
    assert_true(is_copy_of_link(ipv4 + HEADER4, CAPTURED - HEADER4, LINK_RAW_IP, 3, 2));
}

/* Short packets: what is behind them in the frame is none of them, and their length counts. */
static void padding_and_length(void **state)
{
    (void)state;
    uint8_t copy[CAPTURED];
    put16(ipv4 + 16, 40);
    put16(ipv4 + 38, 20);
    memcpy(copy, ipv4, CAPTURED);
    memset(copy + HEADER4 + 40, 0xee, CAPTURED - HEADER4 - 40);
    assert_false(is_copy(ipv4, 1, 0));
    assert_true(is_copy(copy, 2, 1));
    put16(copy + 16, 41);
    assert_false(is_copy(copy, 3, 2));
    /* A total length of 0 means the rest of the frame; these frames are equally long. */
    put16(ipv4 + 16, 0);
    assert_false(is_copy_of_link(ipv4, CAPTURED, LINK_ETHERNET, 1, 3));
    assert_true(is_copy_of_link(ipv4, CAPTURED, LINK_ETHERNET, 2, 4));
}

static void too_many_ports_are_counted(void **state)
{
    (void)state;
    for (unsigned port = 0; port < DUPLICATE_POINTS_MAX; port++)
        assert_int_equal(is_copy(ipv4, (uint16_t)port, port), port > 0);
    assert_int_equal(duplicate_counters(table)->duplicate_overruns, 0);
    assert_false(is_copy(ipv4, DUPLICATE_POINTS_MAX, 20));
    assert_int_equal(duplicate_counters(table)->duplicate_overruns, 1);
}

static void number_packet(uint8_t *packet, uint32_t number)
{
    put16(packet + 18, number >> 16);
    put16(packet + 42, number & 0xffff);
}

/* More packets in a window than the table holds: some are forgotten, and it is said how many. */
static void a_full_table_forgets_the_oldest(void **state)
{
    (void)state;
    enum { PACKETS = 2 * DUPLICATE_TABLE_ENTRIES };
    for (uint32_t n = 0; n < PACKETS; n++) {
        number_packet(ipv4, n);
        assert_false(is_copy(ipv4, 1, n));
    }
    uint64_t evictions = duplicate_counters(table)->duplicate_evictions;
    assert_in_range(evictions, PACKETS - DUPLICATE_TABLE_ENTRIES, PACKETS);
    uint32_t found = 0;
    for (uint32_t n = PACKETS - 1000; n < PACKETS; n++) {
        number_packet(ipv4, n);
        found += is_copy(ipv4, 2, n);
    }
    assert_in_range(found, 1000 - 100, 1000);
    number_packet(ipv4, 5);
    assert_false(is_copy(ipv4, 2, 5));
    /* What is older than the window goes without a word. */
    evictions = duplicate_counters(table)->duplicate_evictions;
    for (uint32_t n = 0; n < 1000; n++) {
        number_packet(ipv4, n + PACKETS);
        assert_false(is_copy(ipv4, 1, 3ull * WINDOW_NS + n));
    }
    assert_int_equal(duplicate_counters(table)->duplicate_evictions, evictions);
}

/* The rule by counting: of equal packets as many are new as the port that saw most of them saw. */
static void random_streams(void **state)
{
    (void)state;
    enum { PORTS = 4, PACKETS = 6, ROUNDS = 2000 };
    uint32_t random = 12345;
    uint64_t time_ns = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t count[PACKETS][PORTS] = {{0}}, copies[PACKETS] = {0};
        time_ns += 2 * WINDOW_NS;
        for (unsigned n = 0; n < 40; n++) {
            random = random * 1664525 + 1013904223;
            unsigned packet = (random >> 8) % PACKETS, port = (random >> 16) % PORTS;
            uint8_t *data = packet % 2 ? ipv6 : ipv4;
            data[60] = (uint8_t)packet;
            copies[packet] += is_copy(data, (uint16_t)port, time_ns + (random >> 20));
            count[packet][port]++;
        }
        for (unsigned packet = 0; packet < PACKETS; packet++) {
            uint32_t all = 0, most = 0;
            for (unsigned port = 0; port < PORTS; port++) {
                all += count[packet][port];
                most = count[packet][port] > most ? count[packet][port] : most;
            }
            assert_int_equal(copies[packet], all - most);
        }
    }
}

/* The range, the set of usable packets and the number of the capture are heeded. */
static void only_what_is_asked_for(void **state)
{
    (void)state;
    static struct packet_batch batch;
    static struct packet_facts facts[PACKET_BATCH_MAX];
    const struct parser_config config = {.tunnels = 0};
    struct error error = {""};
    struct parser *parser = parser_create(&config, &error);
    assert_non_null(parser);
    batch.count = 6;
    for (unsigned i = 0; i < batch.count; i++) {
        batch.data[i] = ipv4;
        batch.captured_length[i] = batch.wire_length[i] = CAPTURED;
        batch.timestamp_ns[i] = start_ns;
        batch.capture[i] = (uint16_t)i;
        batch.link[i] = LINK_ETHERNET;
    }
    parse_batch(parser, &batch, facts);
    parser_destroy(parser);
    assert_int_equal(duplicate_table_find(table, &batch, facts, 2, 3, 0x3f & ~0x08u), 1 << 4);
    assert_int_equal(duplicate_table_find(table, &batch, facts, 3, 1, 0x3f), 1 << 3);
    assert_int_equal(duplicate_table_find(table, &batch, facts, 0, 1, 0x3f), 1);
}

#define TABLE_TEST(function) cmocka_unit_test_setup_teardown(function, open_table, close_table)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TABLE_TEST(other_ports_have_copies),
        TABLE_TEST(the_same_port_has_none),
        TABLE_TEST(the_window_ends),
        TABLE_TEST(what_routers_change_is_left_out),
        TABLE_TEST(link_layers_do_not_matter),
        TABLE_TEST(padding_and_length),
        TABLE_TEST(too_many_ports_are_counted),
        TABLE_TEST(a_full_table_forgets_the_oldest),
        TABLE_TEST(random_streams),
        TABLE_TEST(only_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
