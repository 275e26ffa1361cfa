/* Building, stepping and judging a simulated probe. */
#include "sim_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "ledger.h"
#include "sim/json_records.h"
#include "sim/sim_spool.h"

enum { PATIENCE = 200000, JSON_DESTINATION = 0 };
static const uint64_t ns_per_ms = 1000000;
static const char filter_expression[] = "greater 100";

void sim_fail(struct sim_world *world, const char *what)
{
    if (!world->failed)
        fprintf(stderr, "  %s\n", what);
    world->failed = true;
}

/* ---- building ---- */

/* Some merge records that differ in the client's port, in tables of any size. */
static void draw_merging(struct sim_world *world, struct destination_config *d, unsigned percent)
{
    struct random *random = &world->random;
    if (!random_chance(random, percent))
        return;
    d->client_port_records =
        (uint32_t)random_between(random, 1, random_chance(random, 50) ? 5 : 500);
    d->client_port_window_s = (uint32_t)random_between(random, 1, 100);
}

static void fill_destination(struct sim_world *world, uint32_t number)
{
    struct destination_config *d = &world->exporting.destinations[number];
    struct random *random = &world->random;
    snprintf(d->name, sizeof d->name, "destination %u", number);
    d->domain = number + 1;
    d->mtu = 1400;
    d->aggregates = world->plan.flood.new_flows_per_s != 0;
    if (number == JSON_DESTINATION) {
        d->kind = DESTINATION_JSON;
        snprintf(d->path, sizeof d->path, "%s", world->json_path);
        draw_merging(world, d, 20);
        return;
    }
    draw_merging(world, d, 40);
    d->kind = DESTINATION_UDP; /* its transport is replaced before the first step */
    snprintf(d->host, sizeof d->host, "127.0.0.1");
    d->port = 9;
    static const struct {
        unsigned version;
        enum export_profile profile;
        bool biflow;
    } forms[] = {{10, PROFILE_PLAIN, true},      {10, PROFILE_NFDUMP, true},
                 {10, PROFILE_SILK, true},       {10, PROFILE_FULL, true},
                 {9, PROFILE_PLAIN, false},      {9, PROFILE_NFDUMP, true},
                 {9, PROFILE_FLUENTD_V9, false}, {5, PROFILE_V5, false}};
    enum { FORMS = sizeof forms / sizeof forms[0], FORMS_IPFIX = 4 };
    bool sessions = world->plan.moods[number - 1].sessions; /* of IPFIX, the first forms, only */
    if (sessions)
        d->kind = DESTINATION_TCP;
    if (world->plan.moods[number - 1].topic) {
        d->kind = DESTINATION_KAFKA;
        d->format = random_chance(random, 50) ? KAFKA_JSON : KAFKA_IPFIX;
        snprintf(d->brokers, sizeof d->brokers, "127.0.0.1:9");
        snprintf(d->topic, sizeof d->topic, "flows");
    }
    unsigned form = (unsigned)random_below(random, sessions ? FORMS_IPFIX : FORMS);
    d->version = forms[form].version;
    d->profile = forms[form].profile;
    d->biflow = forms[form].biflow && random_chance(random, 50);
    d->mtu = (uint32_t)random_between(random, 576, 9000);
    d->rate_set = random_chance(random, 50);
    d->rate = random_chance(random, 50) ? 0 : random_between(random, 1000, 1000000);
}

static void open_exporter(struct sim_world *world)
{
    struct exporting_process_config *config = &world->exporting;
    struct random *random = &world->random;
    struct error error = {""};
    struct record_ring *rings[SIM_WORKERS_MAX];
    config->offline = world->plan.offline;
    config->queue_octets_max = world->plan.queue_octets;
    config->destination_count = 1 + world->plan.collectors;
    config->sampling_interval = world->workers[0].feed.sampling;
    config->template_refresh_s = (uint32_t)random_below(random, 30);
    config->template_refresh_messages = (uint32_t)random_below(random, 30);
    config->statistics_interval_s = (uint32_t)random_below(random, 30);
    config->interface_count = SIM_SOURCES_MAX * 2;
    for (uint32_t i = 0; i < config->interface_count; i++) {
        config->interfaces[i].ifindex = i + 1;
        snprintf(config->interfaces[i].name, sizeof config->interfaces[i].name, "port%u", i);
    }
    for (uint32_t d = 0; d < config->destination_count; d++)
        fill_destination(world, d);
    sim_spool_open(world);
    for (uint32_t w = 0; w < world->plan.workers; w++)
        rings[w] = world->workers[w].ring;
    world->exporter = exporting_process_create(config, rings, world->plan.workers, &error);
    if (!world->exporter)
        fprintf(stderr, "exporter: %s\n", error.text);
    check(world->exporter != NULL);
    for (uint32_t c = 0; c < world->plan.collectors; c++) {
        world->far_ends[c].mood = world->plan.moods[c];
        exporting_process_set_transport(
            world->exporter, c + 1, sim_transport_open(&world->far_ends[c], random_next(random)));
    }
}

