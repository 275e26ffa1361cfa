/*
 * Names through the life of records: random packets of few flows in a small cache, so that records
 * are cut, end, make room, wait for room on the ring and move to tables of other sizes. What leaves
 * with a record are the names of its own flow, all of them or none; a flow that is cut keeps them;
 * what is not wanted leaves with nobody; and at the end no line of the pool is in use.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow_cache_private.h"
#include "flow/flow_change.h"
#include "sim/random.h"

static const uint64_t second = 1000000000u;
enum { FLOWS = 300, FLOWS_MAX = 128, STEPS = 40000, CHANGE_EVERY = 700 };
enum { CLEAR = 1 << NAME_HTTP_HOST, HASHED = 1 << NAME_DNS_QUERY_NAME };

struct bench {
    struct record_ring *ring;
    struct worker_ledger ledger;
    struct flow_cache_config config;
    struct flow_cache *cache;
    struct flow_cache_change *change; /* under way; NULL: none */
    struct random random;
    uint64_t now_ns;
    uint64_t named_id[FLOWS]; /* flow id that was given names; 0: none */
    uint32_t name_octets;     /* of one name */
    bool strict;              /* each record of such a flow must have them */
    uint64_t with_names, cut_with_names;
};

static void open_bench(struct bench *bench, uint64_t seed, uint32_t name_octets, bool strict)
{
    struct error error = {""};
    memset(bench, 0, sizeof *bench);
    bench->random.state = seed;
    bench->now_ns = 1700000000u * second;
    bench->name_octets = name_octets;
    bench->strict = strict;
    bench->ring = record_ring_create(1024, &error);
    assert_non_null(bench->ring);
    bench->config = (struct flow_cache_config){.flows_max = FLOWS_MAX,
                                               .active_timeout_ns = 4 * second,
                                               .idle_timeout_ns = 6 * second,
                                               .tcp_linger_ns = second,
                                               .hash_seed = {seed, 2, 3, 4},
                                               .applications = true,
                                               .names = {CLEAR, HASHED},
                                               .ring = bench->ring,
                                               .ledger = &bench->ledger};
    bench->cache = flow_cache_create(&bench->config, &error);
    assert_non_null(bench->cache);
}

/* The names of FLOW: one in clear, and one that stands for a hash. Returns their octets. */
static uint32_t names_of(const struct bench *bench, uint32_t flow, uint8_t *out)
{
    uint32_t octets = bench->name_octets + flow % 7;
    out[0] = NAME_HTTP_HOST;
    out[1] = (uint8_t)octets;
    for (uint32_t i = 0; i < octets; i++)
        out[FLOW_NAME_HEAD + i] = (uint8_t)('a' + (flow + i) % 26);
    out += FLOW_NAME_HEAD + octets;
    out[0] = NAME_DNS_QUERY_NAME | FLOW_NAME_HASHED;
    out[1] = FLOW_NAME_HASH_OCTETS;
    snprintf((char *)out + FLOW_NAME_HEAD, FLOW_NAME_HASH_OCTETS + 1, "%016u", flow);
    return 2 * FLOW_NAME_HEAD + octets + FLOW_NAME_HASH_OCTETS;
}

static void expect_names(struct bench *bench, const struct flow_record *record)
{
    const struct flow_key_head *key = &record->hot->key;
    uint32_t port = ntohs(key->port_a) == 80 ? ntohs(key->port_b) : ntohs(key->port_a);
    uint32_t flow = port - 1000;
    bool on = bench->cache->names.clear != 0;
    if (record->names) {
        uint8_t want[FLOW_NAMES_OCTETS_MAX + 1];
        uint32_t octets = names_of(bench, flow, want);
        assert_true(on);
        assert_int_equal(record->extra->names, 0);
        if (record->extra->name_types == (CLEAR | HASHED)) {
            assert_int_equal(record->extra->name_octets, octets);
            assert_memory_equal(record->names, want, octets);
        }
        bench->with_names++;
        bench->cut_with_names += (record->cold->marks & FLOW_MARK_CONTINUED) != 0;
    } else if (bench->strict) {
        assert_true(record->cold->flow_id != bench->named_id[flow]);
    }
}

static void drain(struct bench *bench)
{
    record_ring_publish(bench->ring);
    for (const struct flow_hot *hot; (hot = record_ring_peek(bench->ring)) != NULL;) {
        struct flow_record record = flow_record_at(hot);
        expect_names(bench, &record);
        record_ring_next(bench->ring);
    }
    record_ring_release(bench->ring);
}

/* One packet of FLOW, and its names if its record has none and is looked at. */
static void give(struct bench *bench, uint32_t flow, unsigned flags)
{
    static const uint8_t frame[64];
    struct packet_facts facts = {.ip_octets = 40,
                                 .verdict = PACKET_METERED,
                                 .facts = PACKET_FACT_TCP,
                                 .tcp_flags = (uint16_t)flags};
    struct packet_batch batch = {.count = 1};
    struct flow_ref ref = {.index = FLOW_REF_NONE};
    struct flow_sought sought;
    facts.side = (uint8_t)flow_key_make4(&facts.key, htonl(0x0a000001), htonl(0x0a000002),
                                         htons((uint16_t)(1000 + flow)), htons(80), 6, 0, 0);
    batch.data[0] = frame;
    batch.timestamp_ns[0] = bench->now_ns;
    batch.captured_length[0] = batch.wire_length[0] = sizeof frame;
    flow_cache_update_batch(bench->cache, &batch, &facts, 1, &ref);
    if (bench->cache->names.clear == 0 || flow % 3 == 0 ||
        !flow_cache_sought(bench->cache, &ref, &facts, &sought) || sought.name_types)
        return;
    uint8_t names[FLOW_NAMES_OCTETS_MAX + 1];
    flow_cache_add_names(bench->cache, &ref, names, names_of(bench, flow, names));
    bench->named_id[flow] = sought.flow_id;
}

