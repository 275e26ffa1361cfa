/* The distribution stage: where packets go, what a full lane means, losses, clock, ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "packet/distribution.h"
#include "packet/source_memory.h"

enum { MANY = 8192, LANES = 4, FRAME_MAX = 128, LONG = 200 * 1024, PATIENCE = 1 << 20 };
static const uint64_t ms = 1000000;
static const uint64_t start_ns = 1700000000ull * 1000000000u;

static uint8_t frames[MANY][FRAME_MAX];
static struct memory_packet packets[MANY];
static uint8_t long_frame[LONG];
static struct packet_batch batch;

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* An IPv4 header; FRAGMENT is the word of flags and offset. Returns where the payload begins. */
static uint8_t *ipv4(uint8_t *at, const uint8_t source[4], const uint8_t destination[4],
                     unsigned protocol, unsigned payload, unsigned fragment)
{
    memset(at, 0, 20);
    at[0] = 0x45;
    put16(at + 2, 20 + payload);
    put16(at + 4, 77);
    put16(at + 6, fragment);
    at[8] = 64;
    at[9] = (uint8_t)protocol;
    memcpy(at + 12, source, 4);
    memcpy(at + 16, destination, 4);
    return at + 20;
}

static uint8_t *ipv6(uint8_t *at, const uint8_t source[16], const uint8_t destination[16],
                     unsigned next, unsigned payload)
{
    memset(at, 0, 8);
    at[0] = 0x60;
    put16(at + 4, payload);
    at[6] = (uint8_t)next;
    at[7] = 64;
    memcpy(at + 8, source, 16);
    memcpy(at + 24, destination, 16);
    return at + 40;
}

static uint8_t *udp(uint8_t *at, unsigned source_port, unsigned destination_port, unsigned payload)
{
    return put16(put16(put16(put16(at, source_port), destination_port), 8 + payload), 0);
}

static void set_packet(unsigned i, const uint8_t *end)
{
    uint32_t length = (uint32_t)(end - frames[i]);
    packets[i] = (struct memory_packet){.data = frames[i],
                                        .captured_length = length,
                                        .wire_length = length + i % 3,
                                        .timestamp_ns = start_ns + i * ms,
                                        .link = LINK_RAW_IP};
}

static uint64_t wire_octets(unsigned first, unsigned end)
{
    uint64_t octets = 0;
    for (unsigned i = first; i < end; i++)
        octets += packets[i].wire_length;
    return octets;
}

/* Random IPv4 and IPv6 packets in turn, the IPv6 ones with addresses that fold to the same word. */
static void make_random_packets(void)
{
    uint64_t state = 12345;
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t address[2][16];
        for (unsigned b = 0; b < sizeof address; b++) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            ((uint8_t *)address)[b] = (uint8_t)(state >> 56);
        }
        uint8_t *at;
        if (i % 2) {
            for (unsigned side = 0; side < 2; side++)
                for (unsigned b = 0; b < 4; b++)
                    address[side][12 + b] =
                        address[side][b] ^ address[side][4 + b] ^ address[side][8 + b];
            at = ipv6(frames[i], address[0], address[1], 17, 8);
        } else {
            at = ipv4(frames[i], address[0], address[1], 17, 8, 0);
        }
        set_packet(i, udp(at, 53, 53, 0));
    }
}

/* ---- the stage ---- */

struct stage {
    struct distribution_config config;
    struct distribution *distribution;
    uint64_t taken[DISTRIBUTION_LANES_MAX]; /* packets */
    enum receive_status last[DISTRIBUTION_LANES_MAX];
};

static void open_stage(struct stage *stage, uint32_t lanes, bool offline, uint64_t seed)
{
    struct error error = {""};
    stage->config.lanes = lanes;
    stage->config.offline = offline;
    stage->config.hash_seed[0] = seed * 0x9e3779b97f4a7c15ull;
    stage->config.hash_seed[1] = seed * 0xd1b54a32d192ed03ull + 7;
    stage->distribution = distribution_create(&stage->config, &error);
    assert_non_null(stage->distribution);
}

