/*
 * Writes a capture into a snapshot ring with everything kept, spread over two workers, and compares
 * what a query returns for each FILTER with what libpcap selects from the capture itself: the same
 * packets, octet for octet, with the same lengths and times. Three ways: of the open store and the
 * rings in memory, of the same in memory alone, and of the closed folder. Run by
 * tests/captures/test_snapshot_query. Usage: snapshot_compare FOLDER CAPTURE FILTER...
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/source_file.h"
#include "ring_maker.h"
#include "snapshot/snapshot_extract.h"

enum { MEBIBYTE = 1 << 20, WORKERS = 2, BLOCKS = 16 };

struct packet {
    uint64_t time_ns;
    uint32_t captured, wire;
    uint8_t *data;
};

struct list {
    struct packet *packets;
    size_t count, room;
    bool sorted; /* as it was filled */
};

static void add(struct list *list, uint64_t time_ns, uint32_t captured, uint32_t wire,
                const uint8_t *data)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 1024;
        list->packets = realloc(list->packets, list->room * sizeof *list->packets);
    }
    uint8_t *copy = malloc(captured + 1);
    if (!list->packets || !copy)
        exit(2);
    memcpy(copy, data, captured);
    if (list->count > 0 && list->packets[list->count - 1].time_ns > time_ns)
        list->sorted = false;
    list->packets[list->count++] = (struct packet){time_ns, captured, wire, copy};
}

static void clear(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->packets[i].data);
    list->count = 0;
    list->sorted = true;
}

static int compare(const void *one, const void *other)
{
    const struct packet *a = one, *b = other;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->captured != b->captured)
        return a->captured < b->captured ? -1 : 1;
    if (a->wire != b->wire)
        return a->wire < b->wire ? -1 : 1;
    return memcmp(a->data, b->data, a->captured);
}

static void sort(struct list *list)
{
    if (list->count > 1)
        qsort(list->packets, list->count, sizeof *list->packets, compare);
}

/* libpcap cuts packets to the length that the file's header says, which the probe does not. */
static uint32_t snap_length = UINT32_MAX;

/* What libpcap selects. False: it cannot read the capture or does not know the filter there. */
static bool select_by_libpcap(const char *path, const char *filter, struct list *list)
{
    char problem[PCAP_ERRBUF_SIZE];
    struct bpf_program program;
    struct pcap_pkthdr *header;
    const uint8_t *data;
    pcap_t *capture =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, problem);
    if (!capture)
        return false;
    if (pcap_snapshot(capture) > 0)
        snap_length = (uint32_t)pcap_snapshot(capture);
    bool good = pcap_compile(capture, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0;
    while (good && pcap_next_ex(capture, &header, &data) == 1)
        if (pcap_offline_filter(&program, header, data))
            add(list, (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec,
                header->caplen, header->len > header->caplen ? header->len : header->caplen, data);
    if (good)
        pcap_freecode(&program);
    pcap_close(capture);
    return good;
}

/* What a query selects. False with ERROR. */
static bool select_by_query(const struct snapshot_sources *sources, const char *filter,
                            struct list *list, struct error *error)
{
    const struct snapshot_question question = {.filter = filter};
    struct snapshot_query *query = snapshot_query_open(sources, &question, NULL, NULL, error);
    struct snapshot_kept packet;
    enum snapshot_query_step step = SNAPSHOT_QUERY_END;
    while (query && (step = snapshot_query_next(query, &packet)) != SNAPSHOT_QUERY_END)
        if (step == SNAPSHOT_QUERY_PACKET)
            add(list, packet.time_ns,
                packet.captured_length < snap_length ? packet.captured_length : snap_length,
                packet.wire_length, packet.data);
    if (query && snapshot_query_counts(query)->blocks_damaged != 0)
        error_set(error, "blocks were damaged");
    snapshot_query_close(query);
    return query != NULL && list->sorted;
}

/* Writes the whole capture into the rings. Returns the packets; they are spread over the workers.
 */
static uint64_t fill(struct ring_maker *maker, struct packet_source *source)
{
    struct packet_batch batch = {0}, parts[WORKERS];
    uint64_t count = 0;
    while (source->ops->receive(source, &batch) == RECEIVE_PACKETS) {
        memset(parts, 0, sizeof parts);
        for (uint32_t i = 0; i < batch.count; i++) {
            struct packet_batch *part = &parts[count++ / 7 % WORKERS];
            uint32_t k = part->count++;
            part->data[k] = batch.data[i];
            part->captured_length[k] = batch.captured_length[i];
            part->wire_length[k] = batch.wire_length[i];
            part->timestamp_ns[k] = batch.timestamp_ns[i];
            part->link[k] = batch.link[i];
        }
        for (uint32_t worker = 0; worker < WORKERS; worker++)
            if (parts[worker].count > 0)
                ring_maker_append(maker, worker, &parts[worker], NULL);
        source->ops->release(source, &batch);
    }
    ring_maker_show(maker);
    return count;
}

/* One line for each FILTER; returns how many were compared. */
static unsigned compare_all(const struct snapshot_sources *sources, const char *how,
                            const char *capture, char *const filters[], int count)
{
    static struct list expected = {.sorted = true}, found = {.sorted = true};
    unsigned compared = 0;
    for (int i = 0; i < count; i++) {
        struct error error = {""};
        clear(&expected);
        clear(&found);
        if (!select_by_libpcap(capture, filters[i], &expected))
            continue;
        compared++;
        bool good = select_by_query(sources, filters[i], &found, &error);
        sort(&expected);
        sort(&found);
        size_t same = 0;
        while (same < expected.count && same < found.count &&
               compare(&expected.packets[same], &found.packets[same]) == 0)
            same++;
        good = good && error.text[0] == 0 && same == expected.count && same == found.count;
        if (!good)
            printf("not ok %s '%s': %zu packets instead of %zu, the first %zu alike%s %s\n", how,
                   filters[i], found.count, expected.count, same,
                   found.sorted ? "" : ", not in order", error.text);
    }
    return compared;
}

int main(int argc, char **argv)
{
    struct ring_maker maker;
    struct error error = {""};
    if (argc < 4) {
        fprintf(stderr, "usage: snapshot_compare FOLDER CAPTURE FILTER...\n");
        return 2;
    }
    unsigned compared = 0;
    uint64_t packets = 0;
    for (int memory = 1; memory >= 0; memory--) {
        struct packet_source *source = source_file_open(&argv[2], 1, &error);
        if (!source || !ring_maker_open(&maker, memory ? NULL : argv[1], 48ull * MEBIBYTE,
                                        16ull * MEBIBYTE, WORKERS, BLOCKS, &error)) {
            fprintf(stderr, "%s\n", error.text);
            return 2;
        }
        packets = fill(&maker, source);
        source->ops->close(source);
        struct snapshot_sources sources = ring_maker_sources(&maker);
        compared += compare_all(&sources, memory ? "memory" : "store", argv[2], argv + 3, argc - 3);
        ring_maker_close(&maker, true);
    }
    const struct snapshot_sources folder = {.directory = argv[1]};
    compared += compare_all(&folder, "folder", argv[2], argv + 3, argc - 3);
    printf("compared %u packets %" PRIu64 "\n", compared, packets);
    return 0;
}
