/*
 * Extraction: what the file holds and says, its limits, what is left of it when it does not end
 * well, the audit log, damaged blocks.
 */
#include "query_bench.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PACKETS = 20000, RING_OCTETS = 32 << 20 };

static const struct snapshot_extract_settings settings = {.software = "spanflow test",
                                                          .notice = "only for those who may"};

static struct snapshot_extract_order order_of(const char *filter)
{
    return (struct snapshot_extract_order){.question = {.filter = filter},
                                           .user = "alice",
                                           .from = "ssh 192.0.2.7",
                                           .reason = "case \"4711\"\nsecond line"};
}

static enum snapshot_job_state extract(const struct query_bench *bench,
                                       const struct snapshot_extract_order *order,
                                       struct snapshot_job_status *status, struct error *error)
{
    const struct snapshot_sources sources = {.directory = bench->folder};
    struct snapshot_audit *audit = snapshot_audit_open(bench->folder, error);
    error->text[0] = 0;
    enum snapshot_job_state state = snapshot_extract_run(&sources, order, &settings, audit,
                                                         bench->output, NULL, NULL, status, error);
    snapshot_audit_close(audit);
    return state;
}

static int fill(void **state)
{
    static struct query_bench bench;
    query_bench_begin(&bench, RING_OCTETS);
    query_bench_feed(&bench, PACKETS);
    query_bench_close(&bench);
    *state = &bench;
    return 0;
}

static int clean(void **state)
{
    query_bench_clean(*state);
    return 0;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ".output.pcapng" beside the output. */
static bool hidden_is_there(const struct query_bench *bench)
{
    char path[300];
    snprintf(path, sizeof path, "%s/.output.pcapng", bench->parent);
    return is_there(path);
}

static void the_file_says_what_it_is(void **state)
{
    struct query_bench *bench = *state;
    struct snapshot_job_status status;
    struct error error;
    struct snapshot_extract_order order = order_of("host 10.0.7.1");
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_COMPLETE);
    assert_int_equal(status.packets, PACKETS / 100);
    assert_int_equal(query_bench_count(bench->output), PACKETS / 100);
    assert_false(hidden_is_there(bench));
    struct stat facts;
    assert_int_equal(stat(bench->output, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    assert_int_equal(facts.st_size, status.octets);
    static const char *const texts[] = {
        "user: alice",           "from: ssh 192.0.2.7", "reason: case \"4711\"",
        "filter: host 10.0.7.1", "packets: 200",        "only for those who may",
        "outcome: complete",     "spanflow test",       "tap0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!query_bench_holds(bench->output, texts[i]))
            fail_msg("the output does not say: %s", texts[i]);
    size_t octets;
    uint8_t *data = query_bench_read(bench->output, &octets);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char text[65];
    SHA256(data, octets, digest);
    free(data);
    for (unsigned i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(status.sha256, text);
    char log[300];
    snprintf(log, sizeof log, "%s/queries.log", bench->folder);
    assert_true(query_bench_holds(log, text));
    assert_true(query_bench_holds(log, "\"reason\":\"case \\\"4711\\\"\\u000asecond line\""));
    assert_true(query_bench_holds(log, "\"event\":\"extract-begin\""));
    /* A second time nothing is overwritten. */
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_FAILED);
    assert_non_null(strstr(error.text, "exists already"));
    assert_int_equal(query_bench_count(bench->output), PACKETS / 100);
    unlink(bench->output);
}

static void questions_select(void **state)
{
    static const struct snapshot_tuple tuple = {.family = 4,
                                                .with_address = {true, true},
                                                .address = {{192, 0, 2, 1}, {10, 0, 3, 1}},
                                                .port = {53, 1000},
                                                .protocol = 17};
    static const struct snapshot_tuple no_tuple = {.port = {54, 1000}};
    struct query_bench *bench = *state;
    struct snapshot_job_status status;
    struct error error;
    const struct {
        struct snapshot_question question;
        long packets;
    } rows[] = {{{.flow_id = 5}, PACKETS / 100},
                {{.flow_id = 101}, 0},
                {{.tuple = &tuple}, PACKETS / 100},
                {{.tuple = &no_tuple}, 0},
                {{.tuple = &tuple, .flow_id = 5}, 0},
                {{.from_ns = QUERY_BENCH_START + 1000}, PACKETS - 1},
                {{.from_ns = QUERY_BENCH_START + 5000, .to_ns = QUERY_BENCH_START + 9000}, 5},
                {{.filter = "tcp"}, 0},
                {{.filter = NULL}, PACKETS}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct snapshot_extract_order order = order_of(NULL);
        order.question = rows[i].question;
        assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_COMPLETE);
        assert_int_equal(query_bench_count(bench->output), rows[i].packets);
        assert_int_equal(status.counts.octets_read, status.counts.octets_wanted);
        unlink(bench->output);
    }
}

static bool stop_at_once(void *context, const struct snapshot_job_status *status)
{
    (void)context;
    return status->counts.blocks_read > 0;
}

static void what_does_not_end_well_leaves_nothing(void **state)
{
    struct query_bench *bench = *state;
    const struct snapshot_sources sources = {.directory = bench->folder};
    const struct snapshot_sources nowhere = {.directory = "/nonexistent/ring"};
    struct snapshot_job_status status;
    struct error error;
    struct snapshot_extract_order order = order_of("udp");
    assert_int_equal(snapshot_extract_run(&sources, &order, &settings, NULL, bench->output,
                                          stop_at_once, NULL, &status, &error),
                     SNAPSHOT_JOB_CANCELLED);
    assert_int_equal(snapshot_extract_run(&nowhere, &order, &settings, NULL, bench->output, NULL,
                                          NULL, &status, &error),
                     SNAPSHOT_JOB_FAILED);
    order.reason = "";
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_FAILED);
    order = order_of("host");
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_FAILED);
    assert_non_null(strstr(error.text, "filter 'host'"));
    assert_false(is_there(bench->output));
    assert_false(hidden_is_there(bench));
    order = order_of("udp");
    order.packets_max = 10;
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_LIMITED);
    assert_int_equal(query_bench_count(bench->output), 10);
    assert_true(query_bench_holds(bench->output, "outcome: limited"));
    unlink(bench->output);
    order.packets_max = 0;
    order.octets_max = 1 << 20;
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_LIMITED);
    assert_true(status.octets < (1 << 20) + 4096);
    unlink(bench->output);
}

