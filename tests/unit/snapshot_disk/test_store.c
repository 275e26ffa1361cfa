/* The store and its writer: what is written comes back, within the space and the ages. */
#include "disk_bench.h"

#include <sys/stat.h>

static void everything_comes_back(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    struct snapshot_verification result;
    bench_prepare(&bench, 64 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    assert_string_equal(bench.error.text, "");
    bench_feed(&bench, 20000);
    bench_drain(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held); /* the open one as well */
    assert_int_equal(held.packets, 20000);
    assert_true(held.segments >= 5);
    bench_stop(&bench, true);
    assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_VERIFIED);
    assert_int_equal(result.good, held.segments);
    bench_start(&bench);
    assert_string_equal(bench.error.text, "");
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_int_equal(held.first, 0);
    assert_int_equal(held.packets, 20000);
    bench_stop(&bench, true);
    bench_clean(&bench);
}

/* What the folder takes of the disk. */
static uint64_t disk_octets(const struct disk_bench *bench)
{
    char command[400];
    uint64_t octets = 0;
    snprintf(command, sizeof command, "du -s -B1 %s", bench->folder);
    FILE *stream = popen(command, "r");
    assert_non_null(stream);
    assert_int_equal(fscanf(stream, "%lu", &octets), 1);
    pclose(stream);
    return octets;
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct snapshot_store_state facts;
    struct bench_held held;
    struct snapshot_verification result;
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    uint64_t reserved = disk_octets(&bench);
    assert_true(reserved >= 32 * BENCH_MEBIBYTE && reserved < 33 * BENCH_MEBIBYTE);
    bench_feed(&bench, 100000);
    bench_drain(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_int_equal(held.last, 99999);
    assert_true(held.first > 50000 && held.packets > 15000);
    snapshot_store_tell(snapshot_writer_store(bench.writer), bench.now_ns, &facts);
    assert_true(facts.overwritten > 10 && facts.packets == held.packets);
    assert_int_equal(facts.octets_reserved, 32 * BENCH_MEBIBYTE);
    uint64_t after = disk_octets(&bench);
    assert_true(after > 31 * BENCH_MEBIBYTE && after < 33 * BENCH_MEBIBYTE);
    bench_stop(&bench, true);
    assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_VERIFIED);
    assert_int_equal(result.overwritten, facts.overwritten);
    bench_clean(&bench);
}

