/*
 * Clients on the local socket, and what all streams share.
 */
#include "stream.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GROUPS_MAX = 1024 };

struct local_stream {
    struct stream stream;
    char group[64];
};

int64_t stream_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool stream_wait(const struct stream *stream, short events, int64_t deadline_ms,
                 struct error *error)
{
    for (;;) {
        int64_t left = deadline_ms - stream_now_ms();
        if (left <= 0) {
            error_set(error, "the client did not log in within %d s", HANDSHAKE_TIMEOUT_MS / 1000);
            return false;
        }
        struct pollfd ready = {.fd = stream->fd, .events = events};
        int result = poll(&ready, 1, (int)left);
        if (result > 0)
            return true;
        if (result < 0 && errno != EINTR) {
            error_set(error, "%s", strerror(errno));
            return false;
        }
    }
}

/* Whether the peer of FD, whose primary group is GID, is in the group GROUP. */
static bool in_group(int fd, gid_t gid, gid_t group)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof(groups);
    if (gid == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

static bool local_handshake(struct stream *stream, int64_t deadline_ms, struct error *error)
{
    (void)deadline_ms;
    struct local_stream *local = (struct local_stream *)stream;
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        error_set(error, "who is on the local socket: %s", strerror(errno));
        return false;
    }
    char memory[4096];
    struct passwd found;
    struct passwd *entry = NULL;
    getpwuid_r(peer.uid, &found, memory, sizeof(memory), &entry);
    if (entry)
        snprintf(stream->user, sizeof(stream->user), "%s", entry->pw_name);
    else
        snprintf(stream->user, sizeof(stream->user), "uid-%u", (unsigned)peer.uid);
    stream->root = peer.uid == 0;
    if (peer.uid == 0)
        return true;
    char group_memory[16384];
    struct group group_found;
    struct group *group = NULL;
    getgrnam_r(local->group, &group_found, group_memory, sizeof(group_memory), &group);
    if (group && in_group(stream->fd, peer.gid, group->gr_gid))
        return true;
    stream->refused = true;
    error_set(error, "user %s is neither root nor in the group %s", stream->user, local->group);
    return false;
}

static ssize_t local_read(struct stream *stream, void *data, size_t length)
{
    ssize_t got = recv(stream->fd, data, length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return got > 0 ? got : -1;
}

static ssize_t local_write(struct stream *stream, const void *data, size_t length)
{
    ssize_t put = send(stream->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return put;
}

static short local_events(struct stream *stream, bool reading, bool writing)
{
    (void)stream;
    return (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
}

static bool local_flushed(struct stream *stream)
{
    (void)stream;
    return true;
}

static void local_destroy(struct stream *stream)
{
    close(stream->fd);
    free(stream);
}

struct stream *stream_local_create(int fd, const char *group)
{
    static const struct stream_operations operations = {
        .handshake = local_handshake,
        .read = local_read,
        .write = local_write,
        .events = local_events,
        .flushed = local_flushed,
        .destroy = local_destroy,
    };
    struct local_stream *local = calloc(1, sizeof(*local));
    if (!local) {
        close(fd);
        return NULL;
    }
    local->stream.operations = &operations;
    local->stream.fd = fd;
    local->stream.transport = SESSION_LOCAL;
    snprintf(local->stream.from, sizeof(local->stream.from), "local");
    snprintf(local->group, sizeof(local->group), "%s", group);
    return &local->stream;
}
