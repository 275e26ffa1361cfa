/*
 * The state file: rows come back after it was opened again, the oldest row makes room, a
 * destination goes on with its kept numbers, and messages that were not handed over leave no gap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export_state.h"
#include "fake_transport.h"
#include "record_builder.h"

struct folder {
    char path[64];
};

static int set_up(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    strcpy(folder->path, "/tmp/spanflow.state.XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static void remove_folder(const struct folder *folder)
{
    char name[128];
    snprintf(name, sizeof name, "%s/exporter.state", folder->path);
    unlink(name);
    assert_int_equal(rmdir(folder->path), 0); /* nothing else was left */
}

static int tear_down(void **state)
{
    struct folder *folder = *state;
    remove_folder(folder);
    free(folder);
    return 0;
}

static struct export_state *open_state(const struct folder *folder)
{
    struct error note = {""}, error = {""};
    struct export_state *state = export_state_open(folder->path, &note, &error);
    assert_string_equal(error.text, "");
    assert_string_equal(note.text, "");
    assert_non_null(state);
    return state;
}

static void describe(struct destination_config *to, unsigned number)
{
    memset(to, 0, sizeof *to);
    snprintf(to->host, sizeof to->host, "192.0.2.%u", number);
    to->port = 4739;
    to->version = 10;
    to->domain = 1;
}

static void rows_come_back(void **test)
{
    struct destination_config to;
    struct export_state *state = open_state(*test);
    for (unsigned i = 0; i < 3; i++) {
        describe(&to, i);
        struct state_destination *row = export_state_destination(state, &to);
        assert_int_equal(state_value(row->sequence), 0);
        state_destination_keep(row, 100 + i);
        state_put(&row->source_port, 4000 + i);
    }
    export_state_keep_interface(state, "eth1", 7);
    export_state_keep_interface(state, "eth1", 8);
    export_state_close(state);
    state = open_state(*test);
    for (unsigned i = 0; i < 3; i++) {
        describe(&to, i);
        struct state_destination *row = export_state_destination(state, &to);
        assert_int_equal(state_value(row->sequence), 100 + i);
        assert_int_equal(state_value(row->source_port), 4000 + i);
    }
    to.domain = 2; /* another stream */
    assert_int_equal(state_value(export_state_destination(state, &to)->sequence), 0);
    assert_int_equal(export_state_interface(state, "eth1"), 8);
    assert_int_equal(export_state_interface(state, "eth2"), 0);
    export_state_close(state);
}

static void the_oldest_row_makes_room(void **test)
{
    struct destination_config to;
    for (unsigned i = 0; i < 70; i++) {
        struct export_state *state = open_state(*test);
        describe(&to, i);
        state_destination_keep(export_state_destination(state, &to), 1000 + i);
        describe(&to, 0); /* used in every run */
        assert_int_equal(state_value(export_state_destination(state, &to)->sequence), 1000);
        export_state_close(state);
    }
    struct export_state *state = open_state(*test);
    for (unsigned i = 69; i >= 7; i--) {
        describe(&to, i);
        assert_int_equal(state_value(export_state_destination(state, &to)->sequence), 1000 + i);
    }
    describe(&to, 1);
    assert_int_equal(state_value(export_state_destination(state, &to)->sequence), 0);
    export_state_close(state);
}

/* Octets of a file with one destination and one interface in use: their rows, and the header. */
enum { FILE_OCTETS = 64 + 64 * 512 + 256 * 72, INTERFACES_AT = 64 + 64 * 512 };

static void write_file(const struct folder *folder, const uint8_t *data, size_t octets)
{
    char name[128];
    snprintf(name, sizeof name, "%s/exporter.state", folder->path);
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, octets, file), octets);
    assert_int_equal(fclose(file), 0);
}

/* Opens a file of OCTETS; whether it was set aside as damaged, with one line. Takes away what was
 * set aside. */
static bool is_set_aside(const struct folder *folder, const uint8_t *data, size_t octets)
{
    struct error note = {""}, error = {""};
    char name[192];
    write_file(folder, data, octets);
    struct export_state *state = export_state_open(folder->path, &note, &error);
    assert_non_null(state);
    export_state_close(state);
    const char *aside = strstr(note.text, "set aside as ");
    if (!aside)
        return false;
    assert_non_null(strstr(note.text, "exporter.state: it is damaged"));
    aside += strlen("set aside as ");
    snprintf(name, sizeof name, "%s/%.*s", folder->path, (int)strcspn(aside, ";"), aside);
    assert_int_equal(unlink(name), 0);
    return true;
}

