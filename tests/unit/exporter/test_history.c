/*
 * The flow history: what a destination of it writes is read back as the same flow records, also
 * behind damage and after a kill; its bounds; a destination that persists; records sent again.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/severity.h"
#include "fake_transport.h"
#include "history/history_folder.h"
#include "history/history_reader.h"
#include "history/history_record.h"
#include "history/history_replay.h"
#include "record_builder.h"

enum { START_S = 1790000000, FLOWS = 400 };
static const uint64_t second_ns = 1000000000u;
static const struct history_limits wide = {1ull << 40, 1ull << 32, 0};

struct bench {
    char folder[64];
    struct exporting_process_config config;
    struct record_ring *ring;
    struct exporting_process *process;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    strcpy(bench->folder, "/tmp/spanflow.history.XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    fake_config(&bench->config);
    memset(&bench->config.destinations[0], 0, sizeof bench->config.destinations[0]);
    strcpy(bench->config.destinations[0].name, "history");
    history_describe(bench->folder, &wide, &bench->config.destinations[0]);
    static const struct export_list lists[] = {{7, SEVERITY_HIGH, "bad", "Bad hosts"}};
    static const struct export_brand brands[] = {{99, "Example"}};
    static const struct export_marks marks = {1, 1, lists, brands};
    bench->config.marks = &marks;
    bench->config.destinations[0].lists = true;
    bench->config.destinations[0].brands = true;
    bench->config.interface_count = 3;
    for (uint32_t i = 0; i < 3; i++)
        bench->config.interfaces[i] = (struct export_interface){70000 + i, i == 2 ? 7 : 0, ""};
    bench->ring = fake_ring(1 << 14);
    *state = bench;
    return 0;
}

static void empty(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    exporting_process_destroy(bench->process);
    record_ring_destroy(bench->ring);
    empty(bench->folder);
    free(bench);
    return 0;
}

/* Some are in a list, some have a brand; the first list has a name, another has none. */
static void mark(struct flow_description *flow, uint32_t number)
{
    flow->list = number % 3 == 0 ? 7 + number % 2 : 0;
    bool names = flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP;
    flow->brand = number % 4 == 0 && names ? 99 : 0; /* others have no server with a name */
}

static void push(struct bench *bench, uint32_t first, uint32_t count, uint64_t time_ns)
{
    struct flow_description flow;
    for (uint32_t i = first; i < first + count; i++) {
        record_describe(&flow, i, time_ns);
        mark(&flow, i);
        assert_int_equal(record_push(bench->ring, &flow), 0);
    }
}

/* Writes FLOWS records into one file. */
static void write_history(struct bench *bench)
{
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    push(bench, 0, FLOWS, START_S * second_ns);
    uint64_t export_ns = (START_S + 100) * second_ns;
    for (unsigned i = 0;
         i < 1000 && !exporting_process_drain(bench->process, i + 1, export_ns, NULL); i++)
        ;
    exporting_process_destroy(bench->process);
    bench->process = NULL;
}

static struct history_list list(const struct bench *bench)
{
    struct history_list all;
    struct error error = {""};
    assert_true(history_list_make(bench->folder, 0, UINT32_MAX, &all, &error));
    return all;
}

static struct flow_record record_of(struct history_lines *lines)
{
    unsigned state = flow_state(&lines->hot);
    return (struct flow_record){.hot = &lines->hot,
                                .hot6 = state & FLOW_STATE_IPV6 ? &lines->hot6 : NULL,
                                .cold = &lines->cold,
                                .extra = state & FLOW_STATE_EXTRA ? &lines->extra : NULL};
}

/* What was given to the exporter, less what profile full does not tell. */
static void original(struct history_lines *lines, uint32_t number)
{
    _Alignas(FLOW_LINE) uint8_t element[FLOW_ELEMENT_LINES_MAX * FLOW_LINE];
    struct flow_description flow;
    record_describe(&flow, number, START_S * second_ns);
    mark(&flow, number);
    flow.continued = 0;
    if (flow.direction[0].packets) /* labels of the answer are not told */
        flow.direction[1].label_count = 0;
    record_build(&flow, element);
    memset(lines, 0, sizeof *lines);
    const uint8_t *at = element;
    memcpy(&lines->hot, at, FLOW_LINE);
    unsigned state = flow_state(&lines->hot);
    at += FLOW_LINE;
    if (state & FLOW_STATE_IPV6) {
        memcpy(&lines->hot6, at, FLOW_LINE);
        at += FLOW_LINE;
    }
    memcpy(&lines->cold, at, FLOW_LINE);
    at += FLOW_LINE;
    if (state & FLOW_STATE_EXTRA)
        memcpy(&lines->extra, at, FLOW_LINE);
}

