/*
 * A topic of Kafka with a spool: what waits there comes back with its own number in its own
 * partition or with its key, a record in JSON as a whole, and what had arrived is not sent again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "destination_kafka.h"
#include "fake_topic.h"
#include "fake_transport.h"
#include "record_builder.h"
#include "spool.h"

static const uint64_t second_ns = 1000000000u;
static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;
enum { PARTITIONS = 4, FLOWS_MAX = 10000, NUMBERS_MAX = 40000, ROOM = 1 << 26 };
enum { OPTIONS_SET = 3, RECORD_OCTETS = 16 };

struct bench {
    struct exporting_process_config config;
    struct fake_topic *topic;
    struct record_ring *ring;
    struct exporting_process *process;
    struct spool *spool;
    uint64_t now_ns;
    uint32_t confirmed;
    uint32_t next_flow;
    char folder[64];
};

static void start(struct bench *bench)
{
    struct error error = {""};
    bench->spool = spool_open(bench->folder, ROOM, 1, &error);
    assert_non_null(bench->spool);
    bench->config.spool = bench->spool;
    bench->topic = fake_topic_new();
    bench->confirmed = 0;
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    exporting_process_set_transport(bench->process, 0, fake_topic_as(bench->topic));
}

static void stop(struct bench *bench)
{
    exporting_process_destroy(bench->process);
    spool_close(bench->spool);
    fake_topic_free(bench->topic);
    bench->process = NULL;
    bench->spool = NULL;
    bench->topic = NULL;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->config.offline = false;
    bench->config.queue_octets_max = 4 << 20;
    fake_topic_config(&bench->config.destinations[0]);
    bench->ring = fake_ring(1 << 14);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/spanflow-spool.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->now_ns = second_ns;
    bench->next_flow = 1;
    *state = bench;
    return 0;
}

/* How many files there are in the spool; removes them if REMOVE. */
static size_t count_files(const struct bench *bench, bool remove)
{
    char pattern[160];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/*", bench->folder);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    for (size_t i = 0; remove && i < count; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
    return count;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    stop(bench);
    count_files(bench, true);
    rmdir(bench->folder);
    record_ring_destroy(bench->ring);
    free(bench);
    return 0;
}

/* COUNT conversations of two directions, whose ids go on. */
static void push(struct bench *bench, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++) {
        flow.flow_id = bench->next_flow++;
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

static void confirm_all(struct bench *bench)
{
    bench->topic->session.confirmed = bench->topic->count - bench->confirmed;
    bench->confirmed = bench->topic->count;
    step(bench, second_ns);
}

/* COUNT conversations come while the brokers are away, and are in the spool at the end. */
static void spool_records(struct bench *bench, uint32_t count)
{
    bench->topic->session.number = 0;
    push(bench, count);
    for (unsigned i = 0; i < 20; i++)
        step(bench, 2 * second_ns);
}

/* The brokers are there and take everything. */
static void send_all(struct bench *bench, uint64_t session)
{
    uint64_t waits = 1;
    if (bench->topic->session.number != session) /* nothing of the one before is confirmed now */
        bench->confirmed = bench->topic->count;
    bench->topic->session.number = session;
    step(bench, 1);
    for (unsigned i = 0; waits && i < 1000; i++) {
        confirm_all(bench);
        struct destination_counters d = account(bench);
        waits = d.queued + d.spooled + d.recovered_queued + d.recovered_spooled;
    }
    assert_int_equal(waits, 0);
}

/* Data records of a message of flows, which stand in its last Set; 0 if it is one of options. */
static uint32_t records_in(const struct fake_topic *topic, uint32_t i)
{
    const uint8_t *message = topic->messages[i];
    uint32_t at = 16, last = 16, octets = topic->octets[i];
    assert_int_equal(get16(message + 2), octets);
    if (get16(message + at) == OPTIONS_SET)
        return 0;
    for (; at < octets; at += get16(message + at + 2))
        last = at;
    return (get16(message + last + 2) - 4) / RECORD_OCTETS;
}

static bool begins[PARTITIONS][NUMBERS_MAX], inside[PARTITIONS][NUMBERS_MAX];

/* Marks what message I tells. */
static uint32_t mark(const struct fake_topic *topic, uint32_t i, uint32_t *end)
{
    uint32_t partition = topic->labels[i].partition, number = get32(topic->messages[i] + 8);
    uint32_t records = records_in(topic, i);
    assert_true(partition < PARTITIONS && number + records < NUMBERS_MAX);
    assert_false(begins[partition][number]);
    begins[partition][number] = true;
    for (uint32_t k = number; k < number + records; k++) {
        assert_false(inside[partition][k]);
        inside[partition][k] = true;
    }
    if (number + records > end[partition])
        end[partition] = number + records;
    return records;
}

/* Each partition's numbers, in whatever order they came: each once, and no gap. Options records up
 * to the next message are taken for granted. Returns the data records of flows. */
static uint32_t check_numbers(const struct fake_topic *topic)
{
    uint32_t flows = 0, end[PARTITIONS] = {0};
    memset(begins, 0, sizeof begins);
    memset(inside, 0, sizeof inside);
    for (uint32_t i = 0; i < topic->count; i++)
        flows += mark(topic, i, end);
    for (uint32_t i = 0; i < topic->count; i++)
        if (!records_in(topic, i)) {
            uint32_t number = get32(topic->messages[i] + 8);
            do
                inside[0][number++] = true;
            while (number < end[0] && !begins[0][number]);
        }
    for (uint32_t partition = 0; partition < PARTITIONS; partition++)
        for (uint32_t number = 0; number < end[partition]; number++)
            assert_true(inside[partition][number]);
    return flows;
}

/* The same of messages of more than one run, each of which numbers its own: by flows. */
static uint32_t check_flows(const struct fake_topic *topic)
{
    static uint32_t seen[FLOWS_MAX];
    uint32_t flows = 0;
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < topic->count; i++) {
        uint32_t records = records_in(topic, i);
        const uint8_t *record = topic->messages[i] + topic->octets[i] - records * RECORD_OCTETS;
        for (flows += records; records; records--, record += RECORD_OCTETS)
            assert_true(get64(record) < FLOWS_MAX && seen[get64(record)]++ < 2);
    }
    return flows;
}

/* Each flow's two lines are there TIMES times, in their order, with their key. */
static void check_lines(const struct fake_topic *topic, uint32_t flows, uint32_t times)
{
    static uint32_t seen[FLOWS_MAX];
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < topic->count; i++) {
        char wanted[80];
        uint64_t flow = topic->labels[i].key;
        assert_true(flow && flow <= flows);
        snprintf(wanted, sizeof wanted, "{\"flowId\":%u,\"octetDeltaCount\":%s}", (unsigned)flow,
                 seen[flow]++ % 2 ? "5000000000" : "300");
        assert_string_equal((char *)topic->messages[i], wanted);
    }
    for (uint32_t flow = 1; flow <= flows; flow++)
        assert_int_equal(seen[flow], 2 * times);
}

