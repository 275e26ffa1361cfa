/*
 * Collectors that are started at any moment: a live exporting process under a virtual clock, with
 * seeded profile, version, refresh interval, interfaces, sampling and traffic with pauses. All
 * messages are kept, and collectors that know nothing begin to read at random moments.
 *
 * One refresh interval (and a step of the clock) later each of them decodes every Set: templates
 * and Options Templates are there. As long after that as options data are trickled it knows the
 * name of each interface, and the sampling interval where packets are sampled.
 *
 *   late_collector [SEEDS]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/exporter/record_builder.h"
#include "base/check.h"
#include "exporting_process_hooks.h"
#include "sim/random.h"

enum {
    STEP_MS = 10,
    MESSAGES_MAX = 1 << 16,
    OCTETS_MAX = 64 << 20,
    INTERFACES_MAX = 40,
    COLLECTORS = 40,
    TRICKLE_MS = 2000, /* of options data, a message every 50 ms */
    RING_LINES = 1 << 12
};
static const uint64_t ns_per_ms = 1000000;
static const uint64_t start_ns = 1700000000ull * 1000000000;

/* Everything that was sent. */
struct wire {
    uint64_t now_ms;
    uint32_t count;
    uint64_t time_ms[MESSAGES_MAX];
    size_t offset[MESSAGES_MAX + 1];
    uint8_t octets[OCTETS_MAX];
};

/* What one collector knows. */
struct collector {
    bool known[1 << 16];
    uint32_t options_octets[1 << 16]; /* of an Options Template: octets of its records */
    uint32_t index_at[1 << 16];       /* and where in them element 10 is, 0 = not */
    bool sampler[1 << 16];            /* and whether element 34 is */
    bool interface[INTERFACES_MAX + 1];
    bool sampling;
};

struct trial {
    struct exporting_process_config config;
    uint32_t refresh_ms;
    uint64_t seed;
    bool failed;
};

/* ---- the far end ---- */

static enum transport_status take(void *state, const struct iovec *messages, uint32_t count,
                                  uint32_t *sent, struct error *error)
{
    struct wire *wire = state;
    (void)error;
    for (uint32_t i = 0; i < count; i++) {
        size_t at = wire->offset[wire->count];
        check(wire->count < MESSAGES_MAX && at + messages[i].iov_len <= OCTETS_MAX);
        memcpy(wire->octets + at, messages[i].iov_base, messages[i].iov_len);
        wire->time_ms[wire->count++] = wire->now_ms;
        wire->offset[wire->count] = at + messages[i].iov_len;
    }
    *sent = count;
    return TRANSPORT_DONE;
}

static int complete(void *state, struct error *error)
{
    (void)state;
    (void)error;
    return 0;
}

static void close_nothing(void *state)
{
    (void)state;
}

static uint32_t number16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* ---- a collector reads ---- */

/* The Templates of one Set. */
static void learn(struct collector *c, const uint8_t *at, const uint8_t *end)
{
    while (at + 8 <= end) {
        uint32_t id = number16(at);
        uint32_t fields = number16(at + 2);
        c->known[id] = true;
        for (at += 4; fields > 0; fields--)
            at += number16(at) & 0x8000 ? 8 : 4;
    }
}

/* The one Options Template of a Set; of version 9 lengths are in octets. */
static void learn_options(struct collector *c, const uint8_t *at, unsigned version)
{
    uint32_t id = number16(at);
    uint32_t fields = number16(at + 2);
    if (version == 9)
        fields = (number16(at + 2) + number16(at + 4)) / 4;
    uint32_t octets = 0;
    c->index_at[id] = 0;
    for (at += 6; fields > 0; fields--) {
        uint32_t element = number16(at);
        if (element == 10)
            c->index_at[id] = octets;
        if (element == 34)
            c->sampler[id] = true;
        octets += number16(at + 2);
        at += element & 0x8000 ? 8 : 4;
    }
    c->options_octets[id] = octets;
    c->known[id] = true;
}

