/*
 * The record ring with its producer and consumer in two threads, for the thread sanitizer and for
 * itself: every element arrives once, in order and whole. Bounded by elements, not by time.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <string.h>

#include "flow/record_ring.h"
#include "sim/random.h"

enum { ELEMENTS = 200000 };

struct shared {
    struct record_ring *ring;
    uint64_t seed;
};

/* Both threads draw the same sequence of kinds, so the consumer knows what must come. */
static uint32_t next_lines(struct random *random)
{
    return (uint32_t)random_between(random, 1, FLOW_ELEMENT_LINES_MAX);
}

static void fill(void *place, uint32_t lines, uint64_t number)
{
    memset(place, (int)(number % 251), (size_t)lines * FLOW_LINE);
    if (lines == 1) {
        struct flow_marker *marker = place;
        marker->cut = number;
        marker->flags_state = (uint32_t)FLOW_ELEMENT_MARKER << 24;
        return;
    }
    static const unsigned states[] = {0, FLOW_STATE_IPV6, FLOW_STATE_IPV6 | FLOW_STATE_EXTRA};
    struct flow_hot *hot = place;
    hot->flags_state = states[lines < 4 ? lines - 2 : 2] << 24;
    hot->counter[0] = number;
    if (lines >= FLOW_RECORD_LINES_MAX) {
        struct flow_extra *extra = (struct flow_extra *)place + FLOW_RECORD_LINES_MAX - 1;
        extra->name_octets = (uint16_t)((lines - FLOW_RECORD_LINES_MAX) * FLOW_LINE);
    }
}

static void *produce(void *argument)
{
    struct shared *shared = argument;
    struct random lengths = {shared->seed};
    struct random rhythm = {shared->seed + 1};
    for (uint64_t number = 0; number < ELEMENTS; number++) {
        uint32_t lines = next_lines(&lengths);
        void *place;
        while (!(place = record_ring_reserve(shared->ring, lines))) {
            record_ring_publish(shared->ring);
            sched_yield();
        }
        fill(place, lines, number);
        if (random_chance(&rhythm, 10))
            record_ring_publish(shared->ring);
    }
    record_ring_publish(shared->ring);
    return NULL;
}

/* 0 if the element is the expected one, else what is wrong with it. */
static const char *examine(const struct flow_hot *hot, uint32_t lines, uint64_t number)
{
    bool marker = (flow_state(hot) & FLOW_ELEMENT_KIND_MASK) == FLOW_ELEMENT_MARKER;
    if (marker != (lines == 1))
        return "another kind of element";
    if (marker)
        return ((const struct flow_marker *)(const void *)hot)->cut == number ? NULL
                                                                              : "another cut";
    if (flow_element_lines(hot) != lines)
        return "another length";
    if (hot->counter[0] != number)
        return "another record";
    const uint8_t *bytes = (const void *)hot;
    const size_t length_at =
        (FLOW_RECORD_LINES_MAX - 1) * FLOW_LINE + offsetof(struct flow_extra, name_octets);
    for (size_t i = FLOW_LINE; i < (size_t)lines * FLOW_LINE; i++)
        if (bytes[i] != (uint8_t)(number % 251) && i / 2 != length_at / 2)
            return "a torn record";
    return NULL;
}

static void run(uint64_t seed)
{
    struct error error = {""};
    struct shared shared = {record_ring_create(1024, &error), seed};
    assert_non_null(shared.ring);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &shared), 0);
    struct random lengths = {seed};
    struct random rhythm = {seed + 2};
    for (uint64_t number = 0; number < ELEMENTS; number++) {
        uint32_t lines = next_lines(&lengths);
        const struct flow_hot *hot;
        while (!(hot = record_ring_peek(shared.ring))) {
            record_ring_release(shared.ring);
            sched_yield();
        }
        const char *wrong = examine(hot, lines, number);
        assert_true(record_ring_used_lines(shared.ring) <= 1024);
        assert_string_equal(wrong ? wrong : "", "");
        record_ring_next(shared.ring);
        if (random_chance(&rhythm, 10))
            record_ring_release(shared.ring);
    }
    assert_null(record_ring_peek(shared.ring));
    assert_int_equal(pthread_join(producer, NULL), 0);
    record_ring_destroy(shared.ring);
}

static void test_everything_arrives_in_order(void **state)
{
    (void)state;
    run(1);
    run(20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_arrives_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
