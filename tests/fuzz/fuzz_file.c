/*
 * Fuzz target: the input is a capture file. Whatever is in it, reading ends, stays inside the
 * bytes, and keeps what a batch promises; read as two files that are merged it gives twice the
 * packets.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packet/source_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

/* Reads COUNT files to the end. Returns the number of packets, UINT64_MAX if not a capture. */
static uint64_t read_files(char *const paths[], uint32_t count)
{
    static struct packet_batch batch;
    uint64_t sum = 0; /* of every octet, so that each is read */
    struct error error;
    struct packet_source *source = source_file_open(paths, count, &error);
    if (!source)
        return UINT64_MAX;
    uint64_t packets = 0;
    enum receive_status status;
    while ((status = source->ops->receive(source, &batch)) == RECEIVE_PACKETS) {
        expect(batch.count > 0 && batch.count <= PACKET_BATCH_MAX);
        for (uint32_t i = 0; i < batch.count; i++) {
            expect(batch.captured_length[i] <= batch.wire_length[i]);
            expect(batch.timestamp_ns[i] < PACKET_TIME_LIMIT_NS);
            expect(batch.link[i] < LINK_LAYER_COUNT);
            for (uint32_t k = 0; k < batch.captured_length[i]; k++)
                sum += batch.data[i][k];
        }
        packets += batch.count;
        source->ops->release(source, &batch);
    }
    expect(status == RECEIVE_END || (status == RECEIVE_FAILED && source->problem.text[0]));
    expect(source->ledger.observed.packets == packets);
    expect(sum <= packets * UINT32_MAX);
    source->ops->close(source);
    return packets;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int descriptor = memfd_create("capture", MFD_CLOEXEC);
    expect(descriptor >= 0);
    expect(write(descriptor, data, size) == (ssize_t)size);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    char *paths[2] = {path, path};
    uint64_t once = read_files(paths, 1);
    uint64_t twice = read_files(paths, 2);
    expect(once == UINT64_MAX ? twice == UINT64_MAX : twice == 2 * once);
    close(descriptor);
    return 0;
}
