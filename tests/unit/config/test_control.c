/*
 * The control channel, both sides over a socket pair: frames whole and torn, rules broken by the
 * peer, a peer that is gone or does not read, answers in another order than the questions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control_client.h"
#include "control/control_refusal.h"

static struct control_channel *open_channel(int *peer)
{
    int pair[2];
    struct error error = {""};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct control_channel *channel = control_channel_create(pair[0], &error);
    assert_non_null(channel);
    *peer = pair[1];
    return channel;
}

static void put(int fd, const void *octets, size_t size)
{
    assert_int_equal(send(fd, octets, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void put_header(int fd, uint32_t length, unsigned type, unsigned flags, uint32_t id)
{
    struct control_header header = {length, (uint16_t)type, (uint16_t)flags, id};
    put(fd, &header, sizeof header);
}

/* ---- the daemon's side ---- */

static void a_torn_frame_is_put_together(void **state)
{
    (void)state;
    int peer;
    struct control_channel *channel = open_channel(&peer);
    struct control_frame frame;
    struct error error = {""};
    struct {
        struct control_header header;
        char body[9];
    } wire = {{9, CONTROL_APPLY, CONTROL_TEST, 77}, "{\"a\":12} "};
    for (size_t i = 0; i < 21; i++) {
        assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_NOTHING);
        put(peer, (char *)&wire + i, 1);
    }
    assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_FRAME);
    assert_int_equal(frame.type, CONTROL_APPLY);
    assert_int_equal(frame.flags, CONTROL_TEST);
    assert_int_equal(frame.id, 77);
    assert_int_equal(frame.length, 9);
    assert_string_equal(frame.body, "{\"a\":12} ");
    control_frame_clear(&frame);
    put_header(peer, 0, CONTROL_STATE, 0, 1);
    put_header(peer, 0, CONTROL_STATE, 0, 2);
    for (uint32_t id = 1; id <= 2; id++) {
        assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_FRAME);
        assert_int_equal(frame.id, id);
        assert_string_equal(frame.body, "");
        control_frame_clear(&frame);
    }
    close(peer);
    control_channel_destroy(channel);
}

/* Sends a header and a body and expects the end of the channel, told by a line with WORD. */
static void expect_end(uint32_t length, unsigned type, unsigned flags, const char *body,
                       size_t size, const char *word)
{
    int peer;
    struct control_channel *channel = open_channel(&peer);
    struct control_frame frame;
    struct error error = {""};
    put_header(peer, length, type, flags, 1);
    put(peer, body, size);
    close(peer);
    assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_GONE);
    if (!strstr(error.text, word))
        fail_msg("\"%s\" lacks \"%s\"", error.text, word);
    control_channel_destroy(channel);
}

static void broken_rules_end_the_channel(void **state)
{
    (void)state;
    expect_end(CONTROL_BODY_MAX + 1, CONTROL_RPC, 0, "", 0, "octets");
    expect_end(UINT32_MAX, CONTROL_RPC, 0, "", 0, "octets");
    expect_end(2, 0, 0, "{}", 2, "type 0");
    expect_end(2, CONTROL_TYPE_END, 0, "{}", 2, "type");
    expect_end(2, 0xffff, 0, "{}", 2, "type 65535");
    expect_end(2, CONTROL_HELLO, 0, "{}", 2, "never sends");
    expect_end(2, CONTROL_OK, 0, "{}", 2, "never sends");
    expect_end(2, CONTROL_RPC, CONTROL_TEST, "{}", 2, "flags");
    expect_end(2, CONTROL_APPLY, 2, "{}", 2, "flags");
    expect_end(3, CONTROL_RPC, 0, "{\0}", 3, "zero byte");
    expect_end(5, CONTROL_RPC, 0, "{}", 2, "inside a frame");
}

/* 60 MiB are promised and 100 octets come: no more than a first piece is taken for them. */
static void a_promise_takes_no_memory(void **state)
{
    (void)state;
    int peer;
    struct control_channel *channel = open_channel(&peer);
    struct control_frame frame;
    struct error error = {""};
    char some[100];
    memset(some, ' ', sizeof some);
    put_header(peer, 60u << 20, CONTROL_APPLY, 0, 1);
    put(peer, some, sizeof some);
    assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_NOTHING);
    close(peer);
    assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_GONE);
    control_channel_destroy(channel);
}

static void *write_large(void *argument)
{
    int fd = *(int *)argument;
    size_t size = CONTROL_BODY_MAX;
    char *body = malloc(size);
    memset(body, 'x', size);
    struct control_header header = {(uint32_t)size, CONTROL_APPLY, 0, 9};
    put(fd, &header, sizeof header);
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(fd, body + done, size - done, MSG_NOSIGNAL);
        if (sent < 0)
            break;
        done += (size_t)sent;
    }
    free(body);
    return NULL;
}

