/*
 * The levels of the flood policy on a real cache under a virtual clock: when they begin and end,
 * what they do to whom, and that nothing is lost by them.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow_cache.h"

static const uint64_t second = 1000000000u;
static const uint64_t start_ns = 1700000000ull * 1000000000u;
enum { FLOWS = 1000, SYN = 2, RST = 4, ACK = 16, VICTIM = 0xc6120050 };

struct bench {
    struct record_ring *ring;
    struct worker_ledger ledger;
    struct flow_cache *cache;
    uint64_t now_ns;
    uint64_t given;
    uint64_t exported;                      /* packets */
    uint64_t aggregated;                    /* packets in aggregates */
    uint64_t ended[FLOW_END_RESOURCES + 1]; /* flow records of real flows */
};

static void open_bench(struct bench *bench, const struct flood_policy *policy)
{
    struct error error = {""};
    memset(bench, 0, sizeof *bench);
    bench->now_ns = start_ns;
    bench->ring = record_ring_create(1u << 16, &error);
    assert_non_null(bench->ring);
    struct flow_cache_config config = {.flows_max = FLOWS,
                                       .active_timeout_ns = 60 * second,
                                       .idle_timeout_ns = 15 * second,
                                       .tcp_linger_ns = 2 * second,
                                       .hash_seed = {1, 2, 3, 4},
                                       .flood = *policy,
                                       .ring = bench->ring,
                                       .ledger = &bench->ledger};
    bench->cache = flow_cache_create(&config, &error);
    assert_non_null(bench->cache);
}

/* Takes every record; those of established flows (10.0.0.0/8) are told apart. */
static void drain(struct bench *bench)
{
    record_ring_publish(bench->ring);
    for (const struct flow_hot *hot; (hot = record_ring_peek(bench->ring)) != NULL;) {
        struct flow_record record = flow_record_at(hot);
        uint64_t packets =
            flow_packets(record.hot, record.cold, 0) + flow_packets(record.hot, record.cold, 1);
        bench->exported += packets;
        if (record.extra && record.extra->aggregate)
            bench->aggregated += packets;
        else if (ntohl(record.hot->key.address_a) >> 24 == 10 ||
                 ntohl(record.hot->key.address_b) >> 24 == 10)
            bench->ended[record.cold->end_reason]++;
        record_ring_next(bench->ring);
    }
    record_ring_release(bench->ring);
}

static struct flood_counters flood(const struct bench *bench)
{
    struct flow_cache_counters counters;
    flow_cache_copy_counters(bench->cache, &counters);
    return counters.flood;
}

static void check_totals(struct bench *bench)
{
    drain(bench);
    struct ledger_pair cached = flow_cache_walk(bench->cache);
    assert_int_equal(bench->ledger.metered.packets, bench->given);
    assert_int_equal(bench->given, bench->exported + cached.packets);
    struct flood_counters counters = flood(bench);
    assert_true(counters.aggregated_packets >= bench->aggregated);
}

static void close_bench(struct bench *bench)
{
    assert_true(flow_cache_flush(bench->cache, bench->now_ns, FLOW_END_FORCED));
    check_totals(bench);
    assert_int_equal(bench->exported, bench->given);
    assert_int_equal(bench->ledger.flows, bench->ledger.records_out);
    assert_int_equal(bench->aggregated, flood(bench).aggregated_packets);
    flow_cache_destroy(bench->cache);
    record_ring_destroy(bench->ring);
}

/* One packet; returns where it was counted. */
static struct flow_ref give_ports(struct bench *bench, uint32_t source, uint16_t source_port,
                                  uint32_t destination, uint16_t destination_port, unsigned flags)
{
    static const uint8_t frame[64];
    struct packet_facts facts = {.ip_octets = 40,
                                 .verdict = PACKET_METERED,
                                 .facts = PACKET_FACT_TCP,
                                 .tcp_flags = (uint16_t)flags};
    facts.side = (uint8_t)flow_key_make4(&facts.key, htonl(source), htonl(destination),
                                         htons(source_port), htons(destination_port), 6, 0, 0);
    struct packet_batch batch = {.count = 1};
    batch.data[0] = frame;
    batch.wire_length[0] = 60;
    batch.timestamp_ns[0] = bench->now_ns;
    struct flow_ref ref;
    flow_cache_update_batch(bench->cache, &batch, &facts, 1, &ref);
    assert_int_not_equal(ref.index, FLOW_REF_NONE);
    bench->given++;
    return ref;
}