static void old_segments_are_deleted(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    struct snapshot_verification result;
    bench_prepare(&bench, 64 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench.settings.maximum_age_ns = 3200 * BENCH_SECOND;
    bench_start(&bench);
    bench_feed(&bench, 100);
    bench_drain(&bench);
    bench.now_ns += 101 * BENCH_SECOND; /* the open segment is closed though it is not full */
    bench_drain(&bench);
    bench_feed(&bench, 100);
    bench_drain(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_int_equal(held.segments, 2);
    bench.now_ns = BENCH_START + 3201 * BENCH_SECOND;
    bench_drain(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_int_equal(held.first, 100);
    assert_int_equal(held.packets, 100);
    bench_stop(&bench, true);
    assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_VERIFIED);
    assert_int_equal(result.expired, 1);
    bench_clean(&bench);
}

static void the_size_changes_while_it_runs(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    struct snapshot_verification result;
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    bench_feed(&bench, 40000);
    bench.settings.octets = 64 * BENCH_MEBIBYTE;
    snapshot_writer_configure(bench.writer, &bench.settings);
    bench_feed(&bench, 40000);
    bench_drain(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_true(held.packets > 45000);
    bench.settings.octets = 24 * BENCH_MEBIBYTE;
    bench.settings.segment_octets = 3 * BENCH_MEBIBYTE;
    snapshot_writer_configure(bench.writer, &bench.settings);
    bench_feed(&bench, 100);
    bench_drain(&bench);
    assert_true(disk_octets(&bench) < 25 * BENCH_MEBIBYTE);
    bench_feed(&bench, 60000);
    bench_drain(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_int_equal(held.last, 140099);
    assert_true(disk_octets(&bench) < 25 * BENCH_MEBIBYTE);
    bench_stop(&bench, true);
    assert_string_equal(bench.told, "");
    assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_VERIFIED);
    bench_clean(&bench);
}

static void what_is_read_is_not_overwritten(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct snapshot_listed list[64];
    struct error error;
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_OCTETS);
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    bench_feed(&bench, 20000);
    struct snapshot_store *store = snapshot_writer_store(bench.writer);
    assert_true(snapshot_store_list(store, 0, UINT64_MAX, list, 64) > 2);
    struct snapshot_segment *segment =
        snapshot_store_open_segment(store, list[0].facts.number, &error);
    assert_non_null(segment);
    bench_feed(&bench, 100000);
    for (uint32_t i = 0; i < snapshot_segment_index(segment)->count; i++)
        assert_int_equal(snapshot_segment_read(segment, i, buffer, &error), SNAPSHOT_READ_GOOD);
    snapshot_store_release_segment(store, segment);
    bench_feed(&bench, 40000);
    assert_null(snapshot_store_open_segment(store, list[0].facts.number, &error));
    assert_string_equal(error.text, "");
    bench_stop(&bench, true);
    bench_clean(&bench);
    free(buffer);
}

static void a_freeze_holds_its_window(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    struct snapshot_freeze listed[4];
    struct snapshot_verification result;
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench.settings.maximum_age_ns = 86400 * BENCH_SECOND;
    bench_start(&bench);
    bench_feed(&bench, 8000);
    bench_drain(&bench);
    struct snapshot_store *store = snapshot_writer_store(bench.writer);
    struct snapshot_freeze freeze = {.name = "case 7",
                                     .from_ns = BENCH_START,
                                     .to_ns = BENCH_START + 1000 * 1000,
                                     .expires_ns = BENCH_START + 7200 * BENCH_SECOND};
    assert_true(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error));
    assert_false(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error));
    bench_feed(&bench, 100000);
    bench_stop(&bench, true);
    bench_start(&bench); /* it survives a restart */
    store = snapshot_writer_store(bench.writer);
    bench_feed(&bench, 50000);
    assert_int_equal(snapshot_store_freezes(store, listed, 4), 1);
    assert_string_equal(listed[0].name, "case 7");
    assert_true(listed[0].octets > 0 && !listed[0].partly);
    bench_drain(&bench);
    bench_read(store, true, &held);
    assert_int_equal(held.first, 0);
    bench.now_ns = freeze.expires_ns + 1;
    bench_drain(&bench);
    assert_int_equal(snapshot_store_freezes(store, listed, 4), 0);
    bench_feed(&bench, 50000);
    bench_drain(&bench);
    bench_read(store, true, &held);
    assert_true(held.first > 100000);
    assert_false(snapshot_store_unfreeze(store, "case 7", &bench.error));
    freeze = (struct snapshot_freeze){.name = "all", .to_ns = UINT64_MAX, .expires_ns = UINT64_MAX};
    assert_false(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error)); /* too much */
    bench_stop(&bench, true);
    assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_VERIFIED);
    bench_clean(&bench);
}

