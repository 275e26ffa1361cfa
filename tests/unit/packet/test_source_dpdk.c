/*
 * The DPDK source on virtual devices, with or without huge pages. EAL starts once in a process:
 * all devices are opened together, each test takes its own. Needs no privileges but for
 * net_af_packet, which gets a network namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture_builder.h"
#include "packet/source_dpdk.h"

enum { DEVICE_PCAP, DEVICE_LOOP, DEVICE_NULL, DEVICE_RING, DEVICE_PACKET, DEVICES };
enum { FILE_PACKETS = 200, RING_FRAMES = 256, MTU = 1500 };

static struct packet_source *sources[DEVICES];
static uint32_t source_count;
static struct source_notes notes;
static uint64_t now_ns = 1234567890123456789;
static struct packet_batch batch;
static struct capture_builder builder;

/* ---- set-up ---- */

static char *write_pcap(unsigned slot, uint32_t magic, uint32_t first_length)
{
    builder.size = 0;
    put_pcap_header(&builder, magic, 1);
    for (uint32_t i = 0; i < FILE_PACKETS; i++)
        put_pcap_packet(&builder, 1700000000 + i, 999000 + i, first_length + i, first_length + i,
                        (uint8_t)(i + 1));
    return write_capture(slot, builder.bytes, builder.size);
}

/* A namespace whose loopback interface is up, with an MTU that makes fragments. False where the
 * kernel does not let us. */
static bool make_namespace(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        return false;
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "lo"};
    request.ifr_mtu = MTU;
    bool good = ioctl(descriptor, SIOCSIFMTU, &request) == 0;
    request.ifr_flags = IFF_UP;
    good = good && ioctl(descriptor, SIOCSIFFLAGS, &request) == 0;
    close(descriptor);
    return good;
}

static void open_device(const char *device)
{
    struct error error = {""};
    struct packet_interface wanted = {.role = INTERFACE_TAP_A};
    sources[source_count] = source_dpdk_open(device, &wanted, &now_ns, &error);
    if (!sources[source_count++])
        fail_msg("%s", error.text);
}

static int start(void **state)
{
    (void)state;
    char words[256];
    struct error error = {""};
    snprintf(words, sizeof words, "net_pcap0,rx_pcap=%s", write_pcap(0, 0xa1b2c3d4, 60));
    open_device(words);
    snprintf(words, sizeof words, "net_pcap1,rx_pcap=%s,infinite_rx=1",
             write_pcap(1, 0xa1b23c4d, 60));
    open_device(words);
    open_device("net_null0,size=100");
    open_device("net_ring0");
    if (make_namespace())
        open_device("net_af_packet0,iface=lo,framesz=2048,framecnt=256");
    if (!source_dpdk_start(sources, source_count, NULL, &notes, &error))
        fail_msg("%s", error.text);
    for (uint32_t i = 0; i < notes.count; i++)
        print_message("%s\n", notes.lines[i]);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < source_count; i++)
        sources[i]->ops->close(sources[i]);
    source_dpdk_shutdown();
    remove_captures();
    return 0;
}

static bool receive(struct packet_source *source)
{
    enum receive_status status = source->ops->receive(source, &batch);
    assert_true(status == RECEIVE_PACKETS || status == RECEIVE_IDLE);
    assert_int_equal(status == RECEIVE_PACKETS, batch.count > 0);
    return status == RECEIVE_PACKETS;
}

/* ---- tests ---- */

static void test_capture_file(void **state)
{
    (void)state;
    struct packet_source *source = sources[DEVICE_PCAP];
    uint32_t seen = 0;
    uint64_t octets = 0;
    while (receive(source)) {
        for (uint32_t i = 0; i < batch.count; i++, seen++) {
            assert_true(batch.timestamp_ns[i] ==
                        (1700000000ull + seen) * 1000000000 + (999000 + seen) * 1000ull);
            assert_int_equal(batch.wire_length[i], 60 + seen);
            assert_int_equal(batch.captured_length[i], 60 + seen);
            assert_int_equal(batch.data[i][59 + seen], seen + 1);
            assert_int_equal(batch.link[i], LINK_ETHERNET);
            octets += batch.wire_length[i];
        }
        source->ops->release(source, &batch);
    }
    assert_int_equal(seen, FILE_PACKETS);
    source->ops->poll_device(source);
    assert_int_equal(source->ledger.observed.packets, FILE_PACKETS);
    assert_true(source->ledger.observed.octets == octets);
    assert_true(source->live);
    assert_false(source->drops_not_visible);
}

