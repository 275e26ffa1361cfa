/* Unit tests of the record ring: order, wrapping with pads, full and empty, one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "flow/record_ring.h"

enum { RING_LINES = 1024 };

static struct record_ring *open_ring(uint32_t lines)
{
    struct error error = {""};
    struct record_ring *ring = record_ring_create(lines, &error);
    assert_non_null(ring);
    return ring;
}

/* A record of LINES 2..12, of which those behind the fourth are names, filled with bytes that
 * depend on NUMBER. */
static bool put_record(struct record_ring *ring, uint32_t lines, uint64_t number)
{
    uint8_t *place = record_ring_reserve(ring, lines);
    if (!place)
        return false;
    assert_int_equal((uintptr_t)place % FLOW_LINE, 0);
    memset(place, (int)(number & 0xff), (size_t)lines * FLOW_LINE);
    struct flow_hot *hot = (void *)place;
    unsigned state = lines >= 4   ? FLOW_STATE_IPV6 | FLOW_STATE_EXTRA
                     : lines == 3 ? (number & 1 ? FLOW_STATE_IPV6 : FLOW_STATE_EXTRA)
                                  : 0;
    hot->flags_state = state << 24;
    hot->counter[0] = number;
    if (state & FLOW_STATE_EXTRA) {
        unsigned own = flow_record_lines(state);
        struct flow_extra *extra = (void *)(place + (size_t)(own - 1) * FLOW_LINE);
        extra->name_octets = (uint16_t)((lines - own) * FLOW_LINE);
    }
    return true;
}

static bool put_marker(struct record_ring *ring, uint64_t cut)
{
    struct flow_marker *marker = record_ring_reserve(ring, 1);
    if (!marker)
        return false;
    memset(marker, 0, sizeof *marker);
    marker->cut = cut;
    marker->flags_state = (uint32_t)FLOW_ELEMENT_MARKER << 24;
    return true;
}

/* Whether the octet I of the element stands for the length of its names. */
static bool is_length(const struct flow_hot *hot, size_t i)
{
    unsigned own = flow_record_lines(flow_state(hot));
    size_t at = (size_t)(own - 1) * FLOW_LINE + offsetof(struct flow_extra, name_octets);
    return (flow_state(hot) & FLOW_STATE_EXTRA) && i >= at && i < at + sizeof(uint16_t);
}

static void expect_record(struct record_ring *ring, uint32_t lines, uint64_t number)
{
    const struct flow_hot *hot = record_ring_peek(ring);
    assert_non_null(hot);
    assert_int_equal(flow_state(hot) & FLOW_ELEMENT_KIND_MASK, FLOW_ELEMENT_RECORD);
    assert_int_equal(hot->counter[0], number);
    assert_int_equal(flow_element_lines(hot), lines);
    const uint8_t *bytes = (const void *)hot;
    for (size_t i = FLOW_LINE; i < (size_t)lines * FLOW_LINE; i++)
        if (!is_length(hot, i))
            assert_int_equal(bytes[i], (uint8_t)number);
    record_ring_next(ring);
}

static void test_is_empty_at_first(void **state)
{
    (void)state;
    struct record_ring *ring = open_ring(1);
    assert_null(record_ring_peek(ring));
    assert_int_equal(record_ring_used_lines(ring), 0);
    assert_int_equal(record_ring_free_lines(ring), RING_LINES - (FLOW_ELEMENT_LINES_MAX - 1));
    record_ring_destroy(ring);
    record_ring_destroy(NULL);
}

static void test_rounds_up_to_a_power_of_two(void **state)
{
    (void)state;
    struct record_ring *ring = open_ring(5000);
    assert_int_equal(record_ring_free_lines(ring), 8192 - (FLOW_ELEMENT_LINES_MAX - 1));
    record_ring_destroy(ring);
}

static void test_shows_only_what_was_published(void **state)
{
    (void)state;
    struct record_ring *ring = open_ring(RING_LINES);
    assert_true(put_record(ring, 2, 1));
    assert_null(record_ring_peek(ring));
    record_ring_publish(ring);
    assert_true(put_record(ring, 2, 2));
    expect_record(ring, 2, 1);
    assert_null(record_ring_peek(ring));
    record_ring_publish(ring);
    expect_record(ring, 2, 2);
    assert_null(record_ring_peek(ring));
    record_ring_destroy(ring);
}

