/*
 * Marks of lists and brands through the life of records: random packets of few flows in a small
 * cache, so that records are cut, end, make room, wait for room on the ring and move to tables of
 * other sizes. Every record of a flow that is in a list has its mark, no other has one, and a brand
 * stays with its flow.
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
enum { FLOWS = 300, FLOWS_MAX = 128, STEPS = 40000, CHANGE_EVERY = 700, BRAND = 77 };

struct bench {
    struct record_ring *ring;
    struct worker_ledger ledger;
    struct flow_cache_config config;
    struct flow_cache *cache;
    struct flow_cache_change *change; /* under way; NULL: none */
    struct random random;
    uint64_t now_ns;
    uint64_t branded_id[FLOWS]; /* flow id that was given a brand; 0: none */
    uint64_t branded_ns[FLOWS]; /* when that was */
    uint64_t marked, branded, cut_and_marked;
    struct flow_listed listed;
    bool was_told; /* with the last packet */
    uint64_t told; /* records whose mark is new */
};

/* A list NAME of SEVERITY with the addresses of flows whose number is FIRST, FIRST + STEP, ... */
static struct watch_set *make_set(const char *name, enum severity severity, uint32_t first,
                                  uint32_t step)
{
    struct watch_list list = {.kind = WATCH_HOSTS, .severity = severity};
    struct error error = {""};
    char text[32];
    snprintf(list.name, sizeof list.name, "%s", name);
    struct watch_builder *builder = watch_builder_create(&list, 1, &error);
    assert_non_null(builder);
    for (uint32_t flow = first; flow < FLOWS; flow += step) {
        int octets = snprintf(text, sizeof text, "10.1.%u.%u", flow >> 8, flow & 255);
        assert_true(watch_builder_add(builder, 0, text, (uint32_t)octets, &error));
    }
    struct watch_set *set = watch_builder_finish(builder, &error);
    assert_non_null(set);
    return set;
}

static void open_bench(struct bench *bench, uint64_t seed, const struct watch_set *set)
{
    struct error error = {""};
    memset(bench, 0, sizeof *bench);
    bench->random.state = seed;
    bench->now_ns = 1700000000u * second;
    bench->ring = record_ring_create(1024, &error);
    assert_non_null(bench->ring);
    bench->config = (struct flow_cache_config){.flows_max = FLOWS_MAX,
                                               .active_timeout_ns = 4 * second,
                                               .idle_timeout_ns = 6 * second,
                                               .tcp_linger_ns = second,
                                               .hash_seed = {seed, 2, 3, 4},
                                               .watch = set,
                                               .listed = &bench->listed,
                                               .ring = bench->ring,
                                               .ledger = &bench->ledger};
    bench->cache = flow_cache_create(&bench->config, &error);
    assert_non_null(bench->cache);
}

/* The flow whose number the address of either side tells. */
static uint32_t flow_of(const struct flow_record *record)
{
    uint32_t a = ntohl(record->hot->key.address_a), b = ntohl(record->hot->key.address_b);
    return (a >> 16 == 0x0a01 ? a : b) & 0xffff;
}

static void expect_marks(struct bench *bench, const struct flow_record *record, uint32_t number)
{
    uint32_t flow = flow_of(record);
    uint32_t list = record->extra ? record->extra->list : 0;
    uint32_t brand = record->extra ? record->extra->brand : 0;
    assert_int_equal(list, flow % 3 == 0 ? number : 0);
    /* One that had ended before may have waited. */
    if (record->cold->flow_id == bench->branded_id[flow] &&
        newest_ns(record->hot) >= bench->branded_ns[flow])
        assert_int_equal(brand, BRAND);
    bench->marked += list != 0;
    bench->branded += brand != 0;
    bench->cut_and_marked += list && (record->cold->marks & FLOW_MARK_CONTINUED);
}

static void drain(struct bench *bench)
{
    record_ring_publish(bench->ring);
    for (const struct flow_hot *hot; (hot = record_ring_peek(bench->ring)) != NULL;) {
        struct flow_record record = flow_record_at(hot);
        expect_marks(bench, &record, watch_number("own"));
        record_ring_next(bench->ring);
    }
    record_ring_release(bench->ring);
}

/* One packet of FLOW, either way; returns where it was counted. */
static struct flow_ref give(struct bench *bench, uint32_t flow, unsigned flags, bool answer,
                            struct packet_facts *facts)
{
    static const uint8_t frame[64];
    struct packet_batch batch = {.count = 1};
    struct flow_ref ref = {.index = FLOW_REF_NONE};
    uint32_t host = htonl(0x0a010000 + flow), server = htonl(0x0a020001);
    uint16_t port = htons(5000), served = htons(80);
    *facts = (struct packet_facts){.ip_octets = 40,
                                   .verdict = PACKET_METERED,
                                   .facts = PACKET_FACT_TCP,
                                   .tcp_flags = (uint16_t)flags};
    facts->side =
        (uint8_t)flow_key_make4(&facts->key, answer ? server : host, answer ? host : server,
                                answer ? served : port, answer ? port : served, 6, 0, 0);
    batch.data[0] = frame;
    batch.timestamp_ns[0] = bench->now_ns;
    batch.captured_length[0] = batch.wire_length[0] = sizeof frame;
    flow_cache_update_batch(bench->cache, &batch, facts, 1, &ref);
    if (bench->listed.count)
        assert_int_equal(bench->listed.refs[0].flow_id, ref.flow_id);
    bench->told += bench->listed.count;
    bench->was_told = bench->listed.count != 0;
    bench->listed.count = 0;
    return ref;
}

