/*
 * bench_flood: a SYN flood of random sources beside established flows, without a flood policy, with
 * level 1, with level 2 and with both. Which share of the established flows is cut early (end
 * reason 5), how many records a packet makes, and how fast it goes. The slow flood fills the table
 * twice within the idle timeout, the fast one in a quarter of a second. Rates are those of cache,
 * sweep and a consumer that discards; making the packets is left out. One thread.
 *
 * An eighth of the table are established flows, half or three quarters in the crowded cases; each
 * sends a packet every second. Time is virtual: ten seconds of calm, then the flood of 20 s.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/flow_cache.h"
#include "perf/bench/limit.h"
#include "perf/bench/measure.h"
#include "perf/bench/plan.h"
#include "perf/bench/traffic.h"

enum { SLICES = 1000, CALM_S = 10, FLOOD_S = 20, SYN = 2, ACK = 16 };
static const uint64_t second = 1000000000u;
static const uint64_t seed = 5;

struct flood_case {
    const char *policy;
    bool level1;
    bool level2;
    uint32_t established_percent; /* of the table */
    uint32_t flood_percent;       /* new flows in a second, of the table */
};

static const struct flood_case cases[] = {
    {"none", false, false, 12, 13},    {"level 1", true, false, 12, 13},
    {"none", false, false, 12, 400},   {"level 1", true, false, 12, 400},
    {"level 2", false, true, 12, 400}, {"levels 1 and 2", true, true, 12, 400},
    {"none", false, false, 50, 13},    {"level 1", true, false, 50, 13},
    {"none", false, false, 50, 400},   {"level 1", true, false, 50, 400},
    {"level 2", false, true, 50, 400}, {"levels 1 and 2", true, true, 50, 400},
};

struct bench {
    struct flow_cache *cache;
    struct record_ring *ring;
    struct worker_ledger ledger;
    uint64_t random;
    uint32_t flows_max;
    uint64_t given; /* packets */
    struct ledger_pair discarded;
    uint64_t cut; /* records of established flows that ended for lack of resources */
    uint64_t cycles;
    uint64_t now_ns;
    struct packet_batch batch;
    struct packet_facts facts[PACKET_BATCH_MAX];
};

