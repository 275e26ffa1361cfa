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

#include "encode/message.h"
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

/* IDS: element ids as numbers; those of enterprise 29305 negative, of 6871 + CERT; closed by 0. */
enum { CERT = 100000 };

static void check_fields(const struct destination_config *d, unsigned kind, const int *ids)
{
    uint16_t fields[TEMPLATE_FIELDS_MAX];
    uint32_t count = profile_fields(d, kind, fields), i = 0;
    for (; ids[i]; i++) {
        assert_true(i < count);
        const struct element_info *element = &element_table[fields[i]];
        int id = ids[i] < 0 ? -ids[i] : ids[i] % CERT;
        assert_int_equal(element->id, id);
        assert_int_equal(element->pen, ids[i] < 0 ? PEN_REVERSE : ids[i] >= CERT ? PEN_CERT : 0);
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

/* nfdump takes a later reverse element for its forward twin */
static void reverse_elements_stand_before_forward_ones(void **state)
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

/* SiLK reads the answer only if 6871/21 is there, and takes the quick way with 152, 153, 1 and 2.
 */
static void silk_pairs_reverse_counts_with_the_answers_delay(void **state)
{
    (void)state;
    struct destination_config d = udp(10, PROFILE_SILK, true);
    check_fields(
        &d, TEMPLATE_BIFLOW,
        (int[]){-1, -2, -5,  -58, CERT + 21, CERT + 16398, CERT + 16399, CERT + 16424, 8,  12,
                7,  11, 4,   6,   5,         10,           14,           58,           61, 136,
                1,  2,  152, 153, CERT + 14, CERT + 15,    CERT + 40,    CERT + 33,    0});
    check_fields(&d, 0,
                 (int[]){8,   12, 7, 11,  4,   6,         5,         10,        14,        58, 61,
                         136, 1,  2, 152, 153, CERT + 14, CERT + 15, CERT + 40, CERT + 33, 0});
}

static void fluentd_has_the_types_of_rfc_3954_only(void **state)
{
    (void)state;
    struct destination_config d = udp(9, PROFILE_FLUENTD_V9, false);
    check_fields(&d, TEMPLATE_ICMP,
                 (int[]){8, 12, 7, 11, 4, 6, 5, 10, 14, 58, 61, 1, 2, 22, 21, 32, 0});
    uint16_t fields[TEMPLATE_FIELDS_MAX];
    for (unsigned kind = 0; kind < TEMPLATE_BIFLOW; kind++)
        for (uint32_t i = profile_fields(&d, kind, fields); i-- > 0;)
            assert_in_range(element_table[fields[i]].v9_type, 1, 79);
}

static void version_9_never_tells_the_flow_id(void **state)
{
    (void)state;
    /* nfcapd 1.7.1 takes a record with 148 for an event of a firewall */
    struct destination_config d = udp(9, PROFILE_NFDUMP, true);
    uint16_t fields[TEMPLATE_FIELDS_MAX];
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++)
        for (uint32_t i = profile_fields(&d, kind, fields); i-- > 0;)
            assert_int_not_equal(element_table[fields[i]].id, 148);
    assert_int_equal(element_table[ELEMENT_FLOW_ID].v9_type, 0);
}

/* In JSON only. */
static bool is_word(unsigned element)
{
    return element == ELEMENT_APPLICATION_CONFIDENCE || element == ELEMENT_LIST_LABEL ||
           element == ELEMENT_LIST_SEVERITY || element == ELEMENT_BRAND;
}

static void full_holds_every_element_of_flows(void **state)
{
    (void)state;
    struct destination_config d = udp(10, PROFILE_FULL, true);
    bool seen[ELEMENT_COUNT] = {false};
    d.client_port_records = 1; /* 3 is told where records become one */
    d.names = UINT32_MAX;
    d.lists = d.brands = true;
    for (unsigned unit = TIME_MILLISECONDS; unit <= TIME_NANOSECONDS; unit++) {
        d.time_unit = unit;
        for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
            uint16_t fields[TEMPLATE_FIELDS_MAX];
            uint32_t count = profile_fields(&d, kind, fields);
            assert_true(count < TEMPLATE_FIELDS_MAX);
            for (uint32_t i = 0; i < count; i++)
                seen[fields[i]] = true;
        }
    }
    for (unsigned i = 0; i < ELEMENT_COUNT; i++) {
        const struct element_info *info = &element_table[i];
        if (i == ELEMENT_APPLICATION_NAME || is_word(i))
            continue; /* options records tell what they mean */
        bool flows = info->value != ELEMENT_NO_VALUE && info->group != VALUES_UPTIME;
        if (seen[i] != (flows && i != ELEMENT_REVERSE_VLAN_ID)) /* the key's, in silk only */
            fail_msg("%s", info->name);
    }
}

