/*
 * Field lists of the profiles in their exact order, template ids, copy plans, time codes, and the
 * combinations of settings that are refused.
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "template/template.h"

static struct destination_config udp(unsigned version, enum export_profile profile, bool biflow)
{
    return (struct destination_config){.name = "d",
                                       .kind = DESTINATION_UDP,
                                       .version = version,
                                       .profile = profile,
                                       .biflow = biflow,
                                       .mtu = 1400};
}

/* IDS: element ids as numbers; those of enterprise 29305 negative; closed by 0. */
static void check_fields(const struct destination_config *d, unsigned kind, const int *ids)
{
    uint16_t fields[TEMPLATE_FIELDS_MAX];
    uint32_t count = profile_fields(d, kind, fields), i = 0;
    for (; ids[i]; i++) {
        assert_true(i < count);
        const struct element_info *element = &element_table[fields[i]];
        assert_int_equal(element->id, ids[i] < 0 ? -ids[i] : ids[i]);
        assert_int_equal(element->pen, ids[i] < 0 ? PEN_REVERSE : 0);
    }
    assert_int_equal(i, count);
}

static void plain_has_the_published_order(void **state)
{
    (void)state;
    struct destination_config d = udp(10, PROFILE_PLAIN, false);
    check_fields(&d, 0, (int[]){8, 12, 7, 11, 4, 6, 5, 10, 14, 58, 61, 136, 1, 2, 152, 153, 0});
    check_fields(&d, TEMPLATE_IPV6,
                 (int[]){27, 28, 7, 11, 4, 6, 5, 10, 14, 58, 61, 136, 1, 2, 152, 153, 0});
    check_fields(&d, TEMPLATE_ICMP,
                 (int[]){8, 12, 7, 11, 4, 6, 5, 10, 14, 58, 61, 136, 1, 2, 152, 153, 32, 0});
    check_fields(&d, TEMPLATE_ICMP | TEMPLATE_IPV6,
                 (int[]){27, 28, 7, 11, 4, 6, 5, 10, 14, 58, 61, 136, 1, 2, 152, 153, 139, 0});
}

static void aggregates_tell_their_prefix_lengths(void **state)
{
    (void)state;
    struct destination_config d = udp(10, PROFILE_PLAIN, true);
    struct template_set set, without;
    template_set_init(&without, &d);
    d.aggregates = true;
    template_set_init(&set, &d);
    check_fields(&d, TEMPLATE_AGGREGATE,
                 (int[]){8, 12, 9, 13, 7, 11, 4, 6, 5, 10, 14, 58, 61, 136, 1, 2, 152, 153, 0});
    check_fields(&d, TEMPLATE_AGGREGATE | TEMPLATE_IPV6,
                 (int[]){27, 28, 29, 30, 7, 11, 4, 6, 5, 10, 14, 58, 61, 136, 1, 2, 152, 153, 0});
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        bool aggregate = kind & TEMPLATE_AGGREGATE;
        bool alone = !(kind & (TEMPLATE_ICMP | TEMPLATE_BIFLOW));
        if (aggregate) /* one direction, no ICMP type, and only where there may be some */
            assert_int_equal(set.kinds[kind].id != 0, alone);
        else
            assert_int_equal(set.kinds[kind].id, without.kinds[kind].id);
        assert_true(!aggregate || without.kinds[kind].id == 0);
    }
    for (unsigned version = 9; version <= 10; version++) {
        d = udp(version, PROFILE_NFDUMP, false);
        d.aggregates = true;
        template_set_init(&set, &d);
        assert_int_equal(set.kinds[TEMPLATE_AGGREGATE].octets, set.kinds[0].octets + 2);
    }
    assert_int_equal(element_table[ELEMENT_SOURCE_IPV6_PREFIX_LENGTH].v9_type, 29);
    assert_int_equal(element_table[ELEMENT_SOURCE_IPV4_PREFIX_LENGTH].octets, 1);
}

static void nfdump_is_plain_and_more(void **state)
{
    (void)state;
    struct destination_config d = udp(9, PROFILE_NFDUMP, false);
    check_fields(&d, TEMPLATE_ICMP,
                 (int[]){8,   12, 7,  11, 4,  6,  5,   10,  14, 58, 61, 136, 1,   2, 152,
                         153, 32, 56, 80, 52, 53, 243, 245, 70, 71, 72, 95,  239, 0});
}

