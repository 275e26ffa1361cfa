/*
 * The spool of a destination that is away: what goes into it, what comes back, what its bound, a
 * full disk, a killed run and a torn file cost. The transport is a fake, the files are real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_transport.h"
#include "record_builder.h"
#include "spool.h"

static const uint64_t second_ns = 1000000000u;
static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;
enum { TEMPLATE_SET = 2, PLAIN_ID = 14714, RECORD_OCTETS = 59, ROOM = 1 << 24 };

struct bench {
    struct exporting_process_config config;
    struct fake_transport *fake;
    struct record_ring *ring;
    struct exporting_process *process;
    struct spool *spool;
    uint64_t octets_max;
    uint64_t now_ns;
    char folder[64];
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_config(&bench->config);
    bench->config.offline = false;
    bench->config.destinations[0].kind = DESTINATION_TCP;
    bench->octets_max = ROOM;
    bench->ring = fake_ring(1 << 13);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/spanflow-spool.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->now_ns = second_ns;
    *state = bench;
    return 0;
}

/* The Nth file with SUFFIX of the spool; NULL if there are fewer. */
static const char *file_of(const struct bench *bench, const char *suffix, size_t n)
{
    static char path[160];
    char pattern[160];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/*.%s", bench->folder, suffix);
    bool there = glob(pattern, 0, NULL, &found) == 0 && n < found.gl_pathc;
    if (there)
        snprintf(path, sizeof path, "%s", found.gl_pathv[n]);
    globfree(&found);
    return there ? path : NULL;
}

/* As a kill would: nothing is drained. */
static void stop(struct bench *bench)
{
    exporting_process_destroy(bench->process);
    spool_close(bench->spool);
    free(bench->fake);
    bench->process = NULL;
    bench->spool = NULL;
    bench->fake = NULL;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    stop(bench);
    for (const char *path; (path = file_of(bench, "*", 0)) != NULL;)
        unlink(path);
    rmdir(bench->folder);
    record_ring_destroy(bench->ring);
    free(bench);
    return 0;
}

static void start(struct bench *bench)
{
    struct error error = {""};
    bench->spool = spool_open(bench->folder, bench->octets_max, 1, &error);
    assert_string_equal(error.text, "");
    bench->config.spool = bench->spool;
    bench->fake = fake_transport_new();
    bench->fake->with_sessions = true;
    bench->fake->confirms = true;
    bench->process = fake_process(&bench->config, &bench->ring, 1, bench->fake);
}

static void push(struct bench *bench, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(record_push(bench->ring, &flow), 0);
}

static void step(struct bench *bench, uint64_t after_ns)
{
    bench->now_ns += after_ns;
    exporting_process_step(bench->process, bench->now_ns, export_ns, NULL);
}

static struct destination_counters account(const struct bench *bench)
{
    return fake_account(bench->process);
}

/* Data records of the messages from FIRST on, which must be a session: templates, then records
 * numbered from 0. */
static uint32_t records_of_session(const struct bench *bench, uint32_t first)
{
    uint32_t records = 0, octets;
    for (uint32_t i = first; i < bench->fake->message_count; i++) {
        const uint8_t *message = fake_message(bench->fake, i, &octets);
        assert_int_equal(get16(message + 2), octets);
        assert_int_equal(get32(message + 8), records);
        assert_int_equal(get16(message + 16), i == first ? TEMPLATE_SET : PLAIN_ID);
        if (i > first)
            records += (get16(message + 18) - 4) / RECORD_OCTETS;
    }
    return records;
}

/* COUNT records come while nobody is there, and are in the spool at the end. */
static void spool_records(struct bench *bench, uint32_t count)
{
    while (count) {
        uint32_t some = count < 2000 ? count : 2000;
        push(bench, some);
        step(bench, second_ns);
        step(bench, 2 * second_ns);
        count -= some;
    }
    for (unsigned i = 0; i < 10; i++)
        step(bench, 2 * second_ns);
}

static void confirm_all(struct bench *bench, uint32_t *confirmed)
{
    bench->fake->session.confirmed = bench->fake->message_count - *confirmed;
    *confirmed = bench->fake->message_count;
    step(bench, second_ns);
}

static void what_is_spooled_comes_back_once(void **state)
{
    struct bench *bench = *state;
    uint32_t confirmed = 0;
    start(bench);
    spool_records(bench, 1000);
    assert_int_equal(account(bench).spooled, 1000);
    assert_int_equal(account(bench).queued, 0);
    assert_non_null(file_of(bench, "ipfix", 0));
    bench->fake->session.number = 1;
    for (unsigned i = 0; i < 20; i++) {
        step(bench, second_ns);
        confirm_all(bench, &confirmed);
    }
    assert_int_equal(account(bench).sent, 1000);
    assert_int_equal(records_of_session(bench, 0), 2000);
    assert_null(file_of(bench, "*", 0)); /* nothing is left */
}

static void live_records_go_first(void **state)
{
    struct bench *bench = *state;
    bench->config.replay_rate = 100;
    start(bench);
    spool_records(bench, 4000);
    bench->fake->session.number = 1;
    push(bench, 10);
    step(bench, second_ns);
    step(bench, second_ns);
    struct destination_counters d = account(bench);
    /* Half of the fake's messages would be 4000 records; the pace permits a few hundred. */
    assert_true(d.spooled > 3000 && d.spooled < 4000);
    uint32_t confirmed = 0;
    confirm_all(bench, &confirmed);
    assert_true(account(bench).sent >= 10);
}

static void a_short_absence_needs_no_file(void **state)
{
    struct bench *bench = *state;
    start(bench);
    push(bench, 500);
    step(bench, 1);
    step(bench, second_ns / 2);
    assert_int_equal(account(bench).spooled, 0);
    bench->fake->session.number = 1;
    step(bench, 1);
    step(bench, second_ns);
    assert_null(file_of(bench, "*", 0));
}

static void the_oldest_file_makes_room(void **state)
{
    struct bench *bench = *state;
    bench->octets_max = 1 << 18;
    start(bench);
    spool_records(bench, 8000); /* some 950,000 octets */
    struct destination_counters d = account(bench);
    assert_true(d.lost[DESTINATION_LOST_SPOOL_FULL] > 1000);
    assert_true(d.spooled > 1000);
    assert_int_equal(d.lost[DESTINATION_LOST_SPOOL_FULL] + d.spooled, 8000);
    assert_true(d.spool.octets <= d.spool.octets_max);
    uint64_t octets = 0;
    const char *path;
    for (size_t i = 0; (path = file_of(bench, "*", i)) != NULL; i++) {
        struct stat facts;
        assert_int_equal(stat(path, &facts), 0);
        octets += (uint64_t)facts.st_size;
    }
    assert_int_equal(octets, d.spool.octets); /* of which the bound speaks */
}

static void a_session_that_ends_in_the_middle(void **state)
{
    struct bench *bench = *state;
    start(bench);
    spool_records(bench, 1000);
    bench->fake->session.number = 1;
    step(bench, second_ns);
    uint32_t first = bench->fake->message_count;
    assert_true(first > 6);
    /* Templates and a message arrived, two are somewhere, the rest never left. */
    bench->fake->session = (struct transport_session){.confirmed = 2, .vanished = 2};
    step(bench, second_ns);
    struct destination_counters d = account(bench);
    uint64_t lost = d.lost[DESTINATION_LOST_CONNECTION];
    assert_true(d.sent > 0 && lost > d.sent && d.spooled == 1000 - lost - d.sent);
    bench->fake->session.number = 2;
    uint32_t confirmed = first;
    for (unsigned i = 0; i < 20; i++) {
        step(bench, second_ns);
        confirm_all(bench, &confirmed);
    }
    assert_int_equal(account(bench).sent, 1000 - lost);
    assert_int_equal(records_of_session(bench, first), 2 * d.spooled);
}

static void a_killed_run_is_replayed_by_the_next(void **state)
{
    struct bench *bench = *state;
    uint32_t confirmed = 0;
    start(bench);
    spool_records(bench, 1000);
    stop(bench);
    start(bench);
    struct destination_counters d = account(bench);
    assert_int_equal(d.recovered, 1000);
    assert_int_equal(d.recovered_spooled, 1000);
    assert_int_equal(d.records, 0);
    bench->fake->session.number = 1;
    for (unsigned i = 0; i < 20; i++) {
        step(bench, second_ns);
        confirm_all(bench, &confirmed);
    }
    assert_int_equal(account(bench).recovered_sent, 1000);
    assert_int_equal(account(bench).sent, 0);
    assert_int_equal(records_of_session(bench, 0), 2000);
    assert_null(file_of(bench, "*", 0));
}

static void what_had_left_before_a_kill_is_not_sent_twice(void **state)
{
    struct bench *bench = *state;
    start(bench);
    spool_records(bench, 1000);
    bench->fake->session.number = 1;
    bench->fake->take = 4;
    step(bench, second_ns);
    assert_int_equal(bench->fake->message_count, 4);
    stop(bench);
    start(bench);
    struct destination_counters d = account(bench);
    assert_int_equal(d.recovered, 1000);
    assert_true(d.recovered_lost > 0);
}

static void a_torn_end_is_cut(void **state)
{
    struct bench *bench = *state;
    struct stat facts;
    start(bench);
    spool_records(bench, 1000);
    stop(bench);
    assert_int_equal(stat(file_of(bench, "ipfix", 0), &facts), 0);
    assert_int_equal(truncate(file_of(bench, "ipfix", 0), facts.st_size - 1), 0);
    start(bench);
    const char *line = exporting_process_next_problem(bench->process);
    assert_non_null(line);
    assert_non_null(strstr(line, "not written whole"));
    struct destination_counters d = account(bench);
    assert_true(d.recovered < 1000 && d.recovered > 800);
    uint32_t confirmed = 0;
    bench->fake->session.number = 1;
    for (unsigned i = 0; i < 20; i++) {
        step(bench, second_ns);
        confirm_all(bench, &confirmed);
    }
    assert_int_equal(account(bench).recovered_sent, d.recovered);
}

static void a_damaged_file_costs_its_rest(void **state)
{
    struct bench *bench = *state;
    const uint8_t zeros[64] = {0};
    start(bench);
    spool_records(bench, 20000); /* more than the end of a file that is looked at */
    stop(bench);
    int fd = open(file_of(bench, "ipfix", 0), O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 20000), sizeof zeros);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 24576), sizeof zeros);
    for (off_t at = 16384; at < 65536; at += 64)
        assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
    close(fd);
    start(bench);
    uint32_t confirmed = 0;
    bench->fake->session.number = 1;
    for (unsigned i = 0; i < 40; i++) {
        step(bench, second_ns);
        confirm_all(bench, &confirmed);
    }
    struct destination_counters d = account(bench);
    assert_int_equal(d.recovered, 20000);
    assert_true(d.recovered_lost > 0 && d.recovered_sent > 0);
    assert_int_equal(d.recovered_lost + d.recovered_sent, 20000);
}

