/*
 * Expiry by time, word by word: without traffic, paced by time, spread evenly, never early and less
 * than a second late, and no record lost while the record ring is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache.h"
#include "sim/plain_record.h"
#include "sim/random.h"

enum { FLOWS = 50000, PARTS = 20, SMALL_RING_LINES = 256, LARGE_RING_LINES = 1 << 18 };
static const uint64_t second = 1000000000;
static const uint64_t ms = 1000000;
static const uint64_t start_ns = 1700000000ull * 1000000000u;
static const uint64_t idle_ns = 15 * 1000000000ull;
static const uint64_t active_ns = 60 * 1000000000ull;

struct rig {
    struct flow_cache *cache;
    struct record_ring *ring;
    struct worker_ledger ledger;
    struct plain_list got;
    uint8_t *seen; /* records of each flow */
};

static void open_rig(struct rig *rig, uint32_t ring_lines)
{
    struct error error = {""};
    memset(rig, 0, sizeof *rig);
    rig->ring = record_ring_create(ring_lines, &error);
    assert_non_null(rig->ring);
    const struct flow_cache_config config = {.flows_max = 2 * FLOWS,
                                             .active_timeout_ns = active_ns,
                                             .idle_timeout_ns = idle_ns,
                                             .hash_seed = {1, 2, 3, 4},
                                             .ring = rig->ring,
                                             .ledger = &rig->ledger};
    rig->cache = flow_cache_create(&config, &error);
    rig->seen = calloc(FLOWS, 1);
    assert_true(rig->cache && rig->seen);
}

static void close_rig(struct rig *rig)
{
    flow_cache_destroy(rig->cache);
    record_ring_destroy(rig->ring);
    plain_list_free(&rig->got);
    free(rig->seen);
}

/* One packet of UDP flow FLOW at TIME_NS; its number is the source address. */
static void put(struct rig *rig, uint32_t flow, uint64_t time_ns)
{
    static struct packet_batch batch;
    static struct packet_facts facts[PACKET_BATCH_MAX];
    static const uint8_t macs[12];
    memset(&facts[0], 0, sizeof facts[0]);
    facts[0].side = (uint8_t)flow_key_make4(&facts[0].key, __builtin_bswap32(flow + 1), UINT32_MAX,
                                            7, 9, 17, 0, 0);
    facts[0].ip_octets = 100;
    facts[0].verdict = PACKET_METERED;
    batch.count = 1;
    batch.data[0] = macs;
    batch.captured_length[0] = sizeof macs;
    batch.wire_length[0] = 114;
    batch.timestamp_ns[0] = time_ns;
    flow_cache_update_batch(rig->cache, &batch, facts, 1, NULL);
}

/* Takes the records off the ring; each must end for END and be its flow's only
 * one. Returns how many there were. */
static size_t take(struct rig *rig, enum flow_end_reason end)
{
    record_ring_publish(rig->ring);
    size_t before = rig->got.count;
    plain_list_drain(&rig->got, rig->ring, NULL);
    for (size_t i = before; i < rig->got.count; i++) {
        const struct plain_record *record = &rig->got.rows[i];
        uint32_t source = record->key.head.address_a == UINT32_MAX ? record->key.head.address_b
                                                                   : record->key.head.address_a;
        uint32_t flow = __builtin_bswap32(source) - 1;
        assert_in_range(flow, 0, FLOWS - 1);
        assert_int_equal(record->end_reason, end);
        assert_int_equal(rig->seen[flow], 0);
        rig->seen[flow] = 1;
    }
    return rig->got.count - before;
}

static void put_all(struct rig *rig, uint64_t time_ns)
{
    for (uint32_t flow = 0; flow < FLOWS; flow++)
        put(rig, flow, time_ns);
    assert_int_equal(flow_cache_flows(rig->cache), FLOWS);
}