static void open_feed(struct sim_world *world, struct sim_worker *w)
{
    struct random *random = &world->random;
    const struct reference_config *timeouts = &world->plan.timeouts;
    struct traffic_config traffic = {
        .conversations = (uint32_t)random_between(random, 1, random_chance(random, 50) ? 30 : 600),
        .kinds = (uint32_t)random_between(random, 1, (1 << TALK_KINDS) - 1),
        .ipv6 = (unsigned)random_below(random, 3) * 50,
        .skew = (unsigned)random_below(random, 4),
        .vlan = (unsigned)random_below(random, 2) * 30,
        .labels = (unsigned)random_below(random, 2) * 20,
        .start_ns = world->wall_ns,
        .step_ns = (uint64_t)1 << random_between(random, 6, 27),
        .edges = {timeouts->active_timeout_ns, timeouts->idle_timeout_ns, timeouts->tcp_linger_ns},
        .edge = (unsigned)random_below(random, 60),
    };
    traffic_open(&w->feed.traffic, &traffic, random_next(random));
    w->feed.random.state = random_next(random);
    w->feed.reference = reference_create(timeouts, &w->expected);
    w->feed.ignore = world->ignore;
    w->feed.wire_length_min = world->filter ? 100 : 0;
    w->feed.sampling = 1;
    w->feed.late = random_chance(random, 50) ? (unsigned)random_between(random, 1, 30) : 0;
    w->feed.late_anyhow = world->plan.late_anyhow;
    w->feed.vlan_in_key = true;
    w->feed.strangers = (unsigned)random_below(random, 10);
    w->feed.known_ns = world->wall_ns;
    w->feed.copies = world->plan.copies;
    w->feed.window_ns = 10 * ns_per_ms;
}

static void open_worker(struct sim_world *world, uint32_t number)
{
    struct sim_worker *w = &world->workers[number];
    struct random *random = &world->random;
    struct error error = {""};
    w->ring = record_ring_create(world->plan.ring_lines, &error);
    check(w->ring != NULL);
    open_feed(world, w);
    struct worker_config config = {
        .number = (uint16_t)number,
        .source_count = world->plan.sources,
        .parser = {.vlan_in_key = true, .fragment_table = true},
        .cache_count = 1,
        .caches = {{.flows_max = world->plan.flows_max,
                    .active_timeout_ns = world->plan.timeouts.active_timeout_ns,
                    .idle_timeout_ns = world->plan.timeouts.idle_timeout_ns,
                    .tcp_linger_ns = world->plan.timeouts.tcp_linger_ns,
                    .flood = world->plan.flood,
                    .several_ports = world->plan.sources > 1,
                    .ring = w->ring}},
        .filter = world->filter,
        .ignore = world->ignore,
        .duplicate_window_ns = world->plan.copies ? w->feed.window_ns : 0,
        .offline = world->plan.offline,
    };
    if (random_chance(random, 20))
        w->feed.sampling = (uint32_t)random_between(random, 2, 10);
    if (random_chance(random, 20))
        w->feed.vlan_in_key = config.parser.vlan_in_key = false;
    config.sampling_interval = w->feed.sampling;
    for (unsigned i = 0; i < 4; i++)
        config.caches[0].hash_seed[i] = random_next(random);
    sim_open_others(world, w, &config);
    for (uint32_t s = 0; s < world->plan.sources; s++) {
        sim_source_init(&w->sources[s], &w->feed, s, !world->plan.offline);
        w->sources[s].batch_max = (uint32_t)random_between(random, 1, PACKET_BATCH_MAX);
        config.sources[s] = &w->sources[s].base;
    }
    w->worker = worker_create(&config, &error);
    check(w->worker != NULL);
    w->config = config;
    w->flows_bound = world->plan.flows_max;
}

