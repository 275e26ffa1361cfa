/*
 * What becomes of a ring that was hurt: killed writers, flipped bits, files that were changed,
 * exchanged or taken away.
 */
#include "disk_bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "snapshot/snapshot_manifest_private.h"

enum { KILLS = 100, FLIPS = 100, NAMES_MAX = 256 };

static uint64_t random_state = 0x853c49e6748fea9b;

static uint64_t random_below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

/* What the killed process had done, as it told it before. */
struct progress {
    _Atomic uint64_t stored;  /* packets in blocks that were stored, of this run */
    _Atomic uint64_t started; /* the ring is open */
};

/* The child: writes until it is killed. */
static _Noreturn void write_until_killed(struct disk_bench *bench, struct progress *progress)
{
    struct snapshot_writer_state state;
    bench_start(bench);
    atomic_store(&progress->started, 1);
    for (;;) {
        bench_feed(bench, 512);
        snapshot_writer_tell(bench->writer, &state);
        atomic_store(&progress->stored, state.stored.packets);
    }
}

/* Forks a writer and kills it after at most 15 ms of writing; if it is PATIENT, some time after the
 * first blocks were stored, however slow the machine is. */
static void run_and_kill(struct disk_bench *bench, struct progress *progress, bool patient)
{
    atomic_store(&progress->stored, 0);
    atomic_store(&progress->started, 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(bench, progress);
    /* Some are killed while they still open the ring. */
    if (random_below(8))
        while (!atomic_load(&progress->started))
            sched_yield();
    if (patient)
        while (!atomic_load(&progress->stored))
            sched_yield();
    struct timespec pause = {.tv_nsec = (long)random_below(15 * 1000 * 1000)};
    nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_killed_writer_loses_nothing_that_was_complete(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    struct snapshot_verification result;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    uint64_t with_data = 0, mended = 0;
    bench_prepare(&bench, 24 * BENCH_MEBIBYTE, 2 * BENCH_MEBIBYTE);
    for (unsigned i = 0; i < KILLS; i++) {
        uint64_t first = bench.next;
        run_and_kill(&bench, progress, i % 4 == 0);
        bench.next = first;
        bench_start(&bench);
        assert_string_equal(bench.error.text, "");
        mended += bench.note.text[0] != '\0';
        bench_read(snapshot_writer_store(bench.writer), true, &held);
        assert_int_equal(held.damaged, 0);
        uint64_t stored = atomic_load(&progress->stored);
        with_data += stored != 0;
        if (stored) /* all that was said to be stored, if not more */
            assert_true(held.last + 1 >= first + stored);
        if (held.packets && held.last >= first)
            bench.next = held.last + 1;
        bench_stop(&bench, i % 2);
        assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_VERIFIED);
        bench.now_ns += BENCH_SECOND;
    }
    print_message("%lu runs had stored something, %lu left a segment to close\n", with_data,
                  mended);
    assert_true(with_data > KILLS / 10 && mended > KILLS / 10);
    bench_clean(&bench);
    munmap(progress, sizeof *progress);
}

/* A block somewhere in the ring. */
struct place {
    uint64_t number; /* of the segment */
    uint32_t block;
    char name[SNAPSHOT_NAME_MAX];
    uint64_t offset;
    uint32_t octets;
    bool hurt;
};

static size_t find_blocks(struct snapshot_store *store, struct place *places, size_t max)
{
    static struct snapshot_listed list[NAMES_MAX];
    size_t segments = snapshot_store_list(store, 0, UINT64_MAX, list, NAMES_MAX), count = 0;
    struct error error;
    for (size_t i = 0; i < segments; i++) {
        struct snapshot_segment *segment =
            snapshot_store_open_segment(store, list[i].facts.number, &error);
        assert_non_null(segment);
        const struct snapshot_index *index = snapshot_segment_index(segment);
        for (uint32_t j = 0; j < index->count && count < max; j++) {
            places[count] = (struct place){.number = list[i].facts.number,
                                           .block = j,
                                           .offset = index->entries[j].offset,
                                           .octets = index->entries[j].octets};
            memcpy(places[count++].name, list[i].name, sizeof list[i].name);
        }
        snapshot_store_release_segment(store, segment);
    }
    return count;
}

/* Flips one bit of a file. */
static void flip(const char *folder, const char *name, uint64_t offset, unsigned bit)
{
    char path[400];
    uint8_t octet;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &octet, 1, (off_t)offset), 1);
    octet = (uint8_t)(octet ^ 1u << bit);
    assert_int_equal(pwrite(file, &octet, 1, (off_t)offset), 1);
    close(file);
}