/* All flows are silent from one moment on, and no packet ever comes again. By steps of the clock
 * all end within one second from their deadline, the same share in each part of that second. */
static void test_spread_evenly_without_traffic(void **state)
{
    (void)state;
    static const uint64_t offsets_ms[] = {0, 1, 370, 999};
    for (unsigned o = 0; o < 4; o++) {
        struct rig rig;
        open_rig(&rig, LARGE_RING_LINES);
        uint64_t last_ns = start_ns + offsets_ms[o] * ms;
        uint64_t due_ns = last_ns + idle_ns;
        flow_cache_sweep(rig.cache, start_ns);
        put_all(&rig, last_ns);
        for (uint64_t now = start_ns; now < due_ns; now += second / PARTS)
            flow_cache_sweep(rig.cache, now);
        flow_cache_sweep(rig.cache, due_ns - 1);
        assert_int_equal(take(&rig, FLOW_END_IDLE), 0); /* none is early */
        for (unsigned part = 1; part <= PARTS; part++) {
            flow_cache_sweep(rig.cache, due_ns - 1 + part * second / PARTS);
            assert_in_range(take(&rig, FLOW_END_IDLE), FLOWS / PARTS * 8 / 10,
                            FLOWS / PARTS * 12 / 10);
        }
        flow_cache_sweep(rig.cache, due_ns + second);
        take(&rig, FLOW_END_IDLE);
        assert_int_equal(rig.got.count, FLOWS);
        assert_int_equal(flow_cache_flows(rig.cache), 0);
        assert_in_range(flow_cache_counters(rig.cache)->sweep_late_ns_max, second * 9 / 10, second);
        close_rig(&rig);
    }
}

/* Active ends as idle ones: flows that never fall silent are cut by the sweep as well, and go on.
 */
static void test_active_ends_are_spread(void **state)
{
    (void)state;
    struct rig rig;
    open_rig(&rig, LARGE_RING_LINES);
    flow_cache_sweep(rig.cache, start_ns);
    for (uint64_t t = 0; t < active_ns; t += 10 * second)
        put_all(&rig, start_ns + t);
    flow_cache_sweep(rig.cache, start_ns + active_ns - 1);
    assert_int_equal(take(&rig, FLOW_END_ACTIVE), 0);
    for (unsigned part = 1; part <= PARTS; part++) {
        flow_cache_sweep(rig.cache, start_ns + active_ns - 1 + part * second / PARTS);
        assert_in_range(take(&rig, FLOW_END_ACTIVE), FLOWS / PARTS * 8 / 10,
                        FLOWS / PARTS * 12 / 10);
    }
    flow_cache_sweep(rig.cache, start_ns + active_ns + second);
    take(&rig, FLOW_END_ACTIVE);
    assert_int_equal(rig.got.count, FLOWS);
    close_rig(&rig);
}

/* However far the clock goes at once, one call ends all that is over, each record once. */
static void test_long_jumps(void **state)
{
    (void)state;
    static const uint64_t jumps_s[] = {16, 59, 61, 127, 128, 255, 256, 257, 300, 86400, 40000000};
    for (size_t j = 0; j < sizeof jumps_s / sizeof jumps_s[0]; j++) {
        struct rig rig;
        open_rig(&rig, LARGE_RING_LINES);
        flow_cache_sweep(rig.cache, start_ns);
        put_all(&rig, start_ns);
        flow_cache_sweep(rig.cache, start_ns + jumps_s[j] * second);
        assert_int_equal(take(&rig, FLOW_END_IDLE), FLOWS);
        assert_int_equal(flow_cache_flows(rig.cache), 0);
        close_rig(&rig);
    }
}