void sim_world_open(struct sim_world *world, const struct sim_plan *plan)
{
    struct error error = {""};
    memset(world, 0, sizeof *world);
    world->plan = *plan;
    world->random.state = plan->seed;
    world->monotonic_ns = random_below(&world->random, 1000000 * ns_per_ms);
    world->wall_ns = 1700000000000 * ns_per_ms + random_below(&world->random, 5000 * ns_per_ms);
    snprintf(world->json_path, sizeof world->json_path, "/tmp/spanflow-sim-XXXXXX");
    int file = mkstemp(world->json_path);
    check(file >= 0);
    close(file);
    if (random_chance(&world->random, 30)) {
        static const struct prefix_set_entry ignored[] = {
            {.address = {10, 10, 0, 0}, .family = 4, .length = 17}};
        world->ignore = prefix_set_create(ignored, 1, &error);
        check(world->ignore != NULL);
    }
    if (random_chance(&world->random, 30)) {
        world->filter = packet_filter_create(filter_expression, &error);
        check(world->filter != NULL);
    }
    world->other_filter = packet_filter_create("greater 300", &error);
    check(world->other_filter != NULL);
    for (uint32_t w = 0; w < plan->workers; w++)
        open_worker(world, w);
    open_exporter(world);
}

void sim_world_close(struct sim_world *world)
{
    exporting_process_destroy(world->exporter);
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct sim_worker *w = &world->workers[i];
        worker_destroy(w->worker);
        worker_change_free(w->change);
        record_ring_destroy(w->ring);
        sim_close_others(world, w);
        reference_destroy(w->feed.reference);
        traffic_close(&w->feed.traffic);
        plain_list_free(&w->expected);
    }
    prefix_set_destroy(world->ignore);
    packet_filter_destroy(world->filter);
    packet_filter_destroy(world->other_filter);
    unlink(world->json_path);
    sim_spool_close(world);
}

/* ---- stepping ---- */

enum worker_status sim_step_worker(struct sim_world *world, uint32_t number, uint64_t budget)
{
    struct sim_worker *w = &world->workers[number];
    if (world->plan.offline && !exporting_process_accepts(world->exporter))
        return WORKER_HELD;
    for (uint32_t s = 0; s < world->plan.sources; s++)
        w->sources[s].budget += budget;
    uint64_t now = world->plan.offline ? 0 : world->wall_ns;
    enum worker_status status = worker_step(w->worker, now);
    if (now > w->feed.known_ns)
        w->feed.known_ns = now;
    sim_settle_reconfiguration(world, number);
    for (uint32_t c = 0; c < w->config.cache_count; c++)
        if (flow_cache_flows(worker_flow_cache(w->worker, c)) > w->flows_bound)
            sim_fail(world, "more flows than allowed");
    return status;
}

void sim_step_exporter(struct sim_world *world)
{
    uint64_t next;
    exporting_process_step(world->exporter, world->monotonic_ns,
                           worker_time_ns(world->workers[0].worker), &next);
    for (uint32_t w = 0; w < world->plan.workers; w++)
        sim_take_others(world, w);
}

static void check_ledger(struct sim_world *world, const struct worker_account *const accounts[],
                         const struct exporter_counters *exported, bool at_cut, const char *when)
{
    static struct ledger others[SIM_OTHERS_MAX];
    struct ledger_account copies[SIM_WORKERS_MAX];
    static struct ledger ledger;
    struct error problem = {""};
    for (uint32_t w = 0; w < world->plan.workers; w++)
        copies[w] = (struct ledger_account){.worker = &accounts[w]->ledger,
                                            .sources = accounts[w]->source,
                                            .source_count = accounts[w]->source_count,
                                            .cached = accounts[w]->cached,
                                            .in_kernel = accounts[w]->in_kernel};
    ledger_make(&ledger, copies, world->plan.workers, exported);
    ledger.cache_name = "first";
    for (unsigned c = 0; c < world->plan.others; c++) {
        sim_other_ledger(world, c, accounts, at_cut, &others[c]);
        ledger_add_cache(&ledger, &others[c]);
    }
    if (!ledger_balanced(&ledger, &problem)) {
        fprintf(stderr, "  %s: %s\n", when, problem.text);
        sim_fail(world, "the ledger is not balanced");
    }
    world->cuts_checked++;
}