static struct flow_ref give(struct bench *bench, uint32_t source, uint32_t destination,
                            uint16_t port, unsigned flags)
{
    return give_ports(bench, source, port, destination, 80, flags);
}

/* Time passes; the cache is swept as a worker would, a hundred times a second. */
static void pass(struct bench *bench, uint64_t duration_ns)
{
    for (uint64_t end_ns = bench->now_ns + duration_ns; bench->now_ns < end_ns;) {
        bench->now_ns += second / 100;
        flow_cache_sweep(bench->cache, bench->now_ns);
        drain(bench);
    }
}

static uint32_t next_source; /* outside 10.0.0.0/8, never the same twice */

/* SYNs at RATE a second. */
static void attack(struct bench *bench, uint64_t duration_ns, uint32_t rate)
{
    for (uint64_t end_ns = bench->now_ns + duration_ns; bench->now_ns < end_ns;) {
        for (uint32_t i = 0; i < rate / 100; i++)
            give(bench, 0xc0000000u + next_source++ * 257, VICTIM, 1, SYN);
        pass(bench, second / 100);
    }
}

static void level1_is_hysteretic(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct flood_policy){true, 85, 70, second, 0, 0, 0});
    pass(&bench, second);
    for (uint32_t i = 0; i < 850; i++)
        give(&bench, 0x0a000000u + i, VICTIM, 1, ACK);
    pass(&bench, second / 100);
    assert_int_equal(flood(&bench).level, 0); /* 85 % is not above 85 % */
    give(&bench, 0xc0000001u, VICTIM, 1, SYN);
    pass(&bench, second / 100);
    assert_int_equal(flood(&bench).level, 1);
    assert_int_equal(flood(&bench).changes, 1);
    /* One-packet flows are gone within two seconds: a short idle time and one pass. */
    pass(&bench, 2 * second);
    assert_int_equal(flow_cache_flows(bench.cache), 0);
    assert_int_equal(bench.ended[FLOW_END_RESOURCES], 850);
    assert_int_equal(flood(&bench).short_idle_ends, 851);
    assert_int_equal(flood(&bench).early_evictions, 0);
    assert_int_equal(flood(&bench).level, 1); /* not calm for long enough */
    pass(&bench, 2 * second);
    /* Between the two bounds nothing changes, however long. */
    for (uint32_t i = 0; i < 710; i++)
        for (unsigned n = 0; n < 2; n++)
            give(&bench, 0x0a000000u + i, VICTIM, 1, ACK);
    for (unsigned s = 0; s < 14; s++) {
        pass(&bench, second);
        assert_int_equal(flood(&bench).level, 1);
    }
    assert_int_equal(flow_cache_flows(bench.cache), 710);
    pass(&bench, 10 * second); /* idle: gone, and calm since */
    assert_int_equal(flood(&bench).level, 0);
    assert_int_equal(flood(&bench).changes, 2);
    assert_int_equal(flood(&bench).occupancy_peak, 851);
    assert_int_equal(flood(&bench).capacity, FLOWS);
    assert_int_equal(bench.ended[FLOW_END_IDLE], 710);
    close_bench(&bench);
}

/* What is established stays, what one packet started goes. */
static void spare(uint32_t established, uint32_t rate)
{
    struct bench bench;
    open_bench(&bench, &(struct flood_policy){true, 85, 70, second, 0, 0, 0});
    pass(&bench, second);
    for (unsigned s = 0; s < 11; s++) {
        for (uint32_t i = 0; i < established; i++)
            for (unsigned n = 0; n < 2; n++)
                give(&bench, 0x0a000000u + i, VICTIM, 1, ACK);
        attack(&bench, second, rate);
    }
    assert_int_equal(flood(&bench).level, 1);
    assert_true(flood(&bench).early_evictions > 100);
    assert_int_equal(bench.ended[FLOW_END_RESOURCES], 0);
    assert_int_equal(bench.ended[FLOW_END_IDLE], 0);
    /* Closed: no linger at level 1. */
    give(&bench, 0x0a000000u, VICTIM, 1, RST);
    drain(&bench);
    assert_int_equal(bench.ended[FLOW_END_DETECTED], 1);
    check_totals(&bench);
    pass(&bench, 30 * second);
    assert_int_equal(flood(&bench).level, 0);
    assert_int_equal(flow_cache_flows(bench.cache), 0);
    give(&bench, 0x0a000000u, VICTIM, 1, RST);
    drain(&bench);
    assert_int_equal(bench.ended[FLOW_END_DETECTED], 1); /* it lingers again */
    pass(&bench, 4 * second);
    assert_int_equal(bench.ended[FLOW_END_DETECTED], 2);
    close_bench(&bench);
}

