/*
 * What a running port tells: its link, and the times that its device puts on packets; and jumbo
 * frames in many pieces. On net_ring devices filled by hand; net_pcap registers the place of times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

#include "capture_builder.h"
#include "packet/source_dpdk.h"
#include "parse/parse.h"

enum { FILE_DEVICE, RIGHT, WRONG, SILENT, PLAIN, DEVICES }; /* the rings by their clocks */
enum { JUMBO_OCTETS = 9018, PIECE_OCTETS = 10, POOL_BUFFERS = 1023, SILENT_BATCHES = 64 };

static struct packet_source *sources[DEVICES];
static struct source_notes notes;
static const uint64_t now_ns = 1700000000ull * 1000000000u;
static struct rte_mempool *pool;
static struct packet_batch batch;
static size_t time_offset;
static int time_bit;

static void open_device(int place, const char *device, bool device_time)
{
    struct error error = {""};
    struct packet_interface wanted = {.role = INTERFACE_SPAN};
    const struct source_dpdk_options options = {.device_time = device_time,
                                                .receive_descriptors = 128};
    sources[place] = source_dpdk_open(device, &wanted, &now_ns, &error);
    if (!sources[place])
        fail_msg("%s", error.text);
    source_dpdk_configure(sources[place], &options);
}

static int start(void **state)
{
    (void)state;
    static struct capture_builder builder;
    struct error error = {""};
    char words[256];
    put_pcap_header(&builder, 0xa1b2c3d4, 1);
    put_pcap_packet(&builder, 1700000000, 0, 60, 60, 1);
    snprintf(words, sizeof words, "net_pcap0,rx_pcap=%s",
             write_capture(0, builder.bytes, builder.size));
    source_dpdk_trust_virtual_devices();
    open_device(FILE_DEVICE, words, true);
    for (int d = RIGHT; d < DEVICES; d++) {
        snprintf(words, sizeof words, "net_ring%d", d);
        open_device(d, words, d != PLAIN);
    }
    if (!source_dpdk_start(sources, DEVICES, NULL, &notes, &error))
        fail_msg("%s", error.text);
    int offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    time_offset = (size_t)offset;
    time_bit = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    assert_true(offset >= 0 && time_bit >= 0);
    pool = rte_pktmbuf_pool_create("test", POOL_BUFFERS, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM,
                                   SOCKET_ID_ANY);
    assert_non_null(pool);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    for (int d = 0; d < DEVICES; d++)
        sources[d]->ops->close(sources[d]);
    rte_mempool_free(pool);
    source_dpdk_shutdown();
    remove_captures();
    return 0;
}

/* ---- the link ---- */

static void expect_news(int device, const char *part)
{
    struct error line = {""};
    assert_true(sources[device]->ops->news(sources[device], &line));
    if (!strstr(line.text, part))
        fail_msg("'%s' is not in: %s", part, line.text);
}

static void expect_no_news(int device)
{
    struct error line = {""};
    if (sources[device]->ops->news(sources[device], &line))
        fail_msg("%s", line.text);
}

static void test_link(void **state)
{
    (void)state;
    const struct packet_link *link = &sources[PLAIN]->link;
    uint16_t port;
    assert_int_equal(rte_eth_dev_get_port_by_name("net_ring4", &port), 0);
    assert_false(link->known);
    expect_no_news(PLAIN); /* up from the start */
    assert_true(link->known && link->up);
    for (unsigned losses = 1; losses <= 3; losses++) {
        assert_int_equal(rte_eth_dev_set_link_down(port), 0);
        expect_news(PLAIN, "dpdk:net_ring4: the link is down: no packets until it is up");
        expect_no_news(PLAIN);
        assert_false(link->up);
        assert_int_equal(rte_eth_dev_set_link_up(port), 0);
        expect_news(PLAIN, "dpdk:net_ring4: the link is up");
        expect_no_news(PLAIN);
        assert_true(link->up);
        assert_int_equal(link->losses, losses);
    }
}

/* Down when the probe starts: told, but nothing was lost. */
static void test_link_down_at_first(void **state)
{
    (void)state;
    uint16_t port;
    assert_int_equal(rte_eth_dev_get_port_by_name("net_ring1", &port), 0);
    assert_int_equal(rte_eth_dev_set_link_down(port), 0);
    expect_news(RIGHT, "the link is down");
    assert_int_equal(rte_eth_dev_set_link_up(port), 0);
    expect_news(RIGHT, "the link is up");
    assert_int_equal(sources[RIGHT]->link.losses, 0);
}

/* ---- times ---- */

/* One packet for DEVICE; TIME_NS 0: without a time. */
static void put(int device, uint64_t time_ns)
{
    char name[32];
    snprintf(name, sizeof name, "ETH_RXTX0_net_ring%d", device);
    struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
    assert_non_null(packet);
    memset(rte_pktmbuf_append(packet, 60), 0, 60);
    if (time_ns) {
        packet->ol_flags |= 1ull << time_bit;
        *RTE_MBUF_DYNFIELD(packet, time_offset, rte_mbuf_timestamp_t *) = time_ns;
    }
    assert_int_equal(rte_ring_enqueue(rte_ring_lookup(name), packet), 0);
}