/* A disk that takes no more, by the bound of this process on the length of files. */
static void permit_octets(rlim_t octets)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = octets == RLIM_INFINITY ? limit.rlim_max : octets;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_counted_and_got_over(void **state)
{
    struct bench *bench = *state;
    signal(SIGXFSZ, SIG_IGN);
    bench->config.queue_octets_max = 1; /* the least there is */
    start(bench);
    permit_octets(30000);
    spool_records(bench, 20000);
    permit_octets(RLIM_INFINITY);
    struct destination_counters d = account(bench);
    assert_true(d.lost[DESTINATION_LOST_SPOOL_FAILED] > 0);
    assert_int_equal(d.lost[DESTINATION_LOST_QUEUE_FULL], 0);
    assert_true(d.spool.failing);
    const char *line = exporting_process_next_problem(bench->process);
    assert_non_null(line);
    assert_non_null(strstr(line, "cannot be written"));
    assert_null(exporting_process_next_problem(bench->process)); /* one line */
    for (unsigned i = 0; i < 10; i++)
        step(bench, 2 * second_ns);
    uint64_t lost = d.lost[DESTINATION_LOST_SPOOL_FAILED];
    spool_records(bench, 1000);
    d = account(bench);
    assert_int_equal(d.lost[DESTINATION_LOST_SPOOL_FAILED], lost);
    assert_false(d.spool.failing);
    assert_int_equal(d.spooled + lost, 21000);
    uint32_t confirmed = 0;
    bench->fake->session.number = 1;
    for (unsigned i = 0; i < 200; i++)
        confirm_all(bench, &confirmed);
    assert_int_equal(account(bench).sent + lost, 21000);
}

