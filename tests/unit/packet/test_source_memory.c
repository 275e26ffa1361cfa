/* The memory source: rounds, times, limits, ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/source_memory.h"

static const uint8_t octets[4] = {1, 2, 3, 4};
static const struct memory_packet packets[3] = {
    {octets, 4, 60, 1000, 0, LINK_ETHERNET},
    {octets + 1, 3, 70, 2000, 1, LINK_RAW_IP},
    {octets + 2, 2, 80, PACKET_TIME_LIMIT_NS, 0, LINK_UNKNOWN},
};
static struct packet_batch batch;

static void test_once(void **state)
{
    (void)state;
    struct packet_source *source = source_memory_open(packets, 3, NULL);
    source->interface_base = 5;
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, 3);
    assert_ptr_equal(batch.data[1], octets + 1);
    assert_int_equal(batch.captured_length[1], 3);
    assert_int_equal(batch.port[0], 5);
    assert_int_equal(batch.port[1], 6);
    assert_int_equal(batch.link[1], LINK_RAW_IP);
    assert_int_equal(batch.timestamp_ns[1], 2000);
    assert_true(batch.timestamp_ns[2] == PACKET_TIME_LIMIT_NS - 1);
    source->ops->release(source, &batch);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_END);
    assert_int_equal(source->ledger.observed.packets, 3);
    assert_int_equal(source->ledger.observed.octets, 210);
    assert_false(source->live);
    source->ops->close(source);
}

static void test_rounds(void **state)
{
    (void)state;
    struct source_memory_options options = {.rounds = 50, .round_step_ns = 10000};
    struct packet_source *source = source_memory_open(packets, 2, &options);
    uint32_t count = 0;
    while (source->ops->receive(source, &batch) == RECEIVE_PACKETS)
        for (uint32_t i = 0; i < batch.count; i++, count++)
            assert_true(batch.timestamp_ns[i] == 1000 + count % 2 * 1000 + count / 2 * 10000);
    assert_int_equal(count, 100);
    assert_int_equal(source->ledger.observed.octets, 50 * 130);
    source->ops->close(source);
}

static void test_limits_and_clock(void **state)
{
    (void)state;
    uint64_t now_ns = 77;
    struct source_memory_options options = {.now_ns = &now_ns, .batch_max = 5, .live = true};
    struct packet_source *source = source_memory_open(packets, 3, &options);
    source_memory_allow(source, 7);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, 5);
    assert_int_equal(batch.timestamp_ns[4], 77);
    now_ns = 78;
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.timestamp_ns[0], 78);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_IDLE);
    assert_int_equal(batch.count, 0);
    source_memory_allow(source, 8);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, 1);
    assert_true(source->live);
    source->ops->close(source);
}

static void test_nothing(void **state)
{
    (void)state;
    struct packet_source *source = source_memory_open(packets, 0, NULL);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_END);
    source->ops->close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_limits_and_clock),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