/* Every value of both directions, as profile full and the others would tell them. */
static void expect_same(const struct bench *bench, const struct history_interfaces *interfaces,
                        struct history_lines *was, struct history_lines *is)
{
    struct flow_record before = record_of(was), after = record_of(is);
    struct exporting_process_config *again = malloc(sizeof *again);
    *again = bench->config;
    again->interface_count = interfaces->count;
    memcpy(again->interfaces, interfaces->rows, sizeof again->interfaces);
    struct values_context then, now;
    values_context_init(&then, &bench->config, &bench->config.destinations[0], UINT32_MAX, true);
    values_context_init(&now, again, &again->destinations[0], UINT32_MAX, true);
    for (unsigned side = 0; side < 2; side++) {
        struct record_values a = {0}, b = {0};
        if (!flow_packets(before.hot, before.cold, side))
            continue;
        record_values_fill(&a, &then, &before, side);
        record_values_fill(&b, &now, &after, side);
        if (!flow_packets(before.hot, before.cold, side ^ 1u)) {
            /* what stands there of an answer that never came means nothing */
            size_t from = offsetof(struct record_values, reverse_tos);
            memset((uint8_t *)&a + from, 0, offsetof(struct record_values, start_uptime) - from);
            memset((uint8_t *)&b + from, 0, offsetof(struct record_values, start_uptime) - from);
            from = offsetof(struct record_values, reverse_ingress);
            size_t to = offsetof(struct record_values, source_prefix_length);
            memset((uint8_t *)&a + from, 0, to - from);
            memset((uint8_t *)&b + from, 0, to - from);
        }
        assert_memory_equal(&a, &b, sizeof a);
    }
    free(again);
}

static void test_records_come_back(void **state)
{
    struct bench *bench = *state;
    write_history(bench);
    struct history_list all = list(bench);
    assert_int_equal(all.count, 1);
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bench->folder, all.files[0].name);
    struct error error = {""};
    struct history_interfaces *interfaces = calloc(1, sizeof *interfaces);
    for (unsigned turn = 0; turn < 2; turn++) { /* first the interfaces, as a replay does */
        struct history_reader *reader = history_reader_open(path, &error);
        struct history_record record;
        uint32_t number = 0;
        while (history_reader_next(reader, &record, &error) == HISTORY_RECORD) {
            struct history_lines was, is;
            history_note_interfaces(interfaces, &record);
            history_restore(&record, interfaces, &is);
            original(&was, number++);
            if (turn == 1)
                expect_same(bench, interfaces, &was, &is);
            assert_int_equal(record.export_s, START_S + 100);
        }
        assert_string_equal(error.text, "");
        assert_int_equal(number, FLOWS);
        assert_int_equal(history_reader_octets(reader), all.files[0].octets);
        history_reader_close(reader);
    }
    assert_true(interfaces->count > 0);
    free(interfaces);
    history_list_free(&all);
}

/* A record with NAMES, behind one without. */
static void push_named(struct bench *bench, const uint8_t *names, uint32_t octets)
{
    _Alignas(FLOW_LINE) uint8_t lines[FLOW_ELEMENT_LINES_MAX * FLOW_LINE] = {0};
    struct flow_extra extra = {.name_octets = (uint16_t)octets};
    struct flow_description flow;
    record_describe(&flow, 0, START_S * second_ns);
    flow.protocol = 6;
    flow.direction[0].label_count = flow.direction[1].label_count = 0;
    assert_int_equal(record_push(bench->ring, &flow), 0);
    unsigned count = record_build(&flow, lines);
    ((struct flow_hot *)(void *)lines)->flags_state |= (uint32_t)FLOW_STATE_EXTRA << 24;
    memcpy(lines + (size_t)count * FLOW_LINE, &extra, FLOW_LINE);
    memcpy(lines + (size_t)(count + 1) * FLOW_LINE, names, octets);
    count += 1 + flow_name_lines(octets);
    void *room = record_ring_reserve(bench->ring, count);
    assert_non_null(room);
    memcpy(room, lines, (size_t)count * FLOW_LINE);
    record_ring_publish(bench->ring);
}

