/*
 * Several receive queues of a port: which settings count as a proof that both directions of a
 * conversation meet, what a device must offer, and sources that share a port. No virtual device
 * spreads packets by itself, so net_ring's queues are filled by hand; net_null keeps a key and a
 * table as a NIC does, though it hashes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

#include "packet/dpdk_port.h"
#include "packet/dpdk_rss.h"
#include "packet/source_dpdk.h"

enum { QUEUES = 2, DEVICES = 2 };

static struct packet_source *sources[DEVICES]; /* net_ring, net_null */
static struct packet_source *second;           /* queue 1 of net_ring */
static struct receive_queues queues = {.wanted = QUEUES};
static uint64_t now_ns[QUEUES] = {111, 222};
static struct rte_mempool *pool;
static struct packet_batch batch;

static int start(void **state)
{
    (void)state;
    struct error error = {""};
    struct packet_interface wanted = {.role = INTERFACE_SPAN};
    source_dpdk_trust_virtual_devices();
    sources[0] = source_dpdk_open("net_ring0", &wanted, &now_ns[0], &error);
    sources[1] = source_dpdk_open("net_null0,size=100", &wanted, &now_ns[0], &error);
    assert_non_null(sources[0]);
    assert_non_null(sources[1]);
    if (!source_dpdk_start(sources, DEVICES, &queues, NULL, &error))
        fail_msg("%s", error.text);
    sources[0]->interface_base = 7;
    if (queues.given == QUEUES)
        second = source_dpdk_queue(sources[0], 1, &now_ns[1], &error);
    pool = rte_pktmbuf_pool_create("test", 255, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    assert_non_null(pool);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    if (second)
        second->ops->close(second);
    for (int i = 0; i < DEVICES; i++)
        sources[i]->ops->close(sources[i]);
    rte_mempool_free(pool);
    source_dpdk_shutdown();
    return 0;
}

static struct rte_eth_dev_info usable_device(void)
{
    return (struct rte_eth_dev_info){.max_rx_queues = 16,
                                     .reta_size = 128,
                                     .hash_key_size = 52,
                                     .flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 |
                                                               RTE_ETH_RSS_NONFRAG_IPV4_TCP};
}

/* ---- settings ---- */

static void test_symmetric_key(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 64; count++) {
        struct rte_eth_dev_info info = usable_device();
        info.max_rx_queues = 64;
        struct dpdk_rss rss;
        struct error error = {""};
        assert_true(dpdk_rss_choose(&rss, &info, count, false, &error));
        assert_int_equal(rss.types, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
        assert_int_equal(rss.key_octets, 52);
        if (!dpdk_rss_check(&rss, count, &error))
            fail_msg("%u queues: %s", count, error.text);
    }
}

/* The key that most drivers set by themselves: directions part. */
static void test_asymmetric_key(void **state)
{
    (void)state;
    static const uint8_t usual[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    struct rte_eth_dev_info info = usable_device();
    struct dpdk_rss rss;
    struct error error = {""};
    info.hash_key_size = sizeof usual;
    assert_true(dpdk_rss_choose(&rss, &info, QUEUES, false, &error));
    struct dpdk_rss changed = rss;
    memcpy(changed.key, usual, sizeof usual);
    assert_false(dpdk_rss_check(&changed, QUEUES, &error));
    assert_non_null(strstr(error.text, "both directions"));
    /* One bit in the part that only IPv6 uses. */
    changed = rss;
    changed.key[20] ^= 1;
    assert_false(dpdk_rss_check(&changed, QUEUES, &error));
    /* Symmetric, but everything in one queue. */
    changed = rss;
    memset(changed.key, 0, sizeof changed.key);
    assert_false(dpdk_rss_check(&changed, QUEUES, &error));
    assert_non_null(strstr(error.text, "without packets"));
    changed = rss;
    for (uint32_t i = 0; i < changed.table_size; i++)
        changed.table[i] = 0;
    assert_false(dpdk_rss_check(&changed, QUEUES, &error));
    changed = rss;
    changed.table[5] = QUEUES;
    assert_false(dpdk_rss_check(&changed, QUEUES, &error));
}

static struct rte_eth_dev_info port_hashing_device(void)
{
    struct rte_eth_dev_info info = usable_device();
    info.flow_type_rss_offloads |= RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
                                   RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP |
                                   RTE_ETH_RSS_NONFRAG_IPV4_OTHER;
    return info;
}

/* With ports both directions meet as well; a key that is symmetric in the addresses alone shows. */
static void test_ports_are_hashed_by_choice(void **state)
{
    (void)state;
    struct rte_eth_dev_info info = port_hashing_device();
    struct dpdk_rss rss;
    struct error error = {""};
    for (uint32_t count = 2; count <= 16; count++) {
        assert_true(dpdk_rss_choose(&rss, &info, count, true, &error));
        if (!dpdk_rss_check(&rss, count, &error))
            fail_msg("%u queues: %s", count, error.text);
    }
    assert_int_equal(rss.types, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |
                                    RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_TCP |
                                    RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP);
    struct dpdk_rss changed = rss;
    changed.key[37] ^= 1; /* of 40 octets, those behind 36 weigh ports of IPv6 and nothing else */
    assert_false(dpdk_rss_check(&changed, 16, &error));
    changed.ports = false;
    assert_true(dpdk_rss_check(&changed, 16, &error));
    /* Without the option the same device hashes addresses only. */
    assert_true(dpdk_rss_choose(&rss, &info, QUEUES, false, &error));
    assert_int_equal(rss.types, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6);
    info.hash_key_size = 36;
    assert_true(dpdk_rss_choose(&rss, &info, QUEUES, false, &error));
    assert_false(dpdk_rss_choose(&rss, &info, QUEUES, true, &error));
    assert_non_null(strstr(error.text, "hash key"));
    info = usable_device();
    assert_false(dpdk_rss_choose(&rss, &info, QUEUES, true, &error));
    assert_non_null(strstr(error.text, "by their ports"));
}

/* Two ports with tables of different lengths agree where the number of queues divides both. */
static void test_both_sides_of_a_tap_meet(void **state)
{
    (void)state;
    struct rte_eth_dev_info small = usable_device();
    struct rte_eth_dev_info large = usable_device();
    large.reta_size = 512;
    large.hash_key_size = 40;
    for (uint32_t count = 2; count <= 16; count++) {
        struct dpdk_rss a;
        struct dpdk_rss b;
        struct error error = {""};
        assert_true(dpdk_rss_choose(&a, &small, count, false, &error));
        assert_true(dpdk_rss_choose(&b, &large, count, false, &error));
        bool power = (count & (count - 1)) == 0;
        assert_int_equal(dpdk_rss_agree(&a, &b, &error), power);
        if (!power)
            assert_non_null(strstr(error.text, "other receive queues than the first device"));
        assert_true(dpdk_rss_agree(&a, &a, &error));
        b.key[8] ^= 1;
        assert_false(dpdk_rss_agree(&a, &b, &error));
    }
}

static void test_queue_length(void **state)
{
    (void)state;
    struct rte_eth_dev_info info = usable_device();
    assert_int_equal(dpdk_port_descriptors(&info, 0), 4096); /* no limits are told */
    assert_int_equal(dpdk_port_descriptors(&info, 100), 100);
    info.rx_desc_lim = (struct rte_eth_desc_lim){.nb_max = 2048, .nb_min = 64, .nb_align = 32};
    assert_int_equal(dpdk_port_descriptors(&info, 0), 2048);
    assert_int_equal(dpdk_port_descriptors(&info, 100), 128);
    assert_int_equal(dpdk_port_descriptors(&info, 1), 64);
    assert_int_equal(dpdk_port_descriptors(&info, 2048), 2048);
}

static void test_what_a_device_must_offer(void **state)
{
    (void)state;
    struct rte_eth_dev_info rows[5];
    static const char *const reasons[] = {"receive queues", "addresses alone", "addresses alone",
                                          "hash key", "redirection table"};
    for (int i = 0; i < 5; i++)
        rows[i] = usable_device();
    rows[0].max_rx_queues = 1;
    rows[1].flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6;
    rows[2].flow_type_rss_offloads = RTE_ETH_RSS_IPV4;
    rows[3].hash_key_size = 16;
    rows[4].reta_size = 0;
    for (int i = 0; i < 5; i++) {
        struct dpdk_rss rss;
        struct error error = {""};
        assert_false(dpdk_rss_choose(&rss, &rows[i], QUEUES, false, &error));
        assert_non_null(strstr(error.text, reasons[i]));
    }
}

/* ---- a device ---- */

static void test_both_ports_have_queues(void **state)
{
    (void)state;
    assert_string_equal(queues.reason.text, "");
    assert_int_equal(queues.given, QUEUES);
    assert_non_null(second);
}

/* What is set must come back; what somebody else sets is not believed. */
static void test_read_back(void **state)
{
    (void)state;
    uint16_t port;
    struct rte_eth_dev_info info;
    struct dpdk_rss rss;
    struct error error = {""};
    assert_int_equal(rte_eth_dev_get_port_by_name("net_null0", &port), 0);
    assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
    assert_true(dpdk_rss_choose(&rss, &info, QUEUES, false, &error));
    if (!dpdk_rss_prove(&rss, port, QUEUES, &error))
        fail_msg("%s", error.text);
    uint8_t key[40];
    memcpy(key, rss.key, sizeof key);
    struct rte_eth_rss_conf configuration = {
        .rss_key = key, .rss_key_len = sizeof key, .rss_hf = rss.types};
    key[3] ^= 0x10;
    assert_int_equal(rte_eth_dev_rss_hash_update(port, &configuration), 0);
    assert_false(dpdk_rss_prove(&rss, port, QUEUES, &error));
    assert_non_null(strstr(error.text, "did not keep"));
    key[3] ^= 0x10;
    configuration.rss_hf |= RTE_ETH_RSS_NONFRAG_IPV4_UDP;
    assert_int_equal(rte_eth_dev_rss_hash_update(port, &configuration), 0);
    assert_false(dpdk_rss_prove(&rss, port, QUEUES, &error));
    assert_non_null(strstr(error.text, "more or less than their addresses"));
    configuration.rss_hf = rss.types;
    assert_int_equal(rte_eth_dev_rss_hash_update(port, &configuration), 0);
    assert_true(dpdk_rss_prove(&rss, port, QUEUES, &error));
    rss.table[3] ^= 1;
    assert_false(dpdk_rss_prove(&rss, port, QUEUES, &error));
    dpdk_rss_apply(&rss, port);
    assert_true(dpdk_rss_prove(&rss, port, QUEUES, &error));
    /* With ports: only once the device says so, and back again. */
    struct dpdk_rss with_ports;
    info.flow_type_rss_offloads |= RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
                                   RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
    assert_true(dpdk_rss_choose(&with_ports, &info, QUEUES, true, &error));
    assert_false(dpdk_rss_prove(&with_ports, port, QUEUES, &error));
    assert_non_null(strstr(error.text, "more or less than addresses and ports"));
    dpdk_rss_apply(&with_ports, port);
    assert_true(dpdk_rss_prove(&with_ports, port, QUEUES, &error));
    assert_false(dpdk_rss_prove(&rss, port, QUEUES, &error));
    dpdk_rss_apply(&rss, port);
    assert_true(dpdk_rss_prove(&rss, port, QUEUES, &error));
    /* Nothing to read or to write. */
    assert_int_equal(rte_eth_dev_get_port_by_name("net_ring0", &port), 0);
    dpdk_rss_apply(&rss, port);
    assert_false(dpdk_rss_prove(&rss, port, QUEUES, &error));
    assert_non_null(strstr(error.text, "does not tell"));
}

/* A driver that has several names for one type of the device is believed when it gives them all;
 * one for which they are different types is not. */
static void test_names_of_types(void **state)
{
    (void)state;
    static const struct {
        const char *driver;
        uint64_t more;
        bool proven;
    } rows[] = {
        {"net_virtio", RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER, true},
        {"net_virtio", RTE_ETH_RSS_NONFRAG_IPV4_TCP, false},
        {"net_ice", RTE_ETH_RSS_FRAG_IPV4, false},
        {NULL, RTE_ETH_RSS_FRAG_IPV4, false},
    };
    uint16_t port;
    struct rte_eth_dev_info info;
    assert_int_equal(rte_eth_dev_get_port_by_name("net_null0", &port), 0);
    assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dpdk_rss rss;
        struct error error = {""};
        info.driver_name = rows[i].driver;
        assert_true(dpdk_rss_choose(&rss, &info, QUEUES, false, &error));
        dpdk_rss_apply(&rss, port);
        struct rte_eth_rss_conf configuration = {.rss_hf = rss.types | rows[i].more};
        assert_int_equal(rte_eth_dev_rss_hash_update(port, &configuration), 0);
        assert_int_equal(dpdk_rss_prove(&rss, port, QUEUES, &error), rows[i].proven);
        /* Less than was asked for is never enough. */
        configuration.rss_hf = RTE_ETH_RSS_IPV4 | rows[i].more;
        assert_int_equal(rte_eth_dev_rss_hash_update(port, &configuration), 0);
        assert_false(dpdk_rss_prove(&rss, port, QUEUES, &error));
        dpdk_rss_apply(&rss, port);
    }
}

static void put(unsigned queue, uint16_t octets)
{
    char name[32];
    snprintf(name, sizeof name, "ETH_RXTX%u_net_ring0", queue);
    struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
    assert_non_null(packet);
    memset(rte_pktmbuf_append(packet, octets), (int)queue, octets);
    assert_int_equal(rte_ring_enqueue(rte_ring_lookup(name), packet), 0);
}

/* Takes COUNT packets that were put into QUEUE. */
static void expect(struct packet_source *source, unsigned queue, uint32_t count)
{
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(batch.data[i][0], queue);
        assert_true(batch.timestamp_ns[i] == now_ns[queue]);
        assert_int_equal(batch.port[i], 7);
    }
    source->ops->release(source, &batch);
    assert_int_equal(source->ops->receive(source, &batch), RECEIVE_IDLE);
}

static void test_each_queue_is_a_source(void **state)
{
    (void)state;
    assert_non_null(second);
    for (int i = 0; i < 10; i++)
        put(0, 60);
    for (int i = 0; i < 20; i++)
        put(1, 100);
    expect(second, 1, 20);
    expect(sources[0], 0, 10);
    assert_int_equal(sources[0]->ledger.observed.packets, 10);
    assert_int_equal(sources[0]->ledger.observed.octets, 600);
    assert_int_equal(second->ledger.observed.packets, 20);
    assert_int_equal(second->ledger.observed.octets, 2000);
    /* The device's own counters are those of the port, and belong to one source. */
    assert_non_null(sources[0]->ops->poll_device);
    assert_null(second->ops->poll_device);
    assert_int_equal(rte_mempool_avail_count(pool), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symmetric_key),
        cmocka_unit_test(test_asymmetric_key),
        cmocka_unit_test(test_what_a_device_must_offer),
        cmocka_unit_test(test_ports_are_hashed_by_choice),
        cmocka_unit_test(test_both_sides_of_a_tap_meet),
        cmocka_unit_test(test_queue_length),
        cmocka_unit_test(test_both_ports_have_queues),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_names_of_types),
        cmocka_unit_test(test_each_queue_is_a_source),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