/* standards: nfdump takes a later reverse element for its forward twin */
static void trap_2_reverse_elements_stand_first(void **state)
{
    (void)state;
    for (unsigned version = 9; version <= 10; version++) {
        struct destination_config d = udp(version, PROFILE_NFDUMP, true);
        uint16_t fields[TEMPLATE_FIELDS_MAX];
        uint32_t count = profile_fields(&d, TEMPLATE_BIFLOW, fields), reverse = 0;
        while (element_table[fields[reverse]].pen == PEN_REVERSE)
            reverse++;
        assert_int_equal(reverse, 2); /* octets and packets, nothing else */
        for (uint32_t i = reverse; i < count; i++)
            assert_int_equal(element_table[fields[i]].pen, 0);
    }
    assert_int_equal(element_table[ELEMENT_REVERSE_OCTET_DELTA_COUNT].v9_type, 23);
    assert_int_equal(element_table[ELEMENT_REVERSE_PACKET_DELTA_COUNT].v9_type, 24);
}

static void each_template_of_plain(void (*check_one)(const struct template *, unsigned kind))
{
    struct destination_config d = udp(10, PROFILE_PLAIN, false);
    struct template_set set;
    template_set_init(&set, &d);
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
        if (set.kinds[kind].id)
            check_one(&set.kinds[kind], kind);
}

static void check_times_are_milliseconds(const struct template *template, unsigned kind)
{
    (void)kind;
    for (unsigned i = 0; i < template->field_count; i++) {
        unsigned id = element_table[template->fields[i]].id;
        assert_false(id == 21 || id == 22 || (id >= 154 && id <= 157));
    }
}

static void trap_4_times_are_milliseconds_unless_asked(void **state)
{
    (void)state;
    each_template_of_plain(check_times_are_milliseconds);
}

static void check_counters(const struct template *template, unsigned kind)
{
    (void)kind;
    for (unsigned i = 0; i < template->field_count; i++) {
        const struct element_info *element = &element_table[template->fields[i]];
        assert_false(element->id == 85 || element->id == 86);
        if (element->id == 1 || element->id == 2)
            assert_int_equal(element->octets, 8);
        if (element->id == 6) /* trap 15: two octets show as 0 in nfacctd */
            assert_int_equal(element->octets, 1);
    }
}

static void trap_7_15_counters_are_8_octets_flags_1(void **state)
{
    (void)state;
    each_template_of_plain(check_counters);
}

static void check_one_family(const struct template *template, unsigned kind)
{
    for (unsigned i = 0; i < template->field_count; i++) {
        unsigned id = element_table[template->fields[i]].id;
        bool ipv4 = id == 8 || id == 12 || id == 32;
        bool ipv6 = id == 27 || id == 28 || id == 139;
        assert_false(kind & TEMPLATE_IPV6 ? ipv4 : ipv6);
        assert_int_equal(element_table[template->fields[i]].pen, 0); /* trap 10 */
        assert_true(id < 434);
    }
}

static void trap_9_10_one_family_and_no_enterprise_elements(void **state)
{
    (void)state;
    each_template_of_plain(check_one_family);
}

static void template_ids_depend_on_fields_alone(void **state)
{
    (void)state;
    struct destination_config d = udp(10, PROFILE_PLAIN, false);
    struct template_set set;
    template_set_init(&set, &d);
    /* Collectors keep templates over a restart: a change here is a change for them. */
    assert_int_equal(set.kinds[0].id, 14714);
    assert_int_equal(set.kinds[TEMPLATE_IPV6].id, 41769);
    assert_int_equal(set.kinds[TEMPLATE_ICMP].id, 2937);
    assert_int_equal(set.kinds[TEMPLATE_ICMP | TEMPLATE_IPV6].id, 14545);
    d.domain = 77;
    d.mtu = 9000;
    struct template_set other;
    template_set_init(&other, &d);
    assert_memory_equal(&set, &other, sizeof set);
    d.biflow = true;
    template_set_init(&other, &d);
    assert_int_equal(other.kinds[0].id, set.kinds[0].id);
    for (unsigned i = 0; i < TEMPLATE_KINDS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_true(other.kinds[i].id == 0 || other.kinds[i].id != other.kinds[j].id);
}

static void the_plan_copies_what_the_fields_say(void **state)
{
    (void)state;
    struct record_values values;
    for (unsigned i = 0; i < sizeof values; i++)
        ((uint8_t *)&values)[i] = (uint8_t)(i * 37 + 11);
    for (unsigned variant = 0; variant < 8; variant++) {
        struct destination_config d =
            udp(variant & 1 ? 9 : 10, variant & 2 ? PROFILE_NFDUMP : PROFILE_PLAIN, variant & 4);
        struct template_set set;
        template_set_init(&set, &d);
        for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
            const struct template *t = &set.kinds[kind];
            uint8_t expected[512], got[512 + VALUES_COPY_UNIT];
            unsigned octets = 0;
            for (unsigned i = 0; i < t->field_count; i++) {
                const struct element_info *element = &element_table[t->fields[i]];
                memcpy(expected + octets, (uint8_t *)&values + element->value, element->octets);
                octets += element->octets;
            }
            assert_int_equal(octets, t->octets);
            template_copy(t, &values, got);
            assert_memory_equal(got, expected, octets);
        }
    }
}