/* ---- IPFIX ---- */

static void messages_keep_their_numbers(void **state)
{
    struct bench *bench = *state;
    start(bench);
    step(bench, 1);
    push(bench, 500);
    step(bench, second_ns);
    step(bench, 2 * second_ns);
    confirm_all(bench);
    assert_int_equal(account(bench).sent, 500);
    spool_records(bench, 3000);
    assert_int_equal(account(bench).spooled, 3000);
    push(bench, 500); /* live, before what waits */
    send_all(bench, 2);
    assert_int_equal(account(bench).sent, 4000);
    assert_int_equal(check_numbers(bench->topic), 2 * 4000);
    for (uint32_t i = 0; i < bench->topic->count; i++) {
        if (!records_in(bench->topic, i))
            continue;
        const uint8_t *first = bench->topic->messages[i] + 16;
        assert_int_equal(get16(first), 2); /* templates in each */
        const uint8_t *record = first + get16(first + 2) + 4;
        assert_int_equal(bench->topic->labels[i].partition,
                         kafka_partition_of(get64(record), PARTITIONS));
    }
    assert_int_equal(count_files(bench, false), 0);
}

/* The spool is in FOLDER from now on, and another client sends to the same topic, which is
 * returned. */
static struct fake_topic *go_over(struct bench *bench, const char *folder)
{
    struct error error = {""};
    struct fake_topic *before = bench->topic, *next = fake_topic_new();
    bench->config.spool = spool_open(folder, ROOM, 1, &error);
    assert_non_null(bench->config.spool);
    struct exporting_process_change *change =
        exporting_process_prepare_change(bench->process, &bench->config, &error);
    assert_non_null(change);
    assert_true(exporting_process_change_set_transport(change, 0, fake_topic_as(next)));
    exporting_process_submit_change(bench->process, change);
    for (unsigned i = 0; i < 12; i++) /* so long it waits for what is on its way */
        step(bench, second_ns);
    assert_true(exporting_process_change_taken(bench->process));
    assert_true(spool_is_left(bench->spool) && before->completed);
    spool_close(bench->spool);
    bench->spool = bench->config.spool;
    bench->topic = next;
    bench->confirmed = 0;
    return before;
}

