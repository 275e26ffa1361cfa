/*
 * Messages octet by octet: headers, Sets, padding, sequence numbers, v9 uptime and count, times,
 * and that no message is longer than the MTU allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "record_builder.h"

static const uint64_t second_ns = 1000000000u;

/* Exports FLOW once; the messages are in FAKE. */
static void export_one(const struct exporting_process_config *config,
                       const struct flow_description *flow, uint64_t export_ns,
                       struct fake_transport *fake)
{
    struct record_ring *ring = fake_ring(1024);
    struct exporting_process *process = fake_process(config, &ring, 1, fake);
    assert_int_equal(record_push(ring, flow), 0);
    assert_true(exporting_process_drain(process, 1, export_ns, NULL));
    exporting_process_destroy(process);
    record_ring_destroy(ring);
}

static void check_octets(const struct fake_transport *fake, uint32_t i, const char *hex)
{
    uint32_t octets;
    const uint8_t *message = fake_message(fake, i, &octets);
    assert_int_equal(octets, strlen(hex) / 2);
    for (uint32_t at = 0; at < octets; at++) {
        char digits[3] = {hex[2 * at], hex[2 * at + 1], 0};
        if (message[at] != strtoul(digits, NULL, 16))
            fail_msg("octet %u is %02x instead of %s", at, message[at], digits);
    }
}

/* The two records of describe_simple() in the plain profile: source, destination, ports, protocol,
 * flags, ToS, interfaces, VLAN, direction, end reason, octets, packets, start, end. */
#define SIMPLE_RECORDS                                                                             \
    "c00002010a0000099c4001bb061bb8000000000000000000000003"                                       \
    "000000000000012c0000000000000003"                                                             \
    "0000018bcfe56b380000018bcfe56b84"                                                             \
    "0a000009c000020101bb9c40061200000000000000000000000003"                                       \
    "000000012a05f2000000000000000002"                                                             \
    "0000018bcfe56b3e0000018bcfe56be8"

static void ipfix_data_message_is_exact(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct flow_description flow;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    describe_simple(&flow);
    export_one(&config, &flow, SIMPLE_SECOND * second_ns, fake);
    assert_int_equal(fake->message_count, 2);
    /* version, length 140, time: the end of the second record rounded up, sequence 0, domain 1;
     * one Set of 4 + 118 + 2 octets, padded with zeros */
    check_octets(fake, 1,
                 "000a008c6553f1020000000000000001"
                 "397a007c" SIMPLE_RECORDS "0000");
    free(fake);
}

/* sysUptime and the second in the header must name one instant */
static void netflow9_boot_is_a_whole_second(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct flow_description flow;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.destinations[0].version = 9;
    describe_simple(&flow);
    export_one(&config, &flow, SIMPLE_SECOND * second_ns + 824999999, fake);
    assert_int_equal(fake->message_count, 2);
    uint32_t octets;
    const uint8_t *templates = fake_message(fake, 0, &octets);
    /* boot is 1699999999; this message is of 1700000001 */
    assert_int_equal(get32(templates + 4), 2000);
    assert_int_equal(get32(templates + 8), SIMPLE_SECOND + 1);
    assert_int_equal(get16(templates + 2), 4); /* count: four templates */
    assert_int_equal(get16(templates + 20), 0);
    const uint8_t *data = fake_message(fake, 1, &octets);
    assert_int_equal(octets, 20 + 4 + 118 + 2);
    assert_int_equal(get16(data), 9);
    assert_int_equal(get16(data + 2), 2);
    assert_int_equal(get32(data + 4), 3000);
    assert_int_equal(get32(data + 8), SIMPLE_SECOND + 2);
    assert_int_equal(get32(data + 12), 1); /* one message came before */
    assert_int_equal(get32(data + 16), 1);
    assert_int_equal(get16(data + 22), 4 + 118 + 2);
    assert_int_equal(get16(data + 142), 0); /* padding */
    free(fake);
}

