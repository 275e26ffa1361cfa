/* See disk_bench.h. */
#include "disk_bench.h"

#include <ftw.h>
#include <sys/stat.h>

enum { RING_BLOCKS = 8, STEPS_MAX = 100000 };

static void tell(void *context, const char *line)
{
    struct disk_bench *bench = context;
    size_t used = strlen(bench->told);
    snprintf(bench->told + used, sizeof bench->told - used, "%s\n", line);
    bench->lines++;
}

/* The tests do not wait for the disk: what they look at is in the kernel. */
static int no_sync(int file)
{
    return file >= 0 ? 0 : -1;
}

void bench_prepare(struct disk_bench *bench, uint64_t octets, uint64_t segment_octets)
{
    static const struct snapshot_calls calls = {.fdatasync = no_sync};
    const char *base = getenv("TMPDIR");
    snapshot_set_calls(&calls);
    memset(bench, 0, sizeof *bench);
    snprintf(bench->parent, sizeof bench->parent, "%.200s/snapshot-XXXXXX",
             base                            ? base
             : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                                             : "/tmp");
    assert_non_null(mkdtemp(bench->parent));
    snprintf(bench->folder, sizeof bench->folder, "%s/ring", bench->parent);
    bench->settings = (struct snapshot_settings){.directory = bench->folder,
                                                 .octets = octets,
                                                 .segment_octets = segment_octets,
                                                 .version = "1.2.3",
                                                 .configuration = "c0ffee",
                                                 .notice = "for tests only"};
    bench->now_ns = BENCH_START;
    bench->interfaces = snapshot_interfaces_create(&bench->error);
    assert_non_null(bench->interfaces);
    snapshot_interfaces_name(bench->interfaces, 0, 7, "tap0");
    snapshot_interfaces_id(bench->interfaces, 0, LINK_ETHERNET);
}

void bench_start(struct disk_bench *bench)
{
    static uint64_t run = 1000;
    const struct snapshot_ring_config config = {.worker = 3,
                                                .run =
                                                    ++run * 0x9e3779b97f4a7c15 + (uint64_t)getpid(),
                                                .blocks = RING_BLOCKS,
                                                .flush_ns = BENCH_SECOND,
                                                .writer = true,
                                                .interfaces = bench->interfaces};
    const struct snapshot_writer_settings settings = {
        .store = bench->settings, .tell = tell, .context = bench};
    bench->ring = snapshot_ring_create(&config, &bench->error);
    assert_non_null(bench->ring);
    bench->writer = snapshot_writer_create(&settings, bench->now_ns, &bench->note, &bench->error);
    assert_non_null(bench->writer);
    assert_true(snapshot_writer_attach(bench->writer, bench->ring));
}

void bench_drain(struct disk_bench *bench)
{
    bench->now_ns += 2 * BENCH_SECOND;
    snapshot_ring_tick(bench->ring, bench->now_ns, true);
    unsigned steps = 0;
    while (snapshot_writer_step(bench->writer, bench->now_ns))
        assert_true(++steps < STEPS_MAX);
}