static void what_is_being_written_is_held_at_once(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct snapshot_freeze listed[1];
    struct snapshot_listed list[8];
    struct snapshot_store_state facts;
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    bench_feed(&bench, 8000);
    bench_drain(&bench);
    struct snapshot_store *store = snapshot_writer_store(bench.writer);
    size_t count = snapshot_store_list(store, 0, UINT64_MAX, list, 8);
    assert_true(count >= 1 && count <= 4);
    const struct snapshot_segment_facts *last = &list[count - 1].facts;
    assert_true(last->closed_ns == 0 && last->packets > 0);
    struct snapshot_freeze freeze = {.name = "the last",
                                     .from_ns = last->first_ns,
                                     .to_ns = last->first_ns,
                                     .expires_ns = BENCH_START + 7200 * BENCH_SECOND};
    assert_true(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error));
    snapshot_store_list(store, 0, UINT64_MAX, list, 8);
    assert_true(list[count - 1].frozen);
    assert_int_equal(snapshot_store_freezes(store, listed, 1), 1);
    assert_true(listed[0].octets >= last->octets && !listed[0].partly);
    snapshot_store_tell(store, bench.now_ns, &facts);
    assert_true(facts.octets_frozen >= 4 * BENCH_MEBIBYTE);
    /* It counts in the bound. */
    bench.settings.freeze_octets_max = 4 * BENCH_MEBIBYTE - 1;
    snapshot_writer_configure(bench.writer, &bench.settings);
    snapshot_store_list(store, 0, UINT64_MAX, list, 8);
    assert_false(list[count - 1].frozen);
    assert_true(snapshot_store_unfreeze(store, "the last", &bench.error));
    assert_false(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error));
    bench_stop(&bench, true);
    bench_clean(&bench);
}

static bool is_written_down(const struct disk_bench *bench, const char *name)
{
    char path[300], text[4096] = "";
    snprintf(path, sizeof path, "%s/freezes", bench->folder);
    FILE *file = fopen(path, "re");
    size_t octets = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[octets] = '\0';
    if (file)
        fclose(file);
    return strstr(text, name) != NULL;
}

/* Who freezes does not write; the writer does, and tries again if it cannot. */
static void the_writer_writes_freezes_down(void **state)
{
    (void)state;
    struct disk_bench bench;
    char path[300];
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    snprintf(path, sizeof path, "%s/.freezes.new", bench.folder);
    struct snapshot_store *store = snapshot_writer_store(bench.writer);
    struct snapshot_freeze freeze = {
        .name = "first", .to_ns = BENCH_START, .expires_ns = BENCH_START + 7200 * BENCH_SECOND};
    assert_true(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error));
    assert_false(is_written_down(&bench, "first"));
    snapshot_writer_step(bench.writer, bench.now_ns);
    assert_true(is_written_down(&bench, "first"));
    assert_int_equal(mkdir(path, 0700), 0); /* in the way */
    assert_true(snapshot_store_unfreeze(store, "first", &bench.error));
    snprintf(freeze.name, sizeof freeze.name, "second");
    assert_true(snapshot_store_freeze(store, &freeze, bench.now_ns, &bench.error));
    snapshot_writer_step(bench.writer, bench.now_ns);
    assert_true(is_written_down(&bench, "first"));
    assert_int_equal(rmdir(path), 0);
    bench.now_ns += 4 * BENCH_SECOND;
    snapshot_writer_step(bench.writer, bench.now_ns);
    assert_true(is_written_down(&bench, "second") && !is_written_down(&bench, "first"));
    bench_stop(&bench, true);
    bench_clean(&bench);
}

static void two_cannot_have_one_folder(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct error note, error;
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    assert_null(snapshot_store_open(&bench.settings, bench.now_ns, &note, &error));
    assert_non_null(strstr(error.text, "another spanflowd uses it"));
    bench_stop(&bench, true);
    struct stat facts;
    char path[300];
    snprintf(path, sizeof path, "%s/ring.key", bench.folder);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_int_equal(stat(bench.folder, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 02750);
    bench_clean(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(old_segments_are_deleted),
        cmocka_unit_test(the_size_changes_while_it_runs),
        cmocka_unit_test(what_is_read_is_not_overwritten),
        cmocka_unit_test(a_freeze_holds_its_window),
        cmocka_unit_test(what_is_being_written_is_held_at_once),
        cmocka_unit_test(the_writer_writes_freezes_down),
        cmocka_unit_test(two_cannot_have_one_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
