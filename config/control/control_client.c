/*
 * The NETCONF process's side: a reader thread takes frames off the descriptor and hands answers to
 * the callers that wait in a list; who sends holds a lock for one whole frame.
 */
#include "control/control_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One caller that waits, on its stack. */
struct waiting {
    struct waiting *next;
    uint32_t id;
    bool done;
    enum control_answer result;
    char *body;
};

struct control_client {
    int fd;
    struct control_client_events events;
    char *hello;
    pthread_t reader;
    pthread_mutex_t send_lock; /* one frame at a time */
    pthread_mutex_t lock;      /* what follows */
    pthread_cond_t answered;
    struct waiting *waiting;
    uint32_t last_id;
    bool gone;
    bool closing; /* we went, not the daemon */
};

/* ---- octets ---- */

/* Reads SIZE octets; with a TIMEOUT_MS that is not negative each part must come within it. */
static bool read_all(int fd, void *to, size_t size, int timeout_ms, struct error *error)
{
    for (size_t done = 0; done < size;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int polled = poll(&ready, 1, timeout_ms);
        if (polled < 0 && errno == EINTR)
            continue;
        if (polled == 0) {
            error_set(error, "the daemon said nothing for %d ms", timeout_ms);
            return false;
        }
        ssize_t got = recv(fd, (char *)to + done, size - done, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0) {
            error_set(error, "%s", got < 0 ? strerror(errno) : "the daemon closed the channel");
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static bool send_all(int fd, const void *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = send(fd, (const char *)from + done, size - done, MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (put < 0 && errno != EINTR) {
            return false;
        } else if (put > 0) {
            done += (size_t)put;
        }
    }
    return true;
}

static bool read_frame(int fd, struct control_frame *frame, int timeout_ms, struct error *error)
{
    struct control_header header;
    if (!read_all(fd, &header, sizeof header, timeout_ms, error) ||
        !control_header_valid(&header, false, error))
        return false;
    char *body = malloc((size_t)header.length + 1);
    if (!body) {
        error_set(error, "out of memory for a frame of %u octets", header.length);
        return false;
    }
    body[header.length] = 0;
    if (!read_all(fd, body, header.length, timeout_ms, error)) {
        free(body);
        return false;
    }
    *frame = (struct control_frame){.type = header.type,
                                    .flags = header.flags,
                                    .id = header.id,
                                    .length = header.length,
                                    .body = body};
    return true;
}

/* ---- the reader ---- */

/* Takes the body of FRAME over for who waits for it; nobody may, when it came too late. */
static void hand_answer(struct control_client *client, struct control_frame *frame)
{
    pthread_mutex_lock(&client->lock);
    struct waiting *caller = client->waiting;
    while (caller && caller->id != frame->id)
        caller = caller->next;
    if (caller && !caller->done) {
        caller->done = true;
        caller->result = frame->type == CONTROL_OK ? CONTROL_ANSWER_OK : CONTROL_ANSWER_REFUSED;
        caller->body = frame->body;
        frame->body = NULL;
        pthread_cond_broadcast(&client->answered);
    }
    pthread_mutex_unlock(&client->lock);
}

static void tell_gone(struct control_client *client, const char *why)
{
    pthread_mutex_lock(&client->lock);
    client->gone = true;
    bool ours = client->closing;
    pthread_cond_broadcast(&client->answered);
    pthread_mutex_unlock(&client->lock);
    if (!ours && client->events.gone)
        client->events.gone(client->events.context, why);
}

static void *run_reader(void *argument)
{
    struct control_client *client = argument;
    struct control_frame frame;
    struct error error = {""};
    while (read_frame(client->fd, &frame, -1, &error)) {
        if (frame.type == CONTROL_OK || frame.type == CONTROL_ERROR)
            hand_answer(client, &frame);
        else if (frame.type == CONTROL_NOTIFY && client->events.notify)
            client->events.notify(client->events.context, frame.body, frame.length);
        control_frame_clear(&frame);
    }
    tell_gone(client, error.text);
    return NULL;
}

/* ---- the client ---- */

static bool take_hello(struct control_client *client, int timeout_ms, struct error *error)
{
    struct control_frame frame;
    if (!read_frame(client->fd, &frame, timeout_ms, error))
        return false;
    if (frame.type != CONTROL_HELLO) {
        error_set(error, "the daemon's first frame is no hello");
        control_frame_clear(&frame);
        return false;
    }
    client->hello = frame.body;
    return true;
}

static void free_client(struct control_client *client)
{
    pthread_mutex_destroy(&client->send_lock);
    pthread_mutex_destroy(&client->lock);
    pthread_cond_destroy(&client->answered);
    close(client->fd);
    free(client->hello);
    free(client);
}

struct control_client *control_client_create(int fd, const struct control_client_events *events,
                                             int timeout_ms, struct error *error)
{
    struct control_client *client = calloc(1, sizeof *client);
    if (!client) {
        error_set(error, "control channel: out of memory");
        close(fd);
        return NULL;
    }
    client->fd = fd;
    client->events = *events;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&client->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&client->send_lock, NULL);
    pthread_mutex_init(&client->lock, NULL);
    if (take_hello(client, timeout_ms, error)) {
        if (pthread_create(&client->reader, NULL, run_reader, client) == 0)
            return client;
        error_set(error, "control channel: cannot start a thread");
    }
    free_client(client);
    return NULL;
}

void control_client_destroy(struct control_client *client)
{
    if (!client)
        return;
    pthread_mutex_lock(&client->lock);
    client->closing = true;
    pthread_mutex_unlock(&client->lock);
    shutdown(client->fd, SHUT_RDWR);
    pthread_join(client->reader, NULL);
    free_client(client);
}

const char *control_client_hello(const struct control_client *client)
{
    return client->hello;
}

/* ---- a call ---- */

static void begin_waiting(struct control_client *client, struct waiting *caller)
{
    pthread_mutex_lock(&client->lock);
    if (++client->last_id == 0) /* 0 is of frames that answer nothing */
        client->last_id = 1;
    caller->id = client->last_id;
    caller->next = client->waiting;
    client->waiting = caller;
    pthread_mutex_unlock(&client->lock);
}

static void end_waiting(struct control_client *client, struct waiting *caller)
{
    struct waiting **place = &client->waiting;
    while (*place != caller)
        place = &(*place)->next;
    *place = caller->next;
}

static struct timespec time_after(int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return until;
}

static void wait_for_answer(struct control_client *client, struct waiting *caller, bool sent,
                            int timeout_ms)
{
    struct timespec until = time_after(timeout_ms);
    int waited = 0;
    pthread_mutex_lock(&client->lock);
    while (sent && !caller->done && !client->gone && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&client->answered, &client->lock, &until);
    if (!caller->done)
        caller->result = !sent || client->gone ? CONTROL_ANSWER_GONE : CONTROL_ANSWER_LATE;
    end_waiting(client, caller);
    pthread_mutex_unlock(&client->lock);
}

static bool send_frame(struct control_client *client, const struct control_header *header,
                       const char *body)
{
    pthread_mutex_lock(&client->send_lock);
    bool sent =
        send_all(client->fd, header, sizeof *header) && send_all(client->fd, body, header->length);
    pthread_mutex_unlock(&client->send_lock);
    return sent;
}

bool control_client_tell(struct control_client *client, enum control_type type, const char *body,
                         size_t length)
{
    struct control_header header = {.length = (uint32_t)length, .type = (uint16_t)type};
    return length <= CONTROL_BODY_MAX && send_frame(client, &header, body);
}

enum control_answer control_client_call(struct control_client *client, enum control_type type,
                                        uint16_t flags, const char *body, size_t length,
                                        int timeout_ms, char **answer)
{
    if (answer)
        *answer = NULL;
    if (length > CONTROL_BODY_MAX)
        return CONTROL_ANSWER_FAILED;
    struct waiting caller = {0};
    begin_waiting(client, &caller);
    struct control_header header = {
        .length = (uint32_t)length, .type = (uint16_t)type, .flags = flags, .id = caller.id};
    bool sent = send_frame(client, &header, body);
    wait_for_answer(client, &caller, sent, timeout_ms);
    if (answer)
        *answer = caller.body;
    else
        free(caller.body);
    return caller.result;
}