static struct packet_source *add_source(struct stage *stage, unsigned first, unsigned count)
{
    const struct source_memory_options options = {.rounds = 1, .batch_max = 32};
    struct packet_source *source = source_memory_open(packets + first, count, &options);
    assert_non_null(source);
    stage->config.sources[stage->config.source_count++] = source;
    return source;
}

static void close_stage(struct stage *stage)
{
    distribution_destroy(stage->distribution);
    for (uint32_t s = 0; s < stage->config.source_count; s++)
        stage->config.sources[s]->ops->close(stage->config.sources[s]);
}

static const struct source_ledger *lane_ledger(struct stage *stage, uint32_t lane)
{
    return &distribution_lane(stage->distribution, lane)->ledger;
}

/* Takes all that is in LANE; a packet's order is its time. */
static void drain(struct stage *stage, uint32_t lane)
{
    struct packet_source *source = distribution_lane(stage->distribution, lane);
    uint64_t newest = 0;
    while ((stage->last[lane] = source->ops->receive(source, &batch)) == RECEIVE_PACKETS) {
        for (uint32_t i = 0; i < batch.count; i++) {
            assert_true(batch.timestamp_ns[i] > newest);
            newest = batch.timestamp_ns[i];
        }
        stage->taken[lane] += batch.count;
        source->ops->release(source, &batch);
    }
}

static uint64_t drain_all(struct stage *stage)
{
    uint64_t sum = 0;
    for (uint32_t l = 0; l < stage->config.lanes; l++) {
        drain(stage, l);
        sum += stage->taken[l];
    }
    return sum;
}

/* Steps to the end with nobody held up; returns the packets taken. */
static uint64_t run_to_end(struct stage *stage)
{
    for (unsigned n = 0; distribution_step(stage->distribution, 0) != DISTRIBUTION_ENDED; n++) {
        assert_true(n < PATIENCE);
        drain_all(stage);
    }
    uint64_t sum = drain_all(stage);
    for (uint32_t l = 0; l < stage->config.lanes; l++)
        assert_int_equal(stage->last[l], RECEIVE_END);
    return sum;
}

/* ---- where packets go ---- */

static const uint8_t host_a[16] = {192, 0, 2, 1, 9, 9, 9, 9, 1};
static const uint8_t host_b[16] = {198, 51, 100, 7, 8, 8, 8, 8, 2};
static const uint8_t router_a[4] = {10, 0, 0, 1};
static const uint8_t router_b[4] = {10, 0, 0, 2};

static const uint8_t *one_way(unsigned i, unsigned kind)
{
    const uint8_t *from = i % 2 ? host_a : host_b;
    const uint8_t *to = i % 2 ? host_b : host_a;
    uint8_t *at = frames[i];
    switch (kind) {
    case 0: /* fragments: the first, a later one, one without ports */
        return udp(ipv4(at, from, to, 17, 8, i % 3 == 0 ? 0x2000 : i % 3), i, 2 * i, 0);
    case 1:
        return udp(ipv6(at, from, to, 17, 8), i, 53, 0);
    case 2: /* from other routers each time */
        at = ipv4(at, i % 3 ? router_a : host_b, router_b, 4, 28, 0);
        break;
    case 3:
        at = ipv4(at, router_a, i % 3 ? router_b : host_a, 47, 32, 0);
        at = put16(put16(at, 0), 0x0800);
        break;
    default: /* VXLAN */
        at = udp(ipv4(at, i % 5 ? router_a : host_a, router_b, 17, 58, 0), i, 4789, 50);
        memcpy(at, (uint8_t[8]){8}, 8);
        memset(at + 8, 2, 12);
        at = put16(at + 20, 0x0800);
        break;
    }
    return udp(ipv4(at, from, to, 17, 8, 0), 1000 + i, 2000, 0);
}

