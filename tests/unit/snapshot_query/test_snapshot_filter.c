/*
 * Property test: a block that holds a packet which libpcap selects is never passed over by the
 * index, whatever the expression, the packet and the link layer. And the index is worth something:
 * most blocks without an answer are passed over for questions that name something.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_packets.h"
#include "snapshot/snapshot_block.h"
#include "snapshot/snapshot_match.h"
#include "snapshot/snapshot_tuple.h"

enum { BLOCKS = 60, FILTERS = 600, PACKETS_MAX = 6, LINKS = 5 };

static const uint16_t link_types[LINKS] = {1, 113, 276, 0, 101};
static const int link_dlts[LINKS] = {DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NULL, DLT_RAW};

struct sample {
    unsigned link;
    uint32_t count;
    uint32_t length[PACKETS_MAX], wire[PACKETS_MAX];
    uint8_t data[PACKETS_MAX][QUERY_PACKET_MAX];
};

static struct sample samples[BLOCKS];
static struct snapshot_index ethernet_index; /* of all samples, block i of sample i */

/* The sample as a block of the ring, and its entry in the index. */
static void make_sample(struct random *random, struct sample *sample,
                        struct snapshot_indexer *indexer)
{
    static uint8_t block[SNAPSHOT_BLOCK_OCTETS];
    struct snapshot_block_header header = {.type = PCAPNG_CUSTOM,
                                           .length = 128,
                                           .enterprise = SNAPSHOT_ENTERPRISE,
                                           .version = SNAPSHOT_BLOCK_VERSION,
                                           .first_ns = 1,
                                           .last_ns = 1,
                                           .length_end = 128};
    memcpy(header.magic, SNAPSHOT_BLOCK_MAGIC, 8);
    sample->link = random_chance(random, 70) ? 0 : (unsigned)random_below(random, LINKS);
    sample->count = (uint32_t)random_between(random, 1, PACKETS_MAX);
    uint32_t end = SNAPSHOT_BLOCK_FIRST;
    for (uint32_t i = 0; i < sample->count; i++) {
        sample->length[i] = query_packet(random, link_types[sample->link], sample->data[i]);
        sample->wire[i] = sample->length[i] + (uint32_t)random_below(random, 100);
        const struct snapshot_packet packet = {.interface = sample->link,
                                               .captured_length = sample->length[i],
                                               .original_length = sample->wire[i],
                                               .time_ns = 1,
                                               .data = sample->data[i]};
        end += snapshot_epb_write(block + end, &packet);
    }
    header.packets = sample->count;
    header.used = snapshot_block_pad(block, end);
    memcpy(block, &header, sizeof header);
    header.crc = snapshot_block_crc(block, header.used);
    memcpy(block, &header, sizeof header);
    assert_true(
        snapshot_index_add(&ethernet_index, indexer, block, header.used, 0, link_types, LINKS));
}

static bool selects(const struct bpf_program *program, const struct sample *sample)
{
    for (uint32_t i = 0; i < sample->count; i++)
        if (bpf_filter(program->bf_insns, sample->data[i], sample->wire[i], sample->length[i]) != 0)
            return true;
    return false;
}