static void the_largest_frame_comes_whole(void **state)
{
    (void)state;
    int peer;
    struct control_channel *channel = open_channel(&peer);
    struct control_frame frame;
    struct error error = {""};
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_large, &peer), 0);
    enum control_receive result;
    while ((result = control_channel_receive(channel, &frame, &error)) == CONTROL_RECEIVE_NOTHING) {
        struct pollfd ready = {control_channel_fd(channel), control_channel_events(channel), 0};
        assert_int_equal(poll(&ready, 1, 60000), 1);
    }
    pthread_join(writer, NULL);
    assert_int_equal(result, CONTROL_RECEIVE_FRAME);
    assert_int_equal(frame.length, CONTROL_BODY_MAX);
    assert_int_equal(frame.body[CONTROL_BODY_MAX - 1], 'x');
    control_frame_clear(&frame);
    close(peer);
    control_channel_destroy(channel);
}

static void a_peer_that_does_not_read_is_bounded(void **state)
{
    (void)state;
    int peer;
    struct control_channel *channel = open_channel(&peer);
    size_t size = 1u << 20;
    char *body = calloc(1, size);
    unsigned notified = 0, answered = 0;
    while (control_channel_send(channel, CONTROL_NOTIFY, 0, body, size))
        notified++;
    assert_in_range(notified, 4, 8);
    while (control_channel_send(channel, CONTROL_OK, 1, body, size))
        answered++;
    assert_in_range(answered, 32, 128);
    assert_int_equal(control_channel_events(channel) & POLLOUT, POLLOUT);
    assert_false(control_channel_send(channel, CONTROL_OK, 1, body, CONTROL_BODY_MAX + 1u));
    close(peer);
    control_channel_flush(channel); /* to nobody: no signal */
    struct control_frame frame;
    struct error error = {""};
    assert_int_equal(control_channel_receive(channel, &frame, &error), CONTROL_RECEIVE_GONE);
    control_channel_destroy(channel);
    free(body);
}

/* ---- both sides ---- */

/* A daemon of one thread: answers request by request as its script says. */
struct daemon {
    struct control_channel *channel;
    unsigned requests; /* to take before it answers them, the newest first */
    pthread_t thread;
};

static void serve(struct control_channel *channel, struct control_frame *frames, unsigned count)
{
    unsigned have = 0;
    struct error error = {""};
    while (have < count) {
        struct pollfd ready = {control_channel_fd(channel), POLLIN, 0};
        poll(&ready, 1, 10000);
        enum control_receive result = control_channel_receive(channel, &frames[have], &error);
        have += result == CONTROL_RECEIVE_FRAME;
        if (result == CONTROL_RECEIVE_GONE)
            break;
    }
    while (have-- > 0) {
        bool refused = frames[have].flags & CONTROL_TEST;
        control_channel_send(channel, refused ? CONTROL_ERROR : CONTROL_OK, frames[have].id,
                             frames[have].body, frames[have].length);
        control_frame_clear(&frames[have]);
    }
}

static void *run_daemon(void *argument)
{
    struct daemon *daemon = argument;
    struct control_frame frames[16];
    serve(daemon->channel, frames, daemon->requests);
    return NULL;
}

static _Atomic unsigned notified, gone;

static void count_notify(void *context, const char *json, size_t length)
{
    (void)context;
    atomic_fetch_add(&notified, strlen(json) == length);
}

static void count_gone(void *context, const char *why)
{
    (void)context;
    atomic_fetch_add(&gone, why[0] != 0);
}

static struct control_client *start(struct daemon *daemon, unsigned requests)
{
    static const struct control_client_events events = {NULL, count_notify, count_gone};
    int peer;
    struct error error = {""};
    notified = gone = 0;
    *daemon = (struct daemon){.channel = open_channel(&peer), .requests = requests};
    assert_true(control_channel_send(daemon->channel, CONTROL_HELLO, 0, "{\"v\":1}", 7));
    struct control_client *client = control_client_create(peer, &events, 10000, &error);
    assert_non_null(client);
    assert_string_equal(control_client_hello(client), "{\"v\":1}");
    assert_int_equal(pthread_create(&daemon->thread, NULL, run_daemon, daemon), 0);
    return client;
}

struct caller {
    struct control_client *client;
    uint16_t flags;
    char text[8];
    pthread_t thread;
};

