/*
 * The reader of the distribution stage: batches of the sources, spread over lanes. It parses each
 * packet as the workers will, so that what makes one key goes one way, tunnels included.
 */
#include "packet/distribution.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "packet/lane.h"

static const uint64_t clock_every_ns = 50000000;    /* 50 ms */
static const uint64_t device_every_ns = 1000000000; /* 1 s */

/* Lost on the way to a lane, or left to the host, and not yet told to its worker. */
struct untold_loss {
    struct ledger_pair lost[DROPPED_COUNT];
    struct ledger_pair host;
    bool any;
};

struct distribution {
    struct distribution_config config;
    struct parser *parser;
    struct lane *lanes[DISTRIBUTION_LANES_MAX];
    struct untold_loss untold[DISTRIBUTION_LANES_MAX];
    struct source_ledger device_seen[DISTRIBUTION_SOURCES_MAX];
    bool source_ended[DISTRIBUTION_SOURCES_MAX];
    bool sources_asked; /* others are submitted: what is idle from then on is read out */
    bool source_idle[DISTRIBUTION_SOURCES_MAX];    /* it had nothing when it was asked last */
    bool source_stopped[DISTRIBUTION_SOURCES_MAX]; /* stop() was called */
    uint32_t sources_open;
    uint32_t source;   /* whose batch is being spread, or whose turn is next */
    uint32_t position; /* first packet of the batch that is not yet in a lane */
    bool spreading;
    bool step_untold[DISTRIBUTION_LANES_MAX]; /* the lane does not know of a clock step yet */
    bool lane_ended[DISTRIBUTION_LANES_MAX];
    bool ended; /* nothing more is taken from the sources */
    uint64_t now_ns;
    uint64_t clock_told_ns;
    uint64_t device_polled_ns;
    _Atomic bool stop_asked;
    _Atomic(const struct source_list *) sources_submitted; /* the reader sets it to NULL */
    struct packet_batch batch;
    struct packet_facts facts[PACKET_BATCH_MAX];
};

struct distribution *distribution_create(const struct distribution_config *config,
                                         struct error *error)
{
    check(config->lanes >= 1 && config->lanes <= DISTRIBUTION_LANES_MAX);
    check(config->source_count <= DISTRIBUTION_SOURCES_MAX);
    struct distribution *distribution = calloc(1, sizeof *distribution);
    if (!distribution) {
        error_set(error, "no memory for the distribution stage");
        return NULL;
    }
    distribution->config = *config;
    distribution->sources_open = config->source_count;
    struct parser_config parser = config->parser;
    parser.fragment_table &= config->hash_ports; /* else addresses are all it needs */
    distribution->parser = parser_create(&parser, error);
    bool good = distribution->parser != NULL;
    for (uint32_t l = 0; good && l < config->lanes; l++) {
        distribution->lanes[l] = lane_create(l, !config->offline, error);
        good = distribution->lanes[l] != NULL &&
               (!config->populated || lane_populate(distribution->lanes[l], error));
    }
    if (!good) {
        distribution_destroy(distribution);
        return NULL;
    }
    return distribution;
}

void distribution_destroy(struct distribution *distribution)
{
    if (!distribution)
        return;
    for (uint32_t l = 0; l < distribution->config.lanes; l++)
        lane_destroy(distribution->lanes[l]);
    parser_destroy(distribution->parser);
    free(distribution);
}

struct packet_source *distribution_lane(struct distribution *distribution, uint32_t lane)
{
    check(lane < distribution->config.lanes);
    return lane_source(distribution->lanes[lane]);
}

void distribution_stop(struct distribution *distribution)
{
    atomic_store_explicit(&distribution->stop_asked, true, memory_order_release);
}

/* ---- where a packet goes ---- */

