/*
 * The daemon's side of the channel: what came is put together into frames piece by piece, what is
 * to be sent waits in one buffer. The descriptor never blocks.
 */
#include "control/control_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIECE = 64 * 1024,                  /* first room for a body */
    NOTIFY_WAIT_MAX = 4 * 1024 * 1024,  /* with more, notifications wait elsewhere */
    ANSWER_WAIT_MAX = CONTROL_BODY_MAX, /* and is too slow for more answers */
};

struct control_channel {
    int fd;
    /* What comes: the header, then the body. */
    struct control_header header;
    size_t header_read;
    char *body;
    size_t body_read;
    size_t body_room;
    /* What goes: octets from sent to filled. */
    char *queue;
    size_t sent;
    size_t filled;
    size_t room;
};

/* ---- frames ---- */

void control_frame_clear(struct control_frame *frame)
{
    free(frame->body);
    memset(frame, 0, sizeof *frame);
}

static bool type_comes_from(unsigned type, bool from_child)
{
    switch (type) {
    case CONTROL_APPLY:
    case CONTROL_STATE:
    case CONTROL_RPC:
    case CONTROL_KEEP:
    case CONTROL_TAKEN:
        return from_child;
    case CONTROL_HELLO:
    case CONTROL_NOTIFY:
    case CONTROL_OK:
    case CONTROL_ERROR:
        return !from_child;
    default:
        return false;
    }
}

bool control_header_valid(const struct control_header *header, bool from_child, struct error *error)
{
    if (!type_comes_from(header->type, from_child)) {
        error_set(error, "a frame of type %u, which this side never sends", header->type);
        return false;
    }
    if (header->flags & ~(header->type == CONTROL_APPLY ? CONTROL_TEST : 0u)) {
        error_set(error, "a frame of type %u with flags %#x, which mean nothing", header->type,
                  header->flags);
        return false;
    }
    if (header->length > CONTROL_BODY_MAX) {
        error_set(error, "a frame of %u octets; the most is %d", header->length, CONTROL_BODY_MAX);
        return false;
    }
    return true;
}

/* ---- the channel ---- */

struct control_channel *control_channel_create(int fd, struct error *error)
{
    int flags = fcntl(fd, F_GETFL);
    struct control_channel *channel = NULL;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        error_set(error, "control channel: %s", strerror(errno));
    else if (!(channel = calloc(1, sizeof *channel)))
        error_set(error, "control channel: out of memory");
    if (channel)
        channel->fd = fd;
    else
        close(fd);
    return channel;
}

void control_channel_destroy(struct control_channel *channel)
{
    if (!channel)
        return;
    close(channel->fd);
    free(channel->body);
    free(channel->queue);
    free(channel);
}

int control_channel_fd(const struct control_channel *channel)
{
    return channel->fd;
}

size_t control_channel_queued(const struct control_channel *channel)
{
    return channel->filled - channel->sent;
}

short control_channel_events(const struct control_channel *channel)
{
    return (short)(POLLIN | (control_channel_queued(channel) ? POLLOUT : 0));
}

/* ---- what comes ---- */

