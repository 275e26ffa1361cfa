/*
 * Files: IPFIX messages in a row (RFC 5655) or JSON lines, to a path or to standard output.
 *
 * An IPFIX file is written under a temporary name beside its path and renamed when complete. A
 * destination that writes several gives each a name with the time of its first message. When a
 * write fails, what was handed over whole stays and the rest is cut off, so that a reader never
 * sees half a message. Pipes and terminals are written without ever waiting for the reader.
 *
 * Compressed, each send is one frame, and what was handed over whole is a row of whole frames.
 *
 * Owned by a destination; see transport.h for threads.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "transport/frame_zstd.h"
#include "transport/transport_file.h"

enum { EXPORT_TIME_AT = 4, NAMES_TRIED_MAX = 1000000 };

struct transport_file {
    int fd;
    bool regular;
    bool may_block; /* the descriptor is not ours alone: ask before each small write */
    bool broken;
    bool rotates;        /* several files with names of their own */
    bool persists;       /* a file that somebody removes is missed */
    bool goes_on;        /* the temporary file was there whole under its own name */
    bool empties;        /* what an earlier run wrote there goes with the first write */
    bool made;           /* by us, and nothing is in it */
    bool named;          /* the time of the current file's first message is known */
    uint32_t first_s;    /* that time, since 1970 */
    uint32_t file_count; /* completed so far */
    uint64_t octets;     /* of the messages handed over whole, as written */
    size_t partial;      /* octets of the next message, or frame, that are written already */
    char path[1100];
    char temporary[1200];    /* "" if written in place */
    struct frame_zstd *zstd; /* owned; NULL: not compressed */
    const uint8_t *frame;    /* that is being written, of the packer; NULL if none */
    size_t frame_octets;
    uint32_t frame_messages;
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

/* Begins a file under its temporary name. 0, or -1 with errno. */
static int file_open_temporary(struct transport_file *file)
{
    snprintf(file->temporary, sizeof file->temporary, "%s.%ld.part", file->path, (long)getpid());
    file->fd = open(file->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file->fd >= 0)
        return 0;
    file->temporary[0] = 0;
    return -1;
}

/* Goes on with the whole file that is there, which is unfinished then. 0, or -1 with errno. */
static int file_reopen(struct transport_file *file)
{
    snprintf(file->temporary, sizeof file->temporary, "%s.%ld.part", file->path, (long)getpid());
    if (rename(file->path, file->temporary) == 0) {
        file->fd = open(file->temporary, O_WRONLY | O_APPEND | O_CLOEXEC);
        file->goes_on = true;
    }
    if (file->fd < 0) {
        int failure = errno;
        if (file->goes_on)
            rename(file->temporary, file->path);
        file->temporary[0] = 0;
        errno = failure;
    }
    return file->fd < 0 ? -1 : 0;
}

/* Whether the open file still has a name. */
static bool file_is_there(const struct transport_file *file)
{
    struct stat facts;
    if (fstat(file->fd, &facts) == 0 && facts.st_nlink > 0)
        return true;
    errno = ENOENT;
    return false;
}

/* Before the first write: a destination that is only tried must not empty a file. False with
 * errno. */
static bool file_empty(struct transport_file *file)
{
    file->made = false;
    if (file->empties && ftruncate(file->fd, 0) != 0)
        return false;
    file->empties = false;
    return true;
}

