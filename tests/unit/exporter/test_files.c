/*
 * File and JSON destinations: temporary name and rename, full disks, pipes with a slow reader,
 * standard output, and what cannot be opened.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "record_builder.h"
#include "transport/transport_file.h"

static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;

struct bench {
    char folder[64];
    char path[128];
    struct exporting_process_config config;
    struct record_ring *ring;
    struct exporting_process *process;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    strcpy(bench->folder, "/tmp/spanflow.files.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof bench->path, "%s/out", bench->folder);
    fake_config(&bench->config);
    strcpy(bench->config.destinations[0].path, bench->path);
    bench->ring = fake_ring(1 << 14);
    *state = bench;
    return 0;
}

/* Number of files in the folder; CLEAN removes them. */
static unsigned list(const struct bench *bench, bool clean)
{
    unsigned count = 0;
    DIR *folder = opendir(bench->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (clean)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
    return count;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    exporting_process_destroy(bench->process);
    record_ring_destroy(bench->ring);
    list(bench, true);
    rmdir(bench->folder);
    free(bench);
    return 0;
}

static void start(struct bench *bench, enum destination_kind kind)
{
    bench->config.destinations[0].kind = kind;
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
}

static void push(struct bench *bench, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(record_push(bench->ring, &flow), 0);
}

static bool drain(struct bench *bench, uint64_t now_ns)
{
    return exporting_process_drain(bench->process, now_ns, export_ns, NULL);
}

static struct destination_counters account(const struct bench *bench)
{
    static struct exporter_counters counters;
    exporting_process_counters(bench->process, &counters);
    struct destination_counters d = counters.destination[0];
    uint64_t sum = d.sent + d.queued;
    for (unsigned reason = 0; reason < DESTINATION_LOST_COUNT; reason++)
        sum += d.lost[reason];
    assert_int_equal(d.records, sum);
    return d;
}

static uint8_t *load(const char *path, size_t *octets)
{
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    *octets = (size_t)facts.st_size;
    uint8_t *data = malloc(*octets + 1);
    assert_non_null(data);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fread(data, 1, *octets, stream), *octets);
    fclose(stream);
    data[*octets] = 0;
    return data;
}

/* Data records of an IPFIX file of simple records; every message must be whole. */
static uint32_t count_file_records(const char *path)
{
    size_t octets;
    uint8_t *data = load(path, &octets);
    uint32_t records = 0;
    for (size_t at = 0; at < octets;) {
        uint32_t length = get16(data + at + 2);
        assert_true(at + length <= octets);
        assert_int_equal(get16(data + at), 10);
        for (size_t set = at + 16; set < at + length; set += get16(data + set + 2))
            if (get16(data + set) >= 256)
                records += (get16(data + set + 2) - 4) / 59;
        at += length;
    }
    free(data);
    return records;
}

static uint32_t count_lines(const char *text)
{
    uint32_t lines = 0;
    for (; *text; text = strchr(text, '\n') + 1) {
        assert_int_equal(*text, '{');
        assert_int_equal(strchr(text, '\n')[-1], '}');
        lines++;
    }
    return lines;
}

static void a_file_appears_when_it_is_complete(void **state)
{
    struct bench *bench = *state;
    start(bench, DESTINATION_FILE);
    push(bench, 3000);
    exporting_process_step(bench->process, 1, export_ns, NULL);
    assert_int_not_equal(access(bench->path, F_OK), 0);
    assert_int_equal(list(bench, false), 1);
    while (!drain(bench, 1))
        continue;
    assert_int_equal(count_file_records(bench->path), 6000);
    assert_int_equal(list(bench, false), 1);
    assert_int_equal(account(bench).sent, 3000);
}

static void an_empty_file_holds_templates(void **state)
{
    struct bench *bench = *state;
    start(bench, DESTINATION_FILE);
    while (!drain(bench, 1))
        continue;
    assert_int_equal(count_file_records(bench->path), 0);
    size_t octets;
    uint8_t *data = load(bench->path, &octets);
    assert_true(octets > 200);
    assert_int_equal(get16(data + 16), 2);
    free(data);
}

static void a_given_up_file_is_whole_as_far_as_it_goes(void **state)
{
    struct bench *bench = *state;
    start(bench, DESTINATION_FILE);
    push(bench, 3000);
    exporting_process_step(bench->process, 1, export_ns, NULL);
    exporting_process_abandon(bench->process);
    struct destination_counters d = account(bench);
    assert_int_equal(d.sent + d.lost[DESTINATION_LOST_SHUTDOWN], 3000);
    assert_true(d.sent > 0 && d.sent < 3000);
    assert_int_equal(count_file_records(bench->path), 2 * d.sent);
}

static void dev_full_is_one_line_and_a_failure(void **state)
{
    struct bench *bench = *state;
    for (unsigned kind = DESTINATION_FILE; kind <= DESTINATION_JSON; kind++) {
        strcpy(bench->config.destinations[0].path, "/dev/full");
        start(bench, kind);
        push(bench, 100);
        while (!drain(bench, 1))
            continue;
        assert_int_equal(account(bench).lost[DESTINATION_LOST_WRITE_FAILED], 100);
        assert_true(exporting_process_failed(bench->process));
        assert_non_null(strstr(exporting_process_problem(bench->process), "/dev/full"));
        assert_null(strchr(exporting_process_problem(bench->process), '\n'));
        exporting_process_destroy(bench->process);
        bench->process = NULL;
    }
}