void sim_step_cut(struct sim_world *world)
{
    static struct exporter_counters exported;
    const struct worker_account *accounts[SIM_WORKERS_MAX];
    if (!world->cut_pending) {
        world->cut++;
        for (uint32_t w = 0; w < world->plan.workers; w++)
            worker_request_cut(world->workers[w].worker, world->cut);
        world->cut_pending = true;
        return;
    }
    for (uint32_t w = 0; w < world->plan.workers; w++) {
        accounts[w] = worker_cut(world->workers[w].worker, world->cut);
        if (!accounts[w])
            return;
    }
    if (!exporting_process_cut(world->exporter, world->cut, &exported))
        return;
    world->cut_pending = false;
    check_ledger(world, accounts, &exported, true, "at a cut");
}

/* One round of everybody without new packets. All workers, since the exporting process waits for
 * the markers of all when a cut is under way. True if every worker said WANTED, or for
 * WORKER_BUSY anything but WORKER_HELD. */
static bool quiet_round(struct sim_world *world, enum worker_status wanted)
{
    bool all = true;
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        enum worker_status status = sim_step_worker(world, i, 0);
        all &= wanted == WORKER_BUSY ? status != WORKER_HELD : status == wanted;
        if (random_chance(&world->random, 50)) {
            world->monotonic_ns += 10 * ns_per_ms;
            sim_step_exporter(world);
        }
    }
    return all;
}

static void settle(struct sim_world *world, enum worker_status wanted)
{
    for (unsigned i = 0; i < PATIENCE; i++)
        if (quiet_round(world, wanted))
            return;
    sim_fail(world, "a worker is held for ever");
}

static void flush_references(struct sim_worker *w)
{
    uint64_t now = worker_time_ns(w->worker);
    reference_flush(w->feed.reference, now, FLOW_END_FORCED);
    for (unsigned c = 0; c < w->feed.other_count; c++)
        reference_flush(w->feed.others[c], now, FLOW_END_FORCED);
}

void sim_step_clock(struct sim_world *world, uint64_t wall_ns)
{
    world->wall_ns = wall_ns;
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct sim_worker *w = &world->workers[i];
        for (uint32_t s = 0; s < world->plan.sources; s++)
            w->sources[s].budget = 0;
        flush_references(w);
        w->feed.known_ns = wall_ns;
        w->feed.traffic.now_ns = wall_ns;
        worker_clock_stepped(w->worker);
    }
    settle(world, WORKER_BUSY);
}

/* ---- the end ---- */

static void end_workers(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct sim_worker *w = &world->workers[i];
        if (random_chance(&world->random, 50))
            worker_stop(w->worker);
        for (uint32_t s = 0; s < world->plan.sources; s++)
            w->sources[s].ended = true;
    }
    settle(world, WORKER_ENDED);
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct sim_worker *w = &world->workers[i];
        flush_references(w);
        if (flow_cache_flows(worker_flow_cache(w->worker, 0)) != 0)
            sim_fail(world, "flows are left in an ended worker");
    }
}

static void drain_exporter(struct sim_world *world)
{
    uint64_t next;
    for (unsigned n = 0; !exporting_process_drain(world->exporter, world->monotonic_ns,
                                                  worker_time_ns(world->workers[0].worker), &next);
         n++) {
        world->monotonic_ns += 10 * ns_per_ms;
        if (n == PATIENCE) {
            sim_fail(world, "the exporter does not drain");
            return;
        }
    }
}