static void test_keeps_room_until_released(void **state)
{
    (void)state;
    struct record_ring *ring = open_ring(RING_LINES);
    uint64_t count = 0;
    while (put_record(ring, 2, count))
        count++;
    assert_int_equal(count, RING_LINES / 2);
    record_ring_publish(ring);
    assert_int_equal(record_ring_free_lines(ring), 0);
    assert_int_equal(record_ring_used_lines(ring), RING_LINES);
    expect_record(ring, 2, 0);
    assert_false(put_record(ring, 2, count));
    record_ring_release(ring);
    assert_true(put_record(ring, 2, count));
    assert_false(put_record(ring, 2, count));
    record_ring_publish(ring);
    for (uint64_t i = 1; i <= count; i++)
        expect_record(ring, 2, i);
    assert_null(record_ring_peek(ring));
    record_ring_release(ring);
    assert_int_equal(record_ring_used_lines(ring), 0);
    record_ring_destroy(ring);
}

static void test_free_lines_can_really_be_reserved(void **state)
{
    (void)state;
    struct record_ring *ring = open_ring(RING_LINES);
    for (uint32_t offset = 0; offset < 3 * RING_LINES; offset++) {
        /* From every position, also right before the end of the memory. */
        uint32_t lines = record_ring_free_lines(ring);
        uint32_t elements = lines / 4;
        for (uint32_t i = 0; i < elements; i++)
            assert_true(put_record(ring, 4, i));
        record_ring_publish(ring);
        for (uint32_t i = 0; i < elements; i++)
            expect_record(ring, 4, i);
        record_ring_release(ring);
        assert_true(put_marker(ring, offset));
        record_ring_publish(ring);
        assert_non_null(record_ring_peek(ring));
        record_ring_next(ring);
        record_ring_release(ring);
        assert_int_equal(record_ring_used_lines(ring), 0);
    }
    record_ring_destroy(ring);
}

static void test_pads_are_never_seen(void **state)
{
    (void)state;
    struct record_ring *ring = open_ring(RING_LINES);
    uint64_t number = 0;
    for (unsigned round = 0; round < 5000; round++) {
        uint32_t lines = 2 + round % (FLOW_ELEMENT_LINES_MAX - 1);
        uint64_t first = number;
        unsigned burst = 1 + round % 7;
        for (unsigned i = 0; i < burst; i++)
            assert_true(put_record(ring, lines, number++));
        if (round % 5 == 0)
            assert_true(put_marker(ring, round));
        record_ring_publish(ring);
        for (unsigned i = 0; i < burst; i++)
            expect_record(ring, lines, first + i);
        if (round % 5 == 0) {
            const struct flow_marker *marker = (const void *)record_ring_peek(ring);
            assert_non_null(marker);
            assert_int_equal(marker->flags_state >> 24, FLOW_ELEMENT_MARKER);
            assert_int_equal(marker->cut, round);
            record_ring_next(ring);
        }
        assert_null(record_ring_peek(ring));
        record_ring_release(ring);
    }
    record_ring_destroy(ring);
}

/* If pad and element together have no room, nothing may be lost and nothing half written. */
static void test_full_at_the_end_of_the_memory(void **state)
{
    (void)state;
    for (uint32_t released = 0; released < 4; released++) {
        struct record_ring *ring = open_ring(RING_LINES);
        for (uint32_t i = 0; i < RING_LINES - 1; i++)
            assert_true(put_marker(ring, i));
        record_ring_publish(ring);
        for (uint32_t i = 0; i < released; i++) {
            assert_non_null(record_ring_peek(ring));
            record_ring_next(ring);
        }
        record_ring_release(ring);
        assert_false(put_record(ring, 4, 7)); /* needs the last line as a pad and four more */
        record_ring_publish(ring);
        uint32_t left = 0;
        for (; record_ring_peek(ring); left++)
            record_ring_next(ring);
        record_ring_release(ring);
        assert_int_equal(left, RING_LINES - 1 - released);
        assert_true(put_record(ring, 4, 7));
        record_ring_publish(ring);
        expect_record(ring, 4, 7);
        assert_null(record_ring_peek(ring));
        record_ring_destroy(ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_empty_at_first),
        cmocka_unit_test(test_rounds_up_to_a_power_of_two),
        cmocka_unit_test(test_shows_only_what_was_published),
        cmocka_unit_test(test_keeps_room_until_released),
        cmocka_unit_test(test_free_lines_can_really_be_reserved),
        cmocka_unit_test(test_pads_are_never_seen),
        cmocka_unit_test(test_full_at_the_end_of_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
