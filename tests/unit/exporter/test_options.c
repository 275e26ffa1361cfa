/*
 * Options records and template refresh: forms that collectors read, one Options Template in a Set,
 * by time and by messages, and statistics of a live run.
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
static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

static int set_up(void **state)
{
    fake_bench_set_up(state);
    ((struct fake_bench *)*state)->config.offline = false;
    return 0;
}

static void step(struct fake_bench *bench, uint64_t now_ns, uint32_t records)
{
    if (!bench->process)
        fake_bench_start(bench);
    assert_int_equal(fake_bench_push(bench, records), records);
    exporting_process_step(bench->process, now_ns, export_ns, NULL);
}

/* Octet offset of the N-th Set with id ID of message I, 0 if there is none. */
static uint32_t find_set(const struct fake_bench *bench, uint32_t i, unsigned id, unsigned n)
{
    uint32_t octets;
    const uint8_t *message = fake_message(bench->fake, i, &octets);
    uint32_t at = get16(message) == 9 ? 20 : 16;
    for (; at < octets; at += get16(message + at + 2))
        if (get16(message + at) == id && n-- == 0)
            return at;
    return 0;
}

static uint32_t template_messages(const struct fake_bench *bench)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < bench->fake->message_count; i++)
        count += find_set(bench, i, 2, 0) != 0;
    return count;
}

static void add_interfaces(struct fake_bench *bench, uint32_t count)
{
    bench->config.interface_count = count;
    for (uint32_t i = 0; i < count; i++) {
        bench->config.interfaces[i].ifindex = i + 1;
        strcpy(bench->config.interfaces[i].name, "0123456789012345678901234567890");
    }
}

static void interface_names_have_fixed_length_and_a_nul(void **state)
{
    struct fake_bench *bench = *state;
    add_interfaces(bench, 2);
    step(bench, 0, 0);
    uint32_t octets, at = find_set(bench, 0, 3, 0);
    const uint8_t *set = fake_message(bench->fake, 0, &octets) + at;
    assert_int_equal(bench->fake->message_count, 1);
    assert_int_equal(get16(set + 2), 4 + 6 + 12); /* not padded: python-ipfix */
    assert_int_equal(get16(set + 6), 3);          /* fields */
    assert_int_equal(get16(set + 8), 1);          /* of these scopes */
    assert_int_equal(get16(set + 10), 149);       /* scope: observation domain */
    assert_int_equal(get16(set + 12), 4);
    assert_int_equal(get16(set + 14), 10); /* the index is no scope field */
    assert_int_equal(get16(set + 18), 83);
    assert_int_equal(get16(set + 20), 32);
    const uint8_t *data = set + 22;
    assert_int_equal(get16(data), get16(set + 4));
    assert_int_equal(get16(data + 2), 4 + 2 * 40 + 2);
    assert_int_equal(get32(data + 4), 1);
    assert_int_equal(get32(data + 8), 1);
    assert_string_equal((const char *)data + 12, "0123456789012345678901234567890");
    assert_int_equal(data[12 + 31], 0);
}

static void one_options_template_in_a_set(void **state)
{
    struct fake_bench *bench = *state;
    add_interfaces(bench, 1);
    bench->config.sampling_interval = 100;
    bench->config.destinations[0].version = 9;
    step(bench, 0, 0);
    uint32_t octets;
    const uint8_t *message = fake_message(bench->fake, 0, &octets);
    unsigned sets = 0;
    for (uint32_t at; (at = find_set(bench, 0, 1, sets)) != 0; sets++) {
        uint32_t scopes = get16(message + at + 6), options = get16(message + at + 8);
        assert_int_equal(scopes, 4); /* in octets */
        assert_int_equal(get16(message + at + 10), 1);
        assert_true(get16(message + at + 2) - (4 + 6 + scopes + options) < 4);
        uint32_t data = at + get16(message + at + 2);
        assert_int_equal(get16(message + data), get16(message + at + 4));
    }
    assert_int_equal(sets, 3); /* interfaces; sampling rate; rate and algorithm */
}

static void sampling_is_the_rate_alone(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.sampling_interval = 64;
    step(bench, 0, 0);
    uint32_t octets, at = find_set(bench, 0, 3, 0);
    const uint8_t *set = fake_message(bench->fake, 0, &octets) + at;
    assert_int_equal(get16(set + 6), 2);
    assert_int_equal(get16(set + 14), 34);
    assert_int_equal(get32(set + 18 + 8), 64);
    assert_int_equal(find_set(bench, 0, 3, 1), 0);
}

/* Counters that were scaled must not be scaled again. */
static void scaled_counters_are_not_announced(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.sampling_interval = 64;
    bench->config.destinations[0].scale = true;
    step(bench, 0, 1);
    exporting_process_drain(bench->process, 0, export_ns, NULL);
    assert_int_equal(find_set(bench, 0, 3, 0), 0);
    uint32_t octets;
    const uint8_t *data = fake_message(bench->fake, bench->fake->message_count - 1, &octets) + 20;
    assert_int_equal(get32(data + 27 + 4), 64 * 300);
    assert_int_equal(get32(data + 35 + 4), 64 * 3);
}