static void test_names_come_back(void **state)
{
    struct bench *bench = *state;
    uint8_t names[2 + 255 + 2 + 4 + 2 + 3] = {NAME_TLS_SERVER_NAME, 255};
    memset(names + 2, 'n', 255);
    memcpy(names + 257, (const uint8_t[]){NAME_HTTP_METHOD, 4, 'P', 'O', 'S', 'T'}, 6);
    memcpy(names + 263, (const uint8_t[]){NAME_HTTP_STATUS, 3, '4', '0', '4'}, 5);
    bench->config.destinations[0].names = UINT32_MAX;
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    push_named(bench, names, sizeof names);
    for (unsigned i = 0; i < 1000; i++)
        if (exporting_process_drain(bench->process, i + 1, (START_S + 100) * second_ns, NULL))
            break;
    exporting_process_destroy(bench->process);
    bench->process = NULL;
    struct history_list all = list(bench);
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bench->folder, all.files[0].name);
    struct error error = {""};
    struct history_reader *reader = history_reader_open(path, &error);
    struct history_record record;
    struct history_interfaces *interfaces = calloc(1, sizeof *interfaces);
    unsigned records = 0, named = 0;
    for (; history_reader_next(reader, &record, &error) == HISTORY_RECORD; records++) {
        struct history_lines lines;
        history_restore(&record, interfaces, &lines);
        if (!lines.extra.name_octets)
            continue;
        assert_int_equal(lines.extra.name_octets, sizeof names);
        assert_memory_equal(lines.names, names, sizeof names);
        assert_true(flow_state(&lines.hot) & FLOW_STATE_EXTRA);
        /* What is to be hashed now does not leave as it is. */
        struct flow_names now = {1u << NAME_HTTP_METHOD, 1u << NAME_TLS_SERVER_NAME};
        history_keep_names(&lines, &now);
        assert_int_equal(lines.extra.name_octets, 6);
        assert_memory_equal(lines.names, names + 257, 6);
        memcpy(lines.names,
               "\0\020"
               "0123456789abcdef",
               18);
        lines.extra.name_octets = 18;
        history_keep_names(&lines, &now);
        assert_int_equal(lines.extra.name_octets, 18);
        named++;
    }
    assert_string_equal(error.text, "");
    assert_int_equal(named * 2, records);
    assert_true(named >= 1);
    free(interfaces);
    history_reader_close(reader);
    history_list_free(&all);
}

/* Any octet may be wrong: the reader ends, and what it tells are at most all records. */
static void test_damage_is_told(void **state)
{
    struct bench *bench = *state;
    write_history(bench);
    struct history_list all = list(bench);
    char path[256];
    snprintf(path, sizeof path, "%s/%s", bench->folder, all.files[0].name);
    int file = open(path, O_RDWR);
    unsigned told = 0;
    for (uint64_t at = 0; at < all.files[0].octets; at += 1 + at / 40) {
        uint8_t octet, wrong;
        assert_int_equal(pread(file, &octet, 1, (off_t)at), 1);
        wrong = (uint8_t)~octet;
        assert_int_equal(pwrite(file, &wrong, 1, (off_t)at), 1);
        struct error error = {""};
        struct history_reader *reader = history_reader_open(path, &error);
        struct history_record record;
        enum history_next next;
        uint32_t count = 0;
        while ((next = history_reader_next(reader, &record, &error)) == HISTORY_RECORD)
            count++;
        told += next == HISTORY_DAMAGED;
        assert_true(count <= 4 * FLOWS);
        history_reader_close(reader);
        assert_int_equal(pwrite(file, &octet, 1, (off_t)at), 1);
    }
    assert_true(told > 10);
    close(file);
    history_list_free(&all);
}

