/*
 * The line of events for the NETCONF process: in order, bounded, each until it is taken, and those
 * that find no room are counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control_channel.h"
#include "probe_events.h"

static struct probe_events events;
static struct control_channel *channel;
static int peer;

static void open_channel(void)
{
    int pair[2];
    struct error error;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    channel = control_channel_create(pair[0], &error);
    assert_non_null(channel);
    peer = pair[1];
}

static void close_channel(void)
{
    control_channel_destroy(channel);
    channel = NULL;
    close(peer);
    probe_events_again(&events);
}

static void put(unsigned number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    probe_events_put(&events, strdup(text));
}

/* The next event that came over the channel. */
static unsigned come(void)
{
    struct control_header header;
    char body[16] = "";
    control_channel_flush(channel);
    assert_int_equal(recv(peer, &header, sizeof header, MSG_DONTWAIT), sizeof header);
    assert_int_equal(header.type, CONTROL_NOTIFY);
    assert_int_equal(header.id, 0);
    assert_true(header.length < sizeof body);
    assert_int_equal(recv(peer, body, header.length, MSG_DONTWAIT), header.length);
    return (unsigned)strtoul(body, NULL, 10);
}

static void nothing_comes(void)
{
    char octet;
    assert_int_equal(recv(peer, &octet, 1, MSG_DONTWAIT), -1);
}

static void untaken_ones_come_again(void **unused)
{
    (void)unused;
    put(1);
    probe_events_send(&events, NULL); /* nobody is there */
    open_channel();
    put(2);
    put(3);
    probe_events_send(&events, channel);
    probe_events_send(&events, channel);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(come(), i);
    nothing_comes();
    probe_events_taken(&events, 1);
    close_channel();
    open_channel();
    probe_events_taken(&events, 5); /* says one that was sent nothing */
    assert_int_equal(events.count, 2);
    probe_events_send(&events, channel);
    assert_int_equal(come(), 2);
    assert_int_equal(come(), 3);
    probe_events_taken(&events, 7);
    assert_int_equal(events.count, 0);
    close_channel();
    assert_int_equal(events.lost, 0);
    probe_events_clear(&events);
}

static void too_many_are_counted(void **unused)
{
    (void)unused;
    enum { MORE = 7, SENT = 2 };
    for (unsigned i = 0; i < SENT; i++)
        put(i);
    open_channel();
    probe_events_send(&events, channel);
    for (unsigned i = SENT; i < PROBE_EVENTS_MAX + MORE; i++)
        put(i);
    assert_int_equal(events.lost, MORE);
    assert_int_equal(events.count, PROBE_EVENTS_MAX);
    /* What may have been seen is not dropped; of the others the oldest are. */
    for (unsigned i = 0; i < SENT; i++)
        assert_int_equal(come(), i);
    probe_events_taken(&events, SENT);
    while (events.count) {
        static unsigned next = SENT + MORE;
        probe_events_send(&events, channel);
        unsigned had = events.sent;
        for (unsigned i = 0; i < had; i++)
            assert_int_equal(come(), next++);
        probe_events_taken(&events, had);
    }
    /* All sent and none taken: then the new one finds no room. */
    for (unsigned i = 0; i < PROBE_EVENTS_MAX; i++)
        put(i);
    events.sent = events.count;
    put(9999);
    assert_int_equal(events.lost, MORE + 1);
    assert_string_equal(events.bodies[events.count - 1], "1023");
    close_channel();
    probe_events_clear(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untaken_ones_come_again),
        cmocka_unit_test(too_many_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