/* Takes up to SIZE octets to TO and adds their number to *COUNT. */
static enum control_receive take(struct control_channel *channel, void *to, size_t size,
                                 size_t *count, struct error *error)
{
    ssize_t got;
    do {
        got = recv(channel->fd, to, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        *count += (size_t)got;
        return CONTROL_RECEIVE_FRAME;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return CONTROL_RECEIVE_NOTHING;
    bool torn = channel->header_read > 0;
    error_set(error, "%s", got < 0 ? strerror(errno) : torn ? "closed inside a frame" : "closed");
    return CONTROL_RECEIVE_GONE;
}

/* Room for a piece more of the body and its last zero byte: twice what has come, never more than
 * the header says. */
static bool make_room(struct control_channel *channel, struct error *error)
{
    size_t wanted = channel->body_read * 2 > PIECE ? channel->body_read * 2 : PIECE;
    if (wanted > channel->header.length)
        wanted = channel->header.length;
    if (channel->body && (channel->body_read < channel->body_room || channel->body_room >= wanted))
        return true;
    char *more = realloc(channel->body, wanted + 1);
    if (!more) {
        error_set(error, "out of memory for a frame of %u octets", channel->header.length);
        return false;
    }
    channel->body = more;
    channel->body_room = wanted;
    return true;
}

static enum control_receive hand_over(struct control_channel *channel, struct control_frame *frame,
                                      struct error *error)
{
    channel->body[channel->body_read] = 0;
    if (memchr(channel->body, 0, channel->body_read)) {
        error_set(error, "a frame with a zero byte, which no JSON text has");
        return CONTROL_RECEIVE_GONE;
    }
    *frame = (struct control_frame){.type = channel->header.type,
                                    .flags = channel->header.flags,
                                    .id = channel->header.id,
                                    .length = channel->body_read,
                                    .body = channel->body};
    channel->body = NULL;
    channel->body_read = channel->body_room = channel->header_read = 0;
    return CONTROL_RECEIVE_FRAME;
}

enum control_receive control_channel_receive(struct control_channel *channel,
                                             struct control_frame *frame, struct error *error)
{
    while (channel->header_read < sizeof channel->header) {
        enum control_receive result =
            take(channel, (char *)&channel->header + channel->header_read,
                 sizeof channel->header - channel->header_read, &channel->header_read, error);
        if (result != CONTROL_RECEIVE_FRAME)
            return result;
        if (channel->header_read == sizeof channel->header &&
            !control_header_valid(&channel->header, true, error))
            return CONTROL_RECEIVE_GONE;
    }
    for (;;) {
        if (!make_room(channel, error))
            return CONTROL_RECEIVE_GONE;
        if (channel->body_read == channel->header.length)
            return hand_over(channel, frame, error);
        enum control_receive result =
            take(channel, channel->body + channel->body_read,
                 channel->body_room - channel->body_read, &channel->body_read, error);
        if (result != CONTROL_RECEIVE_FRAME)
            return result;
    }
}

/* ---- what goes ---- */

static bool queue_room(struct control_channel *channel, size_t more)
{
    if (channel->sent) {
        memmove(channel->queue, channel->queue + channel->sent, channel->filled - channel->sent);
        channel->filled -= channel->sent;
        channel->sent = 0;
    }
    if (channel->filled + more <= channel->room)
        return true;
    char *larger = realloc(channel->queue, channel->filled + more);
    if (!larger)
        return false;
    channel->queue = larger;
    channel->room = channel->filled + more;
    return true;
}

bool control_channel_send(struct control_channel *channel, enum control_type type, uint32_t id,
                          const char *body, size_t length)
{
    size_t waits = control_channel_queued(channel);
    if (length > CONTROL_BODY_MAX || waits > ANSWER_WAIT_MAX ||
        (type == CONTROL_NOTIFY && waits > NOTIFY_WAIT_MAX))
        return false;
    struct control_header header = {
        .length = (uint32_t)length, .type = (uint16_t)type, .flags = 0, .id = id};
    if (!queue_room(channel, sizeof header + length))
        return false;
    memcpy(channel->queue + channel->filled, &header, sizeof header);
    if (length)
        memcpy(channel->queue + channel->filled + sizeof header, body, length);
    channel->filled += sizeof header + length;
    control_channel_flush(channel);
    return true;
}

void control_channel_flush(struct control_channel *channel)
{
    while (channel->sent < channel->filled) {
        ssize_t done = send(channel->fd, channel->queue + channel->sent,
                            channel->filled - channel->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return; /* full, or the peer is gone, which the next receive tells */
        channel->sent += (size_t)done;
    }
    /* A large answer does not keep its memory. */
    free(channel->queue);
    channel->queue = NULL;
    channel->sent = channel->filled = channel->room = 0;
}