/* Both directions, all fragments, and what tunnels of several routers carry, for many seeds. */
static void test_one_conversation_one_lane(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++) {
        for (unsigned i = 0; i < 60; i++)
            set_packet(i, one_way(i, kind));
        unsigned used = 0;
        for (uint64_t seed = 1; seed <= 40; seed++) {
            struct stage stage = {.config.parser = {.fragment_table = true, .tunnels = TUNNEL_ALL}};
            add_source(&stage, 0, 30);
            add_source(&stage, 30, 30);
            open_stage(&stage, 8, true, seed);
            assert_int_equal(run_to_end(&stage), 60);
            unsigned lanes = 0;
            for (unsigned l = 0; l < 8; l++) {
                lanes += stage.taken[l] > 0;
                used |= (stage.taken[l] > 0 ? 1u : 0u) << l;
            }
            assert_int_equal(lanes, 1);
            close_stage(&stage);
        }
        assert_true(__builtin_popcount(used) > 4); /* the seed decides which */
    }
}

static void count_lanes(struct stage *stage, unsigned count, uint64_t seed)
{
    memset(stage, 0, sizeof *stage);
    add_source(stage, 0, count);
    open_stage(stage, 7, true, seed);
    assert_int_equal(run_to_end(stage), count);
    close_stage(stage);
}

static void test_fair(void **state)
{
    (void)state;
    struct stage stage;
    make_random_packets();
    for (uint64_t seed = 1; seed <= 3; seed++) {
        count_lanes(&stage, MANY, seed);
        for (unsigned l = 0; l < 7; l++) /* five standard deviations are 158 */
            assert_in_range(stage.taken[l], MANY / 7 - 170, MANY / 7 + 170);
    }
}

/* Packets that all meet in one lane under one seed are spread under another. */
static void test_cannot_be_steered(void **state)
{
    (void)state;
    static struct memory_packet chosen[MANY];
    unsigned count = 0;
    struct stage stage;
    make_random_packets();
    for (unsigned i = 0; i < MANY; i++) {
        struct stage one = {0};
        add_source(&one, i, 1);
        open_stage(&one, 7, true, 1);
        run_to_end(&one);
        if (one.taken[5])
            chosen[count++] = packets[i];
        close_stage(&one);
        if (count == 350)
            break;
    }
    memcpy(packets, chosen, count * sizeof *chosen);
    for (unsigned i = 0; i < count; i++)
        packets[i].timestamp_ns = start_ns + i;
    count_lanes(&stage, count, 1);
    assert_int_equal(stage.taken[5], count);
    count_lanes(&stage, count, 2);
    for (unsigned l = 0; l < 7; l++)
        assert_in_range(stage.taken[l], 15, 90); /* 50 of 350 */
}

/* ---- full lanes ---- */

static void make_long_packets(unsigned count)
{
    uint8_t *end = udp(ipv4(long_frame, host_a, host_b, 17, 8, 0), 1, 2, 0);
    memset(end, 0, sizeof long_frame - (size_t)(end - long_frame));
    for (unsigned i = 0; i < count; i++)
        packets[i] = (struct memory_packet){.data = long_frame,
                                            .captured_length = LONG,
                                            .wire_length = LONG + 1 + i,
                                            .timestamp_ns = start_ns + i,
                                            .link = LINK_RAW_IP};
}

static uint32_t busy_lane(struct stage *stage)
{
    for (uint32_t l = 0; l < stage->config.lanes; l++)
        if (stage->taken[l])
            return l;
    fail_msg("no lane has packets");
    return 0;
}