void sim_finish(struct sim_world *world, bool abandon)
{
    static struct worker_account accounts[SIM_WORKERS_MAX];
    static struct exporter_counters exported;
    const struct worker_account *pointers[SIM_WORKERS_MAX];
    end_workers(world);
    for (uint32_t i = 0; i < world->plan.workers; i++)
        sim_step_worker(world, i, 0); /* the last change finishes in a worker that has ended */
    if (abandon)
        exporting_process_abandon(world->exporter);
    else
        drain_exporter(world);
    if (world->cut_pending) { /* asked for before the end: it is answered all the same */
        for (uint32_t i = 0; i < world->plan.workers; i++)
            sim_step_worker(world, i, 0);
        sim_step_exporter(world);
        sim_step_cut(world);
        if (world->cut_pending)
            sim_fail(world, "a cut is never made");
    }
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct sim_worker *w = &world->workers[i];
        worker_account_now(w->worker, &accounts[i]);
        pointers[i] = &accounts[i];
        const struct worker_ledger *ledger = &accounts[i].ledger;
        if (ledger->metered.packets + ledger->dropped[DROPPED_CACHE_FULL].packets !=
            w->feed.metered)
            sim_fail(world, "a worker metered another number of packets than it was given");
        for (unsigned c = 0; c < world->plan.others; c++) {
            const struct worker_cache_account *other = &accounts[i].others[c];
            if (other->ledger.metered.packets + other->ledger.dropped[DROPPED_CACHE_FULL].packets !=
                w->feed.metered)
                sim_fail(world, "a cache metered another number of packets than it was given");
            if (other->cached.packets != 0 || other->ledger.flows != other->ledger.records_out)
                sim_fail(world, "records are left in a cache of an ended worker");
        }
        if (w->change && !worker_change_finished(w->change))
            sim_fail(world, "a change is never finished");
        if (ledger->filtered[FILTERED_DUPLICATE].packets != w->feed.copied)
            sim_fail(world, "a worker left out another number of copies than it was given");
        if (ledger->flows != ledger->records_out)
            sim_fail(world, "records made and records sent out differ");
        if (accounts[i].cached.packets != 0)
            sim_fail(world, "packets are left in an ended worker");
        if (world->plan.offline && ledger->dropped[DROPPED_CACHE_FULL].packets != 0)
            sim_fail(world, "an offline run dropped packets");
    }
    exporting_process_counters(world->exporter, &exported);
    for (uint32_t i = 0; i < world->plan.workers; i++)
        sim_take_others(world, i);
    check_ledger(world, pointers, &exported, false, "at the end");
    for (uint32_t d = 0; d < exported.destination_count; d++)
        if (exported.destination[d].queued != 0)
            sim_fail(world, "records are queued after the end");
}

bool sim_compare(struct sim_world *world, const char *name, const char **how)
{
    static struct exporter_counters exported;
    struct plain_list expected = {0};
    struct plain_list got = {0};
    uint64_t dropped = 0;
    uint64_t evicted = 0;
    uint64_t aggregated = 0;
    uint64_t levels = 0;
    bool retimed = false;
    exporting_process_counters(world->exporter, &exported);
    const struct destination_counters *json = &exported.destination[JSON_DESTINATION];
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        static struct worker_account account;
        worker_account_now(world->workers[i].worker, &account);
        dropped += account.ledger.dropped[DROPPED_CACHE_FULL].packets;
        evicted += account.cache.ended[FLOW_END_RESOURCES];
        aggregated += account.cache.flood.aggregated_packets;
        levels += account.cache.flood.changes;
        retimed |= world->workers[i].retimed;
        json_records_expected(&expected, &world->workers[i].expected);
    }
    if (!json_records_read(&got, world->json_path))
        sim_fail(world, "the json file is malformed");
    if (json->sent == json->records && dropped == 0) {
        bool exact = !world->plan.late_anyhow && !world->plan.tiny_cache && evicted == 0 &&
                     levels == 0 && !retimed;
        bool merged = world->exporting.destinations[JSON_DESTINATION].client_port_records != 0;
        *how = aggregated || merged ? "totals" : exact ? "exact" : "sums";
        if (aggregated || merged) {
            struct ledger_pair in = plain_list_sum(&expected), out = plain_list_sum(&got);
            if (in.packets != out.packets || in.octets != out.octets)
                sim_fail(world, "records and aggregates do not hold what was metered");
        } else if (!plain_list_equal(&expected, &got, exact ? PLAIN_EXACT : PLAIN_SUMS_BY_KEY,
                                     name)) {
            world->failed = true;
        }
    } else {
        *how = "counts";
        if (got.count != json->data_records)
            sim_fail(world, "lines in the json file differ from its account");
    }
    plain_list_free(&expected);
    plain_list_free(&got);
    sim_compare_others(world, name);
    return !world->failed;
}