void bench_stop(struct disk_bench *bench, bool finish)
{
    snapshot_ring_leave(bench->ring);
    bench_drain(bench);
    assert_false(snapshot_writer_has(bench->writer, bench->ring));
    if (finish)
        snapshot_writer_finish_segment(bench->writer, bench->now_ns);
    bench_balance(bench);
    snapshot_writer_destroy(bench->writer);
    snapshot_ring_release(bench->ring);
    bench->writer = NULL;
    bench->ring = NULL;
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

void bench_clean(struct disk_bench *bench)
{
    snapshot_interfaces_destroy(bench->interfaces);
    nftw(bench->parent, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void bench_packet(uint64_t number, uint8_t data[BENCH_PACKET_OCTETS])
{
    static const uint8_t front[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
    uint64_t state = number * 0x9e3779b97f4a7c15 + 1;
    for (unsigned i = 0; i < BENCH_PACKET_OCTETS; i++) {
        state = state * 6364136223846793005 + 1442695040888963407;
        data[i] = (uint8_t)(state >> 56);
    }
    memcpy(data, front, sizeof front);
    memset(data + 15, 0, 23 - 15);
    data[23] = 17;
    data[26] = 10;
    data[27] = (uint8_t)(number >> 16);
    data[28] = (uint8_t)(number >> 8);
    data[29] = (uint8_t)number;
    memcpy(data + 30, "\300\0\2\1\4\0\0\65", 8); /* 192.0.2.1, ports 1024 and 53 */
}

void bench_append(struct disk_bench *bench, uint32_t count)
{
    static uint8_t data[PACKET_BATCH_MAX][BENCH_PACKET_OCTETS];
    struct packet_batch packets = {.count = count};
    struct snapshot_batch batch = {.packets = &packets, .payload = true};
    assert_true(count <= PACKET_BATCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        bench_packet(bench->next, data[i]);
        packets.data[i] = data[i];
        packets.captured_length[i] = packets.wire_length[i] = BENCH_PACKET_OCTETS;
        packets.timestamp_ns[i] = bench->now_ns += 1000;
        batch.lengths[i] = BENCH_PACKET_OCTETS;
        batch.flow_ids[i] = ++bench->next;
        batch.kept |= 1ull << i;
    }
    snapshot_ring_append(bench->ring, &batch, bench->now_ns);
}

void bench_feed(struct disk_bench *bench, uint64_t count)
{
    while (count) {
        uint32_t part = count < PACKET_BATCH_MAX ? (uint32_t)count : PACKET_BATCH_MAX;
        bench_append(bench, part);
        count -= part;
        snapshot_writer_step(bench->writer, bench->now_ns);
    }
}

void bench_balance(struct disk_bench *bench)
{
    struct snapshot_account account;
    struct snapshot_writer_state state;
    snapshot_ring_account(bench->ring, &account);
    snapshot_writer_tell(bench->writer, &state);
    assert_true(snapshot_account_balanced(&account));
    assert_int_equal(account.stored.packets, state.stored.packets);
    assert_int_equal(account.stored.octets, state.stored.frame_octets);
    for (unsigned i = 0; i < SNAPSHOT_FAILED_COUNT; i++)
        assert_int_equal(account.failed[i].packets, state.failed[i].packets);
}

/* The packets of one whole block. */
static void read_packets(const uint8_t *block, uint32_t octets, bool gaps, struct bench_held *held)
{
    uint8_t expected[BENCH_PACKET_OCTETS];
    struct snapshot_packet packet;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    while (snapshot_block_next(block, octets, &offset, &packet) == SNAPSHOT_WALK_PACKET) {
        uint64_t number = packet.flow_id - 1;
        bench_packet(number, expected);
        assert_int_equal(packet.captured_length, BENCH_PACKET_OCTETS);
        assert_memory_equal(packet.data, expected, BENCH_PACKET_OCTETS);
        if (held->packets)
            assert_true(gaps ? number > held->last : number == held->last + 1);
        else
            held->first = number;
        held->last = number;
        held->packets++;
    }
}

/* Each packet's keys must be in the block's filter; strangers hardly ever. */
static void check_keys(const struct snapshot_index *index, uint32_t i, const uint8_t *block,
                       uint32_t octets)
{
    static const uint8_t other[4] = {198, 51, 100, 77};
    struct snapshot_packet packet;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    while (snapshot_block_next(block, octets, &offset, &packet) == SNAPSHOT_WALK_PACKET) {
        assert_true(snapshot_index_may_hold(index, i, snapshot_index_key_flow(packet.flow_id)));
        assert_true(
            snapshot_index_may_hold(index, i, snapshot_index_key_ipv4(packet.data + 26, 32)));
        assert_true(
            snapshot_index_may_hold(index, i, snapshot_index_key_ipv4(packet.data + 26, 20)));
    }
    assert_true(snapshot_index_may_hold(index, i, snapshot_index_key_port(53)));
    assert_true(snapshot_index_may_have_protocol(index, i, 17));
    assert_false(snapshot_index_may_have_protocol(index, i, 6));
    unsigned wrong = 0;
    for (uint16_t port = 2000; port < 3000; port++)
        wrong += snapshot_index_may_hold(index, i, snapshot_index_key_port(port));
    assert_true(wrong < 50);
    assert_true(!snapshot_index_may_hold(index, i, snapshot_index_key_ipv4(other, 32)) ||
                !snapshot_index_may_hold(index, i, snapshot_index_key_flow(1ull << 60)) ||
                !snapshot_index_may_hold(index, i, snapshot_index_key_flow(1ull << 61)));
}

void bench_read(struct snapshot_store *store, bool gaps, struct bench_held *held)
{
    static struct snapshot_listed list[4096];
    size_t count = snapshot_store_list(store, 0, UINT64_MAX, list, 4096);
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_OCTETS);
    struct error error;
    memset(held, 0, sizeof *held);
    for (size_t i = 0; i < count; i++) {
        struct snapshot_segment *segment =
            snapshot_store_open_segment(store, list[i].facts.number, &error);
        assert_non_null(segment);
        const struct snapshot_index *index = snapshot_segment_index(segment);
        held->segments++;
        for (uint32_t j = 0; j < index->count; j++) {
            held->blocks++;
            if (snapshot_segment_read(segment, j, buffer, &error) != SNAPSHOT_READ_GOOD) {
                held->damaged++;
                continue;
            }
            read_packets(buffer, index->entries[j].octets, gaps, held);
            check_keys(index, j, buffer, index->entries[j].octets);
        }
        snapshot_store_release_segment(store, segment);
    }
    free(buffer);
}

static void print_break(void *context, enum snapshot_verdict verdict, const char *line)
{
    (void)context;
    print_message("%s: %s\n", snapshot_verdict_name(verdict), line);
}

enum snapshot_verdict bench_verify(const char *folder, struct snapshot_verification *result)
{
    snapshot_verify(folder, NULL, print_break, NULL, NULL, NULL, result);
    return result->verdict;
}