static void read_data(struct collector *c, uint32_t id, const uint8_t *at, const uint8_t *end)
{
    uint32_t octets = c->options_octets[id];
    if (!octets)
        return;
    c->sampling |= c->sampler[id];
    if (!c->index_at[id] || c->sampler[id])
        return;
    for (; at + octets <= end; at += octets) {
        uint32_t index = number16(at + c->index_at[id] + 2);
        check(index <= INTERFACES_MAX);
        c->interface[index] = true;
    }
}

/* False if a Set of message I cannot be decoded. */
static bool read_message(struct collector *c, const struct wire *wire, uint32_t i)
{
    const uint8_t *message = wire->octets + wire->offset[i];
    const uint8_t *end = wire->octets + wire->offset[i + 1];
    unsigned version = number16(message);
    bool whole = true;
    for (const uint8_t *set = message + (version == 9 ? 20 : 16); set + 4 <= end;
         set += number16(set + 2)) {
        uint32_t id = number16(set);
        const uint8_t *set_end = set + number16(set + 2);
        check(set_end > set && set_end <= end);
        if (id == (version == 9 ? 0u : 2u))
            learn(c, set + 4, set_end);
        else if (id == (version == 9 ? 1u : 3u))
            learn_options(c, set + 4, version);
        else if (c->known[id])
            read_data(c, id, set + 4, set_end);
        else
            whole = false;
    }
    return whole;
}

static void fail(struct trial *trial, uint64_t at_ms, uint64_t begun_ms, const char *what)
{
    fprintf(stderr,
            "  seed %" PRIu64 " (version %u, profile %d, refresh %u ms), begun at %" PRIu64
            " ms: %s at %" PRIu64 " ms\n",
            trial->seed, trial->config.destinations[0].version,
            (int)trial->config.destinations[0].profile, trial->refresh_ms, begun_ms, what, at_ms);
    trial->failed = true;
}

static void check_names(struct trial *trial, const struct collector *c, uint64_t at_ms,
                        uint64_t begun_ms)
{
    for (uint32_t i = 1; i <= trial->config.interface_count; i++)
        if (!c->interface[i]) {
            fail(trial, at_ms, begun_ms, "an interface without a name");
            return;
        }
    if (trial->config.sampling_interval > 1 && !c->sampling)
        fail(trial, at_ms, begun_ms, "no sampling interval");
}

static void collect_from(struct trial *trial, const struct wire *wire, uint64_t begun_ms)
{
    struct collector *c = calloc(1, sizeof *c);
    check(c != NULL);
    uint64_t whole_ms = begun_ms + trial->refresh_ms + STEP_MS;
    bool named = false;
    for (uint32_t i = 0; i < wire->count && !trial->failed; i++) {
        uint64_t now_ms = wire->time_ms[i];
        if (now_ms < begun_ms)
            continue;
        if (!named && now_ms > whole_ms + TRICKLE_MS) {
            check_names(trial, c, now_ms, begun_ms);
            named = true;
        }
        if (!read_message(c, wire, i) && now_ms > whole_ms)
            fail(trial, now_ms, begun_ms, "a Set without its template");
    }
    if (!named && !trial->failed)
        check_names(trial, c, wire->now_ms, begun_ms);
    free(c);
}

/* ---- the probe ---- */