static void begin_change(struct bench *bench)
{
    struct error error = {""};
    bool on = random_chance(&bench->random, 70);
    bench->config.flows_max = (uint32_t)random_between(&bench->random, 40, 200);
    bench->config.names = on ? (struct flow_names){CLEAR, HASHED} : (struct flow_names){0, 0};
    drain(bench); /* what left by now, left by what held */
    bench->change = flow_cache_change_create(bench->cache, &bench->config, &error);
    assert_non_null(bench->change);
    flow_cache_take_change(bench->cache, bench->change);
}

static void end_change(struct bench *bench)
{
    if (!bench->change || flow_cache_step_change(bench->cache))
        return;
    flow_cache_change_free(bench->change);
    bench->change = NULL;
}

static void play(struct bench *bench, bool changes)
{
    for (unsigned step = 0; step < STEPS; step++) {
        bool quiet = random_chance(&bench->random, 1);
        bench->now_ns += random_below(&bench->random, quiet ? 8 * second : second / 50);
        uint32_t flow = (uint32_t)random_below(&bench->random, FLOWS);
        flow = random_chance(&bench->random, 60) ? flow % 40 : flow;
        give(bench, flow, random_chance(&bench->random, 5) ? 4 : 16);
        flow_cache_sweep(bench->cache, bench->now_ns);
        /* The ring is full now and then, and records wait in their slots. */
        if (step / 3000 % 2)
            drain(bench);
        if (changes && !bench->change && step % CHANGE_EVERY == 0 && step)
            begin_change(bench);
        end_change(bench);
    }
}

static void close_bench(struct bench *bench)
{
    for (unsigned turn = 0; bench->change && turn < 1000; turn++) {
        end_change(bench);
        drain(bench);
    }
    while (!flow_cache_flush(bench->cache, bench->now_ns, FLOW_END_FORCED))
        drain(bench);
    drain(bench);
    if (bench->cache->pool)
        assert_int_equal(name_pool_used(bench->cache->pool), 0);
    assert_int_equal(bench->ledger.flows, bench->ledger.records_out);
    flow_cache_destroy(bench->cache);
    record_ring_destroy(bench->ring);
}

static void records_carry_the_names_of_their_flow(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct bench bench;
        open_bench(&bench, seed, 12, true); /* both names in one line: there is always room */
        play(&bench, false);
        assert_true(bench.with_names > 1000 && bench.cut_with_names > 50);
        assert_int_equal(flow_cache_counters(bench.cache)->names_refused, 0);
        assert_true(flow_cache_counters(bench.cache)->ring_full > 0);
        close_bench(&bench);
    }
}

static void a_full_pool_is_counted(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 5, 240, false);
    play(&bench, false);
    assert_true(bench.with_names > 100);
    assert_true(flow_cache_counters(bench.cache)->names_refused > 0);
    close_bench(&bench);
}

static void names_and_sizes_change(void **state)
{
    (void)state;
    for (uint64_t seed = 6; seed <= 9; seed++) {
        struct bench bench;
        open_bench(&bench, seed, 100, false);
        play(&bench, true);
        assert_true(bench.with_names > 100);
        close_bench(&bench);
    }
}

/* Names of another cache's record of the same flow are added where they are missing. */
static void another_cache_adopts_them(void **state)
{
    (void)state;
    struct bench one, other;
    open_bench(&one, 1, 12, false);
    open_bench(&other, 2, 12, false);
    static const uint8_t frame[64];
    struct packet_facts facts = {.ip_octets = 40, .verdict = PACKET_METERED};
    struct packet_batch batch = {.count = 1};
    struct flow_ref ref, other_ref;
    struct flow_sought sought;
    uint8_t names[FLOW_NAMES_OCTETS_MAX + 1];
    flow_key_make4(&facts.key, htonl(1), htonl(2), htons(1005), htons(80), 17, 0, 0);
    batch.data[0] = frame;
    batch.timestamp_ns[0] = one.now_ns;
    batch.captured_length[0] = batch.wire_length[0] = sizeof frame;
    flow_cache_update_batch(one.cache, &batch, &facts, 1, &ref);
    flow_cache_update_batch(other.cache, &batch, &facts, 1, &other_ref);
    flow_cache_add_names(one.cache, &ref, names, names_of(&one, 5, names));
    for (unsigned turn = 0; turn < 2; turn++) /* once is enough */
        flow_cache_adopt_names(other.cache, &other_ref, one.cache, &ref, &facts);
    assert_true(flow_cache_sought(other.cache, &other_ref, &facts, &sought));
    assert_int_equal(sought.name_types, CLEAR | HASHED);
    close_bench(&one);
    close_bench(&other);
    assert_int_equal(other.with_names, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_carry_the_names_of_their_flow),
        cmocka_unit_test(a_full_pool_is_counted),
        cmocka_unit_test(names_and_sizes_change),
        cmocka_unit_test(another_cache_adopts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