/* Flows with deadlines all over: never early, never a second late, whatever the steps. */
static void test_each_in_its_time(void **state)
{
    (void)state;
    struct rig rig;
    struct random random = {7};
    uint64_t longest_step = 0;
    open_rig(&rig, LARGE_RING_LINES);
    uint64_t *last_ns = calloc(FLOWS, sizeof *last_ns);
    assert_non_null(last_ns);
    flow_cache_sweep(rig.cache, start_ns);
    for (uint32_t flow = 0; flow < FLOWS; flow++) {
        last_ns[flow] = start_ns + random_below(&random, 10 * second);
        put(&rig, flow, last_ns[flow]);
    }
    for (uint64_t now = start_ns + 10 * second; rig.got.count < FLOWS;) {
        uint64_t step = random_below(&random, 300 * ms);
        longest_step = step > longest_step ? step : longest_step;
        now += step;
        flow_cache_sweep(rig.cache, now);
        size_t before = rig.got.count;
        take(&rig, FLOW_END_IDLE);
        for (size_t i = before; i < rig.got.count; i++) {
            const struct plain_record *record = &rig.got.rows[i];
            uint64_t last = record->side[0].last_ns + record->side[1].last_ns; /* one is 0 */
            assert_true(last + idle_ns <= now);
            assert_true(last + idle_ns + second + step > now);
        }
        assert_true(now < start_ns + 10 * second + idle_ns + 2 * second);
    }
    assert_in_range(flow_cache_counters(rig.cache)->sweep_late_ns_max, 1, second + longest_step);
    free(last_ns);
    close_rig(&rig);
}

/* A ring with room for a few records: expiry waits and loses none. Meanwhile packets of flows that
 * are over come as well, and start new ones: what was over leaves all the same. */
static void test_full_ring(void **state)
{
    (void)state;
    struct rig rig;
    struct random random = {9};
    open_rig(&rig, SMALL_RING_LINES);
    flow_cache_sweep(rig.cache, start_ns);
    put_all(&rig, start_ns);
    uint64_t now = start_ns + idle_ns + second;
    for (unsigned n = 0; n < 100; n++) /* nobody takes anything */
        flow_cache_sweep(rig.cache, now += 100 * ms);
    uint64_t metered = rig.ledger.metered.packets;
    for (unsigned n = 0; n < 1000; n++)
        put(&rig, (uint32_t)random_below(&random, FLOWS), now);
    metered = rig.ledger.metered.packets - metered;
    assert_true(rig.ledger.dropped[DROPPED_CACHE_FULL].packets + metered == 1000);
    assert_true(flow_cache_counters(rig.cache)->ring_full > 0);
    uint64_t packets = 0;
    for (unsigned n = 0; n < 100 * FLOWS / SMALL_RING_LINES && flow_cache_flows(rig.cache); n++) {
        record_ring_publish(rig.ring);
        plain_list_drain(&rig.got, rig.ring, NULL);
        flow_cache_sweep(rig.cache, now += 10 * ms);
    }
    now += idle_ns + 2 * second; /* the flows that were started meanwhile */
    for (unsigned n = 0; n < 1000 && flow_cache_flows(rig.cache); n++) {
        flow_cache_sweep(rig.cache, now += 100 * ms);
        record_ring_publish(rig.ring);
        plain_list_drain(&rig.got, rig.ring, NULL);
    }
    record_ring_publish(rig.ring);
    plain_list_drain(&rig.got, rig.ring, NULL);
    assert_int_equal(flow_cache_flows(rig.cache), 0);
    for (size_t i = 0; i < rig.got.count; i++)
        packets += rig.got.rows[i].side[0].packets + rig.got.rows[i].side[1].packets;
    assert_int_equal(packets, FLOWS + metered);
    assert_int_equal(rig.got.count, rig.ledger.records_out);
    assert_int_equal(rig.ledger.flows, rig.ledger.records_out);
    close_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread_evenly_without_traffic),
        cmocka_unit_test(test_active_ends_are_spread),
        cmocka_unit_test(test_long_jumps),
        cmocka_unit_test(test_each_in_its_time),
        cmocka_unit_test(test_full_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
