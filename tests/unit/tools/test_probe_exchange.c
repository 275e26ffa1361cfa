/*
 * Other workers take the place of those that are there while packets come: numbers of workers with
 * and without a distribution stage between, other keys, cuts of the ledger in the middle, a stop in
 * the middle. Every packet that was put on a receive queue is in a record of its flow, once. The
 * queues are those of net_ring, filled by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "model.h"
#include "packet/source_dpdk.h"
#include "plan.h"
#include "probe.h"
#include "probe_change.h"
#include "probe_pause.h"
#include "probe_source_change.h"

enum {
    QUEUES = 2,
    FLOWS = 3000,
    FRAME_OCTETS = 60,
    POOL = 8191,
    PART = 3000,
    BURST = 32,
    WORDS_MAX = 24
};
static const uint64_t burst_nap_ns = 250000;

/* What fills the queues: a flow always comes by the same one. */
struct feeder {
    struct rte_mempool *pool;
    uint32_t queues;
    struct rte_ring *rings[QUEUES];
    uint64_t put[FLOWS];
    _Atomic uint64_t packets;
    _Atomic bool stop;
    pthread_t thread;
};

struct stage {
    char folder[32];
    char ledger[64];
    char records[64];
    struct probe_config *config;
    struct probe *probe;
    struct feeder feeder;
};

/* ---- packets ---- */

static void fill(uint8_t *out, uint32_t flow)
{
    uint8_t bytes[FRAME_OCTETS] = {0};
    static const uint8_t start[] = {2, 0,    0, 0, 0,  1, 2, 0, 0, 0,  0,  2, 8,
                                    0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0};
    static const uint8_t rest[] = {10, 0, 1, 1, 0, 53, 0, 53, 0, 26};
    memcpy(bytes, start, sizeof start);
    bytes[26] = 10;
    bytes[28] = (uint8_t)(flow >> 8);
    bytes[29] = (uint8_t)flow;
    memcpy(bytes + 30, rest, sizeof rest);
    memcpy(out, bytes, sizeof bytes);
}

static void put(struct feeder *feeder, uint32_t flow)
{
    struct rte_mbuf *packet = NULL;
    while (!(packet = rte_pktmbuf_alloc(feeder->pool)))
        probe_pause(clock_monotonic_ns() + 20000);
    uint8_t *bytes = (uint8_t *)rte_pktmbuf_append(packet, FRAME_OCTETS);
    assert_non_null(bytes);
    fill(bytes, flow);
    while (rte_ring_enqueue(feeder->rings[flow % feeder->queues], packet) != 0)
        probe_pause(clock_monotonic_ns() + 20000);
    feeder->put[flow]++;
    atomic_fetch_add(&feeder->packets, 1);
}

static void *feed(void *argument)
{
    struct feeder *feeder = argument;
    uint64_t x = 1;
    for (uint32_t n = 1; !atomic_load(&feeder->stop); n++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        put(feeder, (uint32_t)(x >> 33) % FLOWS);
        if (n % BURST == 0) /* lanes must not overflow where the processors are taken */
            probe_pause(clock_monotonic_ns() + burst_nap_ns);
    }
    return NULL;
}