static void nothing_without_the_log(void **state)
{
    struct query_bench *bench = *state;
    struct snapshot_job_status status;
    struct error error;
    char log[300], aside[310];
    snprintf(log, sizeof log, "%s/queries.log", bench->folder);
    snprintf(aside, sizeof aside, "%s.aside", log);
    struct snapshot_audit *audit = snapshot_audit_open(bench->folder, &error);
    assert_int_equal(rename(log, aside), 0);
    assert_int_equal(mkdir(log, 0700), 0);
    const struct snapshot_sources sources = {.directory = bench->folder};
    const struct snapshot_extract_order order = order_of("udp");
    assert_int_equal(snapshot_extract_run(&sources, &order, &settings, audit, bench->output, NULL,
                                          NULL, &status, &error),
                     SNAPSHOT_JOB_FAILED);
    assert_non_null(strstr(error.text, "audit log"));
    assert_false(is_there(bench->output));
    assert_false(hidden_is_there(bench));
    snapshot_audit_close(audit);
    rmdir(log);
    rename(aside, log);
}

/* Flips one bit in the middle of the ring's first segment. */
static void flip(const struct query_bench *bench, off_t offset)
{
    char command[600], name[600] = "";
    snprintf(command, sizeof command, "ls %s/snapshot-*.pcapng", bench->folder);
    FILE *list = popen(command, "r");
    assert_non_null(fgets(name, sizeof name, list));
    pclose(list);
    name[strcspn(name, "\n")] = 0;
    int file = open(name, O_RDWR);
    uint8_t octet;
    assert_int_equal(pread(file, &octet, 1, offset), 1);
    octet ^= 4;
    assert_int_equal(pwrite(file, &octet, 1, offset), 1);
    close(file);
}

static void damage_is_passed_over_and_told(void **state)
{
    struct query_bench *bench = *state;
    struct snapshot_job_status status;
    struct error error;
    const struct snapshot_extract_order order = order_of("");
    const off_t place = 1 << 20;
    flip(bench, place);
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_COMPLETE);
    assert_int_equal(status.counts.blocks_damaged, 1);
    assert_int_equal(status.counts.blocks_read, status.counts.blocks - 1);
    assert_true(status.packets < PACKETS && status.packets > PACKETS / 2);
    assert_int_equal(query_bench_count(bench->output), status.packets);
    assert_true(query_bench_holds(bench->output, "blocks damaged: 1"));
    assert_true(query_bench_holds(bench->output, "damaged: snapshot-"));
    assert_non_null(strstr(status.text, "checksum"));
    unlink(bench->output);
    flip(bench, place);
    assert_int_equal(extract(bench, &order, &status, &error), SNAPSHOT_JOB_COMPLETE);
    assert_int_equal(status.packets, PACKETS);
    unlink(bench->output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_says_what_it_is),
        cmocka_unit_test(questions_select),
        cmocka_unit_test(what_does_not_end_well_leaves_nothing),
        cmocka_unit_test(nothing_without_the_log),
        cmocka_unit_test(damage_is_passed_over_and_told),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
