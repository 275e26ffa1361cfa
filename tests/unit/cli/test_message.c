/*
 * NETCONF's framing on the client's side, against a server that this test plays: hellos, chunks in
 * any pieces, and answers that are none.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "message.h"

static const char good_hello[] = "<hello><capabilities><capability>"
                                 "urn:ietf:params:netconf:base:1.1</capability></capabilities>"
                                 "</hello>]]>]]>";

/* A server for one client: says HELLO, reads what comes up to "\n##\n", says ANSWER piece by piece,
 * and ends. */
struct server {
    char path[64];
    const char *hello, *answer;
    size_t piece;
    int listener;
    pthread_t thread;
    char got[4096];
};

static void *serve(void *argument)
{
    struct server *server = argument;
    int client = accept(server->listener, NULL, NULL);
    size_t used = 0;
    send(client, server->hello, strlen(server->hello), MSG_NOSIGNAL);
    while (server->answer && !strstr(server->got, "\n##\n")) {
        ssize_t got = recv(client, server->got + used, sizeof server->got - used - 1, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        server->got[used] = 0;
    }
    size_t length = server->answer ? strlen(server->answer) : 0;
    for (size_t at = 0; at < length; at += server->piece) {
        size_t part = length - at < server->piece ? length - at : server->piece;
        if (send(client, server->answer + at, part, MSG_NOSIGNAL) < 0)
            break;
    }
    close(client);
    return NULL;
}

static void start(struct server *server, const char *said, const char *answer, size_t piece)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(server, 0, sizeof *server);
    snprintf(server->path, sizeof server->path, "/tmp/spanflow-message-%d", (int)getpid());
    unlink(server->path);
    memcpy(address.sun_path, server->path, strlen(server->path) + 1);
    server->hello = said;
    server->answer = answer;
    server->piece = piece;
    server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
    unlink(server->path);
}

/* Sends "<ask/>" and compares what comes back: WANTED, or an error that has PROBLEM. */
static void ask(const char *answer, size_t piece, const char *wanted, const char *problem)
{
    struct server server;
    struct message_stream stream;
    struct error error = {""};
    start(&server, good_hello, answer, piece);
    if (!message_open(&stream, server.path, &error))
        fail_msg("%s", error.text);
    assert_true(message_send(&stream, "<ask/>", &error));
    char *got = message_receive(&stream, 20000, &error);
    message_close(&stream);
    stop(&server);
    assert_non_null(strstr(server.got, "\n#6\n<ask/>\n##\n"));
    if (wanted) {
        assert_non_null(got);
        assert_string_equal(got, wanted);
    } else {
        assert_null(got);
        if (!strstr(error.text, problem))
            fail_msg("%s", error.text);
    }
    free(got);
}

static void messages_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 12; piece++) {
        ask("\n#5\nhello\n##\n", piece, "hello", NULL);
        ask("\n#1\nh\n#4\nello\n##\n", piece, "hello", NULL);
        ask("\n#6\n\n##\nxy\n##\n", piece, "\n##\nxy", NULL);
    }
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    ask("hello", 9, NULL, "chunks");
    ask("\n#0\n\n##\n", 9, NULL, "chunk");
    ask("\n#x\nh\n##\n", 9, NULL, "chunk");
    ask("\n#-5\nhello\n##\n", 9, NULL, "chunk");
    ask("\n#18446744073709551615\nh\n##\n", 90, NULL, "");
    ask("\n#4294967295\nh\n##\n", 90, NULL, "");
    ask("\n##5\nhello\n##\n", 9, NULL, "chunk");
    ask("\n#9\nhello", 9, NULL, "ended the session");
    ask("\n#5\nhello", 9, NULL, "ended the session");
}

static void hellos_are_exchanged(void **state)
{
    (void)state;
    struct server server;
    struct message_stream stream;
    struct error error = {""};
    start(&server, "<hello>urn:ietf:params:netconf:base:1.0</hello>]]>]]>", NULL, 1);
    assert_false(message_open(&stream, server.path, &error));
    assert_non_null(strstr(error.text, "does not speak NETCONF 1.1"));
    stop(&server);
    start(&server, "<hello>", NULL, 1);
    assert_false(message_open(&stream, server.path, &error));
    assert_non_null(strstr(error.text, "ended the session"));
    stop(&server);
}

static void nobody_is_told_as_such(void **state)
{
    (void)state;
    struct message_stream stream;
    struct error error = {""};
    char longer[300];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_false(message_open(&stream, "/nonexistent/socket", &error));
    assert_non_null(strstr(error.text, "no probe listens there"));
    assert_false(message_open(&stream, longer, &error));
    assert_non_null(strstr(error.text, "longer than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_in_any_pieces),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(hellos_are_exchanged),
        cmocka_unit_test(nobody_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