static void damage_is_found(void **test)
{
    static uint8_t data[FILE_OCTETS + 1];
    const struct folder *folder = *test;
    struct destination_config to;
    char name[128];
    describe(&to, 1);
    struct export_state *state = open_state(folder);
    struct state_destination *row = export_state_destination(state, &to);
    state_destination_keep(row, 77);
    state_put(&row->boot_s, 1700000000);
    export_state_keep_interface(state, "eth1", 7);
    export_state_close(state);
    snprintf(name, sizeof name, "%s/exporter.state", folder->path);
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, sizeof data, file), FILE_OCTETS);
    fclose(file);
    assert_false(is_set_aside(folder, data, FILE_OCTETS));
    assert_true(is_set_aside(folder, data, FILE_OCTETS + 1));
    assert_true(is_set_aside(folder, data, FILE_OCTETS - 1));
    for (size_t at = 12; at < INTERFACES_AT + 72; at++) {
        if (at == 64 + 512) /* free rows hold nothing that could be damaged */
            at = INTERFACES_AT;
        data[at] ^= 1u << at % 8;
        if (!is_set_aside(folder, data, FILE_OCTETS))
            fail_msg("damage at octet %zu was not seen", at);
        data[at] ^= 1u << at % 8;
    }
    /* Killed while a row was filled: it is free, whatever it holds. */
    memset(data + 64 + 512 - 8, 0, 8);
    data[64] ^= 1;
    assert_false(is_set_aside(folder, data, FILE_OCTETS));
    state = open_state(folder);
    assert_int_equal(state_value(export_state_destination(state, &to)->sequence), 0);
    assert_int_equal(export_state_interface(state, "eth1"), 7);
    export_state_close(state);
}

static void one_probe_has_it(void **test)
{
    const struct folder *folder = *test;
    struct error note = {""}, error = {""};
    struct export_state *state = open_state(folder);
    assert_null(export_state_open(folder->path, &note, &error));
    assert_non_null(strstr(error.text, "another spanflowd uses it"));
    export_state_close(state);
}

/* One run of VERSION that pushes COUNT records of which the transport takes TAKE messages; returns
 * the sequence number of its first message. It ends as if it had been killed. */
static uint32_t run(const struct folder *folder, unsigned version, uint32_t count, uint64_t take,
                    uint32_t *messages)
{
    struct exporting_process_config config;
    struct fake_transport *fake = fake_transport_new();
    struct record_ring *ring = fake_ring(1 << 14);
    struct flow_description flow;
    fake_config(&config);
    config.offline = false;
    config.destinations[0].version = version;
    if (version == 5)
        config.destinations[0].profile = PROFILE_V5;
    config.state = open_state(folder);
    fake->take = take;
    fake->answer = TRANSPORT_AGAIN;
    struct exporting_process *process = fake_process(&config, &ring, 1, fake);
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(record_push(ring, &flow), 0);
    exporting_process_step(process, 1, SIMPLE_SECOND * 1000000000ull, NULL);
    assert_true(fake->message_count > 0);
    *messages = fake->message_count;
    uint32_t octets;
    uint32_t at = version == 5 ? 16 : version == 9 ? 12 : 8;
    uint32_t sequence = get32(fake_message(fake, 0, &octets) + at);
    exporting_process_destroy(process);
    export_state_close(config.state);
    record_ring_destroy(ring);
    free(fake);
    return sequence;
}

static void what_was_not_sent_is_no_gap(void **test)
{
    uint32_t first, second;
    assert_int_equal(run(*test, 9, 600, 5, &first), 0);
    assert_int_equal(first, 5);
    assert_int_equal(run(*test, 9, 600, 17, &second), 5);
    assert_int_equal(second, 17);
    assert_int_equal(run(*test, 9, 600, 1, &first), 22);
    /* IPFIX counts records, and is another stream. */
    assert_int_equal(run(*test, 10, 600, 1, &first), 0);
    assert_int_equal(run(*test, 10, 600, 2, &first), 0); /* the first message had only templates */
    uint32_t sequence = run(*test, 10, 600, 1, &first);
    assert_true(sequence > 10 && sequence < 60);
    /* NetFlow v5 counts records too, and has no templates: 28 in each of five messages. */
    assert_int_equal(run(*test, 5, 600, 5, &first), 0);
    assert_int_equal(run(*test, 5, 600, 1, &first), 140);
}

/* The row of the destination that run() has, with another number. */
static void keep(const struct folder *folder, unsigned version, uint32_t sequence)
{
    struct exporting_process_config config;
    struct export_state *state = open_state(folder);
    fake_config(&config);
    config.destinations[0].version = version;
    state_destination_keep(export_state_destination(state, &config.destinations[0]), sequence);
    export_state_close(state);
}

static void numbers_pass_2_to_32(void **test)
{
    uint32_t messages;
    keep(*test, 9, UINT32_MAX - 4);
    assert_int_equal(run(*test, 9, 600, 7, &messages), UINT32_MAX - 4);
    assert_int_equal(run(*test, 9, 600, 1, &messages), 2);
    keep(*test, 5, UINT32_MAX - 111);
    assert_int_equal(run(*test, 5, 600, 5, &messages), UINT32_MAX - 111);
    assert_int_equal(run(*test, 5, 600, 1, &messages), 28);
    keep(*test, 10, UINT32_MAX - 9);
    assert_int_equal(run(*test, 10, 600, 2, &messages), UINT32_MAX - 9);
    uint32_t sequence = run(*test, 10, 600, 1, &messages);
    assert_true(sequence > 0 && sequence < 60);
}

/* ---- another folder ---- */