static void give_random(struct bench *bench)
{
    uint32_t flow = (uint32_t)random_below(&bench->random, FLOWS);
    struct packet_facts facts;
    struct flow_sought sought;
    flow = random_chance(&bench->random, 60) ? flow % 40 : flow;
    struct flow_ref ref = give(bench, flow, random_chance(&bench->random, 5) ? 4 : 16,
                               random_chance(&bench->random, 50), &facts);
    if (flow % 5 || !random_chance(&bench->random, 30) ||
        !flow_cache_identify(bench->cache, &ref, &facts, &sought))
        return;
    flow_cache_mark_brand(bench->cache, &ref, &facts, BRAND);
    if (bench->branded_id[flow] != sought.flow_id)
        bench->branded_ns[flow] = bench->now_ns;
    bench->branded_id[flow] = sought.flow_id;
}

static void begin_change(struct bench *bench)
{
    struct error error = {""};
    bench->config.flows_max = (uint32_t)random_between(&bench->random, 40, 200);
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
        give_random(bench);
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
    assert_int_equal(bench->ledger.flows, bench->ledger.records_out);
    flow_cache_destroy(bench->cache);
    record_ring_destroy(bench->ring);
}

static void records_carry_the_marks_of_their_flow(void **state)
{
    (void)state;
    struct watch_set *set = make_set("own", SEVERITY_LOW, 0, 3);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct bench bench;
        open_bench(&bench, seed, set);
        play(&bench, seed > 3);
        close_bench(&bench);
        assert_true(bench.marked > 500 && bench.branded > 100 && bench.cut_and_marked > 50);
        assert_true(bench.told > 500 && bench.told < bench.marked + FLOWS_MAX);
    }
    watch_set_destroy(set);
}

/* The mark of the flow's one record, after an active cut if CUT. */
static uint32_t mark_after(struct bench *bench, bool cut, bool *told)
{
    struct packet_facts facts;
    bench->now_ns += cut ? 5 * second : 1000;
    struct flow_ref ref = give(bench, 0, 16, false, &facts);
    *told = bench->was_told;
    const struct flow_hot *hot = &bench->cache->hot[ref.index];
    return flow_state(hot) & FLOW_STATE_EXTRA ? bench->cache->extra[ref.index].list : 0;
}

static void take_set(struct bench *bench, const struct watch_set *set)
{
    struct error error = {""};
    bench->config.watch = set;
    struct flow_cache_change *change =
        flow_cache_change_create(bench->cache, &bench->config, &error);
    assert_non_null(change);
    flow_cache_take_change(bench->cache, change);
    while (flow_cache_step_change(bench->cache))
        ;
    flow_cache_change_free(change);
}

/* Other lists hold from the next record on, also of a flow that goes on; a mark stays without them,
 * and is told once. */
static void lists_change_under_a_flow(void **state)
{
    (void)state;
    struct watch_set *own = make_set("own", SEVERITY_LOW, 0, 1);
    struct watch_set *other = make_set("other", SEVERITY_HIGH, 0, 1);
    struct watch_set *none = make_set("none", SEVERITY_HIGH, 1, 2);
    struct bench bench;
    bool told;
    open_bench(&bench, 1, NULL);
    bench.config.idle_timeout_ns = 60 * second;
    take_set(&bench, NULL);
    assert_int_equal(mark_after(&bench, false, &told), 0);
    take_set(&bench, own);
    assert_int_equal(mark_after(&bench, false, &told), 0);
    assert_false(told);
    assert_int_equal(mark_after(&bench, true, &told), watch_number("own"));
    assert_true(told);
    assert_int_equal(mark_after(&bench, true, &told), watch_number("own"));
    assert_false(told);
    take_set(&bench, none);
    assert_int_equal(mark_after(&bench, true, &told), watch_number("own"));
    assert_false(told);
    take_set(&bench, other);
    assert_int_equal(mark_after(&bench, true, &told), watch_number("other"));
    assert_true(told);
    take_set(&bench, NULL);
    assert_int_equal(mark_after(&bench, true, &told), watch_number("other"));
    flow_cache_destroy(bench.cache);
    record_ring_destroy(bench.ring);
    watch_set_destroy(own);
    watch_set_destroy(other);
    watch_set_destroy(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_carry_the_marks_of_their_flow),
        cmocka_unit_test(lists_change_under_a_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
