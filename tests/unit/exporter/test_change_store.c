/*
 * Changes of destinations that keep something on disk: files, spools, the state of UDP; and two
 * exporting processes in one program. See test_change.c.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "change_bench.h"
#include "export_state.h"
#include "spool.h"

static char folder[64];
static uint32_t served[BENCH_FAKES]; /* messages of each that are confirmed */

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/spanflow-change-XXXXXX");
    assert_non_null(mkdtemp(folder));
    memset(served, 0, sizeof served);
    return change_bench_set_up(state);
}

static int remove_folder(const char *path)
{
    DIR *open = opendir(path);
    if (!open)
        return 0;
    for (const struct dirent *entry; (entry = readdir(open)) != NULL;)
        unlinkat(dirfd(open), entry->d_name, 0);
    closedir(open);
    return rmdir(path);
}

static int tear_down(void **state)
{
    struct change_bench *bench = *state;
    struct spool *spool = bench->config.spool;
    struct export_state *kept = bench->config.state;
    change_bench_tear_down(state);
    spool_close(spool);
    export_state_close(kept);
    char second[80];
    snprintf(second, sizeof second, "%s/b", folder);
    remove_folder(second);
    return remove_folder(folder);
}

/* ---- files ---- */

static void as_file(struct destination_config *d, enum destination_kind kind, const char *name)
{
    memset(d->host, 0, sizeof d->host);
    d->kind = kind;
    d->port = 0;
    snprintf(d->path, sizeof d->path, "%s/%s", folder, name);
}

static uint32_t count_lines(const char *name)
{
    char path[128], line[65536];
    uint32_t lines = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        lines += strchr(line, '\n') && line[0] == '{';
    fclose(file);
    return lines;
}

static void a_file_goes_on_in_place(void **state)
{
    struct change_bench *bench = *state;
    struct destination_config *d = bench->config.destinations;
    as_file(&d[0], DESTINATION_JSON, "a.json");
    as_file(&d[1], DESTINATION_FILE, "b.ipfix");
    bench->real = true;
    bench->config.destination_count = 2;
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    change_bench_push(bench, 20);
    d[0].biflow = d[1].biflow = true;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 20);
    struct exporting_process_config good = bench->config;
    d[1].checksum = true; /* that would be another kind of file */
    assert_false(change_bench_change(bench));
    bench->config = good;
    snprintf(d[0].name, sizeof d[0].name, "another name"); /* of the same file */
    assert_false(change_bench_change(bench));
    bench->config = good;
    as_file(&d[0], DESTINATION_JSON, "c.json");
    as_file(&d[1], DESTINATION_FILE, "d.ipfix");
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 5);
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 45);
    assert_int_equal(change_bench_row(bench, 1).sent, 45);
    while (!exporting_process_drain(bench->process, bench->now_ns, 1, NULL))
        continue;
    char path[128];
    snprintf(path, sizeof path, "%s/b.ipfix", folder);
    assert_int_equal(access(path, F_OK), 0); /* complete: it has its name */
    assert_int_equal(count_lines("a.json"), 40 + 20);
    assert_int_equal(count_lines("c.json"), 5);
}

/* ---- spools ---- */

static void with_spool(struct change_bench *bench)
{
    struct error error = {""};
    bench->config.spool = spool_open(folder, 1 << 24, 2, &error);
    assert_non_null(bench->config.spool);
    change_bench_sessions(bench, 1);
    change_bench_push(bench, 300);
    change_bench_pass(bench, 3);
    assert_int_equal(change_bench_row(bench, 0).spooled, 300);
}

/* FAKE has a session for so many seconds, and confirms messages as they come. */
static void serve(struct change_bench *bench, uint32_t fake, unsigned seconds)
{
    bench->fakes[fake]->session.number = 1;
    for (unsigned i = 0; i < seconds; i++) {
        bench->fakes[fake]->session.confirmed = bench->fakes[fake]->message_count - served[fake];
        served[fake] = bench->fakes[fake]->message_count;
        change_bench_pass(bench, 1);
    }
}

