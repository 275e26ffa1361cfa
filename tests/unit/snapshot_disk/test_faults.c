/*
 * Disks that fail: each fault is one line and a count by its reason, is tried again, and is over
 * when the disk works again. The rings are emptied all the while, so nobody waits.
 */
#include "disk_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int pwrite_errno, fallocate_errno, sync_errno;
static ssize_t pwrite_short; /* octets of a write that are written before it fails; -1: none */

static ssize_t failing_pwrite(int file, const void *data, size_t octets, off_t offset)
{
    if (!pwrite_errno)
        return pwrite(file, data, octets, offset);
    if (pwrite_short > 0 && octets > (size_t)pwrite_short) {
        size_t part = (size_t)pwrite_short;
        pwrite_short = -1;
        return pwrite(file, data, part, offset);
    }
    errno = pwrite_errno;
    return -1;
}

static int failing_fallocate(int file, int mode, off_t offset, off_t octets)
{
    errno = fallocate_errno;
    return fallocate_errno ? -1 : fallocate(file, mode, offset, octets);
}

static int failing_sync(int file)
{
    errno = sync_errno;
    return sync_errno || file < 0 ? -1 : 0;
}

static void prepare(struct disk_bench *bench)
{
    static const struct snapshot_calls calls = {failing_pwrite, failing_fallocate, failing_sync};
    pwrite_errno = fallocate_errno = sync_errno = 0;
    pwrite_short = -1;
    bench_prepare(bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    snapshot_set_calls(&calls);
}

static void pass(struct disk_bench *bench, unsigned seconds)
{
    bench->now_ns += seconds * BENCH_SECOND;
    snapshot_writer_step(bench->writer, bench->now_ns);
}

/* A fault has been told once, as REASON; TEXT is in its line. */
static void is_told(struct disk_bench *bench, enum ledger_snapshot_failed reason, const char *text)
{
    struct snapshot_writer_state state;
    snapshot_writer_tell(bench->writer, &state);
    assert_true(state.faulty);
    assert_int_equal(state.reason, reason);
    assert_true(state.failed[reason].packets > 0);
    assert_int_equal(bench->lines, 1);
    assert_non_null(strstr(bench->told, text));
    assert_non_null(strstr(state.fault, text));
}

/* It is over: told once more, and everything that is fed now is kept. */
static void is_over(struct disk_bench *bench)
{
    struct snapshot_writer_state before, after;
    pass(bench, 4);
    snapshot_writer_tell(bench->writer, &before);
    assert_false(before.faulty);
    assert_string_equal(before.fault, "");
    assert_int_equal(bench->lines, 2);
    assert_non_null(strstr(bench->told, "packets are kept again"));
    bench_feed(bench, 3000);
    bench_drain(bench);
    snapshot_writer_tell(bench->writer, &after);
    assert_true(after.stored.packets >= before.stored.packets + 3000);
    for (unsigned i = 0; i < SNAPSHOT_FAILED_COUNT; i++)
        assert_int_equal(after.failed[i].packets, before.failed[i].packets);
}

/* What is held is whole and the manifest right. */
static void end_well(struct disk_bench *bench)
{
    struct bench_held held;
    struct snapshot_verification result;
    bench_read(snapshot_writer_store(bench->writer), true, &held);
    assert_int_equal(held.damaged, 0);
    assert_int_equal(held.last, bench->next - 1);
    bench_stop(bench, true);
    assert_int_equal(bench_verify(bench->folder, &result), SNAPSHOT_VERIFIED);
    bench_clean(bench);
}

/* While blocks are written, and when a segment's end is. */
static void fail_writes(int cause, ssize_t part, enum ledger_snapshot_failed reason,
                        const char *text)
{
    struct disk_bench bench;
    prepare(&bench);
    bench_start(&bench);
    bench_feed(&bench, 6000);
    pwrite_errno = cause;
    pwrite_short = part;
    bench_feed(&bench, 20000); /* more than the ring has room for */
    pass(&bench, 4);           /* tried again in vain */
    bench_feed(&bench, 5000);
    is_told(&bench, reason, text);
    pwrite_errno = 0;
    is_over(&bench);
    end_well(&bench);
}

static void writes_fail(void **state)
{
    (void)state;
    fail_writes(EIO, -1, SNAPSHOT_FAILED_WRITE, "Input/output error");
}

static void the_disk_is_full_in_the_middle_of_a_block(void **state)
{
    (void)state;
    fail_writes(ENOSPC, 300 * 4096, SNAPSHOT_FAILED_SPACE, "No space left on device");
}

static void the_file_may_not_grow(void **state)
{
    (void)state;
    fail_writes(EFBIG, -1, SNAPSHOT_FAILED_SPACE, "File too large");
}

static void segments_cannot_be_closed(void **state)
{
    (void)state;
    struct disk_bench bench;
    prepare(&bench);
    bench_start(&bench);
    bench_feed(&bench, 1000);
    sync_errno = EIO;
    bench_feed(&bench, 20000);
    is_told(&bench, SNAPSHOT_FAILED_WRITE, "a segment cannot be closed");
    sync_errno = 0;
    is_over(&bench);
    end_well(&bench);
}

static void the_oldest_cannot_be_emptied(void **state)
{
    (void)state;
    struct disk_bench bench;
    prepare(&bench);
    bench_start(&bench);
    bench_feed(&bench, 20000);
    fallocate_errno = ENOSPC;
    bench_feed(&bench, 60000);
    is_told(&bench, SNAPSHOT_FAILED_SPACE, "a segment cannot be begun");
    fallocate_errno = 0;
    is_over(&bench);
    end_well(&bench);
}

static void remove_folder(const struct disk_bench *bench)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf %s", bench->folder);
    assert_int_equal(system(command), 0);
}