/* Endless play holds its packets in our pool: it must be large enough, and stay so. */
static void test_endless_capture(void **state)
{
    (void)state;
    struct packet_source *source = sources[DEVICE_LOOP];
    for (uint32_t seen = 0; seen < 100 * FILE_PACKETS;) {
        assert_true(receive(source));
        for (uint32_t i = 0; i < batch.count; i++, seen++) {
            assert_int_equal(batch.data[i][0], seen % FILE_PACKETS + 1);
            assert_true(batch.timestamp_ns[i] == now_ns);
        }
        source->ops->release(source, &batch);
    }
}

static void test_clock_and_names(void **state)
{
    (void)state;
    struct packet_source *source = sources[DEVICE_NULL];
    now_ns = 42;
    assert_true(receive(source));
    assert_int_equal(batch.count, PACKET_BATCH_MAX);
    assert_int_equal(batch.wire_length[0], 100);
    assert_int_equal(batch.timestamp_ns[PACKET_BATCH_MAX - 1], 42);
    source->ops->release(source, &batch);
    assert_true(source->drops_not_visible);
    assert_string_equal(source->interface.name, "net_null0");
    assert_int_equal(source->interface.role, INTERFACE_TAP_A);
    assert_in_range(source->interface.ifindex, 1, 65535);
    assert_int_not_equal(source->interface.ifindex, sources[DEVICE_RING]->interface.ifindex);
}

/* Packets in several buffers are made whole, tags that a device took out are put back. */
static void test_pieces_and_tags(void **state)
{
    (void)state;
    struct packet_source *source = sources[DEVICE_RING];
    struct rte_ring *ring = rte_ring_lookup("ETH_RXTX0_net_ring0");
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("test", 63, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    assert_non_null(ring);
    assert_non_null(pool);
    struct rte_mbuf *first = rte_pktmbuf_alloc(pool);
    struct rte_mbuf *second = rte_pktmbuf_alloc(pool);
    memset(rte_pktmbuf_append(first, 1000), 0xaa, 1000);
    memset(rte_pktmbuf_append(second, 500), 0xbb, 500);
    assert_int_equal(rte_pktmbuf_chain(first, second), 0);
    struct rte_mbuf *tagged = rte_pktmbuf_alloc(pool);
    memset(rte_pktmbuf_append(tagged, 60), 0xcc, 60);
    tagged->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    tagged->vlan_tci = 0x0123;
    assert_int_equal(rte_ring_enqueue(ring, first), 0);
    assert_int_equal(rte_ring_enqueue(ring, tagged), 0);
    assert_true(receive(source));
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.captured_length[0], 1500);
    assert_int_equal(batch.wire_length[0], 1500);
    assert_int_equal(batch.data[0][999], 0xaa);
    assert_int_equal(batch.data[0][1000], 0xbb);
    assert_int_equal(batch.data[0][1499], 0xbb);
    static const uint8_t tag[] = {0xcc, 0x81, 0x00, 0x01, 0x23, 0xcc};
    assert_int_equal(batch.wire_length[1], 64);
    assert_memory_equal(batch.data[1] + 11, tag, sizeof tag);
    source->ops->release(source, &batch);
    assert_int_equal(rte_mempool_avail_count(pool), 63);
    assert_int_equal(source->ledger.observed.octets, 1564);
    rte_mempool_free(pool);
}

static void send_datagrams(uint32_t count, size_t octets)
{
    static uint8_t payload[8192];
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int no_replies = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(no_replies, (struct sockaddr *)&address, sizeof address), 0);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(
            sendto(descriptor, payload, octets, 0, (struct sockaddr *)&address, sizeof address),
            octets);
    close(descriptor);
    close(no_replies);
}

/* Takes all that is there. Returns packets; *OCTETS grows by their lengths. */
static uint32_t drain(struct packet_source *source, uint64_t *octets)
{
    uint32_t count = 0;
    while (receive(source)) {
        for (uint32_t i = 0; i < batch.count; i++)
            *octets += batch.wire_length[i];
        count += batch.count;
        source->ops->release(source, &batch);
    }
    return count;
}