static uint64_t next_random(struct bench *bench)
{
    uint64_t z = bench->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void open_bench(struct bench *bench, const struct flood_case *it, uint32_t flows_max)
{
    struct error error = {""};
    const struct bench_case plain = {64, flows_max, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0};
    struct flow_cache_config config = {.flows_max = flows_max};
    memset(bench, 0, sizeof *bench);
    plan_cache(&plain, &config);
    bench->flows_max = flows_max;
    bench->random = seed;
    bench->now_ns = 1700000000u * second;
    bench->ring = record_ring_create(bench_ring_lines, &error);
    config.flows_max = flows_max;
    config.ring = bench->ring;
    config.ledger = &bench->ledger;
    config.flood = (struct flood_policy){.level1 = it->level1,
                                         .enter_percent = 85,
                                         .leave_percent = 70,
                                         .short_idle_ns = second,
                                         .new_flows_per_s = it->level2 ? flows_max / 10 : 0,
                                         .ipv4_prefix_length = 24,
                                         .ipv6_prefix_length = 48};
    if (bench->ring)
        bench->cache = flow_cache_create(&config, &error);
    if (!bench->cache)
        bench_fail(error.text);
}

static void close_bench(struct bench *bench)
{
    flow_cache_destroy(bench->cache);
    record_ring_destroy(bench->ring);
}

/* Established flows have an address in 10.0.0.0/8 at one side; nobody else has. */
static bool is_established(const struct flow_key_head *key)
{
    return (key->address_a & 0xff) == 10 || (key->address_b & 0xff) == 10;
}

static void discard(struct bench *bench)
{
    for (const struct flow_hot *hot; (hot = record_ring_peek(bench->ring)) != NULL;) {
        struct flow_record record = flow_record_at(hot);
        for (unsigned side = 0; side < 2; side++)
            ledger_add(&bench->discarded, flow_packets(record.hot, record.cold, side),
                       flow_octets(record.hot, record.cold, side));
        if (record.cold->end_reason == FLOW_END_RESOURCES && is_established(&hot->key))
            bench->cut++;
        record_ring_next(bench->ring);
    }
    record_ring_release(bench->ring);
}

/* Gives the batch to the cache, as a worker would; what is made of it is discarded. */
static void run_batch(struct bench *bench)
{
    uint32_t count = bench->batch.count;
    uint64_t start = bench_cycles();
    if (count)
        flow_cache_update_batch(bench->cache, &bench->batch, bench->facts,
                                count == 64 ? UINT64_MAX : (1ull << count) - 1, NULL);
    flow_cache_sweep(bench->cache, bench->now_ns);
    record_ring_publish(bench->ring);
    discard(bench);
    bench->cycles += bench_interval(start, bench_cycles());
    bench->given += count;
    bench->batch.count = 0;
}

static void add_packet(struct bench *bench, uint32_t source, uint32_t port, unsigned flags)
{
    static const uint8_t frame[64];
    uint32_t i = bench->batch.count++;
    struct packet_facts *facts = &bench->facts[i];
    memset(facts, 0, sizeof *facts);
    facts->ip_octets = 40;
    facts->verdict = PACKET_METERED;
    facts->facts = PACKET_FACT_TCP;
    facts->tcp_flags = (uint16_t)flags;
    facts->ttl = 60;
    facts->side =
        (uint8_t)flow_key_make4(&facts->key, source, 0x500012c6, (uint16_t)port, 0x5000, 6, 0, 0);
    bench->batch.data[i] = frame;
    bench->batch.wire_length[i] = 60;
    bench->batch.timestamp_ns[i] = bench->now_ns;
    if (bench->batch.count == PACKET_BATCH_MAX)
        run_batch(bench);
}

/* SECONDS of established flows, each once a second, and FLOOD SYNs a second, evenly mixed. */
static void play(struct bench *bench, uint32_t seconds, uint32_t established, uint32_t flood)
{
    for (uint32_t slice = 0; slice < seconds * SLICES; slice++) {
        uint32_t part = slice % SLICES;
        uint32_t flow = (uint32_t)((uint64_t)established * part / SLICES);
        uint32_t end = (uint32_t)((uint64_t)established * (part + 1) / SLICES);
        uint32_t syns =
            (uint32_t)((uint64_t)flood * (part + 1) / SLICES - (uint64_t)flood * part / SLICES);
        while (flow < end || syns) {
            if (flow < end) {
                add_packet(bench, 10u | flow << 8, 443, ACK);
                flow++;
            }
            for (uint32_t n = 0; syns && n < 16; n++, syns--) {
                uint64_t random = next_random(bench);
                uint32_t source = (uint32_t)random;
                add_packet(bench, (source & 0xff) == 10 ? source + 1 : source,
                           (uint32_t)(random >> 32), SYN);
            }
        }
        bench->now_ns += second / SLICES;
        run_batch(bench);
    }
}

static bool balanced(const struct bench *bench)
{
    const struct worker_ledger *l = &bench->ledger;
    struct ledger_pair cached = flow_cache_walk(bench->cache);
    return bench->given == l->metered.packets + l->dropped[DROPPED_CACHE_FULL].packets &&
           l->metered.packets == bench->discarded.packets + cached.packets &&
           l->metered.octets == bench->discarded.octets + cached.octets;
}

static void run_case(const struct bench_options *options, const struct flood_case *it)
{
    static struct bench bench;
    static struct traffic_order order;
    struct bench_samples cycles = {0}, limit = {0};
    uint32_t flows_max = options->quick ? 1u << 12 : 1u << 18;
    const struct bench_case plain = {64, flows_max, 0, ORDER_UNIFORM, 4, FEATURE_NONE, 0};
    uint32_t established = (uint32_t)((uint64_t)flows_max * it->established_percent / 100);
    open_bench(&bench, it, flows_max);
    play(&bench, CALM_S, established, 0);
    traffic_order_start(&order, &plain, flows_max, seed);
    bench_add(&limit, limit_tables(bench.cache, &order, false, options->packets));
    uint64_t given = bench.given, records = bench.ledger.records_out;
    bench.cycles = 0;
    play(&bench, FLOOD_S, established, (uint32_t)((uint64_t)flows_max * it->flood_percent / 100));
    uint64_t packets = bench.given - given;
    bench_add(&cycles, (double)bench.cycles / (double)packets);
    struct flow_cache_counters counters;
    flow_cache_copy_counters(bench.cache, &counters);
    bench_row_begin("flood");
    bench_row_text("policy", it->policy);
    bench_row_number("flows_max", flows_max, 0);
    bench_row_number("established_percent", it->established_percent, 0);
    bench_row_number("new_flows_percent_per_s", it->flood_percent, 0);
    bench_row_rate("mpps", &cycles, &limit);
    bench_row_number("established_cut_share", (double)bench.cut / established, 5);
    bench_row_number("records_per_packet",
                     (double)(bench.ledger.records_out - records) / (double)packets, 4);
    bench_row_number("aggregated_share",
                     (double)counters.flood.aggregated_packets / (double)packets, 4);
    bench_row_number("level_changes", (double)counters.flood.changes, 0);
    bench_row_truth("balanced", balanced(&bench));
    bench_row_end(options);
    close_bench(&bench);
}

int main(int argc, char **argv)
{
    struct bench_options options;
    bench_start(&options, "bench_flood", argc, argv);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&options, &cases[i]);
    return EXIT_SUCCESS;
}