static void the_element_table_is_consistent(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ELEMENT_COUNT; i++) {
        const struct element_info *a = &element_table[i];
        assert_non_null(a->name);
        assert_true(strlen(a->help) > 3 && strlen(a->help) < 80);
        assert_true(a->id < 0x8000 && (a->id > 0 || is_word(i)));
        if (a->value != ELEMENT_NO_VALUE && a->id)
            assert_int_equal(element_find(a->name), i);
        for (unsigned j = 0; j < i; j++) {
            const struct element_info *b = &element_table[j];
            assert_false(a->id && a->id == b->id && a->pen == b->pen);
            assert_string_not_equal(a->name, b->name);
        }
        bool described = a->pen && a->pen != PEN_REVERSE;
        if (described && a->type != TYPE_UNSIGNED) /* RFC 5610 3.10: any of numbers only */
            assert_int_equal(element_semantics_number(i), 0);
        if (a->pen != PEN_REVERSE)
            continue;
        for (unsigned j = 0; j < ELEMENT_COUNT; j++) /* RFC 5103: type and length of the twin */
            if (element_table[j].id == a->id && element_table[j].pen == 0) {
                assert_int_equal(element_table[j].type, a->type);
                assert_int_equal(element_table[j].octets, a->octets);
            }
    }
    assert_int_equal(element_find("sourceIPAddress"), ELEMENT_COUNT);
    assert_int_equal(element_find("samplingInterval"), ELEMENT_COUNT); /* options records only */
    assert_string_equal(element_nearest("sourceIPAddress"), "sourceIPv4Address");
    assert_string_equal(element_nearest("octetdeltacounts"), "octetDeltaCount");
}

static struct destination_config own(unsigned version, bool biflow, const enum element *elements)
{
    struct destination_config d = udp(version, PROFILE_ELEMENTS, biflow);
    for (; *elements != ELEMENT_COUNT; elements++)
        d.elements[d.element_count++] = (uint16_t)*elements;
    return d;
}

static void an_own_list_keeps_its_order_and_its_family(void **state)
{
    (void)state;
    struct error error = {""};
    struct destination_config d =
        own(10, true,
            (enum element[]){ELEMENT_PACKET_DELTA_COUNT, ELEMENT_SOURCE_IPV4_ADDRESS,
                             ELEMENT_SOURCE_IPV6_ADDRESS, ELEMENT_REVERSE_PACKET_DELTA_COUNT,
                             ELEMENT_ICMP_TYPE_CODE_IPV4, ELEMENT_FLOW_ID, ELEMENT_COUNT});
    assert_true(destination_config_check(&d, &error));
    check_fields(&d, 0, (int[]){2, 8, 148, 0});
    check_fields(&d, TEMPLATE_ICMP, (int[]){2, 8, 32, 148, 0});
    check_fields(&d, TEMPLATE_IPV6, (int[]){2, 27, 148, 0});
    check_fields(&d, TEMPLATE_ICMP | TEMPLATE_IPV6, (int[]){2, 27, 148, 0});
    check_fields(&d, TEMPLATE_BIFLOW, (int[]){-2, 2, 8, 148, 0});
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

static void times_are_milliseconds_unless_asked(void **state)
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
        if (element->id == 6) /* two octets show as 0 in nfacctd */
            assert_int_equal(element->octets, 1);
    }
}

static void counters_have_eight_octets_and_flags_one(void **state)
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
        assert_int_equal(element_table[template->fields[i]].pen,
                         0); /* one kills a Logstash template */
        assert_true(id < 434);
    }
}