static void start_feeder(struct feeder *feeder, uint32_t queues)
{
    char name[32];
    feeder->pool =
        rte_pktmbuf_pool_create("feeder", POOL, 0, 0, 512 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    assert_non_null(feeder->pool);
    assert_in_range(queues, 1, QUEUES);
    feeder->queues = queues;
    for (unsigned q = 0; q < QUEUES; q++) {
        snprintf(name, sizeof name, "ETH_RXTX%u_net_ring0", q);
        feeder->rings[q] = rte_ring_lookup(name);
    }
    assert_int_equal(pthread_create(&feeder->thread, NULL, feed, feeder), 0);
}

/* Puts no more, and waits until all buffers are back. */
static void stop_feeder(struct feeder *feeder)
{
    atomic_store(&feeder->stop, true);
    pthread_join(feeder->thread, NULL);
}

/* ---- configurations ---- */

/* The configuration of the options in TEXT besides those that are always there. */
static struct probe_config *configure(const struct stage *stage, const char *text)
{
    struct probe_config *config = NULL;
    struct run_options options;
    struct error error = {""};
    char destination[80], copy[256], ledger[64];
    char *words[WORDS_MAX] = {"spanflowd", "-i",  "dpdk:net_ring0", "-e", destination,
                              "--ledger",  ledger};
    int count = 7;
    snprintf(destination, sizeof destination, "json:%s", stage->records);
    snprintf(ledger, sizeof ledger, "%s", stage->ledger);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *save, *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    if (config_from_command_line(count, words, &config, &options, &error) != COMMAND_LINE_RUN)
        fail_msg("%s", error.text);
    run_options_free(&options);
    return config;
}

static void open_stage(struct stage *stage, const char *text)
{
    struct error error = {""};
    memset(stage, 0, sizeof *stage);
    strcpy(stage->folder, "/tmp/spanflow_exchange_XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->ledger, sizeof stage->ledger, "%s/ledger", stage->folder);
    snprintf(stage->records, sizeof stage->records, "%s/records", stage->folder);
    stage->config = configure(stage, text);
    stage->probe = probe_create(stage->config, NULL, NULL, &error);
    if (!stage->probe) {
        fail_msg("%s", error.text);
        return;
    }
    probe_begin_threads(stage->probe);
    start_feeder(&stage->feeder, stage->probe->queue_count);
}

static void turn(struct stage *stage)
{
    probe_turn_threads(stage->probe);
    probe_pause(clock_monotonic_ns() + 500000);
}

static void turn_for_packets(struct stage *stage, uint64_t packets)
{
    uint64_t until = atomic_load(&stage->feeder.packets) + packets;
    while (atomic_load(&stage->feeder.packets) < until)
        turn(stage);
}

/* Hands the configuration of TEXT over; returns it. */
static struct probe_config *submit(struct stage *stage, const char *text)
{
    struct error error = {""};
    struct probe_config *next = configure(stage, text);
    struct plan plan = plan_make(stage->config, next);
    assert_true(plan.actions & (PLAN_EXCHANGE | PLAN_SOURCES));
    assert_false(plan.actions & PLAN_REBUILD);
    assert_true(probe_source_change_is_possible(stage->probe, next, plan.actions));
    struct probe_change *change =
        probe_change_prepare(stage->probe, next, plan.actions, NULL, &error);
    if (!change)
        fail_msg("%s", error.text);
    probe_change_submit(stage->probe, change);
    return next;
}

/* ---- what must be ---- */

static void cut(struct stage *stage)
{
    unlink(stage->ledger);
    raise(SIGUSR1);
    while (access(stage->ledger, F_OK) != 0)
        turn(stage);
    json_t *ledger = json_load_file(stage->ledger, 0, NULL);
    assert_true(json_is_true(json_object_get(ledger, "balanced")));
    json_decref(ledger);
}

static json_int_t number(const json_t *object, const char *group, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(object, group), key));
}

static void expect_ledger(const struct stage *stage)
{
    json_t *ledger = json_load_file(stage->ledger, 0, NULL);
    assert_non_null(ledger);
    json_int_t packets = (json_int_t)stage->feeder.packets;
    assert_true(json_is_true(json_object_get(ledger, "balanced")));
    assert_int_equal(number(ledger, "observed", "packets"), packets);
    assert_int_equal(number(ledger, "metered", "packets"), packets);
    assert_int_equal(number(ledger, "exported", "packets"), packets);
    json_decref(ledger);
}

/* Every flow has all its packets in its records, forward and nothing else. */
static void expect_records(const struct stage *stage)
{
    static uint64_t told[FLOWS];
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen(stage->records, "re");
    assert_non_null(file);
    memset(told, 0, sizeof told);
    while (getline(&line, &size, file) > 0) {
        json_t *record = json_loads(line, 0, NULL);
        const char *address = json_string_value(json_object_get(record, "sourceIPv4Address"));
        unsigned high, low;
        assert_int_equal(sscanf(address, "10.0.%u.%u", &high, &low), 2);
        told[high << 8 | low] +=
            (uint64_t)json_integer_value(json_object_get(record, "packetDeltaCount"));
        json_decref(record);
    }
    free(line);
    fclose(file);
    for (unsigned f = 0; f < FLOWS; f++)
        assert_int_equal(told[f], stage->feeder.put[f]);
}

/* Ends the run, in which everything was metered; frees all. */
static void close_stage(struct stage *stage)
{
    stop_feeder(&stage->feeder);
    while (rte_mempool_avail_count(stage->feeder.pool) < POOL)
        turn(stage);
    raise(SIGTERM);
    while (probe_turn_threads(stage->probe))
        probe_pause(clock_monotonic_ns() + 500000);
    probe_end_threads(stage->probe);
    unlink(stage->ledger);
    assert_true(probe_write_final_ledger(stage->probe));
    expect_ledger(stage);
    expect_records(stage);
    probe_destroy(stage->probe);
    rte_mempool_free(stage->feeder.pool);
    probe_config_free(stage->config);
    unlink(stage->ledger);
    unlink(stage->records);
    rmdir(stage->folder);
}

/* ---- tests ---- */

