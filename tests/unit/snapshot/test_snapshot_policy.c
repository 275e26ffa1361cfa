/* Which class a flow belongs to, and which policies are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <arpa/inet.h>

#include "snapshot/snapshot_policy.h"

static struct flow_key key_of(uint8_t a, uint16_t port_a, uint8_t b, uint16_t port_b)
{
    struct flow_key key;
    memset(&key, 0, sizeof key);
    flow_key_make4(&key, htonl(0x0a000000u + a), htonl(0x0a000000u + b), htons(port_a),
                   htons(port_b), 6, 0, 0);
    return key;
}

static void test_classes(void **state)
{
    (void)state;
    const struct prefix_set_entry prefix = {{10, 0, 0, 16}, 4, 28};
    const uint16_t ports[] = {443, 53}, applications[] = {7};
    const struct snapshot_class_config classes[] = {
        {.prefixes = &prefix,
         .prefix_count = 1,
         .ports = ports,
         .port_count = 2,
         .cutoff = {10, 0}},
        {.applications = applications, .application_count = 1, .cutoff = {0, 100}},
        {.ports = ports, .port_count = 1, .cutoff = {3, 0}},
    };
    const struct snapshot_policy_config config = {
        .cutoff = {5, 6}, .classes = classes, .class_count = 3};
    struct error error = {""};
    struct snapshot_policy *policy = snapshot_policy_create(&config, &error);
    assert_non_null(policy);
    assert_true(snapshot_policy_cuts_off(policy));
    assert_true(snapshot_policy_has_classes(policy));
    struct flow_key key = key_of(17, 443, 1, 5000);
    assert_int_equal(snapshot_policy_class(policy, &key, 0), 1);
    key = key_of(1, 5000, 17, 53); /* either end */
    assert_int_equal(snapshot_policy_class(policy, &key, 7), 1);
    key = key_of(17, 5000, 1, 443); /* address and port are of different ends */
    assert_int_equal(snapshot_policy_class(policy, &key, 0), 3);
    assert_int_equal(snapshot_policy_class(policy, &key, 7), 2);
    key = key_of(17, 5000, 1, 53);
    assert_int_equal(snapshot_policy_class(policy, &key, 8), 0);
    assert_int_equal(snapshot_policy_cutoff(policy, 0)->packets, 5);
    assert_int_equal(snapshot_policy_cutoff(policy, 2)->octets, 100);
    assert_int_equal(snapshot_policy_cutoff(policy, 99)->octets, 6);
    snapshot_policy_destroy(policy);
}

static void test_refused(void **state)
{
    (void)state;
    struct error error = {""};
    struct snapshot_policy_config config = {.snap_length = 63};
    assert_null(snapshot_policy_create(&config, &error));
    assert_non_null(strstr(error.text, "64"));
    config = (struct snapshot_policy_config){.cutoff = {SNAPSHOT_CUTOFF_PACKETS_MAX + 1, 0}};
    assert_null(snapshot_policy_create(&config, &error));
    config = (struct snapshot_policy_config){.class_count = SNAPSHOT_CLASSES_MAX + 1};
    assert_null(snapshot_policy_create(&config, &error));
    config = (struct snapshot_policy_config){.snap_length = SNAPSHOT_EVERYTHING};
    struct snapshot_policy *policy = snapshot_policy_create(&config, &error);
    assert_non_null(policy);
    assert_false(snapshot_policy_cuts_off(policy));
    assert_true(snapshot_policy_keeps_payload(policy));
    snapshot_policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
