/*
 * A worker whose packets are kept, and a writer that is slow and fails, by seeds: packets, cuts,
 * another ring or another policy, and the writer's rounds come in any order. At every cut that is
 * complete and at the end the ring's identity must hold, and what was seen must be what the worker
 * has metered, ignored and had no room for. Then once for each counter of the ring with that
 * counter switched off: the identity must break in some seed.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "packet/source_memory.h"
#include "sim/random.h"
#include "snapshot/snapshot_hooks.h"
#include "snapshot/snapshot_policy.h"
#include "worker/worker_change.h"

enum { PACKETS = 20000, FRAME_OCTETS = 1400, FLOWS = 24, SEEDS = 6, EVENTS = 400, BLOCKS = 2 };
static const uint64_t start_ns = 1700000000ull * 1000000000u;

/* ---- the counters ---- */

static const struct term {
    const char *name;
    bool of_worker; /* in the worker's books, else the writer's: stored, then failed */
    size_t offset;
    bool memory_only;
} terms[] = {
    {"seen", true, offsetof(struct snapshot_account, seen), false},
    {"cut off by packets", true,
     offsetof(struct snapshot_account, cut_off[SNAPSHOT_CUT_OFF_PACKETS]), false},
    {"cut off by octets", true, offsetof(struct snapshot_account, cut_off[SNAPSHOT_CUT_OFF_OCTETS]),
     false},
    {"overload", true, offsetof(struct snapshot_account, overload), false},
    {"stored in memory", true, offsetof(struct snapshot_account, stored), true},
    {"stored", false, 0, false},
    {"failed write", false, 1 + SNAPSHOT_FAILED_WRITE, false},
    {"failed space", false, 1 + SNAPSHOT_FAILED_SPACE, false},
    {"failed gone", false, 1 + SNAPSHOT_FAILED_GONE, false},
};
enum { TERMS = sizeof terms / sizeof terms[0] };

static const void *counter_of(const struct term *term, struct snapshot_ring *ring)
{
    struct snapshot_live live = snapshot_ring_live(ring);
    if (term->of_worker)
        return (const uint8_t *)live.worker + term->offset;
    return term->offset ? &live.failed[term->offset - 1] : live.stored;
}

/* ---- the world ---- */

struct world {
    struct random random;
    const struct term *skipped; /* NULL: none */
    bool writer;
    struct packet_source *source;
    struct record_ring *records;
    struct snapshot_interfaces *interfaces;
    struct snapshot_policy *policies[2];
    struct snapshot_ring *ring, *leaving; /* the second is still to be drained; NULL: none */
    struct snapshot_account before;       /* the books of those that are gone */
    struct worker_config config;
    struct worker *worker;
    struct worker_change *change;
    uint64_t given, cut, now_ns;
    bool cut_pending, balanced;
};

static uint8_t frames[FLOWS][FRAME_OCTETS];
static struct memory_packet packets[PACKETS];

/* UDP of several flows, frames that are no IP, and one cut inside its IP header. */
static void make_packets(void)
{
    static const uint8_t udp[] = {2,   0, 0, 0, 0, 1,  2,  0, 0, 0,  0, 2, 8, 0,  0x45, 0, 5,
                                  106, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,    1, 1};
    struct random random = {77};
    for (unsigned f = 0; f < FLOWS; f++) {
        memcpy(frames[f], udp, sizeof udp);
        frames[f][29] = (uint8_t)f;
        if (f % 8 == 7)
            frames[f][12] = 0x88; /* EtherType of nobody */
    }
    for (unsigned p = 0; p < PACKETS; p++) {
        uint32_t flow = (uint32_t)random_below(&random, FLOWS);
        uint32_t captured = random_below(&random, 50) ? FRAME_OCTETS : 20;
        packets[p] = (struct memory_packet){.data = frames[flow],
                                            .captured_length = captured,
                                            .wire_length = FRAME_OCTETS,
                                            .timestamp_ns = start_ns + p * 50000ull};
    }
}

static void make_policies(struct world *world)
{
    struct error error = {""};
    const struct prefix_set_entry prefix = {{10, 0, 0, 8}, 4, 29};
    const struct snapshot_class_config class = {
        .prefixes = &prefix, .prefix_count = 1, .cutoff = {.octets = 60000}};
    const struct snapshot_policy_config configs[2] = {
        {.snap_length = SNAPSHOT_EVERYTHING,
         .cutoff = {.packets = 100},
         .classes = &class,
         .class_count = 1},
        {.snap_length = 1000},
    };
    for (unsigned p = 0; p < 2; p++) {
        world->policies[p] = snapshot_policy_create(&configs[p], &error);
        check(world->policies[p] != NULL);
    }
}