static void put_row(struct export_state *state, unsigned number, uint32_t sequence)
{
    struct destination_config to;
    describe(&to, number);
    state_destination_keep(export_state_destination(state, &to), sequence);
}

static uint32_t sequence_of(struct export_state *state, unsigned number)
{
    struct destination_config to;
    describe(&to, number);
    return state_value(export_state_destination(state, &to)->sequence);
}

static void what_runs_is_right_elsewhere(void **test)
{
    const struct folder *folder = *test;
    struct error error = {""};
    struct folder other = {""};
    snprintf(other.path, sizeof other.path, "%.40s/other", folder->path);
    struct export_state *found = export_state_prepare(NULL, other.path, &error);
    put_row(found, 1, 11); /* both have it */
    put_row(found, 2, 22);
    export_state_keep_interface(found, "eth1", 7);
    export_state_keep_interface(found, "eth2", 8);
    assert_true(export_state_settle(found));
    export_state_close(found);
    struct export_state *state = open_state(folder);
    assert_true(export_state_is_in(state, folder->path));
    assert_false(export_state_is_in(state, other.path));
    put_row(state, 1, 111);
    put_row(state, 3, 333);
    export_state_keep_interface(state, "eth1", 70);
    struct export_state *next = export_state_prepare(state, other.path, &error);
    assert_non_null(next);
    export_state_close(next); /* it was not wanted: the folder is as it was */
    found = open_state(&other);
    assert_int_equal(sequence_of(found, 1), 11);
    assert_int_equal(export_state_interface(found, "eth1"), 7);
    export_state_close(found);
    next = export_state_prepare(state, other.path, &error);
    export_state_close(state);
    assert_true(export_state_settle(next));
    export_state_close(next);
    found = open_state(&other);
    assert_int_equal(sequence_of(found, 1), 111);
    assert_int_equal(sequence_of(found, 2), 22);
    assert_int_equal(sequence_of(found, 3), 333);
    assert_int_equal(export_state_interface(found, "eth1"), 70);
    assert_int_equal(export_state_interface(found, "eth2"), 8);
    export_state_close(found);
    remove_folder(&other);
}

/* Rows of what runs stay if there are too many of both. */
static void what_was_found_makes_room(void **test)
{
    const struct folder *folder = *test;
    struct error error = {""};
    struct folder other = {""};
    snprintf(other.path, sizeof other.path, "%.40s/other", folder->path);
    struct export_state *found = export_state_prepare(NULL, other.path, &error);
    for (unsigned i = 100; i < 164; i++)
        put_row(found, i, i);
    assert_true(export_state_settle(found));
    export_state_close(found);
    struct export_state *state = open_state(folder);
    for (unsigned i = 0; i < 60; i++)
        put_row(state, i, 1000 + i);
    struct export_state *next = export_state_prepare(state, other.path, &error);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(sequence_of(next, i), 1000 + i);
    assert_true(export_state_settle(next));
    export_state_close(next);
    export_state_close(state);
    remove_folder(&other);
}

static void damage_elsewhere_is_refused(void **test)
{
    const struct folder *folder = *test;
    struct error error = {""};
    uint8_t damaged[100] = {'S', 'P', 'F', 'S', 'T', 'A', 'T', 'E', 2}, after[sizeof damaged];
    char name[128];
    write_file(folder, damaged, sizeof damaged);
    assert_null(export_state_prepare(NULL, folder->path, &error));
    assert_non_null(strstr(error.text, "it is damaged: move it away"));
    damaged[8] = 77;
    write_file(folder, damaged, sizeof damaged);
    assert_null(export_state_prepare(NULL, folder->path, &error));
    assert_non_null(strstr(error.text, "version 77"));
    snprintf(name, sizeof name, "%s/exporter.state", folder->path);
    FILE *file = fopen(name, "rb");
    assert_int_equal(fread(after, 1, sizeof after, file), sizeof after);
    fclose(file);
    assert_memory_equal(damaged, after, sizeof after);
    assert_int_equal(unlink(name), 0);
    struct export_state *state = open_state(folder);
    assert_null(export_state_prepare(NULL, folder->path, &error));
    assert_non_null(strstr(error.text, "another spanflowd uses it"));
    export_state_close(state);
}

/* A folder that was made for nothing goes again. */
static void it_leaves_no_trace(void **test)
{
    const struct folder *folder = *test;
    struct error error = {""};
    char name[128];
    snprintf(name, sizeof name, "%s/made", folder->path);
    struct export_state *next = export_state_prepare(NULL, name, &error);
    assert_non_null(next);
    assert_int_equal(access(name, F_OK), 0);
    export_state_close(next);
    assert_int_not_equal(access(name, F_OK), 0);
}

#define STATE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STATE_TEST(rows_come_back),
        STATE_TEST(the_oldest_row_makes_room),
        STATE_TEST(one_probe_has_it),
        STATE_TEST(what_was_not_sent_is_no_gap),
        STATE_TEST(numbers_pass_2_to_32),
        STATE_TEST(damage_is_found),
        STATE_TEST(what_runs_is_right_elsewhere),
        STATE_TEST(what_was_found_makes_room),
        STATE_TEST(damage_elsewhere_is_refused),
        STATE_TEST(it_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
