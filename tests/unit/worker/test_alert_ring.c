/* The ring of alerts and the words of severities: order, full, two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "worker/alert_ring.h"

static struct alert_ring *open_ring(void)
{
    struct error error = {""};
    struct alert_ring *ring = alert_ring_create(&error);
    assert_non_null(ring);
    return ring;
}

/* An alert whose fields all tell NUMBER. */
static struct alert alert_of(uint32_t number)
{
    struct alert alert = {.time_ns = number + 1ull,
                          .flow_id = ~(uint64_t)number,
                          .number = number,
                          .kind = number & 1 ? ALERT_LIST : ALERT_RULE,
                          .severity = (uint8_t)(SEVERITY_INFO + number % SEVERITY_CRITICAL)};
    memset(alert.name, 'a' + (int)(number % 26), sizeof alert.name - 1);
    return alert;
}

static bool says(const struct alert *alert, uint32_t number)
{
    struct alert wanted = alert_of(number);
    return alert->number == number && alert->time_ns == wanted.time_ns &&
           alert->flow_id == wanted.flow_id && alert->kind == wanted.kind &&
           alert->severity == wanted.severity && strcmp(alert->name, wanted.name) == 0;
}

static void test_is_empty_at_first(void **state)
{
    (void)state;
    struct alert_ring *ring = open_ring();
    struct alert alert;
    assert_false(alert_ring_take(ring, &alert));
    assert_int_equal(alert_ring_lost(ring), 0);
    alert_ring_destroy(ring);
    alert_ring_destroy(NULL);
}

static void test_keeps_order_and_counts_what_is_too_much(void **state)
{
    (void)state;
    struct alert_ring *ring = open_ring();
    struct alert alert;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < ALERT_RING_SLOTS + 5; i++) {
            alert = alert_of(i);
            assert_int_equal(alert_ring_put(ring, &alert), i < ALERT_RING_SLOTS);
        }
        assert_int_equal(alert_ring_lost(ring), 5u * (round + 1));
        for (uint32_t i = 0; i < ALERT_RING_SLOTS; i++) {
            assert_true(alert_ring_take(ring, &alert));
            assert_true(says(&alert, i));
        }
        assert_false(alert_ring_take(ring, &alert));
    }
    alert_ring_destroy(ring);
}

enum { MANY = 200000 };

static void *produce(void *context)
{
    struct alert_ring *ring = context;
    for (uint32_t i = 0; i < MANY; i++) {
        struct alert alert = alert_of(i);
        while (!alert_ring_put(ring, &alert))
            sched_yield();
    }
    return NULL;
}

static void test_carries_between_threads(void **state)
{
    (void)state;
    struct alert_ring *ring = open_ring();
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
    for (uint32_t i = 0; i < MANY;) {
        struct alert alert;
        if (!alert_ring_take(ring, &alert)) {
            sched_yield();
            continue;
        }
        assert_true(says(&alert, i));
        i++;
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    alert_ring_destroy(ring);
}

static void test_severities_have_words(void **state)
{
    (void)state;
    enum severity found;
    assert_null(severity_word(SEVERITY_NONE));
    assert_null(severity_word(SEVERITY_COUNT));
    for (unsigned i = SEVERITY_INFO; i < SEVERITY_COUNT; i++) {
        assert_true(severity_find(severity_word((enum severity)i), &found));
        assert_int_equal(found, i);
    }
    assert_string_equal(severity_word(SEVERITY_CRITICAL), "critical");
    assert_true(SEVERITY_HIGH > SEVERITY_MEDIUM && SEVERITY_LOW > SEVERITY_INFO);
    assert_false(severity_find("grave", &found));
    assert_int_equal(found, SEVERITY_NONE);
    assert_false(severity_find("", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_empty_at_first),
        cmocka_unit_test(test_keeps_order_and_counts_what_is_too_much),
        cmocka_unit_test(test_carries_between_threads),
        cmocka_unit_test(test_severities_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