static void another_host_gets_the_spool(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    bench->config.destinations[0].port = 10;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 10);
    serve(bench, 2, 5);
    assert_int_equal(change_bench_row(bench, 0).sent, 310);
    assert_int_equal(change_bench_read(bench, 2).flows, 620);
}

/* The same templates in another kind of session: the successor takes over. */
static void a_successor_gets_the_spool(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    bench->config.statistics_interval_s = 1000;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 10);
    serve(bench, 2, 5);
    assert_int_equal(change_bench_row(bench, 0).sent, 310);
    assert_int_equal(change_bench_read(bench, 2).flows, 620);
    exporting_process_tidy(bench->process);
    assert_true(bench->fakes[0]->closed);
}

/* With other templates the predecessor goes on until its files are sent. */
static void a_predecessor_sends_its_spool(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    bench->config.destinations[0].biflow = true;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 10);
    serve(bench, 2, 20);
    assert_int_equal(change_bench_row(bench, 0).spooled, 300);
    serve(bench, 0, 5);
    assert_int_equal(change_bench_row(bench, 0).sent, 310);
    exporting_process_tidy(bench->process);
    assert_true(bench->fakes[0]->closed);
}

/* What a removed one had stays in its files, and is sent when it comes back. */
static void a_spool_outlives_a_removal(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    change_bench_push(bench, 20);
    bench->config.destination_count = 0;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 12);
    assert_int_equal(change_bench_row(bench, 0).spooled, 320);
    bench->config.destination_count = 1;
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 5);
    serve(bench, 2, 5);
    assert_int_equal(change_bench_row(bench, 0).sent, 325);
    assert_int_equal(change_bench_read(bench, 2).flows, 650);
}

/* ---- another spool ---- */

/* The bench goes on with the spool in PATH, NULL: none. The one before is left at once. */
static void go_over(struct change_bench *bench, const char *path)
{
    struct error error = {""};
    struct spool *before = bench->config.spool;
    assert_true(!path || !before || !spool_is_in(before, path));
    bench->config.spool = path ? spool_open(path, 1 << 24, 2, &error) : NULL;
    assert_true(!path || bench->config.spool);
    assert_true(change_bench_change(bench));
    if (before)
        assert_true(spool_is_left(before));
    spool_close(before);
}

static const char *second_folder(void)
{
    static char path[80];
    snprintf(path, sizeof path, "%s/b", folder);
    return path;
}

/* What is in the files stays there and in the account; what comes goes into the others; and what
 * was left is sent when the folder is the spool again, as that of an earlier run. */
static void files_stay_in_their_folder(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    go_over(bench, second_folder());
    change_bench_push(bench, 20);
    change_bench_pass(bench, 3);
    struct destination_counters row = change_bench_row(bench, 0);
    assert_int_equal(row.spooled, 320);
    assert_int_equal(row.spool.records, 20);
    serve(bench, 0, 5);
    row = change_bench_row(bench, 0);
    assert_int_equal(row.sent, 20);
    assert_int_equal(row.spooled, 300);
    assert_int_equal(row.recovered, 0);
    go_over(bench, folder);
    serve(bench, 0, 5);
    row = change_bench_row(bench, 0);
    assert_int_equal(row.spooled, 300); /* as they were left */
    assert_int_equal(row.recovered, 300);
    assert_int_equal(row.recovered_sent, 300);
    assert_int_equal(change_bench_read(bench, 0).flows, 640);
    assert_int_equal(change_bench_read(bench, 0).gaps, 0);
}

/* In the middle of a replay: what is on its way is not sent from the files again, the rest is in
 * them. RECOVERED: an earlier run wrote them. */
