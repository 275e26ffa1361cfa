/*
 * A destination that is a topic of Kafka: a record a message, or messages that are complete in
 * themselves and belong to one partition; what is confirmed, refused, offered again and given up.
 * The transport is a fake that keeps what it is offered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "destination_kafka.h"
#include "fake_topic.h"
#include "fake_transport.h"
#include "record_builder.h"

static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;
enum { PARTITIONS_MAX = 200, RECORD_OCTETS = 16, HEADER_OCTETS = 16 };

struct bench {
    struct exporting_process_config config;
    struct fake_topic *topic;
    struct record_ring *ring;
    struct exporting_process *process;
    uint64_t now_ns;
};

/* ---- the bench ---- */

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->config.offline = false;
    bench->config.queue_octets_max = 16 << 20;
    fake_topic_config(&bench->config.destinations[0]);
    bench->topic = fake_topic_new();
    bench->ring = fake_ring(1 << 14);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    exporting_process_destroy(bench->process);
    record_ring_destroy(bench->ring);
    fake_topic_free(bench->topic);
    free(bench);
    return 0;
}

static void start(struct bench *bench)
{
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    exporting_process_set_transport(bench->process, 0, fake_topic_as(bench->topic));
}

/* COUNT conversations of two directions, with the ids FIRST, FIRST + 1 ... */
static void push(struct bench *bench, uint64_t first, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++) {
        flow.flow_id = first + i;
        assert_int_equal(record_push(bench->ring, &flow), 0);
    }
}

static void step(struct bench *bench, uint64_t after_ns)
{
    bench->now_ns += after_ns;
    exporting_process_step(bench->process, bench->now_ns, export_ns, NULL);
}

static struct destination_counters account(const struct bench *bench)
{
    return fake_account(bench->process);
}

/* Data records of a message of flows, each in the right partition; 0 if it is one of options. */
static uint32_t count_flows(const struct fake_topic *topic, uint32_t i, uint32_t partitions)
{
    const uint8_t *message = topic->messages[i];
    uint32_t at = HEADER_OCTETS, records = 0, templates = 0;
    assert_int_equal(get16(message), 10);
    assert_int_equal(get16(message + 2), topic->octets[i]);
    if (get16(message + at) == 3) {
        assert_int_equal(topic->labels[i].partition, 0);
        return 0;
    }
    assert_int_equal(get16(message + at), 2);
    uint32_t id = get16(message + at + 4);
    while (at < topic->octets[i]) {
        uint32_t set = get16(message + at), end = at + get16(message + at + 2);
        templates += set == 2;
        if (set != 2)
            assert_int_equal(set, id);
        for (at += 4; set == id && at + RECORD_OCTETS <= end; at += RECORD_OCTETS, records++)
            assert_int_equal(kafka_partition_of(get64(message + at), partitions),
                             topic->labels[i].partition);
        at = end;
    }
    assert_int_equal(templates, 1);
    assert_true(records > 0);
    return records;
}

/* ---- tests ---- */

