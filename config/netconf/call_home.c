/*
 * The threads that call.
 */
#include "call_home.h"

#include <errno.h>
#include <libyang/libyang.h>
#include <nc_server.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"
#include "transport.h"
#include "transport_socket.h"

struct call {
    struct call *next;
    struct calls_home *calls;
    char name[256];
    char address[256];
    uint16_t port;
    bool tls;
    int wake; /* an eventfd: written once, when the call is to end */
    atomic_bool ending;
};

struct calls_home {
    struct transport *transport;
    struct front *front;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    struct call *first; /* those that are to be, and those that have still to end */
};

struct calls_home *calls_home_create(struct transport *transport, struct front *front)
{
    struct calls_home *calls = calloc(1, sizeof(*calls));
    if (!calls)
        return NULL;
    calls->transport = transport;
    calls->front = front;
    pthread_mutex_init(&calls->lock, NULL);
    pthread_cond_init(&calls->changed, NULL);
    return calls;
}

/* Waits for EVENTS of FD (-1: for nothing), up to TIMEOUT_MS. False if time is over or the call is
 * to end. */
static bool wait_call(const struct call *call, int fd, short events, int timeout_ms)
{
    struct pollfd ready[2] = {{.fd = call->wake, .events = POLLIN}, {.fd = fd, .events = events}};
    int result;
    do {
        result = poll(ready, 2, timeout_ms);
    } while (result < 0 && errno == EINTR);
    return result > 0 && !ready[0].revents;
}

/* Connects to one address; -1 if that fails. */
static int connect_to(const struct call *call, const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int failed = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
    socklen_t size = sizeof(failed);
    if (failed == EINPROGRESS && (!wait_call(call, fd, POLLOUT, CALL_CONNECT_MS) ||
                                  getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0))
        failed = ETIMEDOUT;
    if (failed == 0)
        return fd;
    close(fd);
    errno = failed;
    return -1;
}

/* A connected socket, with the numeric address in NAME; -1 and why in ERROR. */
static int dial(const struct call *call, char name[64], struct error *error)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    snprintf(port, sizeof(port), "%u", (unsigned)call->port);
    int failed = getaddrinfo(call->address, port, &hints, &found);
    if (failed) {
        error_set(error, "%s", gai_strerror(failed));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *it = found; it && fd < 0 && !call->ending; it = it->ai_next) {
        fd = connect_to(call, it);
        if (fd < 0)
            error_set(error, "%s", strerror(errno));
        else
            transport_socket_name(it->ai_addr, it->ai_addrlen, name);
    }
    freeaddrinfo(found);
    return fd;
}

/* Serves whom it has called. Returns whether a user was let in. */
static bool serve_call(struct call *call, int fd, const char *name)
{
    struct transport_settings *settings = transport_present(call->calls->transport);
    struct stream *stream = NULL;
    for (size_t i = 0; i < settings->endpoint_count && !stream; i++) {
        const struct endpoint *it = &settings->endpoints[i];
        if (it->kind != ENDPOINT_CALL_HOME || strcmp(it->name, call->name) != 0)
            continue;
        stream = transport_socket_stream(fd, name, settings, it);
        fd = -1;
        break;
    }
    transport_settings_release(settings);
    if (fd >= 0)
        close(fd);
    return stream && front_serve(call->calls->front, stream, call, &call->ending);
}

static void *call_for_ever(void *context)
{
    struct call *call = context;
    struct calls_home *calls = call->calls;
    int pause_ms = CALL_PAUSE_MIN_MS;
    bool told = false;
    while (!call->ending) {
        char name[64];
        struct error error;
        int fd = dial(call, name, &error);
        if (fd < 0 && !told && !call->ending)
            log_line("callHome %s: %s port %u: %s; trying on", call->name, call->address,
                     (unsigned)call->port, error.text);
        told = fd < 0;
        if (fd >= 0 && serve_call(call, fd, name))
            pause_ms = CALL_PAUSE_MIN_MS;
        wait_call(call, -1, 0, pause_ms);
        pause_ms = pause_ms * 2 < CALL_PAUSE_MAX_MS ? pause_ms * 2 : CALL_PAUSE_MAX_MS;
    }
    pthread_mutex_lock(&calls->lock);
    struct call **at = &calls->first;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    close(call->wake);
    free(call);
    nc_thread_destroy();
    pthread_cond_broadcast(&calls->changed);
    pthread_mutex_unlock(&calls->lock);
    return NULL;
}

/* Tells CALL to end. Under the lock. */
static void end_call(struct call *call)
{
    call->ending = true;
    eventfd_write(call->wake, 1);
    front_end_tagged(call->calls->front, call);
}

void calls_home_destroy(struct calls_home *calls)
{
    if (!calls)
        return;
    pthread_mutex_lock(&calls->lock);
    while (calls->first) {
        for (struct call *call = calls->first; call; call = call->next)
            end_call(call);
        /* One that was just connecting has to be told again. */
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&calls->changed, &calls->lock, &until);
    }
    pthread_mutex_unlock(&calls->lock);
    pthread_cond_destroy(&calls->changed);
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}

static bool same_call(const struct call *call, const struct endpoint *endpoint)
{
    return endpoint->kind == ENDPOINT_CALL_HOME && call->port == endpoint->port &&
           call->tls == (endpoint->tls != NULL) && strcmp(call->name, endpoint->name) == 0 &&
           strcmp(call->address, endpoint->address) == 0;
}

/* Begins to call ENDPOINT. Under the lock. */
static void begin_call(struct calls_home *calls, const struct endpoint *endpoint)
{
    struct call *call = calloc(1, sizeof(*call));
    int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (call && wake >= 0) {
        call->calls = calls;
        call->port = endpoint->port;
        call->tls = endpoint->tls != NULL;
        call->wake = wake;
        snprintf(call->name, sizeof(call->name), "%s", endpoint->name);
        snprintf(call->address, sizeof(call->address), "%s", endpoint->address);
        call->next = calls->first;
        calls->first = call;
        if (front_start_thread(call_for_ever, call))
            return;
        calls->first = call->next;
    }
    log_line("callHome %s: no thread, memory or descriptor for it", endpoint->name);
    if (wake >= 0)
        close(wake);
    free(call);
}

void calls_home_adopt(struct calls_home *calls, const struct transport_settings *settings)
{
    bool runs[ENDPOINTS_MAX] = {false};
    pthread_mutex_lock(&calls->lock);
    for (struct call *call = calls->first; call; call = call->next) {
        bool stays = false;
        for (size_t i = 0; i < settings->endpoint_count && !call->ending; i++) {
            if (same_call(call, &settings->endpoints[i])) {
                stays = true;
                runs[i] = true;
            }
        }
        if (!stays)
            end_call(call);
    }
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        if (settings->endpoints[i].kind == ENDPOINT_CALL_HOME && !runs[i])
            begin_call(calls, &settings->endpoints[i]);
    }
    pthread_mutex_unlock(&calls->lock);
}
