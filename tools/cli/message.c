/*
 * NETCONF's framing on the client's side. The peer is this machine's own probe, but lengths are
 * checked all the same.
 */
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HELLO_WAIT_MS = 10000 };

static const char end_of_hello[] = "]]>]]>";
static const char hello[] =
    "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>"
    "<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>]]>]]>";

/* A message that grows while it is read. */
struct text {
    char *octets;
    size_t length, size;
};

static bool text_add(struct text *text, const char *octets, size_t length, struct error *error)
{
    if (text->length + length > MESSAGE_OCTETS_MAX) {
        error_set(error, "the probe's answer is larger than %d MiB", MESSAGE_OCTETS_MAX >> 20);
        return false;
    }
    if (text->length + length + 1 > text->size) {
        size_t size = (text->length + length + 1) * 2;
        char *grown = realloc(text->octets, size);
        if (!grown) {
            error_set(error, "no memory for the probe's answer");
            return false;
        }
        text->octets = grown;
        text->size = size;
    }
    memcpy(text->octets + text->length, octets, length);
    text->length += length;
    text->octets[text->length] = 0;
    return true;
}

static bool send_all(int socket, const char *octets, size_t length, struct error *error)
{
    while (length > 0) {
        ssize_t sent = send(socket, octets, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            error_set(error, "the probe does not listen any more: %s", strerror(errno));
            return false;
        }
        octets += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Fills the empty buffer with what comes next. */
static bool fill(struct message_stream *stream, int wait_ms, struct error *error)
{
    struct pollfd watched = {.fd = stream->socket, .events = POLLIN};
    int ready;
    do {
        ready = poll(&watched, 1, wait_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        error_set(error, "the probe did not answer within %d s", wait_ms / 1000);
        return false;
    }
    ssize_t got;
    do {
        got = recv(stream->socket, stream->buffer, sizeof stream->buffer, 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        error_set(error, "the probe ended the session%s%s", got < 0 ? ": " : "",
                  got < 0 ? strerror(errno) : "");
        return false;
    }
    stream->taken = 0;
    stream->used = (size_t)got;
    return true;
}

bool message_waits(const struct message_stream *stream, int wait_ms)
{
    struct pollfd watched = {.fd = stream->socket, .events = POLLIN};
    return stream->taken < stream->used || poll(&watched, 1, wait_ms) > 0;
}

static bool next_octet(struct message_stream *stream, int wait_ms, char *octet, struct error *error)
{
    if (stream->taken == stream->used && !fill(stream, wait_ms, error))
        return false;
    *octet = stream->buffer[stream->taken++];
    return true;
}

/* Up to the end that hellos have. */
static char *receive_hello(struct message_stream *stream, struct error *error)
{
    struct text text = {0};
    const size_t end = sizeof end_of_hello - 1;
    for (char octet; next_octet(stream, HELLO_WAIT_MS, &octet, error);) {
        if (!text_add(&text, &octet, 1, error))
            break;
        if (text.length < end || memcmp(text.octets + text.length - end, end_of_hello, end) != 0)
            continue;
        text.octets[text.length - end] = 0;
        return text.octets;
    }
    free(text.octets);
    return NULL;
}

/* An error in the place of a hello: the probe has no room for one more session. */
static bool read_refusal(char *text, struct error *error)
{
    static const struct {
        const char *written;
        char meant;
    } entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}};
    char *message = strstr(text, "<error-message");
    char *from = message ? strchr(message, '>') : NULL, *end = from ? strchr(from, '<') : NULL;
    if (!end)
        return false;
    *end = 0;
    char *to = message;
    for (from++; *from; to++) {
        *to = *from;
        size_t length = 1;
        for (unsigned i = 0; i < sizeof entities / sizeof *entities; i++)
            if (strncmp(from, entities[i].written, strlen(entities[i].written)) == 0) {
                *to = entities[i].meant;
                length = strlen(entities[i].written);
            }
        from += length;
    }
    *to = 0;
    error_set(error, "%s", message);
    return true;
}

static bool greet(struct message_stream *stream, struct error *error)
{
    if (!send_all(stream->socket, hello, sizeof hello - 1, error))
        return false;
    char *theirs = receive_hello(stream, error);
    if (!theirs)
        return false;
    bool good = strstr(theirs, "urn:ietf:params:netconf:base:1.1") != NULL;
    if (!good && !read_refusal(theirs, error))
        error_set(error, "what listens there does not speak NETCONF 1.1");
    free(theirs);
    return good;
}

bool message_open(struct message_stream *stream, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(stream, 0, sizeof *stream);
    stream->socket = -1;
    if (strlen(path) >= sizeof address.sun_path) {
        error_set(error, "%s: longer than a socket's path can be", path);
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    stream->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stream->socket >= 0 &&
        connect(stream->socket, (const struct sockaddr *)&address, sizeof address) == 0) {
        if (greet(stream, error))
            return true;
    } else if (errno == ENOENT || errno == ECONNREFUSED) {
        error_set(error,
                  "%s: no probe listens there; start spanflowd, or name its socket by "
                  "--control PATH",
                  path);
    } else if (errno == EACCES) {
        error_set(error, "%s: only root and the group spanflow may use it", path);
    } else {
        error_set(error, "%s: %s", path, strerror(errno));
    }
    message_close(stream);
    return false;
}

void message_close(struct message_stream *stream)
{
    if (stream->socket >= 0)
        close(stream->socket);
    stream->socket = -1;
}

bool message_send(struct message_stream *stream, const char *text, struct error *error)
{
    char head[32];
    size_t length = strlen(text);
    int head_length = snprintf(head, sizeof head, "\n#%zu\n", length);
    return send_all(stream->socket, head, (size_t)head_length, error) &&
           send_all(stream->socket, text, length, error) &&
           send_all(stream->socket, "\n##\n", 4, error);
}

/* The head of a chunk after its "\n#": its size, 0 at the message's end. */
static bool chunk_size(struct message_stream *stream, int wait_ms, size_t *size,
                       struct error *error)
{
    char octet;
    *size = 0;
    if (!next_octet(stream, wait_ms, &octet, error))
        return false;
    bool last = octet == '#';
    if (last && !next_octet(stream, wait_ms, &octet, error))
        return false;
    if (last && octet == '\n')
        return true;
    while (!last && octet >= '0' && octet <= '9' && *size <= MESSAGE_OCTETS_MAX) {
        *size = *size * 10 + (size_t)(octet - '0');
        if (!next_octet(stream, wait_ms, &octet, error))
            return false;
    }
    if (octet == '\n' && *size > 0 && *size <= MESSAGE_OCTETS_MAX)
        return true;
    error_set(error, "the probe's answer is not in chunks as RFC 6242 has them");
    return false;
}

static bool receive_chunk(struct message_stream *stream, int wait_ms, size_t size,
                          struct text *text, struct error *error)
{
    while (size > 0) {
        if (stream->taken == stream->used && !fill(stream, wait_ms, error))
            return false;
        size_t part = stream->used - stream->taken;
        part = part < size ? part : size;
        if (!text_add(text, stream->buffer + stream->taken, part, error))
            return false;
        stream->taken += part;
        size -= part;
    }
    return true;
}

char *message_receive(struct message_stream *stream, int wait_ms, struct error *error)
{
    struct text text = {0};
    for (;;) {
        char first, second;
        size_t size;
        if (!next_octet(stream, wait_ms, &first, error) ||
            !next_octet(stream, wait_ms, &second, error))
            break;
        if (first != '\n' || second != '#') {
            error_set(error, "the probe's answer is not in chunks as RFC 6242 has them");
            break;
        }
        if (!chunk_size(stream, wait_ms, &size, error))
            break;
        if (size == 0)
            return text.octets ? text.octets : strdup("");
        if (!receive_chunk(stream, wait_ms, size, &text, error))
            break;
    }
    free(text.octets);
    return NULL;
}