static void exactly_the_hurt_blocks_are_reported(void **state)
{
    (void)state;
    static struct place places[1000];
    struct disk_bench bench;
    struct snapshot_verification result;
    struct error error;
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_OCTETS);
    bench_prepare(&bench, 192 * BENCH_MEBIBYTE, 16 * BENCH_MEBIBYTE);
    bench_start(&bench);
    bench_feed(&bench, 150000);
    bench_stop(&bench, true);
    bench_start(&bench);
    struct snapshot_store *store = snapshot_writer_store(bench.writer);
    size_t count = find_blocks(store, places, 1000);
    assert_true(count > FLIPS + 20);
    for (unsigned i = 0; i < FLIPS; i++) {
        struct place *place = &places[random_below(count)];
        while (place->hurt)
            place = &places[random_below(count)];
        place->hurt = true;
        flip(bench.folder, place->name, place->offset + random_below(place->octets),
             (unsigned)random_below(8));
    }
    unsigned reported = 0;
    for (size_t i = 0; i < count; i++) {
        struct snapshot_segment *segment =
            snapshot_store_open_segment(store, places[i].number, &error);
        assert_non_null(segment);
        assert_false(snapshot_segment_was_rebuilt(segment));
        enum snapshot_read read = snapshot_segment_read(segment, places[i].block, buffer, &error);
        assert_int_equal(read, places[i].hurt ? SNAPSHOT_READ_DAMAGED : SNAPSHOT_READ_GOOD);
        reported += read == SNAPSHOT_READ_DAMAGED;
        snapshot_store_release_segment(store, segment);
    }
    assert_int_equal(reported, FLIPS);
    assert_int_equal(bench_verify(bench.folder, &result), SNAPSHOT_SEGMENT_CHANGED);
    bench_stop(&bench, true);
    bench_clean(&bench);
    free(buffer);
}

/* The name of the I-th segment in the folder, sorted. */
static void nth_name(const char *folder, unsigned place, char name[SNAPSHOT_NAME_MAX])
{
    struct dirent **files;
    int count = scandir(folder, &files, NULL, alphasort);
    unsigned found = 0;
    name[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (strncmp(files[i]->d_name, "snapshot-", 9) == 0 && found++ == place)
            snprintf(name, SNAPSHOT_NAME_MAX, "%.63s", files[i]->d_name);
        free(files[i]);
    }
    free(files);
    assert_true(name[0]);
}

static void a_damaged_index_is_made_anew(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    char name[SNAPSHOT_NAME_MAX], path[400];
    struct stat facts;
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(&bench);
    bench_feed(&bench, 10000);
    bench_stop(&bench, true);
    nth_name(bench.folder, 0, name);
    snprintf(path, sizeof path, "%s/%s", bench.folder, name);
    assert_int_equal(stat(path, &facts), 0);
    flip(bench.folder, name, (uint64_t)facts.st_size - 100, 3); /* the end */
    nth_name(bench.folder, 1, name);
    snprintf(path, sizeof path, "%s/%s", bench.folder, name);
    assert_int_equal(stat(path, &facts), 0);
    flip(bench.folder, name, (uint64_t)facts.st_size - 9000, 3); /* the index */
    bench_start(&bench);
    bench_read(snapshot_writer_store(bench.writer), false, &held);
    assert_int_equal(held.packets, 10000);
    assert_int_equal(held.damaged, 0);
    bench_stop(&bench, true);
    bench_clean(&bench);
}

/* A bit of an unfinished segment: the block is lost, the others are kept and the file can be read
 * to its end. */
static void damage_in_an_unfinished_segment_costs_one_block(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct bench_held held;
    struct snapshot_store_state facts;
    char hidden[SNAPSHOT_NAME_MAX + 1] = "";
    bench_prepare(&bench, 32 * BENCH_MEBIBYTE, 8 * BENCH_MEBIBYTE);
    bench_start(&bench);
    bench_feed(&bench, 5000);
    bench_stop(&bench, false);
    struct dirent **files;
    int count = scandir(bench.folder, &files, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (strncmp(files[i]->d_name, ".snapshot-", 10) == 0)
            snprintf(hidden, sizeof hidden, "%.64s", files[i]->d_name);
        free(files[i]);
    }
    free(files);
    assert_true(hidden[0]);
    flip(bench.folder, hidden, 3 * BENCH_MEBIBYTE, 5);
    bench_start(&bench);
    bench_read(snapshot_writer_store(bench.writer), true, &held);
    assert_int_equal(held.first, 0);
    assert_int_equal(held.last, 4999);
    assert_true(held.packets < 5000 && held.packets > 3800);
    snapshot_store_tell(snapshot_writer_store(bench.writer), bench.now_ns, &facts);
    assert_int_equal(facts.damaged_blocks, 1);
    assert_non_null(strstr(bench.note.text, "1 damaged"));
    bench_stop(&bench, true);
    bench_clean(&bench);
}