/* In the middle of a replay: no flow is missing when all files were sent, and none is counted
 * twice, though messages that nobody confirmed may be sent twice. */
static void another_folder_loses_nothing(void **state)
{
    struct bench *bench = *state;
    char folder[80];
    snprintf(folder, sizeof folder, "%s.2", bench->folder);
    start(bench);
    step(bench, 1);
    spool_records(bench, 3000);
    bench->topic->session.number = 2;
    bench->topic->take = 10;
    step(bench, second_ns);
    step(bench, second_ns);
    push(bench, 100);
    step(bench, second_ns);
    assert_true(account(bench).queued > 0);
    struct fake_topic *first = go_over(bench, folder);
    uint64_t left = account(bench).spooled;
    assert_true(left > 2000 && left <= 3000);
    for (unsigned i = 0; i < 20; i++)
        confirm_all(bench);
    assert_int_equal(account(bench).sent, 3100 - left);
    struct fake_topic *second = go_over(bench, bench->folder);
    assert_int_equal(rmdir(folder), 0); /* nothing was left there */
    for (unsigned i = 0; i < 20; i++)
        confirm_all(bench);
    assert_int_equal(account(bench).recovered, left);
    assert_int_equal(account(bench).recovered_sent, left);
    assert_int_equal(account(bench).spooled, left);
    assert_int_equal(check_flows(second) + check_flows(bench->topic), 2 * 3100);
    fake_topic_free(first);
    fake_topic_free(second);
}

/* A file that could not be written leaves messages as they were. */
static void a_full_disk_changes_no_number(void **state)
{
    struct bench *bench = *state;
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    start(bench);
    bench->topic->session.number = 0;
    step(bench, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 30000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    spool_records(bench, 3000);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(account(bench).spool.failing && account(bench).queued > 1000);
    send_all(bench, 1);
    assert_int_equal(account(bench).sent, 3000);
    assert_int_equal(check_numbers(bench->topic), 2 * 3000);
}

/* Brokers that were never there: the end waits for nobody, and the next run sends it. */
static void never_reached_is_sent_by_the_next_run(void **state)
{
    struct bench *bench = *state;
    bool done = false;
    start(bench);
    bench->topic->session = (struct transport_session){.number = 0};
    push(bench, 1000);
    step(bench, 1);
    for (unsigned i = 0; i < 100 && !done; i++) {
        bench->now_ns += second_ns / 50;
        done = exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL);
    }
    assert_true(done && bench->topic->completed);
    assert_int_equal(account(bench).spooled, 1000);
    stop(bench);
    start(bench);
    assert_int_equal(account(bench).recovered, 1000);
    send_all(bench, 1);
    assert_int_equal(account(bench).recovered_sent, 1000);
    assert_int_equal(check_flows(bench->topic), 2 * 1000);
    for (uint32_t i = 0; i < bench->topic->count; i++)
        assert_int_equal(bench->topic->labels[i].partition, 0);
}

/* Also messages under construction, of several partitions. */
static void cut_short_everything_is_spooled(void **state)
{
    struct bench *bench = *state;
    start(bench);
    step(bench, 1);
    push(bench, 500);
    step(bench, 1);
    exporting_process_abandon(bench->process);
    assert_int_equal(account(bench).spooled, 500);
    stop(bench);
    start(bench);
    send_all(bench, 1);
    assert_int_equal(account(bench).recovered_sent, 500);
    assert_int_equal(check_flows(bench->topic), 2 * 500);
}

/* ---- a record a message ---- */

static void records_come_back_whole(void **state)
{
    struct bench *bench = *state;
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    spool_records(bench, 3000);
    assert_int_equal(account(bench).spooled, 3000);
    send_all(bench, 1);
    assert_int_equal(account(bench).sent, 3000);
    assert_int_equal(account(bench).data_records, 6000);
    check_lines(bench->topic, 3000, 1);
    assert_int_equal(count_files(bench, false), 0);
}

/* Also when it is the queue that is full, whatever the brokers have taken; then they go. */
static void full_queue(struct bench *bench, uint32_t taken)
{
    bench->config.destinations[0].format = KAFKA_JSON;
    bench->config.queue_octets_max = 1 << 16;
    start(bench);
    bench->topic->take = taken;
    for (unsigned i = 0; i < 40; i++) {
        push(bench, 50);
        step(bench, 1000000);
    }
    struct destination_counters d = account(bench);
    assert_true(d.spooled > 500 && d.queued > 3);
    bench->topic->session.confirmed = taken;
    step(bench, 1);
    assert_int_equal(account(bench).sent, taken / 2);
    spool_records(bench, 0);
    bench->topic->take = UINT64_MAX;
    send_all(bench, 2);
    assert_int_equal(account(bench).sent, 2000);
    check_lines(bench->topic, 2000, 1);
}