static void test_offline_waits(void **state)
{
    (void)state;
    struct stage stage = {0};
    unsigned held = 0;
    make_long_packets(400);
    add_source(&stage, 0, 400);
    open_stage(&stage, LANES, true, 3);
    enum distribution_status status;
    for (unsigned n = 0; (status = distribution_step(stage.distribution, 0)) != DISTRIBUTION_ENDED;
         n++) {
        assert_true(n < PATIENCE);
        if (status != DISTRIBUTION_HELD)
            continue;
        held++;
        assert_int_equal(distribution_step(stage.distribution, 0), DISTRIBUTION_HELD);
        drain_all(&stage);
    }
    assert_int_equal(drain_all(&stage), 400);
    const struct source_ledger *ledger = lane_ledger(&stage, busy_lane(&stage));
    assert_int_equal(ledger->observed.packets, 400);
    assert_int_equal(ledger->observed.octets, wire_octets(0, 400));
    assert_int_equal(ledger->dropped[DROPPED_DISTRIBUTION_FULL].packets, 0);
    assert_true(held >= 5);
    close_stage(&stage);
}

static void test_live_counts_what_it_drops(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_long_packets(400);
    struct packet_source *source = add_source(&stage, 0, 400);
    open_stage(&stage, LANES, false, 3);
    source_memory_allow(source, 150);
    for (unsigned i = 0; i < 10; i++)
        assert_int_not_equal(distribution_step(stage.distribution, 0), DISTRIBUTION_HELD);
    assert_int_equal(source->ledger.observed.packets, 150);
    uint64_t before = drain_all(&stage);
    uint32_t lane = busy_lane(&stage);
    const struct source_ledger *ledger = lane_ledger(&stage, lane);
    const struct ledger_pair *dropped = &ledger->dropped[DROPPED_DISTRIBUTION_FULL];
    assert_in_range(before, 30, 60);
    assert_in_range(dropped->packets, 1, 150 - before); /* as far as there was room to say it */
    source_memory_allow(source, 182);
    distribution_step(stage.distribution, 0);
    assert_int_equal(drain_all(&stage), before + 32);
    assert_int_equal(dropped->packets, 150 - before);
    assert_int_equal(dropped->octets, wire_octets((unsigned)before, 150));
    assert_int_equal(ledger->observed.packets, 182);
    assert_int_equal(ledger->observed.octets, wire_octets(0, 182));
    /* Nothing is told twice, and what is lost last is told before the end. */
    source_memory_allow(source, UINT64_MAX);
    for (unsigned i = 0; i < 20; i++)
        assert_int_not_equal(distribution_step(stage.distribution, 0), DISTRIBUTION_ENDED);
    uint64_t all = run_to_end(&stage);
    assert_int_equal(dropped->packets, 400 - all);
    assert_int_equal(ledger->observed.packets, 400);
    assert_int_equal(ledger->observed.octets, wire_octets(0, 400));
    assert_int_equal(source->ledger.observed.octets, ledger->observed.octets);
    close_stage(&stage);
}

/* ---- losses of devices, clock, ends ---- */

static const struct packet_source_ops *memory_ops;
static struct packet_source_ops losing_ops;
static uint64_t to_lose;

static void lose(struct packet_source *source)
{
    ledger_add(&source->ledger.dropped[DROPPED_DEVICE_MISSED], to_lose, 0);
    ledger_add(&source->ledger.dropped[DROPPED_SOCKET_FULL], 2 * to_lose, 0);
    ledger_add(&source->ledger.observed, 3 * to_lose, 0);
    to_lose = 0;
}

static void make_losing(struct packet_source *source)
{
    memory_ops = source->ops;
    losing_ops = *memory_ops;
    losing_ops.poll_device = lose;
    source->ops = &losing_ops;
}

