/*
 * Files: IPFIX messages in a row (RFC 5655) or JSON lines, to a path or to standard output.
 *
 * An IPFIX file is written under a temporary name beside its path and renamed when complete. When
 * a write fails, what was handed over whole stays and the rest is cut off, so that a reader never
 * sees half a message. Pipes and terminals are written without ever waiting for the reader.
 *
 * Owned by a destination; see transport.h for threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/transport.h"

struct transport_file {
    int fd;
    bool regular;
    bool may_block; /* the descriptor is not ours alone: ask before each small write */
    bool broken;
    uint64_t octets; /* of the messages handed over whole */
    size_t partial;  /* octets of the next message that are written already */
    char path[1100];
    char temporary[1200]; /* "" if written in place */
};

/* One write. Returns the octets written, or -1 with errno. */
static ssize_t file_write(struct transport_file *file, const struct iovec *parts, int count)
{
    if (!file->may_block)
        return writev(file->fd, parts, count);
    struct pollfd ready = {.fd = file->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    size_t length = parts[0].iov_len < PIPE_BUF ? parts[0].iov_len : PIPE_BUF;
    return write(file->fd, parts[0].iov_base, length);
}

static enum transport_status file_failed(struct transport_file *file, int number,
                                         struct error *error)
{
    if (number == EAGAIN || number == EWOULDBLOCK)
        return TRANSPORT_AGAIN;
    error_set(error, "%s: cannot write: %s", file->path, strerror(number));
    file->broken = true;
    return TRANSPORT_BROKEN;
}

static enum transport_status file_send(void *state, const struct iovec *messages, uint32_t count,
                                       uint32_t *sent, struct error *error)
{
    struct transport_file *file = state;
    *sent = 0;
    while (*sent < count) {
        struct iovec parts[TRANSPORT_BURST_MAX];
        uint32_t rest = count - *sent;
        memcpy(parts, messages + *sent, rest * sizeof parts[0]);
        parts[0].iov_base = (uint8_t *)parts[0].iov_base + file->partial;
        parts[0].iov_len -= file->partial;
        ssize_t written = file_write(file, parts, (int)rest);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return file_failed(file, written < 0 ? errno : ENOSPC, error);
        size_t octets = (size_t)written + file->partial;
        file->partial = 0;
        while (*sent < count && octets >= messages[*sent].iov_len) {
            octets -= messages[*sent].iov_len;
            file->octets += messages[*sent].iov_len;
            (*sent)++;
        }
        file->partial = octets;
    }
    return TRANSPORT_DONE;
}

static int file_complete(void *state, struct error *error)
{
    struct transport_file *file = state;
    if (file->fd < 0)
        return 0;
    int status = 0;
    if (file->regular && file->partial && ftruncate(file->fd, (off_t)file->octets) != 0)
        status = -1;
    file->partial = 0;
    if (close(file->fd) != 0)
        status = -1;
    file->fd = -1;
    if (status == 0 && file->temporary[0] && rename(file->temporary, file->path) != 0)
        status = -1;
    if (status != 0 && !file->broken)
        error_set(error, "%s: cannot complete the file: %s", file->path, strerror(errno));
    if (status == 0)
        file->temporary[0] = 0;
    return status;
}

static void file_close(void *state)
{
    struct transport_file *file = state;
    if (file->fd >= 0)
        close(file->fd);
    if (file->temporary[0])
        unlink(file->temporary);
    free(file);
}

static const struct transport_ops file_ops = {
    .send = file_send, .complete = file_complete, .close = file_close};

/* Standard output: a pipe or terminal is opened anew, so that our non-blocking mode is not that of
 * whoever shares it. */
static int file_open_stdout(struct transport_file *file)
{
    struct stat facts;
    if (fstat(STDOUT_FILENO, &facts) != 0)
        return -1;
    file->regular = false; /* others may write to it as well: never cut it */
    if (S_ISREG(facts.st_mode))
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    file->may_block = true;
    return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int file_open_path(struct transport_file *file, const struct destination_config *destination)
{
    struct stat facts;
    bool exists = stat(file->path, &facts) == 0;
    file->regular = !exists || S_ISREG(facts.st_mode);
    if (!file->regular)
        return open(file->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    const char *path = file->path;
    if (destination->kind == DESTINATION_FILE) {
        snprintf(file->temporary, sizeof file->temporary, "%s.%ld.part", file->path,
                 (long)getpid());
        path = file->temporary;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        file->temporary[0] = 0;
    return fd;
}

int transport_file_open(struct transport *transport, const struct destination_config *destination,
                        struct error *error)
{
    struct transport_file *file = calloc(1, sizeof *file);
    if (!file) {
        error_set(error, "%s: not enough memory", destination->name);
        return -1;
    }
    bool standard = strcmp(destination->path, "-") == 0;
    snprintf(file->path, sizeof file->path, "%s", standard ? "standard output" : destination->path);
    file->fd = standard ? file_open_stdout(file) : file_open_path(file, destination);
    if (file->fd < 0) {
        error_set(error, "%s: cannot open for writing: %s", file->path, strerror(errno));
        file_close(file);
        return -1;
    }
    *transport = (struct transport){&file_ops, file};
    return 0;
}