static uint64_t mix(uint64_t value, uint64_t seed)
{
    unsigned __int128 product = (unsigned __int128)(value ^ seed) * (seed | 0x9e3779b97f4a7c15ull);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* All 16 octets: who chooses addresses finds any number with the same folded form. */
static uint64_t hash_address6(const uint8_t address[16], const uint64_t seed[2])
{
    uint64_t half[2];
    memcpy(half, address, sizeof half);
    return mix(mix(half[0], seed[0]) + half[1], seed[1]);
}

/* One end of a conversation. PORT is 0 if only addresses count. */
static uint64_t hash_end4(uint32_t address, uint16_t port, const uint64_t seed[2])
{
    return mix((uint64_t)port << 32 | address, seed[0]);
}

static uint64_t hash_end6(const uint8_t address[16], uint16_t port, const uint64_t seed[2])
{
    uint64_t hash = hash_address6(address, seed);
    return port ? mix(hash + port, seed[0]) : hash;
}

/* The sum of two keyed hashes does not change when the addresses change places. */
static uint32_t lane_of(const struct distribution *distribution, const struct packet_facts *facts)
{
    if (facts->verdict != PACKET_METERED)
        return 0;
    const uint64_t *seed = distribution->config.hash_seed;
    const struct flow_key *key = &facts->key;
    uint16_t port_a = distribution->config.hash_ports ? key->head.port_a : 0;
    uint16_t port_b = distribution->config.hash_ports ? key->head.port_b : 0;
    uint64_t both = key->family == 6 ? hash_end6(key->address6_a, port_a, seed) +
                                           hash_end6(key->address6_b, port_b, seed)
                                     : hash_end4(key->head.address_a, port_a, seed) +
                                           hash_end4(key->head.address_b, port_b, seed);
    uint64_t hash = mix(both, seed[1]);
    return (uint32_t)((hash >> 32) * distribution->config.lanes >> 32);
}

static void lose(struct distribution *distribution, uint32_t lane, enum ledger_dropped reason,
                 uint64_t packets, uint64_t octets)
{
    distribution->untold[lane].lost[reason].packets += packets;
    distribution->untold[lane].lost[reason].octets += octets;
    distribution->untold[lane].any = true;
}

/* True when the lane's worker knows of every loss and of a clock step. */
static bool tell_news(struct distribution *distribution, uint32_t lane)
{
    struct untold_loss *untold = &distribution->untold[lane];
    if (distribution->step_untold[lane]) {
        if (!lane_put_clock_step(distribution->lanes[lane]))
            return false;
        distribution->step_untold[lane] = false;
    }
    if (!untold->any)
        return true;
    for (unsigned reason = 0; reason < DROPPED_COUNT; reason++) {
        struct ledger_pair *lost = &untold->lost[reason];
        if (lost->packets == 0)
            continue;
        if (!lane_put_loss(distribution->lanes[lane], (enum ledger_dropped)reason, lost->packets,
                           lost->octets))
            return false;
        *lost = (struct ledger_pair){0, 0};
    }
    if (untold->host.packets &&
        !lane_put_host(distribution->lanes[lane], untold->host.packets, untold->host.octets))
        return false;
    untold->host = (struct ledger_pair){0, 0};
    untold->any = false;
    return true;
}

/* Spreads what is left of the batch. False if a lane is full and that must not lose anything. */
static bool spread(struct distribution *distribution)
{
    const struct packet_batch *batch = &distribution->batch;
    for (; distribution->position < batch->count; distribution->position++) {
        uint32_t i = distribution->position;
        uint32_t lane = lane_of(distribution, &distribution->facts[i]);
        if (tell_news(distribution, lane) && lane_put_packet(distribution->lanes[lane], batch, i))
            continue;
        if (distribution->config.offline)
            return false;
        lose(distribution, lane, DROPPED_DISTRIBUTION_FULL, 1, batch->wire_length[i]);
    }
    return true;
}

/* ---- rounds ---- */

static void publish(struct distribution *distribution)
{
    for (uint32_t l = 0; l < distribution->config.lanes; l++)
        lane_publish(distribution->lanes[l]);
}

static void tell_clock(struct distribution *distribution)
{
    if (distribution->now_ns < distribution->clock_told_ns + clock_every_ns)
        return;
    distribution->clock_told_ns = distribution->now_ns;
    for (uint32_t l = 0; l < distribution->config.lanes; l++)
        if (tell_news(distribution, l))
            lane_put_clock(distribution->lanes[l], distribution->now_ns);
}

void distribution_clock_stepped(struct distribution *distribution)
{
    for (uint32_t l = 0; l < distribution->config.lanes; l++)
        distribution->step_untold[l] = true;
    distribution->now_ns = 0;
    distribution->clock_told_ns = 0;
    distribution->device_polled_ns = 0;
}

/* What was left to the host belongs to no flow either. */
static void tell_host(struct distribution *distribution, uint32_t index)
{
    const struct ledger_pair *now = &distribution->config.sources[index]->ledger.host;
    struct ledger_pair *seen = &distribution->device_seen[index].host;
    struct untold_loss *untold = &distribution->untold[0];
    untold->host.packets += now->packets - seen->packets;
    untold->host.octets += now->octets - seen->octets;
    untold->any |= now->packets != seen->packets;
    *seen = *now;
}

/* What devices lost belongs to no flow: the first worker accounts for it. */
static void poll_devices(struct distribution *distribution)
{
    distribution->device_polled_ns = distribution->now_ns;
    for (uint32_t s = 0; s < distribution->config.source_count; s++) {
        struct packet_source *source = distribution->config.sources[s];
        if (!source->ops->poll_device)
            continue;
        source->ops->poll_device(source);
        for (unsigned reason = 0; reason < DROPPED_COUNT; reason++) {
            uint64_t now = source->ledger.dropped[reason].packets;
            uint64_t *seen = &distribution->device_seen[s].dropped[reason].packets;
            if (now != *seen)
                lose(distribution, 0, (enum ledger_dropped)reason, now - *seen, 0);
            *seen = now;
        }
        tell_host(distribution, s);
    }
}

void distribution_leave(struct distribution *distribution)
{
    check(!distribution->spreading);
    if (distribution->ended)
        return;
    poll_devices(distribution);
    distribution->ended = true;
}

void distribution_take_over(struct distribution *distribution)
{
    for (uint32_t s = 0; s < distribution->config.source_count; s++)
        distribution->device_seen[s] = distribution->config.sources[s]->ledger;
}

/* Receives one batch of the source whose turn it is, and parses it. True if there were packets. */
static bool take_batch(struct distribution *distribution, uint32_t index)
{
    struct packet_source *source = distribution->config.sources[index];
    distribution->source_idle[index] = false;
    switch (source->ops->receive(source, &distribution->batch)) {
    case RECEIVE_PACKETS:
        break;
    case RECEIVE_IDLE:
        distribution->source_idle[index] = true;
        return false;
    case RECEIVE_END:
    case RECEIVE_FAILED:
        distribution->source_ended[index] = true;
        distribution->sources_open--;
        return false;
    }
    const struct packet_batch *batch = &distribution->batch;
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->timestamp_ns[i] > distribution->now_ns)
            distribution->now_ns = batch->timestamp_ns[i];
    parse_batch(distribution->parser, batch, distribution->facts);
    distribution->spreading = true;
    distribution->position = 0;
    return true;
}