static void partitions_are_those_of_other_clients(void **state)
{
    (void)state;
    /* Known values of Kafka's own murmur2: "21" is -973932308; the sign is taken off. */
    assert_int_equal(kafka_partition_of(21, 1000000), (-973932308 & INT32_MAX) % 1000000);
    assert_int_equal(kafka_partition_of(UINT64_MAX, 1), 0);
    uint32_t seen[7] = {0};
    for (uint64_t key = 0; key < 7000; key++)
        seen[kafka_partition_of(key, 7)]++;
    for (unsigned i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
}

/* More partitions than messages may be under construction: no record goes astray. */
static void messages_are_of_one_partition(void **state)
{
    struct bench *bench = *state;
    struct fake_topic *topic = bench->topic;
    static uint32_t expected[PARTITIONS_MAX];
    topic->session.partitions = PARTITIONS_MAX;
    start(bench);
    step(bench, 1);
    uint32_t confirmed = 0;
    for (uint64_t turn = 0; turn < 10; turn++) {
        push(bench, turn * 1000000007, 500);
        step(bench, 150000000);
        assert_int_equal(account(bench).records, (turn + 1) * 500);
        topic->session.confirmed = topic->count - confirmed;
        confirmed = topic->count;
    }
    step(bench, 2000000000);
    assert_true(topic->count - confirmed > MESSAGE_QUEUE_PARKED_MAX - 2);
    uint32_t flows = 0;
    bool known[PARTITIONS_MAX] = {false};
    for (uint32_t i = 0; i < topic->count; i++) {
        uint32_t partition = topic->labels[i].partition, number = get32(topic->messages[i] + 8);
        uint32_t records = count_flows(topic, i, PARTITIONS_MAX);
        if (records && (partition || known[0]))
            assert_int_equal(number, expected[partition]);
        known[partition] = records > 0; /* how many options records there are is not known here */
        expected[partition] = number + records;
        flows += records;
    }
    assert_int_equal(flows, 2 * 5000);
    topic->session.confirmed = topic->count - confirmed;
    step(bench, 1);
    assert_int_equal(account(bench).sent, 5000);
    assert_int_equal(account(bench).messages, topic->count);
}

/* What was not acknowledged goes out again, octet by octet the same and in order. */
static void a_new_session_offers_again(void **state)
{
    struct bench *bench = *state;
    struct fake_topic *topic = bench->topic;
    start(bench);
    step(bench, 1);
    push(bench, 1, 3000);
    step(bench, 1);
    step(bench, 2000000000);
    uint32_t before = topic->count;
    assert_true(before > 5);
    topic->session.confirmed = 3;
    topic->session.number = 0;
    step(bench, 1);
    assert_int_equal(topic->count, before);
    topic->session.number = 2;
    step(bench, 1);
    assert_true(topic->count >= 2 * before - 3);
    for (uint32_t i = 3; i < before; i++) {
        uint32_t again = before + i - 3;
        assert_int_equal(topic->octets[again], topic->octets[i]);
        assert_memory_equal(topic->messages[again], topic->messages[i], topic->octets[i]);
        assert_int_equal(topic->labels[again].partition, topic->labels[i].partition);
    }
    topic->session.confirmed = topic->count - before;
    step(bench, 1);
    assert_int_equal(account(bench).sent, 3000);
}

/* With capture files records wait until the partitions are known, and live they do not. */
static void captures_wait_for_partitions(void **state)
{
    struct bench *bench = *state;
    bench->config.offline = true;
    bench->topic->session.number = 0;
    start(bench);
    push(bench, 1, 100);
    step(bench, 1);
    assert_false(exporting_process_accepts(bench->process));
    assert_int_equal(account(bench).records, 0);
    bench->topic->session.number = 1;
    step(bench, 1);
    step(bench, 1);
    assert_true(exporting_process_accepts(bench->process));
    assert_int_equal(account(bench).records, 100);
}

static void live_does_not_wait_for_partitions(void **state)
{
    struct bench *bench = *state;
    bench->topic->session.number = 0;
    start(bench);
    push(bench, 1, 100);
    step(bench, 1);
    assert_int_equal(account(bench).queued, 100);
    bench->topic->session.number = 1;
    step(bench, 2000000000);
    assert_true(bench->topic->count > 0);
    for (uint32_t i = 0; i < bench->topic->count; i++)
        assert_int_equal(bench->topic->labels[i].partition, 0);
}

static void messages_under_construction_are_given_up(void **state)
{
    struct bench *bench = *state;
    bench->topic->session.partitions = 50;
    start(bench);
    step(bench, 1);
    push(bench, 1, 500);
    step(bench, 1);
    assert_int_equal(account(bench).queued, 500);
    exporting_process_abandon(bench->process);
    assert_int_equal(account(bench).lost[DESTINATION_LOST_SHUTDOWN], 500);
}

/* ---- a record a message ---- */

static void start_json(struct bench *bench)
{
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    step(bench, 1);
}

static void a_record_is_sent_when_both_directions_are(void **state)
{
    struct bench *bench = *state;
    struct fake_topic *topic = bench->topic;
    start_json(bench);
    push(bench, 77, 5);
    step(bench, 1);
    assert_int_equal(topic->count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"flowId\":%u,\"octetDeltaCount\":%s}", 77 + i / 2,
                 i % 2 ? "5000000000" : "300");
        assert_string_equal((char *)topic->messages[i], wanted);
        assert_int_equal(topic->labels[i].key, 77 + i / 2);
    }
    topic->session.confirmed = 1;
    step(bench, 1);
    assert_int_equal(account(bench).sent, 0);
    topic->session.confirmed = 2;
    step(bench, 1);
    assert_int_equal(account(bench).sent, 1);
    /* The rest of the second record is refused, and the first half of the fourth. */
    topic->session.failed = 1;
    step(bench, 1);
    topic->session.confirmed = 2;
    topic->session.failed = 1;
    step(bench, 1);
    topic->session.confirmed = 3;
    step(bench, 1);
    struct destination_counters d = account(bench);
    assert_int_equal(d.sent, 3);
    assert_int_equal(d.lost[DESTINATION_LOST_SEND_FAILED], 2);
    assert_int_equal(d.queued, 0);
}

/* Partitions are acknowledged out of order: at the end each message's own fate counts. */
static void what_has_arrived_is_not_lost(void **state)
{
    struct bench *bench = *state;
    struct fake_topic *topic = bench->topic;
    start_json(bench);
    push(bench, 1, 10);
    topic->take = 16;
    step(bench, 1);
    static const uint32_t records[] = {1, 4, 7};
    for (unsigned i = 0; i < 3; i++)
        topic->arrived[2 * records[i]] = topic->arrived[2 * records[i] + 1] = true;
    exporting_process_abandon(bench->process);
    struct destination_counters d = account(bench);
    assert_int_equal(d.sent, 3);
    assert_int_equal(d.data_records, 6);
    assert_int_equal(d.lost[DESTINATION_LOST_SHUTDOWN], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_those_of_other_clients),
        cmocka_unit_test_setup_teardown(messages_are_of_one_partition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_session_offers_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(captures_wait_for_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(live_does_not_wait_for_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_under_construction_are_given_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_record_is_sent_when_both_directions_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_has_arrived_is_not_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