/* sysUptime of record and header from one boot second; a biflow is two records */
static void netflow5_message_is_exact(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct flow_description flow;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.destinations[0].version = 5;
    config.destinations[0].profile = PROFILE_V5;
    config.destinations[0].domain = 0x0203;
    config.sampling_interval = 100;
    config.interface_count = 1;
    config.interfaces[0].ifindex = 7;
    config.interfaces[0].partner_ifindex = 65536;
    describe_simple(&flow);
    flow.direction[0].port = 0;
    flow.direction[1].octets = 4000000000;
    export_one(&config, &flow, SIMPLE_SECOND * second_ns, fake);
    assert_int_equal(fake->message_count, 1);
    /* boot is 1699999999, the message of 1700000002: uptime 3000; engine 2/3; mode 1, 1/100 */
    check_octets(fake, 0,
                 "0005000200000bb8"
                 "6553f10200000000"
                 "0000000002034064"
                 "c00002010a000009"
                 "0000000000070000"
                 "000000030000012c"
                 "000007200000076c"
                 "9c4001bb001b06b8"
                 "0000000000000000"
                 "0a000009c0000201"
                 "0000000000000000"
                 "00000002ee6b2800"
                 "00000726000007d0"
                 "01bb9c4000120600"
                 "0000000000000000");
    free(fake);
}

static void netflow5_leaves_out_ipv6_and_counts_it(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.destinations[0].version = 5;
    config.destinations[0].profile = PROFILE_V5;
    config.destinations[0].mtu = 9000;
    struct record_ring *ring = fake_ring(1 << 14);
    struct exporting_process *process = fake_process(&config, &ring, 1, fake);
    uint32_t ipv6 = 0, count = 0;
    for (uint64_t i = 0; i < 400; i++) {
        struct flow_description flow;
        record_describe(&flow, i, SIMPLE_SECOND * second_ns);
        ipv6 += flow.family == 6;
        assert_int_equal(record_push(ring, &flow), 0);
    }
    while (!exporting_process_drain(process, 1, SIMPLE_SECOND * second_ns, NULL))
        continue;
    for (uint32_t i = 0; i < fake->message_count; i++) {
        uint32_t octets;
        const uint8_t *message = fake_message(fake, i, &octets);
        assert_in_range(get16(message + 2), 1, 30);
        assert_int_equal(octets, 24 + 48 * get16(message + 2));
        assert_int_equal(get32(message + 16), count); /* the sequence counts records */
        count += get16(message + 2);
    }
    static struct exporter_counters counters;
    exporting_process_counters(process, &counters);
    assert_true(ipv6 > 100);
    assert_int_equal(counters.destination[0].lost[DESTINATION_LOST_NOT_REPRESENTABLE], ipv6);
    assert_int_equal(counters.destination[0].sent, 400 - ipv6);
    assert_int_equal(counters.destination[0].data_records, count);
    assert_true(counters.destination[0].lost_packets > ipv6);
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    free(fake);
}

/* Whether the Set at AT holds options data: its Options Template stands before it. */
static bool find_options(const uint8_t *message, uint32_t at)
{
    for (uint32_t set = 16; set < at; set += get16(message + set + 2))
        if (get16(message + set) == 3 && get16(message + set + 4) == get16(message + at))
            return true;
    return false;
}

/* Sums of the counters at OFFSETS (octets, packets) of data records in data Sets. */
static uint32_t add_records(const struct fake_transport *fake, uint32_t record, uint32_t octets_at,
                            uint64_t sums[2])
{
    uint32_t records = 0, octets;
    for (uint32_t i = 0; i < fake->message_count; i++) {
        const uint8_t *message = fake_message(fake, i, &octets);
        for (uint32_t at = 16; at < octets; at += get16(message + at + 2)) {
            if (get16(message + at) < 256 || find_options(message, at))
                continue;
            uint32_t inside = get16(message + at + 2) - 4;
            for (uint32_t r = 0; r + record <= inside; r += record, records++) {
                const uint8_t *data = message + at + 4 + r;
                assert_int_equal(get32(data + octets_at), 0); /* below 2^32 */
                assert_int_not_equal(get32(data + octets_at + 4), 0);
                assert_int_not_equal(get32(data + octets_at + 12), 0);
                sums[0] += get32(data + octets_at + 4);
                sums[1] += get32(data + octets_at + 12);
            }
        }
    }
    return records;
}

