/*
 * Counters that outgrow their fields in the hot record: very many packets, very many octets, and
 * both at once, seen on the ring and by the walk at every stage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "flow/flow_cache.h"
#include "sim/plain_record.h"

struct load {
    uint64_t batches;
    uint64_t octets[2]; /* of a packet, by side */
};

static void feed(struct flow_cache *cache, const struct load *load, uint64_t *fed,
                 uint64_t octets[2])
{
    static struct packet_batch batch;
    static struct packet_facts facts[PACKET_BATCH_MAX];
    static const uint8_t frame[64];
    memset(facts, 0, sizeof facts);
    batch.count = PACKET_BATCH_MAX;
    for (unsigned i = 0; i < PACKET_BATCH_MAX; i++) {
        unsigned side = i & 1;
        batch.data[i] = frame;
        batch.wire_length[i] = 64;
        batch.timestamp_ns[i] = 1700000000ull * 1000000000u;
        facts[i].side =
            (uint8_t)flow_key_make4(&facts[i].key, side ? 2 : 1, side ? 1 : 2, 5, 5, 17, 0, 0);
        facts[i].verdict = PACKET_METERED;
        facts[i].ip_octets = load->octets[facts[i].side];
    }
    for (uint64_t b = 0; b < load->batches; b++) {
        flow_cache_update_batch(cache, &batch, facts, UINT64_MAX, NULL);
        *fed += PACKET_BATCH_MAX;
        octets[0] += PACKET_BATCH_MAX / 2 * load->octets[0];
        octets[1] += PACKET_BATCH_MAX / 2 * load->octets[1];
        if (b % 65536 == 0) {
            struct ledger_pair held = flow_cache_walk(cache);
            assert_int_equal(held.packets, *fed);
            assert_int_equal(held.octets, octets[0] + octets[1]);
        }
    }
}

static void run(const struct load *load)
{
    struct error error = {""};
    struct worker_ledger ledger = {0};
    struct record_ring *ring = record_ring_create(1, &error);
    struct flow_cache_config config = {
        .flows_max = 1, .hash_seed = {1, 2, 3, 4}, .ring = ring, .ledger = &ledger};
    struct flow_cache *cache = flow_cache_create(&config, &error);
    assert_non_null(ring);
    assert_non_null(cache);
    uint64_t fed = 0;
    uint64_t octets[2] = {0, 0};
    feed(cache, load, &fed, octets);
    assert_true(flow_cache_flush(cache, 0, FLOW_END_FORCED));
    record_ring_publish(ring);
    struct plain_list list = {0};
    assert_int_equal(plain_list_drain(&list, ring, NULL), 1);
    for (unsigned side = 0; side < 2; side++) {
        assert_int_equal(list.rows[0].side[side].packets, fed / 2);
        assert_int_equal(list.rows[0].side[side].octets, octets[side]);
    }
    assert_int_equal(ledger.metered.packets, fed);
    assert_int_equal(ledger.metered.octets, octets[0] + octets[1]);
    plain_list_free(&list);
    flow_cache_destroy(cache);
    record_ring_destroy(ring);
}

static void test_many_packets(void **state)
{
    (void)state;
    /* Over twice 2^23 packets a side; octets so that both fields carry at different times. */
    run(&(struct load){.batches = (1 << 19) + 17, .octets = {64, 65536}});
}

static void test_many_octets(void **state)
{
    (void)state;
    run(&(struct load){.batches = 40000, .octets = {(1ull << 32) + 39, 1ull << 32}});
}

/* The low halves of both fields are zero after a carry: the side is not empty for all that. */
static void test_carry_to_zero(void **state)
{
    (void)state;
    run(&(struct load){.batches = 1 << 18, .octets = {1 << 16, 1 << 20}});
}

/* Without timeouts a record is cut before its carries can overflow, and nothing is lost by it. */
static void test_cut_before_overflow(void **state)
{
    (void)state;
    struct error error = {""};
    struct worker_ledger ledger = {0};
    struct record_ring *ring = record_ring_create(1, &error);
    struct flow_cache_config config = {
        .flows_max = 1, .hash_seed = {1, 2, 3, 4}, .ring = ring, .ledger = &ledger};
    struct flow_cache *cache = flow_cache_create(&config, &error);
    assert_non_null(ring);
    assert_non_null(cache);
    struct packet_batch batch = {.count = PACKET_BATCH_MAX};
    static struct packet_facts facts[PACKET_BATCH_MAX];
    static const uint8_t frame[64];
    for (unsigned i = 0; i < PACKET_BATCH_MAX; i++) {
        batch.data[i] = frame;
        batch.wire_length[i] = 64;
        batch.timestamp_ns[i] = 1000000000u;
        flow_key_make4(&facts[i].key, 1, 2, 5, 5, 17, 0, 0);
        facts[i].verdict = PACKET_METERED;
        facts[i].ip_octets = 1ull << 32;
    }
    uint64_t octets = 0;
    for (; octets < 3ull << 54; octets += (uint64_t)PACKET_BATCH_MAX << 32)
        flow_cache_update_batch(cache, &batch, facts, UINT64_MAX, NULL);
    assert_true(flow_cache_flush(cache, 0, FLOW_END_FORCED));
    record_ring_publish(ring);
    struct plain_list list = {0};
    size_t records = plain_list_drain(&list, ring, NULL);
    assert_in_range(records, 3, 4);
    uint64_t exported = 0;
    for (size_t r = 0; r < records; r++) {
        exported += list.rows[r].side[0].octets;
        assert_int_equal(list.rows[r].end_reason,
                         r + 1 < records ? FLOW_END_ACTIVE : FLOW_END_FORCED);
    }
    assert_int_equal(exported, octets);
    plain_list_free(&list);
    flow_cache_destroy(cache);
    record_ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_packets),
        cmocka_unit_test(test_many_octets),
        cmocka_unit_test(test_carry_to_zero),
        cmocka_unit_test(test_cut_before_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