static void exchange(struct stage *stage, const char *text, bool with_cuts)
{
    struct error error = {""};
    struct probe_config *next = submit(stage, text);
    if (with_cuts)
        cut(stage);
    while (!probe_change_finish(stage->probe, &error))
        turn(stage);
    assert_string_equal(error.text, "");
    plan_adopt(stage->config, next);
    assert_int_equal(plan_make(stage->config, next).actions, PLAN_NOTHING);
    probe_config_free(next);
    if (with_cuts)
        cut(stage);
    turn_for_packets(stage, PART);
}

static void exchange_all(const char *first, const char *const texts[], unsigned count)
{
    static struct stage stage;
    open_stage(&stage, first);
    turn_for_packets(&stage, PART);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < count; i++)
            exchange(&stage, texts[i], round == 1);
    exchange(&stage, first, true);
    close_stage(&stage);
}

/* One receive queue: several workers stand behind a distribution stage. */
static void one_queue(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-m 8192 -w 2",
        "-m 8192 -w 4 --key novlan",
        "-m 8192 -w 1 --key novlan",
        "-m 4096 -w 3 --hash-ports --decapsulate gre",
    };
    exchange_all("-m 8192 -w 1", texts, 4);
}

/* Two receive queues: as many workers read one each, a single one both, more are behind a stage. */
static void two_queues(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-m 8192 -w 1", "-m 8192 -w 2 --no-fragment-table",
        "-m 8192 -w 4", "-m 16384 -w 2 --hash-ports -t active=10,idle=2",
        "-m 8192 -w 3",
    };
    exchange_all("-m 8192 -w 2", texts, 5);
}

/* Another device comes and goes, and is opened anew, with as many receive queues, while packets
 * come by the first: to workers with a queue each, one for both, and behind a stage. */
static void other_devices(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-m 8192 -w 2 -i dpdk:net_ring1",
        "-m 8192 -w 2 -i dpdk:net_ring1,descriptors=512 -i dpdk:net_ring2",
        "-m 8192 -w 2 -i dpdk:net_ring2",
        "-m 8192 -w 1 -i dpdk:net_ring2",
        "-m 8192 -w 1 -i dpdk:net_ring1",
        "-m 8192 -w 3 -i dpdk:net_ring1",
        "-m 8192 -w 3 -t active=5 -i dpdk:net_ring1,descriptors=1024 -i dpdk:net_ring3",
        "-m 8192 -w 3",
    };
    exchange_all("-m 8192 -w 2", texts, sizeof texts / sizeof texts[0]);
}

/* A stop while the workers before still have flows. */
static void stopped(void **state)
{
    (void)state;
    static struct stage stage;
    open_stage(&stage, "-m 8192 -w 2");
    turn_for_packets(&stage, PART);
    struct probe_config *next = submit(&stage, "-m 8192 -w 3");
    close_stage(&stage);
    probe_config_free(next);
}

/* A stop while the readers are about to get another device, one goes and one is opened anew. */
static void stopped_with_sources(void **state)
{
    (void)state;
    static struct stage stage;
    struct error error = {""};
    open_stage(&stage, "-m 8192 -w 2 -i dpdk:net_ring1 -i dpdk:net_ring2");
    turn_for_packets(&stage, PART);
    struct probe_config *next =
        submit(&stage, "-m 8192 -w 2 -i dpdk:net_ring1,descriptors=512 -i dpdk:net_ring3");
    for (unsigned i = 0; i < 3; i++) {
        assert_false(probe_change_finish(stage.probe, &error));
        turn(&stage);
    }
    close_stage(&stage);
    probe_config_free(next);
}

/* A process can stop once, so each case is a run of its own: "one", "two", "sources", "stop"
 * or "stop sources". */
int main(int argc, char *argv[])
{
    const struct CMUnitTest one[] = {cmocka_unit_test(one_queue)};
    const struct CMUnitTest two[] = {cmocka_unit_test(two_queues)};
    const struct CMUnitTest stop[] = {cmocka_unit_test(stopped)};
    const struct CMUnitTest stop_others[] = {cmocka_unit_test(stopped_with_sources)};
    const struct CMUnitTest others[] = {cmocka_unit_test(other_devices)};
    const char *name = argc > 1 ? argv[1] : "one";
    source_dpdk_trust_virtual_devices();
    probe_signals_take();
    if (strcmp(name, "stop") == 0)
        return cmocka_run_group_tests(stop, NULL, NULL);
    if (strcmp(name, "stop sources") == 0)
        return cmocka_run_group_tests(stop_others, NULL, NULL);
    if (strcmp(name, "sources") == 0)
        return cmocka_run_group_tests(others, NULL, NULL);
    return strcmp(name, "two") == 0 ? cmocka_run_group_tests(two, NULL, NULL)
                                    : cmocka_run_group_tests(one, NULL, NULL);
}