/* Whether source INDEX still has packets to give although the run stops. */
static bool gives_its_rest(struct distribution *distribution, uint32_t index)
{
    struct packet_source *source = distribution->config.sources[index];
    if (!source->ops->stop)
        return false;
    if (!distribution->source_stopped[index])
        source->ops->stop(source);
    distribution->source_stopped[index] = true;
    return true;
}

/* True if there is nothing in hand of the source whose turn it is, nor to be had. */
static bool has_nothing(struct distribution *distribution, bool stop)
{
    uint32_t index = distribution->source;
    if (distribution->spreading)
        return false;
    return distribution->source_ended[index] || (stop && !gives_its_rest(distribution, index)) ||
           !take_batch(distribution, index);
}

/* The last word to each lane. The clock belongs to it: what was over by then did not end because
 * the run did, also in a lane that got no late packet. */
static enum distribution_status finish(struct distribution *distribution)
{
    enum distribution_status status = DISTRIBUTION_ENDED;
    if (!distribution->ended) {
        poll_devices(distribution);
        distribution->ended = true;
    }
    for (uint32_t l = 0; l < distribution->config.lanes; l++) {
        struct lane *lane = distribution->lanes[l];
        if (distribution->lane_ended[l])
            continue;
        if (tell_news(distribution, l) && lane_put_clock(lane, distribution->now_ns)) {
            lane_end(lane);
            distribution->lane_ended[l] = true;
        } else {
            lane_publish(lane);
            status = DISTRIBUTION_HELD;
        }
    }
    return status;
}

/* ---- other sources ---- */