static void a_folder_that_is_gone_is_made_again(void **state)
{
    struct bench *bench = *state;
    start(bench);
    spool_records(bench, 1000);
    bench->fake->session.number = 1;
    uint32_t confirmed = 0;
    for (unsigned i = 0; i < 20; i++)
        confirm_all(bench, &confirmed);
    assert_int_equal(rmdir(bench->folder), 0);
    bench->fake->session.number = 0;
    step(bench, second_ns);
    spool_records(bench, 500);
    assert_int_equal(account(bench).spooled, 500);
    assert_non_null(file_of(bench, "ipfix", 0));
}

static void removed_files_are_not_spooled(void **state)
{
    struct bench *bench = *state;
    start(bench);
    spool_records(bench, 1000);
    for (const char *path; (path = file_of(bench, "*", 0)) != NULL;)
        unlink(path);
    step(bench, second_ns);
    assert_int_equal(account(bench).lost[DESTINATION_LOST_SPOOL_FAILED], 1000);
    assert_non_null(strstr(exporting_process_next_problem(bench->process), "files are gone"));
    spool_records(bench, 500);
    assert_int_equal(account(bench).spooled, 500);
    unlink(file_of(bench, "index", 0));
    unlink(file_of(bench, "ipfix", 0));
    assert_int_equal(rmdir(bench->folder), 0);
    exporting_process_abandon(bench->process); /* it is seen at the end, too */
    assert_int_equal(account(bench).spooled, 0);
    assert_int_equal(account(bench).lost[DESTINATION_LOST_SPOOL_FAILED], 1500);
    assert_non_null(strstr(exporting_process_next_problem(bench->process), "folder is gone"));
}