static void level1_spares_real_flows(void **state)
{
    (void)state;
    spare(100, 2000);
    spare(500, 4000);
    spare(650, 8000);
}

static void without_a_policy(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct flood_policy){0});
    pass(&bench, second);
    attack(&bench, 5 * second, 5000);
    struct flood_counters counters = flood(&bench);
    assert_int_equal(counters.level, 0);
    assert_int_equal(counters.changes, 0);
    assert_int_equal(counters.short_idle_ends, 0);
    assert_int_equal(counters.aggregated_packets, 0);
    assert_int_equal(counters.early_evictions, 25000 - FLOWS);
    assert_int_equal(counters.occupancy, FLOWS);
    assert_int_equal(counters.occupancy_peak, FLOWS);
    close_bench(&bench);
}

static void level2_is_hysteretic(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct flood_policy){.new_flows_per_s = 10000,
                                              .ipv4_prefix_length = 24,
                                              .ipv6_prefix_length = 48});
    pass(&bench, second);
    attack(&bench, second, 10000); /* not above */
    assert_int_equal(flood(&bench).level, 0);
    attack(&bench, second, 40000);
    assert_int_equal(flood(&bench).level, 2);
    struct flood_counters before = flood(&bench);
    attack(&bench, second, 40000);
    uint64_t aggregated = flood(&bench).aggregated_packets - before.aggregated_packets;
    assert_in_range(aggregated, 29000, 31000); /* what exceeds the rate */
    attack(&bench, 8 * second, 9000);          /* not well below */
    assert_int_equal(flood(&bench).level, 2);
    attack(&bench, 6 * second, 5000);
    assert_int_equal(flood(&bench).level, 0);
    assert_int_equal(flood(&bench).changes, 2);
    before = flood(&bench);
    attack(&bench, second, 5000);
    assert_int_equal(flood(&bench).aggregated_packets, before.aggregated_packets);
    assert_int_equal(flood(&bench).aggregated_octets, before.aggregated_packets * 40);
    check_totals(&bench);
    pass(&bench, 20 * second);
    close_bench(&bench);
}

/* During a flood a second packet of the same direction gets a record, an answer alone does not. */
static void level2_lets_real_flows_in(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &(struct flood_policy){.new_flows_per_s = 1000,
                                              .ipv4_prefix_length = 24,
                                              .ipv6_prefix_length = 48});
    pass(&bench, second);
    for (unsigned n = 0; n < 2; n++) /* known before */
        give(&bench, 0x0a000001u, VICTIM, 7, ACK);
    attack(&bench, second, 20000);
    assert_int_equal(flood(&bench).level, 2);
    for (uint32_t i = 0; i < 300; i++) /* uses up what the rate allows in this moment */
        give(&bench, 0xc0000000u + next_source++ * 257, VICTIM, 1, SYN);
    assert_true(give(&bench, 0x0a000001u, VICTIM, 7, ACK).index < FLOWS);
    assert_int_equal(give(&bench, 0x0a000002u, VICTIM, 7, SYN).index, FLOW_REF_AGGREGATE);
    struct flow_ref answer = give_ports(&bench, VICTIM, 80, 0x0a000002u, 7, SYN | ACK);
    assert_int_equal(answer.index, FLOW_REF_AGGREGATE);
    struct flow_ref third = give(&bench, 0x0a000002u, VICTIM, 7, ACK);
    assert_true(third.index < FLOWS && third.new_record);
    pass(&bench, 20 * second);
    assert_int_equal(bench.ended[FLOW_END_IDLE], 2);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level1_is_hysteretic),      cmocka_unit_test(level1_spares_real_flows),
        cmocka_unit_test(without_a_policy),          cmocka_unit_test(level2_is_hysteretic),
        cmocka_unit_test(level2_lets_real_flows_in),
    };
    return cmocka_run_group_tests_name("flow_admission", tests, NULL, NULL);
}