/* Writes COUNT messages as they are. */
static enum transport_status send_plain(struct transport_file *file, const struct iovec *messages,
                                        uint32_t count, uint32_t *sent, struct error *error)
{
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

/* Writes COUNT messages as one frame; the messages of a frame that was written in part come again
 * first, as the contract says. */
static enum transport_status send_frame(struct transport_file *file, const struct iovec *messages,
                                        uint32_t count, uint32_t *sent, struct error *error)
{
    if (!file->frame) {
        file->frame_octets = frame_zstd_pack(file->zstd, messages, count, &file->frame, error);
        file->frame_messages = count;
        if (!file->frame_octets) {
            file->frame = NULL;
            file->broken = true;
            return TRANSPORT_BROKEN;
        }
    }
    while (file->partial < file->frame_octets) {
        struct iovec rest = {(uint8_t *)(uintptr_t)file->frame + file->partial,
                             file->frame_octets - file->partial};
        ssize_t written = file_write(file, &rest, 1);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return file_failed(file, written < 0 ? errno : ENOSPC, error);
        file->partial += (size_t)written;
    }
    *sent = file->frame_messages;
    file->octets += file->frame_octets;
    file->partial = 0;
    file->frame = NULL;
    return *sent == count ? TRANSPORT_DONE : TRANSPORT_AGAIN;
}

static enum transport_status file_send(void *state, const struct iovec *messages, uint32_t count,
                                       uint32_t *sent, struct error *error)
{
    struct transport_file *file = state;
    *sent = 0;
    if ((file->fd < 0 && file_open_temporary(file) != 0) || !file_empty(file) ||
        (file->persists && !file_is_there(file)))
        return file_failed(file, errno, error);
    if (file->rotates && !file->named) {
        memcpy(&file->first_s, (const uint8_t *)messages[0].iov_base + EXPORT_TIME_AT,
               sizeof file->first_s);
        file->first_s = be32toh(file->first_s);
        file->named = true;
    }
    return file->zstd ? send_frame(file, messages, count, sent, error)
                      : send_plain(file, messages, count, sent, error);
}

/* Writes into NAME the path with time and NUMBER before its last suffix. */
static void name_file(const struct transport_file *file, uint32_t number, char *name, size_t size)
{
    const char *base = strrchr(file->path, '/');
    base = base ? base + 1 : file->path;
    const char *suffix = strrchr(base, '.');
    if (!suffix || suffix == base)
        suffix = base + strlen(base);
    time_t seconds = (time_t)file->first_s;
    struct tm utc;
    char stamp[32];
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    snprintf(name, size, "%.*s-%s-%06u%s", (int)(suffix - file->path), file->path, stamp, number,
             suffix);
}

/* Gives the temporary file its final name; one of several never replaces another file. */
static int file_rename(struct transport_file *file)
{
    char name[1200];
    if (!file->rotates)
        return rename(file->temporary, file->path);
    for (unsigned tries = 0; tries < NAMES_TRIED_MAX; tries++) {
        name_file(file, ++file->file_count, name, sizeof name);
        if (renameat2(AT_FDCWD, file->temporary, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno == EINVAL && access(name, F_OK) != 0) /* a file system that cannot tell */
            return rename(file->temporary, name);
        if (errno != EEXIST && errno != EINVAL)
            return -1;
    }
    return -1;
}

static int file_complete(void *state, struct error *error)
{
    struct transport_file *file = state;
    if (file->fd < 0)
        return 0;
    int status = file_empty(file) ? 0 : -1;
    if (file->regular && file->partial && ftruncate(file->fd, (off_t)file->octets) != 0)
        status = -1;
    file->partial = 0;
    file->frame = NULL;
    if (close(file->fd) != 0)
        status = -1;
    file->fd = -1;
    if (status == 0 && file->rotates && !file->named) /* nothing was ever written */
        status = unlink(file->temporary);
    else if (status == 0 && file->temporary[0])
        status = file_rename(file);
    if (status != 0 && !file->broken)
        error_set(error, "%s: cannot complete the file: %s", file->path, strerror(errno));
    if (status == 0) {
        file->temporary[0] = 0;
        file->goes_on = false;
    }
    file->broken = false;
    file->octets = 0;
    file->named = false;
    return status;
}

static void file_close(void *state)
{
    struct transport_file *file = state;
    if (file->fd >= 0)
        close(file->fd);
    if (file->goes_on) /* what was complete once stays, whatever came behind it */
        rename(file->temporary, file->path);
    else if (file->temporary[0])
        unlink(file->temporary);
    if (file->made)
        unlink(file->path);
    frame_zstd_destroy(file->zstd);
    free(file);
}

static const struct transport_ops file_ops = {
    .send = file_send, .complete = file_complete, .close = file_close};

int transport_file_end(struct transport *transport, struct error *error)
{
    struct transport_file *file = transport->state;
    if (transport->ops != &file_ops || !file->rotates)
        return 0;
    return file_complete(file, error);
}

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
    if (!file->regular && file->rotates) {
        errno = ESPIPE; /* "Illegal seek" */
        return -1;
    }
    if (!file->regular)
        return open(file->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    bool append = destination->continues && exists;
    if (append && !file->rotates)
        file->octets = (uint64_t)facts.st_size;
    if (destination->kind == DESTINATION_FILE && append && !file->rotates)
        return file_reopen(file) == 0 ? file->fd : -1;
    if (destination->kind == DESTINATION_FILE)
        return file_open_temporary(file) == 0 ? file->fd : -1;
    file->empties = !append;
    int fd = open(file->path, O_WRONLY | O_CREAT | (append ? O_APPEND : 0) | O_CLOEXEC, 0644);
    file->made = fd >= 0 && !exists;
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
    file->fd = -1;
    file->rotates = destination->kind == DESTINATION_FILE &&
                    (destination->rotation_s || destination->rotation_octets);
    file->persists = file->rotates && destination->persists;
    if (destination->zstd && !(file->zstd = frame_zstd_create(error))) {
        file_close(file);
        return -1;
    }
    file->fd = standard ? file_open_stdout(file) : file_open_path(file, destination);
    if (file->fd < 0) {
        error_set(error, "%s: cannot open for writing: %s", file->path, strerror(errno));
        file_close(file);
        return -1;
    }
    *transport = (struct transport){&file_ops, file};
    return 0;
}
