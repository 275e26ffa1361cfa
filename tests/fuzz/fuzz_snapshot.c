/*
 * Fuzz target: the input is a segment of a snapshot ring that somebody else wrote, or a line of its
 * manifest. Whatever its octets, a reader opens it or says in one line why not, reads each block of
 * its index or calls it damaged, and what an earlier run left is closed so that it can be opened.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_manifest_line.h"
#include "snapshot/snapshot_segment.h"
#include "snapshot/snapshot_segment_write.h"

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder = -1;
static const char name[] = "snapshot-20251128T230000Z-00000001.pcapng";

static char path[] = "/tmp/fuzz_snapshot-XXXXXX";

static void remove_folder(void)
{
    unlinkat(folder, name, 0);
    rmdir(path);
}

static void make_folder(void)
{
    check(mkdtemp(path));
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(folder >= 0 && atexit(remove_folder) == 0);
}

/* Reads all that a segment says it has. */
static uint64_t read_all(struct snapshot_segment *segment)
{
    static uint8_t buffer[SNAPSHOT_BLOCK_OCTETS];
    const struct snapshot_index *index = snapshot_segment_index(segment);
    struct error error = {""};
    uint32_t interfaces;
    uint64_t packets = 0;
    const struct snapshot_segment_interface *list =
        snapshot_segment_interfaces(segment, &interfaces);
    for (uint32_t i = 0; i < interfaces; i++)
        check(memchr(list[i].name, 0, sizeof list[i].name));
    for (uint32_t i = 0; i < index->count; i++) {
        struct snapshot_packet packet;
        uint32_t offset = SNAPSHOT_BLOCK_FIRST;
        snapshot_index_may_hold(index, i, snapshot_index_key_port(53));
        snapshot_index_may_have_protocol(index, i, 17);
        if (snapshot_segment_read(segment, i, buffer, &error) != SNAPSHOT_READ_GOOD) {
            check(error.text[0]);
            continue;
        }
        while (snapshot_block_next(buffer, index->entries[i].octets, &offset, &packet) ==
               SNAPSHOT_WALK_PACKET)
            packets++;
    }
    return packets;
}

/* A segment's file with DATA in it. */
static int make_file(const uint8_t *data, size_t size)
{
    int file = openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(file >= 0 && write(file, data, size) == (ssize_t)size);
    return file;
}

/* What was left by a run that was killed. */
static void recover(int file, size_t size)
{
    struct snapshot_segment_writer writer = {.file = -1};
    struct error error = {""};
    if (snapshot_segment_recover(&writer, file, size + 4 * INPUT_MAX, 1, 1, 2, &error)) {
        uint32_t blocks = writer.facts.blocks;
        struct snapshot_segment *segment = snapshot_segment_open(folder, name, &error);
        check(segment && !snapshot_segment_was_rebuilt(segment));
        check(snapshot_segment_index(segment)->count == blocks && blocks > 0);
        read_all(segment);
        snapshot_segment_close(segment);
    }
    snapshot_segment_drop(&writer);
}

/* Makes checksums right, so that what is behind them is looked at as well. */
static void mend(uint8_t *data, size_t size)
{
    struct snapshot_block_header header;
    struct snapshot_end end;
    struct snapshot_custom piece;
    const size_t piece_crc = sizeof piece, piece_front = sizeof piece + 16;
    for (size_t at = 0; at < size; at += SNAPSHOT_ALIGNMENT)
        if (snapshot_block_read_header(data + at, size - at, &header) && header.used <= size - at) {
            uint32_t crc = snapshot_block_crc(data + at, header.used);
            memcpy(data + at + offsetof(struct snapshot_block_header, crc), &crc, sizeof crc);
        }
    if (size < sizeof end)
        return;
    uint8_t *last = data + size - sizeof end;
    memcpy(&end, last, sizeof end);
    end.crc = snapshot_crc32c(0, &end, offsetof(struct snapshot_end, crc));
    memcpy(last, &end, sizeof end);
    if (end.index_offset >= size || size - end.index_offset < piece_front)
        return;
    memcpy(&piece, data + end.index_offset, sizeof piece);
    if (piece.length > size - end.index_offset || piece.length < piece_front + 4)
        return;
    uint32_t crc =
        snapshot_crc32c(0, data + end.index_offset + piece_front, piece.length - piece_front - 4);
    memcpy(data + end.index_offset + piece_crc, &crc, sizeof crc);
}

/* As a reader has it, and as a start after a kill. */
static void look_at(const uint8_t *data, size_t size)
{
    struct error error = {""};
    int file = make_file(data, size);
    struct snapshot_segment *segment = snapshot_segment_open(folder, name, &error);
    check(segment || error.text[0]);
    if (segment)
        read_all(segment);
    snapshot_segment_close(segment);
    recover(file, size);
    close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot_line line;
    if (size > INPUT_MAX)
        return 0;
    if (folder < 0)
        make_folder();
    snapshot_line_read((const char *)data, size, &line);
    look_at(data, size);
    uint8_t *copy = malloc(size + 1);
    check(copy);
    memcpy(copy, data, size);
    mend(copy, size);
    look_at(copy, size);
    free(copy);
    return 0;
}