static void draw(struct trial *trial, struct random *random)
{
    static const struct {
        unsigned version;
        enum export_profile profile;
    } kinds[] = {{10, PROFILE_PLAIN},    {10, PROFILE_NFDUMP}, {10, PROFILE_SILK},
                 {10, PROFILE_FULL},     {9, PROFILE_PLAIN},   {9, PROFILE_NFDUMP},
                 {9, PROFILE_FLUENTD_V9}};
    struct exporting_process_config *config = &trial->config;
    struct destination_config *d = &config->destinations[0];
    unsigned kind = (unsigned)random_below(random, sizeof kinds / sizeof kinds[0]);
    config->destination_count = 1;
    config->interface_count = (uint32_t)random_between(random, 3, INTERFACES_MAX);
    for (uint32_t i = 0; i < config->interface_count; i++) {
        config->interfaces[i].ifindex = i + 1;
        snprintf(config->interfaces[i].name, sizeof config->interfaces[i].name, "port %u", i);
    }
    config->template_refresh_s = (uint32_t)random_between(random, 1, 20);
    config->template_refresh_messages = random_chance(random, 50) ? 4096 : 0;
    config->statistics_interval_s = (uint32_t)random_between(random, 0, 5);
    config->sampling_interval = random_chance(random, 50) ? 1 : 10;
    config->queue_octets_max = 4 << 20;
    snprintf(d->name, sizeof d->name, "collector");
    snprintf(d->host, sizeof d->host, "127.0.0.1");
    d->kind = DESTINATION_UDP; /* its transport is replaced before the first step */
    d->port = 9;
    d->version = kinds[kind].version;
    d->profile = kinds[kind].profile;
    d->biflow = d->version == 10 && random_chance(random, 50);
    d->domain = 1;
    d->mtu = random_chance(random, 50) ? 1400 : 600;
    trial->refresh_ms = config->template_refresh_s * 1000;
}

static void push_some(struct record_ring *ring, struct random *random)
{
    for (uint64_t n = random_below(random, 6); n > 0; n--) {
        struct flow_description flow;
        record_describe(&flow, random_next(random), start_ns);
        if (record_push(ring, &flow) != 0)
            return;
    }
}

static void send_all(const struct trial *trial, struct random *random, struct wire *wire)
{
    static const struct transport_ops ops = {
        .send = take, .complete = complete, .close = close_nothing};
    struct error error = {""};
    struct record_ring *ring = record_ring_create(RING_LINES, &error);
    check(ring != NULL);
    struct exporting_process *exporter = exporting_process_create(&trial->config, &ring, 1, &error);
    check(exporter != NULL);
    exporting_process_set_transport(exporter, 0, (struct transport){&ops, wire});
    bool pause = false;
    for (; wire->now_ms < 4ull * trial->refresh_ms + 4000; wire->now_ms += STEP_MS) {
        uint64_t next;
        if (random_below(random, 300) == 0)
            pause = !pause;
        if (!pause && random_chance(random, 20))
            push_some(ring, random);
        exporting_process_step(exporter, (wire->now_ms + 1) * ns_per_ms,
                               start_ns + 60000 * ns_per_ms + wire->now_ms * ns_per_ms, &next);
    }
    exporting_process_abandon(exporter);
    exporting_process_destroy(exporter);
    record_ring_destroy(ring);
}

static bool run(uint64_t seed, struct wire *wire)
{
    static struct trial trial;
    struct random random = {seed};
    memset(&trial, 0, sizeof trial);
    trial.seed = seed;
    wire->now_ms = 0;
    wire->count = 0;
    draw(&trial, &random);
    send_all(&trial, &random, wire);
    uint64_t last_ms = wire->now_ms - trial.refresh_ms - STEP_MS - TRICKLE_MS;
    for (unsigned i = 0; i < COLLECTORS && !trial.failed; i++)
        collect_from(&trial, wire, random_below(&random, last_ms));
    return !trial.failed;
}

int main(int argc, char **argv)
{
    struct wire *wire = calloc(1, sizeof *wire);
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    uint64_t good = 0;
    uint64_t messages = 0;
    check(wire != NULL);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        good += run(seed, wire);
        messages += wire->count;
    }
    printf("%" PRIu64 " of %" PRIu64 " seeds good, %" PRIu64 " messages\n", good, seeds, messages);
    free(wire);
    return good == seeds && messages > 0 ? 0 : 1;
}
