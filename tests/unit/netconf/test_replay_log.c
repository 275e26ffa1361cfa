/*
 * The replay log: records in order, the bound, what a death in the middle of a record leaves, and
 * damage. Each case runs with files and in memory, where that makes sense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netconf/replay_log.h"

static char folder[64];

static struct replay_log *open_log(bool files, uint64_t octets_max, uint64_t now_ns)
{
    struct error error = {""};
    struct replay_log *log = replay_log_open(files ? folder : NULL, octets_max, now_ns, &error);
    if (!log)
        fail_msg("%s", error.text);
    return log;
}

static void append(struct replay_log *log, unsigned number)
{
    char text[64];
    snprintf(text, sizeof text, "record %u", number);
    assert_true(replay_log_append(log, number * 10, text));
}

/* Reads all from the start: they must be the numbers FIRST, ... LAST. */
static void expect_records(struct replay_log *log, unsigned first, unsigned last)
{
    struct replay_position position = {0, 0};
    struct replay_record record;
    for (unsigned number = first; number <= last; number++) {
        char text[64];
        snprintf(text, sizeof text, "record %u", number);
        assert_int_equal(replay_log_read(log, &position, &record), REPLAY_RECORD);
        assert_string_equal(record.text, text);
        assert_int_equal(record.time_ns, number * 10);
        free(record.text);
    }
    assert_int_equal(replay_log_read(log, &position, &record), REPLAY_END);
}

static int clear_folder(void **state)
{
    (void)state;
    char path[400];
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    while (stream && (entry = readdir(stream)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (stream)
        closedir(stream);
    rmdir(folder);
    return 0;
}

/* The path of the newest segment, and how many there are. */
static char *newest_segment(unsigned *count)
{
    static char path[400];
    struct dirent **names;
    int total = scandir(folder, &names, NULL, alphasort);
    assert_true(total > 2);
    snprintf(path, sizeof path, "%s/%s", folder, names[total - 1]->d_name);
    for (int i = 0; i < total; i++)
        free(names[i]);
    free(names);
    if (count)
        *count = (unsigned)total - 2;
    return path;
}

static void test_order(void **state)
{
    (void)state;
    for (int files = 0; files < 2; files++) {
        struct replay_log *log = open_log(files, 1 << 20, 77);
        expect_records(log, 1, 0);
        for (unsigned i = 1; i <= 1000; i++)
            append(log, i);
        expect_records(log, 1, 1000);
        assert_int_equal(replay_log_created(log), 77);
        /* A reader at the end goes on with what comes. */
        struct replay_position position = replay_log_end(log);
        struct replay_record record;
        assert_int_equal(replay_log_read(log, &position, &record), REPLAY_END);
        append(log, 1001);
        assert_int_equal(replay_log_read(log, &position, &record), REPLAY_RECORD);
        assert_string_equal(record.text, "record 1001");
        free(record.text);
        replay_log_close(log);
    }
    struct replay_log *log = open_log(true, 1 << 20, 99);
    expect_records(log, 1, 1001);
    assert_int_equal(replay_log_created(log), 77);
    append(log, 1002);
    expect_records(log, 1, 1002);
    assert_int_equal(replay_log_damaged(log), 0);
    replay_log_close(log);
}

static void test_bound(void **state)
{
    (void)state;
    enum { BOUND = 4096 };
    for (int files = 0; files < 2; files++) {
        struct replay_log *log = open_log(files, BOUND, 0);
        struct replay_position old = {0, 0};
        struct replay_record record;
        append(log, 1);
        for (unsigned i = 2; i <= 2000; i++) {
            append(log, i);
            assert_true(replay_log_octets(log) <= BOUND);
        }
        /* All but the oldest eighth is kept; a reader that was behind goes on with the oldest. */
        assert_true(replay_log_octets(log) > BOUND * 3 / 4);
        assert_int_equal(replay_log_read(log, &old, &record), REPLAY_RECORD);
        unsigned first = (unsigned)(record.time_ns / 10);
        assert_true(first > 1);
        free(record.text);
        expect_records(log, first, 2000);
        char *large = calloc(1, BOUND + 1);
        memset(large, 'x', BOUND);
        assert_false(replay_log_append(log, 1, large));
        expect_records(log, first, 2000);
        free(large);
        replay_log_set_bound(log, 600);
        assert_true(replay_log_octets(log) <= 600);
        append(log, 2001);
        assert_true(replay_log_octets(log) <= 600);
        replay_log_set_bound(log, 0);
        assert_int_equal(replay_log_octets(log), 0);
        assert_false(replay_log_append(log, 1, "x"));
        replay_log_close(log);
    }
}

/* The file cut at every length: what was whole is there, and the log goes on. */
static void test_torn_tail(void **state)
{
    (void)state;
    struct replay_log *log = open_log(true, 1 << 20, 5);
    for (unsigned i = 1; i <= 3; i++)
        append(log, i);
    replay_log_close(log);
    struct stat status;
    assert_int_equal(stat(newest_segment(NULL), &status), 0);
    off_t record = (status.st_size - 16) / 3;
    for (off_t length = status.st_size; length > 0; length--) {
        unsigned count;
        unsigned whole = length < 16 ? 0 : (unsigned)((length - 16) / record);
        clear_folder(NULL);
        log = open_log(true, 1 << 20, 5);
        for (unsigned i = 1; i <= 3; i++)
            append(log, i);
        replay_log_close(log);
        assert_int_equal(truncate(newest_segment(&count), length), 0);
        log = open_log(true, 1 << 20, 6);
        expect_records(log, 1, whole);
        assert_int_equal(replay_log_created(log), length < 16 ? 6 : 5);
        bool clean = length >= 16 && (length - 16) % record == 0;
        assert_int_equal(replay_log_damaged(log), clean ? 0 : 1);
        append(log, whole + 1);
        replay_log_close(log);
        log = open_log(true, 1 << 20, 6);
        expect_records(log, 1, whole + 1);
        assert_int_equal(replay_log_damaged(log), 0);
        replay_log_close(log);
    }
}

static void flip(const char *path, off_t offset)
{
    unsigned char octet;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &octet, 1, offset), 1);
    octet ^= 0x20;
    assert_int_equal(pwrite(file, &octet, 1, offset), 1);
    close(file);
}