static void the_folder_goes_and_comes_back(void **state)
{
    (void)state;
    struct disk_bench bench;
    prepare(&bench);
    bench_start(&bench);
    struct snapshot_store *store = snapshot_writer_store(bench.writer);
    bench_feed(&bench, 6000);
    remove_folder(&bench);
    FILE *file = fopen(bench.folder, "w"); /* something else is in its place */
    assert_non_null(file);
    fclose(file);
    pass(&bench, 2);
    bench_feed(&bench, 20000);
    pass(&bench, 4);
    bench_feed(&bench, 5000);
    is_told(&bench, SNAPSHOT_FAILED_GONE, "is gone");
    assert_int_equal(unlink(bench.folder), 0);
    is_over(&bench);
    assert_ptr_equal(snapshot_writer_store(bench.writer), store);
    end_well(&bench);
}

static void the_folder_is_not_there_at_the_start(void **state)
{
    (void)state;
    struct disk_bench bench;
    prepare(&bench);
    snprintf(bench.folder, sizeof bench.folder, "%s/no/ring", bench.parent);
    bench_start(&bench);
    assert_non_null(strstr(bench.error.text, "cannot be made: No such file or directory"));
    assert_null(snapshot_writer_store(bench.writer));
    bench_feed(&bench, 10000);
    struct snapshot_writer_state facts;
    snapshot_writer_tell(bench.writer, &facts);
    assert_true(facts.faulty && facts.failed[SNAPSHOT_FAILED_GONE].packets > 1000);
    char parent[300];
    snprintf(parent, sizeof parent, "%s/no", bench.parent);
    assert_int_equal(mkdir(parent, 0700), 0);
    pass(&bench, 4);
    bench_feed(&bench, 5000);
    bench_drain(&bench);
    snapshot_writer_tell(bench.writer, &facts);
    assert_true(!facts.faulty && facts.stored.packets >= 5000);
    end_well(&bench);
}

static void a_ring_larger_than_the_disk_is_refused(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct snapshot_writer_state facts;
    prepare(&bench);
    bench.settings.octets = 1ull << 50;
    bench.settings.segment_octets = 1ull << 30;
    bench_start(&bench);
    assert_non_null(strstr(bench.error.text, "MiB more of the disk"));
    snapshot_writer_tell(bench.writer, &facts);
    assert_int_equal(facts.reason, SNAPSHOT_FAILED_SPACE);
    bench_feed(&bench, 3000);
    bench.settings.octets = 32 * BENCH_MEBIBYTE; /* and changed while it runs */
    bench.settings.segment_octets = 4 * BENCH_MEBIBYTE;
    snapshot_writer_configure(bench.writer, &bench.settings);
    pass(&bench, 4);
    bench_feed(&bench, 3000);
    bench_drain(&bench);
    end_well(&bench);
}

static void a_larger_size_that_cannot_be_had_leaves_the_ring_as_it_is(void **state)
{
    (void)state;
    struct disk_bench bench;
    prepare(&bench);
    bench_start(&bench);
    bench_feed(&bench, 3000);
    bench.settings.octets = 1ull << 50;
    snapshot_writer_configure(bench.writer, &bench.settings);
    bench_feed(&bench, 60000);
    bench_drain(&bench);
    assert_int_equal(bench.lines, 1);
    assert_non_null(strstr(bench.told, "MiB more of the disk"));
    end_well(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fail),
        cmocka_unit_test(the_disk_is_full_in_the_middle_of_a_block),
        cmocka_unit_test(the_file_may_not_grow),
        cmocka_unit_test(segments_cannot_be_closed),
        cmocka_unit_test(the_oldest_cannot_be_emptied),
        cmocka_unit_test(the_folder_goes_and_comes_back),
        cmocka_unit_test(the_folder_is_not_there_at_the_start),
        cmocka_unit_test(a_ring_larger_than_the_disk_is_refused),
        cmocka_unit_test(a_larger_size_that_cannot_be_had_leaves_the_ring_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