/* SiLK and v5 keep 32 bits: more octets are told by several records whose sum is exact. */
static void counters_beyond_32_bits_are_told_by_several_records(void **state)
{
    (void)state;
    static const uint64_t cases[][3] = {/* octets, packets, records */
                                        {4294967295, 5000000, 1},
                                        {4294967296, 5000000, 2},
                                        {4294967296, 1, 0}, /* one packet cannot be two records */
                                        {43000000001, 70000001, 11},
                                        {300, 4294967296, 2},
                                        {5000000000000, 4000000000, 0}}; /* too many */
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exporting_process_config config;
        struct flow_description flow;
        struct fake_transport *fake = fake_transport_new();
        fake_config(&config);
        config.destinations[0].profile = PROFILE_SILK;
        config.destinations[0].mtu = 65535;
        describe_simple(&flow);
        flow.direction[0].octets = cases[i][0];
        flow.direction[0].packets = cases[i][1];
        flow.direction[1].packets = 0;
        export_one(&config, &flow, SIMPLE_SECOND * second_ns, fake);
        uint64_t sums[2] = {0};
        uint32_t records = add_records(fake, 59 + 6, 27, sums);
        assert_int_equal(records, cases[i][2]);
        if (records) {
            assert_int_equal(sums[0], cases[i][0]);
            assert_int_equal(sums[1], cases[i][1]);
        }
        free(fake);
    }
}

static void ipfix_templates_are_exact(void **state)
{
    (void)state;
    static const uint16_t fields[][2] = {{8, 4}, {12, 4}, {7, 2},   {11, 2}, {4, 1},  {6, 1},
                                         {5, 1}, {10, 4}, {14, 4},  {58, 2}, {61, 1}, {136, 1},
                                         {1, 8}, {2, 8},  {152, 8}, {153, 8}};
    struct exporting_process_config config;
    struct flow_description flow;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    describe_simple(&flow);
    export_one(&config, &flow, SIMPLE_SECOND * second_ns, fake);
    uint32_t octets;
    const uint8_t *message = fake_message(fake, 0, &octets);
    assert_int_equal(octets, 16 + 4 + 2 * (4 + 16 * 4) + 2 * (4 + 17 * 4));
    assert_int_equal(get16(message + 16), 2);
    assert_int_equal(get16(message + 18), octets - 16);
    assert_int_equal(get32(message + 8), 0); /* templates do not count in the sequence */
    assert_int_equal(get16(message + 20), 14714);
    assert_int_equal(get16(message + 22), 16);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(get16(message + 24 + 4 * i), fields[i][0]);
        assert_int_equal(get16(message + 26 + 4 * i), fields[i][1]);
    }
    free(fake);
}

static void biflow_template_has_enterprise_fields_first(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct flow_description flow;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.destinations[0].biflow = true;
    describe_simple(&flow);
    export_one(&config, &flow, SIMPLE_SECOND * second_ns, fake);
    uint32_t octets;
    const uint8_t *message = fake_message(fake, 0, &octets), *at = message + 20;
    for (unsigned i = 0; i < 4; i++) /* past the uniflow templates */
        at += 4 + 4 * get16(at + 2);
    assert_int_equal(get16(at + 2), 19);
    assert_int_equal(get16(at + 4), 0x8001);
    assert_int_equal(get16(at + 6), 8);
    assert_int_equal(get32(at + 8), 29305);
    assert_int_equal(get16(at + 12), 0x8002);
    assert_int_equal(get32(at + 16), 29305);
    assert_int_equal(get16(at + 20), 8);
    /* one record: reverse octets and packets, then the initiator's direction */
    const uint8_t *data = fake_message(fake, 1, &octets);
    assert_int_equal(octets, 16 + 4 + 16 + 59 + 1);
    assert_int_equal(get16(data + 16), get16(at));
    assert_int_equal(get32(data + 20), 1);
    assert_int_equal(get32(data + 24), 5000000000 - (1ull << 32));
    assert_int_equal(get32(data + 32), 2);
    assert_int_equal(get32(data + 36), 0xc0000201);
    assert_int_equal(data[20 + 16 + 59], 1); /* 239: the initiator was seen */
    free(fake);
}

static void records_end_before_the_export_time(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct flow_description flow;
    fake_config(&config);
    describe_simple(&flow);
    static const uint64_t cases[][3] = {/* end of the record, export_ns, second in the header */
                                        {5000000000, 5000000000, 5},
                                        {5000000001, 5000000000, 6},
                                        {5000000000, 5000000001, 6},
                                        {4000000000, 7999999999, 8}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_transport *fake = fake_transport_new();
        flow.direction[1].packets = 0;
        flow.direction[0].first_ns = 1000000000;
        flow.direction[0].last_ns = cases[i][0];
        export_one(&config, &flow, cases[i][1], fake);
        uint32_t octets;
        assert_int_equal(get32(fake_message(fake, 1, &octets) + 4), cases[i][2]);
        free(fake);
    }
}