static void test_damage(void **state)
{
    (void)state;
    struct replay_log *log = open_log(true, 1600, 5);
    for (unsigned i = 1; i <= 20; i++)
        append(log, i);
    expect_records(log, 1, 20);
    replay_log_close(log);
    /* The second record of the second segment: the rest of that segment is lost, once. */
    char path[100];
    struct stat status;
    snprintf(path, sizeof path, "%s/%020d.log", folder, 2);
    assert_int_equal(stat(path, &status), 0);
    flip(path, 16 + 24 + 20);
    log = open_log(true, 1600, 5);
    struct replay_position position = {0, 0};
    struct replay_record record;
    unsigned seen = 0;
    while (replay_log_read(log, &position, &record) == REPLAY_RECORD) {
        seen++;
        free(record.text);
    }
    assert_true(seen < 20 && seen > 10);
    assert_int_equal(replay_log_damaged(log), 1);
    position = (struct replay_position){0, 0};
    unsigned again = 0;
    while (replay_log_read(log, &position, &record) == REPLAY_RECORD) {
        again++;
        free(record.text);
    }
    assert_int_equal(again, seen);
    assert_int_equal(replay_log_damaged(log), 1);
    replay_log_close(log);
    /* Files that are none of ours stay, or are left out. */
    snprintf(path, sizeof path, "%s/%020d.log", folder, 900);
    FILE *other = fopen(path, "w");
    fputs("not a segment of the log", other);
    fclose(other);
    snprintf(path, sizeof path, "%s/README", folder);
    other = fopen(path, "w");
    fclose(other);
    log = open_log(true, 1600, 5);
    assert_int_equal(replay_log_damaged(log), 1);
    append(log, 21);
    replay_log_close(log);
    assert_int_equal(access(path, F_OK), 0);
}

static void test_folder_cannot_be_used(void **state)
{
    (void)state;
    struct error error = {""};
    FILE *file = fopen(folder, "w");
    assert_non_null(file);
    fclose(file);
    assert_null(replay_log_open(folder, 1000, 0, &error));
    assert_non_null(strstr(error.text, folder));
    unlink(folder);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/replay_log.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_order, clear_folder),
        cmocka_unit_test_teardown(test_bound, clear_folder),
        cmocka_unit_test_teardown(test_torn_tail, clear_folder),
        cmocka_unit_test_teardown(test_damage, clear_folder),
        cmocka_unit_test(test_folder_cannot_be_used),
    };
    return cmocka_run_group_tests_name("replay log", tests, set_up, NULL);
}
