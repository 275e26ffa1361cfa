/* Common ground of the tests of extraction. See query_bench.h. */
#include "query_bench.h"

#include <ftw.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void query_bench_begin(struct query_bench *bench, uint64_t octets)
{
    const char *base = getenv("TMPDIR");
    struct error error = {""};
    memset(bench, 0, sizeof *bench);
    snprintf(bench->parent, sizeof bench->parent, "%.200s/query-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(bench->parent));
    snprintf(bench->folder, sizeof bench->folder, "%s/ring", bench->parent);
    snprintf(bench->output, sizeof bench->output, "%s/output.pcapng", bench->parent);
    if (!ring_maker_open(&bench->maker, bench->folder, octets, 16 << 20, QUERY_BENCH_WORKERS, 8,
                         &error))
        fail_msg("%s", error.text);
    snapshot_interfaces_name(bench->maker.interfaces, 0, 7, "tap0");
}

void query_bench_packet(uint64_t number, uint8_t data[QUERY_BENCH_OCTETS])
{
    static const uint8_t front[] = {2,    0, 0, 0,   0, 1, 2, 0, 0,  0,  0, 2, 8,  0,
                                    0x45, 0, 0, 186, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0};
    static const uint8_t back[] = {1, 192, 0, 2, 1, 1000 >> 8, 1000 & 255, 0, 53, 0, 166, 0, 0};
    memcpy(data, front, sizeof front);
    data[28] = (uint8_t)(number % 100 + 1);
    memcpy(data + 29, back, sizeof back);
    for (uint32_t i = 42; i < QUERY_BENCH_OCTETS; i++)
        data[i] = (uint8_t)((number + 1) * 0x9e3779b97f4a7c15ull >> 8 * (i % 8));
}

void query_bench_feed(struct query_bench *bench, uint64_t count)
{
    uint8_t data[PACKET_BATCH_MAX][QUERY_BENCH_OCTETS];
    while (count > 0) {
        struct packet_batch batch[QUERY_BENCH_WORKERS] = {0};
        uint64_t flow_ids[QUERY_BENCH_WORKERS][PACKET_BATCH_MAX];
        for (uint32_t i = 0; i < PACKET_BATCH_MAX && count > 0; i++, count--, bench->next++) {
            unsigned worker = (unsigned)(bench->next % QUERY_BENCH_WORKERS);
            uint32_t k = batch[worker].count++;
            query_bench_packet(bench->next, data[i]);
            batch[worker].data[k] = data[i];
            batch[worker].captured_length[k] = QUERY_BENCH_OCTETS;
            batch[worker].wire_length[k] = QUERY_BENCH_OCTETS + 4;
            batch[worker].timestamp_ns[k] = QUERY_BENCH_START + bench->next * 1000;
            flow_ids[worker][k] = bench->next % 100 + 1;
        }
        for (unsigned worker = 0; worker < QUERY_BENCH_WORKERS; worker++)
            if (batch[worker].count > 0)
                ring_maker_append(&bench->maker, worker, &batch[worker], flow_ids[worker]);
    }
}

void query_bench_close(struct query_bench *bench)
{
    ring_maker_close(&bench->maker, true);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

void query_bench_clean(struct query_bench *bench)
{
    nftw(bench->parent, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint8_t *query_bench_read(const char *path, size_t *octets)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *octets = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*octets + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *octets, file), *octets);
    fclose(file);
    return data;
}

long query_bench_count(const char *path)
{
    char problem[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const uint8_t *data;
    long count = 0;
    int result;
    pcap_t *capture = pcap_open_offline(path, problem);
    if (!capture)
        return -1;
    while ((result = pcap_next_ex(capture, &header, &data)) == 1)
        count++;
    pcap_close(capture);
    return result == PCAP_ERROR_BREAK ? count : -1;
}

bool query_bench_holds(const char *path, const char *text)
{
    size_t octets;
    uint8_t *data = query_bench_read(path, &octets);
    bool found = data && memmem(data, octets, text, strlen(text)) != NULL;
    free(data);
    return found;
}