static void run_command(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_int_equal(system(command), 0);
}

/* A ring of some segments, of which the oldest were overwritten, copied without its secret key. */
static void make_copy(struct disk_bench *bench, char copy[300])
{
    bench_prepare(bench, 32 * BENCH_MEBIBYTE, 4 * BENCH_MEBIBYTE);
    bench_start(bench);
    bench_feed(bench, 60000);
    bench_stop(bench, true);
    snprintf(copy, 300, "%s/copy", bench->parent);
    run_command("mkdir %s; cp %s/snapshot-* %s/manifest.jsonl %s/ring.pub %s", copy, bench->folder,
                bench->folder, bench->folder, copy);
}

static void verify_names_the_first_break(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct snapshot_verification result;
    char copy[300], name[SNAPSHOT_NAME_MAX];
    make_copy(&bench, copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_VERIFIED);
    assert_true(result.overwritten > 5 && result.good == 8);
    uint64_t overwritten = result.overwritten;

    nth_name(copy, 2, name);
    flip(copy, name, 5000, 1);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_SEGMENT_CHANGED);
    assert_string_equal(result.name, name);
    assert_int_equal(result.breaks, 1);
    flip(copy, name, 5000, 1);

    nth_name(copy, 3, name);
    run_command("mv %s/%s %s/away", copy, name, copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_SEGMENT_MISSING);
    assert_string_equal(result.name, name);
    assert_int_equal(result.overwritten, overwritten);
    assert_int_equal(result.missing, 1);
    run_command("mv %s/away %s/%s", copy, copy, name);

    run_command("cp %s/%s %s/snapshot-20200101T000000Z-00009999.pcapng", copy, name, copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_SEGMENT_UNKNOWN);
    run_command("rm %s/snapshot-2020*", copy);

    run_command("cp %s/manifest.jsonl %s/whole; sed -i 4d %s/manifest.jsonl", copy, copy, copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_CHAIN_BROKEN);
    assert_int_equal(result.line, 4);

    run_command("cd %s; cp whole manifest.jsonl; sed -i '3s/\"packets\":/\"packets\":1/' "
                "manifest.jsonl",
                copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_SIGNATURE_BAD);
    assert_int_equal(result.line, 3);

    run_command("cd %s; cp whole manifest.jsonl; printf '{\"event\":' >> manifest.jsonl", copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_LINE_BROKEN);

    run_command("cd %s; cp whole manifest.jsonl; openssl genpkey -algorithm ed25519 -out other "
                "&& openssl pkey -in other -pubout -out ring.pub",
                copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_SIGNATURE_BAD);
    assert_int_equal(result.line, 1);

    run_command("rm %s/manifest.jsonl", copy);
    assert_int_equal(bench_verify(copy, &result), SNAPSHOT_NO_MANIFEST);
    bench_clean(&bench);
}

/* Lines about what is long gone are dropped, and the rest is still a chain. */
static void the_manifest_stays_short(void **state)
{
    (void)state;
    struct disk_bench bench;
    struct snapshot_verification before, after;
    struct snapshot_manifest manifest;
    struct error note, error;
    char copy[300], name[SNAPSHOT_NAME_MAX];
    make_copy(&bench, copy);
    assert_int_equal(bench_verify(bench.folder, &before), SNAPSHOT_VERIFIED);
    nth_name(bench.folder, 0, name);
    for (unsigned i = 0; i < 2; i++) { /* the second time nothing is to be dropped */
        int folder = open(bench.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(snapshot_manifest_open(&manifest, folder, &note, &error));
        assert_true(snapshot_manifest_trim(&manifest, snapshot_segment_number_of(name),
                                           bench.now_ns, 2000));
        snapshot_manifest_close(&manifest);
        close(folder);
    }
    assert_int_equal(bench_verify(bench.folder, &after), SNAPSHOT_VERIFIED);
    assert_true(after.lines < before.lines && after.good == before.good);
    bench_start(&bench);
    bench_feed(&bench, 10000);
    bench_stop(&bench, true);
    assert_int_equal(bench_verify(bench.folder, &after), SNAPSHOT_VERIFIED);
    run_command("sed -i 2d %s/manifest.jsonl", bench.folder);
    assert_int_equal(bench_verify(bench.folder, &after), SNAPSHOT_CHAIN_BROKEN);
    bench_clean(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_loses_nothing_that_was_complete),
        cmocka_unit_test(exactly_the_hurt_blocks_are_reported),
        cmocka_unit_test(a_damaged_index_is_made_anew),
        cmocka_unit_test(damage_in_an_unfinished_segment_costs_one_block),
        cmocka_unit_test(verify_names_the_first_break),
        cmocka_unit_test(the_manifest_stays_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