void distribution_submit_sources(struct distribution *distribution, const struct source_list *list)
{
    atomic_store_explicit(&distribution->sources_submitted, list, memory_order_release);
}

bool distribution_sources_taken(const struct distribution *distribution)
{
    return !atomic_load_explicit(&distribution->sources_submitted, memory_order_acquire);
}

/* Whether source INDEX is in LIST, or is read out, as far as it can be. */
static bool may_go(const struct distribution *distribution, uint32_t index,
                   const struct source_list *list)
{
    const struct packet_source *source = distribution->config.sources[index];
    return packet_source_place(list->sources, list->count, source) >= 0 ||
           distribution->source_ended[index] || distribution->source_idle[index] ||
           !source->ops->stop;
}

/* Takes other sources when those that leave have nothing left. */
static void follow_sources(struct distribution *distribution)
{
    const struct source_list *list =
        atomic_load_explicit(&distribution->sources_submitted, memory_order_acquire);
    struct distribution_config *config = &distribution->config;
    struct source_ledger seen[DISTRIBUTION_SOURCES_MAX];
    bool ended[DISTRIBUTION_SOURCES_MAX] = {false};
    memset(seen, 0, sizeof seen);
    if (!distribution->sources_asked) {
        memset(distribution->source_idle, 0, sizeof distribution->source_idle);
        distribution->sources_asked = true;
    }
    for (uint32_t s = 0; s < config->source_count; s++)
        if (distribution->spreading || !may_go(distribution, s, list))
            return;
    poll_devices(distribution); /* what they have lost is told to the lanes */
    distribution->sources_open = 0;
    for (uint32_t s = 0; s < list->count; s++) {
        int from = packet_source_place(config->sources, config->source_count, list->sources[s]);
        seen[s] = from >= 0 ? distribution->device_seen[from] : list->sources[s]->ledger;
        ended[s] = from >= 0 && distribution->source_ended[from];
        distribution->sources_open += !ended[s];
    }
    memcpy(distribution->device_seen, seen, sizeof seen);
    memcpy(distribution->source_ended, ended, sizeof ended);
    distribution->sources_asked = false;
    memcpy(config->sources, list->sources, sizeof config->sources);
    config->source_count = list->count;
    config->more_sources = list->more;
    distribution->source = 0;
    atomic_store_explicit(&distribution->sources_submitted, NULL, memory_order_release);
}

static bool has_other_sources(const struct distribution *distribution)
{
    return atomic_load_explicit(&distribution->sources_submitted, memory_order_relaxed) != NULL;
}

static bool have_ended(const struct distribution *distribution)
{
    const struct distribution_config *config = &distribution->config;
    return distribution->sources_open == 0 && config->source_count && !config->more_sources;
}

enum distribution_status distribution_step(struct distribution *distribution, uint64_t now_ns)
{
    bool any = false;
    bool stop = atomic_load_explicit(&distribution->stop_asked, memory_order_acquire);
    if (distribution->ended)
        return finish(distribution);
    if (__builtin_expect(!stop && has_other_sources(distribution), 0))
        follow_sources(distribution);
    for (uint32_t turn = 0; turn < distribution->config.source_count; turn++) {
        struct packet_source *source = distribution->config.sources[distribution->source];
        if (has_nothing(distribution, stop)) {
            distribution->source = (distribution->source + 1) % distribution->config.source_count;
            continue;
        }
        if (!spread(distribution)) {
            publish(distribution);
            return DISTRIBUTION_HELD;
        }
        source->ops->release(source, &distribution->batch);
        distribution->spreading = false;
        distribution->source = (distribution->source + 1) % distribution->config.source_count;
        any = true;
    }
    if (now_ns > distribution->now_ns)
        distribution->now_ns = now_ns;
    tell_clock(distribution);
    if (!distribution->config.offline &&
        distribution->now_ns - distribution->device_polled_ns >= device_every_ns)
        poll_devices(distribution);
    publish(distribution);
    if ((stop && !any) || have_ended(distribution))
        return finish(distribution);
    return any ? DISTRIBUTION_BUSY : DISTRIBUTION_IDLE;
}

void distribution_wait(struct distribution *distribution, uint64_t until_ns)
{
    packet_sources_wait(distribution->config.sources, distribution->source_ended,
                        distribution->config.source_count, until_ns);
}