static void make_ring(struct world *world)
{
    struct error error = {""};
    const struct snapshot_ring_config config = {.run = world->random.state,
                                                .blocks = BLOCKS,
                                                .flush_ns = 100000000,
                                                .writer = world->writer,
                                                .interfaces = world->interfaces};
    world->ring = snapshot_ring_create(&config, &error);
    check(world->ring != NULL);
    world->config.snapshot = world->ring;
}

static void open_world(struct world *world, uint64_t seed, const struct term *skipped)
{
    struct error error = {""};
    const struct source_memory_options options = {.rounds = 1, .live = true};
    memset(world, 0, sizeof *world);
    world->random.state = seed * 0x9e3779b97f4a7c15u;
    world->skipped = skipped;
    world->writer = seed % 4 != 0;
    world->balanced = true;
    world->source = source_memory_open(packets, PACKETS, &options);
    source_memory_allow(world->source, 0);
    world->records = record_ring_create(1 << 14, &error);
    world->interfaces = snapshot_interfaces_create(&error);
    check(world->source && world->records && world->interfaces);
    world->config = (struct worker_config){
        .source_count = 1, .sources = {world->source}, .cache_count = 1 + seed % 2};
    for (unsigned c = 0; c < world->config.cache_count; c++)
        world->config.caches[c] = (struct flow_cache_config){.flows_max = 64 + (uint32_t)seed % 9,
                                                             .active_timeout_ns = 300000000,
                                                             .hash_seed = {1, 2, 3, seed},
                                                             .ring = world->records};
    world->config.cache_count = 1;
    make_policies(world);
    make_ring(world);
    world->config.snapshot_policy = world->policies[0];
    world->worker = worker_create(&world->config, &error);
    check(world->worker != NULL);
}

static void close_world(struct world *world)
{
    worker_destroy(world->worker);
    snapshot_ring_release(world->ring);
    for (unsigned p = 0; p < 2; p++)
        snapshot_policy_destroy(world->policies[p]);
    snapshot_interfaces_destroy(world->interfaces);
    record_ring_destroy(world->records);
    world->source->ops->close(world->source);
}

/* ---- events ---- */

/* Skipped is the counter of the ring that the worker or the writer has in hand. */
static void skip_of(struct world *world, struct snapshot_ring *ring)
{
    ledger_fault = world->skipped && ring ? counter_of(world->skipped, ring) : NULL;
}

static void step_worker(struct world *world, uint64_t more)
{
    world->given = world->given + more < PACKETS ? world->given + more : PACKETS - 1;
    source_memory_allow(world->source, world->given);
    skip_of(world, world->ring);
    enum worker_status status;
    do {
        world->now_ns = start_ns + world->given * 50000ull;
        status = worker_step(world->worker, world->now_ns);
        while (record_ring_peek(world->records))
            record_ring_next(world->records);
        record_ring_release(world->records);
    } while (status == WORKER_BUSY);
}

static void step_writer(struct world *world, struct snapshot_ring *ring, unsigned most)
{
    struct snapshot_sealed sealed;
    if (!ring || !world->writer)
        return;
    skip_of(world, ring);
    snapshot_ring_answer(ring);
    for (; most && snapshot_ring_peek(ring, 0, &sealed); most--) {
        unsigned luck = (unsigned)random_below(&world->random, 8);
        enum snapshot_outcome outcome = luck < 4 ? (enum snapshot_outcome)luck : SNAPSHOT_STORED;
        check(snapshot_block_crc(sealed.block, sealed.used) != 0);
        snapshot_ring_done(ring, outcome);
    }
}

static void look(struct world *world, const struct snapshot_account *account)
{
    if (!snapshot_account_balanced(account))
        world->balanced = false;
}

/* What the worker counted elsewhere of the packets that the ring should have seen. */
static struct ledger_pair worker_saw(const struct worker_account *account)
{
    struct ledger_pair sum = account->ledger.metered_frame;
    sum.packets += account->ledger.dropped[DROPPED_CACHE_FULL].packets;
    sum.octets += account->ledger.dropped[DROPPED_CACHE_FULL].octets;
    for (unsigned i = 0; i < IGNORED_COUNT; i++) {
        sum.packets += account->ledger.ignored[i].packets;
        sum.octets += account->ledger.ignored[i].octets;
    }
    return sum;
}

/* The books at a cut are those of the rings that are gone, the one that leaves and the present one.
 */
