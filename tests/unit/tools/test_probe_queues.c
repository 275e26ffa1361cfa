/*
 * A whole probe with two workers that read receive queues of their own: stop, ledger cuts and clock
 * jumps reach both. The queues are those of net_ring, filled by hand, because no virtual device
 * spreads packets by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "model.h"
#include "packet/source_dpdk.h"
#include "probe.h"
#include "probe_pause.h"

enum { QUEUES = 2, FRAME_OCTETS = 60 };
static const uint32_t put_count[QUEUES] = {10, 20};

static void wait_a_little(void)
{
    probe_pause(clock_monotonic_ns() + 1000000);
}

/* A UDP packet whose source address is the number of its queue. */
static void put(struct rte_mempool *pool, unsigned queue)
{
    static const uint8_t start[] = {2, 0, 0,  0, 0, 1, 2, 0,  0,  0, 0, 2,  8, 0, 0x45,
                                    0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0};
    char name[32];
    snprintf(name, sizeof name, "ETH_RXTX%u_net_ring0", queue);
    struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
    assert_non_null(packet);
    uint8_t *bytes = (uint8_t *)rte_pktmbuf_append(packet, FRAME_OCTETS);
    assert_non_null(bytes);
    uint8_t frame[FRAME_OCTETS] = {0};
    memcpy(frame, start, sizeof start);
    frame[29] = (uint8_t)(queue + 1);
    memcpy(frame + 30, "\x0a\x00\x01\x01\x00\x35\x00\x35\x00\x1a", 10);
    memcpy(bytes, frame, sizeof frame);
    assert_int_equal(rte_ring_enqueue(rte_ring_lookup(name), packet), 0);
}

static void put_all(struct rte_mempool *pool)
{
    for (unsigned q = 0; q < QUEUES; q++)
        for (uint32_t i = 0; i < put_count[q]; i++)
            put(pool, q);
    while (rte_mempool_avail_count(pool) < 255)
        wait_a_little();
}

/* The ledger of a cut is written when both workers and the exporter have answered. */
static void *drive(void *argument)
{
    struct probe *probe = argument;
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("test", 255, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    put_all(pool);
    atomic_fetch_add(&probe->clock_steps, 2); /* as a jump does: ends all open records */
    raise(SIGUSR1);
    while (access(probe->config->ledger_path, F_OK) != 0)
        wait_a_little();
    put_all(pool);
    raise(SIGTERM);
    rte_mempool_free(pool);
    return NULL;
}

static void test_two_workers(void **state)
{
    (void)state;
    char ledger[] = "/tmp/spanflow_queues_XXXXXX";
    struct error error = {""};
    struct probe_config *config = NULL;
    struct run_options run;
    close(mkstemp(ledger));
    unlink(ledger);
    char *words[] = {"spanflowd",      "-i",       "dpdk:net_ring0", "-w", "2",    "-e",
                     "json:/dev/null", "--ledger", ledger,           "-m", "4096", NULL};
    assert_int_equal(config_from_command_line(11, words, &config, &run, &error), COMMAND_LINE_RUN);
    source_dpdk_trust_virtual_devices();
    probe_signals_take();
    struct probe *probe = probe_create(config, NULL, NULL, &error);
    if (!probe)
        fail_msg("%s", error.text);
    assert_null(probe->metering->distribution);
    assert_non_null(strstr(probe->metering->spread, "each with its receive queue of every port"));
    pthread_t driver;
    assert_int_equal(pthread_create(&driver, NULL, drive, probe), 0);
    probe_run_threads(probe);
    pthread_join(driver, NULL);
    for (uint32_t w = 0; w < QUEUES; w++) {
        static struct worker_account account;
        worker_account_now(probe->metering->workers[w], &account);
        assert_int_equal(account.source[0].observed.packets, 2 * put_count[w]);
        assert_int_equal(account.ledger.metered.packets, 2 * put_count[w]);
        /* One record before the jump, one after. */
        assert_int_equal(account.ledger.records_out, 2);
    }
    assert_true(probe_write_final_ledger(probe));
    probe_destroy(probe);
    probe_config_free(config);
    run_options_free(&run);
    unlink(ledger);
}

static void test_cores(void **state)
{
    (void)state;
    cpu_set_t allowed;
    int cores[4];
    CPU_ZERO(&allowed);
    CPU_SET(2, &allowed);
    CPU_SET(5, &allowed);
    CPU_SET(9, &allowed);
    probe_cores_choose(&allowed, 2, cores);
    assert_int_equal(cores[0], 5);
    assert_int_equal(cores[1], 9);
    probe_cores_choose(&allowed, 3, cores);
    assert_int_equal(cores[0], -1);
    assert_int_equal(cores[2], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cores),
        cmocka_unit_test(test_two_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
