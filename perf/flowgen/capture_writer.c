/* Classic pcap files: see capture_writer.h. */
#include "capture_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_OCTETS = 1 << 20, RECORD_HEADER_OCTETS = 16 };

static void flush(struct capture_writer *writer)
{
    uint32_t done = 0;
    while (done < writer->used && !writer->failed) {
        ssize_t written = write(writer->descriptor, writer->block + done, writer->used - done);
        if (written > 0) {
            done += (uint32_t)written;
        } else if (written < 0 && errno != EINTR) {
            writer->failed = true;
            writer->error_number = errno;
        }
    }
    writer->used = 0;
}

bool capture_writer_open(struct capture_writer *writer, const char *path, bool nanoseconds)
{
    *writer = (struct capture_writer){.nanoseconds = nanoseconds};
    writer->descriptor = strcmp(path, "-") == 0
                             ? STDOUT_FILENO
                             : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->descriptor < 0)
        return false;
    writer->block = malloc(BLOCK_OCTETS);
    if (writer->block == NULL)
        return false;
    uint32_t header[6] = {nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
    memcpy(writer->block, header, sizeof header);
    writer->used = sizeof header;
    return true;
}

uint8_t *capture_writer_room(struct capture_writer *writer, uint32_t octets)
{
    if (writer->used + RECORD_HEADER_OCTETS + octets > BLOCK_OCTETS)
        flush(writer);
    return writer->block + writer->used + RECORD_HEADER_OCTETS;
}

void capture_writer_add(struct capture_writer *writer, uint64_t time_ns, uint32_t octets)
{
    uint32_t fraction = (uint32_t)(time_ns % 1000000000);
    uint32_t header[4] = {(uint32_t)(time_ns / 1000000000),
                          writer->nanoseconds ? fraction : fraction / 1000, octets, octets};
    memcpy(writer->block + writer->used, header, sizeof header);
    writer->used += RECORD_HEADER_OCTETS + octets;
}

bool capture_writer_close(struct capture_writer *writer)
{
    flush(writer);
    free(writer->block);
    if (close(writer->descriptor) < 0 && !writer->failed) {
        writer->failed = true;
        writer->error_number = errno;
    }
    errno = writer->error_number;
    return !writer->failed;
}