static void leave_in_the_middle(struct change_bench *bench, bool recovered, const char *path)
{
    with_spool(bench);
    if (recovered) {
        go_over(bench, second_folder());
        go_over(bench, folder);
    }
    bench->fakes[0]->session.number = 1;
    bench->fakes[0]->take = 4; /* the templates and three of them */
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_pass(bench, 1);
    struct destination_counters row = change_bench_row(bench, 0);
    uint64_t files = recovered ? row.recovered_spooled : row.spooled;
    uint64_t queued = recovered ? row.recovered_queued : row.queued;
    assert_true(queued > 0 && files + queued == 300);
    go_over(bench, path);
    row = change_bench_row(bench, 0);
    uint64_t left = recovered ? row.recovered_spooled : row.spooled;
    assert_true(left > files && left < 300);
    bench->fakes[0]->take = UINT64_MAX;
    serve(bench, 0, 5);
    row = change_bench_row(bench, 0);
    assert_int_equal(recovered ? row.recovered_sent : row.sent, 300 - left);
    assert_int_equal(recovered ? row.recovered_spooled : row.spooled, left);
    assert_int_equal(row.recovered, recovered ? 300 : 0);
    assert_int_equal(row.recovered, row.recovered_sent + row.recovered_queued +
                                        row.recovered_spooled + row.recovered_lost);
    assert_int_equal(change_bench_read(bench, 0).flows, 2 * (300 - left));
    if (path)
        return;
    go_over(bench, folder); /* the others are whole there */
    serve(bench, 0, 5);
    row = change_bench_row(bench, 0);
    assert_int_equal(row.recovered_sent, recovered ? 300 : left);
    assert_int_equal(change_bench_read(bench, 0).flows, 600);
}

static void a_replay_ends_cleanly(void **state)
{
    leave_in_the_middle(*state, false, NULL);
}

static void a_replay_of_an_earlier_run_ends_cleanly(void **state)
{
    leave_in_the_middle(*state, true, NULL);
}

static void a_replay_goes_on_elsewhere(void **state)
{
    leave_in_the_middle(*state, true, second_folder());
}

/* The session ends while what was read from the files before is on its way. */
static void what_is_on_its_way_is_kept(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    go_over(bench, second_folder());
    go_over(bench, folder); /* so that it is of an earlier run */
    bench->fakes[0]->session.number = 1;
    bench->fakes[0]->take = 3;
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_pass(bench, 1);
    go_over(bench, second_folder());
    bench->fakes[0]->session.number = 0;
    change_bench_pass(bench, 3);
    struct destination_counters row = change_bench_row(bench, 0);
    assert_int_equal(row.recovered, 300);
    assert_int_equal(row.recovered, row.recovered_sent + row.recovered_queued +
                                        row.recovered_spooled + row.recovered_lost);
}

/* Those that leave: one that was removed and has nothing but files, and a predecessor that would
 * send its files first. */
static void who_leaves_does_not_hold_a_spool(void **state)
{
    struct change_bench *bench = *state;
    with_spool(bench);
    bench->config.destinations[0].biflow = true; /* its templates differ */
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 20);
    change_bench_pass(bench, 3);
    assert_int_equal(change_bench_row(bench, 0).spooled, 320);
    struct spool *before = bench->config.spool;
    struct error error = {""};
    bench->config.spool = spool_open(second_folder(), 1 << 24, 2, &error);
    bench->config.destination_count = 0;
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 12);
    exporting_process_tidy(bench->process);
    assert_true(spool_is_left(before));
    spool_close(before);
    assert_int_equal(change_bench_row(bench, 0).spooled, 320);
    go_over(bench, NULL);
    assert_int_equal(change_bench_row(bench, 0).spooled, 320);
}

/* What a killed run had offered is lost for the run that uses the files, not for one that only
 * looked at them. */
