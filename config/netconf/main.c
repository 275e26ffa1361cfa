/*
 * spanflow-netconf: sessions, datastores, access control and notifications, in a process without
 * privileges. The daemon starts it with one end of a socket pair as descriptor 3, over which
 * everything that concerns the probe goes; when that closes, it ends.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <libyang/libyang.h>
#include <nc_server.h>

#include "confine.h"
#include "context.h"
#include "control/control_client.h"
#include "dispatch.h"
#include "events.h"
#include "front.h"
#include "log.h"
#include "server.h"

enum {
    HELLO_OF_DAEMON_MS = 10000,
    LAST_OPERATIONS_S = 1,
    /* To end in order once the daemon is gone. Whoever is still busy with somebody's question then
     * keeps the store from the next one; what is in it is whole at any moment. */
    ENDING_S = 10
};

struct process {
    struct netconf_server netconf;
    struct control_client *control;
    json_t *hello;
    struct sessions *sessions;
    struct session_workers *workers;
    struct front *front;
    struct transport *transport;
    struct server *server;
    struct events *events;
    int gone; /* an eventfd: the daemon is gone */
    int wake; /* another: server_turn() has something to do */
};

static void on_notify(void *context, const char *json, size_t length)
{
    struct process *process = context;
    events_put(process->events, json, length);
}

static void on_gone(void *context, const char *why)
{
    struct process *process = context;
    log_line("ends: %s", why);
    alarm(ENDING_S); /* the main thread may be waiting for whoever is busy */
    eventfd_write(process->gone, 1);
}

static const char *hello_text(const struct process *process, const char *name)
{
    return json_string_value(json_object_get(process->hello, name));
}

/* Connects to the daemon and reads its hello. */
static bool meet_daemon(struct process *process, struct error *error)
{
    struct control_client_events events = {
        .context = process, .notify = on_notify, .gone = on_gone};
    process->gone = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    process->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    process->events = events_create(process->wake);
    if (!process->events) {
        error_set(error, "no memory for events");
        return false;
    }
    process->control = control_client_create(CONTROL_CHILD_FD, &events, HELLO_OF_DAEMON_MS, error);
    if (!process->control)
        return false;
    process->netconf.control = process->control;
    process->hello = json_loads(control_client_hello(process->control), 0, NULL);
    if (!process->hello || !hello_text(process, "socket")) {
        error_set(error, "the daemon's hello is not what it should be");
        return false;
    }
    return true;
}

static bool open_sessions(struct process *process, struct error *error)
{
    bool passing = json_is_true(json_object_get(process->hello, "volatile"));
    process->sessions = sessions_create(&process->netconf, &server_session_hooks);
    process->workers = process->sessions ? session_workers_create(process->sessions, error) : NULL;
    process->front = process->workers ? front_create(process->sessions, process->workers) : NULL;
    if (!process->front) {
        error_set(error, "no memory or no threads for sessions");
        return false;
    }
    process->transport = transport_create(process->sessions, process->front,
                                          passing ? NULL : hello_text(process, "store"), error);
    return process->transport != NULL;
}

/* The local socket comes last: whoever reaches it finds everything there. */
static bool start(struct process *process, struct error *error)
{
    if (!confine_process(error) || !meet_daemon(process, error))
        return false;
    process->netconf.context = netconf_context_create(error);
    if (!process->netconf.context || !dispatch_begin(&server_dispatch, process->netconf.context) ||
        !netconf_context_announce(process->netconf.context, error) ||
        !open_sessions(process, error))
        return false;
    const struct server_parts parts = {.netconf = &process->netconf,
                                       .control = process->control,
                                       .hello = process->hello,
                                       .events = process->events,
                                       .transport = process->transport,
                                       .wake = process->wake};
    process->server = server_create(&parts, error);
    return process->server &&
           transport_listen_local(process->transport, hello_text(process, "socket"), error);
}

/* Everything in the opposite order. */
static void end(struct process *process)
{
    transport_destroy(process->transport);
    /* What the daemon said last, or that it is gone, is told to those who wait for it. */
    if (process->workers)
        session_workers_settle(process->workers, LAST_OPERATIONS_S);
    front_destroy(process->front);
    session_workers_destroy(process->workers);
    server_stop(process->server);
    control_client_destroy(process->control);
    server_destroy(process->server);
    events_destroy(process->events);
    sessions_destroy(process->sessions);
    if (process->netconf.context) {
        nc_server_destroy();
        ly_ctx_destroy(process->netconf.context);
    }
    json_decref(process->hello);
    close(process->gone);
    close(process->wake);
}

/* Until the daemon is gone or a signal says so. */
static void serve(struct process *process, int signals)
{
    struct pollfd ready[] = {{.fd = process->gone, .events = POLLIN},
                             {.fd = signals, .events = POLLIN},
                             {.fd = process->wake, .events = POLLIN}};
    for (;;) {
        struct signalfd_siginfo signal_read;
        eventfd_t woken;
        poll(ready, 3, server_turn(process->server));
        if (ready[0].revents)
            return;
        if (ready[1].revents && read(signals, &signal_read, sizeof signal_read) > 0) {
            if (signal_read.ssi_signo != SIGHUP)
                return;
            server_reopen_audit(process->server);
        }
        if (ready[2].revents)
            eventfd_read(process->wake, &woken);
    }
}

int main(int count, char **arguments)
{
    if (count > 1) {
        bool version = strcmp(arguments[1], "--version") == 0;
        fprintf(version ? stdout : stderr, "%s\n",
                version ? "spanflow-netconf " SPANFLOW_VERSION
                        : "spanflow-netconf has no options: spanflowd starts it");
        return version ? 0 : 2;
    }
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL); /* before there are threads: theirs is the same */
    signal(SIGINT, SIG_IGN);             /* of a terminal, to all: the daemon decides */
    int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    struct process process = {.gone = -1, .wake = -1};
    struct error error = {{0}};
    bool good = start(&process, &error);
    if (good)
        serve(&process, signals);
    else
        log_line("%s", error.text);
    end(&process);
    close(signals);
    return good ? 0 : 1;
}
