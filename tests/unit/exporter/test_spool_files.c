/*
 * Files of the spool by themselves: lines of JSON, which are kept as they are. Of IPFIX and of what
 * goes there see test_spool.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool.h"

enum { ROOM = 1 << 24 };

struct bench {
    struct spool *spool;
    struct spool_stream *stream;
    char folder[64];
};

static int set_up(void **state)
{
    struct error error = {""}, note = {""};
    const struct spool_identity identity = {
        .name = "lines", .format = SPOOL_LINES, .message_octets = 100};
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/spanflow-spool.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->spool = spool_open(bench->folder, ROOM, 1, &error);
    assert_non_null(bench->spool);
    bench->stream = spool_stream_open(bench->spool, &identity, &note, &error);
    assert_non_null(bench->stream);
    *state = bench;
    return 0;
}

/* Puts the name of the file of lines into PATH. */
static void find_file(const struct bench *bench, char *path, size_t size)
{
    char pattern[160];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/*.json", bench->folder);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    char pattern[160];
    glob_t found = {0};
    spool_stream_close(bench->stream);
    spool_close(bench->spool);
    snprintf(pattern, sizeof pattern, "%s/*", bench->folder);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

/* What is not IPFIX is kept as it is, the lines of a record as one message. */
static void lines_come_back_as_they_were(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    char first[] = "{\"a\":1}\n", second[] = "{\"b\":2}\n", third[] = "{\"b\":3}\n";
    const struct spool_message messages[] = {{.data = (uint8_t *)first,
                                              .octets = sizeof first - 1,
                                              .data_records = 1,
                                              .key = UINT64_MAX - 1,
                                              .partition = 7,
                                              .sums = {1, 10, 100}},
                                             {.data = (uint8_t *)second,
                                              .octets = sizeof second - 1,
                                              .more = (uint8_t *)third,
                                              .more_octets = sizeof third - 1,
                                              .data_records = 2,
                                              .sums = {2, 20, 200}}};
    const char *wanted[] = {"{\"a\":1}\n", "{\"b\":2}\n{\"b\":3}\n"};
    struct spool_message loaded;
    char path[160];
    assert_int_equal(spool_append(bench->stream, messages, 2, &error), 2);
    find_file(bench, path, sizeof path);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(spool_load(bench->stream, &loaded, &error));
        assert_int_equal(loaded.octets, strlen(wanted[i]));
        assert_memory_equal(loaded.data, wanted[i], loaded.octets);
        assert_int_equal(loaded.data_records, i + 1);
        assert_int_equal(loaded.key, messages[i].key);
        assert_int_equal(loaded.partition, messages[i].partition);
        assert_int_equal(loaded.sums.records, messages[i].sums.records);
    }
    assert_false(spool_load(bench->stream, &loaded, &error));
}

/* Two lines where one should be: the file is given up, and nothing else happens. */
static void lines_that_are_damaged_are_lost(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    char line[] = "{\"a\":1}\n";
    const struct spool_message message = {.data = (uint8_t *)line,
                                          .octets = sizeof line - 1,
                                          .data_records = 1,
                                          .sums = {1, 10, 100}};
    struct spool_message loaded;
    char path[160];
    struct spool_losses losses;
    assert_int_equal(spool_append(bench->stream, &message, 1, &error), 1);
    find_file(bench, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\n", 1, 2), 1);
    close(fd);
    assert_false(spool_load(bench->stream, &loaded, &error));
    assert_non_null(strstr(error.text, "1 records are lost"));
    spool_take_losses(bench->stream, &losses);
    assert_int_equal(losses.failed[0].records, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_back_as_they_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_that_are_damaged_are_lost, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("files of the spool", tests, NULL, NULL);
}