static void expect_time(int device, uint64_t put_ns, uint64_t wanted_ns)
{
    put(device, put_ns);
    assert_int_equal(sources[device]->ops->receive(sources[device], &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, 1);
    assert_true(batch.timestamp_ns[0] == wanted_ns);
    sources[device]->ops->release(sources[device], &batch);
}

static void test_right_clock(void **state)
{
    (void)state;
    expect_time(RIGHT, 0, now_ns); /* says nothing about the clock */
    expect_no_news(RIGHT);
    expect_time(RIGHT, now_ns - 900000000, now_ns - 900000000);
    expect_news(RIGHT, "packets have the device's times");
    expect_time(RIGHT, now_ns + 5, now_ns + 5);
    expect_time(RIGHT, 0, now_ns);
    expect_no_news(RIGHT);
}

static void test_wrong_clock(void **state)
{
    (void)state;
    expect_no_news(WRONG);
    expect_time(WRONG, now_ns + 2500000000, now_ns);
    expect_news(WRONG, "the device's clock is +2.500 s from the system's");
    expect_time(WRONG, now_ns + 5, now_ns); /* judged once */
    expect_no_news(WRONG);
}

static void test_no_times(void **state)
{
    (void)state;
    for (int i = 0; i < SILENT_BATCHES; i++) {
        expect_no_news(SILENT);
        expect_time(SILENT, 0, now_ns);
    }
    expect_news(SILENT, "puts no times on packets");
    expect_time(SILENT, now_ns + 5, now_ns);
}

/* Without being asked for, times are not taken; net_pcap's are those of the file. */
static void test_not_asked(void **state)
{
    (void)state;
    expect_time(PLAIN, now_ns + 5, now_ns);
    expect_no_news(PLAIN);
    expect_no_news(FILE_DEVICE);
    for (uint32_t i = 0; i < notes.count; i++)
        assert_null(strstr(notes.lines[i], "times of arrival"));
}

static void test_queue_length_is_taken(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < notes.count; i++)
        assert_null(strstr(notes.lines[i], "receive queues have room"));
}

/* ---- jumbo frames ---- */

/* UDP over IPv4 with a tag, 9,018 octets; each octet behind the headers tells its place. */
static void make_jumbo(uint8_t *frame)
{
    static const uint8_t headers[] = {2,
                                      0,
                                      0,
                                      0,
                                      0,
                                      1,
                                      2,
                                      0,
                                      0,
                                      0,
                                      0,
                                      2,
                                      0x81,
                                      0,
                                      0,
                                      7,
                                      8,
                                      0,
                                      /* IPv4: */ 0x45,
                                      0,
                                      0x23,
                                      0x28,
                                      0,
                                      0,
                                      0,
                                      0,
                                      64,
                                      17,
                                      0,
                                      0,
                                      10,
                                      1,
                                      2,
                                      3,
                                      10,
                                      4,
                                      5,
                                      6,
                                      /* UDP: */ 0x12,
                                      0x34,
                                      0,
                                      53,
                                      0x23,
                                      0x14,
                                      0,
                                      0};
    for (uint32_t i = 0; i < JUMBO_OCTETS; i++)
        frame[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(frame, headers, sizeof headers);
}

/* The frame in pieces; the first ones are so short that every header is divided. */
static struct rte_mbuf *in_pieces(const uint8_t *frame)
{
    struct rte_mbuf *head = NULL;
    uint32_t at = 0;
    while (at < JUMBO_OCTETS) {
        uint32_t octets = at < 60 ? PIECE_OCTETS : 2000;
        if (octets > JUMBO_OCTETS - at)
            octets = JUMBO_OCTETS - at;
        struct rte_mbuf *piece = rte_pktmbuf_alloc(pool);
        assert_non_null(piece);
        memcpy(rte_pktmbuf_append(piece, (uint16_t)octets), frame + at, octets);
        if (!head)
            head = piece;
        else
            assert_int_equal(rte_pktmbuf_chain(head, piece), 0);
        at += octets;
    }
    assert_true(head->nb_segs > 8);
    return head;
}

static void test_jumbo_in_pieces(void **state)
{
    (void)state;
    static uint8_t frame[JUMBO_OCTETS];
    static struct packet_facts facts[PACKET_BATCH_MAX];
    struct error error = {""};
    const struct parser_config config = {.vlan_in_key = true, .fragment_table = true};
    struct parser *parser = parser_create(&config, &error);
    struct rte_ring *ring = rte_ring_lookup("ETH_RXTX0_net_ring4");
    make_jumbo(frame);
    for (unsigned i = 0; i < PACKET_BATCH_MAX; i++)
        assert_int_equal(rte_ring_enqueue(ring, in_pieces(frame)), 0);
    assert_int_equal(sources[PLAIN]->ops->receive(sources[PLAIN], &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.count, PACKET_BATCH_MAX);
    parse_batch(parser, &batch, facts);
    for (unsigned i = 0; i < PACKET_BATCH_MAX; i++) {
        assert_int_equal(batch.captured_length[i], JUMBO_OCTETS);
        assert_int_equal(batch.wire_length[i], JUMBO_OCTETS);
        assert_memory_equal(batch.data[i], frame, JUMBO_OCTETS);
        assert_int_equal(facts[i].verdict, PACKET_METERED);
        assert_int_equal(facts[i].ip_octets, 9000);
        assert_int_equal(facts[i].vlan[0], 7);
        uint16_t ports[2] = {facts[i].key.head.port_a, facts[i].key.head.port_b};
        assert_int_equal(ports[facts[i].side], __builtin_bswap16(0x1234));
        assert_int_equal(ports[1 - facts[i].side], __builtin_bswap16(53));
    }
    sources[PLAIN]->ops->release(sources[PLAIN], &batch);
    assert_int_equal(rte_mempool_avail_count(pool), POOL_BUFFERS);
    parser_destroy(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_link_down_at_first),
        cmocka_unit_test(test_right_clock),
        cmocka_unit_test(test_wrong_clock),
        cmocka_unit_test(test_no_times),
        cmocka_unit_test(test_not_asked),
        cmocka_unit_test(test_queue_length_is_taken),
        cmocka_unit_test(test_jumbo_in_pieces),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