static void *call(void *argument)
{
    struct caller *caller = argument;
    char *answer = NULL;
    enum control_answer result =
        control_client_call(caller->client, CONTROL_APPLY, caller->flags, caller->text,
                            strlen(caller->text), 10000, &answer);
    bool good = result == (caller->flags ? CONTROL_ANSWER_REFUSED : CONTROL_ANSWER_OK) && answer &&
                strcmp(answer, caller->text) == 0;
    free(answer);
    return good ? caller : NULL;
}

static void answers_find_their_callers(void **state)
{
    (void)state;
    struct daemon daemon;
    struct control_client *client = start(&daemon, 8);
    struct caller callers[8];
    for (unsigned i = 0; i < 8; i++) {
        callers[i] = (struct caller){.client = client, .flags = i % 2};
        snprintf(callers[i].text, sizeof callers[i].text, "[%u]", i);
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        void *good;
        pthread_join(callers[i].thread, &good);
        assert_non_null(good);
    }
    pthread_join(daemon.thread, NULL);
    control_client_destroy(client);
    control_channel_destroy(daemon.channel);
    assert_int_equal(gone, 0);
}

static void late_and_gone_are_told(void **state)
{
    (void)state;
    struct daemon daemon;
    struct control_client *client = start(&daemon, 2); /* it answers the first with the second */
    char *answer = NULL;
    assert_int_equal(control_client_call(client, CONTROL_RPC, 0, "{}", 2, 1, &answer),
                     CONTROL_ANSWER_LATE);
    assert_null(answer);
    assert_int_equal(control_client_call(client, CONTROL_RPC, 0, "{}", 2, 10000, &answer),
                     CONTROL_ANSWER_OK);
    assert_string_equal(answer, "{}");
    free(answer);
    pthread_join(daemon.thread, NULL);
    assert_true(control_channel_send(daemon.channel, CONTROL_NOTIFY, 0, "{\"n\":1}", 7));
    control_channel_destroy(daemon.channel);
    assert_int_equal(control_client_call(client, CONTROL_RPC, 0, "{}", 2, 10000, &answer),
                     CONTROL_ANSWER_GONE);
    for (unsigned i = 0; i < 10000 && !atomic_load(&gone); i++)
        poll(NULL, 0, 1); /* the reader tells it, which may be later than the answer */
    control_client_destroy(client);
    assert_int_equal(notified, 1);
    assert_int_equal(gone, 1);
}

static void a_daemon_without_a_hello_is_none(void **state)
{
    (void)state;
    static const struct control_client_events events = {NULL, NULL, NULL};
    struct error error = {""};
    int peer;
    struct control_channel *channel = open_channel(&peer);
    assert_null(control_client_create(peer, &events, 1, &error));
    assert_non_null(strstr(error.text, "said nothing"));
    control_channel_destroy(channel);
    channel = open_channel(&peer);
    control_channel_send(channel, CONTROL_OK, 0, "", 0);
    assert_null(control_client_create(peer, &events, 10000, &error));
    assert_non_null(strstr(error.text, "no hello"));
    control_channel_destroy(channel);
}

/* ---- refusals ---- */

static void refusals_come_as_they_go(void **state)
{
    (void)state;
    struct control_refusal sent, read;
    control_refusal_set(&sent, "invalid-value", "/spanflow:spanflow/source[.='x']", "no \"x\"");
    char *json = control_refusal_json(&sent);
    assert_non_null(json);
    assert_true(control_refusal_read(&read, json, strlen(json)));
    assert_string_equal(read.tag, sent.tag);
    assert_string_equal(read.path, sent.path);
    assert_string_equal(read.message, sent.message);
    free(json);
    assert_false(control_refusal_read(&read, "[1]", 3));
    assert_string_equal(read.tag, "operation-failed");
    assert_false(control_refusal_read(&read, NULL, 0));
    char umlauts[1031];
    memset(umlauts, 'a', 30);
    for (size_t i = 29; i + 2 < sizeof umlauts; i += 2)
        memcpy(umlauts + i, "\xc3\xa4", 3);
    control_refusal_set(&sent, "invalid-value", "", umlauts);
    json = control_refusal_json(&sent);
    assert_true(control_refusal_read(&read, json, strlen(json)));
    assert_string_equal(read.message, sent.message);
    assert_true(strlen(read.message) >= 1022);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_torn_frame_is_put_together),
        cmocka_unit_test(broken_rules_end_the_channel),
        cmocka_unit_test(a_promise_takes_no_memory),
        cmocka_unit_test(the_largest_frame_comes_whole),
        cmocka_unit_test(a_peer_that_does_not_read_is_bounded),
        cmocka_unit_test(answers_find_their_callers),
        cmocka_unit_test(late_and_gone_are_told),
        cmocka_unit_test(a_daemon_without_a_hello_is_none),
        cmocka_unit_test(refusals_come_as_they_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