static void test_a_killed_run_is_completed(void **state)
{
    struct bench *bench = *state;
    write_history(bench);
    struct history_list all = list(bench);
    char path[256], part[256];
    snprintf(path, sizeof path, "%s/%s", bench->folder, all.files[0].name);
    snprintf(part, sizeof part, "%s/" HISTORY_FILE ".1.part", bench->folder);
    assert_int_equal(rename(path, part), 0);
    int file = open(part, O_WRONLY | O_APPEND);
    assert_int_equal(write(file, "\0\12\1\0torn", 8), 8);
    close(file);
    struct error note = {""}, error = {""};
    struct history_folder *folder =
        history_folder_open(bench->folder, (uint32_t)-1, false, &note, &error);
    assert_non_null(folder);
    assert_non_null(strstr(note.text, "was killed"));
    struct history_list after = list(bench);
    assert_int_equal(after.count, 1);
    assert_false(after.files[0].open);
    assert_int_equal(after.octets, all.octets); /* without what was torn */
    assert_int_equal(after.files[0].first_s, START_S + 100);
    history_folder_close(folder);
    history_list_free(&all);
    history_list_free(&after);
}

static void make_file(const struct bench *bench, uint32_t first_s, uint32_t last_s, off_t octets)
{
    char path[256], stamp[64];
    time_t seconds = (time_t)first_s;
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&seconds, &utc));
    snprintf(path, sizeof path, "%s/history-%s-000001.ipfix", bench->folder, stamp);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, octets), 0);
    const struct timespec times[2] = {{.tv_sec = last_s}, {.tv_sec = last_s}};
    assert_int_equal(futimens(file, times), 0);
    close(file);
}

static void test_bounds_are_kept(void **state)
{
    struct bench *bench = *state;
    for (uint32_t hour = 0; hour < 10; hour++)
        make_file(bench, START_S + hour * 3600, START_S + hour * 3600 + 3599, 1000);
    struct error note = {""}, error = {""};
    struct history_folder *folder =
        history_folder_open(bench->folder, (uint32_t)-1, false, &note, &error);
    struct history_limits limits = {.octets_max = 1 << 20, .age_max_s = 1 << 30};
    struct history_report report;
    uint64_t now_s = START_S + 36000;
    history_folder_keep(folder, &limits, now_s);
    history_folder_tell(folder, &report);
    assert_int_equal(report.files, 10);
    assert_int_equal(report.octets, 10000);
    assert_int_equal(report.oldest_s, START_S);
    limits.age_max_s = 7 * 3600; /* the newest record of hour 2 is 7 h and a second old */
    history_folder_keep(folder, &limits, now_s += 10);
    history_folder_tell(folder, &report);
    assert_int_equal(report.removed_old, 3);
    assert_int_equal(report.removed_full, 0);
    assert_int_equal(report.oldest_s, START_S + 3 * 3600);
    assert_false(report.is_short);
    limits.octets_max = 5500;
    limits.age_wanted_s = 7 * 3600;
    history_folder_keep(folder, &limits, now_s += 10);
    history_folder_tell(folder, &report);
    assert_int_equal(report.removed_full, 2);
    assert_int_equal(report.octets, 5000);
    assert_true(report.is_short);
    assert_true(report.octets_wanted > 6500 && report.octets_wanted < 7500);
    assert_string_equal(report.fault, "");
    struct history_list some; /* only what the time asks for */
    assert_true(history_list_make(bench->folder, START_S + 6 * 3600 + 60, START_S + 7 * 3600 + 60,
                                  &some, &error));
    assert_int_equal(some.count, 2);
    history_list_free(&some);
    history_folder_close(folder);
}