static void no_answer_is_passed_over(void **state)
{
    (void)state;
    struct random random = {2026};
    struct snapshot_indexer *indexer = snapshot_indexer_create();
    for (uint32_t i = 0; i < BLOCKS; i++)
        make_sample(&random, &samples[i], indexer);
    snapshot_indexer_destroy(indexer);
    uint64_t without = 0, passed_over = 0, with = 0;
    for (uint32_t k = 0; k < FILTERS; k++) {
        char filter[QUERY_FILTER_MAX];
        query_filter(&random, filter);
        const struct snapshot_question question = {.filter = filter};
        struct error error;
        struct snapshot_match *match = snapshot_match_create(&question, &error);
        if (!match) /* "src and dst" of both families and the like: libpcap refuses it */
            continue;
        for (unsigned link = 0; link < LINKS; link++) {
            struct bpf_program program;
            pcap_t *dead = pcap_open_dead(link_dlts[link], 262144);
            bool compiled = pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0;
            for (uint32_t i = 0; i < BLOCKS; i++) {
                if (samples[i].link != link)
                    continue;
                bool answer = compiled && selects(&program, &samples[i]);
                bool read = snapshot_match_block(match, &ethernet_index, i, &link_types[link], 1);
                if (answer && !read)
                    fail_msg("block %u (link type %u) was passed over for: %s", i, link_types[link],
                             filter);
                with += answer;
                without += !answer;
                passed_over += !read;
            }
            if (compiled)
                pcap_freecode(&program);
            pcap_close(dead);
        }
        snapshot_match_destroy(match);
    }
    print_message("%llu with an answer, %llu without, of which %llu passed over\n",
                  (unsigned long long)with, (unsigned long long)without,
                  (unsigned long long)passed_over);
    assert_true(with > 2500);
    assert_true(passed_over * 3 > without);
    snapshot_index_clear(&ethernet_index);
}

/* A conversation of which some parts are given. */
static void random_tuple(struct random *random, struct snapshot_tuple *tuple)
{
    static const uint8_t hosts4[][4] = {{10, 0, 0, 1}, {10, 7, 0, 3}, {192, 0, 2, 9}};
    static const uint8_t hosts6[][16] = {{0x20, 1, 0xd, 0xb8, [15] = 1}, {0xfe, 0x80, [15] = 9}};
    static const uint16_t ports[] = {0, 22, 53, 443};
    static const uint8_t protocols[] = {0, 6, 17, 58};
    memset(tuple, 0, sizeof *tuple);
    tuple->family = random_chance(random, 60) ? 4 : 6;
    for (unsigned end = 0; end < 2; end++) {
        tuple->with_address[end] = random_chance(random, 50);
        if (tuple->family == 4)
            memcpy(tuple->address[end], hosts4[random_below(random, 3)], 4);
        else
            memcpy(tuple->address[end], hosts6[random_below(random, 2)], 16);
        tuple->port[end] = ports[random_below(random, 4)];
    }
    tuple->protocol = protocols[random_below(random, 4)];
}

static void no_packet_of_a_conversation_is_passed_over(void **state)
{
    (void)state;
    struct random random = {42};
    struct snapshot_indexer *indexer = snapshot_indexer_create();
    uint64_t with = 0, passed_over = 0;
    snapshot_index_clear(&ethernet_index);
    for (uint32_t i = 0; i < BLOCKS; i++)
        make_sample(&random, &samples[i], indexer);
    snapshot_indexer_destroy(indexer);
    for (uint32_t k = 0; k < FILTERS; k++) {
        struct snapshot_tuple tuple;
        const struct snapshot_question question = {.tuple = &tuple};
        struct error error;
        random_tuple(&random, &tuple);
        struct snapshot_match *match = snapshot_match_create(&question, &error);
        assert_non_null(match);
        for (uint32_t i = 0; i < BLOCKS; i++) {
            const struct sample *sample = &samples[i];
            uint16_t link_type = link_types[sample->link];
            bool answer = false;
            for (uint32_t n = 0; n < sample->count; n++)
                answer |=
                    snapshot_tuple_matches(&tuple, sample->data[n], sample->length[n], link_type);
            bool read = snapshot_match_block(match, &ethernet_index, i, &link_type, 1);
            if (answer && !read)
                fail_msg("block %u (link type %u) was passed over for conversation %u", i,
                         link_type, k);
            with += answer;
            passed_over += !read;
        }
        snapshot_match_destroy(match);
    }
    assert_true(with > 1000);
    assert_true(passed_over > 1000);
    snapshot_index_clear(&ethernet_index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_is_passed_over),
        cmocka_unit_test(no_packet_of_a_conversation_is_passed_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