static void sampling_is_announced_before_the_first_flow_record(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.sampling_interval = 10;
    add_interfaces(bench, EXPORT_INTERFACES_MAX);
    step(bench, 0, 100);
    uint32_t octets, at = find_set(bench, 0, 3, 0);
    const uint8_t *message = fake_message(bench->fake, 0, &octets);
    assert_true(at > 0); /* in the first message, whatever else is told */
    assert_int_equal(get16(message + at + 14), 34);
    assert_int_equal(get16(message + at + get16(message + at + 2)), get16(message + at + 4));
}

/* Sets of data whose Options Template has FIELD as its N-th field, in all messages from FIRST on.
 */
static const uint8_t *find_options(const struct fake_bench *bench, uint32_t first, unsigned n,
                                   unsigned field)
{
    for (uint32_t i = first; i < bench->fake->message_count; i++) {
        uint32_t octets, at;
        const uint8_t *message = fake_message(bench->fake, i, &octets);
        for (unsigned set = 0; (at = find_set(bench, i, 3, set)) != 0; set++) {
            const uint8_t *definition = message + at + 4, *specifier = definition + 6;
            bool enterprise = false;
            for (unsigned k = 0; k < n; k++)
                specifier += specifier[0] & 0x80 ? 8 : 4;
            enterprise = specifier[0] & 0x80;
            if (get16(definition + 2) > n && !enterprise && get16(specifier) == field)
                return definition;
        }
    }
    return NULL;
}

static void silk_tells_flow_keys_types_and_the_probes_statistics(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.destinations[0].profile = PROFILE_SILK;
    bench->config.destinations[0].mtu = 9000;
    bench->config.statistics_interval_s = 60;
    step(bench, 1, 1);
    const uint8_t *keys = find_options(bench, 0, 1, 173);
    assert_non_null(keys);
    assert_int_equal(get16(keys + 4), 1);
    assert_int_equal(get16(keys + 6), 145);
    /* 8 12 7 11 4 are keys; 58 is not unless the configuration says so */
    const uint8_t *data = keys + 14;
    assert_int_equal(get16(data), get16(keys));
    assert_int_equal(get32(data + 4 + 2 + 4), 0x1f);
    const uint8_t *types = find_options(bench, 0, 2, 339);
    assert_non_null(types);
    assert_int_equal(get16(types + 4), 2);
    assert_int_equal(get16(types + 6), 346);
    assert_int_equal(get16(types + 10), 303);
    const uint8_t *probe = find_options(bench, 0, 0, 130);
    assert_non_null(probe);
    assert_int_equal(get16(probe + 4), 2);
    /* again after 300 s, not with the other statistics */
    uint32_t before = bench->fake->message_count;
    for (unsigned i = 1; i < 5; i++)
        step(bench, 60 * i * second_ns + 1, 0);
    assert_null(find_options(bench, before, 0, 130));
    assert_non_null(find_options(bench, before, 0, 149));
    step(bench, 300 * second_ns + 1, 0);
    assert_non_null(find_options(bench, before, 0, 130));
}

static void losses_of_metering_and_exporting_are_told(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.statistics_interval_s = 60;
    step(bench, 1, 10);
    const struct metering_counts counts = {
        .ignored_packets = 5, .ignored_octets = 500, .dropped_packets = 7, .dropped_octets = 700};
    exporting_process_tell_metering(bench->process, &counts, export_ns + 3 * second_ns);
    exporting_process_tell_metering(bench->process, &counts, export_ns + 9 * second_ns);
    bench->fake->take = 0; /* the message with the records is refused */
    bench->fake->answer = TRANSPORT_REFUSED;
    step(bench, second_ns + 1, 0);
    bench->fake->take = UINT64_MAX;
    uint32_t before = bench->fake->message_count;
    step(bench, 60 * second_ns + 1, 0);
    const uint8_t *metering = find_options(bench, before, 1, 164);
    assert_non_null(metering);
    const uint8_t *data = metering + get16(metering - 2) - 4 + 4;
    assert_int_equal(get32(data + 8), 5);
    assert_int_equal(get32(data + 16), 500);
    assert_int_equal(get32(data + 20), SIMPLE_SECOND + 3);
    assert_int_equal(get32(data + 36), 7);
    assert_int_equal(get32(data + 44), 700);
    const uint8_t *exporting = find_options(bench, before, 1, 166);
    assert_non_null(exporting);
    data = exporting + get16(exporting - 2) - 4 + 4;
    assert_int_equal(get32(data + 8), 10);
    assert_int_equal(get32(data + 16), 10 * 5);
}

