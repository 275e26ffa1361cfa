/*
 * The TCP transport on loopback under a virtual clock: a collector that reads slowly, dies and
 * comes back, is not there for ever so long, and what the stream and the account hold after each.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_transport.h"
#include "record_builder.h"

static const uint64_t export_ns = SIMPLE_SECOND * 1000000000ull;
static const uint64_t tick_ns = 20000000;
enum { RECORD_OCTETS = 59, STREAM_OCTETS_MAX = 16 << 20 };

struct scene {
    int listener, collector;
    uint16_t port;
    struct record_ring *ring;
    struct exporting_process *process;
    uint64_t now_ns;
    uint8_t *stream;
    size_t octets; /* of the present connection */
};

static int listen_on(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    const int on = 1, small = 4096;
    address.sin_port = htons(*port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int set_up(void **state)
{
    static struct exporting_process_config config;
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->stream = malloc(STREAM_OCTETS_MAX);
    assert_non_null(scene->stream);
    scene->listener = listen_on(&scene->port);
    scene->collector = -1;
    scene->ring = fake_ring(1 << 14);
    fake_config(&config);
    config.offline = false;
    config.queue_octets_max = 16 << 20;
    config.destinations[0].kind = DESTINATION_TCP;
    config.destinations[0].port = scene->port;
    scene->process = fake_process(&config, &scene->ring, 1, NULL);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    exporting_process_destroy(scene->process);
    record_ring_destroy(scene->ring);
    if (scene->listener >= 0)
        close(scene->listener);
    if (scene->collector >= 0)
        close(scene->collector);
    free(scene->stream);
    free(scene);
    return 0;
}

static void push(struct scene *scene, uint32_t count)
{
    struct flow_description flow;
    describe_simple(&flow);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(record_push(scene->ring, &flow), 0);
}

static struct destination_counters account(const struct scene *scene)
{
    return fake_account(scene->process);
}

static void step(struct scene *scene)
{
    scene->now_ns += tick_ns;
    exporting_process_step(scene->process, scene->now_ns, export_ns, NULL);
}

/* Lets the collector take the connection, if there is one, and read at most OCTETS. */
static void collect(struct scene *scene, size_t octets)
{
    if (scene->collector < 0) {
        scene->collector = accept4(scene->listener, NULL, NULL, SOCK_NONBLOCK);
        scene->octets = 0;
        if (scene->collector < 0)
            return;
    }
    while (octets) {
        assert_true(scene->octets + octets <= STREAM_OCTETS_MAX);
        ssize_t got = recv(scene->collector, scene->stream + scene->octets, octets, 0);
        if (got <= 0)
            return;
        scene->octets += (size_t)got;
        octets -= (size_t)got;
    }
}

/* Data records of the whole messages read on this connection; what is cut off at the end may be
 * there only if CUT. */
static uint32_t records_read(const struct scene *scene, bool cut)
{
    uint32_t records = 0;
    size_t at = 0;
    while (scene->octets - at >= 16) {
        const uint8_t *message = scene->stream + at;
        uint32_t octets = get16(message + 2);
        assert_int_equal(get16(message), 10);
        assert_true(octets >= 20);
        if (at + octets > scene->octets)
            break;
        assert_int_equal(get32(message + 8), records);
        assert_int_equal(get16(message + 16) == 2, at == 0); /* templates first, and once */
        if (get16(message + 16) >= 256)
            records += (get16(message + 18) - 4) / RECORD_OCTETS;
        at += octets;
    }
    assert_true(cut || at == scene->octets);
    return records;
}

static void finish(struct scene *scene)
{
    for (unsigned i = 0; i < 100000; i++) {
        scene->now_ns += tick_ns / 20;
        if (exporting_process_drain(scene->process, scene->now_ns, export_ns, NULL))
            break;
        collect(scene, 1 << 20);
    }
    for (unsigned i = 0; i < 10; i++)
        collect(scene, 1 << 20);
}

static void a_slow_reader_gets_whole_messages(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < 100; i++) {
        push(scene, 800);
        step(scene);
        collect(scene, 777);
    }
    assert_true(account(scene).queued > 0 && account(scene).connection.full > 0);
    finish(scene);
    assert_int_equal(account(scene).sent, 80000);
    assert_int_equal(records_read(scene, false), 160000);
    assert_false(exporting_process_failed(scene->process));
    uint8_t octet;
    assert_int_equal(recv(scene->collector, &octet, 1, 0), 0); /* closed in order */
}

/* The collector dies with RESET or without, having read little of much. */
static void check_death(struct scene *scene, bool reset)
{
    for (unsigned i = 0; i < 60; i++) { /* more than socket buffers hold */
        push(scene, 800);
        step(scene);
        collect(scene, 5000);
    }
    uint32_t before = records_read(scene, true);
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(scene->collector, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(scene->collector);
    scene->collector = -1;
    assert_true(account(scene).queued > 5000);
    for (unsigned i = 0; i < 200; i++) /* more than the pause before it connects again */
        step(scene);
    finish(scene);
    struct destination_counters d = account(scene);
    uint32_t after = records_read(scene, false);
    assert_int_equal(d.connection.connects, 2);
    assert_int_equal(d.connection.disconnects, 1);
    assert_int_equal(d.queued, 0);
    assert_int_equal(d.sent + d.lost[DESTINATION_LOST_CONNECTION], 48000);
    /* What had not left came with the second connection, whole and once. What is counted lost is no
     * more than the socket buffers of the dead connection held. */
    assert_true(d.connection.full > 0 && after > 60000);
    assert_true(before / 2 + after / 2 <= 48000);
    assert_true(d.sent >= after / 2);
    assert_true(d.lost[DESTINATION_LOST_CONNECTION] < 1000);
    assert_false(exporting_process_failed(scene->process));
}

static void a_collector_that_closes_is_connected_again(void **state)
{
    check_death(*state, false);
}

static void a_collector_that_resets_is_connected_again(void **state)
{
    check_death(*state, true);
}

/* What is counted lost at a stop cut short does not arrive later from the kernel's buffers. */
static void what_is_given_up_stays_here(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < 60; i++) {
        push(scene, 800);
        step(scene);
        collect(scene, 5000);
    }
    assert_true(account(scene).queued > 20000);
    exporting_process_abandon(scene->process);
    for (unsigned i = 0; i < 1000; i++)
        collect(scene, 1 << 20);
    struct destination_counters d = account(scene);
    assert_int_equal(d.sent + d.lost[DESTINATION_LOST_SHUTDOWN], 48000);
    assert_true(d.lost[DESTINATION_LOST_SHUTDOWN] > 20000);
    assert_in_range(records_read(scene, true) / 2, 1, d.sent + 500);
}

static void ten_thousand_refusals_are_few_lines(void **state)
{
    struct scene *scene = *state;
    close(scene->listener);
    scene->listener = -1;
    push(scene, 10);
    uint64_t lines = 0, steps = 0;
    while (account(scene).connection.refusals < 10000) {
        scene->now_ns += 500 * tick_ns; /* ten seconds */
        exporting_process_step(scene->process, scene->now_ns, export_ns, NULL);
        while (exporting_process_next_problem(scene->process))
            lines++;
        assert_true(++steps < 100000);
    }
    struct destination_counters d = account(scene);
    assert_int_equal(d.queued, 10);
    assert_int_equal(d.connection.connect_failures, d.connection.refusals);
    assert_int_equal(d.connection.connects, 0);
    assert_string_equal(d.connection.last_error, "Connection refused");
    /* Pauses have grown to a minute, and there is no more than a line in each. */
    assert_true(scene->now_ns / 1000000000u >= 10000 * 60 - 600);
    assert_true(lines > 1 && lines <= scene->now_ns / 60000000000u + 1);
    scene->listener = listen_on(&scene->port);
    finish(scene);
    assert_int_equal(account(scene).sent, 10);
    assert_int_equal(records_read(scene, false), 20);
    assert_non_null(strstr(exporting_process_next_problem(scene->process), "connected"));
}

static void pauses_grow_from_one_second(void **state)
{
    struct scene *scene = *state;
    close(scene->listener);
    scene->listener = -1;
    uint64_t seen = 0, last_ns = 0, expected_s = 0;
    for (unsigned i = 0; i < 9; i++) {
        while (account(scene).connection.connect_attempts == seen)
            step(scene);
        seen = account(scene).connection.connect_attempts;
        uint64_t pause_ns = scene->now_ns - last_ns;
        if (i > 0)
            assert_in_range(pause_ns, expected_s * 1000000000u,
                            expected_s * 1000000000u + 100000000);
        last_ns = scene->now_ns;
        expected_s = expected_s ? 2 * expected_s : 1;
        expected_s = expected_s > 60 ? 60 : expected_s;
    }
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct exporting_process_config config;
    struct error error = {""};
    struct record_ring *ring = fake_ring(1024);
    fake_config(&config);
    config.destinations[0].kind = DESTINATION_TCP;
    strcpy(config.destinations[0].host, "collector.invalid.");
    assert_null(exporting_process_create(&config, &ring, 1, &error));
    assert_non_null(strstr(error.text, "tcp://collector.invalid.:9"));
    strcpy(config.destinations[0].host, "127.0.0.1");
    strcpy(config.destinations[0].source_address, "192.0.2.77");
    assert_null(exporting_process_create(&config, &ring, 1, &error));
    assert_non_null(strstr(error.text, "source=192.0.2.77"));
    config.destinations[0].source_address[0] = 0;
    config.destinations[0].kind = DESTINATION_TLS;
    strcpy(config.destinations[0].authority, "/nonexistent");
    assert_null(exporting_process_create(&config, &ring, 1, &error));
    assert_non_null(strstr(error.text, "ca=/nonexistent"));
    assert_non_null(strstr(error.text, "No such file"));
    record_ring_destroy(ring);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_slow_reader_gets_whole_messages),
        SCENE_TEST(a_collector_that_closes_is_connected_again),
        SCENE_TEST(a_collector_that_resets_is_connected_again),
        SCENE_TEST(what_is_given_up_stays_here),
        SCENE_TEST(ten_thousand_refusals_are_few_lines),
        SCENE_TEST(pauses_grow_from_one_second),
        cmocka_unit_test(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