/* Steps through Sets; returns data records of a message whose records have RECORD octets. */
static uint32_t count_records(const uint8_t *message, uint32_t octets, uint32_t record)
{
    uint32_t records = 0;
    for (uint32_t at = 16; at < octets; at += get16(message + at + 2)) {
        assert_in_range(get16(message + at), 256, 65535);
        assert_int_equal(get16(message + at + 2) % 4, 0);
        records += (get16(message + at + 2) - 4) / record;
    }
    return records;
}

/* For every MTU a message is as full as it can be and never longer; the sequence is exact. */
static void messages_fill_the_mtu_and_never_exceed_it(void **state)
{
    (void)state;
    struct flow_description flow;
    describe_simple(&flow);
    flow.direction[1].packets = 0;
    for (uint32_t mtu = 512; mtu < 512 + 2 * 59 + 5; mtu++) {
        struct exporting_process_config config;
        struct fake_transport *fake = fake_transport_new();
        fake_config(&config);
        config.destinations[0].mtu = mtu;
        struct record_ring *ring = fake_ring(1024);
        struct exporting_process *process = fake_process(&config, &ring, 1, fake);
        for (unsigned i = 0; i < 100; i++)
            assert_int_equal(record_push(ring, &flow), 0);
        assert_true(exporting_process_drain(process, 1, 1, NULL));
        uint32_t total = 0, octets, room = (mtu - 28) / 4 * 4;
        uint32_t fitting = (room - 16 - 4) / 59;
        for (uint32_t i = 1; i < fake->message_count; i++) {
            const uint8_t *message = fake_message(fake, i, &octets);
            assert_true(octets + 28 <= mtu);
            assert_int_equal(get16(message + 2), octets);
            if (total == 0 && count_records(message, octets, 59) == 0)
                continue; /* templates may need a second message */
            assert_int_equal(get32(message + 8), total);
            uint32_t records = count_records(message, octets, 59);
            assert_int_equal(records, total + fitting > 100 ? 100 - total : fitting);
            total += records;
        }
        assert_int_equal(total, 100);
        exporting_process_destroy(process);
        record_ring_destroy(ring);
        free(fake);
    }
}

static void netflow9_counts_messages_in_its_sequence(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    fake_config(&config);
    config.destinations[0].version = 9;
    struct record_ring *ring = fake_ring(1 << 14);
    struct exporting_process *process = fake_process(&config, &ring, 1, fake);
    for (uint64_t i = 0; i < 500; i++) {
        struct flow_description flow;
        record_describe(&flow, i, SIMPLE_SECOND * second_ns);
        assert_int_equal(record_push(ring, &flow), 0);
    }
    while (!exporting_process_drain(process, 1, SIMPLE_SECOND * second_ns, NULL))
        continue;
    for (uint32_t i = 0; i < fake->message_count; i++) {
        uint32_t octets;
        const uint8_t *message = fake_message(fake, i, &octets);
        assert_int_equal(get32(message + 12), i);
        assert_int_equal(get32(message + 4) % 1000, 0);
        assert_int_equal(get32(message + 8) - get32(message + 4) / 1000,
                         get32(fake_message(fake, 0, &octets) + 8) -
                             get32(fake_message(fake, 0, &octets) + 4) / 1000);
    }
    exporting_process_destroy(process);
    record_ring_destroy(ring);
    free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipfix_data_message_is_exact),
        cmocka_unit_test(netflow9_boot_is_a_whole_second),
        cmocka_unit_test(netflow5_message_is_exact),
        cmocka_unit_test(netflow5_leaves_out_ipv6_and_counts_it),
        cmocka_unit_test(counters_beyond_32_bits_are_told_by_several_records),
        cmocka_unit_test(ipfix_templates_are_exact),
        cmocka_unit_test(biflow_template_has_enterprise_fields_first),
        cmocka_unit_test(records_end_before_the_export_time),
        cmocka_unit_test(messages_fill_the_mtu_and_never_exceed_it),
        cmocka_unit_test(netflow9_counts_messages_in_its_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
