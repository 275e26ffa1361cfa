/*
 * A whole probe whose workers have two caches with timeouts of their own, on a capture file: each
 * cache's records go to its own exporting process, and each has whole books in the ledger.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "model.h"
#include "probe.h"

enum { PACKETS = 120, FRAME_OCTETS = 60, CACHES = 2, ACTIVE_FIRST = 60, ACTIVE_SECOND = 10 };
static const uint64_t second_ns = 1000000000;

struct stage {
    char capture[32];
    char ledger[32];
    char records[CACHES][32];
    struct probe_config *config;
};

static void name_file(char *path)
{
    strcpy(path, "/tmp/spanflow_caches_XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

/* One UDP flow, a packet each second. */
static void write_capture(const char *path)
{
    static const uint8_t start[] = {2,    0, 0,  0,  0, 1, 2, 0,  0,  0,  0, 2, 8,  0,
                                    0x45, 0, 0,  46, 0, 0, 0, 0,  64, 17, 0, 0, 10, 0,
                                    0,    1, 10, 0,  1, 1, 0, 53, 0,  53, 0, 26};
    const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(header, sizeof header, 1, file), 1);
    for (uint32_t i = 0; i < PACKETS; i++) {
        const uint32_t row[] = {1700000000 + i, 0, FRAME_OCTETS, FRAME_OCTETS};
        uint8_t frame[FRAME_OCTETS] = {0};
        memcpy(frame, start, sizeof start);
        assert_int_equal(fwrite(row, sizeof row, 1, file), 1);
        assert_int_equal(fwrite(frame, sizeof frame, 1, file), 1);
    }
    assert_int_equal(fclose(file), 0);
}

static void open_stage(struct stage *stage, const char *workers)
{
    struct error error = {""};
    struct run_options options;
    char destination[48];
    name_file(stage->capture);
    name_file(stage->ledger);
    for (unsigned c = 0; c < CACHES; c++)
        name_file(stage->records[c]);
    write_capture(stage->capture);
    snprintf(destination, sizeof destination, "json:%s", stage->records[0]);
    char count[4];
    snprintf(count, sizeof count, "%s", workers);
    char *words[] = {"spanflowd", "-r",       stage->capture, "-e", destination, "-w",
                     count,       "--ledger", stage->ledger,  "-m", "4096",      NULL};
    assert_int_equal(config_from_command_line(11, words, &stage->config, &options, &error),
                     COMMAND_LINE_RUN);
    run_options_free(&options);
    struct cache_config *caches = stage->config->caches;
    caches[0].active_timeout_ns = ACTIVE_FIRST * second_ns;
    caches[1] = caches[0];
    caches[1].active_timeout_ns = ACTIVE_SECOND * second_ns;
    snprintf(caches[1].name, sizeof caches[1].name, "short");
    snprintf(caches[1].exporting.destinations[0].name, 64, "second");
    snprintf(caches[1].exporting.destinations[0].path,
             sizeof caches[1].exporting.destinations[0].path, "%s", stage->records[1]);
}

static void close_stage(struct stage *stage)
{
    unlink(stage->capture);
    unlink(stage->ledger);
    for (unsigned c = 0; c < CACHES; c++)
        unlink(stage->records[c]);
    probe_config_free(stage->config);
}

static void run(const struct stage *stage)
{
    struct error error = {""};
    struct probe *probe = probe_create(stage->config, NULL, NULL, &error);
    if (!probe)
        fail_msg("%s", error.text);
    if (probe->metering->distribution)
        probe_run_threads(probe);
    else
        probe_run_alone(probe);
    assert_true(probe_write_final_ledger(probe));
    probe_destroy(probe);
}

static unsigned lines_of(const char *path)
{
    unsigned lines = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static json_int_t number(const json_t *object, const char *group, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(object, group), key));
}

static void expect_books(const json_t *books, unsigned records)
{
    assert_int_equal(number(books, "observed", "packets"), PACKETS);
    assert_int_equal(number(books, "metered", "packets"), PACKETS);
    assert_int_equal(number(books, "exported", "packets"), PACKETS);
    assert_int_equal(number(books, "records", "out"), records);
    assert_true(json_is_true(json_object_get(books, "balanced")));
    const json_t *destinations = json_object_get(books, "destinations");
    assert_int_equal(json_array_size(destinations), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(destinations, 0), "sent")),
                     records);
}

static void two_caches(const char *workers)
{
    struct stage stage = {.config = NULL};
    open_stage(&stage, workers);
    stage.config->cache_count = CACHES;
    run(&stage);
    assert_int_equal(lines_of(stage.records[0]), PACKETS / ACTIVE_FIRST);
    assert_int_equal(lines_of(stage.records[1]), PACKETS / ACTIVE_SECOND);
    json_t *ledger = json_load_file(stage.ledger, 0, NULL);
    assert_non_null(ledger);
    expect_books(ledger, PACKETS / ACTIVE_FIRST);
    const json_t *caches = json_object_get(ledger, "caches");
    assert_int_equal(json_array_size(caches), CACHES);
    expect_books(json_array_get(caches, 0), PACKETS / ACTIVE_FIRST);
    expect_books(json_array_get(caches, 1), PACKETS / ACTIVE_SECOND);
    assert_string_equal(json_string_value(json_object_get(json_array_get(caches, 1), "name")),
                        "short");
    json_decref(ledger);
    close_stage(&stage);
}

static void test_two_caches(void **state)
{
    (void)state;
    two_caches("1");
}

static void test_two_caches_behind_distribution(void **state)
{
    (void)state;
    two_caches("2");
}

static void test_one_cache_has_no_list(void **state)
{
    (void)state;
    struct stage stage = {.config = NULL};
    open_stage(&stage, "1");
    run(&stage);
    json_t *ledger = json_load_file(stage.ledger, 0, NULL);
    assert_non_null(ledger);
    expect_books(ledger, PACKETS / ACTIVE_FIRST);
    assert_null(json_object_get(ledger, "caches"));
    assert_int_equal(lines_of(stage.records[1]), 0);
    json_decref(ledger);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_cache_has_no_list),
        cmocka_unit_test(test_two_caches),
        cmocka_unit_test(test_two_caches_behind_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
