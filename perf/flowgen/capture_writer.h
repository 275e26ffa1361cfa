/*
 * Writes a classic pcap file of Ethernet frames, in large blocks. One thread.
 */
#ifndef SPANFLOW_PERF_FLOWGEN_CAPTURE_WRITER_H
#define SPANFLOW_PERF_FLOWGEN_CAPTURE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct capture_writer {
    int descriptor;
    bool nanoseconds; /* resolution of the file's time stamps */
    bool failed;      /* a write failed: errno of the first one is in ERROR_NUMBER */
    int error_number;
    uint8_t *block;
    uint32_t used; /* octets of the block */
};

/* Opens PATH ("-" = standard output) and writes the file header. False with errno on failure. */
bool capture_writer_open(struct capture_writer *writer, const char *path, bool nanoseconds);

/* Where the next frame of at most OCTETS octets goes; finish it with capture_writer_add(). */
uint8_t *capture_writer_room(struct capture_writer *writer, uint32_t octets);

/* Adds the frame that was built at capture_writer_room(). TIME_NS since 1970. */
void capture_writer_add(struct capture_writer *writer, uint64_t time_ns, uint32_t octets);

/* Writes what is left and closes. False with errno if any write failed. */
bool capture_writer_close(struct capture_writer *writer);

#endif