/* The disk fills in the middle of a message: what is whole stays, and is what was counted sent. */
static void a_disk_that_fills_keeps_whole_messages(void **state)
{
    struct bench *bench = *state;
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    for (unsigned kind = DESTINATION_FILE; kind <= DESTINATION_JSON; kind++) {
        start(bench, kind);
        push(bench, 4000);
        limit = before;
        limit.rlim_cur = 200001;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        while (!drain(bench, 1))
            continue;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        struct destination_counters d = account(bench);
        assert_true(d.sent > 0 && d.lost[DESTINATION_LOST_WRITE_FAILED] > 0);
        size_t octets;
        uint8_t *data = load(bench->path, &octets);
        assert_int_equal(kind == DESTINATION_JSON ? count_lines((char *)data)
                                                  : count_file_records(bench->path),
                         2 * d.sent);
        assert_int_equal(octets, d.octets);
        free(data);
        exporting_process_destroy(bench->process);
        bench->process = NULL;
        assert_int_equal(list(bench, true), 1);
    }
}

/* Reads what is there; returns the number of octets added to TEXT. */
static size_t take(int fd, char *text, size_t room)
{
    ssize_t got = read(fd, text, room);
    return got > 0 ? (size_t)got : 0;
}

static void check_pipe(struct bench *bench, int fd)
{
    enum { TEXT_MAX = 8 << 20 };
    char *text = calloc(1, TEXT_MAX);
    assert_non_null(text);
    size_t octets = 0;
    bool waited = false;
    push(bench, 3000);
    for (unsigned turn = 0; !drain(bench, turn); turn++) {
        waited |= account(bench).queued > 0;
        octets += take(fd, text + octets, 5001); /* a slow reader: odd portions */
    }
    for (size_t got; (got = take(fd, text + octets, TEXT_MAX - octets - 1)) > 0;)
        octets += got;
    assert_true(waited);
    assert_int_equal(count_lines(text), 6000);
    assert_int_equal(account(bench).sent, 3000);
    assert_int_equal(account(bench).octets, octets);
    free(text);
}

static void a_slow_pipe_is_never_waited_for(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(mkfifo(bench->path, 0600), 0);
    int fd = open(bench->path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    start(bench, DESTINATION_JSON);
    check_pipe(bench, fd);
    close(fd);
}

static void standard_output_is_a_destination(void **state)
{
    struct bench *bench = *state;
    int ends[2], saved = dup(STDOUT_FILENO);
    fflush(stdout);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fcntl(ends[1], F_SETFL, 0); /* the shared end blocks, as a shell's pipe does */
    dup2(ends[1], STDOUT_FILENO);
    strcpy(bench->config.destinations[0].path, "-");
    start(bench, DESTINATION_JSON);
    dup2(saved, STDOUT_FILENO);
    check_pipe(bench, ends[0]);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* not changed for others */
    close(ends[0]);
    close(ends[1]);
    close(saved);
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    bench->config.destination_count = 2;
    bench->config.destinations[0].kind = DESTINATION_FILE;
    bench->config.destinations[1] = bench->config.destinations[0];
    strcpy(bench->config.destinations[1].path, "/nonexistent/folder/file");
    assert_null(exporting_process_create(&bench->config, &bench->ring, 1, &error));
    assert_non_null(strstr(error.text, "/nonexistent/folder/file"));
    assert_int_equal(list(bench, false), 0); /* the first one's temporary file is gone */
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *path, const char *text)
{
    char read[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    read[fread(read, 1, sizeof read - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
    assert_string_equal(read, text);
}

/* What is opened and given up again, as by a configuration that is only checked, leaves files as
 * they were, and none that was not there. */
static void what_is_given_up_leaves_files_as_they_were(void **state)
{
    struct bench *bench = *state;
    struct transport transport;
    struct error error;
    struct destination_config *config = &bench->config.destinations[0];
    for (unsigned i = 0; i < 3; i++) {
        config->kind = i == 0 ? DESTINATION_JSON : DESTINATION_FILE;
        config->continues = i == 2;
        assert_int_equal(transport_file_open(&transport, config, &error), 0);
        transport.ops->close(transport.state);
        assert_int_equal(list(bench, false), 0);
        write_file(bench->path, "before");
        assert_int_equal(transport_file_open(&transport, config, &error), 0);
        transport.ops->close(transport.state);
        assert_file(bench->path, "before");
        assert_int_equal(list(bench, true), 1);
    }
}

/* A JSON file of an earlier run goes when the new one is complete, even if it is empty. */
static void an_older_json_file_is_emptied(void **state)
{
    struct bench *bench = *state;
    struct transport transport;
    struct error error;
    bench->config.destinations[0].kind = DESTINATION_JSON;
    write_file(bench->path, "before");
    assert_int_equal(transport_file_open(&transport, &bench->config.destinations[0], &error), 0);
    assert_int_equal(transport.ops->complete(transport.state, &error), 0);
    transport.ops->close(transport.state);
    assert_file(bench->path, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_file_appears_when_it_is_complete),
        BENCH_TEST(an_empty_file_holds_templates),
        BENCH_TEST(a_given_up_file_is_whole_as_far_as_it_goes),
        BENCH_TEST(dev_full_is_one_line_and_a_failure),
        BENCH_TEST(a_disk_that_fills_keeps_whole_messages),
        BENCH_TEST(a_slow_pipe_is_never_waited_for),
        BENCH_TEST(standard_output_is_a_destination),
        BENCH_TEST(what_cannot_be_opened_is_named),
        BENCH_TEST(what_is_given_up_leaves_files_as_they_were),
        BENCH_TEST(an_older_json_file_is_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
