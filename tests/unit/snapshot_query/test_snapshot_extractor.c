/*
 * Jobs of the probe's extractor, while workers and the writer go on and overwrite what is asked
 * for: for the thread sanitizer as well. Packets that come out are whole, in order and there once.
 */
#include "query_bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__ /* which takes a minute for three */
enum { QUERIES = 2 };
#else
enum { QUERIES = 6 };
#endif
enum { RING_OCTETS = 32 << 20, LOOKS_MAX = 2000000 };

static const struct snapshot_extract_settings settings = {.software = "spanflow test",
                                                          .files_max = 3};

struct feeder {
    struct query_bench *bench;
    _Atomic bool stop;
    _Atomic uint64_t fed;
};

/* The worker and the writer in one thread. */
static void *feed(void *argument)
{
    struct feeder *feeder = argument;
    while (!atomic_load(&feeder->stop)) {
        query_bench_feed(feeder->bench, 128);
        atomic_store(&feeder->fed, feeder->bench->next);
        sched_yield();
    }
    return NULL;
}

static void print_damage(void *context, const char *line)
{
    (void)context;
    print_message("%s\n", line);
}

/* Asks for everything; returns the packets. */
static uint64_t ask(const struct query_bench *bench, struct snapshot_query_counts *counts)
{
    const struct snapshot_sources sources = ring_maker_sources(&bench->maker);
    const struct snapshot_question question = {.filter = "udp"};
    struct error error;
    struct snapshot_kept packet;
    uint64_t packets = 0, last_ns = 0;
    struct snapshot_query *query =
        snapshot_query_open(&sources, &question, print_damage, NULL, &error);
    assert_non_null(query);
    for (;;) {
        enum snapshot_query_step step = snapshot_query_next(query, &packet);
        if (step == SNAPSHOT_QUERY_END)
            break;
        if (step == SNAPSHOT_QUERY_BLOCK)
            continue;
        uint8_t expected[QUERY_BENCH_OCTETS];
        query_bench_packet((packet.time_ns - QUERY_BENCH_START) / 1000, expected);
        assert_int_equal(packet.captured_length, QUERY_BENCH_OCTETS);
        assert_memory_equal(packet.data, expected, QUERY_BENCH_OCTETS);
        assert_true(packet.time_ns > last_ns); /* in order, and none twice */
        last_ns = packet.time_ns;
        packets++;
    }
    *counts = *snapshot_query_counts(query);
    snapshot_query_close(query);
    return packets;
}

static void queries_go_on_while_the_ring_turns(void **state)
{
    (void)state;
    struct query_bench bench;
    query_bench_begin(&bench, RING_OCTETS);
    struct feeder feeder = {.bench = &bench};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
    for (unsigned i = 0; i < QUERIES; i++) {
        struct snapshot_query_counts counts;
        uint64_t fed = atomic_load(&feeder.fed);
        /* Each query meets a ring that has turned since the last one. */
        while (atomic_load(&feeder.fed) < fed + 60000)
            sched_yield();
        uint64_t packets = ask(&bench, &counts);
        assert_true(packets > 20000);
        assert_int_equal(counts.blocks_damaged, 0);
        assert_int_equal(counts.packets_late, 0);
    }
    atomic_store(&feeder.stop, true);
    pthread_join(thread, NULL);
    for (uint32_t i = 0; i < bench.maker.workers; i++)
        snapshot_ring_tick(bench.maker.rings[i], bench.maker.now_ns, true);
    struct snapshot_query_counts counts;
    uint64_t in_rings = ask(&bench, &counts);
    ring_maker_drain(&bench.maker);
    /* On disk and in memory at once: nothing is there twice or missing. */
    assert_int_equal(ask(&bench, &counts), in_rings);
    query_bench_close(&bench);
    query_bench_clean(&bench);
}

/* Waits for the end of job ID. */
static enum snapshot_job_state wait_for(struct snapshot_extractor *extractor, uint64_t id,
                                        struct snapshot_job_status *status)
{
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        assert_true(snapshot_extractor_status(extractor, id, status));
        if (status->state > SNAPSHOT_JOB_RUNNING)
            break;
        usleep(100);
    }
    return status->state;
}

static void count_release(void *context)
{
    ++*(_Atomic unsigned *)context;
}

static void keep4(void *context, uint8_t address[4])
{
    (void)context;
    address[0] ^= 0x55;
}

static void keep6(void *context, uint8_t address[16])
{
    (void)context;
    address[0] ^= 0x55;
}

/* An extractor over the rings of BENCH, which hold 20,000 packets. */
static struct snapshot_extractor *begin(struct query_bench *bench)
{
    struct error error = {""};
    query_bench_begin(bench, RING_OCTETS);
    query_bench_feed(bench, 20000);
    struct snapshot_extractor *extractor =
        snapshot_extractor_create(bench->folder, &settings, &error);
    if (!extractor)
        fail_msg("%s", error.text);
    const struct snapshot_sources sources = ring_maker_sources(&bench->maker);
    snapshot_extractor_set_sources(extractor, sources.store, sources.rings, sources.ring_count,
                                   sources.interfaces);
    return extractor;
}

static struct snapshot_extract_order order_of(const char *filter)
{
    return (struct snapshot_extract_order){
        .question = {.filter = filter}, .user = "bob", .reason = "test"};
}