static void the_end_waits_for_nobody(void **state)
{
    struct bench *bench = *state;
    start(bench);
    push(bench, 1000);
    step(bench, 1);
    for (unsigned i = 0; i < 100; i++) {
        bench->now_ns += second_ns / 50;
        if (exporting_process_drain(bench->process, bench->now_ns, export_ns, NULL))
            break;
    }
    assert_int_equal(account(bench).spooled, 1000);
    assert_true(bench->fake->completed);
}

static void cut_short_the_end_spools_what_waits(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->fake->session.number = 1;
    bench->fake->take = 3;
    push(bench, 1000);
    step(bench, second_ns);
    push(bench, 5); /* on the ring */
    exporting_process_abandon(bench->process);
    struct destination_counters d = account(bench);
    assert_true(d.spooled > 0 && d.lost[DESTINATION_LOST_SHUTDOWN] >= 5);
}

static void a_collector_that_takes_nothing(void **state)
{
    struct bench *bench = *state;
    start(bench);
    bench->fake->session.number = 1;
    bench->fake->answer = TRANSPORT_AGAIN;
    bench->fake->take = 0;
    for (unsigned i = 0; i < 20; i++) { /* three times its queue */
        push(bench, 1500);
        step(bench, second_ns);
        step(bench, second_ns);
    }
    struct destination_counters d = account(bench);
    assert_int_equal(d.records, 30000);
    assert_true(d.spooled > 10000 && d.queued > 0);
    assert_int_equal(d.spooled + d.queued, 30000);
    bench->fake->take = UINT64_MAX;
    uint32_t confirmed = 0;
    for (unsigned i = 0; i < 60; i++)
        confirm_all(bench, &confirmed);
    assert_int_equal(account(bench).sent, 30000);
    assert_int_equal(records_of_session(bench, 0), 60000);
}