/* The folder goes while records come: what is lost is counted, and it is written again later. */
static void test_a_lost_folder_comes_back(void **state)
{
    struct bench *bench = *state;
    struct error note = {""}, error = {""};
    bench->config.offline = false;
    struct history_folder *folder =
        history_folder_open(bench->folder, (uint32_t)-1, false, &note, &error);
    bench->process = fake_process(&bench->config, &bench->ring, 1, NULL);
    uint64_t now_ns = second_ns, export_ns = START_S * second_ns;
    static struct exporter_counters counters;
    const struct destination_counters *row = &counters.destination[0];
    uint64_t lost = 0, told = 0;
    for (unsigned second = 0; second < 30; second++) {
        push(bench, second * 10, 10, START_S * second_ns);
        if (second == 5)
            empty(bench->folder);
        if (second == 15)
            history_folder_keep(folder, &wide, START_S + second);
        for (unsigned step = 0; step < 4;
             step++, now_ns += second_ns / 4, export_ns += second_ns / 4)
            exporting_process_step(bench->process, now_ns, export_ns, NULL);
        for (const char *line; (line = exporting_process_next_problem(bench->process));)
            told++;
        exporting_process_counters(bench->process, &counters);
        if (second == 14)
            lost = row->lost[DESTINATION_LOST_WRITE_FAILED];
    }
    assert_true(lost >= 50);
    assert_int_equal(told, 2); /* that it failed, and that it is written again */
    assert_false(exporting_process_failed(bench->process));
    for (unsigned i = 0;
         i < 100 && !exporting_process_drain(bench->process, now_ns, export_ns, NULL); i++)
        now_ns += second_ns;
    exporting_process_counters(bench->process, &counters);
    assert_int_equal(row->records, 300);
    assert_int_equal(row->sent + row->lost[DESTINATION_LOST_WRITE_FAILED], 300);
    exporting_process_destroy(bench->process);
    bench->process = NULL;
    struct history_list all = list(bench);
    assert_true(all.count >= 1);
    uint32_t found = 0;
    for (uint32_t i = 0; i < all.count; i++) { /* each file is complete in itself */
        char path[256];
        snprintf(path, sizeof path, "%s/%s", bench->folder, all.files[i].name);
        struct history_reader *reader = history_reader_open(path, &error);
        struct history_record record;
        while (history_reader_next(reader, &record, &error) == HISTORY_RECORD)
            found++;
        history_reader_close(reader);
    }
    assert_true(found >= 90);
    history_list_free(&all);
    history_folder_close(folder);
}

/* Waits for the end of REPLAY. */
static struct history_replay_report outcome(struct history_replay *replay)
{
    struct history_replay_report report;
    assert_non_null(replay);
    do {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        history_replay_tell(replay, &report);
    } while (report.phase == REPLAY_READING || report.phase == REPLAY_SENDING);
    return report;
}

/* A collector gets the records of the time asked for, in the domain given. */
static void test_records_are_sent_again(void **state)
{
    struct bench *bench = *state;
    write_history(bench);
    int collector = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t octets = sizeof address;
    assert_int_equal(bind(collector, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(collector, (struct sockaddr *)&address, &octets), 0);
    static struct history_replay_config config;
    snprintf(config.directory, sizeof config.directory, "%s", bench->folder);
    config.from_s = START_S;
    config.to_s = START_S + 1000;
    config.queue_octets_max = 1 << 20;
    config.template_refresh_s = 60;
    struct destination_config *to = &config.destination;
    strcpy(to->name, "again");
    to->kind = DESTINATION_UDP;
    strcpy(to->host, "127.0.0.1");
    to->port = ntohs(address.sin_port);
    to->version = 10;
    to->profile = PROFILE_PLAIN;
    to->domain = 4711;
    to->mtu = 1400;
    struct error error = {""};
    struct history_replay *replay = history_replay_start(&config, &error);
    struct history_replay_report report = outcome(replay);
    assert_int_equal(report.phase, REPLAY_DONE);
    assert_int_equal(report.found, FLOWS);
    assert_int_equal(report.records, FLOWS);
    assert_int_equal(report.sent, FLOWS);
    assert_int_equal(report.lost, 0);
    assert_string_equal(report.problem, "");
    uint8_t message[2048];
    unsigned messages = 0;
    for (ssize_t got; (got = recv(collector, message, sizeof message, MSG_DONTWAIT)) > 0;) {
        assert_int_equal(get16(message), 10);
        assert_int_equal((uint32_t)get16(message + 12) << 16 | get16(message + 14), 4711);
        messages++;
    }
    assert_true(messages > FLOWS / 30);
    history_replay_destroy(replay);
    config.from_s = START_S + 200; /* nothing was exported then */
    replay = history_replay_start(&config, &error);
    report = outcome(replay);
    assert_int_equal(report.phase, REPLAY_DONE);
    assert_int_equal(report.found, 0);
    history_replay_destroy(replay);
    to->kind = DESTINATION_FILE;
    assert_null(history_replay_start(&config, &error));
    assert_non_null(strstr(error.text, "collectors only"));
    close(collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_killed_run_is_completed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_lost_folder_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_records_are_sent_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