static void test_device_losses_reach_the_first_lane(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_random_packets();
    struct packet_source *source = add_source(&stage, 0, 100);
    source_memory_allow(source, 50);
    make_losing(source);
    open_stage(&stage, LANES, false, 5);
    const struct source_ledger *first = lane_ledger(&stage, 0);
    const uint64_t looks[] = {5, 0, 7};
    uint64_t lost = 0;
    for (unsigned i = 0; i < 3; i++) {
        to_lose = looks[i];
        lost += looks[i];
        distribution_step(stage.distribution, start_ns + (10 + 2 * i) * 1000 * ms);
        distribution_step(stage.distribution, start_ns + (10 + 2 * i) * 1000 * ms);
        distribution_step(stage.distribution, start_ns + (11 + 2 * i) * 1000 * ms - 1);
        drain_all(&stage);
        assert_int_equal(first->dropped[DROPPED_DEVICE_MISSED].packets, lost);
        assert_int_equal(first->dropped[DROPPED_SOCKET_FULL].packets, 2 * lost);
        assert_int_equal(first->dropped[DROPPED_DEVICE_MISSED].octets, 0);
    }
    to_lose = 1;
    distribution_stop(stage.distribution);
    assert_int_equal(run_to_end(&stage), 50);
    assert_int_equal(first->dropped[DROPPED_DEVICE_MISSED].packets, lost + 1);
    uint64_t observed = 0;
    for (uint32_t l = 0; l < LANES; l++) {
        observed += lane_ledger(&stage, l)->observed.packets;
        if (l > 0)
            assert_int_equal(lane_ledger(&stage, l)->dropped[DROPPED_SOCKET_FULL].packets, 0);
    }
    assert_int_equal(observed, 50 + 3 * (lost + 1));
    assert_int_equal(observed, source->ledger.observed.packets);
    source->ops = memory_ops;
    close_stage(&stage);
}

/* What is not IP belongs to no conversation: one lane has it, counted like the rest. */
static void test_not_ip(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_random_packets();
    for (unsigned i = 0; i < 40; i++)
        frames[i][0] = 0xff;
    add_source(&stage, 0, 40);
    open_stage(&stage, LANES, true, 5);
    assert_int_equal(run_to_end(&stage), 40);
    assert_int_equal(stage.taken[0], 40);
    close_stage(&stage);
}

/* Lanes without packets learn the time too, on the way and at the end. */
static void test_clock_reaches_idle_lanes(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_long_packets(3);
    packets[1].timestamp_ns += 1000 * ms;
    packets[2].timestamp_ns += 1000 * ms + 1;
    struct packet_source *source = add_source(&stage, 0, 3);
    open_stage(&stage, LANES, true, 3);
    const uint64_t told[] = {packets[0].timestamp_ns, packets[1].timestamp_ns,
                             packets[1].timestamp_ns, packets[2].timestamp_ns};
    for (unsigned i = 0; i < 4; i++) {
        source_memory_allow(source, i + 1);
        distribution_step(stage.distribution, 0);
        drain_all(&stage);
        for (uint32_t l = 0; l < LANES; l++)
            assert_int_equal(distribution_lane(stage.distribution, l)->clock_ns, told[i]);
    }
    close_stage(&stage);
}

/* A jump of the clock stands in every lane, also in one that had no room for packets when it
 * happened, behind the last packet stamped before it and in front of the first one after it. */
static void test_clock_step_in_place(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_long_packets(200);
    for (unsigned i = 100; i < 200; i++)
        packets[i].timestamp_ns -= 3600 * 1000 * ms;
    struct packet_source *source = add_source(&stage, 0, 200);
    open_stage(&stage, LANES, false, 3);
    source_memory_allow(source, 100);
    for (unsigned i = 0; i < 5; i++)
        distribution_step(stage.distribution, 0);
    distribution_clock_stepped(stage.distribution);
    source_memory_allow(source, 120);
    distribution_step(stage.distribution, 0); /* the lane is full: all of these are lost */
    uint64_t before = drain_all(&stage);
    uint32_t lane = busy_lane(&stage);
    for (uint32_t l = 0; l < LANES; l++)
        assert_int_equal(distribution_lane(stage.distribution, l)->clock_steps, 1);
    source_memory_allow(source, 150);
    for (unsigned i = 0; i < 5; i++)
        distribution_step(stage.distribution, 0);
    struct packet_source *taker = distribution_lane(stage.distribution, lane);
    assert_int_equal(taker->ops->receive(taker, &batch), RECEIVE_PACKETS);
    assert_int_equal(batch.timestamp_ns[0], packets[120].timestamp_ns);
    taker->ops->release(taker, &batch);
    assert_int_equal(taker->ledger.dropped[DROPPED_DISTRIBUTION_FULL].packets, 120 - before);
    close_stage(&stage);
}