static void test_packet_socket(void **state)
{
    (void)state;
    if (source_count <= DEVICE_PACKET) {
        print_message("skipped: no right to make a network namespace\n");
        skip();
    }
    struct packet_source *source = sources[DEVICE_PACKET];
    uint64_t octets = 0;
    assert_false(source->drops_not_visible);
    assert_int_equal(source->interface.ifindex, 1);
    /* Once each, although loopback shows every packet going out and coming in. */
    send_datagrams(10, 100);
    assert_int_equal(drain(source, &octets), 10);
    assert_int_equal(octets, 10 * 142);
    /* Fragments as they are on the wire. */
    octets = 0;
    send_datagrams(1, 4000);
    assert_int_equal(drain(source, &octets), 3);
    assert_int_equal(octets, 4000 + 8 + 3 * 34);
    /* What does not fit into the ring is counted, each packet once. */
    send_datagrams(1000, 100);
    octets = 0;
    uint32_t taken = drain(source, &octets);
    assert_in_range(taken, 1, RING_FRAMES);
    source->ops->poll_device(source);
    source->ops->poll_device(source);
    assert_int_equal(source->ledger.dropped[DROPPED_SOCKET_FULL].packets, 1000 - taken);
    assert_int_equal(source->ledger.observed.packets, 10 + 3 + 1000);
}

/* The kernel takes 802.1Q tags out of received frames; they must be back. */
static void test_packet_socket_tags(void **state)
{
    (void)state;
    if (source_count <= DEVICE_PACKET) {
        print_message("skipped: no right to make a network namespace\n");
        skip();
    }
    struct packet_source *source = sources[DEVICE_PACKET];
    uint8_t frame[64] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0x60, 0x2a, 8, 0, 0x45};
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6};
    int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
    assert_int_equal(
        sendto(descriptor, frame, sizeof frame, 0, (struct sockaddr *)&address, sizeof address),
        sizeof frame);
    close(descriptor);
    assert_true(receive(source));
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.wire_length[0], sizeof frame);
    assert_memory_equal(batch.data[0], frame, sizeof frame);
    source->ops->release(source, &batch);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *device;
        const char *reason;
    } rows[] = {
        {"", "expected a PCI address or a virtual device"},
        {"net_pcap9,rx_pcap=/nonexistent.pcap", "/nonexistent.pcap: cannot open"},
        {"net_af_packet9,iface=nonexistent9", "interface nonexistent9: No such device"},
        {"net_af_packet9", "name the interface"},
    };
    struct packet_interface wanted = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {""};
        assert_null(source_dpdk_open(rows[i].device, &wanted, &now_ns, &error));
        assert_non_null(strstr(error.text, rows[i].reason));
    }
    struct error error = {""};
    struct packet_source *late = source_dpdk_open("net_null7", &wanted, &now_ns, &error);
    assert_non_null(late);
    uint32_t wrong;
    assert_true(source_dpdk_possible(&late, 1, 1, &wrong, &error));
    struct packet_source *pci = source_dpdk_open("0000:99:00.0", &wanted, &now_ns, &error);
    assert_non_null(pci);
    struct packet_source *both[] = {late, pci};
    assert_false(source_dpdk_possible(both, 2, 1, &wrong, &error));
    assert_int_equal(wrong, 1);
    assert_non_null(strstr(error.text, "without the PCI bus"));
    assert_false(source_dpdk_start(&pci, 1, NULL, NULL, &error));
    pci->ops->close(pci);
    late->ops->close(late);
}

/* Devices come and go while EAL and the others go on, under the same name and by other words. */
static void test_comes_and_goes(void **state)
{
    (void)state;
    struct packet_interface wanted = {0};
    for (uint32_t round = 0; round < 20; round++) {
        struct error error = {""};
        char words[64];
        uint32_t octets = 64 + round;
        snprintf(words, sizeof words, "net_null7,size=%u", octets);
        struct packet_source *source = source_dpdk_open(words, &wanted, &now_ns, &error);
        assert_non_null(source);
        if (!source_dpdk_start(&source, 1, NULL, NULL, &error))
            fail_msg("%s", error.text);
        assert_true(receive(source));
        assert_int_equal(batch.wire_length[0], octets);
        source->ops->release(source, &batch);
        source->ops->close(source);
    }
    assert_true(receive(sources[DEVICE_NULL]));
    sources[DEVICE_NULL]->ops->release(sources[DEVICE_NULL], &batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capture_file),    cmocka_unit_test(test_endless_capture),
        cmocka_unit_test(test_clock_and_names), cmocka_unit_test(test_pieces_and_tags),
        cmocka_unit_test(test_packet_socket),   cmocka_unit_test(test_packet_socket_tags),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
