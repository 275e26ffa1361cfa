/* Large reads of files and pipes. See byte_input.h. */
#include "packet/byte_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Small enough to stay in a second-level cache, large enough that the call costs nothing. */
enum { BLOCK_BYTES = 256 * 1024, PIPE_BYTES = 1024 * 1024 };

static bool open_descriptor(struct byte_input *input, const char *path, struct error *error)
{
    if (strcmp(path, "-") == 0) {
        input->descriptor = STDIN_FILENO;
        return true;
    }
    /* Without O_NONBLOCK the open itself would wait for the writer of a FIFO. */
    input->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (input->descriptor < 0) {
        error_set(error, "%s: cannot open: %s", path, strerror(errno));
        return false;
    }
    input->owned = true;
    return true;
}

bool byte_input_open(struct byte_input *input, const char *path, struct error *error)
{
    memset(input, 0, sizeof *input);
    input->descriptor = -1;
    if (!open_descriptor(input, path, error))
        return false;
    struct stat status;
    if (fstat(input->descriptor, &status) != 0) {
        error_set(error, "%s: cannot examine: %s", path, strerror(errno));
        byte_input_close(input);
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        error_set(error, "%s: is a directory; name a pcap or pcapng file", path);
        byte_input_close(input);
        return false;
    }
    input->regular = S_ISREG(status.st_mode);
    if (input->regular) {
        /* Standard input may already have been read in part. */
        off_t start = lseek(input->descriptor, 0, SEEK_CUR);
        if (start >= 0 && status.st_size > start)
            input->size_at_open = (uint64_t)(status.st_size - start);
        posix_fadvise(input->descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    } else if (S_ISFIFO(status.st_mode)) {
        fcntl(input->descriptor, F_SETPIPE_SZ, PIPE_BYTES); /* an unprivileged limit may refuse */
    }
    input->capacity = BLOCK_BYTES;
    input->buffer = malloc(input->capacity);
    if (!input->buffer) {
        error_set(error, "%s: no memory for the read buffer", path);
        byte_input_close(input);
        return false;
    }
    return true;
}

/* Makes room behind the unconsumed bytes. */
static bool make_room(struct byte_input *input, size_t need)
{
    size_t left = byte_input_left(input);
    if (input->begin > 0) {
        memmove(input->buffer, input->buffer + input->begin, left);
        input->buffer_offset += input->begin;
        input->begin = 0;
        input->end = left;
    }
    if (need < left + 1)
        need = left + 1;
    if (need <= input->capacity)
        return true;
    uint8_t *larger = realloc(input->buffer, need);
    if (!larger)
        return false;
    input->buffer = larger;
    input->capacity = need;
    return true;
}

enum byte_input_status byte_input_fill(struct byte_input *input, size_t need)
{
    if (!input->regular) {
        struct pollfd ready = {.fd = input->descriptor, .events = POLLIN};
        if (poll(&ready, 1, 0) <= 0)
            return INPUT_WAIT;
    }
    if (!make_room(input, need)) {
        errno = ENOMEM;
        return INPUT_FAILED;
    }
    ssize_t got;
    do
        got = read(input->descriptor, input->buffer + input->end, input->capacity - input->end);
    while (got < 0 && errno == EINTR && input->regular);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? INPUT_WAIT : INPUT_FAILED;
    if (got == 0) {
        bool shrank = input->regular && input->buffer_offset + input->end < input->size_at_open;
        return shrank ? INPUT_SHRANK : INPUT_ENDED;
    }
    input->end += (size_t)got;
    return INPUT_FILLED;
}

void byte_input_close(struct byte_input *input)
{
    free(input->buffer);
    input->buffer = NULL;
    if (input->owned)
        close(input->descriptor);
    input->owned = false;
    input->descriptor = -1;
}