static void plain_is_copied_in_one_block(void **state)
{
    (void)state;
    struct destination_config d = udp(10, PROFILE_PLAIN, false);
    struct template_set set;
    template_set_init(&set, &d);
    for (unsigned kind = 0; kind < TEMPLATE_BIFLOW; kind++)
        assert_int_equal(set.kinds[kind].block_count, 1);
}

static void times_are_exact_in_every_unit(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 200000; i++) {
        uint64_t rest_ns = i < 1000 ? i : i < 2000 ? 999999999 - (i - 1000) : i * 4999;
        uint64_t time_ns = 1700000000000000000u + rest_ns % 1000000000u;
        assert_int_equal(time_encode(time_ns, TIME_CODE_MILLISECONDS), time_ns / 1000000);
        uint64_t ntp = time_encode(time_ns, TIME_CODE_NTP_NANOSECONDS);
        assert_int_equal(ntp >> 32, 1700000000u + 2208988800u);
        assert_int_equal((ntp & 0xffffffff) * 1000000000u >> 32, time_ns % 1000000000u);
        ntp = time_encode(time_ns, TIME_CODE_NTP_MICROSECONDS);
        assert_int_equal(ntp & 2047, 0); /* RFC 7011 section 6.1.9 */
        assert_int_equal((ntp & 0xffffffff) * 1000000u >> 32, time_ns / 1000 % 1000000u);
    }
}

static void expect_refused(struct destination_config d, const char *word)
{
    struct error error = {""};
    assert_false(destination_config_check(&d, &error));
    assert_non_null(strstr(error.text, word));
}

static void unfit_settings_are_refused_by_name(void **state)
{
    (void)state;
    struct error error;
    struct destination_config d = udp(10, PROFILE_PLAIN, true);
    assert_true(destination_config_check(&d, &error));
    d = udp(9, PROFILE_NFDUMP, true);
    assert_true(destination_config_check(&d, &error));
    expect_refused(udp(9, PROFILE_PLAIN, true), "biflow");
    expect_refused(udp(5, PROFILE_PLAIN, false), "version=5");
    d = udp(9, PROFILE_PLAIN, false);
    d.time_unit = TIME_MICROSECONDS;
    expect_refused(d, "time=");
    d = udp(9, PROFILE_PLAIN, false);
    d.kind = DESTINATION_FILE;
    expect_refused(d, "version=10");
    d = udp(10, PROFILE_PLAIN, false);
    d.mtu = 511;
    expect_refused(d, "mtu=511");
    d.mtu = 65536;
    expect_refused(d, "mtu=65536");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_has_the_published_order),
        cmocka_unit_test(aggregates_tell_their_prefix_lengths),
        cmocka_unit_test(nfdump_is_plain_and_more),
        cmocka_unit_test(trap_2_reverse_elements_stand_first),
        cmocka_unit_test(trap_4_times_are_milliseconds_unless_asked),
        cmocka_unit_test(trap_7_15_counters_are_8_octets_flags_1),
        cmocka_unit_test(trap_9_10_one_family_and_no_enterprise_elements),
        cmocka_unit_test(template_ids_depend_on_fields_alone),
        cmocka_unit_test(the_plan_copies_what_the_fields_say),
        cmocka_unit_test(plain_is_copied_in_one_block),
        cmocka_unit_test(times_are_exact_in_every_unit),
        cmocka_unit_test(unfit_settings_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