static void test_stop_in_the_middle(void **state)
{
    (void)state;
    for (unsigned offline = 0; offline < 2; offline++) {
        struct stage stage = {0};
        make_random_packets();
        struct packet_source *source = add_source(&stage, 0, MANY);
        open_stage(&stage, LANES, offline, 9);
        for (unsigned i = 0; i < 10; i++)
            distribution_step(stage.distribution, 0);
        distribution_stop(stage.distribution);
        uint64_t taken = run_to_end(&stage);
        assert_int_equal(taken, 320);
        assert_int_equal(source->ledger.observed.packets, taken);
        assert_int_equal(distribution_step(stage.distribution, 0), DISTRIBUTION_ENDED);
        close_stage(&stage);
    }
}

/* Offline and held when the stop comes: what was received still goes its way. */
static void test_stop_while_held(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_long_packets(400);
    struct packet_source *source = add_source(&stage, 0, 400);
    open_stage(&stage, LANES, true, 3);
    while (distribution_step(stage.distribution, 0) != DISTRIBUTION_HELD)
        continue;
    distribution_stop(stage.distribution);
    assert_int_equal(distribution_step(stage.distribution, 0), DISTRIBUTION_HELD);
    uint64_t taken = run_to_end(&stage);
    assert_int_equal(taken, source->ledger.observed.packets);
    assert_true(taken < 400);
    close_stage(&stage);
}

static enum receive_status fail_at_end(struct packet_source *source, struct packet_batch *out)
{
    enum receive_status status = memory_ops->receive(source, out);
    return status == RECEIVE_END ? RECEIVE_FAILED : status;
}

static void test_sources_end_at_different_times(void **state)
{
    (void)state;
    struct stage stage = {0};
    make_random_packets();
    add_source(&stage, 0, 0);
    struct packet_source *failing = add_source(&stage, 0, 100);
    add_source(&stage, 100, 3000);
    add_source(&stage, 3100, 1);
    memory_ops = failing->ops;
    struct packet_source_ops ops = *memory_ops;
    ops.receive = fail_at_end;
    failing->ops = &ops;
    open_stage(&stage, LANES, true, 2);
    for (unsigned n = 0; distribution_step(stage.distribution, 0) != DISTRIBUTION_ENDED; n++)
        assert_true(n < PATIENCE);
    uint64_t observed = 0;
    for (uint32_t l = 0; l < LANES; l++) {
        struct packet_source *lane = distribution_lane(stage.distribution, l);
        while (lane->ops->receive(lane, &batch) == RECEIVE_PACKETS)
            lane->ops->release(lane, &batch);
        assert_int_equal(lane->ops->receive(lane, &batch), RECEIVE_END);
        observed += lane->ledger.observed.packets;
    }
    assert_int_equal(observed, 3101);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_conversation_one_lane),
        cmocka_unit_test(test_fair),
        cmocka_unit_test(test_cannot_be_steered),
        cmocka_unit_test(test_offline_waits),
        cmocka_unit_test(test_live_counts_what_it_drops),
        cmocka_unit_test(test_device_losses_reach_the_first_lane),
        cmocka_unit_test(test_not_ip),
        cmocka_unit_test(test_clock_reaches_idle_lanes),
        cmocka_unit_test(test_clock_step_in_place),
        cmocka_unit_test(test_stop_in_the_middle),
        cmocka_unit_test(test_stop_while_held),
        cmocka_unit_test(test_sources_end_at_different_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