static void a_full_queue_divides_no_record(void **state)
{
    full_queue(*state, 6);
}

static void not_even_one_of_which_half_was_taken(void **state)
{
    full_queue(*state, 7);
}

/* The first half of a replayed record is confirmed when the session ends: all of it comes again. */
static void half_a_record_comes_again_with_the_other(void **state)
{
    struct bench *bench = *state;
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    spool_records(bench, 10);
    bench->topic->session.number = 1;
    step(bench, second_ns);
    assert_int_equal(bench->topic->count, 20);
    bench->topic->session.confirmed = 5;
    step(bench, 1);
    assert_int_equal(account(bench).sent, 2);
    bench->topic->session.number = 0;
    step(bench, 1);
    assert_int_equal(account(bench).spooled, 8);
    send_all(bench, 2);
    assert_int_equal(account(bench).sent, 10);
    assert_int_equal(bench->topic->count, 20 + 16);
}

/* Half of a record is refused when the brokers go: its rest is lost, nothing else is. */
static void the_rest_of_a_refused_record_is_lost(void **state)
{
    struct bench *bench = *state;
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    step(bench, 1);
    push(bench, 10);
    step(bench, 1);
    assert_int_equal(bench->topic->count, 20);
    bench->topic->session.failed = 1;
    step(bench, 1);
    bench->topic->session.number = 0;
    for (unsigned i = 0; i < 3; i++)
        step(bench, second_ns);
    assert_int_equal(account(bench).spooled, 9);
    assert_int_equal(account(bench).lost[DESTINATION_LOST_SEND_FAILED], 1);
    assert_int_equal(account(bench).queued, 0);
}

/* At the end each message's own fate counts: what arrived is sent, the rest is for the next run. */
static void what_has_arrived_is_not_spooled(void **state)
{
    struct bench *bench = *state;
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    step(bench, 1);
    push(bench, 10);
    bench->topic->take = 15; /* one message of record 8 */
    step(bench, 1);
    static const uint32_t records[] = {1, 4, 6};
    for (unsigned i = 0; i < 3; i++)
        bench->topic->arrived[2 * records[i]] = bench->topic->arrived[2 * records[i] + 1] = true;
    bench->topic->arrived[0] = bench->topic->arrived[5] = bench->topic->arrived[14] = true;
    exporting_process_abandon(bench->process);
    struct destination_counters d = account(bench);
    assert_int_equal(d.sent, 3);
    assert_int_equal(d.data_records, 6);
    assert_int_equal(d.spooled, 7);
    stop(bench);
    start(bench);
    send_all(bench, 1);
    assert_int_equal(account(bench).recovered_sent, 7);
    assert_int_equal(bench->topic->count, 14);
}

/* The same with messages that came from the spool, whose files know an end and no gaps. */
static void what_was_replayed_is_sent_up_to_a_gap(void **state)
{
    struct bench *bench = *state;
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    spool_records(bench, 10);
    bench->topic->session.number = 1;
    step(bench, second_ns);
    assert_int_equal(bench->topic->count, 20);
    for (unsigned i = 0; i < 20; i++)
        bench->topic->arrived[i] = i != 7;
    exporting_process_abandon(bench->process);
    assert_int_equal(account(bench).sent, 3);
    assert_int_equal(account(bench).spooled, 7);
}

/* A killed run: what had been offered and was not confirmed is lost, and not sent again. */
static void after_a_kill_nothing_is_replayed_twice(void **state)
{
    struct bench *bench = *state;
    bench->config.destinations[0].format = KAFKA_JSON;
    start(bench);
    spool_records(bench, 10);
    bench->topic->session.number = 1;
    bench->topic->take = 7;
    step(bench, second_ns);
    bench->topic->session.confirmed = 2;
    step(bench, 1);
    stop(bench);
    start(bench);
    struct destination_counters d = account(bench);
    assert_int_equal(d.recovered, 9);
    assert_true(d.recovered_lost >= 3);
    send_all(bench, 1);
    assert_int_equal(account(bench).recovered_sent, d.recovered_spooled);
    assert_int_equal(bench->topic->count, 2 * d.recovered_spooled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_folder_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_keep_their_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_changes_no_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_reached_is_sent_by_the_next_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_short_everything_is_spooled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_come_back_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_divides_no_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_even_one_of_which_half_was_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_record_comes_again_with_the_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_rest_of_a_refused_record_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_arrived_is_not_spooled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_replayed_is_sent_up_to_a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_kill_nothing_is_replayed_twice, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("kafka with a spool", tests, NULL, NULL);
}