static void step_cut(struct world *world)
{
    struct snapshot_account account;
    if (!world->cut_pending) {
        if (world->leaving)
            return;
        worker_request_cut(world->worker, ++world->cut);
        world->cut_pending = true;
        return;
    }
    const struct worker_account *copy = worker_cut(world->worker, world->cut);
    if (!copy || !snapshot_ring_cut(world->ring, world->cut, &account))
        return;
    world->cut_pending = false;
    look(world, &account);
    snapshot_account_add(&account, &world->before);
    look(world, &account);
    struct ledger_pair saw = worker_saw(copy);
    if (saw.packets != account.seen.packets || saw.octets != account.seen.octets)
        world->balanced = false;
}

/* Lets go what a change is done with. */
static void end_change(struct world *world)
{
    if (world->change && worker_change_finished(world->change)) {
        worker_change_free(world->change);
        world->change = NULL;
    }
    if (!world->change && world->leaving && snapshot_ring_drained(world->leaving)) {
        struct snapshot_account account;
        snapshot_ring_account(world->leaving, &account);
        look(world, &account);
        snapshot_account_add(&world->before, &account);
        snapshot_ring_release(world->leaving);
        world->leaving = NULL;
    }
}

/* Takes the ring's place, or the policy's. */
static void step_change(struct world *world)
{
    struct error error = {""};
    end_change(world);
    if (world->change || world->leaving || world->cut_pending)
        return;
    if (random_below(&world->random, 2)) {
        world->leaving = world->ring;
        make_ring(world);
    } else {
        world->config.snapshot_policy = world->policies[random_below(&world->random, 2)];
    }
    if (random_below(&world->random, 4) == 0)
        world->config.caches[0].flows_max = 64 + (uint32_t)random_below(&world->random, 64);
    world->change = worker_prepare_change(world->worker, &world->config, &error);
    check(world->change != NULL);
    worker_submit_change(world->worker, world->change);
    step_worker(world, 0);
}

static void finish(struct world *world)
{
    struct snapshot_account account;
    static struct worker_account copy;
    for (unsigned i = 0; i < 1000 && (world->leaving || world->change || world->cut_pending); i++) {
        step_worker(world, 0);
        step_writer(world, world->leaving, 100);
        step_writer(world, world->ring, 100);
        if (world->cut_pending)
            step_cut(world);
        else
            end_change(world);
    }
    worker_stop(world->worker);
    skip_of(world, world->ring);
    while (worker_step(world->worker, world->now_ns) != WORKER_ENDED)
        ;
    while (world->writer && !snapshot_ring_drained(world->ring))
        step_writer(world, world->ring, 100);
    worker_account_now(world->worker, &copy);
    if (world->leaving)
        return; /* cannot be */
    snapshot_ring_account(world->ring, &account);
    look(world, &account);
    snapshot_account_add(&account, &world->before);
    struct ledger_pair saw = worker_saw(&copy);
    if (saw.packets != account.seen.packets || saw.octets != account.seen.octets)
        world->balanced = false;
}

/* Whether all was well in the run of SEED. */
static bool play(uint64_t seed, const struct term *skipped)
{
    static struct world world;
    open_world(&world, seed, skipped);
    for (unsigned event = 0; event < EVENTS; event++) {
        switch (random_below(&world.random, 6)) {
        case 0:
        case 1:
            step_worker(&world, random_below(&world.random, 300));
            break;
        case 2:
            step_writer(&world, world.ring, random_below(&world.random, 4) == 0);
            break;
        case 3:
            step_writer(&world, world.leaving, 1);
            break;
        case 4:
            step_cut(&world);
            break;
        default:
            if (random_below(&world.random, 8) == 0)
                step_change(&world);
            break;
        }
    }
    finish(&world);
    close_world(&world);
    ledger_fault = NULL;
    return world.balanced;
}

int main(void)
{
    int status = EXIT_SUCCESS;
    make_packets();
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        if (!play(seed, NULL)) {
            printf("not ok seed %" PRIu64 ": the identity of the ring is broken\n", seed);
            status = EXIT_FAILURE;
        }
    for (unsigned t = 0; t < TERMS; t++) {
        bool noticed = false;
        for (uint64_t seed = 1; seed <= SEEDS && !noticed; seed++)
            noticed = !play(seed, &terms[t]);
        printf(noticed ? "ok without %s\n" : "not ok without %s: nobody notices\n", terms[t].name);
        if (!noticed)
            status = EXIT_FAILURE;
    }
    return status;
}