/* Ends both; the audit log has LINE. */
static void end(struct query_bench *bench, struct snapshot_extractor *extractor, const char *line)
{
    char log[300];
    snapshot_extractor_destroy(extractor);
    query_bench_close(bench);
    snprintf(log, sizeof log, "%s/queries.log", bench->folder);
    assert_true(query_bench_holds(log, line));
    query_bench_clean(bench);
}

static void a_result_is_read_in_chunks_without_addresses(void **state)
{
    (void)state;
    struct query_bench bench;
    struct error error = {""};
    struct snapshot_job_status status;
    _Atomic unsigned releases = 0;
    struct snapshot_extractor *extractor = begin(&bench);
    const struct snapshot_anonymiser anonymiser = {
        .context = &releases, .ipv4 = keep4, .ipv6 = keep6, .release = count_release};
    struct snapshot_extract_order order = order_of("host 10.0.9.1");
    order.anonymiser = &anonymiser;
    uint64_t id = snapshot_extractor_start(extractor, &order, &error);
    assert_int_equal(id, 1);
    assert_int_equal(wait_for(extractor, id, &status), SNAPSHOT_JOB_COMPLETE);
    assert_int_equal(status.packets, 200);
    assert_int_equal(status.packets_cut, 200);
    assert_int_equal(releases, 1);
    assert_true(snapshot_extractor_speed(extractor) > 0);
    char path[400];
    snprintf(path, sizeof path, "%s/extracts/%s", bench.folder, status.name);
    size_t octets, at = 0;
    uint8_t *data = query_bench_read(path, &octets), chunk[1000];
    assert_non_null(data);
    int64_t got;
    while ((got = snapshot_extractor_read(extractor, id, "carol", "ssh", at, chunk, sizeof chunk,
                                          &error)) > 0) {
        assert_true(at + (size_t)got <= octets);
        assert_memory_equal(data + at, chunk, (size_t)got);
        at += (size_t)got;
    }
    assert_int_equal(at, octets);
    /* The address is not in it, though the audit log has the question. */
    assert_null(memmem(data, octets, "10.0.9.1", 8));
    assert_null(memmem(data, octets, "\x0a\x00\x09\x01", 4));
    free(data);
    /* Refused: nobody says why, or the filter is none; the key is given back all the same. */
    order.reason = NULL;
    assert_int_equal(snapshot_extractor_start(extractor, &order, &error), 0);
    order.reason = "test";
    order.question.filter = "hots 10.0.9.1";
    assert_int_equal(snapshot_extractor_start(extractor, &order, &error), 0);
    assert_int_equal(releases, 3);
    end(&bench, extractor, "\"event\":\"fetch\",\"user\":\"carol\"");
}

static void results_are_bounded(void **state)
{
    (void)state;
    struct query_bench bench;
    struct error error = {""};
    struct snapshot_job_status status;
    struct snapshot_extractor *extractor = begin(&bench);
    const struct snapshot_extract_order order = order_of("host 10.0.9.1");
    uint64_t id = 0;
    for (unsigned i = 0; i < 5; i++) {
        id = snapshot_extractor_start(extractor, &order, &error);
        assert_int_equal(wait_for(extractor, id, &status), SNAPSHOT_JOB_COMPLETE);
    }
    /* At most three: the first is gone by the time that the fifth has run. */
    assert_false(snapshot_extractor_status(extractor, 1, &status));
    assert_true(snapshot_extractor_cancel(extractor, id));
    assert_false(snapshot_extractor_status(extractor, id, &status));
    end(&bench, extractor, "\"event\":\"expire\"");
}

/* A job that is slow has read at least a block. */
static uint64_t start_slowly(struct snapshot_extractor *extractor)
{
    struct error error = {""};
    struct snapshot_job_status status;
    struct snapshot_extract_settings slow = settings;
    slow.octets_per_second = 1000;
    snapshot_extractor_configure(extractor, &slow);
    const struct snapshot_extract_order order = order_of("udp");
    uint64_t id = snapshot_extractor_start(extractor, &order, &error);
    do {
        assert_true(snapshot_extractor_status(extractor, id, &status));
        sched_yield();
    } while (status.counts.blocks_read == 0);
    return id;
}

static void jobs_end_when_asked(void **state)
{
    (void)state;
    struct query_bench bench;
    struct snapshot_job_status status;
    struct snapshot_extractor *extractor = begin(&bench);
    uint64_t id = start_slowly(extractor);
    assert_true(snapshot_extractor_cancel(extractor, id));
    assert_int_equal(wait_for(extractor, id, &status), SNAPSHOT_JOB_CANCELLED);
    /* Another store: the job that uses the old one ends. */
    id = start_slowly(extractor);
    snapshot_extractor_set_sources(extractor, NULL, NULL, 0, NULL);
    assert_int_equal(wait_for(extractor, id, &status), SNAPSHOT_JOB_FAILED);
    assert_non_null(strstr(status.text, "configured anew"));
    end(&bench, extractor, "\"outcome\":\"cancelled\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_go_on_while_the_ring_turns),
        cmocka_unit_test(a_result_is_read_in_chunks_without_addresses),
        cmocka_unit_test(results_are_bounded),
        cmocka_unit_test(jobs_end_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