static void files_are_whole_and_readable(void **state)
{
    struct bench *bench = *state;
    start(bench);
    spool_records(bench, 1000);
    static uint8_t data[1 << 20];
    int fd = open(file_of(bench, "ipfix", 0), O_RDONLY | O_CLOEXEC);
    ssize_t octets = read(fd, data, sizeof data);
    close(fd);
    uint32_t at = 0, records = 0;
    for (; at < octets; at += get16(data + at + 2)) {
        assert_int_equal(get16(data + at), 10);
        assert_int_equal(get32(data + at + 8), records);
        assert_int_equal(get16(data + at + 16), at == 0 ? TEMPLATE_SET : PLAIN_ID);
        if (at > 0) {
            records += (get16(data + at + 18) - 4) / RECORD_OCTETS;
            assert_in_range(get32(data + at + 4), SIMPLE_SECOND, SIMPLE_SECOND + 2); /* as it was */
        }
    }
    assert_int_equal(at, octets);
    assert_int_equal(records, 2000);
}

static void files_of_others_are_left_alone(void **state)
{
    struct bench *bench = *state;
    struct error note = {""};
    start(bench);
    spool_records(bench, 100);
    spool_tell_strangers(bench->spool, &note);
    assert_string_equal(note.text, "");
    stop(bench);
    bench->config.destinations[0].profile = PROFILE_NFDUMP; /* other templates */
    start(bench);
    spool_tell_strangers(bench->spool, &note);
    assert_non_null(strstr(note.text, "1 files"));
    assert_non_null(strstr(note.text, "collector"));
    assert_int_equal(account(bench).recovered, 0);
    assert_non_null(file_of(bench, "ipfix", 0));
}

static void one_folder_one_probe(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    start(bench);
    assert_null(spool_open(bench->folder, ROOM, 1, &error));
    assert_non_null(strstr(error.text, "another spanflowd uses it"));
    assert_null(spool_open("/dev/null/x", ROOM, 1, &error));
    assert_non_null(strstr(error.text, "/dev/null/x: Not a directory"));
}

/* As where a change is prepared and refused. */
static void a_folder_that_was_not_used_is_not_left(void **state)
{
    struct bench *bench = *state;
    struct error error = {""};
    rmdir(bench->folder);
    spool_close(spool_open(bench->folder, ROOM, 1, &error));
    assert_int_not_equal(access(bench->folder, F_OK), 0);
    start(bench);
    stop(bench);
    assert_int_equal(access(bench->folder, F_OK), 0);
}

/* Files of another version are neither read nor written over. */
static void files_of_another_version_are_left_alone(void **state)
{
    struct bench *bench = *state;
    struct error note = {""};
    char data[512];
    struct stat before, after;
    start(bench);
    spool_records(bench, 100);
    stop(bench);
    snprintf(data, sizeof data, "%s", file_of(bench, "ipfix", 0));
    int fd = open(file_of(bench, "index", 0), O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\1", 1, 8), 1);
    close(fd);
    assert_int_equal(stat(data, &before), 0);
    start(bench);
    assert_int_equal(account(bench).recovered, 0);
    spool_tell_strangers(bench->spool, &note);
    assert_non_null(strstr(note.text, "1 files are of another version"));
    spool_records(bench, 300);
    assert_int_equal(account(bench).spooled, 300);
    assert_int_equal(stat(data, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_spooled_comes_back_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(live_records_go_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_absence_needs_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_file_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_that_ends_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_run_is_replayed_by_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_had_left_before_a_kill_is_not_sent_twice, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_torn_end_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_costs_its_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_counted_and_got_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_gone_is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removed_files_are_not_spooled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_waits_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_short_the_end_spools_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_collector_that_takes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_whole_and_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_others_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_folder_one_probe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_was_not_used_is_not_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_another_version_are_left_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
