/*
 * A worker that fills its ring, the writer and a control thread that reads, asks for books and
 * changes settings, all at once: for the thread sanitizer above all. What is read is whole, the
 * books balance at every cut, and at the end nothing is missing in them.
 */
#include "disk_bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { PACKETS_MAX = 60000, CUTS_MIN = 20, LISTED_MAX = 256 };

struct threads {
    struct disk_bench *bench;
    _Atomic uint64_t now_ns;        /* the virtual clock, for the writer */
    _Atomic uint64_t cut_wanted;    /* by the control thread */
    _Atomic bool worker_done, stop; /* of the writer */
};

/* As a worker: packets, cuts, and at last it leaves the ring. */
static void *work(void *argument)
{
    struct threads *threads = argument;
    struct disk_bench *bench = threads->bench;
    uint64_t cut = 0;
    while (bench->next < PACKETS_MAX || cut < CUTS_MIN) {
        bench_append(bench, PACKET_BATCH_MAX);
        snapshot_ring_tick(bench->ring, bench->now_ns, bench->next % 3 == 0);
        atomic_store(&threads->now_ns, bench->now_ns);
        uint64_t wanted = atomic_load(&threads->cut_wanted);
        if (wanted != cut)
            snapshot_ring_make_cut(bench->ring, cut = wanted);
        sched_yield();
    }
    snapshot_ring_leave(bench->ring);
    atomic_store(&threads->worker_done, true);
    return NULL;
}

static void *write_blocks(void *argument)
{
    struct threads *threads = argument;
    while (!atomic_load(&threads->stop))
        if (!snapshot_writer_step(threads->bench->writer, atomic_load(&threads->now_ns)))
            sched_yield();
    return NULL;
}

/* Every block in memory that can be copied holds whole packets in order. */
static void look_at_memory(const struct snapshot_ring *ring, uint8_t *buffer)
{
    uint64_t first, stored, end;
    snapshot_ring_window(ring, &first, &stored, &end);
    assert_true(first <= stored && stored <= end);
    for (uint64_t block = first; block < end; block++) {
        struct snapshot_block_header header;
        struct snapshot_packet packet;
        uint32_t offset = SNAPSHOT_BLOCK_FIRST, packets = 0;
        if (snapshot_ring_copy(ring, block, buffer) != SNAPSHOT_COPIED)
            continue;
        assert_true(snapshot_block_read_header(buffer, SNAPSHOT_BLOCK_OCTETS, &header));
        uint64_t last = 0;
        while (snapshot_block_next(buffer, header.used, &offset, &packet) == SNAPSHOT_WALK_PACKET) {
            uint8_t expected[BENCH_PACKET_OCTETS];
            assert_true(packet.flow_id == last + 1 || last == 0);
            last = packet.flow_id;
            bench_packet(last - 1, expected);
            assert_memory_equal(packet.data, expected, sizeof expected);
            packets++;
        }
        assert_int_equal(packets, header.packets);
    }
}

/* Opens what the store holds, while the oldest goes. */
static void look_at_disk(struct snapshot_store *store, uint8_t *buffer)
{
    static struct snapshot_listed list[LISTED_MAX];
    size_t count = store ? snapshot_store_list(store, 0, UINT64_MAX, list, LISTED_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        struct error error = {""};
        struct snapshot_segment *segment =
            snapshot_store_open_segment(store, list[i].facts.number, &error);
        if (!segment)
            continue;
        if (snapshot_segment_index(segment)->count)
            snapshot_segment_read(segment, 0, buffer, &error);
        snapshot_store_release_segment(store, segment);
    }
}

/* What the control thread does all day. CUT: the next one. */
static void control(struct threads *threads, uint8_t *buffer, uint64_t *cut)
{
    struct disk_bench *bench = threads->bench;
    struct snapshot_account account;
    struct snapshot_ring_counts counts;
    struct snapshot_writer_state state;
    struct snapshot_settings settings = bench->settings;
    settings.notice = *cut % 2 ? "one" : "another";
    snapshot_writer_configure(bench->writer, &settings);
    snapshot_writer_tell(bench->writer, &state);
    snapshot_ring_counts(bench->ring, &counts);
    look_at_memory(bench->ring, buffer);
    look_at_disk(snapshot_writer_store(bench->writer), buffer);
    if (snapshot_ring_cut(bench->ring, *cut, &account)) {
        assert_true(snapshot_account_balanced(&account));
        atomic_store(&threads->cut_wanted, ++*cut);
    }
}

static void all_at_once(void **state)
{
    (void)state;
    struct disk_bench bench;
    uint8_t *buffer = aligned_alloc(4096, SNAPSHOT_BLOCK_OCTETS);
    assert_non_null(buffer);
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 8 * BENCH_MEBIBYTE);
    bench_start(&bench);
    struct threads threads = {.bench = &bench, .now_ns = BENCH_START, .cut_wanted = 1};
    uint64_t cut = 1;
    pthread_t worker, writer;
    assert_int_equal(pthread_create(&writer, NULL, write_blocks, &threads), 0);
    assert_int_equal(pthread_create(&worker, NULL, work, &threads), 0);
    while (!atomic_load(&threads.worker_done))
        control(&threads, buffer, &cut);
    pthread_join(worker, NULL);
    while (!snapshot_ring_drained(bench.ring))
        sched_yield();
    while (snapshot_writer_has(bench.writer, bench.ring))
        sched_yield();
    atomic_store(&threads.stop, true);
    pthread_join(writer, NULL);
    snapshot_writer_finish_segment(bench.writer, bench.now_ns);
    struct snapshot_account account;
    struct bench_held held;
    bench_balance(&bench);
    snapshot_ring_account(bench.ring, &account);
    assert_int_equal(account.seen.packets, bench.next);
    assert_int_equal(account.in_memory.packets, 0);
    assert_true(account.stored.packets > 0);
    bench_read(snapshot_writer_store(bench.writer), true, &held);
    assert_int_equal(held.damaged, 0);
    assert_true(held.packets > 0 && held.packets <= account.stored.packets);
    snapshot_writer_destroy(bench.writer);
    snapshot_ring_release(bench.ring);
    bench_clean(&bench);
    free(buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