static void who_only_looks_changes_no_file(void **state)
{
    struct change_bench *bench = *state;
    struct error error = {""};
    with_spool(bench);
    bench->fakes[0]->session.number = 1;
    bench->fakes[0]->take = 4;
    bench->fakes[0]->answer = TRANSPORT_AGAIN;
    change_bench_pass(bench, 1);
    exporting_process_destroy(bench->process); /* as if it had been killed */
    spool_close(bench->config.spool);
    bench->config.spool = NULL;
    change_bench_start(bench, 1);
    for (unsigned i = 0; i < 2; i++) {
        bench->config.spool = spool_open(folder, 1 << 24, 2, &error);
        struct exporting_process_change *change =
            exporting_process_prepare_change(bench->process, &bench->config, &error);
        assert_non_null(change);
        exporting_process_cancel_change(change);
        spool_close(bench->config.spool);
        bench->config.spool = NULL;
    }
    go_over(bench, folder);
    struct destination_counters row = change_bench_row(bench, 0);
    assert_int_equal(row.recovered, 300);
    assert_true(row.recovered_lost > 0);
    assert_int_equal(row.recovered_spooled, 300 - row.recovered_lost);
}

/* ---- state ---- */

static void numbers_of_a_collector_go_on(void **state)
{
    struct change_bench *bench = *state;
    struct error note = {""}, error = {""};
    bench->config.state = export_state_open(folder, &note, &error);
    assert_non_null(bench->config.state);
    bench->config.destinations[0].rate_set = bench->config.destinations[1].rate_set = true;
    change_bench_start(bench, 1);
    change_bench_push(bench, 30);
    change_bench_pass(bench, 2);
    bench->config.destination_count = 0; /* it goes ... */
    assert_true(change_bench_change(bench));
    change_bench_pass(bench, 1);
    bench->config.destination_count = 1; /* ... and comes back */
    assert_true(change_bench_change(bench));
    change_bench_push(bench, 10);
    change_bench_pass(bench, 2);
    assert_int_equal(change_bench_read(bench, 0).flows, 60);
    assert_int_equal(change_bench_read(bench, 2).first_sequence, 60);
    assert_int_equal(change_bench_read(bench, 2).flows, 20);
}

/* ---- two processes ---- */

static void two_processes_do_not_meet(void **state)
{
    struct change_bench *bench = *state, *other;
    struct error note = {""}, error = {""};
    change_bench_set_up((void **)&other);
    bench->config.state = export_state_open(folder, &note, &error);
    assert_non_null(bench->config.state);
    for (unsigned i = 0; i < 2; i++) /* in one state, by collector and domain */
        other->config.destinations[i].domain += 10;
    other->config.state = bench->config.state;
    change_bench_start(bench, 2);
    change_bench_start(other, 2);
    for (unsigned round = 0; round < 5; round++) {
        change_bench_push(bench, 10);
        change_bench_push(other, 3);
        bench->config.destinations[round % 2].biflow ^= true;
        other->config.destination_count = 1 + round % 2;
        assert_true(change_bench_change(bench));
        assert_true(round == 2 || change_bench_change(other));
    }
    change_bench_pass(bench, 2);
    change_bench_pass(other, 2);
    assert_int_equal(change_bench_row(bench, 0).sent, 50);
    assert_int_equal(change_bench_row(other, 0).sent, 15);
    assert_int_equal(change_bench_read(bench, 0).gaps, 0);
    assert_int_equal(change_bench_read(other, 0).gaps, 0);
    assert_int_equal(change_bench_read(other, 0).flows, 30);
    change_bench_tear_down((void **)&other);
}

int main(void)
{
#define CHANGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CHANGE_TEST(a_file_goes_on_in_place),
        CHANGE_TEST(another_host_gets_the_spool),
        CHANGE_TEST(a_successor_gets_the_spool),
        CHANGE_TEST(a_predecessor_sends_its_spool),
        CHANGE_TEST(a_spool_outlives_a_removal),
        CHANGE_TEST(numbers_of_a_collector_go_on),
        CHANGE_TEST(two_processes_do_not_meet),
        CHANGE_TEST(files_stay_in_their_folder),
        CHANGE_TEST(a_replay_ends_cleanly),
        CHANGE_TEST(a_replay_of_an_earlier_run_ends_cleanly),
        CHANGE_TEST(a_replay_goes_on_elsewhere),
        CHANGE_TEST(what_is_on_its_way_is_kept),
        CHANGE_TEST(who_leaves_does_not_hold_a_spool),
        CHANGE_TEST(who_only_looks_changes_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