static void templates_hold_one_family_and_no_enterprise_elements(void **state)
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
    expect_refused(udp(7, PROFILE_PLAIN, false), "version=7");
    expect_refused(udp(9, PROFILE_SILK, false), "version=10");
    expect_refused(udp(9, PROFILE_FULL, false), "version=10");
    expect_refused(udp(10, PROFILE_FLUENTD_V9, false), "version=9");
    expect_refused(udp(9, PROFILE_V5, false), "version=5");
    expect_refused(udp(9, PROFILE_FLUENTD_V9, true), "biflow");
    expect_refused(udp(5, PROFILE_V5, true), "biflow");
    d = udp(10, PROFILE_SILK, false);
    d.time_unit = TIME_NANOSECONDS;
    expect_refused(d, "time=ms");
    d = udp(5, PROFILE_V5, false);
    d.domain = 65536;
    expect_refused(d, "domain=65536");
    d.domain = 1;
    assert_true(destination_sampling_check(&d, 16383, &error));
    assert_false(destination_sampling_check(&d, 16384, &error));
    assert_non_null(strstr(error.text, "scale=yes"));
    d.scale = true;
    assert_true(destination_sampling_check(&d, 16384, &error));
    d = udp(5, PROFILE_V5, false);
    d.kind = DESTINATION_JSON;
    expect_refused(d, "profile=v5");
    d = udp(9, PROFILE_FLUENTD_V9, false);
    d.kind = DESTINATION_FILE;
    expect_refused(d, "profile=fluentd-v9");
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

static void unfit_elements_are_refused_by_name(void **state)
{
    (void)state;
    expect_refused(own(10, false, (enum element[]){ELEMENT_COUNT}), "elements=");
    expect_refused(
        own(10, false,
            (enum element[]){ELEMENT_REVERSE_OCTET_DELTA_COUNT, ELEMENT_FLOW_ID, ELEMENT_COUNT}),
        "reverseOctetDeltaCount tells of the answer");
    expect_refused(own(10, true, (enum element[]){ELEMENT_FLOW_ID, ELEMENT_COUNT}),
                   "needs reverse elements");
    expect_refused(own(9, false, (enum element[]){ELEMENT_FLOW_ID, ELEMENT_COUNT}), "flowId");
    expect_refused(own(9, false, (enum element[]){ELEMENT_INITIAL_TCP_FLAGS, ELEMENT_COUNT}),
                   "initialTCPFlags");
    expect_refused(own(10, false, (enum element[]){ELEMENT_FLOW_END_SYS_UP_TIME, ELEMENT_COUNT}),
                   "flowEndMilliseconds");
    expect_refused(
        own(10, false, (enum element[]){ELEMENT_VLAN_ID, ELEMENT_VLAN_ID, ELEMENT_COUNT}),
        "vlanId is named twice");
    expect_refused(own(10, false, (enum element[]){ELEMENT_FLOW_END_NANOSECONDS, ELEMENT_COUNT}),
                   "time=");
    struct destination_config d =
        own(9, true, (enum element[]){ELEMENT_REVERSE_OCTET_DELTA_COUNT, ELEMENT_COUNT});
    expect_refused(d, "biflow");
}

/* RFC 5103 section 4: no reverse elements without a Directional Key Field, in either family. */
static void reverse_elements_need_a_directional_key(void **state)
{
    (void)state;
    enum element reverse = ELEMENT_REVERSE_OCTET_DELTA_COUNT;
    enum element four = ELEMENT_SOURCE_IPV4_ADDRESS, six = ELEMENT_DESTINATION_IPV6_ADDRESS;
    enum element port = ELEMENT_DESTINATION_TRANSPORT_PORT, flow = ELEMENT_FLOW_ID;
    struct error error;
    expect_refused(own(10, true, (enum element[]){flow, reverse, ELEMENT_COUNT}), "two ends");
    expect_refused(own(10, true, (enum element[]){four, reverse, ELEMENT_COUNT}), "two ends");
    expect_refused(own(10, true, (enum element[]){six, reverse, ELEMENT_COUNT}), "two ends");
    struct destination_config good[] = {
        own(10, true, (enum element[]){four, six, reverse, ELEMENT_COUNT}),
        own(10, true, (enum element[]){port, reverse, ELEMENT_COUNT}),
        own(10, false, (enum element[]){flow, ELEMENT_COUNT})};
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(destination_config_check(&good[i], &error));
}

