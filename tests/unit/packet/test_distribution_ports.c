/*
 * The distribution stage when ports are hashed as well: conversations of one pair of hosts are
 * shared by the lanes, both directions of each meet, later fragments follow their first one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "packet/distribution.h"
#include "packet/source_memory.h"

enum { CONVERSATIONS = 400, EACH = 5, FRAME_MAX = 64, LANES = 4 };
/* Of each conversation: there, back, and a datagram in three fragments. */
enum { THERE, BACK, FIRST, MIDDLE, LAST };

static uint8_t frames[CONVERSATIONS * EACH][FRAME_MAX];
static struct memory_packet packets[CONVERSATIONS * EACH];
static struct packet_batch batch;

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* A packet between the same two hosts always; IPv4 or IPv6. Returns its length. */
static uint32_t make(uint8_t *frame, unsigned conversation, unsigned which, bool six)
{
    static const unsigned offsets[EACH] = {0, 0, 0x2000, 0x2001, 2};
    unsigned back = which == BACK;
    uint8_t *at = frame;
    memset(frame, 0, FRAME_MAX);
    if (six) {
        at[0] = 0x60;
        put16(at + 4, which < FIRST ? 8 : 16);
        at[6] = which < FIRST ? 17 : 44;
        at[7] = 64;
        at[8] = at[24] = 0x20;
        at[23] = (uint8_t)(1 + back);
        at[39] = (uint8_t)(2 - back);
        at += 40;
        if (which >= FIRST) {
            at[0] = 17;
            put16(at + 2, (offsets[which] & 0x1fff) << 3 | offsets[which] >> 13);
            put16(at + 6, conversation + 1);
            at += 8;
        }
    } else {
        at[0] = 0x45;
        put16(at + 2, 28);
        put16(at + 4, conversation + 1);
        put16(at + 6, offsets[which]);
        at[8] = 64;
        at[9] = 17;
        at[12] = at[16] = 10;
        at[15] = (uint8_t)(1 + back);
        at[19] = (uint8_t)(2 - back);
        at += 20;
    }
    if (which <= FIRST)
        put16(put16(at, back ? 53 : 10000 + conversation), back ? 10000 + conversation : 53);
    put16(at + 4, which < FIRST ? 8 : 24);
    return (uint32_t)(at + 8 - frame);
}

/* Which lane each packet came out of, by its place in the input (its time). */
static void spread(bool hash_ports, bool fragment_table, int lanes[CONVERSATIONS * EACH])
{
    struct error error = {""};
    const struct source_memory_options options = {.rounds = 1, .batch_max = 32};
    for (unsigned i = 0; i < CONVERSATIONS * EACH; i++)
        packets[i] = (struct memory_packet){.data = frames[i],
                                            .captured_length =
                                                make(frames[i], i / EACH, i % EACH, i / EACH % 2),
                                            .timestamp_ns = i + 1,
                                            .link = LINK_RAW_IP};
    for (unsigned i = 0; i < CONVERSATIONS * EACH; i++)
        packets[i].wire_length = packets[i].captured_length;
    struct packet_source *source = source_memory_open(packets, CONVERSATIONS * EACH, &options);
    struct distribution_config config = {.sources = {source},
                                         .source_count = 1,
                                         .lanes = LANES,
                                         .parser = {.fragment_table = fragment_table},
                                         .hash_ports = hash_ports,
                                         .hash_seed = {0x1234567, 0x89abcdef},
                                         .offline = true};
    struct distribution *distribution = distribution_create(&config, &error);
    assert_non_null(distribution);
    enum distribution_status status;
    do {
        status = distribution_step(distribution, 0);
        for (uint32_t l = 0; l < LANES; l++) {
            struct packet_source *lane = distribution_lane(distribution, l);
            while (lane->ops->receive(lane, &batch) == RECEIVE_PACKETS) {
                for (uint32_t i = 0; i < batch.count; i++)
                    lanes[batch.timestamp_ns[i] - 1] = (int)l;
                lane->ops->release(lane, &batch);
            }
        }
    } while (status != DISTRIBUTION_ENDED);
    distribution_destroy(distribution);
    source->ops->close(source);
}

static void test_ports_spread_one_pair_of_hosts(void **state)
{
    (void)state;
    int lanes[CONVERSATIONS * EACH];
    unsigned shares[2][LANES] = {{0}};
    spread(true, true, lanes);
    for (unsigned c = 0; c < CONVERSATIONS; c++) {
        shares[c % 2][lanes[c * EACH]]++;
        for (unsigned which = BACK; which < EACH; which++)
            assert_int_equal(lanes[c * EACH + which], lanes[c * EACH]);
    }
    for (unsigned six = 0; six < 2; six++)
        for (unsigned l = 0; l < LANES; l++)
            assert_in_range(shares[six][l], CONVERSATIONS / 2 / LANES / 2, CONVERSATIONS / LANES);
}

/* Without the table, later fragments have ports 0, here as in the worker: one lane for all. */
static void test_fragments_without_a_table(void **state)
{
    (void)state;
    int lanes[CONVERSATIONS * EACH];
    unsigned apart = 0;
    spread(true, false, lanes);
    for (unsigned c = 0; c < CONVERSATIONS; c++) {
        for (unsigned which = MIDDLE; which <= LAST; which++)
            assert_int_equal(lanes[c * EACH + which], lanes[(c % 2) * EACH + MIDDLE]);
        apart += lanes[c * EACH + MIDDLE] != lanes[c * EACH];
    }
    assert_in_range(apart, CONVERSATIONS / 2, CONVERSATIONS);
}

static void test_addresses_alone(void **state)
{
    (void)state;
    int lanes[CONVERSATIONS * EACH];
    spread(false, true, lanes);
    for (unsigned i = 0; i < CONVERSATIONS * EACH; i++)
        assert_int_equal(lanes[i], lanes[i / EACH % 2 * EACH]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_spread_one_pair_of_hosts),
        cmocka_unit_test(test_fragments_without_a_table),
        cmocka_unit_test(test_addresses_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
