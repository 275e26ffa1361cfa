/*
 * The plan of a change: every octet of the configuration belongs to a row of the table, a field
 * that differs gives the row's action and path, and what was adopted differs no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "plan.h"
#include "source_match.h"

enum { PADDING_MAX = 7 }; /* octets between two fields that belong to none */

static struct probe_config *make(void)
{
    struct probe_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    config->source_count = 2;
    config->cache_count = CACHES_MAX;
    return config;
}

/* A field that was forgotten would change without effect. */
static void every_field_has_a_row(void **state)
{
    (void)state;
    static unsigned char covered[sizeof(struct probe_config)];
    for (size_t i = 0; i < plan_field_count; i++)
        memset(covered + plan_fields[i].offset, 1, plan_fields[i].size);
    size_t gap = 0;
    for (size_t at = 0; at < sizeof covered; at++) {
        gap = covered[at] ? 0 : gap + 1;
        if (gap > PADDING_MAX)
            fail_msg("octets up to %zu of struct probe_config are in no row", at);
    }
}

static void nothing_differs_from_itself(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_NOTHING);
    assert_int_equal(plan.count, 0);
    assert_null(plan.path);
    free(before);
    free(after);
}

static void each_field_tells_its_action(void **state)
{
    (void)state;
    struct probe_config *before = make();
    for (size_t i = 0; i < plan_field_count; i++) {
        const struct plan_field *field = &plan_fields[i];
        struct probe_config *after = make();
        if (field->same) {
            free(after);
            continue;
        }
        ((unsigned char *)after)[field->offset] ^= 1;
        struct plan plan = plan_make(before, after);
        assert_true(plan.count >= 1);
        assert_int_equal(plan.actions & field->action, field->action);
        assert_non_null(plan.path);
        plan_adopt(before, after);
        plan = plan_make(before, after);
        assert_int_equal(plan.actions & ~(unsigned)PLAN_REBUILD, 0);
        free(before);
        free(after);
        before = make();
    }
    free(before);
}

static void sources_are_devices_and_filters(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    strcpy(after->sources[1].filter, "tcp");
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_WORKERS);
    assert_string_equal(plan.path, "/spanflow:spanflow/observationPoint/filter");
    plan_adopt(before, after);
    assert_string_equal(before->sources[1].filter, "tcp");
    after->sources[0].xdp.pass_host = true;
    plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_SOURCES);
    assert_string_equal(plan.path, "/spanflow:spanflow/observationPoint");
    plan_adopt(before, after);
    assert_true(before->sources[0].xdp.pass_host);
    assert_int_equal(plan_make(before, after).actions, PLAN_NOTHING);
    free(before);
    free(after);
}

static void name_sources(struct probe_config *config, const char *const interfaces[])
{
    for (config->source_count = 0; interfaces[config->source_count]; config->source_count++) {
        struct source_config *source = &config->sources[config->source_count];
        memset(source, 0, sizeof *source);
        strcpy(source->interface, interfaces[config->source_count]);
        strcpy(source->name, interfaces[config->source_count]);
    }
}

/* Sources are told by their devices: none of those that stay is called otherwise. */
static void sources_come_and_go(void **state)
{
    (void)state;
    static const char *const lists[][4] = {{"a", "b"}, {"b", "c"}, {"c"}, {NULL}, {"b", "a", "c"}};
    struct probe_config *before = make();
    name_sources(before, lists[4]);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct probe_config *after = make();
        name_sources(after, lists[i]);
        struct plan plan = plan_make(before, after);
        assert_int_equal(plan.actions, PLAN_SOURCES);
        plan_adopt(before, after);
        assert_int_equal(plan_make(before, after).actions, PLAN_NOTHING);
        assert_int_equal(before->source_count, after->source_count);
        for (uint32_t s = 0; s < after->source_count; s++)
            assert_string_equal(before->sources[s].interface, lists[i][s]);
        free(after);
    }
    free(before);
}

static bool is_same(const char *device, const char *other)
{
    struct source_config a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    strcpy(a.device, device);
    strcpy(b.device, other);
    return source_is_same_device(&a, &b);
}

/* Of af_packet the interface counts, of other devices the name. */
static void devices_are_told_apart(void **state)
{
    (void)state;
    assert_true(is_same("net_pcap0,rx_pcap=a", "net_pcap0,rx_pcap=b"));
    assert_false(is_same("net_pcap0,rx_pcap=a", "net_pcap1,rx_pcap=a"));
    assert_false(is_same("net_pcap1", "net_pcap10"));
    assert_true(is_same("net_af_packet0,iface=a", "net_af_packet1,iface=a,qdisc=1"));
    assert_false(is_same("net_af_packet0,iface=a", "net_af_packet0,iface=b"));
    assert_false(is_same("net_af_packet0,iface=a", "net_af_packet0,iface=a1"));
    assert_false(is_same("net_af_packet0,qpairs=1,iface=a", "net_af_packet1,qpairs=1,iface=b"));
    assert_true(is_same("net_af_packet0,qpairs=1,iface=a", "net_af_packet1,iface=a"));
    assert_false(is_same("net_af_packet0,iface=a", "net_pcap0,iface=a"));
    assert_false(is_same("", "0000:01:00.0"));
}

static void rules_change_their_owner(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    char *none[1] = {NULL}, *own[1] = {(char *)"own.rules"};
    before->applications.files = none;
    after->applications.files = own;
    after->applications.file_count = 1;
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_RULES);
    plan_adopt(before, after);
    assert_ptr_equal(before->applications.files, own);
    assert_ptr_equal(after->applications.files, none);
    assert_int_equal(after->applications.file_count, 0);
    after->applications.octets = 99;
    strcpy(after->applications.store, before->applications.store);
    after->applications.files = own;
    after->applications.file_count = 1;
    assert_int_equal(plan_make(before, after).actions, PLAN_WORKERS);
    free(before);
    free(after);
}

/* The path for messages is that of what weighs most. */
static void the_heaviest_is_named(void **state)
{
    (void)state;
    struct probe_config *before = make(), *after = make();
    after->caches[0].active_timeout_ns = 1;
    after->workers = 3;
    after->caches[2].exporting.queue_octets_max = 9;
    struct plan plan = plan_make(before, after);
    assert_int_equal(plan.actions, PLAN_WORKERS | PLAN_EXPORTERS | PLAN_EXCHANGE);
    assert_int_equal(plan.count, 3);
    assert_string_equal(plan.path, "/spanflow:spanflow/workers");
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_row),
        cmocka_unit_test(nothing_differs_from_itself),
        cmocka_unit_test(each_field_tells_its_action),
        cmocka_unit_test(sources_are_devices_and_filters),
        cmocka_unit_test(sources_come_and_go),
        cmocka_unit_test(devices_are_told_apart),
        cmocka_unit_test(rules_change_their_owner),
        cmocka_unit_test(the_heaviest_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