/* Whatever is asked for: each template, and both directions of a record, fit the smallest MTU. */
static void the_largest_templates_fit_the_smallest_mtu(void **state)
{
    (void)state;
    enum { HEADERS = 48 + 20 + SET_HEADER_OCTETS + SET_PADDING_UNIT };
    for (unsigned turn = 0; turn < 3; turn++) {
        struct destination_config d = udp(10, turn ? PROFILE_ELEMENTS : PROFILE_FULL, turn != 1);
        for (unsigned i = 0; turn && i < ELEMENT_COUNT; i++) {
            const struct element_info *info = &element_table[i];
            bool mine = turn == 2 || !element_is_reverse(i);
            if (info->value != ELEMENT_NO_VALUE && mine && info->group != VALUES_UPTIME &&
                d.element_count < EXPORT_ELEMENTS_MAX &&
                (info->type != TYPE_TIME || info->units == UNITS_MILLISECONDS))
                d.elements[d.element_count++] = (uint16_t)i;
        }
        struct template_set set;
        struct error error = {""};
        assert_true(destination_config_check(&d, &error));
        template_set_init(&set, &d);
        for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
            const struct template *t = &set.kinds[kind];
            assert_true(template_definition_octets(10, t) + HEADERS <= 512);
            assert_true((kind & TEMPLATE_BIFLOW ? 1u : 2u) * t->octets + HEADERS <= 512);
        }
    }
}

static void interfaces_beyond_16_bits_are_unknown_where_16_bits_are_kept(void **state)
{
    (void)state;
    struct exporting_process_config config;
    fake_config(&config);
    config.interface_count = 1;
    config.interfaces[0].ifindex = 65536 + 7;
    config.interfaces[0].partner_ifindex = 65535;
    static const struct {
        enum export_profile profile;
        uint32_t ingress;
    } cases[] = {{PROFILE_PLAIN, 65536 + 7}, {PROFILE_SILK, 0}, {PROFILE_V5, 0}};
    for (unsigned i = 0; i < 3; i++) {
        static struct values_context context;
        struct destination_config d = udp(10, cases[i].profile, false);
        values_context_init(&context, &config, &d, 0, false);
        assert_int_equal(be32toh(context.ports[0].ingress), cases[i].ingress);
        assert_int_equal(be32toh(context.ports[0].egress), 65535);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_has_the_published_order),
        cmocka_unit_test(aggregates_tell_their_prefix_lengths),
        cmocka_unit_test(nfdump_is_plain_and_more),
        cmocka_unit_test(reverse_elements_stand_before_forward_ones),
        cmocka_unit_test(silk_pairs_reverse_counts_with_the_answers_delay),
        cmocka_unit_test(fluentd_has_the_types_of_rfc_3954_only),
        cmocka_unit_test(version_9_never_tells_the_flow_id),
        cmocka_unit_test(full_holds_every_element_of_flows),
        cmocka_unit_test(the_element_table_is_consistent),
        cmocka_unit_test(an_own_list_keeps_its_order_and_its_family),
        cmocka_unit_test(unfit_elements_are_refused_by_name),
        cmocka_unit_test(reverse_elements_need_a_directional_key),
        cmocka_unit_test(the_largest_templates_fit_the_smallest_mtu),
        cmocka_unit_test(interfaces_beyond_16_bits_are_unknown_where_16_bits_are_kept),
        cmocka_unit_test(times_are_milliseconds_unless_asked),
        cmocka_unit_test(counters_have_eight_octets_and_flags_one),
        cmocka_unit_test(templates_hold_one_family_and_no_enterprise_elements),
        cmocka_unit_test(template_ids_depend_on_fields_alone),
        cmocka_unit_test(the_plan_copies_what_the_fields_say),
        cmocka_unit_test(plain_is_copied_in_one_block),
        cmocka_unit_test(times_are_exact_in_every_unit),
        cmocka_unit_test(unfit_settings_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