/* A refresh of a live run does not put all interface names on the wire at once. */
static void later_options_are_told_by_and_by(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.template_refresh_s = 60;
    add_interfaces(bench, EXPORT_INTERFACES_MAX);
    step(bench, 1, 0);
    uint32_t first = bench->fake->message_count, before = first;
    step(bench, 60 * second_ns + 1, 0);
    assert_int_equal(bench->fake->message_count, before + 1);
    uint64_t now_ns = 60 * second_ns + 1;
    for (unsigned i = 1; i < first; i++) {
        step(bench, now_ns += 1000, 0); /* too early */
        before = bench->fake->message_count;
        uint64_t next_ns;
        exporting_process_step(bench->process, now_ns, export_ns, &next_ns);
        assert_true(next_ns > now_ns && next_ns - now_ns < second_ns);
        step(bench, now_ns = next_ns, 0);
        assert_int_equal(bench->fake->message_count, before + 1);
    }
    step(bench, now_ns + second_ns, 0);
    assert_int_equal(bench->fake->message_count, 2 * first);
}

static void nothing_is_announced_without_reason(void **state)
{
    struct fake_bench *bench = *state;
    step(bench, 0, 0);
    assert_int_equal(bench->fake->message_count, 1);
    assert_int_equal(find_set(bench, 0, 3, 0), 0);
}

static void many_interfaces_take_several_messages(void **state)
{
    struct fake_bench *bench = *state;
    add_interfaces(bench, EXPORT_INTERFACES_MAX);
    bench->config.destinations[0].mtu = 512;
    step(bench, 0, 0);
    uint32_t names = 0, octets;
    for (uint32_t i = 0; i < bench->fake->message_count; i++) {
        const uint8_t *message = fake_message(bench->fake, i, &octets);
        assert_true(octets <= 512 - 28);
        assert_int_equal(get32(message + 8), names); /* options data counts in the sequence */
        for (uint32_t at = 16; at < octets; at += get16(message + at + 2))
            if (get16(message + at) >= 256)
                names += (get16(message + at + 2) - 4) / 40;
    }
    assert_int_equal(names, EXPORT_INTERFACES_MAX);
}

static void templates_are_refreshed_by_time_without_traffic(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.template_refresh_s = 60;
    step(bench, 5, 0);
    assert_int_equal(template_messages(bench), 1);
    step(bench, 60 * second_ns + 4, 0);
    assert_int_equal(template_messages(bench), 1);
    step(bench, 60 * second_ns + 5, 0);
    assert_int_equal(template_messages(bench), 2);
    uint64_t next_ns;
    exporting_process_step(bench->process, 60 * second_ns + 6, export_ns, &next_ns);
    assert_int_equal(next_ns, 120 * second_ns + 5);
}

static void templates_are_refreshed_by_messages(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.template_refresh_messages = 10;
    bench->config.offline = true;
    add_interfaces(bench, 1);
    step(bench, 0, 1000);
    exporting_process_drain(bench->process, 0, export_ns, NULL);
    uint32_t since = 0;
    for (uint32_t i = 0; i < bench->fake->message_count; i++) {
        bool templates = find_set(bench, i, 2, 0) != 0;
        assert_int_equal(templates, i == 0 || since == 10);
        /* offline, options data comes before the first flow record only */
        assert_int_equal(find_set(bench, i, 3, 0) != 0, i == 0);
        since = templates ? 0 : since + 1;
    }
    assert_true(template_messages(bench) > 5);
}

static void statistics_tell_what_was_sent(void **state)
{
    struct fake_bench *bench = *state;
    bench->config.statistics_interval_s = 60;
    step(bench, 0, 100);
    step(bench, second_ns, 0);
    uint32_t before = bench->fake->message_count;
    static struct exporter_counters counters;
    exporting_process_counters(bench->process, &counters);
    assert_int_equal(counters.destination[0].data_records, 200);
    step(bench, 60 * second_ns, 0);
    assert_int_equal(bench->fake->message_count, before + 1);
    uint32_t octets, at = find_set(bench, before, 3, 0);
    const uint8_t *set = fake_message(bench->fake, before, &octets) + at;
    assert_int_equal(get16(set + 14), 40);
    assert_int_equal(get16(set + 18), 41);
    assert_int_equal(get16(set + 22), 42);
    const uint8_t *data = set + get16(set + 2);
    assert_int_equal(get32(data + 12), counters.destination[0].octets);
    assert_int_equal(get32(data + 20), counters.destination[0].messages);
    assert_int_equal(get32(data + 28), 200);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fake_bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(interface_names_have_fixed_length_and_a_nul),
        BENCH_TEST(one_options_template_in_a_set),
        BENCH_TEST(sampling_is_the_rate_alone),
        BENCH_TEST(scaled_counters_are_not_announced),
        BENCH_TEST(sampling_is_announced_before_the_first_flow_record),
        BENCH_TEST(silk_tells_flow_keys_types_and_the_probes_statistics),
        BENCH_TEST(losses_of_metering_and_exporting_are_told),
        BENCH_TEST(later_options_are_told_by_and_by),
        BENCH_TEST(nothing_is_announced_without_reason),
        BENCH_TEST(many_interfaces_take_several_messages),
        BENCH_TEST(templates_are_refreshed_by_time_without_traffic),
        BENCH_TEST(templates_are_refreshed_by_messages),
        BENCH_TEST(statistics_tell_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
