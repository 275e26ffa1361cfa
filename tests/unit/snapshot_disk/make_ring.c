/*
 * Makes a ring in the folder that its first argument names, for tests/snapshot/test_disk: the
 * second is the number of packets, the third that of interfaces, of which half appear while it is
 * written. Packet i came by interface i modulo those there are, 1001 * i nanoseconds past the
 * start; three of the interfaces' packets in a thousand were dropped before the ring.
 */
#include <inttypes.h>

#include "disk_bench.h"

static uint32_t interface_count;

static void losses(void *context, uint32_t interface, uint64_t *received, uint64_t *dropped)
{
    (void)context;
    *received = 1000 * (interface + 1);
    *dropped = 3 * (interface + 1);
}

static void add_interfaces(struct disk_bench *bench, uint32_t count)
{
    for (; interface_count < count; interface_count++) {
        char name[48];
        snprintf(name, sizeof name, "interface-with-long-name-%06" PRIu32, interface_count);
        snapshot_interfaces_name(bench->interfaces, (uint16_t)interface_count, interface_count + 1,
                                 name);
        snapshot_interfaces_id(bench->interfaces, (uint16_t)interface_count, LINK_ETHERNET);
    }
}

static void feed(struct disk_bench *bench, uint64_t number)
{
    static uint8_t data[BENCH_PACKET_OCTETS];
    static struct packet_batch packets;
    struct snapshot_batch batch = {.packets = &packets, .kept = 1};
    bench_packet(number, data);
    packets.count = 1;
    packets.data[0] = data;
    packets.captured_length[0] = BENCH_PACKET_OCTETS;
    packets.wire_length[0] = BENCH_PACKET_OCTETS + 18;
    packets.timestamp_ns[0] = BENCH_START + number * 1001;
    packets.port[0] = (uint16_t)(number % interface_count);
    batch.lengths[0] = 42;
    batch.flow_ids[0] = number + 1;
    snapshot_ring_append(bench->ring, &batch, packets.timestamp_ns[0]);
    snapshot_writer_step(bench->writer, packets.timestamp_ns[0]);
}

int main(int count, char **arguments)
{
    struct disk_bench bench = {.now_ns = BENCH_START};
    if (count != 4)
        return 2;
    uint64_t packets = strtoull(arguments[2], NULL, 10);
    uint32_t interfaces = (uint32_t)strtoul(arguments[3], NULL, 10);
    const struct snapshot_writer_settings settings = {
        .store = {.directory = arguments[1],
                  .octets = 32 * BENCH_MEBIBYTE,
                  .segment_octets = 2 * BENCH_MEBIBYTE,
                  .version = "1.2.3",
                  .configuration = "c0ffee",
                  .notice = "for \"tests\" only \xe2\x82\xac"},
        .losses = losses};
    bench.interfaces = snapshot_interfaces_create(&bench.error);
    add_interfaces(&bench, (interfaces + 1) / 2);
    const struct snapshot_ring_config config = {
        .run = 77, .blocks = 4, .writer = true, .interfaces = bench.interfaces};
    bench.ring = snapshot_ring_create(&config, &bench.error);
    bench.writer = snapshot_writer_create(&settings, bench.now_ns, &bench.note, &bench.error);
    if (!bench.ring || !bench.writer || bench.error.text[0]) {
        fprintf(stderr, "%s\n", bench.error.text);
        return 1;
    }
    snapshot_writer_attach(bench.writer, bench.ring);
    for (uint64_t i = 0; i < packets; i++) {
        if (i == packets / 5)
            add_interfaces(&bench, interfaces);
        feed(&bench, i);
    }
    bench.now_ns += packets * 1001;
    bench_stop(&bench, true);
    snapshot_interfaces_destroy(bench.interfaces);
    return 0;
}
